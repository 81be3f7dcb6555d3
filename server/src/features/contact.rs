//! XEP-0157: Contact Addresses for XMPP Services.

use rialto_xmpp::parts::form::{Field, Form};
use rialto_xmpp::{Element, ns};

use super::{About, Feature, Spec};
use crate::config;

static ABOUT: About = About { spec: Spec::Xep(157, "1.1.1"), disco: &[], iq: &[], at: &[] };

/// Tells the addresses in disco#info.
pub struct Contact {
    addresses: config::Contact,
    /// What others add to the form (XEP-0485 §3).
    more: Option<Field>,
}

impl Contact {
    /// Tells these.
    pub fn new(addresses: &config::Contact, more: Option<Field>) -> Contact {
        Contact { addresses: addresses.clone(), more }
    }
}

impl Feature for Contact {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    /// §2: one `list-multi` for each kind that has an address.
    fn forms(&self) -> Vec<Element> {
        let all = &self.addresses;
        let kinds = [
            ("abuse-addresses", &all.abuse),
            ("admin-addresses", &all.admin),
            ("feedback-addresses", &all.feedback),
            ("sales-addresses", &all.sales),
            ("security-addresses", &all.security),
            ("support-addresses", &all.support),
        ];
        let mut form = Form::new("result", ns::SERVERINFO);
        for (var, addresses) in kinds.into_iter().filter(|(_, addresses)| !addresses.is_empty()) {
            form = form.field(Field {
                var: var.into(),
                kind: "list-multi",
                values: addresses.clone(),
                ..Field::default()
            });
        }
        form.fields.extend(self.more.clone());
        if form.fields.len() > 1 { vec![form.to_element()] } else { Vec::new() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_kinds_with_an_address_are_told() {
        let addresses =
            config::Contact { abuse: vec!["mailto:abuse@example.org".into()], ..Default::default() };
        let forms = Contact::new(&addresses, None).forms();
        let form = Form::read(&forms[0]).unwrap();
        assert_eq!((form.fields.len(), form.value("abuse-addresses")), (2, Some("mailto:abuse@example.org")));
        assert!(Contact::new(&config::Contact::default(), None).forms().is_empty());
    }
}
