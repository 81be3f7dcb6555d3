//! XEP-0313 §4: the answer to a search in a room's archive.

use std::sync::Arc;

use rialto_store::archive::Archive;
use rialto_xmpp::{BareJid, Iq, Stanza};

use crate::features::Origin;
use crate::features::archive::Reader;
use crate::router::Router;

/// Results when the asker names no number, and the most that he may name.
const PAGE: (usize, usize) = (50, 250);

/// Finds it and sends it: results first, then the answer.
pub async fn answer(router: &Arc<Router>, archive: &Archive, room: &BareJid, iq: &Iq) {
    let reader = Reader { archive, owner: room.as_str(), page: PAGE };
    let reply = match reader.answer(iq).await {
        Ok((results, answer)) => {
            let Some(asker) = &iq.head.from else { return };
            if !results.into_iter().all(|result| router.deliver_frame(asker, result)) {
                return;
            }
            iq.result(Some(answer)).into()
        }
        Err(error) => Stanza::Iq(iq.clone()).error_reply(&error),
    };
    router.route(Origin::Server, reply).await;
}
