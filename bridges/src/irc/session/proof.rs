//! Proving the account (IRCv3 sasl-3.2): EXTERNAL, SCRAM (RFC 5802, RFC 7677) and PLAIN (RFC 4616), the strongest first. A
//! proof that fails ends the connection: under another name than ours nothing is ever said.

use crate::irc::line::write;
use crate::irc::persona::Proof;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::digest::InvalidLength;
use hmac::{Hmac, Mac};
use sasl::client::Mechanism;
use sasl::client::mechanisms::Scram;
use sasl::common::scram::{DeriveError, ScramProvider, Sha1, Sha256};
use sasl::common::{ChannelBinding, Password};
use sasl::secret::Pbkdf2Sha256;
use sha2::{Digest, Sha512 as Sha512Hash};

/// What we can do, the strongest first.
pub const MECHANISMS: [&str; 5] = ["EXTERNAL", "SCRAM-SHA-512", "SCRAM-SHA-256", "SCRAM-SHA-1", "PLAIN"];

/// Bytes of one piece of an AUTHENTICATE line (sasl-3.1), and of all pieces of a challenge.
const PIECE: usize = 400;
const CHALLENGE: usize = 4096;

/// How often a password may be hashed: fewer times are a trap, more would hold up everything else.
const ITERATIONS: std::ops::RangeInclusive<u32> = 4096..=200_000;

/// The strongest mechanism that is offered, was not tried, and for which we have what it takes. A server that does not
/// say what it offers is taken to know the oldest ones.
pub fn choose(proof: &Proof, offered: Option<&[String]>, tried: &[&str]) -> Option<&'static str> {
    let able = |name: &str| match name {
        "EXTERNAL" => proof.certificate,
        _ => proof.password.is_some() && !proof.account.is_empty(),
    };
    let wanted = |name: &str| match &proof.mechanism {
        Some(only) => only.eq_ignore_ascii_case(name),
        None => offered.is_some() || matches!(name, "EXTERNAL" | "PLAIN"),
    };
    let is_offered = |name: &str| offered.is_none_or(|all| all.iter().any(|o| o.eq_ignore_ascii_case(name)));
    let usable = |name: &&str| able(name) && wanted(name) && is_offered(name) && !tried.contains(name);
    MECHANISMS.iter().copied().find(usable)
}

/// A proof that is under way.
pub struct Proving {
    /// With what.
    pub mechanism: &'static str,
    client: Client,
    pieces: String,
    step: u8,
}

enum Client {
    External,
    Plain(String),
    Scram { mechanism: Box<dyn Mechanism + Send>, nonce: Vec<u8>, verified: bool },
}

impl std::fmt::Debug for Proving {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Proving").field("mechanism", &self.mechanism).finish_non_exhaustive()
    }
}

impl Proving {
    /// Begins; `None` where there is not what it takes.
    pub fn begin(proof: &Proof, mechanism: &'static str) -> Option<Proving> {
        let client = match (mechanism, &proof.password) {
            ("EXTERNAL", _) => Client::External,
            ("PLAIN", Some(password)) => {
                Client::Plain(format!("{account}\0{account}\0{password}", account = proof.account))
            }
            ("SCRAM-SHA-512", Some(password)) => scram::<Sha512>(&proof.account, password)?,
            ("SCRAM-SHA-256", Some(password)) => scram::<Sha256>(&proof.account, password)?,
            ("SCRAM-SHA-1", Some(password)) => scram::<Sha1>(&proof.account, password)?,
            _ => return None,
        };
        Some(Proving { mechanism, client, pieces: String::new(), step: 0 })
    }

    /// A line of the server's challenge: the lines that answer it, none while there is more to come. The error is for the
    /// operator.
    pub fn hear(&mut self, piece: &str) -> Result<Vec<String>, &'static str> {
        if piece != "+" {
            self.pieces.push_str(piece);
        }
        if self.pieces.len() > CHALLENGE {
            return Err("the server's challenge is too long");
        }
        if piece.len() == PIECE {
            return Ok(Vec::new());
        }
        let challenge = STANDARD.decode(std::mem::take(&mut self.pieces));
        let challenge = challenge.map_err(|_| "the server's challenge is no base64")?;
        self.step += 1;
        let answer = match (&mut self.client, self.step) {
            (Client::External, 1) => Vec::new(),
            (Client::Plain(words), 1) => words.clone().into_bytes(),
            (Client::Scram { mechanism, nonce, .. }, 1) => {
                let first = mechanism.initial();
                *nonce = attribute(&first, b'r').unwrap_or_default();
                first
            }
            (Client::Scram { mechanism, nonce, .. }, 2) => {
                check(&challenge, nonce)?;
                mechanism.response(&challenge).map_err(|_| "the server's challenge makes no sense")?
            }
            (Client::Scram { mechanism, verified, .. }, 3) => {
                mechanism.success(&challenge).map_err(|_| IMPOSTOR)?;
                *verified = true;
                Vec::new()
            }
            _ => return Err("the server asks for more than the mechanism has"),
        };
        Ok(authenticate(&answer))
    }

    /// The server takes the proof: has it, where the mechanism lets it, proven itself as well?
    pub fn accepted(&self) -> Result<(), &'static str> {
        match self.client {
            Client::Scram { verified: false, .. } => Err(IMPOSTOR),
            _ => Ok(()),
        }
    }
}

const IMPOSTOR: &str = "the server could not prove that it knows the account; it may be another than it says";

/// An answer in the lines that carry it.
fn authenticate(answer: &[u8]) -> Vec<String> {
    let answer = STANDARD.encode(answer);
    let mut lines = Vec::new();
    let mut rest = answer.as_str();
    loop {
        let (piece, more) = rest.split_at(rest.len().min(PIECE)); // holds: base64 is ASCII
        lines.push(write(&["AUTHENTICATE", if piece.is_empty() { "+" } else { piece }], None));
        if piece.len() < PIECE {
            return lines;
        }
        rest = more;
    }
}

fn scram<S: ScramProvider + Send + 'static>(account: &str, password: &str) -> Option<Client> {
    // RFC 5802 §5.1: these two cannot stand in a name.
    let account = account.replace('=', "=3D").replace(',', "=2C");
    let mechanism = Scram::<S>::new(account, Password::Plain(password.into()), ChannelBinding::None).ok()?;
    Some(Client::Scram { mechanism: Box::new(mechanism), nonce: Vec::new(), verified: false })
}

/// RFC 5802 §5.1: the server's nonce goes on from ours, and the count is within reason.
fn check(challenge: &[u8], nonce: &[u8]) -> Result<(), &'static str> {
    let theirs = attribute(challenge, b'r').unwrap_or_default();
    if nonce.is_empty() || !theirs.starts_with(nonce) || theirs.len() == nonce.len() {
        return Err("the server's nonce does not go on from ours");
    }
    let count =
        attribute(challenge, b'i').and_then(|count| String::from_utf8(count).ok()?.parse::<u32>().ok());
    match count {
        Some(count) if ITERATIONS.contains(&count) => Ok(()),
        _ => Err("the server wants the password hashed too seldom or too often"),
    }
}

/// `r=…` of `n,,n=user,r=…`
pub fn attribute(message: &[u8], name: u8) -> Option<Vec<u8>> {
    let mut parts = message.split(|byte| *byte == b',');
    parts.find_map(|part| match part {
        [first, b'=', value @ ..] if *first == name => Some(value.to_vec()),
        _ => None,
    })
}

/// SCRAM-SHA-512, as SCRAM-SHA-256 (RFC 7677) with the longer hash.
pub struct Sha512;

impl ScramProvider for Sha512 {
    type Secret = Pbkdf2Sha256;

    fn name() -> &'static str {
        "SHA-512"
    }

    fn hash(data: &[u8]) -> Vec<u8> {
        Sha512Hash::digest(data).to_vec()
    }

    fn hmac(data: &[u8], key: &[u8]) -> Result<Vec<u8>, InvalidLength> {
        let mut mac = <Hmac<Sha512Hash> as Mac>::new_from_slice(key)?;
        mac.update(data);
        Ok(mac.finalize().into_bytes().to_vec())
    }

    fn derive(password: &Password, salt: &[u8], iterations: u32) -> Result<Vec<u8>, DeriveError> {
        let Password::Plain(plain) = password else { return Err(DeriveError::InvalidLength) };
        let mut result = vec![0; 64];
        pbkdf2::pbkdf2::<Hmac<Sha512Hash>>(plain.as_bytes(), salt, iterations, &mut result)?;
        Ok(result)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::irc::fake::ServerScram;

    fn proof(password: Option<&str>, certificate: bool) -> Proof {
        Proof { account: "a,b=c".into(), password: password.map(Into::into), certificate, mechanism: None }
    }

    fn offer(names: &str) -> Vec<String> {
        names.split(',').map(String::from).collect()
    }

    #[test]
    fn the_strongest_that_both_sides_have_is_chosen_or_the_one_that_is_configured() {
        let all = offer("PLAIN,SCRAM-SHA-1,SCRAM-SHA-256,SCRAM-SHA-512,EXTERNAL");
        let choose = |proof: &Proof, offered: Option<&[String]>| choose(proof, offered, &[]);
        assert_eq!(choose(&proof(Some("x"), true), Some(&all)), Some("EXTERNAL"));
        assert_eq!(choose(&proof(Some("x"), false), Some(&all)), Some("SCRAM-SHA-512"));
        assert_eq!(choose(&proof(Some("x"), true), Some(&offer("plain,scram-sha-1"))), Some("SCRAM-SHA-1"));
        assert_eq!(choose(&proof(Some("x"), false), None), Some("PLAIN"));
        assert_eq!(choose(&proof(None, true), Some(&offer("PLAIN"))), None);
        let only = Proof { mechanism: Some("scram-sha-256".into()), ..proof(Some("x"), true) };
        assert_eq!(choose(&only, Some(&all)), Some("SCRAM-SHA-256"));
        assert_eq!(choose(&only, Some(&offer("PLAIN"))), None, "never a weaker one than was asked for");
        assert_eq!(
            super::choose(&proof(Some("x"), false), Some(&all), &["SCRAM-SHA-512"]),
            Some("SCRAM-SHA-256")
        );
    }

    fn talk(mechanism: &'static str, password: &str) -> Result<Proving, String> {
        let mut proving = Proving::begin(&proof(Some("hunter2"), false), mechanism).unwrap();
        let whole = |lines: Vec<String>| {
            let text = lines.concat().replace("AUTHENTICATE ", "").replace("\r\n", "");
            STANDARD.decode(text).unwrap()
        };
        let first = whole(proving.hear("+").unwrap());
        assert!(String::from_utf8_lossy(&first).contains("n=a=2Cb=3Dc,"));
        let (server, challenge) = ServerScram::begin(mechanism, password, &first).unwrap();
        assert!(proving.accepted().is_err(), "not before the server has proven itself");
        let last = whole(proving.hear(&STANDARD.encode(challenge))?);
        let verdict = server.finish(&last).ok_or("refused")?;
        assert_eq!(proving.hear(&STANDARD.encode(verdict))?, ["AUTHENTICATE +\r\n"]);
        Ok(proving)
    }

    #[test]
    fn scram_proves_both_sides_with_every_hash() {
        for mechanism in ["SCRAM-SHA-1", "SCRAM-SHA-256", "SCRAM-SHA-512"] {
            assert!(talk(mechanism, "hunter2").unwrap().accepted().is_ok(), "{mechanism}");
            assert_eq!(talk(mechanism, "other").unwrap_err(), "refused");
        }
    }

    #[test]
    fn a_server_that_cheats_is_found_out() {
        let begin = || {
            let mut proving = Proving::begin(&proof(Some("hunter2"), false), "SCRAM-SHA-256").unwrap();
            let first = proving.hear("+").unwrap().concat();
            let first = STANDARD.decode(first.replace("AUTHENTICATE ", "").replace("\r\n", "")).unwrap();
            let nonce = String::from_utf8(attribute(&first, b'r').unwrap()).unwrap();
            (proving, nonce)
        };
        let hears = |challenge: &dyn Fn(&str) -> String| {
            let (mut proving, nonce) = begin();
            proving.hear(&STANDARD.encode(challenge(&nonce))).unwrap_err()
        };
        assert!(hears(&|_| "r=theirs,s=c2FsdA==,i=4096".into()).contains("nonce"));
        assert!(hears(&|nonce| format!("r={nonce},s=c2FsdA==,i=4096")).contains("nonce"));
        assert!(hears(&|nonce| format!("r={nonce}x,s=c2FsdA==,i=1")).contains("hashed"));
        assert!(hears(&|nonce| format!("r={nonce}x,s=c2FsdA==,i=4000000000")).contains("hashed"));
        assert!(hears(&|nonce| format!("r={nonce}x,i=4096")).contains("no sense"));
        let (mut proving, nonce) = begin();
        proving.hear(&STANDARD.encode(format!("r={nonce}x,s=c2FsdA==,i=4096"))).unwrap();
        assert_eq!(proving.hear(&STANDARD.encode("v=AAAA")), Err(IMPOSTOR));
        let (mut proving, _) = begin();
        assert!(proving.hear("!!").is_err());
        let (mut proving, _) = begin();
        assert!((0..20).any(|_| proving.hear(&"A".repeat(400)).is_err()), "a challenge without an end");
    }

    #[test]
    fn plain_and_external_say_no_more_than_they_must() {
        let mut plain = Proving::begin(&proof(Some("x"), false), "PLAIN").unwrap();
        let line = plain.hear("+").unwrap().concat();
        assert_eq!(line, format!("AUTHENTICATE {}\r\n", STANDARD.encode("a,b=c\0a,b=c\0x")));
        assert!(plain.hear("+").is_err() && !format!("{plain:?}").contains("hunter2"));
        let mut external = Proving::begin(&proof(None, true), "EXTERNAL").unwrap();
        assert_eq!(external.hear("+").unwrap(), ["AUTHENTICATE +\r\n"]);
        let long = Proof { password: Some("x".repeat(600)), ..proof(None, false) };
        let lines = Proving::begin(&long, "PLAIN").unwrap().hear("+").unwrap();
        assert!(lines.len() == 3 && lines[0].len() == 400 + "AUTHENTICATE \r\n".len());
    }
}
