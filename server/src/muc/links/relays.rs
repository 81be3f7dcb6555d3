//! What a room wants of its links, brought to the one that it is about.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use rialto_bridges::Author;
use rialto_store::{Batch, StoreError};
use rialto_xmpp::{BareJid, Iq, Stanza};

use super::back;
use super::commands;
use super::files::Held;
use super::registry::Links;
use super::relay::Relayed;
use super::sanction::Decided;
use crate::features::Fut;
use crate::muc::effect::Bind;
use crate::muc::{LinkId, Relays};

impl Relays for Links {
    fn relay(&self, room: &BareJid, link: LinkId, relayed: &Arc<Relayed>) {
        let Some(link) = self.of_id(link) else { return };
        if !link.lane.push(relayed, !link.waits())
            && let Some(input) =
                back::returned(&link, std::slice::from_ref(relayed), &back::overflowed(&link))
        {
            // A room that has no place for this is counted above all the same.
            self.0.hosts.try_input(room, input);
        }
    }

    fn keep(&self, batch: &mut Batch, link: LinkId, relayed: &Arc<Relayed>) -> Result<(), StoreError> {
        self.of_id(link).map_or(Ok(()), |link| link.lane.keep(batch, relayed))
    }

    fn shelve(&self, batch: &mut Batch, room: &BareJid, id: &str, file: &Held) -> Result<(), StoreError> {
        self.files().map_or(Ok(()), |files| files.note(batch, (room, id), &file.row))
    }

    fn unshelve(&self, batch: &mut Batch, room: &BareJid, id: &str) -> Result<(), StoreError> {
        self.files().map_or(Ok(()), |files| files.mark(batch, room, id))
    }

    fn unshelved(&self, room: &BareJid, id: &str) {
        if let Some(files) = self.files() {
            files.drop_of(room, id);
        }
    }

    fn bind(&self, batch: &mut Batch, bind: &Bind) -> Result<(), StoreError> {
        self.0.ids.bind(batch, &bind.key, &bind.ours, &bind.theirs)
    }

    fn seated(&self, link: LinkId, person: Author, here: bool) {
        if let Some(link) = self.of_id(link) {
            link.announce(person, here);
        }
    }

    fn withheld(&self, link: LinkId, why: Option<String>) {
        if let Some(link) = self.of_id(link) {
            tracing::warn!(link = %link.linked.key(), room = %link.room, why, "whether words flow has changed");
            link.change(|state| state.withheld = why);
        }
    }

    fn unknown(&self, link: LinkId) {
        if let Some(link) = self.of_id(link) {
            link.change(|state| state.unknown += 1);
        }
    }

    fn sanction(&self, room: &BareJid, link: LinkId, decided: Decided) {
        let Some(link) = self.of_id(link) else { return };
        let (hosts, room) = (self.0.hosts.clone(), room.clone());
        tokio::spawn(async move {
            if let Some(input) = link.sanction(decided).await {
                hosts.input(&room, input).await;
            }
        });
    }

    fn owners_link(&self) -> Arc<AtomicBool> {
        self.0.owners_link.clone()
    }

    fn command(&self, room: &BareJid, act: commands::Act, iq: Iq) -> Fut<'static, Stanza> {
        let (links, room) = (self.clone(), room.clone());
        Box::pin(async move { links.answer(&room, act, &iq).await })
    }

    fn closed(&self, room: &BareJid) {
        let (links, room) = (self.clone(), room.clone());
        tokio::spawn(async move { links.room_closed(&room).await });
    }
}
