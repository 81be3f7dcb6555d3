//! XEP-0441: what an account wants archived, in memory.

use rialto_store::prefs::{Archived, Prefs};
use rialto_xmpp::Jid;

use crate::features::contacts::{Contacts, is_shown};
use crate::sessions::Account;

/// The preferences of an account; one of its extensions.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wishes(pub Prefs);

impl Wishes {
    /// Those of an account that has said nothing.
    pub fn new(default: Archived) -> Wishes {
        Wishes(Prefs { default, ..Prefs::default() })
    }

    /// §2.1, §2.3: whether what is exchanged with this JID is archived. Who is on both lists is not.
    pub fn wants(&self, account: &Account, other: &Jid) -> bool {
        let Wishes(prefs) = self;
        if matches(&prefs.never, other) {
            return false;
        }
        match prefs.default {
            Archived::Always => true,
            _ if matches(&prefs.always, other) => true,
            Archived::Never => false,
            Archived::Roster => Contacts::of(account).is_some_and(|contacts| {
                contacts.list().get(other.bare_str()).is_some_and(|contact| is_shown(&contact.item))
            }),
        }
    }
}

impl From<Prefs> for Wishes {
    fn from(prefs: Prefs) -> Wishes {
        Wishes(prefs)
    }
}

/// §2.3.1: a listed JID with a resource is that resource, one without is all of them.
fn matches(listed: &[String], other: &Jid) -> bool {
    listed.iter().any(|jid| jid == other.as_str() || jid == other.bare_str())
}

#[cfg(test)]
mod tests {
    use super::*;
    use rialto_xmpp::BareJid;

    fn wants(default: Archived, always: &[&str], never: &[&str], other: &str) -> bool {
        let list = |jids: &[&str]| jids.iter().map(|jid| (*jid).to_owned()).collect();
        let wishes = Wishes(Prefs { default, always: list(always), never: list(never) });
        let account = Account::new(BareJid::parse("romeo@localhost").unwrap());
        wishes.wants(&account, &Jid::parse(other).unwrap())
    }

    #[test]
    fn a_listed_address_covers_its_resources_and_never_wins() {
        let listed = ["a@b", "c@d/x"];
        for (other, is_listed) in [("a@b", true), ("a@b/x", true), ("c@d/x", true), ("c@d/y", false)] {
            assert_eq!(wants(Archived::Never, &listed, &[], other), is_listed, "{other}");
            assert_eq!(wants(Archived::Always, &[], &listed, other), !is_listed, "{other}");
            assert!(!wants(Archived::Always, &["a@b", "c@d"], &["a@b", "c@d"], other), "{other}");
        }
        assert!(!wants(Archived::Roster, &[], &[], "a@b"));
    }
}
