//! A configuration that has changed: bridges and links come, go and change, and all others stay connected.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use rialto_bridges::NetworkError;
use rialto_xmpp::BareJid;

use super::attached::{Attached, Origin};
use super::commands;
use super::networks::NotOpened;
use super::registry::{LinkError, Links};
use crate::config::{Bridge, Bridges, FarRoom, Link, To};
use crate::muc::Input;

/// The links of a configuration, one by one.
pub(super) fn flat(links: &[Link]) -> Vec<(BareJid, To)> {
    let each = |link: &Link| link.to.iter().map(|to| (link.room.clone(), to.clone())).collect::<Vec<_>>();
    links.iter().flat_map(each).collect()
}

impl Links {
    /// Takes what another configuration says of bridges and links. Those of which it says the same stay as they are;
    /// what waits for a far room whose bridge has changed waits on. Says what was done, and what does not work.
    ///
    /// # Errors
    /// [`NotOpened`] for the first section that cannot be used; nothing has changed then.
    pub async fn reload(&self, bridges: &Bridges, links: &[Link]) -> Result<Vec<String>, NotOpened> {
        let before = self.networks().sections();
        let differs =
            |name: &String, bridge: &Bridge| before.get(name).is_none_or(|old| !is_same(old, bridge));
        let new: Vec<(&String, &Bridge)> =
            bridges.iter().filter(|(name, bridge)| differs(name, bridge)).collect();
        for (name, bridge) in &new {
            self.networks().check(name, bridge)?;
        }
        let mut told = Vec::new();
        let gone = before.keys().filter(|name| !bridges.contains_key(*name));
        let closed: Vec<&String> =
            gone.chain(new.iter().map(|(name, _)| *name).filter(|name| before.contains_key(*name))).collect();
        let mut waiting = Vec::new();
        for link in
            self.list().into_iter().filter(|link| closed.iter().any(|name| **name == *link.linked.bridge))
        {
            self.suspend(&link).await;
            waiting.push(link);
        }
        for name in &closed {
            self.networks().close_one(name).await;
            if !bridges.contains_key(*name) {
                told.push(format!("[bridge.{name}] is closed"));
            }
        }
        for (name, bridge) in &new {
            self.networks().open_one(name, bridge)?;
            told.push(format!("[bridge.{name}] is opened"));
        }
        for (name, bridge) in bridges {
            self.networks().configured(name, bridge.clone());
        }
        if let Some(files) = self.files() {
            files.reload(bridges);
        }
        self.0.owners_link.store(commands::owners_link(self.networks()), Ordering::Relaxed);
        self.reload_links(links, &waiting, &mut told).await;
        Ok(told)
    }

    /// Links that are configured otherwise now, and those whose bridges have been away.
    async fn reload_links(&self, links: &[Link], waiting: &[Arc<Attached>], told: &mut Vec<String>) {
        let now = flat(links);
        let before = std::mem::replace(&mut *self.0.configured.lock(), now.clone());
        for (room, to) in before.iter().filter(|old| !now.contains(old)) {
            if let Some(link) = self.configured_link(room, to).await {
                match now.iter().any(|(other, new)| other == room && new.far == to.far) {
                    // Only its options are others: what waits for it waits on.
                    true => self.suspend(&link).await,
                    false => {
                        self.detach(&link).await;
                        told.push(format!("{room} is no longer linked to {}", to.far));
                    }
                }
            }
        }
        for link in waiting.iter().filter(|link| link.origin != Origin::Configured) {
            let far = FarRoom { bridge: link.linked.bridge.to_string(), room: link.linked.far.to_string() };
            let to = To { far, options: link.linked.options.clone() };
            self.again(&link.room, &to, link.origin, told).await;
        }
        let over_closed = |to: &To| waiting.iter().any(|link| *link.linked.bridge == *to.far.bridge);
        for (room, to) in now.iter().filter(|(room, to)| {
            over_closed(to) || !before.iter().any(|(other, old)| other == room && old == to)
        }) {
            if self.again(room, to, Origin::Configured, told).await {
                told.push(format!("{room} is linked to {}", to.far));
            }
        }
    }

    async fn again(&self, room: &BareJid, to: &To, origin: Origin, told: &mut Vec<String>) -> bool {
        match self.attach(room, to, origin).await {
            Ok(link) => {
                tokio::spawn(async move { link.join(None).await });
                true
            }
            Err(error) => {
                tracing::error!(%room, link = %to.far, "the link does not work: {error}");
                if matches!(
                    &error,
                    LinkError::Far { error: NetworkError::Down(_) | NetworkError::Unsure(_), .. }
                ) {
                    tokio::spawn(self.clone().revive_later(room.clone(), to.clone(), origin));
                }
                told.push(format!("{room} is not linked to {}: {error}", to.far));
                false
            }
        }
    }

    async fn configured_link(&self, room: &BareJid, to: &To) -> Option<Arc<Attached>> {
        let network = self.networks().network(&to.far.bridge)?;
        let far = network.network.resolve(&to.far.room).await.ok()?;
        let link = self.of_key(&super::linked::key(&to.far.bridge, &far))?;
        (link.room == *room && link.origin == Origin::Configured).then_some(link)
    }

    /// We leave the far room for now, and its people leave ours.
    pub(super) async fn suspend(&self, link: &Arc<Attached>) {
        link.lane.close().await;
        self.drop_link(link);
        link.leave().await;
        self.0.hosts.input(&link.room, Input::Unlinked(link.linked.id)).await;
    }
}

/// Whether a network need not be opened anew.
fn is_same(old: &Bridge, new: &Bridge) -> bool {
    (&old.kind, &old.domain, &old.settings) == (&new.kind, &new.domain, &new.settings)
}
