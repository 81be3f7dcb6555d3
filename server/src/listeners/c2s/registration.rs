//! XEP-0077 §3.1: an account made by whoever has none yet, where the operator allows it.

use std::collections::HashMap;
use std::net::IpAddr;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use rialto_xmpp::{BareJid, Condition, Element, IqKind, Jid, Stanza, StanzaError, ns};

use crate::config;
use crate::people::{People, PeopleError};

/// Makes accounts for clients that have not logged in.
pub struct Registration {
    people: People,
    settings: config::Registration,
    made: Mutex<HashMap<IpAddr, Vec<Instant>>>,
}

/// Addresses that are remembered; beyond, nobody new may register until an hour has passed.
const MAX_ADDRESSES: usize = 10_000;

const HOUR: Duration = Duration::from_secs(3600);

impl Registration {
    /// Makes them here, as often as the operator allows.
    pub fn new(people: People, settings: config::Registration) -> Registration {
        Registration { people, settings, made: Mutex::default() }
    }

    /// The stream feature, if anybody may register.
    pub fn feature(&self) -> Option<Element> {
        self.settings.in_band.then(|| Element::new("register", ns::REGISTER_FEATURE))
    }

    /// The answer to a request for an account; `None` if this is no such request, or nobody may ask.
    pub async fn answer(&self, domain: &str, address: IpAddr, element: &Element) -> Option<Element> {
        if !self.settings.in_band || !element.is("iq", ns::CLIENT) || !element.has("query", ns::REGISTER) {
            return None;
        }
        let Ok(Stanza::Iq(iq)) = Stanza::read(element.clone()) else { return None };
        let server = Jid::parse(domain).ok();
        let answer = match iq.kind {
            IqKind::Get => Ok(Some(form())),
            IqKind::Set => self.register(domain, address, iq.payload()?).await.map(|()| None),
            _ => return None,
        };
        let mut answer = match answer {
            Ok(payload) => Stanza::Iq(iq.result(payload)),
            Err(error) => Stanza::Iq(iq).error_reply(&error),
        };
        answer.head_mut().from = server;
        Some(answer.to_element())
    }

    async fn register(&self, domain: &str, address: IpAddr, query: &Element) -> Result<(), StanzaError> {
        let username = query.child_text("username", ns::REGISTER).ok_or(Condition::NotAcceptable)?;
        let password = query.child_text("password", ns::REGISTER).ok_or(Condition::NotAcceptable)?;
        let jid = Jid::from_parts(Some(&username), domain, None).map_err(|_| Condition::JidMalformed)?;
        if !self.may(address, Instant::now()) {
            let text = "Too many accounts were made from your address; try again in an hour.";
            return Err(StanzaError::new(Condition::ResourceConstraint, text));
        }
        let jid: BareJid = jid.bare();
        match self.people.add(&jid, &password, false).await {
            Ok(()) => {
                tracing::info!(%jid, "registered");
                self.made.lock().entry(address).or_default().push(Instant::now());
                Ok(())
            }
            Err(PeopleError::Exists | PeopleError::Removed) => Err(Condition::Conflict.into()),
            Err(PeopleError::Password(error)) => {
                Err(StanzaError::new(Condition::NotAcceptable, error.to_string()))
            }
            Err(PeopleError::Store(_) | PeopleError::Unknown) => Err(Condition::InternalServerError.into()),
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

/// What a client has to fill in.
fn form() -> Element {
    let field = |name: &'static str| Element::new(name, ns::REGISTER);
    let text = field("instructions").with_text("Choose a user name and a password.");
    field("query").with(text).with(field("username")).with(field("password"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use rialto_store::Store;

    fn request(name: &str, password: &str) -> Element {
        let field = |name: &'static str, text: &str| Element::new(name, ns::REGISTER).with_text(text);
        let query = Element::new("query", ns::REGISTER)
            .with(field("username", name))
            .with(field("password", password));
        Element::new("iq", ns::CLIENT).attr("type", "set").attr("id", "r1").with(query)
    }

    async fn kind(registration: &Registration, request: &Element) -> Option<String> {
        let answer = registration.answer("localhost", [127, 0, 0, 1].into(), request).await?;
        let error = answer.child("error", ns::CLIENT).map(StanzaError::read);
        Some(error.map_or("result".into(), |error| error.condition.to_string()))
    }

    #[tokio::test]
    async fn one_name_is_given_once_and_one_address_gets_so_many() {
        let settings = config::Registration { in_band: true, per_hour: 2 };
        let registration = Registration::new(People::new(&Store::memory()), settings);
        assert_eq!(kind(&registration, &request("romeo", "secret")).await.as_deref(), Some("result"));
        assert_eq!(kind(&registration, &request("Romeo", "other")).await.as_deref(), Some("conflict"));
        assert_eq!(kind(&registration, &request("a b", "secret")).await.as_deref(), Some("jid-malformed"));
        assert_eq!(kind(&registration, &request("juliet", "")).await.as_deref(), Some("not-acceptable"));
        assert_eq!(kind(&registration, &request("juliet", "secret")).await.as_deref(), Some("result"));
        assert_eq!(
            kind(&registration, &request("nurse", "secret")).await.as_deref(),
            Some("resource-constraint")
        );
    }

    #[tokio::test]
    async fn where_it_is_off_nobody_is_answered() {
        let registration = Registration::new(People::new(&Store::memory()), config::Registration::default());
        assert_eq!(kind(&registration, &request("romeo", "secret")).await, None);
        assert!(registration.feature().is_none());
    }
}
