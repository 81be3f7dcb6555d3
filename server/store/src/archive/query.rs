//! XEP-0313 §4, XEP-0059: questions to an archive, and pages of answers. Pages are walks from an id, never offsets.

use super::{Archive, Entry, Flags, Id, bare, flags_of};
use crate::error::StoreError;

/// Which entries (§4.1), and which page of them (§4.3). The default: the first page of everything.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Query {
    /// Only those exchanged with this JID: a bare one matches its resources too (§4.1.1).
    pub with: Option<String>,
    /// Not before this moment: microseconds since 1970 (§4.1.2).
    pub start: Option<u64>,
    /// Not after this moment (§4.1.2).
    pub end: Option<u64>,
    /// Only those after this entry, which must exist (§4.1.3).
    pub after_id: Option<Id>,
    /// Only those before this entry, which must exist (§4.1.3).
    pub before_id: Option<Id>,
    /// Only these, all of which must exist (§4.1.4).
    pub ids: Vec<Id>,
    /// Which page.
    pub page: Paging,
    /// At most so many entries, within the page; fewer when they are large (XEP-0059 §2.1 lets a page be shorter).
    pub max: usize,
    /// The page's entries from the last to the first (§4.3.2).
    pub flipped: bool,
}

/// Where the page lies among the results (XEP-0059 §2).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Paging {
    /// At the beginning.
    #[default]
    First,
    /// After this entry, which must exist.
    After(Id),
    /// Before this entry, which must exist.
    Before(Id),
    /// At the end.
    Last,
}

/// A page.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Page {
    /// The entries, in the order of time, or the reverse of it when the query was flipped.
    pub entries: Vec<Entry>,
    /// Nothing follows in the direction of paging (§4.3.1).
    pub complete: bool,
    /// How many results there are in all, where that is known without counting.
    pub count: Option<u64>,
}

impl Page {
    /// What `<first/>` of XEP-0059 §2.1 names: the earliest entry of the page.
    pub fn first(&self) -> Option<Id> {
        self.entries.iter().map(|entry| entry.id).min()
    }

    /// What `<last/>` names.
    pub fn last(&self) -> Option<Id> {
        self.entries.iter().map(|entry| entry.id).max()
    }
}

/// Why a query has no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum QueryError {
    /// An id that the query names is not in the archive (§4.1.3, §4.1.4, XEP-0059 §2.2).
    #[error("item-not-found")]
    ItemNotFound,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Bytes of stanzas on one page, unless the first alone is larger: whoever asks must be able to take it, also when
/// somebody filled the archive with the largest stanzas there may be.
const BYTES: usize = 256 * 1024;

impl Archive {
    /// Answers a query, once all that was archived before it is on the disk.
    pub async fn query(&self, owner: &str, query: &Query) -> Result<Page, QueryError> {
        self.store.caught_up().await;
        self.query_now(owner, query)
    }

    /// Answers a query as far as batches have settled. In place.
    pub fn query_now(&self, owner: &str, query: &Query) -> Result<Page, QueryError> {
        let whole = self.bounds(owner, query)?;
        let (mut low, mut high) = whole;
        match query.page {
            Paging::After(id) => low = low.max(self.existing(owner, id)?.0.saturating_add(1)),
            Paging::Before(id) => high = high.min(self.existing(owner, id)?.0.saturating_sub(1)),
            Paging::First | Paging::Last => {}
        }
        let reverse = matches!(query.page, Paging::Before(_) | Paging::Last);
        let mut page = match query.ids.is_empty() {
            true => self.page(owner, query, (low, high), reverse)?,
            false => self.page_of_ids(owner, query, (low, high), reverse)?,
        };
        if page.complete && (low, high) == whole {
            page.count = Some(page.entries.len() as u64);
        }
        if reverse != query.flipped {
            page.entries.reverse();
        }
        Ok(page)
    }

    /// Entries that queries show, the oldest first: at most `max` after this id, whether there is an entry of that id or
    /// not. For whoever reads a whole archive while it changes.
    pub fn following(&self, owner: &str, after: Option<Id>, max: usize) -> Result<Page, StoreError> {
        let low = after.map_or(0, |id| id.0.saturating_add(1));
        self.page(owner, &Query { max, ..Query::default() }, (low, u128::MAX), false)
    }

    /// One page in the direction of paging.
    fn page(
        &self,
        owner: &str,
        query: &Query,
        (low, high): (u128, u128),
        reverse: bool,
    ) -> Result<Page, StoreError> {
        let with = query.with.as_deref();
        let mut walk = self.walk(owner, with.map(bare), Id(low), Id(high), reverse)?;
        let (mut page, mut room) = (Page { complete: true, ..Page::default() }, Room::of(query));
        while let Some((id, bytes)) = walk.step()? {
            if flags_of(&bytes).contains(Flags::HIDDEN) {
                continue;
            }
            let entry = Entry::read(id, bytes).ok_or_else(|| StoreError::corrupt("archive", "no entry"))?;
            if !matches(with, &entry) {
                continue;
            }
            if !room.takes(&entry) {
                page.complete = false;
                break;
            }
            page.entries.push(entry);
        }
        Ok(page)
    }

    /// §4.1.4: the named entries, as far as the other fields let them through.
    fn page_of_ids(
        &self,
        owner: &str,
        query: &Query,
        (low, high): (u128, u128),
        reverse: bool,
    ) -> Result<Page, QueryError> {
        let mut ids = query.ids.clone();
        ids.sort_unstable();
        ids.dedup();
        if reverse {
            ids.reverse();
        }
        let mut entries = Vec::new();
        for id in ids {
            let entry = self.entry_now(owner, id)?.filter(|entry| !entry.flags().contains(Flags::HIDDEN));
            let entry = entry.ok_or(QueryError::ItemNotFound)?;
            if (low..=high).contains(&id.0) && matches(query.with.as_deref(), &entry) {
                entries.push(entry);
            }
        }
        let (all, mut room) = (entries.len(), Room::of(query));
        let fitting = entries.iter().take_while(|entry| room.takes(entry)).count();
        entries.truncate(fitting);
        Ok(Page { entries, complete: fitting == all, count: None })
    }

    /// The ids between which the results lie, both included.
    fn bounds(&self, owner: &str, query: &Query) -> Result<(u128, u128), QueryError> {
        let mut low = query.start.map_or(0, |start| Id::first_at(start).0);
        let mut high = query.end.map_or(u128::MAX, |end| Id::last_at(end).0);
        if let Some(id) = query.after_id {
            low = low.max(self.existing(owner, id)?.0.saturating_add(1));
        }
        if let Some(id) = query.before_id {
            high = high.min(self.existing(owner, id)?.0.saturating_sub(1));
        }
        Ok((low, high))
    }

    fn existing(&self, owner: &str, id: Id) -> Result<Id, QueryError> {
        match self.entry_now(owner, id)? {
            Some(_) => Ok(id),
            None => Err(QueryError::ItemNotFound),
        }
    }
}

/// What is left of a page.
struct Room {
    entries: usize,
    bytes: usize,
    is_empty: bool,
}

impl Room {
    fn of(query: &Query) -> Room {
        Room { entries: query.max, bytes: BYTES, is_empty: true }
    }

    fn takes(&mut self, entry: &Entry) -> bool {
        let bytes = entry.stanza().len();
        if self.entries == 0 || (bytes > self.bytes && !self.is_empty) {
            return false;
        }
        *self = Room { entries: self.entries - 1, bytes: self.bytes.saturating_sub(bytes), is_empty: false };
        true
    }
}

/// §4.1.1: a full JID means that resource, a bare one any.
fn matches(with: Option<&str>, entry: &Entry) -> bool {
    match with {
        Some(with) if with.contains('/') => entry.with() == with,
        Some(with) => entry.with_bare() == with,
        None => true,
    }
}

#[cfg(test)]
mod tests {
    use super::super::Draft;
    use super::*;
    use crate::batch::Batch;
    use crate::store::Store;

    const ROMEO: &str = "romeo@localhost";
    const PARTIES: [&str; 4] =
        ["juliet@localhost/balcony", "juliet@localhost/chamber", "nurse@localhost", "mercutio@localhost/x"];

    impl Draft<'_> {
        fn as_shown(self) -> Self {
            Draft { flags: Flags::NONE, ..self }
        }
    }

    /// Small numbers that are the same each time (xorshift).
    struct Dice(u64);

    impl Dice {
        fn below(&mut self, bound: usize) -> usize {
            self.0 ^= self.0 << 13;
            self.0 ^= self.0 >> 7;
            self.0 ^= self.0 << 17;
            (self.0 % bound as u64) as usize
        }
    }

    /// 1,000 entries, some hidden, in batches; other owners between them.
    async fn filled(store: &Store, dice: &mut Dice) -> (Archive, Vec<Entry>) {
        let archive = Archive::new(store);
        let mut ids = Vec::new();
        for n in 0..1000 {
            let mut batch = Batch::new();
            let stanza = format!("<message id='{n}'>{}</message>", "x".repeat(dice.below(300)));
            let flags = if dice.below(10) == 0 { Flags::HIDDEN } else { Flags::NONE };
            let draft = Draft { with: PARTIES[dice.below(4)], flags, stanza: stanza.as_bytes() };
            ids.push(archive.append(&mut batch, ROMEO, &draft));
            archive.append(&mut batch, "romeo@localhost.example", &draft);
            store.enqueue(batch);
        }
        store.caught_up().await;
        let entries = ids.into_iter().map(|id| archive.entry_now(ROMEO, id).unwrap().unwrap()).collect();
        (archive, entries)
    }

    /// The plainest reading of §4: look at everything.
    fn oracle(entries: &[Entry], query: &Query) -> (Vec<Entry>, bool) {
        let shown = |entry: &&Entry| {
            !entry.flags().contains(Flags::HIDDEN)
                && matches(query.with.as_deref(), entry)
                && query.start.is_none_or(|start| entry.at() >= start)
                && query.end.is_none_or(|end| entry.at() <= end)
                && query.after_id.is_none_or(|id| entry.id > id)
                && query.before_id.is_none_or(|id| entry.id < id)
                && (query.ids.is_empty() || query.ids.contains(&entry.id))
        };
        let mut all: Vec<Entry> = entries.iter().filter(shown).cloned().collect();
        let mut page = match query.page {
            Paging::First => all,
            Paging::After(id) => all.split_off(all.partition_point(|entry| entry.id <= id)),
            Paging::Before(id) => {
                all.truncate(all.partition_point(|entry| entry.id < id));
                all
            }
            Paging::Last => all,
        };
        let complete = page.len() <= query.max;
        match query.page {
            Paging::First | Paging::After(_) => page.truncate(query.max),
            Paging::Before(_) | Paging::Last => page = page.split_off(page.len().saturating_sub(query.max)),
        }
        if query.flipped {
            page.reverse();
        }
        (page, complete)
    }

    fn some<T>(dice: &mut Dice, value: T) -> Option<T> {
        (dice.below(3) == 0).then_some(value)
    }

    fn random(dice: &mut Dice, entries: &[Entry]) -> Query {
        let mut id = || entries[dice.below(entries.len())].id;
        let (one, two, three, four) = (id(), id(), id(), id());
        let with = ["juliet@localhost", "juliet@localhost/balcony", "nurse@localhost", "nobody@localhost"];
        let with = with[dice.below(4)].to_owned();
        let page = [Paging::First, Paging::Last, Paging::After(one), Paging::Before(one)][dice.below(4)];
        Query {
            with: some(dice, with),
            start: some(dice, one.min(two).at()),
            end: some(dice, one.max(two).at()),
            after_id: some(dice, three),
            before_id: some(dice, four),
            ids: Vec::new(),
            page,
            max: dice.below(120),
            flipped: dice.below(2) == 0,
        }
    }

    #[tokio::test]
    async fn pages_both_ways_are_those_of_whoever_looks_at_everything() {
        let (store, mut dice) = (Store::memory(), Dice(0x5eed));
        let (archive, entries) = filled(&store, &mut dice).await;
        for round in 0..2000 {
            let query = random(&mut dice, &entries);
            let page = archive.query_now(ROMEO, &query).unwrap();
            let (expected, complete) = oracle(&entries, &query);
            assert_eq!(page.entries, expected, "round {round}: {query:?}");
            assert_eq!(page.complete, complete, "round {round}: {query:?}");
        }
    }

    #[tokio::test]
    async fn paging_to_the_end_gives_every_entry_once_and_then_says_so() {
        let (store, mut dice) = (Store::memory(), Dice(7));
        let (archive, entries) = filled(&store, &mut dice).await;
        let shown: Vec<Id> = entries
            .iter()
            .filter(|entry| !entry.flags().contains(Flags::HIDDEN))
            .map(|entry| entry.id)
            .collect();
        let mut query = Query { max: 100, ..Query::default() };
        let mut seen = Vec::new();
        loop {
            let page = archive.query(ROMEO, &query).await.unwrap();
            seen.extend(page.entries.iter().map(|entry| entry.id));
            if page.complete {
                break;
            }
            query.page = Paging::After(page.last().unwrap());
        }
        assert_eq!(seen, shown);
        assert_eq!(archive.count(ROMEO).await, Ok(shown.len() as u64));
        let mut batch = Batch::new();
        for id in [entries[3].id, entries[990].id] {
            archive.erase(&mut batch, ROMEO, id);
            archive.set(&mut batch, ROMEO, Id(id.0 + 1), &entries[3].draft(b"").as_shown());
        }
        store.commit(batch).await.unwrap();
        let gone = [3, 990].iter().filter(|at| !entries[**at].flags().contains(Flags::HIDDEN)).count();
        assert_eq!(archive.count(ROMEO).await, Ok((shown.len() + 2 - gone) as u64));
    }

    #[tokio::test]
    async fn an_id_that_is_not_there_is_item_not_found() {
        let (store, mut dice) = (Store::memory(), Dice(7));
        let (archive, entries) = filled(&store, &mut dice).await;
        let absent = Id(entries[5].id.0 + 1);
        let base = Query { max: 10, ..Query::default() };
        for query in [
            Query { page: Paging::After(absent), ..base.clone() },
            Query { page: Paging::Before(absent), ..base.clone() },
            Query { after_id: Some(absent), ..base.clone() },
            Query { before_id: Some(absent), ..base.clone() },
            Query { ids: vec![entries[1].id, absent], ..base.clone() },
        ] {
            assert_eq!(archive.query_now(ROMEO, &query), Err(QueryError::ItemNotFound), "{query:?}");
        }
    }

    #[tokio::test]
    async fn a_count_is_given_when_the_page_is_everything() {
        let store = Store::memory();
        let archive = Archive::new(&store);
        let mut batch = Batch::new();
        for _ in 0..3 {
            archive.append(&mut batch, ROMEO, &Draft { with: "", flags: Flags::NONE, stanza: b"<message/>" });
        }
        store.commit(batch).await.unwrap();
        let count = |max| archive.query_now(ROMEO, &Query { max, ..Query::default() }).unwrap().count;
        assert_eq!((count(3), count(2)), (Some(3), None));
        assert_eq!(archive.count(ROMEO).await, Ok(3));
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_reader_sees_every_entry_once_while_entries_move_into_chunks() {
        let store = Store::memory();
        let archive = Archive::new(&store);
        let writer = tokio::spawn({
            let (store, archive) = (store.clone(), archive.clone());
            async move {
                for n in 0..4000 {
                    let mut batch = Batch::new();
                    let text = format!("{n:0>400}");
                    archive.append(
                        &mut batch,
                        ROMEO,
                        &Draft { with: PARTIES[2], flags: Flags::NONE, stanza: text.as_bytes() },
                    );
                    store.commit(batch).await.unwrap();
                }
            }
        });
        let mut rounds = 0;
        while !writer.is_finished() {
            for (page, with) in
                [(Paging::Last, None), (Paging::First, None), (Paging::Last, Some(PARTIES[2].to_owned()))]
            {
                let max = if page == Paging::First { usize::MAX } else { 90 };
                let page =
                    archive.query(ROMEO, &Query { page, max, with, ..Query::default() }).await.unwrap();
                let numbers: Vec<usize> = page
                    .entries
                    .iter()
                    .map(|entry| std::str::from_utf8(&entry.stanza()).unwrap().parse().unwrap())
                    .collect();
                assert!(numbers.windows(2).all(|pair| pair[0] + 1 == pair[1]), "{numbers:?}");
            }
            rounds += 1;
        }
        writer.await.unwrap();
        assert!(rounds > 5, "{rounds}");
    }

    #[tokio::test]
    async fn a_page_of_large_stanzas_is_shorter_and_all_of_them_come_in_the_end() {
        let store = Store::memory();
        let archive = Archive::new(&store);
        let mut ids = Vec::new();
        for size in [300_000, 10, 200_000, 200_000, 10, 300_000] {
            let (mut batch, stanza) = (Batch::new(), "x".repeat(size));
            let draft = Draft { with: "a@b", flags: Flags::NONE, stanza: stanza.as_bytes() };
            ids.push(archive.append(&mut batch, ROMEO, &draft));
            store.enqueue(batch);
        }
        for named in [Vec::new(), ids.clone()] {
            let mut query = Query { max: 100, ids: named, ..Query::default() };
            let mut pages = Vec::new();
            loop {
                let page = archive.query(ROMEO, &query).await.unwrap();
                pages.push(page.entries.iter().map(|entry| entry.id).collect::<Vec<_>>());
                if page.complete {
                    break;
                }
                query.page = Paging::After(page.last().unwrap());
            }
            assert_eq!(pages.iter().map(Vec::len).collect::<Vec<_>>(), [1, 2, 2, 1]);
            assert_eq!(pages.concat(), ids);
        }
    }
}
