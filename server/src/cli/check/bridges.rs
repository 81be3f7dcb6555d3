//! Bridges and links: their kinds, their settings, the secrets that they name.

use super::Finding;
use crate::config::{Bridge, Config};
use rialto_bridges::{KINDS, Opening};

/// One finding for each bridge, and one for all links.
pub(super) fn look(config: &Config) -> Vec<Finding> {
    let mut findings: Vec<Finding> =
        config.bridges.iter().map(|(name, bridge)| one(config, name, bridge)).collect();
    if !config.links.is_empty() {
        findings.push(Finding::ok("links", format!("{} in the configuration", config.links.len())));
    }
    findings
}

fn one(config: &Config, name: &str, bridge: &Bridge) -> Finding {
    let about = format!("bridge {name}");
    let Some(kind) = rialto_bridges::kind(&bridge.kind) else {
        let known: Vec<&str> = KINDS.iter().map(|kind| kind.name).collect();
        let text = format!("no network is called \"{}\"", bridge.kind);
        let says = config.mistake(&["bridge", name, "kind"], text).to_string();
        return Finding::error(&about, says, format!("write one of: {}", known.join(", ")));
    };
    let opening = Opening {
        name: name.to_owned(),
        settings: bridge.settings.clone(),
        folder: config.origin.folder.clone(),
    };
    match (kind.check)(&opening) {
        Ok(()) => Finding::ok(&about, format!("{}, its rooms are on {}", kind.name, bridge.domain)),
        Err(why) => {
            let mut path = vec!["bridge", name];
            path.extend(why.key.iter().flat_map(|key| key.split('.')));
            let says = config.mistake(&path, why.to_string()).to_string();
            Finding::error(&about, says, "mend this section; config/README.md lists its keys")
        }
    }
}
