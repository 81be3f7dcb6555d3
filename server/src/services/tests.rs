//! Who may use services: people of this server, and nobody whose address only looks like theirs.

use std::sync::Arc;

use rialto_store::{Store, StoreError};
use rialto_xmpp::{BareJid, Condition, Jid, Stanza, parse};

use crate::config::{self, Config};
use crate::features::{Features, Fut};
use crate::public_url::PublicUrl;
use crate::router::{Directory, Domain, Router, Service};
use crate::services::bytestreams::Bytestreams;
use crate::services::bytestreams::service::Proxy;
use crate::services::uploads::UploadService;
use crate::sessions::Accounts;

struct Nobody;

impl Directory for Nobody {
    fn has<'a>(&'a self, _: &'a BareJid) -> Fut<'a, Result<bool, StoreError>> {
        Box::pin(async { Ok(false) })
    }

    fn remove<'a>(&'a self, _: &'a BareJid) -> Fut<'a, Result<bool, StoreError>> {
        Box::pin(async { Ok(false) })
    }
}

fn router() -> Arc<Router> {
    let features = Features::new(Vec::new()).unwrap();
    let router = Router::new(Arc::new(Accounts::default()), features, Store::memory(), Arc::new(Nobody));
    router.domains.serve("localhost", Domain::Accounts);
    Arc::new(router)
}

fn service(router: &Router, domain: &str) -> Arc<dyn Service> {
    match router.domains.get(domain) {
        Some(Domain::Service(service)) => service,
        _ => panic!("nobody serves {domain}"),
    }
}

/// The condition of the error that comes back, or nothing.
async fn refused(
    service: &Arc<dyn Service>,
    to: &str,
    from: &str,
    kind: &str,
    payload: &str,
) -> Option<Condition> {
    let xml =
        format!("<iq xmlns='jabber:client' type='{kind}' id='i' from='{from}' to='{to}'>{payload}</iq>");
    let stanza = Stanza::read(parse::standalone(&xml).unwrap()).unwrap();
    service.deliver(stanza).await.err().map(|failed| failed.error.condition)
}

const STRANGERS: &[&str] = &[
    "mallory@evil.example/x",
    "localhost",
    "lounge@rooms.localhost/mallory",
    "romeo@localhost.evil.example/x",
];

#[tokio::test]
async fn slots_are_for_people_of_this_server() {
    let (router, folder) = (router(), tempfile::tempdir().unwrap());
    let mut config = Config::default();
    config.upload = config::Upload { folder: folder.path().into(), keep_free: 0, ..config.upload };
    let url = PublicUrl::chosen("https://localhost");
    let uploads = UploadService::open(&config, &router, &url).await.unwrap().unwrap();
    let service = service(&router, "upload.localhost");
    let request = "<request xmlns='urn:xmpp:http:upload:0' filename='a' size='1'/>";
    for stranger in STRANGERS {
        let condition = refused(&service, "upload.localhost", stranger, "get", request).await;
        assert_eq!(condition, Some(Condition::Forbidden), "{stranger}");
    }
    let ours = refused(&service, "upload.localhost", "romeo@localhost/orchard", "get", request).await;
    assert_eq!(ours, None);
    assert_eq!(uploads.totals(), (0, 0));
    service.close().await;
}

#[tokio::test]
async fn the_proxy_is_open_to_nobody_else() {
    let router = router();
    let domain = Jid::parse("proxy.localhost").unwrap();
    let streams = Bytestreams::new(&Config::default().proxy, domain, Arc::downgrade(&router));
    let service: Arc<dyn Service> = Arc::new(Proxy(streams.clone()));
    let ask = "<query xmlns='http://jabber.org/protocol/bytestreams'/>";
    let activate = "<query xmlns='http://jabber.org/protocol/bytestreams' sid='s'><activate>romeo@localhost/orchard</activate></query>";
    for stranger in STRANGERS {
        for (kind, payload) in [("get", ask), ("set", activate)] {
            let condition = refused(&service, "proxy.localhost", stranger, kind, payload).await;
            assert_eq!(condition, Some(Condition::Forbidden), "{stranger}");
        }
    }
    // Before its port is open it is no streamhost (§5).
    let ours = refused(&service, "proxy.localhost", "romeo@localhost/orchard", "get", ask).await;
    assert_eq!(ours, Some(Condition::NotAllowed));
    streams.reached_at(7777);
    assert_eq!(refused(&service, "proxy.localhost", "romeo@localhost/orchard", "get", ask).await, None);
}

#[tokio::test]
async fn without_a_port_for_http_there_are_no_uploads() {
    let (router, folder) = (router(), tempfile::tempdir().unwrap());
    let mut config = Config::default();
    (config.http.tls, config.http.port) = (None, None);
    config.upload.folder = folder.path().into();
    assert!(UploadService::open(&config, &router, &PublicUrl::default()).await.unwrap().is_none());
    assert!(router.domains.get("upload.localhost").is_none());
}
