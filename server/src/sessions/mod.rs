//! Floor 3: who is here. Accounts, their sessions, and the outbox of each session.

mod account;
mod accounts;
mod extensions;
mod frame;
mod held;
mod outbox;
mod session;
mod synchronised;
mod unacked;
mod urgency;

pub use account::Account;
pub use accounts::Accounts;
pub use extensions::Extensions;
pub use frame::Frame;
pub use outbox::{End, Outbox, Refused, Taken};
pub use session::{Attention, Session, UNAVAILABLE};
pub use synchronised::Synchronised;
pub use unacked::{AckError, Unacked};
pub use urgency::{Urgency, urgent};
