//! RFC 6121 §2.3–§2.5: adding, changing and removing an item.

use rialto_store::rosters::Item;
use rialto_xmpp::{BareJid, Condition, Element, PresenceKind, StanzaError, ns};

use super::Roster;
use crate::features::Ask;
use crate::features::contacts::{Contacts, Edit, Limits, hide, is_shown, seen, sees, subscription};
use crate::sessions::Account;

/// What the user asks for.
#[derive(Debug, PartialEq, Eq)]
enum Request {
    /// §2.3, §2.4.
    Set { jid: BareJid, name: Option<String>, groups: Vec<String> },
    /// §2.5.
    Remove(BareJid),
}

impl Roster {
    /// §2.1.5: one item is set or removed.
    pub(super) fn set(
        &self,
        ask: &mut Ask<'_>,
        account: &Account,
        contacts: &Contacts,
    ) -> Result<Option<Element>, StanzaError> {
        match Request::read(ask.payload()?, &self.limits)? {
            Request::Set { jid, name, groups } => {
                if jid == account.jid {
                    let text = "Your own address needs no place on your roster.";
                    return Err(StanzaError::new(Condition::NotAllowed, text));
                }
                let list = contacts.list();
                if list.len() >= self.limits.items && list.get(jid.as_str()).is_none() {
                    let text = "Your roster is full: remove a contact first.";
                    return Err(StanzaError::new(Condition::ResourceConstraint, text));
                }
                // §2.1.2: `subscription`, `ask` and `approved` are the server's to say, whatever the client wrote.
                let changed = contacts.edit(&self.keeper, &account.jid, &jid, |before| {
                    let before = before.cloned().unwrap_or_default();
                    Edit::Put(Item { name, groups, listed: true, ..before })
                });
                if let Some(changed) = changed.map_err(|_| Condition::InternalServerError)? {
                    changed.leave(account, &mut ask.left);
                }
            }
            Request::Remove(jid) => self.remove(ask, account, contacts, &jid)?,
        }
        Ok(None)
    }

    /// §2.5.2: with the item go both subscriptions, and the requests that wait.
    fn remove(
        &self,
        ask: &mut Ask<'_>,
        account: &Account,
        contacts: &Contacts,
        jid: &BareJid,
    ) -> Result<(), StanzaError> {
        let mut gone = None;
        let changed = contacts.edit(&self.keeper, &account.jid, jid, |before| {
            gone = before.filter(|item| is_shown(item)).cloned();
            if gone.is_some() { Edit::Remove } else { Edit::Keep }
        });
        let changed = changed.map_err(|_| Condition::InternalServerError)?;
        let (Some(item), Some(changed)) = (gone, changed) else {
            // §2.5.3
            return Err(Condition::ItemNotFound.into());
        };
        changed.leave(account, &mut ask.left);
        if sees(item.subscription) || item.ask {
            ask.left.route(subscription(PresenceKind::Unsubscribe, &account.jid, jid));
        }
        if seen(item.subscription) || item.pending_in.is_some() {
            ask.left.route(subscription(PresenceKind::Unsubscribed, &account.jid, jid));
        }
        if seen(item.subscription) {
            hide(account, jid, &mut ask.left);
        }
        Ok(())
    }
}

impl Request {
    /// §2.3.3: what is refused.
    fn read(query: &Element, limits: &Limits) -> Result<Request, StanzaError> {
        let mut items = query.children().filter(|child| child.is("item", ns::ROSTER));
        let (Some(item), None) = (items.next(), items.next()) else {
            return Err(StanzaError::new(Condition::BadRequest, "A roster set holds exactly one item."));
        };
        let jid = item.get("jid").ok_or(Condition::BadRequest)?;
        let jid = BareJid::parse(jid).map_err(|_| {
            StanzaError::new(
                Condition::JidMalformed,
                "A contact's address is name@server, without a resource.",
            )
        })?;
        if item.get("subscription") == Some("remove") {
            return Ok(Request::Remove(jid));
        }
        let name = item.get("name").filter(|name| !name.is_empty()).map(str::to_owned);
        if name.as_ref().is_some_and(|name| name.len() > limits.name) {
            return Err(too_long("name", limits.name));
        }
        Ok(Request::Set { jid, name, groups: groups(item, limits)? })
    }
}

fn groups(item: &Element, limits: &Limits) -> Result<Vec<String>, StanzaError> {
    let mut groups: Vec<String> = Vec::new();
    for group in item.children().filter(|child| child.is("group", ns::ROSTER)).map(Element::text) {
        if group.is_empty() {
            return Err(StanzaError::new(Condition::NotAcceptable, "A group needs a name."));
        }
        if group.len() > limits.name {
            return Err(too_long("name of a group", limits.name));
        }
        if groups.contains(&group) {
            return Err(StanzaError::new(Condition::BadRequest, "A group is named twice."));
        }
        if groups.len() == limits.groups {
            let text = format!("A contact may be in {} groups at most.", limits.groups);
            return Err(StanzaError::new(Condition::NotAcceptable, text));
        }
        groups.push(group);
    }
    Ok(groups)
}

fn too_long(what: &str, limit: usize) -> StanzaError {
    StanzaError::new(Condition::NotAcceptable, format!("The {what} is longer than {limit} bytes."))
}

#[cfg(test)]
mod tests {
    use super::*;
    use rialto_xmpp::parse::standalone;

    fn read(items: &str) -> Result<Request, Condition> {
        let query = standalone(&format!("<query xmlns='jabber:iq:roster'>{items}</query>")).unwrap();
        Request::read(&query, &Limits::default()).map_err(|error| error.condition)
    }

    #[test]
    fn what_a_roster_set_must_not_hold_is_refused_with_the_conditions_of_the_rfc() {
        let long = "x".repeat(1024);
        let refused = [
            (String::new(), Condition::BadRequest),
            ("<item jid='a@b'/><item jid='c@d'/>".into(), Condition::BadRequest),
            ("<item name='nobody'/>".into(), Condition::BadRequest),
            ("<item jid='@'/>".into(), Condition::JidMalformed),
            ("<item jid='a@b/c'/>".into(), Condition::JidMalformed),
            ("<item jid='a@b'><group>x</group><group>x</group></item>".into(), Condition::BadRequest),
            ("<item jid='a@b'><group/></item>".into(), Condition::NotAcceptable),
            (format!("<item jid='a@b' name='{long}'/>"), Condition::NotAcceptable),
            (format!("<item jid='a@b'><group>{long}</group></item>"), Condition::NotAcceptable),
        ];
        for (items, condition) in refused {
            assert_eq!(read(&items), Err(condition), "{items}");
        }
    }

    #[test]
    fn a_subscription_other_than_remove_is_not_the_clients_to_say() {
        let set = read("<item jid='A@b' subscription='both' ask='subscribe' name=''/>").unwrap();
        assert_eq!(set, Request::Set { jid: BareJid::parse("a@b").unwrap(), name: None, groups: vec![] });
        let remove = read("<item jid='a@b' subscription='remove'/>").unwrap();
        assert_eq!(remove, Request::Remove(BareJid::parse("a@b").unwrap()));
    }
}
