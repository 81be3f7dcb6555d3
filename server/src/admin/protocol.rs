//! What is said on the admin socket. Commands and answers carry the version, so that two releases notice each other.

pub use super::links::Link;

use super::community::{Circle, Invite, Invited, Notice, Open, Portrait, Ring};
use crate::config::LinkOptions;
use serde::{Deserialize, Serialize};

/// Raised when an old client or server could misunderstand.
pub const VERSION: u32 = 1;

/// The longest command.
pub const MAX_COMMAND: usize = 64 << 10;

/// The longest answer that a client reads: room for half a million accounts.
pub const MAX_ANSWER: usize = 64 << 20;

/// A command with its version: one line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Asked {
    /// [`VERSION`] of the client.
    pub version: u32,
    /// What is wanted.
    #[serde(flatten)]
    pub command: Command,
}

/// An answer with its version: one line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answered {
    /// [`VERSION`] of the server.
    pub version: u32,
    /// What came of it.
    #[serde(flatten)]
    pub outcome: Outcome,
}

/// What came of a command.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// It was done.
    Done(Answer),
    /// It was not.
    Refused(Refusal),
}

/// What can be asked for. Addresses are bare JIDs as texts; the desk checks them.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "command", rename_all = "kebab-case")]
pub enum Command {
    /// Makes an account.
    UserAdd {
        /// Its address.
        address: String,
        /// Its password.
        password: String,
        /// Also under a name that was removed once.
        #[serde(default)]
        reuse: bool,
    },
    /// All accounts.
    UserList,
    /// Gives an account another password and ends its sessions.
    UserPasswd {
        /// Its address.
        address: String,
        /// The new password.
        password: String,
    },
    /// Removes an account with all that belongs to it.
    UserRemove {
        /// Its address.
        address: String,
    },
    /// One account, closer.
    UserShow {
        /// Its address.
        address: String,
    },
    /// Nobody can log in to an account any more, until he can again.
    UserDisable {
        /// Its address.
        address: String,
        /// Or he can again.
        enable: bool,
    },
    /// Ends sessions; they may come again.
    UserKick {
        /// The address of an account, or of one of its sessions.
        address: String,
    },
    /// About invitations.
    Invite(Invite),
    /// About circles.
    Circle(Circle),
    /// About what is said to everybody.
    Notice(Notice),
    /// All rooms.
    RoomList,
    /// Makes a room that stays.
    RoomCreate {
        /// Its address.
        room: String,
        /// Who owns it.
        owner: Option<String>,
        /// What it is called.
        name: Option<String>,
    },
    /// Destroys a room with its archive.
    RoomDestroy {
        /// Its address.
        room: String,
        /// What those inside are told.
        reason: Option<String>,
    },
    /// All links.
    LinkList,
    /// Links a room to a far room.
    LinkAdd {
        /// The room's address.
        room: String,
        /// `<bridge>:<room there>`.
        to: String,
        /// What holds for it.
        #[serde(default)]
        options: LinkOptions,
    },
    /// Other options hold for a link that was made at run time.
    LinkChange {
        /// The room's address.
        room: String,
        /// `<bridge>:<room there>`.
        to: String,
        /// `key=value`, as the configuration writes them; others stay.
        set: Vec<String>,
    },
    /// Takes a link away.
    LinkRemove {
        /// The room's address.
        room: String,
        /// `<bridge>:<room there>`.
        to: String,
    },
    /// What people report of others.
    ReportList,
    /// One report, with the messages that it is about.
    ReportShow {
        /// Its number.
        number: u64,
    },
    /// Forgets a report.
    ReportRemove {
        /// Its number.
        number: u64,
    },
    /// Uploaded files.
    UploadList {
        /// Whose; nobody named: all of them.
        owner: Option<String>,
    },
    /// Removes an uploaded file.
    UploadRemove {
        /// Its address.
        url: String,
    },
    /// Writes all that is kept of accounts to a file in the data folder, for the asker to take (XEP-0227).
    Export {
        /// Of whom; nobody named: of everybody.
        address: Option<String>,
    },
    /// How the server is.
    Status,
    /// Reads the configuration and the certificates again.
    Reload,
    /// Ends the server, as SIGTERM does.
    Stop,
    /// Ends the server, and begins it anew.
    Restart,
}

impl Command {
    /// It changes nothing.
    pub fn only_looks(&self) -> bool {
        matches!(
            self,
            Command::UserList
                | Command::UserShow { .. }
                | Command::Invite(Invite::List)
                | Command::Circle(Circle::List)
                | Command::Notice(Notice::Show { .. })
                | Command::RoomList
                | Command::LinkList
                | Command::ReportList
                | Command::ReportShow { .. }
                | Command::UploadList { .. }
                | Command::Status
        )
    }
}

/// Passwords never show in a log.
impl std::fmt::Debug for Command {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Command::UserAdd { .. } => "user-add",
            Command::UserList => "user-list",
            Command::UserPasswd { .. } => "user-passwd",
            Command::UserRemove { .. } => "user-remove",
            Command::UserShow { .. } => "user-show",
            Command::UserDisable { enable: false, .. } => "user-disable",
            Command::UserDisable { .. } => "user-enable",
            Command::UserKick { .. } => "user-kick",
            Command::Invite(_) => "invite",
            Command::Circle(_) => "circle",
            Command::Notice(_) => "notice",
            Command::RoomList => "room-list",
            Command::RoomCreate { .. } => "room-create",
            Command::RoomDestroy { .. } => "room-destroy",
            Command::LinkList => "link-list",
            Command::LinkAdd { .. } => "link-add",
            Command::LinkChange { .. } => "link-change",
            Command::LinkRemove { .. } => "link-remove",
            Command::ReportList => "report-list",
            Command::ReportShow { .. } => "report-show",
            Command::ReportRemove { .. } => "report-remove",
            Command::UploadList { .. } => "upload-list",
            Command::UploadRemove { .. } => "upload-remove",
            Command::Export { .. } => "export",
            Command::Status => "status",
            Command::Reload => "reload",
            Command::Stop => "stop",
            Command::Restart => "restart",
        })
    }
}

/// What a command brings.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Answer {
    /// Nothing to tell but that it was done, and perhaps a remark.
    Ok {
        /// What the operator should know.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        remark: Option<String>,
    },
    /// Accounts.
    Users(Vec<User>),
    /// One account.
    Portrait(Portrait),
    /// An invitation, just made.
    Invited(Invited),
    /// Invitations.
    Invites(Vec<Open>),
    /// Circles.
    Circles(Vec<Ring>),
    /// A notice, if there is one.
    Notice(Option<String>),
    /// Rooms.
    Rooms(Vec<Room>),
    /// Links.
    Links(Vec<Link>),
    /// Reports, oldest first.
    Reports(Vec<Report>),
    /// Uploaded files, newest last.
    Uploads(Vec<Upload>),
    /// An export, to be taken.
    Exported(Exported),
    /// The server.
    Status(Status),
}

impl Answer {
    /// Done, and nothing more to say.
    pub const OK: Answer = Answer::Ok { remark: None };

    /// Done, with a remark.
    pub fn remark(text: impl Into<String>) -> Answer {
        Answer::Ok { remark: Some(text.into()) }
    }
}

/// An account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct User {
    /// Its address.
    pub address: String,
    /// Seconds since 1970.
    pub created: u64,
    /// It cannot log in.
    pub disabled: bool,
    /// Sessions at this moment; `None` where the server does not run.
    pub sessions: Option<usize>,
}

/// An export that is written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exported {
    /// Where it lies; whoever takes it removes it.
    pub file: std::path::PathBuf,
    /// Accounts in it.
    pub accounts: u64,
}

/// A room.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Room {
    /// Its address.
    pub address: String,
    /// What it is called.
    pub name: String,
    /// Occupants at this moment; `None` where the server does not run.
    pub occupants: Option<usize>,
    /// It stays when everybody has left.
    pub persistent: bool,
    /// It is in the list of rooms.
    pub public: bool,
    /// Its owners.
    #[serde(default)]
    pub owners: Vec<String>,
}

/// A report (XEP-0377).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// Its number.
    pub number: u64,
    /// Seconds since 1970.
    pub at: u64,
    /// Who reports.
    pub reporter: String,
    /// Whom.
    pub reported: String,
    /// `spam`, `abuse` or another reason.
    pub reason: String,
    /// In the reporter's words.
    pub text: String,
    /// Messages that it is about, as XML; only where one report is shown.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub messages: Vec<String>,
    /// Ids of messages that it is about: who gave them, and the id.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ids: Vec<(String, String)>,
    /// The reporter agrees that the other's server is told.
    #[serde(default)]
    pub report_origin: bool,
    /// The reporter agrees that others who fight spam are told.
    #[serde(default)]
    pub third_party: bool,
}

/// An uploaded file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Upload {
    /// Where it can be had.
    pub url: String,
    /// Whose it is.
    pub owner: String,
    /// What it is called.
    pub name: String,
    /// Its media type.
    pub kind: String,
    /// In bytes.
    pub size: u64,
    /// `message`, `profile`, `ephemeral` or `permanent`.
    pub purpose: String,
    /// Seconds since 1970.
    pub created: u64,
    /// Seconds since 1970; `None`: until somebody removes it.
    pub expires: Option<u64>,
}

/// The server.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Status {
    /// Of the program.
    pub version: String,
    /// Of the process.
    pub pid: u32,
    /// Seconds since its start.
    pub uptime: u64,
    /// Where it listens.
    pub listening: Vec<String>,
    /// Its domains.
    pub domains: Vec<String>,
    /// The configuration file, if there is one.
    pub config: Option<String>,
    /// Sessions at this moment.
    pub sessions: usize,
    /// Rooms in memory.
    pub rooms: usize,
    /// Networks, each with its state in words.
    pub bridges: Vec<(String, String)>,
    /// Block lists that others keep.
    #[serde(default)]
    pub blocklists: Vec<Blocklist>,
    /// Uploaded files and their bytes, if there are uploads.
    #[serde(default)]
    pub uploads: Option<(usize, u64)>,
    /// Transfers of files that go on, if there is a proxy for them.
    #[serde(default)]
    pub transfers: Option<usize>,
    /// Bytes of memory that the process holds, where the system tells.
    pub memory: Option<u64>,
}

/// A block list that others keep.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Blocklist {
    /// `node of service`.
    pub name: String,
    /// Whether it is as its service has it.
    pub well: bool,
    /// How it is, in words.
    pub state: String,
}

/// Why a command was not carried out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{text}")]
pub struct Refusal {
    /// For scripts.
    pub why: Why,
    /// For people: what is wrong and what to do.
    pub text: String,
}

impl Refusal {
    /// A refusal.
    pub fn new(why: Why, text: impl Into<String>) -> Refusal {
        Refusal { why, text: text.into() }
    }
}

/// Why a command was not carried out, for scripts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Why {
    /// The command makes no sense, or is of another version.
    BadRequest,
    /// It is there already.
    Exists,
    /// It is not there.
    NotFound,
    /// The server failed.
    Failed,
}

/// A line, with its end.
pub fn line<T: Serialize>(message: &T) -> Vec<u8> {
    let mut line = serde_json::to_vec(message).unwrap_or_default();
    line.push(b'\n');
    line
}

/// Reads a command of our version.
///
/// # Errors
/// What to answer instead.
pub fn read_command(line: &[u8]) -> Result<Command, Refusal> {
    #[derive(Deserialize)]
    struct OnlyVersion {
        version: u32,
    }
    let refuse = |text: String| Refusal::new(Why::BadRequest, text);
    match serde_json::from_slice::<OnlyVersion>(line) {
        Ok(OnlyVersion { version: VERSION }) => {}
        Ok(OnlyVersion { version }) => {
            return Err(refuse(format!(
                "the server speaks version {VERSION} of the admin protocol, the client {version}: use the rialto that \
                 belongs to the running server"
            )));
        }
        Err(why) => return Err(refuse(format!("no command: {why}"))),
    }
    serde_json::from_slice::<Asked>(line)
        .map(|asked| asked.command)
        .map_err(|why| refuse(format!("no command: {why}")))
}
