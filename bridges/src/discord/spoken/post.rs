//! Saying something, once: an answer that was lost is looked for before anything is said again.

use super::compose::Piece;
use super::{Lane, names, told};
use crate::discord::snowflake::{Id, Place};
use crate::discord::transport::{Failure, Upload};
use crate::discord::wire;
use crate::model::{Author, Event, Message};
use crate::network::{NetworkError, RemoteId};
use serde_json::{Value, json};
use std::time::{Duration, SystemTime};

/// How long a message whose answer was lost is looked for.
const LOOK: [Duration; 3] = [Duration::from_millis(300), Duration::from_secs(1), Duration::from_secs(3)];

/// A message may seem to be made so much earlier than it was asked for: Discord tells its clock in seconds.
const SKEW: Duration = Duration::from_secs(2);

/// How long a message of several pieces may wait between two of them.
const PATIENCE: Duration = Duration::from_secs(60);

/// What one request says, beside the words.
struct Said<'a> {
    author: &'a Author,
    piece: Piece,
    /// Files, what is told of them, and the lines for those that cannot go along.
    files: (Vec<Upload>, Vec<Value>),
    /// The bot can answer natively.
    answers: Option<Place>,
    thread: Option<Id>,
    /// A new post of a forum: its title.
    title: Option<String>,
    began: SystemTime,
}

impl Lane {
    pub(super) async fn say(
        &mut self,
        event: &Event<RemoteId>,
        message: &Message<RemoteId>,
    ) -> Result<Vec<RemoteId>, NetworkError> {
        let mut all = self.prepare(event, message).await?;
        let mut names = Vec::new();
        let patience = tokio::time::Instant::now() + PATIENCE;
        for said in &mut all {
            // A forum's post that has just begun goes on.
            if said.thread.is_none() && said.title.is_some() {
                said.thread = self.thread(message.thread.as_ref());
            }
            let posted = loop {
                match self.post(said).await {
                    Err(NetworkError::Slow(wait))
                        if !names.is_empty() && tokio::time::Instant::now() + wait < patience =>
                    {
                        tokio::time::sleep(wait).await;
                    }
                    posted => break posted?,
                }
            };
            if said.title.is_some()
                && said.thread.is_none()
                && let Some(name) = &message.thread
            {
                self.begun(name.clone(), posted.channel);
            }
            names.push(self.claim(posted));
        }
        Ok(names)
    }

    /// Says a piece that had no room where it belongs.
    pub(super) async fn follow(
        &mut self,
        author: &Author,
        piece: Piece,
        after: Place,
    ) -> Result<RemoteId, NetworkError> {
        let thread = Some(after.channel).filter(|channel| *channel != self.room);
        let (files, began) = (Default::default(), SystemTime::now());
        let mut said = Said { author, piece, files, answers: None, thread, title: None, began };
        let posted = self.post(&mut said).await?;
        Ok(self.claim(posted))
    }

    async fn prepare<'a>(
        &mut self,
        event: &'a Event<RemoteId>,
        message: &Message<RemoteId>,
    ) -> Result<Vec<Said<'a>>, NetworkError> {
        let hooked = self.webhook().await.map_err(told)?.is_some();
        let answers = message.reply.as_ref().and_then(|reply| Place::read(&reply.to, self.room));
        // Who answers something in a thread speaks there.
        let answered = answers.map(|place| place.channel).filter(|channel| *channel != self.room);
        let thread = self.thread(message.thread.as_ref()).or_else(|| {
            let state = self.shared.state();
            answered.filter(|thread| state.guild.room_of(*thread) == Some(self.room))
        });
        let native = answers.filter(|place| !hooked && place.channel == thread.unwrap_or(self.room));
        let written = message.reply.as_ref().filter(|_| native.is_none());
        let (uploads, about, lines) = self.files(message).await;
        let mut pieces = self.pieces(message, written);
        if pieces.is_empty() && (!uploads.is_empty() || !lines.is_empty()) {
            pieces.push(Piece { content: String::new(), people: Vec::new() });
        }
        if let Some(last) = pieces.last_mut() {
            for line in lines {
                let space = if last.content.is_empty() { "" } else { "\n" };
                last.content.push_str(&format!("{space}{line}"));
            }
        }
        let title = (thread.is_none() && self.forum()).then(|| {
            let words = message.text.plain().lines().find(|line| !line.trim().is_empty());
            crate::degrade::shorten(words.unwrap_or(&event.author.nick).trim(), 90)
        });
        let count = pieces.len();
        let mut files = Some((uploads, about));
        let said = |(number, piece): (usize, Piece)| Said {
            author: &event.author,
            piece,
            files: if number + 1 == count { files.take().unwrap_or_default() } else { Default::default() },
            answers: native.filter(|_| number == 0),
            thread,
            title: title.clone(),
            began: SystemTime::now(),
        };
        Ok(pieces.into_iter().enumerate().map(said).collect())
    }

    async fn post(&mut self, said: &mut Said<'_>) -> Result<Place, NetworkError> {
        let mut name = names::username(&said.author.nick);
        said.began = SystemTime::now();
        for attempt in 0..4 {
            let failure = match self.request(said, &name).await {
                Ok(message) => return Ok(self.placed(&message, said)),
                Err(failure) => failure,
            };
            match &failure {
                Failure::Lost(_) => {
                    return match self.look(said, &name).await {
                        Some(place) => Ok(place),
                        None => Err(told(failure)),
                    };
                }
                // Made anew once; where that does not help, the bot speaks.
                _ if self.is_gone(&failure) && attempt < 2 => {}
                _ if self.awake(said.thread, &failure).await => {}
                Failure::Refused { code: 50035, text, .. }
                    if text.to_lowercase().contains("username") && attempt == 0 =>
                {
                    name = names::safe(&said.author.nick);
                }
                Failure::Refused { status: 413, .. } | Failure::Refused { code: 40005, .. }
                    if !said.files.0.is_empty() =>
                {
                    return Err(NetworkError::TooLarge);
                }
                _ => return Err(told(failure)),
            }
        }
        Err(NetworkError::Forbidden("the webhook is deleted again and again".into()))
    }

    async fn request(&mut self, said: &Said<'_>, name: &str) -> Result<wire::Message, Failure> {
        let mut body = said.piece.body();
        if !said.files.1.is_empty() {
            body["attachments"] = said.files.1.clone().into();
        }
        if let Some(hook) = self.webhook().await? {
            body["username"] = name.into();
            if let Some(avatar) = self.avatar(said.author) {
                body["avatar_url"] = avatar.into();
            }
            if let (Some(title), None) = (&said.title, said.thread) {
                body["thread_name"] = title.as_str().into();
            }
            return self.shared.rest.execute(&hook, said.thread, &body, &said.files.0).await;
        }
        body["content"] = as_bot(name, &said.piece.content).into();
        if let Some(to) = said.answers {
            body["message_reference"] = json!({ "message_id": to.message, "fail_if_not_exists": false });
        }
        self.shared.rest.say(said.thread.unwrap_or(self.room), &body, &said.files.0).await
    }

    fn placed(&self, message: &wire::Message, said: &Said<'_>) -> Place {
        let channel = Some(message.channel_id).filter(|channel| *channel != Id(0));
        Place { channel: channel.or(said.thread).unwrap_or(self.room), message: message.id }
    }

    /// Looks for a message whose answer was lost, for some seconds.
    async fn look(&mut self, said: &Said<'_>, name: &str) -> Option<Place> {
        for wait in LOOK {
            tokio::time::sleep(wait).await;
            let found = self.recent(said.thread, said.began).await.ok()?;
            let wanted = (name, said.piece.content.as_str(), said.files.0.len());
            if let Some(message) = found.iter().find(|message| self.is_it(message, wanted)) {
                return Some(Place { channel: message.channel_id, message: message.id });
            }
        }
        None
    }

    /// Our own messages of a channel since then that nobody has claimed, oldest first.
    async fn recent(&self, thread: Option<Id>, since: SystemTime) -> Result<Vec<wire::Message>, Failure> {
        let channel = thread.unwrap_or(self.room);
        let since = self.shared.rest.there(since);
        let after = Id::at(since.checked_sub(SKEW).unwrap_or(since));
        let mut recent = self.shared.rest.messages(channel, Some(after), 100).await?;
        recent.retain(|message| !self.claimed.contains(&message.id));
        recent.sort_by_key(|message| message.id);
        for message in &mut recent {
            message.channel_id = channel;
        }
        Ok(recent)
    }

    fn is_it(&self, message: &wire::Message, (name, content, files): (&str, &str, usize)) -> bool {
        let state = self.shared.state();
        let author = message.author.as_ref();
        let hooked = message.webhook_id.is_some_and(|hook| state.hooks.contains(&hook));
        let there = message.content.as_deref().unwrap_or_default().trim();
        let by_name = hooked && author.is_some_and(|author| author.username.trim() == name.trim());
        let by_bot = author.is_some_and(|author| author.id == state.guild.me);
        let words = (by_name && there == content.trim()) || (by_bot && there == as_bot(name, content).trim());
        words && message.attachments.len() == files
    }

    /// Looks whether an event was done since then.
    pub(super) async fn find(
        &mut self,
        event: &Event<RemoteId>,
        since: SystemTime,
    ) -> Result<Vec<RemoteId>, NetworkError> {
        // All else can be done twice without harm.
        let crate::model::Act::Say(message) = &event.act else { return Ok(Vec::new()) };
        let all = self.prepare(event, message).await?;
        let thread = all.first().and_then(|said| said.thread);
        let mut recent = self.recent(thread, since).await.map_err(told)?;
        let names = [names::username(&event.author.nick), names::safe(&event.author.nick)];
        let mut found = Vec::new();
        for said in &all {
            let wanted = (said.piece.content.as_str(), said.files.0.len());
            let at = recent.iter().position(|there| {
                names.iter().any(|name| self.is_it(there, (name.as_str(), wanted.0, wanted.1)))
            });
            let Some(at) = at else { return Ok(Vec::new()) };
            let there = recent.remove(at);
            found.push(Place { channel: there.channel_id, message: there.id });
        }
        Ok(found.into_iter().map(|place| self.claim(place)).collect())
    }

    /// The picture of somebody: an address that Discord can fetch.
    fn avatar(&self, author: &Author) -> Option<String> {
        let told = author.avatar.as_deref()?;
        let whole = match told.starts_with("https://") || told.starts_with("http://") {
            true => told.to_owned(),
            false => {
                let base = self.shared.settings.avatar_base.as_deref()?;
                format!("{}/{}", base.trim_end_matches('/'), told.trim_start_matches('/'))
            }
        };
        (whole.len() <= 2_048 && !whole.contains(char::is_whitespace)).then_some(whole)
    }
}

/// What the bot says in somebody's name.
pub(super) fn as_bot(name: &str, content: &str) -> String {
    let name = crate::discord::markdown::write(&crate::model::Text::new(name), &|_| None).0;
    let mut whole = format!("**{name}**: {content}");
    if whole.chars().count() > 2_000 {
        whole = whole.chars().take(1_999).chain(['…']).collect();
    }
    whole
}
