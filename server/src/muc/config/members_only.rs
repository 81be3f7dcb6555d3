//! `muc#roomconfig_membersonly`: whether only members enter.

use super::{Field, Value};

/// The option.
pub const FIELD: Field = Field {
    var: "muc#roomconfig_membersonly",
    aliases: &[],
    label: "Only members may enter",
    value: Value::Flag(|config| config.members_only, |draft, on| draft.config.members_only = on),
};
