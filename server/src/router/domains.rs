//! What is served under which domain.

use std::collections::HashMap;
use std::sync::Arc;

use arc_swap::ArcSwap;

use super::Service;

/// Who answers for a domain.
#[derive(Clone)]
pub enum Domain {
    /// Accounts live there.
    Accounts,
    /// A service does.
    Service(Arc<dyn Service>),
}

/// The domains of this server; read without waiting.
#[derive(Default)]
pub struct Domains(ArcSwap<HashMap<String, Domain>>);

impl Domains {
    /// Who answers for this domain.
    pub fn get(&self, domain: &str) -> Option<Domain> {
        self.0.load().get(domain).cloned()
    }

    /// From now on this answers for the domain.
    pub fn serve(&self, domain: &str, by: Domain) {
        self.0.rcu(|before| {
            let mut after = before.as_ref().clone();
            after.insert(domain.to_owned(), by.clone());
            after
        });
    }

    /// Nobody answers for the domain any more.
    pub fn withdraw(&self, domain: &str) {
        self.0.rcu(|before| {
            let mut after = before.as_ref().clone();
            after.remove(domain);
            after
        });
    }

    /// All services.
    pub fn services(&self) -> Vec<Arc<dyn Service>> {
        let domains = self.0.load();
        let services = domains.values().filter_map(|domain| match domain {
            Domain::Service(service) => Some(service.clone()),
            Domain::Accounts => None,
        });
        services.collect()
    }
}
