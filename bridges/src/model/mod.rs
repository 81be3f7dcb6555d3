//! The language that all networks and the rooms share: who did what, and when. It is smaller than any network's own.
//!
//! What waits for a network is kept in this language: a new field needs `#[serde(default)]`, and a variant keeps its name.

mod author;
mod text;

pub use author::{Author, harmless_line, harmless_nick};
pub use text::{Span, Style, Text};

use serde::{Deserialize, Serialize};
use std::sync::Arc;
use std::time::SystemTime;

/// Somebody did something at some time. `Id` is whose names its messages bear: ours or the far side's.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Event<Id> {
    /// Who did it.
    pub author: Author,
    /// When, by the clock of the network where it was done.
    pub at: SystemTime,
    /// What.
    pub act: Act<Id>,
}

/// What can be done in a room.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Act<Id> {
    /// Words, and what hangs on them.
    Say(Message<Id>),
    /// An earlier message of the same author now reads thus.
    Edit {
        /// The message that is changed.
        of: Id,
        /// All of its new content.
        now: Message<Id>,
    },
    /// An earlier message is taken back.
    Retract {
        /// The message that is taken back.
        of: Id,
    },
    /// All that this author's reactions to the message now are; empty takes them all back.
    React {
        /// The message reacted to.
        to: Id,
        /// Emoji, each one grapheme.
        emoji: Vec<String>,
    },
    /// Is writing, or has stopped.
    Typing(bool),
    /// Has seen everything up to this message.
    Displayed {
        /// The newest message seen.
        up_to: Id,
    },
    /// The room's subject is now this; empty for none. One line, harmless (`harmless_line`).
    Subject(String),
}

/// One message.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Message<Id> {
    /// The words.
    pub text: Text,
    /// Said in the third person: `/me waves`. The text holds only `waves`.
    pub action: bool,
    /// What it answers.
    pub reply: Option<Reply<Id>>,
    /// Files shown with it.
    pub attachments: Vec<Attachment>,
    /// The thread it is said in, by a name that all networks share (XEP-0201).
    #[serde(default)]
    pub thread: Option<Arc<str>>,
}

impl<Id> Message<Id> {
    /// Words alone.
    pub fn text(text: impl Into<Text>) -> Self {
        Message { text: text.into(), action: false, reply: None, attachments: Vec::new(), thread: None }
    }

    /// Words in the third person.
    pub fn action(text: impl Into<Text>) -> Self {
        Message { action: true, ..Message::text(text) }
    }
}

/// What is answered, with enough of it to quote where a network has no replies.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Reply<Id> {
    /// The message that is answered.
    pub to: Id,
    /// Its author's nick.
    pub nick: Arc<str>,
    /// Its beginning, or all of it.
    pub excerpt: String,
}

/// A file that can be fetched by everybody who may read the room.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Attachment {
    /// The file's name, without a path.
    pub name: String,
    /// `type/subtype` of RFC 6838.
    pub media_type: String,
    /// Bytes, where known.
    pub size: Option<u64>,
    /// Where it lies.
    pub url: String,
    /// What it shows, for those who cannot see it.
    pub description: Option<String>,
}

impl<Id> Act<Id> {
    /// The same act, its messages renamed. `None` where it is about a message nobody here knows; words that answer an
    /// unknown message stay, without the reply.
    pub fn renamed<To>(self, name: impl Fn(&Id) -> Option<To>) -> Option<Act<To>> {
        Some(match self {
            Act::Say(message) => Act::Say(message.renamed(name)),
            Act::Edit { of, now } => Act::Edit { of: name(&of)?, now: now.renamed(name) },
            Act::Retract { of } => Act::Retract { of: name(&of)? },
            Act::React { to, emoji } => Act::React { to: name(&to)?, emoji },
            Act::Typing(on) => Act::Typing(on),
            Act::Displayed { up_to } => Act::Displayed { up_to: name(&up_to)? },
            Act::Subject(subject) => Act::Subject(subject),
        })
    }
}

impl<Id> Message<Id> {
    /// The same message; its reply is renamed, or dropped where nobody here knows what it answers.
    pub fn renamed<To>(self, name: impl Fn(&Id) -> Option<To>) -> Message<To> {
        let reply = self.reply.and_then(|reply| {
            let to = name(&reply.to)?;
            Some(Reply { to, nick: reply.nick, excerpt: reply.excerpt })
        });
        let Message { text, action, attachments, thread, .. } = self;
        Message { text, action, reply, attachments, thread }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known(id: &u32) -> Option<String> {
        (*id < 10).then(|| format!("far-{id}"))
    }

    #[test]
    fn an_edit_of_an_unknown_message_is_nothing() {
        let edit = |of| Act::Edit { of, now: Message::text("good night") };
        assert_eq!(
            edit(3).renamed(known),
            Some(Act::Edit { of: "far-3".into(), now: Message::text("good night") })
        );
        assert_eq!(edit(30).renamed(known), None);
        assert_eq!(Act::Retract { of: 30 }.renamed(known), None);
    }

    #[test]
    fn words_that_answer_an_unknown_message_are_still_said() {
        let reply = |to| Some(Reply { to, nick: "ann".into(), excerpt: "hi".into() });
        let said = Act::Say(Message { reply: reply(30), ..Message::text("yes") }).renamed(known);
        assert_eq!(said, Some(Act::Say(Message::text("yes"))));
        let said = Act::Say(Message { reply: reply(3), ..Message::text("yes") }).renamed(known);
        assert!(matches!(said, Some(Act::Say(Message { reply: Some(r), .. })) if r.to == "far-3"));
    }

    #[test]
    fn what_waits_for_a_network_is_read_back_as_it_was_written() {
        let reply = Some(Reply { to: "s1".to_owned(), nick: "ann".into(), excerpt: "hi".into() });
        let file = Attachment {
            name: "cat.png".into(),
            media_type: "image/png".into(),
            size: Some(7),
            url: "https://example.org/cat.png".into(),
            description: None,
        };
        let bold = Span { range: 0..2, style: Style::Bold };
        let said = Message {
            reply,
            attachments: vec![file],
            thread: Some("t".into()),
            ..Message::action(Text::styled("yes", vec![bold]))
        };
        let author =
            Author { account: Some("romeo@montague.lit".into()), ..Author::new("o1", "romeo", "xmpp") };
        for act in [
            Act::Say(said.clone()),
            Act::Edit { of: "s1".to_owned(), now: said },
            Act::Retract { of: "s1".to_owned() },
            Act::React { to: "s1".to_owned(), emoji: vec!["👋".into()] },
            Act::Subject("Verona".into()),
        ] {
            let event = Event { author: author.clone(), at: SystemTime::now(), act };
            let text = serde_json::to_string(&event).unwrap();
            assert_eq!(serde_json::from_str::<Event<String>>(&text).unwrap(), event);
        }
    }

    #[test]
    fn a_text_that_was_tampered_with_is_harmless_all_the_same() {
        let text: Text = serde_json::from_str(
            r#"{"plain":"a\u0001b","spans":[{"range":{"start":5,"end":9},"style":"Bold"}]}"#,
        )
        .unwrap();
        assert_eq!(text, Text::new("ab"));
    }
}
