//! What people of ours are on a network: kept in the store, told to the network, proven by their next connection.

use rialto_bridges::Identity;
use rialto_store::{Batch, StoreError, identities};

use super::Persons;
use crate::muc::links::Connected;

/// Bytes of a nick, an account, a password.
const WORD: usize = 200;

/// Bytes of a certificate with its key.
const CERTIFICATE: usize = 16 * 1024;

impl Persons {
    /// What somebody is there.
    pub(super) fn identity(&self, person: &str, over: &Connected) -> identities::Identity {
        let known = identities::get(&self.0.store, person, &over.name);
        known
            .unwrap_or_else(|error| {
                tracing::warn!(%error, "what somebody is on another network cannot be read");
                None
            })
            .unwrap_or_default()
    }

    /// Somebody is this there from now on; nothing at all where it is empty.
    pub(super) async fn set_identity(
        &self,
        person: &str,
        over: &Connected,
        is: &identities::Identity,
    ) -> Result<(), StoreError> {
        let some = (*is != identities::Identity::default()).then_some(is);
        let mut batch = Batch::new();
        identities::set(&mut batch, person, &over.name, some)?;
        self.0.store.commit(batch).await?;
        self.introduce(person, over, some).await;
        Ok(())
    }

    /// Everything that is kept is told to the networks.
    pub(super) async fn introduce_all(&self) {
        let all = match identities::all(&self.0.store) {
            Ok(all) => all,
            Err(error) => return tracing::error!(%error, "what people are on other networks cannot be read"),
        };
        for (person, network, is) in all {
            if let Some(over) = self.networks().into_iter().find(|over| *over.name == *network) {
                self.introduce(&person, &over, Some(&is)).await;
            }
        }
    }

    async fn introduce(&self, person: &str, over: &Connected, is: Option<&identities::Identity>) {
        let is = is.cloned().map(|is| Identity {
            nick: is.nick,
            account: is.account,
            password: is.password,
            certificate: is.certificate,
        });
        if let Err(error) = over.network.identify(person, is.as_ref()).await {
            tracing::debug!(network = %over.name, %error, "the network wants to know nobody");
        }
    }
}

/// What is wrong with an identity, for whoever gave it.
pub(super) fn mistake(is: &identities::Identity) -> Option<&'static str> {
    let bad = |text: &Option<String>| {
        text.as_ref().is_some_and(|text| text.len() > WORD || text.chars().any(char::is_control))
    };
    let spaced = |text: &Option<String>| text.as_ref().is_some_and(|text| text.contains(char::is_whitespace));
    if bad(&is.nick) || bad(&is.account) || bad(&is.password) || spaced(&is.nick) || spaced(&is.account) {
        return Some("Nick, account and password are one line each, and nick and account one word.");
    }
    let pem = |text: &String| {
        text.len() <= CERTIFICATE && text.contains("BEGIN CERTIFICATE") && text.contains("PRIVATE KEY")
    };
    if is.certificate.as_ref().is_some_and(|text| !pem(text)) {
        return Some("The certificate must be PEM, with its key below it.");
    }
    if is.password.is_some() && is.account.is_none() {
        return Some("Say the account that the password belongs to.");
    }
    None
}
