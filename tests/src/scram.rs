//! RFC 5802, RFC 7677: SCRAM from the client's side.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, Mac};
use sha1::Sha1;
use sha2::{Digest, Sha256, Sha512};

/// The hash of a mechanism.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hash {
    /// RFC 5802.
    Sha1,
    /// RFC 7677.
    Sha256,
    /// SCRAM-SHA-512, HT-SHA-512.
    Sha512,
}

/// One authentication.
pub struct Exchange {
    hash: Hash,
    /// The gs2 header, and what the channel is bound with.
    header: String,
    bound: Vec<u8>,
    bare: String,
    nonce: String,
    password: String,
}

/// The client's final message, and what the server must prove in return.
pub struct Answer {
    /// The client-final-message.
    pub last: String,
    signature: Vec<u8>,
}

/// A text in base64.
pub fn base64(text: &str) -> String {
    STANDARD.encode(text)
}

impl Exchange {
    /// For one user; the nonce need only be new to the server, not secret.
    pub fn new(user: &str, password: &str) -> Exchange {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let at = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let nonce = format!("{:x}.{:x}", at.as_nanos(), COUNT.fetch_add(1, Ordering::Relaxed));
        let user = user.replace('=', "=3D").replace(',', "=2C");
        Exchange {
            hash: Hash::Sha256,
            header: "n,,".to_owned(),
            bound: Vec::new(),
            bare: format!("n={user},r={nonce}"),
            nonce,
            password: password.to_owned(),
        }
    }

    /// With another hash.
    pub fn with(self, hash: Hash) -> Exchange {
        Exchange { hash, ..self }
    }

    /// Bound to the channel by a binding of this name.
    pub fn bound(self, name: &str, bound: &[u8]) -> Exchange {
        Exchange { header: format!("p={name},,"), bound: bound.to_owned(), ..self }
    }

    /// The client-first-message.
    pub fn first(&self) -> String {
        format!("{}{}", self.header, self.bare)
    }

    /// Answers the server-first-message, given in base64.
    ///
    /// # Errors
    /// Where the challenge is none, or not for us.
    pub fn answer(&self, challenge: &str) -> Result<Answer, String> {
        let challenge = STANDARD.decode(challenge).map_err(|error| error.to_string())?;
        let challenge = String::from_utf8(challenge).map_err(|error| error.to_string())?;
        let field = |key: &str| {
            let found = challenge.split(',').find_map(|field| field.strip_prefix(key)?.strip_prefix('='));
            found.ok_or_else(|| format!("no {key}= in {challenge}"))
        };
        let nonce = field("r")?;
        if !nonce.starts_with(&self.nonce) || nonce.len() == self.nonce.len() {
            return Err("the server's nonce does not continue ours".into());
        }
        let salt = STANDARD.decode(field("s")?).map_err(|error| error.to_string())?;
        let rounds: u32 = field("i")?.parse().map_err(|_| "no number of iterations")?;
        let salted = self.hash.salted(&self.password, &salt, rounds);
        let binding = STANDARD.encode([self.header.as_bytes(), &self.bound].concat());
        let bare = format!("c={binding},r={nonce}");
        let message = format!("{},{challenge},{bare}", self.bare);
        let key = self.hash.sign(&salted, b"Client Key");
        let signature = self.hash.sign(&self.hash.digest(&key), message.as_bytes());
        let proof: Vec<u8> = key.iter().zip(&signature).map(|(a, b)| a ^ b).collect();
        let expected = self.hash.sign(&self.hash.sign(&salted, b"Server Key"), message.as_bytes());
        Ok(Answer { last: format!("{bare},p={}", STANDARD.encode(proof)), signature: expected })
    }
}

impl Answer {
    /// Whether the server knew the password too.
    ///
    /// # Errors
    /// Where it did not prove it.
    pub fn check(&self, success: &str) -> Result<(), String> {
        match success == self.expected() {
            true => Ok(()),
            false => Err("the server does not prove that it knows the password".into()),
        }
    }

    /// What the server must say, in base64.
    pub fn expected(&self) -> String {
        STANDARD.encode(format!("v={}", STANDARD.encode(&self.signature)))
    }
}

/// The same code for each hash: their types have no name in common.
macro_rules! with_hash {
    ($hash:expr, $name:ident => $code:expr) => {
        match $hash {
            Hash::Sha1 => {
                type $name = Sha1;
                $code
            }
            Hash::Sha256 => {
                type $name = Sha256;
                $code
            }
            Hash::Sha512 => {
                type $name = Sha512;
                $code
            }
        }
    };
}

impl Hash {
    /// By the end of a mechanism's name.
    pub fn named(name: &str) -> Option<Hash> {
        match name {
            "SHA-1" => Some(Hash::Sha1),
            "SHA-256" => Some(Hash::Sha256),
            "SHA-512" => Some(Hash::Sha512),
            _ => None,
        }
    }

    /// The SaltedPassword.
    pub fn salted(self, password: &str, salt: &[u8], rounds: u32) -> Vec<u8> {
        with_hash!(self, H => {
            let mut salted = vec![0; <H as Digest>::output_size()];
            pbkdf2::pbkdf2_hmac::<H>(password.as_bytes(), salt, rounds, &mut salted);
            salted
        })
    }

    /// HMAC.
    pub fn sign(self, key: &[u8], message: &[u8]) -> Vec<u8> {
        with_hash!(self, H => {
            let mut mac = Hmac::<H>::new_from_slice(key).expect("HMAC takes keys of every length");
            mac.update(message);
            mac.finalize().into_bytes().to_vec()
        })
    }

    fn digest(self, message: &[u8]) -> Vec<u8> {
        with_hash!(self, H => H::digest(message).to_vec())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_of_rfc_7677_comes_out() {
        let exchange = Exchange {
            hash: Hash::Sha256,
            header: "n,,".into(),
            bound: Vec::new(),
            bare: "n=user,r=rOprNGfwEbeRWgbNEkqO".into(),
            nonce: "rOprNGfwEbeRWgbNEkqO".into(),
            password: "pencil".into(),
        };
        let challenge =
            "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096";
        let answer = exchange.answer(&base64(challenge)).unwrap();
        assert!(answer.last.ends_with(",p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="));
        assert!(answer.check(&base64("v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=")).is_ok());
        assert!(answer.check(&base64("v=AAAA")).is_err());
    }
}
