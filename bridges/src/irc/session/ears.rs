//! What a connection hears: the listener all that happens in its rooms, a person's connection what concerns itself.

use super::room::Stage;
use super::{Out, Session};
use crate::irc::line::{Line, write};

impl Session {
    /// From now on everything is told, beginning with `Members` for each room, or no more than what concerns this
    /// connection. Where the listener is down, another connection can be elected.
    pub fn listen(&mut self, all: bool, out: &mut Out) {
        if std::mem::replace(&mut self.listens, all) == all {
            return;
        }
        let me = self.fold(&self.me.nick);
        for room in self.rooms.values_mut().filter(|room| room.stage == Stage::In) {
            if all {
                room.names = Some(Default::default());
                out.paced.push(write(&["NAMES", &room.name], None));
            } else {
                room.people.retain(|key, _| *key == me);
            }
        }
    }

    /// Is this line for us? A person's connection is deaf for what happens in its rooms.
    pub(super) fn concerns_us(&self, line: &Line) -> bool {
        let mine = || self.is_me(&line.source.nick);
        self.listens
            || match line.verb.as_str() {
                "JOIN" | "PART" | "AWAY" | "ACCOUNT" | "CHGHOST" => mine(),
                "QUIT" | "NICK" => {
                    mine() || self.isupport.casemapping.same(&line.source.nick, &self.persona.nick)
                }
                "KICK" => self.is_me(line.arg(1)),
                "TOPIC" | "331" | "332" | "333" | "352" | "354" => false,
                "PRIVMSG" | "NOTICE" | "TAGMSG" => mine() || self.is_me(line.arg(0)),
                _ => true,
            }
    }

    /// One of our connections has this nick.
    pub(super) fn is_ours(&self, nick: &str) -> bool {
        self.is_me(nick) || self.place.ours().have(nick, self.isupport.casemapping)
    }
}

#[cfg(test)]
mod tests {
    use crate::irc::session::tests::Net;
    use crate::network::Incoming;

    #[test]
    fn a_persons_connection_hears_what_concerns_him_and_nothing_else() {
        let mut net = Net::person("romeo@example.org");
        net.want("#lounge");
        net.enter("@ann bea");
        assert_eq!(net.news(), [Incoming::Regained], "who is there is the listener's to tell");
        for line in [
            ":ann!a@h PRIVMSG #lounge :hi",
            ":cid!c@h JOIN #lounge",
            ":ann!a@h KICK #lounge bea :x",
            ":ann!a@h MODE #lounge +m",
            ":ann!a@h TOPIC #lounge :x",
            ":ann!a@h QUIT :x",
        ] {
            assert_eq!(net.hears(line), [], "{line}");
        }
        assert_eq!(net.session.rooms["#lounge"].people.len(), 1, "he alone is remembered");
        let news = net.hears(":ann!a@h PRIVMSG rialto :psst \u{2}you\u{2}");
        assert!(
            matches!(&news[..], [Incoming::Whispered { from, to, message, .. }]
                if *from.nick == *"ann" && **to == *"romeo@example.org" && message.text.plain() == "psst you"),
            "{news:?}"
        );
        let news = net.hears(":ann!a@h KICK #lounge rialto :out");
        assert!(matches!(&news[..], [Incoming::Lost(_)]), "{news:?}");
    }

    #[test]
    fn an_elected_connection_tells_who_is_there_and_hears_all_from_then_on() {
        let mut net = Net::person("romeo@example.org");
        net.want("#lounge");
        net.enter("ann");
        net.sent();
        net.session.listen(true, &mut net.out);
        assert_eq!(net.sent(), ["NAMES #lounge"]);
        net.says(":s 353 rialto = #lounge :rialto @ann");
        net.says(":s 366 rialto #lounge :End");
        assert!(matches!(&net.news()[..], [.., Incoming::Members(members)] if members.len() == 1));
        assert_eq!(net.hears(":ann!a@h PRIVMSG #lounge :hi").len(), 1);
        net.session.listen(false, &mut net.out);
        assert_eq!(net.hears(":ann!a@h PRIVMSG #lounge :hi"), []);
    }

    #[test]
    fn what_our_other_connections_do_is_told_to_nobody() {
        let mut net = Net::lounge("ann");
        let other = net.session.place.ours().place();
        other.called(Some("Romeo"));
        for line in [
            ":romeo!r@h JOIN #lounge",
            ":romeo!r@h PRIVMSG #lounge :hi",
            ":romeo!r@h TOPIC #lounge :mine",
            ":s MODE #lounge +v romeo",
            ":romeo!r@h NICK :romeo_",
            ":romeo_!r@h PRIVMSG #lounge :hi",
            ":romeo_!r@h QUIT :bye",
        ] {
            assert_eq!(net.hears(line), [], "{line}");
        }
        net.enter("ann romeo_");
        assert!(matches!(&net.news()[..], [Incoming::Members(members), ..] if members.len() == 1));
        drop(other);
        net.says(":romeo_!r@h QUIT :bye");
        assert_eq!(net.hears(":romeo_!x@h JOIN #lounge").len(), 1, "somebody else under the nick");
    }
}
