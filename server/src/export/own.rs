//! XEP-0050, XEP-0227: a person exports what is kept of her, from her client: a file among the uploads, for a day.

use std::io::{self, Write};
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use rialto_store::Store;
use rialto_store::uploads::Purpose;
use rialto_xmpp::parts::form::{Field, Form};
use rialto_xmpp::{BareJid, Condition, Jid, StanzaError, ns};
use tokio::sync::{Semaphore, mpsc};

use super::{Reader, Whose, write};
use crate::features::Fut;
use crate::features::command::{Command, Stage};
use crate::services::uploads::{UploadError, Uploads};

/// Its node: XEP-0227 knows no command.
const NODE: &str = "export-my-data";

/// What the file is called.
const NAME: &str = "my-data.xml";

/// How long the file stays.
const STAYS: Duration = Duration::from_secs(24 * 60 * 60);

/// Pieces on their way to the file; the writer waits when there are more.
const PIECES: usize = 4;

/// The command.
pub struct OwnExport {
    store: Store,
    uploads: Arc<Uploads>,
    domains: Vec<String>,
    /// One at a time: they read a lot.
    place: Semaphore,
}

impl OwnExport {
    /// For the people of these domains.
    pub fn new(store: &Store, uploads: &Arc<Uploads>, domains: &[String]) -> OwnExport {
        let (store, uploads, domains) = (store.clone(), uploads.clone(), domains.to_vec());
        OwnExport { store, uploads, domains, place: Semaphore::new(1) }
    }

    async fn export(&self, who: &BareJid) -> Result<Stage, StanzaError> {
        let Ok(_place) = self.place.try_acquire() else {
            return Ok(Stage::refused("Somebody else exports just now: try again in a minute."));
        };
        let failed = |_| StanzaError::from(Condition::InternalServerError);
        // A newer one takes the place of an older one: nobody fills the disk with them.
        for older in self.uploads.owned(who.as_str()).map_err(failed)? {
            if older.upload.name == NAME && older.upload.purpose == Purpose::Ephemeral {
                self.uploads.remove(&older.url).await.map_err(|_| Condition::InternalServerError)?;
            }
        }
        self.store.caught_up().await;
        let (to, from) = mpsc::channel(PIECES);
        let (store, whose) = (self.store.clone(), Whose::One(who.clone()));
        // It ends when nobody reads any more.
        tokio::task::spawn_blocking(move || {
            let written = write(&store, &whose, Reader::Person, &mut Pipe(to.clone()));
            let _ = to.blocking_send(written.map(|_| None).map_err(io::Error::other));
        });
        let pieces = futures_util::stream::unfold(Some(from), |from| async move {
            let mut from = from?;
            match from.recv().await {
                Some(Ok(Some(piece))) => Some((Ok(piece), Some(from))),
                Some(Ok(None)) => None,
                Some(Err(why)) => Some((Err(why), None)),
                // What nobody has ended is not whole.
                None => Some((Err(io::ErrorKind::UnexpectedEof.into()), None)),
            }
        });
        let until = (Purpose::Ephemeral, Some(in_a_day()));
        let kept = self.uploads.keep_until(who.as_str(), NAME, "application/xml", until, Box::pin(pieces));
        match kept.await {
            Ok(url) => Ok(Stage::result(&told(url))),
            Err(UploadError::TooLong) => Ok(Stage::refused(
                "What is kept of you is larger than files may be here. Ask whoever runs this server: `rialto user \
                 export` writes it whatever its size.",
            )),
            Err(UploadError::DiskFull) => Ok(Stage::refused("The server's disk is full: try again later.")),
            Err(error) => {
                tracing::warn!(%error, "somebody's data could not be exported");
                Err(Condition::InternalServerError.into())
            }
        }
    }
}

impl Command for OwnExport {
    fn node(&self) -> &str {
        NODE
    }

    fn name(&self) -> &str {
        "Export my data"
    }

    fn allows(&self, who: &Jid) -> bool {
        who.localpart().is_some() && self.domains.iter().any(|domain| domain == who.domainpart())
    }

    fn run<'a>(&'a self, who: &'a Jid, _form: Option<&'a Form>) -> Fut<'a, Result<Stage, StanzaError>> {
        Box::pin(async move { self.export(&who.bare()).await })
    }
}

fn told(url: String) -> Form {
    Form::new("result", ns::PIE)
        .title("Your data")
        .instructions(
            "Everything that is kept of you is in this file, but for your password, and for your files themselves. It \
             is there for a day. Whoever has the address can read it.",
        )
        .field(Field::text("url", "The file", url))
}

/// Microseconds since 1970.
fn in_a_day() -> u64 {
    let over = (SystemTime::now() + STAYS).duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(over.as_micros()).unwrap_or(u64::MAX)
}

/// The way from the writer, which blocks, to the file, which does not. `None` comes after the last piece.
struct Pipe(mpsc::Sender<io::Result<Option<Bytes>>>);

impl Write for Pipe {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let sent = self.0.blocking_send(Ok(Some(Bytes::copy_from_slice(bytes))));
        sent.map(|()| bytes.len()).map_err(|_| io::ErrorKind::BrokenPipe.into())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
