//! `rialto store`: copies everything into another engine.

use super::args::Store;
use super::{Exit, Sorry, open_store};
use crate::config::Config;
use rialto_store::migrate::{Progress, migrate};
use rialto_store::{EngineKind, Settings};
use std::io::{IsTerminal, Write};
use std::path::PathBuf;

/// Carries out a command about the store.
pub(super) fn run(config: &Config, command: Store) -> Result<Exit, Sorry> {
    let Store::Migrate { to, path } = command;
    let from = config.store.settings();
    let engine = [EngineKind::Sled, EngineKind::Redb].into_iter().find(|kind| kind.name() == to);
    let engine = engine
        .ok_or_else(|| Sorry::usage(format!("\"{to}\" is no engine to move to: write sled or redb")))?;
    if from.engine == EngineKind::Memory {
        return Err(Sorry::failed("the store is in memory: there is nothing to move"));
    }
    if engine == from.engine {
        return Err(Sorry::failed(format!("the store is in {to} already")));
    }
    if !from.path.exists() {
        return Err(Sorry::failed(format!("there is no store in {}", from.path.display())));
    }
    let path = path.unwrap_or_else(|| beside(&from.path, engine));
    if path.exists() {
        return Err(Sorry::failed(format!(
            "{} is there already: move it away, or name another --path",
            path.display()
        )));
    }
    let target = Settings { engine, path, ..from.clone() };
    copy(config, &target)?;
    say!("Everything is in {} now; {} stays as it was.", target.path.display(), from.path.display());
    say!("Write into the configuration, and start again:\n\n  [store]\n  engine = \"{to}\"");
    say!("  path = {:?}", target.path.display().to_string());
    Ok(Exit::Done)
}

/// `data/store` and redb give `data/store-redb`.
fn beside(from: &std::path::Path, engine: EngineKind) -> PathBuf {
    let mut name = from.file_name().unwrap_or_default().to_owned();
    name.push(format!("-{}", engine.name()));
    from.with_file_name(name)
}

fn copy(config: &Config, target: &Settings) -> Result<(), Sorry> {
    let source = open_store(config)?;
    let into = rialto_store::Store::open(target).map_err(Sorry::failed)?;
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(Sorry::failed)?;
    let terminal = std::io::stderr().is_terminal();
    let tell = |progress: Progress| {
        if terminal {
            eprint!("\r{} records", progress.total);
            let _ = std::io::stderr().flush();
        }
    };
    let outcome = runtime.block_on(async {
        let outcome = migrate(&source, &into, tell).await;
        into.close().await;
        source.close().await;
        outcome
    });
    if terminal {
        eprintln!();
    }
    let failed =
        |why| format!("{why}; {} is not whole: remove it before you try again", target.path.display());
    outcome.map(|_| ()).map_err(|why| Sorry::failed(failed(why.to_string())))
}
