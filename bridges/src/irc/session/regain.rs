//! Getting the nick back that we wanted: services are told to free it (REGAIN, else GHOST), the server says when it is free
//! (MONITOR), and now and then we just try.

use super::{Out, Session};
use crate::irc::line::write;
use crate::irc::names::alternative;
use crate::irc::persona::Persona;
use std::time::Duration;
use tokio::time::Instant;

/// How often we try to get the nick that we wanted.
const REGAIN: Duration = Duration::from_secs(300);

/// How long services may take to put a ghost out.
const GHOST: Duration = Duration::from_secs(3);

impl Session {
    /// The nick we have is not the one we wanted: what can be done about it.
    pub(super) fn want_nick_back(&mut self, now: Instant, out: &mut Out) {
        // A nick that the server cut is the one that we wanted.
        if self.is_me(&alternative(&self.persona.nick, 0, self.isupport.nicklen)) {
            return;
        }
        self.regain = Some(now + REGAIN);
        let nick = &self.persona.nick;
        if self.isupport.monitor {
            out.paced.push(write(&["MONITOR", "+", nick], None));
        }
        if let Some(plea) = self.plea("REGAIN") {
            out.paced.push(write(&["PRIVMSG", "NickServ"], Some(&plea)));
        }
    }

    /// The house wants another nick from now on.
    pub fn call(&mut self, nick: String, out: &mut Out) {
        if nick == self.persona.nick {
            return;
        }
        self.persona = std::sync::Arc::new(Persona { nick: nick.clone(), ..(*self.persona).clone() });
        if self.is_ready() && !self.is_me(&nick) {
            out.paced.push(write(&["NICK", &nick], None));
            // Where it is taken, it is tried again.
            self.regain = Some(Instant::now() + REGAIN);
        }
    }

    /// RPL_MONOFFLINE, or somebody who had the nick has quit: it is free.
    pub(super) fn nick_is_free(&mut self, names: &str, out: &mut Out) {
        let letters = self.isupport.casemapping;
        let free = names
            .split(',')
            .any(|name| letters.same(name.split('!').next().unwrap_or_default(), &self.persona.nick));
        if self.regain.is_some() && free {
            out.urgent.push(write(&["NICK", &self.persona.nick], None));
        }
    }

    /// Services do not know REGAIN: they put the ghost out, and then the nick is free.
    pub(super) fn no_regain(&mut self, said: &str, now: Instant, out: &mut Out) {
        let lower = said.to_ascii_lowercase();
        let unknown = (lower.contains("unknown") || lower.contains("invalid")) && lower.contains("command");
        if self.regain.is_some()
            && unknown
            && !std::mem::replace(&mut self.ghosted, true)
            && let Some(plea) = self.plea("GHOST")
        {
            out.paced.push(write(&["PRIVMSG", "NickServ"], Some(&plea)));
            self.regain = Some(now + GHOST);
        }
    }

    /// We have it, or have given it up.
    pub(super) fn has_nick(&mut self, out: &mut Out) {
        if self.regain.is_some() && self.is_me(&self.persona.nick) {
            self.regain = None;
            if self.isupport.monitor {
                out.idle.push(write(&["MONITOR", "-", &self.persona.nick], None));
            }
        }
    }

    /// Now and then we try.
    pub(super) fn try_nick(&mut self, now: Instant, out: &mut Out) {
        if self.regain.is_some_and(|at| at <= now) {
            self.regain = Some(now + REGAIN);
            out.idle.push(write(&["NICK", &self.persona.nick], None));
        }
    }

    /// What services must be told; `None` where they do not know us.
    fn plea(&self, command: &str) -> Option<String> {
        let nick = &self.persona.nick;
        match &self.persona.nickserv {
            Some((_, password)) if !self.shake.proven => Some(format!("{command} {nick} {password}")),
            _ => self.shake.proven.then(|| format!("{command} {nick}")),
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::irc::persona::Persona;
    use crate::irc::session::tests::Net;
    use std::sync::Arc;

    fn ghosted(isupport: &str) -> Net {
        let mut net = Net::new("");
        let persona = Persona { nickserv: Some((None, "hunter2".into())), ..(*net.session.persona).clone() };
        net.session.persona = Arc::new(persona);
        net.session.lost(&crate::network::NetworkError::Down(String::new()));
        net.says(":s 001 rialto_ :Welcome");
        net.says(&format!(":s 005 rialto_ {isupport} :are supported"));
        net.says(":s 422 rialto_ :no MOTD");
        net.says(":NickServ!s@services NOTICE rialto_ :You are now identified.");
        net
    }

    #[test]
    fn a_ghost_is_put_out_by_services_whatever_they_call_it() {
        let mut net = ghosted("X=1");
        assert!(net.sent().contains(&"PRIVMSG NickServ :REGAIN rialto hunter2".to_owned()));
        net.says(":NickServ!s@services NOTICE rialto_ :Unknown command \u{2}REGAIN\u{2}.");
        net.says(":NickServ!s@services NOTICE rialto_ :Unknown command \u{2}GHOST\u{2}.");
        assert_eq!(net.sent(), ["PRIVMSG NickServ :GHOST rialto hunter2"], "asked once");
        net.later(3);
        assert_eq!(net.sent(), ["NICK rialto"]);
        net.says(":rialto_!~r@h NICK :rialto");
        net.later(1000);
        assert!(net.sent().is_empty());
    }

    #[test]
    fn a_server_that_watches_nicks_says_when_ours_is_free() {
        let mut net = ghosted("MONITOR=100");
        assert!(net.sent().contains(&"MONITOR + rialto".to_owned()));
        net.says(":s 731 rialto_ :somebody,rialto");
        assert_eq!(net.sent(), ["NICK rialto"]);
        net.says(":rialto_!~r@h NICK :rialto");
        assert_eq!(net.sent(), ["MONITOR - rialto"]);
        net.says(":s 731 rialto :rialto");
        assert!(net.sent().is_empty());
    }
}
