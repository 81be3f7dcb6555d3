//! The page of invitations over sockets.

use std::sync::Arc;

use rialto_store::Store;
use rialto_store::accounts::Accounts as Kept;
use rialto_xmpp::BareJid;

use super::{Invitation, Registration, TAKEN_NAMES};
use crate::config::Config;
use crate::features::Features;
use crate::invites::{Invites, Wanted};
use crate::listeners::Door;
use crate::listeners::c2s::tests::{Server, Wire};
use crate::people::People;
use crate::public_url::PublicUrl;
use crate::router::Router;
use crate::sessions::Accounts;

struct Stage {
    server: Server,
    invites: Arc<Invites>,
    people: People,
    store: Store,
}

impl Stage {
    async fn new() -> Stage {
        let (store, config) = (Store::memory(), Config::default());
        let people = People::new(&store);
        let features = Features::new(Vec::new()).unwrap();
        let router =
            Router::new(Arc::new(Accounts::default()), features, store.clone(), Arc::new(people.clone()));
        let invites = Invites::new(&store, &config.invites);
        let registration = Arc::new(Registration::new(people.clone(), &invites, &Arc::new(router), &config));
        let site = Invitation::new(&registration, &PublicUrl::chosen("https://chat.localhost"));
        let server = Server::serving(|_| {}, |_| {}, vec![Arc::new(site)]).await;
        Stage { server, invites, people, store }
    }

    async fn token(&self, wanted: Wanted) -> String {
        let wanted = Wanted { domain: "localhost".into(), account: true, ..wanted };
        let made = self.invites.create(wanted).await.unwrap();
        let token = made.uri.split_once("preauth=").unwrap().1;
        token.split(';').next().unwrap().to_owned()
    }

    async fn ask(&self, request: &str) -> String {
        let mut wire = Wire::new(self.server.tcp(Door::Http).await);
        wire.send(request).await;
        wire.rest().await
    }

    async fn get(&self, token: &str, more: &str) -> String {
        self.ask(&format!(
            "GET /invite/{token} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{more}\r\n"
        ))
        .await
    }

    async fn post(&self, token: &str, more: &str, body: &str) -> String {
        self.ask(&post(token, more, body)).await
    }

    /// What shows that a form is of this page.
    async fn seal(&self, token: &str) -> String {
        seal_in(&self.get(token, "").await)
    }

    fn has(&self, jid: &str) -> bool {
        Kept::new(&self.store).get(jid).unwrap().is_some()
    }
}

fn seal_in(page: &str) -> String {
    let (_, rest) = page.split_once("name=\"seal\" value=\"").unwrap_or_else(|| panic!("no form in {page}"));
    rest.split('"').next().unwrap().to_owned()
}

fn post(token: &str, more: &str, body: &str) -> String {
    let kind = if more.contains("Content-Type") {
        ""
    } else {
        "Content-Type: application/x-www-form-urlencoded; charset=utf-8\r\n"
    };
    format!(
        "POST /invite/{token} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{kind}{more}Content-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

fn status(answer: &str) -> &str {
    answer.split(' ').nth(1).unwrap_or_default()
}

fn body(answer: &str) -> &str {
    answer.split_once("\r\n\r\n").map_or("", |(_, body)| body)
}

#[tokio::test]
async fn the_page_says_who_invites_and_what_to_take_and_nobody_else_learns_of_it() {
    let stage = Stage::new().await;
    let romeo = BareJid::parse("romeo@localhost").unwrap();
    let wanted =
        Wanted { inviter: Some(romeo), contact: true, circle: Some("<b>&\"x".into()), ..Wanted::default() };
    let token = stage.token(wanted).await;
    let page = stage.get(&token, "").await;
    assert_eq!(status(&page), "200", "{page}");
    for part in [
        "romeo@localhost invites you to localhost",
        "<code>&lt;b&gt;&amp;&quot;x</code>",
        &format!("href=\"xmpp:romeo@localhost?roster;preauth={token};ibr=y\""),
        "Conversations</a> for Android",
        "Gajim",
        "Dino",
        "Monal",
        "Converse",
        "<form method=\"post\"",
        "referrer-policy: same-origin\r\n",
        "cache-control: no-store\r\n",
        "x-robots-tag: noindex",
        "form-action 'self'\r\n",
        "frame-ancestors 'none'",
    ] {
        assert!(page.contains(part), "{part} is not in {page}");
    }
    assert!(!page.contains("<script") && !page.contains("<b>"), "{page}");
}

#[tokio::test]
async fn a_form_makes_the_account_once() {
    let stage = Stage::new().await;
    let token = stage.token(Wanted::default()).await;
    let form = format!("seal={}&name=Juliet%40localhost&password=a+b&again=a+b", stage.seal(&token).await);
    let answer =
        stage.post(&token, "Origin: http://localhost\r\nSec-Fetch-Site: same-origin\r\n", &form).await;
    assert_eq!(status(&answer), "200", "{answer}");
    assert!(
        answer.contains("Your address is <code>juliet@localhost</code>") && stage.has("juliet@localhost")
    );
    let again = stage.post(&token, "", &form.replace("Juliet", "nurse")).await;
    assert_eq!((status(&again), stage.has("nurse@localhost")), ("404", false), "{again}");
    assert_eq!(body(&again), body(&stage.get("unknown", "").await));
    assert_eq!(body(&again), body(&stage.get(&token, "").await));
}

#[tokio::test]
async fn what_is_unknown_ended_or_revoked_looks_the_same() {
    let stage = Stage::new().await;
    let expiry = Some(std::time::Duration::ZERO);
    let ended = stage.token(Wanted { expiry, ..Wanted::default() }).await;
    let unknown = stage.get("unknown", "").await;
    for token in [&ended, "", "a/b", "%00", &"x".repeat(300)] {
        let answer = stage.get(token, "").await;
        assert_eq!((status(&answer), body(&answer)), ("404", body(&unknown)), "{token}");
    }
    let answer = stage.post(&ended, "", "seal=x&name=a&password=b&again=b").await;
    assert_eq!((status(&answer), body(&answer)), ("404", body(&unknown)));
}

#[tokio::test]
async fn a_form_of_another_page_or_another_invitation_makes_nothing() {
    let stage = Stage::new().await;
    let (token, other) = (stage.token(Wanted::default()).await, stage.token(Wanted::default()).await);
    let (own, foreign) = (stage.seal(&token).await, stage.seal(&other).await);
    for (seal, more) in [
        ("", ""),
        ("x", ""),
        (foreign.as_str(), ""),
        (&own, "Origin: https://evil.example\r\n"),
        (&own, "Origin: null\r\n"),
        (&own, "Sec-Fetch-Site: cross-site\r\n"),
    ] {
        let form = format!("seal={seal}&name=juliet&password=secret&again=secret");
        let answer = stage.post(&token, more, &form).await;
        assert_eq!(status(&answer), "403", "{seal} {more} {answer}");
        // Whoever came too late gets the form again; another page learns nothing.
        assert_eq!(answer.contains("name=\"seal\""), more.is_empty(), "{answer}");
    }
    let unsealed = stage.post(&token, "", "name=juliet&password=secret&again=secret").await;
    assert_eq!((status(&unsealed), stage.has("juliet@localhost")), ("403", false));
    assert_eq!(stage.seal(&token).await, own, "the invitation is as it was");
}

#[tokio::test]
async fn what_was_filled_in_wrong_is_said_and_can_be_mended() {
    let stage = Stage::new().await;
    let nurse = BareJid::parse("nurse@localhost").unwrap();
    stage.people.add(&BareJid::parse("romeo@localhost").unwrap(), "pencil", false).await.unwrap();
    stage.token(Wanted { reserve: Some(nurse), ..Wanted::default() }).await;
    let token = stage.token(Wanted::default()).await;
    let seal = stage.seal(&token).await;
    let long = "x".repeat(1025);
    for (name, password, again, wanted, text) in [
        ("romeo", "secret", "secret", "409", "This name is taken: choose another one."),
        ("nurse", "secret", "secret", "409", "This name is taken: choose another one."),
        ("juliet", "", "", "422", "The password is empty: choose one of at least one character."),
        ("juliet", &long, &long, "422", "The password is longer than 1024 bytes"),
        ("juliet", "secret", "Secret", "422", "The two passwords are not the same"),
        ("", "secret", "secret", "422", "Choose a name."),
        ("a@elsewhere.example", "secret", "secret", "422", "This is no name"),
        ("%22%3E%3Cscript%3E@x", "secret", "secret", "422", "value=\"&quot;&gt;&lt;script&gt;@x\""),
    ] {
        let form = format!("seal={seal}&name={name}&password={password}&again={again}");
        let answer = stage.post(&token, "", &form).await;
        assert_eq!(status(&answer), wanted, "{name} {answer}");
        assert!(answer.contains(text) && !answer.contains("<script"), "{text} is not in {answer}");
        assert!(!body(&answer).contains("secret"), "no password comes back: {answer}");
    }
    let form = format!("seal={seal}&name=juliet&password=secret&again=secret");
    assert_eq!(status(&stage.post(&token, "", &form).await), "200");
}

#[tokio::test]
async fn a_name_that_is_kept_for_somebody_is_his() {
    let stage = Stage::new().await;
    let juliet = BareJid::parse("juliet@localhost").unwrap();
    let token = stage.token(Wanted { reserve: Some(juliet), ..Wanted::default() }).await;
    let page = stage.get(&token, "").await;
    assert!(page.contains("value=\"juliet\"") && page.contains(" readonly"), "{page}");
    let seal = seal_in(&page);
    let answer = stage.post(&token, "", &format!("seal={seal}&name=nurse&password=p&again=p")).await;
    assert_eq!(status(&answer), "422", "{answer}");
    assert!(answer.contains("This invitation is for juliet@localhost"), "{answer}");
    assert_eq!(status(&stage.post(&token, "", &format!("seal={seal}&password=p&again=p")).await), "200");
    assert!(stage.has("juliet@localhost") && !stage.has("nurse@localhost"));
}

#[tokio::test]
async fn an_invitation_to_a_contact_has_no_form_and_takes_none() {
    let stage = Stage::new().await;
    let romeo = BareJid::parse("romeo@localhost").unwrap();
    let wanted =
        Wanted { inviter: Some(romeo), contact: true, domain: "localhost".into(), ..Wanted::default() };
    let made = stage.invites.create(wanted).await.unwrap();
    let token = made.uri.split_once("preauth=").unwrap().1;
    let page = stage.get(token, "").await;
    assert!(page.contains("romeo@localhost wants to chat with you") && !page.contains("<form"), "{page}");
    let form = "seal=x&name=juliet&password=secret&again=secret";
    assert_eq!(status(&stage.post(token, "", form).await), "404");
}

#[tokio::test]
async fn no_password_travels_in_the_clear() {
    let stage = Stage::new().await;
    let token = stage.token(Wanted { uses: 2, ..Wanted::default() }).await;
    let form = |seal: &str, name: &str| format!("seal={seal}&name={name}&password=secret&again=secret");
    let (seal, far) = (stage.seal(&token).await, "X-Forwarded-For: 192.0.2.1\r\n");
    let page = stage.get(&token, far).await;
    assert!(status(&page) == "200" && !page.contains("<form") && page.contains("https:"), "{page}");
    assert_eq!(status(&stage.post(&token, far, &form(&seal, "juliet")).await), "403");
    let safe = format!("{far}X-Forwarded-Proto: https\r\nOrigin: https://chat.localhost\r\n");
    assert_eq!(status(&stage.post(&token, &safe, &form(&seal, "juliet")).await), "200");
    let mut wire = stage.server.over_tls(Door::Https, &["http/1.1"]).await.unwrap();
    wire.send(&post(&token, "Origin: https://localhost\r\n", &form(&seal, "nurse"))).await;
    assert_eq!(status(&wire.rest().await), "200");
    assert!(stage.has("juliet@localhost") && stage.has("nurse@localhost"));
}

#[tokio::test]
async fn what_is_no_form_is_refused() {
    let stage = Stage::new().await;
    let token = stage.token(Wanted::default()).await;
    let long = format!("name={}", "x".repeat(9000));
    for (more, form, wanted) in
        [("Content-Type: text/plain\r\n", "name=a", "415"), ("", "name=%f", "400"), ("", &long, "413")]
    {
        let answer = stage.post(&token, more, form).await;
        assert_eq!(status(&answer), wanted, "{answer}");
    }
    let put = post(&token, "", "").replacen("POST", "PUT", 1);
    let answer = stage.ask(&put).await;
    assert!(status(&answer) == "405" && answer.contains("allow: GET, HEAD, POST\r\n"), "{answer}");
}

#[tokio::test]
async fn who_guesses_waits_and_others_do_not() {
    let stage = Stage::new().await;
    let token = stage.token(Wanted::default()).await;
    let from = |last: u8| format!("X-Forwarded-For: 192.0.2.{last}\r\nX-Forwarded-Proto: https\r\n");
    for n in 0..10 {
        assert_eq!(status(&stage.get(&format!("guess{n}"), &from(1)).await), "404");
    }
    for token in [&token, "guess"] {
        assert_eq!(status(&stage.get(token, &from(1)).await), "429");
        assert_eq!(status(&stage.post(token, &from(1), "seal=x").await), "429");
    }
    assert_eq!(status(&stage.get(&token, &from(2)).await), "200");
}

#[tokio::test]
async fn who_tries_too_many_names_waits() {
    let stage = Stage::new().await;
    let token = stage.token(Wanted::default()).await;
    let seal = stage.seal(&token).await;
    stage.people.add(&BareJid::parse("romeo@localhost").unwrap(), "pencil", false).await.unwrap();
    let form = format!("seal={seal}&name=romeo&password=p&again=p");
    for n in 0..=TAKEN_NAMES {
        let answer = stage.post(&token, "", &form).await;
        assert_eq!(status(&answer), if n < TAKEN_NAMES { "409" } else { "429" }, "{n}");
    }
}
