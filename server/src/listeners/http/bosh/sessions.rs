//! XEP-0124 §7: sessions by their names. There are as many as the gate lets in.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;

use super::session::Session;

/// All that live.
#[derive(Default)]
pub struct Sessions(Mutex<HashMap<String, Arc<Session>>>);

impl Sessions {
    /// One more.
    pub fn add(&self, session: &Arc<Session>) {
        self.0.lock().insert(session.sid.clone(), session.clone());
    }

    /// The one of this name, which nobody can guess.
    pub fn find(&self, sid: &str) -> Option<Arc<Session>> {
        self.0.lock().get(sid).cloned()
    }

    /// It is over.
    pub fn remove(&self, sid: &str) {
        self.0.lock().remove(sid);
    }
}
