//! What is said on the admin socket about invitations, circles and what is told to everybody.

use serde::{Deserialize, Serialize};

/// About invitations.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "invite", rename_all = "kebab-case")]
pub enum Invite {
    /// Makes one.
    Create(Invitation),
    /// Those that are good.
    List,
    /// Takes one back.
    Revoke {
        /// Its id.
        id: String,
    },
}

/// What an invitation is to be.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Invitation {
    /// The account that is to be made: `NAME@DOMAIN`, or a domain of which any name will do.
    pub address: Option<String>,
    /// Who invites; he becomes a contact.
    pub from: Option<String>,
    /// It makes a contact only, and no account.
    pub contact_only: bool,
    /// The circle that the account joins.
    pub circle: Option<String>,
    /// How often it may be used; 0: once.
    pub uses: u32,
    /// How long it is good, in seconds; `None`: as the configuration says.
    pub expiry: Option<u64>,
}

/// An invitation that was made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Invited {
    /// Its id in lists; no secret.
    pub id: String,
    /// The `xmpp:` URI.
    pub uri: String,
    /// The page that explains it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub landing: Option<String>,
    /// When it ends, in seconds since 1970.
    pub expires: u64,
}

/// An invitation in a list: without its token, which nobody knows but those who were given it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Open {
    /// Its id.
    pub id: String,
    /// The account, or the domain where an account may be made; `None`: it makes a contact only.
    pub account: Option<String>,
    /// Who invites.
    pub from: Option<String>,
    /// The circle that the account joins.
    pub circle: Option<String>,
    /// How often it may still be used.
    pub uses: u32,
    /// How often it was.
    pub used: u32,
    /// When it was made, in seconds since 1970.
    pub created: u64,
    /// When it ends, in seconds since 1970.
    pub expires: u64,
}

/// About circles.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "circle", rename_all = "kebab-case")]
pub enum Circle {
    /// All circles.
    List,
    /// Makes one.
    Create {
        /// Its name.
        name: String,
        /// The roster group; `None`: its name.
        group: Option<String>,
    },
    /// People come in.
    Add {
        /// The circle.
        name: String,
        /// Who: addresses; none: everybody who has an account.
        people: Vec<String>,
    },
    /// Somebody goes out.
    Remove {
        /// The circle.
        name: String,
        /// Who.
        who: String,
    },
    /// It ends.
    End {
        /// The circle.
        name: String,
    },
}

/// A circle in a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ring {
    /// Its name.
    pub name: String,
    /// The roster group in which its members see each other.
    pub group: String,
    /// Addresses.
    pub members: Vec<String>,
}

/// What is said to everybody.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "notice", rename_all = "kebab-case")]
pub enum Notice {
    /// To all who are here.
    Announce {
        /// What.
        text: String,
    },
    /// What is it now?
    Show {
        /// Which.
        which: Which,
    },
    /// Sets it.
    Set {
        /// Which.
        which: Which,
        /// What; `None`: nothing any more.
        text: Option<String>,
    },
}

/// Which notice stays.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Which {
    /// The message of the day: for everybody who comes, once.
    Motd,
    /// For new accounts.
    Welcome,
}

/// One account, closer.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Portrait {
    /// Its address.
    pub address: String,
    /// When it was made, in seconds since 1970.
    pub created: u64,
    /// It cannot log in.
    pub disabled: bool,
    /// When somebody logged in last, in seconds since 1970; `None`: never, as far as is known.
    pub last_login: Option<u64>,
    /// Contacts.
    pub contacts: usize,
    /// Resources that are connected.
    pub resources: Vec<String>,
    /// Messages that wait.
    pub waiting: usize,
}
