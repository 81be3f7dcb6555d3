//! XEP-0114: Jabber Component Protocol: programs in any language that answer for a domain of ours.

mod component;
mod stream;
#[cfg(test)]
mod tests;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use rialto_xmpp::Jid;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::gate::Gate;
use super::settings::Settings;
use super::{ListenError, socket};
use crate::config::{C2s, Config};
use crate::features::Hosted;
use crate::router::{Domain, Router};
use component::Component;

/// Connections of components at one time, and those among them that have not proved themselves.
const CONNECTIONS: usize = 256;

/// The components that may connect, and their door.
pub struct Components {
    door: Arc<Entry>,
    addresses: Vec<SocketAddr>,
    accepting: Vec<JoinHandle<()>>,
}

/// What every connection of a component shares.
struct Entry {
    components: Vec<Arc<Component>>,
    router: Arc<Router>,
    closing: watch::Sender<bool>,
    gate: Arc<Gate>,
}

/// Why components cannot be let in.
#[derive(Debug, thiserror::Error)]
pub enum ComponentError {
    /// The port.
    #[error("{0}")]
    Listen(#[from] ListenError),
    /// A secret.
    #[error("{0}")]
    Secret(String),
}

impl Components {
    /// Has the router serve their domains, and opens the port if there is any component.
    ///
    /// # Errors
    /// [`ComponentError`], for the operator.
    pub fn open(config: &Config, router: &Arc<Router>) -> Result<Components, ComponentError> {
        let mut components = Vec::new();
        for wanted in &config.components {
            let secret = wanted.secret(&config.origin.folder).map_err(ComponentError::Secret)?;
            let component = Arc::new(Component::new(&wanted.domain, secret));
            router.domains.serve(&wanted.domain, Domain::Service(component.clone()));
            if let Ok(jid) = Jid::parse(&wanted.domain) {
                let name = if wanted.name.is_empty() { &wanted.domain } else { &wanted.name };
                router.features.catalogue.host(Hosted { jid, name: name.clone() });
            }
            components.push(component);
        }
        let (closing, gate) = (watch::Sender::new(false), Arc::new(Gate::default()));
        let door = Arc::new(Entry { components, router: router.clone(), closing, gate });
        let mut open = Components { door, addresses: Vec::new(), accepting: Vec::new() };
        if let Some(port) = config.listen.components
            && !open.door.components.is_empty()
        {
            open.listen(port, config)?;
        }
        Ok(open)
    }

    /// Where components connect.
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    fn listen(&mut self, port: u16, config: &Config) -> Result<(), ListenError> {
        for socket in socket::listen_on_all(port, &config.listen.component_addresses)? {
            if let Ok(address) = socket.local_addr() {
                tracing::info!(%address, "listening for components");
                self.addresses.push(address);
            }
            self.accepting.push(tokio::spawn(accept(socket, self.door.clone())));
        }
        Ok(())
    }
}

impl Drop for Components {
    fn drop(&mut self) {
        self.accepting.iter().for_each(JoinHandle::abort);
        self.door.closing.send_replace(true);
    }
}

async fn accept(socket: TcpListener, door: Arc<Entry>) {
    let settings = Settings {
        c2s: C2s { connections: CONNECTIONS, ..C2s::default() },
        unauthenticated: CONNECTIONS,
        unauthenticated_per_address: CONNECTIONS,
        ..Settings::default()
    };
    loop {
        let (stream, address) = match socket.accept().await {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::warn!(%error, "a component could not be let in");
                tokio::time::sleep(Duration::from_millis(50)).await;
                continue;
            }
        };
        let Ok(pass) = door.gate.admit(address.ip(), &settings) else { continue };
        if socket::prepare(&stream).is_ok() {
            tokio::spawn(stream::serve(door.clone(), stream, address, pass));
        }
    }
}
