//! What a server says when it does not do what we ask (Modern IRC, "Numerics"), as errors with plain words.

use crate::network::NetworkError;
use std::time::Duration;

/// How a connection ends.
#[derive(Debug, Clone, PartialEq)]
pub enum End {
    /// It may work again, though not before this time.
    Lost {
        /// What happened.
        error: NetworkError,
        /// The least wait.
        wait: Duration,
    },
    /// The server wants TLS, at this port (IRCv3 sts).
    Secure(u16),
    /// The network will not have us. The text is for the operator.
    Refused(String),
}

impl End {
    /// The link broke.
    pub fn down(text: impl Into<String>) -> Self {
        End::Lost { error: NetworkError::Down(text.into()), wait: Duration::ZERO }
    }
}

/// Why we may not enter a channel; `None` for numerics that do not say so.
pub fn of_join(numeric: &str, channel: &str, said: &str) -> Option<NetworkError> {
    let with = |what: &str| format!("{channel}: {what} ({said})");
    Some(match numeric {
        "403" | "476" | "479" => NetworkError::NotFound(with("there is no such channel")),
        "405" | "407" => NetworkError::Forbidden(with("we are in too many channels")),
        "437" => NetworkError::Down(with("the channel cannot be had at the moment")),
        "470" => NetworkError::Forbidden(with("the channel sends us elsewhere; link that channel instead")),
        "471" => NetworkError::Forbidden(with("the channel is full")),
        "473" => {
            NetworkError::Forbidden(with("only the invited may enter; ask its operators for an exception"))
        }
        "474" => NetworkError::Forbidden(with("we are banned; ask its operators")),
        "475" => NetworkError::Unauthorized(with("the channel has a key; say it in `keys`")),
        "477" => NetworkError::Unauthorized(with("only registered nicks may enter; set up `sasl`")),
        "480" => NetworkError::Slow(Duration::from_secs(30)),
        "489" => NetworkError::Forbidden(with("only those with TLS may enter")),
        "520" => NetworkError::Forbidden(with("only the network's staff may enter")),
        _ => return None,
    })
}

/// Is this numeric about something that we did in a channel we are in?
pub fn is_of_act(numeric: &str) -> bool {
    matches!(numeric, "404" | "408" | "415" | "442" | "482" | "531")
}

/// Do these words mean that too many of us are there?
pub fn is_crowd(text: &str) -> bool {
    let said = text.to_ascii_lowercase();
    ["too many", "throttl", "too fast", "clones", "limit exceeded", "try again later"]
        .iter()
        .any(|word| said.contains(word))
}

/// What an ERROR line means: it is the last thing a server says.
pub fn of_error(text: &str) -> End {
    let said = text.to_ascii_lowercase();
    let has = |words: &[&str]| words.iter().any(|word| said.contains(word));
    if is_crowd(text) {
        return End::Lost { error: NetworkError::Down(text.into()), wait: Duration::from_secs(60) };
    }
    if has(&[
        "-line",
        "kline",
        "gline",
        "zline",
        "dline",
        "akill",
        "banned",
        "not welcome",
        "bad password",
        "not authorized",
    ]) {
        return End::Refused(text.into());
    }
    End::down(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ban_is_a_refusal_and_a_crowd_is_a_long_wait() {
        for ban in [
            "Closing Link: x (K-lined)",
            "Closing link: (a@b) [G-Lined: spam]",
            "You are banned from this server",
            "Bad password?",
        ] {
            assert_eq!(of_error(ban), End::Refused(ban.into()));
        }
        for crowd in [
            "Trying to reconnect too fast",
            "Too many connections from your IP",
            "throttled: K-line not meant",
        ] {
            assert!(matches!(of_error(crowd), End::Lost { wait, .. } if wait.as_secs() == 60), "{crowd}");
        }
        assert_eq!(of_error("Ping timeout"), End::down("Ping timeout"));
    }

    #[test]
    fn each_refusal_to_let_us_in_says_what_to_do() {
        let error = |numeric| of_join(numeric, "#lounge", "sorry").unwrap().to_string();
        assert!(error("475").ends_with("#lounge: the channel has a key; say it in `keys` (sorry)"));
        for numeric in
            ["403", "405", "437", "470", "471", "473", "474", "475", "476", "477", "479", "480", "489", "520"]
        {
            assert!(of_join(numeric, "#lounge", "sorry").is_some());
        }
        assert_eq!(of_join("366", "#lounge", ""), None);
    }
}
