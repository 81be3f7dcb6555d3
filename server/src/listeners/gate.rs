//! RFC 6120 §13.12: how many connections there may be, in all, before login, and from one address.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use tokio::sync::Notify;

use super::settings::Settings;

/// Counts connections. Memory is bounded by the number of connections itself.
#[derive(Debug, Default)]
pub struct Gate {
    live: AtomicUsize,
    unauthenticated: Mutex<HashMap<IpAddr, usize>>,
    strangers: AtomicUsize,
    lingering: AtomicUsize,
    emptied: Notify,
    complained: Mutex<Option<Instant>>,
}

/// How often a flood is worth a line in the log.
const COMPLAIN: Duration = Duration::from_secs(10);

/// Something that outlives its connection and must be done before the server stops.
#[derive(Debug)]
pub struct Linger(Arc<Gate>);

/// How many connections there are now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Counts {
    /// All.
    pub live: usize,
    /// Those that have not logged in.
    pub unauthenticated: usize,
}

/// One connection that was let in; dropping it lets the next one in.
#[derive(Debug)]
pub struct Pass {
    gate: Arc<Gate>,
    /// Set until the login.
    stranger: Option<IpAddr>,
}

/// Why a connection was turned away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Full {
    /// As many connections as the settings allow.
    Connections,
    /// Too many that have not logged in.
    Unauthenticated,
    /// Too many of those from this address.
    Address,
}

impl Gate {
    /// Lets a connection in, or says why not.
    ///
    /// # Errors
    /// [`Full`]
    pub fn admit(self: &Arc<Gate>, address: IpAddr, settings: &Settings) -> Result<Pass, Full> {
        let address = network(address);
        if self.live.load(Ordering::Acquire) >= settings.c2s.connections {
            return Err(Full::Connections);
        }
        let mut unauthenticated = self.unauthenticated.lock();
        if self.strangers.load(Ordering::Acquire) >= settings.unauthenticated {
            return Err(Full::Unauthenticated);
        }
        let here = unauthenticated.entry(address).or_default();
        if *here >= settings.unauthenticated_per_address {
            return Err(Full::Address);
        }
        *here += 1;
        self.strangers.fetch_add(1, Ordering::AcqRel);
        self.live.fetch_add(1, Ordering::AcqRel);
        Ok(Pass { gate: self.clone(), stranger: Some(address) })
    }

    /// Lets a trusted proxy's connection in: those it speaks for are counted, it is not.
    ///
    /// # Errors
    /// [`Full::Connections`]
    pub fn admit_proxy(self: &Arc<Gate>, settings: &Settings) -> Result<Pass, Full> {
        if self.live.load(Ordering::Acquire) >= settings.c2s.connections {
            return Err(Full::Connections);
        }
        self.live.fetch_add(1, Ordering::AcqRel);
        Ok(Pass { gate: self.clone(), stranger: None })
    }

    /// Whether it is time to say again that connections are turned away: a flood must not fill the disk as well.
    pub fn may_complain(&self, now: Instant) -> bool {
        let mut complained = self.complained.lock();
        let due = complained.is_none_or(|last| now.duration_since(last) >= COMPLAIN);
        if due {
            *complained = Some(now);
        }
        due
    }

    /// How many there are.
    pub fn counts(&self) -> Counts {
        Counts {
            live: self.live.load(Ordering::Acquire),
            unauthenticated: self.strangers.load(Ordering::Acquire),
        }
    }

    /// Something stays behind when a connection goes.
    pub fn linger(self: &Arc<Gate>) -> Linger {
        self.lingering.fetch_add(1, Ordering::AcqRel);
        Linger(self.clone())
    }

    /// Waits until the last connection is gone, and all that lingers.
    pub async fn empty(&self) {
        loop {
            let emptied = self.emptied.notified();
            tokio::pin!(emptied);
            emptied.as_mut().enable();
            if self.live.load(Ordering::Acquire) == 0 && self.lingering.load(Ordering::Acquire) == 0 {
                return;
            }
            emptied.await;
        }
    }
}

impl Pass {
    /// The connection has logged in: it counts as a stranger's no longer.
    pub fn authenticated(&mut self) {
        let Some(address) = self.stranger.take() else { return };
        let mut unauthenticated = self.gate.unauthenticated.lock();
        self.gate.strangers.fetch_sub(1, Ordering::AcqRel);
        if let Some(here) = unauthenticated.get_mut(&address) {
            *here -= 1;
            if *here == 0 {
                unauthenticated.remove(&address);
                if unauthenticated.is_empty() {
                    *unauthenticated = HashMap::new();
                }
            }
        }
    }
}

/// What counts as one address: an IPv6 host has a /64 at least, and that is what one person holds.
pub fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(v4) => IpAddr::V4(v4),
        IpAddr::V6(v6) => IpAddr::V6(Ipv6Addr::from(u128::from(v6) & !u128::from(u64::MAX))),
    }
}

impl Drop for Pass {
    fn drop(&mut self) {
        self.authenticated();
        if self.gate.live.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.gate.emptied.notify_waiters();
        }
    }
}

impl Drop for Linger {
    fn drop(&mut self) {
        if self.0.lingering.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.0.emptied.notify_waiters();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOME: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 1));
    const AWAY: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 2));

    #[test]
    fn strangers_are_few_from_one_address_and_few_in_all() {
        let settings = Settings { unauthenticated: 3, unauthenticated_per_address: 2, ..Settings::default() };
        let gate = Arc::new(Gate::default());
        let (mut one, _two) = (gate.admit(HOME, &settings).unwrap(), gate.admit(HOME, &settings).unwrap());
        assert_eq!(gate.admit(HOME, &settings).err(), Some(Full::Address));
        let _three = gate.admit(AWAY, &settings).unwrap();
        assert_eq!(gate.admit(AWAY, &settings).err(), Some(Full::Unauthenticated));
        one.authenticated();
        assert_eq!(gate.counts(), Counts { live: 3, unauthenticated: 2 });
        let _four = gate.admit(HOME, &settings).unwrap();
    }

    #[test]
    fn a_whole_ipv6_network_counts_as_one_address() {
        let settings = Settings { unauthenticated_per_address: 2, ..Settings::default() };
        let gate = Arc::new(Gate::default());
        let host = |last: u16| IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0, 1, 0, 0, 0, last));
        let _two = (gate.admit(host(1), &settings).unwrap(), gate.admit(host(2), &settings).unwrap());
        assert_eq!(gate.admit(host(3), &settings).err(), Some(Full::Address));
    }

    #[test]
    fn a_flood_is_told_of_now_and_then() {
        let (gate, now) = (Gate::default(), Instant::now());
        assert!(gate.may_complain(now));
        assert!(!gate.may_complain(now + COMPLAIN / 2));
        assert!(gate.may_complain(now + COMPLAIN));
    }

    #[test]
    fn a_full_server_takes_the_next_when_one_leaves() {
        let mut settings = Settings::default();
        settings.c2s.connections = 1;
        let gate = Arc::new(Gate::default());
        let mut only = gate.admit(HOME, &settings).unwrap();
        only.authenticated();
        assert_eq!(gate.admit(AWAY, &settings).err(), Some(Full::Connections));
        drop(only);
        assert!(gate.admit(AWAY, &settings).is_ok());
        assert_eq!(gate.counts(), Counts { live: 0, unauthenticated: 0 });
    }
}
