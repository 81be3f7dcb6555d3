//! What the server keeps: an ordered key-value door, one committer in front of it, and the typed tables on it.
//!
//! * Reads are plain calls that run in place: `Store::get`, `Store::scan`, and the typed stores.
//! * Writes are batches. `Store::enqueue` hands one to the committer and returns a ticket; `Store::settled` is ready
//!   when it is durable (or failed). `Store::commit` does both.

pub mod accounts;
mod apply;
pub mod archive;
mod batch;
pub mod blocked;
pub mod blocklists;
pub mod circles;
mod clock;
mod committer;
mod engine;
mod error;
pub mod identities;
pub mod ids;
pub mod invites;
mod journal;
mod key;
pub mod last;
mod log;
mod marker;
pub mod marks;
pub mod migrate;
pub mod nicks;
pub mod notices;
mod open;
pub mod outbox;
pub mod prefs;
pub mod private;
pub mod pubsub;
pub mod pushes;
mod queue;
pub mod rehosted;
pub mod reports;
pub mod rooms;
pub mod rosters;
pub mod server;
mod settings;
mod shared;
mod store;
mod sums;
mod table;
pub mod tables;
mod ticket;
pub mod tokens;
pub mod uploads;
pub mod vcard;

pub use batch::Batch;
pub use engine::{Pair, Span};
pub use error::{OpenError, StoreError};
pub use settings::{Durability, EngineKind, Settings, Verify};
pub use store::Store;
pub use table::{Row, Table};
pub use tables::TableId;
pub use ticket::Ticket;
