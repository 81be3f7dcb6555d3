//! Logs: to standard error, for people or for machines, at a level that a reload can change.

use crate::config::{Config, LogFormat};
use std::io::IsTerminal;
use tracing_subscriber::filter::{Filtered, LevelFilter, Targets};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::reload;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{Layer, Registry};

type Lines = Box<dyn Layer<Registry> + Send + Sync>;

/// Libraries whose logs show words and secrets of people: never written, at no level.
const INDISCREET: [&str; 1] = ["serenity"];

/// Changes the level of a running log.
#[derive(Clone)]
pub struct Logs {
    lines: Option<reload::Handle<Filtered<Lines, Targets, Registry>, Registry>>,
}

/// Begins to log as the configuration says; `RIALTO_LOG` in the environment wins over its level. Panics are logged too.
pub fn begin(config: &Config) -> Logs {
    let lines: Lines = match config.log.format {
        LogFormat::Json => {
            tracing_subscriber::fmt::layer().json().flatten_event(true).with_writer(std::io::stderr).boxed()
        }
        LogFormat::Text => tracing_subscriber::fmt::layer()
            .with_ansi(std::io::stderr().is_terminal())
            .with_writer(std::io::stderr)
            .boxed(),
    };
    let (lines, handle) = reload::Layer::new(lines.with_filter(targets(config)));
    let begun = tracing_subscriber::registry().with(lines).try_init().is_ok();
    if begun {
        log_panics();
    }
    Logs { lines: begun.then_some(handle) }
}

impl Logs {
    /// Takes the level of another configuration.
    pub fn reload(&self, config: &Config) {
        if let Some(lines) = &self.lines {
            let _ = lines.modify(|lines| *lines.filter_mut() = targets(config));
        }
    }
}

fn targets(config: &Config) -> Targets {
    let from_environment = std::env::var("RIALTO_LOG").ok().and_then(|level| level.parse().ok());
    let wanted: Targets = from_environment.or_else(|| config.log.level.parse().ok()).unwrap_or_else(quiet);
    let never = INDISCREET.iter().map(|library| (*library, LevelFilter::OFF));
    wanted.with_targets(never)
}

/// Where neither can be read (the configuration has been checked, so this is for safety): what must not be missed.
fn quiet() -> Targets {
    Targets::new().with_default(tracing::Level::INFO)
}

/// A panic ends one connection or one room's turn, never the server; it must be seen all the same.
fn log_panics() {
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        let said = panic.payload_as_str().unwrap_or("no words");
        tracing::error!(place, said, "a bug: please report this line");
    }));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_level_is_the_configurations_and_may_be_finer_than_a_word() {
        let config = Config::parse("[log]\nlevel = \"rialto::muc=trace,warn\"\n").unwrap();
        let targets = targets(&config);
        assert!(targets.would_enable("rialto::muc", &tracing::Level::TRACE));
        assert!(targets.would_enable("rialto", &tracing::Level::WARN));
        assert!(!targets.would_enable("rialto", &tracing::Level::INFO));
    }
}
