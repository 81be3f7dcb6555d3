//! People of a transcript on other networks: a tiny IRC server of the bridges' own and a fake Discord, over real sockets.

use std::collections::BTreeMap;
use std::time::Duration;

use rialto_bridges::irc::fake::{Fake, Script};
use toml::{Table, Value};

use super::discord::{Guild, Onlooker};
use super::pattern::{self, Names};

/// How long silence is listened to.
const SILENCE: Duration = Duration::from_millis(100);

/// The networks, and who is on which.
#[derive(Default)]
pub struct Elsewhere {
    networks: BTreeMap<String, Network>,
    people: BTreeMap<String, Person>,
}

enum Network {
    Irc(Fake),
    Discord(Guild),
}

struct Person {
    network: String,
    /// On IRC; elsewhere the person's name.
    nick: String,
    /// What a person on Discord has seen.
    looks: Onlooker,
}

impl Elsewhere {
    /// Starts a network for each `[bridge.<name>]` of kind `irc` that names no server, and of kind `discord` that names no
    /// `api_url`, and says there where it is.
    ///
    /// # Errors
    /// Where it does not start.
    pub async fn open(settings: &mut Table) -> Result<Elsewhere, String> {
        let mut elsewhere = Elsewhere::default();
        let Some(Value::Table(bridges)) = settings.get_mut("bridge") else { return Ok(elsewhere) };
        for (name, bridge) in bridges.iter_mut() {
            let Value::Table(bridge) = bridge else { continue };
            let kind = bridge.get("kind").and_then(Value::as_str).unwrap_or_default();
            let told = |error: std::io::Error| error.to_string();
            let (network, more) = match kind {
                "irc" if !bridge.contains_key("server") => {
                    let fake = Fake::start(script(bridge)).await.map_err(told)?;
                    let settings = fake.settings();
                    (Network::Irc(fake), settings)
                }
                "discord" if !bridge.contains_key("api_url") => {
                    let guild = Guild::start().await.map_err(told)?;
                    let settings = guild.settings();
                    (Network::Discord(guild), settings)
                }
                _ => continue,
            };
            for (key, value) in more {
                bridge.entry(key).or_insert(value);
            }
            elsewhere.networks.insert(name.clone(), network);
        }
        Ok(elsewhere)
    }

    /// Whether this person is on another network.
    pub fn knows(&self, who: &str) -> bool {
        self.people.contains_key(who)
    }

    /// `joins #lounge`, `is in general`: somebody comes, with this name as his nick.
    ///
    /// # Errors
    /// Where there is no such network, or the words mean nothing.
    pub fn comes(&mut self, network: &str, who: &str, does: &str) -> Result<(), String> {
        let looks = match self.network(network)? {
            Network::Irc(fake) => {
                let channel = does.strip_prefix("joins ").ok_or("somebody on IRC joins a channel")?;
                fake.joins(who, channel.trim());
                Onlooker::default()
            }
            Network::Discord(guild) => guild.comes(who, does)?,
        };
        let person = Person { network: network.to_owned(), nick: who.to_owned(), looks };
        self.people.insert(who.to_owned(), person);
        Ok(())
    }

    /// What happens to a network: `cuts everybody`, `is down`, `is up`, `sees NICK in #CHANNEL`, `sends LINE`; on Discord
    /// `cuts everybody`, `sees the bot`.
    ///
    /// # Errors
    /// Where it does not come true.
    pub async fn happens(&self, network: &str, what: &str) -> Result<(), String> {
        let fake = match self.network(network)? {
            Network::Irc(fake) => fake,
            Network::Discord(guild) => return guild.happens(what).await,
        };
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

    /// A line as a client would send it; on Discord, what somebody does.
    ///
    /// # Errors
    /// Where the words mean nothing here.
    pub fn says(&mut self, who: &str, line: &str) -> Result<(), String> {
        let person = self.people.get_mut(who).ok_or("nobody of that name is elsewhere")?;
        match self.networks.get(&person.network).ok_or("the network is gone")? {
            Network::Irc(fake) => says_on_irc(fake, &mut person.nick, line),
            Network::Discord(guild) => guild.acts(who, &person.looks, line),
        }
    }

    /// The next line that somebody sees is this; with `skip`, the next such line.
    ///
    /// # Errors
    /// What came instead.
    pub async fn hears(
        &mut self,
        who: &str,
        wanted: &str,
        skip: bool,
        names: &mut Names,
    ) -> Result<String, String> {
        let mut others = String::new();
        while let Some(line) = self.next(who).await? {
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
    pub async fn hears_nothing(&mut self, who: &str) -> Result<(), String> {
        match tokio::time::timeout(SILENCE, self.next(who)).await {
            Ok(Ok(Some(line))) => Err(format!("this came: {line}")),
            Ok(Err(says)) => Err(says),
            _ => Ok(()),
        }
    }

    /// Nothing that a network was asked was against its description.
    ///
    /// # Errors
    /// What was.
    pub fn ends(&self) -> Result<(), String> {
        for (name, network) in &self.networks {
            if let Network::Discord(guild) = network
                && let wrong = guild.violations()
                && !wrong.is_empty()
            {
                return Err(format!("what {name} was asked is not as described: {wrong:#?}"));
            }
        }
        Ok(())
    }

    fn network(&self, name: &str) -> Result<&Network, String> {
        self.networks.get(name).ok_or_else(|| format!("there is no network {name}"))
    }

    async fn next(&mut self, who: &str) -> Result<Option<String>, String> {
        let person = self.people.get_mut(who).ok_or("nobody of that name is elsewhere")?;
        Ok(match self.networks.get(&person.network).ok_or("the network is gone")? {
            Network::Irc(fake) => fake.next_heard(&person.nick).await,
            Network::Discord(guild) => guild.next(&mut person.looks).await,
        })
    }
}

/// A server that knows no tags, unless the section says with `caps` what it offers; the bridge does not see that key.
fn script(bridge: &mut Table) -> Script {
    let mut script = Script::default();
    match bridge.remove("caps") {
        Some(Value::Array(caps)) => {
            script.caps = caps.iter().filter_map(Value::as_str).map(str::to_owned).collect();
        }
        _ => script.caps.retain(|cap| cap != "message-tags"),
    }
    script
}

fn says_on_irc(fake: &Fake, nick: &mut String, line: &str) -> Result<(), String> {
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
