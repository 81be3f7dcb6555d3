//! XEP-0077 §3.1, XEP-0445: an account made by whoever has none yet: by an invitation, or where the operator lets
//! everybody make them.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use rialto_xmpp::{BareJid, Condition, Element, Iq, IqKind, Jid, Stanza, StanzaError, ns};

use crate::config;
use crate::invites::{Found, Invites};
use crate::people::{People, PeopleError};
use crate::public_url::PublicUrl;
use crate::router::Router;

/// Makes accounts for clients that have not logged in.
pub struct Registration {
    people: People,
    invites: Arc<Invites>,
    router: Arc<Router>,
    settings: config::Registration,
    everyone: String,
    made: Mutex<HashMap<IpAddr, Vec<Instant>>>,
}

/// One connection of somebody who has no account yet.
pub struct Visit {
    domain: Arc<str>,
    address: IpAddr,
    /// XEP-0445 §4: the token was good when it was shown; that lasts as long as the connection.
    invited: Option<Found>,
}

impl Visit {
    /// Somebody has come to this domain from this address.
    pub fn new(domain: Arc<str>, address: IpAddr) -> Visit {
        Visit { domain, address, invited: None }
    }

    /// Somebody has come from this address with an invitation.
    pub fn invited(found: Found, address: IpAddr) -> Visit {
        Visit { domain: found.invite.domain.as_str().into(), address, invited: Some(found) }
    }
}

/// What somebody wants to be called, and his password.
pub struct Application<'a> {
    /// The localpart, as it was written.
    pub username: &'a str,
    /// The password.
    pub password: &'a str,
}

/// Addresses that are remembered; beyond, nobody new may register until an hour has passed.
const MAX_ADDRESSES: usize = 10_000;

const HOUR: Duration = Duration::from_secs(3600);

const UNINVITED: &str =
    "An account here needs an invitation: ask somebody who is here already, or whoever runs this server.";

impl Registration {
    /// Makes them here, as often as the operator allows.
    pub fn new(
        people: People,
        invites: &Arc<Invites>,
        router: &Arc<Router>,
        config: &config::Config,
    ) -> Registration {
        Registration {
            people,
            invites: invites.clone(),
            router: router.clone(),
            settings: config.registration.clone(),
            everyone: config.circles.everyone.clone(),
            made: Mutex::default(),
        }
    }

    /// The stream features. XEP-0445 §3: that of tokens tells clients that those with an invitation may.
    pub fn features(&self) -> Vec<Element> {
        let register = Element::new("register", ns::REGISTER_FEATURE);
        let token = Element::new("register", ns::IBR_TOKEN);
        vec![token, register]
    }

    /// The answer to a request for an account; `None` if this is no such request.
    pub async fn answer(&self, visit: &mut Visit, element: &Element) -> Option<Element> {
        let asks = element.has("query", ns::REGISTER) || element.has("preauth", ns::PARS);
        if !asks || !element.is("iq", ns::CLIENT) {
            return None;
        }
        let Ok(Stanza::Iq(iq)) = Stanza::read(element.clone()) else { return None };
        let server = Jid::parse(&visit.domain).ok();
        let answer = match (iq.kind, iq.payload()?) {
            (IqKind::Set, preauth) if preauth.is("preauth", ns::PARS) => {
                self.show(visit, preauth.get("token").unwrap_or_default()).map(|()| None)
            }
            (IqKind::Get, query) if query.is("query", ns::REGISTER) => self.form(visit).map(Some),
            (IqKind::Set, query) if query.is("query", ns::REGISTER) => {
                self.apply(visit, &iq).await.map(|()| None)
            }
            (IqKind::Get | IqKind::Set, _) => Err(Condition::BadRequest.into()),
            _ => return None,
        };
        let mut answer = match answer {
            Ok(payload) => Stanza::Iq(iq.result(payload)),
            Err(error) => Stanza::Iq(iq).error_reply(&error),
        };
        answer.head_mut().from = server;
        Some(answer.to_element())
    }

    /// XEP-0445 §4: a token that is good for an account here, by itself: it is not used up by being shown.
    ///
    /// # Errors
    /// What its bearer must be told.
    pub fn show(&self, visit: &mut Visit, token: &str) -> Result<(), StanzaError> {
        let found = self.invitation(token, visit.address)?;
        let found = found.filter(|found| found.invite.account && found.invite.domain == *visit.domain);
        if found.is_none() {
            let text = "The provided token is invalid or expired";
            return Err(StanzaError::new(Condition::ItemNotFound, text));
        }
        visit.invited = found;
        Ok(())
    }

    /// The invitation with this token, whatever it is good for; `None`: it is good for nothing, or not any more.
    ///
    /// # Errors
    /// Somebody at this address has guessed too often, or the store failed.
    pub fn invitation(&self, token: &str, address: IpAddr) -> Result<Option<Found>, StanzaError> {
        let who = address.to_string();
        if self.invites.guessed_too_often(&who) {
            let text = "Too many wrong tokens came from your address; try again in an hour.";
            return Err(StanzaError::new(Condition::ResourceConstraint, text));
        }
        self.invites.find(token, &who).map_err(|_| Condition::InternalServerError.into())
    }

    /// The page that explains invitations is below this address from now on.
    pub fn explained_at(&self, url: &PublicUrl) {
        self.invites.explained_below(url);
    }

    /// The invitation that was shown, if one was.
    pub fn shown<'a>(&self, visit: &'a Visit) -> Option<&'a Found> {
        visit.invited.as_ref()
    }

    /// Makes the account that somebody asks for.
    ///
    /// # Errors
    /// What he must be told.
    pub async fn make(&self, visit: &mut Visit, wanted: Application<'_>) -> Result<BareJid, StanzaError> {
        let jid = Jid::from_parts(Some(wanted.username), &visit.domain, None);
        let jid = jid.map_err(|_| Condition::JidMalformed)?.bare();
        match visit.invited.clone() {
            Some(found) => self.make_invited(visit, &found, &jid, wanted.password).await?,
            None => self.make_uninvited(visit, &jid, wanted.password).await?,
        }
        Ok(jid)
    }

    async fn make_invited(
        &self,
        visit: &mut Visit,
        found: &Found,
        jid: &BareJid,
        password: &str,
    ) -> Result<(), StanzaError> {
        if let Some(reserved) = found.invite.reserved.as_deref().filter(|reserved| *reserved != jid.as_str())
        {
            let text = format!("This invitation is for {reserved}: register that name.");
            return Err(StanzaError::new(Condition::NotAllowed, text));
        }
        let using = self.invites.take(found).map_err(|_| Condition::InternalServerError)?;
        let Some(using) = using else {
            visit.invited = None;
            return Err(StanzaError::new(Condition::ItemNotFound, "This invitation has been used already."));
        };
        self.people.add_invited(jid, password, &using).await.map_err(refusal)?;
        visit.invited = None;
        tracing::info!(%jid, "registered by an invitation");
        self.begin(jid, Some(&found.invite)).await;
        Ok(())
    }

    async fn make_uninvited(&self, visit: &Visit, jid: &BareJid, password: &str) -> Result<(), StanzaError> {
        self.open()?;
        if !self.may(visit.address, Instant::now()) {
            let text = "Too many accounts were made from your address; try again in an hour.";
            return Err(StanzaError::new(Condition::ResourceConstraint, text));
        }
        self.people.add(jid, password, false).await.map_err(refusal)?;
        tracing::info!(%jid, "registered");
        self.made.lock().entry(visit.address).or_default().push(Instant::now());
        self.begin(jid, None).await;
        Ok(())
    }

    /// The account is there whatever becomes of its circles and its first contact.
    async fn begin(&self, jid: &BareJid, invite: Option<&rialto_store::invites::Invite>) {
        if let Err(error) = self.router.born(jid, invite, &self.everyone).await {
            tracing::warn!(%jid, %error, "a new account lacks a contact, a circle or its welcome");
        }
    }

    /// XEP-0077 §3.1.
    async fn apply(&self, visit: &mut Visit, iq: &Iq) -> Result<(), StanzaError> {
        let query = iq.payload().ok_or(Condition::BadRequest)?;
        if query.has("remove", ns::REGISTER) {
            // §3.2: only who has logged in can go.
            return Err(Condition::RegistrationRequired.into());
        }
        let field = |name| query.child_text(name, ns::REGISTER).ok_or(Condition::NotAcceptable);
        let (username, password) = (field("username")?, zeroize::Zeroizing::new(field("password")?));
        self.make(visit, Application { username: &username, password: &password }).await.map(drop)
    }

    /// §3.1: what a client has to fill in.
    fn form(&self, visit: &Visit) -> Result<Element, StanzaError> {
        let invited = visit.invited.as_ref();
        if invited.is_none() {
            self.open()?;
        }
        let field = |name: &'static str| Element::new(name, ns::REGISTER);
        let reserved = invited.and_then(|found| found.invite.reserved.as_deref());
        let name = reserved.and_then(|jid| jid.split('@').next()).unwrap_or_default();
        let text = if name.is_empty() { "Choose a user name and a password." } else { "Choose a password." };
        Ok(field("query")
            .with(field("instructions").with_text(text))
            .with(field("username").with_text(name))
            .with(field("password")))
    }

    /// Whether people without an invitation may register.
    fn open(&self) -> Result<(), StanzaError> {
        match self.settings.in_band {
            true => Ok(()),
            false => Err(StanzaError::new(Condition::NotAllowed, UNINVITED)),
        }
    }

    /// Whether this address may make one more account now; 0 in the configuration means that all may.
    fn may(&self, address: IpAddr, now: Instant) -> bool {
        let limit = self.settings.per_hour as usize;
        if limit == 0 {
            return true;
        }
        let mut made = self.made.lock();
        made.retain(|_, times| {
            times.retain(|at| now.duration_since(*at) < HOUR);
            !times.is_empty()
        });
        match made.get(&address) {
            Some(times) => times.len() < limit,
            None => made.len() < MAX_ADDRESSES,
        }
    }
}

fn refusal(error: PeopleError) -> StanzaError {
    match error {
        PeopleError::Exists | PeopleError::Removed | PeopleError::Reserved => {
            StanzaError::new(Condition::Conflict, "This name is taken: choose another one.")
        }
        PeopleError::Password(error) => StanzaError::new(Condition::NotAcceptable, error.to_string()),
        PeopleError::Store(_) | PeopleError::Unknown => Condition::InternalServerError.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::features::Features;
    use crate::invites::Wanted;
    use crate::sessions::Accounts;
    use rialto_store::Store;

    fn request(name: &str, password: &str) -> Element {
        let field = |name: &'static str, text: &str| Element::new(name, ns::REGISTER).with_text(text);
        let query = Element::new("query", ns::REGISTER)
            .with(field("username", name))
            .with(field("password", password));
        Element::new("iq", ns::CLIENT).attr("type", "set").attr("id", "r1").with(query)
    }

    fn preauth(token: &str) -> Element {
        let preauth = Element::new("preauth", ns::PARS).attr("token", token);
        Element::new("iq", ns::CLIENT).attr("type", "set").attr("id", "p1").with(preauth)
    }

    fn registration(settings: config::Registration) -> Registration {
        let store = Store::memory();
        let config = config::Config { registration: settings, ..config::Config::default() };
        let people = People::new(&store);
        let features = Features::new(Vec::new()).unwrap();
        let router =
            Router::new(Arc::new(Accounts::default()), features, store.clone(), Arc::new(people.clone()));
        Registration::new(people, &Invites::new(&store, &config.invites), &Arc::new(router), &config)
    }

    fn visit() -> Visit {
        Visit::new("localhost".into(), [127, 0, 0, 1].into())
    }

    async fn kind(registration: &Registration, visit: &mut Visit, request: &Element) -> String {
        let answer = registration.answer(visit, request).await.unwrap();
        let error = answer.child("error", ns::CLIENT).map(StanzaError::read);
        error.map_or("result".into(), |error| error.condition.to_string())
    }

    async fn token(registration: &Registration, wanted: Wanted) -> String {
        let wanted = Wanted { domain: "localhost".into(), account: true, ..wanted };
        let made = registration.invites.create(wanted).await.unwrap();
        made.uri.split_once("preauth=").unwrap().1.to_owned()
    }

    #[tokio::test]
    async fn one_name_is_given_once_and_one_address_gets_so_many() {
        let registration = registration(config::Registration { in_band: true, per_hour: 2 });
        let visit = &mut visit();
        for (name, password, wanted) in [
            ("romeo", "secret", "result"),
            ("Romeo", "other", "conflict"),
            ("a b", "secret", "jid-malformed"),
            ("juliet", "", "not-acceptable"),
            ("juliet", "secret", "result"),
            ("nurse", "secret", "resource-constraint"),
        ] {
            assert_eq!(kind(&registration, visit, &request(name, password)).await, wanted, "{name}");
        }
    }

    #[tokio::test]
    async fn where_it_is_off_nobody_gets_an_account_without_an_invitation() {
        let registration = registration(config::Registration::default());
        assert_eq!(kind(&registration, &mut visit(), &request("romeo", "secret")).await, "not-allowed");
        let ping = Element::new("iq", ns::CLIENT).attr("type", "get").with(Element::new("ping", ns::PING));
        assert_eq!(registration.answer(&mut visit(), &ping).await, None);
    }

    #[tokio::test]
    async fn a_token_is_used_by_the_account_and_not_by_being_shown() {
        let registration = registration(config::Registration::default());
        let token = token(&registration, Wanted::default()).await;
        let (first, second) = (&mut visit(), &mut visit());
        assert_eq!(kind(&registration, first, &preauth(&token)).await, "result");
        assert_eq!(kind(&registration, second, &preauth(&token)).await, "result");
        assert_eq!(kind(&registration, first, &request("romeo", "")).await, "not-acceptable");
        assert_eq!(kind(&registration, first, &request("romeo", "secret")).await, "result");
        assert_eq!(kind(&registration, first, &request("again", "secret")).await, "not-allowed");
        assert_eq!(kind(&registration, second, &request("mallory", "secret")).await, "item-not-found");
        assert_eq!(kind(&registration, &mut visit(), &preauth(&token)).await, "item-not-found");
    }

    #[tokio::test]
    async fn a_reserved_name_is_for_whoever_has_the_token() {
        let registration = registration(config::Registration { in_band: true, per_hour: 0 });
        let juliet = BareJid::parse("juliet@localhost").unwrap();
        let token = token(&registration, Wanted { reserve: Some(juliet), ..Wanted::default() }).await;
        assert_eq!(kind(&registration, &mut visit(), &request("juliet", "secret")).await, "conflict");
        let visit = &mut visit();
        assert_eq!(kind(&registration, visit, &preauth(&token)).await, "result");
        assert_eq!(kind(&registration, visit, &request("rosaline", "secret")).await, "not-allowed");
        assert_eq!(kind(&registration, visit, &request("juliet", "secret")).await, "result");
    }
}
