//! Lines in and out, also when they are nonsense.

use super::*;
use crate::seeded::Seeded;

fn args(line: &Line) -> Vec<&str> {
    line.args.iter().map(String::as_str).collect()
}

#[test]
fn a_line_is_read_with_its_tags_and_source() {
    let line = Line::read(
        "@time=2011-10-19T16:40:51.620Z;msgid=x1;account=ann :ann!~a@host PRIVMSG #lounge :good night",
    )
    .unwrap();
    assert_eq!((line.verb.as_str(), args(&line)), ("PRIVMSG", vec!["#lounge", "good night"]));
    assert_eq!((line.msgid.as_deref(), line.account.as_deref()), (Some("x1"), Some("ann")));
    assert_eq!((line.source.nick.as_str(), line.source.address().as_deref()), ("ann", Some("~a@host")));
    assert!(line.at.is_some());
}

#[test]
fn modes_keep_all_their_arguments() {
    let line = Line::read(":ChanServ!s@s MODE #lounge +fLo 5:3 #other ann").unwrap();
    assert_eq!(args(&line), ["#lounge", "+fLo", "5:3", "#other", "ann"]);
}

#[test]
fn numerics_are_three_digits_whether_known_or_not() {
    assert_eq!(Line::read(":irc.x 001 rialto :Welcome").unwrap().verb, "001");
    assert_eq!(Line::read(":irc.x 396 rialto host :is now your host").unwrap().args[1], "host");
    assert_eq!(Line::read(":irc.x 353 me = #c :@ann bea ").unwrap().args[3], "@ann bea ");
}

#[test]
fn text_keeps_its_colons_and_spaces() {
    assert_eq!(Line::read(":a PRIVMSG #c ::) :x  y ").unwrap().last(), ":) :x  y ");
    assert_eq!(Line::read("PING 12345").unwrap().last(), "12345");
    assert_eq!(Line::read("ERROR :Closing Link: x (K-lined)").unwrap().last(), "Closing Link: x (K-lined)");
}

#[test]
fn nonsense_is_no_line_and_no_panic() {
    for line in [
        "",
        " ",
        ":",
        ":x",
        "@",
        "@a",
        "@a ",
        "@a :b",
        ":b ",
        "\u{1}",
        ":a MODE",
        ":a MODE #c",
        "CAP",
        "::: :::",
        " :",
    ] {
        let _ = Line::read(line);
    }
}

#[test]
fn ten_thousand_mutated_lines_are_survived() {
    let whole = [
        "@time=2011-10-19T16:40:51.620Z;msgid=x :ann!a@h PRIVMSG #lounge :good \u{2}night\u{2}",
        ":irc.x 005 me CASEMAPPING=rfc1459 PREFIX=(ov)@+ CHANMODES=b,k,l,imnst :are supported",
        ":irc.x 353 me = #lounge :@ann +bea cid",
        ":irc.x CAP * LS * :multi-prefix sasl=PLAIN",
        ":ann!a@h MODE #lounge +o-v bea cid",
        ":ann!a@h BATCH +x netsplit a b",
        ":ann!a@h METADATA * :x",
        "PING :x",
    ];
    let bits = [
        " ",
        ":",
        "@",
        "!",
        ";",
        "=",
        "\u{1}",
        "\\",
        "é",
        "👩‍👩‍👧",
        "MODE",
        "353",
        "+",
        "-",
        ",",
        "#",
        "CAP",
        "BATCH",
        "\u{FFFD}",
    ];
    let mut seeded = Seeded::new(13);
    for _ in 0..10_000 {
        let mut line: Vec<char> = seeded.one_of(&whole).chars().collect();
        for _ in 0..1 + seeded.below(6) {
            let at = seeded.below(line.len() + 1);
            match seeded.below(3) {
                0 => drop(line.splice(at..at, seeded.one_of(&bits).chars())),
                1 => drop(line.drain(at..(at + seeded.below(8)).min(line.len()))),
                _ => line.truncate(at.max(3)),
            }
        }
        let line: String = line.into_iter().collect();
        if let Some(read) = Line::read(&line) {
            let words: Vec<&str> = read.args.iter().map(String::as_str).collect();
            let out = write(&[&read.verb], Some(&words.join(" ")));
            assert_eq!(out.matches(['\r', '\n', '\0']).count(), 2, "{out:?}");
        }
    }
}

#[test]
fn one_line_goes_out_whatever_comes_in() {
    assert_eq!(write(&["PRIVMSG", "#c"], Some("a\r\nQUIT\0 :b")), "PRIVMSG #c :aQUIT :b\r\n");
    assert_eq!(write(&["JOIN", "#a b\r\nQUIT"], None), "JOIN #abQUIT\r\n");
    assert_eq!(write(&["NICK", ""], None), "NICK *\r\n");
    assert_eq!(write(&["NICK", ":x"], None), "NICK *:x\r\n");
}

#[test]
fn no_line_that_goes_out_is_too_long() {
    let line = write(&["PRIVMSG", "#c"], Some(&"é".repeat(400)));
    assert!(line.len() <= LONGEST_OUT && line.ends_with("é\r\n"), "{}", line.len());
}

#[test]
fn bytes_that_are_no_utf_8_are_read_as_latin_1() {
    assert_eq!(decode("é — ü".as_bytes()), "é — ü");
    assert_eq!(decode(b"caf\xe9 \x80\x00"), "café €");
}

#[test]
fn lines_come_out_whole_however_the_bytes_come_in() {
    let mut inbox = Inbox::default();
    inbox.space().extend_from_slice(b"PING :a\r\n\r\nPI");
    assert_eq!(inbox.next_line().as_deref(), Some("PING :a"));
    assert_eq!(inbox.next_line(), None);
    inbox.space().extend_from_slice(b"NG :b\nx\r");
    assert_eq!(inbox.next_line().as_deref(), Some("PING :b"));
    assert_eq!(inbox.next_line().as_deref(), Some("x"));
    assert_eq!(inbox.next_line(), None);
}

#[test]
fn a_line_that_never_ends_is_left_out_and_costs_no_memory() {
    let mut inbox = Inbox::default();
    for _ in 0..100 {
        inbox.space().extend_from_slice(&[b'x'; 1000]);
        assert_eq!(inbox.next_line(), None);
        assert!(inbox.space().len() <= LONGEST_IN + 1000);
    }
    inbox.space().extend_from_slice(b"\r\nPING :a\r\n");
    assert_eq!(inbox.next_line().as_deref(), Some("PING :a"));
}
