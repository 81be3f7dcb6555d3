//! XEP-0030 §4, XEP-0059: the rooms that a network lists, a page of them.

use std::sync::Arc;

use rialto_bridges::Listed;
use rialto_xmpp::parts::rsm;
use rialto_xmpp::{Element, Jid, StanzaError, ns, prep};

use super::Persons;
use crate::muc::doors::refusal;
use crate::muc::links::Connected;

/// Rooms told at once.
const PAGE: usize = 100;

/// Rooms that are listed at all: those with the most people.
const MOST: usize = 10_000;

impl Persons {
    /// The network keeps its list for a while, and is asked seldom.
    pub(super) async fn directory(
        &self,
        over: &Arc<Connected>,
        query: &Element,
    ) -> Result<Element, StanzaError> {
        let set = rsm::Query::read(query)?.unwrap_or_default();
        let all = over.network.list(None, MOST).await.map_err(|error| refusal(&error))?;
        let all: Vec<(Jid, Listed)> =
            all.into_iter().filter_map(|room| Some((self.room(over, &room)?, room))).collect();
        let most = set.max.unwrap_or(PAGE).min(PAGE);
        let place = |id: &str| all.iter().position(|(jid, _)| jid.as_str() == id);
        let (start, end) = match (&set.after, &set.before, set.index) {
            (Some(after), ..) => (place(after).map_or(all.len(), |place| place + 1), all.len()),
            (None, Some(before), _) => {
                let end = if before.is_empty() { all.len() } else { place(before).unwrap_or(0) };
                (end.saturating_sub(most), end)
            }
            (None, None, index) => (index.unwrap_or(0).min(all.len()), all.len()),
        };
        let page = all.get(start..end.min(start + most)).unwrap_or_default();
        let items = page.iter().map(|(jid, room)| {
            let people = room.people.map(|people| format!(" ({people})")).unwrap_or_default();
            let topic = room.topic.as_ref().map(|topic| format!(": {topic}")).unwrap_or_default();
            let name = format!("{}{people}{topic}", room.name);
            Element::new("item", ns::DISCO_ITEMS).attr("jid", jid).attr("name", name)
        });
        let ends = page.first().zip(page.last()).map(|(first, last)| (first.0.as_str(), last.0.as_str()));
        let set = rsm::answer(
            ends.map(|(first, _)| (first, Some(start))),
            ends.map(|(_, last)| last),
            Some(all.len() as u64),
        );
        let node = query.get("node").map(str::to_owned);
        Ok(Element::new("query", ns::DISCO_ITEMS).attr_opt("node", node.as_deref()).with_all(items).with(set))
    }

    fn room(&self, over: &Connected, room: &Listed) -> Option<Jid> {
        let local = format!("{}%{}", room.room, over.name);
        Jid::from_parts(Some(&prep::escape(&local)), &self.0.domain, None).ok()
    }
}
