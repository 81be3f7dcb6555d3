//! `rialto user`: by the running server, or else by the store itself.

use super::args::{Listing, Password, User};
use super::show::{self, Column};
use super::{Exit, Sorry, ask, export, open_store, password, remark, sure};
use crate::admin::{self, Answer, AskError, Command, Refusal, Users};
use crate::config::Config;
use rialto_store::EngineKind;
use std::path::PathBuf;

/// Carries out a command about accounts.
pub(super) fn run(config: &Config, command: User) -> Result<Exit, Sorry> {
    match command {
        User::Add { address, reuse, password } => add(config, address, reuse, &password),
        User::Passwd { address, password } => passwd(config, address, &password),
        User::Remove { address, yes } => {
            sure(&format!("Remove {address} with its contacts and messages?"), yes)?;
            carry_out(config, Command::UserRemove { address: address.clone() })?;
            say!("{address} is gone.");
            Ok(Exit::Done)
        }
        User::Show { address, listing } => show_one(config, address, listing),
        User::Disable { address } => set_disabled(config, address, true),
        User::Enable { address } => set_disabled(config, address, false),
        User::Export { address, file } => {
            let file = file.unwrap_or_else(|| PathBuf::from(format!("{address}.xml")));
            export::run(config, Some(address), &file)
        }
        User::Kick { address } => {
            remark(&ask(config, Command::UserKick { address })?, "They were sent away.")
        }
        User::List(listing) => {
            let Answer::Users(users) = carry_out(config, Command::UserList)? else { return Ok(Exit::Failed) };
            if users.is_empty() && !listing.json {
                say!("No accounts yet. Make one: rialto user add NAME@{}", config.first_domain());
                return Ok(Exit::Done);
            }
            show::list(
                &users,
                listing,
                &[
                    Column("address", |user: &admin::User| user.address.clone()),
                    Column("made on", |user| show::day(user.created)),
                    Column("sessions", |user| show::count(user.sessions)),
                    Column("", |user| if user.disabled { "disabled".into() } else { String::new() }),
                ],
            )
        }
    }
}

fn set_disabled(config: &Config, address: String, disable: bool) -> Result<Exit, Sorry> {
    carry_out(config, Command::UserDisable { address: address.clone(), enable: !disable })?;
    match disable {
        true => say!("Nobody can log in to {address} now. Let them in again: rialto user enable {address}"),
        false => say!("People can log in to {address} again."),
    }
    Ok(Exit::Done)
}

fn show_one(config: &Config, address: String, listing: Listing) -> Result<Exit, Sorry> {
    let Answer::Portrait(found) = ask(config, Command::UserShow { address })? else {
        return Ok(Exit::Failed);
    };
    if listing.json {
        return show::json(&found);
    }
    say!("{}{}", found.address, if found.disabled { ", disabled" } else { "" });
    say!("  made on     {}", show::day(found.created));
    say!("  last login  {}", found.last_login.map_or_else(|| "never".to_owned(), show::day));
    say!("  contacts    {}", found.contacts);
    say!(
        "  sessions    {}",
        if found.resources.is_empty() { "none".to_owned() } else { found.resources.join(", ") }
    );
    say!("  waiting     {} messages", found.waiting);
    Ok(Exit::Done)
}

fn add(config: &Config, address: String, reuse: bool, from: &Password) -> Result<Exit, Sorry> {
    let (password, show) = password::obtain(&address, from)?;
    let command = Command::UserAdd { address: address.clone(), password: password.to_string(), reuse };
    carry_out(config, command)?;
    say!("{address} can log in now.");
    if show {
        say!("Password: {}", *password);
    }
    Ok(Exit::Done)
}

fn passwd(config: &Config, address: String, from: &Password) -> Result<Exit, Sorry> {
    let (password, show) = password::obtain(&address, from)?;
    let command = Command::UserPasswd { address: address.clone(), password: password.to_string() };
    carry_out(config, command)?;
    say!("{address} has a new password.");
    if show {
        say!("Password: {}", *password);
    }
    Ok(Exit::Done)
}

/// Asks the server; where none runs, opens the store.
fn carry_out(config: &Config, command: Command) -> Result<Answer, Sorry> {
    match admin::ask(&config.admin_socket(), command.clone()) {
        Err(AskError::NotRunning(_)) if config.store.engine != EngineKind::Memory => {
            in_store(config, command)
        }
        outcome => Ok(outcome?),
    }
}

fn in_store(config: &Config, command: Command) -> Result<Answer, Sorry> {
    let store = open_store(config)?;
    let users = Users::new(&store, &config.domains);
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(Sorry::failed)?;
    let outcome: Result<Answer, Refusal> = runtime.block_on(async {
        match command {
            Command::UserAdd { address, password, reuse } => users.add(&address, &password, reuse).await,
            Command::UserPasswd { address, password } => users.passwd(&address, &password).await,
            Command::UserRemove { address } => users.remove(&address).await,
            Command::UserDisable { address, enable } => users.disable(&address, !enable).await,
            _ => users.list(|_| None),
        }
    });
    outcome.map_err(Sorry::failed)
}
