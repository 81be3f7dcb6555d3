//! XEP-0133 §4.24–§4.28: what those who run the server say to everybody: the message of the day, the welcome; and who
//! has heard of which day.

use serde::{Deserialize, Serialize};

use crate::batch::Batch;
use crate::error::StoreError;
use crate::store::Store;
use crate::table::Table;
use crate::tables;

const NOTICES: Table<Notice> = Table::new(tables::NOTICES);
const HEARD: Table<u64> = Table::new(tables::HEARD);

/// A notice.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notice {
    /// Its number: another text has another one.
    pub id: u64,
    /// What it says.
    pub text: String,
}

/// Which notice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// For everybody who comes, once.
    OfTheDay,
    /// For new accounts.
    Welcome,
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Kind::OfTheDay => "motd",
            Kind::Welcome => "welcome",
        }
    }
}

/// The notice, if one is set.
pub fn get(store: &Store, kind: Kind) -> Result<Option<Notice>, StoreError> {
    NOTICES.get(store, &[kind.name()])
}

/// Sets it; `None` forgets it.
pub fn put(batch: &mut Batch, kind: Kind, notice: Option<&Notice>) -> Result<(), StoreError> {
    match notice {
        Some(notice) => NOTICES.put(batch, &[kind.name()], notice),
        None => {
            NOTICES.delete(batch, &[kind.name()]);
            Ok(())
        }
    }
}

/// The number of the last message of the day that an account has heard.
pub fn heard(store: &Store, account: &str) -> Result<Option<u64>, StoreError> {
    HEARD.get(store, &[account])
}

/// An account has heard a message of the day.
pub fn hear(batch: &mut Batch, account: &str, id: u64) -> Result<(), StoreError> {
    HEARD.put(batch, &[account], &id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_notice_is_set_heard_and_forgotten() {
        let store = Store::memory();
        let notice = Notice { id: 7, text: "A plague o' both your houses!".into() };
        let mut batch = Batch::new();
        put(&mut batch, Kind::OfTheDay, Some(&notice)).unwrap();
        hear(&mut batch, "romeo@localhost", 7).unwrap();
        store.commit(batch).await.unwrap();
        assert_eq!(get(&store, Kind::OfTheDay).unwrap(), Some(notice));
        assert_eq!(get(&store, Kind::Welcome).unwrap(), None);
        assert_eq!(heard(&store, "romeo@localhost").unwrap(), Some(7));
        let mut batch = Batch::new();
        put(&mut batch, Kind::OfTheDay, None).unwrap();
        store.commit(batch).await.unwrap();
        assert_eq!(get(&store, Kind::OfTheDay).unwrap(), None);
    }
}
