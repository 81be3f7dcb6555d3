//! `muc#roomconfig_publicroom`: whether the room is in the list of rooms.

use super::{Field, Value};

/// The option.
pub const FIELD: Field = Field {
    var: "muc#roomconfig_publicroom",
    aliases: &["public_list"],
    label: "Is found in the list of rooms",
    value: Value::Flag(|config| config.public, |draft, on| draft.config.public = on),
};
