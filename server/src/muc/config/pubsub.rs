//! `muc#roomconfig_pubsub`: a publish-subscribe node that goes with the room.

use super::{Field, Value, line};

/// The option.
pub const FIELD: Field = Field {
    var: "muc#roomconfig_pubsub",
    aliases: &[],
    label: "Publish-subscribe node",
    value: Value::Text(
        "text-single",
        |config| config.pubsub.clone(),
        |draft, text, _| {
            draft.config.pubsub = line(text, 1_024)?;
            Ok(())
        },
    ),
};
