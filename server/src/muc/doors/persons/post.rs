//! What comes in: private words of people there, from their addresses to whoever of ours they are for.

use std::sync::{Arc, Weak};
use std::time::{Duration, SystemTime};

use rialto_bridges::{Act, Author, Incoming, Message as Said, RemoteId};
use rialto_xmpp::parts::delay::delay;
use rialto_xmpp::{BareJid, Element, Message, MessageKind, ns};
use tokio::sync::mpsc;

use super::{Inner, Persons};
use crate::muc::links::{Connected, translate};
use crate::random;

/// What is so old bears its time.
const OLD: Duration = Duration::from_secs(30);

/// Brings private words, as long as the server and the network live.
pub(super) async fn bring(persons: Weak<Inner>, over: Arc<Connected>, mut words: mpsc::Receiver<Incoming>) {
    while let Some(news) = words.recv().await {
        let Some(inner) = persons.upgrade() else { return };
        if let Incoming::Whispered { from, to, at, message } = news {
            Persons(inner).arrived(&over, (&from, &to), at, message).await;
        }
    }
}

impl Persons {
    async fn arrived(
        &self,
        over: &Connected,
        (from, to): (&Author, &str),
        at: SystemTime,
        said: Said<RemoteId>,
    ) {
        let (Some(address), Ok(to)) = (self.address(over, &from.id), BareJid::parse(to)) else {
            return tracing::debug!(network = %over.name, "private words of somebody who can have no address");
        };
        let act = Act::Say(said.renamed(|_: &RemoteId| None::<String>));
        for payloads in translate::payloads(&act) {
            let mut message = Message::new(MessageKind::Chat, &address, to.as_jid());
            message.head.id = Some(random::token().as_str().into());
            message.payloads = payloads;
            message.payloads.push(Element::new("nick", ns::NICK).with_text(&*from.nick));
            if at.elapsed().is_ok_and(|age| age > OLD) {
                message.payloads.push(delay(address.domainpart(), at));
            }
            self.route(message.into()).await;
        }
    }
}
