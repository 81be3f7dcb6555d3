//! People of a far room in a room of ours.

use rialto_xmpp::{BareJid, Condition, Element, StanzaError, ns};

use super::stage::Stage;
use crate::muc::{Config, Effect, Input, LinkId, Person, Remote, Role};

const FAR: LinkId = LinkId(1);
const OTHER: LinkId = LinkId(2);

fn person(nick: &str) -> Person {
    Person {
        id: nick.into(),
        nick: nick.into(),
        suffix: "~far".into(),
        address: BareJid::parse(&format!("{nick}@far.lit")).unwrap(),
        lasting: nick.into(),
        role: Role::Participant,
        payloads: Vec::new(),
    }
}

fn words(text: &str) -> Vec<Element> {
    vec![Element::new("body", ns::CLIENT).with_text(text)]
}

fn linked() -> Stage {
    let mut stage = Stage::with(&["romeo", "juliet"]);
    stage.input(Input::Attach(FAR));
    stage.input(Input::Attach(OTHER));
    stage.input(Input::Remote(FAR, Remote::Entered(person("ann"))));
    stage
}

fn says(stage: &mut Stage, id: &str, payloads: Vec<Element>) -> Option<Result<String, StanzaError>> {
    stage.input(Input::Remote(FAR, Remote::Said { id: id.into(), payloads, tag: 7 }));
    stage.effects.iter().find_map(|effect| match effect {
        Effect::Said(FAR, 7, outcome) => Some(outcome.clone()),
        _ => None,
    })
}

fn relayed(stage: &Stage) -> Vec<LinkId> {
    let links = stage.effects.iter().filter_map(|effect| match effect {
        Effect::Relay(link, _) => Some(*link),
        _ => None,
    });
    links.collect()
}

#[test]
fn a_far_person_is_an_occupant_whose_address_moderators_see() {
    let mut stage = linked();
    let heard = stage.hears("romeo");
    assert!(heard[0].contains("from='lounge@rooms.lit/ann'") && heard[0].contains("jid='ann@far.lit'"));
    let heard = stage.hears("juliet");
    assert!(heard[0].contains("role='participant'") && !heard[0].contains("far.lit"), "{heard:?}");
}

#[test]
fn words_go_everywhere_but_where_they_came_from() {
    let mut stage = linked();
    stage.hush();
    assert!(matches!(says(&mut stage, "ann", words("hi")), Some(Ok(_))));
    assert_eq!(relayed(&stage), [OTHER]);
    assert_eq!(stage.archived().len(), 1);
    let heard = stage.hears("juliet");
    assert!(
        heard[0].contains("from='lounge@rooms.lit/ann'") && heard[0].contains("<occupant-id"),
        "{heard:?}"
    );
    stage.speaks("romeo", "hello");
    assert_eq!(relayed(&stage), [FAR, OTHER]);
}

#[test]
fn the_rules_of_the_room_bind_far_people_too() {
    let mut stage = linked();
    assert!(matches!(says(&mut stage, "bob", words("hi")), Some(Err(_))));
    let ban = "<query xmlns='http://jabber.org/protocol/muc#admin'><item affiliation='outcast' jid='ann@far.lit'/></query>";
    assert!(stage.asks("romeo", "set", ban).contains("result"));
    assert!(stage.hears("juliet").iter().any(|heard| heard.contains("code='301'")));
    stage.hush();
    assert!(matches!(says(&mut stage, "ann", words("hi")), Some(Err(_))));
    stage.input(Input::Remote(FAR, Remote::Entered(person("ann"))));
    assert!(stage.hears("juliet").is_empty() && stage.room.occupants.len() == 2);
}

#[test]
fn a_visitor_there_is_one_here_and_is_not_heard() {
    let mut stage = linked();
    stage.input(Input::Remote(FAR, Remote::Entered(Person { role: Role::Visitor, ..person("ann") })));
    assert!(stage.hears("juliet").last().unwrap().contains("role='visitor'"));
    assert!(
        matches!(says(&mut stage, "ann", words("hi")), Some(Err(error)) if error.condition == Condition::Forbidden)
    );
}

#[test]
fn two_of_one_name_are_two_occupants_and_nobody_is_put_out() {
    let mut stage = linked();
    stage.input(Input::Remote(FAR, Remote::Entered(person("romeo"))));
    stage.input(Input::Remote(OTHER, Remote::Entered(person("romeo"))));
    let nicks: Vec<&str> = stage.room.occupants.iter().map(|one| &*one.nick).collect();
    assert_eq!(nicks, ["ann", "juliet", "romeo", "romeo~far", "romeo~far 2"]);
    stage.hush();
    // Told again, they are who they were.
    stage.input(Input::Remote(OTHER, Remote::Members(vec![person("romeo")])));
    assert!(stage.hears("juliet").is_empty());
}

#[test]
fn a_far_nick_changes_as_any_other_and_the_occupant_id_stays() {
    let mut stage = linked();
    let id = stage.room.occupants.of_nick("ann").unwrap().id.clone();
    stage.hush();
    let now = Person { lasting: "ann".into(), ..person("anna") };
    stage.input(Input::Remote(FAR, Remote::Renamed { id: "ann".into(), now }));
    let heard = stage.hears("juliet");
    assert!(heard[0].contains("code='303'") && heard[0].contains("nick='anna'"), "{heard:?}");
    assert!(heard[1].contains("/anna'") && heard.len() == 2);
    assert_eq!(stage.room.occupants.of_nick("anna").unwrap().id, id);
    assert!(matches!(says(&mut stage, "anna", words("hi")), Some(Ok(_))));
}

#[test]
fn who_is_not_in_the_list_has_gone_and_who_stays_says_nothing() {
    let mut stage = linked();
    stage.input(Input::Remote(FAR, Remote::Entered(person("bob"))));
    stage.hush();
    stage.input(Input::Remote(FAR, Remote::Members(vec![person("bob"), person("cat")])));
    let heard = stage.hears("juliet");
    assert!(heard[0].contains("/ann'") && heard[0].contains("unavailable"), "{heard:?}");
    assert!(heard[1].contains("/cat'") && heard.len() == 2, "{heard:?}");
}

#[test]
fn with_the_link_its_people_go() {
    let mut stage = linked();
    stage.hush();
    stage.input(Input::Detach(FAR));
    assert!(stage.hears("juliet")[0].contains("/ann'"));
    stage.input(Input::Remote(FAR, Remote::Entered(person("bob"))));
    assert_eq!(stage.room.occupants.len(), 2);
    stage.speaks("romeo", "alone");
    assert_eq!(relayed(&stage), [OTHER]);
}

#[test]
fn last_words_and_a_kick_there_are_told_here() {
    let mut stage = linked();
    stage.input(Input::Remote(FAR, Remote::Entered(person("bob"))));
    stage.hush();
    let left = Remote::Left { id: "ann".into(), reason: Some("tea".into()), code: None, actor: None };
    stage.input(Input::Remote(FAR, left));
    let kicked = Remote::Left {
        id: "bob".into(),
        reason: Some("noise".into()),
        code: Some(307),
        actor: Some("op".into()),
    };
    stage.input(Input::Remote(FAR, kicked));
    let heard = stage.hears("juliet");
    assert!(heard[0].contains("<status>tea</status>") && !heard[0].contains("code="), "{heard:?}");
    assert!(heard[1].contains("code='307'") && heard[1].contains("<actor nick='op'/><reason>noise</reason>"));
}

#[test]
fn a_subject_set_there_is_set_here_and_comes_back_as_nothing() {
    let mut stage = linked();
    let subject = || vec![Element::new("subject", ns::CLIENT).with_text("tea")];
    assert!(matches!(says(&mut stage, "ann", subject()), Some(Ok(_))));
    assert!(stage.saved() && relayed(&stage) == [OTHER]);
    assert!(matches!(says(&mut stage, "ann", subject()), Some(Ok(_))));
    assert!(!stage.saved() && relayed(&stage).is_empty());
}

#[test]
fn a_private_message_to_a_far_person_is_refused_and_a_question_too() {
    let mut stage = linked();
    stage.hush();
    stage.says("romeo", "<message type='chat' to='lounge@rooms.lit/ann'><body>psst</body></message>");
    assert!(stage.hears("romeo")[0].contains("<feature-not-implemented"));
    stage.says(
        "romeo",
        "<iq type='get' id='v' to='lounge@rooms.lit/ann'><query xmlns='jabber:iq:version'/></iq>",
    );
    assert!(stage.hears("romeo")[0].contains("<service-unavailable"));
}

#[test]
fn a_linked_room_stays_without_anybody_in_it() {
    let mut stage = linked();
    stage.configure(|config| *config = Config { persistent: false, ..Config::default() });
    for who in ["romeo", "juliet"] {
        stage.says(who, &format!("<presence type='unavailable' to='lounge@rooms.lit/{who}'/>"));
    }
    assert!(!stage.effects.iter().any(|effect| matches!(effect, Effect::Close)));
}
