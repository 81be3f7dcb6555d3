//! XEP-0045 §7.10: nicks registered in rooms.

use crate::batch::Batch;
use crate::error::StoreError;
use crate::store::Store;
use crate::table::Table;
use crate::tables;

const NICKS: Table<String> = Table::new(tables::NICKS);

/// The nick an account has registered in a room.
pub fn get(store: &Store, room: &str, account: &str) -> Result<Option<String>, StoreError> {
    NICKS.get(store, &[room, account])
}

/// Everyone registered in a room: account and nick.
pub fn of_room(store: &Store, room: &str) -> Result<Vec<(String, String)>, StoreError> {
    let rows = NICKS.list(store, &[room])?;
    Ok(rows.into_iter().filter_map(|(parts, nick)| Some((parts.into_iter().nth(1)?, nick))).collect())
}

/// Where an account is registered: room and nick. Reads the whole table; for removing accounts.
pub fn of_account(store: &Store, account: &str) -> Result<Vec<(String, String)>, StoreError> {
    let rows = NICKS.list(store, &[])?;
    let of_account = rows.into_iter().filter(|(parts, _)| parts.get(1).is_some_and(|who| who == account));
    Ok(of_account.filter_map(|(parts, nick)| Some((parts.into_iter().next()?, nick))).collect())
}

/// Registers a nick.
pub fn put(batch: &mut Batch, room: &str, account: &str, nick: &str) -> Result<(), StoreError> {
    NICKS.put(batch, &[room, account], &nick.to_owned())
}

/// Gives a nick up.
pub fn remove(batch: &mut Batch, room: &str, account: &str) {
    NICKS.delete(batch, &[room, account]);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_nick_is_found_by_room_and_by_account() {
        let store = Store::memory();
        let mut batch = Batch::new();
        put(&mut batch, "a@rooms", "romeo@localhost", "Romeo").unwrap();
        put(&mut batch, "b@rooms", "romeo@localhost", "R").unwrap();
        put(&mut batch, "b@rooms", "juliet@localhost", "J").unwrap();
        store.commit(batch).await.unwrap();
        assert_eq!(of_account(&store, "romeo@localhost").unwrap().len(), 2);
        assert_eq!(of_room(&store, "b@rooms").unwrap().len(), 2);
        let mut batch = Batch::new();
        remove(&mut batch, "a@rooms", "romeo@localhost");
        store.commit(batch).await.unwrap();
        assert_eq!(get(&store, "a@rooms", "romeo@localhost").unwrap(), None);
        assert_eq!(get(&store, "b@rooms", "romeo@localhost").unwrap(), Some("R".into()));
    }
}
