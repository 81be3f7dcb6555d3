//! What must be done on the far side for one act here: cut to what it can do, and for every part that a message has there.

use std::time::SystemTime;

use rialto_bridges::{Act, Capabilities, Event, NetworkError, RemoteId, degrade};
use rialto_store::ids::Ids;

use super::files::whole;
use super::relay::Relayed;

/// The names of messages on both sides.
pub(super) struct Names<'a> {
    /// The map.
    pub ids: &'a Ids,
    /// The link's key.
    pub link: &'a str,
    /// The room, under which the names are that authors gave.
    pub room: &'a str,
}

/// What must be done there, one thing after another, if it goes out at that time.
pub(super) fn of(
    relayed: &Relayed,
    able: &Capabilities,
    names: &Names<'_>,
    at: SystemTime,
) -> Result<Vec<Event<RemoteId>>, NetworkError> {
    if matches!(relayed.event.act, Act::Subject(_)) && able.subject.is_none() {
        return Err(NetworkError::Unsupported("we may not set the subject there; it is changed here only"));
    }
    let event = degrade::late(names.corrected(relayed), at);
    let parts = degrade::fit(&event, able, |ours: &String| names.of(ours).into_iter().next());
    Ok(match &event.act {
        Act::Retract { of } => everywhere(parts, names.of(of)),
        Act::Edit { of, .. } if able.edit => in_place(parts, names.of(of), able.retract),
        _ => parts,
    })
}

/// Our name of the message that this is, or changes.
pub(super) fn named(relayed: &Relayed) -> &str {
    match &relayed.event.act {
        Act::Edit { of, .. } => of,
        _ => &relayed.id,
    }
}

impl Names<'_> {
    fn of(&self, ours: &str) -> Vec<RemoteId> {
        let theirs = self.ids.theirs(self.link, ours).unwrap_or_default();
        // Parts of a message that was said there have names of their own here alone.
        let mut all: Vec<RemoteId> = theirs.iter().map(|id| whole(id).into()).collect();
        all.dedup();
        all
    }

    /// A correction of a message that the room has forgotten, but the map of ids has not.
    fn corrected(&self, relayed: &Relayed) -> Event<String> {
        let event = relayed.event.clone();
        let of = relayed.corrects.as_ref().and_then(|own| self.ids.ours(self.room, own).ok().flatten());
        match (event.act, of) {
            (Act::Say(now), Some(of)) => Event { act: Act::Edit { of, now }, ..event },
            (act, _) => Event { act, ..event },
        }
    }
}

/// All parts are taken back.
fn everywhere(parts: Vec<Event<RemoteId>>, all: Vec<RemoteId>) -> Vec<Event<RemoteId>> {
    let Some(first) = parts.into_iter().next() else { return Vec::new() };
    let (author, at) = (first.author, first.at);
    all.into_iter().map(|of| Event { author: author.clone(), at, act: Act::Retract { of } }).collect()
}

/// The new parts take the places of the old ones; those left over are taken back where that can be done.
fn in_place(parts: Vec<Event<RemoteId>>, old: Vec<RemoteId>, retract: bool) -> Vec<Event<RemoteId>> {
    let Some(first) = parts.first() else { return parts };
    let (author, at) = (first.author.clone(), first.at);
    let mut left = old.into_iter();
    let mut all: Vec<Event<RemoteId>> = parts
        .into_iter()
        .map(|part| {
            let place = left.next();
            let act = match (part.act, place) {
                (Act::Edit { now, .. } | Act::Say(now), Some(of)) => Act::Edit { of, now },
                (act, _) => act,
            };
            Event { act, ..part }
        })
        .collect();
    if retract {
        all.extend(left.map(|of| Event { author: author.clone(), at, act: Act::Retract { of } }));
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use rialto_bridges::loopback::{ABLE, person};
    use rialto_bridges::{Limits, Message};
    use rialto_store::{Batch, Store};

    const SHORT: Capabilities = Capabilities { text: Limits { bytes: 10, ..ABLE.text }, ..ABLE };

    fn done(able: &Capabilities, old: &[&str], act: Act<String>) -> Vec<String> {
        let ids = Ids::new(&Store::memory());
        let theirs: Vec<String> = old.iter().map(|id| (*id).to_owned()).collect();
        ids.bind(&mut Batch::new(), "libera:#a", "s1", &theirs).unwrap();
        let now = SystemTime::now();
        let event = Event { author: person("romeo"), at: now, act };
        let relayed = Relayed { id: "s2".into(), at: now, event, corrects: None, author: None };
        let names = Names { ids: &ids, link: "libera:#a", room: "lounge@rooms.lit" };
        let all = of(&relayed, able, &names, now).unwrap();
        let word = |event: Event<RemoteId>| match event.act {
            Act::Say(said) => format!("+ {}", said.text.plain()),
            Act::Edit { of, now } => format!("{of} {}", now.text.plain()),
            Act::Retract { of } => format!("- {of}"),
            act => format!("{act:?}"),
        };
        all.into_iter().map(word).collect()
    }

    #[test]
    fn pitfall_9_a_message_of_many_parts_is_changed_and_taken_back_in_all_of_them() {
        let edit = |words: &str| Act::Edit { of: "s1".to_owned(), now: Message::text(words) };
        assert_eq!(done(&SHORT, &["a", "b"], edit("one two three")), ["a one two", "b three"]);
        assert_eq!(done(&SHORT, &["a", "b"], edit("one")), ["a one", "- b"]);
        assert_eq!(done(&SHORT, &["a"], edit("one two three")), ["a one two", "+ three"]);
        assert_eq!(done(&SHORT, &["a", "b"], Act::Retract { of: "s1".to_owned() }), ["- a", "- b"]);
    }

    #[test]
    fn pitfall_7_what_is_about_a_message_that_nobody_knows_there_is_new_words_or_nothing() {
        let edit = Act::Edit { of: "s9".to_owned(), now: Message::text("one") };
        assert_eq!(done(&ABLE, &["a"], edit), ["+ * one"]);
        assert!(done(&ABLE, &["a"], Act::Retract { of: "s9".to_owned() }).is_empty());
        assert!(done(&ABLE, &["a"], Act::React { to: "s9".to_owned(), emoji: vec!["👋".into()] }).is_empty());
    }
}
