//! `fake-discord [DESCRIPTION.json]`: a Discord on loopback for programs in any language. Prints one line of JSON with its
//! address and token, and takes acts as lines of JSON on its input (`{"act": "say", …}`) or on `/_fake/ACT`.

use std::io::Write;

use rialto_fake_discord::{Discord, Setup, act};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, BufReader};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let setup = match std::env::args().nth(1) {
        Some(path) if path == "--help" || path == "-h" => {
            println!("fake-discord [DESCRIPTION.json]: see tests/discord/README.md");
            return Ok(());
        }
        Some(path) => Setup::of(serde_json::from_str(&std::fs::read_to_string(path)?)?),
        None => Setup::default(),
    };
    let discord = Discord::start(setup).await?;
    let port = discord.address().port();
    let first =
        json!({"url": discord.url(), "api_url": discord.api_url(), "port": port, "token": discord.token()});
    say(&first)?;
    let mut lines = BufReader::new(tokio::io::stdin()).lines();
    while let Some(line) = lines.next_line().await? {
        let Ok(given) = serde_json::from_str::<Value>(&line) else {
            say(&json!({"error": "no JSON"}))?;
            continue;
        };
        let name = given["act"].as_str().unwrap_or_default();
        let done = discord.with(|state| act(state, name, &given));
        say(&done.unwrap_or_else(|refused| json!({"error": refused})))?;
    }
    // Who has nothing to say on the input says it on /_fake/.
    std::future::pending::<()>().await;
    Ok(())
}

fn say(value: &Value) -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{value}")?;
    out.flush()
}
