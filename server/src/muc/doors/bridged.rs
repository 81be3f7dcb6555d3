//! Rooms of other networks under their own addresses: `#rust%libera@…` is the far room, entered when somebody enters it
//! here and left when the last one leaves.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use rialto_bridges::{NetworkError, RemoteId};
use rialto_xmpp::{BareJid, Condition, Element, Jid, Stanza, StanzaError, ns, prep};

use crate::features::Fut;
use crate::muc::Mailbox;
use crate::muc::config::Config;
use crate::muc::doors::persons::Persons;
use crate::muc::links::{Attached, Connected, LinkOptions, Linked, Links, Origin};
use crate::muc::policy::{Opening, RoomPolicy};
use crate::muc::record::Record;
use crate::muc::room::State;
use crate::router::Delivery;

/// How long somebody waits at the door while the far room decides.
const PATIENCE: Duration = Duration::from_secs(20);

/// Far rooms of one domain that are open at once. Networks allow a connection so many at most.
const ROOMS: usize = 100;

/// Rooms that are far rooms, on the domain of one kind of network.
pub struct Bridged {
    links: Links,
    domain: Arc<str>,
    identities: Vec<(&'static str, &'static str)>,
    rooms: Config,
    /// Who opens the same far room at the same time waits for the first.
    opening: Mutex<HashMap<String, Arc<tokio::sync::Mutex<()>>>>,
    /// The people of the networks.
    persons: Option<Persons>,
    /// What opened a far room, by its link's key: others must know it, too.
    passwords: Mutex<HashMap<String, String>>,
}

impl Bridged {
    /// The door of a domain with networks of this kind. New rooms are set up as `rooms`.
    pub fn new(links: Links, domain: &str, kind: &'static str, rooms: Config) -> Bridged {
        Bridged {
            links,
            domain: domain.into(),
            identities: vec![("conference", kind), ("gateway", kind)],
            rooms,
            opening: Mutex::default(),
            persons: None,
            passwords: Mutex::default(),
        }
    }

    /// And with the people of its networks.
    pub fn with(self, persons: Persons) -> Bridged {
        Bridged { persons: Some(persons), ..self }
    }

    /// The network and the far room that an address means, as the network itself spells it.
    async fn read(&self, room: &BareJid) -> Result<(Arc<Connected>, RemoteId), StanzaError> {
        let local = prep::unescape(room.localpart().unwrap_or_default()).into_owned();
        let Some((name, bridge)) = local.rsplit_once('%') else {
            return Err(self.unknown(&format!("{local} names no network")));
        };
        // Also by the name of its server, as other gateways call it.
        let here = |over: &Arc<Connected>| over.domain == self.domain && over.is_called(bridge);
        let over = self.links.networks().iter().find(here);
        let over = over.ok_or_else(|| self.unknown(&format!("There is no network {bridge} here")))?;
        let far = over.network.resolve(name).await.map_err(|error| refusal(&error))?;
        let own = Jid::from_parts(Some(&prep::escape(&format!("{far}%{}", over.name))), &self.domain, None);
        match own {
            Ok(own) if own == *room.as_jid() => Ok((over, far)),
            Ok(own) => Err(moved(&own.bare())),
            Err(_) => Err(StanzaError::new(Condition::JidMalformed, "This name cannot be an address here.")),
        }
    }

    fn unknown(&self, what: &str) -> StanzaError {
        let here = self.links.networks().iter().filter(|over| over.domain == self.domain);
        let here: Vec<String> = here.map(|over| format!("room%{}@{}", over.name, self.domain)).collect();
        StanzaError::new(Condition::ItemNotFound, format!("{what}: write {}.", here.join(" or ")))
    }

    /// Enters the far room, unless somebody has done so.
    async fn enter(&self, room: &BareJid, password: Option<&str>) -> Result<(), StanzaError> {
        let (over, far) = self.read(room).await?;
        let key = format!("{}:{far}", over.name);
        let lock = self.opening.lock().entry(key.clone()).or_default().clone();
        let entered = {
            let _one = lock.lock().await;
            self.enter_alone(room, (&over, &far), &key, password).await
        };
        drop(lock);
        self.opening.lock().retain(|_, lock| Arc::strong_count(lock) > 1);
        entered
    }

    async fn enter_alone(
        &self,
        room: &BareJid,
        (over, far): (&Arc<Connected>, &RemoteId),
        key: &str,
        password: Option<&str>,
    ) -> Result<(), StanzaError> {
        if let Some(link) = self.links.of_key(key) {
            return if link.room == *room { Ok(()) } else { Err(moved(&link.room)) };
        }
        let open = self.links.list().into_iter().filter(|link| link.room.domainpart() == &*self.domain);
        if open.count() >= ROOMS {
            let says = "So many rooms of other networks are open that there is no place for one more.";
            return Err(StanzaError::new(Condition::ResourceConstraint, says));
        }
        let password = password.filter(|key| !key.is_empty() && !key.contains([' ', ',', ':']));
        if let Some(password) = password {
            // A network takes what opens a room after its name, and remembers it.
            let told = over.network.resolve(&format!("{far} {password}")).await;
            told.map_err(|error| refusal(&error))?;
        }
        let link = self.links.reserve(room, (over, far), Origin::OnDemand, LinkOptions::default());
        let link = link.map_err(|error| StanzaError::new(Condition::Conflict, error.to_string()))?;
        if let Err(error) = link.join(Some(PATIENCE)).await {
            self.links.drop_link(&link);
            link.leave().await;
            return Err(refusal(&error));
        }
        match password {
            Some(password) => self.passwords.lock().insert(key.to_owned(), password.to_owned()),
            None => self.passwords.lock().remove(key),
        };
        link.first_news().await;
        Ok(())
    }

    /// A room as it is when it opens.
    fn opening(&self, linked: &Arc<Linked>) -> Opening {
        let config = Config {
            name: format!("{} on {}", linked.far, linked.bridge),
            persistent: false,
            password: self.passwords.lock().get(&linked.key()).cloned(),
            ..self.rooms.clone()
        };
        let record = Record { config, ..Record::default() };
        Opening { record, state: State::Open, links: vec![linked.clone()] }
    }

    fn link(&self, room: &BareJid) -> Option<Arc<Attached>> {
        self.links.list().into_iter().find(|link| link.room == *room)
    }
}

impl RoomPolicy for Bridged {
    fn ready(&self, room: &BareJid) -> bool {
        self.link(room).is_some()
    }

    fn prepare<'a>(
        &'a self,
        room: &'a BareJid,
        password: Option<&'a str>,
    ) -> Fut<'a, Result<(), StanzaError>> {
        Box::pin(self.enter(room, password))
    }

    fn open<'a>(&'a self, room: &'a BareJid, _who: &'a Jid) -> Fut<'a, Result<Opening, StanzaError>> {
        Box::pin(async move {
            let link = self.link(room).ok_or(Condition::RecipientUnavailable)?;
            Ok(self.opening(&link.linked))
        })
    }

    fn foresee<'a>(&'a self, room: &'a BareJid, _who: &'a Jid) -> Fut<'a, Option<Opening>> {
        Box::pin(async move {
            let (over, far) = self.read(room).await.ok()?;
            let name = format!("{far} on {}", over.name);
            let record = Record {
                config: Config { name, persistent: false, ..self.rooms.clone() },
                ..Record::default()
            };
            Some(Opening { record, state: State::Open, links: Vec::new() })
        })
    }

    fn opened(&self, mailbox: &Mailbox) {
        if let Some(link) = self.link(&mailbox.room) {
            return self.links.start_in(&link, mailbox);
        }
        // A room that somebody has made to stay is there before its far room.
        let (links, mailbox) = (self.links.clone(), mailbox.clone());
        let local = prep::unescape(mailbox.room.localpart().unwrap_or_default()).into_owned();
        tokio::spawn(async move { links.revive_in(&mailbox, &local).await });
    }

    fn refuses<'a>(&'a self, room: &'a BareJid) -> Fut<'a, Option<StanzaError>> {
        Box::pin(async move {
            let error = self.read(room).await.err()?;
            let says =
                "People of other networks cannot get private messages here: speak to them in the room.";
            Some(match error.condition {
                Condition::ItemNotFound if room.localpart().is_some_and(|local| local.contains('%')) => {
                    StanzaError::new(Condition::ServiceUnavailable, says)
                }
                _ => error,
            })
        })
    }

    fn take<'a>(&'a self, to: &'a BareJid, stanza: Stanza) -> Fut<'a, Result<Delivery, Stanza>> {
        Box::pin(async move {
            match &self.persons {
                Some(persons) => persons.take(to, stanza).await,
                None => Err(stanza),
            }
        })
    }

    fn identities(&self) -> &[(&'static str, &'static str)] {
        &self.identities
    }

    fn features(&self) -> &[&'static str] {
        &[ns::GATEWAY, ns::COMMANDS]
    }

    fn items(&self) -> Vec<Element> {
        let here = self.links.networks().iter().filter(|over| over.domain == self.domain);
        let item = |over: Arc<Connected>| {
            let item = Element::new("item", ns::DISCO_ITEMS).attr("jid", &self.domain);
            item.attr("node", &over.name).attr("name", format!("{} ({})", over.name, over.state()))
        };
        here.map(item).collect()
    }

    /// XEP-0100 §6.3.1: what a person types for a far room, as an address.
    fn answer<'a>(
        &'a self,
        query: &'a Element,
        who: &'a Jid,
    ) -> Fut<'a, Option<Result<Option<Element>, StanzaError>>> {
        Box::pin(async move {
            if let Some(persons) = &self.persons
                && let Some(answer) = persons.domain_answers(query, who).await
            {
                return Some(answer);
            }
            if !query.is("query", ns::GATEWAY) {
                return None;
            }
            let answer = Element::new("query", ns::GATEWAY);
            let child = |name: &'static str, text: String| Element::new(name, ns::GATEWAY).with_text(text);
            let Some(typed) = query.child_text("prompt", ns::GATEWAY) else {
                let says = "Type the room, a percent sign and the network.".to_owned();
                return Some(Ok(Some(
                    answer.with(child("desc", says)).with(child("prompt", "Room".to_owned())),
                )));
            };
            let jid = Jid::from_parts(Some(&prep::escape(typed.trim())), &self.domain, None);
            let Ok(jid) = jid else { return Some(Err(Condition::JidMalformed.into())) };
            Some(match self.read(&jid.bare()).await {
                Ok(_) => Ok(Some(answer.with(child("jid", jid.as_str().to_owned())))),
                Err(error) => Err(error),
            })
        })
    }
}

/// XEP-0045 §7.2: the far side's no, as an error that somebody at the door can act on.
pub(in crate::muc) fn refusal(error: &NetworkError) -> StanzaError {
    let condition = match error {
        NetworkError::Unauthorized(_) => Condition::NotAuthorized,
        NetworkError::Forbidden(_) => Condition::Forbidden,
        NetworkError::NotFound(_) => Condition::ItemNotFound,
        NetworkError::TooLarge => Condition::PolicyViolation,
        NetworkError::Unsupported(_) => Condition::FeatureNotImplemented,
        NetworkError::Slow(_) => Condition::ResourceConstraint,
        NetworkError::Down(_) | NetworkError::Unsure(_) => Condition::RemoteServerTimeout,
    };
    let mut says = error.to_string();
    if matches!(error, NetworkError::Unauthorized(_)) {
        says.push_str("; if it is a key, enter with it as the room's password");
    }
    StanzaError::new(condition, says)
}

/// RFC 6120 §8.3.3.5: the far room has another address here.
fn moved(to: &BareJid) -> StanzaError {
    let error = StanzaError::new(Condition::Gone, format!("This room is {to} here."));
    StanzaError { to: Some(format!("xmpp:{to}?join")), ..error }
}
