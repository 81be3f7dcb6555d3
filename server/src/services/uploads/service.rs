//! XEP-0363 §3 – §6: the domain of uploads: what it tells of itself, and to whom it gives slots.

use std::sync::{Arc, Weak};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use parking_lot::Mutex;
use rialto_store::accounts::Accounts;
use rialto_xmpp::parts::datetime;
use rialto_xmpp::parts::form::{Field, Form};
use rialto_xmpp::{BareJid, Condition, Element, ErrorKind, IqKind, Jid, Stanza, StanzaError, ns};
use tokio::task::JoinHandle;

use super::{Full, Refused, Uploads, UploadsError, in_micros, micros, request};
use crate::config::Config;
use crate::features::{Fut, Hosted};
use crate::public_url::PublicUrl;
use crate::router::{Delivery, Domain, Router, Service};
use crate::services::answers::{self, Answered, Answers, Question};

/// What the service is called.
const NAME: &str = "HTTP File Upload";

/// How often files are looked for whose time is over.
const SWEEP: Duration = Duration::from_secs(600);

/// How often a full disk is worth a line in the log.
const COMPLAIN: u64 = 60_000_000;

/// §3, §5: what it can do.
const FEATURES: &[&str] = &[
    ns::DISCO_INFO,
    ns::DISCO_ITEMS,
    ns::PING,
    ns::UPLOAD,
    ns::UPLOAD_EPHEMERAL,
    ns::UPLOAD_MESSAGE,
    ns::UPLOAD_PERMANENT,
    ns::UPLOAD_PROFILE,
];

/// The domain of uploads.
pub struct UploadService {
    uploads: Arc<Uploads>,
    router: Weak<Router>,
    sweeping: JoinHandle<()>,
    complained: Mutex<u64>,
}

impl UploadService {
    /// Opens the uploads and has the router serve their domain. `None`: the operator wants none.
    ///
    /// # Errors
    /// [`UploadsError`]
    pub async fn open(
        config: &Config,
        router: &Arc<Router>,
        url: &PublicUrl,
    ) -> Result<Option<Arc<Uploads>>, UploadsError> {
        if !config.upload.enabled {
            return Ok(None);
        }
        let doors = [config.http.tls, config.http.port, config.listen.shared];
        if doors.iter().all(Option::is_none) {
            tracing::warn!(
                "no uploads: there is no port for HTTP; set one in [http], or [upload] enabled = false"
            );
            return Ok(None);
        }
        let uploads = Uploads::open(&config.upload, &router.store, url).await?;
        let accounts = Accounts::new(&router.store);
        let is_here = |owner: &str| {
            let of_ours = BareJid::parse(owner).is_ok_and(|jid| {
                jid.localpart().is_some() && config.domains.iter().any(|d| d == jid.domainpart())
            });
            !of_ours || !matches!(accounts.get(owner), Ok(None))
        };
        if let Err(error) = uploads.sweep_owners(is_here).await {
            tracing::warn!(%error, "files of removed accounts could not be removed");
        }
        let domain = config.upload.domain.as_str();
        let sweeping = tokio::spawn(sweep(Arc::downgrade(&uploads)));
        let service = UploadService {
            uploads: uploads.clone(),
            router: Arc::downgrade(router),
            sweeping,
            complained: Mutex::default(),
        };
        router.domains.serve(domain, Domain::Service(Arc::new(service)));
        if let Ok(jid) = Jid::parse(domain) {
            router.features.catalogue.host(Hosted { jid, name: NAME.to_owned() });
        }
        Ok(Some(uploads))
    }

    /// §4: a slot, for people of this server.
    async fn slot(&self, asked: &Element, from: &Jid) -> Result<Element, StanzaError> {
        let is_ours = self.router.upgrade().is_some_and(|router| router.is_local(from.domainpart()));
        if !is_ours || from.localpart().is_none() {
            let text = "Only people of this server can upload files here.";
            return Err(StanzaError::new(Condition::Forbidden, text));
        }
        let wish = request::read(asked, from.bare_str(), micros())?;
        let slot = self.uploads.slot(wish).await.map_err(|refused| self.refusal(&refused))?;
        let url = |name: &'static str, url: &str| Element::new(name, ns::UPLOAD).attr("url", url);
        Ok(Element::new("slot", ns::UPLOAD).with(url("put", &slot.put)).with(url("get", &slot.get)))
    }

    /// §6.
    fn refusal(&self, refused: &Refused) -> StanzaError {
        let wait = |text: &str| StanzaError::new(Condition::ResourceConstraint, text).kind(ErrorKind::Wait);
        let settings = &self.uploads.settings;
        match refused {
            Refused::TooLarge(max) => {
                let text = format!("File too large. The maximum file size is {max} bytes.");
                let size = Element::new("max-file-size", ns::UPLOAD).with_text(max.to_string());
                let app = Element::new("file-too-large", ns::UPLOAD).with(size);
                StanzaError::new(Condition::NotAcceptable, text).with(app)
            }
            Refused::Full(Full::Day(again)) => {
                let text = format!("Quota reached. You can upload {} bytes in a day.", settings.per_day);
                wait(&text).with(retry(*again))
            }
            Refused::Full(Full::Person) => wait(&format!(
                "Quota reached. All your files may have {} bytes. Old ones go with time; the operator can remove some.",
                settings.per_person
            )),
            Refused::Full(Full::Lasting) => wait(&format!(
                "Quota reached. Your files that are kept for long may have {} bytes.",
                settings.lasting_per_person
            )),
            Refused::Full(Full::Pending) => {
                let again = micros().saturating_add(in_micros(settings.slot_timeout));
                wait("Too many uploads that have not ended. Try again when they have.").with(retry(again))
            }
            Refused::Closed => Condition::ServiceUnavailable.into(),
            Refused::DiskFull => {
                self.complain();
                wait("The server has no room for files at the moment. Try again later.")
            }
        }
    }

    fn complain(&self) {
        let (mut complained, now) = (self.complained.lock(), micros());
        if now.saturating_sub(*complained) >= COMPLAIN {
            *complained = now;
            tracing::warn!(
                folder = %self.uploads.settings.folder.display(),
                "uploads are refused: the disk has no more than [upload] keep_free left"
            );
        }
    }
}

impl Answers for UploadService {
    fn information(&self) -> Element {
        let identity = Element::new("identity", ns::DISCO_INFO)
            .attr("category", "store")
            .attr("type", "file")
            .attr("name", NAME);
        let feature = |var: &&str| Element::new("feature", ns::DISCO_INFO).attr("var", *var);
        let size = self.uploads.settings.max_size.to_string();
        let form = Form::new("result", ns::UPLOAD).field(Field::text(
            "max-file-size",
            "Bytes of a file at most",
            size,
        ));
        Element::new("query", ns::DISCO_INFO)
            .with(identity)
            .with_all(FEATURES.iter().map(feature))
            .with(form.to_element())
    }

    fn answer<'a>(&'a self, question: Question<'a>) -> Answered<'a> {
        Box::pin(async move {
            if question.is(IqKind::Get, "request", ns::UPLOAD) {
                return self.slot(question.payload, question.from).await.map(Some);
            }
            Err(Condition::ServiceUnavailable.into())
        })
    }
}

impl Service for UploadService {
    fn deliver(&self, stanza: Stanza) -> Fut<'_, Delivery> {
        Box::pin(answers::deliver(&self.router, self, stanza))
    }

    fn forget<'a>(&'a self, jid: &'a BareJid) -> Fut<'a, ()> {
        Box::pin(async move {
            if let Err(error) = self.uploads.remove_all(jid.as_str()).await {
                tracing::error!(%jid, %error, "files of a removed account are still there; the next start removes them");
            }
        })
    }

    fn close(&self) -> Fut<'_, ()> {
        self.sweeping.abort();
        Box::pin(async {})
    }
}

/// §6: when to try again.
fn retry(at: u64) -> Element {
    // In whole seconds, and never too early.
    let at = UNIX_EPOCH + Duration::from_secs(at.div_ceil(1_000_000));
    Element::new("retry", ns::UPLOAD).attr("stamp", datetime::format(at.max(SystemTime::now())))
}

async fn sweep(uploads: Weak<Uploads>) {
    loop {
        tokio::time::sleep(SWEEP).await;
        let Some(uploads) = uploads.upgrade() else { return };
        match uploads.sweep().await {
            Ok(0) => {}
            Ok(count) => tracing::info!(count, "files whose time was over are removed"),
            Err(error) => tracing::warn!(%error, "files whose time is over could not be removed"),
        }
    }
}
