//! XEP-0115 §5: the verification string of a disco#info, and whether somebody else's can be relied upon.

use std::collections::HashSet;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use rialto_xmpp::{Element, ns};
use sha1::{Digest, Sha1};

use crate::features::pubsub::NOTIFY;

/// §5.1: the verification string of a disco#info.
pub fn verification(info: &Element) -> String {
    let mut text = String::new();
    append(&mut text, identities(info));
    append(&mut text, features(info).map(str::to_owned));
    let forms = info.children().filter(|child| child.is("x", ns::DATA_FORMS));
    let mut forms: Vec<_> = forms.map(|form| (form_type(form), form)).collect();
    forms.sort_by(|a, b| a.0.cmp(&b.0));
    for (kind, form) in forms {
        append(&mut text, [kind]);
        let mut fields: Vec<_> = form
            .children()
            .filter_map(|field| Some((field.get("var")?, field)))
            .filter(|(var, _)| *var != "FORM_TYPE")
            .collect();
        fields.sort_by_key(|(var, _)| *var);
        for (var, field) in fields {
            append(&mut text, [var.to_owned()]);
            append(&mut text, values(field));
        }
    }
    BASE64_STANDARD.encode(Sha1::digest(text))
}

/// §5.4: whether this disco#info, and no other that differs in what clients want to be told of, has this string.
///
/// The string does not say where its parts come from: what is a feature for one may be a form's name for another. So
/// that nobody can hide features of others, or lend them some, parts that could be taken for one another are refused.
pub(super) fn proves(info: &Element, ver: &str) -> bool {
    let mut seen = HashSet::new();
    // §5.4 steps 3.3 to 3.6: ill-formed.
    let unique = identities(info).chain(features(info).map(str::to_owned)).all(|part| seen.insert(part));
    let forms = || info.children().filter(|child| child.is("x", ns::DATA_FORMS));
    let mut kinds = HashSet::new();
    let one_of_each = forms().all(|form| kinds.insert(form_type(form)));
    let of_forms = forms().flat_map(|form| {
        let fields = form.children().filter(|field| field.is("field", ns::DATA_FORMS));
        fields.flat_map(|field| values(field).chain([field.get("var").unwrap_or_default().to_owned()]))
    });
    let others = identities(info).chain(of_forms);
    let plain = others.into_iter().all(|part| !part.contains('<') && !part.ends_with(NOTIFY))
        && features(info).all(|feature| !feature.contains('<'));
    unique && one_of_each && plain && verification(info) == ver
}

fn identities(info: &Element) -> impl Iterator<Item = String> {
    info.children().filter(|child| child.is("identity", ns::DISCO_INFO)).map(|identity| {
        let part = |name| identity.get(name).unwrap_or_default();
        [part("category"), part("type"), identity.lang().unwrap_or_default(), part("name")].join("/")
    })
}

fn features(info: &Element) -> impl Iterator<Item = &str> {
    let features = info.children().filter(|child| child.is("feature", ns::DISCO_INFO));
    features.filter_map(|feature| feature.get("var"))
}

fn values(field: &Element) -> impl Iterator<Item = String> {
    field.children().filter(|child| child.is("value", ns::DATA_FORMS)).map(Element::text)
}

fn form_type(form: &Element) -> String {
    let field = form.children().find(|field| field.get("var") == Some("FORM_TYPE"));
    field.and_then(|field| field.child_text("value", ns::DATA_FORMS)).unwrap_or_default()
}

/// Sorted by octets, each followed by `<`.
fn append(text: &mut String, parts: impl IntoIterator<Item = String>) {
    let mut parts: Vec<_> = parts.into_iter().collect();
    parts.sort_unstable();
    for part in parts {
        text.push_str(&part);
        text.push('<');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn feature(var: &str) -> Element {
        Element::new("feature", ns::DISCO_INFO).attr("var", var)
    }

    fn exodus() -> Element {
        let identity = Element::new("identity", ns::DISCO_INFO)
            .attr("category", "client")
            .attr("type", "pc")
            .attr("name", "Exodus 0.9.1");
        Element::new("query", ns::DISCO_INFO)
            .with(identity)
            .with_all([ns::DISCO_INFO, ns::DISCO_ITEMS, ns::MUC, ns::CAPS].map(feature))
    }

    fn form(kind: &str) -> Element {
        let value = Element::new("value", ns::DATA_FORMS).with_text(kind);
        let field = Element::new("field", ns::DATA_FORMS).attr("var", "FORM_TYPE").with(value);
        Element::new("x", ns::DATA_FORMS).attr("type", "result").with(field)
    }

    #[test]
    fn the_example_of_section_5_2_gives_its_hash_and_proves_it() {
        assert_eq!(verification(&exodus()), "QgayPKawpkPSDYmwT/WM94uAlu0=");
        assert!(proves(&exodus(), "QgayPKawpkPSDYmwT/WM94uAlu0="));
        assert!(!proves(&exodus(), "QgayPKawpkPSDYmwT/WM94uAlu1="));
    }

    #[test]
    fn a_feature_that_hides_as_the_name_of_a_form_has_the_same_hash_and_proves_nothing() {
        let honest = exodus().with(feature("x:tune+notify"));
        let forged = exodus().with(form("x:tune+notify"));
        let ver = verification(&honest);
        assert_eq!(verification(&forged), ver);
        assert!(proves(&honest, &ver) && !proves(&forged, &ver));
    }

    #[test]
    fn a_feature_that_hides_as_an_identity_or_within_another_proves_nothing() {
        let honest = exodus().with(feature("http://x/tune+notify"));
        let ver = verification(&honest);
        let identity = Element::new("identity", ns::DISCO_INFO)
            .attr("category", "http:")
            .attr("type", "")
            .attr("name", "tune+notify");
        let identity = Element::new("query", ns::DISCO_INFO).with(identity);
        assert!(!proves(&identity, &verification(&identity)), "{ver}");
        let joined = exodus().with(feature("a<b+notify"));
        assert!(!proves(&joined, &verification(&joined)));
    }

    #[test]
    fn what_is_there_twice_is_ill_formed() {
        let twice = exodus().with(feature(ns::MUC));
        assert!(!proves(&twice, &verification(&twice)));
        let forms = exodus().with(form("a")).with(form("a"));
        assert!(!proves(&forms, &verification(&forms)));
    }
}
