//! `muc#roomconfig_persistentroom`: whether the room stays when everybody has left.

use super::{Field, Value};

/// The option.
pub const FIELD: Field = Field {
    var: "muc#roomconfig_persistentroom",
    aliases: &[],
    label: "Stays when everybody has left",
    value: Value::Flag(|config| config.persistent, |draft, on| draft.config.persistent = on),
};
