//! Floor 6: rooms (XEP-0045). A room is data and one function (`room.rs`); a task around it keeps the order (`actor.rs`);
//! a host answers for all rooms of a domain (`host.rs`). Each act of the specification is a file with its errors and tests.

mod actor;
mod admin;
mod affiliation;
mod archive;
mod between;
mod config;
mod disco;
pub mod doors;
mod effect;
mod enter;
mod groupchat;
mod history;
mod host;
#[cfg(test)]
mod host_test;
mod invite;
mod leave;
pub mod links;
mod listener;
mod nick;
mod occupant;
mod occupants;
mod owner;
mod perform;
mod policy;
mod presence;
mod record;
mod register;
mod remote;
mod request;
mod role;
mod room;
mod rules;
mod search;
mod service;
#[cfg(test)]
mod stage;
mod standing;
mod subject;
mod whisper;

pub use actor::Mailbox;
pub use affiliation::{Affiliation, Role};
pub use config::Config;
pub use effect::{Archived, Effect, Now, Relayed};
pub use host::{Hosting, Listed, MucHost};
pub use listener::{Listener, Listeners, Printed};
pub use occupant::{Chair, Far, Occupant, Seat};
pub use occupants::Occupants;
pub use perform::{NoRelays, Relays};
pub use policy::{Opening, RoomPolicy};
pub use record::{Record, Standing, Subject};
pub use remote::{Person, Remote};
pub use room::{Input, LinkId, Room, State};
pub use rules::{Limits, Rules};
