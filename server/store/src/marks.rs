//! Marks: what networks keep from one run to the next, such as a place in a stream of events.

use std::collections::BTreeMap;

use crate::batch::Batch;
use crate::error::StoreError;
use crate::store::Store;
use crate::table::Table;
use crate::tables;

const MARKS: Table<String> = Table::new(tables::MARKS);

/// Sets a mark of a bridge; `None` forgets it.
pub fn set(batch: &mut Batch, bridge: &str, name: &str, value: Option<&str>) -> Result<(), StoreError> {
    match value {
        Some(value) => MARKS.put(batch, &[bridge, name], &value.to_owned()),
        None => {
            MARKS.delete(batch, &[bridge, name]);
            Ok(())
        }
    }
}

/// All marks of a bridge.
pub fn of_bridge(store: &Store, bridge: &str) -> Result<BTreeMap<String, String>, StoreError> {
    let rows = MARKS.list(store, &[bridge])?;
    Ok(rows.into_iter().filter_map(|(parts, value)| Some((parts.into_iter().nth(1)?, value))).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_later_mark_takes_the_place_of_an_earlier_one() {
        let store = Store::memory();
        let mut batch = Batch::new();
        for (bridge, name, value) in [
            ("guild", "seq", Some("1")),
            ("guild", "seq", Some("2")),
            ("guild", "old", Some("x")),
            ("guild", "old", None),
            ("other", "seq", Some("9")),
        ] {
            set(&mut batch, bridge, name, value).unwrap();
        }
        store.commit(batch).await.unwrap();
        assert_eq!(of_bridge(&store, "guild").unwrap(), BTreeMap::from([("seq".into(), "2".into())]));
    }
}
