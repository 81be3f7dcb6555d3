//! XEP-0509: Initial Authentication Pipelining. A client that knows the features from its last visit logs in before it
//! has read them; that they are still the same, it shows by their version.
//!
//! Reading is in order anyway, so nothing else need be done for those who do not wait.

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use rialto_xmpp::{Element, ns, stream};
use sha2::{Digest, Sha256};

use super::super::sasl::AuthError;
use super::Refusal;

/// §3.3: stands for these features; any change of them changes it.
pub fn version(offered: &[Element]) -> String {
    let digest = Sha256::digest(stream::features(offered));
    BASE64_URL_SAFE_NO_PAD.encode(digest.get(..12).unwrap_or_default())
}

/// §3.1: `<config-version/>`
pub fn feature(version: &str) -> Element {
    Element::new("config-version", ns::PIPELINING).attr("scheme", "opaque").attr("value", version)
}

/// §3.2: the client knew other features than there are; that is no failed login.
pub fn mismatch() -> Refusal {
    Refusal {
        error: AuthError::Aborted,
        text: Some("The features are others than you knew: look at them and try again.".into()),
        app: Some(("config-version-mismatch", ns::PIPELINING)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_stands_for_all_of_the_features() {
        let one = vec![Element::new("a", ns::SASL2), Element::new("b", ns::SASL2)];
        assert_eq!(version(&one), version(&one.clone()));
        assert_ne!(version(&one), version(&one[..1]));
        assert_ne!(version(&one), version(&[one[0].clone(), one[1].clone().attr("c", "d")]));
    }
}
