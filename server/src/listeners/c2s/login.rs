//! RFC 6120 §6, XEP-0388: from the first features to an account, by whichever of the two ways the client takes.

use std::sync::Arc;

use bytes::Bytes;
use rialto_xmpp::{BareJid, Element, StreamCondition, StreamError, ns};

use super::negotiate::{Opening, Secured, Way, premature};
use super::registration::Visit;
use super::sasl::offer::Offer;
use super::sasl::{self, AuthError, Proven, Step};
use super::talk::Leave;
use super::{C2s, Peer, sasl2};

/// A stream on which nobody has logged in yet.
pub struct Stranger<'a> {
    /// What all client streams share.
    pub c2s: &'a Arc<C2s>,
    /// The other side.
    pub peer: &'a Peer,
    /// The stream.
    pub talk: &'a mut Secured,
    /// What it was offered.
    pub offer: Arc<Offer>,
    /// What its header fixed.
    pub opening: Opening,
    /// XEP-0445: an invitation that it has shown.
    pub visit: Visit,
    /// XEP-0509: stands for all that it was offered; `None`: XEP-0388 was not.
    pub version: Option<String>,
}

/// How a stream goes on after a login.
pub enum Login {
    /// RFC 6120 §6.4.6: it begins anew.
    Restarts(BareJid),
    /// XEP-0388 §2.6.1: it goes on; a resource is still to be bound.
    GoesOn(BareJid),
    /// It has its session, and this is what the client must hear of that.
    Enters(Way, Bytes),
}

/// Failures on one stream before it is closed. §6.4.5 wants two to five tries more after the first; slixmpp, and
/// poezio with it, needs three to find out that it cannot bind to channels of TLS 1.3.
const ATTEMPTS: usize = 6;

/// §6.4: until one attempt succeeds or too many have failed.
///
/// # Errors
/// [`Leave`].
pub async fn login(stranger: &mut Stranger<'_>) -> Result<Login, Leave> {
    let mut failed = 0;
    while failed < ATTEMPTS {
        let element = stranger.talk.element().await?;
        let (error, answer) = if stranger.version.is_some() && element.is("authenticate", ns::SASL2) {
            match sasl2::authenticate(stranger, &element).await? {
                Ok(login) => return Ok(login),
                Err(refusal) => (refusal.error, refusal.to_element()),
            }
        } else if element.is("auth", ns::SASL) {
            match classic(stranger, &element).await? {
                Ok(account) => return Ok(Login::Restarts(account)),
                Err(error) => (error, error.to_element()),
            }
        } else {
            let answer = register(stranger, &element).await.ok_or_else(|| premature(&element))?;
            stranger.talk.say(&answer).await?;
            continue;
        };
        let Peer { number, address, .. } = stranger.peer;
        tracing::info!(conn = number, peer = %address.ip(), %error, "login refused");
        stranger.talk.say(&answer).await?;
        // XEP-0509 §3.2: who was told of other features than there are has not tried anything yet. What it may send is
        // limited all the same.
        failed += usize::from(!answer.has("config-version-mismatch", ns::PIPELINING));
    }
    Err(StreamError::new(StreamCondition::PolicyViolation, "Too many failed logins.").into())
}

/// XEP-0077, XEP-0445: the one other thing that is answered before a login, where nobody can read along.
async fn register(stranger: &mut Stranger<'_>, element: &Element) -> Option<Element> {
    let Stranger { c2s, visit, version, .. } = stranger;
    c2s.registration.as_ref().filter(|_| version.is_some())?.answer(visit, element).await
}

/// §6.4.2 to §6.4.6.
async fn classic(stranger: &mut Stranger<'_>, auth: &Element) -> Result<Result<BareJid, AuthError>, Leave> {
    let mut text = auth.text();
    if text.is_empty() && stranger.offer.mechanism(auth.get("mechanism").unwrap_or_default()).is_some() {
        // §6.4.2: no initial response; our mechanisms let the client begin.
        stranger.talk.say(&Element::new("challenge", ns::SASL)).await?;
        match response(stranger.talk).await? {
            Ok(said) => text = said,
            Err(error) => return Ok(Err(error)),
        }
    }
    let Proven { account, data, .. } = match exchange(stranger, auth, text).await? {
        Ok(proven) => proven,
        Err(error) => return Ok(Err(error)),
    };
    let data = if data.is_empty() { String::new() } else { sasl::encode(&data) };
    stranger.talk.say(&Element::new("success", ns::SASL).with_text(data)).await?;
    Ok(Ok(account))
}

async fn exchange(
    stranger: &mut Stranger<'_>,
    auth: &Element,
    mut text: String,
) -> Result<Result<Proven, AuthError>, Leave> {
    let Stranger { c2s, peer, talk, offer, opening, .. } = stranger;
    let mechanism = auth.get("mechanism").unwrap_or_default();
    let begun = c2s.authentication.begin(mechanism, offer, &opening.domain, peer.address.ip());
    let mut exchange = match begun {
        Ok(exchange) => exchange,
        Err(error) => return Ok(Err(error)),
    };
    loop {
        let step = match sasl::decode(&text) {
            Ok(payload) => exchange.step(&zeroize::Zeroizing::new(payload)).await,
            Err(error) => Err(error),
        };
        match step {
            Ok(Step::Challenge(challenge)) => {
                talk.say(&Element::new("challenge", ns::SASL).with_text(sasl::encode(&challenge))).await?;
            }
            Ok(Step::Success(proven)) => return Ok(Ok(proven)),
            Err(error) => return Ok(Err(error)),
        }
        match response(talk).await? {
            Ok(said) => text = said,
            Err(error) => return Ok(Err(error)),
        }
    }
}

/// §6.4.3, §6.4.4: the client's answer to a challenge, or its change of mind.
async fn response(talk: &mut Secured) -> Result<Result<String, AuthError>, Leave> {
    let element = talk.element().await?;
    if element.is("response", ns::SASL) {
        // §6.4.3: an empty response is written as such.
        let text = element.text();
        return Ok(Ok(if text.is_empty() { "=".to_owned() } else { text }));
    }
    if element.is("abort", ns::SASL) {
        return Ok(Err(AuthError::Aborted));
    }
    Err(premature(&element))
}
