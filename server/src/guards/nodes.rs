//! Lists that others keep in nodes, as they are in memory and in the store. Who asks for them is `features/blocklists/`.

use std::collections::HashSet;
use std::sync::Arc;

use parking_lot::{Mutex, RwLock};
use rialto_store::{Batch, Store, StoreError, blocklists};

use super::lists::{Hash, read};
use crate::config::Blocklist;

/// Entries written in one batch.
const TOGETHER: usize = 2_000;

/// A list.
pub struct NodeList {
    /// Where it is, and what it is for.
    pub settings: Blocklist,
    store: Store,
    listed: RwLock<HashSet<Hash>>,
    standing: Mutex<Standing>,
}

/// How a list is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Standing {
    /// Whether it is as its service has it.
    pub well: bool,
    /// In words.
    pub says: String,
    /// Entries that were no hashes.
    pub wrong: u64,
    /// Entries that had no place.
    pub over: u64,
}

/// Entries that are read one page after another.
#[derive(Default)]
pub struct Gathered {
    listed: HashSet<Hash>,
    wrong: u64,
    over: u64,
}

impl NodeList {
    /// As the store has it.
    ///
    /// # Errors
    /// [`StoreError`]
    pub fn open(settings: &Blocklist, store: &Store) -> Result<Arc<NodeList>, StoreError> {
        let kept = blocklists::load(store, settings.service.as_str(), &settings.node)?;
        let listed: HashSet<Hash> =
            kept.iter().filter_map(|entry| read(entry)).take(settings.entries).collect();
        let says = "as it was when the server stopped".to_owned();
        Ok(Arc::new(NodeList {
            settings: settings.clone(),
            store: store.clone(),
            listed: RwLock::new(listed),
            standing: Mutex::new(Standing { says, ..Standing::default() }),
        }))
    }

    /// How many are listed.
    pub fn len(&self) -> usize {
        self.listed.read().len()
    }

    /// Whether nobody is.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How it is.
    pub fn standing(&self) -> Standing {
        self.standing.lock().clone()
    }

    /// It is this way now.
    pub fn stands(&self, well: bool, says: impl Into<String>) {
        let mut standing = self.standing.lock();
        (standing.well, standing.says) = (well, says.into());
    }

    pub(super) fn has(&self, hashes: &[Hash]) -> bool {
        let listed = self.listed.read();
        !listed.is_empty() && hashes.iter().any(|hash| listed.contains(hash))
    }

    /// An item with this id was published. Says whether somebody is listed who was not.
    pub fn add(&self, id: &str) -> bool {
        let Some(hash) = self.entry(id) else {
            self.standing.lock().wrong += 1;
            return false;
        };
        {
            let mut listed = self.listed.write();
            if listed.contains(&hash) {
                return false;
            }
            if listed.len() >= self.settings.entries {
                self.standing.lock().over += 1;
                return false;
            }
            listed.insert(hash);
        }
        self.write(&[hash], &[]);
        true
    }

    /// The item with this id was taken back.
    pub fn remove(&self, id: &str) {
        if let Some(hash) = self.entry(id)
            && self.listed.write().remove(&hash)
        {
            self.write(&[], &[hash]);
        }
    }

    /// All items were.
    pub fn clear(&self) {
        self.listed.write().clear();
        let mut batch = Batch::new();
        blocklists::clear(&mut batch, self.place());
        let _ = self.store.enqueue(batch);
    }

    /// One more item of a page.
    pub fn gather(&self, gathered: &mut Gathered, id: &str) {
        match self.entry(id) {
            None => gathered.wrong += 1,
            Some(hash)
                if gathered.listed.len() >= self.settings.entries && !gathered.listed.contains(&hash) =>
            {
                gathered.over += 1;
            }
            Some(hash) => drop(gathered.listed.insert(hash)),
        }
    }

    /// An item is taken back while pages are read.
    pub fn ungather(&self, gathered: &mut Gathered, id: &str) {
        if let Some(hash) = self.entry(id) {
            gathered.listed.remove(&hash);
        }
    }

    /// All pages were read: this is the list. Says whether somebody is listed who was not.
    pub fn replace(&self, gathered: Gathered) -> bool {
        let (new, gone): (Vec<Hash>, Vec<Hash>) = {
            let mut listed = self.listed.write();
            let new = gathered.listed.difference(&listed).copied().collect();
            let gone = listed.difference(&gathered.listed).copied().collect();
            *listed = gathered.listed;
            (new, gone)
        };
        self.write(&new, &gone);
        let mut standing = self.standing.lock();
        (standing.wrong, standing.over) = (gathered.wrong, gathered.over);
        !new.is_empty()
    }

    /// What an id lists, if it may.
    fn entry(&self, id: &str) -> Option<Hash> {
        let is_hash = id.len() == 64 && id.bytes().all(|byte| byte.is_ascii_hexdigit());
        (is_hash || !self.settings.hashed).then(|| read(id)).flatten()
    }

    /// The store follows; what a killed server has not written comes again with the whole list.
    fn write(&self, new: &[Hash], gone: &[Hash]) {
        for some in new.chunks(TOGETHER) {
            let mut batch = Batch::new();
            for hash in some {
                if blocklists::put(&mut batch, self.place(), &digits(hash)).is_err() {
                    return;
                }
            }
            let _ = self.store.enqueue(batch);
        }
        for some in gone.chunks(TOGETHER) {
            let mut batch = Batch::new();
            some.iter().for_each(|hash| blocklists::remove(&mut batch, self.place(), &digits(hash)));
            let _ = self.store.enqueue(batch);
        }
    }

    fn place(&self) -> (&str, &str) {
        (self.settings.service.as_str(), &self.settings.node)
    }
}

impl Gathered {
    /// How many it holds.
    pub fn count(&self) -> usize {
        self.listed.len()
    }

    /// Whether there is no place for more.
    pub fn has_overflowed(&self) -> bool {
        self.over > 0
    }

    /// All items were taken back while pages are read.
    pub fn clear(&mut self) {
        *self = Gathered::default();
    }
}

fn digits(hash: &Hash) -> String {
    hash.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::super::lists::hash;
    use super::*;

    fn list(store: &Store, more: &str) -> Arc<NodeList> {
        let settings: Blocklist = toml::from_str(&format!("service = 'rtbl.lit'\n{more}")).unwrap();
        NodeList::open(&settings, store).unwrap()
    }

    #[tokio::test]
    async fn a_restart_finds_it_as_it_was() {
        let (store, tybalt, paris) = (Store::memory(), digits(&hash("tybalt@a")), digits(&hash("paris@a")));
        let one = list(&store, "");
        assert!(one.add(&tybalt) && one.add(&paris.to_uppercase()) && !one.add(&paris));
        one.remove(&tybalt);
        store.caught_up().await;
        let again = list(&store, "");
        assert!(again.has(&[hash("paris@a")]) && !again.has(&[hash("tybalt@a")]) && again.len() == 1);
        let mut gathered = Gathered::default();
        again.gather(&mut gathered, &tybalt);
        assert!(
            again.replace(gathered)
                && !again.replace({
                    let mut same = Gathered::default();
                    again.gather(&mut same, &tybalt);
                    same
                })
        );
        store.caught_up().await;
        assert!(list(&store, "").has(&[hash("tybalt@a")]) && list(&store, "").len() == 1);
        again.clear();
        store.caught_up().await;
        assert!(list(&store, "").is_empty());
    }

    #[tokio::test]
    async fn what_is_no_hash_and_what_has_no_place_is_counted_and_nothing_else() {
        let store = Store::memory();
        let list = list(&store, "entries = 2");
        for id in ["spam.lit", "", "zz", &"g".repeat(64)] {
            assert!(!list.add(id), "{id}");
        }
        for n in 0..5 {
            list.add(&digits(&hash(&format!("n{n}@a"))));
        }
        assert_eq!((list.len(), list.standing().wrong, list.standing().over), (2, 4, 3));
        assert!(list.has(&[hash("n0@a")]) && !list.has(&[hash("n4@a")]));
    }

    #[tokio::test]
    async fn plain_addresses_are_for_lists_that_say_so() {
        let store = Store::memory();
        let list = list(&store, "node = 'spam_source_domains'\nhashed = false");
        assert!(list.add("Spam.lit") && !list.add("@@") && list.has(&[hash("spam.lit")]));
        list.remove("spam.lit");
        assert!(list.is_empty());
    }
}
