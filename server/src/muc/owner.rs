//! XEP-0045 §10.1, §10.2, §10.9: configuring, unlocking and destroying a room.

use std::sync::Arc;

use rialto_xmpp::parts::form::Form;
use rialto_xmpp::{BareJid, Condition, Element, Iq, Jid, PresenceKind, StanzaError, ns};

use super::affiliation::{Affiliation, Role};
use super::config::{self, Config, Draft};
use super::effect::{Effect, Turn};
use super::farewell::Farewell;
use super::listener::{Listeners, Printed};
use super::occupant::Occupant;
use super::presence::{Change, user};
use super::room::{Room, State};

impl Room {
    /// `get`: the form.
    pub(super) fn config_form(&self, from: &Jid) -> Result<Option<Element>, StanzaError> {
        self.owns(from)?;
        Ok(Some(Element::new("query", ns::MUC_OWNER).with(config::form(&self.record).to_element())))
    }

    /// `set`: a form, or the end of the room.
    pub(super) fn owner_set(&mut self, turn: &mut Turn<'_>, from: &Jid, iq: &Iq) {
        match self.owned(turn, from, iq) {
            Ok(()) => {}
            Err(error) => turn.answer(iq, Err(error)),
        }
    }

    fn owned(&mut self, turn: &mut Turn<'_>, from: &Jid, iq: &Iq) -> Result<(), StanzaError> {
        self.owns(from)?;
        let query = iq.payload().ok_or(Condition::BadRequest)?;
        if let Some(destroy) = query.child("destroy", ns::MUC_OWNER) {
            let (alternate, reason) = self.read_destroy(destroy)?;
            turn.answer(iq, Ok(None));
            self.destroyed(turn, alternate, reason);
            return Ok(());
        }
        let form = Form::inside(query).ok_or(Condition::BadRequest)?;
        match form.kind.as_str() {
            "submit" => self.submit(turn, from, iq, &form),
            "cancel" => {
                turn.answer(iq, Ok(None));
                // §10.1.3: a room that was never configured is not wanted.
                if self.state == State::Locked {
                    self.destroyed(turn, None, None);
                }
                Ok(())
            }
            _ => Err(Condition::BadRequest.into()),
        }
    }

    fn submit(&mut self, turn: &mut Turn<'_>, from: &Jid, iq: &Iq, form: &Form) -> Result<(), StanzaError> {
        // XEP-0004 §3.4 lets an empty form stand for what was there (§10.1.2).
        if !form.fields.is_empty() && form.form_type().is_some_and(|kind| kind != ns::MUC_ROOMCONFIG) {
            return Err(Condition::BadRequest.into());
        }
        let draft = config::submitted(&self.record, form, &self.rules.limits)?;
        if draft.owners.as_ref().is_some_and(Vec::is_empty) {
            return Err(StanzaError::new(Condition::Conflict, "A room has an owner: leave one in the list."));
        }
        turn.answer(iq, Ok(None));
        let unlocked = self.state == State::Locked;
        self.state = State::Open;
        let before = self.record.config.clone();
        let actor = self.occupant(from).map(|occupant| occupant.nick.clone());
        self.people_change(turn, &draft, actor.as_ref());
        if before != draft.config {
            self.record_mut().config = draft.config;
            turn.save();
            self.config_changed(turn, &before);
        }
        if unlocked {
            turn.save();
        }
        Ok(())
    }

    /// The lists of the form hold everybody from now on.
    fn people_change(&mut self, turn: &mut Turn<'_>, draft: &Draft, actor: Option<&Arc<str>>) {
        for (people, affiliation, below) in [
            (&draft.owners, Affiliation::Owner, Affiliation::Admin),
            (&draft.admins, Affiliation::Admin, Affiliation::Member),
        ] {
            let Some(people) = people else { continue };
            let is_owner = |jid: &BareJid| draft.owners.as_ref().is_some_and(|owners| owners.contains(jid));
            let new = people.iter().filter(|jid| affiliation == Affiliation::Owner || !is_owner(jid));
            for jid in
                new.filter(|jid| self.record.affiliation(jid) != affiliation).cloned().collect::<Vec<_>>()
            {
                // An owner who is in the list of admins, too, stays what he is.
                if self.record.affiliation(&jid) < affiliation || affiliation == Affiliation::Owner {
                    self.change_affiliation(turn, &jid, affiliation, (actor.cloned(), None));
                }
            }
            let gone = self.record.of(affiliation).filter_map(|(jid, _)| BareJid::parse(jid).ok());
            for jid in gone.filter(|jid| !people.contains(jid)).collect::<Vec<_>>() {
                self.change_affiliation(turn, &jid, below, (actor.cloned(), None));
            }
        }
    }

    /// §10.2.1: who is there learns it; who may not be there any more goes.
    fn config_changed(&mut self, turn: &mut Turn<'_>, before: &Config) {
        let now = self.record.config.clone();
        let mut codes = vec![104];
        if before.archive != now.archive {
            codes.push(if now.archive { 170 } else { 171 });
        }
        if before.whois_anyone != now.whois_anyone {
            codes.push(if now.whois_anyone { 172 } else { 173 });
        }
        if now.members_only && !before.members_only {
            let strangers =
                |one: &&Arc<Occupant>| one.affiliation < Affiliation::Member && one.link().is_none();
            for occupant in self.occupants.iter().filter(strangers).cloned().collect::<Vec<_>>() {
                self.take_out(turn, &occupant, &Change::code(322));
            }
        }
        self.tell_codes(turn, &codes);
        self.readers_changed(turn, before);
        if now.moderated != before.moderated || now.voice_by_default != before.voice_by_default {
            self.moderation_changed(turn);
        }
        // Who sees real JIDs only now is told them.
        if now.whois_anyone && !before.whois_anyone {
            self.reveal(turn);
        }
    }

    /// Whoever may speak goes on speaking; whoever could not, may where nobody needs voice any more.
    fn moderation_changed(&mut self, turn: &mut Turn<'_>) {
        self.voices = Arc::default();
        for occupant in self.occupants.iter().cloned().collect::<Vec<_>>() {
            let role = self.role_on_entry(occupant.affiliation);
            if occupant.role == Role::Visitor && role > Role::Visitor {
                self.restand(turn, &occupant, (occupant.affiliation, role), &Change::default());
            }
        }
    }

    fn reveal(&self, turn: &mut Turn<'_>) {
        let others = self.occupants.others();
        for occupant in self.occupants.iter().filter(|occupant| self.shows(occupant.role)) {
            if let Some([_, with]) = &occupant.cards {
                turn.tell(with.clone(), others.clone());
            }
        }
    }

    fn read_destroy(&self, destroy: &Element) -> Result<(Option<Element>, Option<String>), StanzaError> {
        let reason = destroy.child_text("reason", ns::MUC_OWNER).filter(|reason| !reason.is_empty());
        if reason.as_ref().is_some_and(|reason| reason.len() > self.rules.limits.reason) {
            return Err(StanzaError::new(Condition::NotAcceptable, "This reason is too long."));
        }
        let Some(jid) = destroy.get("jid") else { return Ok((None, reason)) };
        let jid = BareJid::parse(jid).map_err(|_| Condition::JidMalformed)?;
        let password = destroy.child_text("password", ns::MUC_OWNER);
        let alternate = user("destroy")
            .attr("jid", jid)
            .with_opt(password.map(|password| user("password").with_text(password)));
        Ok((Some(alternate), reason))
    }

    /// §10.9: each occupant hears of himself alone, and the room is no more.
    pub(super) fn destroyed(
        &mut self,
        turn: &mut Turn<'_>,
        alternate: Option<Element>,
        reason: Option<String>,
    ) {
        // One that never was, or is there for a far room alone, is not missed.
        if self.state == State::Open && !self.links.iter().any(|link| link.on_demand) {
            let elsewhere = alternate.as_ref().and_then(|to| to.get("jid")).map(str::to_owned);
            let farewell = Farewell::new(&self.record, turn.now.at, elsewhere, reason.clone());
            self.record_mut().gone = Some(farewell);
        }
        let destroy = alternate.unwrap_or_else(|| user("destroy"));
        let destroy = destroy.with_opt(reason.map(|reason| user("reason").with_text(reason)));
        let change = Change { last: Some(Vec::new()), ..Change::default() };
        for occupant in self.occupants.iter() {
            let out = Occupant { affiliation: Affiliation::None, ..Occupant::clone(occupant) };
            let mut own = self.own_presence(&out, PresenceKind::Unavailable, &change);
            let x = own.payloads.iter_mut().find(|payload| payload.is("x", ns::MUC_USER));
            x.into_iter().for_each(|x| x.push(destroy.clone()));
            let printed = Printed::new(&own.into());
            for chair in occupant.chairs() {
                turn.tell(printed.clone(), Listeners::One(chair.listener.clone()));
            }
        }
        self.occupants = Arc::default();
        self.state = State::Gone;
        turn.effects.push(Effect::Close);
    }

    fn owns(&self, from: &Jid) -> Result<(), StanzaError> {
        match self.affiliation(from) {
            Affiliation::Owner => Ok(()),
            _ => Err(StanzaError::new(Condition::Forbidden, "Only owners of the room do this.")),
        }
    }
}
