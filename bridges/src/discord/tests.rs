//! Discord as a whole, over real sockets, against the fake one.

mod far;
mod heard;
mod outages;
mod spoken;
