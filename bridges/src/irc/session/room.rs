//! What we know of one channel, and of who is in it.

use super::history::CatchingUp;
use super::memory::Memory;
use crate::irc::isupport::Isupport;
use crate::model::{Author, harmless_line};
use crate::network::{About, Member, NetworkError, RemoteId, Role};
use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, SystemTime};
use tokio::sync::oneshot;
use tokio::time::Instant;

/// Who asked to be told how joining went.
pub type Waiter = oneshot::Sender<Result<(), NetworkError>>;

/// A channel that is wanted. What it holds survives a lost link, so that nobody leaves when it breaks.
pub struct Room {
    /// What the house calls it.
    pub id: RemoteId,
    /// As the server spells it, or as it was asked for.
    pub name: String,
    /// Its key, where it has one.
    pub key: Option<String>,
    /// Are we in it?
    pub stage: Stage,
    /// How often joining has failed.
    pub tries: u32,
    /// The house was told that it is lost.
    pub lost: bool,
    /// Who is in it, by folded nick; we too.
    pub people: BTreeMap<String, Person>,
    /// The list of names that is being told.
    pub names: Option<BTreeMap<String, Person>>,
    /// `+m`: those without a rank only hear.
    pub moderated: bool,
    /// `+t`: only operators set the topic.
    pub topic_locked: bool,
    /// The topic that the house knows.
    pub topic: Option<String>,
    /// The topic that is being told, with who set it and when.
    pub new_topic: Option<(String, Option<Author>, SystemTime)>,
    /// Who waits for the answer to JOIN.
    pub waiters: Vec<Waiter>,
    /// When ranks have settled after a netsplit.
    pub settled: Option<Instant>,
    /// What was said lately.
    pub memory: Memory,
    /// What was said while we were away is being asked for.
    pub catching: Option<CatchingUp>,
    /// People there who are writing, until when unless they say so again.
    pub writers: BTreeMap<String, (Instant, Author)>,
    /// People of ours who are writing, and when that was last said.
    pub typing: BTreeSet<String>,
    /// See `typing`.
    pub typed: Option<Instant>,
    /// `+s` or `+p`: not everybody may know of it.
    pub hidden: bool,
    /// Which of the two it is.
    pub secrecy: Option<char>,
    /// `+f 5:10`: who says more lines in so many seconds is put out.
    pub slow: Option<Duration>,
    /// What the house knows of these two.
    pub told: Option<About>,
    /// Bans that we have set, by whom they are meant for.
    pub bans: BTreeMap<String, String>,
}

/// Are we in a room?
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Stage {
    /// No, and not before then; without a time, when the link is there.
    Out(Option<Instant>),
    /// We have asked, then.
    Joining(Instant),
    /// Yes.
    In,
}

/// Somebody in a channel.
#[derive(Debug, Clone, Default)]
pub struct Person {
    /// As the server spells it.
    pub nick: String,
    /// `user@host`.
    pub address: Option<String>,
    /// The account, proven to services.
    pub account: Option<String>,
    /// Away, and why.
    pub away: Option<String>,
    /// The ranks' modes.
    pub modes: String,
    /// The role that the house knows.
    pub told: Role,
    /// Cut off by a netsplit; gone for good then.
    pub split: Option<Instant>,
}

impl Room {
    /// A channel that is wanted.
    pub fn new(id: RemoteId, name: &str) -> Self {
        Room {
            id,
            name: name.into(),
            key: None,
            stage: Stage::Out(None),
            tries: 0,
            lost: false,
            people: BTreeMap::new(),
            names: None,
            moderated: false,
            topic_locked: false,
            topic: None,
            new_topic: None,
            waiters: Vec::new(),
            settled: None,
            memory: Memory::default(),
            catching: None,
            writers: BTreeMap::new(),
            typing: BTreeSet::new(),
            typed: None,
            hidden: false,
            secrecy: None,
            slow: None,
            told: None,
            bans: BTreeMap::new(),
        }
    }

    /// Answers all who wait.
    pub fn answer(&mut self, result: Result<(), NetworkError>) {
        for waiter in self.waiters.drain(..) {
            // Who no longer waits needs no answer.
            let _ = waiter.send(result.clone());
        }
    }

    /// We are not in it any more, or not yet again.
    pub fn out(&mut self, again: Option<Instant>) {
        self.stage = Stage::Out(again);
        self.names = None;
        self.new_topic = None;
        self.catching = None;
        self.writers.clear();
        self.typed = None;
    }

    /// All who are there but this one, and from now on known to the house as they are.
    pub fn members(&mut self, me: &str, isupport: &Isupport) -> Vec<Member> {
        let moderated = self.moderated;
        let others = self.people.iter_mut().filter(|(folded, _)| *folded != me);
        others.map(|(folded, person)| person.member(folded, isupport, moderated)).collect()
    }
}

impl Person {
    /// What the house is told of this person, and what it then knows.
    pub fn member(&mut self, folded: &str, isupport: &Isupport, moderated: bool) -> Member {
        self.told = isupport.role(&self.modes, moderated);
        Member { author: self.author(folded), role: self.told, away: self.away.clone(), hats: Vec::new() }
    }

    /// This person as an author.
    pub fn author(&self, folded: &str) -> Author {
        let mut author = Author::new(folded, &self.nick, super::NETWORK);
        author.account = self.account.as_deref().map(|account| harmless_line(account).into());
        author.address = self.address.as_deref().map(|address| harmless_line(address).into());
        author
    }
}
