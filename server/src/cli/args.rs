//! The command line, as clap reads it and as `--help` shows it.

use super::circle::Circle;
use super::invite::Invite;
use super::notice::Notice;
use clap::{Args, Parser, Subcommand, ValueHint};
use clap_complete::Shell;
use std::path::PathBuf;

/// A chat server for communities: XMPP at heart, other networks as native rooms.
#[derive(Debug, Parser)]
#[command(name = "rialto", version, about, after_help = AFTER, max_term_width = 100, disable_help_subcommand = true)]
pub struct Arguments {
    /// The configuration file; without it ./rialto.toml if that exists, else the defaults
    #[arg(long, short, global = true, env = "RIALTO_CONFIG", value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub config: Option<PathBuf>,
    /// What to do; nothing means `serve`
    #[command(subcommand)]
    pub command: Option<Command>,
}

const AFTER: &str = "\
Examples:
  rialto                              serve localhost with no configuration at all
  rialto user add romeo@localhost     make an account, now, while it serves
  rialto --config /etc/rialto/rialto.toml check
  kill -HUP $(pidof rialto)           or `rialto reload`: read configuration and certificates again

Exit codes:
  0 done   1 it failed or was refused   2 the command line is wrong
  3 the server does not run, and must   4 the configuration has a mistake";

/// What can be done.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run the server until Ctrl-C or SIGTERM
    Serve,
    /// Look at configuration, certificates, ports, store and bridges, and say what to do about each finding
    Check(Listing),
    /// Accounts: add, list, show, passwd, disable, enable, kick, export, remove
    #[command(subcommand)]
    User(User),
    /// Invitations: create, list, revoke
    #[command(subcommand)]
    Invite(Invite),
    /// Circles, whose members all have each other as contacts: list, create, add, remove, end
    #[command(subcommand)]
    Circle(Circle),
    /// Words to everybody: announce, motd, welcome
    #[command(subcommand)]
    Notice(Notice),
    /// Rooms: list, create, destroy
    #[command(subcommand)]
    Room(Room),
    /// Links between rooms here and rooms on other networks: list, status, add, change, remove
    #[command(subcommand)]
    Link(Link),
    /// What people report of others: list, show, remove
    #[command(subcommand)]
    Report(Report),
    /// Files that people uploaded: list, remove
    #[command(subcommand)]
    Upload(Upload),
    /// How the running server is
    Status(Listing),
    /// Have the running server read its configuration and certificates again
    Reload,
    /// End the running server, as Ctrl-C does
    Stop,
    /// Write all that is kept of all accounts to a file (XEP-0227), to move them to another server
    Export {
        /// The file; there must be none of that name yet
        #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
        file: PathBuf,
    },
    /// Take accounts that another server has written (XEP-0227), while this one does not run; or read what another bridge
    /// was told, and write it as ours
    #[command(
        args_conflicts_with_subcommands = true,
        subcommand_negates_reqs = true,
        after_help = "\
Examples:
  rialto import --dry-run prosody.xml       only say what would be done
  rialto import ejabberd.xml                what ejabberdctl export_piefxis has written
  rialto import /var/lib/prosody/xep0227    all files of a folder: what Prosody's storage \"xep0227\" has written
  rialto import --overwrite all.xml         in place of accounts that are there
  rialto import matterbridge --dry-run matterbridge.toml"
    )]
    Import {
        /// Another bridge's configuration
        #[command(subcommand)]
        bridge: Option<Import>,
        /// The file, or a folder of files
        #[arg(value_name = "FILE", required = true, value_hint = ValueHint::AnyPath)]
        file: Option<PathBuf>,
        /// Change nothing, and say what would be done
        #[arg(long)]
        dry_run: bool,
        /// Take the place of accounts that are there, and of those that were removed
        #[arg(long)]
        overwrite: bool,
    },
    /// The database: migrate
    #[command(subcommand)]
    Store(Store),
    /// Write completions for a shell: rialto completions bash > /etc/bash_completion.d/rialto
    Completions {
        /// Which shell
        shell: Shell,
    },
}

/// For commands that show something.
#[derive(Args, Clone, Copy, Debug)]
pub struct Listing {
    /// Show it as JSON, for scripts
    #[arg(long)]
    pub json: bool,
}

/// Accounts.
#[derive(Debug, Subcommand)]
pub enum User {
    /// Make an account; works whether the server runs or not
    #[command(after_help = "\
Examples:
  rialto user add romeo@localhost                          asks for the password, twice
  rialto user add romeo@localhost --generate               makes one up and shows it
  rialto user add romeo@localhost --password-file secret   takes the first line of a file
  pass show romeo | rialto user add romeo@localhost --password-file -")]
    Add {
        /// Its address: NAME@DOMAIN
        address: String,
        /// Give a name again that was removed once; its old contacts may take the new owner for the old one
        #[arg(long)]
        reuse: bool,
        /// Where the password comes from
        #[command(flatten)]
        password: Password,
    },
    /// Show all accounts
    List(Listing),
    /// Show one account closer: its last login, its contacts, its sessions
    Show {
        /// Its address: NAME@DOMAIN
        address: String,
        /// Show it as JSON, for scripts
        #[command(flatten)]
        listing: Listing,
    },
    /// Let nobody log in to an account any more, and end its sessions; nothing of it is lost
    Disable {
        /// Its address: NAME@DOMAIN
        address: String,
    },
    /// Let people log in to a disabled account again
    Enable {
        /// Its address: NAME@DOMAIN
        address: String,
    },
    /// End sessions; they may come again
    Kick {
        /// NAME@DOMAIN for all sessions of an account, NAME@DOMAIN/RESOURCE for one
        address: String,
    },
    /// Give an account another password, and end its sessions
    Passwd {
        /// Its address: NAME@DOMAIN
        address: String,
        /// Where the password comes from
        #[command(flatten)]
        password: Password,
    },
    /// Write all that is kept of an account to a file (XEP-0227); works whether the server runs or not
    Export {
        /// Its address: NAME@DOMAIN
        address: String,
        /// The file; without it, NAME@DOMAIN.xml here. There must be none of that name yet
        #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
        file: Option<PathBuf>,
    },
    /// Remove an account with its contacts and messages
    Remove {
        /// Its address: NAME@DOMAIN
        address: String,
        /// Do not ask
        #[arg(long, short)]
        yes: bool,
    },
}

/// Where a password comes from; nothing means asking on the terminal.
#[derive(Args, Clone, Debug, Default)]
pub struct Password {
    /// Take the first line of this file, or of standard input for `-`
    #[arg(long, value_name = "FILE", conflicts_with = "generate", value_hint = ValueHint::FilePath)]
    pub password_file: Option<PathBuf>,
    /// Make one up and show it
    #[arg(long)]
    pub generate: bool,
}

/// Rooms.
#[derive(Debug, Subcommand)]
pub enum Room {
    /// Show all rooms
    List(Listing),
    /// Make a room that stays, also when nobody is in it
    Create {
        /// Its address: NAME@rooms.DOMAIN
        room: String,
        /// The account that owns it
        #[arg(long, value_name = "ADDRESS")]
        owner: Option<String>,
        /// What it is called in lists
        #[arg(long)]
        name: Option<String>,
    },
    /// Put everybody out and forget the room
    Destroy {
        /// Its address: NAME@rooms.DOMAIN
        room: String,
        /// What those inside are told
        #[arg(long)]
        reason: Option<String>,
        /// Do not ask
        #[arg(long, short)]
        yes: bool,
    },
}

/// Links.
#[derive(Debug, Subcommand)]
pub enum Link {
    /// Show all links and how they are
    List(Listing),
    /// Show how links are: since when, what waits, how late words are, what went wrong last
    Status {
        /// Only those of this room
        room: Option<String>,
        /// How to show it
        #[command(flatten)]
        listing: Listing,
    },
    /// Link a room to a room on another network
    #[command(after_help = "\
Examples, with a section [bridge.libera] in the configuration:
  rialto link add lounge@rooms.localhost 'libera:#lounge'
  rialto link add lounge@rooms.localhost 'libera:#lounge' --set way=in --set 'ignore={ nicks = [\"otherbot\"] }'")]
    Add {
        /// The room here: NAME@rooms.DOMAIN
        room: String,
        /// The room there: BRIDGE:ROOM
        to: String,
        /// An option of the link, as the configuration writes it
        #[arg(long, value_name = "KEY=VALUE")]
        set: Vec<String>,
    },
    /// Have other options hold for a link that was made with `add`; those that are not named stay
    Change {
        /// The room here: NAME@rooms.DOMAIN
        room: String,
        /// The room there: BRIDGE:ROOM
        to: String,
        /// An option of the link, as the configuration writes it
        #[arg(long, value_name = "KEY=VALUE", required = true)]
        set: Vec<String>,
    },
    /// Take a link away; both rooms stay
    Remove {
        /// The room here: NAME@rooms.DOMAIN
        room: String,
        /// The room there: BRIDGE:ROOM
        to: String,
    },
}

/// Other bridges' configurations.
#[derive(Debug, Subcommand)]
pub enum Import {
    /// matterbridge: its accounts become bridges, its gateways rooms with links
    #[command(after_help = "\
Example:
  rialto import matterbridge matterbridge.toml --dry-run
Files are TOML or JSON; variables MATTERBRIDGE_… in the environment count as they do there.")]
    Matterbridge {
        /// Its configuration
        #[arg(value_hint = ValueHint::FilePath)]
        file: PathBuf,
        /// What to do with it
        #[command(flatten)]
        importing: Importing,
    },
    /// biboumi: the networks that its people use become bridges; addresses of channels stay
    #[command(after_help = "\
Example:
  rialto import biboumi /etc/biboumi/biboumi.cfg --database /var/lib/biboumi/biboumi.sqlite
The database is read with the program sqlite3; without that, name what `sqlite3 FILE .dump` wrote elsewhere.")]
    Biboumi {
        /// Its configuration
        #[arg(value_hint = ValueHint::FilePath)]
        file: PathBuf,
        /// Its database, or a dump of it; without it, the one that the configuration names
        #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
        database: Option<PathBuf>,
        /// What to do with it
        #[command(flatten)]
        importing: Importing,
    },
}

/// What becomes of what was read.
#[derive(Args, Clone, Debug)]
pub struct Importing {
    /// Only show what would be written
    #[arg(long)]
    pub dry_run: bool,
    /// The folder for imported.toml and the files with secrets; there must be none of that name yet
    #[arg(long, value_name = "FOLDER", default_value = ".", value_hint = ValueHint::DirPath)]
    pub into: PathBuf,
}

/// Reports.
#[derive(Debug, Subcommand)]
pub enum Report {
    /// Show all reports, oldest first
    List(Listing),
    /// Show one report with the messages that it is about
    Show {
        /// Its number, as in the list
        number: u64,
        /// How to show it
        #[command(flatten)]
        listing: Listing,
    },
    /// Forget a report that you have seen to
    Remove {
        /// Its number, as in the list
        number: u64,
    },
}

/// Uploaded files.
#[derive(Debug, Subcommand)]
pub enum Upload {
    /// Show all files, newest last
    List {
        /// Only those of this account, room or bridge
        #[arg(long, value_name = "ADDRESS")]
        of: Option<String>,
        /// How to show it
        #[command(flatten)]
        listing: Listing,
    },
    /// Remove a file; who has its address gets it no longer
    Remove {
        /// Its address, as in the list
        url: String,
    },
}

/// The database.
#[derive(Debug, Subcommand)]
pub enum Store {
    /// Copy everything into another engine, beside the old store, which stays as it is; the server must not run
    #[command(after_help = "\
Example:
  rialto store migrate --to redb
Then set `engine` and `path` in [store] as it says, and start again.")]
    Migrate {
        /// The new engine: sled or redb
        #[arg(long, value_name = "ENGINE")]
        to: String,
        /// The new folder; without it, the old one's name and the engine's
        #[arg(long, value_name = "FOLDER", value_hint = ValueHint::DirPath)]
        path: Option<PathBuf>,
    },
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    fn read(line: &str) -> Result<Arguments, clap::Error> {
        Arguments::try_parse_from(line.split(' '))
    }

    #[test]
    fn the_command_line_is_sound() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn nothing_means_serve_and_the_configuration_may_stand_anywhere() {
        assert!(read("rialto").unwrap().command.is_none());
        let read_late = read("rialto user list --json --config a.toml").unwrap();
        assert_eq!(read_late.config, Some(PathBuf::from("a.toml")));
        assert!(matches!(read_late.command, Some(Command::User(User::List(Listing { json: true })))));
    }

    #[test]
    fn a_password_never_stands_on_the_command_line() {
        assert!(read("rialto user add romeo@localhost secret").is_err());
        assert!(read("rialto user add romeo@localhost --generate --password-file -").is_err());
        assert!(read("rialto user add romeo@localhost --password-file -").is_ok());
    }

    #[test]
    fn a_wrong_line_says_what_was_meant() {
        let error = read("rialto usr list").unwrap_err();
        assert_eq!(error.exit_code(), 2);
        assert!(error.to_string().contains("'user'"), "{error}");
    }
}
