//! RFC 6120 §4.4, XEP-0198 §5: a session from its first connection to its end.

use std::future::poll_fn;
use std::sync::Arc;

use rialto_xmpp::limits::Limits;
use rialto_xmpp::parse::{self, StreamScope};
use rialto_xmpp::{Stanza, ns};
use tokio::time::timeout;

use super::bind::Bound;
use super::client::Client;
use super::connection::{Connection, Cut};
use super::management::Management;
use super::negotiate::Secured;
use super::resume::{Claim, Entry};
use super::{C2s, Peer};
use crate::features::push;
use crate::sessions::{Account, Attention, Frame, Session, Taken};

/// Of what a client did not get, as much is looked at for whether it is worth waking its device.
const MISSED: usize = 100;

/// A session about to live on a connection.
pub struct Lifetime {
    client: Client,
}

impl Lifetime {
    /// A session that was bound now.
    pub fn begin(c2s: &Arc<C2s>, bound: Bound) -> Lifetime {
        let Bound { session, account, management } = bound;
        let writer = session.outbox.writer();
        Lifetime { client: Client::new(c2s, &session, &account, management, writer) }
    }

    /// A session that goes on.
    pub fn resumed(c2s: &Arc<C2s>, claim: Claim) -> Lifetime {
        let (session, account) = (claim.entry.session.clone(), claim.entry.account.clone());
        let management = Management::resumed(claim.counted, Some(claim.entry));
        Lifetime { client: Client::new(c2s, &session, &account, Some(management), claim.writer) }
    }

    /// Lives until the session is over, or another connection goes on with it. `first` is what the client is told
    /// before anything of the session.
    pub async fn live(self, c2s: Arc<C2s>, peer: Peer, talk: Secured, first: Vec<u8>) {
        let lingering = c2s.gate.linger();
        let mut connection = Box::new(Connection::new(talk, self.client, first));
        let cut = poll_fn(|task| connection.poll(task)).await;
        let Client { session, account, management, .. } = connection.into_client();
        let number = peer.number;
        drop(peer);
        tracing::debug!(conn = number, session = session.number, jid = %session.jid, ?cut, "connection ended");
        if let Some(entry) = left_behind(&c2s, &session, management, cut)
            && !Box::pin(sleep(&c2s, &entry)).await
        {
            return;
        }
        // Boxed: what a session needs at its end should take no room while it lives.
        Box::pin(forget(&c2s, &account, &session)).await;
        drop(lingering);
    }
}

/// The session that its client may come back to, if it may.
fn left_behind(c2s: &C2s, session: &Session, management: Option<Management>, cut: Cut) -> Option<Arc<Entry>> {
    let management = management?;
    let resumable = matches!(cut, Cut::Lost | Cut::Superseded) && session.outbox.ended().is_none();
    match &management.entry {
        Some(entry) if resumable => {
            session.set_attention(Attention::Asleep);
            entry.asleep(management.counted);
            Some(entry.clone())
        }
        _ => {
            management.ended(&c2s.waiting);
            None
        }
    }
}

/// Waits for a client to come back; says whether none will.
async fn sleep(c2s: &C2s, entry: &Entry) -> bool {
    let outbox = &entry.session.outbox;
    let writer = outbox.writer();
    let (mut patience, pushed) = (entry.hibernation, entry.session.extensions.has::<push::Device>());
    if pushed {
        // XEP-0357: a device that is woken when there is something comes back later than one that is not.
        patience = patience.max(c2s.settings().pushed_hibernation);
        let mut missed: Vec<Stanza> =
            outbox.not_got().iter().rev().take(MISSED).filter_map(stanza_of).collect();
        missed.reverse();
        c2s.router.fell_asleep(&entry.account, &entry.session, missed).await;
    }
    // A resumption makes another writer, an end of the session ends the waiting.
    match timeout(patience, outbox.left(writer)).await {
        Ok(Taken::Superseded) => false,
        Ok(_) | Err(_) => entry.expire(&c2s.waiting),
    }
}

/// A session is over: everybody is told, and what its client did not get goes elsewhere. Done once, whoever calls.
pub async fn forget(c2s: &C2s, account: &Arc<Account>, session: &Arc<Session>) {
    c2s.router.unbind(account, session).await;
    let stanzas: Vec<Stanza> = session.outbox.drain().iter().filter_map(stanza_of).collect();
    if stanzas.is_empty() {
        return;
    }
    let ticket = c2s.router.return_unacked(account, stanzas).await;
    if let Err(error) = c2s.router.store.settled(ticket).await {
        tracing::error!(session = session.number, %error, "what a client did not get could not be kept");
    }
}

/// The stanza that a frame was made of.
fn stanza_of(frame: &Frame) -> Option<Stanza> {
    if !frame.is_stanza() {
        return None;
    }
    let scope = StreamScope { content: ns::CLIENT, prefixes: Vec::new() };
    let limits = Limits { bytes: usize::MAX, ..Limits::SERVER };
    Stanza::read(parse::element(&frame.to_bytes(), &scope, &limits).ok()?).ok()
}
