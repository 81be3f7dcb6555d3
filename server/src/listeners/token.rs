//! Unguessable names: stream ids, made resources, keys of sessions.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// `N` random bytes of the operating system as text (letters, digits, `-` and `_`).
pub fn token<const N: usize>() -> String {
    let mut random = [0; N];
    if getrandom::fill(&mut random).is_err() {
        // Going on with what can be guessed would be worse.
        panic!("the operating system gives no random bytes"); // holds: it gave some for every TLS handshake so far
    }
    URL_SAFE_NO_PAD.encode(random)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_has_no_second() {
        assert_ne!(token::<15>(), token::<15>());
        assert_eq!(token::<15>().len(), 20);
    }
}
