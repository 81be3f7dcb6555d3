//! The command line: what an operator types, and what comes back.

/// Writes a line to standard output. Whoever has closed it (`rialto user list | head`) does not want to hear more.
macro_rules! say {
    ($($words:tt)*) => {{
        use std::io::Write as _;
        let _ = writeln!(std::io::stdout(), $($words)*);
    }};
}

mod args;
mod banner;
mod check;
mod circle;
mod export;
mod import;
mod import_bridge;
mod invite;
mod link;
mod notice;
mod password;
mod report;
mod room;
mod serve;
mod show;
mod store;
mod upload;
mod user;

use crate::admin::{self, Answer, AskError};
use crate::config::{Config, ConfigError};
use args::{Arguments, Command};
use clap::{CommandFactory, Parser};
use rialto_store::Store;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// How a command ended; `--help` lists the codes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// It was done.
    Done = 0,
    /// It failed or was refused.
    Failed = 1,
    /// The command line is wrong.
    Usage = 2,
    /// The server does not run, and must.
    NotRunning = 3,
    /// The configuration has a mistake.
    BadConfig = 4,
}

/// Why a command did not do what it was asked; the text stands on standard error.
#[derive(Debug, thiserror::Error)]
#[error("{text}")]
struct Sorry {
    exit: Exit,
    text: String,
}

impl Sorry {
    fn failed(why: impl ToString) -> Sorry {
        Sorry { exit: Exit::Failed, text: why.to_string() }
    }

    fn usage(why: impl ToString) -> Sorry {
        Sorry { exit: Exit::Usage, text: why.to_string() }
    }
}

impl From<AskError> for Sorry {
    fn from(why: AskError) -> Sorry {
        match why {
            AskError::NotRunning(_) => Sorry {
                exit: Exit::NotRunning,
                text: format!(
                    "{why}\nStart it with `rialto serve`, or name its configuration with --config."
                ),
            },
            other => Sorry::failed(other),
        }
    }
}

/// Runs a command line.
pub fn run(line: impl IntoIterator<Item = OsString>) -> ExitCode {
    let arguments = match Arguments::try_parse_from(line) {
        Ok(arguments) => arguments,
        Err(why) => {
            let _ = why.print();
            return ExitCode::from(u8::try_from(why.exit_code()).unwrap_or(Exit::Usage as u8));
        }
    };
    let exit = carry_out(arguments).unwrap_or_else(|sorry| {
        eprintln!("rialto: {sorry}");
        sorry.exit
    });
    ExitCode::from(exit as u8)
}

fn carry_out(arguments: Arguments) -> Result<Exit, Sorry> {
    let file = configuration_file(arguments.config);
    if let Some(Command::Check(listing)) = arguments.command {
        return Ok(check::run(file.as_deref(), listing));
    }
    if let Some(Command::Completions { shell }) = arguments.command {
        let mut script = Vec::new();
        clap_complete::generate(shell, &mut Arguments::command(), "rialto", &mut script);
        say!("{}", String::from_utf8_lossy(&script));
        return Ok(Exit::Done);
    }
    let config = load(file.as_deref())?;
    match arguments.command.unwrap_or(Command::Serve) {
        Command::Serve => serve::run(config),
        Command::User(command) => user::run(&config, command),
        Command::Invite(command) => invite::run(&config, command),
        Command::Circle(command) => circle::run(&config, command),
        Command::Notice(command) => notice::run(&config, command),
        Command::Room(command) => room::run(&config, command),
        Command::Link(command) => link::run(&config, command),
        Command::Report(command) => report::run(&config, command),
        Command::Upload(command) => upload::run(&config, command),
        Command::Status(listing) => show::status(&ask(&config, admin::Command::Status)?, listing),
        Command::Reload => {
            remark(&ask(&config, admin::Command::Reload)?, "The configuration was read again.")
        }
        Command::Stop => remark(&ask(&config, admin::Command::Stop)?, "The server is stopping."),
        Command::Export { file } => export::run(&config, None, &file),
        Command::Import { bridge: Some(bridge), .. } => import_bridge::run(&config, bridge),
        Command::Import { bridge: None, file, dry_run, overwrite } => {
            import::run(&config, &file.unwrap_or_default(), dry_run, overwrite)
        }
        Command::Store(command) => store::run(&config, command),
        Command::Check(_) | Command::Completions { .. } => Ok(Exit::Done),
    }
}

/// What was asked for, else `./rialto.toml` if that exists, else none: the defaults.
fn configuration_file(asked: Option<PathBuf>) -> Option<PathBuf> {
    let here = PathBuf::from("rialto.toml");
    asked.or_else(|| here.exists().then_some(here))
}

fn load(file: Option<&Path>) -> Result<Config, Sorry> {
    let loaded = file.map_or_else(|| Ok(Config::default()), Config::load);
    loaded.map_err(|why| Sorry { exit: Exit::BadConfig, text: mistake(file, &why) })
}

/// A mistake, and in which file.
fn mistake(file: Option<&Path>, why: &ConfigError) -> String {
    match file {
        Some(file) if why.line.is_some() => format!("{why}\n  in {}", file.display()),
        _ => why.to_string(),
    }
}

/// Opens the store in place of the server. Not as somebody else: files that root makes would shut the server out.
fn open_store(config: &Config) -> Result<Store, Sorry> {
    use std::os::unix::fs::DirBuilderExt;
    let data = &config.data;
    if belongs_to_another(data) {
        return Err(Sorry::failed(format!(
            "the server does not run, and {} belongs to another user: start the server, or run this as that user \
             (`sudo -u rialto …`)",
            data.display()
        )));
    }
    let made = std::fs::DirBuilder::new().recursive(true).mode(0o700).create(data);
    made.map_err(|why| Sorry::failed(format!("{} cannot be made: {why}", data.display())))?;
    Store::open(&config.store.settings()).map_err(Sorry::failed)
}

/// Whether a folder is there and not ours.
fn belongs_to_another(folder: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    let owner = std::fs::metadata(folder).ok().map(|found| found.uid());
    owner.is_some_and(|owner| owner != rustix::process::geteuid().as_raw())
}

/// Asks the running server.
fn ask(config: &Config, command: admin::Command) -> Result<Answer, Sorry> {
    Ok(admin::ask(&config.admin_socket(), command)?)
}

/// Shows what the server remarks, or else our own words.
fn remark(answer: &Answer, otherwise: &str) -> Result<Exit, Sorry> {
    match answer {
        Answer::Ok { remark: Some(remark) } => say!("{remark}"),
        _ => say!("{otherwise}"),
    }
    Ok(Exit::Done)
}

/// Asks yes or no on the terminal; where there is none, `--yes` must have been said.
fn sure(question: &str, yes: bool) -> Result<(), Sorry> {
    use std::io::{IsTerminal, Write};
    if yes {
        return Ok(());
    }
    if !std::io::stdin().is_terminal() {
        return Err(Sorry::usage("there is no terminal to ask on: say --yes if you are sure"));
    }
    print!("{question} [y/N] ");
    std::io::stdout().flush().map_err(Sorry::failed)?;
    let mut answer = String::new();
    std::io::stdin().read_line(&mut answer).map_err(Sorry::failed)?;
    match answer.trim().to_lowercase().as_str() {
        "y" | "yes" => Ok(()),
        _ => Err(Sorry::failed("nothing was done")),
    }
}
