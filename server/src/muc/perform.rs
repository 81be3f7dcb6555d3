//! Doing what a room wants done.

use std::collections::BTreeMap;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Weak};
use std::time::{Duration, UNIX_EPOCH};

use parking_lot::Mutex;
use rialto_store::archive::{Archive, Draft, Entry, Flags, Paging, Query};
use rialto_store::rooms::Rooms;
use rialto_store::{Batch, Store, StoreError, vcard};
use rialto_xmpp::limits::Limits;
use rialto_xmpp::parse::{self, StreamScope};
use rialto_xmpp::{BareJid, Condition, Iq, Jid, Stanza, StanzaError, ns};
use tokio::sync::Semaphore;

use super::actor::Mailbox;
use super::attention::{self, Words};
use super::effect::{Archived, Bind, Effect};
use super::farewell::Farewells;
use super::groupchat::is_subject;
use super::host::Listed;
use super::links::commands::Act;
use super::links::{Author, Decided, Held, Relayed};
use super::listener::{Listener, Printed};
use super::record::Record;
use super::room::{LinkId, Room, State};
use super::search;
use super::tombstone::Kept;
use crate::features::{Fut, Origin};
use crate::router::{Domain, Router};
use crate::sessions::Attention;

/// Where words for far rooms go.
pub trait Relays: Send + Sync + 'static {
    /// Words for the room behind a link. Never waits: what has no place goes back to its author.
    fn relay(&self, room: &BareJid, link: LinkId, relayed: &Arc<Relayed>);

    /// The same, into the batch that keeps the message itself: nobody is told that it is kept before it is kept for the
    /// far room as well.
    ///
    /// # Errors
    /// [`StoreError`] when it cannot be written down.
    fn keep(&self, _batch: &mut Batch, _link: LinkId, _relayed: &Arc<Relayed>) -> Result<(), StoreError> {
        Ok(())
    }

    /// Somebody on XMPP is in the room now, or nobody any more.
    fn attended(&self, _room: &BareJid, _by_anybody: bool) {}

    /// Somebody here is in the room now, or not any more.
    fn seated(&self, _link: LinkId, _person: Author, _here: bool) {}

    /// Nothing flows over a link, and why; or again it does.
    fn withheld(&self, _link: LinkId, _why: Option<String>) {}

    /// News of a far room were about a message that is not known.
    fn unknown(&self, _link: LinkId) {}

    /// What was decided about somebody of a far room shall hold there.
    fn sanction(&self, _room: &BareJid, _link: LinkId, _decided: Decided) {}

    /// Names of a message, into the batch that keeps the message itself.
    ///
    /// # Errors
    /// [`StoreError`] when they cannot be read or written down.
    fn bind(&self, batch: &mut Batch, bind: &Bind) -> Result<(), StoreError>;

    /// A file of a message, into the batch that keeps the message.
    ///
    /// # Errors
    /// [`StoreError`] when it cannot be written down.
    fn shelve(&self, _: &mut Batch, _room: &BareJid, _id: &str, _file: &Held) -> Result<(), StoreError> {
        Ok(())
    }

    /// That the file of a message goes, into the batch that takes the message back.
    ///
    /// # Errors
    /// [`StoreError`] when it cannot be read or written down.
    fn unshelve(&self, _: &mut Batch, _room: &BareJid, _id: &str) -> Result<(), StoreError> {
        Ok(())
    }

    /// It goes now, if there is one.
    fn unshelved(&self, _room: &BareJid, _id: &str) {}

    /// A room is gone for good.
    fn closed(&self, room: &BareJid);

    /// Whether owners of rooms may link them, at this moment and later.
    fn owners_link(&self) -> Arc<AtomicBool> {
        Arc::default()
    }

    /// Somebody who may runs a command about the links of a room: the answer.
    fn command(&self, _room: &BareJid, _act: Act, iq: Iq) -> Fut<'static, Stanza> {
        Box::pin(async move { Stanza::Iq(iq).error_reply(&Condition::ItemNotFound.into()) })
    }
}

/// No links at all.
pub struct NoRelays;

impl Relays for NoRelays {
    fn relay(&self, _: &BareJid, _: LinkId, _: &Arc<Relayed>) {}

    fn bind(&self, _: &mut Batch, _: &Bind) -> Result<(), StoreError> {
        Ok(())
    }

    fn closed(&self, _: &BareJid) {}
}

/// Searches of archives at the same time, for all rooms of a host.
const SEARCHES: usize = 64;

/// What rooms of one host do their works with.
pub struct Works {
    /// Everything that is kept.
    pub store: Store,
    /// Records of rooms.
    pub rooms: Rooms<Record>,
    /// What was said.
    pub archive: Archive,
    /// Rooms in memory.
    pub mailboxes: Mutex<BTreeMap<BareJid, Mailbox>>,
    /// All rooms there are.
    pub listing: Mutex<BTreeMap<BareJid, Listed>>,
    /// Rooms that were destroyed.
    pub gone: Mutex<Farewells>,
    router: Weak<Router>,
    /// Where words for far rooms go.
    pub relays: Arc<dyn Relays>,
    searches: Arc<Semaphore>,
}

impl Works {
    /// For rooms whose stanzas this router takes.
    pub fn new(router: &Arc<Router>, relays: Arc<dyn Relays>) -> Works {
        let store = router.store.clone();
        Works {
            rooms: Rooms::new(&store),
            archive: Archive::new(&store),
            store,
            mailboxes: Mutex::default(),
            listing: Mutex::default(),
            gone: Mutex::default(),
            router: Arc::downgrade(router),
            relays,
            searches: Arc::new(Semaphore::new(SEARCHES)),
        }
    }

    /// Does it all, in its order; returns the sessions that turned out not to be there any more.
    pub async fn perform(&self, room: &Room, effects: Vec<Effect>) -> Vec<Jid> {
        let mut gone = Vec::new();
        let Some(router) = self.router.upgrade() else { return gone };
        for effect in effects {
            match effect {
                Effect::Send(stanza) => self.route(&router, stanza).await,
                Effect::Tell(printed, to) => {
                    for listener in to.iter() {
                        if !self.deliver((&router, room), listener, &printed).await {
                            gone.push(listener.jid.clone());
                        }
                    }
                }
                Effect::Shelve(_, held) => held.settle(),
                Effect::Unshelve(id) => self.relays.unshelved(&room.jid, &id),
                Effect::Relay(link, relayed) => self.relays.relay(&room.jid, link, &relayed),
                Effect::Withheld(link, why) => self.relays.withheld(link, why),
                Effect::Unknown(link) => self.relays.unknown(link),
                Effect::Sanction(link, decided) => self.relays.sanction(&room.jid, link, decided),
                Effect::Command(act, iq) => self.command(&router, &room.jid, act, iq),
                Effect::Search(iq) => self.search(&router, &room.jid, iq),
                Effect::ShowCard(iq) => self.route(&router, self.card(&room.jid, iq)).await,
                // Done before anybody heard anything.
                Effect::Archive(_) | Effect::Bury(_) | Effect::Bind(_) | Effect::Save | Effect::Card(_) => {}
                Effect::Close => {
                    self.relays.closed(&room.jid);
                    if let Some(farewell) = &room.record.gone {
                        self.gone.lock().remember(room.jid.clone(), farewell.clone());
                    }
                }
            }
        }
        gone.sort_unstable();
        gone.dedup();
        gone
    }

    /// Into the room's archive, with these flags beside that of groupchat.
    pub fn archive_in(&self, batch: &mut Batch, room: &BareJid, archived: &Archived, flags: Flags) {
        let Ok(id) = archived.id.parse() else { return };
        let stanza = archived.stanza.to_stored();
        let draft = Draft { with: "", flags: Flags::GROUPCHAT | flags, stanza: &stanza };
        self.archive.set(batch, room.as_str(), id, &draft);
    }

    /// What the room's archive has under an id.
    pub fn kept(&self, room: &BareJid, id: String) -> Option<Kept> {
        let entry = self.archive.entry_now(room.as_str(), id.parse().ok()?).ok()??;
        let is_tombstone = entry.flags().contains(Flags::TOMBSTONE);
        Some(Kept { id, stanza: Arc::new(read(&entry)?), is_tombstone })
    }

    /// Takes a stanza to its place in a task of its own.
    pub fn route_apart(&self, stanza: Stanza) {
        let Some(router) = self.router.upgrade() else { return };
        tokio::spawn(async move {
            router.route(Origin::Server, stanza).await;
        });
    }

    /// A room in memory is there no more.
    pub fn forget(&self, mailbox: &Mailbox) {
        let mut mailboxes = self.mailboxes.lock();
        if mailboxes.get(&mailbox.room).is_some_and(|other| other.is(mailbox)) {
            mailboxes.remove(&mailbox.room);
        }
    }

    /// What the list of rooms says of this one.
    pub fn tell_listing(&self, room: &Room) {
        let mut listing = self.listing.lock();
        if room.state == State::Gone {
            listing.remove(&room.jid);
            return;
        }
        let config = &room.record.config;
        match listing.get_mut(&room.jid) {
            Some(listed) if listed.is_of(room) => listed.occupants = room.occupants.len(),
            _ => {
                let listed = Listed::of(&room.record, room.state == State::Open && config.public);
                listing.insert(room.jid.clone(), Listed { occupants: room.occupants.len(), ..listed });
            }
        }
    }

    /// A room that comes into memory remembers what was said last in it.
    pub fn recall(&self, room: &mut Room) {
        let most = room.record.config.history.min(room.rules.limits.history);
        if !room.record.config.archive || most == 0 {
            return;
        }
        let query = Query { page: Paging::Last, max: most, ..Query::default() };
        let Ok(page) = self.archive.query_now(room.jid.as_str(), &query) else { return };
        for entry in page.entries {
            let Some(Stanza::Message(mut message)) = read(&entry) else { continue };
            // XEP-0424 §5: what was taken back is told to nobody any more.
            if entry.flags().contains(Flags::TOMBSTONE) {
                continue;
            }
            // The archive may say who it was; whoever enters now need not see that.
            message.payloads.retain(|payload| *payload.ns() != *ns::MUC_USER);
            if !is_subject(&message) {
                let at = UNIX_EPOCH + Duration::from_micros(entry.at());
                let history = Arc::make_mut(&mut room.history);
                history.push((at, entry.stanza().len()), Arc::new(message.into()), &room.jid, most);
            }
        }
    }

    /// Links hear whether anybody on XMPP listens.
    pub fn tell_links(&self, room: &Room, before: bool) {
        let now = room.occupants.has_sessions();
        if now != before && !room.links.is_empty() {
            self.relays.attended(&room.jid, now);
        }
    }

    /// To a session. `false`: it is not there any more.
    async fn deliver(
        &self,
        (router, room): (&Arc<Router>, &Room),
        listener: &Listener,
        printed: &Printed,
    ) -> bool {
        let session = listener.session.get_or_init(|| {
            router.accounts.session(&listener.jid).map_or_else(Weak::new, |session| Arc::downgrade(&session))
        });
        if let Some(session) = session.upgrade() {
            // XEP-0191: nothing of a room or an occupant whom the user blocks.
            if session.is_guarded() && printed.from.as_ref().is_some_and(|from| router.blocks(&session, from))
            {
                return true;
            }
            if printed.words() != Words::None && session.attention() != Attention::Full {
                return Box::pin(attention::give(router, room, listener, printed, &session)).await;
            }
            return session.send(printed.frame(listener)).is_ok();
        }
        if router.is_local(listener.jid.domainpart()) {
            return false;
        }
        // On another server: as a stanza, for whoever knows the way.
        route_text(router, &printed.text(listener)).await;
        true
    }

    /// The stanza goes now, in its order; but to a room it goes in a task of its own: two rooms that wait for
    /// one another would wait for ever.
    async fn route(&self, router: &Arc<Router>, stanza: Stanza) {
        let to_service = stanza.to().and_then(|to| router.domains.get(to.domainpart()));
        match to_service {
            Some(Domain::Service(_)) => self.route_apart(stanza),
            _ => {
                router.route(Origin::Server, stanza).await;
            }
        }
    }

    /// XEP-0486 §4.4: the room's vCard.
    fn card(&self, room: &BareJid, iq: Iq) -> Stanza {
        let kept = vcard::get(&self.store, room.as_str()).ok().flatten();
        let card = kept.and_then(|xml| parse::standalone(std::str::from_utf8(&xml).ok()?).ok());
        match card {
            Some(card) => iq.result(Some(card)).into(),
            // XEP-0054 §3.1.
            None => Stanza::Iq(iq).error_reply(&Condition::ItemNotFound.into()),
        }
    }

    fn command(&self, router: &Arc<Router>, room: &BareJid, act: Act, iq: Iq) {
        let Ok(permit) = self.searches.clone().try_acquire_owned() else {
            let error = StanzaError::new(Condition::ResourceConstraint, "Too much at once: try again.");
            return self.route_apart(Stanza::Iq(iq).error_reply(&error));
        };
        let (router, answer) = (router.clone(), self.relays.command(room, act, iq));
        tokio::spawn(async move {
            router.route(Origin::Server, answer.await).await;
            drop(permit);
        });
    }

    fn search(&self, router: &Arc<Router>, room: &BareJid, iq: Iq) {
        let Ok(permit) = self.searches.clone().try_acquire_owned() else {
            let error =
                StanzaError::new(Condition::ResourceConstraint, "Too many searches at once: try again.");
            return self.route_apart(Stanza::Iq(iq).error_reply(&error));
        };
        let (router, room, archive) = (router.clone(), room.clone(), Archive::new(&self.store));
        tokio::spawn(async move {
            search::answer(&router, &archive, &room, &iq).await;
            drop(permit);
        });
    }
}

/// A stanza as it is archived.
fn read(entry: &Entry) -> Option<Stanza> {
    let stanza = entry.stanza();
    let element = parse::standalone(std::str::from_utf8(&stanza).ok()?).ok()?;
    Stanza::read(element).ok()
}

/// Takes a stanza that is serialised already to another server.
pub async fn route_text(router: &Arc<Router>, text: &str) {
    if let Some(stanza) = parsed(text) {
        router.route(Origin::Server, stanza).await;
    }
}

/// A stanza that is serialised already.
pub fn parsed(text: &str) -> Option<Stanza> {
    let scope = StreamScope { content: ns::CLIENT, prefixes: Vec::new() };
    let element = parse::element(&text.to_owned().into(), &scope, &Limits::SERVER).ok()?;
    Stanza::read(element).ok()
}
