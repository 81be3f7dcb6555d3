//! XEP-0202: Entity Time.

use std::time::SystemTime;

use rialto_xmpp::parts::datetime;
use rialto_xmpp::{Element, ns};

use super::{About, Answer, Ask, Feature, IqSpec, Spec, Target};

static ABOUT: About = About {
    spec: Spec::Xep(202, "2.0"),
    disco: &[(Target::Server, ns::TIME)],
    iq: &[IqSpec::server_get(ns::TIME, "time")],
    at: &[],
};

/// Says what time it is here. The server lives in UTC.
pub struct Time;

impl Feature for Time {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn answer<'a>(&'a self, _ask: &'a mut Ask<'_>) -> Answer<'a> {
        Box::pin(async {
            let zone = Element::new("tzo", ns::TIME).with_text("+00:00");
            let now = Element::new("utc", ns::TIME).with_text(datetime::format(SystemTime::now()));
            Ok(Some(Element::new("time", ns::TIME).with(zone).with(now)))
        })
    }
}
