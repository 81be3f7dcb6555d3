//! RFC 5802: SCRAM, the server's side, for the tiny server: it knows the password itself.

use crate::irc::session::proof::{MECHANISMS, Sha512, attribute};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sasl::common::Password;
use sasl::common::scram::{ScramProvider, Sha1, Sha256};

/// One exchange.
pub struct ServerScram {
    hash: &'static str,
    password: String,
    first: String,
    challenge: String,
}

impl ServerScram {
    /// Takes the client's first message and gives the challenge.
    pub fn begin(mechanism: &str, password: &str, first: &[u8]) -> Option<(ServerScram, Vec<u8>)> {
        let hash = MECHANISMS.iter().find(|known| **known == mechanism && known.starts_with("SCRAM"))?;
        let first = String::from_utf8(first.to_vec()).ok()?.strip_prefix("n,,")?.to_owned();
        let nonce = String::from_utf8(attribute(first.as_bytes(), b'r')?).ok()?;
        let challenge = format!("r={nonce}more,s={},i=4096", STANDARD.encode(b"salt and pepper"));
        let server = ServerScram { hash, password: password.into(), first, challenge: challenge.clone() };
        Some((server, challenge.into_bytes()))
    }

    /// Takes the client's proof and gives the server's; `None` where it is wrong.
    pub fn finish(&self, last: &[u8]) -> Option<Vec<u8>> {
        match self.hash {
            "SCRAM-SHA-512" => self.prove::<Sha512>(last),
            "SCRAM-SHA-256" => self.prove::<Sha256>(last),
            _ => self.prove::<Sha1>(last),
        }
    }

    fn prove<S: ScramProvider>(&self, last: &[u8]) -> Option<Vec<u8>> {
        let last = std::str::from_utf8(last).ok()?;
        let (bare, proof) = last.split_once(",p=")?;
        let whole = format!("{},{},{bare}", self.first, self.challenge);
        let salted = S::derive(&Password::Plain(self.password.clone()), b"salt and pepper", 4096).ok()?;
        let key = S::hmac(b"Client Key", &salted).ok()?;
        let signature = S::hmac(whole.as_bytes(), &S::hash(&key)).ok()?;
        let right: Vec<u8> = key.iter().zip(&signature).map(|(one, other)| one ^ other).collect();
        let server = S::hmac(whole.as_bytes(), &S::hmac(b"Server Key", &salted).ok()?).ok()?;
        (STANDARD.decode(proof).ok()? == right).then(|| format!("v={}", STANDARD.encode(server)).into_bytes())
    }
}
