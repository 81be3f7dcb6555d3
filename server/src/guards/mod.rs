//! What protects people from strangers: lists of addresses that are kept away, and how much anybody may do to people who
//! do not know him. Shared by the accounts' features and by rooms; taken over anew by a reload.

mod counts;
mod lists;
mod nodes;

use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use std::time::Instant;

use arc_swap::ArcSwap;
use parking_lot::Mutex;
use rialto_xmpp::{Condition, ErrorKind, Jid, StanzaError};
use tokio::sync::watch;

use crate::config;
use counts::{Counts, Met};
pub use lists::Lists;
use lists::hashes;
pub use nodes::{Gathered, NodeList, Standing};

/// All guards of a server.
#[derive(Default)]
pub struct Guards {
    /// Addresses that are kept away, from files.
    pub lists: Lists,
    /// The same, from nodes that others keep.
    pub nodes: Vec<Arc<NodeList>>,
    /// Counts up when somebody is listed who may sit in a room.
    listed: watch::Sender<u64>,
    settings: ArcSwap<config::Guard>,
    /// Addresses are counted as keyed hashes: a long made-up one takes no more room than a short one.
    hasher: RandomState,
    counts: Mutex<Counts>,
    met: Mutex<Met>,
}

/// Why somebody must wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum TooMuch {
    /// He writes to too many people.
    #[error("You write to many people who do not know you: wait a while, or ask them to add you first.")]
    Recipients,
    /// He writes too much to one.
    #[error("This person does not know you and has not answered: wait until you hear from them.")]
    Unanswered,
    /// He asks too many people for their presence.
    #[error("You ask many people to be your contacts: wait a while before you ask more.")]
    Requests,
    /// He invites too many people.
    #[error("You invite many people: wait a while before you invite more.")]
    Invitations,
    /// Too many strangers turn to one person.
    #[error("This person hears from too many strangers at the moment: try again later.")]
    Strangers,
}

impl Guards {
    /// As the configuration wants them; what is wrong with its lists is logged.
    pub fn open(settings: &config::Guard, nodes: Vec<Arc<NodeList>>) -> Arc<Guards> {
        let guards = Arc::new(Guards { nodes, ..Guards::default() });
        guards.reload(settings);
        guards
    }

    /// Whether this address or its domain is listed so that it writes to nobody who does not know it. Where nobody is
    /// listed, that costs nothing.
    pub fn keeps_from_accounts(&self, jid: &Jid) -> bool {
        self.lists(jid, |list| list.accounts, true)
    }

    /// The same for entering rooms.
    pub fn keeps_from_rooms(&self, jid: &Jid) -> bool {
        self.lists(jid, |list| list.rooms, true)
    }

    /// Whether it is put out of the room in which it sits.
    pub fn puts_out(&self, jid: &Jid) -> bool {
        self.lists(jid, |list| list.rooms && list.kick, false)
    }

    /// Tells when somebody is listed who may be put out of rooms; `None`: that never happens.
    pub fn listed(&self) -> Option<watch::Receiver<u64>> {
        let kicks = |list: &Arc<NodeList>| list.settings.rooms && list.settings.kick;
        self.nodes.iter().any(kicks).then(|| self.listed.subscribe())
    }

    /// Somebody is listed who was not.
    pub fn lists_more(&self) {
        self.listed.send_modify(|count| *count = count.wrapping_add(1));
    }

    fn lists(&self, jid: &Jid, acts: fn(&config::Blocklist) -> bool, files: bool) -> bool {
        let files = files && !self.lists.is_empty();
        if !files && self.nodes.iter().all(|list| list.is_empty()) {
            return false;
        }
        let hashes = hashes(jid);
        files && self.lists.has(&hashes)
            || self.nodes.iter().any(|list| acts(&list.settings) && list.has(&hashes))
    }

    /// Takes over another configuration and reads the lists again. A list that cannot be read keeps everybody away whom
    /// the lists kept away before.
    pub fn reload(&self, settings: &config::Guard) {
        self.settings.store(Arc::new(settings.clone()));
        self.lists.read(&settings.lists);
    }

    /// A message of `from` to `to`, who does not have him among his contacts. Who is answered is no stranger any more.
    ///
    /// # Errors
    /// [`TooMuch`]; it is not counted then.
    pub fn message(&self, from: &Jid, to: &Jid) -> Result<(), TooMuch> {
        let (from, to) = (from.bare_str(), to.bare_str());
        let (there, back) = (self.hasher.hash_one((from, to)), self.hasher.hash_one((to, from)));
        {
            let mut met = self.met.lock();
            if met.has(back) {
                met.add(there);
                return Ok(());
            }
        }
        let settings = self.settings.load();
        let first = self.count(TooMuch::Unanswered, (from, to), settings.unanswered)? == 1;
        if first {
            self.count(TooMuch::Recipients, (from, ""), settings.recipients)
                .inspect_err(|_| self.forget(TooMuch::Unanswered, (from, to)))?;
        }
        self.count(TooMuch::Strangers, (to, ""), settings.strangers)?;
        self.met.lock().add(there);
        Ok(())
    }

    /// A subscription request of `from` to `to`, who does not have him among his contacts.
    ///
    /// # Errors
    /// [`TooMuch`].
    pub fn request(&self, from: &Jid, to: &Jid) -> Result<(), TooMuch> {
        let settings = self.settings.load();
        self.count(TooMuch::Requests, (from.bare_str(), ""), settings.requests)?;
        self.count(TooMuch::Strangers, (to.bare_str(), ""), settings.strangers).map(drop)
    }

    /// `from` invites somebody into a room.
    ///
    /// # Errors
    /// [`TooMuch`].
    pub fn invites(&self, from: &Jid) -> Result<(), TooMuch> {
        let most = self.settings.load().invitations;
        self.count(TooMuch::Invitations, (from.bare_str(), ""), most).map(drop)
    }

    /// `to` is invited into a room by somebody whom he does not have among his contacts.
    ///
    /// # Errors
    /// [`TooMuch`].
    pub fn invited(&self, to: &Jid) -> Result<(), TooMuch> {
        let most = self.settings.load().strangers;
        self.count(TooMuch::Strangers, (to.bare_str(), ""), most).map(drop)
    }

    /// Counts one more; gives how many there are now. `most` 0: no end.
    fn count(&self, what: TooMuch, who: (&str, &str), most: u32) -> Result<u32, TooMuch> {
        let (key, within) = (self.hasher.hash_one((what, who)), self.settings.load().within);
        self.counts.lock().add(key, most, within, Instant::now()).ok_or(what)
    }

    fn forget(&self, what: TooMuch, who: (&str, &str)) {
        self.counts.lock().forget(self.hasher.hash_one((what, who)));
    }
}

impl From<TooMuch> for StanzaError {
    fn from(why: TooMuch) -> StanzaError {
        let condition = match why {
            TooMuch::Strangers => Condition::ResourceConstraint,
            _ => Condition::PolicyViolation,
        };
        StanzaError::new(condition, why.to_string()).kind(ErrorKind::Wait)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn jid(text: &str) -> Jid {
        Jid::parse(text).unwrap()
    }

    fn guards(settings: config::Guard) -> Arc<Guards> {
        Guards::open(&settings, Vec::new())
    }

    #[test]
    fn who_is_answered_may_go_on_and_who_is_not_must_wait() {
        let guards = guards(config::Guard { unanswered: 3, ..config::Guard::default() });
        let (romeo, juliet) = (jid("romeo@a/x"), jid("juliet@b/y"));
        for _ in 0..3 {
            assert_eq!(guards.message(&romeo, &juliet), Ok(()));
        }
        assert_eq!(guards.message(&romeo, &juliet), Err(TooMuch::Unanswered));
        assert_eq!(guards.message(&juliet, &romeo), Ok(()));
        for _ in 0..100 {
            assert_eq!(guards.message(&romeo, &juliet), Ok(()));
            assert_eq!(guards.message(&juliet, &romeo), Ok(()));
        }
    }

    #[test]
    fn nobody_writes_to_everybody() {
        let guards = guards(config::Guard { recipients: 5, ..config::Guard::default() });
        let spammer = jid("spam@a");
        let reached = (0..50).filter(|n| guards.message(&spammer, &jid(&format!("n{n}@b"))).is_ok()).count();
        assert_eq!(reached, 5);
        assert_eq!(guards.message(&spammer, &jid("n0@b")), Ok(()), "whom he reached he may still write to");
        assert_eq!(guards.message(&jid("nurse@a"), &jid("n0@b")), Ok(()), "others are not concerned");
    }

    #[test]
    fn one_person_is_not_flooded_by_many() {
        let guards = guards(config::Guard { strangers: 5, ..config::Guard::default() });
        let juliet = jid("juliet@b");
        let reached = (0..50).filter(|n| guards.message(&jid(&format!("n{n}@a")), &juliet).is_ok()).count();
        assert_eq!((reached, guards.request(&jid("x@a"), &juliet)), (5, Err(TooMuch::Strangers)));
    }

    #[test]
    fn zero_is_no_end_and_a_reload_counts_from_then_on() {
        let guards = guards(config::Guard { requests: 0, strangers: 0, ..config::Guard::default() });
        let asks = |n: u32| guards.request(&jid("romeo@a"), &jid(&format!("n{n}@b")));
        assert!((0..1000).all(|n| asks(n).is_ok()));
        guards.reload(&config::Guard { requests: 1, ..config::Guard::default() });
        assert_eq!(asks(0), Err(TooMuch::Requests));
    }
}
