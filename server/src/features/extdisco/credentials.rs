//! Credentials for TURN that end by themselves, as coturn's `static-auth-secret` has them: the name is the moment of
//! its end, a colon and a user; the password is the base64 of its HMAC-SHA-1 under a shared secret
//! (draft-uberti-behave-turn-rest §2.2).

use base64::Engine;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD};
use hmac::{Hmac, Mac};
use sha1::Sha1;
use sha2::Sha256;

/// Name and password that are good until `expiry`, in seconds since 1970.
pub fn make(secret: &[u8], expiry: u64, user: &str) -> (String, String) {
    let username = format!("{expiry}:{user}");
    let password = password(secret, &username);
    (username, password)
}

/// The password of a name.
pub fn password(secret: &[u8], username: &str) -> String {
    // holds: HMAC takes keys of any length, so this is never the empty default.
    let Ok(mut mac) = <Hmac<Sha1> as Mac>::new_from_slice(secret) else { return String::new() };
    mac.update(username.as_bytes());
    BASE64_STANDARD.encode(mac.finalize().into_bytes())
}

/// When a name ends, and whose it is.
pub fn read(username: &str) -> Option<(u64, &str)> {
    let (expiry, user) = username.split_once(':')?;
    Some((expiry.parse().ok()?, user))
}

/// An account as a TURN server hears of it: always the same name, which says nothing about who it is.
pub fn pseudonym(secret: &[u8; 32], account: &str) -> String {
    let Ok(mut mac) = <Hmac<Sha256> as Mac>::new_from_slice(secret) else { return String::new() };
    mac.update(b"account\0");
    mac.update(account.as_bytes());
    let name = mac.finalize().into_bytes();
    BASE64_URL_SAFE_NO_PAD.encode(name.get(..12).unwrap_or_default())
}

/// The secret of the built-in server, as text.
pub fn text_of(secret: &[u8; 32]) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(secret)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_the_hmac_of_its_name() {
        let (username, password) = make(b"north", 1_433_065_916, "ninefingers");
        assert_eq!(username, "1433065916:ninefingers");
        // printf %s 1433065916:ninefingers | openssl dgst -sha1 -hmac north -binary | base64
        assert_eq!(password, "SDuA3OErhfGFaxmFHH7fTICexdg=");
        assert_eq!(read(&username), Some((1_433_065_916, "ninefingers")));
        assert_eq!(read("ninefingers"), None);
    }

    #[test]
    fn a_pseudonym_is_the_same_each_time_and_another_for_each_account() {
        let one = pseudonym(&[1; 32], "romeo@localhost");
        assert_eq!(one, pseudonym(&[1; 32], "romeo@localhost"));
        assert_ne!(one, pseudonym(&[1; 32], "juliet@localhost"));
        assert_ne!(one, pseudonym(&[2; 32], "romeo@localhost"));
        assert!(!one.contains("romeo") && !one.contains(':'));
    }
}
