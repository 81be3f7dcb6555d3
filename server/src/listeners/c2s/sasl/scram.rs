//! RFC 5802, RFC 7677, XEP-0474: the server's side of SCRAM, with and without channel binding.

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sasl::common::Identity;
use sasl::server::{Mechanism, MechanismError, Response};
use subtle::ConstantTimeEq;

use super::message::{First, Flag, Last};
use super::offer::{self, Offer};
use super::secrets::Secret;
use crate::credentials::ScramKeys;

/// One exchange. It is given its keys before it starts, so it neither waits nor knows whether they are real.
pub struct Scram {
    plus: bool,
    offer: Arc<Offer>,
    secret: Secret,
    nonce: String,
    state: State,
}

enum State {
    /// Waits for the client-first-message.
    First,
    /// Waits for the client-final-message.
    Last { username: String, nonce: String, binding: Vec<u8>, first_bare: String, server_first: String },
    /// Nothing more is expected.
    Over,
}

impl Scram {
    /// An exchange over keys that may be made up (see [`Secret`]).
    ///
    /// # Errors
    /// [`MechanismError::FailedToGenerateNonce`]
    pub fn new(plus: bool, offer: Arc<Offer>, secret: Secret) -> Result<Scram, MechanismError> {
        let mut random = [0; 24];
        getrandom::fill(&mut random).map_err(|_| MechanismError::FailedToGenerateNonce)?;
        // Base64 has no comma: every character is allowed in a nonce.
        Ok(Scram { plus, offer, secret, nonce: STANDARD.encode(random), state: State::First })
    }

    fn first(&mut self, payload: &[u8]) -> Result<Response, MechanismError> {
        let first = First::read(payload)?;
        let mut binding = first.header.as_bytes().to_vec();
        binding.extend_from_slice(self.bound(first.flag)?);
        let ScramKeys { salt, iterations, .. } = &self.secret.keys;
        let nonce = format!("{}{}", first.nonce, self.nonce);
        let server_first = format!(
            "r={nonce},s={},i={iterations},h={}",
            STANDARD.encode(salt),
            self.offer.downgrade_hash(self.secret.hash)
        );
        let challenge = server_first.clone().into_bytes();
        let first_bare = first.bare.to_owned();
        self.state = State::Last { username: first.username, nonce, binding, first_bare, server_first };
        Ok(Response::Proceed(challenge))
    }

    /// §6: the channel-binding data that the flag commits the client to.
    fn bound(&self, flag: Flag<'_>) -> Result<&[u8], MechanismError> {
        match flag {
            Flag::Bound(name) if self.plus => {
                self.offer.bindings().by_name(name).ok_or(MechanismError::ChannelBindingMechanismIncorrect)
            }
            Flag::Bound(_) => Err(MechanismError::ChannelBindingMechanismIncorrect),
            _ if self.plus => Err(MechanismError::ChannelBindingIsSupported),
            Flag::Cannot => Ok(&[]),
            // The client saw no -PLUS although it was offered: somebody took it out of the list.
            Flag::ThinksServerCannot if self.offer.has_plus() => {
                Err(MechanismError::ChannelBindingIsSupported)
            }
            Flag::ThinksServerCannot => Ok(&[]),
        }
    }

    fn last(&mut self, payload: &[u8]) -> Result<Response, MechanismError> {
        let State::Last { username, nonce, binding, first_bare, server_first } =
            std::mem::replace(&mut self.state, State::Over)
        else {
            return Err(MechanismError::SaslSessionAlreadyOver);
        };
        let last = Last::read(payload)?;
        let said = STANDARD.decode(last.binding).map_err(|_| MechanismError::CannotDecodeResponse)?;
        let proof = STANDARD.decode(last.proof).map_err(|_| MechanismError::CannotDecodeProof)?;
        if last.nonce != nonce {
            return Err(MechanismError::CannotDecodeResponse);
        }
        let Secret { hash, keys, .. } = &self.secret;
        let message: [&[u8]; 5] =
            [first_bare.as_bytes(), b",", server_first.as_bytes(), b",", last.without_proof.as_bytes()];
        let signature = hash.hmac(&keys.stored_key, &message);
        let client_key: Vec<u8> = signature.iter().zip(&proof).map(|(a, b)| a ^ b).collect();
        let right = hash.digest(&client_key).ct_eq(&keys.stored_key)
            & said.ct_eq(&binding)
            & proof.len().ct_eq(&signature.len())
            & self.secret.is_real();
        if !bool::from(right) {
            return Err(MechanismError::AuthenticationFailed);
        }
        let server_signature = hash.hmac(&keys.server_key, &message);
        let server_final = format!("v={}", STANDARD.encode(server_signature));
        Ok(Response::Success(Identity::Username(username), server_final.into_bytes()))
    }
}

impl Mechanism for Scram {
    fn name(&self) -> &str {
        offer::Mechanism::Scram { hash: self.secret.hash, plus: self.plus }.name()
    }

    fn respond(&mut self, payload: &[u8]) -> Result<Response, MechanismError> {
        let response = match self.state {
            State::First => self.first(payload),
            _ => self.last(payload),
        };
        if response.is_err() {
            self.state = State::Over;
        }
        response
    }
}

#[cfg(test)]
mod tests {
    use super::super::offer::Bindings;
    use super::super::secrets::Keys;
    use super::*;
    use crate::credentials::ScramHash;

    /// An exchange with the RFC's salt and the RFC's nonce for the server.
    fn exchange(hash: ScramHash, salt: &str, nonce: &str) -> Scram {
        let salt = STANDARD.decode(salt).unwrap();
        let keys = ScramKeys::derive(hash, "pencil", salt, 4096);
        let offer = Arc::new(Offer::inside_tls(Bindings::default(), true));
        let secret = Secret::real(Keys { hash, keys, changed: 0 });
        let mut scram = Scram::new(false, offer, secret).unwrap();
        scram.nonce = nonce.into();
        scram
    }

    fn challenge(scram: &mut Scram, message: &str) -> String {
        match scram.respond(message.as_bytes()).unwrap() {
            Response::Proceed(challenge) => String::from_utf8(challenge).unwrap(),
            Response::Success(..) => panic!("too early"),
        }
    }

    /// The RFC's client does not know `h`; what it would send and get without it, we check with it taken out.
    fn without_downgrade_hash(scram: &mut Scram) {
        let State::Last { server_first, .. } = &mut scram.state else { panic!("no challenge yet") };
        let cut = server_first.find(",h=").unwrap();
        server_first.truncate(cut);
    }

    #[test]
    fn the_exchange_of_rfc_5802_succeeds() {
        let mut scram = exchange(ScramHash::Sha1, "QSXCR+Q6sek8bf92", "3rfcNHYJY1ZVvWVs7j");
        let challenge = challenge(&mut scram, "n,,n=user,r=fyko+d2lbbFgONRv9qkxdawL");
        let said = "r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,s=QSXCR+Q6sek8bf92,i=4096,h=";
        assert!(challenge.starts_with(said), "{challenge}");
        without_downgrade_hash(&mut scram);
        let last = "c=biws,r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,p=v0X8v3Bz2T0CJGbJQyF0X+HI4Ts=";
        let success = scram.respond(last.as_bytes()).unwrap();
        let signature = b"v=rmF9pqV8S7suAoZWja4dJRkFsKQ=".to_vec();
        assert_eq!(success, Response::Success(Identity::Username("user".into()), signature));
    }

    #[test]
    fn the_exchange_of_rfc_7677_succeeds_once() {
        let nonce = "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0";
        let mut scram = exchange(ScramHash::Sha256, "W22ZaJ0SNY7soEsUEjb6gQ==", nonce);
        challenge(&mut scram, "n,,n=user,r=rOprNGfwEbeRWgbNEkqO");
        without_downgrade_hash(&mut scram);
        let last = "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,\
            p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=";
        let success = scram.respond(last.as_bytes()).unwrap();
        let signature = b"v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=".to_vec();
        assert_eq!(success, Response::Success(Identity::Username("user".into()), signature));
        assert_eq!(scram.respond(last.as_bytes()), Err(MechanismError::SaslSessionAlreadyOver));
    }

    #[test]
    fn a_right_proof_under_made_up_keys_is_no_login() {
        let mut scram = exchange(ScramHash::Sha1, "QSXCR+Q6sek8bf92", "3rfcNHYJY1ZVvWVs7j");
        scram.secret = Secret::made_up(ScramHash::Sha1, scram.secret.keys.clone());
        challenge(&mut scram, "n,,n=user,r=fyko+d2lbbFgONRv9qkxdawL");
        without_downgrade_hash(&mut scram);
        let last = "c=biws,r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,p=v0X8v3Bz2T0CJGbJQyF0X+HI4Ts=";
        assert_eq!(scram.respond(last.as_bytes()), Err(MechanismError::AuthenticationFailed));
    }

    #[test]
    fn a_short_proof_another_nonce_and_another_binding_are_refused() {
        let nonce = "fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j";
        let (proof, short) = ("v0X8v3Bz2T0CJGbJQyF0X+HI4Ts=", "v0X8");
        let lasts = [
            format!("c=biws,r={nonce},p={short}"),
            format!("c=biws,r={nonce}x,p={proof}"),
            format!("c=eSws,r={nonce},p={proof}"),
            format!("c=biws,r={nonce},p="),
            format!("c=biws,r={nonce},p=v0X8v3Bz2T0CJGbJQyF0X+HI4Ts"),
        ];
        for last in lasts {
            let mut scram = exchange(ScramHash::Sha1, "QSXCR+Q6sek8bf92", "3rfcNHYJY1ZVvWVs7j");
            challenge(&mut scram, "n,,n=user,r=fyko+d2lbbFgONRv9qkxdawL");
            without_downgrade_hash(&mut scram);
            assert!(scram.respond(last.as_bytes()).is_err(), "{last}");
        }
    }
}
