//! Somebody with an IRC client, who reads every line.

use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::net::tcp::OwnedWriteHalf;
use tokio::sync::Notify;

/// How long a server may take.
const PATIENCE: Duration = Duration::from_secs(15);

pub struct Person {
    nick: String,
    writer: Arc<tokio::sync::Mutex<OwnedWriteHalf>>,
    lines: Arc<Mutex<Lines>>,
    changed: Arc<Notify>,
    pings: Mutex<u32>,
}

#[derive(Default)]
struct Lines {
    all: Vec<String>,
    read: usize,
}

impl Person {
    /// Connects and registers.
    pub async fn connect(port: u16, nick: &str) -> Person {
        let (reader, writer) = TcpStream::connect(("127.0.0.1", port)).await.unwrap().into_split();
        let person = Person {
            nick: nick.into(),
            writer: Arc::new(writer.into()),
            lines: Arc::default(),
            changed: Arc::default(),
            pings: Mutex::default(),
        };
        let (lines, changed, writer) = (person.lines.clone(), person.changed.clone(), person.writer.clone());
        tokio::spawn(async move {
            let mut reader = BufReader::new(reader);
            let mut bytes = Vec::new();
            while matches!(reader.read_until(b'\n', &mut bytes).await, Ok(n) if n > 0) {
                let line = String::from_utf8_lossy(&bytes).trim_end_matches(['\r', '\n']).to_owned();
                bytes.clear();
                if let Some(token) = line.strip_prefix("PING ") {
                    let pong = format!("PONG {token}\r\n");
                    writer.lock().await.write_all(pong.as_bytes()).await.ok();
                }
                lines.lock().unwrap().all.push(line);
                changed.notify_waiters();
            }
        });
        person.says(&format!("NICK {nick}\r\nUSER {nick} 0 * :{nick}")).await;
        person.sees(|line| line.contains(" 001 ")).await.expect("a welcome");
        person
    }

    pub async fn says(&self, line: &str) {
        self.writer.lock().await.write_all(format!("{line}\r\n").as_bytes()).await.unwrap();
    }

    /// Says it, and waits until the server has done it.
    pub async fn does(&self, line: &str) {
        let number = {
            let mut pings = self.pings.lock().unwrap();
            *pings += 1;
            *pings
        };
        self.says(&format!("{line}\r\nPING :done-{number}")).await;
        let done = format!("done-{number}");
        let pong = self.any(|line| line.contains(" PONG ") && line.ends_with(&done)).await;
        assert!(
            pong.is_some(),
            "{} said {line:?}, and the server did not answer: {:?}",
            self.nick,
            self.last()
        );
    }

    pub async fn joins(&self, channel: &str) {
        self.does(&format!("JOIN {channel}")).await;
    }

    /// The next line like this; those before it are gone.
    pub async fn sees(&self, like: impl Fn(&str) -> bool) -> Option<String> {
        self.find(|lines| {
            let at = lines.read + lines.all[lines.read..].iter().position(|line| like(line))?;
            lines.read = at + 1;
            Some(lines.all[at].clone())
        })
        .await
    }

    /// Any line like this, read or not; nothing is gone.
    pub async fn any(&self, like: impl Fn(&str) -> bool) -> Option<String> {
        self.find(|lines| lines.all.iter().rev().find(|line| like(line)).cloned()).await
    }

    async fn find<T>(&self, what: impl Fn(&mut Lines) -> Option<T>) -> Option<T> {
        let until = tokio::time::Instant::now() + PATIENCE;
        loop {
            let changed = self.changed.notified();
            tokio::pin!(changed);
            changed.as_mut().enable();
            if let Some(found) = what(&mut self.lines.lock().unwrap()) {
                return Some(found);
            }
            tokio::time::timeout_at(until, changed).await.ok()?;
        }
    }

    /// The last lines, for complaints.
    pub fn last(&self) -> Vec<String> {
        let lines = self.lines.lock().unwrap();
        lines.all.iter().rev().take(12).rev().cloned().collect()
    }
}
