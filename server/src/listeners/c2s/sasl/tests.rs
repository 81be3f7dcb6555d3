//! Tests: every case in which the `sasl` package's own server side goes wrong, and the promises around it.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::LazyLock;

use sasl::client::Mechanism as _;
use sasl::client::mechanisms as client;
use sasl::common::scram::{ScramProvider, Sha1, Sha256};
use sasl::common::{ChannelBinding, Credentials};

use super::offer::Bindings;
use super::secrets::InMemory;
use super::*;
use crate::credentials;

const PEER: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
const EXPORTER: [u8; 32] = [7; 32];

/// Deriving keys takes its time; one set does for all.
static PENCIL: LazyLock<Vec<(ScramHash, credentials::ScramKeys)>> =
    LazyLock::new(|| credentials::keys_of("pencil").unwrap());

/// A house with romeo (password `pencil`) and the odd name `us,er=`.
struct House {
    shared: Arc<Authentication>,
    offer: Arc<Offer>,
}

impl House {
    fn new(bindings: Bindings) -> House {
        let ring = InMemory::default();
        for jid in ["romeo@localhost", "us,er=@localhost"] {
            ring.insert(&BareJid::parse(jid).unwrap(), PENCIL.clone());
        }
        let shared = Arc::new(Authentication::new(Arc::new(ring), [3; 32], Throttle::default()));
        House { shared, offer: Arc::new(Offer::inside_tls(bindings, true)) }
    }

    fn plain_tls() -> House {
        House::new(Bindings::default())
    }

    fn binding() -> House {
        House::new(Bindings { exporter: Some(EXPORTER), end_point: Some(vec![9; 32]) })
    }

    fn begin(&self, mechanism: &str) -> Exchange {
        self.shared.begin(mechanism, &self.offer, &"localhost".into(), PEER).unwrap()
    }

    /// One whole SCRAM exchange of a client of our own: `header` is its gs2 header, `bound` its binding.
    async fn scram(&self, mechanism: &str, who: &str, header: &str, bound: &[u8]) -> Result<Step, AuthError> {
        let (user, password) = who.split_once(' ').unwrap();
        let mut exchange = self.begin(mechanism);
        let bare = format!("n={user},r=fyko+d2lbbFgONRv9qkxdawL");
        let Step::Challenge(challenge) = exchange.step(format!("{header}{bare}").as_bytes()).await? else {
            panic!("no challenge")
        };
        let challenge = String::from_utf8(challenge).unwrap();
        let hash =
            ScramHash::parse(mechanism.trim_start_matches("SCRAM-").trim_end_matches("-PLUS")).unwrap();
        let last = last_message(hash, password, &bare, &challenge, &[header.as_bytes(), bound].concat());
        exchange.step(last.as_bytes()).await
    }
}

fn fields(message: &str) -> BTreeMap<&str, &str> {
    message.split(',').filter_map(|field| field.split_once('=')).collect()
}

/// The client-final-message of a client that knows the password.
pub fn last_message(hash: ScramHash, password: &str, bare: &str, challenge: &str, binding: &[u8]) -> String {
    let fields = fields(challenge);
    let (salt, rounds) = (STANDARD.decode(fields["s"]).unwrap(), fields["i"].parse().unwrap());
    let mut salted = vec![0; hash.size()];
    let pass = password.as_bytes();
    match hash {
        ScramHash::Sha1 => pbkdf2::pbkdf2_hmac::<sha1::Sha1>(pass, &salt, rounds, &mut salted),
        ScramHash::Sha256 => pbkdf2::pbkdf2_hmac::<sha2::Sha256>(pass, &salt, rounds, &mut salted),
        ScramHash::Sha512 => pbkdf2::pbkdf2_hmac::<sha2::Sha512>(pass, &salt, rounds, &mut salted),
    }
    let client_key = hash.hmac(&salted, &[b"Client Key"]);
    let without_proof = format!("c={},r={}", STANDARD.encode(binding), fields["r"]);
    let message = format!("{bare},{challenge},{without_proof}");
    let signature = hash.hmac(&hash.digest(&client_key), &[message.as_bytes()]);
    let proof: Vec<u8> = client_key.iter().zip(&signature).map(|(a, b)| a ^ b).collect();
    format!("{without_proof},p={}", STANDARD.encode(proof))
}

fn is_romeo(step: Result<Step, AuthError>) -> bool {
    matches!(step, Ok(Step::Success(proven)) if proven.account.as_str() == "romeo@localhost")
}

/// The client side of the `sasl` package against us; it also checks our signature.
async fn package_client<S: ScramProvider>(house: &House, binding: ChannelBinding) -> bool {
    let credentials = Credentials::default().with_username("romeo").with_password("pencil");
    let credentials = credentials.with_channel_binding(binding);
    let mut client = client::Scram::<S>::from_credentials(credentials).unwrap();
    let mut exchange = house.begin(client.name());
    let first = client.initial();
    let Ok(Step::Challenge(challenge)) = exchange.step(&first).await else { return false };
    let last = client.response(&challenge).unwrap();
    let Ok(Step::Success(proven)) = exchange.step(&last).await else { return false };
    client.success(&proven.data).is_ok()
}

#[tokio::test]
async fn the_packages_client_logs_in_with_n_whatever_the_server_can_bind() {
    for house in [House::plain_tls(), House::binding()] {
        assert!(package_client::<Sha1>(&house, ChannelBinding::None).await);
        assert!(package_client::<Sha256>(&house, ChannelBinding::None).await);
    }
}

#[tokio::test]
async fn the_packages_client_logs_in_bound_by_the_exporter() {
    let house = House::binding();
    let binding = ChannelBinding::TlsExporter(EXPORTER.to_vec());
    assert!(package_client::<Sha1>(&house, binding.clone()).await);
    assert!(package_client::<Sha256>(&house, binding).await);
    assert!(!package_client::<Sha256>(&house, ChannelBinding::TlsExporter(vec![8; 32])).await);
}

#[tokio::test]
async fn y_is_believed_only_where_no_plus_was_offered() {
    assert!(package_client::<Sha256>(&House::plain_tls(), ChannelBinding::Unsupported).await);
    let step = House::binding().scram("SCRAM-SHA-256", "romeo pencil", "y,,", b"").await;
    assert_eq!(step, Err(AuthError::NotAuthorized));
}

#[tokio::test]
async fn every_mechanism_of_the_offer_lets_the_right_password_in_and_no_other() {
    let house = House::binding();
    for hash in ["SHA-1", "SHA-256", "SHA-512"] {
        let (name, plus) = (format!("SCRAM-{hash}"), format!("SCRAM-{hash}-PLUS"));
        assert_eq!(house.offer.mechanism(&plus).unwrap().name(), plus);
        assert!(is_romeo(house.scram(&name, "romeo pencil", "n,,", b"").await), "{name}");
        let bound = [("tls-exporter", EXPORTER.to_vec()), ("tls-server-end-point", vec![9; 32])];
        for (binding, bytes) in bound {
            let header = format!("p={binding},,");
            assert!(is_romeo(house.scram(&plus, "romeo pencil", &header, &bytes).await), "{plus} {binding}");
            let wrong = house.scram(&plus, "romeo pencil", &header, &[1; 32]).await;
            assert_eq!(wrong, Err(AuthError::NotAuthorized));
        }
        let wrong = house.scram(&name, "romeo pencils", "n,,", b"").await;
        assert_eq!(wrong, Err(AuthError::NotAuthorized));
    }
}

#[tokio::test]
async fn a_binding_that_was_not_offered_or_not_asked_for_is_refused() {
    let house = House::binding();
    for (mechanism, header) in [
        ("SCRAM-SHA-256-PLUS", "p=tls-unique,,"),
        ("SCRAM-SHA-256-PLUS", "n,,"),
        ("SCRAM-SHA-256-PLUS", "y,,"),
        ("SCRAM-SHA-256", "p=tls-exporter,,"),
    ] {
        let step = house.scram(mechanism, "romeo pencil", header, &EXPORTER).await;
        assert_eq!(step, Err(AuthError::NotAuthorized), "{mechanism} {header}");
    }
    let begun = House::plain_tls();
    let begun = begun.shared.begin("SCRAM-SHA-1-PLUS", &begun.offer, &"localhost".into(), PEER);
    assert_eq!(begun.err(), Some(AuthError::InvalidMechanism));
}

#[tokio::test]
async fn an_authzid_must_be_ones_own_bare_jid() {
    let house = House::plain_tls();
    assert!(is_romeo(house.scram("SCRAM-SHA-256", "romeo pencil", "n,a=romeo@localhost,", b"").await));
    for authzid in ["admin", "juliet@localhost", "romeo@localhost/x", "romeo@elsewhere", "a@@"] {
        let header = format!("n,a={authzid},");
        let step = house.scram("SCRAM-SHA-256", "romeo pencil", &header, b"").await;
        assert_eq!(step, Err(AuthError::InvalidAuthzid), "{authzid}");
        let plain = format!("{authzid}\0romeo\0pencil");
        assert_eq!(house.begin("PLAIN").step(plain.as_bytes()).await, Err(AuthError::InvalidAuthzid));
    }
    assert!(is_romeo(house.begin("PLAIN").step(b"romeo@localhost\0romeo\0pencil").await));
}

#[tokio::test]
async fn a_mandatory_extension_is_refused() {
    let house = House::plain_tls();
    let step = house.begin("SCRAM-SHA-1").step(b"n,,m=ext,n=romeo,r=abc").await;
    assert_eq!(step, Err(AuthError::MalformedRequest));
}

#[tokio::test]
async fn a_name_is_unescaped_and_prepared() {
    let house = House::plain_tls();
    let step = house.scram("SCRAM-SHA-1", "us=2Cer=3D pencil", "n,,", b"").await;
    assert!(matches!(step, Ok(Step::Success(proven)) if proven.account.as_str() == "us,er=@localhost"));
    for name in ["Romeo", "RO\u{ad}MEO", "\u{ff52}omeo"] {
        assert!(is_romeo(house.scram("SCRAM-SHA-1", &format!("{name} pencil"), "n,,", b"").await), "{name}");
    }
}

#[tokio::test]
async fn plain_has_three_parts_and_none_of_the_last_two_is_empty() {
    let house = House::plain_tls();
    for message in ["\0romeo\0pencil\0extra", "\0\0", "\0\0pencil", "\0romeo\0", "", "romeo"] {
        let step = house.begin("PLAIN").step(message.as_bytes()).await;
        assert_eq!(step, Err(AuthError::MalformedRequest), "{message:?}");
    }
    assert!(is_romeo(house.begin("PLAIN").step(b"\0romeo\0pencil").await));
}

#[tokio::test]
async fn anonymous_is_not_there() {
    let house = House::plain_tls();
    for name in ["ANONYMOUS", "EXTERNAL", "DIGEST-MD5", "scram-sha-1", ""] {
        let begun = house.shared.begin(name, &house.offer, &"localhost".into(), PEER);
        assert_eq!(begun.err(), Some(AuthError::InvalidMechanism), "{name}");
    }
}

#[tokio::test]
async fn a_stranger_and_a_wrong_password_look_the_same() {
    let house = House::plain_tls();
    let mut shapes = Vec::new();
    for name in ["romeo", "nobody", "no one@all", "Nobody"] {
        let mut exchange = house.begin("SCRAM-SHA-256");
        let first = format!("n,,n={name},r=abc");
        let Ok(Step::Challenge(challenge)) = exchange.step(first.as_bytes()).await else { panic!("{name}") };
        let challenge = String::from_utf8(challenge).unwrap();
        let fields = fields(&challenge);
        let names: Vec<char> = challenge.split(',').filter_map(|field| field.chars().next()).collect();
        shapes.push((names, fields["r"].len(), fields["s"].len(), fields["i"].to_owned()));
        let bare = format!("n={name},r=abc");
        let last = last_message(ScramHash::Sha256, "wrong", &bare, &challenge, b"n,,");
        assert_eq!(exchange.step(last.as_bytes()).await, Err(AuthError::NotAuthorized));
        let plain = format!("\0{name}\0wrong");
        assert_eq!(house.begin("PLAIN").step(plain.as_bytes()).await, Err(AuthError::NotAuthorized));
    }
    assert!(shapes.windows(2).all(|pair| pair[0] == pair[1]), "{shapes:?}");
}

#[tokio::test]
async fn a_strangers_salt_is_the_same_at_every_visit() {
    let mut salts = Vec::new();
    for name in ["nobody", "NOBODY", "nobody"] {
        let house = House::plain_tls();
        let mut exchange = house.begin("SCRAM-SHA-1");
        let first = format!("n,,n={name},r=abc");
        let Ok(Step::Challenge(challenge)) = exchange.step(first.as_bytes()).await else { panic!() };
        salts.push(fields(&String::from_utf8(challenge).unwrap())["s"].to_owned());
    }
    assert!(salts.windows(2).all(|pair| pair[0] == pair[1]));
}

#[tokio::test]
async fn guessing_is_stopped_for_existing_and_other_names_alike() {
    for name in ["romeo", "nobody"] {
        let house = House::plain_tls();
        let mut answers = Vec::new();
        for _ in 0..12 {
            let message = format!("\0{name}\0wrong");
            answers.push(house.begin("PLAIN").step(message.as_bytes()).await.unwrap_err());
        }
        assert_eq!(answers[..10], [AuthError::NotAuthorized; 10]);
        assert_eq!(answers[10..], [AuthError::TemporaryAuthFailure; 2]);
    }
}

#[tokio::test]
async fn an_exchange_that_failed_or_ended_goes_no_further() {
    let house = House::plain_tls();
    let mut exchange = house.begin("PLAIN");
    assert!(exchange.step(b"\0romeo\0wrong").await.is_err());
    assert_eq!(exchange.step(b"\0romeo\0pencil").await, Err(AuthError::MalformedRequest));
}

#[test]
fn base64_is_strict() {
    assert_eq!(decode("="), Ok(Vec::new()));
    assert_eq!(decode("AHI="), Ok(b"\0r".to_vec()));
    for wrong in ["AHI", "AHJ=", "AH I=", "AHI=\n", "A", "====", "AH_-"] {
        assert_eq!(decode(wrong), Err(AuthError::IncorrectEncoding), "{wrong:?}");
    }
}

#[test]
fn a_failure_is_an_element_with_the_rfcs_word() {
    assert_eq!(
        AuthError::NotAuthorized.to_element().to_xml(),
        "<failure xmlns='urn:ietf:params:xml:ns:xmpp-sasl'><not-authorized/></failure>"
    );
}
