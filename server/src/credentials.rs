//! RFC 5802, RFC 7677: what the house keeps of a password. Never the password nor what could stand in for it.

use hmac::{Hmac, Mac};
use sha1::Sha1;
use sha2::{Digest, Sha256, Sha512};
use zeroize::Zeroizing;

/// Bytes of salt, for real keys and for made-up ones alike.
pub const SALT_BYTES: usize = 16;

/// The hash of a SCRAM mechanism.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ScramHash {
    /// RFC 5802; for the oldest clients.
    Sha1,
    /// RFC 7677.
    Sha256,
    /// `SCRAM-SHA-512`.
    Sha512,
}

/// What proves a password under one hash (RFC 5802 §3): neither key lets anyone log in.
#[derive(Clone, PartialEq, Eq)]
pub struct ScramKeys {
    /// Salt of the password.
    pub salt: Vec<u8>,
    /// Rounds of PBKDF2.
    pub iterations: u32,
    /// `H(ClientKey)`.
    pub stored_key: Vec<u8>,
    /// Proves the server to the client.
    pub server_key: Vec<u8>,
}

/// Why a password cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PasswordError {
    /// Nothing is left after preparation.
    #[error("the password is empty: choose one of at least one character")]
    Empty,
    /// SASLprep (RFC 4013) forbids a character of it.
    #[error("the password holds a control or unassigned character: use letters, digits, signs and spaces")]
    Forbidden,
    /// Longer than [`MAX_PASSWORD`].
    #[error("the password is longer than 1024 bytes: choose a shorter one")]
    TooLong,
    /// The operating system gave no random bytes.
    #[error("the operating system gave no random bytes for the salt")]
    NoRandomness,
}

/// The longest password, in bytes.
pub const MAX_PASSWORD: usize = 1024;

/// Keys of a password under every hash that is offered. Takes some tens of milliseconds: not inside a task.
///
/// # Errors
/// [`PasswordError`], fit to be shown to the person who chose the password.
pub fn keys_of(password: &str) -> Result<Vec<(ScramHash, ScramKeys)>, PasswordError> {
    let prepared = prepare_password(password)?;
    let mut keys = Vec::with_capacity(ScramHash::ALL.len());
    for hash in ScramHash::ALL {
        let mut salt = vec![0; SALT_BYTES];
        getrandom::fill(&mut salt).map_err(|_| PasswordError::NoRandomness)?;
        keys.push((hash, ScramKeys::derive(hash, &prepared, salt, hash.default_iterations())));
    }
    Ok(keys)
}

/// SASLprep (RFC 4013) of a password.
///
/// # Errors
/// [`PasswordError`]: empty, too long, or a forbidden character.
pub fn prepare_password(password: &str) -> Result<Zeroizing<String>, PasswordError> {
    if password.len() > MAX_PASSWORD {
        return Err(PasswordError::TooLong);
    }
    let prepared = stringprep::saslprep(password).map_err(|_| PasswordError::Forbidden)?;
    if prepared.is_empty() {
        return Err(PasswordError::Empty);
    }
    Ok(Zeroizing::new(prepared.into_owned()))
}

impl ScramHash {
    /// Strongest first.
    pub const ALL: [ScramHash; 3] = [ScramHash::Sha512, ScramHash::Sha256, ScramHash::Sha1];

    /// As it stands in the mechanism's name.
    pub fn as_str(self) -> &'static str {
        match self {
            ScramHash::Sha1 => "SHA-1",
            ScramHash::Sha256 => "SHA-256",
            ScramHash::Sha512 => "SHA-512",
        }
    }

    /// The hash of this name.
    pub fn parse(name: &str) -> Option<ScramHash> {
        ScramHash::ALL.into_iter().find(|hash| hash.as_str() == name)
    }

    /// Rounds for new keys (RFC 7677 §4 asks for 4096 at least).
    pub fn default_iterations(self) -> u32 {
        match self {
            ScramHash::Sha1 => 4_096,
            ScramHash::Sha256 | ScramHash::Sha512 => 10_000,
        }
    }

    /// Bytes of a digest.
    pub fn size(self) -> usize {
        match self {
            ScramHash::Sha1 => 20,
            ScramHash::Sha256 => 32,
            ScramHash::Sha512 => 64,
        }
    }

    /// `H(bytes)`
    pub fn digest(self, bytes: &[u8]) -> Vec<u8> {
        match self {
            ScramHash::Sha1 => Sha1::digest(bytes).to_vec(),
            ScramHash::Sha256 => Sha256::digest(bytes).to_vec(),
            ScramHash::Sha512 => Sha512::digest(bytes).to_vec(),
        }
    }

    /// `HMAC(key, the parts joined)`
    pub fn hmac(self, key: &[u8], parts: &[&[u8]]) -> Vec<u8> {
        macro_rules! hmac {
            ($hash:ty) => {{
                let mac = Hmac::<$hash>::new_from_slice(key);
                let mut mac = mac.expect("any length"); // holds: HMAC takes keys of any length
                parts.iter().for_each(|part| mac.update(part));
                mac.finalize().into_bytes().to_vec()
            }};
        }
        match self {
            ScramHash::Sha1 => hmac!(Sha1),
            ScramHash::Sha256 => hmac!(Sha256),
            ScramHash::Sha512 => hmac!(Sha512),
        }
    }

    /// `Hi(password, salt, i)`: as good as the password, so it is wiped after use.
    fn salted_password(self, password: &str, salt: &[u8], iterations: u32) -> Zeroizing<Vec<u8>> {
        let mut salted = Zeroizing::new(vec![0; self.size()]);
        match self {
            ScramHash::Sha1 => {
                pbkdf2::pbkdf2_hmac::<Sha1>(password.as_bytes(), salt, iterations, &mut salted);
            }
            ScramHash::Sha256 => {
                pbkdf2::pbkdf2_hmac::<Sha256>(password.as_bytes(), salt, iterations, &mut salted);
            }
            ScramHash::Sha512 => {
                pbkdf2::pbkdf2_hmac::<Sha512>(password.as_bytes(), salt, iterations, &mut salted);
            }
        }
        salted
    }
}

impl ScramKeys {
    /// Keys of a prepared password (RFC 5802 §3).
    pub fn derive(hash: ScramHash, prepared: &str, salt: Vec<u8>, iterations: u32) -> ScramKeys {
        let salted = hash.salted_password(prepared, &salt, iterations);
        ScramKeys::of_salted(hash, &salted, salt, iterations)
    }

    /// Keys of a SaltedPassword, which is as good as the password and is not kept.
    pub fn of_salted(hash: ScramHash, salted: &[u8], salt: Vec<u8>, iterations: u32) -> ScramKeys {
        let client_key = Zeroizing::new(hash.hmac(salted, &[b"Client Key"]));
        let stored_key = hash.digest(&client_key);
        let server_key = hash.hmac(salted, &[b"Server Key"]);
        ScramKeys { salt, iterations, stored_key, server_key }
    }
}

impl std::fmt::Debug for ScramKeys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "ScramKeys({} iterations)", self.iterations)
    }
}

#[cfg(test)]
mod tests {
    use base64::Engine;
    use base64::engine::general_purpose::STANDARD;

    use super::*;

    #[test]
    fn the_keys_are_those_of_rfc_7677() {
        // RFC 7677 §3: user "user", password "pencil"; the server key signs what the RFC's server said.
        let salt = STANDARD.decode("W22ZaJ0SNY7soEsUEjb6gQ==").unwrap();
        let keys = ScramKeys::derive(ScramHash::Sha256, "pencil", salt, 4096);
        let message = "n=user,r=rOprNGfwEbeRWgbNEkqO,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,\
            s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096,c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0";
        let signature = ScramHash::Sha256.hmac(&keys.server_key, &[message.as_bytes()]);
        assert_eq!(STANDARD.encode(signature), "6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=");
    }

    #[test]
    fn two_accounts_with_one_password_have_nothing_in_common() {
        let (one, other) = (keys_of("pencil").unwrap(), keys_of("pencil").unwrap());
        assert_eq!(one.len(), 3);
        for ((hash, a), (_, b)) in one.iter().zip(&other) {
            assert_eq!((a.salt.len(), a.stored_key.len()), (SALT_BYTES, hash.size()));
            assert!(a.salt != b.salt && a.stored_key != b.stored_key && a.server_key != b.server_key);
        }
    }

    #[test]
    fn a_password_is_prepared_and_a_bad_one_is_named() {
        // RFC 4013 §3: soft hyphen to nothing, the Roman numeral to its letters.
        assert_eq!(prepare_password("I\u{ad}X").unwrap().as_str(), "IX");
        assert_eq!(prepare_password("\u{2168}").unwrap().as_str(), "IX");
        assert_eq!(prepare_password("\u{7}").err(), Some(PasswordError::Forbidden));
        assert_eq!(prepare_password("\u{ad}").err(), Some(PasswordError::Empty));
        assert_eq!(prepare_password(&"x".repeat(1025)).err(), Some(PasswordError::TooLong));
    }

    #[test]
    fn keys_never_show_in_a_log() {
        let keys = ScramKeys::derive(ScramHash::Sha1, "x", vec![7; 16], 1);
        assert_eq!(format!("{keys:?}"), "ScramKeys(1 iterations)");
    }
}
