//! One connection's bytes: lines in, lines out, and whether the other side still lives.

use super::dial::Stream;
use super::line::{Inbox, Line, write};
use super::session::{End, Ticket};
use super::settings::Settings;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt, ReadHalf, WriteHalf};
use tokio::time::Instant;

/// Bytes that may lie between us and the socket before lines wait in the queue instead.
const CALM: usize = 16 * 1024;

/// Bytes that lie there when the other side has stopped reading.
const STUCK: usize = 256 * 1024;

/// Bytes read at once.
const READ: usize = 4096;

/// How long a goodbye may take.
const GOODBYE: Duration = Duration::from_secs(2);

/// One connection, in two halves that work at the same time.
pub struct Wire {
    /// What comes in.
    pub hears: Hearing,
    /// What goes out.
    pub says: Saying,
    born: Instant,
}

/// What comes in.
pub struct Hearing {
    reader: ReadHalf<Box<dyn Stream>>,
    inbox: Inbox,
    heard: Instant,
    asked: bool,
}

/// What goes out.
pub struct Saying {
    writer: WriteHalf<Box<dyn Stream>>,
    outbox: Vec<u8>,
    unflushed: bool,
    leaving: Vec<Ticket>,
    left: Vec<Ticket>,
}

impl Wire {
    /// A fresh connection.
    pub fn new(stream: Box<dyn Stream>, now: Instant) -> Self {
        let (reader, writer) = tokio::io::split(stream);
        Wire {
            hears: Hearing { reader, inbox: Inbox::default(), heard: now, asked: false },
            says: Saying {
                writer,
                outbox: Vec::new(),
                unflushed: false,
                leaving: Vec::new(),
                left: Vec::new(),
            },
            born: now,
        }
    }

    /// How old it is.
    pub fn age(&self) -> Duration {
        self.born.elapsed()
    }

    /// Asks a silent server whether it is there, and ends the connection when it stays silent.
    pub fn look_for_life(&mut self, now: Instant, settings: &Settings) -> Option<End> {
        let silent = now.saturating_duration_since(self.hears.heard);
        if silent >= settings.ping_after + settings.ping_timeout {
            return Some(End::down(format!("the server has been silent for {} s", silent.as_secs())));
        }
        if silent >= settings.ping_after && !std::mem::replace(&mut self.hears.asked, true) {
            self.says.push(&write(&["PING"], Some("rialto")), None);
        }
        None
    }
}

impl Hearing {
    /// Reads what there is. May be dropped at any time.
    pub async fn read(&mut self) -> Result<(), String> {
        let space = self.inbox.space();
        space.reserve(READ);
        match self.reader.read_buf(space).await {
            Ok(0) => Err("the server closed the connection".into()),
            Ok(_) => Ok(()),
            Err(error) => Err(error.to_string()),
        }
    }

    /// The next whole line.
    pub fn next_line(&mut self, now: Instant) -> Option<Line> {
        loop {
            let text = self.inbox.next_line()?;
            self.heard = now;
            self.asked = false;
            if let Some(line) = Line::read(&text) {
                return Some(line);
            }
        }
    }
}

impl Saying {
    /// A line to send; what it is a part of is in `left` when it has left.
    pub fn push(&mut self, line: &str, ticket: Option<Ticket>) {
        self.outbox.extend_from_slice(line.as_bytes());
        self.leaving.extend(ticket);
    }

    /// May more be pushed?
    pub fn is_calm(&self) -> bool {
        self.outbox.len() < CALM
    }

    /// Does the other side not read at all?
    pub fn is_stuck(&self) -> bool {
        self.outbox.len() > STUCK
    }

    /// Is there anything to write?
    pub fn is_behind(&self) -> bool {
        !self.outbox.is_empty() || self.unflushed
    }

    /// Writes some of what there is. May be dropped at any time.
    pub async fn write(&mut self) -> Result<(), String> {
        if !self.outbox.is_empty() {
            let written = self.writer.write(&self.outbox).await.map_err(|error| error.to_string())?;
            self.outbox.drain(..written);
            self.unflushed = true;
            return Ok(());
        }
        self.writer.flush().await.map_err(|error| error.to_string())?;
        self.unflushed = false;
        self.left.append(&mut self.leaving);
        Ok(())
    }

    /// Writes what is left, and QUIT.
    pub async fn goodbye(&mut self) {
        self.push(&write(&["QUIT"], Some("the bridge is closed")), None);
        let goodbye = async {
            while self.is_behind() && self.write().await.is_ok() {}
            // The other side may be gone already.
            let _ = self.writer.shutdown().await;
        };
        // Who does not listen to a goodbye gets none.
        let _ = tokio::time::timeout(GOODBYE, goodbye).await;
    }

    /// What has left since the last time.
    pub fn left(&mut self) -> Vec<Ticket> {
        std::mem::take(&mut self.left)
    }
}
