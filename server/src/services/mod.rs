//! Floor 6: domains of their own that answer and pass on: uploads, bytestreams.

mod answers;
pub mod bytestreams;
#[cfg(test)]
mod tests;
pub mod uploads;
