//! Circles: people of a community who all have each other as contacts.

use serde::{Deserialize, Serialize};

use crate::batch::Batch;
use crate::error::StoreError;
use crate::store::Store;
use crate::table::Table;
use crate::tables;

const CIRCLES: Table<Circle> = Table::new(tables::CIRCLES);

/// A circle.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Circle {
    /// Seconds since 1970.
    pub created: u64,
    /// The roster group in which its members see each other.
    pub group: String,
    /// Bare JIDs, sorted.
    #[serde(default)]
    pub members: Vec<String>,
    /// Rooms that its members find among their bookmarks.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rooms: Vec<String>,
    /// Who is to come in or to go out, and is not yet so on everybody's roster: bare JIDs.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unsettled: Vec<String>,
}

/// The circle of this name.
pub fn get(store: &Store, name: &str) -> Result<Option<Circle>, StoreError> {
    CIRCLES.get(store, &[name])
}

/// All circles, with their names.
pub fn list(store: &Store) -> Result<Vec<(String, Circle)>, StoreError> {
    let rows = CIRCLES.list(store, &[])?;
    Ok(rows.into_iter().filter_map(|(parts, circle)| Some((parts.into_iter().next()?, circle))).collect())
}

/// Makes a circle; the batch conflicts if there is one of that name.
pub fn insert(batch: &mut Batch, name: &str, circle: &Circle) -> Result<(), StoreError> {
    CIRCLES.insert(batch, &[name], circle)
}

/// Changes a circle that is there, and waits until that is durable; `false`: there is none. `change` says whether there
/// is anything to write, and may be asked again.
pub async fn update(
    store: &Store,
    name: &str,
    change: impl FnMut(&mut Circle) -> bool + Send,
) -> Result<bool, StoreError> {
    CIRCLES.update(store, &[name], change).await
}

/// Forgets a circle.
pub fn remove(batch: &mut Batch, name: &str) {
    CIRCLES.delete(batch, &[name]);
}

/// Takes an account that is removed out of every circle.
pub(crate) fn remove_of(batch: &mut Batch, store: &Store, account: &str) -> Result<(), StoreError> {
    for (name, mut circle) in list(store)? {
        let before = circle.members.len() + circle.unsettled.len();
        circle.members.retain(|member| member != account);
        circle.unsettled.retain(|member| member != account);
        if circle.members.len() + circle.unsettled.len() < before {
            CIRCLES.put(batch, &[&name], &circle)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_circle_is_made_once_changed_and_forgotten() {
        let store = Store::memory();
        let circle = Circle { group: "Verona".into(), ..Circle::default() };
        let made = |store: Store, circle: Circle| async move {
            let mut batch = Batch::new();
            insert(&mut batch, "verona", &circle).unwrap();
            store.commit(batch).await
        };
        made(store.clone(), circle.clone()).await.unwrap();
        assert_eq!(made(store.clone(), circle.clone()).await, Err(StoreError::Conflict));
        let join = |circle: &mut Circle| {
            circle.members.push("romeo@localhost".into());
            true
        };
        assert!(update(&store, "verona", join).await.unwrap());
        assert!(!update(&store, "mantua", |_| true).await.unwrap());
        assert_eq!(get(&store, "verona").unwrap().unwrap().members, ["romeo@localhost"]);
        let mut batch = Batch::new();
        remove_of(&mut batch, &store, "romeo@localhost").unwrap();
        store.commit(batch).await.unwrap();
        assert_eq!(list(&store).unwrap(), [("verona".to_owned(), circle)]);
        let mut batch = Batch::new();
        remove(&mut batch, "verona");
        store.commit(batch).await.unwrap();
        assert_eq!(get(&store, "verona").unwrap(), None);
    }
}
