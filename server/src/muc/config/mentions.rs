//! XEP-0513 §4.6: who may mention whom. The same fields stand in the form of that specification.

use super::{Draft, Field, Value};
use crate::muc::mentions::{Mentions, Who};

/// All of them.
pub const FIELDS: &[Field] = &[COUNT, INDIVIDUAL, CHANNEL, ASSOCIATIONS, HATS];

const COUNT: Field = Field {
    var: "mentions#count",
    aliases: &[],
    label: "Mentions in one message at most",
    value: Value::Number(
        1_000,
        |config| config.mentions.count,
        |draft, most| draft.config.mentions.count = most,
    ),
};

const INDIVIDUAL: Field = Field {
    var: "mentions#individual",
    aliases: &[],
    label: "Who may mention one person",
    value: Value::Choice(
        Who::CHOICES,
        |config| config.mentions.individual.as_str().to_owned(),
        |draft, word, _| set(draft, word, |mentions| &mut mentions.individual),
    ),
};

const CHANNEL: Field = Field {
    var: "mentions#channel",
    aliases: &[],
    label: "Who may mention everybody in the room",
    value: Value::Choice(
        Who::CHOICES,
        |config| config.mentions.channel.as_str().to_owned(),
        |draft, word, _| set(draft, word, |mentions| &mut mentions.channel),
    ),
};

const ASSOCIATIONS: Field = Field {
    var: "mentions#associations",
    aliases: &[],
    label: "Who may mention all of a role or an affiliation",
    value: Value::Choice(
        Who::CHOICES,
        |config| config.mentions.associations.as_str().to_owned(),
        |draft, word, _| set(draft, word, |mentions| &mut mentions.associations),
    ),
};

const HATS: Field = Field {
    var: "mentions#hats",
    aliases: &[],
    label: "Who may mention all who wear a hat",
    value: Value::Choice(
        Who::CHOICES,
        |config| config.mentions.hats.as_str().to_owned(),
        |draft, word, _| set(draft, word, |mentions| &mut mentions.hats),
    ),
};

fn set(draft: &mut Draft, word: &str, which: fn(&mut Mentions) -> &mut Who) -> Result<(), String> {
    *which(&mut draft.config.mentions) = Who::parse(word).ok_or("is none of the choices")?;
    Ok(())
}
