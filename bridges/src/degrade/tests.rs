//! What is said where a network cannot: each row of the table in `degrade`.

use super::*;
use crate::loopback::{ABLE, POOR, person};
use crate::model::{Attachment, Span};
use std::time::SystemTime;

fn said(act: Act<u32>, able: &Capabilities) -> Vec<String> {
    let event = Event { author: person("Romeo"), at: SystemTime::UNIX_EPOCH, act };
    let show = |event: Event<String>| match event.act {
        Act::Say(message) => message.text.into_plain(),
        other => format!("{other:?}"),
    };
    fit(&event, able, far).into_iter().map(show).collect()
}

fn far(id: &u32) -> Option<String> {
    (*id < 10).then(|| format!("far-{id}"))
}

fn reply(to: u32) -> Message<u32> {
    let reply = Reply { to, nick: "ann".into(), excerpt: "shall I compare thee\nto a summer's day".into() };
    Message { reply: Some(reply), ..Message::text("no") }
}

fn picture() -> Attachment {
    Attachment {
        name: "cat.png".into(),
        media_type: "image/png".into(),
        size: Some(9),
        url: "https://up.example/cat.png".into(),
        description: None,
    }
}

#[test]
fn without_names_the_nick_stands_before_every_line() {
    assert_eq!(
        said(Act::Say(Message::text("hi\n<Juliet> I am a fool")), &POOR),
        ["<Romeo> hi", "<Romeo> <Juliet> I am a fool"]
    );
    let two = Capabilities { text: Limits { lines: 2, ..POOR.text }, ..POOR };
    assert_eq!(said(Act::Say(Message::text("hi\nho")), &two), ["<Romeo> hi\n<Romeo> ho"]);
    assert_eq!(said(Act::Say(Message::action("waves")), &POOR), ["* Romeo waves"]);
}

#[test]
fn nobody_can_speak_as_two() {
    let event =
        Event { author: person("a> yes <Juliet"), at: SystemTime::now(), act: Act::Say(Message::text("hi")) };
    let parts = fit(&event, &POOR, far);
    assert!(matches!(&parts[0].act, Act::Say(m) if m.text.plain() == "<a› yes ‹Juliet> hi"));
}

#[test]
fn quiet_names_do_not_alert_their_owners() {
    let quiet = Capabilities { quiet_names: true, ..POOR };
    assert_eq!(said(Act::Say(Message::text("hi")), &quiet), ["<R\u{200B}omeo> hi"]);
}

#[test]
fn without_edits_the_words_are_said_again() {
    let edit = |of| Act::Edit { of, now: Message::text("Good night") };
    assert_eq!(said(edit(1), &POOR), ["<Romeo> * Good night"]);
    assert!(said(edit(1), &ABLE)[0].starts_with("Edit { of: \"far-1\""));
    assert_eq!(
        said(edit(99), &ABLE),
        ["* Good night"],
        "an edit of a message that the far side does not have"
    );
}

#[test]
fn without_replies_what_is_answered_is_quoted() {
    assert_eq!(said(Act::Say(reply(1)), &POOR), ["<Romeo> ann: “shall I compare thee” — no"]);
    assert_eq!(said(Act::Say(reply(99)), &ABLE), ["ann: “shall I compare thee” — no"]);
    let event = Event { author: person("Romeo"), at: SystemTime::now(), act: Act::Say(reply(1)) };
    let parts = fit(&event, &ABLE, far);
    assert!(matches!(&parts[0].act, Act::Say(Message { reply: Some(r), .. }) if r.to == "far-1"));
    let parts = fit(&event, &Capabilities { addressed: true, ..ABLE }, far);
    let both = |said: &Message<String>| said.reply.is_some() && said.text.plain() == "ann: no";
    assert!(matches!(&parts[0].act, Act::Say(said) if both(said)), "not everybody there sees the reply");
}

#[test]
fn without_attachments_their_addresses_are_said() {
    let shown = |words: &str| Act::Say(Message { attachments: vec![picture()], ..Message::text(words) });
    assert_eq!(said(shown("look"), &POOR), ["<Romeo> look", "<Romeo> https://up.example/cat.png"]);
    assert_eq!(said(shown(""), &POOR), ["<Romeo> https://up.example/cat.png"]);
    assert_eq!(said(shown("https://up.example/cat.png"), &POOR), ["<Romeo> https://up.example/cat.png"]);
    let event = Event { author: person("Romeo"), at: SystemTime::now(), act: shown("") };
    assert!(
        matches!(&fit(&event, &ABLE, far)[0].act, Act::Say(m) if m.attachments.len() == 1 && m.text.is_empty())
    );
}

#[test]
fn without_links_the_address_follows_the_words() {
    let span = |range, url: &str| Span { range, style: Style::Link(url.into()) };
    let spans = vec![span(4..8, "https://a.example"), span(9..26, "https://b.example")];
    let text = Text::styled("see this https://b.example now", spans);
    assert_eq!(
        said(Act::Say(Message::text(text.clone())), &POOR),
        ["<Romeo> see this (https://a.example) https://b.example now"]
    );
    assert_eq!(said(Act::Say(Message::text(text)), &ABLE), ["see this https://b.example now"]);
}

#[test]
fn what_cannot_be_shown_at_all_is_dropped() {
    for act in [
        Act::Retract { of: 1 },
        Act::React { to: 1, emoji: vec!["🌹".into()] },
        Act::Typing(true),
        Act::Displayed { up_to: 1 },
        Act::Subject("spring".into()),
    ] {
        assert!(said(act.clone(), &POOR).is_empty(), "{act:?}");
        assert_eq!(said(act.clone(), &ABLE).len(), 1, "{act:?}");
    }
    assert!(said(Act::Retract { of: 99 }, &ABLE).is_empty());
}

#[test]
fn a_subject_is_cut_where_the_far_side_would_cut_it() {
    let short = Capabilities { subject: Some(10), ..POOR };
    assert_eq!(said(Act::Subject("such sweet sorrow".into()), &short), ["Subject(\"such sw…\")"]);
}

#[test]
fn long_words_become_parts_that_fit_with_their_prefix() {
    let long = "good night ".repeat(200);
    let parts = said(Act::Say(Message::text(long.as_str())), &POOR);
    assert!(parts.len() >= 5);
    assert!(parts.iter().all(|part| part.starts_with("<Romeo> ") && part.len() <= POOR.text.bytes));
}

#[test]
fn a_name_as_long_as_the_line_leaves_room_for_words() {
    let event =
        Event {
            author: person(&"ü".repeat(120)), at: SystemTime::now(), act: Act::Say(Message::text("hi"))
        };
    let narrow = Capabilities { text: Limits { bytes: 80, ..POOR.text }, ..POOR };
    let parts = fit(&event, &narrow, far);
    assert!(matches!(&parts[..], [Event { act: Act::Say(m), .. }] if m.text.plain().ends_with("…> hi")));
}
