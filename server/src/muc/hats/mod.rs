//! XEP-0317: Hats. What a room calls its people beside their affiliations and roles.

mod commands;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use rialto_xmpp::{Element, Jid, ns};
use serde::{Deserialize, Serialize};
use sha1::{Digest, Sha1};

use super::effect::Turn;
use super::occupant::Occupant;
use super::presence::Change;
use super::room::Room;

pub use commands::Command;

/// Hats of a room, and who wears them. Kept with the room.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Hats {
    /// By their URI.
    pub list: BTreeMap<String, Hat>,
    /// URIs of what somebody wears, by his bare JID. Every one of them is in the list.
    pub worn: BTreeMap<String, BTreeSet<String>>,
}

/// A hat.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hat {
    /// For a person.
    pub title: String,
    /// Hue angle of its colour (XEP-0392), in degrees.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hue: Option<String>,
}

impl Hats {
    /// Whether the room knows none.
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// Whether somebody wears any.
    pub fn has(&self, bare: &str) -> bool {
        self.worn.contains_key(bare)
    }

    /// §3.1: `<hats/>` as somebody's presence shows them; `None` for a bare head.
    pub fn of(&self, who: &Jid) -> Option<Element> {
        // Most rooms know no hats: then nothing is looked for.
        if self.worn.is_empty() {
            return None;
        }
        let worn = self.worn.get(who.bare_str())?;
        let hats = worn.iter().filter_map(|uri| self.list.get(uri).map(|hat| hat.element(uri)));
        Some(Element::new("hats", ns::HATS).with_all(hats))
    }

    /// §2: changes with the list.
    pub fn hash(&self) -> Option<String> {
        if self.is_empty() {
            return None;
        }
        let mut sum = Sha1::new();
        for (uri, hat) in &self.list {
            for part in [uri, &hat.title, hat.hue.as_deref().unwrap_or_default()] {
                sum.update((part.len() as u64).to_be_bytes());
                sum.update(part);
            }
        }
        Some(sum.finalize().iter().map(|byte| format!("{byte:02x}")).collect())
    }

    /// Nobody wears it any more; returns who did.
    fn destroy(&mut self, uri: &str) -> BTreeSet<String> {
        self.list.remove(uri);
        let wearers: BTreeSet<String> = self.wearers(uri);
        wearers.iter().for_each(|bare| self.take_off(bare, uri));
        wearers
    }

    fn take_off(&mut self, bare: &str, uri: &str) {
        if let Some(worn) = self.worn.get_mut(bare) {
            worn.remove(uri);
        }
        self.worn.retain(|_, worn| !worn.is_empty());
    }

    fn wearers(&self, uri: &str) -> BTreeSet<String> {
        self.worn.iter().filter(|(_, worn)| worn.contains(uri)).map(|(bare, _)| bare.clone()).collect()
    }
}

impl Hat {
    fn element(&self, uri: &str) -> Element {
        Element::new("hat", ns::HATS)
            .attr("title", &self.title)
            .attr("uri", uri)
            .attr_opt("hue", self.hue.as_ref())
    }
}

impl Room {
    /// Their hats have changed: everybody sees them so from now on.
    fn show_hats(&mut self, turn: &mut Turn<'_>, of: &BTreeSet<String>) {
        let wearers = self.occupants.iter().filter(|occupant| of.contains(occupant.real.bare_str()));
        for occupant in wearers.cloned().collect::<Vec<_>>() {
            self.seat(Occupant::clone(&occupant));
            self.announce(turn, &occupant.nick, &Change::default());
        }
    }
}
