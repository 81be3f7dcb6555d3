//! Where the world finds what this server serves over HTTP.

use std::sync::{Arc, OnceLock};

/// A base such as `https://chat.example.org:5443`, without a slash at its end. Clones share it; it is known once the
/// ports are, or as soon as an operator has said it.
#[derive(Clone, Debug, Default)]
pub struct PublicUrl(Arc<OnceLock<String>>);

impl PublicUrl {
    /// What the operator chose; an empty text leaves it to [`PublicUrl::settle`].
    pub fn chosen(url: &str) -> PublicUrl {
        let chosen = PublicUrl::default();
        if !url.is_empty() {
            chosen.settle(url);
        }
        chosen
    }

    /// Says what it is, unless that is known already.
    pub fn settle(&self, url: &str) {
        let _ = self.0.set(url.trim_end_matches('/').to_owned());
    }

    /// The base; `None` where nothing is served over HTTP.
    pub fn base(&self) -> Option<&str> {
        self.0.get().map(String::as_str)
    }

    /// The address of a path, which begins with a slash.
    pub fn at(&self, path: &str) -> Option<String> {
        self.base().map(|base| format!("{base}{path}"))
    }

    /// The same for a WebSocket: `wss:` for `https:`.
    pub fn web_socket_at(&self, path: &str) -> Option<String> {
        let (scheme, rest) = self.base()?.split_once("://")?;
        let scheme = if scheme == "https" { "wss" } else { "ws" };
        Some(format!("{scheme}://{rest}{path}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_operator_chose_stays() {
        let url = PublicUrl::chosen("https://chat.example.org/");
        url.settle("https://localhost:5443");
        assert_eq!(url.at("/x").as_deref(), Some("https://chat.example.org/x"));
        assert_eq!(url.web_socket_at("/x").as_deref(), Some("wss://chat.example.org/x"));
    }

    #[test]
    fn without_a_choice_the_ports_decide() {
        let url = PublicUrl::chosen("");
        assert_eq!(url.at("/x"), None);
        url.clone().settle("http://localhost:5280");
        assert_eq!(url.web_socket_at("/").as_deref(), Some("ws://localhost:5280/"));
    }
}
