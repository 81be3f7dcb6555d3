//! XEP-0114 over real sockets: programs that prove themselves, lie, go away and come again.

use rialto_store::Store;
use rialto_xmpp::BareJid;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::*;
use crate::features::{Features, Fut};
use crate::router::Directory;
use crate::sessions::{Account, Accounts, Session};

/// Everybody has an account.
struct Everybody;

impl Directory for Everybody {
    fn has<'a>(&'a self, _jid: &'a BareJid) -> Fut<'a, Result<bool, rialto_store::StoreError>> {
        Box::pin(async { Ok(true) })
    }

    fn remove<'a>(&'a self, _jid: &'a BareJid) -> Fut<'a, Result<bool, rialto_store::StoreError>> {
        Box::pin(async { Ok(false) })
    }
}

const HEADER: &str = "<?xml version='1.0'?><stream:stream xmlns='jabber:component:accept' \
                      xmlns:stream='http://etherx.jabber.org/streams' to='echo.localhost'>";

struct Stage {
    _folder: tempfile::TempDir,
    router: Arc<Router>,
    components: Components,
    romeo: Arc<Session>,
}

/// A server with `echo.localhost`, and romeo, who is there.
fn stage() -> Stage {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("secret"), "a rose\n").unwrap();
    let file = folder.path().join("rialto.toml");
    let text = "[listen]\ncomponents = 0\ncomponent_addresses = [\"127.0.0.1\"]\n[[component]]\ndomain = \"echo.localhost\"\n\
                secret_file = \"secret\"\n";
    std::fs::write(&file, text).unwrap();
    let config = Config::load(&file).unwrap();
    let (store, accounts) = (Store::memory(), Arc::new(Accounts::default()));
    let router =
        Arc::new(Router::new(accounts, Features::new(Vec::new()).unwrap(), store, Arc::new(Everybody)));
    router.domains.serve("localhost", Domain::Accounts);
    let account = router.accounts.insert(Account::new(BareJid::parse("romeo@localhost").unwrap()));
    let romeo = Arc::new(Session::new(Jid::parse("romeo@localhost/orchard").unwrap(), 100_000));
    account.add(romeo.clone());
    let components = Components::open(&config, &router).unwrap();
    Stage { _folder: folder, router, components, romeo }
}

/// The other side of the wire.
struct Program(TcpStream, String);

impl Program {
    async fn connect(stage: &Stage) -> Program {
        Program(TcpStream::connect(stage.components.addresses()[0]).await.unwrap(), String::new())
    }

    async fn say(&mut self, text: &str) {
        self.0.write_all(text.as_bytes()).await.unwrap();
    }

    /// Everything up to and with this.
    async fn hear(&mut self, until: &str) -> String {
        let read = async {
            while !self.1.contains(until) {
                let mut bytes = [0; 4096];
                let read = self.0.read(&mut bytes).await.unwrap();
                assert_ne!(read, 0, "the stream ended after {:?}", self.1);
                self.1.push_str(std::str::from_utf8(&bytes[..read]).unwrap());
            }
        };
        timeout(Duration::from_secs(10), read).await.unwrap_or_else(|_| panic!("heard only {:?}", self.1));
        let end = self.1.find(until).unwrap() + until.len();
        let rest = self.1.split_off(end);
        std::mem::replace(&mut self.1, rest)
    }

    async fn prove(&mut self, secret: &str) {
        use sha1::{Digest, Sha1};
        self.say(HEADER).await;
        let header = self.hear(">").await + &self.hear(">").await;
        assert!(
            header.contains("xmlns='jabber:component:accept'") && header.contains("from='echo.localhost'")
        );
        let id = header.split("id='").nth(1).unwrap().split('\'').next().unwrap();
        let sum = Sha1::new().chain_update(id).chain_update(secret).finalize();
        let digits: String = sum.iter().map(|byte| format!("{byte:02x}")).collect();
        self.say(&format!("<handshake>{digits}</handshake>")).await;
    }
}

async fn connected(stage: &Stage) -> Program {
    let mut program = Program::connect(stage).await;
    program.prove("a rose").await;
    program.hear("<handshake/>").await;
    program
}

fn message(to: &str) -> rialto_xmpp::Stanza {
    let text = format!(
        "<message xmlns='jabber:client' from='romeo@localhost/orchard' to='{to}'><body>hi</body></message>"
    );
    rialto_xmpp::Stanza::read(rialto_xmpp::parse::standalone(&text).unwrap()).unwrap()
}

/// What romeo hears.
async fn heard(stage: &Stage) -> String {
    let mut frames = Vec::new();
    let taken = stage.romeo.outbox.take(0, &mut frames);
    timeout(Duration::from_secs(10), taken).await.unwrap();
    let mut out = Vec::new();
    frames.iter().for_each(|frame| frame.write(&mut out));
    String::from_utf8(out).unwrap()
}

#[tokio::test]
async fn a_component_that_proves_itself_hears_and_is_heard() {
    let stage = stage();
    let mut program = connected(&stage).await;
    stage.router.route(crate::features::Origin::Server, message("anybody@echo.localhost")).await;
    assert!(program.hear("</message>").await.contains("<body>hi</body>"));
    // The stream's own namespace, spelt out or not, is that of the clients.
    program
        .say("<message from='a@echo.localhost' to='romeo@localhost/orchard'><body>one</body></message>")
        .await;
    assert!(heard(&stage).await.contains("<body>one</body>"));
    let spelt = "<message xmlns='jabber:component:accept' from='a@echo.localhost' to='romeo@localhost/orchard'>\
                 <body>two</body></message>";
    program.say(spelt).await;
    let two = heard(&stage).await;
    assert!(two.contains("<body>two</body>") && !two.contains("component:accept"), "{two}");
}

#[tokio::test]
async fn a_wrong_secret_is_not_authorized_and_an_unknown_domain_no_host() {
    let stage = stage();
    let mut program = Program::connect(&stage).await;
    program.prove("a thorn").await;
    program.hear("<not-authorized").await;
    let mut program = Program::connect(&stage).await;
    program.say(&HEADER.replace("echo.", "other.")).await;
    assert!(program.hear("<host-unknown").await.contains("<stream:stream"));
    let mut program = Program::connect(&stage).await;
    program.say(&HEADER.replace("component:accept", "client")).await;
    program.hear("<invalid-namespace").await;
}

#[tokio::test]
async fn a_component_cannot_speak_for_others_nor_to_nobody() {
    for (said, condition) in [
        ("<message from='juliet@localhost' to='romeo@localhost'/>", "<invalid-from"),
        ("<message to='romeo@localhost'/>", "<invalid-from"),
        ("<message from='evil.echo.localhost' to='romeo@localhost'/>", "<invalid-from"),
        ("<message from='echo.localhost'/>", "<improper-addressing"),
        ("<cloud from='echo.localhost' to='romeo@localhost'/>", "<unsupported-stanza-type"),
        ("<message from='echo.localhost' to='romeo@localhost'><!-- --></message>", "<restricted-xml"),
    ] {
        let stage = stage();
        let mut program = connected(&stage).await;
        program.say(said).await;
        program.hear(condition).await;
        program.hear("</stream:stream>").await;
    }
}

#[tokio::test]
async fn who_writes_to_a_component_that_is_away_hears_so_at_once() {
    let stage = stage();
    stage.router.route(crate::features::Origin::Server, message("echo.localhost")).await;
    let error = heard(&stage).await;
    assert!(error.contains("<service-unavailable") && error.contains("type='wait'"), "{error}");
    let program = connected(&stage).await;
    drop(program);
    // It takes a moment until the end of a connection is seen.
    for _ in 0..100 {
        stage.router.route(crate::features::Origin::Server, message("echo.localhost")).await;
        tokio::time::sleep(Duration::from_millis(20)).await;
        if stage.romeo.outbox.waiting() > 0 {
            break;
        }
    }
    assert!(heard(&stage).await.contains("<service-unavailable"));
}

#[tokio::test]
async fn a_component_that_comes_again_takes_over() {
    let stage = stage();
    let mut older = connected(&stage).await;
    let mut newer = connected(&stage).await;
    older.hear("<conflict").await;
    stage.router.route(crate::features::Origin::Server, message("echo.localhost")).await;
    newer.hear("<body>hi</body>").await;
}

#[tokio::test]
async fn a_bad_address_is_an_error_for_the_component_alone() {
    let stage = stage();
    let mut program = connected(&stage).await;
    program
        .say("<iq type='get' id='7' from='a@echo.localhost' to='@@'><ping xmlns='urn:xmpp:ping'/></iq>")
        .await;
    assert!(program.hear("</iq>").await.contains("<jid-malformed"));
    program
        .say(
            "<message from='a@echo.localhost' to='romeo@localhost/orchard'><body>still here</body></message>",
        )
        .await;
    assert!(heard(&stage).await.contains("still here"));
}
