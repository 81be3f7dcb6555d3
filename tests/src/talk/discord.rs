//! People of a transcript on Discord: the fake, over real sockets, read as somebody would who looks at a channel.

use std::collections::VecDeque;
use std::time::Duration;

use rialto_fake_discord::{Discord, Id, Refused, Seen, Setup, State, Words};
use serde_json::json;
use tempfile::TempDir;
use toml::{Table, Value};

/// How long something that must come is waited for.
const PATIENCE: Duration = Duration::from_secs(10);

/// A guild “Venice” with two channels, and nobody in it but who comes.
pub struct Guild {
    discord: Discord,
    folder: TempDir,
}

/// Somebody who looks at a channel: what has changed there since he looked last.
#[derive(Default)]
pub struct Onlooker {
    channel: String,
    before: Vec<Seen>,
    news: VecDeque<String>,
}

impl Guild {
    /// Starts one with `#general` and `#random`.
    ///
    /// # Errors
    /// Where it does not start.
    pub async fn start() -> std::io::Result<Guild> {
        let guild = json!({"name": "Venice", "channels": ["general", "random"], "members": []});
        let discord = Discord::start(Setup::of(json!({"guild": guild}))).await?;
        discord.with(|state| {
            for guild in state.guilds.values_mut() {
                let owner = guild.owner;
                guild.members.remove(&owner);
            }
        });
        let folder = tempfile::tempdir()?;
        std::fs::write(folder.path().join("token"), discord.token())?;
        Ok(Guild { discord, folder })
    }

    /// What a bridge must know of it.
    pub fn settings(&self) -> Table {
        let token = self.folder.path().join("token").display().to_string();
        Table::from_iter([
            ("api_url".to_owned(), Value::from(self.discord.url())),
            ("token_file".to_owned(), Value::from(token)),
            ("backoff_min".to_owned(), Value::from(0.1)),
            ("backoff_max".to_owned(), Value::from(0.5)),
        ])
    }

    /// `is in general`: somebody joins the guild, and looks at that channel from now on.
    ///
    /// # Errors
    /// Where there is no such channel.
    pub fn comes(&self, who: &str, does: &str) -> Result<Onlooker, String> {
        let channel = does.strip_prefix("is in ").ok_or("somebody on Discord is in a channel")?.trim();
        self.discord.with(|state| {
            state.join("", &who.into())?;
            let before = state.channel_named(channel).map(|id| state.seen(id))?;
            Ok(Onlooker { channel: channel.to_owned(), before, news: VecDeque::new() })
        })
    }

    /// What happens to it: `cuts everybody`, `sees the bot`.
    ///
    /// # Errors
    /// Where it does not come true.
    pub async fn happens(&self, what: &str) -> Result<(), String> {
        match what {
            "cuts everybody" => {
                self.discord.with(State::cut_all);
                Ok(())
            }
            "sees the bot" => {
                let connected =
                    |state: &mut State| state.gateway.sessions.values().any(|it| it.out.is_some());
                match self.discord.wait_until(PATIENCE, connected).await {
                    true => Ok(()),
                    false => Err("the bot is not there".into()),
                }
            }
            _ => Err("Discord cuts everybody, or sees the bot".into()),
        }
    }

    /// `says WORDS`, `answers “WORDS”: WORDS`, `edits “WORDS”: WORDS`, `deletes “WORDS”`, `reacts EMOJI to “WORDS”`,
    /// `unreacts EMOJI to “WORDS”`. A message is meant by words in it; of several, the newest is.
    ///
    /// # Errors
    /// Where the words mean nothing, or Discord refuses.
    pub fn acts(&self, who: &str, looks: &Onlooker, line: &str) -> Result<(), String> {
        let (verb, rest) = line.split_once(' ').unwrap_or((line, ""));
        self.discord.with(|state| match verb {
            "says" => {
                let words = Words { content: rest.to_owned(), ..Words::default() };
                state.say(who, &looks.channel, words).map(drop)
            }
            "answers" => {
                let (to, words) = about(state, looks, rest)?;
                state.refer(who, &looks.channel, words, to, 0).map(drop)
            }
            "edits" => about(state, looks, rest).and_then(|(it, words)| state.edit(who, it, words)),
            "deletes" => about(state, looks, rest).and_then(|(it, _)| state.delete(who, it)),
            "reacts" | "unreacts" => {
                let (emoji, rest) = rest.split_once(" to ").ok_or("reacts with what to what?")?;
                let (it, _) = about(state, looks, rest)?;
                match verb {
                    "reacts" => state.react_as(who, it, emoji),
                    _ => state.unreact_as(who, it, emoji),
                }
            }
            _ => Err("this is nothing that somebody on Discord does".into()),
        })
    }

    /// The next that somebody sees of what the bridge does: `webhook NAME: WORDS`, `webhook edit: WORDS`,
    /// `deleted: WORDS`, `reactions to WORDS: EMOJI EMOJI`. `None` where nothing comes.
    pub async fn next(&self, looks: &mut Onlooker) -> Option<String> {
        let news = |state: &mut State| {
            let bot = state.bot.user.to_string();
            if let Ok(channel) = state.channel_named(&looks.channel) {
                looks.look(state.seen(channel), &bot);
            }
            !looks.news.is_empty()
        };
        self.discord.wait_until(PATIENCE, news).await;
        looks.news.pop_front()
    }

    /// Requests that Discord's description does not know, and answers.
    pub fn violations(&self) -> Vec<String> {
        self.discord.violations()
    }
}

/// The message that is meant by `“WORDS”`, and what stands behind it and a colon.
fn about<'a>(state: &State, looks: &Onlooker, text: &'a str) -> Result<(Id, &'a str), Refused> {
    let parts = text.strip_prefix('“').and_then(|rest| rest.split_once('”'));
    let (words, rest) = parts.ok_or("which message? Its words stand in “”")?;
    let all = state.seen(state.channel_named(&looks.channel)?);
    let meant = all.iter().rev().find(|seen| seen.content.contains(words));
    let meant = meant.ok_or_else(|| {
        let there: Vec<&str> = all.iter().map(|seen| seen.content.as_str()).collect();
        format!("nobody has said {words}; there is {there:?}")
    })?;
    Ok((meant.id, rest.strip_prefix(':').unwrap_or(rest).trim()))
}

impl Onlooker {
    /// What is different now. What people of the guild say themselves is no news.
    fn look(&mut self, now: Vec<Seen>, bot: &str) {
        for old in self.before.iter().filter(|old| !now.iter().any(|seen| seen.id == old.id)) {
            self.news.push_back(format!("deleted: {}", old.content));
        }
        for seen in &now {
            let old = self.before.iter().find(|old| old.id == seen.id);
            let ours = seen.webhook.is_some() || seen.author_id.to_string() == bot;
            let speaker = if seen.webhook.is_some() { "webhook" } else { "bot" };
            match old {
                None if ours => self.news.push_back(format!("{speaker} {}: {}", seen.author, seen.content)),
                Some(old) if ours && old.content != seen.content => {
                    self.news.push_back(format!("{speaker} edit: {}", seen.content));
                }
                _ => {}
            }
            let empty = Vec::new();
            let reactions = old.map_or(&empty, |old| &old.reactions);
            let bridged = |all: &[(String, Vec<String>)]| -> Vec<String> {
                let by_bot = all.iter().filter(|(_, users)| users.iter().any(|user| user == "bridge"));
                by_bot.map(|(emoji, _)| emoji.clone()).collect()
            };
            if bridged(reactions) != bridged(&seen.reactions) {
                let emoji = bridged(&seen.reactions).join(" ");
                self.news.push_back(format!("reactions to {}: {emoji}", seen.content).trim_end().to_owned());
            }
        }
        self.before = now;
    }
}
