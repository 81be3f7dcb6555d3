//! What a far message with files is here: words, and a message for each file, each with a name of its own. What is done to
//! it there is done to all of them.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::SystemTime;

use rialto_bridges::{Act, Author, Event, Incoming, Message, RemoteId, Text};
use rialto_store::ids::Ids;
use rialto_store::rehosted;

use super::Files;
use super::fetch::source;
use crate::muc::links::attached::Attached;
use crate::muc::links::mark::Brought;
use crate::muc::links::news::News;

/// Messages whose parts are known before the store knows them.
const RECENT: usize = 64;

/// Parts of one message.
const PARTS: usize = 32;

/// The name of a part, the first being 1: what the far side calls the message, and for all others a number after it.
pub(in crate::muc::links) fn part(theirs: &RemoteId, number: usize) -> RemoteId {
    match number {
        1 => theirs.clone(),
        number => format!("{theirs}\n{number}").into(),
    }
}

/// What the far side calls the message of this part: a name there has no line breaks.
pub(in crate::muc::links) fn whole(theirs: &str) -> &str {
    theirs.split('\n').next().unwrap_or(theirs)
}

/// Carries the news of one link into its room.
pub(in crate::muc::links) struct Carrier {
    link: Arc<Attached>,
    ids: Arc<Ids>,
    files: Option<Arc<Files>>,
    recent: VecDeque<Shown>,
}

/// How a far message is shown here.
#[derive(Clone, Debug)]
struct Shown {
    theirs: RemoteId,
    parts: Vec<Part>,
}

#[derive(Clone, Debug, PartialEq)]
enum Part {
    Words,
    /// Where the file lay.
    File(String),
    Gone,
}

impl Carrier {
    pub fn new(link: &Arc<Attached>, ids: &Arc<Ids>, files: Option<Arc<Files>>) -> Carrier {
        Carrier { link: link.clone(), ids: ids.clone(), files, recent: VecDeque::new() }
    }

    /// Whether this has files that must be fetched first.
    pub fn waits(link: &Attached, brought: &Brought) -> bool {
        let Brought::News(Incoming::Did { event, .. }) = brought else { return false };
        let files = match &event.act {
            Act::Say(said) | Act::Edit { now: said, .. } => !said.attachments.is_empty(),
            _ => false,
        };
        files && rehosts(link)
    }

    /// The same for all parts of the message that it is about.
    pub fn spread(&mut self, what: Incoming) -> Vec<Incoming> {
        match what {
            Incoming::Did { id, event: Event { author, at, act } } => match act {
                Act::Retract { of } => {
                    let all = self.names(&of).into_iter();
                    all.map(|of| did(None, &author, at, Act::Retract { of })).collect()
                }
                Act::Edit { of, now } if rehosts(&self.link) => self.edit(id, (author, at), of, now),
                act => {
                    if let (Act::Say(said), Some(theirs)) = (&act, &id) {
                        self.note(theirs, said);
                    }
                    vec![Incoming::Did { id, event: Event { author, at, act } }]
                }
            },
            Incoming::Erased { of, by, reason } => {
                let of = of.iter().flat_map(|of| self.names(of)).collect();
                vec![Incoming::Erased { of, by, reason }]
            }
            what => vec![what],
        }
    }

    /// The files in it are ours from now on, or words.
    pub async fn carry(&self, all: Vec<News>) -> Vec<News> {
        if !rehosts(&self.link) {
            return all;
        }
        futures_util::future::join_all(all.into_iter().map(|news| self.bring(news))).await
    }

    async fn bring(&self, news: News) -> News {
        let News::Did(mut deed) = news else { return news };
        let (Act::Say(said) | Act::Edit { now: said, .. }) = &mut deed.act else { return News::Did(deed) };
        let Some(file) = said.attachments.pop() else { return News::Did(deed) };
        said.attachments.clear();
        let brought = match &self.files {
            Some(files) => files.bring(&self.link.over, &file).await,
            None => {
                said.text = Text::new("[a file is not shown here: this server keeps no files]");
                return News::Did(deed);
            }
        };
        match brought {
            Ok((file, held)) => {
                said.attachments.push(file);
                deed.file = Some(held);
            }
            Err((words, held)) => {
                said.text = Text::new(words);
                deed.file = Some(held);
            }
        }
        News::Did(deed)
    }

    /// Remembers of what parts a message is made.
    fn note(&mut self, theirs: &RemoteId, said: &Message<RemoteId>) {
        if said.attachments.is_empty() || self.recent.iter().any(|shown| shown.theirs == *theirs) {
            return;
        }
        let words = (!said.text.is_empty()).then_some(Part::Words);
        let files = said.attachments.iter().map(|file| Part::File(source(&file.url).to_owned()));
        self.remember(Shown { theirs: theirs.clone(), parts: words.into_iter().chain(files).collect() });
    }

    fn remember(&mut self, shown: Shown) {
        self.recent.retain(|other| other.theirs != shown.theirs);
        self.recent.push_back(shown);
        if self.recent.len() > RECENT {
            self.recent.pop_front();
        }
    }

    /// The names of all parts of a message; of one that nobody knows, its own.
    fn names(&self, theirs: &RemoteId) -> Vec<RemoteId> {
        let count = self.shown(theirs).parts.len().max(1);
        (1..=count).map(|number| part(theirs, number)).collect()
    }

    fn shown(&self, theirs: &RemoteId) -> Shown {
        if let Some(shown) = self.recent.iter().find(|shown| shown.theirs == *theirs) {
            return shown.clone();
        }
        let (key, mut parts) = (self.link.linked.key(), Vec::new());
        for number in 1..=PARTS {
            let ours = self.ids.ours(&key, part(theirs, number).as_str());
            let Ok(Some(ours)) = ours else { break };
            let row = self.files.as_ref().and_then(|files| {
                rehosted::file(&files.store, self.link.room.as_str(), &ours).ok().flatten()
            });
            parts.push(match row {
                Some(row) => Part::File(row.source),
                None if number == 1 => Part::Words,
                None => Part::Gone,
            });
        }
        Shown { theirs: theirs.clone(), parts }
    }

    /// Files that are not in it any more go, new ones come, and the words are changed where they are.
    fn edit(
        &mut self,
        id: Option<RemoteId>,
        (author, at): (Author, SystemTime),
        of: RemoteId,
        now: Message<RemoteId>,
    ) -> Vec<Incoming> {
        let mut shown = self.shown(&of);
        let is_file = |part: &Part| matches!(part, Part::File(_));
        if !shown.parts.iter().any(is_file) && (now.attachments.is_empty() || shown.parts.is_empty()) {
            // Of a message that nobody knows, the words alone are worth anything.
            let now = Message { attachments: Vec::new(), ..now };
            return vec![did(id, &author, at, Act::Edit { of, now })];
        }
        let mut acts = Vec::new();
        let wanted: Vec<&str> = now.attachments.iter().map(|file| source(&file.url)).collect();
        let is_gone = |part: &Part| matches!(part, Part::File(from) if !wanted.contains(&&**from));
        let words = Message { attachments: Vec::new(), ..now.clone() };
        let place = shown.parts.iter().position(|part| *part == Part::Words);
        let place = place.or_else(|| shown.parts.first().filter(|part| is_gone(part)).map(|_| 0));
        match (place, words.text.is_empty()) {
            (Some(at), false) => {
                acts.push((None, Act::Edit { of: part(&of, at + 1), now: words }));
                shown.parts[at] = Part::Words; // holds: a position in it
            }
            (None, false) => {
                shown.parts.push(Part::Words);
                acts.push((Some(part(&of, shown.parts.len())), Act::Say(words)));
            }
            (Some(at), true) if shown.parts.get(at) == Some(&Part::Words) => {
                acts.push((None, Act::Retract { of: part(&of, at + 1) }));
                shown.parts[at] = Part::Gone; // holds: a position in it
            }
            (_, true) => {}
        }
        for (at, one) in shown.parts.iter_mut().enumerate().filter(|(_, one)| is_gone(one)) {
            acts.push((None, Act::Retract { of: part(&of, at + 1) }));
            *one = Part::Gone;
        }
        for file in now.attachments.iter() {
            let from = Part::File(source(&file.url).to_owned());
            if shown.parts.contains(&from) || shown.parts.len() >= PARTS {
                continue;
            }
            shown.parts.push(from);
            let said = Message { attachments: vec![file.clone()], ..Message::text("") };
            acts.push((Some(part(&of, shown.parts.len())), Act::Say(said)));
        }
        self.remember(shown);
        acts.into_iter().map(|(id, act)| did(id, &author, at, act)).collect()
    }
}

fn did(id: Option<RemoteId>, author: &Author, at: SystemTime, act: Act<RemoteId>) -> Incoming {
    Incoming::Did { id, event: Event { author: author.clone(), at, act } }
}

fn rehosts(link: &Attached) -> bool {
    link.over.network.capabilities(&link.linked.far).rehost
}
