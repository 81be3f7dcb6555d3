//! XEP-0388: Extensible SASL Profile.

mod pipelining;
mod request;
mod upgrade;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use rialto_xmpp::{Element, StanzaError, ns, stream};
use zeroize::Zeroizing;

use super::login::{Login, Stranger};
use super::negotiate::{Way, premature};
use super::sasl::offer::Offer;
use super::sasl::token::{self, Ht};
use super::sasl::{AuthError, Proven, Step};
use super::talk::{self, Leave};
use super::{C2s, bind2, features, resume};
pub use pipelining::{feature as config_version, version};
use request::Request;

/// Why an `<authenticate/>` led to nothing (§2.6.2).
pub struct Refusal {
    /// RFC 6120 §6.5.
    pub error: AuthError,
    text: Option<String>,
    /// Name and namespace of an application's own condition.
    app: Option<(&'static str, &'static str)>,
}

impl From<AuthError> for Refusal {
    fn from(error: AuthError) -> Refusal {
        Refusal { error, text: None, app: None }
    }
}

impl Refusal {
    /// With words for whoever reads the log of a client.
    pub fn saying(error: AuthError, text: impl Into<String>) -> Refusal {
        Refusal { error, text: Some(text.into()), app: None }
    }

    /// `<failure/>`
    pub fn to_element(&self) -> Element {
        let text = self.text.as_ref().map(|text| Element::new("text", ns::SASL2).with_text(text.as_str()));
        Element::new("failure", ns::SASL2)
            .with(Element::new(self.error.to_string(), ns::SASL))
            .with_opt(self.app.map(|(name, ns)| Element::new(name, ns)))
            .with_opt(text)
    }
}

/// `<authentication/>` (§2.1): mechanisms, what can be done with the login at once, and keys that are wanted.
pub fn feature(c2s: &C2s, offer: &Offer) -> Element {
    let fast = has_tokens(c2s).then(|| token::feature(offer.bindings()));
    let inline = Element::new("inline", ns::SASL2)
        .with(Element::new("sm", ns::SM))
        .with(bind2::feature())
        .with_opt(fast);
    let upgrades = offer.missing().into_iter().map(upgrade::feature);
    Element::new("authentication", ns::SASL2)
        .with_all(offer.mechanisms(ns::SASL2))
        .with(inline)
        .with_all(upgrades)
}

/// `<authenticate/>` to `<success/>`. Nothing that was asked for inline happens unless the login succeeds.
///
/// # Errors
/// Outside: the stream must end. Inside: the client may try again.
pub async fn authenticate(
    stranger: &mut Stranger<'_>,
    element: &Element,
) -> Result<Result<Login, Refusal>, Leave> {
    let request = match Request::read(element) {
        Ok(request) => request,
        Err(refusal) => return Ok(Err(refusal)),
    };
    if request.version.is_some() && request.version != stranger.version {
        return Ok(Err(pipelining::mismatch()));
    }
    let mut proven = match prove(stranger, &request).await? {
        Ok(proven) => proven,
        Err(refusal) => return Ok(Err(refusal)),
    };
    let claimed = stranger.opening.client.as_ref();
    if claimed.is_some_and(|claimed| claimed.bare_str() != proven.account.as_str()) {
        // §2.3: the stream said in its header whose it would be.
        let text = "The stream's from names another account.";
        return Ok(Err(Refusal::saying(AuthError::InvalidAuthzid, text)));
    }
    if request.fast.is_none()
        && let Err(error) = upgrade::perform(stranger, &request.upgrades, &mut proven).await?
    {
        return Ok(Err(error.into()));
    }
    conclude(stranger, &request, proven).await
}

/// Whether tokens are given at all.
fn has_tokens(c2s: &C2s) -> bool {
    c2s.authentication.tokens().is_some() && !c2s.settings().c2s.token_lifetime.is_zero()
}

/// §2.3 to §2.5: the exchange itself.
async fn prove(stranger: &mut Stranger<'_>, request: &Request) -> Result<Result<Proven, Refusal>, Leave> {
    let initial = match request.initial.as_deref().map(decode).transpose() {
        Ok(initial) => initial,
        Err(error) => return Ok(Err(error.into())),
    };
    if request.fast.is_some() {
        return Ok(prove_token(stranger, request, initial).await);
    }
    let Stranger { c2s, peer, talk, offer, opening, .. } = stranger;
    let begun = c2s.authentication.begin(&request.mechanism, offer, &opening.domain, peer.address.ip());
    let mut exchange = match begun {
        Ok(exchange) => exchange,
        Err(error) => return Ok(Err(error.into())),
    };
    let mut payload = initial;
    loop {
        if let Some(payload) = payload {
            match exchange.step(&payload).await {
                Ok(Step::Challenge(data)) => talk.say(&challenge(&data)).await?,
                Ok(Step::Success(proven)) => return Ok(Ok(proven)),
                Err(error) => return Ok(Err(error.into())),
            }
        } else {
            // §2.2: no initial response; our mechanisms let the client begin.
            talk.say(&challenge(&[])).await?;
        }
        let element = talk.element().await?;
        if element.is("abort", ns::SASL2) {
            return Ok(Err(AuthError::Aborted.into()));
        }
        if !element.is("response", ns::SASL2) {
            return Err(premature(&element));
        }
        match decode(&element.text()) {
            Ok(said) => payload = Some(said),
            Err(error) => return Ok(Err(error.into())),
        }
    }
}

/// XEP-0484 §3.4: a proof of a token is one message.
async fn prove_token(
    stranger: &mut Stranger<'_>,
    request: &Request,
    initial: Option<Zeroizing<Vec<u8>>>,
) -> Result<Proven, Refusal> {
    let Stranger { c2s, peer, offer, opening, .. } = stranger;
    let ht = ht(c2s, offer, &request.mechanism).ok_or(AuthError::InvalidMechanism)?;
    let lacks = |what| Refusal::saying(AuthError::MalformedRequest, what);
    let client = request.client.as_ref().ok_or_else(|| lacks("A token needs a user-agent with an id."))?;
    let payload = initial.ok_or_else(|| lacks("A token needs an initial-response."))?;
    let used = (ht, client, request.fast.unwrap_or_default());
    let place = (&*opening.domain, peer.address.ip());
    Ok(c2s.authentication.by_token(&payload, used, offer, place).await?)
}

/// The mechanism of this name, if tokens are given for it on this stream.
fn ht(c2s: &C2s, offer: &Offer, name: &str) -> Option<Ht> {
    has_tokens(c2s).then(|| Ht::of(offer.bindings()).find(|ht| ht.name() == name))?
}

/// §2.6.1: what was asked for inline, and `<success/>`.
async fn conclude(
    stranger: &mut Stranger<'_>,
    request: &Request,
    proven: Proven,
) -> Result<Result<Login, Refusal>, Leave> {
    let (c2s, peer) = (stranger.c2s, stranger.peer);
    let account = proven.account.clone();
    let mut results = Vec::new();
    let mut way = None;
    if let Some(element) = &request.resume {
        match resume::resume(c2s, &account, element).await? {
            Ok(claim) => {
                results.push(claim.resumed.clone());
                way = Some((claim.entry.session.jid.clone(), Way::Resumed(claim)));
            }
            Err(failed) => results.push(failed),
        }
    }
    // XEP-0386 §3.2: who has resumed is bound already.
    if let (Some(bind), None) = (&request.bind, &way) {
        match bind2::bind(c2s, &account, bind, request.client.as_ref()).await? {
            Ok((bound, result)) => {
                results.push(result);
                way = Some((bound.session.jid.clone(), Way::Bound(bound)));
            }
            Err(StanzaError { text, .. }) => {
                let text = text.unwrap_or_else(|| "No resource can be bound now.".into());
                return Ok(Err(Refusal::saying(AuthError::TemporaryAuthFailure, text)));
            }
        }
    }
    results.extend(new_token(stranger, request, &proven).await);
    tracing::info!(conn = peer.number, %account, "logged in");
    let Some((jid, way)) = way else {
        let mut out = success(&proven, account.as_str(), results).to_vec();
        out.extend_from_slice(&stream::features(&features::authenticated(c2s)));
        stranger.talk.write(&out).await?;
        return Ok(Ok(Login::GoesOn(account)));
    };
    tracing::debug!(conn = peer.number, %jid, "bound or resumed with the login");
    let mut out = success(&proven, jid.as_str(), results).to_vec();
    if matches!(way, Way::Bound(_)) {
        out.extend_from_slice(&stream::features(&features::bound(c2s)));
    }
    // XEP-0198 §"Inline Stream Resumption": a stream that goes on has the features that it had.
    Ok(Ok(Login::Enters(way, Bytes::from(out))))
}

fn success(proven: &Proven, jid: &str, results: Vec<Element>) -> Bytes {
    let data = Some(&proven.data).filter(|data| !data.is_empty());
    let data = data.map(|data| Element::new("additional-data", ns::SASL2).with_text(STANDARD.encode(data)));
    let success = Element::new("success", ns::SASL2)
        .with_opt(data)
        .with(Element::new("authorization-identifier", ns::SASL2).with_text(jid))
        .with_all(results);
    talk::bytes_of(&success)
}

/// XEP-0484 §3.3, §3.5: a token, where one was asked for or the one that was used is due. Who cannot be given one has
/// logged in all the same.
async fn new_token(stranger: &mut Stranger<'_>, request: &Request, proven: &Proven) -> Option<Element> {
    let Stranger { c2s, offer, .. } = stranger;
    let wanted = request.token.as_deref().or_else(|| proven.is_due.then_some(request.mechanism.as_str()))?;
    let (ht, client) = (ht(c2s, offer, wanted)?, request.client.as_ref()?);
    let when = (proven.changed, c2s.settings().c2s.token_lifetime);
    let issued = c2s.authentication.tokens()?.issue(&proven.account, client, ht, when).await;
    issued.inspect_err(|error| tracing::error!(%error, "a token could not be kept")).ok()
}

fn challenge(data: &[u8]) -> Element {
    Element::new("challenge", ns::SASL2).with_text(STANDARD.encode(data))
}

/// §2.2: strict base64, and no sign for an empty message.
fn decode(text: &str) -> Result<Zeroizing<Vec<u8>>, AuthError> {
    STANDARD.decode(text.trim()).map(Zeroizing::new).map_err(|_| AuthError::IncorrectEncoding)
}
