//! A linked room on a stage: what people of far rooms do to it, and what they hear of it.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use rialto_bridges::loopback::person;
use rialto_bridges::{Act, Member, Message as Said, RemoteId, Reply, Role as FarRole};
use rialto_xmpp::{Condition, StanzaError};

use super::linked::tests::link;
use super::*;
use crate::muc::effect::Effect;
use crate::muc::tests::stage::{Stage, full};
use crate::muc::{Affiliation, Input, LinkId, Role};

fn member(nick: &str) -> Member {
    Member::new(person(nick))
}

/// A room with these people here, linked twice.
fn linked(people: &[&str]) -> Stage {
    let mut stage = Stage::with(people);
    stage.input(Input::Linked(Arc::new(link(1))));
    stage.input(Input::Linked(Arc::new(Linked { bridge: "oftc".into(), ..link(2) })));
    stage
}

fn news(stage: &mut Stage, news: News) {
    stage.input(Input::News(LinkId(1), news));
}

fn comes(stage: &mut Stage, nick: &str) {
    news(stage, News::Entered(member(nick)));
}

fn does(stage: &mut Stage, nick: &str, theirs: &str, act: Act<Named>) {
    let theirs = Some(RemoteId::from(theirs));
    news(stage, News::Did(Deed { theirs, author: person(nick), at: SystemTime::now(), act, file: None }));
}

fn speaks(stage: &mut Stage, nick: &str, theirs: &str, words: &str) {
    does(stage, nick, theirs, Act::Say(Said::text(words)));
}

/// Which links the last input was relayed to, and what.
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

#[test]
fn people_of_a_far_room_sit_in_ours() {
    let mut stage = linked(&["romeo", "juliet"]);
    comes(&mut stage, "ann");
    let (seen, shown) = (stage.hears("romeo"), stage.hears("juliet"));
    assert!(seen[0].contains("from='lounge@rooms.lit/ann'"), "{seen:?}");
    assert!(seen[0].contains("jid='ann%libera@far.lit'") && seen[0].contains("role='participant'"));
    assert!(!shown[0].contains("far.lit") && shown[0].contains("<occupant-id"), "{shown:?}");
    news(&mut stage, News::Left { author: "ann".into(), reason: Some("bye".into()) });
    let heard = stage.hears("juliet");
    assert!(
        heard[0].contains("type='unavailable'") && heard[0].contains("<status>bye</status>"),
        "{heard:?}"
    );
}

#[test]
fn words_go_everywhere_but_where_they_came_from() {
    let mut stage = linked(&["romeo"]);
    comes(&mut stage, "ann");
    stage.hush();
    speaks(&mut stage, "ann", "t1", "good night");
    let heard = stage.hears("romeo");
    assert!(heard[0].contains("from='lounge@rooms.lit/ann'") && heard[0].contains("<body>good night</body>"));
    assert_eq!(relayed(&stage), [(2, Act::Say(Said::text("good night")))]);
    assert_eq!(stage.archived().len(), 1);
    stage.speaks("romeo", "sleep well");
    assert_eq!(relayed(&stage).iter().map(|(link, _)| *link).collect::<Vec<_>>(), [1, 2]);
}

#[test]
fn names_of_messages_are_kept_with_what_is_archived() {
    let mut stage = linked(&["romeo"]);
    comes(&mut stage, "ann");
    speaks(&mut stage, "ann", "t1", "good night");
    let bound = stage.effects.iter().find_map(|effect| match effect {
        Effect::Bind(bind) => Some((bind.key.to_string(), bind.theirs.clone())),
        _ => None,
    });
    assert_eq!(bound, Some(("libera:#lounge".into(), vec!["t1".into()])));
}

#[test]
fn an_edit_and_a_reaction_find_a_message_that_was_said_a_moment_ago() {
    let mut stage = linked(&["romeo"]);
    comes(&mut stage, "ann");
    comes(&mut stage, "bea");
    speaks(&mut stage, "ann", "t1", "good nihgt");
    stage.hush();
    let now = Said::text("good night");
    does(&mut stage, "ann", "t2", Act::Edit { of: Named::Theirs("t1".into()), now: now.clone() });
    let heard = stage.hears("romeo");
    assert!(heard[0].contains("<replace") && heard[0].contains("<body>good night</body>"), "{heard:?}");
    assert!(matches!(&relayed(&stage)[0].1, Act::Edit { now, .. } if now.text.plain() == "good night"));
    does(&mut stage, "bea", "t3", Act::Edit { of: Named::Theirs("t1".into()), now });
    assert!(stage.hears("romeo").is_empty(), "nobody edits what others said");
    does(&mut stage, "bea", "t4", Act::React { to: Named::Theirs("t1".into()), emoji: vec!["👋".into()] });
    assert!(stage.hears("romeo")[0].contains("<reaction>👋</reaction>"));
    does(&mut stage, "bea", "t5", Act::Retract { of: Named::Theirs("unknown".into()) });
    assert!(stage.hears("romeo").is_empty());
}

#[test]
fn local_corrections_answers_and_retractions_are_relayed_as_such() {
    let mut stage = linked(&["romeo", "juliet"]);
    let say = |id: &str, more: &str| {
        format!("<message type='groupchat' to='lounge@rooms.lit' id='{id}'>{more}</message>")
    };
    stage.says("romeo", &say("m1", "<body>good nihgt</body>"));
    let first = stage.room.history.len();
    assert_eq!(first, 1);
    let ours = stage.effects.iter().find_map(|effect| match effect {
        Effect::Relay(_, relayed) => Some(relayed.id.clone()),
        _ => None,
    });
    let ours = ours.unwrap();
    let replace = "<replace xmlns='urn:xmpp:message-correct:0' id='m1'/>";
    stage.says("romeo", &say("m2", &format!("<body>good night</body>{replace}")));
    assert_eq!(relayed(&stage)[0].1, Act::Edit { of: ours.clone(), now: Said::text("good night") });
    stage.says("juliet", &say("m3", &format!("<body>mine</body>{replace}")));
    assert_eq!(relayed(&stage)[0].1, Act::Say(Said::text("mine")), "she corrects nobody else's words");
    stage.says(
        "juliet",
        &say("m4", &format!("<body>you too</body><reply xmlns='urn:xmpp:reply:0' id='{ours}'/>")),
    );
    let reply = Some(Reply { to: ours.clone(), nick: "romeo".into(), excerpt: "good night".into() });
    assert!(matches!(&relayed(&stage)[0].1, Act::Say(said) if said.reply.as_ref().map(|reply| &reply.nick)
        == reply.as_ref().map(|reply| &reply.nick)));
    let retract = format!("<retract xmlns='urn:xmpp:message-retract:1' id='{ours}'/>");
    stage.says("juliet", &say("m5", &retract));
    assert!(relayed(&stage).is_empty(), "she takes back nobody else's words");
    stage.says("romeo", &say("m6", &retract));
    assert_eq!(relayed(&stage)[0].1, Act::Retract { of: ours });
}

#[test]
fn the_rules_of_the_room_bind_far_occupants_too() {
    let mut stage = linked(&["romeo"]);
    stage.configure(|config| config.moderated = true);
    comes(&mut stage, "ann");
    assert_eq!(stage.room.occupants.of_nick("ann").unwrap().role, Role::Visitor);
    stage.hush();
    speaks(&mut stage, "ann", "t1", "hear me");
    assert!(stage.hears("romeo").is_empty() && relayed(&stage).is_empty());
    let voice =
        "<query xmlns='http://jabber.org/protocol/muc#admin'><item nick='ann' role='participant'/></query>";
    assert!(stage.asks("romeo", "set", voice).contains("result"));
    stage.hush();
    speaks(&mut stage, "ann", "t2", "hear me");
    assert_eq!(stage.hears("romeo").len(), 1);
}

#[test]
fn who_is_kicked_is_silent_until_he_has_left_there_and_come_back() {
    let mut stage = linked(&["romeo"]);
    comes(&mut stage, "ann");
    let kick = "<query xmlns='http://jabber.org/protocol/muc#admin'><item nick='ann' role='none'/></query>";
    assert!(stage.asks("romeo", "set", kick).contains("result"));
    stage.hush();
    speaks(&mut stage, "ann", "t1", "still here");
    news(&mut stage, News::Renamed { author: "ann".into(), now: person("anna") });
    speaks(&mut stage, "anna", "t2", "still here");
    news(&mut stage, News::Members(vec![member("anna")]));
    assert!(stage.hears("romeo").is_empty() && nicks(&stage) == ["romeo"]);
    news(&mut stage, News::Left { author: "anna".into(), reason: None });
    comes(&mut stage, "anna");
    assert!(stage.hears("romeo")[0].contains("lounge@rooms.lit/anna"));
}

#[test]
fn a_ban_by_his_address_silences_somebody_where_we_are_no_moderators() {
    let mut stage = linked(&["romeo"]);
    comes(&mut stage, "ann");
    let ban = "<query xmlns='http://jabber.org/protocol/muc#admin'>\
               <item jid='ann%libera@far.lit' affiliation='outcast'/></query>";
    assert!(stage.asks("romeo", "set", ban).contains("result"));
    assert!(stage.hears("romeo").iter().any(|heard| heard.contains("code='301'")));
    speaks(&mut stage, "ann", "t1", "hear me");
    news(&mut stage, News::Renamed { author: "ann".into(), now: person("mary") });
    speaks(&mut stage, "mary", "t2", "hear me");
    comes(&mut stage, "ann");
    assert!(stage.hears("romeo").is_empty() && relayed(&stage).is_empty());
    assert_eq!(nicks(&stage), ["romeo"]);
}

#[test]
fn two_far_users_of_one_name_are_two_occupants() {
    let mut stage = linked(&["romeo"]);
    comes(&mut stage, "ann");
    stage.input(Input::News(LinkId(2), News::Entered(member("ann"))));
    assert_eq!(nicks(&stage), ["ann", "ann (oftc)", "romeo"]);
    let id = |nick: &str| stage.room.occupants.of_nick(nick).unwrap().id.clone();
    assert_ne!(id("ann"), id("ann (oftc)"));
}

#[test]
fn local_people_come_before_far_ones_of_their_name() {
    let mut stage = linked(&["romeo"]);
    comes(&mut stage, "romeo");
    comes(&mut stage, "juliet");
    assert_eq!(nicks(&stage), ["juliet", "romeo", "romeo (libera)"]);
    stage.hush();
    stage.enters("juliet", "juliet");
    assert_eq!(nicks(&stage), ["juliet", "juliet (libera)", "romeo", "romeo (libera)"]);
    let heard = stage.hears("romeo");
    assert!(heard[0].contains("code='303'") && heard[0].contains("nick='juliet (libera)'"), "{heard:?}");
    speaks(&mut stage, "juliet", "t1", "who am I");
    assert!(stage.hears("romeo").last().unwrap().contains("from='lounge@rooms.lit/juliet (libera)'"));
}

#[test]
fn after_a_reconnect_only_differences_are_told() {
    let mut stage = linked(&["romeo"]);
    news(&mut stage, News::Members(vec![member("ann"), member("bea"), member("cid")]));
    stage.hush();
    let away = Member { away: Some("tea".into()), ..member("bea") };
    news(&mut stage, News::Members(vec![member("ann"), away, member("dan")]));
    let heard = stage.hears("romeo");
    assert_eq!(heard.len(), 3, "{heard:?}");
    assert!(heard[0].contains("/cid'") && heard[0].contains("unavailable"));
    assert!(heard[1].contains("/bea'") && heard[1].contains("<show>away</show><status>tea</status>"));
    assert!(heard[2].contains("/dan'"));
}

#[test]
fn a_crowd_enters_as_it_speaks() {
    let mut stage = linked(&["romeo"]);
    let mut crowd: Vec<Member> = (0..CROWD + 1).map(|n| member(&format!("p{n}"))).collect();
    crowd.push(Member { role: FarRole::Moderator, ..member("op") });
    news(&mut stage, News::Members(crowd));
    assert_eq!(nicks(&stage), ["op", "romeo"]);
    assert_eq!(stage.room.occupants.of_nick("op").unwrap().role, Role::Moderator);
    speaks(&mut stage, "p7", "t1", "me too");
    assert_eq!(nicks(&stage), ["op", "p7", "romeo"]);
    news(&mut stage, News::Left { author: "p8".into(), reason: None });
    assert!(stage.hears("romeo").iter().all(|heard| !heard.contains("/p8'")));
}

#[test]
fn a_subject_comes_over_once_and_is_not_sent_back() {
    let mut stage = linked(&["romeo"]);
    comes(&mut stage, "ann");
    stage.hush();
    does(&mut stage, "ann", "t", Act::Subject("Verona".into()));
    let heard = stage.hears("romeo");
    assert!(
        heard[0].contains("from='lounge@rooms.lit/ann'") && heard[0].contains("<subject>Verona</subject>")
    );
    assert_eq!(relayed(&stage), [(2, Act::Subject("Verona".into()))]);
    does(&mut stage, "ann", "t", Act::Subject("Verona".into()));
    assert!(stage.hears("romeo").is_empty() && relayed(&stage).is_empty());
    // Who is not here, and is called like somebody who is, does not speak in his name.
    does(&mut stage, "romeo", "t", Act::Subject("Mantua".into()));
    assert!(stage.hears("romeo")[0].contains("from='lounge@rooms.lit'"));
}

#[test]
fn an_old_subject_does_not_undo_a_newer_one() {
    let mut stage = linked(&["romeo"]);
    stage.says("romeo", "<message type='groupchat' to='lounge@rooms.lit'><subject>new</subject></message>");
    stage.hush();
    let act = Act::Subject("old".into());
    let at = SystemTime::UNIX_EPOCH + Duration::from_secs(1);
    news(&mut stage, News::Did(Deed { theirs: None, author: person("ann"), at, act, file: None }));
    assert!(stage.hears("romeo").is_empty());
}

#[test]
fn a_relay_that_failed_comes_back_to_its_author_alone() {
    let mut stage = linked(&["romeo", "juliet"]);
    stage.says("romeo", "<message type='groupchat' to='lounge@rooms.lit' id='m1'><body>hi</body></message>");
    let sender = stage.effects.iter().find_map(|effect| match effect {
        Effect::Relay(_, relayed) => relayed.author.clone(),
        _ => None,
    });
    stage.hush();
    let error = StanzaError::new(Condition::RecipientUnavailable, "libera is down");
    stage.input(Input::Undelivered(vec![Returned { sender: sender.unwrap(), words: "hi".into() }], error));
    let heard = stage.hears("romeo");
    assert!(heard[0].contains("type='error'") && heard[0].contains("id='m1'"), "{heard:?}");
    assert!(heard[0].contains("from='lounge@rooms.lit'") && heard[0].contains("type='wait'"));
    assert!(stage.hears("juliet").is_empty());
}

#[test]
fn who_has_left_is_written_to_once_about_all_that_did_not_arrive() {
    let mut stage = linked(&["romeo", "juliet"]);
    let mut returned = Vec::new();
    for words in ["one", "two"] {
        stage.speaks("juliet", words);
        let sender = stage.effects.iter().find_map(|effect| match effect {
            Effect::Relay(_, relayed) => relayed.author.clone(),
            _ => None,
        });
        returned.push(Returned { sender: sender.unwrap(), words: words.into() });
    }
    stage.says("juliet", "<presence type='unavailable' to='lounge@rooms.lit/juliet'/>");
    stage
        .input(Input::Undelivered(returned, StanzaError::new(Condition::RemoteServerTimeout, "It is down.")));
    let letters = stage.hears_at(full("juliet").bare().as_jid());
    assert_eq!(letters.len(), 1, "{letters:?}");
    for part in ["to='juliet@montague.lit'", "from='lounge@rooms.lit'", "“one” and 1 more. It is down."] {
        assert!(letters[0].contains(part), "{part} in {letters:?}");
    }
}

#[test]
fn hostile_nicks_and_words_are_only_words() {
    let mut stage = linked(&["romeo"]);
    for nick in ["</presence>", "a/b@c", "\u{202e}nna", "x\r\ny", "\u{fdd0}\u{1}", &"w".repeat(400)] {
        comes(&mut stage, nick);
        speaks(&mut stage, nick, nick, "<script/> ]]> & \u{0} \u{ffff}");
    }
    let heard = stage.hears("romeo");
    assert!(heard.len() >= 10, "{heard:?}");
    for stanza in heard {
        assert!(
            rialto_xmpp::parse::standalone(&stanza.replacen(' ', " xmlns='jabber:client' ", 1)).is_ok(),
            "{stanza}"
        );
    }
}

#[test]
fn moderators_learn_that_a_network_will_not_have_us() {
    let mut stage = linked(&["romeo", "juliet"]);
    news(&mut stage, News::Refused("K-lined".into()));
    assert!(stage.hears("romeo")[0].contains("K-lined") && stage.hears("juliet").is_empty());
}

#[test]
fn a_link_that_is_taken_away_takes_its_people_with_it() {
    let mut stage = linked(&["romeo"]);
    comes(&mut stage, "ann");
    stage.input(Input::Unlinked(LinkId(1)));
    assert_eq!(nicks(&stage), ["romeo"]);
    comes(&mut stage, "ann");
    assert_eq!(nicks(&stage), ["romeo"]);
    stage.speaks("romeo", "alone");
    assert_eq!(relayed(&stage).len(), 1);
}

#[test]
fn a_room_on_demand_goes_with_the_last_one_who_is_here() {
    let mut stage = Stage::with(&["juliet"]);
    stage.configure(|config| config.persistent = false);
    stage.input(Input::Linked(Arc::new(Linked { on_demand: true, ..link(1) })));
    news(&mut stage, News::Entered(Member { role: FarRole::Moderator, ..member("ann") }));
    assert_eq!(stage.room.occupants.of_nick("ann").unwrap().affiliation, Affiliation::Admin);
    stage.says("juliet", "<presence type='unavailable' to='lounge@rooms.lit/juliet'/>");
    assert!(stage.effects.iter().any(|effect| matches!(effect, Effect::Close)));
}

#[test]
fn a_private_message_to_a_far_person_goes_to_his_address_there_and_a_question_is_refused() {
    let mut stage = linked(&["romeo"]);
    comes(&mut stage, "ann");
    stage.hush();
    stage.says("romeo", "<message type='chat' to='lounge@rooms.lit/ann'><body>psst</body></message>");
    let passed = stage.effects.iter().any(|effect| {
        matches!(effect, Effect::Send(stanza) if stanza.to().is_some_and(|to| to.as_str() == "ann%libera@far.lit")
            && stanza.sender().is_some_and(|from| from.bare_str() == "romeo@montague.lit"))
    });
    assert!(passed && stage.hears("romeo").is_empty());
    let query = "<query xmlns='jabber:iq:version'/>";
    stage.says("romeo", &format!("<iq type='get' id='v' to='lounge@rooms.lit/ann'>{query}</iq>"));
    assert!(stage.hears("romeo")[0].contains("<service-unavailable"));
}

#[test]
fn a_linked_room_stays_without_anybody_in_it() {
    let mut stage = linked(&["romeo"]);
    stage.configure(|config| config.persistent = false);
    stage.says("romeo", "<presence type='unavailable' to='lounge@rooms.lit/romeo'/>");
    assert!(!stage.effects.iter().any(|effect| matches!(effect, Effect::Close)));
}

#[test]
fn what_a_relay_bot_brings_back_goes_round_once_and_no_more() {
    let mut stage = linked(&["romeo"]);
    comes(&mut stage, "relay");
    comes(&mut stage, "ann");
    let says = |stage: &mut Stage, id: &str, words: &str| {
        let body = format!("<body>{words}</body>");
        stage.says(
            "romeo",
            &format!("<message type='groupchat' to='lounge@rooms.lit' id='{id}'>{body}</message>"),
        );
        stage.hush();
    };
    says(&mut stage, "m1", "good night");
    // Somebody may quote it, and answers are no echoes.
    speaks(&mut stage, "relay", "t1", "<rialto> <ro\u{200B}meo> good night");
    assert_eq!(stage.hears("romeo").len(), 1);
    for (number, words) in ["romeo: good night", "good night", "<paris> good night"].into_iter().enumerate() {
        speaks(&mut stage, "ann", &format!("a{number}"), words);
        assert_eq!(stage.hears("romeo").len(), 1, "{words}");
    }
    says(&mut stage, "m2", "parting is such");
    speaks(&mut stage, "relay", "t2", "[rialto] <romeo> parting is such");
    let heard = stage.hears("romeo");
    assert!(heard.len() == 1 && heard[0].contains("as a relay bot does"), "{heard:?}");
    assert!(relayed(&stage).is_empty());
    says(&mut stage, "m3", "sweet sorrow");
    speaks(&mut stage, "relay", "t3", "<romeo> sweet sorrow");
    assert!(stage.hears("romeo").is_empty() && relayed(&stage).is_empty());
    // What it brings from elsewhere is heard, and so is whoever takes its nick.
    speaks(&mut stage, "relay", "t4", "<juliet> good morrow");
    speaks(&mut stage, "ann", "t5", "<romeo> sweet sorrow");
    assert_eq!(stage.hears("romeo").len(), 2);
}
