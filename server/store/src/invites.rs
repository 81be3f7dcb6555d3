//! XEP-0401: invitations, by the digest of their token: who reads the store cannot redeem what he finds there.

use serde::{Deserialize, Serialize};

use crate::batch::Batch;
use crate::error::StoreError;
use crate::store::Store;
use crate::table::Table;
use crate::tables;

const INVITES: Table<Invite> = Table::new(tables::INVITES);
const RESERVED: Table<String> = Table::new(tables::RESERVED);

/// An invitation.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Invite {
    /// Seconds since 1970.
    pub created: u64,
    /// It is good for nothing from then on, in seconds since 1970 (XEP-0379 §6.2: every token ends).
    pub expires: u64,
    /// How often it may still be used.
    pub uses: u32,
    /// How often it was.
    #[serde(default)]
    pub used: u32,
    /// Where accounts may be made with it.
    pub domain: String,
    /// Accounts may be made with it (XEP-0445).
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub account: bool,
    /// Whoever made it; the bare JID.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inviter: Option<String>,
    /// It makes whoever redeems it a contact of the inviter (XEP-0379).
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub contact: bool,
    /// The bare JID that the account must have; nobody else gets it meanwhile.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reserved: Option<String>,
    /// The circle that the account joins.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub circle: Option<String>,
}

/// The invitation with this id, whether it is still good or not.
pub fn get(store: &Store, id: &str) -> Result<Option<Invite>, StoreError> {
    INVITES.get(store, &[id])
}

/// All invitations, with their ids.
pub fn list(store: &Store) -> Result<Vec<(String, Invite)>, StoreError> {
    let rows = INVITES.list(store, &[])?;
    Ok(rows.into_iter().filter_map(|(parts, invite)| Some((parts.into_iter().next()?, invite))).collect())
}

/// Keeps an invitation, and the name that it reserves. One without uses left is forgotten.
pub fn put(batch: &mut Batch, id: &str, invite: &Invite) -> Result<(), StoreError> {
    if invite.uses == 0 {
        remove(batch, id, invite);
        return Ok(());
    }
    if let Some(account) = &invite.reserved {
        RESERVED.put(batch, &[account], &id.to_owned())?;
    }
    INVITES.put(batch, &[id], invite)
}

/// Forgets an invitation, and gives its name back.
pub fn remove(batch: &mut Batch, id: &str, invite: &Invite) {
    INVITES.delete(batch, &[id]);
    if let Some(account) = &invite.reserved {
        RESERVED.delete(batch, &[account]);
    }
}

/// The invitation that reserves this bare JID at this moment (seconds since 1970).
pub fn reserver(store: &Store, account: &str, now: u64) -> Result<Option<(String, Invite)>, StoreError> {
    let Some(id) = RESERVED.get(store, &[account])? else { return Ok(None) };
    Ok(get(store, &id)?.filter(|invite| invite.expires > now).map(|invite| (id, invite)))
}

/// Forgets what an account has invited: it is removed.
pub(crate) fn remove_of(batch: &mut Batch, store: &Store, account: &str) -> Result<(), StoreError> {
    for (id, invite) in list(store)? {
        if invite.inviter.as_deref() == Some(account) {
            remove(batch, &id, &invite);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn invite(uses: u32) -> Invite {
        Invite { expires: 100, uses, reserved: Some("juliet@localhost".into()), ..Invite::default() }
    }

    async fn write(store: &Store, fill: impl FnOnce(&mut Batch)) {
        let mut batch = Batch::new();
        fill(&mut batch);
        store.commit(batch).await.unwrap();
    }

    #[tokio::test]
    async fn a_name_is_reserved_until_the_invitation_ends() {
        let store = Store::memory();
        write(&store, |batch| put(batch, "a", &invite(1)).unwrap()).await;
        assert_eq!(reserver(&store, "juliet@localhost", 99).unwrap(), Some(("a".into(), invite(1))));
        assert_eq!(reserver(&store, "juliet@localhost", 100).unwrap(), None);
        assert_eq!(reserver(&store, "romeo@localhost", 99).unwrap(), None);
    }

    #[tokio::test]
    async fn the_last_use_forgets_the_invitation_and_frees_the_name() {
        let store = Store::memory();
        write(&store, |batch| put(batch, "a", &invite(2)).unwrap()).await;
        assert_eq!(list(&store).unwrap(), [("a".to_owned(), invite(2))]);
        write(&store, |batch| put(batch, "a", &invite(0)).unwrap()).await;
        assert_eq!((get(&store, "a").unwrap(), list(&store).unwrap().len()), (None, 0));
        assert_eq!(reserver(&store, "juliet@localhost", 1).unwrap(), None);
    }
}
