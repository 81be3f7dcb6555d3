//! `muc#roomconfig_getmemberlist`: the roles of those who may ask for the member list.

use super::presence_broadcast::ROLES;
use super::{Field, Value};

/// The option.
pub const FIELD: Field = Field {
    var: "muc#roomconfig_getmemberlist",
    aliases: &[],
    label: "Who may see the list of members",
    value: Value::Choices(
        ROLES,
        |config| config.list_roles.clone(),
        |draft, roles, _| {
            draft.config.list_roles = roles.to_vec();
            Ok(())
        },
    ),
};
