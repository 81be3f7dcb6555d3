//! The task around a room: inputs in their order, what they change on the disk, then what everybody is told.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use rialto_store::archive::Flags;
use rialto_store::{Batch, StoreError, vcard};
use rialto_xmpp::{BareJid, Condition, Jid, Stanza, StanzaError};
use tokio::sync::{Notify, mpsc};

use super::effect::{Effect, Now};
use super::links::Seated;
use super::perform::Works;
use super::room::{Input, Room, State};
use super::tombstone::named;

/// Inputs that wait for a room. When it is full, whoever sends waits; errors and answers, which nobody waits for, are
/// dropped.
const MAILBOX: usize = 512;
/// Inputs handled at once: one commit is for all of them.
const AT_ONCE: usize = 64;
/// A room in which nobody is leaves memory after so long.
const IDLE: Duration = Duration::from_secs(300);

/// Where a room takes its inputs.
#[derive(Clone, Debug)]
pub struct Mailbox {
    /// The room.
    pub room: BareJid,
    inputs: mpsc::Sender<Input>,
}

impl Mailbox {
    /// Puts an input in, waiting for a place.
    ///
    /// # Errors
    /// The input, when the room has left memory.
    pub async fn send(&self, input: Input) -> Result<(), Input> {
        self.inputs.send(input).await.map_err(|refused| refused.0)
    }

    /// Puts an input in if there is a place; says whether there was.
    pub fn try_send(&self, input: Input) -> bool {
        self.inputs.try_send(input).is_ok()
    }

    /// Waits until the room has left memory.
    pub async fn done(&self) {
        self.inputs.closed().await;
    }

    /// Whether it is the mailbox of this room in memory and not of an earlier one of its name.
    pub fn is(&self, other: &Mailbox) -> bool {
        self.inputs.same_channel(&other.inputs)
    }
}

/// A room and its task.
pub struct Actor {
    room: Room,
    works: Arc<Works>,
    inputs: mpsc::Receiver<Input>,
    own: mpsc::WeakSender<Input>,
}

impl Actor {
    /// Starts the task of a room.
    pub fn start(room: Room, works: Arc<Works>) -> Mailbox {
        let (sender, inputs) = mpsc::channel(MAILBOX);
        let mailbox = Mailbox { room: room.jid.clone(), inputs: sender };
        let own = mailbox.inputs.downgrade();
        works.tell_listing(&room);
        tokio::spawn(Actor { room, works, inputs, own }.run());
        mailbox
    }

    async fn run(mut self) {
        let mut inputs = Vec::with_capacity(AT_ONCE);
        loop {
            match tokio::time::timeout(IDLE, self.inputs.recv_many(&mut inputs, AT_ONCE)).await {
                Ok(0) => break,
                Ok(_) => {
                    let closes = inputs.iter().any(|input| matches!(input, Input::Shutdown));
                    self.handle_all(std::mem::take(&mut inputs)).await;
                    if closes {
                        break;
                    }
                }
                Err(_) if self.is_idle() => self.room.state = State::Gone,
                Err(_) => continue,
            }
            if self.room.state == State::Gone {
                break;
            }
        }
        self.retire().await;
    }

    /// Nobody is there, and what is kept can be read again.
    fn is_idle(&self) -> bool {
        self.room.state == State::Open && self.room.occupants.is_empty() && self.room.links.is_empty()
    }

    /// The room leaves memory. What has come in meanwhile goes the ordinary way again.
    async fn retire(mut self) {
        if let Some(own) = self.own.upgrade() {
            self.works.forget(&Mailbox { room: self.room.jid.clone(), inputs: own });
        }
        self.inputs.close();
        while let Some(input) = self.inputs.recv().await {
            match input {
                Input::Stanza(stanza) => self.works.route_apart(stanza),
                Input::Settle(waiting) => waiting.notify_one(),
                _ => {}
            }
        }
    }

    /// Inputs that came together. All they change is one commit, which is waited for before anybody is told.
    async fn handle_all(&mut self, mut inputs: Vec<Input>) {
        let waiting: Vec<Arc<Notify>> = inputs.iter().filter_map(waits).cloned().collect();
        let attended = self.room.occupants.has_sessions();
        let seated = Seated::of(&self.room);
        while !inputs.is_empty() {
            let before = self.room.clone();
            let mut effects = Vec::new();
            for input in &inputs {
                self.handle(input, &mut effects);
            }
            let gone = match self.commit(&effects).await {
                Ok(()) => self.works.perform(&self.room, effects).await,
                // As if nothing had happened; then one by one, so that each learns of his own failure.
                Err(_) => {
                    self.room = before;
                    let mut gone = Vec::new();
                    for input in inputs {
                        gone.extend(self.handle_alone(input).await);
                    }
                    gone
                }
            };
            inputs = gone.into_iter().map(Input::Gone).collect();
        }
        waiting.iter().for_each(|waiting| waiting.notify_one());
        self.works.tell_listing(&self.room);
        self.works.tell_links(&self.room, attended);
        for (link, person, here) in seated.changes(&self.room) {
            self.works.relays.seated(link, person, here);
        }
    }

    async fn handle_alone(&mut self, input: Input) -> Vec<Jid> {
        let before = self.room.clone();
        let mut effects = Vec::new();
        self.handle(&input, &mut effects);
        if let Err(error) = self.commit(&effects).await {
            self.room = before;
            let condition = match error {
                StoreError::Full | StoreError::Overloaded => Condition::ResourceConstraint,
                _ => Condition::InternalServerError,
            };
            effects = refused(&input, condition).into_iter().collect();
        }
        self.works.perform(&self.room, effects).await
    }

    /// A mistake of ours costs one input, not the room and not its neighbours.
    fn handle(&mut self, input: &Input, effects: &mut Vec<Effect>) {
        let named = named(&self.room, input).and_then(|id| self.works.kept(&self.room.jid, id));
        let now = Now { at: SystemTime::now(), id: self.works.archive.next_id().to_string(), named };
        let act = |room: &mut Room, effects: &mut Vec<Effect>| room.handle(&now, input.clone(), effects);
        if !guarded(&mut self.room, effects, act) {
            tracing::error!(room = %self.room.jid, input = kind(input), "a mistake in handling this was undone");
            effects.extend(refused(input, Condition::InternalServerError));
        }
    }

    /// Writes what must be kept before anybody hears of it.
    async fn commit(&self, effects: &[Effect]) -> Result<(), StoreError> {
        let mut batch = Batch::new();
        let mut save = false;
        for effect in effects {
            match effect {
                Effect::Archive(archived) => {
                    self.works.archive_in(&mut batch, &self.room.jid, archived, Flags::NONE);
                }
                Effect::Bury(left) => {
                    self.works.archive_in(&mut batch, &self.room.jid, left, Flags::TOMBSTONE);
                }
                Effect::Relay(link, relayed) => self.works.relays.keep(&mut batch, *link, relayed)?,
                Effect::Shelve(id, held) => {
                    self.works.relays.shelve(&mut batch, &self.room.jid, id, held)?;
                }
                Effect::Unshelve(id) => self.works.relays.unshelve(&mut batch, &self.room.jid, id)?,
                Effect::Bind(bind) => self.works.relays.bind(&mut batch, bind)?,
                Effect::Save => save = true,
                Effect::Card(Some(card)) => vcard::put(&mut batch, self.room.jid.as_str(), card.as_bytes()),
                Effect::Card(None) => vcard::remove(&mut batch, self.room.jid.as_str()),
                Effect::Close => {
                    let (rooms, room) = (&self.works.rooms, self.room.jid.as_str());
                    rooms.remove(&mut batch, room);
                    if let Some(farewell) = &self.room.record.gone {
                        rooms.put(&mut batch, room, &farewell.record())?;
                    }
                }
                _ => {}
            }
        }
        if save && self.room.state == State::Open {
            self.works.rooms.put(&mut batch, self.room.jid.as_str(), &self.room.record)?;
        }
        if batch.is_empty() {
            return Ok(());
        }
        let written = self.works.store.commit(batch).await;
        if let Err(error) = &written {
            tracing::warn!(room = %self.room.jid, %error, "the room could not be written");
        }
        written
    }
}

/// Lets something happen to a room. Should it panic, the room is as it was before and nothing is done; says whether
/// all went well.
fn guarded(
    room: &mut Room,
    effects: &mut Vec<Effect>,
    act: impl FnOnce(&mut Room, &mut Vec<Effect>),
) -> bool {
    let (before, done) = (room.clone(), effects.len());
    let well = catch_unwind(AssertUnwindSafe(|| act(room, effects))).is_ok();
    if !well {
        effects.truncate(done);
        *room = before;
    }
    well
}

/// What an input's sender gets when it could not be done or kept.
fn refused(input: &Input, condition: Condition) -> Option<Effect> {
    let Input::Stanza(stanza) = input else { return None };
    let error = StanzaError::new(condition, "The server could not do this: try again later.");
    stanza.may_bounce().then(|| Effect::Send(stanza.error_reply(&error)))
}

/// Who waits for what came before this input.
fn waits(input: &Input) -> Option<&Arc<Notify>> {
    match input {
        Input::Settle(waiting) => Some(waiting),
        _ => None,
    }
}

/// For the log: what kind of input it was, and nothing of what is in it.
fn kind(input: &Input) -> &'static str {
    match input {
        Input::Stanza(Stanza::Message(_)) => "message",
        Input::Stanza(Stanza::Presence(_)) => "presence",
        Input::Stanza(Stanza::Iq(_)) => "iq",
        Input::Gone(_) => "gone",
        Input::Forget(_) => "forget",
        Input::Settle(_) => "settle",
        Input::Listed => "listed",
        Input::Shutdown => "shutdown",
        Input::Destroy { .. } => "destroy",
        Input::Linked(_) | Input::Unlinked(_) => "link",
        Input::News(..) => "news",
        Input::Mark(_) => "mark",
        Input::Told(..) => "told",
        Input::Undelivered(..) => "undelivered",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::muc::tests::stage::{Stage, full};

    #[test]
    fn a_mistake_in_one_input_leaves_the_room_as_it_was() {
        let mut stage = Stage::with(&["romeo", "juliet"]);
        let mut effects = vec![Effect::Save];
        let now = Now { at: SystemTime::now(), id: "1".into(), named: None };
        let well = guarded(&mut stage.room, &mut effects, |room, effects| {
            room.handle(&now, Input::Gone(full("juliet")), effects);
            assert_eq!(room.occupants.len(), 1);
            panic!("a mistake");
        });
        assert!(!well && effects.len() == 1 && stage.room.occupants.len() == 2);
        stage.speaks("romeo", "still here");
        assert_eq!(stage.hears("juliet").len(), 1);
    }
}
