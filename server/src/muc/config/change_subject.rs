//! `muc#roomconfig_changesubject`: whether not only moderators change the subject.

use super::{Field, Value};

/// The option.
pub const FIELD: Field = Field {
    var: "muc#roomconfig_changesubject",
    aliases: &[],
    label: "Occupants may change the subject",
    value: Value::Flag(|config| config.change_subject, |draft, on| draft.config.change_subject = on),
};
