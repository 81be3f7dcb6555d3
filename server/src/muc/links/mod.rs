//! Links: a room of ours that is one with rooms on other networks.

pub mod translate;
