//! RFC 4616: PLAIN, offered under TLS only. What is compared are keys; the password is prepared, used and wiped.

use sasl::common::Identity;
use sasl::server::{Mechanism, MechanismError, Response};
use subtle::ConstantTimeEq;

use super::secrets::Secret;
use crate::credentials::{self, MAX_PASSWORD, ScramKeys};

/// One exchange: a single message. It works through PBKDF2, so it belongs on a thread that may be busy.
pub struct Plain {
    secret: Secret,
}

/// `[authzid] NUL authcid NUL passwd`
#[derive(PartialEq, Eq)]
pub struct Claim<'a> {
    /// Who the client wants to act as; `None` for itself.
    pub authzid: Option<&'a str>,
    /// Whose password it is.
    pub authcid: &'a str,
    password: &'a str,
}

impl<'a> Claim<'a> {
    /// Reads the message (§2).
    ///
    /// # Errors
    /// Any other number of parts, an empty name or password, or what is not UTF-8.
    pub fn read(message: &'a [u8]) -> Result<Claim<'a>, MechanismError> {
        let text = std::str::from_utf8(message).map_err(|_| MechanismError::FailedToDecodeMessage)?;
        let mut parts = text.split('\0');
        let authzid = parts.next().filter(|authzid| !authzid.is_empty());
        let authcid = parts.next().filter(|authcid| !authcid.is_empty());
        let authcid = authcid.ok_or(MechanismError::NoUsernameSpecified)?;
        let password = parts.next().filter(|password| !password.is_empty());
        let password = password.ok_or(MechanismError::NoPasswordSpecified)?;
        if parts.next().is_some() || password.len() > MAX_PASSWORD {
            return Err(MechanismError::FailedToDecodeMessage);
        }
        Ok(Claim { authzid, authcid, password })
    }
}

impl Plain {
    /// An exchange over keys that may be made up.
    pub fn new(secret: Secret) -> Plain {
        Plain { secret }
    }
}

impl Mechanism for Plain {
    fn name(&self) -> &str {
        "PLAIN"
    }

    fn respond(&mut self, payload: &[u8]) -> Result<Response, MechanismError> {
        let claim = Claim::read(payload)?;
        let Ok(prepared) = credentials::prepare_password(claim.password) else {
            return Err(MechanismError::AuthenticationFailed);
        };
        let ScramKeys { salt, iterations, stored_key, .. } = &self.secret.keys;
        let derived = ScramKeys::derive(self.secret.hash, &prepared, salt.clone(), *iterations);
        let right = derived.stored_key.ct_eq(stored_key) & self.secret.is_real();
        if !bool::from(right) {
            return Err(MechanismError::AuthenticationFailed);
        }
        Ok(Response::Success(Identity::Username(claim.authcid.to_owned()), Vec::new()))
    }
}

#[cfg(test)]
mod tests {
    use super::super::secrets::Keys;
    use super::*;
    use crate::credentials::ScramHash;

    fn answer(message: &[u8]) -> Result<Response, MechanismError> {
        let keys = ScramKeys::derive(ScramHash::Sha256, "pen cil", vec![7; 16], 16);
        Plain::new(Secret::real(Keys { hash: ScramHash::Sha256, keys, changed: 0 })).respond(message)
    }

    #[test]
    fn the_right_password_opens_also_when_typed_another_way() {
        let romeo = || Ok(Response::Success(Identity::Username("romeo".into()), Vec::new()));
        assert_eq!(answer(b"\0romeo\0pen cil"), romeo());
        // RFC 4013 §2.1: a no-break space is a space.
        assert_eq!(answer("\0romeo\0pen\u{a0}cil".as_bytes()), romeo());
        assert_eq!(answer(b"\0romeo\0pencil"), Err(MechanismError::AuthenticationFailed));
    }

    #[test]
    fn a_message_of_any_other_shape_is_refused() {
        let long = [b"\0romeo\0".as_slice(), &[b'x'; 1025]].concat();
        let wrong: [&[u8]; 8] =
            [b"", b"\0", b"\0\0", b"\0\0pw", b"\0romeo", b"\0romeo\0", b"\0romeo\0pen cil\0extra", &long];
        for message in wrong {
            assert!(!matches!(answer(message), Ok(_) | Err(MechanismError::AuthenticationFailed)));
        }
        assert_eq!(answer(b"\0romeo\0\xff"), Err(MechanismError::FailedToDecodeMessage));
    }

    #[test]
    fn the_right_password_under_made_up_keys_is_no_login() {
        let keys = ScramKeys::derive(ScramHash::Sha256, "pencil", vec![7; 16], 16);
        let mut plain = Plain::new(Secret::made_up(ScramHash::Sha256, keys));
        assert_eq!(plain.respond(b"\0romeo\0pencil"), Err(MechanismError::AuthenticationFailed));
    }
}
