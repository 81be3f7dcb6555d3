//! What can go wrong at the door.

use std::time::Duration;

/// Why a network did not do what it was asked. The texts are plain and safe to show.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NetworkError {
    /// It wants a password or an account first.
    #[error("the network wants a password or an account: {0}")]
    Unauthorized(String),
    /// It does not let us.
    #[error("the network does not allow it: {0}")]
    Forbidden(String),
    /// There is no such room, person or message, or the name cannot be one.
    #[error("not found there: {0}")]
    NotFound(String),
    /// Too much for one message, even cut.
    #[error("too long for the network")]
    TooLarge,
    /// It never claimed to be able to do this.
    #[error("the network cannot do this: {0}")]
    Unsupported(&'static str),
    /// Too much waits already. Nothing was sent; try again after this time.
    #[error("the network is slow; try again in {} s", .0.as_secs().max(1))]
    Slow(Duration),
    /// The answer was lost: it may have been done, or not. `Network::sent` tells, where the network can.
    #[error("it is not known whether it arrived: {0}")]
    Unsure(String),
    /// The link is down. Nothing was sent.
    #[error("the link to the network is down: {0}")]
    Down(String),
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::network::SettingsError;

    #[test]
    fn errors_say_what_to_do_next() {
        let slow = NetworkError::Slow(Duration::from_millis(200));
        assert_eq!(slow.to_string(), "the network is slow; try again in 1 s");
        assert_eq!(SettingsError::new("port", "is 0").to_string(), "port: is 0");
    }
}
