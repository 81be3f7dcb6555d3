//! What the whole server must do: transcripts, tidiness, seeded input and real peers.

pub mod tidy;
