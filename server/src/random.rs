//! Unguessable names, from the operating system's randomness.

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;

/// Random bytes. Should the operating system have none, the process cannot be trusted with anything and ends.
pub fn bytes<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    if let Err(error) = getrandom::fill(&mut bytes) {
        tracing::error!(%error, "the operating system gives no random bytes");
        std::process::abort();
    }
    bytes
}

/// 120 random bits as 20 characters that need no escaping anywhere.
pub fn token() -> String {
    BASE64_URL_SAFE_NO_PAD.encode(bytes::<15>())
}
