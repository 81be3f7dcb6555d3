//! SASL, the server's side (IRCv3 sasl-3.2).

use super::client::Stranger;
use super::scram::ServerScram;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// An exchange that is under way.
#[derive(Default)]
pub struct Exchange {
    mechanism: String,
    pieces: String,
    scram: Option<ServerScram>,
    proven: bool,
}

impl Stranger {
    pub(super) fn authenticate(&mut self, piece: &str) {
        let script = self.shared.state().script.clone();
        let offer = script.caps.iter().find_map(|cap| cap.strip_prefix("sasl"));
        let ways = offer.and_then(|value| value.strip_prefix('=')).unwrap_or("PLAIN").to_owned();
        if self.exchange.mechanism.is_empty() {
            if !ways.split(',').any(|way| way == piece) {
                self.numeric("908", &format!("{ways} :are available SASL mechanisms"));
                return self.numeric("904", ":SASL authentication failed");
            }
            self.exchange = Exchange { mechanism: piece.into(), ..Exchange::default() };
            return self.send("AUTHENTICATE +");
        }
        self.exchange.pieces.push_str(piece.trim_matches('+'));
        if piece.len() == 400 {
            return;
        }
        let answer = STANDARD.decode(std::mem::take(&mut self.exchange.pieces)).unwrap_or_default();
        let account = script.account.unwrap_or_default();
        match self.exchange.mechanism.as_str() {
            "EXTERNAL" => self.end(script.certified),
            "PLAIN" => {
                let (user, password) = &account;
                let right = answer == format!("{user}\0{user}\0{password}").as_bytes() && !user.is_empty();
                self.end(right.then_some(account.0));
            }
            mechanism if self.exchange.scram.is_none() && !self.exchange.proven => {
                match ServerScram::begin(mechanism, &account.1, &answer) {
                    Some((scram, challenge)) => {
                        self.exchange.scram = Some(scram);
                        self.send(&format!("AUTHENTICATE {}", STANDARD.encode(challenge)));
                    }
                    None => self.end(None),
                }
            }
            _ if self.exchange.proven => self.end(Some(account.0)),
            _ => match self.exchange.scram.take().and_then(|scram| scram.finish(&answer)) {
                Some(proof) => {
                    self.exchange.proven = true;
                    self.send(&format!("AUTHENTICATE {}", STANDARD.encode(proof)));
                }
                None => self.end(None),
            },
        }
    }

    fn end(&mut self, account: Option<String>) {
        self.exchange = Exchange::default();
        match account {
            Some(user) => {
                self.numeric("900", &format!("x!x@x {user} :You are now logged in"));
                self.person.account = Some(user);
                self.numeric("903", ":SASL authentication successful");
            }
            None => self.numeric("904", ":SASL authentication failed"),
        }
    }
}
