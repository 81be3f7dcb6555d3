//! XEP-0198 over sockets: acknowledging, losing the connection, and going on.

use std::future::poll_fn;

use rialto_xmpp::{Element, ns};

use super::super::client::Client;
use super::super::connection::{Connection, Cut};
use super::super::management::Management;
use super::super::resume;
use super::super::talk::{self, Bounds, Talk};
use super::*;

const R: &str = "<r xmlns='urn:xmpp:sm:3'/>";

type Secure = Wire<TlsStream<TcpStream>>;

fn chat(to: &str, body: &str) -> String {
    format!("<message to='{to}' type='chat'><body>{body}</body></message>")
}

/// Turns stream management on; gives the key for resuming.
async fn enable(wire: &mut Secure) -> String {
    wire.send("<enable xmlns='urn:xmpp:sm:3' resume='true'/>").await;
    let enabled = wire.until("/>").await;
    assert!(enabled.contains("resume='true'") && enabled.contains("max='600'"), "{enabled}");
    enabled.split(" id='").nth(1).unwrap().split('\'').next().unwrap().to_owned()
}

fn resume(key: &str, h: u32) -> String {
    format!("<resume xmlns='urn:xmpp:sm:3' previd='{key}' h='{h}'/>")
}

#[tokio::test]
async fn stanzas_are_counted_and_acknowledged() {
    let server = Server::new().await;
    let mut romeo = server.session("romeo", "orchard").await;
    enable(&mut romeo).await;
    romeo.send(&format!("{R}{}{}{R}", chat("romeo@localhost/orchard", "1"), "<presence/>")).await;
    romeo.until("<a xmlns='urn:xmpp:sm:3' h='0'/>").await;
    let heard = format!("{}{}", romeo.until("h='2'/>").await, "");
    assert!(heard.contains("<a xmlns='urn:xmpp:sm:3' h='2'/>"), "{heard}");
    // A stanza that was refused was handled too (§4).
    romeo.send(&format!("<message to='@@'><body/></message>{R}")).await;
    romeo.until("<a xmlns='urn:xmpp:sm:3' h='3'/>").await;
    romeo.send("<enable xmlns='urn:xmpp:sm:3'/>").await;
    romeo.until("<unexpected-request ").await;
}

#[tokio::test]
async fn a_client_that_acknowledges_too_much_is_ended() {
    let server = Server::new().await;
    let mut romeo = server.session("romeo", "orchard").await;
    enable(&mut romeo).await;
    romeo.send("<a xmlns='urn:xmpp:sm:3' h='5'/>").await;
    let error = romeo.rest().await;
    assert!(
        error.contains("<handled-count-too-high xmlns='urn:xmpp:sm:3' h='5' send-count='0'/>"),
        "{error}"
    );
}

#[tokio::test]
async fn a_cut_session_goes_on_with_every_message_once_and_in_order() {
    let server = Server::new().await;
    let mut juliet = server.session("juliet", "balcony").await;
    let mut romeo = server.session("romeo", "orchard").await;
    let key = enable(&mut romeo).await;
    romeo.send(&chat("juliet@localhost/balcony", "mine")).await;
    juliet.until("mine</body>").await;
    for body in ["one", "two"] {
        juliet.send(&chat("romeo@localhost/orchard", body)).await;
        romeo.until(&format!("{body}</body></message>")).await;
    }
    drop(romeo);
    for body in ["three", "four"] {
        juliet.send(&chat("romeo@localhost/orchard", body)).await;
    }
    let mut romeo = server.logged_in("romeo").await;
    romeo.send(&resume(&key, 1)).await;
    romeo.until(&format!("<resumed xmlns='urn:xmpp:sm:3' previd='{key}' h='1'/>")).await;
    juliet.send(&chat("romeo@localhost/orchard", "five")).await;
    let heard = romeo.until("five</body></message>").await;
    let bodies: Vec<&str> =
        heard.split("<body>").skip(1).map(|part| part.split('<').next().unwrap()).collect();
    assert_eq!(bodies, ["two", "three", "four", "five"]);
    romeo.send(&format!("<a xmlns='urn:xmpp:sm:3' h='5'/>{R}")).await;
    romeo.until("h='1'/>").await;
}

#[tokio::test]
async fn a_session_is_taken_from_a_connection_that_still_seems_to_live() {
    let server = Server::new().await;
    let mut older = server.session("romeo", "orchard").await;
    let key = enable(&mut older).await;
    older.send(&format!("<presence/><presence/>{R}")).await;
    older.until("h='2'/>").await;
    let mut newer = server.logged_in("romeo").await;
    newer.send(&resume(&key, 0)).await;
    newer.until(&format!("<resumed xmlns='urn:xmpp:sm:3' previd='{key}' h='2'/>")).await;
    assert!(older.rest().await.contains("<stream:error><conflict "));
    newer.send(&chat("romeo@localhost/orchard", "still me")).await;
    newer.until("still me</body>").await;
    // And again, from the newer one.
    let mut newest = server.logged_in("romeo").await;
    newest.send(&resume(&key, 1)).await;
    newest.until("h='3'/>").await;
}

/// Takes a session up for romeo, without a connection.
async fn claim(server: &Server, key: &str) -> resume::Claim {
    let romeo = BareJid::parse("romeo@localhost").unwrap();
    let request = Element::new("resume", ns::SM).attr("previd", key).attr("h", "0");
    match resume::resume(server.listeners.c2s(), &romeo, &request).await {
        Ok(Ok(claim)) => claim,
        Ok(Err(failed)) => panic!("{failed:?}"),
        Err(leave) => panic!("{leave:?}"),
    }
}

/// A connection that loses its session before it was ever looked at: all that it says.
async fn last_words(server: &Server, claim: resume::Claim) -> String {
    let c2s = server.listeners.c2s();
    let (ours, mut theirs) = tokio::io::duplex(4096);
    let until = tokio::time::Instant::now() + Duration::from_secs(20);
    let bounds = Bounds { bytes: 4096, until, closing: c2s.closing.subscribe() };
    let first = talk::bytes_of(&claim.resumed);
    let (session, account) = (claim.entry.session.clone(), claim.entry.account.clone());
    let management = Management::resumed(claim.counted, Some(claim.entry));
    let client = Client::new(c2s, &session, &account, Some(management), claim.writer);
    let mut connection = Connection::new(Talk::new(ours, bounds), client, first.into());
    assert_eq!(poll_fn(|task| connection.poll(task)).await, Cut::Superseded);
    let Client { management, .. } = connection.into_client();
    let Management { counted, entry, .. } = management.unwrap();
    entry.unwrap().asleep(counted);
    let mut said = String::new();
    theirs.read_to_string(&mut said).await.unwrap();
    said
}

#[tokio::test]
async fn whoever_loses_a_session_at_once_has_heard_that_it_had_it_and_nobody_hears_it_twice() {
    let server = Server::new().await;
    let mut romeo = server.session("romeo", "orchard").await;
    let key = enable(&mut romeo).await;
    drop(romeo);
    let first = claim(&server, &key).await;
    first.entry.session.outbox.supersede();
    let said = last_words(&server, first).await;
    let resumed = format!("<resumed xmlns='urn:xmpp:sm:3' previd='{key}' h='0'/><stream:error><conflict ");
    assert!(said.starts_with(&resumed), "{said}");
    let mut romeo = server.logged_in("romeo").await;
    romeo.send(&format!("{}{}", resume(&key, 0), chat("romeo@localhost/orchard", "here"))).await;
    let heard = romeo.until("here</body>").await;
    assert_eq!(heard.matches("<resumed ").count(), 1, "{heard}");
}

#[tokio::test]
async fn only_its_owner_resumes_a_session() {
    let server = Server::new().await;
    let mut romeo = server.session("romeo", "orchard").await;
    let key = enable(&mut romeo).await;
    let mut juliet = server.logged_in("juliet").await;
    juliet.send(&resume(&key, 0)).await;
    let failed = juliet.until("</failed>").await;
    assert!(failed.contains("<item-not-found ") && !failed.contains(" h="), "{failed}");
    juliet.bind("balcony").await;
    juliet.until("<jid>juliet@localhost/balcony</jid>").await;
    romeo.send(R).await;
    romeo.until("h='0'/>").await;
}

#[tokio::test]
async fn a_session_waits_its_time_and_then_tells_only_what_it_had_counted() {
    let server = Server::start(|settings| {
        settings.sessions.hibernation = Duration::from_millis(600_900);
    })
    .await;
    let mut romeo = server.session("romeo", "orchard").await;
    romeo.send("<enable xmlns='urn:xmpp:sm:3' resume='1' max='1'/>").await;
    let enabled = romeo.until("/>").await;
    assert!(enabled.contains("max='1'"), "{enabled}");
    let key = enabled.split(" id='").nth(1).unwrap().split('\'').next().unwrap().to_owned();
    romeo.send(&format!("<presence/>{R}")).await;
    romeo.until("h='1'/>").await;
    drop(romeo);
    let accounts = &server.listeners.c2s().router.accounts;
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(accounts.all_sessions().len(), 1);
    tokio::time::sleep(Duration::from_millis(1200)).await;
    assert!(accounts.all_sessions().is_empty());
    let mut romeo = server.logged_in("romeo").await;
    romeo.send(&resume(&key, 0)).await;
    let failed = romeo.until("</failed>").await;
    assert!(failed.contains("h='1'") && failed.contains("<item-not-found "), "{failed}");
}

#[tokio::test]
async fn what_was_never_acknowledged_goes_to_another_session() {
    let server = Server::start(|settings| settings.sessions.hibernation = Duration::from_secs(1)).await;
    let mut juliet = server.session("juliet", "balcony").await;
    let mut romeo = server.session("romeo", "orchard").await;
    romeo.send("<enable xmlns='urn:xmpp:sm:3' resume='true'/>").await;
    romeo.until("/>").await;
    juliet.send(&chat("romeo@localhost/orchard", "lost and found")).await;
    romeo.until("found</body>").await;
    drop(romeo);
    // Nobody else takes it: the sender learns that it did not arrive.
    let error = juliet.until("</message>").await;
    assert!(error.contains("<service-unavailable "), "{error}");
}

#[tokio::test]
async fn a_closed_stream_is_over_and_cannot_be_resumed() {
    let server = Server::new().await;
    let mut romeo = server.session("romeo", "orchard").await;
    let key = enable(&mut romeo).await;
    romeo.send("<presence/></stream:stream>").await;
    let rest = romeo.rest().await;
    assert_eq!(rest, "<a xmlns='urn:xmpp:sm:3' h='1'/></stream:stream>");
    let mut romeo = server.logged_in("romeo").await;
    romeo.send(&resume(&key, 0)).await;
    assert!(romeo.until("</failed>").await.contains("h='1'"));
    romeo.send(&resume("no such key", 0)).await;
    assert!(!romeo.until("</failed>").await.contains("h='"));
}

#[tokio::test]
async fn a_waiting_session_does_not_outlive_the_server() {
    let server = Server::new().await;
    let mut romeo = server.session("romeo", "orchard").await;
    enable(&mut romeo).await;
    drop(romeo);
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert_eq!(server.listeners.c2s().waiting.len(), 1);
    assert!(server.listeners.close(Duration::from_secs(5)).await);
    assert!(server.listeners.c2s().waiting.is_empty());
}

#[tokio::test]
async fn an_inactive_client_is_spared_what_can_wait() {
    let server = Server::new().await;
    let mut juliet = server.session("juliet", "balcony").await;
    let mut romeo = server.session("romeo", "orchard").await;
    romeo.send("<inactive xmlns='urn:xmpp:csi:0'/>").await;
    tokio::time::sleep(Duration::from_millis(100)).await;
    let typing = "<composing xmlns='http://jabber.org/protocol/chatstates'/>";
    juliet.send(&format!("<message to='romeo@localhost/orchard' type='chat'>{typing}</message>")).await;
    romeo.silence().await;
    romeo.send("<active xmlns='urn:xmpp:csi:0'/>").await;
    romeo.until("<composing ").await;
}

#[tokio::test]
async fn a_session_is_taken_from_a_connection_that_takes_nothing_any_more() {
    let server = Server::new().await;
    let mut older = server.session("romeo", "orchard").await;
    let key = enable(&mut older).await;
    let mut juliet = server.session("juliet", "balcony").await;
    let text = "x".repeat(60_000);
    // More than the kernel keeps for a reader that does not read, less than the outbox.
    for id in 0..60 {
        juliet.send(&chat("romeo@localhost/orchard", &format!("{text}{id}"))).await;
    }
    juliet.send(&chat("juliet@localhost/balcony", "all sent")).await;
    juliet.until("all sent</body>").await;
    let mut newer = server.logged_in("romeo").await;
    let begun = tokio::time::Instant::now();
    newer.send(&resume(&key, 0)).await;
    newer.until("<resumed ").await;
    assert!(begun.elapsed() < Duration::from_secs(5));
    let heard = newer.until("xxx59</body></message>").await;
    assert_eq!(heard.matches("<body>").count(), 60);
}

#[tokio::test]
async fn a_client_is_asked_what_it_got_and_ended_when_it_never_says() {
    let server = Server::start(|settings| settings.sessions.unacked_queue = 100).await;
    let mut juliet = server.session("juliet", "balcony").await;
    let mut romeo = server.session("romeo", "orchard").await;
    enable(&mut romeo).await;
    for id in 0..40 {
        juliet.send(&chat("romeo@localhost/orchard", &id.to_string())).await;
    }
    romeo.until(R).await;
    romeo.send("<a xmlns='urn:xmpp:sm:3' h='32'/>").await;
    for id in 0..200 {
        juliet.send(&chat("romeo@localhost/orchard", &id.to_string())).await;
    }
    assert!(romeo.rest().await.contains("<stream:error><resource-constraint "));
}

#[tokio::test]
async fn an_acknowledgement_comes_when_what_it_tells_of_is_kept_and_not_before() {
    let server = Server::new().await;
    let store = server.listeners.c2s().router.store.clone();
    let _juliet = server.session("juliet", "balcony").await;
    let mut romeo = server.session("romeo", "orchard").await;
    enable(&mut romeo).await;
    let begun = tokio::time::Instant::now();
    for round in 1..=50 {
        let body = format!("kept {round}");
        romeo.send(&format!("{}{R}", chat("juliet@localhost/balcony", &body))).await;
        romeo.until(&format!("<a xmlns='urn:xmpp:sm:3' h='{round}'/>")).await;
        assert_eq!(store.get(tables::SERVER, b"last message").unwrap().unwrap(), body);
    }
    // Nothing but the store is waited for.
    assert!(begun.elapsed() < Duration::from_secs(4), "{:?}", begun.elapsed());
}
