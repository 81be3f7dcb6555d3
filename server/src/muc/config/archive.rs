//! `muc#roomconfig_enablearchiving`: whether what is said is kept (XEP-0313).

use super::{Field, Value};

/// The option.
pub const FIELD: Field = Field {
    var: "muc#roomconfig_enablearchiving",
    aliases: &["mam", "muc#roomconfig_mam", "muc#roomconfig_enablelogging"],
    label: "Keep what is said",
    value: Value::Flag(|config| config.archive, |draft, on| draft.config.archive = on),
};
