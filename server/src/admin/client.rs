//! Asking a running server: connect, one line out, one line in.

use super::protocol::{Answer, Answered, Asked, Command, MAX_ANSWER, Outcome, Refusal, VERSION, line};
use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Longer than any command takes, but for exports.
const PATIENCE: Duration = Duration::from_secs(120);

/// Longer than an export of everybody takes.
const EXPORT: Duration = Duration::from_secs(6 * 60 * 60);

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum AskError {
    /// Nobody listens there.
    #[error("no Rialto runs here: nobody listens on {}", .0.display())]
    NotRunning(PathBuf),
    /// We may not open it.
    #[error("{} is not yours: run this as the user that Rialto runs as, or with sudo", .0.display())]
    NotAllowed(PathBuf),
    /// It broke off.
    #[error("the server on {} gave no answer: {}", .0.display(), .1)]
    Broken(PathBuf, String),
    /// It answered no.
    #[error("{0}")]
    Refused(#[from] Refusal),
}

/// Asks the server on this socket. Blocks.
///
/// # Errors
/// [`AskError`].
pub fn ask(socket: &Path, command: Command) -> Result<Answer, AskError> {
    let broken = |why: String| AskError::Broken(socket.to_owned(), why);
    let mut stream = UnixStream::connect(socket).map_err(|why| match why.kind() {
        ErrorKind::NotFound | ErrorKind::ConnectionRefused => AskError::NotRunning(socket.to_owned()),
        ErrorKind::PermissionDenied => AskError::NotAllowed(socket.to_owned()),
        _ => broken(why.to_string()),
    })?;
    let io = |why: std::io::Error| broken(why.to_string());
    let patience = if matches!(command, Command::Export { .. }) { EXPORT } else { PATIENCE };
    stream.set_read_timeout(Some(patience)).map_err(io)?;
    stream.set_write_timeout(Some(PATIENCE)).map_err(io)?;
    let asked = zeroize::Zeroizing::new(line(&Asked { version: VERSION, command }));
    stream.write_all(&asked).map_err(io)?;
    let mut answer = Vec::new();
    BufReader::new(stream).take(MAX_ANSWER as u64).read_until(b'\n', &mut answer).map_err(io)?;
    if answer.last() != Some(&b'\n') {
        return Err(broken("it closed the connection; its log says why".to_owned()));
    }
    let answered: Answered = serde_json::from_slice(&answer)
        .map_err(|_| broken("it speaks another version; use the rialto that belongs to it".to_owned()))?;
    match answered.outcome {
        Outcome::Done(answer) => Ok(answer),
        Outcome::Refused(refusal) => Err(refusal.into()),
    }
}
