//! XEP-0484: what is kept of tokens that stand in for a password.
//!
//! A table of these is worth nothing by itself: a token is made from its serial and a secret of the server, and is kept
//! nowhere. (What a token proves is an HMAC with itself as the key, so no digest of it could do.)

use serde::{Deserialize, Serialize};

use crate::batch::Batch;
use crate::error::StoreError;
use crate::key::key;
use crate::store::Store;
use crate::table::Table;
use crate::tables;

const TOKENS: Table<Tokens> = Table::new(tables::TOKENS);

/// Tokens of one client of an account (§"Server-side handling of multiple active tokens").
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Tokens {
    /// The one that the client used last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub current: Option<Token>,
    /// A later one that it was given and has not used yet.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub new: Option<Token>,
}

/// One token.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Token {
    /// What makes it another than all others; no secret.
    pub serial: String,
    /// The one SASL mechanism it is good for.
    pub mechanism: String,
    /// Seconds since 1970.
    pub issued: u64,
    /// Seconds since 1970; worth nothing from then on.
    pub expires: u64,
    /// The highest count that came with it, for those who count.
    #[serde(skip_serializing_if = "is_zero")]
    pub count: u64,
    /// [`crate::accounts::Account::changed`] of that time: with another password it is worth nothing.
    #[serde(skip_serializing_if = "is_zero")]
    pub changed: u64,
}

#[allow(clippy::trivially_copy_pass_by_ref)] // serde wants a reference
fn is_zero(number: &u64) -> bool {
    *number == 0
}

/// Tokens of one client; `None`: it has none.
///
/// # Errors
/// [`StoreError`].
pub fn load(store: &Store, account: &str, client: &str) -> Result<Option<Tokens>, StoreError> {
    TOKENS.get(store, &[account, client])
}

/// Gives a client a new token. What it was given before and never used is worth nothing any more; so is what ended
/// by `now`. An account has at most `most` clients with tokens: beyond, those go whose tokens end first.
///
/// # Errors
/// [`StoreError`]; nothing is issued then.
pub async fn issue(
    store: &Store,
    (account, client): (&str, &str),
    token: &Token,
    (now, most): (u64, usize),
) -> Result<(), StoreError> {
    let own = key(&[account, client]);
    loop {
        let before = store.get(tables::TOKENS, &own)?;
        let mut tokens = load(store, account, client)?.unwrap_or_default();
        tokens.new = Some(token.clone());
        let mut batch = Batch::new();
        batch.require(tables::TOKENS, &own, before.as_deref());
        TOKENS.put(&mut batch, &[account, client], &tokens)?;
        prune(store, &mut batch, (account, client), (now, most))?;
        match store.commit(batch).await {
            Err(StoreError::Conflict) => {}
            other => return other,
        }
    }
}

/// A token was used: what the client had before goes. `false`: there is no such token any more, or this `count` is not
/// above all counts before.
///
/// # Errors
/// [`StoreError`].
pub async fn used(
    store: &Store,
    (account, client): (&str, &str),
    serial: &str,
    count: Option<u64>,
) -> Result<bool, StoreError> {
    let mut is_good = false;
    let change = |tokens: &mut Tokens| {
        let is_new = tokens.new.as_ref().is_some_and(|new| new.serial == serial);
        if is_new {
            tokens.current = tokens.new.take();
        }
        let found = tokens.current.as_mut().filter(|current| current.serial == serial);
        is_good = found.is_some_and(|current| {
            let is_higher = count.is_none_or(|count| count > current.count);
            current.count = count.filter(|_| is_higher).unwrap_or(current.count);
            is_higher
        });
        is_good
    };
    Ok(TOKENS.update(store, &[account, client], change).await? && is_good)
}

/// A client has no tokens any more.
///
/// # Errors
/// [`StoreError`].
pub async fn forget(store: &Store, account: &str, client: &str) -> Result<(), StoreError> {
    let mut batch = Batch::new();
    TOKENS.delete(&mut batch, &[account, client]);
    store.commit(batch).await
}

fn prune(
    store: &Store,
    batch: &mut Batch,
    (account, client): (&str, &str),
    (now, most): (u64, usize),
) -> Result<(), StoreError> {
    let mut others: Vec<(u64, String)> = Vec::new();
    for (parts, tokens) in TOKENS.list(store, &[account])? {
        let Some(other) = parts.into_iter().nth(1).filter(|other| other != client) else { continue };
        let ends = [&tokens.current, &tokens.new].into_iter().flatten().map(|token| token.expires).max();
        match ends.filter(|ends| *ends > now) {
            Some(ends) => others.push((ends, other)),
            None => TOKENS.delete(batch, &[account, &other]),
        }
    }
    others.sort_unstable();
    let surplus = (others.len() + 1).saturating_sub(most);
    others.iter().take(surplus).for_each(|(_, other)| TOKENS.delete(batch, &[account, other]));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROMEO: (&str, &str) = ("romeo@localhost", "phone");

    fn token(serial: &str, expires: u64) -> Token {
        Token { serial: serial.into(), expires, ..Token::default() }
    }

    fn serials(store: &Store, client: &str) -> (Option<String>, Option<String>) {
        let tokens = load(store, ROMEO.0, client).unwrap().unwrap_or_default();
        (tokens.current.map(|token| token.serial), tokens.new.map(|token| token.serial))
    }

    #[tokio::test]
    async fn an_old_token_is_good_until_the_new_one_is_used() {
        let store = Store::memory();
        issue(&store, ROMEO, &token("a", 9), (0, 8)).await.unwrap();
        assert!(used(&store, ROMEO, "a", None).await.unwrap());
        issue(&store, ROMEO, &token("b", 9), (0, 8)).await.unwrap();
        issue(&store, ROMEO, &token("c", 9), (0, 8)).await.unwrap();
        assert_eq!(serials(&store, "phone"), (Some("a".into()), Some("c".into())));
        assert!(!used(&store, ROMEO, "b", None).await.unwrap());
        assert!(used(&store, ROMEO, "a", None).await.unwrap());
        assert!(used(&store, ROMEO, "c", None).await.unwrap());
        assert!(!used(&store, ROMEO, "a", None).await.unwrap());
        assert_eq!(serials(&store, "phone"), (Some("c".into()), None));
        forget(&store, ROMEO.0, ROMEO.1).await.unwrap();
        assert!(!used(&store, ROMEO, "c", None).await.unwrap());
    }

    #[tokio::test]
    async fn a_count_only_rises() {
        let store = Store::memory();
        issue(&store, ROMEO, &token("a", 9), (0, 8)).await.unwrap();
        for (count, good) in
            [(Some(3), true), (Some(3), false), (Some(2), false), (None, true), (Some(4), true)]
        {
            assert_eq!(used(&store, ROMEO, "a", count).await.unwrap(), good, "{count:?}");
        }
        assert!(!used(&store, ("romeo@localhost", "desk"), "a", None).await.unwrap());
        assert!(!used(&store, ("juliet@localhost", "phone"), "a", None).await.unwrap());
    }

    #[tokio::test]
    async fn what_ended_goes_and_so_does_what_is_too_much() {
        let store = Store::memory();
        for (client, ends) in [("a", 5), ("b", 20), ("c", 30), ("d", 40)] {
            issue(&store, (ROMEO.0, client), &token(client, ends), (4, 9)).await.unwrap();
        }
        issue(&store, ("juliet@localhost", "a"), &token("j", 1), (0, 9)).await.unwrap();
        issue(&store, ROMEO, &token("phone", 50), (10, 3)).await.unwrap();
        let left = TOKENS.list(&store, &[ROMEO.0]).unwrap();
        let left: Vec<_> = left.iter().map(|(parts, _)| parts[1].as_str()).collect();
        assert_eq!(left, ["c", "d", "phone"]);
        assert!(load(&store, "juliet@localhost", "a").unwrap().is_some());
    }
}
