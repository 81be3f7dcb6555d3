//! RFC 6120 §6: proving who one is. Our own mechanisms stand behind the `sasl` package's `server::Mechanism`.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Instant;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rialto_xmpp::element::Element;
use rialto_xmpp::jid::{BareJid, Jid};
use rialto_xmpp::ns;
use sasl::server::{Mechanism as _, MechanismError, Response};

use crate::credentials::ScramHash;
use message::First;
use offer::{Mechanism, Offer};
use pace::Pace;
use plain::{Claim, Plain};
use scram::Scram;
use secrets::{Keyring, Secret, Unreadable};
use throttle::Throttle;

mod message;
pub mod offer;
mod pace;
mod plain;
mod scram;
pub mod secrets;
#[cfg(test)]
pub(super) mod tests;
pub mod throttle;

/// RFC 6120 §6.5: why an authentication failed. None of them says whether the account exists.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AuthError {
    /// §6.5.1
    #[error("aborted")]
    Aborted,
    /// §6.5.2
    #[error("account-disabled")]
    AccountDisabled,
    /// §6.5.5
    #[error("incorrect-encoding")]
    IncorrectEncoding,
    /// §6.5.6
    #[error("invalid-authzid")]
    InvalidAuthzid,
    /// §6.5.7
    #[error("invalid-mechanism")]
    InvalidMechanism,
    /// §6.5.8
    #[error("malformed-request")]
    MalformedRequest,
    /// §6.5.10
    #[error("not-authorized")]
    NotAuthorized,
    /// §6.5.11
    #[error("temporary-auth-failure")]
    TemporaryAuthFailure,
}

/// What all streams of the house share for authentication.
pub struct Authentication {
    keyring: Arc<dyn Keyring>,
    seed: [u8; 32],
    throttle: Throttle,
    pace: Pace,
}

/// The authentication of one stream, one attempt.
pub struct Exchange {
    shared: Arc<Authentication>,
    domain: Arc<str>,
    address: IpAddr,
    offer: Arc<Offer>,
    state: State,
}

enum State {
    Begun(Mechanism),
    Challenged { scram: Box<Scram>, name: Name },
    Over,
}

/// What an exchange says next.
#[derive(Debug, PartialEq, Eq)]
pub enum Step {
    /// `<challenge/>` with these bytes.
    Challenge(Vec<u8>),
    /// `<success/>` with these bytes: the stream is this account's.
    Success(BareJid, Vec<u8>),
}

/// The name a client gave, prepared; `account` is missing where no account can have that name.
#[derive(Clone)]
struct Name {
    account: Option<BareJid>,
    text: String,
}

impl AuthError {
    /// `<failure/>`
    pub fn to_element(self) -> Element {
        Element::new("failure", ns::SASL).with(Element::new(self.to_string(), ns::SASL))
    }
}

impl Authentication {
    /// `seed` must be secret and survive restarts: made-up salts come from it.
    pub fn new(keyring: Arc<dyn Keyring>, seed: [u8; 32], throttle: Throttle) -> Authentication {
        Authentication { keyring, seed, throttle, pace: Pace::default() }
    }

    /// Begins an attempt with a mechanism that the stream was offered.
    ///
    /// # Errors
    /// [`AuthError::InvalidMechanism`]
    pub fn begin(
        self: &Arc<Authentication>,
        mechanism: &str,
        offer: &Arc<Offer>,
        domain: &Arc<str>,
        address: IpAddr,
    ) -> Result<Exchange, AuthError> {
        let mechanism = offer.mechanism(mechanism).ok_or(AuthError::InvalidMechanism)?;
        let (shared, offer, domain) = (self.clone(), offer.clone(), domain.clone());
        Ok(Exchange { shared, domain, address, offer, state: State::Begun(mechanism) })
    }

    /// Keys of an account, or made-up ones; the same work is done for both.
    async fn secret(&self, name: &Name, hash: ScramHash) -> Result<Secret, AuthError> {
        let begun = Instant::now();
        let made_up = secrets::made_up(&self.seed, &name.text, hash);
        let keys = match &name.account {
            Some(account) => self.keyring.keys(account, hash).await,
            None => Ok(None),
        };
        match keys {
            Ok(Some(keys)) => {
                self.pace.learn(begun);
                Ok(Secret::real(keys))
            }
            Ok(None) => {
                self.pace.keep(begun);
                Ok(made_up)
            }
            Err(Unreadable) => Err(AuthError::TemporaryAuthFailure),
        }
    }
}

impl Exchange {
    /// The client's next message, decoded (see [`decode`]).
    ///
    /// # Errors
    /// [`AuthError`]: this attempt is over.
    pub async fn step(&mut self, payload: &[u8]) -> Result<Step, AuthError> {
        match std::mem::replace(&mut self.state, State::Over) {
            State::Begun(Mechanism::Plain) => self.plain(payload).await,
            State::Begun(Mechanism::Scram { hash, plus }) => self.first(hash, plus, payload).await,
            State::Challenged { mut scram, name } => {
                let response = scram.respond(payload);
                self.concluded(&name, response).await
            }
            State::Over => Err(AuthError::MalformedRequest),
        }
    }

    async fn plain(&mut self, payload: &[u8]) -> Result<Step, AuthError> {
        let claim = Claim::read(payload).map_err(condition)?;
        let name = self.name(claim.authcid, claim.authzid)?;
        let hash = ScramHash::Sha256;
        let secret = self.shared.secret(&name, hash).await?;
        let message = zeroize::Zeroizing::new(payload.to_vec());
        // PBKDF2 takes milliseconds: other streams on this thread must not wait for it.
        let work = move || Plain::new(hash, secret).respond(&message);
        let response = tokio::task::spawn_blocking(work).await;
        self.concluded(&name, response.map_err(|_| AuthError::TemporaryAuthFailure)?).await
    }

    async fn first(&mut self, hash: ScramHash, plus: bool, payload: &[u8]) -> Result<Step, AuthError> {
        let first = First::read(payload).map_err(condition)?;
        let name = self.name(&first.username, first.authzid.as_deref())?;
        let secret = self.shared.secret(&name, hash).await?;
        let mut scram = Scram::new(hash, plus, (*self.offer).clone(), secret).map_err(condition)?;
        match scram.respond(payload).map_err(condition)? {
            Response::Proceed(challenge) => {
                self.state = State::Challenged { scram: Box::new(scram), name };
                Ok(Step::Challenge(challenge))
            }
            Response::Success(..) => Err(AuthError::MalformedRequest),
        }
    }

    /// Prepares a name, and checks the identity it wants and the rate it comes at.
    fn name(&self, authcid: &str, authzid: Option<&str>) -> Result<Name, AuthError> {
        let prepared = stringprep::saslprep(authcid).ok();
        let local = prepared.as_deref().filter(|local| !local.is_empty());
        let jid = local.and_then(|local| Jid::from_parts(Some(local), &self.domain, None).ok());
        let account = jid.map(|jid| jid.bare());
        let text = account.as_ref().map_or_else(|| authcid.to_owned(), |account| account.as_str().to_owned());
        if let Some(authzid) = authzid {
            // RFC 6120 §6.3.8: acting for another account is nobody's right here.
            let wanted = Jid::parse(authzid).map_err(|_| AuthError::InvalidAuthzid)?;
            if account.as_ref().is_none_or(|account| *account.as_jid() != wanted) {
                return Err(AuthError::InvalidAuthzid);
            }
        }
        if !self.shared.throttle.allows(self.address, &text, Instant::now()) {
            return Err(AuthError::TemporaryAuthFailure);
        }
        Ok(Name { account, text })
    }

    async fn concluded(
        &mut self,
        name: &Name,
        response: Result<Response, MechanismError>,
    ) -> Result<Step, AuthError> {
        let throttle = &self.shared.throttle;
        match (response.map_err(condition), &name.account) {
            (Ok(Response::Success(_, payload)), Some(account)) => {
                throttle.succeeded(self.address, &name.text, Instant::now());
                match self.shared.keyring.is_disabled(account).await {
                    Ok(false) => {}
                    Ok(true) => return Err(AuthError::AccountDisabled),
                    Err(Unreadable) => return Err(AuthError::TemporaryAuthFailure),
                }
                Ok(Step::Success(account.clone(), payload))
            }
            (Ok(_), _) | (Err(AuthError::NotAuthorized), _) => {
                throttle.failed(self.address, &name.text, Instant::now());
                Err(AuthError::NotAuthorized)
            }
            (Err(error), _) => Err(error),
        }
    }
}

/// The text of `<auth/>` or `<response/>` (§6.4.2): strict base64, `=` for an empty one.
///
/// # Errors
/// [`AuthError::IncorrectEncoding`]
pub fn decode(text: &str) -> Result<Vec<u8>, AuthError> {
    match text {
        "=" => Ok(Vec::new()),
        text => STANDARD.decode(text).map_err(|_| AuthError::IncorrectEncoding),
    }
}

/// Bytes as they stand in `<challenge/>` and `<success/>`.
pub fn encode(bytes: &[u8]) -> String {
    if bytes.is_empty() { "=".to_owned() } else { STANDARD.encode(bytes) }
}

/// RFC 6120 §6.5: the condition of a mechanism's own error.
fn condition(error: MechanismError) -> AuthError {
    match error {
        MechanismError::AuthenticationFailed
        | MechanismError::ChannelBindingNotSupported
        | MechanismError::ChannelBindingIsSupported
        | MechanismError::ChannelBindingMechanismIncorrect
        | MechanismError::ProviderError(_)
        | MechanismError::ValidatorError(_) => AuthError::NotAuthorized,
        MechanismError::FailedToGenerateNonce | MechanismError::RandomFailure(_) => {
            AuthError::TemporaryAuthFailure
        }
        _ => AuthError::MalformedRequest,
    }
}
