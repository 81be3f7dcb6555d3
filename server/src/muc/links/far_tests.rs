//! What far rooms and their people are, and what that means for ours: hidden rooms, deletions, bans, hats, look-alikes.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use rialto_bridges::loopback::person;
use rialto_bridges::{About, Act, Author, Hat, Member, Message as Said, RemoteId, Sanction};

use super::linked::tests::link;
use super::*;
use crate::config::Hidden;
use crate::muc::effect::Effect;
use crate::muc::tests::stage::{Stage, full};
use crate::muc::{Input, LinkId};

/// A room of these people, linked twice; the first link with these options.
fn linked(people: &[&str], options: LinkOptions) -> Stage {
    let mut stage = Stage::with(people);
    stage.input(Input::Linked(Arc::new(Linked { options, ..link(1) })));
    stage.input(Input::Linked(Arc::new(Linked { bridge: "oftc".into(), ..link(2) })));
    stage
}

fn plain(people: &[&str]) -> Stage {
    linked(people, LinkOptions::default())
}

fn news(stage: &mut Stage, news: News) {
    stage.input(Input::News(LinkId(1), news));
}

fn comes(stage: &mut Stage, author: Author) {
    news(stage, News::Entered(Member::new(author)));
}

fn does(stage: &mut Stage, author: Author, act: Act<Named>) {
    news(stage, News::Did(Deed { theirs: None, author, at: SystemTime::now(), act, file: None }));
}

fn speaks(stage: &mut Stage, author: Author, theirs: &str, words: &str) {
    let theirs = Some(RemoteId::from(theirs));
    let act = Act::Say(Said::text(words));
    news(stage, News::Did(Deed { theirs, author, at: SystemTime::now(), act, file: None }));
}

fn relayed(stage: &Stage) -> Vec<(u32, Act<String>)> {
    let relays = stage.effects.iter().filter_map(|effect| match effect {
        Effect::Relay(link, relayed) => Some((link.0, relayed.event.act.clone())),
        _ => None,
    });
    relays.collect()
}

fn nicks(stage: &Stage) -> Vec<String> {
    stage.room.occupants.iter().map(|occupant| occupant.nick.to_string()).collect()
}

fn erased(theirs: &str, by: Option<&str>) -> News {
    let of = Named::Theirs(theirs.into());
    News::Erased { of, by: by.map(Arc::from), reason: Some("spam\r\n".into()) }
}

#[test]
fn pitfall_38_what_is_deleted_there_goes_here_from_the_archive_and_everywhere_else() {
    let mut stage = plain(&["romeo"]);
    comes(&mut stage, person("ann"));
    speaks(&mut stage, person("ann"), "t1", "free potions");
    stage.hush();
    news(&mut stage, erased("t1", None));
    let heard = stage.hears("romeo");
    for part in [
        "from='lounge@rooms.lit'",
        "<retract xmlns='urn:xmpp:message-retract:1'",
        "by='lounge@rooms.lit'/>",
        "<reason>spam</reason>",
    ] {
        assert!(heard[0].contains(part), "{part} in {heard:?}");
    }
    let buried = stage.buried();
    assert!(buried[0].contains("<retracted") && !buried[0].contains("potions"), "{buried:?}");
    assert!(matches!(&relayed(&stage)[..], [(2, Act::Retract { .. })]), "{:?}", relayed(&stage));
    news(&mut stage, erased("t1", None));
    assert!(stage.hears("romeo").is_empty() && relayed(&stage).is_empty(), "once is enough");
}

#[test]
fn a_moderator_there_is_named_where_he_sits_here() {
    let mut stage = plain(&["romeo"]);
    comes(&mut stage, person("ann"));
    comes(&mut stage, person("op"));
    stage.speaks("romeo", "wrong room");
    let ours = stage.last_id();
    stage.hush();
    news(&mut stage, News::Erased { of: Named::Ours(ours), by: Some("op".into()), reason: None });
    let heard = stage.hears("romeo");
    assert!(heard[0].contains("<moderated xmlns='urn:xmpp:message-moderate:1' by='lounge@rooms.lit/op'>"));
    assert!(heard[0].contains("<occupant-id"), "{heard:?}");
}

#[test]
fn pitfall_7_what_is_about_a_message_that_nobody_knows_is_counted_and_nothing_else() {
    let mut stage = plain(&["romeo"]);
    comes(&mut stage, person("ann"));
    news(&mut stage, erased("t9", Some("op")));
    assert!(matches!(&stage.effects[..], [Effect::Unknown(LinkId(1))]), "{:?}", stage.effects);
    does(&mut stage, person("ann"), Act::React { to: Named::Theirs("t9".into()), emoji: vec!["👋".into()] });
    assert!(matches!(&stage.effects[..], [Effect::Unknown(LinkId(1))]), "{:?}", stage.effects);
}

fn about(hidden: bool) -> News {
    News::About(About { hidden, ..About::default() })
}

fn members_only(stage: &mut Stage, on: bool) {
    let form = format!(
        "<query xmlns='http://jabber.org/protocol/muc#owner'><x xmlns='jabber:x:data' type='submit'>\
         <field var='FORM_TYPE'><value>http://jabber.org/protocol/muc#roomconfig</value></field>\
         <field var='muc#roomconfig_membersonly'><value>{}</value></field></x></query>",
        u8::from(on)
    );
    assert!(stage.asks("romeo", "set", &form).contains("type='result'"));
}

#[test]
fn pitfall_36_a_hidden_room_does_not_flow_into_one_that_more_people_read() {
    let mut stage = plain(&["romeo"]);
    stage.affiliate("juliet", crate::muc::Affiliation::Member);
    stage.enters("juliet", "juliet");
    stage.hush();
    news(&mut stage, about(true));
    let told = stage.hears("romeo");
    assert!(told[0].contains("members-only") && told[0].contains("libera:#lounge"), "{told:?}");
    assert!(stage.hears("juliet").is_empty(), "it is for those who decide");
    assert!(stage.effects.iter().any(|effect| matches!(effect, Effect::Withheld(LinkId(1), Some(_)))));
    news(&mut stage, News::Members(vec![Member::new(person("ann"))]));
    speaks(&mut stage, person("ann"), "t1", "between us");
    assert_eq!(nicks(&stage), ["juliet", "romeo"]);
    assert!(stage.hears("juliet").is_empty() && relayed(&stage).is_empty());
    stage.speaks("romeo", "hello?");
    assert_eq!(relayed(&stage).iter().map(|(link, _)| *link).collect::<Vec<_>>(), [2]);
    // The room gets fewer readers, and then more again.
    members_only(&mut stage, true);
    assert!(stage.effects.iter().any(|effect| matches!(effect, Effect::Withheld(LinkId(1), None))));
    assert!(nicks(&stage).contains(&"ann".to_owned()));
    speaks(&mut stage, person("ann"), "t2", "now we can talk");
    assert_eq!(stage.archived().len(), 1);
    stage.hush();
    members_only(&mut stage, false);
    assert!(!nicks(&stage).contains(&"ann".to_owned()));
    assert!(
        stage.hears("romeo").iter().any(|heard| heard.contains("/ann'") && heard.contains("unavailable"))
    );
    // The far room is not hidden any more.
    news(&mut stage, about(false));
    assert!(nicks(&stage).contains(&"ann".to_owned()));
}

#[test]
fn a_hidden_room_flows_where_the_operator_says_so() {
    let mut stage = linked(&["romeo"], LinkOptions { hidden: Hidden::Allow, ..LinkOptions::default() });
    news(&mut stage, about(true));
    comes(&mut stage, person("ann"));
    assert_eq!(nicks(&stage), ["ann", "romeo"]);
}

#[test]
fn owners_who_are_not_there_are_written_to() {
    let mut stage = plain(&["romeo", "juliet"]);
    stage.says("romeo", "<presence type='unavailable' to='lounge@rooms.lit/romeo'/>");
    stage.hush();
    news(&mut stage, about(true));
    let letters = stage.hears_at(full("romeo").bare().as_jid());
    assert!(letters.len() == 1 && letters[0].contains("Nothing flows"), "{letters:?}");
}

#[test]
fn pitfall_40_people_here_wait_as_long_as_those_there() {
    let mut stage = plain(&["romeo", "juliet"]);
    comes(&mut stage, person("ann"));
    news(&mut stage, News::About(About { slow: Some(Duration::from_secs(30)), ..About::default() }));
    stage.hush();
    stage.speaks("juliet", "one");
    assert_eq!(stage.hears("romeo").len(), 1);
    stage.passes(5);
    stage.speaks("juliet", "two");
    assert!(stage.hears("juliet").last().unwrap().contains("<policy-violation"));
    // Who is held to it there is not held to it twice.
    speaks(&mut stage, person("ann"), "t1", "one");
    speaks(&mut stage, person("ann"), "t2", "two");
    assert!(stage.hears("romeo").last().unwrap().contains("two"));
    stage.passes(30);
    stage.hush();
    stage.speaks("juliet", "two");
    assert_eq!(stage.hears("romeo").len(), 1);
}

#[test]
fn people_wear_the_hats_that_they_have_there() {
    let mut stage = plain(&["romeo"]);
    let hat = |title: &str| Hat { uri: format!("urn:guild:{title}"), title: title.into(), hue: Some(7) };
    news(&mut stage, News::Entered(Member { hats: vec![hat("Helper")], ..Member::new(person("ann")) }));
    let heard = stage.hears("romeo");
    assert!(heard[0].contains("<hats xmlns='urn:xmpp:hats:0'><hat "), "{heard:?}");
    for part in ["title='Helper'", "uri='urn:guild:Helper'", "hue='7'"] {
        assert!(heard[0].contains(part), "{part} in {heard:?}");
    }
    news(&mut stage, News::Entered(Member { hats: vec![hat("Elder")], ..Member::new(person("ann")) }));
    let heard = stage.hears("romeo");
    assert!(heard.len() == 1 && heard[0].contains("Elder") && !heard[0].contains("Helper"), "{heard:?}");
    stage.enters("juliet", "juliet");
    assert!(stage.hears("juliet").iter().any(|heard| heard.contains("/ann'") && heard.contains("Elder")));
}

fn known(nick: &str, account: Option<&str>, address: Option<&str>) -> Author {
    Author { account: account.map(Arc::from), address: address.map(Arc::from), ..person(nick) }
}

fn ban(stage: &mut Stage, nick: &str, affiliation: &str) -> String {
    let item =
        format!("<item jid='{nick}%libera@far.lit' affiliation='{affiliation}'><reason>spam</reason></item>");
    stage.asks("romeo", "set", &format!("<query xmlns='http://jabber.org/protocol/muc#admin'>{item}</query>"))
}

#[test]
fn pitfall_39_a_ban_is_about_who_somebody_is_there_and_not_about_his_nick() {
    let mut stage = plain(&["romeo"]);
    comes(&mut stage, known("mallory", Some("mal"), Some("~m@host.example")));
    comes(&mut stage, known("second", None, Some("~M@HOST.example")));
    comes(&mut stage, known("ann", Some("ann"), Some("~a@other.example")));
    assert!(ban(&mut stage, "mallory", "outcast").contains("result"));
    assert_eq!(nicks(&stage), ["ann", "romeo"], "also under his second nick");
    // He comes back under other nicks: by his account, and by his host.
    comes(&mut stage, known("innocent", Some("mal"), Some("~m@elsewhere.example")));
    comes(&mut stage, known("unheard-of", None, Some("~z@host.example")));
    speaks(&mut stage, known("innocent", Some("mal"), None), "t1", "hello");
    assert_eq!(nicks(&stage), ["ann", "romeo"]);
    // Somebody else comes by his nick.
    news(&mut stage, News::Left { author: "mallory".into(), reason: None });
    comes(&mut stage, known("mallory", Some("other"), Some("~o@third.example")));
    assert_eq!(nicks(&stage), ["ann", "mallory", "romeo"]);
    // Who logs in to the banned account later goes then.
    comes(&mut stage, known("ann", Some("mal"), Some("~a@other.example")));
    assert_eq!(nicks(&stage), ["mallory", "romeo"]);
    assert!(ban(&mut stage, "mallory", "none").contains("result"));
    comes(&mut stage, known("innocent", Some("mal"), None));
    assert_eq!(nicks(&stage), ["innocent", "mallory", "romeo"]);
}

#[test]
fn pitfall_39_a_ban_does_not_fall_on_all_who_share_a_host() {
    let mut stage = plain(&["romeo"]);
    for nick in ["ann", "bea", "mallory"] {
        comes(&mut stage, known(nick, None, Some(&format!("{nick}@bouncer.example"))));
    }
    ban(&mut stage, "mallory", "outcast");
    comes(&mut stage, known("innocent", None, Some("mallory@bouncer.example")));
    assert_eq!(nicks(&stage), ["ann", "bea", "romeo"]);
}

#[test]
fn pitfall_39_who_is_known_by_a_number_is_banned_by_it() {
    let mut stage = plain(&["romeo"]);
    let author = |nick: &str| Author::new("81384788765712384", nick, "loopback");
    comes(&mut stage, author("ann"));
    assert!(ban(&mut stage, "81384788765712384", "outcast").contains("result"));
    news(&mut stage, News::Left { author: "81384788765712384".into(), reason: None });
    comes(&mut stage, author("mary"));
    assert_eq!(nicks(&stage), ["romeo"]);
}

#[test]
fn pitfall_23_who_looks_like_a_moderator_bears_the_name_of_his_network() {
    let mut stage = plain(&["romeo", "juliet"]);
    comes(&mut stage, person("rom\u{435}o"));
    comes(&mut stage, person("ju1iet"));
    assert!(nicks(&stage).contains(&"rom\u{435}o (libera)".to_owned()), "{:?}", nicks(&stage));
    assert!(nicks(&stage).contains(&"ju1iet".to_owned()), "she moderates nothing");
    news(&mut stage, News::Renamed { author: "ju1iet".into(), now: person("r\u{43E}meo") });
    assert!(nicks(&stage).contains(&"r\u{43E}meo (libera)".to_owned()), "{:?}", nicks(&stage));
}

#[test]
fn pitfall_22_a_reserved_nick_is_nobodys_on_other_networks() {
    let mut stage = plain(&["romeo"]);
    let item = "<item jid='juliet@montague.lit' affiliation='member' nick='Juliet'/>";
    stage.asks(
        "romeo",
        "set",
        &format!("<query xmlns='http://jabber.org/protocol/muc#admin'>{item}</query>"),
    );
    comes(&mut stage, person("Juliet"));
    assert_eq!(nicks(&stage), ["Juliet (libera)", "romeo"]);
}

#[test]
fn what_a_moderator_decides_goes_there_where_the_link_says_so() {
    let item = "<item nick='ann' role='none'><reason>spam</reason></item>";
    let kick = format!("<query xmlns='http://jabber.org/protocol/muc#admin'>{item}</query>");
    let decided = |stage: &Stage| {
        stage.effects.iter().find_map(|effect| match effect {
            Effect::Sanction(LinkId(1), decided) => {
                Some((decided.person.to_string(), decided.sanction.clone()))
            }
            _ => None,
        })
    };
    for moderate in [false, true] {
        let mut stage = linked(&["romeo"], LinkOptions { moderate, ..LinkOptions::default() });
        let expected = |sanction| moderate.then(|| ("ann".to_owned(), sanction));
        comes(&mut stage, person("ann"));
        assert!(stage.asks("romeo", "set", &kick).contains("result"));
        let reason = Some("spam".to_owned());
        assert_eq!(decided(&stage), expected(Sanction::Kick { reason: reason.clone() }));
        ban(&mut stage, "ann", "outcast");
        assert_eq!(decided(&stage), expected(Sanction::Ban { reason }));
        ban(&mut stage, "ann", "none");
        assert_eq!(decided(&stage), expected(Sanction::Unban));
    }
    let mut stage = plain(&["romeo", "juliet"]);
    stage.input(Input::Told("romeo".into(), "It was done.".into()));
    assert!(stage.hears("romeo")[0].contains("It was done.") && stage.hears("juliet").is_empty());
}

#[test]
fn pitfall_24_nobody_edits_or_takes_back_what_another_said() {
    let mut stage = plain(&["romeo"]);
    comes(&mut stage, person("ann"));
    comes(&mut stage, person("bea"));
    speaks(&mut stage, person("ann"), "t1", "mine");
    stage.hush();
    for act in [
        Act::Edit { of: Named::Theirs("t1".into()), now: Said::text("yours") },
        Act::Retract { of: Named::Theirs("t1".into()) },
    ] {
        does(&mut stage, person("bea"), act);
        assert!(stage.hears("romeo").is_empty() && relayed(&stage).is_empty());
    }
}

#[test]
fn threads_go_both_ways() {
    let mut stage = plain(&["romeo"]);
    comes(&mut stage, person("ann"));
    stage.hush();
    does(&mut stage, person("ann"), Act::Say(Said { thread: Some("t-7".into()), ..Said::text("in here") }));
    assert!(stage.hears("romeo")[0].contains("<thread>t-7</thread>"));
    stage.says(
        "romeo",
        "<message type='groupchat' to='lounge@rooms.lit'><body>in here</body><thread>t-7</thread></message>",
    );
    let in_thread =
        |act: &Act<String>| matches!(act, Act::Say(said) if said.thread.as_deref() == Some("t-7"));
    assert!(relayed(&stage).len() == 2 && relayed(&stage).iter().all(|(_, act)| in_thread(act)));
}
