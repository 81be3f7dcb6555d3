//! XEP-0363 §6, §8: who has uploaded how much, and who may upload what next. Plain values.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use rialto_store::uploads::{Purpose, Upload};

use crate::config;

/// Uploads of one person that were asked for and have not ended.
const PENDING_PER_PERSON: usize = 20;

/// The same, of everybody.
const PENDING: usize = 10_000;

/// Files of one person.
const FILES: usize = 20_000;

const HOUR: u64 = 3_600_000_000;

/// A quota of one person, or a limit of the server, is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Full {
    /// What may be uploaded in a day; there is room again at this time, in microseconds since 1970.
    Day(u64),
    /// What all files of a person may have.
    Person,
    /// What files may have that are kept for long.
    Lasting,
    /// Too many uploads that have not ended; try again when these are done.
    Pending,
}

/// An upload that was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pending {
    /// The id that the file will have.
    pub id: String,
    /// What the file will be; its times are set when it is there.
    pub upload: Upload,
    /// The type that the uploader promised, if one was.
    pub promised: Option<String>,
    /// When it may end at the latest, for what is to be gone at a certain time.
    pub before: Option<u64>,
    until: Instant,
    taken: bool,
}

/// Why nobody may upload there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shut {
    /// There is no such slot, or it is used, or too old.
    Unknown,
    /// An upload into it goes on.
    Busy,
}

/// Slots and sums.
#[derive(Debug, Default)]
pub struct Books {
    people: HashMap<String, Sums>,
    slots: HashMap<String, Pending>,
}

/// What somebody has here.
#[derive(Clone, Debug, Default)]
struct Sums {
    bytes: u64,
    lasting: u64,
    files: usize,
    /// Bytes by the hour in which they came; 24 hours of it.
    hours: Vec<(u64, u64)>,
}

impl Books {
    /// A file is there.
    pub fn add(&mut self, upload: &Upload, now: u64) {
        let sums = self.people.entry(upload.owner.clone()).or_default();
        sums.bytes += upload.size;
        sums.files += 1;
        if is_lasting(upload.purpose) {
            sums.lasting += upload.size;
        }
        sums.note(upload.created, upload.size, now);
    }

    /// A file is gone. What was uploaded today stays uploaded today.
    pub fn remove(&mut self, upload: &Upload, now: u64) {
        let Some(sums) = self.people.get_mut(&upload.owner) else { return };
        sums.bytes = sums.bytes.saturating_sub(upload.size);
        sums.files = sums.files.saturating_sub(1);
        if is_lasting(upload.purpose) {
            sums.lasting = sums.lasting.saturating_sub(upload.size);
        }
        sums.hours.retain(|(hour, _)| is_today(*hour, now));
        if sums.files == 0 && sums.hours.is_empty() {
            self.people.remove(&upload.owner);
        }
    }

    /// Somebody is gone with everything.
    pub fn forget(&mut self, owner: &str) {
        self.people.remove(owner);
        self.slots.retain(|_, pending| pending.upload.owner != owner);
    }

    /// Everybody who has a file.
    pub fn owners(&self) -> Vec<String> {
        self.people.keys().cloned().collect()
    }

    /// Files and bytes of everybody.
    pub fn totals(&self) -> (usize, u64) {
        self.people.values().fold((0, 0), |(files, bytes), sums| (files + sums.files, bytes + sums.bytes))
    }

    /// Somebody will upload this within `within`, into the slot of this name.
    ///
    /// # Errors
    /// [`Full`]
    pub fn open(
        &mut self,
        slot: String,
        pending: Pending,
        settings: &config::Upload,
        now: u64,
    ) -> Result<(), Full> {
        let moment = Instant::now();
        self.slots.retain(|_, pending| pending.taken || pending.until > moment);
        let owner = pending.upload.owner.as_str();
        let own = self.slots.values().filter(|other| other.upload.owner == owner);
        let (mut waiting, mut bytes, mut lasting) = (0, 0, 0);
        for other in own {
            waiting += 1;
            bytes += other.upload.size;
            lasting += if is_lasting(other.upload.purpose) { other.upload.size } else { 0 };
        }
        if waiting >= PENDING_PER_PERSON || self.slots.len() >= PENDING {
            return Err(Full::Pending);
        }
        let size = pending.upload.size;
        let none = Sums::default();
        let sums = self.people.get(owner).unwrap_or(&none);
        if sums.bytes + bytes + size > settings.per_person as u64 || sums.files + waiting >= FILES {
            return Err(Full::Person);
        }
        let is_for_long = is_lasting(pending.upload.purpose);
        if is_for_long && sums.lasting + lasting + size > settings.lasting_per_person as u64 {
            return Err(Full::Lasting);
        }
        let allowed = (settings.per_day as u64).saturating_sub(bytes + size);
        if bytes + size > settings.per_day as u64 || sums.today(now) > allowed {
            return Err(Full::Day(sums.room_at(allowed, now)));
        }
        self.slots.insert(slot, pending);
        Ok(())
    }

    /// Somebody begins to upload; nobody else may meanwhile.
    ///
    /// # Errors
    /// [`Shut`]
    pub fn take(&mut self, slot: &str) -> Result<Pending, Shut> {
        let found = self.slots.get_mut(slot).ok_or(Shut::Unknown)?;
        if found.taken {
            return Err(Shut::Busy);
        }
        if found.until <= Instant::now() {
            self.slots.remove(slot);
            return Err(Shut::Unknown);
        }
        found.taken = true;
        Ok(found.clone())
    }

    /// What would be uploaded there, without beginning.
    pub fn look(&self, slot: &str) -> Option<&Pending> {
        self.slots.get(slot).filter(|found| found.taken || found.until > Instant::now())
    }

    /// The upload came to nothing: as long as its time is not over, it can begin anew.
    pub fn give_back(&mut self, slot: &str) {
        if let Some(found) = self.slots.get_mut(slot) {
            found.taken = false;
        }
    }

    /// The upload is whole; nobody uploads there again.
    pub fn used(&mut self, slot: &str) {
        self.slots.remove(slot);
    }
}

impl Pending {
    /// An upload that may begin within this time.
    pub fn new(id: String, upload: Upload, within: Duration) -> Pending {
        let until = Instant::now() + within;
        Pending { id, upload, promised: None, before: None, until, taken: false }
    }
}

impl Sums {
    fn note(&mut self, created: u64, size: u64, now: u64) {
        self.hours.retain(|(hour, _)| is_today(*hour, now));
        let hour = created / HOUR;
        match self.hours.iter_mut().find(|(other, _)| *other == hour) {
            Some((_, bytes)) => *bytes += size,
            None if is_today(hour, now) => self.hours.push((hour, size)),
            None => {}
        }
    }

    fn today(&self, now: u64) -> u64 {
        self.hours.iter().filter(|(hour, _)| is_today(*hour, now)).map(|(_, bytes)| bytes).sum()
    }

    /// When no more than `allowed` will have been uploaded within a day.
    fn room_at(&self, allowed: u64, now: u64) -> u64 {
        let mut hours: Vec<(u64, u64)> =
            self.hours.iter().filter(|(hour, _)| is_today(*hour, now)).copied().collect();
        hours.sort_unstable();
        let mut left: u64 = hours.iter().map(|(_, bytes)| bytes).sum();
        for (hour, bytes) in hours {
            left -= bytes;
            if left <= allowed {
                return (hour + 24) * HOUR;
            }
        }
        now + 24 * HOUR
    }
}

fn is_lasting(purpose: Purpose) -> bool {
    matches!(purpose, Purpose::Profile | Purpose::Permanent)
}

fn is_today(hour: u64, now: u64) -> bool {
    hour + 24 > now / HOUR
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: u64 = 1_000_000 * HOUR;

    fn upload(size: u64, purpose: Purpose) -> Upload {
        let (name, kind) = (String::new(), String::new());
        Upload { owner: "romeo@localhost".into(), name, kind, size, purpose, created: NOW, expires: None }
    }

    fn settings() -> config::Upload {
        config::Upload { per_day: 100, per_person: 250, lasting_per_person: 30, ..config::Upload::default() }
    }

    fn open(books: &mut Books, slot: &str, upload: Upload, now: u64) -> Result<(), Full> {
        let pending = Pending::new(format!("id-{slot}"), upload, Duration::from_secs(60));
        books.open(slot.into(), pending, &settings(), now)
    }

    #[test]
    fn a_day_has_its_quota_and_says_when_there_is_room_again() {
        let mut books = Books::default();
        let message = |size| upload(size, Purpose::Message);
        books.add(&Upload { created: NOW - 20 * HOUR, ..message(40) }, NOW);
        books.add(&Upload { created: NOW - 2 * HOUR, ..message(50) }, NOW);
        assert_eq!(open(&mut books, "a", message(10), NOW), Ok(()));
        assert_eq!(open(&mut books, "b", message(10), NOW), Err(Full::Day(NOW + 4 * HOUR)));
        assert_eq!(open(&mut books, "b", message(60), NOW), Err(Full::Day(NOW + 22 * HOUR)));
        assert_eq!(open(&mut books, "b", message(10), NOW + 4 * HOUR), Ok(()));
        books.remove(&message(50), NOW);
        let day = open(&mut books, "c", message(60), NOW);
        assert!(matches!(day, Err(Full::Day(_))), "removing a file makes no new day");
    }

    #[test]
    fn what_was_asked_for_counts_as_uploaded() {
        let mut books = Books::default();
        for slot in ["a", "b"] {
            assert_eq!(open(&mut books, slot, upload(50, Purpose::Message), NOW), Ok(()));
        }
        let full = open(&mut books, "c", upload(1, Purpose::Message), NOW);
        assert!(matches!(full, Err(Full::Day(_))));
        books.give_back("a");
        books.used("a");
        assert_eq!(open(&mut books, "c", upload(1, Purpose::Message), NOW), Ok(()));
    }

    #[test]
    fn all_files_have_a_quota_and_lasting_ones_their_own() {
        let mut books = Books::default();
        assert_eq!(open(&mut books, "a", upload(31, Purpose::Profile), NOW), Err(Full::Lasting));
        assert_eq!(open(&mut books, "a", upload(30, Purpose::Profile), NOW), Ok(()));
        assert_eq!(open(&mut books, "b", upload(1, Purpose::Permanent), NOW), Err(Full::Lasting));
        let old = Upload { created: NOW - 30 * HOUR, ..upload(220, Purpose::Message) };
        books.add(&old, NOW);
        assert_eq!(open(&mut books, "b", upload(1, Purpose::Message), NOW), Err(Full::Person));
        books.remove(&old, NOW);
        assert_eq!(open(&mut books, "b", upload(1, Purpose::Message), NOW), Ok(()));
        assert_eq!(books.totals(), (0, 0));
    }

    #[test]
    fn nobody_holds_more_than_a_few_slots() {
        let mut books = Books::default();
        for n in 0..PENDING_PER_PERSON {
            assert_eq!(open(&mut books, &n.to_string(), upload(1, Purpose::Message), NOW), Ok(()));
        }
        assert_eq!(open(&mut books, "more", upload(1, Purpose::Message), NOW), Err(Full::Pending));
        let juliet = Upload { owner: "juliet@localhost".into(), ..upload(1, Purpose::Message) };
        assert_eq!(open(&mut books, "more", juliet, NOW), Ok(()));
    }

    #[test]
    fn a_slot_is_taken_by_one_and_used_once() {
        let mut books = Books::default();
        open(&mut books, "a", upload(1, Purpose::Message), NOW).unwrap();
        assert_eq!(books.take("a").unwrap().id, "id-a");
        assert_eq!(books.take("a").unwrap_err(), Shut::Busy);
        books.give_back("a");
        assert!(books.take("a").is_ok());
        books.used("a");
        books.give_back("a");
        assert_eq!(books.take("a").unwrap_err(), Shut::Unknown);
        let late = Pending::new("id".into(), upload(1, Purpose::Message), Duration::ZERO);
        books.open("late".into(), late, &settings(), NOW).unwrap();
        assert_eq!(books.take("late").unwrap_err(), Shut::Unknown);
    }
}
