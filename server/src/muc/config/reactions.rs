//! XEP-0444 §2.2: which reactions the room takes. The specification leaves the names of the options to us.

use super::{Field, Value, line};

/// Reactions in the list at most.
const MOST: usize = 100;
/// Bytes of one: what is drawn as one picture may have many characters.
const BYTES: usize = 64;

/// How many one person may give to one message.
pub const COUNT: Field = Field {
    var: "{urn:xmpp:reactions:0}max_reactions_per_user",
    aliases: &[],
    label: "Reactions of one person to one message at most (0: any number)",
    value: Value::Number(100, |config| config.max_reactions, |draft, most| draft.config.max_reactions = most),
};

/// Which.
pub const LIST: Field = Field {
    var: "{urn:xmpp:reactions:0}allowlist",
    aliases: &[],
    label: "Reactions that the room takes (none: all of them)",
    value: Value::Lines(
        |config| config.reactions.clone(),
        |draft, lines, _| {
            let lines = lines.iter().filter(|text| !text.trim().is_empty());
            let list: Vec<String> = lines.map(|text| line(text, BYTES)).collect::<Result<_, _>>()?;
            if list.len() > MOST {
                return Err("are too many".into());
            }
            draft.config.reactions = list;
            Ok(())
        },
    ),
};
