//! People: who comes, goes, is called otherwise, is put out, is away, writes.

use super::{Out, State, read};
use crate::discord::snowflake::Id;
use crate::discord::wire::{Guild, Member, Presence, Role, User};
use crate::model::Act;
use crate::network::Incoming;
use serde::Deserialize;
use serde_json::Value;
use std::sync::Arc;
use std::time::{Duration, SystemTime};
use tokio::time::Instant;

/// How long somebody who has gone is kept for the reason, which comes by another event.
const REASON: Duration = Duration::from_millis(700);

/// How long after somebody was seen writing he is believed to write.
const WRITES: Duration = Duration::from_secs(10);

/// Reasons that wait for who has gone.
const REASONS: usize = 200;

/// Who has gone and why.
#[derive(Default)]
pub(super) struct Going {
    gone: Vec<(Id, Instant)>,
    why: Vec<(Id, Why)>,
}

struct Why {
    at: Instant,
    by: Option<Arc<str>>,
    reason: Option<String>,
}

#[derive(Deserialize)]
struct About {
    user: User,
}

/// An entry of the audit log: 20 is a kick, 22 a ban.
#[derive(Deserialize)]
struct Entry {
    action_type: u64,
    target_id: Option<Id>,
    user_id: Option<Id>,
    reason: Option<String>,
}

impl State {
    /// GUILD_…, and PRESENCE_UPDATE.
    pub(super) fn guild_changed(&mut self, name: &str, data: Value, out: &mut Out) {
        match name {
            "GUILD_CREATE" => read(data, |guild| self.guild_created(guild, out)),
            "GUILD_DELETE" => read(data, |guild: Guild| self.guild_gone(&guild, out)),
            "GUILD_UPDATE" => read(data, |guild: Guild| {
                self.guild.owner = guild.owner_id.or(self.guild.owner);
                self.guild.name = guild.name;
            }),
            "GUILD_MEMBER_ADD" | "GUILD_MEMBER_UPDATE" => read(data, |member| self.met(member, out)),
            "GUILD_MEMBER_REMOVE" => read(data, |about: About| self.went(about.user.id, out)),
            "GUILD_BAN_ADD" => read(data, |about: About| self.put_out(about.user.id, None, None)),
            "GUILD_AUDIT_LOG_ENTRY_CREATE" => read(data, |entry: Entry| {
                if let (20 | 22, Some(who)) = (entry.action_type, entry.target_id) {
                    self.put_out(who, entry.user_id, entry.reason);
                }
            }),
            "GUILD_ROLE_CREATE" | "GUILD_ROLE_UPDATE" => {
                let role = data.get("role").cloned().unwrap_or_default();
                read(role, |role: Role| {
                    self.guild.roles.insert(role.id, role);
                    self.relist(out);
                });
            }
            "GUILD_ROLE_DELETE" => {
                if let Some(role) = data.get("role_id").and_then(Value::as_str).and_then(Id::read) {
                    self.guild.roles.remove(&role);
                    self.relist(out);
                }
            }
            "GUILD_MEMBERS_CHUNK" => self.chunk(&data, out),
            "PRESENCE_UPDATE" => read(data, |presence| self.seen(&presence, out)),
            _ => {}
        }
    }

    fn guild_created(&mut self, guild: Guild, out: &mut Out) {
        let by_name = self.settings.guild.as_deref().filter(|_| self.settings.guild_id().is_none());
        let ours = match by_name {
            Some(name) => guild.name.trim() == name.trim(),
            None => self.guild.id == Some(guild.id),
        };
        if !ours || guild.unavailable {
            return;
        }
        let count = guild.member_count;
        self.guild.created(guild, self.settings.presence);
        if !self.settings.members || (count > 0 && self.guild.members.len() >= count) {
            return self.all_known(out);
        }
        self.complete = false;
        out.asks.push(super::Ask::People);
    }

    /// An outage takes a guild away for a while: nothing of it is forgotten.
    fn guild_gone(&mut self, guild: &Guild, out: &mut Out) {
        if self.guild.id != Some(guild.id) {
            return;
        }
        if guild.unavailable {
            let error = crate::network::NetworkError::Down("Discord has an outage in this guild".into());
            return self.lost(error, out);
        }
        let text = format!("the bot was removed from the guild \"{}\"; {}", self.guild.name, self.invite());
        self.refused(text, out);
    }

    fn chunk(&mut self, data: &Value, out: &mut Out) {
        if let Some(members) = data.get("members").and_then(Value::as_array) {
            for member in members {
                read(member.clone(), |member| {
                    self.guild.met(member);
                });
            }
        }
        if let Some(presences) = data.get("presences").and_then(Value::as_array)
            && self.settings.presence
        {
            for presence in presences {
                read(presence.clone(), |presence: Presence| {
                    if let Some(person) = self.guild.members.get_mut(&presence.user.id) {
                        person.away = presence.status != "online";
                    }
                });
            }
        }
        let number = |key: &str| data.get(key).and_then(Value::as_u64).unwrap_or_default();
        if number("chunk_index") >= number("chunk_count").saturating_sub(1) && !self.complete {
            self.all_known(out);
        }
    }

    /// Somebody came, or is otherwise than before.
    fn met(&mut self, member: Member, out: &mut Out) {
        let before = member.user.as_ref().map(|user| self.guild.author_of(user.id));
        let known = member.user.as_ref().is_some_and(|user| self.guild.members.contains_key(&user.id));
        let Some(id) = self.guild.met(member) else { return };
        self.people.gone.retain(|(gone, _)| *gone != id);
        if id == self.guild.me {
            // What we may do has changed with our roles.
            return self.relist(out);
        }
        if !self.settings.members {
            return;
        }
        let Some(person) = self.guild.members.get(&id).cloned() else { return };
        for room in self.open_rooms() {
            let now = self.guild.room(room).and_then(|channel| self.guild.member(&person, channel));
            let Some(here) = self.rooms.get_mut(&room).map(|room| &mut room.here) else { continue };
            match now {
                Some(now) if here.insert(id) => out.tell(room, Incoming::Entered(now)),
                Some(now) => {
                    let renamed =
                        known && before.as_ref().is_some_and(|before| before.nick != now.author.nick);
                    if renamed {
                        let renamed =
                            Incoming::Renamed { author: now.author.id.clone(), now: now.author.clone() };
                        out.tell(room, renamed);
                    }
                    out.tell(room, Incoming::Changed(now));
                }
                None if here.remove(&id) => {
                    out.tell(room, Incoming::Left { author: id.to_string().into(), reason: None });
                }
                None => {}
            }
        }
    }

    /// Somebody has left the guild, or was put out: the reason comes by another event.
    fn went(&mut self, who: Id, out: &mut Out) {
        if self.open_rooms().is_empty() {
            self.guild.members.remove(&who);
            return;
        }
        let known = self.people.why.iter().any(|(user, _)| *user == who);
        let wait = if known { Duration::ZERO } else { REASON };
        self.people.gone.push((who, Instant::now() + wait));
        self.gone(Instant::now(), out);
    }

    fn put_out(&mut self, who: Id, by: Option<Id>, reason: Option<String>) {
        let by = by.map(|by| self.guild.author_of(by).nick);
        let why = &mut self.people.why;
        if let Some((_, known)) = why.iter_mut().find(|(user, _)| *user == who) {
            known.by = by.or(known.by.take());
            known.reason = reason.or(known.reason.take());
            return;
        }
        if why.len() >= REASONS {
            why.remove(0);
        }
        why.push((who, Why { at: Instant::now(), by, reason }));
    }

    /// Those who have gone are told to have gone, as soon as it is known why, or will not be.
    pub(super) fn gone(&mut self, now: Instant, out: &mut Out) {
        self.people.why.retain(|(_, why)| why.at + 10 * WRITES > now);
        let pending = std::mem::take(&mut self.people.gone);
        for (who, until) in pending {
            let why = self.people.why.iter().position(|(user, _)| *user == who);
            if why.is_none() && until > now {
                self.people.gone.push((who, until));
                continue;
            }
            let why = why.map(|at| self.people.why.remove(at).1);
            self.guild.members.remove(&who);
            let author: Arc<str> = who.to_string().into();
            for room in self.open_rooms() {
                if !self.rooms.get_mut(&room).is_some_and(|room| room.here.remove(&who)) {
                    continue;
                }
                let what = match &why {
                    None => Incoming::Left { author: author.clone(), reason: None },
                    Some(why) => Incoming::Kicked {
                        author: author.clone(),
                        by: why.by.clone().unwrap_or_else(|| "a moderator".into()),
                        reason: why.reason.as_deref().map(crate::model::harmless_line),
                    },
                };
                out.tell(room, what);
            }
        }
    }

    /// Somebody came back or went away.
    fn seen(&mut self, presence: &Presence, out: &mut Out) {
        let id = presence.user.id;
        let Some(person) = self.guild.members.get_mut(&id).filter(|_| self.settings.presence) else { return };
        let away = presence.status != "online";
        if std::mem::replace(&mut person.away, away) == away {
            return;
        }
        for room in self.open_rooms() {
            if self.rooms.get(&room).is_some_and(|room| room.here.contains(&id)) {
                let author = id.to_string().into();
                out.tell(room, Incoming::Away { author, away: away.then(String::new) });
            }
        }
    }

    /// TYPING_START.
    pub(super) fn types(&mut self, data: &Value, out: &mut Out) {
        let id = |key: &str| data.get(key).and_then(Value::as_str).and_then(Id::read);
        let (Some(channel), Some(user)) = (id("channel_id"), id("user_id")) else { return };
        let Some((room, _)) = self.place(channel, Id(0)) else { return };
        if user == self.guild.me || !self.settings.typing || self.link != super::Link::Up {
            return;
        }
        let known = self.typing.insert((room, user), Instant::now() + WRITES).is_some();
        if !known {
            let author = self.guild.author_of(user);
            out.did(room, None, author, SystemTime::now(), Act::Typing(true));
        }
    }

    /// What people may read has changed: each room is told anew who is there.
    pub(super) fn relist(&mut self, out: &mut Out) {
        if !self.complete {
            return;
        }
        for room in self.open_rooms() {
            let Some(channel) = self.guild.channels.get(&room).cloned() else { continue };
            self.retell(&channel, out);
            if self.settings.members {
                self.list(room, out);
            }
        }
    }
}
