//! XEP-0313 §4: the answer to a search in a room's archive.

use std::sync::Arc;

use rialto_store::archive::Archive;
use rialto_xmpp::{BareJid, Iq, Stanza};

use super::perform::route_text;
use crate::features::Origin;
use crate::features::archive::Reader;
use crate::router::Router;

/// Results when the asker names no number, and the most that he may name.
const PAGE: (usize, usize) = (100, 250);

/// Finds it and sends it: results first, then the answer (§4.2).
pub async fn answer(router: &Arc<Router>, archive: &Archive, room: &BareJid, iq: &Iq) {
    let reader = Reader { archive, owner: room.as_str(), page: PAGE };
    let answer = match reader.answer(iq).await {
        Ok((results, payload)) => {
            let asker = iq.head.from.as_ref();
            for result in results {
                match asker {
                    Some(asker) if router.is_local(asker.domainpart()) => {
                        // Who is gone meanwhile needs no answer.
                        if !router.deliver_frame(asker, result) {
                            return;
                        }
                    }
                    _ => route_text(router, &String::from_utf8_lossy(&result.to_bytes())).await,
                }
            }
            iq.result(Some(payload)).into()
        }
        Err(error) => Stanza::Iq(iq.clone()).error_reply(&error),
    };
    router.route(Origin::Server, answer).await;
}
