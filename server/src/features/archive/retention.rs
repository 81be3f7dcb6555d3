//! XEP-0313 §3.2: what is too old is removed.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rialto_store::StoreError;
use rialto_store::archive::Archive;

/// Owners looked up at once.
const AT_ONCE: usize = 100;

/// One round over all archives, of accounts and of rooms: `keep` says for how long an owner's messages are kept
/// (`None`: for good). Gives way to others between the owners.
///
/// # Errors
/// [`StoreError`]; the next round goes on.
pub async fn purge(archive: &Archive, keep: impl Fn(&str) -> Option<Duration>) -> Result<(), StoreError> {
    let mut after: Option<String> = None;
    loop {
        let owners = archive.owners(after.as_deref(), AT_ONCE)?;
        let Some(last) = owners.last() else { return Ok(()) };
        after = Some(last.clone());
        for owner in &owners {
            let Some(before) = keep(owner).and_then(|age| SystemTime::now().checked_sub(age)) else {
                continue;
            };
            let before = before.duration_since(UNIX_EPOCH).unwrap_or_default();
            let before = u64::try_from(before.as_micros()).unwrap_or(u64::MAX);
            while archive.purge(owner, before).await? {
                tokio::task::yield_now().await;
            }
        }
    }
}
