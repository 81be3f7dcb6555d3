//! XEP-0504: Data Policy. What becomes of the words said in a room, here and on the networks that it is one with.

use std::collections::BTreeMap;
use std::time::Duration;

use rialto_xmpp::ns;
use rialto_xmpp::parts::form::{Field, Form};

use super::links::{Linked, Way};
use super::room::Room;

impl Room {
    /// §3: one form for the room itself, and one for each kind of network to which its words go.
    pub(super) fn policy_forms(&self) -> Vec<Form> {
        let hours = |kept: Duration| (kept.as_secs() / 3600).to_string();
        let retention = match (self.record.config.archive, self.rules.retention) {
            (false, _) => "0".to_owned(),
            (true, None) => "infinite".to_owned(),
            (true, Some(kept)) => hours(kept),
        };
        let access = ["admins", "moderators"].map(str::to_owned);
        let own = Form::new("result", ns::DATA_POLICY)
            .field(Field::text("data_retention", "Hours that messages are kept at most", retention))
            .field(Field::boolean("data_deletion", "You can take back what you have said", true))
            .field(Field::boolean("encryption_at_rest", "The store is encrypted", false))
            .field(Field::many(
                "list-multi",
                "access_policy",
                "Who can read it beside those in the room",
                access,
            ));
        let mut kinds: BTreeMap<&str, Vec<&Linked>> = BTreeMap::new();
        for link in self.links.iter().filter(|link| link.options.way != Way::In) {
            kinds.entry(link.kind).or_default().push(link);
        }
        std::iter::once(own).chain(kinds.into_iter().map(|(kind, links)| far(kind, &links))).collect()
    }
}

fn far(kind: &str, links: &[&Linked]) -> Form {
    let scope = format!("urn:xmpp:data-policy:identity:gateway:{kind}:0");
    let deletion = links.iter().all(|link| link.takes_back);
    let told = links.iter().map(|link| {
        let (far, bridge) = (&link.far, &link.bridge);
        format!("What is said here goes to {far} on {bridge}, where other rules hold than ours.")
    });
    Form::new("result", &scope)
        .field(Field::text("data_retention", "Hours that messages are kept at most", "unknown"))
        .field(Field::boolean("data_deletion", "What you take back here goes there, too", deletion))
        .field(Field::many("text-multi", "extra_info", "Where it goes", told))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use crate::muc::links::a_link;
    use crate::muc::room::Input;
    use crate::muc::tests::stage::Stage;

    #[test]
    fn a_room_says_where_words_go_and_how_long_they_are_kept() {
        let mut stage = Stage::with(&["romeo"]);
        let info = "<query xmlns='http://jabber.org/protocol/disco#info'/>";
        let told = stage.asks("romeo", "get", info);
        assert!(told.contains("urn:xmpp:data-policy:0") && told.contains("infinite"), "{told}");
        assert!(!told.contains("identity:gateway"));
        stage.input(Input::Linked(Arc::new(a_link(1))));
        stage.configure(|config| config.archive = false);
        let told = stage.asks("romeo", "get", info);
        assert!(told.contains("urn:xmpp:data-policy:identity:gateway:loopback:0"), "{told}");
        assert!(told.contains("goes to #lounge on libera") && told.contains("<value>unknown</value>"));
    }
}
