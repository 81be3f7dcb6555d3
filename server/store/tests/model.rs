//! Random batches, reopenings and purges end as in plain maps, whatever the engine.

use std::collections::BTreeMap;

use rialto_store::archive::{Archive, Draft, Flags, Id, Query};
use rialto_store::{Batch, EngineKind, Settings, Store, private, tables};

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

const OWNERS: [&str; 3] = ["a@localhost", "ab@localhost", "lounge@rooms.localhost"];
const PARTIES: [&str; 3] = ["juliet@localhost/x", "nurse@localhost", ""];

/// What should be there.
#[derive(Default)]
struct Model {
    archives: BTreeMap<(usize, Id), (usize, String)>,
    private: BTreeMap<(usize, usize), String>,
}

impl Model {
    /// One random change, in the batch and here.
    fn change(&mut self, dice: &mut Dice, archive: &Archive, batch: &mut Batch) {
        let owner = dice.below(OWNERS.len());
        let name = OWNERS[owner];
        match dice.below(40) {
            0..25 => {
                let text = "w ".repeat(dice.below(200));
                let with = dice.below(PARTIES.len());
                let draft = Draft { with: PARTIES[with], flags: Flags::NONE, stanza: text.as_bytes() };
                let id = archive.append(batch, name, &draft);
                self.archives.insert((owner, id), (with, text));
            }
            25..30 => {
                let text = format!("{}", dice.below(1000));
                let namespace = dice.below(5);
                private::put(batch, name, &namespace.to_string(), text.as_bytes());
                self.private.insert((owner, namespace), text);
            }
            30..36 => {
                let Some(id) = self.some_id(dice, owner) else { return };
                if dice.below(2) == 0 {
                    archive.erase(batch, name, id);
                    self.archives.remove(&(owner, id));
                } else {
                    archive.set(
                        batch,
                        name,
                        id,
                        &Draft { with: "", flags: Flags::TOMBSTONE, stanza: b"gone" },
                    );
                    self.archives.insert((owner, id), (2, "gone".into()));
                }
            }
            36..39 => {
                batch.delete_prefix(tables::PRIVATE, name.len().to_be_bytes().get(7..).unwrap());
                // The key's first byte is the length of the owner's name: all owners with names as long go.
                self.private.retain(|(kept, _), _| OWNERS[*kept].len() != name.len());
            }
            _ if dice.below(8) == 0 => {
                archive.remove(batch, name);
                self.archives.retain(|(kept, _), _| *kept != owner);
            }
            _ => {}
        }
    }

    fn some_id(&self, dice: &mut Dice, owner: usize) -> Option<Id> {
        let ids: Vec<Id> =
            self.archives.keys().filter(|(kept, _)| *kept == owner).map(|(_, id)| *id).collect();
        (!ids.is_empty()).then(|| ids[dice.below(ids.len())])
    }

    async fn compare(&self, store: &Store, when: &str) {
        let archive = Archive::new(store);
        for (owner, name) in OWNERS.iter().enumerate() {
            for (with, party) in
                [None, Some(0), Some(1)].into_iter().map(|with| (with, with.map(|at| PARTIES[at])))
            {
                let query = Query { max: usize::MAX, with: party.map(str::to_owned), ..Query::default() };
                let page = archive.query(name, &query).await.unwrap();
                let found: Vec<(Id, String)> = page
                    .entries
                    .iter()
                    .map(|entry| (entry.id, String::from_utf8(entry.stanza().to_vec()).unwrap()))
                    .collect();
                let of_owner = self.archives.iter().filter(|((kept, _), _)| *kept == owner);
                let expected: Vec<(Id, String)> = of_owner
                    .filter(|(_, (kept, _))| with.is_none_or(|with| *kept == with))
                    .map(|((_, id), (_, text))| (*id, text.clone()))
                    .collect();
                assert_eq!(found, expected, "{when}: {name} with {party:?}");
            }
            for namespace in 0..5 {
                let found = private::get(store, name, &namespace.to_string()).unwrap();
                let expected = self.private.get(&(owner, namespace)).map(String::as_bytes);
                assert_eq!(found.as_deref(), expected, "{when}: {name} {namespace}");
            }
        }
    }
}

async fn play(engine: EngineKind, seed: u64) {
    let folder = tempfile::tempdir().unwrap();
    let settings = Settings { engine, path: folder.path().to_owned(), ..Settings::default() };
    let (mut dice, mut model) = (Dice(seed), Model::default());
    let mut store = Store::open(&settings).unwrap();
    for round in 0..60 {
        let archive = Archive::new(&store);
        for _ in 0..dice.below(30) {
            let mut batch = Batch::new();
            for _ in 0..dice.below(6) {
                model.change(&mut dice, &archive, &mut batch);
            }
            store.enqueue(batch);
        }
        let owner = dice.below(OWNERS.len());
        if let Some(id) = model.some_id(&mut dice, owner).filter(|_| dice.below(4) == 0) {
            while archive.purge(OWNERS[owner], id.at()).await.unwrap() {}
            model.archives.retain(|(kept, old), _| *kept != owner || old.at() >= id.at());
        }
        match dice.below(6) {
            0 if engine != EngineKind::Memory => {
                store.close().await;
                store = Store::open(&settings).unwrap();
            }
            1 => store.checkpoint().await.unwrap(),
            _ => store.caught_up().await,
        }
        model.compare(&store, &format!("{engine:?}, seed {seed}, round {round}")).await;
    }
}

#[tokio::test]
async fn random_histories_end_as_in_plain_maps() {
    for seed in 1..=4 {
        for engine in [EngineKind::Memory, EngineKind::Sled, EngineKind::Redb] {
            play(engine, 0x9e37_79b9_7f4a_7c15_u64.wrapping_mul(seed)).await;
        }
    }
}
