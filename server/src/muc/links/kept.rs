//! Links that are made, changed and taken away while the server runs, and kept in the store.

use std::sync::Arc;
use std::time::Duration;

use rialto_bridges::NetworkError;
use rialto_store::{Batch, StoreError};
use rialto_xmpp::BareJid;

use super::attached::{Attached, Origin};
use super::linked::key;
use super::registry::{LinkError, Links, Row};
use crate::config::{FarRoom, LinkOptions, To};

/// How long somebody who makes a link waits to hear whether the far room lets us in.
const PATIENCE: Duration = Duration::from_secs(15);

impl Links {
    /// Links a room to a far room for good. What comes back beside success is a remark: the link is kept, and the network
    /// tries again to enter.
    ///
    /// # Errors
    /// [`LinkError`]; nothing has changed then.
    pub async fn add(&self, room: &BareJid, to: &To) -> Result<Option<String>, LinkError> {
        self.add_as(room, to, Origin::Kept).await
    }

    /// The same, by an operator or an owner.
    pub(super) async fn add_as(
        &self,
        room: &BareJid,
        to: &To,
        origin: Origin,
    ) -> Result<Option<String>, LinkError> {
        let link = self.attach(room, to, origin).await?;
        let key = link.linked.key();
        let joined = link.join(Some(PATIENCE)).await;
        if let Err(error @ NetworkError::NotFound(_)) = joined {
            self.detach(&link).await;
            return Err(LinkError::Far { link: key, error });
        }
        if let Err(error) = self.keep_row(&link).await {
            self.detach(&link).await;
            return Err(error.into());
        }
        Ok(joined.err().map(|error| format!("the link is kept and will be tried again: {error}")))
    }

    /// Takes a link away that was made at run time.
    ///
    /// # Errors
    /// [`LinkError`] where there is none, or it stands in the configuration.
    pub async fn remove(&self, room: &BareJid, to: &FarRoom) -> Result<(), LinkError> {
        let link = self.made_at_run_time(room, to).await?;
        // What is just arriving need not come back.
        link.lane.close().await;
        self.forget(&link).await?;
        self.detach(&link).await;
        Ok(())
    }

    /// Other options hold for a link that was made at run time. What waits for it waits on.
    ///
    /// # Errors
    /// [`LinkError`]; what was there holds then.
    pub async fn change(&self, room: &BareJid, to: &FarRoom, set: &[String]) -> Result<(), LinkError> {
        let link = self.made_at_run_time(room, to).await?;
        let options: LinkOptions = link.linked.options.set(set).map_err(LinkError::BadOption)?;
        self.suspend(&link).await;
        let far = FarRoom { bridge: link.linked.bridge.to_string(), room: link.linked.far.to_string() };
        let link = self.attach(room, &To { far, options }, link.origin).await?;
        self.keep_row(&link).await?;
        tokio::spawn(async move { link.join(None).await });
        Ok(())
    }

    /// A link that was made at run time.
    async fn made_at_run_time(&self, room: &BareJid, to: &FarRoom) -> Result<Arc<Attached>, LinkError> {
        let not_there = || LinkError::NotThere { room: room.clone(), link: to.to_string() };
        let network = self.networks().network(&to.bridge).ok_or_else(not_there)?;
        let far = network.network.resolve(&to.room).await.map_err(|_| not_there())?;
        let link = self.of_key(&key(&to.bridge, &far)).filter(|link| link.room == *room);
        let link = link.ok_or_else(not_there)?;
        match link.origin {
            Origin::Configured => Err(LinkError::NotHere(
                "this link stands in the configuration; change it or take it out there",
            )),
            Origin::OnDemand => {
                Err(LinkError::NotHere("this room goes by itself when the last one has left it"))
            }
            Origin::Kept | Origin::Owner => Ok(link),
        }
    }

    /// Writes down a link that was made at run time.
    async fn keep_row(&self, link: &Attached) -> Result<(), StoreError> {
        let row = Row { options: link.linked.options.clone(), by_owner: link.origin == Origin::Owner };
        let mut batch = Batch::new();
        self.0.kept.put(&mut batch, link.room.as_str(), &link.linked.key(), &row)?;
        self.0.store.commit(batch).await
    }
}
