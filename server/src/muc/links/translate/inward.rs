//! From an act to the payloads of a groupchat message: 0308, 0424, 0444, 0461 with 0428, 0066, 0085, 0333, 0245.

use rialto_bridges::model::{Act, Message as Said, Reply};
use rialto_xmpp::{Element, ns};

use super::{file, styling};

/// The payloads that say this to XMPP people. An act may need several messages: one for its words, one for each file.
/// Subjects are the room's own affair and give none.
pub fn payloads(act: &Act<String>) -> Vec<Vec<Element>> {
    match act {
        Act::Say(said) => messages(said, None),
        Act::Edit { of, now } => {
            let replace = Element::new("replace", ns::CORRECT).attr("id", of);
            messages(now, Some(replace))
        }
        Act::Retract { of } => vec![vec![Element::new("retract", ns::RETRACT).attr("id", of), store()]],
        Act::React { to, emoji } => {
            let one = |emoji: &String| Element::new("reaction", ns::REACTIONS).with_text(emoji.as_str());
            let reactions =
                Element::new("reactions", ns::REACTIONS).attr("id", to).with_all(emoji.iter().map(one));
            vec![vec![reactions, store()]]
        }
        Act::Typing(on) => {
            vec![vec![Element::new(if *on { "composing" } else { "active" }, ns::CHAT_STATES)]]
        }
        Act::Displayed { up_to } => {
            vec![vec![Element::new("displayed", ns::MARKERS).attr("id", up_to), store()]]
        }
        Act::Subject(_) => Vec::new(),
    }
}

/// XEP-0334: what has no words is still part of the conversation.
fn store() -> Element {
    Element::new("store", ns::HINTS)
}

fn messages(said: &Said<String>, replace: Option<Element>) -> Vec<Vec<Element>> {
    let mut messages = Vec::new();
    if !said.text.is_empty() || said.attachments.is_empty() {
        messages.push(words(said));
    }
    messages.extend(said.attachments.iter().map(file::write));
    if let Some(thread) = &said.thread {
        // XEP-0201.
        let thread = Element::new("thread", ns::CLIENT).with_text(&**thread);
        messages.iter_mut().for_each(|message| message.push(thread.clone()));
    }
    if let (Some(replace), Some(first)) = (replace, messages.first_mut()) {
        first.push(replace);
    }
    messages
}

fn words(said: &Said<String>) -> Vec<Element> {
    let body = styling::write(&said.text);
    let body = if said.action { format!("/me {body}") } else { body };
    match &said.reply {
        None => vec![Element::new("body", ns::CLIENT).with_text(body)],
        Some(reply) => answer(reply, &body),
    }
}

/// XEP-0461 §3.1: the quotation in the body is for those who know no replies, and marked as such.
fn answer(reply: &Reply<String>, body: &str) -> Vec<Element> {
    let mut quoted = String::new();
    for line in reply.excerpt.lines().take(3) {
        quoted.push_str("> ");
        quoted.push_str(line);
        quoted.push('\n');
    }
    let part =
        Element::new("body", ns::FALLBACK).attr("start", "0").attr("end", quoted.chars().count().to_string());
    let fallback = Element::new("fallback", ns::FALLBACK).attr("for", ns::REPLY).with(part);
    vec![
        Element::new("body", ns::CLIENT).with_text(quoted + body),
        Element::new("reply", ns::REPLY).attr("id", &reply.to),
        fallback,
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use rialto_bridges::Attachment;

    #[test]
    fn an_action_is_said_as_clients_know_it() {
        let all = payloads(&Act::Say(Said::action("waves")));
        assert_eq!(all, [vec![Element::new("body", ns::CLIENT).with_text("/me waves")]]);
    }

    #[test]
    fn an_answer_quotes_and_says_that_it_quotes() {
        let reply = Some(Reply { to: "sid1".into(), nick: "Juliet".into(), excerpt: "Good night".into() });
        let all = payloads(&Act::Say(Said { reply, ..Said::text("Sleep well") }));
        assert_eq!(all[0][0].text(), "> Good night\nSleep well");
        assert_eq!(all[0][2].children().next().and_then(|part| part.get("end")), Some("13"));
    }

    #[test]
    fn words_and_files_are_a_message_each() {
        let cat = Attachment {
            name: "cat.png".into(),
            media_type: "image/png".into(),
            size: None,
            url: "https://example.org/cat.png".into(),
            description: None,
        };
        let all = payloads(&Act::Say(Said { attachments: vec![cat], ..Said::text("look") }));
        assert_eq!(
            all.iter().map(|message| message[0].text()).collect::<Vec<_>>(),
            ["look", "https://example.org/cat.png"]
        );
    }
}
