//! `rialto import`: accounts out of a file (XEP-0227), while the server does not run.

use super::{Exit, Sorry, open_store, show};
use crate::admin::{self, AskError, Command};
use crate::config::Config;
use crate::import::{self, Report, Wanted};
use rialto_store::EngineKind;
use std::path::Path;

/// Imports, and tells of each account.
pub(super) fn run(config: &Config, file: &Path, dry: bool, overwrite: bool) -> Result<Exit, Sorry> {
    if config.store.engine == EngineKind::Memory {
        return Err(Sorry::failed(
            "the store is in memory and keeps nothing: choose another `[store] engine`",
        ));
    }
    if !matches!(admin::ask(&config.admin_socket(), Command::Status), Err(AskError::NotRunning(_))) {
        return Err(Sorry::failed("the server runs: `rialto stop` it, import, and start it again"));
    }
    let store = open_store(config)?;
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(Sorry::failed)?;
    let (mut done, mut left) = (0_u64, 0_u64);
    let mut tell = |report: Report| {
        if report.done {
            done += 1
        } else {
            left += 1
        }
        told(&report).iter().for_each(|line| say!("{}", show::harmless(line)));
    };
    let wanted = Wanted { domains: &config.domains, dry, overwrite };
    let imported = runtime.block_on(async {
        let imported = import::run(&store, file, wanted, &mut tell).await;
        store.close().await;
        imported
    });
    let would = if dry { " would be" } else { "" };
    say!("{done} accounts{would} imported, {left} left out");
    imported.map_err(Sorry::failed)?;
    Ok(if left == 0 { Exit::Done } else { Exit::Failed })
}

fn told(report: &Report) -> Vec<String> {
    let has: Vec<String> = report.has.iter().map(|(what, count)| format!("{count} {what}")).collect();
    let has = if has.is_empty() { "nothing but its name".to_owned() } else { has.join(", ") };
    let state = if report.done { has } else { "left out".to_owned() };
    let mut lines = vec![format!("{}: {state}", report.address)];
    lines.extend(report.approximated.iter().map(|what| format!("  not quite as it was: {what}")));
    lines.extend(report.left_out.iter().map(|what| format!("  left out: {what}")));
    lines
}
