//! XEP-0500 §4.1, `muc#roomconfig_slow_mode_duration`: seconds between two messages of one person.

use super::{Field, Value};

/// The option.
pub const FIELD: Field = Field {
    var: "muc#roomconfig_slow_mode_duration",
    aliases: &[],
    label: "Slow mode: seconds between two messages of one person (0: none)",
    value: Value::Number(
        86_400,
        |config| config.slow_mode,
        |draft, seconds| draft.config.slow_mode = seconds,
    ),
};
