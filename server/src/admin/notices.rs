//! XEP-0133 §4.23–§4.28: what an operator says to everybody.

use super::community::{Notice, Which};
use super::protocol::{Answer, Refusal, Why};
use super::users::failed;
use crate::features::notices::OfTheDay;
use crate::router::Router;
use crate::sessions::Frame;
use rialto_store::Batch;
use rialto_store::notices::{self, Kind, Notice as Kept};
use rialto_xmpp::{Element, Jid, Message, MessageKind, Stanza, ns};

/// Bytes of a notice.
const LONGEST: usize = 16 << 10;

/// Carries out a command about notices.
pub(super) async fn carry_out(router: &Router, day: &OfTheDay, command: Notice) -> Result<Answer, Refusal> {
    match command {
        Notice::Announce { text } => {
            let heard = announce(router, &sound(&text)?);
            Ok(Answer::remark(format!("{heard} sessions have it.")))
        }
        Notice::Show { which: Which::Motd } => Ok(Answer::Notice(day.text())),
        Notice::Show { which: Which::Welcome } => {
            let notice = notices::get(&router.store, Kind::Welcome).map_err(|why| failed(&why))?;
            Ok(Answer::Notice(notice.map(|notice| notice.text)))
        }
        Notice::Set { which, text } => {
            let text = text.as_deref().map(sound).transpose()?;
            match which {
                Which::Motd => day.set(text).await,
                Which::Welcome => welcome(router, text).await,
            }
            .map_err(|why| failed(&why))?;
            Ok(Answer::OK)
        }
    }
}

/// §4.23: to every session that is available, by the server it is on.
fn announce(router: &Router, text: &str) -> usize {
    let body = Element::new("body", ns::CLIENT).with_text(text);
    let sessions = router.accounts.all_sessions();
    let available = sessions.iter().filter(|session| session.is_available());
    let sent = available.filter(|session| {
        let Ok(from) = Jid::parse(session.jid.domainpart()) else { return false };
        let message = Message::new(MessageKind::Normal, &from, &session.jid).with(body.clone());
        session.send(Frame::stanza(&Stanza::Message(message))).is_ok()
    });
    sent.count()
}

async fn welcome(router: &Router, text: Option<String>) -> Result<(), rialto_store::StoreError> {
    let notice = text.map(|text| Kept { id: router.store.stamp(), text });
    let mut batch = Batch::new();
    notices::put(&mut batch, Kind::Welcome, notice.as_ref())?;
    router.store.commit(batch).await
}

/// A text that can be sent.
fn sound(text: &str) -> Result<String, Refusal> {
    let text = text.trim();
    let refuse = |text: String| Err(Refusal::new(Why::BadRequest, text));
    if text.is_empty() {
        return refuse("there is nothing to say".to_owned());
    }
    if text.len() > LONGEST {
        return refuse(format!("that is longer than {LONGEST} bytes"));
    }
    // Control characters cannot stand in XML.
    Ok(text.chars().filter(|c| !c.is_control() || *c == '\n' || *c == '\t').collect())
}
