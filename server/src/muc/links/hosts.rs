//! The hosts of our rooms, as links see them: where a room takes its inputs.

use std::sync::{Arc, Weak};

use parking_lot::RwLock;
use rialto_store::StoreError;
use rialto_xmpp::BareJid;

use crate::muc::record::Record;
use crate::muc::{Config, Input, Mailbox, MucHost, Opening, State};

/// All hosts of rooms. Links come before them and learn of them when they are open.
#[derive(Default)]
pub struct Hosts(RwLock<Vec<Weak<MucHost>>>);

impl Hosts {
    /// One more host.
    pub fn add(&self, host: &Arc<MucHost>) {
        self.0.write().push(Arc::downgrade(host));
    }

    /// All of them, our own rooms' first.
    pub fn all(&self) -> Vec<Arc<MucHost>> {
        self.0.read().iter().filter_map(Weak::upgrade).collect()
    }

    /// Whoever has this room.
    pub fn host(&self, room: &BareJid) -> Option<Arc<MucHost>> {
        let hosts = self.0.read();
        let mut hosts = hosts.iter().filter_map(Weak::upgrade);
        hosts.find(|host| host.domain().as_str() == room.domainpart())
    }

    /// Hands an input to a room that there is; says whether it was taken.
    pub(super) async fn input(&self, room: &BareJid, mut input: Input) -> bool {
        let Some(host) = self.host(room) else { return false };
        // A room may leave memory just now; then it is looked for once more.
        for _ in 0..2 {
            let Ok(Some(mailbox)) = host.room(room).await else { return false };
            match mailbox.send(input).await {
                Ok(()) => return true,
                Err(refused) => input = refused,
            }
        }
        false
    }

    /// The same without waiting, for what may be lost.
    pub(super) fn try_input(&self, room: &BareJid, input: Input) -> bool {
        let mailbox = self.host(room).and_then(|host| host.works.mailboxes.lock().get(room).cloned());
        mailbox.is_some_and(|mailbox| mailbox.try_send(input))
    }

    /// The room, made now as a room that stays if there is none.
    pub(super) async fn room(&self, room: &BareJid, config: Config) -> Result<Option<Mailbox>, StoreError> {
        let Some(host) = self.host(room) else { return Ok(None) };
        let record = Record { config: Config { persistent: true, ..config }, ..Record::default() };
        host.open_room(room, Opening { record, state: State::Open, links: Vec::new() }).await.map(Some)
    }
}
