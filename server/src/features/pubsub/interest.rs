//! XEP-0060 §9.2: which nodes a client wants to hear of, by what its capabilities say.

use rialto_xmpp::{Element, ns};

/// Nodes of others that a client wants to hear of; an extension of its session.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Interests(Vec<Box<str>>);

/// What follows a node's name in a feature of the client.
pub const NOTIFY: &str = "+notify";

/// Nodes that one client may ask for; the rest of them is not looked at.
const MOST: usize = 200;

impl Interests {
    /// What a client's disco#info says.
    pub fn of(info: &Element) -> Interests {
        let features = info.children().filter(|child| child.is("feature", ns::DISCO_INFO));
        let nodes = features.filter_map(|feature| feature.get("var")?.strip_suffix(NOTIFY));
        let mut nodes: Vec<Box<str>> = nodes.take(MOST).map(Box::from).collect();
        nodes.sort_unstable();
        nodes.dedup();
        Interests(nodes)
    }

    /// Whether it wants to hear of nodes of this name.
    pub fn wants(&self, node: &str) -> bool {
        self.0.binary_search_by(|one| one.as_ref().cmp(node)).is_ok()
    }

    /// The nodes.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(Box::as_ref)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_hears_of_what_it_names_and_of_nothing_that_begins_alike() {
        let feature = |var: &str| Element::new("feature", ns::DISCO_INFO).attr("var", var);
        let info = Element::new("query", ns::DISCO_INFO)
            .with_all(["tune+notify", "geoloc", "tune+notify"].map(feature));
        let interests = Interests::of(&info);
        assert!(interests.wants("tune"));
        assert!(!interests.wants("tunes") && !interests.wants("geoloc") && !interests.wants(""));
        assert_eq!(interests.iter().count(), 1);
    }
}
