//! XEP-0115: Entity Capabilities. The server tells its own in the stream features (§6.3).

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use rialto_xmpp::{Element, ns};
use sha1::{Digest, Sha1};

use super::catalogue::CAPS_NODE;
use super::{About, Catalogue, Feature, Spec, Target};

static ABOUT: About =
    About { spec: Spec::Xep(115, "1.6.0"), disco: &[(Target::Server, ns::CAPS)], iq: &[], at: &[] };

/// The capabilities of the server.
pub struct Caps;

impl Feature for Caps {
    fn about(&self) -> &'static About {
        &ABOUT
    }
}

/// §6.3: `<c/>` for the stream features.
pub fn stream_feature(catalogue: &Catalogue) -> Element {
    Element::new("c", ns::CAPS).attr("hash", "sha-1").attr("node", CAPS_NODE).attr("ver", catalogue.caps())
}

/// §5.1: the verification string of a disco#info.
pub fn verification(info: &Element) -> String {
    let mut text = String::new();
    let identities = info.children().filter(|child| child.is("identity", ns::DISCO_INFO)).map(|identity| {
        let part = |name| identity.get(name).unwrap_or_default();
        [part("category"), part("type"), identity.lang().unwrap_or_default(), part("name")].join("/")
    });
    append(&mut text, identities);
    let features = info.children().filter(|child| child.is("feature", ns::DISCO_INFO));
    append(&mut text, features.filter_map(|feature| feature.get("var")).map(str::to_owned));
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
            append(
                &mut text,
                field.children().filter(|child| child.is("value", ns::DATA_FORMS)).map(Element::text),
            );
        }
    }
    BASE64_STANDARD.encode(Sha1::digest(text))
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

    #[test]
    fn the_example_of_section_5_2_gives_its_hash() {
        let identity = Element::new("identity", ns::DISCO_INFO)
            .attr("category", "client")
            .attr("type", "pc")
            .attr("name", "Exodus 0.9.1");
        let info = Element::new("query", ns::DISCO_INFO)
            .with(identity)
            .with_all([ns::DISCO_INFO, ns::DISCO_ITEMS, ns::MUC, ns::CAPS].map(feature));
        assert_eq!(verification(&info), "QgayPKawpkPSDYmwT/WM94uAlu0=");
    }
}
