//! What we have said and not yet seen: what the server calls it (IRCv3 echo-message, labeled-response, message-ids), and what
//! becomes of it when the link breaks.

use crate::network::{NetworkError, RemoteId};
use std::collections::BTreeMap;
use std::time::Duration;
use tokio::sync::oneshot;
use tokio::time::Instant;

/// Where the answer to a send goes.
pub type Answer = oneshot::Sender<Result<Vec<RemoteId>, NetworkError>>;

/// One part of something that is being said, on its way through queue and socket.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Ticket {
    /// Of what.
    pub group: u64,
    /// Which part.
    pub part: usize,
}

/// What a part is, before it is sent.
#[derive(Debug, Clone, PartialEq)]
pub struct Part {
    /// What the server repeats in its answer.
    pub label: Option<String>,
    /// The text, as the server shows it again.
    pub text: String,
    /// What it is called where the server gives it no name.
    pub id: RemoteId,
    /// A message, which has a name; else an act that leaves none.
    pub words: bool,
}

/// How long an echo may take until the server is asked whether it has seen all.
const PATIENCE: Duration = Duration::from_secs(5);

/// Everything that is on its way.
#[derive(Debug, Default)]
pub struct Sending {
    groups: BTreeMap<u64, Group>,
    next: u64,
    fence: Option<(String, Vec<Ticket>)>,
}

#[derive(Debug)]
struct Group {
    room: String,
    parts: Vec<(Part, State)>,
    answer: Answer,
    /// It is done when the server has shown it; else when it has left.
    echoed: bool,
}

#[derive(Debug, Clone, PartialEq)]
enum State {
    Queued,
    Handed,
    Left(Instant),
    Done(RemoteId),
}

impl Sending {
    /// Something that is said in this room (its folded name). `echoed`: the server will show or answer it.
    pub fn begin(&mut self, room: &str, parts: Vec<Part>, answer: Answer, echoed: bool) -> u64 {
        self.next += 1;
        if parts.is_empty() {
            // Nothing to say is said at once; who no longer waits needs no answer.
            let _ = answer.send(Ok(Vec::new()));
            return self.next;
        }
        let parts = parts.into_iter().map(|part| (part, State::Queued)).collect();
        self.groups.insert(self.next, Group { room: room.into(), parts, answer, echoed });
        self.next
    }

    /// A part is with the socket: from now on nobody knows whether it arrives.
    pub fn handed(&mut self, ticket: Ticket) {
        self.set(ticket, State::Handed);
    }

    /// A part has left this machine.
    pub fn left(&mut self, ticket: Ticket, now: Instant) {
        let waits = self.groups.get(&ticket.group).is_some_and(|group| group.echoed);
        match self.part(ticket) {
            Some((_, state)) if waits && *state == State::Handed => *state = State::Left(now),
            Some((part, state)) if !waits => *state = State::Done(part.id.clone()),
            _ => {}
        }
        self.answer(ticket.group);
    }

    /// The server shows something that one of our connections said in this room, perhaps under this label. Gives the
    /// name that the house is told.
    pub fn shown(&mut self, label: Option<&str>, room: &str, text: &str, msgid: Option<&str>) {
        let Some(ticket) = self.labelled(label).or_else(|| self.oldest(room, Some(text))) else { return };
        if let Some((part, state)) = self.part(ticket) {
            *state = State::Done(msgid.map_or_else(|| part.id.clone(), RemoteId::from));
        }
        self.answer(ticket.group);
    }

    /// Is something of ours on its way under this label?
    pub fn knows(&self, label: &str) -> bool {
        self.labelled(Some(label)).is_some()
    }

    /// The server has done what bears this label, without showing anything.
    pub fn done(&mut self, label: &str) {
        let Some(ticket) = self.labelled(Some(label)) else { return };
        match self.part(ticket) {
            Some((Part { words: true, .. }, _)) => {
                let text = "the server took the message and showed it to nobody";
                self.end(ticket.group, Err(NetworkError::Forbidden(text.into())));
            }
            Some((part, state)) => {
                *state = State::Done(part.id.clone());
                self.answer(ticket.group);
            }
            None => {}
        }
    }

    /// The server says no to what bears this label, or to the oldest that it has not yet shown in this room. `false`
    /// where nobody waits for that.
    pub fn refused(&mut self, label: Option<&str>, room: &str, error: NetworkError) -> bool {
        let Some(ticket) = self.labelled(label).or_else(|| self.oldest(room, None)) else { return false };
        self.end(ticket.group, Err(error));
        true
    }

    /// What still waits in the queue was dropped.
    pub fn dropped(&mut self, group: u64, error: &NetworkError) {
        let begun = self.groups.get(&group).is_some_and(Group::has_begun);
        let error = if begun { unsure(error) } else { error.clone() };
        self.end(group, Err(error));
    }

    /// The link is gone. What has been written may have arrived, or not.
    pub fn lost(&mut self, error: &NetworkError) {
        self.fence = None;
        for group in self.groups.keys().copied().collect::<Vec<_>>() {
            self.dropped(group, error);
        }
    }

    /// Asks the server, with this word, whether it has seen all, if an echo is late.
    pub fn overdue(&mut self, now: Instant) -> Option<String> {
        if self.fence.is_some() {
            return None;
        }
        let late = |state: &State| matches!(state, State::Left(since) if *since + PATIENCE <= now);
        let tickets: Vec<Ticket> =
            self.tickets().filter(|(_, (_, state))| late(state)).map(|(t, _)| t).collect();
        let word = format!("seen-{}", self.next);
        (!tickets.is_empty()).then(|| self.fence = Some((word.clone(), tickets)))?;
        Some(word)
    }

    /// The server has seen all that was sent before this word: what it has not shown it will not show.
    pub fn seen(&mut self, word: &str) {
        let Some((_, tickets)) = self.fence.take_if(|(known, _)| known == word) else { return };
        for ticket in tickets {
            if let Some((part, state @ State::Left(_))) = self.part(ticket) {
                *state = State::Done(part.id.clone());
            }
            self.answer(ticket.group);
        }
    }

    fn labelled(&self, label: Option<&str>) -> Option<Ticket> {
        let label = label?;
        self.tickets().find(|(_, (part, _))| part.label.as_deref() == Some(label)).map(|(ticket, _)| ticket)
    }

    /// The oldest part in this room that was sent and not shown; of this text, if there is one.
    fn oldest(&self, room: &str, text: Option<&str>) -> Option<Ticket> {
        let waits = |ticket: &Ticket, state: &State| {
            !matches!(state, State::Queued | State::Done(_))
                && self.groups.get(&ticket.group).is_some_and(|group| group.room == room && group.echoed)
        };
        let mut waiting = self.tickets().filter(|(ticket, (_, state))| waits(ticket, state)).peekable();
        let first = waiting.peek().map(|(ticket, _)| *ticket);
        let same = waiting.find(|(_, (part, _))| text.is_some_and(|text| text == part.text));
        same.map(|(ticket, _)| ticket).or(first)
    }

    fn tickets(&self) -> impl Iterator<Item = (Ticket, &(Part, State))> {
        self.groups.iter().flat_map(|(group, all)| {
            all.parts.iter().enumerate().map(|(part, what)| (Ticket { group: *group, part }, what))
        })
    }

    fn part(&mut self, ticket: Ticket) -> Option<&mut (Part, State)> {
        self.groups.get_mut(&ticket.group).and_then(|group| group.parts.get_mut(ticket.part))
    }

    fn set(&mut self, ticket: Ticket, now: State) {
        if let Some((_, state @ State::Queued)) = self.part(ticket) {
            *state = now;
        }
    }

    /// Answers who waits, if all parts are done.
    fn answer(&mut self, number: u64) {
        let Some(group) = self.groups.get(&number) else { return };
        let mut ids = Vec::new();
        for (part, state) in &group.parts {
            match state {
                State::Done(id) if part.words => ids.push(id.clone()),
                State::Done(_) => {}
                _ => return,
            }
        }
        self.end(number, Ok(ids));
    }

    fn end(&mut self, group: u64, result: Result<Vec<RemoteId>, NetworkError>) {
        if let Some(group) = self.groups.remove(&group) {
            // Who no longer waits needs no answer.
            let _ = group.answer.send(result);
        }
    }
}

impl Group {
    fn has_begun(&self) -> bool {
        self.parts.iter().any(|(_, state)| *state != State::Queued)
    }
}

fn unsure(error: &NetworkError) -> NetworkError {
    match error {
        NetworkError::Down(text) => NetworkError::Unsure(text.clone()),
        other => NetworkError::Unsure(other.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Waits = oneshot::Receiver<Result<Vec<RemoteId>, NetworkError>>;

    fn say(sending: &mut Sending, texts: &[&str], labels: bool, echoed: bool) -> (u64, Waits) {
        let (answer, waits) = oneshot::channel();
        let part = |text: &&str| Part {
            label: labels.then(|| format!("l-{text}")),
            text: (*text).into(),
            id: format!("own-{text}").into(),
            words: true,
        };
        (sending.begin("#c", texts.iter().map(part).collect(), answer, echoed), waits)
    }

    fn sent(sending: &mut Sending, group: u64, parts: usize) {
        for part in 0..parts {
            sending.handed(Ticket { group, part });
            sending.left(Ticket { group, part }, Instant::now());
        }
    }

    fn ids(waits: &mut Waits) -> Vec<String> {
        waits.try_recv().unwrap().unwrap().iter().map(ToString::to_string).collect()
    }

    #[test]
    fn without_echoes_what_has_left_is_said_and_bears_our_names() {
        let mut sending = Sending::default();
        let (group, mut waits) = say(&mut sending, &["a", "b"], false, false);
        sent(&mut sending, group, 1);
        assert!(waits.try_recv().is_err());
        sending.handed(Ticket { group, part: 1 });
        sending.left(Ticket { group, part: 1 }, Instant::now());
        assert_eq!(ids(&mut waits), ["own-a", "own-b"]);
    }

    #[test]
    fn echoes_bring_the_real_names_by_label_by_text_and_at_worst_by_order() {
        let mut sending = Sending::default();
        let (group, mut waits) = say(&mut sending, &["a", "b"], true, true);
        sent(&mut sending, group, 2);
        sending.shown(Some("l-b"), "#c", "b", Some("m2"));
        sending.shown(Some("l-a"), "#c", "changed", Some("m1"));
        assert_eq!(ids(&mut waits), ["m1", "m2"]);
        let (group, mut waits) = say(&mut sending, &["a", "b", "c"], false, true);
        sent(&mut sending, group, 3);
        sending.shown(None, "#c", "b", Some("m4"));
        sending.shown(None, "#c", "A", Some("m3"));
        sending.shown(None, "#c", "c", None);
        assert_eq!(ids(&mut waits), ["m3", "m4", "own-c"]);
    }

    #[test]
    fn a_link_that_breaks_before_the_echo_leaves_it_unsure_and_before_the_socket_sure() {
        let mut sending = Sending::default();
        let (first, mut unsure) = say(&mut sending, &["a"], true, true);
        let (_, mut down) = say(&mut sending, &["b"], true, true);
        sent(&mut sending, first, 1);
        sending.lost(&NetworkError::Down("cable".into()));
        assert_eq!(unsure.try_recv().unwrap(), Err(NetworkError::Unsure("cable".into())));
        assert_eq!(down.try_recv().unwrap(), Err(NetworkError::Down("cable".into())));
    }

    #[test]
    fn what_the_server_refuses_comes_back_and_what_it_swallows_too() {
        let mut sending = Sending::default();
        let (group, mut waits) = say(&mut sending, &["a"], true, true);
        sent(&mut sending, group, 1);
        assert!(sending.refused(None, "#c", NetworkError::Forbidden("+m".into())));
        assert_eq!(waits.try_recv().unwrap(), Err(NetworkError::Forbidden("+m".into())));
        let (group, mut waits) = say(&mut sending, &["a"], true, true);
        sent(&mut sending, group, 1);
        sending.done("l-a");
        assert!(matches!(waits.try_recv().unwrap(), Err(NetworkError::Forbidden(_))));
        assert!(!sending.refused(Some("l-a"), "#c", NetworkError::Forbidden("late".into())));
    }

    #[test]
    fn an_echo_that_never_comes_is_asked_for_and_then_done_without() {
        let mut sending = Sending::default();
        let (group, mut waits) = say(&mut sending, &["a"], true, true);
        sent(&mut sending, group, 1);
        let now = Instant::now();
        assert_eq!(sending.overdue(now), None);
        let word = sending.overdue(now + PATIENCE * 2).unwrap();
        assert_eq!(sending.overdue(now + PATIENCE * 2), None, "asked once");
        sending.seen("something else");
        assert!(waits.try_recv().is_err());
        sending.seen(&word);
        assert_eq!(ids(&mut waits), ["own-a"]);
    }
}
