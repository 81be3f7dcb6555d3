//! `muc#roomconfig_passwordprotectedroom`, `muc#roomconfig_roomsecret`: what one must know to enter.

use super::{Draft, Field, Value};

/// Whether there is a password.
pub const PROTECTED: Field = Field {
    var: "muc#roomconfig_passwordprotectedroom",
    aliases: &[],
    label: "A password is needed to enter",
    value: Value::Flag(|config| config.password.is_some(), |draft, on| draft.protected = Some(on)),
};

/// The password.
pub const SECRET: Field = Field {
    var: "muc#roomconfig_roomsecret",
    aliases: &[],
    label: "Password",
    value: Value::Text(
        "text-private",
        |config| config.password.clone().unwrap_or_default(),
        |draft, secret, limits| {
            if secret.len() > limits.password {
                return Err(format!("has more than {} bytes", limits.password));
            }
            draft.secret = Some(secret.to_owned());
            Ok(())
        },
    ),
};

/// §10.1.3: both together. A room that shall be protected needs a password.
pub fn settle(draft: &mut Draft) -> Result<(), String> {
    let given = draft.secret.take();
    let before = draft.config.password.take();
    draft.config.password = match draft.protected {
        Some(false) => None,
        Some(true) => {
            let secret = given.or(before).filter(|secret| !secret.is_empty());
            Some(secret.ok_or("Password: must not be empty where a password is needed")?)
        }
        None => given.or(before).filter(|secret| !secret.is_empty()),
    };
    Ok(())
}
