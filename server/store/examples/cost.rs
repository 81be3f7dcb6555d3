//! What archiving costs: CPU of the process for each message put into two archives, pages read back, memory.
//!
//! `cargo run --release -p rialto-store --example cost -- [sled|redb|memory] [messages] [accounts]`

use std::time::{Duration, Instant};

use rialto_store::archive::{Archive, Draft, Flags, Paging, Query};
use rialto_store::{Batch, EngineKind, Settings, Store};

/// CPU seconds of the process, user and system.
fn cpu() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields: Vec<&str> = stat.rsplit(") ").next().unwrap_or_default().split(' ').collect();
    let ticks = |at: usize| fields.get(at).and_then(|field| field.parse::<f64>().ok()).unwrap_or_default();
    (ticks(11) + ticks(12)) / 100.0
}

/// Resident memory in KiB.
fn memory() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|line| line.split_whitespace().next()?.parse().ok()).unwrap_or_default()
}

fn stanza(n: usize) -> String {
    let body = "the quick brown fox jumps over the lazy dog and says something of no interest ".split(' ');
    let words: Vec<&str> = body.cycle().skip(n % 13).take(18).collect();
    format!(
        "<message from='user{}@localhost/abcdefgh' to='user{}@localhost' type='chat' id='{n:016x}'><body>{}{n}</body>\
         <origin-id xmlns='urn:xmpp:sid:0' id='{n:016x}'/><request xmlns='urn:xmpp:receipts'/></message>",
        n % 100,
        (n + 1) % 100,
        words.join(" ")
    )
}

async fn fill(store: &Store, messages: usize, accounts: usize, window: usize) {
    let archive = Archive::new(store);
    let names: Vec<String> = (0..accounts).map(|n| format!("user{n}@localhost")).collect();
    let mut waiting = std::collections::VecDeque::new();
    for n in 0..messages {
        let (from, to) = (&names[n * 7 % accounts], &names[(n * 7 + 1) % accounts]);
        let text = stanza(n);
        let mut batch = Batch::new();
        archive.append(&mut batch, from, &Draft { with: to, flags: Flags::SENT, stanza: text.as_bytes() });
        archive.append(&mut batch, to, &Draft { with: from, flags: Flags::NONE, stanza: text.as_bytes() });
        waiting.push_back(store.enqueue(batch));
        if waiting.len() >= window
            && let Some(ticket) = waiting.pop_front()
        {
            store.settled(ticket).await.unwrap_or_else(|why| eprintln!("failed: {why}"));
        }
    }
    store.caught_up().await;
}

async fn read_back(store: &Store, accounts: usize) {
    let (begun, before) = (Instant::now(), cpu());
    let archive = Archive::new(store);
    let (mut pages, mut entries) = (0, 0);
    for n in 0..accounts.min(50) {
        let mut query = Query { max: 100, ..Query::default() };
        for _ in 0..20 {
            let Ok(page) = archive.query(&format!("user{n}@localhost"), &query).await else { break };
            (pages, entries) = (pages + 1, entries + page.entries.len());
            match page.last() {
                Some(last) if !page.complete => query.page = Paging::After(last),
                _ => break,
            }
        }
    }
    let (seconds, spent) = (begun.elapsed().as_secs_f64(), cpu() - before);
    println!(
        "{pages} pages, {entries} entries: {:.0} us each, {:.0} us CPU",
        seconds * 1e6 / f64::from(pages),
        spent * 1e6 / f64::from(pages)
    );
}

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() {
    let mut args = std::env::args().skip(1);
    let engine = match args.next().as_deref() {
        Some("redb") => EngineKind::Redb,
        Some("memory") => EngineKind::Memory,
        _ => EngineKind::Sled,
    };
    let mut number = |default| args.next().and_then(|text| text.parse().ok()).unwrap_or(default);
    let (messages, accounts): (usize, usize) = (number(200_000), number(100));
    let folder = std::env::temp_dir().join(format!("rialto-cost-{}", std::process::id()));
    let settings = Settings { engine, path: folder.clone(), ..Settings::default() };
    let store = match Store::open(&settings) {
        Ok(store) => store,
        Err(why) => return eprintln!("{why}"),
    };
    println!("{engine:?}, open and empty: {} KiB", memory());
    for window in [1, 50, 200] {
        let messages = if window == 1 { messages / 100 } else { messages };
        let (begun, before) = (Instant::now(), cpu());
        fill(&store, messages, accounts, window).await;
        let (seconds, cpu) = (begun.elapsed().as_secs_f64(), cpu() - before);
        println!(
            "window {window:>3}: {messages} messages, {:.0}/s, {:.2} us CPU each, {} KiB",
            messages as f64 / seconds,
            cpu * 1e6 / messages as f64,
            memory()
        );
    }
    read_back(&store, accounts).await;
    tokio::time::sleep(Duration::from_secs(6)).await;
    println!("at rest: {} KiB", memory());
    let begun = Instant::now();
    store.close().await;
    println!("closed in {:?}", begun.elapsed());
    let size: u64 = walk(&folder);
    println!("on disk: {size} bytes, {:.0} a message", size as f64 / (messages as f64 * 2.01));
    drop(store);
    let begun = Instant::now();
    let reopened = Store::open(&settings);
    match &reopened {
        Ok(_) => println!("opened again in {:?}, {} KiB", begun.elapsed(), memory()),
        Err(why) => println!("not opened again: {why}"),
    }
    drop(reopened);
    if let Err(why) = std::fs::remove_dir_all(&folder) {
        eprintln!("{}: {why}", folder.display());
    }
}

fn walk(folder: &std::path::Path) -> u64 {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    entries
        .map(|entry| {
            if entry.path().is_dir() {
                walk(&entry.path())
            } else {
                entry.metadata().map_or(0, |data| data.len())
            }
        })
        .sum()
}
