//! `muc#roomconfig_maxusers`: how many occupants there may be.

use super::{Field, Value};

/// The option.
pub const FIELD: Field = Field {
    var: "muc#roomconfig_maxusers",
    aliases: &[],
    label: "Occupants at most",
    value: Value::Text(
        "text-single",
        |config| config.max_users.map_or_else(|| "none".to_owned(), |most| most.to_string()),
        |draft, text, limits| {
            draft.config.max_users = match text.trim() {
                "" | "none" | "0" => None,
                number => {
                    let most: usize = number.parse().map_err(|_| "must be a number or none")?;
                    Some(most.min(limits.occupants))
                }
            };
            Ok(())
        },
    ),
};
