//! Hats, from the wishes of those who run the room to what everybody sees.

use crate::muc::affiliation::Affiliation;
use crate::muc::room::Input;
use crate::muc::tests::stage::{Stage, full};

const TEACHER: &str = "http://tech.example.edu/hats#Teacher";

fn run(stage: &mut Stage, who: &str, command: &str, fields: &[(&str, &str)]) -> String {
    let fields: String = fields
        .iter()
        .map(|(var, value)| format!("<field var='hats#{var}'><value>{value}</value></field>"))
        .collect();
    let form = format!("<x xmlns='jabber:x:data' type='submit'>{fields}</x>");
    let form = if fields.is_empty() { "" } else { &form };
    let node = format!("urn:xmpp:hats:commands:{command}");
    stage.asks(
        who,
        "set",
        &format!("<command xmlns='http://jabber.org/protocol/commands' node='{node}'>{form}</command>"),
    )
}

fn with_teacher() -> Stage {
    let mut stage = Stage::with(&["romeo", "juliet", "paris"]);
    let made =
        run(&mut stage, "romeo", "create", &[("title", "Teacher"), ("uri", TEACHER), ("hue", "327.25")]);
    assert!(made.contains("status='completed'"), "{made}");
    assert!(stage.hears("juliet")[0].contains("code='104'") && stage.saved());
    stage.hush();
    stage
}

#[test]
fn a_hat_is_seen_by_everybody_as_long_as_it_is_worn() {
    let mut stage = with_teacher();
    let given = run(&mut stage, "romeo", "assign", &[("jid", "juliet@montague.lit"), ("uri", TEACHER)]);
    assert!(given.contains("completed") && stage.saved());
    let shown =
        format!("<hats xmlns='urn:xmpp:hats:0'><hat title='Teacher' uri='{TEACHER}' hue='327.25'/></hats>");
    for who in ["romeo", "juliet", "paris"] {
        let heard = stage.hears(who);
        assert!(
            heard[0].contains("from='lounge@rooms.lit/juliet'") && heard[0].contains(&shown),
            "{heard:?}"
        );
    }
    stage.enters("nurse", "nurse");
    assert!(stage.hears("nurse").iter().any(|heard| heard.contains(&shown)), "who enters later sees it, too");
    stage.hush();
    run(&mut stage, "romeo", "unassign", &[("jid", "lounge@rooms.lit/juliet"), ("uri", TEACHER)]);
    let heard = stage.hears("paris");
    assert!(heard[0].contains("/juliet'") && !heard[0].contains("<hats"), "{heard:?}");
}

#[test]
fn a_destroyed_hat_is_worn_by_nobody() {
    let mut stage = with_teacher();
    run(&mut stage, "romeo", "assign", &[("jid", "juliet@montague.lit"), ("uri", TEACHER)]);
    stage.hush();
    run(&mut stage, "romeo", "destroy", &[("uri", TEACHER)]);
    let heard = stage.hears("paris");
    assert!(heard[0].contains("104") && !heard[1].contains("<hats"), "{heard:?}");
    assert!(stage.room.record.hats.worn.is_empty() && stage.room.record.hats.hash().is_none());
}

#[test]
fn hats_are_the_business_of_those_who_run_the_room() {
    let mut stage = with_teacher();
    for command in ["create", "destroy", "assign", "unassign", "list-assigned"] {
        assert!(run(&mut stage, "juliet", command, &[]).contains("<forbidden"), "{command}");
        assert!(!run(&mut stage, "romeo", command, &[]).contains("type='error'"), "{command}");
    }
    assert!(run(&mut stage, "juliet", "list", &[]).contains(TEACHER));
    assert!(run(&mut stage, "tybalt", "list", &[]).contains("<forbidden"));
    stage.affiliate("juliet", Affiliation::Admin);
    assert!(run(&mut stage, "juliet", "list-assigned", &[]).contains("<reported>"));
}

#[test]
fn what_makes_no_sense_is_refused() {
    let mut stage = with_teacher();
    for (command, fields, condition) in [
        ("create", vec![("title", "x")], "bad-payload"),
        ("create", vec![("title", "x"), ("uri", "no uri")], "bad-payload"),
        ("create", vec![("title", "x"), ("uri", "a:b"), ("hue", "-1")], "bad-payload"),
        ("create", vec![("title", "x"), ("uri", "a:b"), ("hue", "NaN")], "bad-payload"),
        ("destroy", vec![("uri", "urn:unknown")], "item-not-found"),
        ("assign", vec![("jid", "@"), ("uri", TEACHER)], "jid-malformed"),
        ("assign", vec![("jid", "lounge@rooms.lit/nobody"), ("uri", TEACHER)], "item-not-found"),
        ("unassign", vec![("jid", "paris@montague.lit"), ("uri", TEACHER)], "item-not-found"),
        ("fly", vec![], "item-not-found"),
    ] {
        let answer = run(&mut stage, "romeo", command, &fields);
        assert!(answer.contains(&format!("<{condition}")), "{command} {fields:?}: {answer}");
        assert!(!stage.saved());
    }
    for n in 0..70 {
        run(&mut stage, "romeo", "create", &[("title", "x"), ("uri", &format!("urn:{n}"))]);
    }
    assert_eq!(stage.room.record.hats.list.len(), 64);
}

#[test]
fn nobody_puts_on_a_hat_himself() {
    let mut stage = with_teacher();
    stage.says(
        "juliet",
        &format!("<presence to='lounge@rooms.lit/juliet'><hats xmlns='urn:xmpp:hats:0'><hat title='Teacher' uri='{TEACHER}'/></hats><show>away</show></presence>"),
    );
    let heard = stage.hears("romeo");
    assert!(heard[0].contains("away") && !heard[0].contains("<hats"), "{heard:?}");
}

#[test]
fn a_removed_account_leaves_no_hat_behind() {
    let mut stage = with_teacher();
    run(&mut stage, "romeo", "assign", &[("jid", "nurse@montague.lit"), ("uri", TEACHER)]);
    stage.input(Input::Forget(full("nurse").bare()));
    assert!(stage.saved() && stage.room.record.hats.worn.is_empty());
}
