//! `rialto notice`: what an operator says to everybody, by the running server.

use super::{Exit, Sorry, ask, remark};
use crate::admin::community::{Notice as Asked, Which};
use crate::admin::{Answer, Command};
use crate::config::Config;
use clap::{Args, Subcommand};

/// Words to everybody.
#[derive(Debug, Subcommand)]
pub enum Notice {
    /// Send a message to all who are online
    Announce {
        /// What to say
        text: String,
    },
    /// The message of the day, which everybody who comes gets once: show it, set it, delete it
    Motd(Change),
    /// The welcome that every new account gets: show it, set it, delete it
    Welcome(Change),
}

/// Nothing shows it.
#[derive(Args, Debug)]
pub struct Change {
    /// What it is to say from now on
    text: Option<String>,
    /// Say nothing any more
    #[arg(long, conflicts_with = "text")]
    delete: bool,
}

/// Carries out a command about notices.
pub(super) fn run(config: &Config, command: Notice) -> Result<Exit, Sorry> {
    let asked = |asked: Asked| ask(config, Command::Notice(asked));
    let (which, change) = match command {
        Notice::Announce { text } => return remark(&asked(Asked::Announce { text })?, "It was said."),
        Notice::Motd(change) => (Which::Motd, change),
        Notice::Welcome(change) => (Which::Welcome, change),
    };
    if change.delete || change.text.is_some() {
        let set = change.text.is_some();
        let answer = asked(Asked::Set { which, text: change.text })?;
        return remark(&answer, if set { "It is said from now on." } else { "Nothing is said any more." });
    }
    match asked(Asked::Show { which })? {
        Answer::Notice(Some(text)) => say!("{text}"),
        _ => say!("Nothing is said."),
    }
    Ok(Exit::Done)
}
