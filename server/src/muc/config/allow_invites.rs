//! `muc#roomconfig_allowinvites`: whether members may invite others to a members-only room.

use super::{Field, Value};

/// The option.
pub const FIELD: Field = Field {
    var: "muc#roomconfig_allowinvites",
    aliases: &["{http://prosody.im/protocol/muc}roomconfig_allowmemberinvites"],
    label: "Members may invite others",
    value: Value::Flag(|config| config.allow_invites, |draft, on| draft.config.allow_invites = on),
};
