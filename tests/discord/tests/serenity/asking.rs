//! Requests by hand, where a library would not make them.

use rialto_fake_discord::Discord;
use serde_json::{Value, json};

pub struct Asking {
    client: reqwest::Client,
    base: String,
    pub token: String,
}

impl Asking {
    pub fn new(discord: &Discord) -> Asking {
        let client = reqwest::Client::builder().user_agent("DiscordBot (https://example.org, 1)").build();
        let token = format!("Bot {}", discord.token());
        Asking { client: client.expect("a client"), base: discord.api_url(), token }
    }

    pub async fn send(&self, method: &str, path: &str, body: Option<&Value>) -> Option<reqwest::Response> {
        let method = method.parse().expect("a method");
        let mut request = self.client.request(method, format!("{}{path}", self.base));
        request = request.header("Authorization", &self.token);
        if let Some(body) = body {
            request = request.header("Content-Type", "application/json").body(body.to_string());
        }
        request.send().await.ok()
    }

    pub async fn ask(&self, method: &str, path: &str, body: Option<&Value>) -> (u16, Value) {
        let answer = self.send(method, path, body).await.expect("answered");
        let status = answer.status().as_u16();
        (status, serde_json::from_str(&answer.text().await.expect("read")).unwrap_or(Value::Null))
    }

    pub async fn get(&self, path: &str) -> (u16, Value) {
        self.ask("GET", path, None).await
    }

    pub async fn post(&self, path: &str, body: &Value) -> (u16, Value) {
        self.ask("POST", path, Some(body)).await
    }

    /// The status, if there is an answer.
    pub async fn try_post(&self, path: &str, body: &Value) -> Option<u16> {
        self.send("POST", path, Some(body)).await.map(|answer| answer.status().as_u16())
    }
}

/// A webhook of `#general`: its path.
pub async fn hook(asking: &Asking, discord: &Discord) -> String {
    let channel = discord.channel("general");
    let (status, hook) =
        asking.post(&format!("/channels/{channel}/webhooks"), &json!({"name": "rialto"})).await;
    assert_eq!(status, 200, "{hook}");
    format!("/webhooks/{}/{}", hook["id"].as_str().expect("an id"), hook["token"].as_str().expect("a token"))
}
