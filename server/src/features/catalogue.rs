//! XEP-0030: what the registered features add up to. Advertised is what is registered, nothing else.

use std::sync::OnceLock;

use arc_swap::ArcSwap;
use rialto_xmpp::Jid;

use super::{About, Target};

/// What service discovery can tell of this house.
pub struct Catalogue {
    server: Vec<&'static str>,
    account: Vec<&'static str>,
    hosted: ArcSwap<Vec<Hosted>>,
    caps: OnceLock<String>,
}

/// A service of this server, for disco#items.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hosted {
    /// Its domain.
    pub jid: Jid,
    /// For a person.
    pub name: String,
}

impl Catalogue {
    /// The catalogue of these features, each namespace once and sorted (XEP-0115 §5.1).
    pub fn new<'a>(abouts: impl Iterator<Item = &'a About>) -> Catalogue {
        let (mut server, mut account) = (Vec::new(), Vec::new());
        for (target, feature) in abouts.flat_map(|about| about.disco.iter().copied()) {
            match target {
                Target::Server => server.push(feature),
                Target::Account => account.push(feature),
            }
        }
        for list in [&mut server, &mut account] {
            list.sort_unstable();
            list.dedup();
        }
        Catalogue { server, account, hosted: ArcSwap::default(), caps: OnceLock::new() }
    }

    /// Features of the server or of an account.
    pub fn features(&self, target: Target) -> &[&'static str] {
        match target {
            Target::Server => &self.server,
            Target::Account => &self.account,
        }
    }

    /// Services of this server.
    pub fn hosted(&self) -> Vec<Hosted> {
        self.hosted.load().as_ref().clone()
    }

    /// Tells of one more service.
    pub fn host(&self, service: Hosted) {
        self.hosted.rcu(|before| {
            let mut after = before.as_ref().clone();
            after.retain(|other| other.jid != service.jid);
            after.push(service.clone());
            after
        });
    }

    /// XEP-0115 §6.4: the verification string of the server's own disco#info, once it is known.
    pub fn caps(&self) -> Option<&str> {
        self.caps.get().map(String::as_str)
    }

    /// Says what the verification string is; the first one counts.
    pub fn set_caps(&self, ver: String) {
        let _ = self.caps.set(ver);
    }
}
