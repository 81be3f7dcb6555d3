//! Who has an account here.

use rialto_store::StoreError;
use rialto_xmpp::BareJid;

use crate::features::Fut;

/// Knows which bare JIDs are accounts; the store is one, an outside directory could be another.
pub trait Directory: Send + Sync + 'static {
    /// Whether there is such an account.
    ///
    /// # Errors
    /// [`StoreError`] when that cannot be found out now.
    fn has<'a>(&'a self, jid: &'a BareJid) -> Fut<'a, Result<bool, StoreError>>;

    /// Removes an account with everything that belongs to it; says whether there was one.
    ///
    /// # Errors
    /// [`StoreError`]: nothing is removed then.
    fn remove<'a>(&'a self, jid: &'a BareJid) -> Fut<'a, Result<bool, StoreError>>;
}
