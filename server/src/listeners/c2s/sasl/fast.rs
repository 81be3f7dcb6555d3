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

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::sync::Arc;

    use rialto_store::accounts::Accounts;

    use super::super::offer::Bindings;
    use super::super::throttle::Throttle;
    use super::*;

    const HERE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);
    const LONG: Duration = Duration::from_secs(30 * 86_400);

    struct House {
        shared: Authentication,
        accounts: Accounts,
        offer: Offer,
        romeo: BareJid,
    }

    impl House {
        async fn new() -> House {
            let store = Store::memory();
            let accounts = Accounts::new(&store);
            let romeo = BareJid::parse("romeo@localhost").unwrap();
            accounts.create(romeo.as_str(), BTreeMap::new(), false).await.unwrap();
            let keyring = Arc::new(accounts.clone());
            let shared = Authentication::new(keyring, [1; 32], Throttle::default());
            let shared = shared.with_tokens(Fast::new(&store, [2; 32]));
            let bindings = Bindings { exporter: Some([3; 32]), end_point: Some(vec![4; 32]) };
            House { shared, accounts, offer: Offer::inside_tls(bindings, true), romeo }
        }

        fn ht(&self, name: &str) -> Ht {
            Ht::of(self.offer.bindings()).find(|ht| ht.name() == name).unwrap()
        }

        async fn token(&self, name: &str, when: (u64, Duration)) -> String {
            let fast = self.shared.tokens().unwrap();
            let token = fast.issue(&self.romeo, &client("phone"), self.ht(name), when).await.unwrap();
            token.get("token").unwrap().to_owned()
        }

        async fn log_in(&self, name: &str, token: &str, of: &str, used: Use) -> Result<Proven, AuthError> {
            let ht = self.ht(name);
            let proof = ht.initiator(token, self.offer.bindings());
            let message = [b"romeo\0", &proof[..]].concat();
            self.shared.by_token(&message, (ht, &client(of), used), &self.offer, ("localhost", HERE)).await
        }
    }

    fn client(id: &str) -> ClientId {
        ClientId::of(id).unwrap()
    }

    const EXPR: &str = "HT-SHA-256-EXPR";

    #[tokio::test]
    async fn a_token_lets_its_own_client_in_with_its_own_mechanism() {
        let house = House::new().await;
        let token = house.token(EXPR, (0, LONG)).await;
        let proven = house.log_in(EXPR, &token, "phone", Use::default()).await.unwrap();
        let answer = house.ht(EXPR).responder(&token, house.offer.bindings());
        assert_eq!((&proven.account, &proven.data, proven.is_due), (&house.romeo, &answer, false));
        for (name, of) in [(EXPR, "desk"), ("HT-SHA-256-NONE", "phone"), ("HT-SHA-512-EXPR", "phone")] {
            let refused = house.log_in(name, &token, of, Use::default()).await;
            assert_eq!(refused, Err(AuthError::NotAuthorized), "{name} {of}");
        }
        let refused = house.log_in(EXPR, &token[1..], "phone", Use::default()).await;
        assert_eq!(refused, Err(AuthError::NotAuthorized));
    }

    #[tokio::test]
    async fn what_was_given_on_an_older_password_has_expired_and_is_no_guess() {
        let house = House::new().await;
        let token = house.token(EXPR, (0, LONG)).await;
        house.accounts.set_credentials(house.romeo.as_str(), BTreeMap::new()).await.unwrap();
        for _ in 0..30 {
            let refused = house.log_in(EXPR, &token, "phone", Use::default()).await;
            assert_eq!(refused, Err(AuthError::CredentialsExpired));
        }
        // Somebody who had proven the older password was slow to ask for a token.
        let late = house.token(EXPR, (0, LONG)).await;
        let refused = house.log_in(EXPR, &late, "phone", Use::default()).await;
        assert_eq!(refused, Err(AuthError::CredentialsExpired));
        let changed = house.accounts.get(house.romeo.as_str()).unwrap().unwrap().changed;
        let fresh = house.token(EXPR, (changed, LONG)).await;
        assert!(house.log_in(EXPR, &fresh, "phone", Use::default()).await.is_ok());
    }

    #[tokio::test]
    async fn a_disabled_account_is_told_so_only_with_the_right_token() {
        let house = House::new().await;
        let token = house.token(EXPR, (0, LONG)).await;
        house.accounts.set_disabled(house.romeo.as_str(), true).await.unwrap();
        let refused = house.log_in(EXPR, &token, "phone", Use::default()).await;
        assert_eq!(refused, Err(AuthError::AccountDisabled));
        let refused = house.log_in(EXPR, "guess", "phone", Use::default()).await;
        assert_eq!(refused, Err(AuthError::NotAuthorized));
    }

    #[tokio::test]
    async fn of_two_that_come_with_the_same_count_one_gets_in() {
        let house = House::new().await;
        let token = house.token(EXPR, (0, LONG)).await;
        let used = Use { count: Some(1), invalidate: false };
        let one = house.log_in(EXPR, &token, "phone", used);
        let (one, other) = tokio::join!(one, house.log_in(EXPR, &token, "phone", used));
        assert_eq!([one.is_ok(), other.is_ok()].iter().filter(|ok| **ok).count(), 1);
    }

    #[tokio::test]
    async fn guessing_tokens_is_throttled_like_guessing_passwords() {
        let house = House::new().await;
        let mut answers = Vec::new();
        for _ in 0..12 {
            answers.push(house.log_in(EXPR, "guess", "phone", Use::default()).await.unwrap_err());
        }
        assert_eq!(answers[..10], [AuthError::NotAuthorized; 10]);
        assert_eq!(answers[10..], [AuthError::TemporaryAuthFailure; 2]);
    }

    #[tokio::test]
    async fn a_removed_account_leaves_no_tokens() {
        let house = House::new().await;
        let token = house.token(EXPR, (0, LONG)).await;
        house.accounts.remove(house.romeo.as_str()).await.unwrap();
        house.accounts.create(house.romeo.as_str(), BTreeMap::new(), true).await.unwrap();
        let refused = house.log_in(EXPR, &token, "phone", Use::default()).await;
        assert_eq!(refused, Err(AuthError::NotAuthorized));
    }

    #[test]
    fn a_client_is_known_by_a_digest_of_what_it_calls_itself() {
        let id = client("d4565fa7-4d72-4749-b3d3-740edbf87770");
        assert!(id.as_str().len() == 22 && !id.as_str().contains("4565"));
        assert_ne!(id, client("d4565fa7-4d72-4749-b3d3-740edbf87771"));
        assert!(ClientId::of("").is_none() && ClientId::of(&"x".repeat(129)).is_none());
    }
}
