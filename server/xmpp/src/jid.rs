//! RFC 7622: addresses. One shared string and two cuts, so that a clone is a count.

use std::borrow::{Borrow, Cow};
use std::fmt;
use std::hash::{Hash, Hasher};
use std::ops::Deref;
use std::str::FromStr;
use std::sync::Arc;

use crate::prep;

/// RFC 7622 §3.1: no part is longer than this, in bytes.
pub const MAX_PART: usize = 1023;

/// An address: `[localpart@]domainpart[/resourcepart]`, prepared and compared as RFC 7622 says.
#[derive(Clone)]
pub struct Jid {
    text: Arc<str>,
    /// Where the domainpart begins; 0 when there is no localpart.
    domain: u16,
    /// Where the `/` is; the length when there is no resourcepart.
    slash: u16,
}

/// An address without a resourcepart.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct BareJid(Jid);

/// Why a text is no address (RFC 7622 §3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JidError {
    /// There is no domainpart, or a part that was begun is empty.
    Empty,
    /// A part is over [`MAX_PART`] bytes.
    TooLong,
    /// A part holds what its profile forbids.
    Forbidden,
}

impl Jid {
    /// Reads and prepares an address.
    ///
    /// # Errors
    /// [`JidError`], to be answered with `jid-malformed`.
    pub fn parse(text: &str) -> Result<Jid, JidError> {
        let (rest, resource) = match text.split_once('/') {
            Some((rest, resource)) => (rest, Some(resource)),
            None => (text, None),
        };
        let (local, domain) = match rest.split_once('@') {
            Some((local, domain)) => (Some(local), domain),
            None => (None, rest),
        };
        let (local, domain, resource) = prepare(local, domain, resource)?;
        let cut = |part: &Option<Cow<'_, str>>| part.as_ref().map_or(0, |part| part.len() + 1);
        let (start, slash) = (cut(&local), cut(&local) + domain.len());
        let mut parts = [local.as_ref(), Some(&domain), resource.as_ref()].into_iter().flatten();
        let unchanged = parts.all(|part| matches!(part, Cow::Borrowed(_)));
        // Nearly always: nothing was to be prepared, so the text itself is the address.
        if unchanged && slash + cut(&resource) == text.len() {
            return Ok(Jid { text: text.into(), domain: start as u16, slash: slash as u16 });
        }
        Ok(Jid::join(local.as_deref(), &domain, resource.as_deref()))
    }

    /// Prepares and joins the parts.
    ///
    /// # Errors
    /// As [`Jid::parse`].
    pub fn from_parts(local: Option<&str>, domain: &str, resource: Option<&str>) -> Result<Jid, JidError> {
        let (local, domain, resource) = prepare(local, domain, resource)?;
        Ok(Jid::join(local.as_deref(), &domain, resource.as_deref()))
    }

    /// Joins parts that are prepared already, each at most [`MAX_PART`] bytes.
    fn join(local: Option<&str>, domain: &str, resource: Option<&str>) -> Jid {
        let mut text = String::with_capacity(
            local.map_or(0, |part| part.len() + 1) + domain.len() + resource.map_or(0, |part| part.len() + 1),
        );
        if let Some(local) = local {
            text.push_str(local);
            text.push('@');
        }
        let start = text.len();
        text.push_str(domain);
        let slash = text.len();
        if let Some(resource) = resource {
            text.push('/');
            text.push_str(resource);
        }
        Jid { text: text.into(), domain: start as u16, slash: slash as u16 }
    }

    /// The whole address.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// What stands before `@`.
    pub fn localpart(&self) -> Option<&str> {
        // `domain` is one past the `@`, or 0.
        (self.domain > 0).then(|| &self.text[..usize::from(self.domain) - 1])
    }

    /// The domain.
    pub fn domainpart(&self) -> &str {
        &self.text[usize::from(self.domain)..usize::from(self.slash)]
    }

    /// What stands after `/`.
    pub fn resourcepart(&self) -> Option<&str> {
        self.text.get(usize::from(self.slash) + 1..)
    }

    /// The address without resourcepart, as text: for look-ups without allocation.
    pub fn bare_str(&self) -> &str {
        &self.text[..usize::from(self.slash)]
    }

    /// Whether there is no resourcepart.
    pub fn is_bare(&self) -> bool {
        usize::from(self.slash) == self.text.len()
    }

    /// Whether this is a domain alone.
    pub fn is_domain(&self) -> bool {
        self.domain == 0 && self.is_bare()
    }

    /// The address without its resourcepart.
    pub fn bare(&self) -> BareJid {
        BareJid(if self.is_bare() {
            self.clone()
        } else {
            Jid { text: self.bare_str().into(), domain: self.domain, slash: self.slash }
        })
    }

    /// The same bare address with a resourcepart.
    ///
    /// # Errors
    /// [`JidError`] of the resourcepart.
    pub fn with_resource(&self, resource: &str) -> Result<Jid, JidError> {
        let resource = prep::resourcepart(resource)?;
        Ok(Jid::join(self.localpart(), self.domainpart(), Some(&resource)))
    }
}

type Parts<'t> = (Option<Cow<'t, str>>, Cow<'t, str>, Option<Cow<'t, str>>);

fn prepare<'t>(
    local: Option<&'t str>,
    domain: &'t str,
    resource: Option<&'t str>,
) -> Result<Parts<'t>, JidError> {
    Ok((
        local.map(prep::localpart).transpose()?,
        prep::domainpart(domain)?,
        resource.map(prep::resourcepart).transpose()?,
    ))
}

impl BareJid {
    /// Reads an address that must not have a resourcepart.
    ///
    /// # Errors
    /// [`JidError`]; [`JidError::Forbidden`] for a full JID.
    pub fn parse(text: &str) -> Result<BareJid, JidError> {
        let jid = Jid::parse(text)?;
        if jid.is_bare() { Ok(BareJid(jid)) } else { Err(JidError::Forbidden) }
    }

    /// As a [`Jid`].
    pub fn as_jid(&self) -> &Jid {
        &self.0
    }

    /// As a [`Jid`], without copying.
    pub fn into_jid(self) -> Jid {
        self.0
    }
}

impl Deref for BareJid {
    type Target = Jid;

    fn deref(&self) -> &Jid {
        &self.0
    }
}

impl From<BareJid> for Jid {
    fn from(bare: BareJid) -> Jid {
        bare.0
    }
}

impl Hash for BareJid {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.as_str().hash(state);
    }
}

/// A map keyed by bare JIDs can be asked with [`Jid::bare_str`].
impl Borrow<str> for BareJid {
    fn borrow(&self) -> &str {
        self.0.as_str()
    }
}

impl PartialEq for Jid {
    fn eq(&self, other: &Jid) -> bool {
        self.text == other.text
    }
}

impl Eq for Jid {}

impl Hash for Jid {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.text.hash(state);
    }
}

impl PartialOrd for Jid {
    fn partial_cmp(&self, other: &Jid) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Jid {
    fn cmp(&self, other: &Jid) -> std::cmp::Ordering {
        self.text.cmp(&other.text)
    }
}

impl AsRef<str> for Jid {
    fn as_ref(&self) -> &str {
        &self.text
    }
}

impl AsRef<str> for BareJid {
    fn as_ref(&self) -> &str {
        self.0.as_str()
    }
}

impl FromStr for Jid {
    type Err = JidError;

    fn from_str(text: &str) -> Result<Jid, JidError> {
        Jid::parse(text)
    }
}

impl FromStr for BareJid {
    type Err = JidError;

    fn from_str(text: &str) -> Result<BareJid, JidError> {
        BareJid::parse(text)
    }
}

impl fmt::Display for Jid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Debug for Jid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Display for BareJid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for BareJid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for JidError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            JidError::Empty => "a part of the address is empty",
            JidError::TooLong => "a part of the address is longer than 1023 bytes",
            JidError::Forbidden => "the address holds a character that is not allowed there",
        })
    }
}

impl std::error::Error for JidError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_slash_ends_the_domain_and_the_first_at_sign_before_it_the_localpart() {
        let jid = Jid::parse("a@b/c@d/e").unwrap();
        assert_eq!((jid.localpart(), jid.domainpart(), jid.resourcepart()), (Some("a"), "b", Some("c@d/e")));
        assert_eq!(jid.bare().as_str(), "a@b");
    }

    #[test]
    fn an_empty_part_is_no_part() {
        for bad in ["", "@b", "a@", "a@b/", "/r"] {
            assert!(Jid::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_domain_alone_is_an_address() {
        let jid = Jid::parse("Example.org.").unwrap();
        assert!(jid.is_domain() && jid.as_str() == "example.org");
    }
}
