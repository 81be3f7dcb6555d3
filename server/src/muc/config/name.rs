//! `muc#roomconfig_roomname`: what the room is called.

use super::{Field, Value, line};

/// The option.
pub const FIELD: Field = Field {
    var: "muc#roomconfig_roomname",
    aliases: &[],
    label: "Name",
    value: Value::Text(
        "text-single",
        |config| config.name.clone(),
        |draft, text, limits| {
            draft.config.name = line(text, limits.name)?;
            Ok(())
        },
    ),
};
