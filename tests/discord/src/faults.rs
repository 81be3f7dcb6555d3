//! Faults on purpose: what a client has to live with (each of them has been seen on real Discord).

use std::time::Duration;

/// What goes wrong with a request.
#[derive(Clone, Debug, PartialEq)]
pub enum What {
    /// 429, nothing is done. Without headers only the body says how long to wait, as a proxy before Discord does.
    RateLimited {
        /// Seconds.
        retry_after: f64,
        /// With `Retry-After` and `X-RateLimit-…`.
        headers: bool,
        /// For the whole application.
        global: bool,
    },
    /// A status and no more; nothing is done.
    FailBefore(u16),
    /// It is done and told on the gateway, but the answer is this status.
    FailAfter(u16),
    /// Nothing is done and the connection is cut.
    CutBefore,
    /// It is done and told on the gateway, but the connection is cut before the answer.
    CutAfter,
    /// It is done after a while.
    SlowBefore(Duration),
    /// It is done and told at once; the answer comes after a while: the event is there first.
    SlowAfter(Duration),
}

/// A fault and what it meets.
#[derive(Clone, Debug, PartialEq)]
pub struct Fault {
    /// The description's `operationId`, or `*` for every request.
    pub operation: String,
    /// How many requests it meets still.
    pub times: u32,
    /// How many go well before.
    pub skip: u32,
    /// What goes wrong.
    pub what: What,
}

impl Fault {
    /// Meets the next request of an operation.
    pub fn next(operation: &str, what: What) -> Fault {
        Fault { operation: operation.to_owned(), times: 1, skip: 0, what }
    }

    /// Meets so many.
    #[must_use]
    pub fn times(mut self, times: u32) -> Fault {
        self.times = times;
        self
    }

    /// Lets so many pass first.
    #[must_use]
    pub fn after(mut self, skip: u32) -> Fault {
        self.skip = skip;
        self
    }
}

/// Those that wait.
#[derive(Default)]
pub struct Faults(Vec<Fault>);

impl Faults {
    /// One more.
    pub fn add(&mut self, fault: Fault) {
        self.0.push(fault);
    }

    /// None any more.
    pub fn clear(&mut self) {
        self.0.clear();
    }

    /// What goes wrong with a request of this operation.
    pub fn meet(&mut self, operation: &str) -> Option<What> {
        let fits = |fault: &&mut Fault| fault.operation == operation || fault.operation == "*";
        let fault = self.0.iter_mut().find(fits)?;
        if fault.skip > 0 {
            fault.skip -= 1;
            return None;
        }
        fault.times = fault.times.saturating_sub(1);
        let what = fault.what.clone();
        self.0.retain(|fault| fault.times > 0);
        Some(what)
    }
}
