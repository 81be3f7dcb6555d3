//! XEP-0485: what the server says of itself, published at its own service.

use rialto_store::pubsub::{Access, Config as Configured};
use rialto_xmpp::{BareJid, Condition, Element, StanzaError, ns};

use crate::config::Config;
use crate::features::Left;
use crate::features::pubsub::{Host, Hosting, PubSub, Publication};
use crate::features::server_node::NODE;

/// §4, §5: the domains, and what runs here if the operator tells that at all. In the name of the first domain, which no
/// person has.
///
/// # Errors
/// The stanza error of the publication.
pub fn publish(config: &Config, hosting: &Hosting, pubsub: &PubSub) -> Result<(), StanzaError> {
    let domain = BareJid::parse(config.first_domain()).map_err(|_| Condition::JidMalformed)?;
    let ruled = Hosting { admins: vec![domain.clone()], ..hosting.clone() };
    let node = Configured { access: Access::Open, max_items: Some(1), ..Configured::default() };
    let publication = Publication {
        node: NODE,
        id: Some("current"),
        payload: Some(&payload(config)),
        config: Some(node),
        ..Publication::default()
    };
    // Nobody is connected yet who could be told.
    pubsub.publish(Host::Service(&ruled), domain.as_jid(), &publication, &mut Left::default())?;
    Ok(())
}

fn payload(config: &Config) -> Element {
    let domain = |name: &String| Element::new("domain", ns::SERVER_INFORMATION).attr("name", name);
    let line = |name: &'static str, text: &str| Element::new(name, ns::VERSION).with_text(text);
    let version = config.version.answer.then(|| {
        let about = [line("name", "Rialto"), line("version", env!("CARGO_PKG_VERSION"))];
        Element::new("query", ns::VERSION).with_all(about)
    });
    let domains = config.domains.iter().map(domain);
    Element::new("serverinfo", ns::SERVER_INFORMATION).with_all(domains).with_opt(version)
}
