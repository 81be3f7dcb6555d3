//! XEP-0297: Stanza Forwarding.

use std::time::SystemTime;

use super::delay;
use crate::element::Element;
use crate::ns;

/// `<forwarded/>` around a stanza, with the time it was sent where known (§3: `delay` comes first).
pub fn forwarded(stanza: Element, at: Option<(&str, SystemTime)>) -> Element {
    let delay = at.map(|(from, at)| {
        let mut delay = delay::delay(from, at);
        delay.unset("from");
        delay
    });
    Element::new("forwarded", ns::FORWARD).with_opt(delay).with(stanza)
}
