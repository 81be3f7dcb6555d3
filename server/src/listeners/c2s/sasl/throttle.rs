//! RFC 6120 §13.12, RFC 4616 §6: guessing is slow, per address and per account; memory for it is bounded.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::net::IpAddr;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use crate::config;
use crate::listeners::gate::network;

/// How many failures are let through at once, and how fast they are forgotten.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// Failures in a row.
    pub burst: u32,
    /// Time after which one failure is forgotten.
    pub forget: Duration,
}

/// Counts failures. A refused attempt is not looked at, so refusing costs next to nothing.
#[derive(Debug)]
pub struct Throttle {
    per_address: Rate,
    per_account: Rate,
    hasher: RandomState,
    seen: Mutex<Seen>,
}

#[derive(Debug, Default)]
struct Seen {
    failures: HashMap<Key, Failures>,
    /// Pairs that logged in not long ago: a stranger's guesses cannot lock the owner out.
    welcome: HashMap<(u64, IpAddr), Instant>,
}

/// Accounts are kept as keyed hashes: a long made-up name takes no more room than a short one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Key {
    Address(IpAddr),
    Account(u64),
}

/// `count` failures as they stood at `at`.
#[derive(Clone, Copy, Debug)]
struct Failures {
    count: f64,
    at: Instant,
}

/// Entries of either map. Overflow: what is nearly forgotten goes first, then the oldest half.
const MOST: usize = 16_384;
/// How long a login vouches for its address.
const WELCOME: Duration = Duration::from_secs(7 * 24 * 3600);

impl Default for Throttle {
    fn default() -> Throttle {
        Throttle::chosen(&config::C2s::default())
    }
}

impl Throttle {
    /// A throttle that has seen nothing.
    pub fn new(per_address: Rate, per_account: Rate) -> Throttle {
        Throttle { per_address, per_account, hasher: RandomState::new(), seen: Mutex::default() }
    }

    /// As an operator chose: so many failures of one account, and twice as many of one address.
    pub fn chosen(c2s: &config::C2s) -> Throttle {
        let rate = |burst: u32| {
            let burst = burst.max(1);
            Rate { burst, forget: c2s.failures_within.max(Duration::from_secs(1)) / burst }
        };
        Throttle::new(rate(c2s.failures.saturating_mul(2)), rate(c2s.failures))
    }

    /// Whether an attempt may be looked at now. Existing and other accounts are treated alike.
    pub fn allows(&self, address: IpAddr, account: &str, now: Instant) -> bool {
        let (address, account) = (network(address), self.hasher.hash_one(account));
        let seen = self.seen.lock();
        if self.is_full(&seen, Key::Address(address), self.per_address, now) {
            return false;
        }
        let vouched = seen.welcome.get(&(account, address));
        vouched.is_some_and(|at| now.duration_since(*at) < WELCOME)
            || !self.is_full(&seen, Key::Account(account), self.per_account, now)
    }

    /// A wrong password, or a wrong name.
    pub fn failed(&self, address: IpAddr, account: &str, now: Instant) {
        let (address, account) = (network(address), self.hasher.hash_one(account));
        let seen = &mut *self.seen.lock();
        for (key, rate) in
            [(Key::Address(address), self.per_address), (Key::Account(account), self.per_account)]
        {
            make_room(&mut seen.failures, |failures| failures.at);
            let failures = seen.failures.entry(key).or_insert(Failures { count: 0.0, at: now });
            *failures = Failures { count: failures.left(rate, now) + 1.0, at: now };
        }
    }

    /// A login: the account is its owner's again.
    pub fn succeeded(&self, address: IpAddr, account: &str, now: Instant) {
        let (address, account) = (network(address), self.hasher.hash_one(account));
        let seen = &mut *self.seen.lock();
        make_room(&mut seen.welcome, |at| *at);
        seen.welcome.insert((account, address), now);
    }

    fn is_full(&self, seen: &Seen, key: Key, rate: Rate, now: Instant) -> bool {
        seen.failures.get(&key).is_some_and(|failures| failures.left(rate, now) > f64::from(rate.burst) - 1.0)
    }
}

impl Failures {
    fn left(&self, rate: Rate, now: Instant) -> f64 {
        let forgotten = now.duration_since(self.at).as_secs_f64() / rate.forget.as_secs_f64();
        (self.count - forgotten).max(0.0)
    }
}

/// Drops the older half when full, so that the cost is spread over many insertions.
fn make_room<K: Copy + Eq + std::hash::Hash, V>(map: &mut HashMap<K, V>, at: impl Fn(&V) -> Instant) {
    if map.len() < MOST {
        return;
    }
    let mut times: Vec<Instant> = map.values().map(&at).collect();
    let middle = times.len() / 2;
    let (_, median, _) = times.select_nth_unstable(middle);
    let median = *median;
    map.retain(|_, value| at(value) > median);
}

#[cfg(test)]
mod tests {
    use std::net::Ipv6Addr;

    use super::*;

    const HOME: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 1));
    const AWAY: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 2));

    fn throttle() -> Throttle {
        let rate = |burst| Rate { burst, forget: Duration::from_secs(10) };
        Throttle::new(rate(5), rate(3))
    }

    #[test]
    fn an_account_is_closed_after_a_few_failures_from_anywhere_and_opens_again() {
        let (throttle, now) = (throttle(), Instant::now());
        for last in 1..=3 {
            assert!(throttle.allows(HOME, "romeo", now));
            throttle.failed(IpAddr::V4([192, 0, 2, last].into()), "romeo", now);
        }
        assert!(!throttle.allows(AWAY, "romeo", now));
        assert!(throttle.allows(AWAY, "juliet", now));
        assert!(throttle.allows(AWAY, "romeo", now + Duration::from_secs(11)));
    }

    #[test]
    fn an_address_is_closed_whatever_names_it_tries() {
        let (throttle, now) = (throttle(), Instant::now());
        (0..5).for_each(|name| throttle.failed(HOME, &name.to_string(), now));
        assert!(!throttle.allows(HOME, "never tried", now));
        assert!(throttle.allows(AWAY, "never tried", now));
    }

    #[test]
    fn an_owner_who_was_here_lately_is_not_locked_out_by_strangers() {
        let (throttle, now) = (throttle(), Instant::now());
        throttle.succeeded(HOME, "romeo", now);
        (0..4).for_each(|_| throttle.failed(AWAY, "romeo", now));
        assert!(throttle.allows(HOME, "romeo", now));
        assert!(!throttle.allows(AWAY, "romeo", now));
    }

    #[test]
    fn a_whole_ipv6_network_counts_as_one_address() {
        let (throttle, now) = (throttle(), Instant::now());
        let host = |last: u16| IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0, 1, 0, 0, 0, last));
        (1..=5).for_each(|last| throttle.failed(host(last), &last.to_string(), now));
        assert!(!throttle.allows(host(99), "x", now));
        assert!(throttle.allows(IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0, 2, 0, 0, 0, 1)), "x", now));
    }

    #[test]
    fn memory_for_guesses_is_bounded() {
        let (throttle, mut now) = (throttle(), Instant::now());
        for name in 0..40_000u32 {
            now += Duration::from_micros(1);
            throttle.failed(IpAddr::V4(name.into()), &name.to_string(), now);
        }
        assert!(throttle.seen.lock().failures.len() <= MOST + 2);
    }
}
