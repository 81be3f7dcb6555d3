//! `members_by_default`: whether everybody has voice in a moderated room until it is taken away.

use super::{Field, Value};

/// The option.
pub const FIELD: Field = Field {
    var: "members_by_default",
    aliases: &[],
    label: "In a moderated room, everybody may speak until a moderator says otherwise",
    value: Value::Flag(|config| config.voice_by_default, |draft, on| draft.config.voice_by_default = on),
};
