//! XEP-0045 §8, §9, §10.3 – §10.8: the lists of roles and affiliations, and changes to them.

use rialto_xmpp::{BareJid, Condition, Element, Iq, Jid, StanzaError, ns};

use super::affiliation::{Affiliation, Role};
use super::effect::Turn;
use super::room::Room;

/// Items in one request at most.
const MOST: usize = 256;

/// One item of a request, read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Item {
    /// §8: what an occupant may do.
    Role {
        /// His nick.
        nick: String,
        /// From now on.
        role: Role,
        /// Why.
        reason: Option<String>,
    },
    /// §9, §10: what somebody is to the room.
    Affiliation {
        /// Who.
        jid: BareJid,
        /// From now on.
        affiliation: Affiliation,
        /// The nick reserved for him; an empty one takes it away (§9.5).
        nick: Option<String>,
        /// Why.
        reason: Option<String>,
    },
}

impl Room {
    /// `get`: one list. Who may see it is asked for each of them: lists hold real JIDs.
    pub(super) fn admin_list(&self, from: &Jid, query: &Element) -> Result<Option<Element>, StanzaError> {
        let mut items = query.children().filter(|child| child.is("item", ns::MUC_ADMIN));
        let (Some(item), None) = (items.next(), items.next()) else {
            return Err(Condition::BadRequest.into());
        };
        let list = Element::new("query", ns::MUC_ADMIN);
        match (item.get("affiliation"), item.get("role")) {
            (Some(word), None) => {
                let affiliation = Affiliation::parse(word).filter(|one| *one != Affiliation::None);
                let affiliation = affiliation.ok_or(Condition::BadRequest)?;
                self.may_see_affiliations(from, affiliation)?;
                Ok(Some(list.with_all(self.affiliation_items(affiliation))))
            }
            (None, Some(word)) => {
                let role = Role::parse(word).filter(|one| *one != Role::None).ok_or(Condition::BadRequest)?;
                self.may_see_roles(from)?;
                Ok(Some(list.with_all(self.role_items(role))))
            }
            _ => Err(Condition::BadRequest.into()),
        }
    }

    /// `set`: all items or none (§9.2, §9.5).
    pub(super) fn admin_change(&mut self, turn: &mut Turn<'_>, from: &Jid, iq: &Iq) {
        match self.read_changes(from, iq) {
            Ok(items) => {
                turn.answer(iq, Ok(None));
                let actor = self.occupant(from).map(|occupant| occupant.nick.clone());
                for item in items {
                    match item {
                        Item::Role { nick, role, reason } => {
                            self.change_role(turn, &nick, role, (actor.clone(), reason));
                        }
                        Item::Affiliation { jid, affiliation, nick, reason } => {
                            self.reserve(&jid, nick);
                            self.change_affiliation(turn, &jid, affiliation, (actor.clone(), reason));
                        }
                    }
                }
            }
            Err(error) => turn.answer(iq, Err(error)),
        }
    }

    fn read_changes(&self, from: &Jid, iq: &Iq) -> Result<Vec<Item>, StanzaError> {
        let query = iq.payload().ok_or(Condition::BadRequest)?;
        let items: Vec<&Element> = query.children().filter(|child| child.is("item", ns::MUC_ADMIN)).collect();
        if items.is_empty() || items.len() > MOST {
            return Err(Condition::BadRequest.into());
        }
        let items: Vec<Item> =
            items.into_iter().map(|item| self.read_item(from, item)).collect::<Result<_, _>>()?;
        for item in &items {
            match item {
                Item::Role { nick, role, .. } => self.may_change_role(from, nick, *role)?,
                Item::Affiliation { jid, affiliation, nick, .. } => {
                    self.may_change_affiliation(from, jid, *affiliation)?;
                    self.may_reserve(jid, nick.as_deref())?;
                }
            }
        }
        self.an_owner_stays(&items)?;
        self.lists_have_room(&items)?;
        Ok(items)
    }

    fn read_item(&self, from: &Jid, item: &Element) -> Result<Item, StanzaError> {
        let reason = item.child_text("reason", ns::MUC_ADMIN).filter(|reason| !reason.is_empty());
        if reason.as_ref().is_some_and(|reason| reason.len() > self.rules.limits.reason) {
            return Err(StanzaError::new(Condition::NotAcceptable, "This reason is too long."));
        }
        let nick = item.get("nick").map(str::to_owned);
        match (item.get("affiliation"), item.get("role")) {
            (None, Some(word)) => {
                let role = Role::parse(word).ok_or(Condition::BadRequest)?;
                Ok(Item::Role { nick: nick.ok_or(Condition::BadRequest)?, role, reason })
            }
            (Some(word), None) => {
                let affiliation = Affiliation::parse(word).ok_or(Condition::BadRequest)?;
                let jid = match item.get("jid") {
                    Some(jid) => Jid::parse(jid).map_err(|_| Condition::JidMalformed)?.bare(),
                    // Some clients name an occupant instead; only who sees real JIDs may (§7.2.4).
                    None => {
                        let there = nick.as_deref().and_then(|nick| self.occupants.of_nick(nick));
                        let sees = self.occupant(from).is_some_and(|own| self.sees(own.role));
                        let there = there.filter(|_| sees).ok_or(Condition::ItemNotFound)?;
                        return Ok(Item::Affiliation { jid: there.bare(), affiliation, nick: None, reason });
                    }
                };
                Ok(Item::Affiliation { jid, affiliation, nick, reason })
            }
            // §17.4: never both of one item.
            _ => Err(Condition::BadRequest.into()),
        }
    }

    /// §10.6: there is an owner afterwards. (Those who run the service do not count: rooms belong to people.)
    fn an_owner_stays(&self, items: &[Item]) -> Result<(), StanzaError> {
        let after = |jid: &str| {
            let last = items.iter().rev().find_map(|item| match item {
                Item::Affiliation { jid: who, affiliation, .. } if who.as_str() == jid => Some(*affiliation),
                _ => None,
            });
            last.unwrap_or_else(|| {
                self.record.standings.get(jid).map_or(Affiliation::None, |who| who.affiliation)
            })
        };
        let named = items.iter().filter_map(|item| match item {
            Item::Affiliation { jid, .. } => Some(jid.as_str()),
            Item::Role { .. } => None,
        });
        let had = self.record.of(Affiliation::Owner).next().is_some();
        let known = self.record.of(Affiliation::Owner).map(|(jid, _)| jid);
        if had && !known.chain(named).any(|jid| after(jid) == Affiliation::Owner) {
            return Err(StanzaError::new(
                Condition::Conflict,
                "A room has an owner: name another one first.",
            ));
        }
        Ok(())
    }

    fn lists_have_room(&self, items: &[Item]) -> Result<(), StanzaError> {
        let new = items.iter().filter(|item| match item {
            Item::Affiliation { jid, .. } => !self.record.standings.contains_key(jid.as_str()),
            Item::Role { .. } => false,
        });
        if self.record.standings.len() + new.count() > self.rules.limits.standings {
            return Err(StanzaError::new(Condition::ResourceConstraint, "The lists of this room are full."));
        }
        Ok(())
    }

    fn affiliation_items(&self, affiliation: Affiliation) -> Vec<Element> {
        let items = self.record.of(affiliation).map(|(jid, who)| {
            let there = self.occupants.iter().find(|one| one.real.bare_str() == jid);
            let nick = who.nick.as_deref().or(there.map(|one| &*one.nick));
            let nick = nick.filter(|_| affiliation != Affiliation::Outcast);
            let reason = who.reason.as_ref();
            Element::new("item", ns::MUC_ADMIN)
                .attr("affiliation", affiliation.as_str())
                .attr("jid", jid)
                .attr_opt("nick", nick)
                .attr_opt("role", there.map(|one| one.role.as_str()))
                .with_opt(
                    reason.map(|reason| Element::new("reason", ns::MUC_ADMIN).with_text(reason.as_str())),
                )
        });
        items.collect()
    }

    fn role_items(&self, role: Role) -> Vec<Element> {
        let those = self.occupants.iter().filter(|occupant| occupant.role == role);
        let item = those.map(|occupant| {
            Element::new("item", ns::MUC_ADMIN)
                .attr("nick", &occupant.nick)
                .attr("role", role.as_str())
                .attr("affiliation", occupant.affiliation.as_str())
                .attr("jid", &occupant.real)
        });
        item.collect()
    }

    /// §9.2, §9.5, §10.5, §10.8: admins see all lists; members see who the others are where everybody sees real JIDs
    /// anyway, and occupants of the roles that the configuration names see members where they see real JIDs.
    fn may_see_affiliations(&self, from: &Jid, list: Affiliation) -> Result<(), StanzaError> {
        let own = self.affiliation(from);
        let config = &self.record.config;
        let role = self.occupant(from).map_or(Role::None, |occupant| occupant.role);
        let as_admin = own >= Affiliation::Admin;
        let as_member = own >= Affiliation::Member && config.whois_anyone && list >= Affiliation::Member;
        let listed = config.list_roles.iter().any(|one| one == role.as_str());
        let as_occupant = role > Role::None && listed && self.sees(role) && list == Affiliation::Member;
        match as_admin || as_member || as_occupant {
            true => Ok(()),
            false => Err(StanzaError::new(Condition::Forbidden, "This list is for those who run the room.")),
        }
    }

    /// §8.5, §9.8: moderators see who has which role.
    fn may_see_roles(&self, from: &Jid) -> Result<(), StanzaError> {
        let moderates = self.occupant(from).is_some_and(|occupant| occupant.role == Role::Moderator);
        match moderates || self.affiliation(from) >= Affiliation::Admin {
            true => Ok(()),
            false => Err(Condition::Forbidden.into()),
        }
    }
}
