//! What moderators here decide about people of far rooms: it holds there, too, where the link lets it.

use std::sync::Arc;

use rialto_bridges::Sanction;
use rialto_xmpp::{BareJid, Element, Message, MessageKind, ns, prep};

use super::attached::Attached;
use super::linked::Linked;
use crate::muc::affiliation::Affiliation;
use crate::muc::effect::{Effect, Turn};
use crate::muc::listener::{Listeners, Printed};
use crate::muc::occupant::Occupant;
use crate::muc::role::Cause;
use crate::muc::room::{Input, Room};

/// Something that was decided about somebody of a far room.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decided {
    /// About whom: an `Author::id`.
    pub person: Arc<str>,
    /// What he is called.
    pub nick: Arc<str>,
    /// What.
    pub sanction: Sanction,
    /// The nick of whoever decided it and is told what came of it.
    pub by: Option<Arc<str>>,
}

impl Room {
    /// A moderator has put somebody of a far room out of this one.
    pub(in crate::muc) fn kicked_here(&self, turn: &mut Turn<'_>, occupant: &Occupant, (by, reason): Cause) {
        let Some(link) = occupant.link().and_then(|id| self.link(id)) else { return };
        let Some(person) = self.far.seated(link.id, &occupant.nick) else { return };
        let person = person.author.id.clone();
        let sanction = Sanction::Kick { reason };
        decide(turn, &link, Decided { person, nick: occupant.nick.clone(), sanction, by });
    }

    /// Somebody of a far room is banned from this one, or is so no more; he need not be there.
    pub(in crate::muc) fn banned_here(
        &self,
        turn: &mut Turn<'_>,
        jid: &BareJid,
        (before, to): (Affiliation, Affiliation),
        (by, reason): Cause,
    ) {
        let sanction = match (before, to) {
            (Affiliation::Outcast, Affiliation::Outcast) => return,
            (_, Affiliation::Outcast) => Sanction::Ban { reason },
            (Affiliation::Outcast, _) => Sanction::Unban,
            _ => return,
        };
        let Some((id, link)) = self.far_address(jid) else { return };
        let nick =
            self.far.person(link.id, &id).map_or_else(|| id.clone(), |person| person.author.nick.clone());
        decide(turn, &link, Decided { person: id, nick, sanction, by });
    }

    /// Who is meant by an address of a far room's people.
    fn far_address(&self, jid: &BareJid) -> Option<(Arc<str>, Arc<Linked>)> {
        let local = prep::unescape(jid.localpart()?).into_owned();
        let (id, bridge) = local.rsplit_once('%')?;
        let is = |link: &&Arc<Linked>| *link.bridge == *bridge && *link.domain == *jid.domainpart();
        Some((id.into(), self.links.iter().find(is)?.clone()))
    }

    /// One occupant learns what came of what he decided.
    pub(in crate::muc) fn told(&self, turn: &mut Turn<'_>, nick: &str, says: &str) {
        let Some(occupant) = self.occupants.of_nick(nick) else { return };
        let mut message = Message::new(MessageKind::Groupchat, &self.jid, &self.jid);
        message.head.to = None;
        message.head.id = Some(format!("{}-t", turn.now.id).into());
        let printed = Printed::new(&message.with(Element::new("body", ns::CLIENT).with_text(says)).into());
        for chair in occupant.chairs() {
            turn.tell(printed.clone(), Listeners::One(chair.listener.clone()));
        }
    }
}

fn decide(turn: &mut Turn<'_>, link: &Linked, decided: Decided) {
    if link.options.moderate {
        turn.effects.push(Effect::Sanction(link.id, decided));
    }
}

impl Attached {
    /// Does it there, and says what came of it: something for whoever decided it.
    pub(super) async fn sanction(&self, decided: Decided) -> Option<Input> {
        let (over, linked) = (&self.over.network, &self.linked);
        let (link, nick) = (linked.key(), &decided.nick);
        let done = match over.capabilities(&linked.far).sanction {
            true => over.sanction(&linked.far, &decided.person, &decided.sanction).await,
            false => Err(rialto_bridges::NetworkError::Unsupported("moderation")),
        };
        let what = match decided.sanction {
            Sanction::Kick { .. } => "put out",
            Sanction::Ban { .. } => "banned",
            Sanction::Unban => "let in again",
        };
        let says = match done {
            Ok(()) => format!("{nick} was {what} in {link}, too."),
            Err(error) => format!("{nick} was {what} here only, and not in {link}: {error}"),
        };
        tracing::info!(link, person = %decided.person, "{says}");
        Some(Input::Told(decided.by?, says))
    }
}
