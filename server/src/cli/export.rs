//! `rialto export` and `rialto user export`: by the running server, or else from the store itself.

use super::{Exit, Sorry, open_store};
use crate::admin::{self, Answer, AskError, Command, Users};
use crate::config::Config;
use crate::export::{self, Whose};
use rialto_store::EngineKind;
use std::path::Path;

/// Writes an export of one account, or of all, to a new file.
pub(super) fn run(config: &Config, address: Option<String>, file: &Path) -> Result<Exit, Sorry> {
    if file.symlink_metadata().is_ok() {
        let text = format!("{} is there already: name another file with --file", file.display());
        return Err(Sorry::failed(text));
    }
    let command = Command::Export { address: address.clone() };
    let accounts = match admin::ask(&config.admin_socket(), command) {
        Err(AskError::NotRunning(_)) if config.store.engine != EngineKind::Memory => {
            in_store(config, address.as_deref(), file)?
        }
        Ok(Answer::Exported(exported)) => {
            let copied = export::copy(&exported.file, file);
            copied.map_err(|why| Sorry::failed(format!("{} cannot be written: {why}", file.display())))?;
            exported.accounts
        }
        Ok(_) => return Ok(Exit::Failed),
        Err(why) => return Err(why.into()),
    };
    let accounts = if accounts == 1 { "1 account".to_owned() } else { format!("{accounts} accounts") };
    say!("{accounts} in {}. It holds keys of passwords: keep it to yourself.", file.display());
    Ok(Exit::Done)
}

fn in_store(config: &Config, address: Option<&str>, file: &Path) -> Result<u64, Sorry> {
    let store = open_store(config)?;
    let users = Users::new(&store, &config.domains);
    let whose = address.map(|address| users.known(address)).transpose().map_err(Sorry::failed)?;
    let whose = whose.map_or(Whose::All, Whose::One);
    export::to_file(&store, &whose, file).map_err(Sorry::failed)
}
