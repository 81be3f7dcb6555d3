//! What a room knows of a far room that it is one with, and of where the people there have their addresses.

use std::sync::Arc;

use rialto_bridges::{Author, RemoteId};
use rialto_xmpp::Jid;
use rialto_xmpp::prep;

use super::filter::Ignored;
use crate::config::LinkOptions;
use crate::muc::LinkId;

/// A far room that a room of ours is one with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Linked {
    /// Which link; given anew each time the server starts.
    pub id: LinkId,
    /// The network's name in the configuration: `libera` in `[bridge.libera]`.
    pub bridge: Arc<str>,
    /// What kind of network it is, as `Kind::name` spells it.
    pub kind: &'static str,
    /// The domain where its people have their addresses.
    pub domain: Arc<str>,
    /// What the network calls the room.
    pub far: RemoteId,
    /// What holds for the link.
    pub options: LinkOptions,
    /// The room exists for the far one alone, as long as somebody is in it: what people are there, they are here.
    pub on_demand: bool,
    /// What was said can be taken back there.
    pub takes_back: bool,
    /// What did not pass because the options say so.
    pub ignored: Ignored,
}

impl Linked {
    /// `libera:#lounge`: the one name of the far room, and of the link in the store.
    pub fn key(&self) -> String {
        key(&self.bridge, &self.far)
    }

    /// The address of somebody there, which bans and moderators use: `user%network@domain` (XEP-0106 where needed).
    pub fn address(&self, author: &Author) -> Option<Jid> {
        let bridge = &self.bridge;
        let local = format!("{}%{bridge}", author.id);
        let escaped = prep::escape(&local);
        Jid::from_parts(Some(&escaped), &self.domain, None).ok().or_else(|| {
            // What no localpart can hold is still somebody, who must be told from all others.
            let hex: String = author.id.bytes().take(120).map(|byte| format!("{byte:02x}")).collect();
            Jid::from_parts(Some(&format!("{hex}%%{bridge}")), &self.domain, None).ok()
        })
    }

    /// What the room's secret makes an occupant-id of (XEP-0421): one person of one network.
    pub fn person(&self, author: &Author) -> String {
        format!("{}\n{}\n{}", self.kind, self.bridge, author.id)
    }
}

/// `libera:#lounge`.
pub fn key(bridge: &str, far: &RemoteId) -> String {
    format!("{bridge}:{far}")
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A link to `#lounge` on `libera`.
    pub(crate) fn link(id: u32) -> Linked {
        Linked {
            id: LinkId(id),
            bridge: "libera".into(),
            kind: "loopback",
            domain: "far.lit".into(),
            far: "#lounge".into(),
            options: LinkOptions::default(),
            on_demand: false,
            takes_back: false,
            ignored: Ignored::default(),
        }
    }

    #[test]
    fn people_there_have_addresses_that_can_be_banned() {
        let link = link(1);
        let address = |id: &str| link.address(&Author::new(id, "x", "loopback")).unwrap();
        assert_eq!(address("ann").as_str(), "ann%libera@far.lit");
        assert_eq!(address("a@b/c").as_str(), "a\\40b\\2fc%libera@far.lit");
        assert_eq!(link.key(), "libera:#lounge");
    }

    #[test]
    fn who_has_an_impossible_name_is_still_told_from_others() {
        let link = link(1);
        let address = |id: &str| link.address(&Author::new(id, "x", "loopback")).unwrap();
        assert_ne!(address("\u{fffe}a"), address("\u{fffe}b"));
    }
}
