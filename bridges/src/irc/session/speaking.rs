//! What the house does in a channel: how it can be said there, and the lines that say it.

use super::{Out, Part, Session};
use crate::irc::line::write;
use crate::irc::outgoing::{self, Manner, Unit};
use crate::model::{Act, Event};
use crate::network::{NetworkError, RemoteId};
use std::time::Duration;
use tokio::time::Instant;

/// How often it is said again that somebody is writing (typing specification).
const TYPING: Duration = Duration::from_secs(3);

/// People of ours who are remembered as writing.
const WRITERS: usize = 100;

impl Session {
    /// Has the server given us this capability?
    pub fn have(&self, capability: &str) -> bool {
        self.shake.have.contains(capability)
    }

    /// How this channel can be spoken to, by what the server has given us.
    pub fn manner(&self, channel: &str) -> Manner {
        let tags = self.have("message-tags");
        let passes = |tag: &str| tags && self.isupport.passes(tag);
        // Names of messages are no capability: the server is known to give them when it has given one.
        let named = self.names_messages || self.have("draft/chathistory");
        let reply = named && (passes("reply") || passes("draft/reply"));
        let multiline = self.have("draft/multiline") && self.have("batch");
        let budget = self.budget(channel);
        Manner {
            budget,
            multiline: self
                .shake
                .multiline()
                .filter(|_| multiline)
                .map(|(bytes, lines)| (bytes.max(budget), lines)),
            echo: self.have("echo-message"),
            labels: self.have("labeled-response"),
            reply,
            react: reply && passes("draft/react"),
            typing: passes("typing"),
            redact: self.have("draft/message-redaction") && self.have("echo-message"),
            history: self.have("draft/chathistory") && self.have("batch") && self.have("echo-message"),
        }
    }

    /// A name for a line whose answer we want to know again.
    pub(super) fn name_label(&mut self) -> String {
        self.labels += 1;
        format!("r{:x}", self.labels)
    }

    /// The pieces that do this in a room; none where there is nothing to send.
    pub fn units(
        &mut self,
        room: &RemoteId,
        event: &Event<RemoteId>,
        now: Instant,
        out: &mut Out,
    ) -> Result<Vec<Unit>, NetworkError> {
        let channel = self.channel(room)?.to_owned();
        let manner = self.manner(&channel);
        match &event.act {
            Act::Say(message) => Ok(outgoing::said(&channel, &manner, message, || self.name_label())),
            Act::Subject(subject) => {
                self.set_topic(room, subject);
                let line = write(&["TOPIC", &channel], Some(&subject.replace('\n', " ")));
                Ok(vec![self.act(line, &manner)])
            }
            Act::Retract { of } if manner.redact => {
                let line = write(&["REDACT", &channel, self.named_there(of)?], None);
                Ok(vec![self.act(line, &manner)])
            }
            Act::React { to, emoji } if manner.react => {
                let msgid = self.named_there(to)?.to_owned();
                let folded = self.fold(room.as_str());
                let changes = self.rooms.get_mut(&folded);
                let (more, gone) = changes
                    .map(|room| room.memory.react_as(&msgid, &event.author.id, emoji))
                    .unwrap_or_default();
                let all =
                    more.iter().map(|emoji| (emoji, true)).chain(gone.iter().map(|emoji| (emoji, false)));
                let mut units = Vec::new();
                for (emoji, on) in all {
                    let label = manner.labels.then(|| self.name_label());
                    units.push(outgoing::reaction(&channel, &msgid, emoji, on, label));
                }
                Ok(units)
            }
            Act::Typing(on) if manner.typing => {
                self.type_for(room, (&event.author.id, *on), now, out);
                Ok(Vec::new())
            }
            Act::Edit { .. } => Err(NetworkError::Unsupported("IRC has no edits")),
            Act::Retract { .. } => Err(NetworkError::Unsupported("this server takes nothing back")),
            Act::React { .. } => Err(NetworkError::Unsupported("this server has no reactions")),
            Act::Typing(_) | Act::Displayed { .. } => {
                Err(NetworkError::Unsupported("IRC has no such notices"))
            }
        }
    }

    /// These pieces as parts of something that is on its way.
    pub fn parts(&mut self, units: &[Unit]) -> Vec<Part> {
        let part = |unit: &Unit| Part {
            label: unit.label.clone(),
            text: unit.text.clone(),
            id: self.name_message(),
            words: unit.words,
        };
        units.iter().map(part).collect()
    }

    /// Will the server show or answer these pieces?
    pub fn is_echoed(&self, units: &[Unit]) -> bool {
        let echo = self.have("echo-message");
        !units.is_empty() && units.iter().all(|unit| if unit.words { echo } else { unit.label.is_some() })
    }

    fn act(&mut self, line: String, manner: &Manner) -> Unit {
        let label = manner.labels.then(|| self.name_label());
        Unit::act(line, label)
    }

    /// A message's name there. Names that we gave ourselves mean nothing to the server.
    fn named_there<'a>(&self, id: &'a RemoteId) -> Result<&'a str, NetworkError> {
        let ours = id.as_str().strip_prefix(&format!("{:x}-", self.born)).is_some();
        let odd =
            id.as_str().is_empty() || id.as_str().contains(|c: char| c.is_whitespace() || c.is_control());
        if ours || odd {
            return Err(NetworkError::NotFound("the server has no name for this message".into()));
        }
        Ok(id.as_str())
    }

    /// One connection types for all of ours: from the first who begins to the last who stops.
    fn type_for(&mut self, room: &RemoteId, (who, on): (&str, bool), now: Instant, out: &mut Out) {
        let folded = self.fold(room.as_str());
        let Some(room) = self.rooms.get_mut(&folded) else { return };
        let channel = &room.name;
        if on && room.typing.len() < WRITERS {
            room.typing.insert(who.into());
            if room.typed.is_none_or(|since| since + TYPING <= now) {
                room.typed = Some(now);
                out.idle.push(outgoing::typing(channel, true));
            }
        } else if room.typing.remove(who) && room.typing.is_empty() && room.typed.take().is_some() {
            out.idle.push(outgoing::typing(channel, false));
        }
    }
}
