//! Rate limits: serenity's own buckets over requests to another address.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use rialto_fake_discord::{Discord, Limits, Setup};
use serenity::http::{LightMethod, Ratelimit, RatelimitingBucket, Request, Route};

use super::client::channel;

/// What `serenity::http::Ratelimiter::perform` does, at another address.
struct Buckets {
    client: reqwest::Client,
    token: String,
    url: String,
    buckets: HashMap<RatelimitingBucket, Ratelimit>,
}

impl Buckets {
    async fn perform(&mut self, request: Request<'_>) -> reqwest::Response {
        let bucket = self.buckets.entry(request.route_ref().ratelimiting_bucket()).or_default();
        loop {
            bucket.pre_hook(&request, &|_| {}).await;
            let built = request.clone().build(&self.client, &self.token, Some(&self.url)).expect("built");
            let response = self.client.execute(built.build().expect("built")).await.expect("answered");
            if !bucket.post_hook(&response, &request, &|_| {}, false).await.unwrap_or(true) {
                return response;
            }
        }
    }
}

#[tokio::test]
async fn a_burst_one_after_another_is_complete_in_order_and_never_refused() {
    let discord = Discord::start(Setup::default().limits(Limits::real())).await.expect("a port");
    let general = channel(&discord, "general");
    let mut http = Buckets {
        client: reqwest::Client::new(),
        token: format!("Bot {}", discord.token()),
        url: discord.url(),
        buckets: HashMap::new(),
    };
    let began = Instant::now();
    for number in 0..12 {
        let body = serde_json::to_vec(&serde_json::json!({"content": number.to_string()})).expect("JSON");
        let route = Route::ChannelMessages { channel_id: general };
        let response = http.perform(Request::new(route, LightMethod::Post).body(Some(body))).await;
        assert_eq!(response.status(), 200);
    }
    assert!(began.elapsed() > Duration::from_secs(9), "{:?}", began.elapsed());
    let said: Vec<_> = discord.messages("general").into_iter().map(|it| it.content).collect();
    assert_eq!(said, (0..12).map(|it| it.to_string()).collect::<Vec<_>>());
    assert_eq!(discord.invalid_requests(), 0);
    assert_eq!(discord.violations(), [""; 0]);
}

#[tokio::test]
async fn who_does_not_wait_is_refused_with_how_long_to_wait() {
    let discord = Discord::start(Setup::default().limits(Limits::real())).await.expect("a port");
    let general = channel(&discord, "general");
    let client = reqwest::Client::builder().user_agent("test").build().expect("a client");
    let mut last = None;
    for _ in 0..6 {
        let url = format!("{}/channels/{general}/messages", discord.api_url());
        let request = client.post(url).header("Authorization", format!("Bot {}", discord.token()));
        let request = request.header("Content-Type", "application/json").body("{\"content\":\"x\"}");
        last = Some(request.send().await.expect("answered"));
    }
    let last = last.expect("six answers");
    assert_eq!(last.status(), 429);
    let header =
        |name: &str| last.headers().get(name).and_then(|it| it.to_str().ok()).unwrap_or_default().to_owned();
    assert_eq!((header("retry-after").as_str(), header("x-ratelimit-scope").as_str()), ("5", "user"));
    assert_eq!(header("x-ratelimit-remaining"), "0");
    let body: serde_json::Value = serde_json::from_str(&last.text().await.expect("a body")).expect("JSON");
    assert!(body["retry_after"].as_f64().is_some_and(|wait| wait > 4.0) && body["global"] == false, "{body}");
    assert_eq!(discord.invalid_requests(), 1);
}
