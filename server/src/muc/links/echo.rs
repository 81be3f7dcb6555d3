//! Words that come back: a relay bot that somebody else runs between two far rooms of ours says there what was said here.
//!
//! A bot says `<romeo> good night` in one far room when it has heard it in another. Once, somebody may have quoted it; from
//! the second time on it is a bot, and what it repeats stops here. So nothing goes round more than once. Who it is is told
//! by his id, not by his nick, and the moderators learn of it: to ignore him altogether is theirs to decide.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use rialto_bridges::{Act, Author};
use rialto_xmpp::{Element, Message, MessageKind, ns};

use super::linked::Linked;
use super::memory::{Memory, Said};
use crate::muc::LinkId;
use crate::muc::effect::Turn;
use crate::muc::listener::Printed;
use crate::muc::occupant::Occupant;
use crate::muc::room::Room;

/// How many messages back words are looked for.
const BACK: usize = 50;

/// Who has repeated nothing for so long begins anew.
const FORGIVEN: Duration = Duration::from_secs(3600);

/// People who have repeated something, at most; the longest quiet is forgotten first.
const MOST: usize = 100;

/// What stands before the nick where a bridge says who spoke.
const OPENS: [char; 6] = ['<', '[', '(', '*', '‹', '«'];

/// Who has repeated what others said: how often, and when last.
pub(super) type Echoes = BTreeMap<(LinkId, Arc<str>), (u32, SystemTime)>;

impl Room {
    /// Whether words from a far room are our own that a bot brings back; then they stop here.
    pub(super) fn comes_back<Id>(
        &mut self,
        turn: &mut Turn<'_>,
        link: &Linked,
        (occupant, author): (&Occupant, &Author),
        act: &Act<Id>,
    ) -> bool {
        let Act::Say(message) = act else { return false };
        let text = message.text.plain();
        if !text.contains(OPENS) || !self.memory.repeats(&occupant.id, text) {
            return false;
        }
        let times = Arc::make_mut(&mut self.memory).echo(link.id, author, turn.now.at);
        if times == 2 {
            self.tell_of_echo(turn, link, occupant);
        }
        if times > 1 {
            link.ignored.one_more();
            tracing::debug!(link = %link.key(), author = %author.id, "words that came back were left out");
        }
        times > 1
    }

    fn tell_of_echo(&self, turn: &mut Turn<'_>, link: &Linked, occupant: &Occupant) {
        let says = format!(
            "{} repeats in {} what is said here, as a relay bot does. What he repeats is left out from now on; if he is one, \
             an operator may ignore him altogether.",
            occupant.nick,
            link.key()
        );
        let mut message = Message::new(MessageKind::Groupchat, &self.jid, &self.jid);
        message.head.to = None;
        message.head.id = Some(format!("{}-e", turn.now.id).into());
        let message = message.with(Element::new("body", ns::CLIENT).with_text(says));
        turn.tell(Printed::new(&message.into()), self.occupants.moderators());
    }
}

impl Memory {
    /// Whether somebody says again what another has just said, with that one's nick before it.
    fn repeats(&self, occupant: &str, text: &str) -> bool {
        // An invisible character keeps a nick from alerting its owner.
        let text: String = text.chars().filter(|c| *c != '\u{200B}').collect();
        let mut others = self.newest(BACK).filter(|said| *said.occupant != *occupant);
        others.any(|said| is_again(said, text.trim_end()))
    }

    /// One more time; how often it was by now.
    fn echo(&mut self, link: LinkId, author: &Author, at: SystemTime) -> u32 {
        let echoes = self.echoes();
        echoes.retain(|_, (_, last)| at.duration_since(*last).is_ok_and(|quiet| quiet < FORGIVEN));
        let key = (link, author.id.clone());
        if echoes.len() >= MOST && !echoes.contains_key(&key) {
            let oldest = echoes.iter().min_by_key(|(_, (_, last))| *last).map(|(key, _)| key.clone());
            oldest.and_then(|key| echoes.remove(&key));
        }
        let (times, last) = echoes.entry(key).or_insert((0, at));
        (*times, *last) = (*times + 1, at);
        *times
    }
}

fn is_again(said: &Said, text: &str) -> bool {
    said.words.lines().filter(|line| !line.trim().is_empty()).any(|line| {
        let before = match line.strip_suffix('…') {
            // What is remembered was cut.
            Some(begins) => text.split_once(begins).map(|(before, _)| before),
            None => text.strip_suffix(line.trim_end()),
        };
        before.is_some_and(|before| {
            before
                .match_indices(&*said.nick)
                .any(|(at, _)| before.get(..at).is_some_and(|before| before.ends_with(OPENS)))
        })
    })
}
