//! A whole server in this process, on free ports, in a folder of its own.

use std::fmt;
use std::net::SocketAddr;
use std::time::Duration;

use rialto::config::Config;
use rialto::listeners::Door;
use rialto::server::Server as Running;
use rialto_store::StoreError;
use rialto_store::accounts::{Accounts, Hash};
use rialto_xmpp::BareJid;
use tempfile::TempDir;
use toml::{Table, Value};

use crate::talk;

/// The password of every account.
pub const PASSWORD: &str = "secret";

/// How long the server may take to end.
const PATIENCE: Duration = Duration::from_secs(20);

/// Where the server keeps what it keeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Engine {
    /// Nothing outlives it.
    Memory,
    /// A folder.
    Sled,
}

impl Engine {
    /// Those that every transcript is played on.
    pub const ALL: [Engine; 2] = [Engine::Memory, Engine::Sled];

    /// Whether a server that starts again finds everything.
    pub fn outlives_the_server(self) -> bool {
        self == Engine::Sled
    }
}

impl fmt::Display for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Engine::Memory => "memory",
            Engine::Sled => "sled",
        })
    }
}

/// A server and where it keeps things.
pub struct Server {
    running: Option<Running>,
    config: Config,
    _folder: TempDir,
}

impl Server {
    /// Opens one with these settings added to the ordinary ones.
    ///
    /// # Errors
    /// Where it does not open.
    pub async fn open(settings: Table, engine: Engine) -> Result<Server, String> {
        let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
        let mut all = ordinary(&folder, engine)?;
        merge(&mut all, settings);
        let text = toml::to_string(&all).map_err(|error| error.to_string())?;
        let config = Config::parse(&text).map_err(|error| format!("{error}\n{text}"))?;
        let mut server = Server { running: None, config, _folder: folder };
        server.start().await?;
        Ok(server)
    }

    /// Where STARTTLS clients connect.
    ///
    /// # Errors
    /// While it is stopped.
    pub fn address(&self) -> Result<SocketAddr, String> {
        self.door(Door::StartTls)
    }

    /// Where TLS clients connect.
    ///
    /// # Errors
    /// While it is stopped.
    pub fn tls_address(&self) -> Result<SocketAddr, String> {
        self.door(Door::Direct)
    }

    /// Where web clients connect.
    ///
    /// # Errors
    /// While it is stopped.
    pub fn https_address(&self) -> Result<SocketAddr, String> {
        self.door(Door::Https)
    }

    /// Where everybody connects, if the settings have such a port.
    ///
    /// # Errors
    /// Where they have none.
    pub fn shared_address(&self) -> Result<SocketAddr, String> {
        self.door(Door::Shared)
    }

    /// Where components connect, if the settings have one.
    ///
    /// # Errors
    /// Where they have none.
    pub fn component_address(&self) -> Result<SocketAddr, String> {
        let found = self.running()?.components.addresses().first().copied();
        found.ok_or_else(|| "there is no [[component]]".to_owned())
    }

    /// Makes sure there is such an account.
    ///
    /// # Errors
    /// Where it cannot be made.
    pub async fn account(&self, jid: &str) -> Result<(), String> {
        let bare = BareJid::parse(jid).map_err(|error| format!("{jid}: {error}"))?;
        match self.running()?.people.add(&bare, PASSWORD, false).await {
            Ok(()) | Err(rialto::people::PeopleError::Exists) => Ok(()),
            Err(error) => Err(format!("{jid}: {error}")),
        }
    }

    /// Makes an account that has keys under SHA-1 only, as one that came from another server.
    ///
    /// # Errors
    /// Where it cannot be made.
    pub async fn old_account(&self, jid: &str) -> Result<(), String> {
        self.account(jid).await?;
        let accounts = Accounts::new(&self.running()?.router.store);
        let told = |error: StoreError| error.to_string();
        let kept = accounts.get(jid).map_err(told)?.ok_or("there is no such account")?;
        let old = kept.credentials.into_iter().filter(|(hash, _)| *hash == Hash::Sha1).collect();
        accounts.set_credentials(jid, old).await.map_err(told).map(drop)
    }

    /// Gives an account another password, as an operator would.
    ///
    /// # Errors
    /// Where that fails.
    pub async fn set_password(&self, jid: &str, password: &str) -> Result<(), String> {
        let bare = BareJid::parse(jid).map_err(|error| format!("{jid}: {error}"))?;
        let changed = self.running()?.people.set_password(&bare, password).await;
        changed.map_err(|error| format!("{jid}: {error}"))
    }

    /// It goes down, comes up, or both.
    ///
    /// # Errors
    /// Where it does not.
    pub async fn happens(&mut self, what: talk::Server) -> Result<(), String> {
        match what {
            talk::Server::Stops => self.stop().await,
            talk::Server::Starts => self.start().await,
            talk::Server::Restarts => {
                self.stop().await?;
                self.start().await
            }
        }
    }

    /// Closes it, if it is open.
    ///
    /// # Errors
    /// Where it does not end.
    pub async fn stop(&mut self) -> Result<(), String> {
        let Some(running) = self.running.take() else { return Ok(()) };
        let closed = tokio::time::timeout(PATIENCE, running.close()).await;
        closed.map_err(|_| format!("not closed after {} s", PATIENCE.as_secs()))
    }

    async fn start(&mut self) -> Result<(), String> {
        let running = Running::open(self.config.clone()).await.map_err(|error| error.to_string())?;
        self.running = Some(running);
        Ok(())
    }

    fn running(&self) -> Result<&Running, String> {
        self.running.as_ref().ok_or_else(|| "the server is stopped".to_owned())
    }

    fn door(&self, door: Door) -> Result<SocketAddr, String> {
        let mut doors = self.running()?.addresses().iter();
        let found = doors.find(|(kind, _)| *kind == door).map(|(_, address)| *address);
        found.ok_or_else(|| format!("there is no door {door:?}"))
    }
}

/// What every test wants: loopback, free ports, a folder of its own.
fn ordinary(folder: &TempDir, engine: Engine) -> Result<Table, String> {
    let path = |name: &str| Value::from(folder.path().join(name).display().to_string());
    let text = format!(
        "domains = ['localhost']\ndata = {}\n[listen]\naddresses = ['127.0.0.1']\nstarttls = 0\ntls = 0\ncomponents = 0\n\
         shutdown_timeout = '2s'\n[http]\n\
         addresses = ['127.0.0.1']\nport = 0\ntls = 0\n[certs]\nfolder = {}\n[store]\nengine = '{engine}'\n\
         [proxy]\nport = 0\n",
        path("data"),
        path("certs")
    );
    text.parse().map_err(|error| format!("{error}"))
}

/// Puts settings over others, table by table.
fn merge(into: &mut Table, settings: Table) {
    for (key, value) in settings {
        match (into.get_mut(&key), value) {
            (Some(Value::Table(inner)), Value::Table(more)) => merge(inner, more),
            (_, value) => drop(into.insert(key, value)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_are_put_over_others_table_by_table() {
        let mut all: Table = "a = 1\n[b]\nc = 1\nd = 1".parse().unwrap();
        merge(&mut all, "a = 2\n[b]\nd = 2\n[e]\nf = 2".parse().unwrap());
        assert_eq!(all, "a = 2\n[b]\nc = 1\nd = 2\n[e]\nf = 2".parse().unwrap());
    }
}
