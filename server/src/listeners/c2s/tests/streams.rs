//! RFC 6120 §4 over sockets: headers, limits, errors and the end of streams.

use super::*;

const HEADER: &str = "xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams'";

#[tokio::test]
async fn the_header_has_all_that_clients_check() {
    let server = Server::new().await;
    let mut wire = server.direct().await;
    wire.open_to("from='romeo@localhost' to='LocalHost' version='1.0' xml:lang='de'").await;
    let header = wire.until("<stream:features>").await;
    for part in
        [HEADER, " from='localhost'", " to='romeo@localhost'", " id='", " version='1.0'", " xml:lang='"]
    {
        assert!(header.contains(part), "{part} is not in {header}");
    }
    let mut other = server.direct().await;
    other.open().await;
    let id = |header: &str| header.split(" id='").nth(1).unwrap()[..20].to_owned();
    assert_ne!(id(&header), id(&other.until("<stream:features>").await));
}

#[tokio::test]
async fn a_header_that_will_not_do_gets_ours_and_the_reason() {
    let server = Server::new().await;
    let stream = |attributes: &str| format!("<stream:stream {attributes}>");
    for (header, condition) in [
        (stream(&format!("to='elsewhere.example' version='1.0' {HEADER}")), "host-unknown"),
        (stream(&format!("to='romeo@localhost' version='1.0' {HEADER}")), "host-unknown"),
        (stream(&format!("version='1.0' {HEADER}")), "improper-addressing"),
        (stream(&format!("to='localhost' {HEADER}")), "unsupported-version"),
        (stream(&format!("to='localhost' version='0.9' {HEADER}")), "unsupported-version"),
        (
            "<stream:stream to='localhost' version='1.0' xmlns='jabber:client' xmlns:stream='wrong'>".into(),
            "invalid-namespace",
        ),
        (
            "<stream:stream to='localhost' version='1.0' xmlns='jabber:server' \
             xmlns:stream='http://etherx.jabber.org/streams'>"
                .into(),
            "invalid-namespace",
        ),
        ("<!DOCTYPE x><stream:stream>".into(), "restricted-xml"),
        ("GET / HTTP/1.1\r\n\r\n".into(), "not-well-formed"),
    ] {
        let mut wire = server.clear().await;
        wire.send(&header).await;
        let answer = wire.rest().await;
        assert!(answer.starts_with("<?xml version='1.0'?><stream:stream "), "{header}: {answer}");
        assert!(answer.contains(&format!("<stream:error><{condition} ")), "{header}: {answer}");
        assert!(answer.ends_with("</stream:error></stream:stream>"), "{header}: {answer}");
    }
}

#[tokio::test]
async fn the_identity_cannot_change_when_the_stream_is_restarted() {
    let server = Server::new().await;
    server.listeners.c2s().router.domains.serve("other.example", Domain::Accounts);
    for (attributes, condition) in [
        ("to='other.example' version='1.0'", "policy-violation"),
        ("from='juliet@localhost' to='localhost' version='1.0'", "invalid-from"),
    ] {
        let mut wire = server.direct().await;
        wire.open().await;
        wire.until("</stream:features>").await;
        wire.plain("romeo", "pencil").await;
        wire.until("<success xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>").await;
        wire.open_to(attributes).await;
        assert!(wire.rest().await.contains(condition));
    }
}

#[tokio::test]
async fn a_client_that_takes_too_long_or_says_too_much_before_login_is_shown_out() {
    let server = Server::start(|settings| {
        settings.c2s.login_timeout = Duration::from_millis(300);
        settings.c2s.login_bytes = 4096;
    })
    .await;
    let mut slow = server.clear().await;
    slow.open().await;
    assert!(slow.rest().await.contains("<connection-timeout "));
    let mut much = server.clear().await;
    much.send(&" ".repeat(5000)).await;
    assert!(much.rest().await.contains("<policy-violation "));
    let (mut silent, mut half) = (server.tcp(Door::Direct).await, server.tcp(Door::Direct).await);
    half.write_all(&[22, 3, 1]).await.unwrap();
    for socket in [&mut silent, &mut half] {
        let read = timeout(Duration::from_secs(5), socket.read(&mut [0; 64])).await.unwrap();
        assert!(matches!(read, Ok(0) | Err(_)), "{read:?}");
    }
    assert_eq!(timeout(Duration::from_secs(5), server.listeners.c2s().gate.empty()).await, Ok(()));
}

#[tokio::test]
async fn a_stream_is_closed_by_both() {
    let server = Server::new().await;
    let mut wire = server.session("romeo", "orchard").await;
    wire.send("  \n <presence/></stream:stream>").await;
    assert!(wire.rest().await.ends_with("</stream:stream>"));
    drop(wire);
    assert_eq!(timeout(Duration::from_secs(5), server.listeners.c2s().gate.empty()).await, Ok(()));
    assert!(server.listeners.c2s().router.accounts.all_sessions().is_empty());
}

#[tokio::test]
async fn broken_xml_ends_this_stream_and_no_other() {
    let server = Server::new().await;
    let mut juliet = server.session("juliet", "balcony").await;
    for (wrong, condition) in [
        ("<message><body></message></body>", "not-well-formed"),
        ("<!-- comment -->", "restricted-xml"),
        ("<message><body>&unknown;</body></message>", ""),
        ("<unknown xmlns='urn:example:nothing'/>", "unsupported-stanza-type"),
        ("<letter/>", "unsupported-stanza-type"),
        (
            "<message from='juliet@localhost' to='juliet@localhost'><body>forged</body></message>",
            "invalid-from",
        ),
        ("<a xmlns='urn:xmpp:sm:3' h='1'/>", "unsupported-stanza-type"),
    ] {
        let mut romeo = server.session("romeo", "orchard").await;
        romeo.send(wrong).await;
        let answer = romeo.rest().await;
        assert!(answer.contains(&format!("<stream:error><{condition}")), "{wrong}: {answer}");
    }
    let mut romeo = server.session("romeo", "orchard").await;
    romeo.send("<message to='juliet@localhost/balcony' type='chat'><body>alive</body></message>").await;
    let heard = juliet.until("alive</body></message>").await;
    assert!(heard.contains("from='romeo@localhost/orchard'") && !heard.contains("forged"), "{heard}");
}

#[tokio::test]
async fn a_stanza_that_cannot_be_read_gets_an_error_and_the_stream_goes_on() {
    let server = Server::new().await;
    let mut romeo = server.session("romeo", "orchard").await;
    romeo.send("<message id='1' to='@@'><body>x</body></message>").await;
    let error = romeo.until("</message>").await;
    assert!(error.contains("id='1'") && error.contains("<jid-malformed "), "{error}");
    romeo.send("<iq type='get' id='2' to='localhost'/>").await;
    let error = romeo.until("</iq>").await;
    assert!(error.contains("id='2'") && error.contains("<bad-request "), "{error}");
    romeo.send("<iq type='get' id='3' to='localhost'><unknown xmlns='urn:example:x'/></iq>").await;
    romeo.until("<service-unavailable ").await;
}

#[tokio::test]
async fn a_stanza_that_is_too_long_ends_the_stream_before_it_is_whole() {
    let server = Server::start(|settings| settings.c2s.stanza_bytes = 10_000).await;
    let mut romeo = server.session("romeo", "orchard").await;
    romeo.send(&format!("<message to='juliet@localhost'><body>{}", "x".repeat(20_000))).await;
    assert!(romeo.rest().await.contains("<policy-violation "));
}

#[tokio::test]
async fn everybody_is_told_when_the_server_closes() {
    let server = Server::new().await;
    let mut romeo = server.session("romeo", "orchard").await;
    let mut half = server.clear().await;
    half.open().await;
    half.until("</stream:features>").await;
    let closing = async { assert!(server.listeners.close(Duration::from_secs(5)).await) };
    let told = async {
        for heard in [romeo.rest().await, half.rest().await] {
            assert!(heard.ends_with("</stream:error></stream:stream>"), "{heard}");
            assert!(heard.contains("<stream:error><system-shutdown "), "{heard}");
        }
    };
    tokio::join!(closing, told);
}

#[tokio::test]
async fn a_silent_client_is_asked_and_then_dropped() {
    let server = Server::start(|settings| {
        settings.c2s.ping_after = Duration::from_millis(100);
        settings.c2s.ping_timeout = Duration::from_millis(200);
    })
    .await;
    let mut romeo = server.session("romeo", "orchard").await;
    for _ in 0..3 {
        romeo.until("<ping xmlns='urn:xmpp:ping'/></iq>").await;
        romeo.send(" ").await;
    }
    romeo.until("<ping xmlns='urn:xmpp:ping'/></iq>").await;
    assert_eq!(romeo.rest().await, "");
    assert_eq!(timeout(Duration::from_secs(5), server.listeners.c2s().gate.empty()).await, Ok(()));
}

#[tokio::test]
async fn who_asks_faster_than_it_reads_waits_and_loses_nothing() {
    let server = Server::start(|settings| settings.sessions.outbox_bytes = 600_000).await;
    let romeo = server.session("romeo", "orchard").await;
    let (count, text) = (2_000, "x".repeat(2_000));
    let (mut reader, mut writer) = tokio::io::split(romeo.io);
    let writing = tokio::spawn(async move {
        for id in 0..count {
            let ask = format!("<iq type='get' id='{id}' to='localhost'><a xmlns='urn:x'>{text}</a></iq>");
            writer.write_all(ask.as_bytes()).await.unwrap();
        }
        writer.flush().await.unwrap();
        writer
    });
    tokio::time::sleep(Duration::from_millis(300)).await;
    let (mut heard, mut buffer) = (romeo.heard.clone(), vec![0; 65536]);
    while heard.matches("</iq>").count() < count {
        let read = timeout(Duration::from_secs(20), reader.read(&mut buffer)).await.unwrap().unwrap();
        assert!(read > 0, "the stream ended after {}", heard.matches("</iq>").count());
        heard.push_str(std::str::from_utf8(&buffer[..read]).unwrap());
    }
    let ids =
        heard.split("<iq ").skip(1).map(|iq| iq.split("id='").nth(1).unwrap().split('\'').next().unwrap());
    assert!(ids.eq((0..count).map(|id| id.to_string())));
    writing.await.unwrap();
}

#[tokio::test]
async fn who_does_not_read_at_all_is_ended_and_the_sender_is_not_held_up() {
    let server = Server::start(|settings| settings.sessions.outbox_bytes = 300_000).await;
    let _juliet = server.session("juliet", "balcony").await;
    let mut romeo = server.session("romeo", "orchard").await;
    let text = "x".repeat(60_000);
    // Kernel buffers take some megabytes, the outbox its limit; then she is gone and he is told.
    for _ in 0..400 {
        romeo
            .send(&format!(
                "<message to='juliet@localhost/balcony' type='chat'><body>{text}</body></message>"
            ))
            .await;
    }
    let told = romeo.until("<service-unavailable ").await;
    assert!(told.contains("type='error'"), "{}", &told[..200]);
}
