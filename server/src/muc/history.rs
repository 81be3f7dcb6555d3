//! XEP-0045 §7.2.13, §7.2.14: what was said before somebody entered.

use std::collections::VecDeque;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, SystemTime};

use rialto_xmpp::parts::{datetime, delay, stanza_id};
use rialto_xmpp::{BareJid, Element, Stanza, ns};

use super::activity::Activity;
use super::effect::Turn;
use super::listener::{Listener, Listeners, Printed};
use super::room::Room;

/// Bytes of history that one room keeps in memory; the oldest messages go first.
const BYTES: usize = 512 * 1024;

/// The last messages, oldest first.
#[derive(Clone, Debug, Default)]
pub struct History {
    /// How much is said (XEP-0502).
    pub activity: Activity,
    past: VecDeque<Arc<Past>>,
    bytes: usize,
}

/// A message as it is told afterwards.
#[derive(Debug)]
struct Past {
    at: SystemTime,
    stanza: Arc<Stanza>,
    room: BareJid,
    bytes: usize,
    printed: OnceLock<Printed>,
}

/// §7.2.14: how much of it somebody wants.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wanted {
    /// At most so many characters of stanzas.
    pub chars: Option<usize>,
    /// At most so many messages.
    pub stanzas: Option<usize>,
    /// Nothing older.
    pub since: Option<SystemTime>,
}

impl History {
    /// Remembers a message of so many bytes; `most` messages at most.
    pub fn push(
        &mut self,
        (at, bytes): (SystemTime, usize),
        stanza: Arc<Stanza>,
        room: &BareJid,
        most: usize,
    ) {
        let past = Past { at, stanza, room: room.clone(), bytes, printed: OnceLock::new() };
        self.past.push_back(Arc::new(past));
        self.bytes += bytes;
        while self.past.len() > most || self.bytes > BYTES {
            let Some(oldest) = self.past.pop_front() else { break };
            self.bytes -= oldest.bytes;
        }
    }

    /// The message of this stanza-id.
    pub fn find(&self, id: &str, room: &BareJid) -> Option<&Arc<Stanza>> {
        self.past.iter().rev().map(|past| &past.stanza).find(|stanza| is_called(stanza, id, room))
    }

    /// Forgets the message of this stanza-id.
    pub fn remove(&mut self, id: &str, room: &BareJid) {
        let gone = self.past.iter().rposition(|past| is_called(&past.stanza, id, room));
        if let Some(past) = gone.and_then(|at| self.past.remove(at)) {
            self.bytes -= past.bytes;
        }
    }

    /// How many messages it holds.
    pub fn len(&self) -> usize {
        self.past.len()
    }

    /// Whether it holds nothing.
    pub fn is_empty(&self) -> bool {
        self.past.is_empty()
    }

    /// The newest messages that meet every wish, oldest first; `most` where none is said.
    fn select(&self, wanted: &Wanted, most: usize) -> impl Iterator<Item = &Printed> {
        let stanzas = wanted.stanzas.unwrap_or(most).min(most);
        let new_enough =
            self.past.iter().rev().take_while(|past| wanted.since.is_none_or(|since| past.at >= since));
        let mut left = wanted.chars;
        let fits = new_enough.take(stanzas).take_while(move |past| {
            let Some(chars) = left else { return true };
            left = Some(chars.saturating_sub(past.printed().len()));
            past.printed().len() <= chars
        });
        let count = fits.count();
        self.past.iter().skip(self.past.len() - count).map(|past| past.printed())
    }
}

/// Whether this is the room's id of a message.
fn is_called(stanza: &Stanza, id: &str, room: &BareJid) -> bool {
    stanza_id::assigned(stanza.payloads(), room.as_str()) == Some(id)
}

impl Past {
    /// Serialised when somebody wants it, with the room's stamp.
    fn printed(&self) -> &Printed {
        self.printed.get_or_init(|| {
            let mut stanza = Stanza::clone(&self.stanza);
            stanza.head_mut().to = None;
            stanza.payloads_mut().push(delay::delay(self.room.as_str(), self.at));
            Printed::new(&stanza)
        })
    }
}

impl Wanted {
    /// Reads the `<history/>` of a join; what is no number or no time is left out.
    pub fn read(x: &Element, now: SystemTime) -> Wanted {
        let Some(history) = x.child("history", ns::MUC) else { return Wanted::default() };
        let number = |name: &str| history.get(name).and_then(|text| text.trim().parse::<usize>().ok());
        let seconds = number("seconds").map(|seconds| Duration::from_secs(seconds as u64));
        let seconds = seconds.map(|back| now.checked_sub(back).unwrap_or(SystemTime::UNIX_EPOCH));
        let since = history.get("since").and_then(datetime::parse);
        Wanted { chars: number("maxchars"), stanzas: number("maxstanzas"), since: seconds.max(since) }
    }
}

impl Room {
    /// After the presences: what was said, and then the subject.
    pub(super) fn tell_past(&self, turn: &mut Turn<'_>, to: &Arc<Listener>, wanted: &Wanted) {
        for printed in self.history.select(wanted, self.record.config.history) {
            turn.tell(printed.clone(), Listeners::One(to.clone()));
        }
        self.tell_subject(turn, to);
    }
}

#[cfg(test)]
mod tests {
    use super::BYTES;
    use crate::muc::tests::stage::Stage;

    /// What a new occupant hears of the past, with such a `<history/>`.
    fn told(stage: &mut Stage, history: &str) -> usize {
        stage.says(
            "paris",
            &format!(
                "<presence to='lounge@rooms.lit/paris'><x xmlns='http://jabber.org/protocol/muc'>{history}</x></presence>"
            ),
        );
        let heard = stage.hears("paris");
        stage.says("paris", "<presence type='unavailable' to='lounge@rooms.lit/paris'/>");
        stage.hush();
        heard.iter().filter(|heard| heard.contains("<body") && heard.contains("<delay")).count()
    }

    #[test]
    fn the_past_is_told_as_it_was_said_with_the_rooms_stamp() {
        let mut stage = Stage::with(&["romeo"]);
        stage.speaks("romeo", "one");
        stage.enters("juliet", "juliet");
        let heard = stage.hears("juliet");
        let at = heard.iter().position(|heard| heard.contains("<body>one</body>")).unwrap();
        assert!(heard[at].contains("from='lounge@rooms.lit/romeo'"));
        assert!(heard[at].contains("<delay xmlns='urn:xmpp:delay' from='lounge@rooms.lit'"), "{heard:?}");
        assert!(heard[at - 1].contains("code='110'") && heard[at + 1].contains("<subject"));
    }

    #[test]
    fn a_client_gets_no_more_than_it_wants() {
        let mut stage = Stage::with(&["romeo"]);
        for words in ["one", "two", "three", "four"] {
            stage.passes(60);
            stage.speaks("romeo", words);
        }
        assert_eq!(told(&mut stage, ""), 4);
        assert_eq!(told(&mut stage, "<history maxstanzas='2'/>"), 2);
        assert_eq!(told(&mut stage, "<history maxstanzas='0'/>"), 0);
        assert_eq!(told(&mut stage, "<history maxchars='0'/>"), 0);
        assert_eq!(told(&mut stage, "<history maxchars='100000'/>"), 4);
        assert_eq!(told(&mut stage, "<history seconds='90'/>"), 2);
        assert_eq!(told(&mut stage, "<history seconds='90' maxstanzas='1'/>"), 1);
        assert_eq!(told(&mut stage, "<history since='2100-01-01T00:00:00Z'/>"), 0);
        assert_eq!(told(&mut stage, "<history maxstanzas='-1' since='yesterday'/>"), 4);
    }

    #[test]
    fn only_whole_stanzas_are_told_within_maxchars() {
        let mut stage = Stage::with(&["romeo"]);
        stage.speaks("romeo", "one");
        stage.speaks("romeo", "two");
        let length = stage.room.history.past[0].printed().len();
        assert_eq!(told(&mut stage, &format!("<history maxchars='{length}'/>")), 1);
        assert_eq!(told(&mut stage, &format!("<history maxchars='{}'/>", length - 1)), 0);
        assert_eq!(told(&mut stage, &format!("<history maxchars='{}'/>", 2 * length)), 2);
    }

    #[test]
    fn the_room_remembers_no_more_than_its_limit() {
        let mut stage = Stage::with(&["romeo"]);
        (0..150).for_each(|_| stage.speaks("romeo", "again"));
        assert_eq!(stage.room.history.len(), stage.room.rules.limits.history);
        stage.speaks("romeo", &"x".repeat(BYTES - 1_000));
        assert!(stage.room.history.len() < 5);
    }
}
