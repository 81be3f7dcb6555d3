//! Bridges and links: their kinds, their settings, the secrets that they name.

use super::Finding;
use crate::config::{Bridge, Config, ConfigError};
use rialto_bridges::{KINDS, Kind, Opening};

/// One finding for each bridge, and one for all links.
pub(super) fn look(config: &Config) -> Vec<Finding> {
    let mut findings: Vec<Finding> =
        config.bridges.iter().map(|(name, bridge)| finding(config, name, bridge)).collect();
    if !config.links.is_empty() {
        findings.push(Finding::ok("links", format!("{} in the configuration", config.links.len())));
    }
    findings
}

/// The first mistake in a bridge's section: a server with one does not start.
pub(in crate::cli) fn first_mistake(config: &Config) -> Option<ConfigError> {
    config.bridges.iter().find_map(|(name, bridge)| sound(config, name, bridge).err())
}

fn finding(config: &Config, name: &str, bridge: &Bridge) -> Finding {
    let about = format!("bridge {name}");
    match sound(config, name, bridge) {
        Ok(kind) => Finding::ok(&about, format!("{}, its rooms are on {}", kind.name, bridge.domain)),
        Err(why) => {
            Finding::error(&about, why.to_string(), "mend this section; config/README.md lists its keys")
        }
    }
}

fn sound(config: &Config, name: &str, bridge: &Bridge) -> Result<&'static Kind, ConfigError> {
    let Some(kind) = rialto_bridges::kind(&bridge.kind) else {
        let known: Vec<String> = KINDS.iter().map(|kind| format!("\"{}\"", kind.name)).collect();
        let text = format!("`kind` must be one of {}, not \"{}\"", known.join(", "), bridge.kind);
        return Err(config.mistake(&["bridge", name, "kind"], text));
    };
    let opening = Opening {
        name: name.to_owned(),
        settings: bridge.settings.clone(),
        folder: config.origin.folder.clone(),
        kept: Default::default(),
    };
    (kind.check)(&opening).map_err(|why| {
        let mut path = vec!["bridge", name];
        path.extend(why.key.iter().flat_map(|key| key.split('.')));
        let about = why.key.as_ref().map(|key| format!("`{key}`: ")).unwrap_or_default();
        config.mistake(&path, format!("{about}{}", why.text))
    })?;
    Ok(kind)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MANUAL: &str = include_str!("../../../../config/README.md");

    /// A section for the first kind there is.
    fn config(kind: &str, more: &str) -> Config {
        Config::parse(&format!("[bridge.far]\nkind = \"{kind}\"\n{more}")).unwrap()
    }

    #[test]
    fn a_mistake_in_a_bridge_has_its_line() {
        let known: Vec<String> = KINDS.iter().map(|kind| format!("\"{}\"", kind.name)).collect();
        assert_eq!(
            first_mistake(&config("telegraph", "")).unwrap().to_string(),
            format!(
                "config line 2, [bridge.far]: `kind` must be one of {}, not \"telegraph\"",
                known.join(", ")
            )
        );
        let Some(kind) = KINDS.first() else { return };
        let wrong = first_mistake(&config(kind.name, "zzzzzzzzzzzz = 1\n")).unwrap().to_string();
        assert!(wrong.starts_with("config line 3, [bridge.far]: `zzzzzzzzzzzz`: "), "{wrong}");
    }

    #[test]
    fn the_manual_names_every_key_of_every_kind() {
        for kind in KINDS {
            let (_, section) = MANUAL.split_once(&format!("### kind = \"{}\"", kind.name)).unwrap();
            let section = section.split_once("\n## ").map_or(section, |(section, _)| section);
            for key in kind.keys {
                assert!(section.contains(&format!("`{key}`")), "{} {key} is not in the manual", kind.name);
            }
        }
    }

    #[test]
    fn the_examples_are_sound_but_for_their_secrets() {
        for example in ["family.toml", "community.toml"] {
            let file = format!("{}/../config/{example}", env!("CARGO_MANIFEST_DIR"));
            let mut config = Config::load(file.as_ref()).unwrap();
            let folder = tempfile::tempdir().unwrap();
            config.origin.folder = folder.path().into();
            let settings = config.bridges.values().flat_map(|bridge| &bridge.settings);
            for (_, secret) in settings.filter(|(key, _)| key.ends_with("_file")) {
                std::fs::write(folder.path().join(secret.as_str().unwrap()), "sesame").unwrap();
            }
            assert_eq!(first_mistake(&config), None, "{example}");
        }
    }
}
