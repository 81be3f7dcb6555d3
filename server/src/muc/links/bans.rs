//! Bans of people of far rooms: they are about who somebody is there, not about what he is called at the moment.

use std::sync::Arc;

use rialto_bridges::Author;
use rialto_xmpp::{BareJid, Jid};
use serde::{Deserialize, Serialize};

use super::linked::Linked;
use crate::muc::affiliation::Affiliation;
use crate::muc::effect::Turn;
use crate::muc::occupant::Occupant;
use crate::muc::presence::Change;
use crate::muc::room::Room;

/// What was known of somebody when he was banned.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct FarBan {
    /// The account he had proven.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
    /// The host he came from; `user@host` where others came from there, too.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mask: Option<String>,
}

impl FarBan {
    /// What is known of him; `others` are those who are there as well.
    fn of<'a>(author: &Author, mut others: impl Iterator<Item = &'a Author>) -> Option<FarBan> {
        let whole = author.address.as_deref().map(str::to_lowercase);
        // A host that many share (a bouncer, a gateway) is nobody's own.
        let shared = others.any(|other| {
            let other = other.address.as_deref().map(str::to_lowercase);
            host(other.as_deref()) == host(whole.as_deref()) && other != whole
        });
        let mask = if shared { whole } else { host(whole.as_deref()).map(str::to_owned) };
        let ban = FarBan { account: author.account.as_deref().map(str::to_owned), mask };
        (ban != FarBan::default()).then_some(ban)
    }

    /// He shows what was known of the banned: the account, or where he came from (`*!*@host`).
    fn meets(&self, author: &Author) -> bool {
        let account = self.account.as_deref().is_some_and(|own| author.account.as_deref() == Some(own));
        account || self.masks(author)
    }

    fn masks(&self, author: &Author) -> bool {
        let (Some(mask), Some(address)) = (&self.mask, &author.address) else { return false };
        let address = address.to_lowercase();
        if mask.contains('@') { *mask == address } else { host(Some(&address)) == Some(mask) }
    }

    /// He shows who he is, and it is another.
    fn clears(&self, author: &Author) -> bool {
        let account = self.account.is_some() && author.account.is_some();
        let mask = self.mask.is_some() && author.address.is_some();
        (account || mask) && !self.meets(author)
    }
}

/// `host` of `user@host`.
fn host(address: Option<&str>) -> Option<&str> {
    address?.rsplit_once('@').map(|(_, host)| host).filter(|host| !host.is_empty())
}

impl Room {
    /// §5.2: what somebody of a far room is to this one. A ban holds for whoever shows the same account or host there,
    /// whatever his nick; and not for another who has come by the nick of the banned.
    pub(super) fn far_affiliation(&self, link: &Linked, author: &Author, real: &Jid) -> Affiliation {
        let kept = self.record.affiliation(real);
        let bans = &self.record.far_bans;
        if bans.is_empty() {
            return kept;
        }
        let network = format!("%{}@{}", link.bridge, link.domain);
        if bans.iter().any(|(jid, ban)| jid.ends_with(&network) && ban.meets(author)) {
            return Affiliation::Outcast;
        }
        match bans.get(real.bare_str()) {
            Some(ban) if kept == Affiliation::Outcast && ban.clears(author) => Affiliation::None,
            _ => kept,
        }
    }

    /// Before somebody is banned: what is known of him, if he is of a far room and there.
    pub(in crate::muc) fn know_banned(&mut self, jid: &BareJid, to: Affiliation) {
        if to != Affiliation::Outcast {
            return;
        }
        let ban = self.known_of(jid);
        if let Some(ban) = ban {
            self.record_mut().far_bans.insert(jid.as_str().to_owned(), ban);
        }
    }

    fn known_of(&self, jid: &BareJid) -> Option<FarBan> {
        let people =
            self.links.iter().flat_map(|link| self.far.of(link.id).map(move |person| (link, person)));
        let mut meant = people.filter(|(link, person)| {
            link.address(&person.author).is_some_and(|address| address.bare_str() == jid.as_str())
        });
        let (link, person) = meant.next()?;
        let others = self.far.of(link.id).map(|other| &other.author);
        FarBan::of(&person.author, others.filter(|other| other.id != person.author.id))
    }

    /// Lists have changed: whoever is banned by what he is there goes, under whatever nick.
    pub(in crate::muc) fn far_standings(&mut self, turn: &mut Turn<'_>, change: &Change) {
        if self.record.far_bans.is_empty() {
            return;
        }
        let seated: Vec<Arc<Occupant>> =
            self.occupants.iter().filter(|occupant| occupant.link().is_some()).cloned().collect();
        for occupant in seated {
            let Some(link) = occupant.link().and_then(|id| self.link(id)) else { continue };
            let Some(person) = self.far.seated(link.id, &occupant.nick) else { continue };
            if self.far_affiliation(&link, &person.author, &occupant.real) == Affiliation::Outcast {
                let gone = Occupant { affiliation: Affiliation::Outcast, ..Occupant::clone(&occupant) };
                self.take_out(turn, &gone, &Change { codes: vec![301], ..change.clone() });
            }
        }
    }
}
