//! What goes out: private words by the sender's own connection, and commands in the network's own words. What does not
//! arrive comes back as an error.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use rialto_bridges::{Act, Author, Capabilities, Event, NetworkError, degrade};
use rialto_xmpp::{Condition, Element, Message, MessageKind, Stanza, StanzaError, ns};
use tokio::sync::mpsc;

use super::{Persons, Who};
use crate::muc::doors::refusal;
use crate::muc::links::{Connected, translate};
use crate::random;
use crate::router::{Delivery, undelivered};

/// Words of one person for one network that wait.
const WAITING: usize = 32;

/// Lanes that are open at once.
const LANES: usize = 4096;

/// A lane that nobody uses is closed.
const IDLE: Duration = Duration::from_secs(60);

/// Words for somebody there, or for the network itself.
pub(super) struct Letter {
    to: Option<String>,
    stanza: Message,
}

/// Nothing is known of earlier messages: an edit is said anew.
struct Nothing;

impl translate::Known for Nothing {
    fn by_author(&self, _: &str) -> Option<String> {
        None
    }

    fn quoted(&self, _: &str) -> Option<(Arc<str>, String)> {
        None
    }
}

impl Persons {
    /// Takes a message; the sender's stream does not wait for the network.
    pub(super) async fn letter(&self, who: Who, stanza: Stanza) -> Delivery {
        let Stanza::Message(message) = &stanza else { return Ok(()) };
        let Some(from) = message.head.from.clone() else { return Ok(()) };
        if message.kind == MessageKind::Groupchat {
            return undelivered(stanza, StanzaError::new(Condition::ItemNotFound, "There is no such room."));
        }
        let (over, to) = match who {
            Who::Network(over) => (over, None),
            Who::Person(over, nick) => (over, Some(nick)),
        };
        if let Err(error) = self.may_use(&over, &from) {
            return undelivered(stanza, error);
        }
        let silent = message.body().is_none() && message.payload("encrypted", ns::OMEMO_LEGACY).is_none();
        if silent && message.payload("encryption", ns::EME).is_none() {
            return Ok(()); // chat states and markers: nobody there would see them
        }
        let letter = Letter { to, stanza: message.clone() };
        if self.lane(from.bare_str(), &over, letter) {
            return Ok(());
        }
        let says = "Too many of your messages wait for this network already: say it again later.";
        undelivered(stanza, StanzaError::new(Condition::ResourceConstraint, says))
    }

    fn lane(&self, from: &str, over: &Arc<Connected>, letter: Letter) -> bool {
        let key = (from.to_owned(), over.name.clone());
        let mut lanes = self.0.lanes.lock();
        if let Some(lane) = lanes.get(&key) {
            return lane.try_send(letter).is_ok();
        }
        if lanes.len() >= LANES {
            return false;
        }
        let (lane, letters) = mpsc::channel(WAITING);
        let taken = lane.try_send(letter).is_ok();
        lanes.insert(key.clone(), lane);
        tokio::spawn(self.clone().carry(key, over.clone(), letters));
        taken
    }

    async fn carry(self, key: (String, Arc<str>), over: Arc<Connected>, mut letters: mpsc::Receiver<Letter>) {
        loop {
            match tokio::time::timeout(IDLE, letters.recv()).await {
                Ok(Some(letter)) => self.deliver(&over, letter).await,
                Ok(None) => return,
                Err(_) => {
                    let mut lanes = self.0.lanes.lock();
                    if letters.is_empty() {
                        lanes.remove(&key);
                        return;
                    }
                }
            }
        }
    }

    async fn deliver(&self, over: &Arc<Connected>, letter: Letter) {
        let done = match &letter.to {
            Some(nick) => self.whisper(over, nick, &letter.stanza).await,
            None => self.say_command(over, &letter.stanza).await,
        };
        if let Err(error) = done {
            self.route(Stanza::Message(letter.stanza).error_reply(&error)).await;
        }
    }

    async fn whisper(&self, over: &Connected, nick: &str, message: &Message) -> Result<(), StanzaError> {
        let from = author(message).ok_or(Condition::BadRequest)?;
        let says = |text: &str| StanzaError::new(Condition::NotAcceptable, text);
        let act = match translate::act(message, &Nothing) {
            Some(act @ Act::Say(_)) => act,
            Some(Act::Typing(_) | Act::Displayed { .. }) => return Ok(()),
            Some(_) => return Err(says("People of this network cannot see this: say it in words.")),
            None => {
                return Err(says("Nobody on this network can read encrypted messages: send it unencrypted."));
            }
        };
        // His nick stands before his words there: only what the network can show counts.
        let able = over.network.capabilities(&nick.into());
        let able = Capabilities { names: true, reply: false, ..able };
        let event = Event { author: from.clone(), at: SystemTime::now(), act };
        for part in degrade::fit(&event, &able, |_| None) {
            if let Act::Say(words) = &part.act {
                let sent = over.network.whisper(&from, nick, words).await;
                sent.map_err(|error| told(&error))?;
            }
        }
        Ok(())
    }

    /// A message to the network itself is a command in its own words; the answer is a message, too.
    async fn say_command(&self, over: &Arc<Connected>, message: &Message) -> Result<(), StanzaError> {
        let from = author(message).ok_or(Condition::BadRequest)?;
        let line = message.body().unwrap_or_default();
        let answers = over.network.command(Some(&from), line.trim()).await;
        let answers = answers.map_err(|error| told(&error))?;
        let to = message.head.from.clone().ok_or(Condition::BadRequest)?;
        let address = self.address(over, "").ok_or(Condition::JidMalformed)?;
        let text = if answers.is_empty() { "Done.".to_owned() } else { answers.join("\n") };
        let mut answer = Message::new(MessageKind::Chat, &address, to.bare().as_jid());
        answer.head.id = Some(random::token().as_str().into());
        self.route(answer.with(Element::new("body", ns::CLIENT).with_text(text)).into()).await;
        Ok(())
    }
}

/// Who says it: nobody there learns more than a nick.
pub(super) fn author(message: &Message) -> Option<Author> {
    message.head.from.as_ref().map(person)
}

/// One of ours.
pub(super) fn person(jid: &rialto_xmpp::Jid) -> Author {
    let account: Arc<str> = jid.bare_str().into();
    let nick = rialto_xmpp::prep::unescape(jid.localpart().unwrap_or_default()).into_owned();
    Author { account: Some(account.clone()), ..Author::new(account, &nick, "xmpp") }
}

/// The network's no, as an error that the sender can act on.
fn told(error: &NetworkError) -> StanzaError {
    match error {
        NetworkError::NotFound(said) => StanzaError::new(
            Condition::RecipientUnavailable,
            format!("Nobody is called so there now: {said}"),
        ),
        other => refusal(other),
    }
}
