//! What the far side cannot do, said in what it can: the only place that knows what to do without.
//!
//! | without | becomes |
//! |---|---|
//! | names | `<nick> words`, on every line and every part; `* nick waves` for an action |
//! | edits | `* words` as a new message |
//! | replies that everybody sees | `nick: words`, and the reply |
//! | replies | `nick: “excerpt” — words` |
//! | links under words | `words (address)` |
//! | attachments | the address, on a line of its own |
//! | length, lines | several messages, cut on grapheme and UTF-8 bounds |
//! | times (`late`) | `[12:04 UTC] words` for what is minutes old when it goes out |
//! | retractions, reactions, typing, read marks, subjects | nothing |

mod cut;
mod late;

pub(crate) use cut::within;
pub use cut::{cut, shorten};
pub use late::late;

use crate::model::{Act, Author, Event, Message, Reply, Style, Text};
use crate::network::{Capabilities, Limits};
use std::ops::Range;

/// The longest excerpt quoted in a reply, in bytes.
const EXCERPT: usize = 80;

/// The longest nick written before words, in bytes.
const NICK: usize = 48;

/// The acts that say this event on a network that is able to do only that. `name` tells what the far side calls a
/// message of ours; an act about a message that it does not know is said as if the network could not do it.
pub fn fit<Id, To>(
    event: &Event<Id>,
    able: &Capabilities,
    name: impl Fn(&Id) -> Option<To>,
) -> Vec<Event<To>> {
    let say = |parts: Vec<Message<To>>| parts.into_iter().map(Act::Say).collect();
    let acts: Vec<Act<To>> = match &event.act {
        Act::Say(message) => say(words(&event.author, message, able, &name, false)),
        Act::Edit { of, now } => match name(of).filter(|_| able.edit) {
            Some(of) => edit(of, words(&event.author, now, able, &name, false)),
            None => say(words(&event.author, now, able, &name, true)),
        },
        Act::Retract { of } => {
            known(able.retract, name(of)).map(|of| Act::Retract { of }).into_iter().collect()
        }
        Act::React { to, emoji } => {
            let react = |to| Act::React { to, emoji: emoji.clone() };
            known(able.react, name(to)).map(react).into_iter().collect()
        }
        Act::Typing(on) => able.typing.then_some(Act::Typing(*on)).into_iter().collect(),
        Act::Displayed { up_to } => {
            known(able.displayed, name(up_to)).map(|up_to| Act::Displayed { up_to }).into_iter().collect()
        }
        Act::Subject(subject) => {
            let subject = able.subject.map(|bytes| Act::Subject(shorten(subject, bytes)));
            subject.into_iter().collect()
        }
    };
    acts.into_iter().map(|act| Event { author: event.author.clone(), at: event.at, act }).collect()
}

fn known<To>(able: bool, id: Option<To>) -> Option<To> {
    id.filter(|_| able)
}

/// The first part takes the place of what is edited, what does not fit follows.
fn edit<To>(of: To, parts: Vec<Message<To>>) -> Vec<Act<To>> {
    let mut parts = parts.into_iter();
    let first = parts.next().map(|now| Act::Edit { of, now });
    first.into_iter().chain(parts.map(Act::Say)).collect()
}

/// A message in as many as are needed.
fn words<Id, To>(
    author: &Author,
    message: &Message<Id>,
    able: &Capabilities,
    name: impl Fn(&Id) -> Option<To>,
    edited: bool,
) -> Vec<Message<To>> {
    let mut reply = None;
    let mut text = Text::default();
    if edited {
        text.push(&"* ".into());
    }
    if let Some(Reply { to, nick, excerpt }) = &message.reply {
        match known(able.reply, name(to)) {
            Some(to) => {
                if able.addressed {
                    text.push(&quoted(nick, ""));
                }
                reply = Some(Reply { to, nick: nick.clone(), excerpt: excerpt.clone() });
            }
            None => text.push(&quoted(nick, excerpt)),
        }
    }
    text.push(&if able.link { message.text.clone() } else { with_addresses(&message.text) });
    if !able.attach {
        for file in message.attachments.iter().filter(|file| !message.text.plain().contains(&file.url)) {
            let line = if text.is_empty() { file.url.clone() } else { format!("\n{}", file.url) };
            text.push(&line.into());
        }
    }
    let prefix =
        if able.names { Text::default() } else { spoken_by(author, message.action, able.quiet_names) };
    // Every line costs the prefix; no more lines in a part than leave half of it to the words.
    let spoken = prefix.plain().len();
    let most = (able.text.bytes / 2).checked_div(spoken).map_or(able.text.lines, |most| most.max(1));
    let lines = text.plain().split('\n').count().min(able.text.lines.max(1)).min(most);
    let limits = Limits { bytes: able.text.bytes.saturating_sub(spoken * lines), lines, ..able.text };
    let mut parts: Vec<Message<To>> =
        cut(&text, &limits).into_iter().map(|part| named(&prefix, &part)).collect();
    for part in &mut parts {
        part.action = message.action && able.names;
    }
    if able.attach && !message.attachments.is_empty() {
        if parts.is_empty() {
            parts.push(named(&prefix, &Text::default()));
        }
        if let Some(last) = parts.last_mut() {
            last.attachments = message.attachments.clone();
        }
    }
    if let Some(first) = parts.first_mut() {
        first.reply = reply;
    }
    parts
}

/// Each address after the words that lead to it, unless they are the address.
fn with_addresses(text: &Text) -> Text {
    let mut links: Vec<(Range<usize>, &str)> = Vec::new();
    for span in text.spans() {
        if let Style::Link(url) = &span.style
            && !text.plain().get(span.range.clone()).unwrap_or_default().contains(url.as_str())
        {
            links.push((span.range.clone(), url));
        }
    }
    links.sort_by_key(|(range, _)| range.end);
    let mut whole = Text::default();
    let mut done = 0;
    for (range, url) in links {
        whole.push(&text.slice(done..range.end));
        whole.push(&format!(" ({url})").into());
        done = range.end;
    }
    whole.push(&text.slice(done..text.plain().len()));
    whole
}

/// The prefix stands before every line: a line without it could be taken for somebody else's.
fn named<To>(prefix: &Text, part: &Text) -> Message<To> {
    let mut text = Text::default();
    for (number, line) in part.lines().enumerate() {
        if number > 0 {
            text.push(&"\n".into());
        }
        text.push(prefix);
        text.push(&line);
    }
    Message::text(text)
}

/// `<nick> ` or `* nick `. The nick cannot close the bracket, so nobody can speak as two.
fn spoken_by(author: &Author, action: bool, quiet: bool) -> Text {
    let mut nick = shorten(&author.nick, NICK).replace('<', "‹").replace('>', "›");
    if quiet {
        let first = nick.chars().next().map_or(0, char::len_utf8);
        nick.insert(first, '\u{200B}');
    }
    if action { format!("* {nick} ").into() } else { format!("<{nick}> ").into() }
}

/// `nick: “excerpt” — `
fn quoted(nick: &str, excerpt: &str) -> Text {
    let line = excerpt.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or_default();
    let nick = shorten(nick, NICK);
    if line.is_empty() {
        format!("{nick}: ").into()
    } else {
        format!("{nick}: “{}” — ", shorten(line, EXCERPT)).into()
    }
}

#[cfg(test)]
mod tests;
