//! `muc#roomconfig_presencebroadcast`: the roles of those whose presence others get.

use super::{Field, Value};

/// The roles there are.
pub const ROLES: &[(&str, &str)] =
    &[("Moderators", "moderator"), ("Participants", "participant"), ("Visitors", "visitor")];

/// The option.
pub const FIELD: Field = Field {
    var: "muc#roomconfig_presencebroadcast",
    aliases: &[],
    label: "Whose comings and goings are shown",
    value: Value::Choices(
        ROLES,
        |config| config.shown_roles.clone(),
        |draft, roles, _| {
            draft.config.shown_roles = roles.to_vec();
            Ok(())
        },
    ),
};
