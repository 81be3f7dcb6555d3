//! `rialto check`: looks at everything that a start needs, touches nothing, and says what to do about each finding.

mod blocklists;
mod bridges;
mod calls;
mod certificates;
mod components;
mod ports;
mod settings;
mod storage;
mod uploads;

pub(super) use bridges::first_mistake;

use super::args::Listing;
use super::{Exit, mistake, show};
use crate::admin::{self, AskError};
use crate::config::Config;
use serde::Serialize;
use std::path::Path;

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
enum Level {
    /// As it should be.
    Ok,
    /// The server starts, but somebody will be unhappy.
    Warn,
    /// The server does not start, or nobody can use it.
    Error,
}

/// One thing that was looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
struct Finding {
    level: Level,
    /// What was looked at, in a word or two.
    about: String,
    /// How it is.
    says: String,
    /// What to do about it.
    #[serde(rename = "do", skip_serializing_if = "Option::is_none")]
    remedy: Option<String>,
}

impl Finding {
    fn ok(about: &str, says: impl Into<String>) -> Finding {
        Finding { level: Level::Ok, about: about.to_owned(), says: says.into(), remedy: None }
    }

    fn warn(about: &str, says: impl Into<String>, remedy: impl Into<String>) -> Finding {
        Finding { level: Level::Warn, remedy: Some(remedy.into()), ..Finding::ok(about, says) }
    }

    fn error(about: &str, says: impl Into<String>, remedy: impl Into<String>) -> Finding {
        Finding { level: Level::Error, remedy: Some(remedy.into()), ..Finding::ok(about, says) }
    }
}

/// Looks, shows, and fails where there is an error.
pub(super) fn run(file: Option<&Path>, listing: Listing) -> Exit {
    let loaded = file.map_or_else(|| Ok(Config::default()), Config::load);
    let (findings, exit) = match loaded {
        Ok(config) => {
            let findings = look(&config);
            let failed = findings.iter().any(|finding| finding.level == Level::Error);
            (findings, if failed { Exit::Failed } else { Exit::Done })
        }
        Err(why) => {
            let todo = "mend this, then check again: the rest was not looked at";
            (vec![Finding::error("configuration", mistake(file, &why), todo)], Exit::BadConfig)
        }
    };
    if listing.json {
        return show::json(&findings).map_or(Exit::Failed, |_| exit);
    }
    say!("{}", text(&findings).trim_end());
    exit
}

fn look(config: &Config) -> Vec<Finding> {
    let asked = admin::ask(&config.admin_socket(), admin::Command::Status);
    let runs = !matches!(asked, Err(AskError::NotRunning(_)));
    let mut findings = settings::look(config);
    findings.push(match &asked {
        Ok(_) => Finding::ok("server", "runs, and answers on its admin socket"),
        Err(AskError::NotRunning(_)) => Finding::ok("server", "does not run"),
        Err(why) => Finding::warn("server", why.to_string(), "ask as the user that Rialto runs as"),
    });
    findings.extend(certificates::look(config));
    findings.extend(ports::look(config, runs));
    findings.extend(calls::look(config, runs));
    findings.extend(storage::look(config, runs));
    findings.extend(uploads::look(config, runs));
    findings.extend(bridges::look(config));
    findings.extend(components::look(config));
    findings.extend(blocklists::look(config, asked.ok().as_ref()));
    findings
}

fn text(findings: &[Finding]) -> String {
    let mut text = String::new();
    for finding in findings {
        let mark = match finding.level {
            Level::Ok => "ok   ",
            Level::Warn => "warn ",
            Level::Error => "ERROR",
        };
        text.push_str(&format!("{mark}  {:14} {}\n", finding.about, finding.says));
        if let Some(remedy) = &finding.remedy {
            text.push_str(&format!("                       -> {remedy}\n"));
        }
    }
    let count = |level: Level| findings.iter().filter(|finding| finding.level == level).count();
    text.push_str(&match (count(Level::Error), count(Level::Warn)) {
        (0, 0) => "\nAll is well.\n".to_owned(),
        (0, warnings) => format!("\nIt will run. {warnings} to look at.\n"),
        (errors, warnings) => format!("\n{errors} to mend, {warnings} to look at.\n"),
    });
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_finding_says_what_to_do() {
        let findings = [
            Finding::ok("ports", "5222 is free"),
            Finding::error("store", "is damaged", "restore it from a backup"),
        ];
        assert_eq!(
            text(&findings),
            "ok     ports          5222 is free\nERROR  store          is damaged\n                       \
             -> restore it from a backup\n\n1 to mend, 0 to look at.\n"
        );
        let json = serde_json::to_string(&findings[1]).unwrap();
        assert_eq!(
            json,
            "{\"level\":\"error\",\"about\":\"store\",\"says\":\"is damaged\",\"do\":\"restore it from a backup\"}"
        );
    }

    #[test]
    fn a_mistake_in_the_file_is_the_only_finding_and_the_exit_code_says_so() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("rialto.toml");
        std::fs::write(&file, "[listen]\nprot = 1\n").unwrap();
        assert_eq!(run(Some(&file), Listing { json: true }), Exit::BadConfig);
    }

    #[test]
    fn looking_touches_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("rialto.toml");
        std::fs::write(
            &file,
            "[listen]\nstarttls = 0\ntls = 0\n[http]\nport = 0\ntls = 0\n[proxy]\nport = 0\n",
        )
        .unwrap();
        assert_eq!(run(Some(&file), Listing { json: true }), Exit::Done);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}
