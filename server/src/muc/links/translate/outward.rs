//! From a groupchat message to an act: 0308, 0424, 0444, 0461 with 0428, 0066, 0085, 0333, 0245.

use std::sync::Arc;

use rialto_bridges::model::{Act, Message as Said, Reply, Text};
use rialto_xmpp::{Element, Message, ns};

use super::{file, styling};

/// Bytes of a name of a thread that is taken along.
const THREAD: usize = 128;

/// What the room knows about earlier messages.
pub trait Known {
    /// The room's id of the message that this author sent under this id of his own (XEP-0308 names that one).
    fn by_author(&self, id: &str) -> Option<String>;

    /// Nick and words of a message, by the room's id.
    fn quoted(&self, id: &str) -> Option<(Arc<str>, String)>;
}

/// The act in a message; `None` where there is nothing that other networks have words for (OMEMO, calls).
pub fn act(message: &Message, known: &dyn Known) -> Option<Act<String>> {
    if message.payload("encryption", ns::EME).is_some()
        || message.payload("encrypted", ns::OMEMO_LEGACY).is_some()
    {
        return None;
    }
    if let Some(retract) = message.payload("retract", ns::RETRACT) {
        return Some(Act::Retract { of: retract.get("id")?.to_owned() });
    }
    if let Some(reactions) = message.payload("reactions", ns::REACTIONS) {
        let emoji =
            reactions.children().filter(|child| child.is("reaction", ns::REACTIONS)).map(Element::text);
        return Some(Act::React { to: reactions.get("id")?.to_owned(), emoji: emoji.collect() });
    }
    let body = message.body();
    if let (Some(subject), None) = (message.payload("subject", ns::CLIENT), &body) {
        return Some(Act::Subject(subject.text()));
    }
    let Some(body) = body.filter(|body| !body.is_empty()) else { return quiet(message) };
    let said = said(message, &body, known);
    let corrected =
        message.payload("replace", ns::CORRECT).and_then(|replace| known.by_author(replace.get("id")?));
    Some(match corrected {
        Some(of) => Act::Edit { of, now: said },
        None => Act::Say(said),
    })
}

/// Acts without words.
fn quiet(message: &Message) -> Option<Act<String>> {
    if let Some(displayed) = message.payload("displayed", ns::MARKERS) {
        return Some(Act::Displayed { up_to: displayed.get("id")?.to_owned() });
    }
    let state = message.payloads.iter().find(|payload| *payload.ns() == *ns::CHAT_STATES)?;
    Some(Act::Typing(state.name() == "composing"))
}

fn said(message: &Message, body: &str, known: &dyn Known) -> Said<String> {
    let reply = message.payload("reply", ns::REPLY).and_then(|reply| {
        let to = reply.get("id")?.to_owned();
        let (nick, excerpt) = known.quoted(&to)?;
        Some(Reply { to, nick, excerpt })
    });
    let body = without_fallback(message, body);
    // XEP-0201.
    let thread = message.payload("thread", ns::CLIENT).map(|thread| Arc::from(thread.text().trim()));
    let thread = thread.filter(|thread: &Arc<str>| !thread.is_empty() && thread.len() <= THREAD);
    let (attachments, only) = file::read(message, &body);
    if only {
        return Said { text: Text::default(), action: false, reply, attachments, thread };
    }
    // XEP-0245.
    let (action, body) = match body.strip_prefix("/me ") {
        Some(rest) => (true, rest),
        None => (false, body.as_str()),
    };
    Said { text: styling::read(body), action, reply, attachments, thread }
}

/// XEP-0428 §2: the part of the body that quotes for those who know no replies; positions count characters.
fn without_fallback(message: &Message, body: &str) -> String {
    let fallbacks = message.payloads.iter().filter(|payload| payload.is("fallback", ns::FALLBACK));
    let of_reply = fallbacks.filter(|fallback| fallback.get("for") == Some(ns::REPLY));
    let ranges: Vec<(usize, usize)> = of_reply
        .flat_map(Element::children)
        .filter(|part| part.is("body", ns::FALLBACK))
        .map(|part| {
            let number = |name, default| part.get(name).and_then(|text| text.parse().ok()).unwrap_or(default);
            (number("start", 0), number("end", usize::MAX))
        })
        .collect();
    if ranges.is_empty() {
        return body.to_owned();
    }
    let kept =
        body.chars().enumerate().filter(|(at, _)| !ranges.iter().any(|(start, end)| start <= at && at < end));
    kept.map(|(_, c)| c).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use rialto_xmpp::{Stanza, parse};

    struct One;

    impl Known for One {
        fn by_author(&self, id: &str) -> Option<String> {
            (id == "m1").then(|| "sid1".to_owned())
        }

        fn quoted(&self, id: &str) -> Option<(Arc<str>, String)> {
            (id == "sid1").then(|| ("Juliet".into(), "Good night".to_owned()))
        }
    }

    fn read(inside: &str) -> Option<Act<String>> {
        let xml = format!("<message xmlns='jabber:client' type='groupchat'>{inside}</message>");
        match Stanza::read(parse::standalone(&xml).unwrap()).unwrap() {
            Stanza::Message(message) => act(&message, &One),
            _ => None,
        }
    }

    #[test]
    fn words_are_said_and_actions_acted() {
        assert_eq!(read("<body>hi</body>"), Some(Act::Say(Said::text("hi"))));
        assert_eq!(read("<body>/me waves</body>"), Some(Act::Say(Said::action("waves"))));
    }

    #[test]
    fn a_correction_of_a_known_message_is_an_edit_and_of_an_unknown_one_new_words() {
        let replace =
            |id: &str| format!("<body>hi</body><replace xmlns='urn:xmpp:message-correct:0' id='{id}'/>");
        assert_eq!(read(&replace("m1")), Some(Act::Edit { of: "sid1".into(), now: Said::text("hi") }));
        assert_eq!(read(&replace("m9")), Some(Act::Say(Said::text("hi"))));
    }

    #[test]
    fn the_quotation_for_old_clients_is_not_said_again() {
        let answer = read(
            "<body>&gt; Good night\nSleep well</body><reply xmlns='urn:xmpp:reply:0' id='sid1'/>\
             <fallback xmlns='urn:xmpp:fallback:0' for='urn:xmpp:reply:0'><body start='0' end='13'/></fallback>",
        );
        let Some(Act::Say(said)) = answer else { panic!("{answer:?}") };
        assert_eq!(
            (said.text.plain(), said.reply.map(|reply| reply.excerpt)),
            ("Sleep well", Some("Good night".into()))
        );
    }

    #[test]
    fn what_is_encrypted_stays_here() {
        assert_eq!(read("<body>no</body><encryption xmlns='urn:xmpp:eme:0' namespace='x'/>"), None);
    }

    #[test]
    fn a_shared_file_is_an_attachment() {
        let url = "https://example.org/a/cat.png";
        let shared = read(&format!("<body>{url}</body><x xmlns='jabber:x:oob'><url>{url}</url></x>"));
        let Some(Act::Say(said)) = shared else { panic!("{shared:?}") };
        assert_eq!((said.attachments[0].name.as_str(), said.text.is_empty()), ("cat.png", true));
    }
}
