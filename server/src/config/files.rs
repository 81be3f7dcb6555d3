//! Sections `[bridge.<name>.files]`: files of another network that are kept here, and pictures of our people for it.

use super::value;
use serde::Deserialize;
use std::time::Duration;

/// `[bridge.<name>.files]`. Holds for files to come when it is reloaded.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Files {
    /// Bytes of one file from there; words stand for larger ones.
    #[serde(deserialize_with = "value::bytes")]
    pub max_size: usize,
    /// Bytes of all files from there; the oldest go first.
    #[serde(deserialize_with = "value::bytes")]
    pub total: usize,
    /// How long a message waits for its files.
    #[serde(deserialize_with = "value::duration")]
    pub deadline: Duration,
    /// People there see the pictures of our people, where everybody may see them.
    pub avatars: bool,
}

impl Default for Files {
    fn default() -> Self {
        Files { max_size: 25 << 20, total: 2 << 30, deadline: Duration::from_secs(20), avatars: true }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Bridge;

    #[test]
    fn a_bridge_says_what_holds_for_files() {
        let bridge = |text: &str| toml::from_str::<Bridge>(&format!("kind = 'far'\nnick = 'a'\n{text}"));
        assert_eq!(bridge("").unwrap().files, Files::default());
        let some = bridge("[files]\nmax_size = '1 MiB'\navatars = false\n").unwrap();
        assert_eq!((some.files.max_size, some.files.avatars), (1 << 20, false));
        assert!(!some.settings.contains_key("files") && some.settings.contains_key("nick"));
        let error = bridge("[files]\nmaxsize = '1 MiB'\n").unwrap_err().to_string();
        assert!(error.contains("files") && error.contains("maxsize"), "{error}");
        assert!(bridge("files = 5").is_err());
    }
}
