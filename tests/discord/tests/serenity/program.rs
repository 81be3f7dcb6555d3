//! The program, and HTTPS.

use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};

use rialto_fake_discord::{Discord, Setup};
use serde_json::{Value, json};

#[tokio::test]
async fn other_languages_act_on_the_input_and_by_http() {
    let program = Command::new(env!("CARGO_BIN_EXE_fake-discord"));
    let mut program = { program }.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("it starts");
    let mut input = program.stdin.take().expect("an input");
    let mut output = BufReader::new(program.stdout.take().expect("an output")).lines();
    let mut next =
        || -> Value { serde_json::from_str(&output.next().expect("a line").expect("read")).expect("JSON") };
    let url = next()["url"].as_str().expect("its address").to_owned();
    writeln!(input, "{}", json!({"act": "say", "who": "alice", "channel": "general", "text": "hi"}))
        .expect("written");
    let said = next();
    let client = reqwest::Client::new();
    let act =
        |act: &str, body: Value| client.post(format!("{url}/_fake/{act}")).body(body.to_string()).send();
    act("react", json!({"who": "bob", "message": said["id"], "emoji": "🙂"})).await.expect("done");
    let seen =
        act("messages", json!({"channel": "general"})).await.expect("seen").text().await.expect("read");
    let seen: Value = serde_json::from_str(&seen).expect("JSON");
    assert_eq!((&seen[0]["content"], &seen[0]["reactions"]["🙂"]), (&json!("hi"), &json!(["bob"])));
    let refused =
        act("say", json!({"who": "nobody", "channel": "general", "text": "hi"})).await.expect("answered");
    assert_eq!(refused.status(), 400);
    let _ = act("stop", json!({})).await;
    assert!(program.wait().expect("it ends").success());
}

#[tokio::test]
async fn https_and_http_are_one_port() {
    let made = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).expect("a certificate");
    let setup = Setup::default().tls(&made.cert.pem(), &made.signing_key.serialize_pem());
    let discord = Discord::start(setup).await.expect("a port");
    let root = reqwest::Certificate::from_pem(made.cert.pem().as_bytes()).expect("a root");
    let client = reqwest::Client::builder().add_root_certificate(root).build().expect("a client");
    assert!(discord.api_url().starts_with("https://"));
    let answer = client.get(format!("{}/gateway", discord.api_url())).send().await.expect("answered");
    let gateway: Value = serde_json::from_str(&answer.text().await.expect("read")).expect("JSON");
    assert_eq!(gateway["url"], format!("ws://{}", discord.address()));
    let plain =
        reqwest::get(format!("http://{}/api/v10/gateway", discord.address())).await.expect("answered");
    assert_eq!(plain.status(), 200);
}
