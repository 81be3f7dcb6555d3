//! People of a transcript on other networks: a tiny IRC server of the bridges' own, over real sockets.

use std::collections::BTreeMap;
use std::time::Duration;

use rialto_bridges::irc::fake::{Fake, Script};
use toml::{Table, Value};

use super::pattern::{self, Names};

/// How long silence is listened to.
const SILENCE: Duration = Duration::from_millis(100);

/// The networks, and who is on which.
#[derive(Default)]
pub struct Elsewhere {
    networks: BTreeMap<String, Fake>,
    people: BTreeMap<String, (String, String)>, // network, nick
}

impl Elsewhere {
    /// Starts a network for each `[bridge.<name>]` of kind `irc` that names no server, and says there where it is.
    ///
    /// # Errors
    /// Where it does not start.
    pub async fn open(settings: &mut Table) -> Result<Elsewhere, String> {
        let mut elsewhere = Elsewhere::default();
        let Some(Value::Table(bridges)) = settings.get_mut("bridge") else { return Ok(elsewhere) };
        for (name, bridge) in bridges.iter_mut() {
            let Value::Table(bridge) = bridge else { continue };
            if bridge.get("kind").and_then(Value::as_str) != Some("irc") || bridge.contains_key("server") {
                continue;
            }
            let fake = Fake::start(Script::default()).await.map_err(|error| error.to_string())?;
            for (key, value) in fake.settings() {
                bridge.entry(key).or_insert(value);
            }
            elsewhere.networks.insert(name.clone(), fake);
        }
        Ok(elsewhere)
    }

    /// Whether this person is on another network.
    pub fn knows(&self, who: &str) -> bool {
        self.people.contains_key(who)
    }

    /// `joins #lounge`: somebody comes, with this name as his nick.
    ///
    /// # Errors
    /// Where there is no such network, or the words mean nothing.
    pub fn comes(&mut self, network: &str, who: &str, does: &str) -> Result<(), String> {
        let fake = self.networks.get(network).ok_or_else(|| format!("there is no network {network}"))?;
        let channel = does.strip_prefix("joins ").ok_or("somebody elsewhere joins a channel")?;
        fake.joins(who, channel.trim());
        self.people.insert(who.to_owned(), (network.to_owned(), who.to_owned()));
        Ok(())
    }

    /// What happens to a network: `cuts everybody`, `is down`, `is up`, `sees NICK in #CHANNEL`, `sends LINE`.
    ///
    /// # Errors
    /// Where it does not come true.
    pub async fn happens(&self, network: &str, what: &str) -> Result<(), String> {
        let fake = self.networks.get(network).ok_or_else(|| format!("there is no network {network}"))?;
        if what == "cuts everybody" {
            fake.cut();
            return Ok(());
        }
        if what == "is down" || what == "is up" {
            fake.script(|script| script.down = what == "is down");
            fake.cut();
            return Ok(());
        }
        if let Some(line) = what.strip_prefix("sends ") {
            fake.raw(line);
            return Ok(());
        }
        let (nick, channel) = what
            .strip_prefix("sees ")
            .and_then(|rest| rest.split_once(" in "))
            .ok_or("a network cuts everybody, is down, is up, sees NICK in #CHANNEL, or sends LINE")?;
        match fake.sees(nick, channel).await {
            true => Ok(()),
            false => Err(format!("{nick} is not in {channel}; there are {:?}", fake.names(channel))),
        }
    }

    /// A line as a client would send it.
    ///
    /// # Errors
    /// Where the words mean nothing here.
    pub fn says(&mut self, who: &str, line: &str) -> Result<(), String> {
        let (network, nick) = self.people.get_mut(who).ok_or("nobody of that name is elsewhere")?;
        let fake = self.networks.get(network).ok_or("the network is gone")?;
        let (words, trailing) = match line.split_once(" :") {
            Some((words, trailing)) => (words, Some(trailing)),
            None => (line.strip_suffix(" :").unwrap_or(line), None),
        };
        let words: Vec<&str> = words.split_whitespace().collect();
        let text = trailing.unwrap_or_default();
        match words.as_slice() {
            ["PRIVMSG", to] => fake.says(nick, to, text),
            ["NOTICE", to] => fake.notices(nick, to, text),
            ["JOIN", channel] => fake.joins(nick, channel),
            ["PART", channel] => fake.parts(nick, channel, text),
            ["QUIT"] => fake.quits(nick, text),
            ["KICK", channel, whom] => fake.kicks(nick, channel, whom, text),
            ["TOPIC", channel] => fake.topic(nick, channel, text),
            ["AWAY"] => fake.away(nick, trailing),
            ["MODE", channel, modes @ ..] => fake.mode(nick, channel, &modes.join(" ")),
            ["NICK", now] => {
                fake.renames(nick, now);
                *nick = (*now).to_owned();
            }
            _ => return Err("this is nothing that somebody on IRC says".into()),
        }
        Ok(())
    }

    /// The next line that somebody sees is this; with `skip`, the next such line.
    ///
    /// # Errors
    /// What came instead.
    pub async fn hears(
        &self,
        who: &str,
        wanted: &str,
        skip: bool,
        names: &mut Names,
    ) -> Result<String, String> {
        let (network, nick) = self.people.get(who).ok_or("nobody of that name is elsewhere")?;
        let fake = self.networks.get(network).ok_or("the network is gone")?;
        let mut others = String::new();
        while let Some(line) = fake.next_heard(nick).await {
            if pattern::text(wanted, &line, names) {
                return Ok(line);
            }
            others = format!("{others}\n      {line}");
            if !skip {
                return Err(format!("this came instead: {line}"));
            }
        }
        Err(format!("nothing came, but: {others}"))
    }

    /// Nothing waits and nothing comes for a while.
    ///
    /// # Errors
    /// What came.
    pub async fn hears_nothing(&self, who: &str) -> Result<(), String> {
        let (network, nick) = self.people.get(who).ok_or("nobody of that name is elsewhere")?;
        let fake = self.networks.get(network).ok_or("the network is gone")?;
        match tokio::time::timeout(SILENCE, fake.next_heard(nick)).await {
            Ok(Some(line)) => Err(format!("this came: {line}")),
            _ => Ok(()),
        }
    }
}
