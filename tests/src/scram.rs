//! RFC 5802, RFC 7677: SCRAM-SHA-256 from the client's side.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, Mac};
use sha2::{Digest, Sha256};

/// One authentication.
pub struct Exchange {
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
        Exchange { bare: format!("n={user},r={nonce}"), nonce, password: password.to_owned() }
    }

    /// The client-first-message.
    pub fn first(&self) -> String {
        format!("n,,{}", self.bare)
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
        let mut salted = [0; 32];
        pbkdf2::pbkdf2::<Hmac<Sha256>>(self.password.as_bytes(), &salt, rounds, &mut salted)
            .map_err(|error| error.to_string())?;
        let bare = format!("c=biws,r={nonce}");
        let message = format!("{},{challenge},{bare}", self.bare);
        let key = sign(&salted, b"Client Key");
        let signature = sign(&Sha256::digest(&key), message.as_bytes());
        let proof: Vec<u8> = key.iter().zip(&signature).map(|(a, b)| a ^ b).collect();
        let expected = sign(&sign(&salted, b"Server Key"), message.as_bytes());
        Ok(Answer { last: format!("{bare},p={}", STANDARD.encode(proof)), signature: expected })
    }
}

impl Answer {
    /// Whether the server knew the password too.
    ///
    /// # Errors
    /// Where it did not prove it.
    pub fn check(&self, success: &str) -> Result<(), String> {
        let said = STANDARD.decode(success).map_err(|error| error.to_string())?;
        let expected = format!("v={}", STANDARD.encode(&self.signature));
        match said == expected.as_bytes() {
            true => Ok(()),
            false => Err("the server does not prove that it knows the password".into()),
        }
    }
}

fn sign(key: &[u8], message: &[u8]) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes keys of every length");
    mac.update(message);
    mac.finalize().into_bytes().to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_of_rfc_7677_comes_out() {
        let exchange = Exchange {
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
