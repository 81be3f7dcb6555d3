//! Pictures from Discord, whose addresses there do not last, as somebody here sees them; and back.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rialto_fake_discord::{Discord, File, Setup};
use rialto_tests::server::{Engine, Server};
use rialto_tests::talk::Login;
use rialto_tests::talk::pattern::Names;
use rialto_tests::talk::person::Person;
use rialto_tests::{web, xml};
use serde_json::json;
use tempfile::TempDir;
use toml::Table;

const SOON: Duration = Duration::from_secs(10);

struct Stage {
    discord: Discord,
    server: Server,
    romeo: Person,
    names: Names,
    _folder: TempDir,
}

/// A server whose lounge is one with `general` of a guild, and romeo in it.
async fn stage(files: &str) -> Stage {
    let world = json!({ "guild": { "name": "Venice", "channels": ["general"], "members": ["ann"] } });
    let discord = Discord::start(Setup::of(world)).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let token = folder.path().join("token");
    std::fs::write(&token, discord.token()).unwrap();
    let settings = format!(
        "[bridge.guild]\nkind = 'discord'\ntoken_file = '{}'\napi_url = '{}'\n{files}\n\
         [[link]]\nroom = 'lounge@rooms.localhost'\nto = ['guild:general']\n",
        token.display(),
        discord.url()
    );
    let server = Server::open(settings.parse::<Table>().unwrap(), Engine::Sled).await.unwrap();
    let mut stage = Stage { discord, server, romeo: Person::default(), names: Names::new(), _folder: folder };
    stage.enter().await;
    stage
}

impl Stage {
    async fn enter(&mut self) {
        let login =
            Login { account: "romeo@localhost".into(), resource: Some("orchard".into()), available: false };
        self.server.account(&login.account).await.unwrap();
        self.romeo.log_in(&self.server, &login).await.unwrap();
        self.romeo.enter("lounge@rooms.localhost", "romeo").await.unwrap();
        // Whether she was there before him or comes now: her words have a way.
        for _ in 0..500 {
            if self.discord.connected() > 0 {
                break;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
    }

    /// Romeo hears this, before or after other things; as it was written.
    async fn hears(&mut self, wanted: &str) -> String {
        let (wanted, _) = xml::next_event(wanted).unwrap();
        self.romeo.hears_sometime(&wanted, &mut self.names).await.unwrap().text
    }

    /// The status of one of our addresses, and what is there.
    async fn asks_for(&self, url: &str) -> (u16, String) {
        let path = url.split_once("/upload/").unwrap().1;
        web::status(self.server.https_address().unwrap(), &format!("/upload/{path}")).await.unwrap()
    }

    async fn is_gone(&self, url: &str) {
        for _ in 0..200 {
            if self.asks_for(url).await.0 == 404 {
                return;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        panic!("{url} is still there");
    }

    fn ann_shows(&self, words: &str, names: &[&str]) -> rialto_fake_discord::Id {
        let file = |name: &&str| File { name: (*name).into(), bytes: format!("this is {name}").into_bytes() };
        let files: Vec<File> = names.iter().map(file).collect();
        self.discord.upload("ann", "general", words, &files)
    }

    /// The address of the file that romeo hears of next.
    async fn next_file(&mut self, name: &str) -> String {
        self.names.remove("url");
        let message = format!(
            "<message type='groupchat' from='lounge@rooms.localhost/ann'><body>{{url}}</body>\
             <x xmlns='jabber:x:oob'><url>{{url}}</url></x><file-sharing xmlns='urn:xmpp:sfs:0'>\
             <file xmlns='urn:xmpp:file:metadata:0'><name>{name}</name><hash xmlns='urn:xmpp:hashes:2' \
             algo='sha-256'>…</hash></file></file-sharing></message>"
        );
        self.hears(&message).await;
        self.names.get("url").unwrap().clone()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn files_outlive_their_addresses_there_and_go_with_their_message() {
    let mut stage = stage("").await;
    stage.discord.with(|state| state.address_lives = 300);
    let message = stage.ann_shows("look", &["cat.png", "dog.txt"]);
    stage.hears("<message from='lounge@rooms.localhost/ann'><body>look</body></message>").await;
    let (cat, dog) = (stage.next_file("cat.png").await, stage.next_file("dog.txt").await);
    tokio::time::sleep(Duration::from_millis(400)).await;
    assert_eq!(stage.asks_for(&cat).await, (200, "this is cat.png".to_owned()));
    assert_eq!(stage.asks_for(&dog).await, (200, "this is dog.txt".to_owned()));
    stage.server.happens(rialto_tests::talk::Server::Restarts).await.unwrap();
    stage.enter().await;
    assert_eq!(stage.asks_for(&cat).await.0, 200);
    stage.discord.delete("ann", message);
    for _ in 0..3 {
        stage
            .hears("<message type='groupchat'><retract xmlns='urn:xmpp:message-retract:1'/></message>")
            .await;
    }
    stage.is_gone(&cat).await;
    stage.is_gone(&dog).await;
    assert_eq!(stage.discord.violations(), [""; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_too_large_is_said_in_words() {
    let mut stage = stage("[bridge.guild.files]\nmax_size = '8 B'").await;
    stage.ann_shows("look", &["cat.png"]);
    stage
        .hears("<message type='groupchat'><body>[a file is not shown here: cat.png{…}</body></message>")
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_picture_of_somebody_here_is_shown_there_and_is_another_one_when_he_changes_it() {
    let mut stage = stage("").await;
    let mut seen = Vec::new();
    for (number, bytes) in [&b"GIF89a one"[..], b"GIF89a two"].into_iter().enumerate() {
        let text = STANDARD.encode(bytes);
        let card = format!("<vCard xmlns='vcard-temp'><PHOTO><BINVAL>{text}</BINVAL></PHOTO></vCard>");
        stage.romeo.send(&format!("<iq type='set' id='v{number}'>{card}</iq>")).await.unwrap();
        stage.hears(&format!("<iq type='result' id='v{number}'/>")).await;
        stage.romeo.send("<presence to='lounge@rooms.localhost/romeo'/>").await.unwrap();
        let words = format!("number {number}");
        let said =
            format!("<message type='groupchat' to='lounge@rooms.localhost'><body>{words}</body></message>");
        stage.romeo.send(&said).await.unwrap();
        let there = stage.discord.wait_for("general", SOON, |seen| seen.content == words).await.unwrap();
        let url = there.avatar.unwrap();
        assert!(url.starts_with("https://") && !url.contains("romeo"), "{url}");
        assert_eq!(stage.asks_for(&url).await.0, 200);
        seen.push(url);
    }
    assert_ne!(seen[0], seen[1]);
    assert_eq!(stage.discord.violations(), [""; 0]);
}
