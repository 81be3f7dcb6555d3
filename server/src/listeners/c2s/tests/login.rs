//! RFC 6120 §5, §6 over sockets: securing a stream and logging in.

use sasl::client::Mechanism as _;
use sasl::client::mechanisms::Scram;
use sasl::common::scram::{ScramProvider, Sha1, Sha256};
use sasl::common::{ChannelBinding, Credentials};

use super::*;
use crate::listeners::c2s::sasl::offer::{Bindings, Offer};
use crate::listeners::c2s::sasl::tests::last_message;

async fn scram<S: ScramProvider>(
    wire: &mut Wire<TlsStream<TcpStream>>,
    password: &str,
    binding: ChannelBinding,
) -> String {
    let credentials = Credentials::default().with_username("romeo").with_password(password);
    let mut client = Scram::<S>::from_credentials(credentials.with_channel_binding(binding)).unwrap();
    let (name, first) = (client.name().to_owned(), STANDARD.encode(client.initial()));
    let ns = "urn:ietf:params:xml:ns:xmpp-sasl";
    wire.send(&format!("<auth xmlns='{ns}' mechanism='{name}'>{first}</auth>")).await;
    let challenge = wire.until("</challenge>").await;
    let challenge = challenge.split(['<', '>']).nth(2).unwrap();
    let last = client.response(&STANDARD.decode(challenge).unwrap()).unwrap();
    wire.send(&format!("<response xmlns='{ns}'>{}</response>", STANDARD.encode(last))).await;
    let answer = wire.until(">").await;
    if answer.starts_with("<success") {
        let signature = wire.until("</success>").await;
        let signature = STANDARD.decode(signature.strip_suffix("</success>").unwrap()).unwrap();
        client.success(&signature).unwrap();
    }
    answer
}

fn offered(features: &str) -> Vec<String> {
    let (list, _) = features.split_once("</mechanisms>").unwrap();
    let parts = list.split("<mechanism>").skip(1);
    parts.filter_map(|part| Some(part.split_once('<')?.0.to_owned())).collect()
}

#[tokio::test]
async fn romeo_logs_in_over_starttls_with_every_kind_of_binding() {
    let server = Server::new().await;
    for old in [false, true] {
        let mut wire = server.upgraded(old).await;
        wire.open().await;
        let features = wire.until("</stream:features>").await;
        assert_eq!(offered(&features).len(), 7, "{features}");
        assert_eq!(features.contains("tls-exporter"), !old);
        assert!(features.contains("<channel-binding type='tls-server-end-point'/>"), "{features}");
        let binding = if old {
            ChannelBinding::None
        } else {
            ChannelBinding::TlsExporter(wire.binding("tls-exporter"))
        };
        assert!(scram::<Sha256>(&mut wire, "pencil", binding).await.starts_with("<success"));
        wire.open().await;
        let features = wire.until("</stream:features>").await;
        assert!(features.contains("<bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'"), "{features}");
    }
}

#[tokio::test]
async fn romeo_logs_in_over_direct_tls_with_each_hash_and_plain() {
    let server = Server::new().await;
    let mut wire = server.direct().await;
    wire.open().await;
    wire.until("</stream:features>").await;
    assert!(scram::<Sha1>(&mut wire, "pencil", ChannelBinding::None).await.starts_with("<success"));
    let mut wire = server.direct().await;
    wire.open().await;
    wire.until("</stream:features>").await;
    assert!(scram::<Sha256>(&mut wire, "pencil", ChannelBinding::None).await.starts_with("<success"));
    server.session("romeo", "orchard").await;
}

#[tokio::test]
async fn the_servers_own_certificate_binds_in_both_versions_of_tls() {
    let server = Server::new().await;
    let ns = "urn:ietf:params:xml:ns:xmpp-sasl";
    for (old, honest) in [(false, true), (true, true), (true, false)] {
        let mut wire = server.upgraded(old).await;
        wire.open().await;
        wire.until("</stream:features>").await;
        let (header, bare) = ("p=tls-server-end-point,,", "n=romeo,r=abc");
        let first = STANDARD.encode(format!("{header}{bare}"));
        wire.send(&format!("<auth xmlns='{ns}' mechanism='SCRAM-SHA-512-PLUS'>{first}</auth>")).await;
        let challenge = wire.until("</challenge>").await;
        let challenge = STANDARD.decode(challenge.split(['<', '>']).nth(2).unwrap()).unwrap();
        let mut binding = [header.as_bytes(), &wire.binding("tls-server-end-point")].concat();
        if !honest {
            *binding.last_mut().unwrap() ^= 1;
        }
        let challenge = String::from_utf8(challenge).unwrap();
        let last = last_message(ScramHash::Sha512, "pencil", bare, &challenge, &binding);
        wire.send(&format!("<response xmlns='{ns}'>{}</response>", STANDARD.encode(last))).await;
        assert_eq!(wire.until(">").await.starts_with("<success"), honest);
    }
}

#[tokio::test]
async fn a_binding_to_another_connection_is_refused() {
    let server = Server::new().await;
    let other = server.direct().await;
    let mut wire = server.direct().await;
    wire.open().await;
    wire.until("</stream:features>").await;
    let binding = ChannelBinding::TlsExporter(other.binding("tls-exporter"));
    assert!(scram::<Sha256>(&mut wire, "pencil", binding).await.starts_with("<failure"));
}

#[tokio::test]
async fn strangers_and_wrong_passwords_get_the_same_answer_six_times_and_then_the_end() {
    let server = Server::new().await;
    let mut answers = Vec::new();
    for name in ["romeo", "nobody"] {
        let mut wire = server.direct().await;
        wire.open().await;
        wire.until("</stream:features>").await;
        for _ in 0..6 {
            wire.plain(name, "wrong").await;
        }
        answers.push(wire.rest().await);
    }
    assert_eq!(answers[0], answers[1]);
    assert_eq!(answers[0].matches("<not-authorized/>").count(), 6, "{}", answers[0]);
    assert!(answers[0].contains("<policy-violation"), "{}", answers[0]);
}

#[tokio::test]
async fn in_the_clear_only_starttls_is_heard() {
    let server = Server::new().await;
    let mut wire = server.clear().await;
    wire.open().await;
    let features = wire.until("</stream:features>").await;
    assert!(features.ends_with(
        "<stream:features><starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'><required/></starttls>\
         </stream:features>"
    ));
    wire.plain("romeo", "pencil").await;
    wire.until("<encryption-required/></failure>").await;
    wire.send("<message to='juliet@localhost'><body>hi</body></message>").await;
    assert!(wire.rest().await.contains("<not-authorized xmlns='urn:ietf:params:xml:ns:xmpp-streams'/>"));
}

#[tokio::test]
async fn what_is_slipped_in_behind_starttls_is_never_heard_inside() {
    let server = Server::new().await;
    let mut wire = server.clear().await;
    wire.open().await;
    wire.until("</stream:features>").await;
    wire.send("<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/><auth/>").await;
    assert!(wire.rest().await.contains("<policy-violation"));
}

#[tokio::test]
async fn an_exchange_can_be_aborted_and_an_initial_response_left_out() {
    let server = Server::new().await;
    let mut wire = server.direct().await;
    wire.open().await;
    wire.until("</stream:features>").await;
    let ns = "urn:ietf:params:xml:ns:xmpp-sasl";
    wire.send(&format!("<auth xmlns='{ns}' mechanism='PLAIN'/>")).await;
    wire.until(&format!("<challenge xmlns='{ns}'/>")).await;
    wire.send(&format!("<abort xmlns='{ns}'/>")).await;
    wire.until("<aborted/></failure>").await;
    wire.send(&format!("<auth xmlns='{ns}' mechanism='PLAIN'>AHI</auth>")).await;
    wire.until("<incorrect-encoding/></failure>").await;
    wire.send(&format!("<auth xmlns='{ns}' mechanism='DIGEST-MD5'/>")).await;
    wire.until("<invalid-mechanism/></failure>").await;
}

#[tokio::test]
async fn a_pipelined_opening_is_answered_in_order() {
    let server = Server::new().await;
    let mut wire = server.direct().await;
    let header = "<?xml version='1.0'?><stream:stream to='localhost' version='1.0' xmlns='jabber:client' \
         xmlns:stream='http://etherx.jabber.org/streams'>";
    let plain = STANDARD.encode("\0romeo\0pencil");
    let auth = format!("<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>{plain}</auth>");
    let bind = "<iq type='set' id='b'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/></iq>";
    wire.send(&format!(
        "{header}{auth}{header}{bind}<iq type='set' id='s'><session \
         xmlns='urn:ietf:params:xml:ns:xmpp-session'/></iq>"
    ))
    .await;
    wire.until("</stream:features>").await;
    wire.until("<success xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>").await;
    wire.until("</stream:features>").await;
    wire.until("</jid></bind></iq>").await;
    wire.until("id='s' type='result'/>").await;
}

#[tokio::test]
async fn a_client_that_wants_another_protocol_is_refused_at_the_door_of_direct_tls() {
    let server = Server::new().await;
    let mut config = (**server.connector.config()).clone();
    config.alpn_protocols = vec![b"h2".to_vec()];
    let connector = TlsConnector::from(Arc::new(config.clone()));
    let name = || ServerName::try_from("localhost").unwrap();
    assert!(connector.connect(name(), server.tcp(Door::Direct).await).await.is_err());
    config.alpn_protocols = Vec::new();
    let connector = TlsConnector::from(Arc::new(config));
    assert!(connector.connect(name(), server.tcp(Door::Direct).await).await.is_ok());
}

#[tokio::test]
async fn a_disabled_account_is_told_so_only_with_the_right_password() {
    let server = Server::new().await;
    let store = &server.listeners.c2s().router.store;
    Kept::new(store).set_disabled("romeo@localhost", true).await.unwrap();
    let mut wire = server.direct().await;
    wire.open().await;
    wire.until("</stream:features>").await;
    wire.plain("romeo", "wrong").await;
    wire.until("<not-authorized/></failure>").await;
    wire.plain("romeo", "pencil").await;
    wire.until("<account-disabled/></failure>").await;
}

#[tokio::test]
async fn the_features_before_a_login_are_put_together_once_and_anew_when_something_changes() {
    let server = Server::new().await;
    let c2s = server.listeners.c2s();
    let both = Bindings { exporter: Some([1; 32]), end_point: None };
    let (offer, alike) = (Offer::inside_tls(both.clone(), true), Offer::inside_tls(both, true));
    let first = c2s.offered(&offer, true);
    assert!(Arc::ptr_eq(&first, &c2s.offered(&alike, true)));
    let old = c2s.offered(&Offer::inside_tls(Bindings::default(), true), true);
    let open = c2s.offered(&offer, false);
    assert!(old.version != first.version && open.version.is_none());
    assert!(Arc::ptr_eq(&first, &c2s.offered(&offer, true)));
    let mut settings = Settings::default();
    settings.c2s.login_timeout = Duration::from_secs(7);
    c2s.set_settings(settings);
    let changed = c2s.offered(&offer, true);
    assert!(changed.version != first.version && changed.bytes != first.bytes);
    for hashes in 0..40 {
        let hashes = &ScramHash::ALL[..hashes % 3];
        c2s.offered(&Offer::of(Bindings::default(), hashes.is_empty(), hashes), hashes.len() == 1);
    }
    assert_eq!(c2s.offered(&offer, true).version, changed.version);
}
