//! What goes out by somebody's own connection. Words wait until it is there and in the room; they never go by another.

use super::{Live, Person, Puppets};
use crate::irc::connection::{Order, Question};
use crate::irc::line::Line;
use crate::irc::outgoing::{self, Manner};
use crate::irc::questions::{command, shown};
use crate::irc::session::{Ask, refusal};
use crate::model::{Act, Author, Event, Message};
use crate::network::{NetworkError, RemoteId};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::oneshot;
use tokio::time::{Instant, timeout_at};

/// How often a connection that is down is looked at.
const AGAIN: Duration = Duration::from_millis(500);

impl Puppets {
    /// Does this in the room, under his own name.
    pub async fn send(
        &self,
        room: &RemoteId,
        event: &Event<RemoteId>,
    ) -> Result<Vec<RemoteId>, NetworkError> {
        let Some(account) = &event.author.account else { return Err(nobody()) };
        if matches!(event.act, Act::Typing(_)) && !self.is_inside(account, room) {
            return Ok(Vec::new()); // worth no connection
        }
        let until = Instant::now() + self.0.rules.wait;
        let live = self.enter(account, &event.author, room, until).await?;
        self.spoke(account);
        let (answer, sent) = oneshot::channel();
        let order = Order::Do { room: room.clone(), event: Box::new(event.clone()), answer };
        live.orders.send(order).await.map_err(|_| gone())?;
        sent.await.map_err(|_| NetworkError::Unsure("the connection was closed meanwhile".into()))?
    }

    /// May he set the subject there himself?
    pub fn sets_subject(&self, room: &RemoteId, person: &Author) -> bool {
        let live = person.account.as_ref().and_then(|account| self.live(account));
        live.is_some_and(|live| {
            live.inside.contains(room) && live.view.capabilities(room, &self.0.settings).subject.is_some()
        })
    }

    /// Says something to one person.
    pub async fn whisper(
        &self,
        from: &Author,
        to: &str,
        message: &Message<RemoteId>,
    ) -> Result<(), NetworkError> {
        let account = from.account.as_ref().ok_or_else(nobody)?;
        if !is_person(to) {
            return Err(NetworkError::NotFound(format!("{to:?} is no nick")));
        }
        let until = Instant::now() + self.0.rules.wait;
        let live = self.up(account, from, until).await?;
        let (manner, _) = live.view.speaking(&to.into());
        let manner = Manner { multiline: None, labels: false, echo: false, ..manner };
        let units = outgoing::said(to, &manner, message, String::new);
        if units.is_empty() {
            return Ok(());
        }
        if units.len() > self.0.settings.lines {
            return Err(NetworkError::TooLarge);
        }
        self.spoke(account);
        for unit in units {
            let lines = self.question(&live, Ask { line: unit.lines, ends: &[] }, until).await?;
            if let Some(error) = refusal(&lines) {
                return Err(error);
            }
        }
        Ok(())
    }

    /// Does what one of ours says in IRC's own words, by his own connection.
    pub async fn command(&self, person: &Author, line: &str) -> Result<Vec<String>, NetworkError> {
        let account = person.account.as_ref().ok_or_else(nobody)?;
        let ask = command(line)?;
        let until = Instant::now() + self.0.rules.wait;
        let live = self.up(account, person, until).await?;
        self.spoke(account);
        Ok(shown(&self.question(&live, ask, until).await?))
    }

    async fn question(&self, live: &Live, ask: Ask, until: Instant) -> Result<Vec<Line>, NetworkError> {
        loop {
            let (replies, answer) = oneshot::channel();
            let again = Ask { line: ask.line.clone(), ends: ask.ends };
            live.orders.send(Order::Ask { what: Question::Raw(again), replies }).await.map_err(|_| gone())?;
            match answer.await.map_err(|_| NetworkError::Unsure("the connection was closed".into()))? {
                // Another question is open; nothing was sent.
                Err(NetworkError::Slow(_)) if Instant::now() + AGAIN < until => {
                    tokio::time::sleep(AGAIN).await;
                }
                told => return told,
            }
        }
    }

    /// His connection, in the room.
    async fn enter(
        &self,
        account: &Arc<str>,
        author: &Author,
        room: &RemoteId,
        until: Instant,
    ) -> Result<Live, NetworkError> {
        loop {
            let live = self.ready(account, author)?;
            if live.inside.contains(room) && live.up {
                return Ok(live);
            }
            let (waiter, answer) = oneshot::channel();
            let order = Order::Join { room: room.clone(), key: self.key(room), waiter };
            let joined = async {
                live.orders.send(order).await.map_err(|_| gone())?;
                answer.await.map_err(|_| gone())?
            };
            match timeout_at(until, joined).await {
                Err(_) => return Err(late()),
                Ok(Ok(())) => {
                    self.is_in(account, live.number, room);
                    return Ok(live);
                }
                // The link is down, and tries again: so do we, for as long as words wait.
                Ok(Err(NetworkError::Down(text))) => {
                    if Instant::now() + AGAIN > until {
                        return Err(NetworkError::Down(text));
                    }
                    self.changes(Instant::now() + AGAIN).await;
                }
                Ok(Err(NetworkError::Slow(pause))) => {
                    if Instant::now() + pause > until {
                        return Err(NetworkError::Slow(pause));
                    }
                    tokio::time::sleep(pause).await;
                }
                Ok(Err(error)) => return Err(own_words(error)),
            }
        }
    }

    /// His connection, known to the server.
    async fn up(&self, account: &Arc<str>, author: &Author, until: Instant) -> Result<Live, NetworkError> {
        loop {
            let live = self.ready(account, author)?;
            if live.up {
                return Ok(live);
            }
            if Instant::now() >= until {
                return Err(live.trouble.unwrap_or_else(late));
            }
            self.changes(until.min(Instant::now() + AGAIN)).await;
        }
    }

    /// His connection, made now if he has none.
    fn ready(&self, account: &Arc<str>, author: &Author) -> Result<Live, NetworkError> {
        let mut state = self.state();
        let known = state.people.entry(account.clone()).or_insert_with(|| Person::new(author));
        if known.network != author.network {
            return Err(nobody());
        }
        self.connect(&mut state, account)?;
        state.people.get(account).and_then(|person| person.live.clone()).ok_or_else(gone)
    }

    async fn changes(&self, until: Instant) {
        // Whatever has changed, it is looked at again.
        let _ = timeout_at(until, self.0.changed.notified()).await;
    }

    fn live(&self, account: &Arc<str>) -> Option<Live> {
        self.state().people.get(account).and_then(|person| person.live.clone())
    }

    fn is_inside(&self, account: &Arc<str>, room: &RemoteId) -> bool {
        self.live(account).is_some_and(|live| live.up && live.inside.contains(room))
    }

    fn spoke(&self, account: &Arc<str>) {
        if let Some(person) = self.state().people.get_mut(account) {
            person.last = Instant::now();
        }
    }

    fn is_in(&self, account: &Arc<str>, number: u64, room: &RemoteId) {
        let mut state = self.state();
        let live = state.people.get_mut(account).and_then(|person| person.live.as_mut());
        if let Some(live) = live.filter(|live| live.number == number) {
            live.inside.insert(room.clone());
        }
    }
}

/// Can this be somebody, and no channel, mask or list of several?
fn is_person(to: &str) -> bool {
    !to.is_empty()
        && to.len() <= 64
        && !to.starts_with(['#', '&', '+', '!', '@', '%', '~', '$', ':'])
        && !to.chars().any(|c| c.is_control() || c.is_whitespace() || ",*?!@".contains(c))
}

/// A no, to who can do something about it himself.
pub(super) fn own_words(error: NetworkError) -> NetworkError {
    let own = "set your account on this network anew, or register your nick there";
    match error {
        NetworkError::Unauthorized(text) => NetworkError::Unauthorized(
            text.replace("set up `sasl`", own).replace("look at `sasl` in the configuration", own),
        ),
        other => other,
    }
}

fn nobody() -> NetworkError {
    NetworkError::Unsupported("private words of somebody without an address")
}

fn gone() -> NetworkError {
    NetworkError::Down("the connection was closed".into())
}

fn late() -> NetworkError {
    NetworkError::Down("your connection to the network was not ready in time".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn private_words_go_to_one_person() {
        for person in ["ann", "[x]", "NickServ", "Ünü"] {
            assert!(is_person(person), "{person}");
        }
        for other in ["", "#c", "&c", "@#c", "+v", "$*", "a,b", "a b", "*", "a!b@c", "x\r\nQUIT", ":x"] {
            assert!(!is_person(other), "{other:?}");
        }
    }
}
