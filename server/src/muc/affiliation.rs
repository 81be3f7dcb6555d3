//! XEP-0045 §5: roles and affiliations.

use serde::{Deserialize, Serialize};

/// §5.2: what somebody is to the room, in it or not; from little to much.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Affiliation {
    /// Banned.
    Outcast,
    /// Nothing in particular.
    #[default]
    None,
    /// On the member list.
    Member,
    /// Edits the member and ban lists.
    Admin,
    /// Edits everything.
    Owner,
}

/// §5.1: what an occupant may do while he is there; from little to much.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// Is no occupant.
    None,
    /// Hears.
    Visitor,
    /// Speaks.
    Participant,
    /// Moderates.
    Moderator,
}

impl Affiliation {
    /// All of them.
    pub const ALL: [Affiliation; 5] = [
        Affiliation::Outcast,
        Affiliation::None,
        Affiliation::Member,
        Affiliation::Admin,
        Affiliation::Owner,
    ];

    /// The XEP's word.
    pub fn as_str(self) -> &'static str {
        match self {
            Affiliation::Outcast => "outcast",
            Affiliation::None => "none",
            Affiliation::Member => "member",
            Affiliation::Admin => "admin",
            Affiliation::Owner => "owner",
        }
    }

    /// The affiliation of this word.
    pub fn parse(word: &str) -> Option<Affiliation> {
        Affiliation::ALL.into_iter().find(|affiliation| affiliation.as_str() == word)
    }

    /// §5.1.2: the role that goes with it on entering.
    pub fn role(self, moderated: bool) -> Role {
        match self {
            Affiliation::Outcast => Role::None,
            Affiliation::None if moderated => Role::Visitor,
            Affiliation::None | Affiliation::Member => Role::Participant,
            Affiliation::Admin | Affiliation::Owner => Role::Moderator,
        }
    }
}

impl Role {
    /// All of them.
    pub const ALL: [Role; 4] = [Role::None, Role::Visitor, Role::Participant, Role::Moderator];

    /// The XEP's word.
    pub fn as_str(self) -> &'static str {
        match self {
            Role::None => "none",
            Role::Visitor => "visitor",
            Role::Participant => "participant",
            Role::Moderator => "moderator",
        }
    }

    /// The role of this word.
    pub fn parse(word: &str) -> Option<Role> {
        Role::ALL.into_iter().find(|role| role.as_str() == word)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_enters_a_moderated_room_without_affiliation_only_hears() {
        assert_eq!(Affiliation::None.role(true), Role::Visitor);
        assert_eq!(Affiliation::Member.role(true), Role::Participant);
        assert_eq!(Affiliation::Admin.role(false), Role::Moderator);
    }

    #[test]
    fn every_word_is_read_back() {
        assert!(Affiliation::ALL.into_iter().all(|one| Affiliation::parse(one.as_str()) == Some(one)));
        assert!(Role::ALL.into_iter().all(|one| Role::parse(one.as_str()) == Some(one)));
    }
}
