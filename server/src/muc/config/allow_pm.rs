//! `muc#roomconfig_allowpm`: who sends private messages.

use super::{Field, Value};
use crate::muc::whisper::Whispers;

/// The option. A client that knows only yes and no is understood.
pub const FIELD: Field = Field {
    var: "muc#roomconfig_allowpm",
    aliases: &["allow_private_messages", "allowpm"],
    label: "Who may send private messages",
    value: Value::Choice(
        &[
            ("Everybody", "anyone"),
            ("Those with voice", "participants"),
            ("Moderators", "moderators"),
            ("Nobody", "none"),
        ],
        |config| config.private_messages.as_str().to_owned(),
        |draft, choice, _| {
            draft.config.private_messages = match choice {
                "participants" => Whispers::Participants,
                "moderators" => Whispers::Moderators,
                "none" | "0" | "false" => Whispers::None,
                "anyone" | "1" | "true" => Whispers::Anyone,
                _ => return Err("is none of the choices".into()),
            };
            Ok(())
        },
    ),
};

impl Whispers {
    /// The word in the form.
    pub fn as_str(self) -> &'static str {
        match self {
            Whispers::Anyone => "anyone",
            Whispers::Participants => "participants",
            Whispers::Moderators => "moderators",
            Whispers::None => "none",
        }
    }
}
