//! What is known of a guild.

use super::permissions::VIEW;
use super::*;
use crate::network::Role as Rank;
use serde_json::json;

/// A guild as GUILD_CREATE tells it: ann is its owner, bea moderates, cid is a friend, and may not see `secret`.
pub(in crate::discord) fn guild() -> Guild {
    let mut guild =
        Guild { me: Id(99), application: Id(98), cdn: "https://cdn.test".into(), ..Guild::default() };
    let created = json!({
        "id": "1", "name": "Venice", "owner_id": "11", "member_count": 4,
        "roles": [
            {"id": "1", "name": "@everyone", "permissions": (VIEW | permissions::SEND | permissions::HISTORY).to_string()},
            {"id": "2", "name": "Mods", "color": 0xFF0000, "position": 2, "permissions": permissions::KICK.to_string()},
            {"id": "3", "name": "Friends", "position": 1, "permissions": "0"}],
        "members": [
            {"user": {"id": "11", "username": "ann_"}, "nick": "ann", "roles": []},
            {"user": {"id": "12", "username": "bea_", "global_name": "bea", "avatar": "a_1"}, "roles": ["3", "2"]},
            {"user": {"id": "13", "username": "cid"}, "roles": ["3"]},
            {"user": {"id": "99", "username": "rialto", "bot": true}, "roles": []}],
        "channels": [
            {"id": "100", "type": 0, "name": "general", "topic": "gondolas", "rate_limit_per_user": 5},
            {"id": "101", "type": 0, "name": "secret", "permission_overwrites": [
                {"id": "1", "type": 0, "deny": VIEW.to_string(), "allow": "0"},
                {"id": "2", "type": 0, "allow": VIEW.to_string(), "deny": "0"}]},
            {"id": "102", "type": 15, "name": "forum"}],
        "threads": [{"id": "200", "type": 11, "name": "tides", "parent_id": "100"}]});
    guild.created(serde_json::from_value(created).unwrap(), false);
    guild
}

#[test]
fn people_are_called_as_the_guild_calls_them_and_wear_their_roles() {
    let guild = guild();
    let readers = guild.readers(guild.room(Id(100)).unwrap());
    let seen: Vec<_> = readers.iter().map(|one| (&*one.author.nick, one.role)).collect();
    assert_eq!(seen, [("ann", Rank::Owner), ("bea", Rank::Moderator), ("cid", Rank::Participant)]);
    let hats: Vec<_> =
        readers[1].hats.iter().map(|hat| (hat.uri.as_str(), hat.title.as_str(), hat.hue)).collect();
    assert_eq!(hats, [("urn:discord:role:2", "Mods", Some(0)), ("urn:discord:role:3", "Friends", None)]);
    assert_eq!(readers[1].author.avatar.as_deref(), Some("https://cdn.test/avatars/12/a_1.png?size=256"));
}

#[test]
fn a_hidden_channel_is_told_to_be_hidden_and_lists_only_its_readers() {
    let guild = guild();
    let (open, secret) = (guild.room(Id(100)).unwrap(), guild.room(Id(101)).unwrap());
    assert!(!guild.about(open).hidden && guild.about(secret).hidden);
    assert_eq!(guild.about(open).slow, Some(Duration::from_secs(5)));
    let readers = guild.readers(secret);
    let nicks: Vec<_> = readers.iter().map(|one| &*one.author.nick).collect();
    assert_eq!(nicks, ["ann", "bea"]);
    assert_eq!(guild.ours(secret) & VIEW, 0);
}

#[test]
fn a_thread_belongs_to_the_room_of_its_channel() {
    let guild = guild();
    assert_eq!(
        (guild.room_of(Id(200)), guild.room_of(Id(100)), guild.room_of(Id(5))),
        (Some(Id(100)), Some(Id(100)), None)
    );
    assert!(guild.is_forum(Id(102)) && !guild.is_forum(Id(100)));
}
