//! XEP-0401 §6.1, XEP-0445: the page of an invitation: who invites to what, which app to take, and a form for the account.
//!
//! Works without scripts, and in text browsers. The same code makes the account as for clients that register in-band.

mod form;
#[cfg(test)]
mod tests;
mod words;

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use hyper::header::{self, HeaderName, HeaderValue};
use hyper::{Method, StatusCode};
use rialto_xmpp::{BareJid, Condition, StanzaError};

use super::body::BodyError;
use super::html;
use super::site::{Answer, Request, Response, Site, carrying, reads, says};
use crate::invites::{Found, Guesses, PAGE};
use crate::listeners::c2s::registration::{Application, Registration, Visit};
use crate::public_url::PublicUrl;
use form::{Filled, Seals, is_from_here};

/// Bytes of a form: a password of the longest kind, twice, each byte as three.
const LONGEST: usize = 8 * 1024;

/// How long a form may take to come.
const PATIENCE: Duration = Duration::from_secs(30);

/// Forms of one address, within an hour, that asked for a name that is taken. A class of pupils has one address.
const TAKEN_NAMES: u32 = 60;

const ROBOTS: HeaderName = HeaderName::from_static("x-robots-tag");

/// The site of invitations.
pub struct Invitation {
    registration: Arc<Registration>,
    url: PublicUrl,
    seals: Seals,
    tries: Guesses,
    policy: HeaderValue,
}

/// What a page is, and how it goes.
type Page = (StatusCode, String);

impl Invitation {
    /// The site where accounts are made by `registration`, for a server that the world finds at `url`.
    pub fn new(registration: &Arc<Registration>, url: &PublicUrl) -> Invitation {
        Invitation {
            registration: registration.clone(),
            url: url.clone(),
            seals: Seals::new(),
            tries: Guesses::new(TAKEN_NAMES),
            policy: html::policy("'self'"),
        }
    }

    /// Nobody may read the token or the password along: TLS, or a proxy that says so, or this machine.
    fn is_safe(request: &Request) -> bool {
        request.is_private || request.is_local
    }

    fn show(&self, request: &Request) -> Page {
        let path = request.head.uri.path();
        let (found, token) = match self.find(path, request.peer.ip()) {
            Ok(found) => found,
            Err(page) => return page,
        };
        let seal = self.seals.of(&found.id);
        let form = words::Shown { seal: &seal, name: "", wrong: None };
        let has_form = found.invite.account && Invitation::is_safe(request);
        (StatusCode::OK, words::invitation(&found.invite, token, has_form.then_some(&form)))
    }

    /// The invitation that a path names, and its token.
    fn find<'a>(&self, path: &'a str, address: IpAddr) -> Result<(Found, &'a str), Page> {
        let token = path.strip_prefix(PAGE).unwrap_or_default();
        match self.registration.invitation(token, address.to_canonical()) {
            Ok(Some(found)) => Ok((found, token)),
            Ok(None) => Err(nothing()),
            Err(error) => Err(sorry(&error)),
        }
    }

    /// A form has come.
    async fn register(&self, mut request: Request) -> Page {
        if !Invitation::is_safe(&request) {
            let text = "A password must not travel where others can read it: open this page with https.";
            return refused(StatusCode::FORBIDDEN, text);
        }
        if !is_from_here(&request.head, request.is_private, &self.url) {
            let text = "The form was sent by another page: open the link of your invitation, and use the form there.";
            return refused(StatusCode::FORBIDDEN, text);
        }
        let (address, path) = (request.peer.ip().to_canonical(), request.head.uri.path().to_owned());
        let (found, token) = match self.find(&path, address) {
            Ok((found, _)) if !found.invite.account => return nothing(),
            Ok(found) => found,
            Err(page) => return page,
        };
        let filled = match read(&mut request).await {
            Ok(filled) => filled,
            Err(page) => return page,
        };
        let (status, wrong) = match self.make(&found, &filled, address).await {
            Ok(jid) => return (StatusCode::OK, words::made(&found.invite, jid.as_str())),
            Err(Wrong::Form(status, text)) => (status, text),
            Err(Wrong::Page(page)) => return page,
        };
        let seal = self.seals.of(&found.id);
        let form = words::Shown { seal: &seal, name: &filled.name, wrong: Some(&wrong) };
        (status, words::invitation(&found.invite, token, Some(&form)))
    }

    async fn make(&self, found: &Found, filled: &Filled, address: IpAddr) -> Result<BareJid, Wrong> {
        let wrong = |text: &str| Wrong::Form(StatusCode::UNPROCESSABLE_ENTITY, text.to_owned());
        if !self.seals.fits(&found.id, &filled.seal) {
            let text = "This form was not whole, or too old: please fill it in again.";
            return Err(Wrong::Form(StatusCode::FORBIDDEN, text.to_owned()));
        }
        let who = address.to_string();
        if self.tries.too_many(&who) {
            let text = "Too many forms came from your address; try again in an hour.";
            return Err(Wrong::Page(refused(StatusCode::TOO_MANY_REQUESTS, text)));
        }
        let name = name(&filled.name, found);
        if name.is_empty() {
            return Err(wrong("Choose a name."));
        }
        if filled.passwords.0 != filled.passwords.1 {
            return Err(wrong("The two passwords are not the same: type them again."));
        }
        // Whoever goes meanwhile has his account all the same: what was begun is not broken off.
        let (registration, mut visit) = (self.registration.clone(), Visit::invited(found.clone(), address));
        let (username, password) = (name.to_owned(), filled.passwords.0.clone());
        let making = tokio::spawn(async move {
            let wanted = Application { username: &username, password: &password };
            registration.make(&mut visit, wanted).await
        });
        let outcome = making.await.unwrap_or_else(|_| Err(Condition::InternalServerError.into()));
        outcome.map_err(|error| match error.condition {
            Condition::ItemNotFound => Wrong::Page(nothing()),
            Condition::InternalServerError => Wrong::Page(sorry(&error)),
            Condition::JidMalformed => wrong("This is no name: use letters, digits, dots and hyphens."),
            Condition::Conflict => {
                self.tries.wrong(&who);
                Wrong::Form(StatusCode::CONFLICT, sentence(&error))
            }
            _ => wrong(&sentence(&error)),
        })
    }
}

/// Why no account was made.
enum Wrong {
    /// The form can be filled in again.
    Form(StatusCode, String),
    /// It cannot.
    Page(Page),
}

impl Site for Invitation {
    fn paths(&self) -> &[&'static str] {
        &[PAGE]
    }

    fn answer(&self, request: Request) -> Answer<'_> {
        Box::pin(async move {
            let (status, page) = match &request.head.method {
                method if reads(method) => self.show(&request),
                &Method::POST => self.register(request).await,
                _ => {
                    let text = "An invitation can be looked at, and its form sent.";
                    let mut response = says(StatusCode::METHOD_NOT_ALLOWED, text);
                    response.headers_mut().insert(header::ALLOW, HeaderValue::from_static("GET, HEAD, POST"));
                    return response;
                }
            };
            self.closed(carrying(status, "text/html; charset=utf-8", page))
        })
    }
}

impl Invitation {
    /// The address holds a secret: no cache keeps the page, no search engine lists it, no other site hears of it. To
    /// this site browsers may name it, or they would not say either that the form was ours (Fetch §3.2).
    fn closed(&self, mut response: Response) -> Response {
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_SECURITY_POLICY, self.policy.clone());
        headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("same-origin"));
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        headers.insert(ROBOTS, HeaderValue::from_static("noindex, nofollow"));
        response
    }
}

/// What a request carries, as a form.
async fn read(request: &mut Request) -> Result<Filled, Page> {
    if !Filled::is_announced(&request.head.headers) {
        return Err(refused(StatusCode::UNSUPPORTED_MEDIA_TYPE, "This is no form of this page."));
    }
    let body = request.body.whole(LONGEST, PATIENCE).await.map_err(|error| match error {
        BodyError::TooLarge => refused(StatusCode::PAYLOAD_TOO_LARGE, "The form is too long."),
        BodyError::Stalled => refused(StatusCode::REQUEST_TIMEOUT, "The form did not come in time."),
        BodyError::CutOff => refused(StatusCode::BAD_REQUEST, "The form was cut off."),
    })?;
    Filled::read(&body).ok_or_else(|| refused(StatusCode::BAD_REQUEST, "This is no form of this page."))
}

/// The name that somebody wants: some write the whole address, and where it is kept for him he need not say it.
fn name<'a>(written: &'a str, found: &'a Found) -> &'a str {
    let written = written.trim();
    let name = match written.rsplit_once('@') {
        Some((name, domain)) if domain.eq_ignore_ascii_case(&found.invite.domain) => name,
        _ => written,
    };
    let kept = found.invite.reserved.as_deref().and_then(|jid| jid.split('@').next());
    if name.is_empty() { kept.unwrap_or_default() } else { name }
}

fn nothing() -> Page {
    (StatusCode::NOT_FOUND, words::nothing())
}

fn refused(status: StatusCode, text: &str) -> Page {
    (status, words::sorry(text))
}

fn sorry(error: &StanzaError) -> Page {
    match error.condition {
        Condition::ResourceConstraint => refused(StatusCode::TOO_MANY_REQUESTS, &sentence(error)),
        _ => refused(StatusCode::INTERNAL_SERVER_ERROR, "Something failed here: try again later."),
    }
}

/// What an error says, with a capital at its beginning and a stop at its end.
fn sentence(error: &StanzaError) -> String {
    let text = error.text.as_deref().unwrap_or("that cannot be done");
    let mut letters = text.chars();
    let text: String = letters.next().into_iter().flat_map(char::to_uppercase).chain(letters).collect();
    if text.ends_with('.') { text } else { format!("{text}.") }
}
