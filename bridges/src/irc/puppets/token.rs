//! What a network may know a person of ours by, always the same: a name that says nothing of who he is, and an address
//! (RFC 4193) that no other has, so that the network can tell apart, and ban, one and not all.

use hmac::{Hmac, Mac};
use sha2::Sha256;
use std::net::Ipv6Addr;

/// What keeps anybody from finding the person by trying names. Kept from run to run with the network's marks.
#[derive(Clone)]
pub struct Secret([u8; 32]);

/// Under which name the secret is kept.
pub const MARK: &str = "puppets";

const LETTERS: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";

impl Secret {
    /// The one that was kept, or a new one. `None` where the machine has no randomness.
    pub fn recall(kept: Option<&str>) -> Option<(Secret, bool)> {
        if let Some(known) = kept.and_then(bytes) {
            return Some((Secret(known), false));
        }
        let mut fresh = [0; 32];
        getrandom::fill(&mut fresh).ok()?;
        Some((Secret(fresh), true))
    }

    /// As it is kept.
    pub fn written(&self) -> String {
        self.0.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// A user name of nine letters: what WHOIS and the ident server tell.
    pub fn name(&self, account: &str) -> String {
        let digest = self.digest("name", account);
        let letters = digest.iter().take(8).filter_map(|byte| LETTERS.get(usize::from(byte & 31)));
        std::iter::once('u').chain(letters.map(|byte| char::from(*byte))).collect()
    }

    /// An address of his own.
    pub fn address(&self, account: &str) -> Ipv6Addr {
        let mut octets = [0; 16];
        octets.iter_mut().zip(self.digest("address", account)).for_each(|(to, from)| *to = from);
        octets[0] = 0xfd; // holds: an array of sixteen
        Ipv6Addr::from(octets)
    }

    fn digest(&self, what: &str, account: &str) -> [u8; 32] {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.0).expect("any length"); // holds: HMAC takes any key (RFC 2104)
        mac.update(what.as_bytes());
        mac.update(b"\n");
        mac.update(account.as_bytes());
        mac.finalize().into_bytes().into()
    }
}

fn bytes(text: &str) -> Option<[u8; 32]> {
    if text.len() != 64 {
        return None;
    }
    let mut known = [0; 32];
    for (place, byte) in known.iter_mut().enumerate() {
        *byte = u8::from_str_radix(text.get(2 * place..2 * place + 2)?, 16).ok()?;
    }
    Some(known)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_person_is_always_the_same_and_nobody_elses_and_says_nothing() {
        let (secret, new) = Secret::recall(None).unwrap();
        let (again, old) = Secret::recall(Some(&secret.written())).unwrap();
        assert!(new && !old);
        assert_eq!(secret.name("romeo@example.org"), again.name("romeo@example.org"));
        assert_ne!(secret.name("romeo@example.org"), secret.name("juliet@example.org"));
        assert_eq!(secret.name("romeo@example.org").len(), 9);
        let (other, _) = Secret::recall(Some("zz")).unwrap();
        assert_ne!(secret.name("romeo@example.org"), other.name("romeo@example.org"));
        assert_eq!(secret.address("romeo@example.org").octets()[0], 0xfd);
        assert_ne!(secret.address("romeo@example.org"), secret.address("juliet@example.org"));
    }
}
