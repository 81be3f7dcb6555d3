//! RFC 5802 §5, §7: the messages a SCRAM client sends, read strictly.

use sasl::server::MechanismError;

/// The longest nonce a client may choose, in bytes.
const MAX_NONCE: usize = 256;

/// The client-first-message.
#[derive(Debug, PartialEq, Eq)]
pub struct First<'a> {
    /// What the client says of channel binding.
    pub flag: Flag<'a>,
    /// Who the client wants to act as.
    pub authzid: Option<String>,
    /// `gs2-header`: up to and with its second comma.
    pub header: &'a str,
    /// `client-first-message-bare`: all after it.
    pub bare: &'a str,
    /// The name, unescaped but not prepared.
    pub username: String,
    /// The client's half of the nonce.
    pub nonce: &'a str,
}

/// `gs2-cbind-flag`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flag<'a> {
    /// `n`: the client cannot bind.
    Cannot,
    /// `y`: the client can, but thinks the server cannot.
    ThinksServerCannot,
    /// `p=`: bound with this.
    Bound(&'a str),
}

/// The client-final-message.
#[derive(Debug, PartialEq, Eq)]
pub struct Last<'a> {
    /// `c=`, still in base64.
    pub binding: &'a str,
    /// `r=`
    pub nonce: &'a str,
    /// `p=`, still in base64.
    pub proof: &'a str,
    /// All before `,p=`.
    pub without_proof: &'a str,
}

impl<'a> First<'a> {
    /// Reads a client-first-message.
    ///
    /// # Errors
    /// Whatever is not exactly the grammar, and `m=` (§5.1: a mandatory extension, of which we know none).
    pub fn read(message: &'a [u8]) -> Result<First<'a>, MechanismError> {
        let bad = || MechanismError::CannotDecodeInitialMessage;
        let text = std::str::from_utf8(message).map_err(|_| bad())?;
        let (flag, rest) = text.split_once(',').ok_or_else(bad)?;
        let (authzid, bare) = rest.split_once(',').ok_or_else(bad)?;
        let header = text.get(..text.len() - bare.len()).ok_or_else(bad)?;
        let flag = match flag {
            "n" => Flag::Cannot,
            "y" => Flag::ThinksServerCannot,
            bound => Flag::Bound(bound.strip_prefix("p=").filter(is_cb_name).ok_or_else(bad)?),
        };
        let authzid = match authzid.strip_prefix("a=") {
            Some(name) => Some(unescape(name).ok_or_else(bad)?),
            None if authzid.is_empty() => None,
            None => return Err(bad()),
        };
        let mut fields = bare.split(',');
        // `m=` would stand first: it fails here.
        let username = fields.next().and_then(|field| field.strip_prefix("n=")).ok_or_else(bad)?;
        let username = unescape(username).ok_or(MechanismError::ErrorDecodingUsername)?;
        let nonce =
            fields.next().and_then(|field| field.strip_prefix("r=")).ok_or(MechanismError::NoNonce)?;
        if username.is_empty() {
            return Err(MechanismError::NoUsername);
        }
        if !is_nonce(nonce) || nonce.len() > MAX_NONCE || !fields.all(is_extension) {
            return Err(bad());
        }
        Ok(First { flag, authzid, header, bare, username, nonce })
    }
}

impl<'a> Last<'a> {
    /// Reads a client-final-message.
    ///
    /// # Errors
    /// Whatever is not exactly the grammar.
    pub fn read(message: &'a [u8]) -> Result<Last<'a>, MechanismError> {
        let bad = || MechanismError::CannotDecodeResponse;
        let text = std::str::from_utf8(message).map_err(|_| bad())?;
        let (without_proof, proof) = text.rsplit_once(",p=").ok_or(MechanismError::NoProof)?;
        let mut fields = without_proof.split(',');
        let binding = fields.next().and_then(|field| field.strip_prefix("c=")).ok_or_else(bad)?;
        let nonce = fields.next().and_then(|field| field.strip_prefix("r=")).ok_or_else(bad)?;
        if !fields.all(is_extension) || proof.contains(',') {
            return Err(bad());
        }
        Ok(Last { binding, nonce, proof, without_proof })
    }
}

/// §5.1 `saslname`: `=2C` is a comma and `=3D` an equals sign, any other `=` is wrong.
fn unescape(name: &str) -> Option<String> {
    let mut parts = name.split('=');
    let mut out = parts.next()?.to_owned();
    for part in parts {
        let (sign, rest) = match (part.strip_prefix("2C"), part.strip_prefix("3D")) {
            (Some(rest), _) => (',', rest),
            (_, Some(rest)) => ('=', rest),
            _ => return None,
        };
        out.push(sign);
        out.push_str(rest);
    }
    (!out.contains('\0')).then_some(out)
}

/// §7 `cb-name`
fn is_cb_name(name: &&str) -> bool {
    !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'.' || byte == b'-')
}

/// §7 `printable`
fn is_nonce(nonce: &str) -> bool {
    !nonce.is_empty() && nonce.bytes().all(|byte| byte.is_ascii_graphic() && byte != b',')
}

/// §7 `attr-val`; one that is not known is ignored, but for `m=`.
fn is_extension(field: &str) -> bool {
    let mut chars = field.chars();
    let name = chars.next().filter(char::is_ascii_alphabetic);
    name.is_some_and(|name| name != 'm') && chars.next() == Some('=') && chars.next().is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_first_message_is_read_to_its_last_comma() {
        let first = First::read(b"p=tls-exporter,a=a=2Cb,n=us=2Cer=3D,r=fyko,x=1").unwrap();
        assert_eq!((first.flag, first.authzid.as_deref()), (Flag::Bound("tls-exporter"), Some("a,b")));
        assert_eq!((first.username.as_str(), first.nonce), ("us,er=", "fyko"));
        assert_eq!((first.header, first.bare), ("p=tls-exporter,a=a=2Cb,", "n=us=2Cer=3D,r=fyko,x=1"));
    }

    #[test]
    fn what_the_grammar_does_not_know_is_refused() {
        let wrong: [&[u8]; 18] = [
            b"",
            b"n,",
            b"n,,",
            b"n,,n=a",
            b"n,,r=b,n=a",
            b"n,,n=,r=b",
            b"n,,n=a,r=",
            b"n,,n=a=,r=b",
            b"n,,n=a=2c,r=b",
            b"n,,n=a\0,r=b",
            b"n,,n=a,r=b c",
            b"n,,m=ext,n=a,r=b",
            b"n,,n=a,r=b,m=ext",
            b"n,,n=a,r=b,x",
            b"n,b=x,n=a,r=b",
            b"p=,,n=a,r=b",
            b"p=tls exporter,,n=a,r=b",
            b"n,,n=\xff,r=b",
        ];
        for message in wrong {
            assert!(First::read(message).is_err(), "{}", String::from_utf8_lossy(message));
        }
        let long = format!("n,,n=a,r={}", "x".repeat(MAX_NONCE + 1));
        assert!(First::read(long.as_bytes()).is_err());
    }

    #[test]
    fn a_last_message_has_its_proof_at_the_end_and_nothing_after() {
        let last = Last::read(b"c=biws,r=ab,x=1,p=AA==").unwrap();
        assert_eq!((last.binding, last.nonce, last.proof), ("biws", "ab", "AA=="));
        assert_eq!(last.without_proof, "c=biws,r=ab,x=1");
        for wrong in ["c=biws,r=ab", "r=ab,c=biws,p=AA==", "c=biws,r=ab,p=AA==,x=1", "c=biws,r=ab,m=1,p=AA=="]
        {
            assert!(Last::read(wrong.as_bytes()).is_err(), "{wrong}");
        }
    }
}
