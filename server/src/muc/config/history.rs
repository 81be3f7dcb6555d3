//! `muc#maxhistoryfetch`: how many messages are told to those who enter.

use super::{Field, Value};

/// The option.
pub const FIELD: Field = Field {
    var: "muc#maxhistoryfetch",
    aliases: &["muc#roomconfig_historylength"],
    label: "Messages told to those who enter",
    value: Value::Text(
        "text-single",
        |config| config.history.to_string(),
        |draft, text, limits| {
            let most: usize = text.trim().parse().map_err(|_| "must be a number")?;
            draft.config.history = most.min(limits.history);
            Ok(())
        },
    ),
};
