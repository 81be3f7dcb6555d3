//! XEP-0045 §17.4, XEP-0410: IQs to an occupant. To oneself it is the room that answers; to another one it passes,
//! and neither learns the other's real JID.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use rialto_xmpp::{Condition, Element, Iq, IqKind, Jid, StanzaError, ns};

use super::effect::Turn;
use super::occupant::Occupant;
use super::room::Room;

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(60);
/// Questions that wait in one room; more are refused with `resource-constraint`.
const MOST: usize = 256;

/// Questions that wait for an answer, by the id under which the room passed them on.
#[derive(Clone, Debug, Default)]
pub struct Questions {
    waiting: HashMap<String, Question>,
    next: u64,
}

#[derive(Clone, Debug)]
struct Question {
    /// Real JID of the asker.
    asker: Jid,
    /// The asker's id for it.
    id: String,
    /// Whom the asker asked.
    occupant: Jid,
    /// Who answers.
    asked: Jid,
    since: SystemTime,
}

impl Room {
    /// An IQ to an occupant JID.
    pub(super) fn between(&mut self, turn: &mut Turn<'_>, from: &Jid, nick: &str, iq: &Iq) {
        if matches!(iq.kind, IqKind::Result | IqKind::Error) {
            return self.pass_answer(turn, from, iq);
        }
        let disco = iq
            .payload()
            .is_some_and(|payload| matches!(payload.ns().as_str(), ns::DISCO_INFO | ns::DISCO_ITEMS));
        if disco && self.occupant(from).is_none() {
            // §6.6.
            return turn.answer(iq, Err(Condition::BadRequest.into()));
        }
        let asked = match self.may_ask(from, nick) {
            Ok(asked) => asked,
            Err(error) => return turn.answer(iq, Err(error)),
        };
        let payload = iq.payload();
        // XEP-0410 §3: a ping to one's own nick asks whether one is still here.
        if asked.sits(from) && payload.is_some_and(|payload| payload.is("ping", ns::PING)) {
            return turn.answer(iq, Ok(None));
        }
        if let Err(error) = self.pass_question(turn, from, &asked, iq) {
            turn.answer(iq, Err(error));
        }
    }

    /// §6.6, §17.4: only occupants ask, and only those who are there.
    fn may_ask(&self, from: &Jid, nick: &str) -> Result<Arc<Occupant>, StanzaError> {
        if self.occupant(from).is_none() {
            return Err(Condition::NotAcceptable.into());
        }
        self.occupants.of_nick(nick).cloned().ok_or_else(|| Condition::ItemNotFound.into())
    }

    fn pass_question(
        &mut self,
        turn: &mut Turn<'_>,
        from: &Jid,
        asked: &Occupant,
        iq: &Iq,
    ) -> Result<(), StanzaError> {
        let Some(asker) = self.occupant(from).cloned() else { return Err(Condition::NotAcceptable.into()) };
        if asked.chairs().is_empty() {
            return Err(Condition::ServiceUnavailable.into());
        }
        let of_the_account = iq.payload().is_some_and(answered_by_account);
        if of_the_account && iq.kind == IqKind::Set {
            // An occupant reads what another one shows of himself, and changes nothing of it.
            return Err(Condition::NotAllowed.into());
        }
        let to = if of_the_account { asked.bare().into_jid() } else { asked.real.clone() };
        let questions = Arc::make_mut(&mut self.questions);
        let id = questions.remember(Question {
            asker: from.clone(),
            id: iq.head.id.as_ref().map(ToString::to_string).unwrap_or_default(),
            occupant: asked.jid.clone(),
            asked: to.clone(),
            since: turn.now.at,
        })?;
        let mut passed = iq.clone();
        (passed.head.from, passed.head.to, passed.head.id) =
            (Some(asker.jid.clone()), Some(to), Some(id.into()));
        turn.send(passed);
        Ok(())
    }

    fn pass_answer(&mut self, turn: &mut Turn<'_>, from: &Jid, iq: &Iq) {
        let id = iq.head.id.as_deref().unwrap_or_default();
        // An id that nobody was given, or an answer from another one than was asked, is nothing.
        if self.questions.waiting.get(id).is_none_or(|question| question.asked != *from) {
            return;
        }
        let Some(question) = Arc::make_mut(&mut self.questions).waiting.remove(id) else { return };
        let mut passed = iq.clone();
        if !self.record.config.whois_anyone {
            passed.payloads.iter_mut().for_each(hide_addresses);
        }
        passed.head.from = Some(question.occupant);
        passed.head.to = Some(question.asker);
        passed.head.id = Some(question.id.into());
        turn.send(passed);
    }
}

impl Questions {
    fn remember(&mut self, question: Question) -> Result<String, StanzaError> {
        if self.waiting.len() >= MOST {
            let now = question.since;
            let waits = |one: &Question| now.duration_since(one.since).is_ok_and(|for_| for_ < PATIENCE);
            self.waiting.retain(|_, one| waits(one));
        }
        if self.waiting.len() >= MOST {
            return Err(Condition::ResourceConstraint.into());
        }
        self.next += 1;
        let id = format!("room-{}", self.next);
        self.waiting.insert(id.clone(), question);
        Ok(id)
    }
}

/// What the account answers for its owner, not one of his clients.
fn answered_by_account(payload: &Element) -> bool {
    matches!(payload.ns().as_str(), ns::VCARD | ns::PUBSUB)
}

/// XEP-0060 §7.1.2.1, RFC 6120 §8.3.2: an account's answer may say who it is, where nobody shall see it.
fn hide_addresses(payload: &mut Element) {
    match payload.ns().as_str() {
        ns::PUBSUB => {
            let items = payload.children_mut().filter(|child| child.name() == "items");
            for item in items.flat_map(Element::children_mut) {
                item.unset("publisher");
            }
        }
        ns::CLIENT => payload.unset("by"),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::muc::tests::stage::{Stage, full};

    #[test]
    fn a_ping_to_oneself_is_answered_by_the_room_and_refused_to_strangers() {
        let mut stage = Stage::with(&["romeo"]);
        let ping = "<iq type='get' id='p' to='lounge@rooms.lit/romeo'><ping xmlns='urn:xmpp:ping'/></iq>";
        stage.says("romeo", ping);
        assert!(stage.hears("romeo")[0].contains("type='result'"));
        stage.says("paris", ping);
        assert!(stage.hears("paris")[0].contains("<not-acceptable"));
        let disco =
            ping.replace("ping xmlns='urn:xmpp:ping'", "query xmlns='http://jabber.org/protocol/disco#info'");
        stage.says("paris", &disco);
        assert!(stage.hears("paris")[0].contains("<bad-request"));
    }

    #[test]
    fn a_question_and_its_answer_pass_without_real_addresses() {
        let mut stage = Stage::with(&["romeo", "juliet"]);
        stage.says(
            "romeo",
            "<iq type='get' id='v' to='lounge@rooms.lit/juliet'><query xmlns='jabber:iq:version'/></iq>",
        );
        let asked = stage.hears("juliet");
        assert!(asked[0].contains("from='lounge@rooms.lit/romeo'") && !asked[0].contains("montague.lit'"));
        let id = asked[0].split("id='").nth(1).unwrap().split('\'').next().unwrap().to_owned();
        let answer = format!(
            "<iq type='result' id='{id}' to='lounge@rooms.lit/romeo'><query xmlns='jabber:iq:version'><name>x</name></query></iq>"
        );
        stage.says("paris", &answer);
        assert!(stage.hears("romeo").is_empty());
        stage.says("juliet", &answer);
        let answered = stage.hears("romeo");
        assert!(answered[0].contains("from='lounge@rooms.lit/juliet'") && answered[0].contains("id='v'"));
        stage.says("juliet", &answer);
        assert!(stage.hears("romeo").is_empty());
    }

    #[test]
    fn a_vcard_is_asked_of_the_account() {
        let mut stage = Stage::with(&["romeo", "juliet"]);
        stage.says(
            "romeo",
            "<iq type='get' id='v' to='lounge@rooms.lit/juliet'><vCard xmlns='vcard-temp'/></iq>",
        );
        assert_eq!(stage.hears_at(&full("juliet").bare().into_jid()).len(), 1);
    }

    #[test]
    fn an_answer_of_the_account_does_not_say_whose_it_is_and_nobody_changes_what_it_shows() {
        let mut stage = Stage::with(&["romeo", "juliet"]);
        let pubsub =
            |inside: &str| format!("<pubsub xmlns='http://jabber.org/protocol/pubsub'>{inside}</pubsub>");
        let set = pubsub("<publish node='urn:xmpp:avatar:data'/>");
        stage.says("romeo", &format!("<iq type='set' id='s' to='lounge@rooms.lit/juliet'>{set}</iq>"));
        assert!(stage.hears("romeo")[0].contains("<not-allowed"));
        let get = pubsub("<items node='urn:xmpp:avatar:data'/>");
        stage.says("romeo", &format!("<iq type='get' id='g' to='lounge@rooms.lit/juliet'>{get}</iq>"));
        let bare = full("juliet").bare().into_jid();
        let asked = stage.hears_at(&bare);
        let id = asked[0].split("id='").nth(1).unwrap().split('\'').next().unwrap().to_owned();
        let items = pubsub(
            "<items node='urn:xmpp:avatar:data'><item id='1' publisher='juliet@montague.lit'/></items>",
        );
        let xml = format!("<iq type='result' id='{id}' to='lounge@rooms.lit/romeo'>{items}</iq>");
        stage.says_from(&bare, &xml);
        let heard = stage.hears("romeo");
        assert!(heard[0].contains("<item id='1'/>") && !heard[0].contains("montague.lit'/>"), "{heard:?}");
    }

    #[test]
    fn questions_that_nobody_answers_are_forgotten_in_time() {
        let mut stage = Stage::with(&["romeo", "juliet"]);
        let ask =
            "<iq type='get' id='v' to='lounge@rooms.lit/juliet'><query xmlns='jabber:iq:version'/></iq>";
        (0..MOST).for_each(|_| stage.says("romeo", ask));
        stage.hush();
        stage.says("romeo", ask);
        assert!(stage.hears("romeo")[0].contains("<resource-constraint"));
        stage.passes(PATIENCE.as_secs());
        stage.says("romeo", ask);
        assert_eq!((stage.hears("juliet").len(), stage.hears("romeo").len()), (1, 0));
    }
}
