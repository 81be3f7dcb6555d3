//! `muc#roomconfig_moderatedroom`: whether only those with voice speak.

use super::{Field, Value};

/// The option.
pub const FIELD: Field = Field {
    var: "muc#roomconfig_moderatedroom",
    aliases: &[],
    label: "Only those with voice may speak",
    value: Value::Flag(|config| config.moderated, |draft, on| draft.config.moderated = on),
};
