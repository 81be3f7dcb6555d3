//! Floor 6: domains of their own that answer and pass on: uploads, bytestreams, nodes.

mod answers;
pub mod bytestreams;
pub mod pubsub;
mod server_node;
#[cfg(test)]
mod tests;
pub mod uploads;
