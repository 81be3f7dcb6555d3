//! What needs rank in a channel, and what a channel says of itself: kicks and bans, secrecy, invitations.

use super::asks::Ask;
use super::room::{Room, Stage};
use super::{Out, Session};
use crate::irc::line::{Line, write};
use crate::network::{About, Incoming, NetworkError, RemoteId, Role, Sanction};
use std::collections::BTreeSet;
use std::time::Duration;
use tokio::time::Instant;

/// Bans that are remembered in one channel.
const BANS: usize = 1000;

impl Session {
    /// The rooms where we have the rank to kick and ban.
    pub fn commanded(&self) -> BTreeSet<RemoteId> {
        let rooms = self.rooms.values().filter(|room| self.commands(room));
        rooms.map(|room| room.id.clone()).collect()
    }

    fn commands(&self, room: &Room) -> bool {
        let me = self.fold(&self.me.nick);
        let role = room.people.get(&me).map(|me| self.isupport.role(&me.modes, false));
        room.stage == Stage::In && role >= Some(Role::Helper)
    }

    /// The lines that do this to somebody.
    pub fn sanction(
        &mut self,
        id: &RemoteId,
        person: &str,
        what: &Sanction,
        out: &mut Out,
    ) -> Result<Ask, NetworkError> {
        if !self.settings.moderate {
            return Err(NetworkError::Unsupported(
                "moderation from here: `moderate` is not set for this network",
            ));
        }
        let channel = self.channel(id)?.to_owned();
        let folded = self.folded(id);
        let Some(room) = self.rooms.get(&folded) else { return Err(NetworkError::NotFound(id.to_string())) };
        if !self.commands(room) {
            let text =
                format!("the bridge is no operator of {id}; its operators must give {} +o", self.me.nick);
            return Err(NetworkError::Forbidden(text));
        }
        let there = room.people.get(person).map(|person| person.nick.clone());
        let key = format!("ban {id} {person}");
        let kick = |nick: &str, reason: &Option<String>| {
            write(&["KICK", &channel, nick], Some(reason.as_deref().unwrap_or("no reason was given")))
        };
        let line = match (what, there) {
            (Sanction::Kick { reason }, Some(nick)) => kick(&nick, reason),
            (Sanction::Kick { .. }, None) => {
                return Err(NetworkError::NotFound(format!("{person} is not in {id}")));
            }
            (Sanction::Ban { reason }, there) => {
                let mask = self.mask(room, person);
                let mut line = write(&["MODE", &channel, "+b", &mask], None);
                there.into_iter().for_each(|nick| line += &kick(&nick, reason));
                self.remember_ban(&folded, person, Some(mask), key, out);
                line
            }
            (Sanction::Unban, _) => {
                let known = room.bans.get(person).or_else(|| self.kept.get(&key)).cloned();
                let mask = known.unwrap_or_else(|| self.mask(room, person));
                self.remember_ban(&folded, person, None, key, out);
                write(&["MODE", &channel, "-b", &mask], None)
            }
        };
        Ok(Ask { line, ends: &[] })
    }

    /// Whom to ban: the account where there is one and the server bans accounts, else all from his host, else the nick.
    fn mask(&self, room: &Room, person: &str) -> String {
        let known = room.people.get(person);
        let account =
            known.and_then(|person| person.account.as_ref()).zip(self.isupport.account_ban.as_ref());
        if let Some((account, ban)) = account {
            return format!("{ban}{account}");
        }
        let address = known.and_then(|person| person.address.as_deref());
        match address.and_then(|address| address.split_once('@')) {
            Some((_, host)) => format!("*!*@{host}"),
            None => format!("{person}!*@*"),
        }
    }

    fn remember_ban(&mut self, folded: &str, person: &str, mask: Option<String>, key: String, out: &mut Out) {
        out.tell(None, Incoming::Mark { key: key.clone(), value: mask.clone() });
        self.kept.remove(&key);
        let Some(room) = self.rooms.get_mut(folded) else { return };
        match mask {
            Some(mask) if room.bans.len() < BANS => drop(room.bans.insert(person.into(), mask)),
            _ => drop(room.bans.remove(person)),
        }
    }

    /// INVITE: to a channel that we want and are not in, we go.
    pub(super) fn invited(&mut self, line: &Line, now: Instant, out: &mut Out) {
        let folded = self.fold(line.arg(1));
        if !self.is_me(line.arg(0)) {
            return;
        }
        if let Some(room) = self.rooms.get_mut(&folded).filter(|room| matches!(room.stage, Stage::Out(_))) {
            room.stage = Stage::Out(None);
            self.join_due(now, out, false);
        }
    }
}

/// One mode of a channel that says something of the channel itself.
pub(super) fn about_mode(room: &mut Room, on: bool, mode: char, arg: Option<&str>) {
    match mode {
        's' | 'p' => room.hidden = on || (room.hidden && room.secrecy != Some(mode)),
        'f' => room.slow = arg.filter(|_| on).and_then(pace),
        _ => {}
    }
    match (mode, on) {
        ('s' | 'p', true) => room.secrecy = Some(mode),
        ('s' | 'p', false) if room.secrecy == Some(mode) => room.secrecy = None,
        _ => {}
    }
}

/// `5:10`, `*5:10`, `[5m#M]:10`: so many lines in so many seconds.
fn pace(limit: &str) -> Option<Duration> {
    let (lines, seconds) = limit.split_once(':')?;
    let digits: String =
        lines.chars().skip_while(|c| !c.is_ascii_digit()).take_while(char::is_ascii_digit).collect();
    let (lines, seconds) = (digits.parse::<f64>().ok()?, seconds.parse::<f64>().ok()?);
    (lines >= 1.0 && (1.0..=86_400.0).contains(&seconds)).then(|| Duration::from_secs_f64(seconds / lines))
}

/// Tells what is known of the channel itself, if the house does not know it.
pub(super) fn tell_about(room: &mut Room, out: &mut Out) {
    let about = About { name: None, hidden: room.hidden, slow: room.slow };
    if room.told.as_ref() != Some(&about) {
        room.told = Some(about.clone());
        out.tell(Some(&room.id), Incoming::About(about));
    }
}

#[cfg(test)]
mod tests;
