//! MODE (Modern IRC): ranks of members as roles, and the channel modes that matter to us.

use super::room::Room;
use super::{Out, Session};
use crate::irc::isupport::Isupport;
use crate::irc::line::Line;
use crate::network::Incoming;
use tokio::time::Instant;

impl Session {
    /// `MODE #channel +o-v ann bea`, or 324, which tells all modes that a channel has.
    pub(super) fn mode(&mut self, line: &Line, now: Instant, out: &mut Out) {
        let args = if line.verb == "324" { line.args.get(1..).unwrap_or_default() } else { &line.args };
        let [target, modes, rest @ ..] = args else { return };
        if self.is_me(target) {
            if modes.contains('r') && !modes.starts_with('-') {
                self.proven(now, out);
            }
            return;
        }
        let folded = self.fold(target);
        let changes = self.isupport.changes(modes, rest);
        let Some(room) = self.rooms.get_mut(&folded) else { return };
        if line.verb == "324" {
            (room.moderated, room.topic_locked) = (false, false); // it names all that are set
            (room.hidden, room.secrecy, room.slow) = (false, None, None);
        }
        for (on, mode, arg) in changes {
            match (mode, arg) {
                ('m', _) => room.moderated = on,
                ('t', _) => room.topic_locked = on,
                ('k', Some(key)) if on && key != "*" => room.key = Some(key.into()),
                (rank, Some(nick)) if self.isupport.is_rank(rank) => {
                    set_rank(room, &self.isupport.casemapping.fold(nick), rank, on);
                }
                _ => super::operator::about_mode(room, on, mode, arg),
            }
        }
        if room.names.is_none() && self.listens && room.told.is_some() {
            super::operator::tell_about(room, out);
        }
        if room.names.is_none() && room.settled.is_none() {
            tell_roles(room, &self.isupport, &self.me.nick, out);
        }
    }
}

fn set_rank(room: &mut Room, key: &str, rank: char, on: bool) {
    let listed = room.names.as_mut().and_then(|names| names.get_mut(key));
    for person in room.people.get_mut(key).into_iter().chain(listed) {
        person.modes.retain(|mode| mode != rank);
        if on {
            person.modes.push(rank);
        }
    }
}

/// Tells the roles that are not as the house knows them.
pub(super) fn tell_roles(room: &mut Room, isupport: &Isupport, me: &str, out: &mut Out) {
    let me = isupport.casemapping.fold(me);
    let others = room.people.iter_mut().filter(|(key, person)| **key != me && person.split.is_none());
    for (key, person) in others {
        let role = isupport.role(&person.modes, room.moderated);
        if std::mem::replace(&mut person.told, role) != role {
            out.tell(Some(&room.id), Incoming::Role { author: key.as_str().into(), role });
        }
    }
}
