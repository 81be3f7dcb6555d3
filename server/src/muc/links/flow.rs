//! What a far room is in itself: hidden ones do not flow into rooms with more readers, and deletions there hold here.

use std::sync::Arc;

use rialto_bridges::model::harmless_line;
use rialto_bridges::{About, Act, Author, Event};
use rialto_xmpp::{BareJid, Element, Jid, Message, MessageKind, ns};

use super::linked::Linked;
use super::news::Named;
use super::people::Place;
use super::relay;
use super::seats::CROWD;
use crate::config::{Hidden, Way};
use crate::muc::affiliation::Affiliation;
use crate::muc::config::Config;
use crate::muc::effect::{Effect, Turn};
use crate::muc::listener::Printed;
use crate::muc::moderate::By;
use crate::muc::occupant::Occupant;
use crate::muc::presence::Change;
use crate::muc::room::Room;

/// Bytes of a reason that is passed on.
const REASON: usize = 256;

impl Room {
    /// Nothing flows over this link: not everybody there may read what would be read by more people here.
    pub(super) fn is_withheld(&self, link: &Linked) -> bool {
        self.withheld_under(link, &self.record.config)
    }

    /// Only members read a room for members, in its archive as well (XEP-0313 §5.1.2).
    fn withheld_under(&self, link: &Linked, config: &Config) -> bool {
        let hidden = self.far.about(link.id).is_some_and(|about| about.hidden);
        hidden && link.options.hidden == Hidden::Refuse && !config.members_only
    }

    /// More is known of a far room.
    pub(super) fn far_about(&mut self, turn: &mut Turn<'_>, link: &Linked, about: About) {
        let before = self.is_withheld(link);
        self.far_mut().put_about(link.id, about);
        self.flow(turn, link, before);
    }

    /// The room has other readers than before.
    pub(in crate::muc) fn readers_changed(&mut self, turn: &mut Turn<'_>, before: &Config) {
        for link in self.links.clone().iter() {
            let before = self.withheld_under(link, before);
            self.flow(turn, link, before);
        }
    }

    /// XEP-0500, and what the far rooms demand of their own people: seconds between two messages of one of ours.
    pub(in crate::muc) fn far_pause(&self) -> u64 {
        let links = self.links.iter().filter(|link| link.options.way != Way::In && !self.is_withheld(link));
        let slow = links.filter_map(|link| self.far.about(link.id)?.slow);
        slow.map(|slow| slow.as_secs()).max().unwrap_or(0)
    }

    fn flow(&mut self, turn: &mut Turn<'_>, link: &Linked, before: bool) {
        match (before, self.is_withheld(link)) {
            (false, true) => self.withhold(turn, link),
            (true, false) => {
                turn.effects.push(Effect::Withheld(link.id, None));
                let people: Vec<_> = self.far.of(link.id).cloned().collect();
                let crowd = people.len() > CROWD;
                for person in people.iter().filter(|person| person.place == Place::Unseated) {
                    self.sit(turn, link, (**person).clone(), crowd);
                }
            }
            _ => {}
        }
    }

    fn withhold(&mut self, turn: &mut Turn<'_>, link: &Linked) {
        let seated: Vec<Arc<Occupant>> =
            self.occupants.iter().filter(|occupant| occupant.link() == Some(link.id)).cloned().collect();
        for occupant in seated {
            self.take_out(turn, &occupant, &Change { last: Some(Vec::new()), ..Change::default() });
        }
        let why = "not everybody there may read it, and more people may read this room";
        turn.effects.push(Effect::Withheld(link.id, Some(why.to_owned())));
        let says = format!(
            "Nothing flows between this room and {}: {why}. Make this room members-only, or write hidden = \"allow\" for the \
             link in the configuration.",
            link.key()
        );
        self.tell_owners(turn, &says);
    }

    /// Those who decide about the room: in it, or by a letter.
    fn tell_owners(&self, turn: &mut Turn<'_>, says: &str) {
        let body = || Element::new("body", ns::CLIENT).with_text(harmless_line(says));
        let mut message = Message::new(MessageKind::Groupchat, &self.jid, &self.jid);
        message.head.to = None;
        message.head.id = Some(format!("{}-h", turn.now.id).into());
        turn.tell(Printed::new(&message.with(body()).into()), self.occupants.moderators());
        let owners: Vec<BareJid> =
            self.record.of(Affiliation::Owner).filter_map(|(jid, _)| BareJid::parse(jid).ok()).collect();
        for owner in owners {
            if self.occupants.iter().any(|occupant| occupant.real.bare_str() == owner.as_str()) {
                continue;
            }
            let mut letter = Message::new(MessageKind::Normal, &self.jid, &owner);
            letter.head.id = Some(format!("{}-h", turn.now.id).into());
            turn.send(letter.with(body()));
        }
    }

    /// XEP-0425: somebody there has deleted a message, and it goes here, and everywhere else. What nobody knows here is
    /// counted, and nothing happens.
    pub(super) fn far_erased(
        &mut self,
        turn: &mut Turn<'_>,
        link: &Linked,
        of: &Named,
        (by, reason): (Option<Arc<str>>, Option<String>),
    ) {
        let ours = self.memory.ours(link.id, of);
        let found = ours.and_then(|id| Some((self.kept(turn, &id)?, id)));
        let found = found.filter(|(message, _)| message.sender().is_some_and(|from| !Jid::is_bare(from)));
        let Some((message, id)) = found else { return turn.effects.push(Effect::Unknown(link.id)) };
        let reason = reason.map(|reason| rialto_bridges::degrade::shorten(&harmless_line(&reason), REASON));
        let there =
            by.as_deref().and_then(|by| self.far.of(link.id).find(|person| *person.author.nick == *by));
        let moderator = there.and_then(|person| self.occupants.of_nick(person.nick()?)).cloned();
        let own = self.jid.as_jid().clone();
        let who = moderator.as_deref().map_or_else(|| By::room(&own), By::occupant);
        self.erase(turn, who, (&id, &message), reason.as_deref());
        let author = match &moderator {
            Some(moderator) => relay::author(moderator),
            None => Author::new(self.jid.as_str(), by.as_deref().unwrap_or("the room"), "xmpp"),
        };
        let event = Event { author, at: turn.now.at, act: Act::Retract { of: id } };
        self.relay(turn, Some(link.id), event, None);
    }
}
