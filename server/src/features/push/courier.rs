//! XEP-0357 §7: says to push services that there is something, not too often, and hears what they answer (§7.1).
//!
//! Limits: [`READY`] notifications that wait to be sent (overflow: the newest is not sent; the next message tries again),
//! [`GAUGES`] registrations that are remembered beyond their account's stay in memory (overflow: those at rest).

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use rialto_store::{Batch, Store, pushes};
use rialto_xmpp::{BareJid, Condition, ErrorKind, Iq, IqKind, Jid, Stanza, ns, parse};
use tokio::sync::Notify;
use tokio::time::Instant;

use super::notice;
use super::registration::{Gauge, Registered, Registration};
use crate::config;
use crate::features::{Fut, Speaker, next_when};
use crate::random;
use crate::sessions::{Accounts, Attention};

/// Notifications that wait to be sent.
const READY: usize = 10_000;
/// Registrations that are remembered.
const GAUGES: usize = 50_000;
/// How long a service has to answer.
const PATIENCE: Duration = Duration::from_secs(60);
/// After so many failures in a row a registration is given up, be the reason lasting or not.
const FAILURES: u32 = 8;
/// The longest silence after failures.
const LONGEST: Duration = Duration::from_secs(3_600);

/// Why a device rings.
pub struct Rung<'a> {
    /// It cannot wait.
    pub call: bool,
    /// Who wrote.
    pub sender: &'a str,
    /// What, if the server can read it.
    pub body: Option<String>,
}

/// Says it, and hears the answers.
pub struct Courier {
    store: Store,
    accounts: Arc<Accounts>,
    settings: config::Push,
    state: Mutex<State>,
    changed: Notify,
}

type Key = (String, String, String);

#[derive(Default)]
struct State {
    gauges: HashMap<Key, Arc<Mutex<Gauge>>>,
    ready: VecDeque<Stanza>,
    /// What is to be said when it may be, soonest first.
    due: BTreeSet<(Instant, u64)>,
    due_of: HashMap<u64, Arc<Registration>>,
    /// What was said and not answered yet, by the id of the IQ.
    asked: HashMap<String, Asked>,
    /// The same in the order in which it was said.
    asked_at: VecDeque<(Instant, String)>,
    next: u64,
}

struct Asked {
    registration: Arc<Registration>,
}

impl Courier {
    /// One that has said nothing yet.
    pub fn new(store: &Store, accounts: &Arc<Accounts>, settings: config::Push) -> Courier {
        let (state, changed) = (Mutex::default(), Notify::new());
        Courier { store: store.clone(), accounts: accounts.clone(), settings, state, changed }
    }

    /// A registration as it is kept; `None` where it can no longer be read.
    pub fn registration(
        &self,
        account: &BareJid,
        service: &str,
        node: &str,
        kept: &pushes::Push,
    ) -> Option<Arc<Registration>> {
        let options = kept.options.as_deref().map(parse::standalone).transpose().ok()?;
        let gauge = self.gauge((account.as_str().into(), service.into(), node.into()));
        let to = (Jid::parse(service).ok()?, node);
        Some(Arc::new(Registration::new(account, to, (options, &kept.resource), gauge)))
    }

    /// There is something for a device.
    pub fn ring(&self, registration: &Arc<Registration>, rung: &Rung<'_>) {
        let now = Instant::now();
        let mut gauge = registration.gauge.lock();
        gauge.count = gauge.count.saturating_add(1);
        gauge.last = (rung.sender.to_owned(), rung.body.clone().filter(|_| self.settings.body));
        let quiet = gauge.quiet_until.filter(|until| *until > now);
        match quiet {
            // A call rings at once, unless the service is in trouble.
            Some(until) if !rung.call || gauge.failures > 0 => {
                if !std::mem::replace(&mut gauge.is_due, true) {
                    drop(gauge);
                    self.put_off(registration, until);
                }
            }
            _ => {
                let iq = self.say(registration, &mut gauge, now);
                drop(gauge);
                self.send(registration, iq, now);
            }
        }
    }

    /// §7.1: what a push service answers; says whether it was that. What is not from it, or answers nothing, is not.
    pub fn replied(&self, account: &BareJid, answer: &Iq) -> bool {
        let (Some(id), Some(from)) = (&answer.head.id, &answer.head.from) else { return false };
        let asked = {
            let mut state = self.state.lock();
            let is_its =
                |asked: &Asked| asked.registration.account == *account && asked.registration.service == *from;
            if !state.asked.get(id.as_str()).is_some_and(is_its) {
                return false;
            }
            state.asked.remove(id.as_str())
        };
        let Some(Asked { registration }) = asked else { return false };
        match answer.kind {
            IqKind::Result => registration.gauge.lock().failures = 0,
            _ if is_passing(answer) => self.failed(&registration),
            _ => self.give_up(&registration, "the push service refused"),
        }
        true
    }

    /// It was disabled.
    pub fn forget(&self, registration: &Registration) {
        let key = key_of(registration);
        let mut state = self.state.lock();
        state.gauges.remove(&key);
        state.asked.retain(|_, asked| key_of(&asked.registration) != key);
        state.due_of.retain(|_, due| key_of(due) != key);
    }

    fn gauge(&self, key: Key) -> Arc<Mutex<Gauge>> {
        let mut state = self.state.lock();
        if state.gauges.len() >= GAUGES {
            state.gauges.retain(|_, gauge| Arc::strong_count(gauge) > 1);
        }
        state.gauges.entry(key).or_default().clone()
    }

    fn say(&self, registration: &Registration, gauge: &mut Gauge, now: Instant) -> Iq {
        gauge.is_due = false;
        gauge.quiet_until = Some(now + self.settings.every);
        let id = random::token();
        let (sender, body) = &gauge.last;
        notice::publish(registration, &id, gauge.count, (sender, body.as_deref()), &self.settings)
    }

    fn send(&self, registration: &Arc<Registration>, iq: Iq, now: Instant) {
        let mut state = self.state.lock();
        if state.ready.len() >= READY || state.asked.len() >= READY {
            tracing::warn!(waiting = state.ready.len(), "too many notifications at once: one is not sent");
            return;
        }
        if let Some(id) = &iq.head.id {
            let id = id.to_string();
            state.asked.insert(id.clone(), Asked { registration: registration.clone() });
            state.asked_at.push_back((now, id));
        }
        state.ready.push_back(iq.into());
        drop(state);
        self.changed.notify_one();
    }

    fn put_off(&self, registration: &Arc<Registration>, until: Instant) {
        let mut state = self.state.lock();
        let number = state.next;
        state.next += 1;
        state.due.insert((until, number));
        state.due_of.insert(number, registration.clone());
        drop(state);
        self.changed.notify_one();
    }

    /// A failure that may pass: it is quiet for a while, twice as long each time.
    fn failed(&self, registration: &Arc<Registration>) {
        let mut gauge = registration.gauge.lock();
        gauge.failures += 1;
        if gauge.failures >= FAILURES {
            drop(gauge);
            return self.give_up(registration, "the push service could not be reached again and again");
        }
        let quiet = PATIENCE.saturating_mul(1 << gauge.failures.min(10)).min(LONGEST);
        gauge.quiet_until = Some(Instant::now() + quiet);
    }

    /// §7.1: the registration is disabled; its client will enable it again when it comes.
    fn give_up(&self, registration: &Registration, why: &str) {
        let (account, service) = (&registration.account, &registration.service);
        tracing::info!(%account, %service, why, "a push service is disabled");
        self.forget(registration);
        let mut batch = Batch::new();
        pushes::remove(&mut batch, account.as_str(), service.as_str(), &registration.node);
        let _ = self.store.enqueue(batch);
        if let Some(account) = self.accounts.get(account.as_str()) {
            let mut all = Registered::of(&account);
            all.retain(|one| !one.is(service, Some(&registration.node)));
            Registered::set(&account, all);
        }
    }

    fn is_here(&self, registration: &Registration) -> bool {
        self.accounts.get(registration.account.as_str()).is_some_and(|account| {
            let sessions = account.sessions();
            registration.session(&sessions).is_some_and(|session| session.attention() != Attention::Asleep)
        })
    }

    /// What may be said by now, and who has not answered in time. Returns when to look again.
    pub(super) fn look(&self, now: Instant) -> (Option<Stanza>, Option<Instant>) {
        let (mut due, mut silent) = (Vec::new(), Vec::new());
        {
            let mut state = self.state.lock();
            while let Some((at, number)) = state.due.first().copied().filter(|(at, _)| *at <= now) {
                state.due.remove(&(at, number));
                due.extend(state.due_of.remove(&number));
            }
            while let Some((at, id)) = state.asked_at.front().cloned()
                && (at + PATIENCE <= now || !state.asked.contains_key(&id))
            {
                state.asked_at.pop_front();
                silent.extend(state.asked.remove(&id));
            }
        }
        for registration in due {
            if self.is_here(&registration) {
                registration.is_here();
            }
            let mut gauge = registration.gauge.lock();
            // Its device has come meanwhile.
            if gauge.is_due {
                let iq = self.say(&registration, &mut gauge, now);
                drop(gauge);
                self.send(&registration, iq, now);
            }
        }
        silent.iter().for_each(|asked| self.failed(&asked.registration));
        let mut state = self.state.lock();
        let first = state.ready.pop_front();
        let due = state.due.first().map(|(at, _)| *at);
        let silent = state.asked_at.front().map(|(at, _)| *at + PATIENCE);
        (first, [due, silent].into_iter().flatten().min())
    }
}

impl Speaker for Courier {
    fn next(&self) -> Fut<'_, Stanza> {
        Box::pin(next_when(&self.changed, |now| self.look(now)))
    }
}

fn key_of(registration: &Registration) -> Key {
    let (account, service) = (registration.account.as_str(), registration.service.as_str());
    (account.into(), service.into(), registration.node.clone())
}

/// §7.1: whether an error may pass by itself: the way to the service is not open, or it asks to wait.
fn is_passing(answer: &Iq) -> bool {
    let Some(error) = answer.payloads.iter().find(|payload| payload.is("error", ns::CLIENT)) else {
        return false;
    };
    let way = [Condition::RemoteServerNotFound, Condition::RemoteServerTimeout];
    error.get("type") == Some(ErrorKind::Wait.as_str())
        || way.iter().any(|condition| error.child(condition.as_str(), ns::STANZA_ERRORS).is_some())
}
