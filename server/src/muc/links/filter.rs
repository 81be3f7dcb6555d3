//! What the options of a link let pass, and how they have it written.

use std::borrow::Cow;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use rialto_bridges::model::harmless_nick;
use rialto_bridges::{Act, Author, Event, Incoming, Member, Message, Text};
use rialto_xmpp::BareJid;

use super::linked::Linked;
use super::relay::Relayed;
use crate::config::{Pattern, Rewrite, Rewritten, Way};

/// The longest nick that a template makes, in bytes: what is written before words is not longer.
const NICK: usize = 48;

/// The longest text that rules make, in bytes. What is longer stays as it was.
const TEXT: usize = 65_536;

/// How much did not pass. All clones count together; it says nothing of whether two links are equal.
#[derive(Clone, Debug, Default)]
pub struct Ignored(Arc<AtomicU64>);

impl Ignored {
    pub(super) fn one_more(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    /// How often so far.
    pub fn count(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

impl PartialEq for Ignored {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for Ignored {}

impl Linked {
    /// Whether what somebody has done in our room goes there.
    pub(super) fn lets_out<Id>(&self, event: &Event<Id>) -> bool {
        let passes = !self.ignores(&event.author) && !self.ignores_words(&event.act);
        if !passes {
            self.ignored.one_more();
        }
        passes
    }

    /// What has happened there, as our room shall hear of it; none where it is ignored.
    pub(super) fn lets_in(&self, what: Incoming) -> Option<Incoming> {
        let options = &self.options;
        let (ignore, rewrite) = (&options.ignore, &options.rewrite);
        if ignore.nicks.is_empty()
            && ignore.accounts.is_empty()
            && ignore.words.is_empty()
            && rewrite.is_empty()
        {
            return Some(what);
        }
        Some(match what {
            Incoming::Did { id, event } => {
                if self.ignores(&event.author) || self.ignores_words(&event.act) {
                    self.ignored.one_more();
                    return None;
                }
                Incoming::Did { id, event: self.written(event, Way::In) }
            }
            Incoming::Entered(member) => Incoming::Entered(self.known(member)?),
            Incoming::Changed(member) => Incoming::Changed(self.known(member)?),
            Incoming::Members(members) => {
                Incoming::Members(members.into_iter().filter_map(|member| self.known(member)).collect())
            }
            // From now on he is one of those whom nobody here sees.
            Incoming::Renamed { author, now } if self.ignores(&now) => {
                Incoming::Left { author, reason: None }
            }
            Incoming::Renamed { author, now } => Incoming::Renamed { author, now: self.called(now, Way::In) },
            Incoming::Whispered { from, .. } if self.ignores(&from) => {
                self.ignored.one_more();
                return None;
            }
            other => other,
        })
    }

    /// What goes out, in the words and under the nick that it has there. Who has a connection of his own is known there.
    pub(super) fn written_there<'a>(
        &self,
        relayed: &'a Relayed,
        room: &BareJid,
        has_own: bool,
    ) -> Cow<'a, Relayed> {
        let (template, rewrite) = (&self.options.nick, &self.options.rewrite);
        if rewrite.is_empty() && (has_own || template.is_plain()) {
            return Cow::Borrowed(relayed);
        }
        let mut event = self.written(relayed.event.clone(), Way::Out);
        if !has_own && !template.is_plain() {
            let room = room.as_jid().localpart().unwrap_or_default();
            let filled = template.fill((&event.author.nick, event.author.network, room), NICK);
            event.author.nick = harmless_nick(&filled).into();
        }
        Cow::Owned(Relayed { event, ..relayed.clone() })
    }

    fn known(&self, member: Member) -> Option<Member> {
        if self.ignores(&member.author) {
            return None;
        }
        Some(Member { author: self.called(member.author.clone(), Way::In), ..member })
    }

    fn ignores(&self, author: &Author) -> bool {
        let ignore = &self.options.ignore;
        let any = |patterns: &[Pattern], text: &str| patterns.iter().any(|pattern| pattern.finds(text));
        if any(&ignore.nicks, &author.nick) {
            return true;
        }
        let known_by = [Some(&author.id), author.account.as_ref(), author.address.as_ref()];
        !ignore.accounts.is_empty() && known_by.into_iter().flatten().any(|by| any(&ignore.accounts, by))
    }

    fn ignores_words<Id>(&self, act: &Act<Id>) -> bool {
        let (Act::Say(message) | Act::Edit { now: message, .. }) = act else { return false };
        self.options.ignore.words.iter().any(|pattern| pattern.finds(message.text.plain()))
    }

    fn written<Id>(&self, event: Event<Id>, way: Way) -> Event<Id> {
        let reword = |message: Message<Id>| Message { text: self.reworded(message.text, way), ..message };
        let act = match event.act {
            Act::Say(message) => Act::Say(reword(message)),
            Act::Edit { of, now } => Act::Edit { of, now: reword(now) },
            other => other,
        };
        Event { author: self.called(event.author, way), at: event.at, act }
    }

    fn rules(&self, what: Rewritten, way: Way) -> impl Iterator<Item = &Rewrite> {
        let fits = move |rule: &&Rewrite| rule.what == what && (rule.way == Way::Both || rule.way == way);
        self.options.rewrite.iter().filter(fits)
    }

    /// A nick is what people see; who it is stays as it was.
    fn called(&self, author: Author, way: Way) -> Author {
        let mut nick = None;
        for rule in self.rules(Rewritten::Nicks, way) {
            let before: &str = nick.as_deref().unwrap_or(&author.nick);
            nick = Some(rule.find.regex().replace_all(before, rule.with.as_str()).into_owned());
        }
        match nick {
            Some(nick) => Author { nick: harmless_nick(&nick).into(), ..author },
            None => author,
        }
    }

    fn reworded(&self, text: Text, way: Way) -> Text {
        self.rules(Rewritten::Words, way).fold(text, reword)
    }
}

/// What is found is written otherwise; the styles of the rest stay.
fn reword(text: Text, rule: &Rewrite) -> Text {
    let mut written = Text::default();
    let mut done = 0;
    for found in rule.find.regex().captures_iter(text.plain()) {
        let Some(whole) = found.get(0) else { continue };
        let mut with = String::new();
        found.expand(&rule.with, &mut with);
        written.push(&text.slice(done..whole.start()));
        written.push(&with.into());
        done = whole.end();
        if written.plain().len() > TEXT {
            return text;
        }
    }
    if done == 0 && written.is_empty() {
        return text;
    }
    written.push(&text.slice(done..text.plain().len()));
    written
}
