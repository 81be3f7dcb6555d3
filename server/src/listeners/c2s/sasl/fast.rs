//! XEP-0484: tokens that stand in for a password: issued, rotated, used and taken back.

use std::net::IpAddr;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use rialto_store::tokens::{self, Token};
use rialto_store::{Store, StoreError};
use rialto_xmpp::parts::datetime;
use rialto_xmpp::{BareJid, Element, ns};
use sha2::{Digest, Sha256};
use subtle::{Choice, ConstantTimeEq};

use super::offer::Offer;
use super::secrets::Unreadable;
use super::token::{Ht, Message};
use super::{AuthError, Authentication, Proven, condition};
use crate::credentials::ScramHash;
use crate::random;

/// Makes tokens, and knows them again.
///
/// The secret and a serial make a token; what is stored is the serial. So neither a copy of the table nor an export of
/// an account lets anybody in, and the one thing to guard is 32 bytes long. The token itself cannot be left out by
/// storing a digest, as with a password: it is the key of the HMAC that proves it.
pub struct Fast {
    store: Store,
    secret: [u8; 32],
}

/// One client of an account: a digest of the `id` of its `<user-agent/>` (XEP-0388 §2.3), which nobody else may see.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ClientId(String);

/// `<fast/>` of a login (§3.4).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Use {
    /// Must be above every count before, for this token.
    pub count: Option<u64>,
    /// The token is worth nothing afterwards (§3.6).
    pub invalidate: bool,
}

/// The longest `id` of a `<user-agent/>`; a UUID has 36.
const MAX_ID: usize = 128;
/// Clients of one account that can have tokens. Overflow: those go whose tokens end first.
const CLIENTS: usize = 64;
/// A token is exchanged for a new one when it is this old, or has used up a quarter of its time.
const ROTATE: Duration = Duration::from_secs(24 * 3600);

impl ClientId {
    /// Of the `id` that a client has given itself; `None` if that is none.
    pub fn of(id: &str) -> Option<ClientId> {
        let digest = Sha256::digest(id.as_bytes());
        let fits = !id.is_empty() && id.len() <= MAX_ID;
        fits.then(|| ClientId(BASE64_URL_SAFE_NO_PAD.encode(digest.get(..16).unwrap_or_default())))
    }

    /// As it stands in keys.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Fast {
    /// Tokens in this store; `secret` is the server's own and survives restarts.
    pub fn new(store: &Store, secret: [u8; 32]) -> Fast {
        Fast { store: store.clone(), secret }
    }

    /// The token of a serial: 256 bits that nobody can guess who does not know the secret.
    fn token(&self, account: &str, client: &ClientId, mechanism: &str, serial: &str) -> String {
        let parts: [&[u8]; 7] = [
            account.as_bytes(),
            b"\0",
            client.0.as_bytes(),
            b"\0",
            mechanism.as_bytes(),
            b"\0",
            serial.as_bytes(),
        ];
        BASE64_URL_SAFE_NO_PAD.encode(ScramHash::Sha256.hmac(&self.secret, &parts))
    }

    /// §3.3, §3.5: a new token for a client that has proven who it is, durable when this returns. `changed` is
    /// what the account's password was proven of.
    ///
    /// # Errors
    /// [`StoreError`]: there is no new token.
    pub async fn issue(
        &self,
        account: &BareJid,
        client: &ClientId,
        ht: Ht,
        (changed, lifetime): (u64, Duration),
    ) -> Result<Element, StoreError> {
        let now = SystemTime::now();
        let ends = now + lifetime;
        let token = Token {
            serial: random::token(),
            mechanism: ht.name().to_owned(),
            issued: seconds(now),
            expires: seconds(ends),
            count: 0,
            changed,
        };
        let whose = (account.as_str(), client.as_str());
        tokens::issue(&self.store, whose, &token, (seconds(now), CLIENTS)).await?;
        let expiry = UNIX_EPOCH + Duration::from_secs(token.expires);
        let secret = self.token(account.as_str(), client, ht.name(), &token.serial);
        Ok(Element::new("token", ns::FAST).attr("token", secret).attr("expiry", datetime::format(expiry)))
    }
}

impl Authentication {
    /// §3.4: a login by token, whole.
    ///
    /// # Errors
    /// [`AuthError`]; what was stored is as it was. [`AuthError::CredentialsExpired`] is for whoever has the right
    /// token, which is worth nothing any more: that is no guess, and is not counted as one.
    pub async fn by_token(
        &self,
        payload: &[u8],
        (ht, client, used): (Ht, &ClientId, Use),
        offer: &Offer,
        (domain, address): (&str, IpAddr),
    ) -> Result<Proven, AuthError> {
        let fast = self.fast.as_ref().ok_or(AuthError::InvalidMechanism)?;
        let message = Message::read(payload).map_err(condition)?;
        let name = self.name(message.authcid, None, domain, address)?;
        let found = match &name.account {
            Some(account) => fast.find(account, client, ht, (&message, offer))?,
            None => None,
        };
        let (Some(found), Some(account)) = (found, &name.account) else {
            self.throttle.failed(address, &name.text, Instant::now());
            return Err(AuthError::NotAuthorized);
        };
        let standing =
            self.keyring.standing(account).await.map_err(|Unreadable| AuthError::TemporaryAuthFailure)?;
        let standing = standing.ok_or(AuthError::NotAuthorized)?;
        if found.token.expires <= seconds(SystemTime::now()) || found.token.changed != standing.changed {
            return Err(AuthError::CredentialsExpired);
        }
        if standing.disabled {
            return Err(AuthError::AccountDisabled);
        }
        if !fast.take(account, client, &found, used).await? {
            // §3.4: a replay, or the other of two that came at once.
            self.throttle.failed(address, &name.text, Instant::now());
            return Err(AuthError::NotAuthorized);
        }
        self.throttle.succeeded(address, &name.text, Instant::now());
        let is_due = !used.invalidate && found.is_due();
        Ok(Proven { account: account.clone(), data: found.answer, changed: found.token.changed, is_due })
    }
}

/// A token that was proven.
struct Found {
    token: Token,
    is_new: bool,
    /// What the server proves in return.
    answer: Vec<u8>,
}

impl Found {
    fn is_due(&self) -> bool {
        let age = seconds(SystemTime::now()).saturating_sub(self.token.issued);
        let lifetime = self.token.expires.saturating_sub(self.token.issued);
        age >= ROTATE.as_secs().min(lifetime / 4)
    }
}

impl Fast {
    /// The token that this message proves, of the two that may be there. Both are looked at, whichever it is, and where
    /// one is missing another is made up: the time says nothing.
    fn find(
        &self,
        account: &BareJid,
        client: &ClientId,
        ht: Ht,
        (message, offer): (&Message<'_>, &Offer),
    ) -> Result<Option<Found>, AuthError> {
        let kept = tokens::load(&self.store, account.as_str(), client.as_str());
        let kept = kept.map_err(|error| {
            tracing::error!(%error, "tokens could not be read");
            AuthError::TemporaryAuthFailure
        })?;
        let kept = kept.unwrap_or_default();
        let mut found = None;
        for (slot, is_new) in [(kept.new, true), (kept.current, false)] {
            // §3.4: a token is bound to its mechanism.
            let is_real = slot.as_ref().is_some_and(|token| token.mechanism == ht.name());
            let serial = slot.as_ref().map_or("none", |token| token.serial.as_str());
            let secret = self.token(account.as_str(), client, ht.name(), serial);
            let right = ht.initiator(&secret, offer.bindings()).ct_eq(message.hashed);
            if bool::from(right & Choice::from(u8::from(is_real)))
                && let Some(token) = slot
            {
                found = Some(Found { token, is_new, answer: ht.responder(&secret, offer.bindings()) });
            }
        }
        Ok(found)
    }

    /// The token is used now; nothing is written where nothing changes. `false`: somebody was quicker.
    async fn take(
        &self,
        account: &BareJid,
        client: &ClientId,
        found: &Found,
        used: Use,
    ) -> Result<bool, AuthError> {
        let whose = (account.as_str(), client.as_str());
        let mut is_good = true;
        let written = async {
            if found.is_new || used.count.is_some() {
                is_good = tokens::used(&self.store, whose, &found.token.serial, used.count).await?;
            }
            if is_good && used.invalidate {
                tokens::forget(&self.store, whose.0, whose.1).await?;
            }
            Ok::<_, StoreError>(())
        };
        written.await.map_err(|error| {
            tracing::error!(%error, "a token could not be marked as used");
            AuthError::TemporaryAuthFailure
        })?;
        Ok(is_good)
    }
}

fn seconds(at: SystemTime) -> u64 {
    at.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}
