//! serenity 0.12 against the fake: what it asks is as described, what it hears is what happened.

mod asking;
mod client;
mod faults;
mod limiting;
mod program;
mod rarely;
mod refusing;
mod resuming;
mod speaking;
