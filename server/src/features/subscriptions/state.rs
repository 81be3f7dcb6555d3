//! RFC 6121 Appendix A: the states of a presence subscription, and what each stanza does to them.

use rialto_store::rosters::{Item, Subscription};
use rialto_xmpp::PresenceKind;

/// §A.1: the nine states, as what they are made of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct State {
    /// The user sees the contact.
    pub to: bool,
    /// The contact sees the user.
    pub from: bool,
    /// "Pending Out": the user has asked and was not answered. Never together with `to`.
    pub asks: bool,
    /// "Pending In": the contact has asked and was not answered. Never together with `from`.
    pub asked: bool,
}

/// What an outbound subscription stanza does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outbound {
    /// Whether it goes on to the contact.
    pub route: bool,
    /// The state after it.
    pub state: State,
    /// §3.4: it approves a request that has not come yet.
    pub approves: bool,
}

/// What an inbound subscription stanza does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Inbound {
    /// Whether the user's clients get it.
    pub deliver: bool,
    /// The state after it.
    pub state: State,
    /// §3.1.3: the server answers `subscribed` by itself.
    pub answer: bool,
}

impl State {
    /// The state of an item.
    pub fn of(item: &Item) -> State {
        let (to, from) = match item.subscription {
            Subscription::None => (false, false),
            Subscription::To => (true, false),
            Subscription::From => (false, true),
            Subscription::Both => (true, true),
        };
        State { to, from, asks: item.ask && !to, asked: item.pending_in.is_some() && !from }
    }

    /// Writes the state into an item. A request that is no longer pending is forgotten.
    pub fn put(self, item: &mut Item) {
        item.subscription = self.subscription();
        item.ask = self.asks;
        if !self.asked {
            item.pending_in = None;
        }
    }

    /// §2.1.2.5.
    pub fn subscription(self) -> Subscription {
        match (self.to, self.from) {
            (false, false) => Subscription::None,
            (true, false) => Subscription::To,
            (false, true) => Subscription::From,
            (true, true) => Subscription::Both,
        }
    }

    /// §A.2: what a subscription stanza of the user does. Other kinds do nothing and go on.
    pub fn outbound(self, kind: PresenceKind) -> Outbound {
        let mut after = self;
        let mut approves = false;
        let route = match kind {
            // §A.2.1
            PresenceKind::Subscribe => {
                after.asks = !self.to;
                true
            }
            // §A.2.2
            PresenceKind::Unsubscribe => {
                (after.to, after.asks) = (false, false);
                true
            }
            // §A.2.3
            PresenceKind::Subscribed => {
                approves = !self.asked && !self.from;
                if self.asked {
                    (after.from, after.asked) = (true, false);
                }
                self.asked
            }
            // §A.2.4
            PresenceKind::Unsubscribed => {
                (after.from, after.asked) = (false, false);
                self.from || self.asked
            }
            _ => true,
        };
        Outbound { route, state: after, approves }
    }

    /// §A.3: what a subscription stanza of the contact does. Other kinds do nothing and are delivered.
    /// `approved`: the user has approved the request before (§3.4).
    pub fn inbound(self, kind: PresenceKind, approved: bool) -> Inbound {
        let mut after = self;
        let mut answer = false;
        let deliver = match kind {
            // §A.3.1
            PresenceKind::Subscribe => {
                answer = self.from || approved;
                after.from = answer;
                after.asked = !answer;
                !answer && !self.asked
            }
            // §A.3.2
            PresenceKind::Unsubscribe => {
                (after.from, after.asked) = (false, false);
                self.from || self.asked
            }
            // §A.3.3
            PresenceKind::Subscribed => {
                (after.to, after.asks) = (self.to || self.asks, false);
                self.asks
            }
            // §A.3.4
            PresenceKind::Unsubscribed => {
                (after.to, after.asks) = (false, false);
                self.to || self.asks
            }
            _ => true,
        };
        Inbound { deliver, state: after, answer }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use PresenceKind::{Subscribe, Subscribed, Unsubscribe, Unsubscribed};

    const fn state(to: bool, from: bool, asks: bool, asked: bool) -> State {
        State { to, from, asks, asked }
    }

    const NONE: State = state(false, false, false, false);
    const NONE_OUT: State = state(false, false, true, false);
    const NONE_IN: State = state(false, false, false, true);
    const NONE_OUT_IN: State = state(false, false, true, true);
    const TO: State = state(true, false, false, false);
    const TO_IN: State = state(true, false, false, true);
    const FROM: State = state(false, true, false, false);
    const FROM_OUT: State = state(false, true, true, false);
    const BOTH: State = state(true, true, false, false);
    /// In the order of the RFC's tables.
    const ALL: [State; 9] = [NONE, NONE_OUT, NONE_IN, NONE_OUT_IN, TO, TO_IN, FROM, FROM_OUT, BOTH];

    /// A table of the RFC: for each state, whether the stanza goes on, and the state after it.
    type Table = [(bool, State); 9];

    fn outbound_is(kind: PresenceKind, table: &Table) {
        for (before, (route, after)) in ALL.iter().zip(table) {
            let step = before.outbound(kind);
            assert_eq!((step.route, step.state), (*route, *after), "{kind:?} from {before:?}");
        }
    }

    fn inbound_is(kind: PresenceKind, table: &Table) {
        for (before, (deliver, after)) in ALL.iter().zip(table) {
            let step = before.inbound(kind, false);
            assert_eq!((step.deliver, step.state), (*deliver, *after), "{kind:?} from {before:?}");
        }
    }

    #[test]
    fn a_2_1_outbound_subscribe() {
        outbound_is(
            Subscribe,
            &[
                (true, NONE_OUT),
                (true, NONE_OUT),
                (true, NONE_OUT_IN),
                (true, NONE_OUT_IN),
                (true, TO),
                (true, TO_IN),
                (true, FROM_OUT),
                (true, FROM_OUT),
                (true, BOTH),
            ],
        );
    }

    #[test]
    fn a_2_2_outbound_unsubscribe() {
        outbound_is(
            Unsubscribe,
            &[
                (true, NONE),
                (true, NONE),
                (true, NONE_IN),
                (true, NONE_IN),
                (true, NONE),
                (true, NONE_IN),
                (true, FROM),
                (true, FROM),
                (true, FROM),
            ],
        );
    }

    #[test]
    fn a_2_3_outbound_subscribed() {
        outbound_is(
            Subscribed,
            &[
                (false, NONE),
                (false, NONE_OUT),
                (true, FROM),
                (true, FROM_OUT),
                (false, TO),
                (true, BOTH),
                (false, FROM),
                (false, FROM_OUT),
                (false, BOTH),
            ],
        );
        // Note 1 of the table: where nothing was asked and nothing granted, it approves in advance.
        let approving = ALL.map(|state| state.outbound(Subscribed).approves);
        assert_eq!(approving, [true, true, false, false, true, false, false, false, false]);
    }

    #[test]
    fn a_2_4_outbound_unsubscribed() {
        outbound_is(
            Unsubscribed,
            &[
                (false, NONE),
                (false, NONE_OUT),
                (true, NONE),
                (true, NONE_OUT),
                (false, TO),
                (true, TO),
                (true, NONE),
                (true, NONE_OUT),
                (true, TO),
            ],
        );
    }

    #[test]
    fn a_3_1_inbound_subscribe() {
        inbound_is(
            Subscribe,
            &[
                (true, NONE_IN),
                (true, NONE_OUT_IN),
                (false, NONE_IN),
                (false, NONE_OUT_IN),
                (true, TO_IN),
                (false, TO_IN),
                (false, FROM),
                (false, FROM_OUT),
                (false, BOTH),
            ],
        );
        // The table's note: who is subscribed already is told so again.
        let answers = ALL.map(|state| state.inbound(Subscribe, false).answer);
        assert_eq!(answers, [false, false, false, false, false, false, true, true, true]);
    }

    #[test]
    fn a_3_2_inbound_unsubscribe() {
        inbound_is(
            Unsubscribe,
            &[
                (false, NONE),
                (false, NONE_OUT),
                (true, NONE),
                (true, NONE_OUT),
                (false, TO),
                (true, TO),
                (true, NONE),
                (true, NONE_OUT),
                (true, TO),
            ],
        );
    }

    #[test]
    fn a_3_3_inbound_subscribed() {
        inbound_is(
            Subscribed,
            &[
                (false, NONE),
                (true, TO),
                (false, NONE_IN),
                (true, TO_IN),
                (false, TO),
                (false, TO_IN),
                (false, FROM),
                (true, BOTH),
                (false, BOTH),
            ],
        );
    }

    #[test]
    fn a_3_4_inbound_unsubscribed() {
        inbound_is(
            Unsubscribed,
            &[
                (false, NONE),
                (true, NONE),
                (false, NONE_IN),
                (true, NONE_IN),
                (true, NONE),
                (true, NONE_IN),
                (false, FROM),
                (true, FROM),
                (true, FROM),
            ],
        );
    }

    #[test]
    fn a_request_that_was_approved_before_is_granted_unseen() {
        for (before, after) in [(NONE, FROM), (NONE_OUT, FROM_OUT), (TO, BOTH)] {
            assert_eq!(
                before.inbound(Subscribe, true),
                Inbound { deliver: false, state: after, answer: true }
            );
        }
    }

    #[test]
    fn every_state_survives_in_an_item() {
        for state in ALL {
            let mut item = Item { pending_in: Some("<presence/>".into()), ..Item::default() };
            state.put(&mut item);
            assert_eq!(State::of(&item), state);
        }
    }
}
