//! RFC 6120 §6: proving who one is. Our own mechanisms stand behind the `sasl` package's `server::Mechanism`.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Instant;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use rialto_xmpp::element::Element;
use rialto_xmpp::jid::{BareJid, Jid};
use rialto_xmpp::ns;
use sasl::server::{Mechanism as _, MechanismError, Response};

use crate::credentials::{ScramHash, ScramKeys};
use fast::{ClientId, Fast};
use message::First;
use offer::{Mechanism, Offer};
use pace::Pace;
use plain::{Claim, Plain};
use scram::Scram;
use secrets::{Keyring, Secret, Unreadable, Wanted};
use throttle::Throttle;

pub mod fast;
mod message;
pub mod offer;
mod pace;
mod plain;
mod scram;
pub mod secrets;
#[cfg(test)]
pub(super) mod tests;
pub mod throttle;
pub mod token;

/// RFC 6120 §6.5: why an authentication failed. None of them says whether the account exists.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AuthError {
    /// §6.5.1
    #[error("aborted")]
    Aborted,
    /// §6.5.2
    #[error("account-disabled")]
    AccountDisabled,
    /// §6.5.3
    #[error("credentials-expired")]
    CredentialsExpired,
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
    /// Of finding keys.
    pace: Pace,
    /// Of finding which keys there are.
    glance: Pace,
    fast: Option<Fast>,
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
    Challenged { scram: Box<Scram>, name: Name, changed: u64 },
    Over,
}

/// What an exchange says next.
#[derive(Debug, PartialEq, Eq)]
pub enum Step {
    /// `<challenge/>` with these bytes.
    Challenge(Vec<u8>),
    /// `<success/>`
    Success(Proven),
}

/// Somebody has proven who he is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proven {
    /// The stream is this account's.
    pub account: BareJid,
    /// What goes with the success; the server's own proof, in most mechanisms.
    pub data: Vec<u8>,
    /// Of which password it was proven: when that was set, 0 for the first.
    pub changed: u64,
    /// XEP-0484 §3.5: it was proven by a token that should be exchanged.
    pub is_due: bool,
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
        Authentication { keyring, seed, throttle, pace: Pace::default(), glance: Pace::default(), fast: None }
    }

    /// With tokens (XEP-0484).
    pub fn with_tokens(self, fast: Fast) -> Authentication {
        Authentication { fast: Some(fast), ..self }
    }

    /// Tokens, if there are any.
    pub fn tokens(&self) -> Option<&Fast> {
        self.fast.as_ref()
    }

    /// XEP-0388 §2.1: the hashes that can be offered to whoever says to be this account; a stranger is offered all, as
    /// nearly everybody is. Only an account that came from elsewhere with fewer keys can be told from nobody (§3), until
    /// its client has added the others (XEP-0480).
    pub async fn hashes(&self, account: Option<&BareJid>) -> Vec<ScramHash> {
        let Some(account) = account else { return ScramHash::ALL.to_vec() };
        let begun = Instant::now();
        match self.keyring.hashes(account).await {
            Ok(Some(hashes)) if !hashes.is_empty() => {
                self.glance.learn(begun);
                hashes
            }
            _ => {
                self.glance.keep(begun);
                ScramHash::ALL.to_vec()
            }
        }
    }

    /// XEP-0386 §3.2.1: a resource of a client, the same each time, from which nobody learns its id.
    pub fn name_for(&self, account: &BareJid, client: &ClientId, tag: &str) -> String {
        let name = format!("resource\0{account}\0{}\0{tag}", client.as_str());
        let digest = ScramHash::Sha256.hmac(&self.seed, &[name.as_bytes()]);
        BASE64_URL_SAFE_NO_PAD.encode(digest.get(..12).unwrap_or_default())
    }

    /// XEP-0480 §3: keys of the password that was proven, under another hash.
    ///
    /// # Errors
    /// [`AuthError`]: the password was changed meanwhile, or the store failed.
    pub async fn add_keys(&self, proven: &Proven, hash: ScramHash, keys: ScramKeys) -> Result<(), AuthError> {
        match self.keyring.add(&proven.account, hash, keys, proven.changed).await {
            Ok(true) => Ok(()),
            Ok(false) => Err(AuthError::CredentialsExpired),
            Err(Unreadable) => Err(AuthError::TemporaryAuthFailure),
        }
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
    async fn secret(&self, name: &Name, wanted: Wanted) -> Result<Secret, AuthError> {
        let begun = Instant::now();
        let hash = wanted.hashes().next().unwrap_or(ScramHash::Sha256);
        let made_up = secrets::made_up(&self.seed, &name.text, hash);
        let keys = match &name.account {
            Some(account) => self.keyring.keys(account, wanted).await,
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

    /// Prepares a name, and checks the identity it wants and the rate it comes at.
    fn name(
        &self,
        authcid: &str,
        authzid: Option<&str>,
        domain: &str,
        address: IpAddr,
    ) -> Result<Name, AuthError> {
        let prepared = stringprep::saslprep(authcid).ok();
        let local = prepared.as_deref().filter(|local| !local.is_empty());
        let jid = local.and_then(|local| Jid::from_parts(Some(local), domain, None).ok());
        let account = jid.map(|jid| jid.bare());
        let text = account.as_ref().map_or_else(|| authcid.to_owned(), |account| account.as_str().to_owned());
        if let Some(authzid) = authzid {
            // RFC 6120 §6.3.8: acting for another account is nobody's right here.
            let wanted = Jid::parse(authzid).map_err(|_| AuthError::InvalidAuthzid)?;
            if account.as_ref().is_none_or(|account| *account.as_jid() != wanted) {
                return Err(AuthError::InvalidAuthzid);
            }
        }
        if !self.throttle.allows(address, &text, Instant::now()) {
            return Err(AuthError::TemporaryAuthFailure);
        }
        Ok(Name { account, text })
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
            State::Challenged { mut scram, name, changed } => {
                let response = scram.respond(payload);
                self.concluded(&name, changed, response).await
            }
            State::Over => Err(AuthError::MalformedRequest),
        }
    }

    async fn plain(&mut self, payload: &[u8]) -> Result<Step, AuthError> {
        let claim = Claim::read(payload).map_err(condition)?;
        let name = self.name(claim.authcid, claim.authzid)?;
        let secret = self.shared.secret(&name, Wanted::Any).await?;
        let changed = secret.changed;
        let message = zeroize::Zeroizing::new(payload.to_vec());
        // PBKDF2 takes milliseconds: other streams on this thread must not wait for it.
        let work = move || Plain::new(secret).respond(&message);
        let response = tokio::task::spawn_blocking(work).await;
        self.concluded(&name, changed, response.map_err(|_| AuthError::TemporaryAuthFailure)?).await
    }

    async fn first(&mut self, hash: ScramHash, plus: bool, payload: &[u8]) -> Result<Step, AuthError> {
        let first = First::read(payload).map_err(condition)?;
        let name = self.name(&first.username, first.authzid.as_deref())?;
        let secret = self.shared.secret(&name, Wanted::Of(hash)).await?;
        let changed = secret.changed;
        let mut scram = Scram::new(plus, self.offer.clone(), secret).map_err(condition)?;
        match scram.respond(payload).map_err(condition)? {
            Response::Proceed(challenge) => {
                self.state = State::Challenged { scram: Box::new(scram), name, changed };
                Ok(Step::Challenge(challenge))
            }
            Response::Success(..) => Err(AuthError::MalformedRequest),
        }
    }

    fn name(&self, authcid: &str, authzid: Option<&str>) -> Result<Name, AuthError> {
        self.shared.name(authcid, authzid, &self.domain, self.address)
    }

    async fn concluded(
        &mut self,
        name: &Name,
        changed: u64,
        response: Result<Response, MechanismError>,
    ) -> Result<Step, AuthError> {
        let throttle = &self.shared.throttle;
        match (response.map_err(condition), &name.account) {
            (Ok(Response::Success(_, data)), Some(account)) => {
                throttle.succeeded(self.address, &name.text, Instant::now());
                match self.shared.keyring.standing(account).await {
                    Ok(Some(standing)) if standing.disabled => return Err(AuthError::AccountDisabled),
                    // The password was changed while it was being proven, or the account removed.
                    Ok(standing) if standing.is_none_or(|now| now.changed != changed) => {
                        return Err(AuthError::NotAuthorized);
                    }
                    Ok(_) => {}
                    Err(Unreadable) => return Err(AuthError::TemporaryAuthFailure),
                }
                Ok(Step::Success(Proven { account: account.clone(), data, changed, is_due: false }))
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
