//! What was said lately in a channel: so that replies find what they answer, redactions their author, reactions their set, and
//! what is played back after a break is not said twice.

use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Messages that are remembered.
const MESSAGES: usize = 500;

/// Bytes of a message that are remembered, for a reply to quote.
const EXCERPT: usize = 120;

/// Reactions of one person to one message, people who react to it, and bytes of one reaction.
const REACTIONS: usize = 20;
const PEOPLE: usize = 200;
const EMOJI: usize = 64;

/// Clocks of servers differ by so much: history is asked for from so long before the last message that we saw.
const OVERLAP: u64 = 10_000;

/// Messages of that time that a mark names; and how far apart two copies of one without a name may be.
const MARKED: usize = 24;
const APART: u64 = 2000;

/// What was said lately.
#[derive(Debug, Default)]
pub struct Memory {
    ring: VecDeque<Said>,
    reactions: BTreeMap<String, BTreeMap<String, Vec<String>>>,
    /// Of the last message that was seen, in milliseconds; 0 where none was.
    last: u64,
    /// What a mark of an earlier run named: when, and a hash of what.
    before: Vec<(u64, u64)>,
    /// There is something that the mark does not say yet.
    fresh: bool,
}

/// Something that was said.
#[derive(Debug, Clone, PartialEq)]
pub struct Said {
    /// The server's name for it.
    pub msgid: Option<String>,
    /// Who said it, by folded nick.
    pub who: String,
    /// His nick then.
    pub nick: String,
    /// Its beginning.
    pub excerpt: String,
    at: u64,
    hash: u64,
}

impl Memory {
    /// With what a mark says.
    pub fn from_mark(mark: &str) -> Memory {
        let mut words = mark.split(' ');
        let last = words.next().and_then(|word| word.parse().ok()).unwrap_or(0);
        let pair = |word: &str| {
            let (at, hash) = word.split_once(':')?;
            Some((at.parse().ok()?, u64::from_str_radix(hash, 16).ok()?))
        };
        Memory { last, before: words.filter_map(pair).take(MARKED).collect(), ..Memory::default() }
    }

    /// What is to be kept, if it is not what was kept last.
    pub fn mark(&mut self) -> Option<String> {
        if !std::mem::take(&mut self.fresh) {
            return None;
        }
        let mut mark = self.last.to_string();
        let after = self.last.saturating_sub(OVERLAP);
        for said in self.ring.iter().rev().filter(|said| said.at >= after).take(MARKED) {
            mark.push_str(&format!(" {}:{:x}", said.at, said.hash));
        }
        Some(mark)
    }

    /// From when on history is to be asked for; `None` where nothing was ever seen.
    pub fn since(&self) -> Option<SystemTime> {
        // Of what lies before the oldest that a mark names, nothing is known any more: it is not asked for again.
        let named = self.before.iter().map(|(at, _)| *at).min().filter(|_| self.before.len() == MARKED);
        let since = self.last.saturating_sub(OVERLAP).max(named.unwrap_or(0));
        (self.last > 0).then(|| UNIX_EPOCH + Duration::from_millis(since))
    }

    /// We are here from now on.
    pub fn begin(&mut self, now: SystemTime) {
        if self.last == 0 {
            (self.last, self.fresh) = (millis(now), true);
        }
    }

    /// Was this seen before?
    pub fn knows(&self, msgid: Option<&str>, who: &str, text: &str, at: SystemTime) -> bool {
        let (hash, at) = (hash(msgid, who, text), millis(at));
        let same = |then: u64, what: u64| what == hash && (msgid.is_some() || then.abs_diff(at) <= APART);
        self.ring.iter().any(|said| same(said.at, said.hash))
            || self.before.iter().any(|(then, what)| same(*then, *what))
    }

    /// This was said.
    pub fn remember(&mut self, msgid: Option<&str>, (who, nick): (&str, &str), text: &str, at: SystemTime) {
        let at = millis(at);
        (self.last, self.fresh) = (self.last.max(at), true);
        if self.ring.len() >= MESSAGES
            && let Some(Said { msgid: Some(gone), .. }) = self.ring.pop_front()
        {
            self.reactions.remove(&gone);
        }
        let end = text.floor_char_boundary(EXCERPT);
        self.ring.push_back(Said {
            msgid: msgid.map(Into::into),
            who: who.into(),
            nick: nick.into(),
            excerpt: text.get(..end).unwrap_or_default().into(),
            at,
            hash: hash(msgid, who, text),
        });
    }

    /// The message of that name.
    pub fn of(&self, msgid: &str) -> Option<&Said> {
        self.ring.iter().rev().find(|said| said.msgid.as_deref() == Some(msgid))
    }

    /// Somebody reacts, or takes it back: all his reactions to that message now. `None` where nothing changes, or the
    /// message is too old to be known.
    pub fn react(&mut self, msgid: &str, who: &str, emoji: &str, on: bool) -> Option<Vec<String>> {
        self.of(msgid)?;
        if emoji.is_empty() || emoji.len() > EMOJI {
            return None;
        }
        let people = self.reactions.entry(msgid.into()).or_default();
        if people.len() >= PEOPLE && !people.contains_key(who) {
            return None;
        }
        let his = people.entry(who.into()).or_default();
        let before = his.len();
        his.retain(|known| known != emoji);
        if on && his.len() < REACTIONS {
            his.push(emoji.into());
        }
        (his.len() != before).then(|| his.clone())
    }

    /// One of ours reacts with all of these: what this adds to, and takes from, what all of ours react with.
    pub fn react_as(&mut self, msgid: &str, ours: &str, emoji: &[String]) -> (Vec<String>, Vec<String>) {
        if self.of(msgid).is_none() {
            // Too old to be known: whoever is first may react, nobody can take it back.
            return (emoji.to_vec(), Vec::new());
        }
        let key = format!(" {ours}"); // no nick begins with a space
        let people = self.reactions.entry(msgid.into()).or_default();
        let all = |people: &BTreeMap<String, Vec<String>>| -> Vec<String> {
            let ours = people.iter().filter(|(who, _)| who.starts_with(' '));
            ours.flat_map(|(_, emoji)| emoji.clone()).collect()
        };
        let before = all(people);
        people.insert(key, emoji.iter().take(REACTIONS).cloned().collect());
        let mut after = all(people);
        let gone = before.iter().filter(|emoji| !after.contains(emoji)).cloned().collect();
        after.retain(|emoji| !before.contains(emoji));
        after.dedup();
        (after, gone)
    }
}

fn millis(at: SystemTime) -> u64 {
    at.duration_since(UNIX_EPOCH).ok().and_then(|since| u64::try_from(since.as_millis()).ok()).unwrap_or(0)
}

/// FNV-1a, the same in every version: marks hold it.
fn hash(msgid: Option<&str>, who: &str, text: &str) -> u64 {
    let pieces = match msgid {
        Some(msgid) => [msgid, "", ""],
        None => [who, "\0", text],
    };
    let step = |hash: u64, byte: &u8| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
    pieces.iter().flat_map(|piece| piece.as_bytes()).fold(0xcbf2_9ce4_8422_2325, step)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(1_700_000_000 + seconds)
    }

    #[test]
    fn what_was_seen_is_known_again_also_by_a_later_run() {
        let mut memory = Memory::default();
        memory.remember(Some("m1"), ("ann", "Ann"), "hi", at(0));
        memory.remember(None, ("bea", "bea"), "ho", at(5));
        let later = Memory::from_mark(&memory.mark().unwrap());
        assert_eq!(memory.mark(), None, "nothing new");
        for memory in [&memory, &later] {
            assert!(memory.knows(Some("m1"), "x", "other words", at(99)));
            assert!(memory.knows(None, "bea", "ho", at(7)) && !memory.knows(None, "bea", "ho", at(8)));
            assert!(!memory.knows(Some("m2"), "ann", "hi", at(0)));
            assert_eq!(memory.since(), Some(at(5) - Duration::from_millis(OVERLAP)));
        }
        assert_eq!(Memory::from_mark("nonsense 1:2 x:y").since(), None);
    }

    #[test]
    fn a_mark_has_a_limit_and_nothing_before_it_is_asked_for_again() {
        let mut memory = Memory::default();
        for n in 0..100 {
            memory.remember(
                Some(&format!("m{n}")),
                ("ann", "ann"),
                "x",
                at(0) + Duration::from_millis(n * 10),
            );
        }
        let mark = memory.mark().unwrap();
        assert!(mark.len() <= crate::network::MARK / 4);
        let later = Memory::from_mark(&mark);
        assert_eq!(later.since(), Some(at(0) + Duration::from_millis(760)));
        assert!(later.knows(Some("m77"), "ann", "x", at(0)));
    }

    #[test]
    fn reactions_are_told_as_a_whole() {
        let mut memory = Memory::default();
        memory.remember(Some("m1"), ("ann", "Ann"), "hi", at(0));
        assert_eq!(memory.react("m1", "bea", "🎉", true), Some(vec!["🎉".into()]));
        assert_eq!(memory.react("m1", "bea", "🎉", true), None);
        assert_eq!(memory.react("m1", "bea", "👋", true), Some(vec!["🎉".into(), "👋".into()]));
        assert_eq!(memory.react("m1", "bea", "🎉", false), Some(vec!["👋".into()]));
        assert_eq!(memory.react("m0", "bea", "🎉", true), None);
        assert_eq!(memory.react("m1", "bea", &"x".repeat(99), true), None);
    }

    #[test]
    fn what_several_of_ours_react_with_is_shown_once_and_taken_back_by_the_last() {
        let mut memory = Memory::default();
        memory.remember(Some("m1"), ("ann", "Ann"), "hi", at(0));
        let set = |emoji: &[&str]| emoji.iter().map(|e| e.to_string()).collect::<Vec<_>>();
        assert_eq!(memory.react_as("m1", "romeo", &set(&["🎉"])), (set(&["🎉"]), set(&[])));
        assert_eq!(memory.react_as("m1", "juliet", &set(&["🎉", "👋"])), (set(&["👋"]), set(&[])));
        assert_eq!(memory.react_as("m1", "romeo", &[]), (set(&[]), set(&[])));
        assert_eq!(memory.react_as("m1", "juliet", &set(&["👋"])), (set(&[]), set(&["🎉"])));
    }

    #[test]
    fn memory_is_bounded() {
        let mut memory = Memory::default();
        for n in 0..2000 {
            memory.remember(Some(&format!("m{n}")), ("ann", "ann"), &"é".repeat(400), at(n));
            memory.react(&format!("m{n}"), "bea", "x", true);
        }
        assert_eq!((memory.ring.len(), memory.reactions.len()), (MESSAGES, MESSAGES));
        assert!(memory.ring.iter().all(|said| said.excerpt.len() <= EXCERPT));
    }
}
