//! Rooms by name, and the list of them.

use super::guild::{Guild, holds_words};
use super::session::Shared;
use super::snowflake::Id;
use super::spoken::told;
use super::wire::Channel;
use crate::model::harmless_line;
use crate::network::{Fed, Incoming, Listed, NetworkError};
use std::collections::BTreeMap;
use std::sync::PoisonError;
use std::time::Duration;
use tokio::time::timeout;

/// How long asking for a name may take: a server that starts does not wait for Discord.
const ASKING: Duration = Duration::from_secs(5);

/// Under which key the channel of a name is kept.
const NAMED: &str = "channel/";

/// The channel that an operator means: `general`, `#general`, `category/general`, or its id.
pub(super) async fn resolve(shared: &Shared, name: &str) -> Result<Id, NetworkError> {
    let name = name.trim().trim_start_matches('#').trim();
    if let Some(id) = Id::read(name) {
        return Ok(id);
    }
    if name.is_empty() || name.chars().count() > 200 || name.contains(char::is_control) {
        return Err(NetworkError::NotFound("a channel is called by its name or its id".into()));
    }
    let known = find(shared.state().guild.channels.values(), name);
    if let Some(found) = known {
        return found.inspect(|id| keep(shared, name, *id));
    }
    // While Discord is away the name still means what it meant.
    let before =
        shared.names.lock().unwrap_or_else(PoisonError::into_inner).get(&name.to_lowercase()).copied();
    if let Some(id) = before {
        return Ok(id);
    }
    let late = |_| NetworkError::Down("Discord does not answer".into());
    let id = timeout(ASKING, ask(shared, name)).await.map_err(late)??;
    keep(shared, name, id);
    Ok(id)
}

async fn ask(shared: &Shared, name: &str) -> Result<Id, NetworkError> {
    let guild = guild_id(shared).await?;
    let channels = shared.rest.channels(guild).await.map_err(told)?;
    let missing =
        || NetworkError::NotFound(format!("the guild has no channel \"{name}\" that the bot may see"));
    find(channels.iter(), name).ok_or_else(missing)?
}

/// What names meant in an earlier run.
pub(super) fn kept(kept: &BTreeMap<String, String>) -> BTreeMap<String, Id> {
    let names =
        kept.iter().filter_map(|(key, id)| Some((key.strip_prefix(NAMED)?.to_owned(), Id::read(id)?)));
    names.collect()
}

/// The name is known in the next run, too.
fn keep(shared: &Shared, name: &str, id: Id) {
    let name = name.to_lowercase();
    let known = shared.names.lock().unwrap_or_else(PoisonError::into_inner).insert(name.clone(), id);
    if known != Some(id) {
        let what = Incoming::Mark { key: format!("{NAMED}{name}"), value: Some(id.to_string()) };
        // Where the house is busy it is kept another time.
        let _ = shared.feed.try_send(Fed { room: None, what });
    }
}

/// The guild's id, asked for where only its name is known.
async fn guild_id(shared: &Shared) -> Result<Id, NetworkError> {
    let known = shared.settings.guild_id().or(shared.state().guild.id);
    if let Some(known) = known {
        return Ok(known);
    }
    let guilds = shared.rest.guilds().await.map_err(told)?;
    let mut ours = guilds
        .iter()
        .filter(|guild| shared.settings.guild.as_deref().is_none_or(|name| name.trim() == guild.name.trim()));
    match (ours.next(), ours.next()) {
        (Some(guild), None) => Ok(guild.id),
        (None, _) => Err(NetworkError::NotFound("the bot is not in the guild".into())),
        (Some(_), Some(_)) => Err(NetworkError::NotFound(
            "the bot is in several guilds; say which with `guild` in its settings".into(),
        )),
    }
}

/// The one channel of that name; `None` where there is none.
fn find<'a>(channels: impl Iterator<Item = &'a Channel>, name: &str) -> Option<Result<Id, NetworkError>> {
    let all: Vec<&Channel> = channels.collect();
    let category = |channel: &Channel| {
        let above = all.iter().find(|above| Some(above.id) == channel.parent_id);
        above.map_or(String::new(), |above| format!("{}/{}", above.name, channel.name))
    };
    let wanted = name.to_lowercase();
    let means = |channel: &&&Channel| {
        channel.name.to_lowercase() == wanted || category(channel).to_lowercase() == wanted
    };
    let mut found = all.iter().filter(|channel| holds_words(channel)).filter(means);
    match (found.next(), found.next()) {
        (None, _) => None,
        (Some(one), None) => Some(Ok(one.id)),
        (Some(one), Some(other)) => Some(Err(NetworkError::NotFound(format!(
            "there are several channels called \"{name}\"; say \"category/{name}\" or an id, as {} or {}",
            one.id, other.id
        )))),
    }
}

/// Channels that hold these words in their name or topic. Hidden ones are not listed.
pub(super) fn list(guild: &Guild, words: Option<&str>, most: usize) -> Vec<Listed> {
    let words = words.map(str::to_lowercase);
    let holds = |text: Option<&str>| match (&words, text) {
        (None, _) => true,
        (Some(words), Some(text)) => text.to_lowercase().contains(words.as_str()),
        (Some(_), None) => false,
    };
    let open = guild.channels.values().filter(|channel| {
        holds_words(channel)
            && !guild.hidden(channel)
            && guild.ours(channel) & super::guild::permissions::VIEW != 0
            && (holds(Some(&channel.name)) || holds(channel.topic.as_deref()))
    });
    let mut open: Vec<&Channel> = open.collect();
    open.sort_by(|one, other| (&one.name, one.id).cmp(&(&other.name, other.id)));
    let listed = |channel: &Channel| Listed {
        room: super::heard::room_name(channel.id),
        name: format!("#{}", harmless_line(&channel.name)),
        topic: channel.topic.as_deref().map(harmless_line).filter(|topic| !topic.is_empty()),
        people: None,
    };
    open.into_iter().take(most).map(listed).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::discord::guild::tests::guild;

    #[test]
    fn channels_are_listed_by_their_words_and_hidden_ones_are_not() {
        let names = |words: Option<&str>, most| {
            let listed = list(&guild(), words, most);
            listed.into_iter().map(|one| (one.room.to_string(), one.name)).collect::<Vec<_>>()
        };
        let general = ("100".to_owned(), "#general".to_owned());
        assert_eq!(names(None, 9), [("102".to_owned(), "#forum".to_owned()), general.clone()]);
        assert_eq!(names(Some("GONDOLA"), 9), [general]);
        assert_eq!(names(None, 1).len(), 1);
    }

    #[test]
    fn a_channel_is_found_by_its_name_or_with_its_category() {
        let channel = |id, kind, name: &str, parent| Channel {
            id: Id(id),
            kind,
            name: name.into(),
            parent_id: parent,
            ..Channel::default()
        };
        let all = [
            channel(1, 4, "Talk", None),
            channel(2, 4, "Work", None),
            channel(3, 0, "general", Some(Id(1))),
            channel(4, 0, "general", Some(Id(2))),
            channel(5, 0, "tides", None),
        ];
        assert_eq!(find(all.iter(), "Tides"), Some(Ok(Id(5))));
        assert_eq!(find(all.iter(), "work/general"), Some(Ok(Id(4))));
        assert!(
            matches!(find(all.iter(), "general"), Some(Err(NetworkError::NotFound(text))) if text.contains("category/"))
        );
        assert_eq!((find(all.iter(), "Talk"), find(all.iter(), "none")), (None, None));
    }
}
