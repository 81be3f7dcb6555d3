//! Listening on the admin socket.

use super::protocol::{
    Answer, Answered, Command, MAX_COMMAND, Outcome, Refusal, VERSION, Why, line, read_command,
};
use std::future::Future;
use std::io::ErrorKind;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::Arc;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::Semaphore;

/// Commands carried out at the same time; others wait in the socket's own queue.
const AT_ONCE: usize = 16;

/// A command in the making.
pub type Carrying<'a> = Pin<Box<dyn Future<Output = Result<Answer, Refusal>> + Send + 'a>>;

/// Whoever carries out commands.
pub trait Desk: Send + Sync + 'static {
    /// Does it, or says why not.
    fn carry_out(&self, command: Command) -> Carrying<'_>;
}

/// Why the socket cannot be listened on.
#[derive(Debug, thiserror::Error)]
pub enum ListenError {
    /// Another server answers there.
    #[error("another Rialto runs here already: it listens on {}", .0.display())]
    InUse(PathBuf),
    /// The system says no.
    #[error(
        "the admin socket {} cannot be made ({}): give its folder to the user that Rialto runs as, or name another one \
         with `data`",
        .0.display(), .1
    )]
    Io(PathBuf, std::io::Error),
}

/// A socket that is listened on. Dropping it takes it away.
pub struct AdminSocket {
    path: PathBuf,
    listener: UnixListener,
}

impl AdminSocket {
    /// Makes the socket, for its owner alone. A socket that a killed server left behind is replaced.
    ///
    /// # Errors
    /// [`ListenError`].
    pub fn bind(path: &Path) -> Result<AdminSocket, ListenError> {
        let io = |why: std::io::Error| ListenError::Io(path.to_owned(), why);
        match std::os::unix::net::UnixStream::connect(path) {
            Ok(_) => return Err(ListenError::InUse(path.to_owned())),
            Err(why) if why.kind() == ErrorKind::ConnectionRefused => {
                std::fs::remove_file(path).map_err(io)?
            }
            Err(_) => {}
        }
        // Bound under another name first: nobody can connect before the mode is set.
        let beside = path.with_extension("new");
        let _ = std::fs::remove_file(&beside);
        let listener = UnixListener::bind(&beside).map_err(io)?;
        std::fs::set_permissions(&beside, std::fs::Permissions::from_mode(0o600)).map_err(io)?;
        std::fs::rename(&beside, path).map_err(io)?;
        Ok(AdminSocket { path: path.to_owned(), listener })
    }

    /// Answers until it is dropped.
    pub async fn serve(self, desk: Arc<dyn Desk>) {
        let places = Arc::new(Semaphore::new(AT_ONCE));
        loop {
            let Ok(place) = places.clone().acquire_owned().await else { return };
            match self.listener.accept().await {
                Ok((stream, _)) => {
                    let desk = desk.clone();
                    tokio::spawn(async move {
                        if let Err(why) = converse(stream, &*desk).await {
                            tracing::debug!(%why, "admin connection broke off");
                        }
                        drop(place);
                    });
                }
                Err(why) => {
                    tracing::warn!(%why, "the admin socket takes nobody just now");
                    tokio::time::sleep(std::time::Duration::from_secs(1)).await;
                }
            }
        }
    }
}

impl Drop for AdminSocket {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.path);
    }
}

async fn converse(stream: UnixStream, desk: &dyn Desk) -> std::io::Result<()> {
    let (read, mut write) = stream.into_split();
    let mut read = BufReader::new(read);
    loop {
        let mut asked = zeroize::Zeroizing::new(Vec::new());
        let read_bytes = (&mut read).take(MAX_COMMAND as u64).read_until(b'\n', &mut asked).await?;
        if read_bytes == 0 {
            return Ok(());
        }
        let outcome = if asked.last() == Some(&b'\n') {
            answer(&asked, desk).await
        } else {
            Outcome::Refused(Refusal::new(Why::BadRequest, "the command is too long, or broke off"))
        };
        let done = matches!(&outcome, Outcome::Refused(refusal) if refusal.why == Why::BadRequest);
        write.write_all(&line(&Answered { version: VERSION, outcome })).await?;
        if done {
            return Ok(());
        }
    }
}

async fn answer(asked: &[u8], desk: &dyn Desk) -> Outcome {
    let command = match read_command(asked) {
        Ok(command) => command,
        Err(refusal) => return Outcome::Refused(refusal),
    };
    let name = format!("{command:?}");
    let only_looks = command.only_looks();
    match desk.carry_out(command).await {
        Ok(answer) => {
            if !only_looks {
                tracing::info!(command = name, "an operator's command was carried out");
            }
            Outcome::Done(answer)
        }
        Err(refusal) => {
            tracing::info!(command = name, why = %refusal, "an operator's command was refused");
            Outcome::Refused(refusal)
        }
    }
}
