//! What an operator does with reports (XEP-0377).

use super::protocol::{Answer, Refusal, Report, Why};
use super::users::failed;
use rialto_store::reports::{self, Reports};

/// All reports; what they are about is left out.
///
/// # Errors
/// [`Refusal`].
pub fn list(reports: &Reports) -> Result<Answer, Refusal> {
    let all = reports.list().map_err(|why| failed(&why))?;
    let short = |(number, report)| Report { messages: Vec::new(), ids: Vec::new(), ..shown(number, report) };
    Ok(Answer::Reports(all.into_iter().map(short).collect()))
}

/// One report, whole.
///
/// # Errors
/// [`Refusal`].
pub fn show(reports: &Reports, number: u64) -> Result<Answer, Refusal> {
    match reports.get(number) {
        Ok(Some(report)) => Ok(Answer::Reports(vec![shown(number, report)])),
        Ok(None) => Err(none(number)),
        Err(why) => Err(failed(&why)),
    }
}

/// Forgets a report.
///
/// # Errors
/// [`Refusal`].
pub async fn remove(reports: &Reports, number: u64) -> Result<Answer, Refusal> {
    match reports.remove(number).await {
        Ok(true) => Ok(Answer::OK),
        Ok(false) => Err(none(number)),
        Err(why) => Err(failed(&why)),
    }
}

fn none(number: u64) -> Refusal {
    Refusal::new(Why::NotFound, format!("there is no report {number}; `rialto report list` shows all"))
}

fn shown(number: u64, report: reports::Report) -> Report {
    let reports::Report { at, reporter, reported, reason, text, ids, messages, report_origin, third_party } =
        report;
    Report { number, at, reporter, reported, reason, text, messages, ids, report_origin, third_party }
}
