//! XEP-0431: Full Text Search in MAM.
//!
//! There is no index: whoever searches has entries read one after another, so many at most for one request. A page that
//! ends there is not complete, and its set names the first and the last entry that were looked at, so that the next
//! request goes on from there as from any page.

use rialto_store::archive::{Archive, Entry, Id, Page, Paging, Query, QueryError};
use rialto_xmpp::{Condition, StanzaError, parse};

/// §3.1: the field of the form.
pub(super) const FIELD: &str = "{urn:xmpp:fulltext:0}fulltext";

/// Entries that one request has read at most.
const MOST: usize = 10_000;
/// Entries read at once.
const STEP: usize = 250;
/// Bytes of what is searched for.
const TEXT: usize = 1_024;
/// Bytes of stanzas on a page, unless the first alone is larger.
const BYTES: usize = 256 * 1024;

/// What is searched for: all of these words, or parts of words, in any order; upper and lower case are the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Words(Vec<String>);

/// What was found.
pub(super) struct Found {
    /// The results.
    pub page: Page,
    /// The earliest and the latest entry that were looked at, where the search did not get to its end.
    pub looked: Option<(Id, Id)>,
}

/// How far a search has come.
#[derive(Default)]
struct Search {
    entries: Vec<Entry>,
    bytes: usize,
    looked: usize,
    ends: Option<(Id, Id)>,
}

impl Words {
    /// §2.2: the words of a text; `None` if there are none.
    ///
    /// # Errors
    /// `bad-request` for a text that is too long.
    pub fn of(text: &str) -> Result<Option<Words>, StanzaError> {
        if text.len() > TEXT {
            return Err(StanzaError::new(Condition::BadRequest, "Search for fewer words."));
        }
        let words: Vec<String> = text.split_whitespace().map(str::to_lowercase).collect();
        Ok((!words.is_empty()).then_some(Words(words)))
    }

    /// Whether they all are in what a message says.
    fn are_in(&self, entry: &Entry) -> bool {
        let stanza = entry.stanza();
        let Some(message) = std::str::from_utf8(&stanza).ok().and_then(|xml| parse::standalone(xml).ok())
        else {
            return false;
        };
        let said = message.children().filter(|child| child.name() == "body" && child.ns() == message.ns());
        let said: Vec<String> = said.map(|body| body.text().to_lowercase()).collect();
        said.iter().any(|body| self.0.iter().all(|word| body.contains(word)))
    }

    /// Searches the entries that a query names, in the direction of its page, until the page is full.
    pub async fn search(&self, archive: &Archive, owner: &str, query: &Query) -> Result<Found, QueryError> {
        let backwards = matches!(query.page, Paging::Before(_) | Paging::Last);
        let mut step = Query { max: STEP, flipped: backwards, ..query.clone() };
        let mut search = Search::default();
        let complete = loop {
            let page = archive.query(owner, &step).await?;
            let edge = page.entries.last().map(|entry| entry.id);
            if !search.takes(self, page.entries, query.max) {
                break false;
            }
            let Some(edge) = edge.filter(|_| !page.complete) else { break true };
            if search.looked >= MOST {
                return Ok(Found {
                    looked: search.ends,
                    page: search.page(false, backwards != query.flipped),
                });
            }
            step.page = if backwards { Paging::Before(edge) } else { Paging::After(edge) };
        };
        Ok(Found { page: search.page(complete, backwards != query.flipped), looked: None })
    }
}

impl Search {
    /// Looks at entries in the direction of paging; `false`: there is one more result than the page takes.
    fn takes(&mut self, words: &Words, entries: Vec<Entry>, max: usize) -> bool {
        for entry in entries {
            let (first, last) = self.ends.unwrap_or((entry.id, entry.id));
            self.ends = Some((first.min(entry.id), last.max(entry.id)));
            self.looked += 1;
            if !words.are_in(&entry) {
                continue;
            }
            let bytes = entry.stanza().len();
            let is_full = !self.entries.is_empty() && self.bytes + bytes > BYTES;
            if self.entries.len() >= max || is_full {
                return false;
            }
            self.bytes += bytes;
            self.entries.push(entry);
        }
        true
    }

    fn page(mut self, complete: bool, reversed: bool) -> Page {
        if reversed {
            self.entries.reverse();
        }
        Page { entries: self.entries, complete, count: None }
    }
}

#[cfg(test)]
mod tests {
    use rialto_store::archive::{Draft, Flags};
    use rialto_store::{Batch, Store};

    use super::*;

    const ROOM: &str = "lounge@rooms.lit";

    async fn filled(said: impl Iterator<Item = String>) -> Archive {
        let store = Store::memory();
        let archive = Archive::new(&store);
        for body in said {
            let stanza = format!("<message xmlns='jabber:client'><body>{body}</body></message>");
            let draft = Draft { with: "", flags: Flags::GROUPCHAT, stanza: stanza.as_bytes() };
            let mut batch = Batch::new();
            archive.append(&mut batch, ROOM, &draft);
            store.enqueue(batch);
        }
        archive
    }

    async fn search(archive: &Archive, text: &str, query: &Query) -> Found {
        Words::of(text).unwrap().unwrap().search(archive, ROOM, query).await.unwrap()
    }

    #[tokio::test]
    async fn all_words_must_be_there_in_any_order_and_any_case() {
        let said =
            ["A rose by any other name", "ROSES &amp; THORNS", "What's in a name?", ""].map(str::to_owned);
        let archive = filled(said.into_iter()).await;
        let query = Query { max: 10, ..Query::default() };
        for (text, count) in
            [("rose", 2), ("NAME rose", 1), ("thorns &", 1), ("tulip", 0), ("name", 2), ("body", 0)]
        {
            let found = search(&archive, text, &query).await;
            assert_eq!((found.page.entries.len(), found.page.complete), (count, true), "{text}");
        }
        assert_eq!(Words::of(" \t ").unwrap(), None);
        assert!(Words::of(&"x".repeat(2_000)).is_err());
    }

    #[tokio::test]
    async fn pages_follow_one_another_in_both_directions() {
        let archive =
            filled((0..700).map(|n| format!("{} {n}", if n % 7 == 0 { "rose" } else { "thorn" }))).await;
        for (mut page, forwards) in [(Paging::First, true), (Paging::Last, false)] {
            let mut seen = 0;
            loop {
                let found = search(&archive, "rose", &Query { max: 30, page, ..Query::default() }).await.page;
                assert!(found.entries.is_sorted_by_key(|entry| entry.id));
                seen += found.entries.len();
                if found.complete {
                    break;
                }
                page = match forwards {
                    true => Paging::After(found.last().unwrap()),
                    false => Paging::Before(found.first().unwrap()),
                };
            }
            assert_eq!(seen, 100, "{forwards}");
        }
    }

    #[tokio::test]
    async fn one_request_reads_so_much_and_the_next_goes_on() {
        let said = (0..MOST + 300).map(|n| if n == MOST + 200 { "rose".to_owned() } else { n.to_string() });
        let archive = filled(said).await;
        let first = search(&archive, "rose", &Query { max: 10, ..Query::default() }).await;
        assert!(first.page.entries.is_empty() && !first.page.complete);
        let page = Paging::After(first.looked.unwrap().1);
        let second = search(&archive, "rose", &Query { max: 10, page, ..Query::default() }).await;
        assert!(second.page.entries.len() == 1 && second.page.complete && second.looked.is_none());
    }
}
