//! XEP-0153 §3.1, XEP-0398 §5: every presence says which photo its sender shows.

use rialto_xmpp::{Element, Presence, PresenceKind, ns};

use crate::sessions::Account;

/// The hash of the photo; empty: there is none any more. One of the account's extensions, if there ever was one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Hash(pub String);

/// Puts the hash into a presence that does not say itself that no photo is shown.
pub(super) fn inject(account: &Account, presence: &mut Presence) {
    if presence.kind != PresenceKind::Available {
        return;
    }
    let Some(hash) = account.extensions.get::<Hash>() else { return };
    let photo = presence.payload("x", ns::VCARD_UPDATE).and_then(|x| x.child("photo", ns::VCARD_UPDATE));
    if photo.is_some_and(|photo| photo.text().trim().is_empty()) {
        return;
    }
    put(presence, &hash.0);
}

/// Puts a hash into a presence, whatever it said before.
pub(super) fn put(presence: &mut Presence, hash: &str) {
    let photo = Element::new("photo", ns::VCARD_UPDATE).with_text(hash);
    presence.payloads.retain(|payload| !payload.is("x", ns::VCARD_UPDATE));
    presence.payloads.push(Element::new("x", ns::VCARD_UPDATE).with(photo));
}

#[cfg(test)]
mod tests {
    use super::*;
    use rialto_xmpp::{BareJid, Jid};

    fn said(hash: Option<&str>, x: Option<Element>) -> Option<String> {
        let account = Account::new(BareJid::parse("romeo@localhost").unwrap());
        if let Some(hash) = hash {
            account.extensions.put(Hash(hash.into()));
        }
        let jid = Jid::parse("romeo@localhost/x").unwrap();
        let mut presence = Presence::new(PresenceKind::Available, &jid, &jid);
        presence.payloads.extend(x);
        inject(&account, &mut presence);
        assert!(presence.payloads.len() <= 1);
        presence.payloads.first().map(|x| x.child_text("photo", ns::VCARD_UPDATE).unwrap_or("?".into()))
    }

    #[test]
    fn the_hash_is_put_in_unless_the_client_shows_no_photo() {
        let x = || Element::new("x", ns::VCARD_UPDATE);
        let photo = |text: &str| x().with(Element::new("photo", ns::VCARD_UPDATE).with_text(text));
        assert_eq!(said(None, None), None);
        assert_eq!(said(None, Some(photo("abc"))).as_deref(), Some("abc"));
        assert_eq!(said(Some("123"), None).as_deref(), Some("123"));
        assert_eq!(said(Some("123"), Some(x())).as_deref(), Some("123"));
        assert_eq!(said(Some("123"), Some(photo("abc"))).as_deref(), Some("123"));
        assert_eq!(said(Some("123"), Some(photo(""))).as_deref(), Some(""));
        assert_eq!(said(Some(""), None).as_deref(), Some(""));
    }
}
