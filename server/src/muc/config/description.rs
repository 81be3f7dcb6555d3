//! `muc#roomconfig_roomdesc`: what the room is for.

use super::{Field, Value, line};

/// The option.
pub const FIELD: Field = Field {
    var: "muc#roomconfig_roomdesc",
    aliases: &[],
    label: "Description",
    value: Value::Text(
        "text-single",
        |config| config.description.clone(),
        |draft, text, limits| {
            draft.config.description = line(text, limits.description)?;
            Ok(())
        },
    ),
};
