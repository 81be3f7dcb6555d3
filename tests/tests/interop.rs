//! Real peers: each script of `interop/` that says what it `needs:` is a test of its own, against the built server.
//!
//! A script whose peers are not installed is skipped aloud; with `CI=true` it fails. `RIALTO_PEERS=none` skips them all.
//! `tests/run` installs the peers and runs this.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Output, Stdio};
use std::time::{Duration, Instant};

/// How long a script may take.
const LIMIT: Duration = Duration::from_secs(240);

/// A story played with a real peer.
struct Script {
    name: String,
    path: PathBuf,
    needs: Vec<String>,
}

enum Outcome {
    Played,
    Skipped(String),
    Failed(String),
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let filters: Vec<&String> = arguments.iter().filter(|argument| !argument.starts_with('-')).collect();
    let all = scripts(&here().join("interop"));
    let count = all.len();
    let wanted =
        |script: &Script| filters.is_empty() || filters.iter().any(|f| script.name.contains(f.as_str()));
    let chosen: Vec<Script> = all.into_iter().filter(wanted).collect();
    if arguments.iter().any(|argument| argument == "--list") {
        chosen.iter().for_each(|script| println!("{}: test", script.name));
        return ExitCode::SUCCESS;
    }
    println!("\nrunning {} tests", chosen.len());
    let begun = Instant::now();
    let server = server(&chosen);
    let (mut played, mut skipped, mut failures) = (0, 0, Vec::new());
    for script in &chosen {
        let outcome = match &server {
            Ok(server) => play(script, server),
            Err(says) => Outcome::Failed(says.clone()),
        };
        match outcome {
            Outcome::Played => {
                played += 1;
                println!("test {} ... ok", script.name);
            }
            Outcome::Skipped(why) => {
                skipped += 1;
                println!("test {} ... ignored, {why}\nskipped: {}: {why}", script.name, script.name);
            }
            Outcome::Failed(told) => {
                println!("test {} ... FAILED", script.name);
                failures.push((script, told));
            }
        }
        let _ = std::io::stdout().flush();
    }
    for (script, told) in &failures {
        println!("\n---- {} ({})\n{told}", script.name, script.path.display());
    }
    let verdict = if failures.is_empty() { "ok" } else { "FAILED" };
    println!(
        "\ntest result: {verdict}. {played} passed; {} failed; {skipped} ignored; 0 measured; {} filtered out; \
         finished in {:.2}s\n",
        failures.len(),
        count - chosen.len(),
        begun.elapsed().as_secs_f64(),
    );
    if failures.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(101) }
}

fn here() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// Files with a line `needs: peer peer`; the others are what they share.
fn scripts(folder: &Path) -> Vec<Script> {
    let entries = std::fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut scripts: Vec<Script> = entries.flatten().filter_map(|entry| script(&entry.path())).collect();
    scripts.sort_by(|one, other| one.name.cmp(&other.name));
    assert!(!scripts.is_empty(), "no scripts in {}", folder.display());
    scripts
}

fn script(path: &Path) -> Option<Script> {
    if path.extension()? != "py" {
        return None;
    }
    let text = std::fs::read_to_string(path).ok()?;
    let needs = text.lines().find_map(|line| line.strip_prefix("needs: "))?;
    let needs = needs.split_whitespace().map(String::from).collect();
    let name = format!("interop::{}", path.file_stem()?.to_string_lossy());
    Some(Script { name, path: path.to_owned(), needs })
}

/// The server's binary, built if need be: it lies beside the folder of this test.
fn server(scripts: &[Script]) -> Result<PathBuf, String> {
    if let Some(path) = std::env::var_os("RIALTO_BIN") {
        return Ok(path.into());
    }
    let own = std::env::current_exe().map_err(|error| error.to_string())?;
    let folder = own.ancestors().nth(2).ok_or("this test lies in no target folder")?;
    let path = folder.join(format!("rialto{}", std::env::consts::EXE_SUFFIX));
    if scripts.iter().all(|script| missing(script).is_some()) {
        return Ok(path);
    }
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.args(["build", "--quiet", "-p", "rialto", "--bin", "rialto", "-p", "rialto-fake-discord"]);
    cargo.args(["--bin", "fake-discord"]).current_dir(here());
    if folder.ends_with("release") {
        cargo.arg("--release");
    }
    match cargo.status() {
        Ok(status) if status.success() && path.exists() => Ok(path),
        other => Err(format!("the server cannot be built: {other:?}, {}", path.display())),
    }
}

/// Python with slixmpp: the one that `tests/run` has made, or the one named.
fn python() -> PathBuf {
    std::env::var_os("RIALTO_PYTHON").map_or_else(|| here().join(".venv/bin/python"), PathBuf::from)
}

/// Why a script cannot be played here.
fn missing(script: &Script) -> Option<String> {
    if std::env::var("RIALTO_PEERS").is_ok_and(|peers| peers == "none") {
        return Some("real peers are not wanted (RIALTO_PEERS=none)".into());
    }
    let is_there = |peer: &&String| match peer.as_str() {
        "slixmpp" | "python" => python().exists(),
        // It is built with the server.
        "fake-discord" => true,
        "xmpp.js" => here().join(".peers/xmpp.js/node_modules/@xmpp/client").exists(),
        // A plug-in of Gajim's, and part of it since 1.8.
        "gajim-omemo" => {
            ["share/gajim/plugins/omemo", "lib/python3/dist-packages/gajim/common/modules/omemo.py"]
                .iter()
                .any(|path| Path::new("/usr").join(path).exists())
        }
        "converse.js" => here().join(".peers/converse.js/package/dist").exists(),
        program => ["/usr/bin", "/usr/sbin", "/usr/local/bin", "/usr/local/sbin"]
            .iter()
            .any(|folder| Path::new(folder).join(program).exists()),
    };
    let missing: Vec<_> = script.needs.iter().filter(|peer| !is_there(peer)).map(String::as_str).collect();
    let says = || format!("not installed: {} (tests/run peers installs them)", missing.join(", "));
    (!missing.is_empty()).then(says)
}

fn play(script: &Script, server: &Path) -> Outcome {
    if let Some(why) = missing(script) {
        let unwanted = std::env::var("RIALTO_PEERS").is_ok_and(|peers| peers == "none");
        let must = !unwanted && std::env::var("CI").is_ok_and(|ci| ci == "true");
        return if must { Outcome::Failed(format!("{why}, and CI=true")) } else { Outcome::Skipped(why) };
    }
    match run(script, server) {
        Ok(output) if output.status.success() => Outcome::Played,
        Ok(output) => Outcome::Failed(format!(
            "{}{}{}\n",
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr),
            output.status
        )),
        Err(says) => Outcome::Failed(says),
    }
}

/// Runs a script; what it prints goes to files, so that a full pipe stops nobody.
fn run(script: &Script, server: &Path) -> Result<Output, String> {
    let told = |error: std::io::Error| error.to_string();
    let folder = tempfile::tempdir().map_err(told)?;
    let file = |name: &str| std::fs::File::create(folder.path().join(name)).map_err(told);
    let mut child = Command::new(python())
        .args(["-u", "-W", "error::DeprecationWarning:__main__"])
        .arg(&script.path)
        .env("RIALTO_BIN", server)
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .stdin(Stdio::null())
        .stdout(file("out")?)
        .stderr(file("err")?)
        .spawn()
        .map_err(|error| format!("{}: {error}", python().display()))?;
    let until = Instant::now() + LIMIT;
    let status = loop {
        match child.try_wait().map_err(told)? {
            Some(status) => break status,
            None if Instant::now() > until => {
                // An interrupt lets the script end what it has started.
                let pid = child.id().to_string();
                let _ = Command::new("kill").args(["-INT", &pid]).status();
                std::thread::sleep(Duration::from_secs(10));
                let _ = child.kill();
                break child.wait().map_err(told)?;
            }
            None => std::thread::sleep(Duration::from_millis(50)),
        }
    };
    let read = |name: &str| std::fs::read(folder.path().join(name)).map_err(told);
    Ok(Output { status, stdout: read("out")?, stderr: read("err")? })
}
