//! XEP-0045 §7.2.2, §17.3: what occupants are told of one another.

use std::sync::Arc;

use rialto_xmpp::{Element, Jid, Presence, PresenceKind, Stanza, ns};

use super::affiliation::{Affiliation, Role};
use super::effect::Turn;
use super::listener::{Listener, Listeners, Printed};
use super::occupant::Occupant;
use super::room::Room;

/// What happened to an occupant, beside what he is now.
#[derive(Clone, Debug, Default)]
pub struct Change {
    /// Status codes for everybody.
    pub codes: Vec<u16>,
    /// Status codes for himself alone, beside 110.
    pub own_codes: Vec<u16>,
    /// Nick of whoever did it.
    pub actor: Option<Arc<str>>,
    /// Why.
    pub reason: Option<String>,
    /// §7.6: the nick he has from now on.
    pub new_nick: Option<Arc<str>>,
    /// He is gone: his last words, instead of what he says of himself.
    pub last: Option<Vec<Element>>,
}

impl Change {
    /// With a status code for everybody.
    pub fn code(code: u16) -> Change {
        Change { codes: vec![code], ..Change::default() }
    }
}

impl Room {
    /// Tells everybody of an occupant who is there: others first, then himself (§7.2.2).
    pub(super) fn announce(&self, turn: &mut Turn<'_>, nick: &str, change: &Change) {
        let Some(occupant) = self.occupants.of_nick(nick).cloned() else { return };
        self.announce_of(turn, &occupant, (PresenceKind::Available, None), change);
    }

    /// The same of an occupant as he is given: one who has just been taken out is told of his own going here.
    /// One session of his may be left out, because it is told apart.
    pub(super) fn announce_of(
        &self,
        turn: &mut Turn<'_>,
        occupant: &Occupant,
        (kind, except): (PresenceKind, Option<&Jid>),
        change: &Change,
    ) {
        if self.shows(occupant.role) {
            for sees in [true, false] {
                let to = self.audience(sees, occupant);
                if !to.is_empty() {
                    let printed = self.card(occupant, kind, change, sees);
                    turn.tell(printed, to);
                }
            }
        }
        let own_chairs = occupant.chairs().iter().filter(|chair| Some(&chair.listener.jid) != except);
        for chair in own_chairs {
            let own = self.own_presence(occupant, kind, change);
            turn.tell(Printed::new(&own.into()), Listeners::One(chair.listener.clone()));
        }
    }

    /// §7.2.2: to somebody who enters, everybody who is there.
    pub(super) fn tell_of_all(&self, turn: &mut Turn<'_>, to: &Arc<Listener>, except: &str, sees: bool) {
        for other in self.occupants.iter().filter(|other| &*other.nick != except && self.shows(other.role)) {
            let card = other.cards.as_ref().map(|[without, with]| if sees { with } else { without });
            if let Some(card) = card {
                turn.tell(card.clone(), Listeners::One(to.clone()));
            }
        }
    }

    /// Seats an occupant, his presence made anew as others get it.
    pub(super) fn seat(&mut self, mut occupant: Occupant) {
        let plain = Change::default();
        let print = |sees| {
            let presence = self.presence_of(&occupant, PresenceKind::Available, &plain, sees);
            Printed::new(&presence.into())
        };
        let cards = [print(false), print(true)];
        occupant.cards = Some(cards);
        Arc::make_mut(&mut self.occupants).put(occupant);
    }

    /// §7.2.3, §7.2.4: whether occupants of this role see real JIDs.
    pub(super) fn sees(&self, role: Role) -> bool {
        self.record.config.whois_anyone || role == Role::Moderator
    }

    /// `muc#roomconfig_presencebroadcast`: whether occupants of this role are shown to others.
    pub(super) fn shows(&self, role: Role) -> bool {
        role == Role::None || self.record.config.shown_roles.contains(&role.as_str().to_owned())
    }

    /// The occupant's presence as he gets it himself, with his real JID and status 110.
    pub(super) fn own_presence(&self, occupant: &Occupant, kind: PresenceKind, change: &Change) -> Presence {
        let mut own = change.clone();
        own.codes.extend(&change.own_codes);
        own.codes.push(110);
        self.presence_of(occupant, kind, &own, true)
    }

    fn card(&self, occupant: &Occupant, kind: PresenceKind, change: &Change, sees: bool) -> Printed {
        let plain = change.codes.is_empty() && change.actor.is_none() && change.reason.is_none();
        match &occupant.cards {
            Some([without, with]) if plain && kind == PresenceKind::Available => {
                if sees {
                    with.clone()
                } else {
                    without.clone()
                }
            }
            _ => Printed::new(&Stanza::from(self.presence_of(occupant, kind, change, sees))),
        }
    }

    /// Those who see real JIDs, or those who do not, without the occupant himself.
    fn audience(&self, sees: bool, except: &Occupant) -> Listeners {
        let list = match (self.record.config.whois_anyone, sees) {
            (true, true) => self.occupants.all(),
            (true, false) => return Listeners::Many(Arc::new([])),
            (false, true) => self.occupants.moderators(),
            (false, false) => self.occupants.others(),
        };
        let own = |listener: &Arc<Listener>| except.sits(&listener.jid);
        if except.chairs().is_empty() || !list.iter().any(own) {
            return list;
        }
        Listeners::Many(list.iter().filter(|listener| !own(listener)).cloned().collect())
    }

    fn presence_of(&self, occupant: &Occupant, kind: PresenceKind, change: &Change, sees: bool) -> Presence {
        let mut presence = Presence::new(kind, &occupant.jid, &occupant.jid);
        presence.head.to = None;
        match &change.last {
            Some(last) => presence.payloads.extend(last.iter().cloned()),
            None => presence.payloads.extend(occupant.payloads.iter().cloned()),
        }
        presence.payloads.push(occupant.id_element());
        if change.last.is_none() {
            let own = self.record.hats.of(&occupant.real);
            // Who wears hats on his own network may be given others here: XEP-0317 knows one element for all.
            let there = presence.payloads.iter_mut().find(|payload| payload.is("hats", ns::HATS));
            match (own, there) {
                (Some(own), Some(there)) => own.children().for_each(|hat| there.push(hat.clone())),
                (own, _) => presence.payloads.extend(own),
            }
        }
        let (role, affiliation) = (occupant.role, occupant.affiliation);
        let role =
            if kind == PresenceKind::Unavailable && change.new_nick.is_none() { Role::None } else { role };
        let item = item(affiliation, role)
            .attr_opt("jid", sees.then_some(&occupant.real))
            .attr_opt("nick", change.new_nick.as_ref())
            .with_opt(change.actor.as_ref().map(|nick| user("actor").attr("nick", nick)))
            .with_opt(change.reason.as_ref().map(|reason| user("reason").with_text(reason.as_str())));
        presence.with(user("x").with(item).with_all(change.codes.iter().map(|code| status(*code))))
    }
}

/// An element in `muc#user`.
pub fn user(name: &'static str) -> Element {
    Element::new(name, ns::MUC_USER)
}

/// `<item/>` in `muc#user`.
pub fn item(affiliation: Affiliation, role: Role) -> Element {
    user("item").attr("affiliation", affiliation.as_str()).attr("role", role.as_str())
}

/// `<status/>` in `muc#user`.
pub fn status(code: u16) -> Element {
    user("status").attr("code", code.to_string())
}
