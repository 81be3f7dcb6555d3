//! How the block lists are that others keep.

use super::protocol::Blocklist;
use crate::guards::{Guards, NodeList};

/// Each, in words.
pub(super) fn list(guards: &Guards) -> Vec<Blocklist> {
    guards.nodes.iter().map(|list| shown(list)).collect()
}

fn shown(list: &NodeList) -> Blocklist {
    let standing = list.standing();
    let mut state = match list.len() {
        1 => "1 entry".to_owned(),
        many => format!("{many} entries"),
    };
    if standing.wrong > 0 {
        state.push_str(&format!(", {} that are no SHA-256 left out", standing.wrong));
    }
    if standing.over > 0 {
        state.push_str(&format!(", {} beyond `entries` left out", standing.over));
    }
    state.push_str(&format!("; {}", standing.says));
    let name = format!("{} of {}", list.settings.node, list.settings.service);
    Blocklist { name, well: standing.well && standing.over == 0, state }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rialto_store::Store;

    #[tokio::test]
    async fn what_was_left_out_is_said() {
        let settings = toml::from_str("service = 'rtbl.lit'\nentries = 1").unwrap();
        let list = NodeList::open(&settings, &Store::memory()).unwrap();
        for id in ["0".repeat(64), "1".repeat(64), "spam.lit".into()] {
            list.add(&id);
        }
        list.stands(true, "subscribed, and read");
        let shown = shown(&list);
        assert_eq!((shown.name.as_str(), shown.well), ("muc_bans_sha256 of rtbl.lit", false));
        assert_eq!(
            shown.state,
            "1 entry, 1 that are no SHA-256 left out, 1 beyond `entries` left out; subscribed, and read"
        );
    }
}
