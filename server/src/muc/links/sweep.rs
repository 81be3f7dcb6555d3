//! What an earlier run has left for links that are no more.

use std::collections::BTreeMap;
use std::sync::Arc;

use rialto_store::{Batch, StoreError};
use rialto_xmpp::BareJid;

use super::back;
use super::registry::Links;
use super::relay::Relayed;

impl Links {
    /// Words that wait for a link which has been taken out of the configuration go back to their authors.
    pub(super) async fn sweep(&self) -> Result<(), StoreError> {
        let mut left: BTreeMap<(String, String), Vec<Arc<Relayed>>> = BTreeMap::new();
        for (parts, waits) in self.0.outbox.all()? {
            let Some(link) = parts.into_iter().next().filter(|link| self.of_key(link).is_none()) else {
                continue;
            };
            left.entry((link, waits.room)).or_default().push(waits.relayed);
        }
        for ((link, room), all) in left {
            let Ok(room) = BareJid::parse(&room) else { continue };
            // A room at a far room's own address is linked as soon as it is in memory.
            let own = self.networks().iter().any(|network| *network.domain == *room.domainpart());
            let there = match self.hosts().host(&room).filter(|_| own) {
                Some(host) => host.room(&room).await?.is_some(),
                None => false,
            };
            if there {
                continue;
            }
            if let Some(input) = back::orphaned(&link, &all) {
                self.hosts().input(&room, input).await;
            }
            let mut batch = Batch::new();
            self.0.outbox.clear(&mut batch, &link);
            self.0.store.commit(batch).await?;
        }
        Ok(())
    }
}
