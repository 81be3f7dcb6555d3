//! RFC 6120 §7 over sockets: resources.

use super::*;

#[tokio::test]
async fn a_resource_is_made_when_none_is_asked_for() {
    let server = Server::new().await;
    let mut jids = Vec::new();
    for resource in ["<resource/>", ""] {
        let mut romeo = server.logged_in("romeo").await;
        let bind = "<bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'>";
        romeo.send(&format!("<iq type='set' id='x'>{bind}{resource}</bind></iq>")).await;
        let result = romeo.until("</iq>").await;
        assert!(result.contains("type='result'") && result.contains("id='x'"), "{result}");
        jids.push(result.split("<jid>").nth(1).unwrap().split('<').next().unwrap().to_owned());
    }
    assert!(jids.iter().all(|jid| jid.len() == "romeo@localhost/".len() + 20));
    assert_ne!(jids[0], jids[1]);
}

#[tokio::test]
async fn the_newer_of_two_sessions_with_one_resource_stays() {
    let server = Server::new().await;
    let mut older = server.session("romeo", "orchard").await;
    let mut newer = server.session("romeo", "orchard").await;
    assert!(older.rest().await.contains("<stream:error><conflict "));
    newer.send("<message to='romeo@localhost/orchard' type='chat'><body>me</body></message>").await;
    newer.until("me</body>").await;
}

#[tokio::test]
async fn by_choice_the_older_session_stays_or_the_newer_gets_another_name() {
    let server = Server::start(|settings| settings.c2s.conflict = Conflict::Refuse).await;
    let mut older = server.session("romeo", "orchard").await;
    let mut newer = server.logged_in("romeo").await;
    newer.bind("orchard").await;
    let refusal = newer.until("</iq>").await;
    assert!(refusal.contains("type='error'") && refusal.contains("<conflict "), "{refusal}");
    newer.bind("garden").await;
    newer.until("<jid>romeo@localhost/garden</jid>").await;
    older.silence().await;

    let server = Server::start(|settings| settings.c2s.conflict = Conflict::Rename).await;
    let mut older = server.session("romeo", "orchard").await;
    let mut newer = server.logged_in("romeo").await;
    newer.bind("orchard").await;
    assert!(!newer.until("</jid>").await.contains("orchard"));
    older.silence().await;
}

#[tokio::test]
async fn an_account_has_so_many_sessions_and_no_more() {
    let server = Server::start(|settings| settings.c2s.sessions_per_account = 2).await;
    let _one = server.session("romeo", "1").await;
    let _two = server.session("romeo", "2").await;
    let mut third = server.logged_in("romeo").await;
    third.bind("3").await;
    third.until("<resource-constraint ").await;
    // Replacing one of them is no third session.
    third.bind("2").await;
    third.until("<jid>romeo@localhost/2</jid>").await;
}

#[tokio::test]
async fn a_resource_that_is_none_is_refused_and_the_client_may_try_again() {
    let server = Server::new().await;
    let mut romeo = server.logged_in("romeo").await;
    romeo.bind(&"x".repeat(1024)).await;
    romeo.until("<bad-request ").await;
    romeo.bind("\u{1f339}").await;
    romeo.until("<jid>romeo@localhost/\u{1f339}</jid>").await;
}

#[tokio::test]
async fn nothing_is_heard_before_a_resource_is_bound_and_no_second_is() {
    let server = Server::new().await;
    let mut romeo = server.logged_in("romeo").await;
    romeo.send("<message to='juliet@localhost'><body>early</body></message>").await;
    assert!(romeo.rest().await.contains("<stream:error><not-authorized "));
    let mut romeo = server.session("romeo", "orchard").await;
    romeo.bind("second").await;
    romeo.until("<not-allowed ").await;
    romeo.send("<iq type='set' id='s'><session xmlns='urn:ietf:params:xml:ns:xmpp-session'/></iq>").await;
    romeo.until("id='s' type='result'/>").await;
}

#[tokio::test]
async fn the_features_of_a_session_are_told_with_what_others_advertise() {
    let server = Server::new().await;
    let caps = rialto_xmpp::Element::new("c", rialto_xmpp::ns::CAPS).attr("ver", "x");
    server.listeners.c2s().advertised.store(Arc::new(vec![caps]));
    let mut romeo = server.direct().await;
    romeo.open().await;
    romeo.until("</stream:features>").await;
    romeo.plain("romeo", "pencil").await;
    romeo.open().await;
    romeo.until("<stream:features>").await;
    let features = romeo.until("</stream:features>").await;
    let in_order = [
        "<bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'",
        "<session xmlns='urn:ietf:params:xml:ns:xmpp-session'><optional/></session>",
        "<sm xmlns='urn:xmpp:sm:3'/>",
        "<csi xmlns='urn:xmpp:csi:0'/>",
        "<c xmlns='http://jabber.org/protocol/caps' ver='x'/>",
    ];
    let places: Vec<Option<usize>> = in_order.iter().map(|feature| features.find(feature)).collect();
    assert!(places.iter().all(Option::is_some) && places.is_sorted(), "{places:?} {features}");
}
