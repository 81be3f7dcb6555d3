//! `[[component]]`: programs of others that answer for a domain of ours (XEP-0114).

use super::{Config, ConfigError, value};
use serde::Deserialize;
use std::path::{Path, PathBuf};

/// `[[component]]`: a program that may connect and answer for a domain. Needs a restart.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Component {
    /// The domain for which it answers.
    #[serde(deserialize_with = "value::domain")]
    pub domain: String,
    /// What people see in the list of services; without the key, the domain.
    #[serde(default)]
    pub name: String,
    /// The file that holds what it proves itself with.
    pub secret_file: Option<PathBuf>,
    /// The variable of the environment that does.
    pub secret_env: Option<String>,
}

impl Component {
    /// The secret, with the white space around it gone.
    ///
    /// # Errors
    /// A sentence for the operator.
    pub fn secret(&self, folder: &Path) -> Result<String, String> {
        let place = self.place();
        let read = match (&self.secret_file, &self.secret_env) {
            (Some(file), _) => {
                std::fs::read_to_string(folder.join(file)).map_err(|error| format!("{place}: {error}"))?
            }
            (None, Some(name)) => {
                std::env::var(name).map_err(|_| format!("{place} is not set in the environment"))?
            }
            (None, None) => String::new(),
        };
        match read.trim() {
            "" => Err(format!(
                "{place} is empty: write a long random word into it, and give it to the component"
            )),
            secret => Ok(secret.to_owned()),
        }
    }

    fn place(&self) -> String {
        match (&self.secret_file, &self.secret_env) {
            (Some(file), _) => format!("the secret of component {} in {}", self.domain, file.display()),
            (None, name) => {
                format!("{} (the secret of component {})", name.as_deref().unwrap_or("?"), self.domain)
            }
        }
    }
}

/// What no section can see alone: one secret for each component, one component for each domain.
///
/// # Errors
/// [`ConfigError`]
pub(super) fn check(config: &Config) -> Result<(), ConfigError> {
    let own = [&config.rooms.domain, &config.upload.domain, &config.proxy.domain, &config.pubsub.domain];
    let bridges = config.bridges.values().map(|bridge| &bridge.domain);
    let mut taken: Vec<&String> = own.into_iter().chain(&config.domains).chain(bridges).collect();
    for component in &config.components {
        if component.secret_file.is_some() == component.secret_env.is_some() {
            let text = format!("component {} needs one of `secret_file` and `secret_env`", component.domain);
            return Err(config.mistake(&["component", "domain"], text));
        }
        if taken.contains(&&component.domain) {
            let text = format!("`domain` is {}, which is taken; a component needs its own", component.domain);
            return Err(config.mistake(&["component", "domain"], text));
        }
        taken.push(&component.domain);
    }
    Ok(())
}
