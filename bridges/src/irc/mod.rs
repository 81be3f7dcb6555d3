//! IRC in relay mode: one connection to one network, which speaks for everybody.

mod formatting;
mod isupport;
mod line;
mod names;
mod session;
mod settings;
mod tls;
mod when;
