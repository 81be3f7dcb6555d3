//! XEP-0377: Blocking Command Reports.
//!
//! What a user reports of somebody whom he blocks is kept for the operator, with the messages that it names as far as
//! the user's own archive has them, and the admins are told. Whatever is wrong with a report, the block stands (§6).

use std::collections::HashMap;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use parking_lot::Mutex;
use rialto_store::Store;
use rialto_store::archive::{Archive, Id};
use rialto_store::reports::{Report, Reports};
use rialto_xmpp::{BareJid, Element, Jid, Message, MessageKind, ns};

use crate::features::Left;
use crate::features::blocked::{List, covers};
use crate::sessions::Account;

/// Reports of one person in an hour. Overflow: the rest is not kept.
const PER_HOUR: usize = 10;
/// People whose reports are counted at the same time. Overflow: nobody else's are kept until the hour is over.
const REPORTERS: usize = 10_000;
const HOUR: Duration = Duration::from_secs(3600);
/// Bytes of the reporter's words.
const TEXT: usize = 2048;
/// Bytes of a reason that XEP-0377 does not know, and of what names a message.
const NAME: usize = 256;
/// Messages of one report.
const MESSAGES: usize = 10;
/// Bytes of one message.
const MESSAGE: usize = 8192;

/// Keeps reports and tells the admins.
pub(super) struct Reporting {
    reports: Reports,
    archive: Archive,
    admins: Vec<BareJid>,
    counted: Mutex<HashMap<BareJid, (Instant, usize)>>,
}

impl Reporting {
    /// Keeps them here.
    pub(super) fn new(store: &Store, admins: &[BareJid]) -> Reporting {
        let (reports, archive) = (Reports::new(store), Archive::new(store));
        Reporting { reports, archive, admins: admins.to_vec(), counted: Mutex::default() }
    }

    /// Takes the reports of a `<block/>` that was carried out.
    pub(super) async fn take(&self, account: &Account, block: &Element, left: &mut Left) {
        for item in block.children().filter(|child| child.is("item", ns::BLOCKING)) {
            let jid = item.get("jid").and_then(|jid| Jid::parse(jid).ok());
            let Some((reported, mut report)) = jid.zip(read(item)) else { continue };
            if !self.may_report(&account.jid) {
                tracing::info!(reporter = %account.jid, "more reports in an hour than are kept");
                return;
            }
            report.at = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
            report.reporter = account.jid.as_str().to_owned();
            report.reported = reported.as_str().to_owned();
            report.messages = self.messages(account, &reported, &report.ids).await;
            match self.reports.add(&report) {
                Ok((number, ticket)) => {
                    left.wrote(ticket);
                    self.tell(account, number, &report, left);
                }
                Err(error) => tracing::error!(%error, "a report could not be kept"),
            }
        }
    }

    fn may_report(&self, who: &BareJid) -> bool {
        let mut counted = self.counted.lock();
        if counted.len() >= REPORTERS {
            counted.retain(|_, (since, _)| since.elapsed() < HOUR);
        }
        if counted.len() >= REPORTERS && !counted.contains_key(who) {
            return false;
        }
        let (since, count) = counted.entry(who.clone()).or_insert_with(|| (Instant::now(), 0));
        if since.elapsed() >= HOUR {
            (*since, *count) = (Instant::now(), 0);
        }
        *count += 1;
        *count <= PER_HOUR
    }

    /// §6: what the user's archive holds under these ids, if it is of whom he reports.
    async fn messages(&self, account: &Account, reported: &Jid, ids: &[(String, String)]) -> Vec<String> {
        let listed = List::from([reported.as_str().to_owned()]);
        let mut found = Vec::new();
        for (_, id) in ids.iter().filter(|(by, _)| by == account.jid.as_str()) {
            let Ok(id) = id.parse::<Id>() else { continue };
            let Ok(Some(entry)) = self.archive.get(account.jid.as_str(), id).await else { continue };
            let of_them = Jid::parse(entry.with()).is_ok_and(|with| covers(&listed, &account.jid, &with));
            let stanza = entry.stanza();
            if of_them && stanza.len() <= MESSAGE {
                found.push(String::from_utf8_lossy(&stanza).into_owned());
            }
        }
        found
    }

    fn tell(&self, account: &Account, number: u64, report: &Report, left: &mut Left) {
        let Ok(server) = Jid::parse(account.jid.domainpart()) else { return };
        let words = if report.text.is_empty() { String::new() } else { format!("\n“{}”", report.text) };
        let text = format!(
            "{} has blocked {} and reports: {}.{words}\nMore: rialto report show {number}",
            report.reporter, report.reported, report.reason
        );
        for admin in &self.admins {
            let message = Message::new(MessageKind::Normal, &server, admin.as_jid());
            left.route(message.with(Element::new("body", ns::CLIENT).with_text(text.as_str())));
        }
    }
}

/// §4, §5: the report of an item, if there is one that gives a reason.
fn read(item: &Element) -> Option<Report> {
    let new = item.child("report", ns::REPORTING);
    let report = new.or_else(|| item.child("report", ns::REPORTING_OLD))?;
    let reason = match new {
        Some(report) => match report.get("reason")? {
            ns::REPORTING_SPAM => "spam",
            ns::REPORTING_ABUSE => "abuse",
            other => cut(other, NAME),
        },
        // Up to 0.2 the reason was a child.
        None => {
            ["spam", "abuse"].into_iter().find(|name| report.has(name, ns::REPORTING_OLD)).unwrap_or("other")
        }
    };
    let ns = report.ns().as_str();
    let ids = report.children().filter(|child| child.is("stanza-id", ns::SID)).filter_map(|id| {
        let (by, id) = (id.get("by")?, id.get("id")?);
        (by.len() <= NAME && id.len() <= NAME).then(|| (by.to_owned(), id.to_owned()))
    });
    Some(Report {
        reason: reason.to_owned(),
        text: cut(report.child_text("text", ns).unwrap_or_default().trim(), TEXT).to_owned(),
        ids: ids.take(MESSAGES).collect(),
        report_origin: report.has("report-origin", ns),
        third_party: report.has("third-party", ns),
        ..Report::default()
    })
}

/// At most so many bytes of a text.
fn cut(text: &str, bytes: usize) -> &str {
    text.get(..text.floor_char_boundary(bytes)).unwrap_or(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rialto_xmpp::parse;

    fn of(inside: &str) -> Option<Report> {
        let xml = format!("<item xmlns='urn:xmpp:blocking' jid='tybalt@localhost'>{inside}</item>");
        read(&parse::standalone(&xml).unwrap())
    }

    #[test]
    fn a_report_of_both_versions_is_read() {
        let report =
            of("<report xmlns='urn:xmpp:reporting:1' reason='urn:xmpp:reporting:spam'><third-party/>\
                         <stanza-id xmlns='urn:xmpp:sid:0' by='juliet@localhost' id='1'/>\
                         <text xml:lang='en'> Never came trouble. </text></report>");
        let report = report.unwrap();
        assert_eq!((report.reason.as_str(), report.text.as_str()), ("spam", "Never came trouble."));
        assert_eq!(report.ids, [("juliet@localhost".to_owned(), "1".to_owned())]);
        assert!(report.third_party && !report.report_origin);
        let old = of("<report xmlns='urn:xmpp:reporting:0'><abuse/><text>He bites.</text></report>").unwrap();
        assert_eq!((old.reason.as_str(), old.text.as_str()), ("abuse", "He bites."));
    }

    #[test]
    fn a_report_without_a_reason_is_none_and_a_long_one_is_cut() {
        assert_eq!(of("<report xmlns='urn:xmpp:reporting:1'/>"), None);
        assert_eq!(of(""), None);
        let long = "é".repeat(5000);
        let report =
            of(&format!("<report xmlns='urn:xmpp:reporting:1' reason='{long}'><text>{long}</text></report>"));
        let report = report.unwrap();
        assert_eq!((report.reason.len(), report.text.len()), (NAME, TEXT));
    }

    #[test]
    fn so_many_an_hour_and_no_more() {
        let reporting = Reporting::new(&Store::memory(), &[]);
        let jid = |name: &str| BareJid::parse(name).unwrap();
        let kept = (0..PER_HOUR + 5).filter(|_| reporting.may_report(&jid("juliet@localhost"))).count();
        assert_eq!((kept, reporting.may_report(&jid("romeo@localhost"))), (PER_HOUR, true));
    }
}
