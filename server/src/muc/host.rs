//! XEP-0045 §6: one domain of rooms. Finds or opens the room a stanza is for, and answers for the domain itself.

use std::sync::{Arc, Weak};
use std::time::{Duration, SystemTime};

use rialto_store::rooms::Rooms;
use rialto_store::server::{Purpose, secret};
use rialto_store::{Batch, StoreError};
use rialto_xmpp::{BareJid, Condition, IqKind, Jid, PresenceKind, Stanza, StanzaError, ns};
use tokio::sync::Notify;

use super::actor::{Actor, Mailbox};
use super::channel_search::Rate;
use super::kept_away;
use super::perform::{Relays, Works};
use super::policy::{Opening, RoomPolicy};
use super::record::Record;
use super::room::{Input, Room, State};
use super::rules::{Limits, Rules};
use crate::features::pubsub::Spaces;
use crate::features::{Fut, Hosted, Origin};
use crate::router::{Delivery, Domain, Router, Service, undelivered};

/// Rooms that one person may own, unless he runs the service.
const OWNED: usize = 200;
/// Rooms that are prepared at the same time.
const PREPARING: usize = 32;
/// Records read at once on starting.
const PAGE: usize = 256;

/// One domain of rooms.
pub struct MucHost {
    pub(super) domain: Jid,
    pub(super) name: String,
    pub(super) works: Arc<Works>,
    pub(super) policy: Arc<dyn RoomPolicy>,
    pub(super) tells_version: bool,
    pub(super) router: Weak<Router>,
    pub(super) search_rate: Rate,
    rules: Arc<Rules>,
    /// Rooms that something must be done for before they can be opened, at the same time.
    preparing: Arc<tokio::sync::Semaphore>,
    /// One room is opened after another, so that none is opened twice.
    opening: tokio::sync::Mutex<()>,
}

/// What is needed to open a host.
pub struct Hosting {
    /// Its domain.
    pub domain: Jid,
    /// For a person, in lists of services.
    pub name: String,
    /// Owners of every room.
    pub admins: Vec<BareJid>,
    /// How much of anything.
    pub limits: Limits,
    /// How long what is said is kept; `None` for ever.
    pub retention: Option<Duration>,
    /// XEP-0503: the spaces of this server.
    pub spaces: Spaces,
    /// Tells which software it is (XEP-0092).
    pub tells_version: bool,
    /// Who may open a room.
    pub policy: Arc<dyn RoomPolicy>,
    /// Where words for far rooms go.
    pub relays: Arc<dyn Relays>,
}

/// A room in the list of rooms.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Listed {
    /// For a person; may be empty.
    pub name: String,
    /// For a person; may be empty.
    pub description: String,
    /// Language tag; may be empty.
    pub lang: String,
    /// Anybody may enter.
    pub open: bool,
    /// Real JIDs are not seen by everybody.
    pub anonymous: bool,
    /// Whether it is told to whoever asks for the list.
    pub public: bool,
    /// Whether it stays when everybody has left.
    pub persistent: bool,
    /// How many are in it.
    pub occupants: usize,
    /// Its owners.
    pub owners: Vec<String>,
}

impl MucHost {
    /// Opens a domain of rooms: from now on the router takes it there.
    ///
    /// # Errors
    /// [`StoreError`] when the rooms cannot be read.
    pub async fn open(router: &Arc<Router>, hosting: Hosting) -> Result<Arc<MucHost>, StoreError> {
        let secret = secret(&router.store, Purpose::OccupantIds).await?;
        let owners_link = hosting.relays.owners_link();
        let works = Arc::new(Works::new(router, hosting.relays));
        let rules = Arc::new(Rules {
            owners_link,
            admins: hosting.admins,
            limits: hosting.limits,
            retention: hosting.retention,
            guards: router.guards.clone(),
            spaces: hosting.spaces,
            secret,
        });
        let host = MucHost {
            domain: hosting.domain,
            name: hosting.name,
            works,
            policy: hosting.policy,
            tells_version: hosting.tells_version,
            router: Arc::downgrade(router),
            search_rate: Rate::default(),
            rules,
            preparing: Arc::new(tokio::sync::Semaphore::new(PREPARING)),
            opening: tokio::sync::Mutex::default(),
        };
        host.read_listing().await?;
        let host = Arc::new(host);
        kept_away::follow(&host, &router.guards);
        router.domains.serve(host.domain.as_str(), Domain::Service(host.clone()));
        router.features.catalogue.host(Hosted { jid: host.domain.clone(), name: host.name.clone() });
        Ok(host)
    }

    /// The room of this address, if it is in memory, or brought there now because it is kept.
    ///
    /// # Errors
    /// [`StoreError`] when it cannot be read.
    pub async fn room(&self, jid: &BareJid) -> Result<Option<Mailbox>, StoreError> {
        if let Some(mailbox) = self.in_memory(jid) {
            return Ok(Some(mailbox));
        }
        if !self.works.listing.lock().contains_key(jid) {
            return Ok(None);
        }
        let _one = self.opening.lock().await;
        if let Some(mailbox) = self.in_memory(jid) {
            return Ok(Some(mailbox));
        }
        let Some(record) = self.works.rooms.get(jid.as_str())? else { return Ok(None) };
        Ok(Some(self.start(Room::new(jid.clone(), self.rules.clone(), record, State::Open))))
    }

    /// Opens a room as it is said, unless it is there already.
    ///
    /// # Errors
    /// [`StoreError`] when it cannot be read or what an earlier room of that name left cannot be removed.
    pub async fn open_room(&self, jid: &BareJid, opening: Opening) -> Result<Mailbox, StoreError> {
        if let Some(mailbox) = self.room(jid).await? {
            return Ok(mailbox);
        }
        let _one = self.opening.lock().await;
        if let Some(mailbox) = self.in_memory(jid) {
            return Ok(mailbox);
        }
        // A room that did not persist may have left an archive when the server was killed: it is nobody's to read.
        let mut batch = Batch::new();
        self.works.rooms.remove(&mut batch, jid.as_str());
        if opening.state == State::Open {
            self.works.rooms.put(&mut batch, jid.as_str(), &opening.record)?;
        }
        self.works.store.commit(batch).await?;
        self.works.gone.lock().forget(jid);
        let mut room = Room::new(jid.clone(), self.rules.clone(), opening.record, opening.state);
        room.links = opening.links.into();
        Ok(self.start(room))
    }

    /// An account is removed: rooms to which it was something, or in which it sits, are told.
    async fn forget_account(&self, jid: &BareJid) {
        let rooms: Vec<BareJid> = self.works.listing.lock().keys().cloned().collect();
        for room in rooms {
            let known = || {
                let record = self.works.rooms.get(room.as_str()).ok().flatten();
                record.is_some_and(|record| {
                    record.standings.contains_key(jid.as_str()) || record.hats.has(jid.as_str())
                })
            };
            if self.in_memory(&room).is_none() && !known() {
                continue;
            }
            if let Ok(Some(mailbox)) = self.room(&room).await {
                // It may leave memory just now.
                if mailbox.send(Input::Forget(jid.clone())).await.is_err()
                    && let Ok(Some(mailbox)) = self.room(&room).await
                {
                    let _ = mailbox.send(Input::Forget(jid.clone())).await;
                }
            }
        }
    }

    fn in_memory(&self, jid: &BareJid) -> Option<Mailbox> {
        self.works.mailboxes.lock().get(jid).cloned()
    }

    fn start(&self, mut room: Room) -> Mailbox {
        let jid = room.jid.clone();
        self.works.recall(&mut room);
        let mailbox = Actor::start(room, self.works.clone());
        self.works.mailboxes.lock().insert(jid, mailbox.clone());
        self.policy.opened(&mailbox);
        mailbox
    }

    /// What is in the store of this domain. A room that was not to persist and is there all the same was in memory
    /// when the server was killed.
    async fn read_listing(&self) -> Result<(), StoreError> {
        let mut after: Option<String> = None;
        let mut stale = Batch::new();
        let rooms: &Rooms<Record> = &self.works.rooms;
        loop {
            let page = rooms.list(after.as_deref(), PAGE)?;
            let Some((last, _)) = page.last() else { break };
            after = Some(last.clone());
            for (jid, record) in page {
                let Ok(jid) = BareJid::parse(&jid) else { continue };
                if jid.domainpart() != self.domain.as_str() {
                    continue;
                }
                let over = record.gone.as_ref().is_some_and(|gone| gone.is_over(SystemTime::now()));
                if !record.config.persistent || over {
                    rooms.remove(&mut stale, jid.as_str());
                    continue;
                }
                if let Some(farewell) = record.gone {
                    self.works.gone.lock().remember(jid, farewell);
                    continue;
                }
                let listed = Listed::of(&record, record.config.public);
                self.works.listing.lock().insert(jid, listed);
            }
        }
        self.works.store.commit(stale).await
    }

    /// A stanza for a room. One that is not there may be opened by entering it.
    async fn to_room(&self, jid: BareJid, stanza: Stanza) -> Delivery {
        let mut input = Input::Stanza(stanza);
        // A room may leave memory just now; then it is looked for again.
        loop {
            let mailbox = match self.room(&jid).await {
                Ok(Some(mailbox)) => mailbox,
                Ok(None) => {
                    let Input::Stanza(stanza) = input else { return Ok(()) };
                    match self.not_there(&jid, stanza).await {
                        Ok((mailbox, stanza)) => {
                            input = Input::Stanza(stanza);
                            mailbox
                        }
                        Err(delivery) => return delivery,
                    }
                }
                Err(_) => return failed(input, Condition::InternalServerError),
            };
            // Nobody waits for the place of an error or an answer: it might be the room itself that sends it.
            let asks = match &input {
                Input::Stanza(Stanza::Presence(presence)) => presence.kind != PresenceKind::Error,
                Input::Stanza(stanza) => stanza.may_bounce(),
                _ => true,
            };
            if !asks {
                mailbox.try_send(input);
                return Ok(());
            }
            match mailbox.send(input).await {
                Ok(()) => return Ok(()),
                Err(refused) => input = refused,
            }
        }
    }

    /// §7.2.11, §10.1: a room that is not there. Entering opens it, if the policy lets it.
    async fn not_there(&self, jid: &BareJid, stanza: Stanza) -> Result<(Mailbox, Stanza), Delivery> {
        let Some(from) = stanza.sender().cloned() else { return Err(Ok(())) };
        let stanza = match self.policy.take(jid, stanza).await {
            Ok(delivery) => return Err(delivery),
            Err(stanza) => stanza,
        };
        let gone = self.works.gone.lock().error(jid, &from, SystemTime::now());
        if let Some(error) = gone.filter(|_| !self.rules.is_admin(&from)) {
            return Err(undelivered(stanza, error));
        }
        let enters = match &stanza {
            Stanza::Presence(presence) if presence.kind == PresenceKind::Available => {
                stanza.to().is_some_and(|to| !to.is_bare()) && presence.payload("x", ns::MUC).is_some()
            }
            Stanza::Presence(_) => return Err(Ok(())),
            Stanza::Iq(iq) if iq.kind == IqKind::Get && stanza.payload("query", ns::DISCO_INFO).is_some() => {
                return Err(self.foreseen(jid, &from, stanza).await);
            }
            _ => false,
        };
        if !enters {
            let refused = match &stanza {
                Stanza::Message(_) => self.policy.refuses(jid).await,
                _ => None,
            };
            let error = refused.unwrap_or_else(|| self.nothing_there(&stanza));
            return Err(undelivered(stanza, error));
        }
        if !self.policy.ready(jid) {
            self.prepare(jid, stanza);
            return Err(Ok(()));
        }
        let opened = match self.may_own_more(&from) {
            Ok(()) => self.policy.open(jid, &from).await,
            Err(error) => Err(error),
        };
        match opened {
            Ok(opening) => match self.open_room(jid, opening).await {
                Ok(mailbox) => Ok((mailbox, stanza)),
                Err(_) => Err(undelivered(stanza, Condition::InternalServerError)),
            },
            Err(error) => Err(undelivered(stanza, error)),
        }
    }

    /// The room can be opened when something else is done: then the stanza comes again. Its sender's stream goes on.
    fn prepare(&self, jid: &BareJid, stanza: Stanza) {
        let (policy, works, jid) = (self.policy.clone(), self.works.clone(), jid.clone());
        let Ok(permit) = self.preparing.clone().try_acquire_owned() else {
            let says = "Too many rooms are being opened at the moment: try again.";
            let error = StanzaError::new(Condition::ResourceConstraint, says);
            return works.route_apart(stanza.error_reply(&error));
        };
        tokio::spawn(async move {
            let password = stanza.payload("x", ns::MUC).and_then(|x| x.child_text("password", ns::MUC));
            let prepared = policy.prepare(&jid, password.as_deref()).await;
            drop(permit);
            match prepared {
                Ok(()) => works.route_apart(stanza),
                Err(error) => works.route_apart(stanza.error_reply(&error)),
            }
        });
    }

    /// A room that would be, were it entered, is described as it would be.
    async fn foreseen(&self, jid: &BareJid, from: &Jid, stanza: Stanza) -> Delivery {
        let Some(opening) = self.policy.foresee(jid, from).await else {
            return undelivered(stanza, Condition::ItemNotFound);
        };
        let room = Room::new(jid.clone(), self.rules.clone(), opening.record, State::Open);
        if let Stanza::Iq(iq) = &stanza {
            self.works.route_apart(iq.result(Some(room.information(SystemTime::now()))).into());
        }
        Ok(())
    }

    /// XEP-0410 §3: who asks for himself in a room that is gone must enter it anew; all else is not found.
    fn nothing_there(&self, stanza: &Stanza) -> StanzaError {
        let to_occupant = stanza.to().is_some_and(|to| !to.is_bare());
        match stanza {
            Stanza::Iq(_) if to_occupant => Condition::NotAcceptable.into(),
            // §7.2.1: nobody enters without a nick.
            Stanza::Presence(_) if !to_occupant => Condition::JidMalformed.into(),
            Stanza::Presence(_) => Condition::NotAcceptable.into(),
            _ => StanzaError::new(Condition::ItemNotFound, "There is no such room."),
        }
    }

    fn may_own_more(&self, from: &Jid) -> Result<(), StanzaError> {
        if self.rules.is_admin(from) {
            return Ok(());
        }
        let listing = self.works.listing.lock();
        let owns = |listed: &&Listed| listed.owners.iter().any(|owner| owner == from.bare_str());
        match listing.values().filter(owns).count() < OWNED {
            true => Ok(()),
            false => {
                Err(StanzaError::new(Condition::ResourceConstraint, "You own as many rooms as one may."))
            }
        }
    }
}

impl Listed {
    /// As the record says.
    pub fn of(record: &Record, public: bool) -> Listed {
        let config = &record.config;
        Listed {
            name: config.name.clone(),
            description: config.description.clone(),
            lang: config.lang.clone(),
            open: !config.members_only && config.password.is_none(),
            anonymous: !config.whois_anyone,
            public,
            persistent: record.config.persistent,
            occupants: 0,
            owners: record
                .of(super::affiliation::Affiliation::Owner)
                .map(|(jid, _)| jid.to_owned())
                .collect(),
        }
    }

    /// Whether nothing but the number of occupants can differ.
    pub fn is_of(&self, room: &Room) -> bool {
        let config = &room.record.config;
        let public = room.state == State::Open && config.public;
        let owners = room.record.of(super::affiliation::Affiliation::Owner).map(|(jid, _)| jid);
        let open = !config.members_only && config.password.is_none();
        self.name == config.name
            && self.description == config.description
            && self.lang == config.lang
            && (self.open, self.anonymous) == (open, !config.whois_anyone)
            && self.public == public
            && self.persistent == config.persistent
            && owners.eq(self.owners.iter().map(String::as_str))
    }
}

impl Service for MucHost {
    fn deliver(&self, stanza: Stanza) -> Fut<'_, Delivery> {
        Box::pin(async move {
            let Some(to) = stanza.to() else { return Ok(()) };
            match to.localpart() {
                Some(_) => {
                    let room = to.bare();
                    self.to_room(room, stanza).await
                }
                None => self.to_service(stanza).await,
            }
        })
    }

    fn settle<'a>(&'a self, to: &'a Jid) -> Fut<'a, ()> {
        Box::pin(async {
            let Some(mailbox) = self.in_memory(&to.bare()) else { return };
            let kept = Arc::new(Notify::new());
            if mailbox.send(Input::Settle(kept.clone())).await.is_ok() {
                tokio::select! {
                    () = kept.notified() => {}
                    () = mailbox.done() => {}
                }
            }
        })
    }

    fn forget<'a>(&'a self, jid: &'a BareJid) -> Fut<'a, ()> {
        Box::pin(self.forget_account(jid))
    }

    fn close(&self) -> Fut<'_, ()> {
        Box::pin(async {
            let mailboxes: Vec<Mailbox> = self.works.mailboxes.lock().values().cloned().collect();
            for mailbox in mailboxes {
                // A room that has left memory has told everybody.
                let _ = mailbox.send(Input::Shutdown).await;
                mailbox.done().await;
            }
        })
    }
}

fn failed(input: Input, condition: Condition) -> Delivery {
    match input {
        Input::Stanza(stanza) => undelivered(stanza, condition),
        _ => Ok(()),
    }
}

/// From a room or the domain itself, into the router.
pub(super) async fn reply(router: &Weak<Router>, stanza: Stanza) {
    if let Some(router) = router.upgrade() {
        router.route(Origin::Server, stanza).await;
    }
}
