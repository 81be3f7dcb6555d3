//! RFC 9110: what is served over HTTP. A site is one thing served; `list.rs` is the list of them.

use std::sync::Arc;

use crate::config::{Config, Forwarded, Network};
use crate::public_url::PublicUrl;

use super::C2s;
use site::{Site, Sites};

pub mod body;
mod bosh;
mod cut;
mod forwarded;
mod host_meta;
mod html;
mod invitation;
mod landing;
mod list;
mod patient;
pub mod serve;
pub mod site;
#[cfg(test)]
mod tests;
pub mod uploads;
mod websocket;

/// What all HTTP connections share.
pub struct Http {
    /// Limits, the gate, and whether the server stops.
    c2s: Arc<C2s>,
    sites: Sites,
    /// Who may say whose request it is.
    proxies: Vec<Network>,
    forwarded: Forwarded,
    /// Where the world finds all this.
    pub public_url: PublicUrl,
}

impl Http {
    /// With the sites that the configuration wants, and `more`.
    pub fn open(
        c2s: &Arc<C2s>,
        config: &Config,
        public_url: PublicUrl,
        more: Vec<Arc<dyn Site>>,
    ) -> Arc<Http> {
        let sites = list::all(config, c2s, &public_url, more);
        let proxies = config.listen.proxies.clone();
        Arc::new(Http { c2s: c2s.clone(), sites, proxies, forwarded: config.http.forwarded, public_url })
    }
}
