//! URL §5.1: what a form sends, and whether it is a form of ours.

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use hmac::{Hmac, Mac};
use hyper::header::{self, HeaderMap, HeaderName};
use hyper::http::request::Parts;
use sha2::Sha256;
use zeroize::Zeroizing;

use crate::public_url::PublicUrl;
use crate::random;

/// Fetch Metadata §2.4.
const FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// What was filled in.
#[derive(Default)]
pub struct Filled {
    /// The name.
    pub name: String,
    /// The password, and once more.
    pub passwords: (Zeroizing<String>, Zeroizing<String>),
    /// What shows that the form was ours.
    pub seal: String,
}

impl Filled {
    /// Reads `application/x-www-form-urlencoded`. `None`: it is none, or no UTF-8.
    pub fn read(body: &[u8]) -> Option<Filled> {
        let mut filled = Filled::default();
        for pair in body.split(|byte| *byte == b'&').filter(|pair| !pair.is_empty()) {
            let mut halves = pair.splitn(2, |byte| *byte == b'=');
            let (name, value) = (decoded(halves.next()?)?, decoded(halves.next().unwrap_or_default())?);
            let field = match name.as_str() {
                "name" => &mut filled.name,
                "password" => &mut *filled.passwords.0,
                "again" => &mut *filled.passwords.1,
                "seal" => &mut filled.seal,
                _ => continue,
            };
            // One field twice is no form of ours.
            if !field.is_empty() {
                return None;
            }
            value.as_str().clone_into(field);
        }
        Some(filled)
    }

    /// Whether a request says that it carries a form.
    pub fn is_announced(headers: &HeaderMap) -> bool {
        let kind = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
        let kind = kind.split(';').next().unwrap_or_default().trim();
        kind.eq_ignore_ascii_case("application/x-www-form-urlencoded")
    }
}

fn decoded(text: &[u8]) -> Option<Zeroizing<String>> {
    let mut bytes = Zeroizing::new(Vec::with_capacity(text.len()));
    let mut rest = text.iter();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'+' => b' ',
            b'%' => hex(*rest.next()?)? << 4 | hex(*rest.next()?)?,
            plain => *plain,
        });
    }
    std::str::from_utf8(&bytes).ok().map(|text| Zeroizing::new(text.to_owned()))
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}

/// Seals forms, so that no other page can send one in somebody's name. A restart breaks all seals; the form comes anew
/// then.
pub struct Seals(Zeroizing<[u8; 32]>);

impl Seals {
    /// With a key of its own.
    pub fn new() -> Seals {
        Seals(Zeroizing::new(random::bytes()))
    }

    /// The seal of the form of one invitation.
    pub fn of(&self, id: &str) -> String {
        self.mac(id)
            .map_or_else(String::new, |mac| BASE64_URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes()))
    }

    /// Whether a seal is that of this invitation; takes the same time for every wrong one.
    pub fn fits(&self, id: &str, seal: &str) -> bool {
        let Ok(seal) = BASE64_URL_SAFE_NO_PAD.decode(seal) else { return false };
        self.mac(id).is_some_and(|mac| mac.verify_slice(&seal).is_ok())
    }

    fn mac(&self, id: &str) -> Option<Hmac<Sha256>> {
        let mut mac = <Hmac<Sha256> as Mac>::new_from_slice(&*self.0).ok()?;
        mac.update(b"invitation ");
        mac.update(id.as_bytes());
        Some(mac)
    }
}

/// Whether nothing says that another page sent it. Browsers say where a form stood (Fetch §3.2, Fetch Metadata §2.4);
/// text browsers do not, and for those the seal alone decides.
pub fn is_from_here(head: &Parts, is_private: bool, url: &PublicUrl) -> bool {
    let site = head.headers.get_all(FETCH_SITE).iter();
    if !site.into_iter().all(|site| matches!(site.as_bytes(), b"same-origin" | b"none")) {
        return false;
    }
    let scheme = if is_private { "https" } else { "http" };
    let named = head.headers.get(header::HOST).and_then(|host| host.to_str().ok());
    let host = head.uri.authority().map(|authority| authority.as_str()).or(named);
    let ours = [host.map(|host| format!("{scheme}://{host}")), url.base().map(origin)];
    let is_ours = |origin: &str| ours.iter().flatten().any(|own| own.eq_ignore_ascii_case(origin));
    head.headers.get_all(header::ORIGIN).iter().all(|origin| origin.to_str().is_ok_and(is_ours))
}

/// HTML §7.1.1: of an address, the scheme, the host and the port.
fn origin(url: &str) -> String {
    url.splitn(4, '/').take(3).collect::<Vec<_>>().join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_are_read_as_browsers_write_them() {
        let filled =
            Filled::read(b"name=J%C3%BCrgen+M&password=a%2Bb%26c%3Dd+e&again=&other=1&seal=x").unwrap();
        assert_eq!((filled.name.as_str(), filled.seal.as_str()), ("Jürgen M", "x"));
        assert_eq!((filled.passwords.0.as_str(), filled.passwords.1.as_str()), ("a+b&c=d e", ""));
        for bad in ["name=%", "name=%4", "name=%zz", "name=%ff", "name=a&name=b"] {
            assert!(Filled::read(bad.as_bytes()).is_none(), "{bad}");
        }
        assert!(Filled::read(b"").unwrap().name.is_empty());
    }

    #[test]
    fn a_seal_fits_one_invitation_of_one_server() {
        let seals = Seals::new();
        let seal = seals.of("one");
        assert!(seals.fits("one", &seal) && !seals.fits("two", &seal) && !Seals::new().fits("one", &seal));
        assert!(!seals.fits("one", "") && !seals.fits("one", "§") && !seals.fits("one", &seal[1..]));
    }

    #[test]
    fn what_another_page_sends_is_not_from_here() {
        let url = PublicUrl::chosen("https://chat.example.org:5443/below");
        let is = |is_private: bool, headers: &[(&str, &str)]| {
            let mut request = hyper::Request::post("/invite/x").header("host", "localhost:5280");
            for (name, value) in headers {
                request = request.header(*name, *value);
            }
            is_from_here(&request.body(()).unwrap().into_parts().0, is_private, &url)
        };
        assert!(is(true, &[]));
        assert!(is(true, &[("origin", "https://localhost:5280"), ("sec-fetch-site", "same-origin")]));
        assert!(is(false, &[("origin", "http://localhost:5280")]));
        assert!(is(true, &[("origin", "https://chat.example.org:5443")]));
        assert!(!is(true, &[("origin", "http://localhost:5280")]));
        assert!(!is(true, &[("origin", "null")]));
        assert!(!is(true, &[("origin", "https://localhost:5280"), ("origin", "https://evil.example")]));
        assert!(!is(true, &[("sec-fetch-site", "cross-site")]));
        assert!(!is(true, &[("sec-fetch-site", "same-site")]));
    }
}
