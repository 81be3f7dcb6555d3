//! Odd lines, and servers that change their mind.

use super::tests::{Net, words};
use crate::irc::line::Line;

#[test]
fn ten_thousand_odd_lines_leave_a_session_that_works() {
    let mut seeded = crate::seeded::Seeded::new(17);
    let verbs = [
        "JOIN", "PART", "KICK", "QUIT", "NICK", "353", "366", "MODE", "324", "352", "332", "333", "TOPIC",
        "PRIVMSG", "AWAY", "CHGHOST", "005", "CAP", "471", "404", "302", "396", "900", "433",
    ];
    let words = [
        "#lounge",
        "rialto",
        "ann",
        "+o",
        "-ov",
        "=",
        ":",
        ":@ann +bea !",
        ":a.b c.d",
        "*",
        "LS",
        "ACK",
        "",
        "👩‍👩‍👧",
        "\u{1}ACTION",
        "#",
        "x=y@z",
        "\u{1}",
    ];
    let sources = [":ann!a@h", ":rialto!r@h", ":s.x", ":bea", ""];
    let mut net = Net::lounge("ann bea");
    for _ in 0..10_000 {
        let mut line = format!("{} {}", seeded.one_of(&sources), seeded.one_of(&verbs));
        for _ in 0..seeded.below(5) {
            line.push(' ');
            line.push_str(seeded.one_of::<&str>(&words));
        }
        let Some(line) = Line::read(&line) else { continue };
        net.session.hear(&line, net.now, &mut net.out);
        let lines = net.sent();
        assert!(lines.iter().all(|line| !line.contains(['\r', '\n', '\0']) && line.len() <= 510));
        net.later(seeded.below(3) as u64);
    }
    net.says(":s 001 rialto :Welcome");
    net.says(":s 005 rialto CASEMAPPING=ascii :are supported");
    net.session.rooms.clear();
    net.says(":s 422 rialto :no MOTD");
    net.want("#lounge");
    net.enter("ann");
    net.out.fed.clear();
    assert_eq!(words_after(&mut net), "still here");
}

#[test]
fn a_room_is_found_again_when_the_server_says_which_letters_are_the_same() {
    let mut net = Net::new("");
    net.want("#a[]");
    net.says(":s 005 rialto CASEMAPPING=ascii :are supported");
    net.says(":rialto!~r@h JOIN #A[]");
    net.says(":s 366 rialto #a[] :End");
    assert!(net.session.channel(&"#a[]".into()).is_ok());
    net.says(":rialto!~r@h PRIVMSG #a{} :another room");
    assert_eq!(net.out.fed.len(), 2, "what the room is, and its members");
}

fn words_after(net: &mut Net) -> String {
    let news = net.hears(":ann!a@h PRIVMSG #lounge :still here");
    words(&news).1.to_owned()
}
