//! XEP-0191 §3.3, §3.4, §3.5: what a command does to the list.

use rialto_store::StoreError;
use rialto_xmpp::{Condition, Element, Jid, StanzaError, ns};

use crate::features::blocked::List;

/// Addresses of one list, at most. Overflow: the command is refused.
pub(super) const MOST: usize = 1000;

/// Bytes of all addresses of one list, at most.
const MOST_BYTES: usize = 128 * 1024;

/// A command.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Edit {
    /// These too.
    Block(Vec<String>),
    /// These no more.
    Unblock(Vec<String>),
    /// None any more.
    UnblockAll,
}

/// Why a list was not changed.
#[derive(Debug)]
pub(super) enum Refused {
    /// It has no room.
    Full,
    /// The store failed.
    Store,
}

impl Edit {
    /// Reads `<block/>` or `<unblock/>`; addresses as they are prepared.
    ///
    /// # Errors
    /// `bad-request` for an item without an address or nothing to block, `jid-malformed`.
    pub(super) fn read(payload: &Element) -> Result<Edit, StanzaError> {
        let items = payload.children().filter(|child| child.is("item", ns::BLOCKING));
        let jid = |item: &Element| {
            let jid = Jid::parse(item.get("jid").ok_or(Condition::BadRequest)?);
            jid.map(|jid| jid.as_str().to_owned()).map_err(|_| Condition::JidMalformed)
        };
        let jids = items.map(jid).collect::<Result<Vec<String>, Condition>>()?;
        match (payload.name(), jids.is_empty()) {
            ("block", false) => Ok(Edit::Block(jids)),
            ("unblock", false) => Ok(Edit::Unblock(jids)),
            ("unblock", true) => Ok(Edit::UnblockAll),
            _ => Err(StanzaError::new(Condition::BadRequest, "Say whom to block.")),
        }
    }

    /// The list after the command.
    ///
    /// # Errors
    /// [`Refused::Full`].
    pub(super) fn apply(&self, before: &List) -> Result<List, Refused> {
        let mut after = before.clone();
        match self {
            Edit::Block(jids) => after.extend(jids.iter().cloned()),
            Edit::Unblock(jids) => after.retain(|jid| !jids.contains(jid)),
            Edit::UnblockAll => after.clear(),
        }
        let bytes: usize = after.iter().map(String::len).sum();
        if after.len() > before.len() && (after.len() > MOST || bytes > MOST_BYTES) {
            return Err(Refused::Full);
        }
        Ok(after)
    }
}

impl From<StoreError> for Refused {
    fn from(_: StoreError) -> Refused {
        Refused::Store
    }
}

impl From<Refused> for StanzaError {
    fn from(refused: Refused) -> StanzaError {
        match refused {
            Refused::Full => {
                let text = "Your block list is full: unblock somebody first, or block a whole domain.";
                StanzaError::new(Condition::ResourceConstraint, text)
            }
            Refused::Store => Condition::InternalServerError.into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rialto_xmpp::parse;

    fn read(inside: &str) -> Result<Edit, Condition> {
        let xml = inside.replacen(' ', " xmlns='urn:xmpp:blocking' ", 1);
        Edit::read(&parse::standalone(&xml).unwrap()).map_err(|error| error.condition)
    }

    #[test]
    fn addresses_are_prepared_and_bad_ones_refused() {
        let edit = read("<block ><item jid='Romeo@Montague.LIT'/><note/></block>").unwrap();
        assert_eq!(edit, Edit::Block(vec!["romeo@montague.lit".into()]));
        assert_eq!(read("<block ><item jid='@x'/></block>"), Err(Condition::JidMalformed));
        assert_eq!(read("<block ><item/></block>"), Err(Condition::BadRequest));
        assert_eq!(read("<block />"), Err(Condition::BadRequest));
        assert_eq!(read("<unblock />"), Ok(Edit::UnblockAll));
    }

    #[test]
    fn a_full_list_takes_no_more_and_gives_back() {
        let many = |n: usize| Edit::Block((0..n).map(|n| format!("n{n}@x")).collect());
        let full = many(MOST).apply(&List::new()).unwrap();
        assert!(matches!(many(MOST + 1).apply(&full), Err(Refused::Full)));
        assert!(many(MOST).apply(&full).is_ok(), "what is there already needs no room");
        assert_eq!(Edit::Unblock(vec!["n0@x".into()]).apply(&full).unwrap().len(), MOST - 1);
        assert!(Edit::UnblockAll.apply(&full).unwrap().is_empty());
        let long = Edit::Block((0..100).map(|n| format!("{}@{n}.x", "a".repeat(1000))).collect());
        let long = long.apply(&List::new()).unwrap();
        assert!(
            Edit::Block((0..100).map(|n| format!("{}@{n}.y", "a".repeat(1000))).collect())
                .apply(&long)
                .is_err()
        );
    }
}
