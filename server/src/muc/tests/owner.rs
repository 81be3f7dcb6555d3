//! Configuring, unlocking and destroying a room, as its owner and those in it meet it.

use super::stage::{Stage, full};
use crate::muc::{Affiliation, Effect, State};

fn submit(stage: &mut Stage, who: &str, fields: &[(&str, &[&str])]) -> String {
    let field = |(var, values): &(&str, &[&str])| {
        let values: String = values.iter().map(|value| format!("<value>{value}</value>")).collect();
        format!("<field var='{var}'>{values}</field>")
    };
    let fields: String = fields.iter().map(field).collect();
    let form = format!(
        "<query xmlns='http://jabber.org/protocol/muc#owner'><x xmlns='jabber:x:data' type='submit'>\
         <field var='FORM_TYPE'><value>http://jabber.org/protocol/muc#roomconfig</value></field>{fields}</x></query>"
    );
    stage.asks(who, "set", &form)
}

const CANCEL: &str =
    "<query xmlns='http://jabber.org/protocol/muc#owner'><x xmlns='jabber:x:data' type='cancel'/></query>";
const INSTANT: &str =
    "<query xmlns='http://jabber.org/protocol/muc#owner'><x xmlns='jabber:x:data' type='submit'/></query>";

#[test]
fn an_empty_form_makes_an_instant_room_that_is_kept() {
    let mut stage = Stage::empty("romeo", State::Locked);
    stage.enters("romeo", "romeo");
    assert!(!stage.saved());
    assert!(stage.asks("romeo", "set", INSTANT).contains("type='result'"));
    assert!(stage.saved() && stage.room.state == State::Open);
    stage.enters("juliet", "juliet");
    assert_eq!(stage.room.occupants.len(), 2);
}

#[test]
fn a_new_room_whose_configuration_is_cancelled_is_gone() {
    let mut stage = Stage::empty("romeo", State::Locked);
    stage.enters("romeo", "romeo");
    stage.hush();
    assert!(stage.asks("romeo", "set", CANCEL).contains("type='result'"));
    assert!(stage.hears("romeo")[0].contains("<destroy"));
    assert!(stage.effects.iter().any(|effect| matches!(effect, Effect::Close)));
}

#[test]
fn a_creator_who_leaves_a_locked_room_takes_it_with_him() {
    let mut stage = Stage::empty("romeo", State::Locked);
    stage.enters("romeo", "romeo");
    stage.says("romeo", "<presence type='unavailable' to='lounge@rooms.lit/romeo'/>");
    assert!(stage.effects.iter().any(|effect| matches!(effect, Effect::Close)));
}

#[test]
fn cancelling_later_changes_nothing() {
    let mut stage = Stage::with(&["romeo"]);
    assert!(stage.asks("romeo", "set", CANCEL).contains("type='result'"));
    assert!(stage.hears("romeo").is_empty() && !stage.saved());
}

#[test]
fn only_owners_see_and_send_the_form() {
    let mut stage = Stage::with(&["romeo", "juliet"]);
    let ask = "<query xmlns='http://jabber.org/protocol/muc#owner'/>";
    let form = stage.asks("romeo", "get", ask);
    for var in [
        "muc#roomconfig_roomname",
        "muc#roomconfig_whois",
        "muc#roomconfig_enablearchiving",
        "muc#roomconfig_roomowners",
    ] {
        assert!(form.contains(var), "{var} in {form}");
    }
    assert!(stage.asks("juliet", "get", ask).contains("<forbidden"));
    assert!(submit(&mut stage, "juliet", &[("muc#roomconfig_roomname", &["Mine"])]).contains("<forbidden"));
    assert!(stage.asks("romeo", "set", ask).contains("<bad-request"));
}

#[test]
fn everybody_hears_what_kind_of_change_it_was() {
    let mut stage = Stage::with(&["romeo", "juliet"]);
    for (var, value, codes) in [
        ("muc#roomconfig_roomname", "Lounge", &["104"][..]),
        ("muc#roomconfig_enablearchiving", "0", &["104", "171"]),
        ("muc#roomconfig_enablearchiving", "1", &["104", "170"]),
        ("muc#roomconfig_whois", "anyone", &["104", "172"]),
        ("muc#roomconfig_whois", "moderators", &["104", "173"]),
    ] {
        assert!(submit(&mut stage, "romeo", &[(var, &[value])]).contains("type='result'"));
        assert!(stage.saved());
        let heard = stage.hears("juliet");
        assert!(
            heard[0].starts_with("<message from='lounge@rooms.lit'") && heard[0].contains("type='groupchat'")
        );
        for code in codes {
            assert!(heard[0].contains(&format!("code='{code}'")), "{code} in {heard:?}");
        }
        stage.hush();
    }
    submit(&mut stage, "romeo", &[("muc#roomconfig_roomname", &["Lounge"])]);
    assert!(stage.hears("juliet").is_empty());
}

#[test]
fn a_room_that_becomes_non_anonymous_shows_who_is_who() {
    let mut stage = Stage::with(&["romeo", "juliet"]);
    submit(&mut stage, "romeo", &[("muc#roomconfig_whois", &["anyone"])]);
    let heard = stage.hears("juliet");
    assert!(heard.iter().any(|heard| heard.contains("jid='romeo@montague.lit/r'")), "{heard:?}");
}

#[test]
fn who_is_no_member_of_a_room_that_is_for_members_only_goes_with_322() {
    let mut stage = Stage::with(&["romeo", "juliet"]);
    submit(&mut stage, "romeo", &[("muc#roomconfig_membersonly", &["1"])]);
    assert!(stage.hears("juliet")[0].contains("code='322'"));
    assert!(stage.room.occupant(&full("juliet")).is_none() && stage.room.occupant(&full("romeo")).is_some());
}

#[test]
fn the_lists_of_the_form_are_the_whole_lists() {
    let mut stage = Stage::with(&["romeo", "juliet"]);
    stage.affiliate("tybalt", Affiliation::Admin);
    let admins: &[&str] = &["juliet@montague.lit", "paris@montague.lit/orchard"];
    assert!(submit(&mut stage, "romeo", &[("muc#roomconfig_roomadmins", admins)]).contains("result"));
    for (who, is) in [
        ("juliet", Affiliation::Admin),
        ("paris", Affiliation::Admin),
        ("tybalt", Affiliation::Member),
        ("romeo", Affiliation::Owner),
    ] {
        assert_eq!(stage.room.affiliation(&full(who)), is, "{who}");
    }
    assert!(stage.hears("juliet").iter().any(|heard| heard.contains("affiliation='admin'")));
    assert!(submit(&mut stage, "romeo", &[("muc#roomconfig_roomowners", &[])]).contains("<conflict"));
    let owners: &[&str] = &["juliet@montague.lit"];
    assert!(submit(&mut stage, "romeo", &[("muc#roomconfig_roomowners", owners)]).contains("result"));
    assert_eq!(stage.room.affiliation(&full("romeo")), Affiliation::Admin);
}

#[test]
fn what_makes_no_sense_is_refused_whole() {
    let mut stage = Stage::with(&["romeo"]);
    let fields: &[(&str, &[&str])] =
        &[("muc#roomconfig_roomname", &["New"]), ("muc#roomconfig_maxusers", &["many"])];
    assert!(submit(&mut stage, "romeo", fields).contains("<not-acceptable"));
    assert!(stage.room.record.config.name.is_empty() && !stage.saved());
}

#[test]
fn a_destroyed_room_says_where_to_go_and_why_and_each_hears_of_himself() {
    let mut stage = Stage::with(&["romeo", "juliet"]);
    let destroy = "<query xmlns='http://jabber.org/protocol/muc#owner'><destroy jid='balcony@rooms.lit'>\
                   <reason>Dawn</reason><password>lark</password></destroy></query>";
    assert!(stage.asks("juliet", "set", destroy).contains("<forbidden"));
    assert!(stage.asks("romeo", "set", destroy).contains("type='result'"));
    for who in ["romeo", "juliet"] {
        let heard = stage.hears(who);
        assert_eq!(heard.len(), 1, "{heard:?}");
        assert!(
            heard[0]
                .contains("<destroy jid='balcony@rooms.lit'><password>lark</password><reason>Dawn</reason>")
        );
        assert!(
            heard[0].contains("affiliation='none' role='none'") && heard[0].contains(&format!("/{who}'"))
        );
    }
    assert!(stage.effects.iter().any(|effect| matches!(effect, Effect::Close)));
}
