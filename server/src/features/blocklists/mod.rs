//! Real-time block lists: nodes of any pubsub service whose items say whom to keep away (XEP-0060).
//!
//! The server subscribes with its first domain, then reads all items, page by page, and follows what it is told. A list
//! whose service fails stays as it was, in the store too, and is asked for again: soon at first, then ever more rarely.
//! A list that goes well is read again twice a day, in case something was not told. What comes from somebody who is not
//! the service is nothing.

mod course;
mod news;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use rialto_xmpp::{Iq, IqKind, Jid, Message, MessageKind, Stanza, StanzaError, ns};
use tokio::sync::Notify;
use tokio::time::Instant;

use super::{About, Feature, Fut, Phase, Speaker, Spec, next_when};
use crate::guards::{Guards, NodeList};
use course::Course;
use news::News;
use parking_lot::Mutex;

static ABOUT: About = About { spec: Spec::Own("block lists"), disco: &[], iq: &[], at: &[Phase::Addressed] };

/// The feature.
pub struct Blocklists {
    follower: Arc<Follower>,
}

/// The feature for the lists of the guards; the server asks as `domain`.
pub fn new(guards: &Arc<Guards>, domain: &str) -> Blocklists {
    let now = Instant::now();
    let followed = |list: &Arc<NodeList>| (list.clone(), Mutex::new(Course::new(now)));
    let follower = Follower {
        followed: guards.nodes.iter().map(followed).collect(),
        own: Jid::parse(domain).ok(),
        guards: guards.clone(),
        changed: Notify::new(),
    };
    Blocklists { follower: Arc::new(follower) }
}

impl Feature for Blocklists {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn addressed(&self, stanza: &Stanza) -> bool {
        match stanza {
            Stanza::Iq(answer) => self.follower.answered(answer),
            Stanza::Message(message) => self.follower.told(message),
            Stanza::Presence(_) => false,
        }
    }

    fn speaker(&self) -> Option<Arc<dyn Speaker>> {
        (!self.follower.followed.is_empty()).then(|| self.follower.clone() as Arc<dyn Speaker>)
    }
}

/// Follows the lists.
struct Follower {
    followed: Vec<(Arc<NodeList>, Mutex<Course>)>,
    /// Who asks.
    own: Option<Jid>,
    guards: Arc<Guards>,
    changed: Notify,
}

impl Follower {
    /// What is to be asked now, and when to look again.
    fn look(&self, now: Instant) -> (Option<Stanza>, Option<Instant>) {
        let mut soonest: Option<Instant> = None;
        for (list, course) in &self.followed {
            let mut course = course.lock();
            if let Some(own) = &self.own
                && let Some((kind, id, payload)) = course.asks(list, own, now)
            {
                let iq = Iq::request(kind, id, own, &list.settings.service, payload);
                return (Some(iq.into()), None);
            }
            let due = course.due();
            soonest = Some(soonest.map_or(due, |before| before.min(due)));
        }
        (None, soonest)
    }

    /// The answer to a question of ours, if it is one.
    fn answered(&self, answer: &Iq) -> bool {
        let (Some(from), Some(id)) = (&answer.head.from, answer.head.id.as_deref()) else { return false };
        for (list, course) in &self.followed {
            let mut course = course.lock();
            if list.settings.service != *from || !course.has_asked(id) {
                continue;
            }
            let now = Instant::now();
            let more = if answer.kind == IqKind::Result {
                course.answered(list, answer.payload(), now)
            } else {
                let error = answer.payloads.iter().find(|payload| payload.is("error", ns::CLIENT));
                course.fails(list, &reason(error.map(StanzaError::read)), now);
                false
            };
            drop(course);
            if more {
                self.guards.lists_more();
            }
            self.changed.notify_one();
            return true;
        }
        false
    }

    /// §7.1: what the service tells of its node.
    fn told(&self, message: &Message) -> bool {
        let Some(from) = message.head.from.as_ref().filter(|_| message.kind != MessageKind::Error) else {
            return false;
        };
        let is_its = |list: &NodeList| list.settings.service == *from;
        if !self.followed.iter().any(|(list, _)| is_its(list)) {
            return false;
        }
        let Some(event) = message.payload("event", ns::PUBSUB_EVENT) else { return false };
        let mut more = false;
        for news in event.children().filter_map(News::read) {
            let concerned = |(list, _): &&(Arc<NodeList>, Mutex<Course>)| {
                is_its(list) && list.settings.node == news.node()
            };
            if let Some((list, course)) = self.followed.iter().find(concerned) {
                more |= course.lock().told(list, &news, Instant::now());
            }
        }
        if more {
            self.guards.lists_more();
        }
        self.changed.notify_one();
        true
    }
}

impl Speaker for Follower {
    fn next(&self) -> Fut<'_, Stanza> {
        Box::pin(next_when(&self.changed, |now| self.look(now)))
    }
}

/// An error in words, for the operator.
fn reason(error: Option<StanzaError>) -> String {
    let Some(error) = error else { return "it answers with an error that says nothing".to_owned() };
    let text = error.text.as_deref().map(|text| format!(" ({})", text.chars().take(200).collect::<String>()));
    format!("it answers {}{}", error.condition.as_str(), text.unwrap_or_default())
}
