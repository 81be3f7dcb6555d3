//! XEP-0485: PubSub Server Information, as far as service discovery tells of it.

use rialto_xmpp::ns;
use rialto_xmpp::parts::form::Field;

use super::{About, Feature, Spec, Target};
use crate::config::Pubsub;

static ABOUT: About = About {
    spec: Spec::Xep(485, "1.0.0"),
    disco: &[(Target::Server, ns::SERVER_INFORMATION)],
    iq: &[],
    at: &[],
};

/// The node (§5).
pub const NODE: &str = "serverinfo";

/// Says that the operator lets the world know (§3).
pub struct ServerNode;

impl Feature for ServerNode {
    fn about(&self) -> &'static About {
        &ABOUT
    }
}

/// Whether the operator wants it, and there is a service for it.
pub fn is_wanted(pubsub: &Pubsub) -> bool {
    pubsub.service && pubsub.server_information
}

/// §3: where the node is, for the form that XEP-0157 has: there must not be two of that type.
pub fn field(pubsub: &Pubsub) -> Option<Field> {
    is_wanted(pubsub).then(|| Field {
        var: "serverinfo-pubsub-node".into(),
        kind: "text-single",
        values: vec![format!("xmpp:{}?;node={NODE}", pubsub.domain)],
        ..Field::default()
    })
}
