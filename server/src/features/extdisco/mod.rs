//! XEP-0215: External Service Discovery. Told to people of this server only: whoever knows credentials can use the relay.

pub mod credentials;

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use arc_swap::ArcSwap;
use rialto_store::Store;
use rialto_store::server::{Purpose, secret};
use rialto_xmpp::parts::datetime;
use rialto_xmpp::{Condition, Element, StanzaError, ns};

use super::{About, Answer, Ask, Feature, IqSpec, Spec, Target};
use crate::config::{Config, ExternalService};

static ABOUT: About = About {
    spec: Spec::Xep(215, "1.0.0"),
    disco: &[(Target::Server, ns::EXTDISCO)],
    iq: &[IqSpec::server_get(ns::EXTDISCO, "services"), IqSpec::server_get(ns::EXTDISCO, "credentials")],
    at: &[],
};

/// One service that clients are told of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Service {
    /// `stun`, `turn` or `turns`.
    pub kind: &'static str,
    /// Name or address.
    pub host: String,
    /// Port.
    pub port: u16,
    /// `udp` or `tcp`.
    pub transport: &'static str,
}

/// What is built in and open; whoever opens it says so here.
pub type BuiltIn = Arc<ArcSwap<Vec<Service>>>;

/// Tells of STUN and TURN servers, and gives out credentials that end.
pub struct ExtDisco {
    store: Store,
    built_in: BuiltIn,
    others: Vec<ExternalService>,
    lifetime: Duration,
}

/// The feature.
pub fn new(config: &Config, store: &Store, built_in: &BuiltIn) -> ExtDisco {
    ExtDisco {
        store: store.clone(),
        built_in: built_in.clone(),
        others: config.external_services.clone(),
        lifetime: config.turn.credentials,
    }
}

impl Feature for ExtDisco {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn answer<'a>(&'a self, ask: &'a mut Ask<'_>) -> Answer<'a> {
        Box::pin(async move {
            let account = ask.owner()?;
            let payload = ask.payload()?;
            let mut all = self.services(account.jid.as_str()).await?;
            if payload.name() == "services" {
                // §3.2.
                let kind = payload.get("type");
                all.retain(|service| kind.is_none() || service.get("type") == kind);
                return Ok(Some(Element::new("services", ns::EXTDISCO).attr_opt("type", kind).with_all(all)));
            }
            // §3.3.
            let wanted = payload.child("service", ns::EXTDISCO).ok_or(Condition::BadRequest)?;
            let (Some(host), Some(kind)) = (wanted.get("host"), wanted.get("type")) else {
                let text = "Name the service by its host and type.";
                return Err(StanzaError::new(Condition::BadRequest, text));
            };
            all.retain(|service| {
                let port = wanted.get("port").is_none_or(|port| service.get("port") == Some(port));
                service.get("host") == Some(host)
                    && service.get("type") == Some(kind)
                    && service.get("username").is_some()
                    && port
            });
            if all.is_empty() {
                return Err(Condition::ItemNotFound.into());
            }
            Ok(Some(Element::new("credentials", ns::EXTDISCO).with_all(all)))
        })
    }
}

impl ExtDisco {
    async fn services(&self, account: &str) -> Result<Vec<Element>, StanzaError> {
        let now = SystemTime::now();
        let end = now + self.lifetime;
        let built_in = self.built_in.load();
        let own = secret(&self.store, Purpose::Turn).await.map_err(|_| Condition::InternalServerError)?;
        let user = credentials::pseudonym(&own, account);
        let expiry = end.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
        let restricted = |service: Element, secret: &[u8]| {
            let (username, password) = credentials::make(secret, expiry, &user);
            service
                .attr("username", username)
                .attr("password", password)
                .attr("expires", datetime::format(end))
                .attr("restricted", "true")
        };
        let mut all: Vec<Element> = Vec::new();
        for service in built_in.iter() {
            let element = element(service.kind, &service.host, service.port, service.transport);
            let own = credentials::text_of(&own);
            all.push(if service.kind == "stun" { element } else { restricted(element, own.as_bytes()) });
        }
        for service in &self.others {
            let element = element(&service.kind, &service.host, service.port, &service.transport);
            all.push(match &service.secret {
                Some(secret) => restricted(element, secret.as_bytes()),
                None => element
                    .attr_opt("username", service.username.as_ref())
                    .attr_opt("password", service.password.as_ref()),
            });
        }
        Ok(all)
    }
}

fn element(kind: &str, host: &str, port: u16, transport: &str) -> Element {
    Element::new("service", ns::EXTDISCO)
        .attr("type", kind)
        .attr("host", host)
        .attr("port", port.to_string())
        .attr("transport", transport)
}
