//! Transcripts: what people type and what they must see, read as chat. The format is in `transcripts/README.md`.

pub mod discord;
pub mod elsewhere;
pub mod pattern;
pub mod person;
pub mod proofs;
pub mod read;
pub mod run;

use crate::xml::Event;

/// A transcript, read.
#[derive(Debug)]
pub struct Talk {
    /// The first line, without `#`.
    pub title: String,
    /// What is added to the configuration of the server, as TOML.
    pub settings: String,
    /// The lines, one after another.
    pub lines: Vec<Line>,
}

impl Talk {
    /// Whether the server goes down and up again: then its store must outlive it.
    pub fn restarts(&self) -> bool {
        self.lines.iter().any(|line| matches!(line.step, Step::Server(_)))
    }
}

/// A line of a transcript, with its continuations.
#[derive(Debug)]
pub struct Line {
    /// Its number, counted from 1.
    pub number: usize,
    /// As it is written.
    pub text: String,
    /// Who it is about; empty for the server.
    pub who: String,
    /// What happens.
    pub step: Step,
}

/// What a line says.
#[derive(Debug, PartialEq, Eq)]
pub enum Step {
    /// `account JID`: there is such an account.
    Account(String),
    /// `account JID with SCRAM-SHA-1 only`: and it has no other keys, as if it came from elsewhere.
    OldAccount(String),
    /// `password of JID is TEXT`: it is given another.
    Password {
        /// The account.
        account: String,
        /// The password.
        password: String,
    },
    /// `NAME . needed N round trips`: so often the client has waited since it opened its first stream.
    Trips(usize),
    /// `NAME is JID`: logs in and binds a resource.
    Is(Login),
    /// `NAME is component DOMAIN`: connects and proves itself (XEP-0114).
    Component(String),
    /// `NAME authenticates as JID`: everything but binding.
    Authenticates(Login),
    /// `NAME reconnects`: logs in once more as before.
    Reconnects,
    /// `NAME connects`: a bare socket, or `over` something.
    Connects(Over),
    /// `NAME asks for PATH`: over HTTP; the answer is heard.
    AsksFor(String),
    /// `NAME opens a stream to DOMAIN`, also `as JID`
    Opens {
        /// `to`
        domain: String,
        /// `from`
        account: Option<String>,
    },
    /// `NAME starts tls`: the handshake after `<proceed/>`.
    StartsTls,
    /// `NAME enters ROOM as NICK`
    Enters {
        /// The room's JID.
        room: String,
        /// The nick.
        nick: String,
    },
    /// `NAME > …`
    Sends(String),
    /// `NAME < …`: this comes next.
    Hears(Event),
    /// `NAME ~ …`: this comes, before or after other things, which stay to be heard.
    HearsSometime(Event),
    /// `NAME skips until …`: what comes before is of no interest.
    SkipsUntil(Event),
    /// The same two for somebody elsewhere, whose lines are no XML.
    HearsLine {
        /// The line.
        wanted: String,
        /// What comes before is of no interest.
        skip: bool,
    },
    /// `NAME . hears nothing more`
    HearsNothing,
    /// `NAME . is cut off`: the other side closes the socket, and says nothing before that is not yet heard.
    IsCutOff,
    /// `NAME disconnects`: closes the stream as one should.
    Disconnects,
    /// `NAME drops`: the socket is gone without a word.
    Drops,
    /// `NAME waits N ms`, `waits N ms`
    Waits(u64),
    /// `server …`
    Server(Server),
    /// `network NAME …`: what happens to it.
    Network {
        /// The network.
        network: String,
        /// What happens.
        what: String,
    },
    /// `NAME on NETWORK …`: a person elsewhere; the words after the network's name.
    Elsewhere {
        /// The network.
        network: String,
        /// What the person does there.
        does: String,
    },
}

/// What a connection goes over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Over {
    /// TCP alone.
    Nothing,
    /// `tls`: TLS first (XEP-0368).
    Tls,
    /// `the shared port`: the same, where others come too.
    SharedPort,
    /// `websocket`: RFC 7395; each line sent is a message.
    WebSocket,
    /// `bosh`: XEP-0124; each line sent is a request.
    Bosh,
}

/// How somebody logs in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Login {
    /// Bare JID.
    pub account: String,
    /// The resource to ask for; without one the server makes one up.
    pub resource: Option<String>,
    /// `, available`: sends initial presence and forgets what came up to then.
    pub available: bool,
}

/// What happens to the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Server {
    /// It closes its streams and ends.
    Stops,
    /// It comes up with the same store.
    Starts,
    /// Both.
    Restarts,
}
