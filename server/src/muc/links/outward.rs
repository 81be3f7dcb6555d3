//! From our room to a far one: one task for each link, so that all goes out in its order and no link waits for another.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rialto_bridges::{Act, Event, NetworkError, RemoteId};
use rialto_store::Batch;
use rialto_store::ids::Ids;

use super::attached::Attached;
use super::back::{Failed, returned, told};
use super::files::Files;
use super::hosts::Hosts;
use super::parts;
use super::relay::{HERE, Relayed};

/// How often a link that is down without having said so is tried, at first and later.
const AGAIN: [Duration; 2] = [Duration::from_secs(2), Duration::from_secs(30)];

/// A pause that is worth writing down: who is killed in it need not wonder what became of the words.
const LONG: Duration = Duration::from_secs(1);

/// What a link's outward task works with.
pub(super) struct Outward {
    pub link: Arc<Attached>,
    pub ids: Arc<Ids>,
    pub hosts: Arc<Hosts>,
    pub files: Option<Arc<Files>>,
}

impl Outward {
    /// Sends what must go out until the link ends.
    pub(super) async fn run(self) {
        let lane = &self.link.lane;
        loop {
            let relayed = lane.next().await;
            if !relayed.lasts() {
                self.momentary(&relayed).await;
                lane.forget_first();
                continue;
            }
            match self.deliver(&relayed).await {
                Ok(theirs) => {
                    let names = self.names(&relayed, &theirs);
                    lane.land(names, 1, !self.link.waits()).await;
                    self.link.arrived(relayed.at);
                }
                Err(Failed::TooOld) => {
                    let all = lane.expired(SystemTime::now());
                    self.give_back(&all, &Failed::TooOld).await;
                    lane.land(Batch::new(), all.len(), !self.link.waits()).await;
                }
                Err(error) => {
                    self.give_back(&[relayed], &error).await;
                    lane.land(Batch::new(), 1, !self.link.waits()).await;
                }
            }
        }
    }

    /// What is true for a moment is said once, and nobody minds where it is lost.
    async fn momentary(&self, relayed: &Relayed) {
        if self.link.waits() {
            return;
        }
        for part in self.dressed(relayed, SystemTime::now()).await.unwrap_or_default() {
            if let Err(error) = self.link.over.network.send(&self.link.linked.far, &part).await {
                tracing::trace!(link = %self.link.linked.key(), %error, "a moment has passed");
            }
        }
    }

    /// As often as it takes, until it is too old. The names of the last part come back: they are kept with its landing.
    async fn deliver(&self, relayed: &Relayed) -> Result<Vec<RemoteId>, Failed> {
        let mut tries = 0;
        loop {
            self.reached(relayed).await?;
            let error = match self.attempt(relayed).await {
                Ok(theirs) => return Ok(theirs),
                Err(Failed::Far(error)) => error,
                Err(failed) => return Err(failed),
            };
            let pause = match &error {
                NetworkError::Slow(pause) => (*pause).max(Duration::from_millis(20)),
                NetworkError::Down(_) | NetworkError::Unsure(_) => AGAIN[usize::from(tries > 5)], // holds: there are two
                _ => return Err(Failed::Far(error)),
            };
            tries += 1;
            self.link.lane.waits(&relayed.id, pause >= LONG);
            if SystemTime::now() + pause > self.link.lane.until(relayed) {
                return Err(Failed::Far(error));
            }
            match error {
                NetworkError::Slow(_) => tokio::time::sleep(pause).await,
                // Whatever is heard of the link meanwhile is a reason to try at once.
                _ => drop(tokio::time::timeout(pause, self.link.turned.notified()).await),
            }
        }
    }

    /// Waits until the far room can be reached, or says no.
    async fn reached(&self, relayed: &Relayed) -> Result<(), Failed> {
        let until = self.link.lane.until(relayed);
        loop {
            let Ok(left) = until.duration_since(SystemTime::now()) else { return Err(Failed::TooOld) };
            if !self.link.waits() {
                return Ok(());
            }
            self.link.lane.waits(&relayed.id, true);
            // A clock may be set: nobody sleeps for hours on its word.
            let nap = left.min(Duration::from_secs(60));
            drop(tokio::time::timeout(nap, self.link.turned.notified()).await);
        }
    }

    /// All that has not arrived yet, once.
    async fn attempt(&self, relayed: &Relayed) -> Result<Vec<RemoteId>, Failed> {
        let lane = &self.link.lane;
        let (mut flight, mut doubt) = lane.flight(&relayed.id);
        let parts = self.dressed(relayed, UNIX_EPOCH + Duration::from_micros(flight.at)).await?;
        let (count, done) = (parts.len(), flight.done);
        for (number, part) in parts.iter().enumerate().skip(done) {
            let arrived = if doubt { self.arrived(part, flight.at).await? } else { None };
            (doubt, _) = (false, lane.doubts(false));
            let theirs = match arrived {
                Some(theirs) => theirs,
                None => {
                    lane.takes_off(&mut flight).await;
                    self.send(part).await?
                }
            };
            if number + 1 == count {
                return Ok(theirs);
            }
            lane.gets_on(self.names(relayed, &theirs), &mut flight).await;
        }
        Ok(Vec::new())
    }

    async fn send(&self, part: &Event<RemoteId>) -> Result<Vec<RemoteId>, Failed> {
        let sent = self.link.over.network.send(&self.link.linked.far, part).await;
        match sent {
            Ok(theirs) => Ok(theirs),
            // What is not there any more need not be taken back.
            Err(NetworkError::NotFound(_)) if matches!(part.act, Act::Retract { .. }) => Ok(Vec::new()),
            Err(NetworkError::Unsure(why)) => {
                self.link.lane.doubts(true);
                match self.can_ask(part) || is_harmless_twice(part) {
                    true => Err(Failed::Far(NetworkError::Unsure(why))),
                    false => Err(Failed::Doubtful),
                }
            }
            Err(error) => Err(Failed::Far(error)),
        }
    }

    /// What became of a part whose arrival is not known: its names there; none where it must be sent.
    async fn arrived(&self, part: &Event<RemoteId>, since: u64) -> Result<Option<Vec<RemoteId>>, Failed> {
        if is_harmless_twice(part) {
            return Ok(None);
        }
        if !self.can_ask(part) {
            return Err(Failed::Doubtful);
        }
        let since = UNIX_EPOCH + Duration::from_micros(since);
        match self.link.over.network.sent(&self.link.linked.far, part, since).await {
            Ok(theirs) => Ok((!theirs.is_empty()).then_some(theirs)),
            Err(error @ (NetworkError::Down(_) | NetworkError::Slow(_) | NetworkError::Unsure(_))) => {
                Err(Failed::Far(error))
            }
            Err(_) => Err(Failed::Doubtful),
        }
    }

    fn can_ask(&self, part: &Event<RemoteId>) -> bool {
        let able = self.link.over.network.capabilities(&self.link.linked.far);
        able.finds && matches!(part.act, Act::Say(_))
    }

    /// Whoever here shows a picture to everybody shows it there as well, where names are shown.
    async fn dressed(&self, relayed: &Relayed, at: SystemTime) -> Result<Vec<Event<RemoteId>>, Failed> {
        let mut parts = self.parts(relayed, at)?;
        let author = &relayed.event.author;
        if author.network != HERE {
            return Ok(parts);
        }
        let (over, linked) = (&self.link.over, &self.link.linked);
        let face = match (&self.files, &author.account, &author.avatar) {
            (Some(files), Some(account), Some(hash)) if over.network.capabilities(&linked.far).names => {
                files.face(&over.name, account, hash).await
            }
            _ => None,
        };
        parts.iter_mut().for_each(|part| part.author.avatar = face.clone());
        Ok(parts)
    }

    fn parts(&self, relayed: &Relayed, at: SystemTime) -> Result<Vec<Event<RemoteId>>, Failed> {
        let (over, linked) = (&self.link.over.network, &self.link.linked);
        let mut able = over.capabilities(&linked.far);
        let has_own = over.speaks(&linked.far, &relayed.event.author);
        able.names |= has_own;
        let relayed = &*linked.written_there(relayed, &self.link.room, has_own);
        let names = parts::Names { ids: &self.ids, link: &linked.key(), room: self.link.room.as_str() };
        parts::of(relayed, &able, &names, at).map_err(Failed::Far)
    }

    /// Known at once, durable with what it is committed with: whoever edits it in a moment finds it.
    fn names(&self, relayed: &Relayed, theirs: &[RemoteId]) -> Batch {
        let mut batch = Batch::new();
        if theirs.is_empty() {
            return batch;
        }
        let link = self.link.linked.key();
        let theirs: Vec<String> = theirs.iter().map(|id| id.as_str().to_owned()).collect();
        if let Err(error) = self.ids.bind(&mut batch, &link, parts::named(relayed), &theirs) {
            tracing::warn!(link, %error, "the names of a message were not kept");
        }
        batch
    }

    /// Nothing is lost in silence: its author learns that people there have not read it.
    async fn give_back(&self, relayed: &[Arc<Relayed>], error: &Failed) {
        if let Some(input) = returned(&self.link, relayed, &told(&self.link, error)) {
            self.hosts.input(&self.link.room, input).await;
        }
    }
}

/// Doing it twice is like doing it once.
fn is_harmless_twice(part: &Event<RemoteId>) -> bool {
    !matches!(part.act, Act::Say(_))
}
