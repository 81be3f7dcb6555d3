//! What is done to messages: reactions, who is writing (IRCv3 client tags react and typing), redactions
//! (draft/message-redaction).

use super::{Out, Session};
use crate::irc::line::Line;
use crate::model::{Act, Author, Event, harmless_line};
use crate::network::{Incoming, RemoteId};
use std::time::{Duration, SystemTime};
use tokio::time::Instant;

/// Who says no more is taken to have stopped writing after that (typing specification).
const TYPING: Duration = Duration::from_secs(6);

/// People of one channel who are writing.
const WRITERS: usize = 50;

impl Session {
    /// TAGMSG or REDACT.
    pub(super) fn tagged(&mut self, line: &Line, replay: bool, now: Instant, out: &mut Out) {
        let folded = self.fold(line.arg(0));
        let ours = self.is_ours(&line.source.nick);
        if ours && line.verb == "TAGMSG" {
            return;
        }
        if !replay && line.typing.is_none() && self.waits(&folded, line) {
            return;
        }
        let Some(author) = self.rooms.get(&folded).map(|room| self.author(Some(room), line)) else { return };
        if line.verb == "REDACT" {
            return self.redacted(&folded, line, author, ours, out);
        }
        if let Some(on) = line.typing.filter(|_| !replay) {
            self.writes(&folded, author, on, now, out);
        } else if let (Some(to), Some((on, emoji))) = (&line.reply, &line.react) {
            self.reacted(&folded, author, (to, emoji, *on), out);
        }
    }

    fn redacted(&mut self, folded: &str, line: &Line, author: Author, ours: bool, out: &mut Out) {
        let Some(room) = self.rooms.get(folded) else { return };
        let of = RemoteId::from(line.arg(1));
        let said = room.memory.of(line.arg(1));
        let reason =
            Some(harmless_line(&super::talk::plain(line.arg(2)))).filter(|reason| !reason.is_empty());
        if ours || of.as_str().is_empty() {
            return; // the house has done it already
        }
        let what = if said.is_some_and(|said| *said.who == *author.id) {
            Incoming::Did {
                id: None,
                event: Event { author, at: SystemTime::now(), act: Act::Retract { of } },
            }
        } else {
            Incoming::Erased { of: vec![of], by: Some(author.nick), reason }
        };
        out.tell(Some(&room.id), what);
    }

    fn reacted(&mut self, folded: &str, author: Author, (to, emoji, on): (&str, &str, bool), out: &mut Out) {
        let Some(room) = self.rooms.get_mut(folded) else { return };
        let emoji = harmless_line(emoji);
        let Some(emoji) = room.memory.react(to, &author.id, &emoji, on) else { return };
        let act = Act::React { to: to.into(), emoji };
        let event = Event { author, at: SystemTime::now(), act };
        out.tell(Some(&room.id), Incoming::Did { id: None, event });
    }

    fn writes(&mut self, folded: &str, author: Author, on: bool, now: Instant, out: &mut Out) {
        let Some(room) = self.rooms.get_mut(folded) else { return };
        let before = room.writers.remove(&*author.id).is_some();
        if on && room.writers.len() < WRITERS {
            room.writers.insert(author.id.to_string(), (now + TYPING, author.clone()));
        }
        if before != on {
            let event = Event { author, at: SystemTime::now(), act: Act::Typing(on) };
            out.tell(Some(&room.id), Incoming::Did { id: None, event });
        }
    }

    /// Those of whom nothing was heard for a while have stopped writing.
    pub(super) fn stop_writing(&mut self, now: Instant, out: &mut Out) {
        for room in self.rooms.values_mut().filter(|room| !room.writers.is_empty()) {
            let silent: Vec<String> = room
                .writers
                .iter()
                .filter(|(_, (until, _))| *until <= now)
                .map(|(who, _)| who.clone())
                .collect();
            for who in silent {
                if let Some((_, author)) = room.writers.remove(&who) {
                    let event = Event { author, at: SystemTime::now(), act: Act::Typing(false) };
                    out.tell(Some(&room.id), Incoming::Did { id: None, event });
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::irc::session::tests::Net;
    use crate::model::{Act, Event};
    use crate::network::Incoming;

    fn acts(news: Vec<Incoming>) -> Vec<String> {
        let show = |news: Incoming| match news {
            Incoming::Did { event: Event { author, act, .. }, .. } => match act {
                Act::React { to, emoji } => format!("{} {to} {}", author.nick, emoji.join("")),
                Act::Typing(on) => format!("{} writes {on}", author.nick),
                Act::Retract { of } => format!("{} retracts {of}", author.nick),
                Act::Say(message) => {
                    let reply = message.reply.map(|r| format!(" to {} {:?} by {}", r.to, r.excerpt, r.nick));
                    message.text.into_plain() + &reply.unwrap_or_default()
                }
                other => format!("{other:?}"),
            },
            Incoming::Erased { of, by, reason } => format!("{by:?} erases {}: {reason:?}", of[0]),
            other => format!("{other:?}"),
        };
        news.into_iter().map(show).collect()
    }

    #[test]
    fn reactions_come_as_all_that_somebody_reacts_with() {
        let mut net = Net::lounge("ann bea");
        net.hears("@msgid=m1 :ann!a@h PRIVMSG #lounge :hi");
        let mut says = |line: &str| acts(net.hears(line));
        assert_eq!(says("@+reply=m1;+draft/react=🎉 :bea!b@h TAGMSG #lounge"), ["bea m1 🎉"]);
        assert_eq!(says("@+draft/reply=m1;+draft/react=👋 :bea!b@h TAGMSG #lounge"), ["bea m1 🎉👋"]);
        assert_eq!(says("@+reply=m1;+draft/unreact=🎉 :bea!b@h TAGMSG #lounge"), ["bea m1 👋"]);
        for line in [
            "@+reply=m0;+draft/react=👋 :bea!b@h TAGMSG #lounge",
            "@+draft/react=👋 :bea!b@h TAGMSG #lounge",
            "@+reply=m1;+draft/react :bea!b@h TAGMSG #lounge",
            ":bea!b@h TAGMSG #lounge",
            "@+reply=m1;+draft/react=x TAGMSG",
        ] {
            assert!(says(line).is_empty(), "{line}");
        }
    }

    #[test]
    fn a_reply_names_what_it_answers() {
        let mut net = Net::lounge("ann bea");
        net.hears("@msgid=m1 :ann!a@h PRIVMSG #lounge :good night");
        let news = net.hears("@+draft/reply=m1 :bea!b@h PRIVMSG #lounge :sleep well");
        assert_eq!(acts(news), ["sleep well to m1 \"good night\" by ann"]);
        assert_eq!(acts(net.hears("@+reply=m9 :bea!b@h PRIVMSG #lounge :x")), ["x to m9 \"\" by someone"]);
    }

    #[test]
    fn who_takes_back_his_own_retracts_and_another_erases() {
        let mut net = Net::lounge("@ann bea");
        net.hears("@msgid=m1 :bea!b@h PRIVMSG #lounge :hi");
        assert_eq!(acts(net.hears(":bea!b@h REDACT #lounge m1")), ["bea retracts m1"]);
        assert_eq!(
            acts(net.hears(":ann!a@h REDACT #lounge m1 :sp\u{2}am")),
            ["Some(\"ann\") erases m1: Some(\"spam\")"]
        );
        assert_eq!(acts(net.hears(":s REDACT #lounge m7")), ["Some(\"s\") erases m7: None"]);
        assert!(acts(net.hears(":ann!a@h REDACT #elsewhere m1")).is_empty());
    }

    #[test]
    fn writing_is_told_when_it_begins_and_ends_also_by_silence() {
        let mut net = Net::lounge("ann");
        let typing = |how: &str| format!("@+typing={how} :ann!a@h TAGMSG #lounge");
        assert_eq!(acts(net.hears(&typing("active"))), ["ann writes true"]);
        assert!(acts(net.hears(&typing("active"))).is_empty());
        assert_eq!(acts(net.hears(&typing("done"))), ["ann writes false"]);
        net.hears(&typing("active"));
        assert_eq!(acts(net.later(7)), ["ann writes false"]);
        net.hears(&typing("active"));
        assert_eq!(acts(net.hears(":ann!a@h PRIVMSG #lounge :there")), ["there"], "words end it");
        assert!(acts(net.later(7)).is_empty());
    }
}
