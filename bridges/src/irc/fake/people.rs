//! People and channels of the tiny server: what they do, and who sees it.

use super::Script;
use super::rich::Said;
use crate::irc::isupport::Isupport;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use tokio::sync::mpsc;

/// What a person sees at most before a test looks.
const MEMORY: usize = 2000;

/// All that the server knows.
pub struct State {
    pub script: Script,
    pub received: Vec<String>,
    pub people: BTreeMap<String, Person>,
    pub history: BTreeMap<String, Vec<Said>>,
    channels: BTreeMap<String, Channel>,
    pub messages: u64,
}

/// Somebody: played by a test, or a client.
#[derive(Default)]
pub struct Person {
    pub nick: String,
    pub user: String,
    pub host: String,
    pub away: Option<String>,
    pub account: Option<String>,
    pub caps: BTreeSet<String>,
    pub client: Option<mpsc::Sender<String>>,
    /// Lines that wait to be sent under one label.
    pub held: Option<Vec<String>>,
    heard: VecDeque<String>,
}

#[derive(Default)]
struct Channel {
    name: String,
    topic: Option<(String, String)>,
    flags: BTreeSet<char>,
    key: Option<String>,
    bans: Vec<String>,
    /// Nicks with their ranks' modes.
    members: BTreeMap<String, String>,
}

impl State {
    pub fn new(script: Script) -> Self {
        let (people, channels, history) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
        State { script, received: Vec::new(), people, history, channels, messages: 0 }
    }

    pub fn isupport(&self) -> Isupport {
        let mut isupport = Isupport::default();
        isupport.learn(&self.script.isupport.split(' ').map(String::from).collect::<Vec<_>>());
        isupport
    }

    pub fn fold(&self, name: &str) -> String {
        self.isupport().casemapping.fold(name)
    }

    /// A client becomes a person.
    pub fn welcome(&mut self, person: Person) {
        self.people.insert(self.fold(&person.nick), person);
    }

    pub fn person(&mut self, nick: &str) -> &mut Person {
        let key = self.fold(nick);
        self.people.entry(key).or_insert_with(|| Person {
            nick: nick.into(),
            user: format!("~{}", nick.to_ascii_lowercase()),
            host: "far.example".into(),
            ..Person::default()
        })
    }

    pub fn exists(&self, nick: &str) -> bool {
        let key = self.fold(nick);
        self.people.contains_key(&key) || self.script.taken.iter().any(|taken| self.fold(taken) == key)
    }

    /// Why this person may not enter: the numeric and its words.
    pub fn bars(&self, nick: &str, channel: &str, key: &str) -> Option<(&'static str, &'static str)> {
        let channel = self.channels.get(&self.fold(channel))?;
        if channel.bans.contains(&self.fold(nick)) {
            return Some(("474", "Cannot join channel (+b)"));
        }
        if channel.flags.contains(&'i') {
            return Some(("473", "Cannot join channel (+i)"));
        }
        (channel.key.as_deref().is_some_and(|is| is != key)).then_some(("475", "Cannot join channel (+k)"))
    }

    pub fn join(&mut self, nick: &str, channel: &str) {
        let folded = self.fold(channel);
        let (nick, account) = {
            let person = self.person(nick);
            (person.nick.clone(), person.account.clone().unwrap_or_else(|| "*".into()))
        };
        let key = self.fold(&nick);
        let channel = self.channels.entry(folded).or_insert_with(|| Channel {
            name: channel.into(),
            flags: ['n', 't'].into(),
            ..Channel::default()
        });
        if channel.members.insert(key, String::new()).is_some() {
            return;
        }
        let name = channel.name.clone();
        for to in self.members(&name) {
            let extended = self.people.get(&to).is_some_and(|p| p.caps.contains("extended-join"));
            let line =
                if extended { format!("JOIN {name} {account} :Real Name") } else { format!("JOIN {name}") };
            self.show(&to, &nick, &line);
        }
    }

    pub fn part(&mut self, nick: &str, channel: &str, reason: &str) {
        if self.is_in(nick, channel) {
            self.relay(channel, nick, &format!("PART {channel} :{reason}"), true);
            self.remove(nick, channel);
        }
    }

    pub fn kick(&mut self, nick: &str, channel: &str, whom: &str, reason: &str) {
        if self.is_in(whom, channel) {
            self.relay(channel, nick, &format!("KICK {channel} {whom} :{reason}"), true);
            self.remove(whom, channel);
        }
    }

    pub fn quit(&mut self, nick: &str, reason: &str) {
        let key = self.fold(nick);
        for to in self.neighbours(&key) {
            self.show(&to, nick, &format!("QUIT :{reason}"));
        }
        self.people.remove(&key);
        self.channels.values_mut().for_each(|channel| drop(channel.members.remove(&key)));
    }

    pub fn rename(&mut self, nick: &str, now: &str) {
        let (old, new) = (self.fold(nick), self.fold(now));
        for to in self.neighbours(&old).into_iter().chain([old.clone()]) {
            self.show(&to, nick, &format!("NICK :{now}"));
        }
        if let Some(mut person) = self.people.remove(&old) {
            person.nick = now.into();
            self.people.insert(new.clone(), person);
        }
        for channel in self.channels.values_mut() {
            if let Some(ranks) = channel.members.remove(&old) {
                channel.members.insert(new.clone(), ranks);
            }
        }
    }

    pub fn say(&mut self, verb: &str, nick: &str, to: &str, words: &str) {
        self.utter(verb, nick, to, vec![(false, words.to_owned())], Vec::new());
    }

    pub fn topic(&mut self, nick: &str, channel: &str, topic: &str) {
        let folded = self.fold(channel);
        if let Some(channel) = self.channels.get_mut(&folded) {
            channel.topic = Some((topic.into(), nick.into())).filter(|_| !topic.is_empty());
        }
        self.relay(channel, nick, &format!("TOPIC {channel} :{topic}"), true);
    }

    pub fn mode(&mut self, nick: &str, channel: &str, modes: &str) {
        let mut words = modes.split(' ').map(String::from);
        let (flags, args) = (words.next().unwrap_or_default(), words.collect::<Vec<_>>());
        let isupport = self.isupport();
        let folded = self.fold(channel);
        let Some(known) = self.channels.get_mut(&folded) else { return };
        for (on, mode, arg) in isupport.changes(&flags, &args) {
            let arg = arg.map(str::to_owned);
            match mode {
                rank if isupport.is_rank(rank) => {
                    let who = isupport.casemapping.fold(&arg.unwrap_or_default());
                    if let Some(ranks) = known.members.get_mut(&who) {
                        ranks.retain(|have| have != rank);
                        ranks.extend(on.then_some(rank));
                    }
                }
                'k' => known.key = arg.filter(|_| on),
                'b' if on => known.bans.extend(arg.map(|nick| isupport.casemapping.fold(&nick))),
                'b' => known.bans.clear(),
                flag if on => drop(known.flags.insert(flag)),
                flag => drop(known.flags.remove(&flag)),
            }
        }
        self.relay(channel, nick, &format!("MODE {channel} {modes}"), true);
    }

    pub fn away(&mut self, nick: &str, reason: Option<&str>) {
        let key = self.fold(nick);
        self.person(nick).away = reason.map(Into::into);
        let line = reason.map_or("AWAY".into(), |reason| format!("AWAY :{reason}"));
        for to in self.neighbours(&key) {
            if self.people.get(&to).is_some_and(|person| person.caps.contains("away-notify")) {
                self.show(&to, nick, &line);
            }
        }
    }

    pub fn tell_clients(&mut self, line: &str) {
        for client in self.people.values().filter_map(|person| person.client.as_ref()) {
            // A client that does not read any more has gone.
            let _ = client.try_send(format!("{line}\r\n"));
        }
    }

    /// All clients go, without a word.
    pub fn cut(&mut self) {
        let clients = self.people.iter().filter(|(_, person)| person.client.is_some());
        for key in clients.map(|(key, _)| key.clone()).collect::<Vec<_>>() {
            self.people.remove(&key);
            self.channels.values_mut().for_each(|channel| drop(channel.members.remove(&key)));
        }
    }

    /// May this person speak there?
    pub fn may_speak(&self, nick: &str, channel: &str) -> bool {
        let (nick, channel) = (self.fold(nick), self.channels.get(&self.fold(channel)));
        channel.is_none_or(|channel| match channel.members.get(&nick) {
            Some(ranks) => !channel.flags.contains(&'m') || !ranks.is_empty(),
            None => !channel.flags.contains(&'n'),
        })
    }

    pub fn may_set_topic(&self, nick: &str, channel: &str) -> bool {
        let (nick, channel) = (self.fold(nick), self.channels.get(&self.fold(channel)));
        let may = |channel: &Channel, ranks: &String| {
            !channel.flags.contains(&'t') || ranks.contains(['o', 'h', 'a', 'q'])
        };
        channel.is_some_and(|channel| channel.members.get(&nick).is_some_and(|ranks| may(channel, ranks)))
    }

    pub fn is_in(&self, nick: &str, channel: &str) -> bool {
        let (nick, channel) = (self.fold(nick), self.channels.get(&self.fold(channel)));
        channel.is_some_and(|channel| channel.members.contains_key(&nick))
    }

    pub fn topic_of(&self, channel: &str) -> Option<(String, String)> {
        self.channels.get(&self.fold(channel)).and_then(|channel| channel.topic.clone())
    }

    pub fn flags_of(&self, channel: &str) -> String {
        self.channels
            .get(&self.fold(channel))
            .map(|channel| channel.flags.iter().collect())
            .unwrap_or_default()
    }

    pub fn names(&self, channel: &str) -> Vec<String> {
        let isupport = self.isupport();
        let Some(channel) = self.channels.get(&self.fold(channel)) else { return Vec::new() };
        let shown = |ranks: &str| -> String {
            isupport
                .prefix
                .iter()
                .filter(|(mode, _)| ranks.contains(*mode))
                .map(|(_, shown)| *shown)
                .collect()
        };
        let nick = |key: &String| self.people.get(key).map_or(key.clone(), |person| person.nick.clone());
        channel.members.iter().map(|(key, ranks)| shown(ranks) + &nick(key)).collect()
    }

    pub fn members(&self, channel: &str) -> Vec<String> {
        let channel = self.channels.get(&self.fold(channel));
        channel.map(|channel| channel.members.keys().cloned().collect()).unwrap_or_default()
    }

    pub fn take_heard(&mut self, nick: &str) -> Vec<String> {
        self.person(nick).heard.drain(..).collect()
    }

    pub fn next_heard(&mut self, nick: &str) -> Option<String> {
        self.person(nick).heard.pop_front()
    }

    fn remove(&mut self, nick: &str, channel: &str) {
        let (nick, channel) = (self.fold(nick), self.fold(channel));
        if let Some(channel) = self.channels.get_mut(&channel) {
            channel.members.remove(&nick);
        }
    }

    /// Everybody who shares a channel with this person.
    fn neighbours(&self, key: &str) -> BTreeSet<String> {
        let shared = self.channels.values().filter(|channel| channel.members.contains_key(key));
        shared.flat_map(|channel| channel.members.keys().cloned()).filter(|other| other != key).collect()
    }

    /// Shows a line to all in a channel; to who does it as well, where servers do so.
    fn relay(&mut self, channel: &str, nick: &str, line: &str, also_self: bool) {
        let from = self.fold(nick);
        for to in self.members(channel) {
            if also_self || to != from {
                self.show(&to, nick, line);
            }
        }
    }

    fn show(&mut self, to: &str, nick: &str, line: &str) {
        let from = self.person(nick);
        let (source, account) = (from.source(), from.account.clone());
        let short = format!(":{} {line}", from.nick);
        let Some(person) = self.people.get_mut(to) else { return };
        if person.client.is_none() {
            return person.remember(short);
        }
        let tag = account.filter(|_| person.caps.contains("account-tag"));
        let tag = tag.map(|account| format!("@account={account} ")).unwrap_or_default();
        person.tell(&format!("{tag}:{source} {line}\r\n"));
    }

    pub fn is_channel(&self, name: &str) -> bool {
        self.channels.contains_key(&self.fold(name))
    }

    /// May this person kick there, and set modes?
    pub fn commands(&self, nick: &str, channel: &str) -> bool {
        let channel = self.channels.get(&self.fold(channel));
        channel
            .and_then(|c| c.members.get(&self.fold(nick)))
            .is_some_and(|r| r.contains(['o', 'h', 'a', 'q']))
    }

    /// The rows of LIST.
    pub fn listed(&self) -> Vec<String> {
        let public = self.channels.values().filter(|channel| !channel.flags.contains(&'s'));
        public
            .map(|c| {
                let topic = c.topic.as_ref().map(|(topic, _)| topic.as_str()).unwrap_or_default();
                format!("{} {} :[+nt] {topic}", c.name, c.members.len())
            })
            .collect()
    }
}

impl Person {
    /// Sees this, for a test to look at.
    pub fn remember(&mut self, line: String) {
        if self.heard.len() < MEMORY {
            self.heard.push_back(line);
        }
    }

    /// Keeps a line that is to be sent under a label; `false` where lines go at once.
    pub fn hold_back(&mut self, line: &str) -> bool {
        self.held.as_mut().map(|held| held.push(line.into())).is_some()
    }

    /// A line for this client.
    pub fn tell(&mut self, line: &str) {
        if self.client.is_none() {
            return self.remember(line.trim_end().into());
        }
        if !self.hold_back(line) {
            // A client that does not read any more has gone.
            let _ = self.client.as_ref().map(|client| client.try_send(line.into()));
        }
    }
}
