//! RFC 5122, XEP-0147, XEP-0401 §6.1, §6.4: the addresses that carry a token.

use rialto_store::invites::Invite;

/// The `xmpp:` URI of an invitation.
pub fn uri(invite: &Invite, token: &str) -> String {
    match (&invite.inviter, invite.contact) {
        // §6.1: first of all a contact.
        (Some(inviter), true) if invite.reserved.is_none() => {
            let ibr = if invite.account { ";ibr=y" } else { "" };
            format!("xmpp:{}?roster;preauth={token}{ibr}", escaped(inviter))
        }
        // §6.4: an account, of this name or of any.
        _ => {
            let to = invite.reserved.as_ref().unwrap_or(&invite.domain);
            format!("xmpp:{}?register;preauth={token}", escaped(to))
        }
    }
}

/// The page that explains the invitation with this token.
pub fn landing(page: &str, token: &str) -> String {
    format!("{page}{token}")
}

/// RFC 5122 §2.2: what has a meaning in a URI, or is not ASCII, is percent-encoded.
fn escaped(jid: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=:@".contains(&byte);
    jid.bytes()
        .map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn invite(inviter: Option<&str>) -> Invite {
        Invite { domain: "localhost".into(), inviter: inviter.map(str::to_owned), ..Invite::default() }
    }

    #[test]
    fn the_addresses_are_those_of_the_specification() {
        let contact = Invite { contact: true, ..invite(Some("romeo@localhost")) };
        assert_eq!(uri(&contact, "T"), "xmpp:romeo@localhost?roster;preauth=T");
        let both = Invite { account: true, ..contact.clone() };
        assert_eq!(uri(&both, "T"), "xmpp:romeo@localhost?roster;preauth=T;ibr=y");
        let anybody = Invite { account: true, ..invite(None) };
        assert_eq!(uri(&anybody, "T"), "xmpp:localhost?register;preauth=T");
        let juliet = Invite { reserved: Some("juliet@localhost".into()), ..both };
        assert_eq!(uri(&juliet, "T"), "xmpp:juliet@localhost?register;preauth=T");
    }

    #[test]
    fn what_is_not_plain_is_escaped() {
        let odd = Invite { contact: true, ..invite(Some("jürgen?a#b@localhost")) };
        assert_eq!(uri(&odd, "T"), "xmpp:j%C3%BCrgen%3Fa%23b@localhost?roster;preauth=T");
    }
}
