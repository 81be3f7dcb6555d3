//! XEP-0124 and XEP-0206 over sockets: a whole session, lost answers, order, windows, and silence.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::*;

const NS: &str = "xmlns='http://jabber.org/protocol/httpbind' xmlns:xmpp='urn:xmpp:xbosh'";

/// A client with a session.
struct Web<'s> {
    server: &'s Server,
    sid: String,
    rid: u64,
}

/// One request on a connection of its own.
async fn post(server: &Server, body: &str) -> String {
    let length = body.len();
    let head = "POST /http-bind HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nX-Forwarded-For: 192.0.2.1\r\n\
                X-Forwarded-Proto: https\r\n";
    let answer = ask(server, &format!("{head}Content-Length: {length}\r\n\r\n{body}")).await;
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    assert!(answer.contains("access-control-allow-origin: *"), "{answer}");
    answer.split_once("\r\n\r\n").unwrap().1.to_owned()
}

impl<'s> Web<'s> {
    async fn begin(server: &'s Server, more: &str) -> Web<'s> {
        let begin = format!("<body {NS} rid='100' to='localhost' ver='1.6' xmpp:version='1.0' {more}/>");
        let answer = post(server, &begin).await;
        let sid = answer.split(" sid='").nth(1).unwrap_or_else(|| panic!("{answer}"));
        assert!(
            answer.contains("<mechanism>PLAIN</mechanism>") && answer.contains(" from='localhost'"),
            "{answer}"
        );
        for part in [
            " ver='1.6'",
            " requests='2'",
            " hold='1'",
            " wait='",
            " secure='true'",
            " xmpp:restartlogic='true'",
        ] {
            assert!(answer.contains(part), "{part} is not in {answer}");
        }
        Web { server, sid: sid.split('\'').next().unwrap().to_owned(), rid: 100 }
    }

    fn next(&mut self, attributes: &str, inside: &str) -> String {
        self.rid += 1;
        self.at(self.rid, attributes, inside)
    }

    fn at(&self, rid: u64, attributes: &str, inside: &str) -> String {
        format!("<body {NS} sid='{}' rid='{rid}' {attributes}>{inside}</body>", self.sid)
    }

    async fn say(&mut self, attributes: &str, inside: &str) -> String {
        let body = self.next(attributes, inside);
        post(self.server, &body).await
    }

    async fn session(server: &'s Server, name: &str, more: &str) -> Web<'s> {
        let mut web = Web::begin(server, more).await;
        let message = STANDARD.encode(format!("\0{name}\0pencil"));
        let auth =
            format!("<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>{message}</auth>");
        assert!(web.say("", &auth).await.contains("<success xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>"));
        let features = web.say("xmpp:restart='true' to='localhost'", "").await;
        assert!(
            features.contains("<stream:features xmlns:stream='http://etherx.jabber.org/streams'>"),
            "{features}"
        );
        let bind = "<bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><resource>web</resource></bind>";
        let bound = web.say("", &format!("<iq xmlns='jabber:client' type='set' id='b'>{bind}</iq>")).await;
        assert!(bound.contains(&format!("<jid>{name}@localhost/web</jid>")), "{bound}");
        web
    }
}

fn message(to: &str, text: &str) -> String {
    format!("<message xmlns='jabber:client' to='{to}'><body>{text}</body></message>")
}

#[tokio::test]
async fn a_session_over_requests_is_one_like_any_other() {
    let server = Server::new().await;
    let mut web = Web::session(&server, "romeo", "wait='30' hold='1'").await;
    let mut wire = server.session("juliet", "balcony").await;
    let held = web.next("", "");
    let (answer, ()) = tokio::join!(post(&server, &held), async {
        tokio::time::sleep(Duration::from_millis(100)).await;
        wire.send("<message to='romeo@localhost/web'><body>hush</body></message>").await;
    });
    assert!(answer.contains("<message xmlns='jabber:client' ") && answer.contains("hush"), "{answer}");
    let ended = web.say("type='terminate'", &message("juliet@localhost/balcony", "good night")).await;
    assert!(ended.contains("type='terminate'") && !ended.contains("condition"), "{ended}");
    wire.until("<body>good night</body>").await;
    assert!(web.say("", "").await.contains("condition='item-not-found'"));
}

#[tokio::test]
async fn a_second_request_lets_the_first_go_and_a_lost_answer_comes_again() {
    let server = Server::new().await;
    let mut web = Web::session(&server, "romeo", "wait='30' hold='1'").await;
    let (first, second) = (web.next("", ""), web.next("", ""));
    let (answer, ()) = tokio::join!(post(&server, &first), async {
        tokio::time::sleep(Duration::from_millis(100)).await;
        // This connection breaks before it is answered.
        let mut lost = Wire::new(server.tcp(Door::Http).await);
        let length = second.len();
        lost.send(&format!(
            "POST /http-bind HTTP/1.1\r\nHost: l\r\nContent-Length: {length}\r\n\r\n{second}"
        ))
        .await;
        tokio::time::sleep(Duration::from_millis(100)).await;
    });
    assert!(answer.ends_with("httpbind'/>"), "{answer}");
    let mut wire = server.session("juliet", "balcony").await;
    wire.send("<message to='romeo@localhost/web'><body>missed</body></message>").await;
    tokio::time::sleep(Duration::from_millis(100)).await;
    for _ in 0..2 {
        assert!(post(&server, &second).await.contains("missed"));
    }
}

#[tokio::test]
async fn requests_that_overtake_each_other_are_put_in_order() {
    let server = Server::new().await;
    let mut web = Web::session(&server, "romeo", "wait='30' hold='1'").await;
    let mut wire = server.session("juliet", "balcony").await;
    let (first, second) = (
        web.next("", &message("juliet@localhost/balcony", "one")),
        web.next("", &message("juliet@localhost/balcony", "two")),
    );
    let mut early = Wire::new(server.tcp(Door::Http).await);
    let length = second.len();
    early
        .send(&format!("POST /http-bind HTTP/1.1\r\nHost: l\r\nContent-Length: {length}\r\n\r\n{second}"))
        .await;
    tokio::time::sleep(Duration::from_millis(100)).await;
    post(&server, &first).await;
    assert!(!wire.until("<body>one</body>").await.contains("two"));
    wire.until("<body>two</body>").await;
}

#[tokio::test]
async fn a_number_outside_of_the_window_ends_the_session() {
    let server = Server::new().await;
    let web = Web::session(&server, "romeo", "wait='30' hold='1'").await;
    let far = post(&server, &web.at(web.rid + 3, "", "")).await;
    assert!(far.contains("type='terminate'") && far.contains("condition='item-not-found'"), "{far}");
    let after = post(&server, &web.at(web.rid + 1, "", "")).await;
    assert!(after.contains("condition='item-not-found'"), "{after}");
}

#[tokio::test]
async fn a_client_waits_no_longer_than_it_wants_to() {
    let server = Server::new().await;
    let mut web = Web::session(&server, "romeo", "wait='1' hold='1'").await;
    let begun = std::time::Instant::now();
    assert!(web.say("", "").await.ends_with("httpbind'/>"));
    assert!((900..5_000).contains(&begun.elapsed().as_millis()));
}

#[tokio::test]
async fn a_client_that_stays_away_longer_than_it_said_is_gone() {
    let server = Server::new().await;
    let mut web = Web::session(&server, "romeo", "wait='30' hold='1'").await;
    let paused = web.say("pause='1'", &message("nobody@localhost", "x")).await;
    assert!(paused.ends_with("httpbind'/>"), "{paused}");
    tokio::time::sleep(Duration::from_millis(1_600)).await;
    assert!(web.say("", "").await.contains("condition='item-not-found'"));
}

#[tokio::test]
async fn what_is_wrong_with_the_stream_is_told_with_its_end() {
    let server = Server::new().await;
    let mut web = Web::session(&server, "romeo", "wait='30' hold='1'").await;
    let ended = web.say("", "<unknown xmlns='urn:unknown'/>").await;
    assert!(ended.contains("type='terminate' condition='remote-stream-error'"), "{ended}");
    assert!(ended.contains("<unsupported-stanza-type "), "{ended}");
    let unknown = format!("<body {NS} rid='1' to='elsewhere.example' ver='1.6' xmpp:version='1.0'/>");
    assert!(post(&server, &unknown).await.contains("condition='host-unknown'"));
    let nobody = format!("<body {NS} rid='1' ver='1.6' xmpp:version='1.0'/>");
    assert!(post(&server, &nobody).await.contains("condition='improper-addressing'"));
}

#[tokio::test]
async fn what_is_no_request_of_bosh_is_refused() {
    let server = Server::new().await;
    for (body, condition) in [
        ("hello".to_owned(), "bad-request"),
        (format!("<body {NS} to='localhost'/>"), "bad-request"),
        (format!("<body {NS} rid='1' sid='guess'/>"), "item-not-found"),
        (format!("<body {NS} rid='1' to='localhost'>{}</body>", "<a/>".repeat(5_000)), "bad-request"),
        (format!("<body {NS} rid='1' to='localhost'>{}</body>", "x".repeat(400_000)), "policy-violation"),
    ] {
        let answer = post(&server, &body).await;
        assert!(answer.contains(&format!("type='terminate' condition='{condition}'")), "{answer}");
    }
    let preflight = "OPTIONS /http-bind HTTP/1.1\r\nHost: l\r\nConnection: close\r\nOrigin: https://a.example\r\n\
                     Access-Control-Request-Method: POST\r\n\r\n";
    let answer = ask(&server, preflight).await;
    assert!(answer.contains("access-control-allow-methods: POST, OPTIONS"), "{answer}");
    assert!(answer.contains("access-control-allow-origin: *"), "{answer}");
}

#[tokio::test]
async fn a_session_in_the_clear_is_sent_to_the_door_with_tls() {
    let server = Server::new().await;
    let body = format!("<body {NS} rid='1' to='localhost' ver='1.6' xmpp:version='1.0'/>");
    let head = "POST /http-bind HTTP/1.1\r\nHost: l\r\nConnection: close\r\nX-Forwarded-For: 192.0.2.1\r\n";
    let answer = ask(&server, &format!("{head}Content-Length: {}\r\n\r\n{body}", body.len())).await;
    assert!(
        answer.contains("condition='see-other-uri'") && answer.contains("https://localhost:"),
        "{answer}"
    );
}

#[tokio::test]
async fn a_server_that_stops_says_so_to_whoever_waits() {
    let server = Server::new().await;
    let mut web = Web::session(&server, "romeo", "wait='30' hold='1'").await;
    let held = web.next("", "");
    let (closed, answer) = tokio::join!(
        async {
            tokio::time::sleep(Duration::from_millis(100)).await;
            server.listeners.close(Duration::from_secs(8)).await
        },
        post(&server, &held)
    );
    assert!(answer.contains("type='terminate' condition='remote-stream-error'"), "{answer}");
    assert!(answer.contains("<system-shutdown ") && closed, "{answer}");
}

#[tokio::test]
async fn whoever_repeats_one_request_forever_is_shown_out() {
    let server = Server::new().await;
    let mut web = Web::session(&server, "romeo", "wait='30' hold='1'").await;
    let body = web.next("", &message("nobody@localhost", "x"));
    let mut last = post(&server, &web.at(web.rid - 1, "", "")).await;
    for _ in 0..30 {
        last = post(&server, &web.at(web.rid - 1, "", "")).await;
        if last.contains("terminate") {
            break;
        }
    }
    assert!(last.contains("condition='policy-violation'"), "{last}");
    assert!(post(&server, &body).await.contains("condition='item-not-found'"));
}
