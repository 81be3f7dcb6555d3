//! What events become, without sockets.

use super::*;
use crate::discord::guild::tests::guild;
use crate::discord::settings::tests::read as settings;
use crate::seeded::Seeded;
use serde_json::{Map, json};

/// A state that is up, in which `general` (100) and `forum` (102) are wanted.
fn state(more: &str) -> (State, Vec<Fed>) {
    let settings = settings(&format!("token_file = 'token'\nguild = '1'\n{more}")).unwrap();
    let mut state = State::new(Arc::new(settings));
    state.guild = guild();
    for room in [100, 102] {
        state.rooms.insert(Id(room), Room::new(Past::default()));
    }
    let mut out = Out::default();
    state.all_known(&mut out);
    (state, out.fed)
}

fn heard(state: &mut State, name: &str, data: Value) -> Vec<Incoming> {
    let mut out = Out::default();
    state.heard(name, data, &mut out);
    out.fed.into_iter().map(|fed| fed.what).collect()
}

fn message(id: u64, more: Value) -> Value {
    let mut message = json!({ "id": id.to_string(), "channel_id": "100", "guild_id": "1", "type": 0, "content": "hi",
        "author": { "id": "13", "username": "cid" }, "edited_timestamp": null });
    for (key, value) in more.as_object().unwrap() {
        message[key] = value.clone();
    }
    message
}

fn words(told: &[Incoming]) -> Vec<(&str, &str)> {
    let said = told.iter().filter_map(|news| match news {
        Incoming::Did { event, .. } => match &event.act {
            Act::Say(message) => Some((&*event.author.nick, message.text.plain())),
            _ => None,
        },
        _ => None,
    });
    said.collect()
}

#[test]
fn a_room_is_told_first_what_it_is_then_who_is_there_then_what_it_is_about() {
    let (_, fed) = state("");
    let general: Vec<_> = fed.iter().filter(|fed| fed.room == Some(room_name(Id(100)))).collect();
    assert!(matches!(&general[0].what, Incoming::About(about) if about.name.as_deref() == Some("#general")));
    assert!(matches!(&general[1].what, Incoming::Members(all) if all.len() == 3));
    assert!(
        matches!(&general[2].what, Incoming::Did { event, .. } if event.act == Act::Subject("gondolas".into()))
    );
}

#[test]
fn what_is_ours_is_known_by_its_ids_and_not_by_its_name() {
    let (mut state, _) = state("");
    state.hooks.insert(Id(55));
    let from = |hook: u64, application: Option<u64>| {
        json!({ "webhook_id": hook.to_string(), "application_id": application.map(|id| id.to_string()),
            "author": { "id": hook.to_string(), "username": "rialto", "bot": true } })
    };
    assert!(heard(&mut state, "MESSAGE_CREATE", message(1_000, from(55, None))).is_empty());
    assert!(heard(&mut state, "MESSAGE_CREATE", message(1_001, from(56, Some(98)))).is_empty());
    let bot = json!({ "author": { "id": "99", "username": "rialto", "bot": true } });
    assert!(heard(&mut state, "MESSAGE_CREATE", message(1_002, bot)).is_empty());
    // Somebody who only calls himself so.
    let told = heard(&mut state, "MESSAGE_CREATE", message(1_003, from(57, Some(97))));
    assert_eq!(words(&told), [("rialto", "hi")]);
}

#[test]
fn a_message_that_comes_twice_is_told_once() {
    let (mut state, _) = state("");
    assert_eq!(heard(&mut state, "MESSAGE_CREATE", message(1_000, json!({}))).len(), 1);
    assert!(heard(&mut state, "MESSAGE_CREATE", message(1_000, json!({}))).is_empty());
    let elsewhere = message(1_001, json!({ "guild_id": "2" }));
    assert!(heard(&mut state, "MESSAGE_CREATE", elsewhere).is_empty());
}

#[test]
fn bots_embeds_and_new_kinds_of_messages_can_be_read() {
    let (mut state, _) = state("");
    let embed = json!({ "content": "", "embeds": [{ "type": "rich", "title": "Tide", "description": "**high**",
        "fields": [{ "name": "Level", "value": "110 cm" }] }, { "type": "link", "title": "preview" }] });
    let told = heard(&mut state, "MESSAGE_CREATE", message(1_000, embed));
    assert_eq!(words(&told), [("cid", "Tide\nhigh\nLevel\n110 cm")]);
    let displays = json!({ "content": "", "flags": 1 << 15, "components": [
        { "type": 17, "components": [{ "type": 10, "content": "shown *here*" }] }] });
    let told = heard(&mut state, "MESSAGE_CREATE", message(1_001, displays));
    assert_eq!(words(&told), [("cid", "shown here")]);
    let lottie = json!({ "content": "", "sticker_items": [{ "id": "9", "name": "wave", "format_type": 3 }] });
    let told = heard(&mut state, "MESSAGE_CREATE", message(1_002, lottie));
    assert_eq!(words(&told), [("cid", "(sticker: wave)")]);
    let boost = json!({ "content": "", "type": 9 });
    let told = heard(&mut state, "MESSAGE_CREATE", message(1_003, boost));
    assert_eq!(words(&told), [("cid", "boosted the server, which is now at level 1")]);
}

#[test]
fn empty_words_tell_the_operator_which_switch_is_off() {
    let (mut state, _) = state("");
    let told = heard(&mut state, "MESSAGE_CREATE", message(1_000, json!({ "content": "" })));
    let notices =
        told.iter().filter(|news| matches!(news, Incoming::Notice(text) if text.contains("Message Content")));
    assert_eq!(notices.count(), 1);
    let told = heard(&mut state, "MESSAGE_CREATE", message(1_001, json!({ "content": "" })));
    assert!(!told.iter().any(|news| matches!(news, Incoming::Notice(_))));
}

#[test]
fn who_may_not_see_a_channel_any_more_has_left_it() {
    let (mut state, _) = state("");
    state.rooms.insert(Id(101), Room::new(Past::default()));
    let mut out = Out::default();
    // The bot itself may not see it: nobody is told, and whoever waits learns why.
    state.welcome(Id(101), &mut out);
    assert!(
        matches!(&out.fed[0].what, Incoming::Lost(NetworkError::Forbidden(why)) if why.contains("View Channel"))
    );
    let see = |roles: Value| json!({ "guild_id": "1", "user": { "id": "99", "username": "rialto" }, "roles": roles });
    heard(&mut state, "GUILD_MEMBER_UPDATE", see(json!(["2"])));
    let mut out = Out::default();
    state.welcome(Id(101), &mut out);
    assert!(out.fed.iter().any(|fed| matches!(&fed.what, Incoming::Members(all) if all.len() == 2)));
    let bea = json!({ "guild_id": "1", "user": { "id": "12", "username": "bea_", "global_name": "bea" }, "roles": ["3"] });
    let told = heard(&mut state, "GUILD_MEMBER_UPDATE", bea);
    assert!(
        told.iter().any(|news| matches!(news, Incoming::Left { author, .. } if **author == *"12")),
        "{told:?}"
    );
}

#[test]
fn nonsense_from_the_gateway_breaks_nothing() {
    let samples = [
        (
            "MESSAGE_CREATE",
            message(
                1_000,
                json!({ "attachments": [{ "filename": "../x", "url": "https://x/" }],
            "message_reference": { "type": 0, "message_id": "5" }, "poll": { "question": {}, "answers": [{}] } }),
            ),
        ),
        ("MESSAGE_UPDATE", message(1_000, json!({ "edited_timestamp": "x" }))),
        ("MESSAGE_DELETE_BULK", json!({ "ids": ["1", "2"], "channel_id": "100", "guild_id": "1" })),
        (
            "MESSAGE_REACTION_ADD",
            json!({ "user_id": "13", "channel_id": "100", "message_id": "5", "emoji": { "id": null, "name": "x" } }),
        ),
        (
            "GUILD_CREATE",
            json!({ "id": "1", "name": "V", "roles": [], "members": [{}], "channels": [{ "id": "100" }] }),
        ),
        (
            "GUILD_MEMBERS_CHUNK",
            json!({ "guild_id": "1", "members": [{ "user": null }], "chunk_index": 0, "chunk_count": 1 }),
        ),
        (
            "CHANNEL_UPDATE",
            json!({ "id": "100", "guild_id": "1", "type": 0, "name": "x", "permission_overwrites": [{}] }),
        ),
        (
            "THREAD_CREATE",
            json!({ "id": "7", "guild_id": "1", "type": 11, "parent_id": "100", "newly_created": true }),
        ),
        (
            "READY",
            json!({ "user": { "id": "99" }, "application": { "id": "98", "flags": 0 }, "guilds": [{ "id": "1" }] }),
        ),
        ("GUILD_DELETE", json!({ "id": "1" })),
    ];
    let mut seeded = Seeded::new(11);
    for _ in 0..400 {
        let (mut state, _) = state("presence = true");
        for _ in 0..12 {
            let (name, data) = seeded.one_of(&samples);
            let mut data = data.clone();
            spoil(&mut data, &mut seeded);
            heard(&mut state, name, data);
        }
    }
}

/// Puts something else in the place of some values.
fn spoil(value: &mut Value, seeded: &mut Seeded) {
    if seeded.below(12) == 0 {
        *value = match seeded.below(7) {
            0 => Value::Null,
            1 => json!(u64::MAX),
            2 => json!(-1.5),
            3 => json!(seeded.prose(12)),
            4 => json!([]),
            5 => Value::Object(Map::new()),
            _ => json!("18446744073709551615"),
        };
        return;
    }
    match value {
        Value::Array(all) => all.iter_mut().for_each(|inner| spoil(inner, seeded)),
        Value::Object(all) => all.values_mut().for_each(|inner| spoil(inner, seeded)),
        _ => {}
    }
}
