//! `muc#roomconfig_whois`: who sees real JIDs.

use super::{Field, Value};

/// The option.
pub const FIELD: Field = Field {
    var: "muc#roomconfig_whois",
    aliases: &[],
    label: "Who sees real addresses",
    value: Value::Choice(
        &[("Moderators", "moderators"), ("Everybody", "anyone")],
        |config| if config.whois_anyone { "anyone" } else { "moderators" }.to_owned(),
        |draft, choice, _| {
            draft.config.whois_anyone = match choice {
                "anyone" => true,
                "moderators" => false,
                _ => return Err("is none of the choices".into()),
            };
            Ok(())
        },
    ),
};
