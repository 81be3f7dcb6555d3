//! draft-schmaus-kitten-sasl-ht-09: hashed tokens, the mechanisms of XEP-0484. One message each way.

use rialto_xmpp::{Element, ns};
use sasl::server::MechanismError;

use super::offer::{Bindings, TLS_EXPORTER, TLS_SERVER_END_POINT};
use crate::credentials::ScramHash;

/// A mechanism of the family.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ht {
    hash: ScramHash,
    bound: Bound,
}

/// What the proof is bound to (§2.1). `UNIQ` is missing: the library for TLS does not tell `tls-unique`, and TLS 1.3 has
/// none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Bound {
    Exporter,
    EndPoint,
    Nothing,
}

/// `initiator-msg` (§3.1): a name and a hash.
pub struct Message<'a> {
    /// Whose token it is.
    pub authcid: &'a str,
    /// The proof.
    pub hashed: &'a [u8],
}

const ALL: [Ht; 6] = [
    Ht { hash: ScramHash::Sha512, bound: Bound::Exporter },
    Ht { hash: ScramHash::Sha512, bound: Bound::EndPoint },
    Ht { hash: ScramHash::Sha512, bound: Bound::Nothing },
    Ht { hash: ScramHash::Sha256, bound: Bound::Exporter },
    Ht { hash: ScramHash::Sha256, bound: Bound::EndPoint },
    Ht { hash: ScramHash::Sha256, bound: Bound::Nothing },
];

/// The longest name, in bytes, as in a JID.
const MAX_NAME: usize = 1023;

impl Ht {
    /// Those that a connection with these bindings can do, strongest first: each hash with each binding, because a
    /// client chooses a hash first and takes for granted that it comes with the rest.
    pub fn of(bindings: &Bindings) -> impl Iterator<Item = Ht> {
        let bindings = bindings.names();
        ALL.into_iter().filter(move |ht| match ht.bound {
            Bound::Nothing => true,
            Bound::Exporter => bindings.contains(&TLS_EXPORTER),
            Bound::EndPoint => bindings.contains(&TLS_SERVER_END_POINT),
        })
    }

    /// The registered name.
    pub fn name(self) -> &'static str {
        match (self.hash, self.bound) {
            (ScramHash::Sha512, Bound::Exporter) => "HT-SHA-512-EXPR",
            (ScramHash::Sha512, Bound::EndPoint) => "HT-SHA-512-ENDP",
            (ScramHash::Sha512, Bound::Nothing) => "HT-SHA-512-NONE",
            (_, Bound::Exporter) => "HT-SHA-256-EXPR",
            (_, Bound::EndPoint) => "HT-SHA-256-ENDP",
            (_, Bound::Nothing) => "HT-SHA-256-NONE",
        }
    }

    /// `HMAC(token, "Initiator" || cb-data)` (§3.1): what the client must say.
    pub fn initiator(self, token: &str, bindings: &Bindings) -> Vec<u8> {
        self.hash.hmac(token.as_bytes(), &[b"Initiator", self.data(bindings)])
    }

    /// `HMAC(token, "Responder" || cb-data)` (§3.2): what shows that the server knows the token too.
    pub fn responder(self, token: &str, bindings: &Bindings) -> Vec<u8> {
        self.hash.hmac(token.as_bytes(), &[b"Responder", self.data(bindings)])
    }

    fn data(self, bindings: &Bindings) -> &[u8] {
        let name = match self.bound {
            Bound::Exporter => TLS_EXPORTER,
            Bound::EndPoint => TLS_SERVER_END_POINT,
            Bound::Nothing => return &[],
        };
        bindings.by_name(name).unwrap_or_default()
    }
}

impl<'a> Message<'a> {
    /// Reads `authcid NUL initiator-hashed-token`.
    ///
    /// # Errors
    /// No name, one that is too long or not UTF-8, or no NUL.
    pub fn read(message: &'a [u8]) -> Result<Message<'a>, MechanismError> {
        let at =
            message.iter().position(|byte| *byte == 0).ok_or(MechanismError::CannotDecodeInitialMessage)?;
        let (name, rest) = message.split_at(at);
        let hashed = rest.get(1..).unwrap_or_default();
        let authcid = std::str::from_utf8(name).map_err(|_| MechanismError::ErrorDecodingUsername)?;
        if authcid.is_empty() || authcid.len() > MAX_NAME {
            return Err(MechanismError::NoUsername);
        }
        Ok(Message { authcid, hashed })
    }
}

/// `<fast/>` among the inline features (XEP-0484 §3.1).
pub fn feature(bindings: &Bindings) -> Element {
    let names = Ht::of(bindings).map(|ht| Element::new("mechanism", ns::FAST).with_text(ht.name()));
    Element::new("fast", ns::FAST).with_all(names)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hex(bytes: &[u8]) -> String {
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    #[test]
    fn each_hash_comes_with_each_binding_of_the_connection() {
        let both = Bindings { exporter: Some([1; 32]), end_point: Some(vec![2; 32]) };
        let names: Vec<_> = Ht::of(&both).map(Ht::name).collect();
        assert_eq!(names.len(), 6);
        let old = Bindings { exporter: None, end_point: Some(vec![2; 32]) };
        let names: Vec<_> = Ht::of(&old).map(Ht::name).collect();
        assert_eq!(names, ["HT-SHA-512-ENDP", "HT-SHA-512-NONE", "HT-SHA-256-ENDP", "HT-SHA-256-NONE"]);
        let none: Vec<_> = Ht::of(&Bindings::default()).map(Ht::name).collect();
        assert_eq!(none, ["HT-SHA-512-NONE", "HT-SHA-256-NONE"]);
    }

    #[test]
    fn a_proof_depends_on_the_binding_and_on_who_speaks() {
        let bindings = Bindings { exporter: Some(*b"01234567890123456789012345678901"), end_point: None };
        let none = ALL[5];
        // HMAC-SHA-256 with the key "token", reckoned elsewhere.
        let expected = "d24d95482f0d6e035c56e787dac4ed832bdd84ee3ea242aaadd982270c330006";
        assert_eq!(hex(&none.initiator("token", &bindings)), expected);
        let bound = "8cfa772f9be2253212fa1febf83a7f1ded76adb8b862f9578c0150f34abbd39f";
        assert_eq!(hex(&ALL[3].initiator("token", &bindings)), bound);
        assert_ne!(none.initiator("token", &bindings), none.responder("token", &bindings));
    }

    #[test]
    fn a_message_is_a_name_a_nul_and_a_hash() {
        let message = Message::read(b"romeo\0a\0b").unwrap();
        assert_eq!((message.authcid, message.hashed), ("romeo", &b"a\0b"[..]));
        assert!(Message::read(b"romeo\0").unwrap().hashed.is_empty());
        let long = [&[b'x'; 1024][..], b"\0hash"].concat();
        for wrong in [&b""[..], b"\0hash", b"romeo", b"\xff\0hash", &long] {
            assert!(Message::read(wrong).is_err());
        }
    }
}
