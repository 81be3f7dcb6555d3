//! The admin socket, with a desk that knows one account.

use super::*;
use crate::admin::protocol::{Answered, Outcome, read_command};
use crate::admin::socket::Carrying;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::Arc;

struct OneAccount;

impl Desk for OneAccount {
    fn carry_out(&self, command: Command) -> Carrying<'_> {
        Box::pin(async move {
            match command {
                Command::UserAdd { address, .. } if address == "romeo@localhost" => {
                    Err(Refusal::new(Why::Exists, "there is an account of this name already"))
                }
                Command::UserAdd { .. } => Ok(Answer::OK),
                Command::UserList => Ok(Answer::Users(vec![User {
                    address: "romeo@localhost".into(),
                    created: 1,
                    disabled: false,
                    sessions: Some(2),
                }])),
                _ => Err(Refusal::new(Why::NotFound, "not here")),
            }
        })
    }
}

async fn with_server<T: Send + 'static>(work: impl FnOnce(PathBuf) -> T + Send + 'static) -> T {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("admin.sock");
    let socket = AdminSocket::bind(&path).unwrap();
    let serving = tokio::spawn(socket.serve(Arc::new(OneAccount)));
    let outcome = tokio::task::spawn_blocking(move || work(path)).await.unwrap();
    serving.abort();
    outcome
}

fn add(name: &str) -> Command {
    Command::UserAdd { address: name.into(), password: "secret".into(), reuse: false }
}

#[tokio::test]
async fn commands_are_answered_and_refusals_come_back_as_such() {
    with_server(|path| {
        assert_eq!(ask(&path, add("juliet@localhost")).unwrap(), Answer::OK);
        let refused = ask(&path, add("romeo@localhost")).unwrap_err();
        assert!(matches!(refused, AskError::Refused(Refusal { why: Why::Exists, .. })));
        let Answer::Users(users) = ask(&path, Command::UserList).unwrap() else { panic!() };
        assert_eq!((users[0].address.as_str(), users[0].sessions), ("romeo@localhost", Some(2)));
    })
    .await;
}

#[tokio::test]
async fn the_socket_is_for_its_owner_alone_and_goes_away_with_the_server() {
    let path = with_server(|path| {
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        path
    })
    .await;
    assert!(matches!(ask(&path, Command::Status).unwrap_err(), AskError::NotRunning(_)));
}

#[tokio::test]
async fn one_connection_may_ask_many_things() {
    with_server(|path| {
        let mut stream = UnixStream::connect(path).unwrap();
        stream
            .write_all(b"{\"version\":1,\"command\":\"user-list\"}\n{\"version\":1,\"command\":\"status\"}\n")
            .unwrap();
        let mut lines = BufReader::new(stream).lines().map(Result::unwrap);
        assert!(lines.next().unwrap().starts_with("{\"version\":1,\"done\":{\"users\":["));
        assert_eq!(
            lines.next().unwrap(),
            "{\"version\":1,\"refused\":{\"why\":\"not-found\",\"text\":\"not here\"}}"
        );
    })
    .await;
}

#[tokio::test]
async fn nonsense_is_refused_and_ends_the_connection() {
    with_server(|path| {
        let mut stream = UnixStream::connect(path).unwrap();
        stream.write_all(b"GET / HTTP/1.1\n\n").unwrap();
        let lines: Vec<String> = BufReader::new(stream).lines().map_while(Result::ok).collect();
        assert_eq!(lines.len(), 1);
        let answered: Answered = serde_json::from_str(&lines[0]).unwrap();
        assert!(matches!(answered.outcome, Outcome::Refused(Refusal { why: Why::BadRequest, .. })));
    })
    .await;
}

#[tokio::test]
async fn a_second_server_is_refused_and_a_dead_ones_socket_replaced() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("admin.sock");
    let first = AdminSocket::bind(&path).unwrap();
    assert!(matches!(AdminSocket::bind(&path), Err(ListenError::InUse(_))));
    std::mem::forget(first); // as if killed: the file stays …
    drop(std::fs::remove_file(&path));
    drop(std::os::unix::net::UnixListener::bind(&path).unwrap()); // … and nobody listens
    assert!(path.exists() && AdminSocket::bind(&path).is_ok());
    let nowhere = AdminSocket::bind(Path::new("/nonexistent/admin.sock"));
    assert!(matches!(nowhere, Err(ListenError::Io(..))));
}

#[test]
fn another_version_is_told_what_to_do() {
    let refusal = read_command(b"{\"version\":2,\"command\":\"fly\"}").unwrap_err();
    assert!(refusal.text.contains("use the rialto that belongs to the running server"), "{refusal}");
    assert!(read_command(b"{\"version\":1,\"command\":\"fly\"}").is_err());
    assert_eq!(read_command(b"{\"version\":1,\"command\":\"reload\"}").unwrap(), Command::Reload);
}

#[test]
fn passwords_never_show_in_a_log() {
    assert_eq!(format!("{:?}", add("romeo@localhost")), "user-add");
}
