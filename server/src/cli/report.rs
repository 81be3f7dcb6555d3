//! `rialto report`: by the running server.

use super::args::Report;
use super::show::{self, Column};
use super::{Exit, Sorry, ask, remark};
use crate::admin::{self, Answer, Command};
use crate::config::Config;

/// Carries out a command about reports.
pub(super) fn run(config: &Config, command: Report) -> Result<Exit, Sorry> {
    match command {
        Report::List(listing) => {
            let reports = reports(config, Command::ReportList)?;
            if reports.is_empty() && !listing.json {
                say!("No reports.");
                return Ok(Exit::Done);
            }
            let columns: [Column<admin::Report>; 6] = [
                Column("number", |report| report.number.to_string()),
                Column("day", |report| show::day(report.at)),
                Column("about", |report| report.reported.clone()),
                Column("reason", |report| report.reason.clone()),
                Column("by", |report| report.reporter.clone()),
                Column("in words", |report| report.text.chars().take(40).collect()),
            ];
            show::list(&reports, listing, &columns)
        }
        Report::Show { number, listing } => {
            let reports = reports(config, Command::ReportShow { number })?;
            let Some(report) = reports.first() else { return Ok(Exit::Failed) };
            if listing.json {
                return show::json(report);
            }
            whole(report);
            Ok(Exit::Done)
        }
        Report::Remove { number } => {
            let answer = ask(config, Command::ReportRemove { number })?;
            remark(&answer, &format!("Report {number} is gone."))
        }
    }
}

fn reports(config: &Config, command: Command) -> Result<Vec<admin::Report>, Sorry> {
    match ask(config, command)? {
        Answer::Reports(reports) => Ok(reports),
        _ => Err(Sorry::failed("the server answered something else")),
    }
}

/// All of a report; what others wrote must not move the cursor.
fn whole(report: &admin::Report) {
    let line = |name: &str, text: &str| say!("{name:10}{}", show::harmless(text));
    say!("Report {}, {}", report.number, show::day(report.at));
    line("about", &report.reported);
    line("reason", &report.reason);
    line("by", &report.reporter);
    if !report.text.is_empty() {
        line("in words", &report.text);
    }
    let agrees =
        [(report.report_origin, "the server of whom it is about"), (report.third_party, "third parties")];
    let agrees: Vec<&str> = agrees.into_iter().filter(|(yes, _)| *yes).map(|(_, whom)| whom).collect();
    if !agrees.is_empty() {
        line("may tell", &agrees.join(", "));
    }
    for message in &report.messages {
        line("message", message);
    }
    let elsewhere = report.ids.len().saturating_sub(report.messages.len());
    if elsewhere > 0 {
        say!("It names {elsewhere} more messages, which are not in the archive of {}.", report.reporter);
    }
}
