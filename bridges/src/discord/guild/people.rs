//! A guild's people as the rest of Rialto knows them: names, pictures, roles as hats.

use super::permissions::VIEW;
use super::{Guild, Person};
use crate::discord::KIND;
use crate::discord::snowflake::Id;
use crate::discord::wire::{Channel, Member, User};
use crate::model::{Author, harmless_line};
use crate::network::{self, Hat};
use std::sync::Arc;

/// Hats that one person may wear: those of his highest roles.
const HATS: usize = 10;

impl Guild {
    /// Somebody of the guild, or who was. His own name there, else his name everywhere, else his account's name.
    pub fn author(&self, user: &User, member: Option<&Member>) -> Author {
        let known = self.members.get(&user.id);
        let nick = match member {
            Some(member) => member.nick.as_deref(),
            None => known.and_then(|person| person.nick.as_deref()),
        };
        let avatar = match member {
            Some(member) => member.avatar.as_deref(),
            None => known.and_then(|person| person.avatar.as_deref()),
        };
        let name = [nick, user.global_name.as_deref(), Some(user.username.as_str())];
        let name = name.into_iter().flatten().find(|name| !name.trim().is_empty()).unwrap_or_default();
        let id: Arc<str> = user.id.to_string().into();
        let mut author = Author::new(id.clone(), name, KIND.name);
        author.account = Some(id);
        author.avatar = self.picture(user, avatar).map(Into::into);
        author
    }

    /// Somebody of whom perhaps only the id is known.
    pub fn author_of(&self, id: Id) -> Author {
        match self.members.get(&id) {
            Some(person) => self.author(&person.user, None),
            None => Author::new(id.to_string(), &id.to_string(), KIND.name),
        }
    }

    /// A person who may read the channel; `None` for us, and for who may not.
    pub fn member(&self, person: &Person, channel: &Channel) -> Option<network::Member> {
        let may = self.permissions(person.user.id, &person.roles, channel);
        if may & VIEW == 0 || person.user.id == self.me {
            return None;
        }
        Some(network::Member {
            author: self.author(&person.user, None),
            role: self.rank(person.user.id, may),
            away: person.away.then(String::new),
            hats: self.hats(&person.roles),
        })
    }

    /// All who may read the channel.
    pub fn readers(&self, channel: &Channel) -> Vec<network::Member> {
        let mut readers: Vec<_> =
            self.members.values().filter_map(|person| self.member(person, channel)).collect();
        readers.sort_by(|one, other| one.author.id.cmp(&other.author.id));
        readers
    }

    fn hats(&self, roles: &[Id]) -> Vec<Hat> {
        let mut worn: Vec<_> = roles.iter().filter_map(|role| self.roles.get(role)).collect();
        worn.sort_by_key(|role| std::cmp::Reverse((role.position, role.id)));
        let hat = |role: &crate::discord::wire::Role| Hat {
            uri: format!("urn:discord:role:{}", role.id),
            title: harmless_line(&role.name),
            hue: hue(role.color),
        };
        worn.into_iter().take(HATS).map(hat).filter(|hat| !hat.title.is_empty()).collect()
    }

    fn picture(&self, user: &User, own: Option<&str>) -> Option<String> {
        let sound =
            |hash: &&str| hash.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_') && hash.len() < 80;
        let cdn = &self.cdn;
        if let (Some(hash), Some(guild)) = (own.filter(sound), self.id) {
            return Some(format!("{cdn}/guilds/{guild}/users/{}/avatars/{hash}.png?size=256", user.id));
        }
        let hash = user.avatar.as_deref().filter(sound)?;
        Some(format!("{cdn}/avatars/{}/{hash}.png?size=256", user.id))
    }
}

/// The hue of a colour, in degrees; none where it has no colour.
fn hue(rgb: u32) -> Option<u16> {
    let [_, red, green, blue] = rgb.to_be_bytes().map(f64::from);
    let most = red.max(green).max(blue);
    let span = most - red.min(green).min(blue);
    if span == 0.0 {
        return None;
    }
    let sixth = if most == red {
        ((green - blue) / span).rem_euclid(6.0)
    } else if most == green {
        (blue - red) / span + 2.0
    } else {
        (red - green) / span + 4.0
    };
    // Between 0 and 360, both before and after rounding.
    Some((sixth * 60.0).round() as u16 % 360)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hues_are_those_of_the_wheel() {
        let hues = [0xFF0000, 0x00FF00, 0x0000FF, 0xFFFF00, 0xFF0001, 0x808080, 0].map(hue);
        assert_eq!(hues, [Some(0), Some(120), Some(240), Some(60), Some(0), None, None]);
    }
}
