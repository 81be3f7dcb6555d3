//! serenity 0.12 against the fake: what it asks is as described, what it hears is what happened.

mod client;
mod limiting;
mod resuming;
mod speaking;
