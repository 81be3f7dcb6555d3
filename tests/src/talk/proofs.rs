//! What a client says to prove who it is, computed while a transcript is played: `{PLAIN romeo}` and its like.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::pattern::Names;
use crate::scram::{Exchange, Hash, base64};
use crate::server::PASSWORD;
use crate::tls::Bindings;

/// The exchange that somebody is in.
#[derive(Default)]
pub struct Proofs {
    scram: Option<Exchange>,
}

impl Proofs {
    /// Puts in, in base64:
    ///
    /// * `{PLAIN romeo}`
    /// * `{SCRAM-SHA-256 romeo}`, `{SCRAM-SHA-256-PLUS romeo}` (bound by the exporter), and `{SCRAM answer}` to what was
    ///   heard as `{challenge}`; what the server must say then is `{signature}`
    /// * `{HT-SHA-256-NONE romeo}` for the token heard as `{token}` (or by a third word: of that name); what the server must say then is `{signature}`
    /// * `{SALTED-SHA-512}`: the password with what was heard as `{salt}` and `{iterations}`
    ///
    /// # Errors
    /// What is wanted and cannot be made.
    pub fn fill(&mut self, text: &str, bindings: &Bindings, names: &mut Names) -> Result<String, String> {
        let mut out = String::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once('{') {
            out.push_str(before);
            let inner = after.split_once('}').filter(|(inner, _)| {
                inner.starts_with(|c: char| c.is_ascii_uppercase()) && !inner.contains('*')
            });
            match inner {
                Some((what, after)) => {
                    out.push_str(&self.prove(what, bindings, names)?);
                    rest = after;
                }
                None => {
                    out.push('{');
                    rest = after;
                }
            }
        }
        Ok(out + rest)
    }

    fn prove(&mut self, what: &str, bindings: &Bindings, names: &mut Names) -> Result<String, String> {
        let (mechanism, user) = what.split_once(' ').unwrap_or((what, ""));
        let known =
            |name: &str, names: &Names| names.get(name).cloned().ok_or(format!("{{{name}}} was not heard"));
        if mechanism == "PLAIN" {
            return Ok(base64(&format!("\0{user}\0{PASSWORD}")));
        }
        if what == "SCRAM answer" {
            let exchange = self.scram.take().ok_or("there was no first message")?;
            let answer = exchange.answer(&known("challenge", names)?)?;
            names.insert("signature".into(), answer.expected());
            return Ok(base64(&answer.last));
        }
        if let Some(name) = mechanism.strip_prefix("SCRAM-") {
            let hash = Hash::named(name.trim_end_matches("-PLUS")).ok_or("no such hash")?;
            let mut exchange = Exchange::new(user, PASSWORD).with(hash);
            if name.ends_with("-PLUS") {
                exchange = exchange.bound("tls-exporter", &bindings.exporter);
            }
            let first = base64(&exchange.first());
            self.scram = Some(exchange);
            return Ok(first);
        }
        if let Some(name) = mechanism.strip_prefix("SALTED-") {
            let hash = Hash::named(name).ok_or("no such hash")?;
            let salt = STANDARD.decode(known("salt", names)?).map_err(|error| error.to_string())?;
            let rounds = known("iterations", names)?.parse().map_err(|_| "no number of iterations")?;
            return Ok(STANDARD.encode(hash.salted(PASSWORD, &salt, rounds)));
        }
        let (hash, bound) = mechanism
            .strip_prefix("HT-")
            .and_then(|name| name.rsplit_once('-'))
            .ok_or_else(|| format!("{{{what}}} is no proof"))?;
        let hash = Hash::named(hash).ok_or("no such hash")?;
        let bound: &[u8] = match bound {
            "EXPR" => &bindings.exporter,
            "ENDP" => &bindings.end_point,
            _ => &[],
        };
        let (user, token) = user.split_once(' ').unwrap_or((user, "token"));
        let token = known(token, names)?;
        let sign = |who: &[u8]| hash.sign(token.as_bytes(), &[who, bound].concat());
        names.insert("signature".into(), STANDARD.encode(sign(b"Responder")));
        Ok(STANDARD.encode([user.as_bytes(), b"\0", &sign(b"Initiator")].concat()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proof_is_put_in_where_it_is_wanted_and_names_stay() {
        let mut names = Names::from([("token".to_owned(), "token".to_owned())]);
        let mut fill = |text: &str| Proofs::default().fill(text, &Bindings::default(), &mut names);
        assert_eq!(fill("<a>{PLAIN romeo}</a>{name}").unwrap(), "<a>AHJvbWVvAHNlY3JldA==</a>{name}");
        assert!(fill("{HT-SHA-256-NONE romeo}").unwrap().starts_with("cm9tZW8A"));
        assert!(fill("{SCRAM answer}").is_err() && fill("{HT-SHA-3-NONE romeo}").is_err());
        assert!(fill("{SALTED-SHA-512}").is_err() && fill("{DANCE}").is_err());
        assert!(names.contains_key("signature"));
    }
}
