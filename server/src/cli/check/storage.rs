//! The data folder and the store in it.

use super::Finding;
use crate::cli::belongs_to_another;
use crate::config::Config;
use rialto_store::{EngineKind, Store};
use std::os::unix::fs::PermissionsExt;

/// Folder and store; a running server's store is left to it.
pub(super) fn look(config: &Config, runs: bool) -> Vec<Finding> {
    let mut findings = Vec::new();
    let data = &config.data;
    match std::fs::metadata(data) {
        Ok(found) if !found.is_dir() => {
            let says = format!("{} is no folder", data.display());
            findings.push(Finding::error("data", says, "move it away, or name another folder in `data`"));
        }
        Ok(found) if found.permissions().mode() & 0o007 != 0 => {
            let says = format!("everybody on this machine can look into {}", data.display());
            findings.push(Finding::warn("data", says, format!("chmod o= {}", data.display())));
        }
        Ok(_) => findings.push(Finding::ok("data", format!("in {}", data.display()))),
        Err(why) if why.kind() == std::io::ErrorKind::NotFound => {
            findings.push(Finding::ok("data", format!("{} is made at the first start", data.display())));
        }
        Err(why) => {
            let says = format!("{} cannot be looked at: {why}", data.display());
            findings.push(Finding::error("data", says, "give it to the user that Rialto runs as"));
        }
    }
    findings.push(store(config, runs));
    findings
}

fn store(config: &Config, runs: bool) -> Finding {
    let settings = config.store.settings();
    if config.store.engine == EngineKind::Memory {
        let todo = "set [store] engine = \"sled\" to keep it";
        return Finding::warn("store", "in memory: nothing outlives the server", todo);
    }
    if runs {
        return Finding::ok("store", "the running server has it");
    }
    if !settings.path.exists() {
        return Finding::ok("store", format!("{} is made at the first start", settings.path.display()));
    }
    if belongs_to_another(&config.data) {
        let todo = "check as that user to have it opened: `sudo -u rialto …`";
        return Finding::warn("store", "was not looked into: it belongs to another user", todo);
    }
    match Store::open(&settings) {
        Ok(_) => {
            Finding::ok("store", format!("{} ({}) opens", settings.path.display(), settings.engine.name()))
        }
        Err(why) => {
            let text = why.to_string();
            let (says, todo) = text.split_once(": ").unwrap_or((&text, "see config/README.md"));
            Finding::error("store", says, todo)
        }
    }
}
