//! RFC 6120 §6.3.3, XEP-0440, XEP-0474: the mechanisms and channel bindings one stream was told of.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rialto_xmpp::element::Element;
use rialto_xmpp::ns;

use crate::credentials::ScramHash;

/// Channel bindings of one TLS connection (RFC 5056), as bytes both sides know.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Bindings {
    /// RFC 9266 `tls-exporter`; TLS 1.3 only.
    pub exporter: Option<[u8; 32]>,
    /// RFC 5929 §4 `tls-server-end-point`: a hash of our certificate.
    pub end_point: Option<Vec<u8>>,
}

/// What a stream was offered. The answer to an exchange depends on it, so that a downgrade is seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Offer {
    names: Vec<&'static str>,
    bindings: Bindings,
}

/// All of an offer that can be seen: two of one shape read the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shape {
    names: Vec<&'static str>,
    bindings: Vec<&'static str>,
}

/// A mechanism of the offer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mechanism {
    /// RFC 4616.
    Plain,
    /// RFC 5802 with this hash; `plus` means with channel binding.
    Scram {
        /// The hash.
        hash: ScramHash,
        /// Whether the name ends in `-PLUS`.
        plus: bool,
    },
}

pub(super) const TLS_EXPORTER: &str = "tls-exporter";
pub(super) const TLS_SERVER_END_POINT: &str = "tls-server-end-point";

impl Bindings {
    /// The bytes of a binding by its registered name.
    pub fn by_name(&self, name: &str) -> Option<&[u8]> {
        match name {
            TLS_EXPORTER => self.exporter.as_ref().map(<[u8; 32]>::as_slice),
            TLS_SERVER_END_POINT => self.end_point.as_deref(),
            _ => None,
        }
    }

    /// Names of the bindings at hand, the better first.
    pub fn names(&self) -> Vec<&'static str> {
        let exporter = self.exporter.is_some().then_some(TLS_EXPORTER);
        let end_point = self.end_point.is_some().then_some(TLS_SERVER_END_POINT);
        exporter.into_iter().chain(end_point).collect()
    }
}

impl Offer {
    /// What a stream inside TLS is offered, strongest first. Without TLS nothing is: the stream must be secured first.
    pub fn inside_tls(bindings: Bindings, plain: bool) -> Offer {
        Offer::of(bindings, plain, &ScramHash::ALL)
    }

    /// The same for an account that has keys for these hashes only (XEP-0388 §2.1).
    pub fn of(bindings: Bindings, plain: bool, hashes: &[ScramHash]) -> Offer {
        let mut names = Vec::with_capacity(7);
        for mechanism in Mechanism::all() {
            let offered = match mechanism {
                Mechanism::Plain => plain,
                Mechanism::Scram { hash, plus } => {
                    hashes.contains(&hash) && (!plus || !bindings.names().is_empty())
                }
            };
            if offered {
                names.push(mechanism.name());
            }
        }
        Offer { names, bindings }
    }

    /// What can be seen of it.
    pub fn shape(&self) -> Shape {
        Shape { names: self.names.clone(), bindings: self.bindings.names() }
    }

    /// The mechanism of this name, if it was offered.
    pub fn mechanism(&self, name: &str) -> Option<Mechanism> {
        let offered = self.names.contains(&name);
        Mechanism::all().find(|mechanism| offered && mechanism.name() == name)
    }

    /// Whether a client that can bind channels had no reason not to (RFC 5802 §6).
    pub fn has_plus(&self) -> bool {
        self.names.iter().any(|name| name.ends_with("-PLUS"))
    }

    /// The bindings themselves.
    pub fn bindings(&self) -> &Bindings {
        &self.bindings
    }

    /// Hashes better than SHA-1 that nothing is offered for: the account has no keys under them (XEP-0480).
    pub fn missing(&self) -> Vec<ScramHash> {
        let better = [ScramHash::Sha512, ScramHash::Sha256].into_iter();
        better
            .filter(|hash| self.mechanism(Mechanism::Scram { hash: *hash, plus: false }.name()).is_none())
            .collect()
    }

    /// `<mechanism/>`s in a namespace.
    pub fn mechanisms(&self, ns: &'static str) -> impl Iterator<Item = Element> {
        self.names.iter().map(move |name| Element::new("mechanism", ns).with_text(*name))
    }

    /// `<mechanisms/>`, and XEP-0440's list where there is one.
    pub fn features(&self) -> Vec<Element> {
        let mut features = vec![Element::new("mechanisms", ns::SASL).with_all(self.mechanisms(ns::SASL))];
        let bindings = self.bindings.names();
        if !bindings.is_empty() {
            let list =
                bindings.iter().map(|name| Element::new("channel-binding", ns::SASL_CB).attr("type", name));
            features.push(Element::new("sasl-channel-binding", ns::SASL_CB).with_all(list));
        }
        features
    }

    /// XEP-0474 §5.1: what the client must have seen, hashed; the value of `h` in the server-first-message.
    pub fn downgrade_hash(&self, hash: ScramHash) -> String {
        let mut names = self.names.clone();
        names.sort_unstable();
        let mut seen = names.join("\u{1e}");
        let mut bindings = self.bindings.names();
        if !bindings.is_empty() {
            bindings.sort_unstable();
            seen.push('\u{1f}');
            seen.push_str(&bindings.join("\u{1e}"));
        }
        STANDARD.encode(hash.digest(seen.as_bytes()))
    }
}

impl Mechanism {
    /// All of them, strongest first.
    pub fn all() -> impl Iterator<Item = Mechanism> {
        let scram = ScramHash::ALL
            .into_iter()
            .flat_map(|hash| [true, false].map(|plus| Mechanism::Scram { hash, plus }));
        scram.chain([Mechanism::Plain])
    }

    /// The registered name.
    pub fn name(self) -> &'static str {
        match self {
            Mechanism::Plain => "PLAIN",
            Mechanism::Scram { hash: ScramHash::Sha1, plus: false } => "SCRAM-SHA-1",
            Mechanism::Scram { hash: ScramHash::Sha1, plus: true } => "SCRAM-SHA-1-PLUS",
            Mechanism::Scram { hash: ScramHash::Sha256, plus: false } => "SCRAM-SHA-256",
            Mechanism::Scram { hash: ScramHash::Sha256, plus: true } => "SCRAM-SHA-256-PLUS",
            Mechanism::Scram { hash: ScramHash::Sha512, plus: false } => "SCRAM-SHA-512",
            Mechanism::Scram { hash: ScramHash::Sha512, plus: true } => "SCRAM-SHA-512-PLUS",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn both() -> Bindings {
        Bindings { exporter: Some([1; 32]), end_point: Some(vec![2; 32]) }
    }

    #[test]
    fn the_downgrade_hash_is_the_one_of_the_spec() {
        // XEP-0474 §5.3
        let offer = Offer { names: vec!["SCRAM-SHA-1-PLUS", "SCRAM-SHA-1"], bindings: both() };
        assert_eq!(offer.downgrade_hash(ScramHash::Sha1), "G6k/rBLDqgOhRRaCuuatSDFkJ08=");
    }

    #[test]
    fn without_channel_bindings_there_is_no_plus_and_no_list() {
        let offer = Offer::inside_tls(Bindings::default(), true);
        assert_eq!(offer.names, ["SCRAM-SHA-512", "SCRAM-SHA-256", "SCRAM-SHA-1", "PLAIN"]);
        assert_eq!((offer.features().len(), offer.has_plus()), (1, false));
        assert_eq!(offer.mechanism("SCRAM-SHA-1-PLUS"), None);
        assert_eq!(Offer::inside_tls(Bindings::default(), false).mechanism("PLAIN"), None);
    }

    #[test]
    fn an_account_is_offered_what_it_has_keys_for() {
        let offer = Offer::of(both(), false, &[ScramHash::Sha1]);
        assert_eq!(offer.names, ["SCRAM-SHA-1-PLUS", "SCRAM-SHA-1"]);
        assert_eq!(offer.missing(), [ScramHash::Sha512, ScramHash::Sha256]);
        assert!(Offer::inside_tls(both(), true).missing().is_empty());
    }

    #[test]
    fn the_list_says_what_the_connection_can_bind() {
        let features = Offer::inside_tls(both(), true).features();
        assert_eq!(
            features[1].to_xml(),
            "<sasl-channel-binding xmlns='urn:xmpp:sasl-cb:0'><channel-binding type='tls-exporter'/>\
             <channel-binding type='tls-server-end-point'/></sasl-channel-binding>"
        );
        assert_eq!(features[0].children().count(), 7);
    }
}
