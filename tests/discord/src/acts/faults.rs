//! Faults of the gateway, on purpose.

use crate::gateway::serve::reason;
use crate::gateway::{Out, Refuse};
use crate::state::{State, token};

impl State {
    /// Op 7: every connection shall come back with RESUME.
    pub fn ask_to_reconnect(&mut self) {
        let op = serde_json::json!({"op": 7, "d": null, "s": null, "t": null});
        self.gateway.all(|| Out::Say(op.clone(), std::time::Instant::now()));
    }

    /// Op 9 to every connection. Without `resumable` its session is gone.
    pub fn invalidate(&mut self, resumable: bool) {
        if !resumable {
            self.gateway.sessions.clear();
        }
        let op = serde_json::json!({"op": 9, "d": resumable, "s": null, "t": null});
        self.gateway.all(|| Out::Say(op.clone(), std::time::Instant::now()));
    }

    /// Closes every connection with a code.
    pub fn close_all(&mut self, code: u16) {
        self.gateway.all(|| Out::Close(code, reason(code)));
    }

    /// Cuts every connection without a word.
    pub fn cut_all(&mut self) {
        self.gateway.all(|| Out::Cut);
    }

    /// Every connection stays open and silent from now on.
    pub fn zombify(&mut self) {
        self.gateway.all(|| Out::Zombie);
    }

    /// Sessions are forgotten: the next RESUME gets op 9 false.
    pub fn forget_sessions(&mut self) {
        self.gateway.sessions.clear();
    }

    /// What the next IDENTIFY or RESUME gets.
    pub fn refuse_next(&mut self, refuse: Refuse) {
        self.gateway.refuse.push_back(refuse);
    }

    /// The application's token is another from now on: connections are closed with 4004, requests get 401.
    pub fn revoke_token(&mut self) {
        self.bot.token = token();
        self.close_all(4004);
    }
}
