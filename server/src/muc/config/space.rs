//! XEP-0503 §5.5: the space that the room is part of, a publish-subscribe node.

use super::{Field, Value, line};

/// The option. The specification names the field of disco alone.
pub const FIELD: Field = Field {
    var: "{urn:xmpp:spaces:0}parent",
    aliases: &[],
    label: "Space that the room is part of (xmpp:…?;node=…)",
    value: Value::Text(
        "text-single",
        |config| config.space.clone(),
        |draft, text, _| {
            let uri = line(text, 1_024)?;
            let of_a_node = uri.starts_with("xmpp:") && uri.contains(";node=");
            if !uri.is_empty() && !of_a_node {
                return Err("must be the address of a node, like xmpp:pubsub.example.org?;node=verona".into());
            }
            draft.config.space = uri;
            Ok(())
        },
    ),
};
