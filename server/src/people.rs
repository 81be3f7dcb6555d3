//! The accounts of this server as they are kept: made, given a password, removed. Behind the router's `Directory`.

use std::collections::BTreeMap;

use rialto_store::accounts::{Accounts, CreateError, Credential, Hash};
use rialto_store::{Batch, Store, StoreError};
use rialto_xmpp::BareJid;

use crate::credentials::{PasswordError, ScramHash, keys_of};
use crate::features::Fut;
use crate::features::register::{ChangeError, Passwords};
use crate::invites::{Invites, Use};
use crate::router::Directory;

/// The accounts in the store.
#[derive(Clone)]
pub struct People {
    store: Store,
    accounts: Accounts,
}

/// Why an account could not be made or changed; fit to be shown.
#[derive(Debug, thiserror::Error)]
pub enum PeopleError {
    /// The name is taken.
    #[error("there is an account of this name already")]
    Exists,
    /// The name was removed once: a stranger must not inherit its contacts by accident.
    #[error("an account of this name was removed; say --reuse to give the name again")]
    Removed,
    /// The name is promised to whoever has an invitation.
    #[error("this name is reserved by an invitation")]
    Reserved,
    /// Nobody of this name.
    #[error("there is no account of this name")]
    Unknown,
    /// The password cannot be used.
    #[error("{0}")]
    Password(#[from] PasswordError),
    /// The store failed.
    #[error("{0}")]
    Store(#[from] StoreError),
}

impl People {
    /// The accounts of this store.
    pub fn new(store: &Store) -> People {
        People { store: store.clone(), accounts: Accounts::new(store) }
    }

    /// Makes an account. `reuse`: also under a name that was removed.
    ///
    /// # Errors
    /// [`PeopleError`].
    pub async fn add(&self, jid: &BareJid, password: &str, reuse: bool) -> Result<(), PeopleError> {
        if Invites::promised(&self.store, jid, None)?.is_some() {
            return Err(PeopleError::Reserved);
        }
        self.make(jid, credentials(password).await?, reuse, Batch::new()).await
    }

    /// Makes an account by an invitation, which is used up with it or not at all.
    ///
    /// # Errors
    /// [`PeopleError`].
    pub async fn add_invited(&self, jid: &BareJid, password: &str, using: &Use) -> Result<(), PeopleError> {
        if Invites::promised(&self.store, jid, Some(using.id()))?.is_some() {
            return Err(PeopleError::Reserved);
        }
        let mut batch = Batch::new();
        using.write(&mut batch)?;
        self.make(jid, credentials(password).await?, false, batch).await
    }

    async fn make(
        &self,
        jid: &BareJid,
        credentials: BTreeMap<Hash, Credential>,
        reuse: bool,
        batch: Batch,
    ) -> Result<(), PeopleError> {
        match self.accounts.create_with(jid.as_str(), credentials, reuse, batch).await {
            Ok(()) => Ok(()),
            Err(CreateError::Exists) => Err(PeopleError::Exists),
            Err(CreateError::Removed) => Err(PeopleError::Removed),
            Err(CreateError::Store(error)) => Err(error.into()),
        }
    }

    /// Gives an account another password.
    ///
    /// # Errors
    /// [`PeopleError`].
    pub async fn set_password(&self, jid: &BareJid, password: &str) -> Result<(), PeopleError> {
        let credentials = credentials(password).await?;
        match self.accounts.set_credentials(jid.as_str(), credentials).await? {
            true => Ok(()),
            false => Err(PeopleError::Unknown),
        }
    }
}

impl Directory for People {
    fn has<'a>(&'a self, jid: &'a BareJid) -> Fut<'a, Result<bool, StoreError>> {
        Box::pin(async move { Ok(self.accounts.get(jid.as_str())?.is_some()) })
    }

    fn remove<'a>(&'a self, jid: &'a BareJid) -> Fut<'a, Result<bool, StoreError>> {
        Box::pin(async move { self.accounts.remove(jid.as_str()).await })
    }
}

impl Passwords for People {
    fn change<'a>(&'a self, jid: &'a BareJid, password: &'a str) -> Fut<'a, Result<(), ChangeError>> {
        Box::pin(async move {
            match self.set_password(jid, password).await {
                Ok(()) => Ok(()),
                Err(PeopleError::Password(error)) => Err(ChangeError::Password(error)),
                Err(PeopleError::Store(error)) => Err(ChangeError::Store(error)),
                // The account is logged in: it can only have been removed this instant.
                Err(_) => Err(ChangeError::Store(StoreError::Conflict)),
            }
        })
    }
}

/// What is kept of a password; made where it may take its time.
pub(crate) async fn credentials(password: &str) -> Result<BTreeMap<Hash, Credential>, PeopleError> {
    let password = zeroize::Zeroizing::new(password.to_owned());
    let keys = tokio::task::spawn_blocking(move || keys_of(&password)).await;
    let keys = keys.map_err(|_| PeopleError::Password(PasswordError::NoRandomness))??;
    let kept = keys.into_iter().map(|(hash, keys)| {
        let hash = match hash {
            ScramHash::Sha1 => Hash::Sha1,
            ScramHash::Sha256 => Hash::Sha256,
            ScramHash::Sha512 => Hash::Sha512,
        };
        let credential = Credential {
            salt: keys.salt,
            iterations: keys.iterations,
            stored_key: keys.stored_key,
            server_key: keys.server_key,
        };
        (hash, credential)
    });
    Ok(kept.collect())
}
