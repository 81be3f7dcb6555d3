//! XEP-0199: XMPP Ping.

use rialto_xmpp::ns;

use super::{About, Answer, Ask, Feature, IqSpec, Spec, Target};

static ABOUT: About = About {
    spec: Spec::Xep(199, "2.0.1"),
    disco: &[(Target::Server, ns::PING), (Target::Account, ns::PING)],
    iq: &[IqSpec::server_get(ns::PING, "ping"), IqSpec::account_get(ns::PING, "ping")],
    at: &[],
};

/// Whoever asks is answered: the server is there.
pub struct Ping;

impl Feature for Ping {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn answer<'a>(&'a self, ask: &'a mut Ask<'_>) -> Answer<'a> {
        Box::pin(async move {
            // §4.2: an account answers its owner; strangers must not learn that it exists.
            if ask.account.is_some() {
                ask.acquainted()?;
            }
            Ok(None)
        })
    }
}
