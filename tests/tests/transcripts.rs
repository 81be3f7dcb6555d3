//! Every transcript as a test of its own, on an engine in memory and on sled.
//!
//! `cargo test --test transcripts -- rfc6121` plays those whose name contains the word.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rialto_tests::server::Engine;
use rialto_tests::talk::read::read;
use rialto_tests::talk::run::{Failure, play};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

/// How many servers run at the same time.
const AT_ONCE: usize = 8;
/// How long a transcript may take.
const LIMIT: Duration = Duration::from_secs(90);

struct Case {
    name: String,
    path: PathBuf,
    engine: Engine,
}

fn main() {
    let arguments = Arguments::read(std::env::args().skip(1));
    let all = cases(&Path::new(env!("CARGO_MANIFEST_DIR")).join("transcripts"));
    let count = all.len();
    let chosen: Vec<_> = all.into_iter().filter(|case| arguments.wants(&case.name)).collect();
    if arguments.list {
        chosen.iter().for_each(|case| println!("{}: test", case.name));
        return;
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let passed = runtime.expect("a runtime").block_on(run(chosen, count));
    if !passed {
        std::process::exit(101);
    }
}

/// What libtest takes, as far as it means something here.
#[derive(Default)]
struct Arguments {
    list: bool,
    exact: bool,
    ignored: bool,
    filters: Vec<String>,
    skip: Vec<String>,
}

impl Arguments {
    fn read(mut given: impl Iterator<Item = String>) -> Arguments {
        let mut arguments = Arguments::default();
        while let Some(argument) = given.next() {
            match argument.as_str() {
                "--list" => arguments.list = true,
                "--exact" => arguments.exact = true,
                "--ignored" => arguments.ignored = true,
                "--skip" => arguments.skip.extend(given.next()),
                "--test-threads" | "--format" | "--color" | "--logfile" | "-Z" => drop(given.next()),
                other if other.starts_with('-') => {}
                _ => arguments.filters.push(argument),
            }
        }
        arguments
    }

    /// Nothing here is ignored, so `--ignored` wants nothing.
    fn wants(&self, name: &str) -> bool {
        let fits = |filter: &String| if self.exact { name == filter } else { name.contains(filter.as_str()) };
        let chosen = self.filters.is_empty() || self.filters.iter().any(fits);
        chosen && !self.ignored && !self.skip.iter().any(fits)
    }
}

/// `transcripts/xep0045/enter.talk` is `transcripts::xep0045::enter`, once for each engine.
fn cases(folder: &Path) -> Vec<Case> {
    let mut files = Vec::new();
    collect(folder, &mut files);
    files.sort();
    assert!(!files.is_empty(), "no transcripts in {}", folder.display());
    let mut cases = Vec::new();
    for path in files {
        let inside = path.strip_prefix(folder).unwrap_or(&path).with_extension("");
        let parts: Vec<_> = inside.iter().map(|part| part.to_string_lossy().replace('-', "_")).collect();
        let restarts = std::fs::read_to_string(&path).is_ok_and(|text| text.contains("\nserver "));
        for engine in Engine::ALL {
            if restarts && !engine.outlives_the_server() {
                continue;
            }
            let name = format!("transcripts::{} ({engine})", parts.join("::"));
            cases.push(Case { name, path: path.clone(), engine });
        }
    }
    cases
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    let entries = std::fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    for path in entries.flatten().map(|entry| entry.path()) {
        if path.is_dir() {
            collect(&path, files);
        } else if path.extension().is_some_and(|end| end == "talk") {
            files.push(path);
        }
    }
}

async fn run(cases: Vec<Case>, count: usize) -> bool {
    let (begun, chosen) = (Instant::now(), cases.len());
    println!("\nrunning {chosen} tests");
    let places = Arc::new(Semaphore::new(AT_ONCE));
    let mut running = JoinSet::new();
    for case in cases {
        let places = places.clone();
        running.spawn(async move {
            let _place = places.acquire_owned().await;
            let played = tokio::spawn(play_file(case.path.clone(), case.engine));
            let result = match tokio::time::timeout(LIMIT, played).await {
                Ok(Ok(result)) => result,
                Ok(Err(panic)) => Err(Failure(format!("  {panic}\n"))),
                Err(_) => Err(Failure(format!("  not over after {} s\n", LIMIT.as_secs()))),
            };
            (case, result)
        });
    }
    let mut failures = Vec::new();
    while let Some(Ok((case, result))) = running.join_next().await {
        println!("test {} ... {}", case.name, if result.is_ok() { "ok" } else { "FAILED" });
        let _ = std::io::stdout().flush();
        if let Err(Failure(told)) = result {
            failures.push((case, told));
        }
    }
    if !failures.is_empty() {
        println!("\nfailures:\n");
        for (case, told) in &failures {
            println!("---- {} ({})\n{told}", case.name, case.path.display());
        }
        println!("\nfailures:");
        failures.iter().for_each(|(case, _)| println!("    {}", case.name));
    }
    let (failed, out) = (failures.len(), count - chosen);
    println!(
        "\ntest result: {}. {} passed; {failed} failed; 0 ignored; 0 measured; {out} filtered out; finished in {:.2}s\n",
        if failed == 0 { "ok" } else { "FAILED" },
        chosen - failed,
        begun.elapsed().as_secs_f64(),
    );
    failed == 0
}

async fn play_file(path: PathBuf, engine: Engine) -> Result<(), Failure> {
    let text = std::fs::read_to_string(&path).map_err(|error| Failure(format!("  {error}\n")))?;
    let talk = read(&text).map_err(|says| Failure(format!("  {says}\n")))?;
    play(&talk, engine).await
}
