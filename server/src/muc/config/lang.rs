//! `muc#roomconfig_lang`: the language spoken there.

use super::{Field, Value, line};

/// The option.
pub const FIELD: Field = Field {
    var: "muc#roomconfig_lang",
    aliases: &[],
    label: "Language (en, de, …)",
    value: Value::Text(
        "text-single",
        |config| config.lang.clone(),
        |draft, text, _| {
            draft.config.lang = line(text, 64)?;
            Ok(())
        },
    ),
};
