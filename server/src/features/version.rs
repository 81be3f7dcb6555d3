//! XEP-0092: Software Version, as far as the operator wants it told.

use rialto_xmpp::{Condition, Element, ns};

use crate::config;

use super::{About, Answer, Ask, Feature, IqSpec, Spec, Target};

static ABOUT: About = About {
    spec: Spec::Xep(92, "1.1"),
    disco: &[(Target::Server, ns::VERSION)],
    iq: &[IqSpec::server_get(ns::VERSION, "query")],
    at: &[],
};

/// Says what runs here.
pub struct Version {
    settings: config::Version,
}

impl Version {
    /// As much as the section `[version]` wants told.
    pub fn new(settings: &config::Version) -> Version {
        Version { settings: settings.clone() }
    }
}

impl Feature for Version {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn answer<'a>(&'a self, _ask: &'a mut Ask<'_>) -> Answer<'a> {
        Box::pin(async move {
            if !self.settings.answer {
                return Err(Condition::ServiceUnavailable.into());
            }
            let line = |name: &'static str, text: &str| Element::new(name, ns::VERSION).with_text(text);
            let (name, version) = (line("name", "Rialto"), line("version", env!("CARGO_PKG_VERSION")));
            let os = self.settings.os.then(|| line("os", std::env::consts::OS));
            Ok(Some(Element::new("query", ns::VERSION).with(name).with(version).with_opt(os)))
        })
    }
}
