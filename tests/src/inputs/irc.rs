//! What comes in over IRC, and what becomes of words on their way to a network.

use std::time::SystemTime;

use rialto_bridges::irc::{formatting, line};
use rialto_bridges::model::{Act, Author, Event, Message, Span, Style, Text};
use rialto_bridges::network::{Capabilities, Limits};

pub(super) const LINE: &[&str] = &[
    ":",
    " :",
    "\r\n",
    "\n",
    "\r",
    "\0",
    "@time=2026-01-01T00:00:00.000Z ",
    "@a=b;c ",
    ":nick!user@host ",
    "PRIVMSG ",
    "#lounge ",
    "MODE ",
    "+o ",
    "353 ",
    "\u{1}ACTION ",
    "\u{1}",
    "é",
    "\u{1f600}",
    "\\:",
    ";",
    "=",
    "CAP * LS * :",
];
pub(super) const CODES: &[&str] = &[
    "\u{2}",
    "\u{3}",
    "\u{3}4",
    "\u{3}12,3",
    "\u{4}ff00ff",
    "\u{f}",
    "\u{11}",
    "\u{16}",
    "\u{1d}",
    "\u{1e}",
    "\u{1f}",
    ",",
    "1",
    "\n",
    "\n\n",
    "é",
    "e\u{301}",
    "\u{1f469}\u{200d}\u{1f469}\u{200d}\u{1f467}",
    "\u{1f1e9}\u{1f1ea}",
    "\u{202e}",
    "\u{200b}",
    "a long word ",
    "\u{1}",
];

/// Lines come out of bytes without their ends; what is made to be sent is one line of at most 512 bytes.
pub fn irc_line(data: &[u8]) {
    let mut inbox = line::Inbox::default();
    inbox.space().extend_from_slice(data);
    while let Some(text) = inbox.next_line() {
        assert!(!text.contains(['\r', '\n', '\0']), "{text:?}");
        if let Some(line) = line::Line::read(&text) {
            assert!(!line.verb.is_empty());
            assert!(!line.words().contains(char::is_control), "{:?}", line.words());
        }
    }
    let text = line::decode(data);
    let halves = text.split_at(text.floor_char_boundary(text.len() / 2));
    for (words, last) in [(vec!["PRIVMSG", halves.0], Some(halves.1)), (vec![text.as_str(), "x"], None)] {
        let line = line::write(&words, last);
        let body = line.strip_suffix("\r\n").expect("a line has an end");
        assert!(!body.contains(['\r', '\n', '\0']), "{body:?}");
        assert!(line.len() <= 512 && !body.is_empty(), "{} bytes", line.len());
    }
}

/// Codes become spans and never stay in the words; written again, the words are the same.
pub fn irc_formatting(data: &[u8]) {
    let text = formatting::read(&line::decode(data));
    let is_code = |c: char| "\u{2}\u{3}\u{4}\u{f}\u{11}\u{1d}\u{1e}\u{1f}\0\r".contains(c);
    assert!(!text.plain().contains(is_code), "{:?}", text.plain());
    for span in text.spans() {
        assert!(text.plain().get(span.range.clone()).is_some_and(|piece| !piece.is_empty()), "{span:?}");
    }
    let written = formatting::write(&text);
    assert!(!written.contains(['\r', '\n', '\0']), "{written:?}");
    assert_eq!(formatting::strip(&written), text.plain().replace('\n', " "));
}

/// Whatever the far side can do, what goes there fits, and is cut where characters end.
pub fn degrade(data: &[u8]) {
    let (head, rest) = data.split_at(data.len().min(4));
    let byte = |at: usize| usize::from(head.get(at).copied().unwrap_or_default());
    let limits = Limits {
        bytes: 100 + byte(0) * 2,
        lines: 1 + byte(1) % 5,
        span: byte(1) / 64,
        parts: 1 + byte(2) % 6,
    };
    let able = Capabilities {
        text: limits,
        subject: (byte(3) & 1 > 0).then_some(40 + byte(0)),
        reply: false,
        edit: byte(3) & 2 > 0,
        retract: byte(3) & 4 > 0,
        react: byte(3) & 4 > 0,
        attach: false,
        link: byte(3) & 8 > 0,
        typing: byte(3) & 16 > 0,
        displayed: false,
        names: byte(3) & 32 > 0,
        quiet_names: byte(3) & 64 > 0,
        puppets: false,
        sanction: false,
        threads: false,
        rehost: false,
        addressed: true,
        finds: false,
    };
    let words = line::decode(rest);
    let spans = vec![
        Span { range: 0..words.len() / 2, style: Style::Bold },
        Span { range: words.len() / 3..words.len(), style: Style::Italic },
    ];
    let text = Text::styled(words.clone(), spans);
    let say = Message { action: byte(3) & 128 > 0, ..Message::text(text) };
    for act in [Act::Say(say.clone()), Act::Edit { of: 1, now: say }, Act::Subject(words)] {
        fits(act, &able);
    }
}

fn fits(act: Act<u8>, able: &Capabilities) {
    let author = Author {
        id: "romeo@localhost".into(),
        nick: "Romeo".into(),
        avatar: None,
        network: "xmpp",
        account: None,
        address: None,
    };
    let event = Event { author, at: SystemTime::UNIX_EPOCH, act };
    let parts = rialto_bridges::degrade::fit(&event, able, |id| Some(*id));
    assert!(parts.len() <= able.text.parts.max(1), "{} parts", parts.len());
    for part in parts {
        match part.act {
            Act::Say(message) | Act::Edit { now: message, .. } => {
                let plain = message.text.plain();
                // A span over several lines stands there once for each, and costs once.
                let has = |style: Style| message.text.spans().iter().any(|span| span.style == style);
                let spans = usize::from(has(Style::Bold)) + usize::from(has(Style::Italic));
                assert!(
                    plain.len() + spans * able.text.span <= able.text.bytes,
                    "{} bytes: {plain:?}",
                    plain.len()
                );
                assert!(plain.split('\n').count() <= able.text.lines, "{plain:?}");
            }
            Act::Subject(subject) => {
                assert!(subject.len() <= able.subject.unwrap_or_default(), "{subject:?}")
            }
            _ => {}
        }
    }
}
