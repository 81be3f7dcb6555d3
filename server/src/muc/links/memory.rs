//! What a linked room remembers of its newest messages: who said what under which names.

use std::collections::VecDeque;
use std::sync::Arc;

use rialto_bridges::RemoteId;
use rialto_bridges::degrade::shorten;

use super::echo::Echoes;
use super::news::Named;
use super::translate::Known;
use crate::muc::LinkId;

/// Messages that are remembered.
const NEWEST: usize = 250;

/// Bytes of a message that are remembered, for quoting it.
const EXCERPT: usize = 200;

/// The newest messages. A clone shares them.
#[derive(Clone, Debug, Default)]
pub struct Memory(VecDeque<Arc<Said>>, Echoes);

/// One message.
#[derive(Debug)]
pub struct Said {
    /// The room's id; of a correction, that of the message it corrects.
    pub id: String,
    /// Occupant-id of the author.
    pub occupant: Arc<str>,
    /// His nick.
    pub nick: Arc<str>,
    /// The ids that the author himself gave it (XEP-0308 names these).
    pub own: Vec<String>,
    /// What a far room calls it.
    pub theirs: Option<(LinkId, RemoteId)>,
    /// How it begins.
    pub words: String,
}

impl Memory {
    /// Remembers a message.
    pub fn push(&mut self, mut said: Said) {
        said.words = shorten(&said.words, EXCERPT);
        self.0.push_back(Arc::new(said));
        while self.0.len() > NEWEST {
            self.0.pop_front();
        }
    }

    /// The newest messages, newest first.
    pub(super) fn newest(&self, most: usize) -> impl Iterator<Item = &Said> {
        self.0.iter().rev().take(most).map(|said| &**said)
    }

    /// Who has repeated what others said.
    pub(super) fn echoes(&mut self) -> &mut Echoes {
        &mut self.1
    }

    /// A message was taken back: nobody quotes it any more.
    pub fn bury(&mut self, id: &str) {
        for said in self.0.iter_mut().filter(|said| said.id == id) {
            let Said { id, occupant, nick, own, theirs, .. } = &**said;
            let (occupant, nick, theirs) = (occupant.clone(), nick.clone(), theirs.clone());
            let words = "a message that was taken back".to_owned();
            *said = Arc::new(Said { id: id.clone(), occupant, nick, own: own.clone(), theirs, words });
        }
    }

    /// Our name of a message that a far room names.
    pub fn ours(&self, link: LinkId, named: &Named) -> Option<String> {
        let theirs = match named {
            Named::Ours(id) => return Some(id.clone()),
            Named::Theirs(id) => id,
        };
        let is = |said: &&Arc<Said>| said.theirs.as_ref().is_some_and(|(of, id)| (of, id) == (&link, theirs));
        self.0.iter().rev().find(is).map(|said| said.id.clone())
    }

    /// The message of this id.
    pub fn message(&self, id: &str) -> Option<&Said> {
        self.0.iter().find(|said| said.id == id).map(|said| &**said)
    }

    /// What one occupant may refer to.
    pub fn of<'a>(&'a self, occupant: &'a str) -> Of<'a> {
        Of { memory: self, occupant }
    }
}

/// The memory as one occupant may use it: he corrects nobody else's messages.
pub struct Of<'a> {
    memory: &'a Memory,
    occupant: &'a str,
}

impl Known for Of<'_> {
    fn by_author(&self, id: &str) -> Option<String> {
        let his = self.memory.0.iter().rev().filter(|said| *said.occupant == *self.occupant);
        let mut his = his.filter(|said| said.own.iter().any(|own| own == id));
        his.next().map(|said| said.id.clone())
    }

    fn quoted(&self, id: &str) -> Option<(Arc<str>, String)> {
        let said = self.memory.message(id)?;
        Some((said.nick.clone(), said.words.clone()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(id: &str, occupant: &str, own: &str) -> Said {
        Said {
            id: id.into(),
            occupant: occupant.into(),
            nick: occupant.into(),
            own: vec![own.into()],
            theirs: Some((LinkId(1), format!("far-{id}").into())),
            words: "Good night".into(),
        }
    }

    #[test]
    fn a_correction_finds_the_authors_own_message_and_nobody_elses() {
        let mut memory = Memory::default();
        memory.push(said("s1", "romeo", "m1"));
        memory.push(said("s2", "juliet", "m1"));
        assert_eq!(memory.of("romeo").by_author("m1"), Some("s1".into()));
        assert_eq!(memory.of("juliet").by_author("m1"), Some("s2".into()));
        assert_eq!(memory.of("paris").by_author("m1"), None);
    }

    #[test]
    fn the_names_of_two_far_rooms_are_not_mixed_up() {
        let mut memory = Memory::default();
        memory.push(said("s1", "romeo", "m1"));
        let theirs = Named::Theirs("far-s1".into());
        assert_eq!(memory.ours(LinkId(1), &theirs), Some("s1".into()));
        assert_eq!(memory.ours(LinkId(2), &theirs), None);
        assert_eq!(memory.ours(LinkId(2), &Named::Ours("s7".into())), Some("s7".into()));
    }

    #[test]
    fn the_oldest_are_forgotten() {
        let mut memory = Memory::default();
        (0..NEWEST + 1).for_each(|n| memory.push(said(&format!("s{n}"), "romeo", &format!("m{n}"))));
        assert_eq!(memory.of("romeo").by_author("m0"), None);
        assert_eq!(memory.of("romeo").quoted("s250"), Some(("romeo".into(), "Good night".into())));
    }
}
