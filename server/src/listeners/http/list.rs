//! The list of sites. One more is one line here.

use std::sync::Arc;

use super::bosh::Bosh;
use super::host_meta::HostMeta;
use super::invitation::Invitation;
use super::landing::Landing;
use super::site::{Site, Sites};
use super::websocket::WebSocket;
use crate::config::Config;
use crate::listeners::C2s;
use crate::public_url::PublicUrl;

/// All sites that the configuration wants; `more` are those that others bring.
pub fn all(config: &Config, c2s: &Arc<C2s>, url: &PublicUrl, more: Vec<Arc<dyn Site>>) -> Sites {
    let mut sites: Vec<Arc<dyn Site>> =
        vec![Arc::new(Landing::new(config, url)), Arc::new(HostMeta::new(config, url))];
    if config.http.websocket {
        sites.push(Arc::new(WebSocket::new(c2s)));
    }
    if config.http.bosh {
        sites.push(Arc::new(Bosh::new(c2s, url)));
    }
    if let Some(registration) = &c2s.registration {
        sites.push(Arc::new(Invitation::new(registration, url)));
    }
    sites.extend(more);
    Sites::new(sites)
}
