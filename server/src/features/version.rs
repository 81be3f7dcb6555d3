//! XEP-0092: Software Version, as far as the operator wants it told.

use rialto_xmpp::{Condition, Element, ns};

use super::{About, Answer, Ask, Feature, IqSpec, Spec, Target};

static ABOUT: About = About {
    spec: Spec::Xep(92, "1.1"),
    disco: &[(Target::Server, ns::VERSION)],
    iq: &[IqSpec::server_get(ns::VERSION, "query")],
    at: &[],
};

/// Says what runs here.
pub struct Version {
    told: bool,
}

impl Version {
    /// `told` is the operator's switch.
    pub fn new(told: bool) -> Version {
        Version { told }
    }
}

impl Feature for Version {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn answer<'a>(&'a self, _ask: &'a mut Ask<'_>) -> Answer<'a> {
        Box::pin(async move {
            if !self.told {
                return Err(Condition::ServiceUnavailable.into());
            }
            let line = |name: &'static str, text: &str| Element::new(name, ns::VERSION).with_text(text);
            let name = line("name", "Rialto");
            Ok(Some(
                Element::new("query", ns::VERSION)
                    .with(name)
                    .with(line("version", env!("CARGO_PKG_VERSION"))),
            ))
        })
    }
}
