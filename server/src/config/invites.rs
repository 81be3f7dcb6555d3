//! Sections about how people come in and find each other: `[invites]`, `[circles]`.

use super::value;
use serde::Deserialize;
use std::time::Duration;

/// `[invites]`: invitations (XEP-0401). Needs a restart.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Invites {
    /// What the invitations of ordinary people are good for. Admins' are good for everything.
    pub users: Good,
    /// How long an invitation is good where nobody says otherwise.
    #[serde(deserialize_with = "value::duration")]
    pub expiry: Duration,
    /// Invitations of one person that may be open at the same time.
    pub per_user: usize,
}

impl Default for Invites {
    fn default() -> Self {
        Invites { users: Good::Contacts, expiry: Duration::from_secs(7 * 86_400), per_user: 20 }
    }
}

/// What an invitation is good for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Good {
    /// Nothing: they may not invite.
    Nothing,
    /// Whoever has an account becomes a contact.
    Contacts,
    /// Whoever has none may make one here, too.
    Accounts,
}

/// `[circles]`: people who all have each other as contacts. Needs a restart.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Circles {
    /// The circle that every new account joins; nothing: none.
    pub everyone: String,
    /// Members of one circle at most: each has all others on his roster.
    pub max_members: usize,
}

impl Default for Circles {
    fn default() -> Self {
        Circles { everyone: String::new(), max_members: 300 }
    }
}
