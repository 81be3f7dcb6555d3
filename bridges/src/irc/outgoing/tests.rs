//! Acts as lines.

use super::*;
use crate::model::{Reply, Span, Style};
use crate::network::RemoteId;
use crate::seeded::Seeded;

const POOR: Manner = Manner {
    budget: 400,
    multiline: None,
    echo: false,
    labels: false,
    reply: false,
    react: false,
    typing: false,
    redact: false,
    history: false,
};

const RICH: Manner = Manner { multiline: Some((4096, 24)), echo: true, labels: true, reply: true, ..POOR };

fn units(manner: &Manner, message: Message<RemoteId>) -> Vec<Unit> {
    let mut names = 0;
    said("#c", manner, &message, || {
        names += 1;
        format!("n{names}")
    })
}

fn say(budget: usize, message: Message<RemoteId>) -> Vec<String> {
    units(&Manner { budget, ..POOR }, message).into_iter().map(|unit| unit.lines).collect()
}

#[test]
fn each_line_is_a_message_of_its_own_and_blank_ones_are_none() {
    let lines = say(400, Message::text("one\n\ntwo\r\nQUIT :x"));
    assert_eq!(lines, ["PRIVMSG #c :one\r\n", "PRIVMSG #c :two\r\n", "PRIVMSG #c :QUIT :x\r\n"]);
    assert!(say(400, Message::text("")).is_empty());
}

#[test]
fn an_action_is_an_action_and_leaves_room_for_its_frame() {
    assert_eq!(say(400, Message::action("waves")), ["PRIVMSG #c :\u{1}ACTION waves\u{1}\r\n"]);
    for line in say(50, Message::action("x".repeat(100))) {
        assert!(line.len() <= "PRIVMSG #c :\r\n".len() + 50 && line.ends_with("\u{1}\r\n"), "{line:?}");
    }
}

#[test]
fn ctcp_cannot_be_smuggled_in() {
    assert_eq!(say(400, Message::text("\u{1}DCC SEND x\u{1}")), ["PRIVMSG #c :DCC SEND x\r\n"]);
}

#[test]
fn styles_go_on_in_the_next_line() {
    let text = Text::styled("aaaa bbbb", vec![Span { range: 0..9, style: Style::Bold }]);
    assert_eq!(say(7, Message::text(text)), ["PRIVMSG #c :\u{2}aaaa\r\n", "PRIVMSG #c :\u{2}bbbb\r\n"]);
}

#[test]
fn a_server_that_knows_multiline_gets_one_message_with_its_blank_lines() {
    let reply = Some(Reply { to: "m 1".into(), nick: "ann".into(), excerpt: String::new() });
    let said = units(&RICH, Message { reply, ..Message::text("\none\n\ntwo\n") });
    assert_eq!(said.len(), 1);
    assert_eq!(
        said[0].lines,
        "@label=n1;+reply=m\\s1;+draft/reply=m\\s1 BATCH +n2 draft/multiline #c\r\n@batch=n2 PRIVMSG #c :one\r\n\
         @batch=n2 PRIVMSG #c :\r\n@batch=n2 PRIVMSG #c :two\r\nBATCH -n2\r\n"
    );
    assert_eq!((said[0].text.as_str(), said[0].cost), ("one\n\ntwo", 3));
    let single = units(&RICH, Message::text("one"));
    assert_eq!(single[0].lines, "@label=n1 PRIVMSG #c :one\r\n", "one line needs no batch");
}

#[test]
fn a_long_line_goes_on_in_the_next_and_limits_of_the_batch_are_kept() {
    let words: Vec<String> = (0..400).map(|n| format!("word{n}")).collect();
    let manner = Manner { budget: 100, multiline: Some((1000, 5)), ..RICH };
    let said = units(&manner, Message::text(words.join(" ")));
    let mut whole = String::new();
    for unit in &said {
        let lines: Vec<&str> = unit.lines.lines().filter(|line| line.contains("PRIVMSG")).collect();
        assert!(lines.len() <= 5 && unit.text.len() <= 1000);
        for line in lines {
            assert!(line.split_once(" :").unwrap().1.len() <= 100);
        }
        whole.push_str(&unit.text);
    }
    assert_eq!(whole, words.join(" "), "no byte is lost");
}

#[test]
fn reactions_and_typing_are_tags() {
    let unit = reaction("#c", "m1", "🎉", true, Some("l".into()));
    assert_eq!(unit.lines, "@label=l;+reply=m1;+draft/reply=m1;+draft/react=🎉 TAGMSG #c\r\n");
    assert!(
        reaction("#c", "m1", "a;b\r\nQUIT", false, None)
            .lines
            .contains("+draft/unreact=a\\:b\\r\\nQUIT TAGMSG")
    );
    assert_eq!(typing("#c", true), "@+typing=active TAGMSG #c\r\n");
}

#[test]
fn no_line_is_ever_longer_than_the_budget() {
    let mut seeded = Seeded::new(19);
    for _ in 0..3000 {
        let plain = seeded.prose(200);
        let spans = (0..seeded.below(4)).map(|_| {
            let start = seeded.below(plain.len() + 1);
            Span { range: start..start + seeded.below(50), style: Style::Italic }
        });
        let text = Text::styled(plain.as_str(), spans.collect());
        let budget = 30 + seeded.below(400);
        let action = seeded.below(2) == 0;
        let rich = if seeded.below(2) == 0 { RICH } else { POOR };
        for unit in units(&Manner { budget, ..rich }, Message { action, ..Message::text(text.clone()) }) {
            for line in unit.lines.split_inclusive("\r\n") {
                let bare = line.split_once("PRIVMSG #c :").map_or("", |(_, text)| text);
                assert!(bare.len() <= budget + 2, "{line:?} with {budget}");
                assert_eq!(line.matches(['\r', '\n', '\0']).count(), 2, "{line:?}");
            }
        }
    }
}
