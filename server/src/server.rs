//! Floor 8: the whole server, built lowest floor first. The only file that names everybody.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use parking_lot::Mutex;
use rialto_store::accounts::Accounts as Kept;
use rialto_store::archive::Archive;
use rialto_store::server::{Purpose, secret};
use rialto_store::{Store, StoreError};
use rialto_xmpp::Jid;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use crate::admin::desk::{Around, FrontDesk, Wish};
use crate::certs::{self, CertError};
use crate::config::Config;
use crate::features::list::Shared;
use crate::features::pubsub::Spaces;
use crate::features::{Features, Hosted, archive, caps, list, roster, subscriptions};
use crate::listeners::c2s::registration::Registration;
use crate::listeners::c2s::sasl::Authentication;
use crate::listeners::c2s::sasl::fast::Fast;
use crate::listeners::c2s::sasl::throttle::Throttle;
use crate::listeners::components::{ComponentError, Components};
use crate::listeners::http::Http;
use crate::listeners::http::uploads::UploadSite;
use crate::listeners::settings::Settings;
use crate::listeners::socks5::Socks5;
use crate::listeners::tls::{self, Tls, TlsError};
use crate::listeners::turn::{TurnError, TurnServer};
use crate::listeners::{C2s, Door, ListenError, Listeners};
use crate::muc::doors::persons::Persons;
use crate::muc::doors::{self, Bridged, Native};
use crate::muc::links::{Links, Networks, NotOpened};
use crate::muc::{Hosting, Limits, MucHost, RoomPolicy};
use crate::people::People;
use crate::public_url::PublicUrl;
use crate::router::{Domain, Router};
use crate::services::pubsub::PubsubService;
use crate::services::uploads::{UploadService, Uploads, UploadsError};
use crate::sessions::Accounts;
use crate::shelf;

/// How often accounts that nobody uses are forgotten.
const EVICTION: Duration = Duration::from_secs(60);

/// How often old messages are looked for.
const FORGETTING: Duration = Duration::from_secs(3600);

/// How often certificates that we made are looked at, lest they end.
const RENEWAL: Duration = Duration::from_secs(12 * 60 * 60);

/// How often certificate files are looked at.
const CERTIFICATES: Duration = Duration::from_secs(10);

/// Wishes that may wait; who wishes more waits.
const WISHES: usize = 8;

/// A server that runs.
pub struct Server {
    /// As it was configured.
    pub config: Arc<Config>,
    /// The way of every stanza.
    pub router: Arc<Router>,
    /// Accounts, as they are kept.
    pub people: People,
    /// Rooms of our own people.
    pub rooms: Arc<MucHost>,
    /// Rooms that are one with rooms on other networks.
    pub links: Links,
    /// Files that people uploaded, unless the operator wants none.
    pub uploads: Option<Arc<Uploads>>,
    /// Where transfers of files meet, if they can.
    pub proxy: Option<Socks5>,
    /// Programs that answer for domains.
    pub components: Components,
    /// Where calls find their way, if they can.
    pub turn: TurnServer,
    /// Certificates in use.
    pub tls: Arc<Tls>,
    spaces: Spaces,
    /// Where operators' commands are carried out.
    pub desk: Arc<FrontDesk>,
    wished: Mutex<Option<mpsc::Receiver<Wish>>>,
    listeners: Listeners,
    background: Vec<JoinHandle<()>>,
}

/// Why the server does not start. Each says what to do.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The database.
    #[error("{0}")]
    Store(#[from] rialto_store::OpenError),
    /// The database, while the server started.
    #[error("the store failed: {0}")]
    StoreUse(#[from] StoreError),
    /// A certificate.
    #[error("{0}")]
    Certificate(#[from] CertError),
    /// A bridge.
    #[error("{0}")]
    Bridge(#[from] NotOpened),
    /// TLS.
    #[error("{0}")]
    Tls(#[from] TlsError),
    /// A port.
    #[error("{0}")]
    Listen(#[from] ListenError),
    /// Components.
    #[error("{0}")]
    Component(#[from] ComponentError),
    /// Uploads.
    #[error("{0}")]
    Uploads(#[from] UploadsError),
    /// The STUN/TURN server.
    #[error("{0}")]
    Turn(#[from] TurnError),
    /// A mistake of ours in the list of features.
    #[error("the server is not well made: {0}")]
    Features(String),
}

impl Server {
    /// Opens the store, builds every floor on it, and lets people in last.
    ///
    /// # Errors
    /// [`OpenError`]; nothing runs then.
    pub async fn open(config: Config) -> Result<Server, OpenError> {
        let config = Arc::new(config);
        let store = open_store(&config).await?;
        let accounts = Arc::new(Accounts::default());
        let people = People::new(&store);
        let shared = Shared::open(&config, &store, &accounts)?;
        let features = list::all(&config, &store, &accounts, &people, &shared);
        let features = Features::new(features).map_err(OpenError::Features)?;
        let router = Router::new(accounts, features, store.clone(), Arc::new(people.clone()));
        let router = Arc::new(router.guarded_by(shared.guards.clone()));
        config.domains.iter().for_each(|domain| router.domains.serve(domain, Domain::Accounts));
        let networks = Networks::open(&shelf::bridges(&config), &config.origin.folder, &store)?;
        let links = Links::new(networks, &store, doors::defaults(&config.rooms));
        let public_url = PublicUrl::chosen(&config.http.public_url);
        let uploads = UploadService::open(&config, &router, &public_url).await?;
        shelf::lend(&config, &store, &links, uploads.as_ref());
        let spaces = Spaces::of(&config, &shared.pubsub);
        let rooms = open_rooms(&config, (&router, &links, &spaces)).await?;
        open_far_rooms(&config, (&router, &links, &spaces)).await?;
        links.restore(&config.links).await?;
        PubsubService::open(&config, &router, &shared.pubsub);
        let tls = Arc::new(open_tls(&config)?);
        let authentication = authentication(&config, &store).await?;
        let mut c2s = open_c2s(&config, &router, authentication, &tls);
        c2s.registration = Some(Registration::new(people.clone(), &shared.invites, &router, &config).into());
        let c2s = Arc::new(c2s);
        let http = Http::open(&c2s, &config, public_url, UploadSite::all(uploads.as_ref()));
        let components = Components::open(&config, &router)?;
        let listeners = Listeners::open(c2s, http, &config)?;
        let proxy = Socks5::open(&config, &router);
        let turn = TurnServer::open(&config, &store, &tls, &shared.built_in).await?;
        let (desk, wished) = open_desk(&config, (&router, &links), shared, (&uploads, &proxy), &listeners);
        let speakers = router.features.speakers().into_iter();
        let mut background: Vec<_> =
            speakers.map(|speaker| tokio::spawn(router.clone().speak(speaker))).collect();
        background.extend([
            tokio::spawn(settle_circles(router.clone(), config.circles.everyone.clone())),
            tokio::spawn(evict(router.clone())),
            tokio::spawn(follow(config.clone(), tls.clone())),
            tokio::spawn(renew(config.clone(), tls.clone())),
            tokio::spawn(forget(Archive::new(&store), config.archive.retention)),
        ]);
        Ok(Server {
            config,
            router,
            people,
            rooms,
            links,
            uploads,
            proxy,
            turn,
            components,
            tls,
            spaces,
            desk,
            wished,
            listeners,
            background,
        })
    }

    /// What the desk cannot do itself; for the one who runs the server, once.
    pub fn wishes(&self) -> Option<mpsc::Receiver<Wish>> {
        self.wished.lock().take()
    }

    /// Where clients are let in.
    pub fn addresses(&self) -> &[(Door, SocketAddr)] {
        self.listeners.addresses()
    }

    /// Takes over what another configuration says of strangers, of clients' streams (new ones follow it), of bridges and of
    /// links. Says what was done about the latter.
    ///
    /// # Errors
    /// For the operator: a bridge that cannot be opened; nothing is taken over then.
    pub async fn reload(&self, config: &Config) -> Result<Vec<String>, OpenError> {
        let told = self.links.reload(&shelf::bridges(config), &config.links).await?;
        self.router.guards.reload(&config.guard);
        self.listeners.c2s().set_settings(Settings::new(config));
        // A new bridge may have a domain of its own.
        open_far_rooms(&self.config, (&self.router, &self.links, &self.spaces)).await?;
        let running = Config { bridges: config.bridges.clone(), ..Config::clone(&self.config) };
        replace_certificates(&running, &self.tls)?;
        Ok(told)
    }

    /// Reads the certificate files again; what does not fit leaves the old ones in use.
    ///
    /// # Errors
    /// [`OpenError`], for the operator.
    pub fn reload_certificates(&self) -> Result<(), OpenError> {
        replace_certificates(&self.config, &self.tls)
    }

    /// Closes in the order of opening reversed: rooms say goodbye, sessions end, what is queued is written.
    pub async fn close(self) {
        self.links.close().await;
        for service in self.router.domains.services() {
            service.close().await;
        }
        if !self.listeners.close(self.config.listen.shutdown_timeout).await {
            tracing::warn!("some clients did not go in time");
        }
        self.turn.close();
        self.background.iter().for_each(JoinHandle::abort);
        self.router.store.close().await;
    }
}

/// The desk, and its commands for admins' clients.
fn open_desk(
    config: &Arc<Config>,
    (router, links): (&Arc<Router>, &Links),
    shared: Shared,
    (uploads, proxy): (&Option<Arc<Uploads>>, &Option<Socks5>),
    listeners: &Listeners,
) -> (Arc<FrontDesk>, Mutex<Option<mpsc::Receiver<Wish>>>) {
    let (wishes, wished) = mpsc::channel(WISHES);
    let listening = listeners.addresses().iter().map(|(_, address)| *address).collect();
    let (config, router, links) = (config.clone(), router.clone(), links.clone());
    let (uploads, transfers) = (uploads.clone(), proxy.as_ref().map(|proxy| proxy.streams().clone()));
    let around = Around { config, router, links, shared, uploads, transfers, listening, wishes };
    let desk = Arc::new(FrontDesk::new(around));
    desk.offer_commands();
    (desk, Mutex::new(Some(wished)))
}

/// What was broken off when the server stopped, or done while it did not run.
async fn settle_circles(router: Arc<Router>, everyone: String) {
    if let Err(error) = router.settle_circles(&everyone).await {
        tracing::warn!(%error, "a circle is not as it should be; it is looked at again at the next start");
    }
}

async fn open_store(config: &Config) -> Result<Store, OpenError> {
    let settings = config.store.settings();
    let opened = tokio::task::spawn_blocking(move || Store::open(&settings)).await;
    match opened {
        Ok(store) => Ok(store?),
        Err(panicked) => Err(OpenError::Features(format!("opening the store failed: {panicked}"))),
    }
}

/// What clients' streams share; making accounts is not among it yet.
fn open_c2s(config: &Config, router: &Arc<Router>, authentication: Authentication, tls: &Arc<Tls>) -> C2s {
    let (settings, domain) = (Settings::new(config), config.first_domain().into());
    let c2s = C2s::new(router.clone(), Arc::new(authentication), tls.clone(), settings, domain);
    let advertised = [roster::stream_feature(), subscriptions::stream_feature()];
    let caps = caps::stream_feature(&router.features.catalogue);
    c2s.advertised.store(Arc::new([caps].into_iter().chain(advertised).collect()));
    c2s
}

fn open_tls(config: &Config) -> Result<Tls, OpenError> {
    let identities = certs::ready(config, &certs::wanted(config, &kinds()), SystemTime::now())?;
    let first = rialto_xmpp::prep::to_ascii(config.first_domain());
    Ok(Tls::new(certs::by_domain(&identities), &first)?)
}

fn replace_certificates(config: &Config, tls: &Tls) -> Result<(), OpenError> {
    let identities = certs::ready(config, &certs::wanted(config, &kinds()), SystemTime::now())?;
    let first = rialto_xmpp::prep::to_ascii(config.first_domain());
    Ok(tls.replace(certs::by_domain(&identities), &first)?)
}

/// Names of the networks that this server knows.
fn kinds() -> Vec<&'static str> {
    rialto_bridges::KINDS.iter().map(|kind| kind.name).collect()
}

async fn authentication(config: &Config, store: &Store) -> Result<Authentication, OpenError> {
    let seed = secret(store, Purpose::FakeSalts).await?;
    let fast = Fast::new(store, secret(store, Purpose::Tokens).await?);
    let authentication = Authentication::new(Arc::new(Kept::new(store)), seed, Throttle::chosen(&config.c2s));
    Ok(authentication.with_tokens(fast))
}

/// What rooms stand beside.
type Neighbours<'a> = (&'a Arc<Router>, &'a Links, &'a Spaces);

/// Rooms of our own people.
async fn open_rooms(config: &Config, around: Neighbours<'_>) -> Result<Arc<MucHost>, OpenError> {
    let policy = Native::new(&config.rooms, &config.admins, Arc::downgrade(around.0));
    open_host(config, around, &config.rooms.domain, "Rooms", Arc::new(policy)).await
}

/// Rooms of other networks, under their own addresses.
async fn open_far_rooms(config: &Config, around: Neighbours<'_>) -> Result<(), OpenError> {
    let (router, links, _) = around;
    for (domain, kind) in links.networks().domains() {
        if router.domains.get(&domain).is_some() {
            continue;
        }
        let persons = Persons::open(links, router, &domain, &config.admins);
        let policy = Bridged::new(links.clone(), &domain, kind, doors::defaults(&config.rooms)).with(persons);
        let name = format!("Rooms of other networks ({kind})");
        open_host(config, around, &domain, &name, Arc::new(policy)).await?;
    }
    Ok(())
}

/// A domain of rooms, which links know.
async fn open_host(
    config: &Config,
    (router, links, spaces): Neighbours<'_>,
    domain: &str,
    name: &str,
    policy: Arc<dyn RoomPolicy>,
) -> Result<Arc<MucHost>, OpenError> {
    let jid = Jid::parse(domain);
    let jid = jid.map_err(|why| OpenError::Features(format!("the domain of rooms {domain}: {why}")))?;
    let hosting = Hosting {
        domain: jid.clone(),
        name: name.to_owned(),
        admins: config.admins.clone(),
        limits: Limits { occupants: config.rooms.max_occupants, ..Limits::default() },
        tells_version: config.version.answer,
        retention: config.archive.retention,
        spaces: spaces.clone(),
        policy,
        relays: Arc::new(links.clone()),
    };
    let host = MucHost::open(router, hosting).await?;
    links.hosts().add(&host);
    router.features.catalogue.host(Hosted { jid, name: name.to_owned() });
    Ok(host)
}

async fn evict(router: Arc<Router>) {
    loop {
        tokio::time::sleep(EVICTION).await;
        router.accounts.evict();
    }
}

/// XEP-0313 §3.2: what was said too long ago is removed.
async fn forget(archive: Archive, retention: Option<Duration>) {
    let Some(age) = retention else { return };
    loop {
        if let Err(error) = archive::purge(&archive, |_| Some(age)).await {
            tracing::warn!(%error, "old messages could not be removed");
        }
        tokio::time::sleep(FORGETTING).await;
    }
}

/// A server that runs for a year must not let its own certificates end.
async fn renew(config: Arc<Config>, tls: Arc<Tls>) {
    loop {
        tokio::time::sleep(RENEWAL).await;
        let (config, tls) = (config.clone(), tls.clone());
        let renewed = tokio::task::spawn_blocking(move || replace_certificates(&config, &tls)).await;
        if let Ok(Err(error)) = renewed {
            tracing::error!(%error, "the certificates need an operator; the old ones stay in use");
        }
    }
}

/// Certificates that are renewed on the disk are taken up without a restart.
async fn follow(config: Arc<Config>, tls: Arc<Tls>) {
    let wanted = certs::wanted(&config, &kinds());
    let folder = |domain: &str| config.certs.folder.join(domain);
    let files: Vec<PathBuf> = wanted
        .iter()
        .flat_map(|wanted| ["fullchain.pem", "privkey.pem"].map(|file| folder(&wanted.domain).join(file)))
        .collect();
    let reload = move || match replace_certificates(&config, &tls) {
        Ok(()) => {
            tracing::info!("the certificates changed and are in use");
            true
        }
        Err(error) => {
            tracing::error!(%error, "the certificates changed and do not fit; the old ones stay in use");
            false
        }
    };
    tls::watch(files, CERTIFICATES, reload).await;
}
