//! XEP-0060 §6.1, §6.5: where a list is on its way from a subscription to all items. Plain values; the time is said.

use std::time::Duration;

use rialto_xmpp::{Element, IqKind, Jid, ns};
use tokio::time::Instant;

use super::news::{Change, News};
use crate::guards::{Gathered, NodeList};
use crate::random;

/// How long a service has to answer.
const PATIENCE: Duration = Duration::from_secs(60);
/// The first silence after a failure; it doubles with each.
const FIRST: Duration = Duration::from_secs(2);
/// The longest.
const LONGEST: Duration = Duration::from_secs(3_600);
/// When a list that goes well is read again.
const AGAIN: Duration = Duration::from_secs(12 * 3_600);
/// Items on a page, where the service has pages (XEP-0059).
const PAGE: &str = "500";

/// The way of one list.
pub(super) struct Course {
    step: Step,
    failures: u32,
    /// The subscription waits for the owner of the node.
    pending: bool,
}

enum Step {
    /// It is asked for then.
    Rests(Instant),
    /// A subscription was asked for.
    Subscribes { id: String, until: Instant },
    /// The next page is to be asked for.
    Turns { since: Instant, so_far: Gathered, after: Option<String> },
    /// A page was asked for.
    Reads { id: String, until: Instant, so_far: Gathered, after: Option<String> },
}

impl Course {
    /// One that begins now.
    pub fn new(now: Instant) -> Course {
        Course { step: Step::Rests(now), failures: 0, pending: false }
    }

    /// When there is something to do.
    pub fn due(&self) -> Instant {
        match &self.step {
            Step::Rests(at) => *at,
            Step::Subscribes { until, .. } | Step::Reads { until, .. } => *until,
            Step::Turns { since, .. } => *since,
        }
    }

    /// Whether this id is that of the question that waits for its answer.
    pub fn has_asked(&self, asked: &str) -> bool {
        match &self.step {
            Step::Subscribes { id, .. } | Step::Reads { id, .. } => id == asked,
            Step::Rests(_) | Step::Turns { .. } => false,
        }
    }

    /// What is to be asked now.
    pub fn asks(&mut self, list: &NodeList, own: &Jid, now: Instant) -> Option<(IqKind, String, Element)> {
        if self.due() > now {
            return None;
        }
        let (id, until) = (random::token(), now + PATIENCE);
        let node = list.settings.node.as_str();
        match std::mem::replace(&mut self.step, Step::Rests(now)) {
            Step::Rests(_) => {
                let own = Element::new("subscribe", ns::PUBSUB).attr("node", node).attr("jid", own.as_str());
                self.step = Step::Subscribes { id: id.clone(), until };
                Some((IqKind::Set, id, Element::new("pubsub", ns::PUBSUB).with(own)))
            }
            Step::Turns { so_far, after, .. } => {
                let items = Element::new("items", ns::PUBSUB).attr("node", node);
                let text = |name: &'static str, text: &str| Element::new(name, ns::RSM).with_text(text);
                let set = Element::new("set", ns::RSM)
                    .with(text("max", PAGE))
                    .with_opt(after.as_deref().map(|id| text("after", id)));
                self.step = Step::Reads { id: id.clone(), until, so_far, after };
                Some((IqKind::Get, id, Element::new("pubsub", ns::PUBSUB).with(items).with(set)))
            }
            Step::Subscribes { .. } | Step::Reads { .. } => {
                self.fails(list, "it does not answer", now);
                None
            }
        }
    }

    /// The answer has come. Says whether somebody is listed who was not.
    pub fn answered(&mut self, list: &NodeList, payload: Option<&Element>, now: Instant) -> bool {
        let answer = payload.filter(|payload| payload.is("pubsub", ns::PUBSUB));
        match std::mem::replace(&mut self.step, Step::Rests(now)) {
            Step::Subscribes { .. } => {
                let subscription = answer.and_then(|answer| answer.child("subscription", ns::PUBSUB));
                let state = subscription.and_then(|one| one.get("subscription")).unwrap_or("subscribed");
                self.pending = state != "subscribed";
                self.step = Step::Turns { since: now, so_far: Gathered::default(), after: None };
                false
            }
            Step::Reads { so_far, after, .. } => {
                let items = answer.and_then(|answer| answer.child("items", ns::PUBSUB));
                let (Some(answer), Some(items)) = (answer, items) else {
                    self.fails(list, "its answer holds no items", now);
                    return false;
                };
                self.read(list, (answer, items), (so_far, after), now)
            }
            rests => {
                self.step = rests;
                false
            }
        }
    }

    /// A page has come.
    fn read(
        &mut self,
        list: &NodeList,
        (answer, items): (&Element, &Element),
        (mut so_far, after): (Gathered, Option<String>),
        now: Instant,
    ) -> bool {
        let before = so_far.count();
        let ids: Vec<&str> = items.children().filter_map(|item| item.get("id")).collect();
        ids.iter().for_each(|id| list.gather(&mut so_far, id));
        let set = answer.child("set", ns::RSM);
        let last = set.and_then(|set| set.child_text("last", ns::RSM)).filter(|last| !last.is_empty());
        let count = set.and_then(|set| set.child_text("count", ns::RSM)?.trim().parse::<usize>().ok());
        let first = set.and_then(|set| set.child("first", ns::RSM)?.get("index")?.parse::<usize>().ok());
        let is_last = match (count, first) {
            (Some(count), Some(first)) => first + ids.len() >= count,
            // Without numbers, an empty page is behind the last.
            _ => ids.is_empty(),
        };
        // A service that gives the same page again and again is asked no more.
        let goes_on = so_far.count() > before && !so_far.has_overflowed();
        match last {
            Some(last) if !is_last && goes_on && Some(&last) != after.as_ref() => {
                self.step = Step::Turns { since: now, so_far, after: Some(last) };
                false
            }
            _ => self.ends(list, so_far, now),
        }
    }

    /// All was read.
    fn ends(&mut self, list: &NodeList, gathered: Gathered, now: Instant) -> bool {
        let more = list.replace(gathered);
        let place = (list.settings.service.as_str(), list.settings.node.as_str());
        tracing::info!(service = place.0, node = place.1, entries = list.len(), "a block list was read");
        let standing = list.standing();
        if standing.wrong + standing.over > 0 {
            let (wrong, over) = (standing.wrong, standing.over);
            tracing::warn!(
                service = place.0,
                node = place.1,
                wrong,
                over,
                "some of its items were not taken"
            );
        }
        (self.failures, self.step) = (0, Step::Rests(now + AGAIN));
        match self.pending {
            false => list.stands(true, "subscribed, and read"),
            true => list.stands(false, "read, but the owner of the node has not approved the subscription"),
        }
        more
    }

    /// It failed: it stays as it was, and is asked for again after a while.
    pub fn fails(&mut self, list: &NodeList, why: &str, now: Instant) {
        let silence = FIRST.saturating_mul(1 << self.failures.min(12)).min(LONGEST);
        self.failures = self.failures.saturating_add(1);
        self.step = Step::Rests(now + silence);
        let (service, node) = (list.settings.service.as_str(), list.settings.node.as_str());
        // Once is enough in the log; the state shows it as long as it lasts.
        if self.failures == 1 {
            tracing::warn!(service, node, why, "a block list cannot be read; it stays as it was");
        }
        list.stands(false, format!("{why}; tried again after {} s", silence.as_secs()));
    }

    /// §7.1: the service tells something. Says whether somebody is listed who was not.
    pub fn told(&mut self, list: &NodeList, news: &News<'_>, now: Instant) -> bool {
        let mut more = false;
        match &news.change {
            Change::Items(changes) => {
                for (id, is_there) in changes {
                    if let Some(so_far) = self.so_far() {
                        match is_there {
                            true => list.gather(so_far, id),
                            false => list.ungather(so_far, id),
                        }
                    }
                    match is_there {
                        true => more |= list.add(id),
                        false => list.remove(id),
                    }
                }
            }
            Change::Purged => {
                if let Some(so_far) = self.so_far() {
                    so_far.clear();
                }
                list.clear();
            }
            // Whom it had listed stays away until its owner makes it anew.
            Change::Deleted => self.fails(list, "its node was deleted", now),
            Change::Unsubscribed => self.fails(list, "it has ended the subscription", now),
            Change::Subscribed => {
                if std::mem::take(&mut self.pending) && matches!(self.step, Step::Rests(_)) {
                    list.stands(true, "subscribed, and read");
                }
            }
        }
        more
    }

    fn so_far(&mut self) -> Option<&mut Gathered> {
        match &mut self.step {
            Step::Turns { so_far, .. } | Step::Reads { so_far, .. } => Some(so_far),
            Step::Rests(_) | Step::Subscribes { .. } => None,
        }
    }
}
