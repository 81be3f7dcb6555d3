//! After a start: all links are made again, and only then the far rooms are entered.

use std::sync::Arc;

use rialto_bridges::NetworkError;
use rialto_store::StoreError;
use rialto_xmpp::BareJid;

use super::attached::{Attached, Origin};
use super::registry::{AGAIN, LinkError, Links, Row};
use super::reload;
use crate::config::{FarRoom, Link, To};

impl Links {
    /// Makes all links again: those of the configuration, and those that were made at run time. What does not work now is
    /// said in the log and does not stop the server.
    ///
    /// # Errors
    /// [`StoreError`] when those that are kept cannot be read.
    pub async fn restore(&self, configured: &[Link]) -> Result<(), StoreError> {
        *self.0.configured.lock() = reload::flat(configured);
        let mut made = Vec::new();
        for link in configured {
            for to in &link.to {
                made.extend(self.revive(&link.room, to, Origin::Configured).await);
            }
        }
        for (parts, Row { options, by_owner }) in self.0.kept.list()? {
            let [room, to] = &parts[..] else { continue };
            let (Ok(room), Ok(far)) = (BareJid::parse(room), to.parse::<FarRoom>()) else {
                tracing::warn!(%room, link = %to, "a link in the store cannot be read and is left out");
                continue;
            };
            let origin = if by_owner { Origin::Owner } else { Origin::Kept };
            made.extend(self.revive(&room, &To { far, options }, origin).await);
        }
        // Nobody is heard before all who must hear him are there: what is said in one far room goes to the others.
        for link in made {
            // The network enters the far room when it can; nobody waits for it.
            tokio::spawn(async move { link.join(None).await });
        }
        self.sweep().await
    }

    async fn revive(&self, room: &BareJid, to: &To, origin: Origin) -> Option<Arc<Attached>> {
        match self.attach(room, to, origin).await {
            Ok(link) => return Some(link),
            Err(LinkError::Far {
                error: error @ (NetworkError::Down(_) | NetworkError::Unsure(_)), ..
            }) => {
                tracing::warn!(%room, link = %to.far, "the link does not work yet: {error}");
                tokio::spawn(self.clone().revive_later(room.clone(), to.clone(), origin));
            }
            Err(error) => tracing::error!(%room, link = %to.far, "the link does not work: {error}"),
        }
        None
    }

    /// A far room whose name only its network knows, which is away: it is asked for again until it answers.
    pub(super) async fn revive_later(self, room: BareJid, to: To, origin: Origin) {
        loop {
            tokio::time::sleep(AGAIN).await;
            match self.attach(&room, &to, origin).await {
                Ok(link) => {
                    // The network goes on trying, and the link's state says so.
                    let _ = link.join(None).await;
                    return;
                }
                Err(LinkError::Far { error: NetworkError::Down(_) | NetworkError::Unsure(_), .. }) => {}
                Err(error) => {
                    return tracing::error!(%room, link = %to.far, "the link does not work: {error}");
                }
            }
        }
    }
}
