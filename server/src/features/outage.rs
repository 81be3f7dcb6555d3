//! XEP-0455: Service Outage Status.

use rialto_xmpp::parts::form::{Field, Form};
use rialto_xmpp::{Element, ns};

use super::{About, Feature, Spec};

static ABOUT: About = About { spec: Spec::Xep(455, "0.4.0"), disco: &[], iq: &[], at: &[] };

/// Tells where to look when the server cannot be reached.
pub struct Outage {
    addresses: Vec<String>,
}

impl Outage {
    /// Tells these.
    pub fn new(addresses: &[String]) -> Outage {
        Outage { addresses: addresses.to_vec() }
    }
}

impl Feature for Outage {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    /// §2.1: one field, if there is an address.
    fn forms(&self) -> Vec<Element> {
        if self.addresses.is_empty() {
            return Vec::new();
        }
        let field = Field {
            var: "external-status-addresses".into(),
            kind: "list-multi",
            values: self.addresses.clone(),
            ..Field::default()
        };
        vec![Form::new("result", ns::OUTAGE).field(field).to_element()]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_nothing_is_configured_nothing_is_told() {
        assert!(Outage::new(&[]).forms().is_empty());
        let forms = Outage::new(&["https://status.example.org/rialto.json".into()]).forms();
        let form = Form::read(&forms[0]).unwrap();
        assert_eq!(form.form_type(), Some(ns::OUTAGE));
        assert_eq!(form.value("external-status-addresses"), Some("https://status.example.org/rialto.json"));
    }
}
