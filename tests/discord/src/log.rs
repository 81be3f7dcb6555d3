//! What was asked of this Discord, and what was not as the description has it.

use std::collections::VecDeque;

use serde_json::Value;

/// Requests and violations that are kept; older ones are counted only.
const KEPT: usize = 100_000;

/// A request and how it was answered.
#[derive(Clone, Debug)]
pub struct Request {
    /// `GET` …
    pub method: String,
    /// With the query.
    pub path: String,
    /// The description's `operationId`; empty where there is none.
    pub operation: String,
    /// The body, or a form's `payload_json`.
    pub body: Value,
    /// Names and sizes of a form's files.
    pub files: Vec<(String, usize)>,
    /// `X-Audit-Log-Reason`, decoded.
    pub reason: Option<String>,
    /// When it came, in milliseconds since 1970.
    pub at: u64,
    /// The answer's status; 0 where none was sent.
    pub status: u16,
}

/// The log.
#[derive(Default)]
pub struct Log {
    requests: VecDeque<Request>,
    violations: VecDeque<String>,
    /// Answers of 401, 403 and 429, but for limits that are shared: ten thousand in ten minutes and the address is banned.
    pub invalid: u64,
}

impl Log {
    /// Notes a request.
    pub fn request(&mut self, request: Request) {
        if self.requests.len() == KEPT {
            self.requests.pop_front();
        }
        self.requests.push_back(request);
    }

    /// Notes what a client should not have sent, or we should not have answered.
    pub fn violation(&mut self, what: String) {
        if self.violations.len() < KEPT {
            self.violations.push_back(what);
        }
    }

    /// All requests, the oldest first.
    pub fn requests(&self) -> Vec<Request> {
        self.requests.iter().cloned().collect()
    }

    /// All violations, the oldest first.
    pub fn violations(&self) -> Vec<String> {
        self.violations.iter().cloned().collect()
    }

    /// Forgets both.
    pub fn clear(&mut self) {
        *self = Log::default();
    }
}
