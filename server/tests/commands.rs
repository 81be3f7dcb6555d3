//! The real binary, as an operator uses it: started, asked, reloaded, stopped, started again.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

const RIALTO: &str = env!("CARGO_BIN_EXE_rialto");
const CONFIG: &str = "[listen]\nstarttls = 0\ntls = 0\n[http]\nport = 0\ntls = 0\n[proxy]\nport = 0\n";

/// A folder with a configuration whose ports are free ones.
fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("rialto.toml"), CONFIG).unwrap();
    folder
}

fn command(folder: &Path, line: &str) -> Command {
    let mut command = Command::new(RIALTO);
    command.args(line.split_whitespace()).current_dir(folder);
    command.env_remove("RIALTO_CONFIG").env_remove("RIALTO_LOG").stdin(Stdio::null());
    command
}

/// Runs a command to its end: exit code, standard output, standard error.
fn run(folder: &Path, line: &str) -> (i32, String, String) {
    said(command(folder, line).output().unwrap())
}

fn said(output: Output) -> (i32, String, String) {
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

/// Runs a command that reads `input`.
fn run_with(folder: &Path, line: &str, input: &str) -> (i32, String, String) {
    let mut command = command(folder, line);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    said(child.wait_with_output().unwrap())
}

/// A server that is ready, and its banner. It ends with the test.
struct Server {
    child: Child,
    banner: String,
}

fn serve(folder: &Path) -> Server {
    let mut child = command(folder, "").stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut banner = String::new();
    let mut out = BufReader::new(child.stdout.take().unwrap());
    while !banner.contains("Ctrl-C stops it.") {
        assert!(out.read_line(&mut banner).unwrap() > 0, "the server ended: {banner}");
    }
    // The rest is read along, so that the server never waits for us.
    std::thread::spawn(move || out.lines().for_each(drop));
    Server { child, banner }
}

impl Server {
    fn signal(&self, name: &str) {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args(["-s", name, &pid]).status().unwrap().success());
    }

    /// Its exit code, once it has gone by itself.
    fn gone(&mut self) -> i32 {
        let end = Instant::now() + Duration::from_secs(30);
        while Instant::now() < end {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status.code().unwrap();
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        panic!("the server does not stop");
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn the_first_start_makes_everything_and_the_second_finds_it_again() {
    let folder = folder();
    let at = folder.path();
    let mut first = serve(at);
    for part in ["serves localhost.", "rialto.toml", "certs/ca.pem", "user add romeo@localhost"] {
        assert!(first.banner.contains(part), "{part} is not in\n{}", first.banner);
    }
    let ca = std::fs::read(at.join("certs/ca.pem")).unwrap();
    let (code, out, _) = run_with(at, "user add romeo@localhost --password-file -", "pencil\n");
    assert_eq!((code, out.as_str()), (0, "romeo@localhost can log in now.\n"));
    assert_eq!(run(at, "room create lounge@rooms.localhost --owner romeo@localhost").0, 0);
    first.signal("INT");
    assert_eq!(first.gone(), 0);
    assert!(!at.join("data/admin.sock").exists());

    let mut second = serve(at);
    assert!(second.banner.contains("accounts       1"), "{}", second.banner);
    assert!(!second.banner.contains("user add"), "{}", second.banner);
    assert_eq!(std::fs::read(at.join("certs/ca.pem")).unwrap(), ca);
    let (_, rooms, _) = run(at, "room list --json");
    let rooms: serde_json::Value = serde_json::from_str(&rooms).unwrap();
    assert_eq!(rooms[0]["address"], "lounge@rooms.localhost");
    assert_eq!(rooms[0]["owners"][0], "romeo@localhost");
    assert_eq!(run(at, "stop").0, 0);
    assert_eq!(second.gone(), 0);
}

#[test]
fn accounts_can_be_worked_on_while_nothing_runs() {
    let folder = folder();
    let at = folder.path();
    let (code, out, _) = run(at, "user list");
    assert_eq!((code, out.as_str()), (0, "No accounts yet. Make one: rialto user add NAME@localhost\n"));
    let (code, out, _) = run(at, "user add romeo@localhost --generate");
    assert!(code == 0 && out.contains("Password: "), "{out}");
    let (code, _, error) = run(at, "user add romeo@localhost --generate");
    assert!(code == 1 && error.contains("is there already"), "{error}");
    let (_, out, _) = run(at, "user list --json");
    let users: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!(users[0]["address"], "romeo@localhost");
    assert_eq!(run(at, "user remove romeo@localhost").0, 2, "without a terminal, --yes must be said");
    assert_eq!(run(at, "user remove romeo@localhost --yes").0, 0);
    let (code, _, error) = run(at, "user passwd romeo@localhost --generate");
    assert!(code == 1 && error.contains("there is no account romeo@localhost"), "{error}");
}

#[test]
fn accounts_are_exported_whether_the_server_runs_or_not() {
    let folder = folder();
    let at = folder.path();
    for name in ["romeo", "juliet"] {
        assert_eq!(run(at, &format!("user add {name}@localhost --generate")).0, 0);
    }
    let (code, out, error) = run(at, "user export romeo@localhost");
    assert!(code == 0 && out.starts_with("1 account in romeo@localhost.xml."), "{out}{error}");
    let (code, _, error) = run(at, "user export romeo@localhost");
    assert!(code == 1 && error.contains("is there already: name another file"), "{error}");
    let (code, _, error) = run(at, "user export paris@localhost");
    assert!(code == 1 && error.contains("there is no account paris@localhost"), "{error}");
    assert!(!at.join("paris@localhost.xml").exists());

    let _server = serve(at);
    let (code, out, error) = run(at, "user export romeo@localhost --file running.xml");
    assert!(code == 0 && out.starts_with("1 account in running.xml."), "{out}{error}");
    let read = |file: &str| std::fs::read_to_string(at.join(file)).unwrap();
    assert_eq!(read("running.xml"), read("romeo@localhost.xml"));
    assert!(read("running.xml").contains("<scram-credentials"));
    assert_eq!(run(at, "export --file all.xml").0, 0);
    assert!(read("all.xml").contains("<user name='juliet'>"));
    use std::os::unix::fs::PermissionsExt;
    assert_eq!(std::fs::metadata(at.join("all.xml")).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(std::fs::read_dir(at.join("data/exports")).unwrap().count(), 0, "what was fetched is gone");
    let (code, _, error) = run(at, "user export paris@localhost");
    assert!(code == 1 && error.contains("there is no account paris@localhost"), "{error}");
}

#[test]
fn exit_codes_tell_scripts_what_happened() {
    let folder = folder();
    let at = folder.path();
    for (line, code, part) in [
        ("--version", 0, ""),
        ("fly", 2, "unrecognized subcommand 'fly'"),
        ("room list", 3, "no Rialto runs here"),
        ("--config none.toml user list", 4, "none.toml cannot be read"),
        ("user add romeo@localhost", 2, "there is no terminal to ask on"),
    ] {
        let (found, _, error) = run(at, line);
        assert!(found == code && error.contains(part), "{line}: {found} {error}");
    }
    std::fs::write(at.join("rialto.toml"), "[listen]\nprot = 1\n").unwrap();
    let (code, _, error) = run(at, "");
    let wanted = "rialto: config line 2, [listen]: unknown key `prot`; known here: ";
    assert!(code == 4 && error.starts_with(wanted) && error.contains("\n  in rialto.toml\n"), "{error}");
    let (code, out, _) = run(at, "check --json");
    let findings: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!((code, findings[0]["level"].as_str()), (4, Some("error")));
}

#[test]
fn a_second_server_is_refused_and_a_port_in_use_is_named() {
    let folder = folder();
    let at = folder.path();
    let _first = serve(at);
    let (code, _, error) = run(at, "serve");
    assert!(code == 1 && error.contains("another Rialto runs here already"), "{error}");

    let other = tempfile::tempdir().unwrap();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    let config = format!(
        "[listen]\naddresses = [\"127.0.0.1\"]\nstarttls = {port}\ntls = false\n[http]\nport = 0\ntls = 0\n"
    );
    std::fs::write(other.path().join("rialto.toml"), config).unwrap();
    let (code, _, error) = run(other.path(), "serve");
    assert!(code == 1 && error.contains(&port.to_string()), "{error}");
    let (code, out, _) = run(other.path(), "check");
    assert!(code == 1 && out.contains("is taken by another program"), "{out}");
}

#[test]
fn a_reload_takes_what_it_can_and_says_what_must_wait() {
    let folder = folder();
    let at = folder.path();
    let mut server = serve(at);
    std::fs::write(at.join("rialto.toml"), format!("{CONFIG}[c2s]\nfailures = 3\n[version]\nos = true\n"))
        .unwrap();
    let (code, out, _) = run(at, "reload");
    assert_eq!((code, out.as_str()), (0, "Read again; these wait for a restart: [version].\n"));
    std::fs::write(at.join("rialto.toml"), format!("{CONFIG}[c2s]\nfailures = \"three\"\n")).unwrap();
    let (code, _, error) = run(at, "reload");
    assert!(code == 4 || error.contains("config line 5, [c2s]: `failures` must be"), "{code} {error}");
    server.signal("HUP");
    std::fs::write(at.join("rialto.toml"), CONFIG).unwrap();
    assert_eq!(run(at, "status").0, 0, "a mistake in the file ends nothing");
    server.signal("TERM");
    assert_eq!(server.gone(), 0);
}

#[test]
fn a_certificate_that_does_not_fit_stops_the_start_and_stays_as_it_is() {
    let (folder, other) = (folder(), self::folder());
    let at = folder.path();
    drop(serve(at));
    drop(serve(other.path()));
    let key = "certs/localhost/privkey.pem";
    std::fs::copy(other.path().join(key), at.join(key)).unwrap();
    let before = std::fs::read(at.join(key)).unwrap();
    let (code, _, error) = run(at, "serve");
    assert!(code == 1 && error.contains("is not the key of fullchain.pem beside it"), "{error}");
    assert_eq!(std::fs::read(at.join(key)).unwrap(), before);
}

#[test]
fn everything_moves_to_another_engine_and_back_into_service() {
    let folder = folder();
    let at = folder.path();
    assert_eq!(run(at, "user add romeo@localhost --generate").0, 0);
    let (code, out, error) = run(at, "store migrate --to redb");
    assert!(code == 0 && out.contains("engine = \"redb\""), "{out}{error}");
    let config = format!("{CONFIG}[store]\nengine = \"redb\"\npath = \"data/store-redb\"\n");
    std::fs::write(at.join("rialto.toml"), config).unwrap();
    let server = serve(at);
    assert!(server.banner.contains("accounts       1"), "{}", server.banner);
}

#[test]
fn completions_are_written_for_shells() {
    let folder = folder();
    let (code, out, _) = run(folder.path(), "completions bash");
    assert!(code == 0 && out.contains("complete -F _rialto"), "{out}");
}

#[test]
fn reports_are_listed_shown_and_removed_by_their_number() {
    let folder = folder();
    let mut server = serve(folder.path());
    assert_eq!(run(folder.path(), "report list"), (0, "No reports.\n".into(), String::new()));
    assert_eq!(run(folder.path(), "report list --json").1.trim(), "[]");
    for line in ["report show 7", "report remove 7"] {
        let (code, _, text) = run(folder.path(), line);
        assert!(code == 1 && text.contains("there is no report 7"), "{line}: {code} {text}");
    }
    server.signal("TERM");
    assert_eq!(server.gone(), 0);
}

#[test]
fn an_invitation_is_made_and_taken_back_whether_the_server_runs_or_not() {
    let folder = folder();
    let at = folder.path();
    let (code, out, error) = run(at, "invite create juliet@localhost --json");
    assert_eq!(code, 0, "{error}");
    let made: serde_json::Value = serde_json::from_str(&out).unwrap();
    let uri = made["uri"].as_str().unwrap();
    assert!(uri.starts_with("xmpp:juliet@localhost?register;preauth="), "{uri}");
    let (code, _, error) = run_with(at, "user add juliet@localhost --password-file -", "pencil\n");
    assert!(code == 1 && error.contains("reserved by an invitation"), "{error}");
    let _server = serve(at);
    let (_, list, _) = run(at, "invite list --json");
    let token = uri.split_once("preauth=").unwrap().1;
    assert!(list.contains("\"juliet@localhost\"") && !list.contains(token), "{list}");
    let revoke = format!("invite revoke {}", made["id"].as_str().unwrap());
    assert_eq!(run(at, &revoke).0, 0);
    assert_eq!(run(at, &revoke).0, 1);
    assert_eq!(run(at, "user add juliet@localhost --generate").0, 0);
    assert_eq!(run(at, "invite create --contact").0, 2, "--contact wants --from");
    let (code, out, _) = run(at, "invite create --from juliet@localhost --contact --expires 12h");
    assert!(code == 0 && out.contains("xmpp:juliet@localhost?roster;preauth="), "{out}");
    let (page, token) = (out.lines().next().unwrap(), out.split("preauth=").nth(1).unwrap());
    let token = token.lines().next().unwrap();
    assert!(page.starts_with("https://localhost:") && page.ends_with(&format!("/invite/{token}")), "{out}");
    let (code, _, error) = run(at, "invite create --expires soon");
    assert!(code == 2 && error.contains("is no duration"), "{error}");
}

#[test]
fn people_of_a_circle_have_each_other_until_it_ends() {
    let folder = folder();
    let at = folder.path();
    let _server = serve(at);
    for name in ["romeo", "juliet", "nurse"] {
        assert_eq!(run(at, &format!("user add {name}@localhost --generate")).0, 0);
    }
    assert_eq!(run(at, "circle create verona --group Verona").0, 0);
    assert_eq!(run(at, "circle create verona").0, 1);
    let (code, out, _) = run(at, "circle add verona --everybody");
    assert_eq!((code, out.as_str()), (0, "3 more are in verona now.\n"));
    let contacts = |who: &str| -> serde_json::Value {
        let (_, out, _) = run(at, &format!("user show {who}@localhost --json"));
        serde_json::from_str::<serde_json::Value>(&out).unwrap()["contacts"].clone()
    };
    assert_eq!((contacts("romeo"), contacts("nurse")), (2.into(), 2.into()));
    assert_eq!(run(at, "circle remove verona nurse@localhost").0, 0);
    assert_eq!((contacts("romeo"), contacts("nurse")), (1.into(), 0.into()));
    assert_eq!(run(at, "circle add verona tybalt@localhost").0, 1);
    assert_eq!(run(at, "circle end verona --yes").0, 0);
    assert_eq!(contacts("romeo"), 0);
    assert_eq!(run(at, "circle end verona --yes").0, 1);
}

#[test]
fn an_account_is_shut_out_and_words_are_said() {
    let folder = folder();
    let at = folder.path();
    assert_eq!(run(at, "user add romeo@localhost --generate").0, 0);
    assert_eq!(run(at, "user disable romeo@localhost").0, 0);
    let _server = serve(at);
    let (_, out, _) = run(at, "user show romeo@localhost");
    assert!(out.starts_with("romeo@localhost, disabled\n"), "{out}");
    assert_eq!(run(at, "user enable romeo@localhost").0, 0);
    let (code, _, error) = run(at, "user kick romeo@localhost");
    assert!(code == 1 && error.contains("is not here"), "{error}");
    assert_eq!(run(at, "notice motd").1, "Nothing is said.\n");
    assert_eq!(run(at, "notice motd Beware!").0, 0);
    assert_eq!(run(at, "notice motd").1, "Beware!\n");
    assert_eq!(run(at, "notice motd --delete").0, 0);
    assert_eq!(run(at, "notice announce Hark!").1, "0 sessions have it.\n");
}
