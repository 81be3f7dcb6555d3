//! Who is in a channel: JOIN, PART, KICK, QUIT, NICK, NAMES (Modern IRC), and what IRCv3 says of them (extended-join,
//! away-notify, account-notify, chghost).

use super::room::{Person, Room, Stage};
use super::{Out, Session};
use crate::irc::line::{Line, Source, write};
use crate::model::{Author, harmless_line};
use crate::network::{Incoming, NetworkError};
use tokio::time::Instant;

/// People of one channel that we remember: a server that names more is not to be believed.
const CROWD: usize = 50_000;

/// The biggest channel that is asked who is away.
const WHO: usize = 200;

/// After a netsplit operators get their rank back one after another; we tell once.
const SETTLED: std::time::Duration = std::time::Duration::from_secs(10);

impl Session {
    /// Somebody comes or goes.
    pub(super) fn moved(&mut self, line: &Line, now: Instant, out: &mut Out) {
        match line.verb.as_str() {
            "JOIN" if self.is_me(&line.source.nick) => self.joined(line, now, out),
            "JOIN" => self.came(line, now, out),
            "PART" if self.is_me(&line.source.nick) => {
                self.thrown_out(line.arg(0), "we were made to leave", now, out)
            }
            "PART" => self.went(line, out),
            "KICK" => self.kicked(line, now, out),
            "QUIT" => self.quit(line, now, out),
            "NICK" => self.renamed(line, out),
            "353" => self.named(line),
            _ => self.all_named(line, now, out),
        }
    }

    /// Something about somebody changes.
    pub(super) fn changed(&mut self, line: &Line, out: &mut Out) {
        let who =
            if matches!(line.verb.as_str(), "352" | "354") { line.arg(5) } else { line.source.nick.as_str() };
        let folded = self.fold(who);
        if line.verb == "CHGHOST" && self.is_me(who) {
            (self.me.user, self.me.host) = (line.arg(0).into(), line.arg(1).into());
        }
        for room in self.rooms.values_mut() {
            let Some(person) = room.people.get_mut(&folded) else { continue };
            let mut away = person.away.clone();
            let before = (person.account.clone(), person.address.clone());
            match line.verb.as_str() {
                "AWAY" => away = line.args.first().map(|reason| harmless_line(&super::talk::plain(reason))),
                "ACCOUNT" => {
                    person.account = Some(line.arg(0)).filter(|a| *a != "*" && !a.is_empty()).map(Into::into)
                }
                "CHGHOST" => person.address = Some(format!("{}@{}", line.arg(0), line.arg(1))),
                // RPL_WHOSPCRPL, as we ask for it: token channel user host nick flags account.
                "354" => {
                    person.address = Some(format!("{}@{}", line.arg(3), line.arg(4)));
                    person.account = Some(line.arg(7)).filter(|a| !matches!(*a, "" | "0")).map(Into::into);
                    let gone = line.arg(6).starts_with('G');
                    away = gone.then(|| person.away.clone().unwrap_or_default());
                }
                // RPL_WHOREPLY: channel user host server nick flags. `G` is gone, `H` is here.
                _ => {
                    person.address = Some(format!("{}@{}", line.arg(2), line.arg(3)));
                    let gone = line.arg(6).starts_with('G');
                    away = gone.then(|| person.away.clone().unwrap_or_default());
                }
            }
            let known = room.names.is_none() && room.stage == Stage::In && self.listens;
            if known && before != (person.account.clone(), person.address.clone()) && line.verb != "352" {
                let member = person.member(&folded, &self.isupport, room.moderated);
                out.tell(Some(&room.id), Incoming::Changed(member));
            }
            if away != person.away {
                person.away = away.clone();
                out.tell(Some(&room.id), Incoming::Away { author: folded.as_str().into(), away });
            }
        }
    }

    /// We are in; the names come next.
    fn joined(&mut self, line: &Line, now: Instant, out: &mut Out) {
        if !line.source.host.is_empty() {
            self.me = line.source.clone();
        }
        let folded = self.fold(line.arg(0));
        self.begin_catching_up(&folded, now);
        let me = (!self.listens).then(|| (self.fold(&self.me.nick), self.me.nick.clone()));
        match self.rooms.get_mut(&folded) {
            Some(room) => {
                room.name = line.arg(0).into();
                if let Some((key, nick)) = me {
                    room.people = [(key, Person { nick, ..Person::default() })].into();
                }
                room.stage = Stage::Joining(now);
                room.names = Some(Default::default());
                room.new_topic = None;
            }
            None => {
                out.paced.push(write(&["PART", line.arg(0)], Some("nobody asked for this channel")));
                return;
            }
        }
        if self.have("no-implicit-names") || self.have("draft/no-implicit-names") {
            // Who is there must be asked for; a person's connection does not care.
            match self.listens {
                true => out.paced.push(write(&["NAMES", line.arg(0)], None)),
                false => self.all_named(
                    &Line { args: vec![String::new(), line.arg(0).into()], ..line.clone() },
                    now,
                    out,
                ),
            }
        }
    }

    fn came(&mut self, line: &Line, now: Instant, out: &mut Out) {
        if self.is_ours(&line.source.nick) {
            return;
        }
        let (channel, key) = (self.fold(line.arg(0)), self.fold(&line.source.nick));
        let Some(room) = self.rooms.get_mut(&channel) else { return };
        let fresh = Person {
            nick: line.source.nick.clone(),
            address: line.source.address(),
            account: Some(line.arg(1)).filter(|account| !matches!(*account, "" | "*")).map(Into::into),
            ..Person::default()
        };
        if room.people.len() >= CROWD {
            return;
        }
        if let Some(names) = &mut room.names {
            names.insert(key.clone(), fresh.clone());
        }
        match room.people.get_mut(&key) {
            // The same person again, after a netsplit: never gone, for the house.
            Some(person) if person.split.is_none() || same_person(person, &fresh) => {
                person.split = None;
                person.modes.clear();
                person.account = fresh.account.or(person.account.take());
                room.settled = Some(now + SETTLED);
                return;
            }
            Some(_) => left(room, &key, None, out),
            None => {}
        }
        let person = room.people.entry(key.clone()).or_insert(fresh);
        let member = person.member(&key, &self.isupport, room.moderated);
        out.tell(Some(&room.id), Incoming::Entered(member));
    }

    fn went(&mut self, line: &Line, out: &mut Out) {
        let (channel, key) = (self.fold(line.arg(0)), self.fold(&line.source.nick));
        if let Some(room) = self.rooms.get_mut(&channel) {
            left(room, &key, reason(line.arg(1)), out);
        }
    }

    fn kicked(&mut self, line: &Line, now: Instant, out: &mut Out) {
        let (channel, key) = (self.fold(line.arg(0)), self.fold(line.arg(1)));
        let why = reason(line.arg(2));
        if self.is_me(line.arg(1)) {
            let text =
                format!("{} put us out: {}", line.source.nick, why.as_deref().unwrap_or("no reason given"));
            return self.thrown_out(line.arg(0), &text, now, out);
        }
        let by = Author::new("", &line.source.nick, super::NETWORK).nick;
        let Some(room) = self.rooms.get_mut(&channel) else { return };
        forget(room, &key);
        if room.people.remove(&key).is_some() {
            out.tell(Some(&room.id), Incoming::Kicked { author: key.into(), by, reason: why });
        }
    }

    fn thrown_out(&mut self, channel: &str, text: &str, now: Instant, out: &mut Out) {
        let folded = self.fold(channel);
        let Some(room) = self.rooms.get_mut(&folded) else { return };
        // Before the answer to JOIN comes, this is about an earlier stay.
        if room.stage == Stage::In || room.names.is_some() {
            room.lost = false;
            let error =
                NetworkError::Forbidden(format!("{}: {}; we try to come back", room.id, harmless_line(text)));
            self.put_out(&folded, error, now, out);
        }
    }

    /// Those cut off by a netsplit stay for a while: they come back, and with them hundreds.
    fn quit(&mut self, line: &Line, now: Instant, out: &mut Out) {
        let key = self.fold(&line.source.nick);
        let hold = self.settings.netsplit_hold;
        let split = is_netsplit(line.arg(0)) && !hold.is_zero();
        for room in self.rooms.values_mut() {
            match room.people.get_mut(&key) {
                Some(person) if split => person.split = Some(now + hold),
                Some(_) => left(room, &key, reason(line.arg(0)), out),
                None => {}
            }
            forget(room, &key);
        }
        self.place.ours().gone(&line.source.nick, self.isupport.casemapping);
        self.nick_is_free(&line.source.nick, out);
    }

    fn renamed(&mut self, line: &Line, out: &mut Out) {
        let (old, now) = (self.fold(&line.source.nick), self.fold(line.arg(0)));
        let mine = self.is_me(&line.source.nick);
        self.place.ours().renamed(&line.source.nick, line.arg(0), self.isupport.casemapping);
        if mine {
            self.me.nick = line.arg(0).into();
            self.place.called(Some(line.arg(0)));
            self.has_nick(out);
        }
        for room in self.rooms.values_mut() {
            if let Some(person) = room.names.as_mut().and_then(|names| names.remove(&old).zip(Some(names))) {
                let (mut person, names) = person;
                person.nick = line.arg(0).into();
                names.insert(now.clone(), person);
            }
            let Some(mut person) = room.people.remove(&old) else { continue };
            left(room, &now, None, out);
            person.nick = line.arg(0).into();
            let author = person.author(&now);
            room.people.insert(now.clone(), person);
            if !mine {
                out.tell(Some(&room.id), Incoming::Renamed { author: old.as_str().into(), now: author });
            }
        }
    }

    /// RPL_NAMREPLY: `= #channel :@ann +bea cid!c@host`.
    fn named(&mut self, line: &Line) {
        let folded = self.fold(line.arg(2));
        if let Some(room) = self.rooms.get_mut(&folded).filter(|room| room.names.is_some()) {
            // `=` is a public channel, `@` a secret one, `*` a private one.
            room.secrecy = match line.arg(1) {
                "@" => Some('s'),
                "*" => Some('p'),
                _ => None,
            };
            room.hidden = room.secrecy.is_some();
        }
        let Some(names) = self.rooms.get_mut(&folded).and_then(|room| room.names.as_mut()) else { return };
        for name in line.last().split(' ').filter(|name| !name.is_empty()) {
            let (modes, rest) = self.isupport.ranked(name);
            let (nick, address) =
                rest.split_once('!').map_or((rest, None), |(nick, at)| (nick, Some(at.to_owned())));
            if nick.is_empty() || names.len() >= CROWD || (!self.listens && *nick != self.me.nick) {
                continue;
            }
            let person = Person { nick: nick.into(), address, modes, ..Person::default() };
            names.insert(self.isupport.casemapping.fold(nick), person);
        }
    }

    /// RPL_ENDOFNAMES: now we know all who are there.
    fn all_named(&mut self, line: &Line, now: Instant, out: &mut Out) {
        let (folded, me) = (self.fold(line.arg(1)), self.fold(&self.me.nick));
        let away = self.shake.have.contains("away-notify");
        let (ours, letters) = (self.place.ours().clone(), self.isupport.casemapping);
        let Some(room) = self.rooms.get_mut(&folded) else { return };
        let Some(mut names) = room.names.take() else { return };
        names.retain(|key, person| *key == me || !ours.have(&person.nick, letters));
        for (key, person) in &mut names {
            let Some(known) = room.people.get(key) else { continue };
            person.address = person.address.take().or_else(|| known.address.clone());
            person.account = person.account.take().or_else(|| known.account.clone());
            person.away = known.away.clone().filter(|_| away);
        }
        room.people = names;
        room.stage = Stage::In;
        room.tries = 0;
        room.settled = None;
        let crowd = if self.listens {
            super::operator::tell_about(room, out);
            let members = room.members(&me, &self.isupport);
            let crowd = members.len();
            out.tell(Some(&room.id), Incoming::Members(members));
            let topic = room.new_topic.take();
            super::talk::told_topic(room, topic, out);
            crowd
        } else {
            0
        };
        // Of a person's connection, this is all that is told.
        if std::mem::take(&mut room.lost) || !self.listens {
            out.tell(Some(&room.id), Incoming::Regained);
        }
        room.answer(Ok(()));
        out.idle.push(write(&["MODE", &room.name], None));
        if away && (1..=WHO).contains(&crowd) {
            let whox: &[&str] = if self.isupport.whox { &["%tcuhnfa,7"] } else { &[] };
            out.idle.push(write(&[&["WHO", &room.name], whox].concat(), None));
        }
        self.ask_history(&folded, now, out);
    }

    /// Those who did not come back after a netsplit go; ranks that changed are told.
    pub(super) fn forget_the_split(&mut self, now: Instant, out: &mut Out) {
        for room in self.rooms.values_mut().filter(|room| room.stage == Stage::In) {
            let gone = |person: &Person| person.split.is_some_and(|until| until <= now);
            let gone: Vec<String> =
                room.people.iter().filter(|(_, p)| gone(p)).map(|(key, _)| key.clone()).collect();
            for key in gone {
                left(room, &key, Some("netsplit".into()), out);
            }
            if room.settled.is_some_and(|at| at <= now) {
                room.settled = None;
                super::modes::tell_roles(room, &self.isupport, &self.me.nick, out);
            }
        }
    }

    /// Who says something, as an author.
    pub(super) fn author(&self, room: Option<&Room>, line: &Line) -> Author {
        let Source { nick, .. } = &line.source;
        let key = self.fold(nick);
        let known = room.and_then(|room| room.people.get(&key));
        let mut author = Author::new(key.as_str(), nick, super::NETWORK);
        let address = line.source.address().or_else(|| known.and_then(|person| person.address.clone()));
        author.address = address.map(|address| harmless_line(&address).into());
        let account = line.account.clone().or_else(|| known.and_then(|person| person.account.clone()));
        author.account = account.map(|account| harmless_line(&account).into());
        author
    }
}

/// Somebody goes, for the house too.
fn left(room: &mut Room, key: &str, reason: Option<String>, out: &mut Out) {
    forget(room, key);
    if room.people.remove(key).is_some() {
        out.tell(Some(&room.id), Incoming::Left { author: key.into(), reason });
    }
}

/// Somebody goes while the names are told.
fn forget(room: &mut Room, key: &str) {
    if let Some(names) = &mut room.names {
        names.remove(key);
    }
}

fn reason(text: &str) -> Option<String> {
    Some(harmless_line(&super::talk::plain(text))).filter(|reason| !reason.is_empty())
}

/// Two of one nick are one person unless we know better.
fn same_person(one: &Person, other: &Person) -> bool {
    one.address.is_none() || other.address.is_none() || one.address == other.address
}

/// `a.example b.example`: the two servers that lost one another.
fn is_netsplit(reason: &str) -> bool {
    let server = |name: &str| {
        name.contains('.')
            && !name.starts_with('.')
            && !name.ends_with('.')
            && name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '*'))
    };
    reason.split_once(' ').is_some_and(|(one, other)| one != other && server(one) && server(other))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_netsplit_is_two_servers_and_nothing_else() {
        assert!(is_netsplit("irc1.test irc2.test") && is_netsplit("*.net *.split"));
        for quit in [
            "",
            "Quit: irc1.test irc2.test",
            "a.b a.b",
            "bye now",
            "a.b c.d e.f",
            "Ping timeout: 240 seconds",
            "a. b.c",
        ] {
            assert!(!is_netsplit(quit), "{quit}");
        }
    }
}
