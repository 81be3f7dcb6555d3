//! XEP-0203: Delayed Delivery.

use std::time::SystemTime;

use super::datetime;
use crate::element::Element;
use crate::ns;

/// `<delay/>`: when it was sent, and who says so.
pub fn delay(from: &str, at: SystemTime) -> Element {
    Element::new("delay", ns::DELAY).attr("from", from).attr("stamp", datetime::format(at))
}

/// When a `<delay/>` says it was.
pub fn read(delay: &Element) -> Option<SystemTime> {
    delay.get("stamp").and_then(datetime::parse)
}
