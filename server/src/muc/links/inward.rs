//! From a far room into ours: one task for each link, so that all comes in its order.

use std::sync::Arc;

use rialto_bridges::{Act, Event, Incoming, Message, RemoteId};
use rialto_store::ids::Ids;
use tokio::sync::mpsc;

use super::attached::Attached;
use super::files::{Carrier, Files, part};
use super::hosts::Hosts;
use super::mark::Brought;
use super::news::{Deed, Named, News};
use crate::muc::Input;

/// Brings news into the room until the link ends.
pub(super) async fn run(
    link: Arc<Attached>,
    mut news: mpsc::Receiver<Brought>,
    ids: Arc<Ids>,
    hosts: Arc<Hosts>,
    (first, files): (Option<Brought>, Option<Arc<Files>>),
) {
    let mut carrier = Carrier::new(&link, &ids, files);
    let mut first = first;
    loop {
        let brought = match first.take() {
            Some(brought) => brought,
            None => match news.recv().await {
                Some(brought) => brought,
                None => return,
            },
        };
        let all: Vec<Input> = match brought {
            Brought::Mark(token) => vec![Input::Mark(token)],
            Brought::News(what) => {
                let all = heard(&link, what).into_iter().flat_map(|what| carrier.spread(what));
                let all = all.flat_map(|what| read(&link, what, &ids)).collect();
                let carried = carrier.carry(all).await.into_iter();
                carried.map(|news| Input::News(link.linked.id, news)).collect()
            }
        };
        for input in all {
            if !hosts.input(&link.room, input).await {
                tracing::debug!(link = %link.linked.key(), room = %link.room, "the room is not there any more");
                return;
            }
        }
    }
}

/// What the room hears of it.
pub(super) fn inputs(link: &Attached, brought: Brought, ids: &Ids) -> Vec<Input> {
    match brought {
        Brought::Mark(token) => vec![Input::Mark(token)],
        Brought::News(what) => {
            let news = heard(link, what).map(|what| read(link, what, ids)).unwrap_or_default().into_iter();
            news.map(|news| Input::News(link.linked.id, news)).collect()
        }
    }
}

/// What the link's rules let in of what it has heard.
fn heard(link: &Attached, what: Incoming) -> Option<Incoming> {
    link.note(&what);
    link.linked.lets_in(what)
}

/// What a piece of news is for the room: mostly one, none where it is only about the link.
fn read(link: &Attached, what: Incoming, ids: &Ids) -> Vec<News> {
    let one = match what {
        Incoming::Did { id, event } => return deeds(link, id, event, ids),
        Incoming::Entered(member) => News::Entered(member),
        Incoming::Left { author, reason } => News::Left { author, reason },
        Incoming::Kicked { author, by, reason } => News::Kicked { author, by, reason },
        Incoming::Renamed { author, now } => News::Renamed { author, now },
        Incoming::Role { author, role } => News::Role { author, role },
        Incoming::Away { author, away } => News::Away { author, away },
        Incoming::Members(members) => News::Members(members),
        Incoming::Changed(member) => News::Entered(member),
        Incoming::Refused(text) => News::Refused(text),
        Incoming::Notice(_) | Incoming::Lost(_) | Incoming::Regained => return Vec::new(),
        Incoming::About(about) => News::About(about),
        Incoming::Erased { of, by, reason } => return erased(link, of, (by, reason), ids),
        Incoming::Whispered { .. } | Incoming::Mark { .. } => return Vec::new(),
    };
    vec![one]
}

/// One piece of news for each message: all parts of it are one.
fn erased(
    link: &Attached,
    of: Vec<RemoteId>,
    (by, reason): (Option<Arc<str>>, Option<String>),
    ids: &Ids,
) -> Vec<News> {
    let key = link.linked.key();
    let mut all: Vec<Named> = Vec::new();
    for theirs in of {
        let ours = ids.ours(&key, theirs.as_str()).ok().flatten();
        let named = ours.map_or(Named::Theirs(theirs), Named::Ours);
        if !all.contains(&named) {
            all.push(named);
        }
    }
    let one = |of| News::Erased { of, by: by.clone(), reason: reason.clone() };
    all.into_iter().map(one).collect()
}

fn deeds(link: &Attached, id: Option<RemoteId>, event: Event<RemoteId>, ids: &Ids) -> Vec<News> {
    let key = link.linked.key();
    // Ours, where it cannot be read: then an edit says its words anew, and nothing is lost.
    let ours = |theirs: &RemoteId| ids.ours(&key, theirs.as_str()).ok().flatten();
    // What bears a name that we know was said by us, or was told before.
    let edits = matches!(event.act, Act::Edit { .. } | Act::React { .. } | Act::Retract { .. });
    if !edits && id.as_ref().is_some_and(|id| ours(id).is_some()) {
        return Vec::new();
    }
    let named =
        |theirs: &RemoteId| Some(ours(theirs).map_or_else(|| Named::Theirs(theirs.clone()), Named::Ours));
    let Some(act) = event.act.renamed(named) else { return Vec::new() };
    let (author, at) = (event.author, event.at);
    let deed = |(number, act)| {
        // The first part bears the name, and each other one the name with its number.
        let theirs = id.as_ref().map(|theirs| part(theirs, number + 1));
        News::Did(Deed { theirs, author: author.clone(), at, act, file: None })
    };
    parts(act).into_iter().enumerate().map(deed).collect()
}

/// In a room of ours words are a message, and each file is one (clients show them only so).
fn parts(act: Act<Named>) -> Vec<Act<Named>> {
    let Act::Say(said) = act else { return vec![act] };
    if said.attachments.len() + usize::from(!said.text.is_empty()) <= 1 {
        return vec![Act::Say(said)];
    }
    let files = said.attachments.clone().into_iter();
    let files = files.map(|file| Act::Say(Message { attachments: vec![file], ..Message::text("") }));
    let words = Message { attachments: Vec::new(), ..said };
    (!words.text.is_empty()).then_some(Act::Say(words)).into_iter().chain(files).collect()
}
