//! XEP-0227 §4.2 – §4.9: one account, into one batch.

use std::collections::BTreeMap;

use rialto_store::accounts::{Credential, Hash};
use rialto_store::rosters::{Item, Rosters, Subscription};
use rialto_store::{Batch, Store, StoreError, blocked, prefs, private, vcard};
use rialto_xmpp::{BareJid, Element, ns};

use super::{Report, archive, keys, pep};
use crate::features::archive::prefs::read as read_prefs;

/// An account that can be written.
pub(super) struct Read {
    pub credentials: BTreeMap<Hash, Credential>,
    pub batch: Batch,
    pub report: Report,
}

/// What an account is written with.
pub(super) struct Into<'a> {
    pub store: &'a Store,
    pub jid: &'a BareJid,
    pub batch: Batch,
    pub report: Report,
}

/// Reads an account.
///
/// # Errors
/// Why it cannot be taken, as a sentence.
pub(super) async fn read(store: &Store, jid: &BareJid, user: &Element) -> Result<Read, String> {
    let report = Report { address: jid.to_string(), ..Report::default() };
    let mut into = Into { store, jid, batch: Batch::new(), report };
    let credentials = keys::read(user, &mut into.report.left_out).await?;
    if credentials.is_empty() {
        let text = "there is no password in the file: `rialto user passwd` gives it one";
        into.report.approximated.push(text.to_owned());
    }
    let failed = |why: StoreError| format!("it cannot be written: {why}");
    contacts(&mut into, user).map_err(failed)?;
    for child in user.children() {
        match (child.name(), child.ns().as_str()) {
            ("vCard", "vcard-temp") => {
                vcard::put(&mut into.batch, jid.as_str(), child.to_xml().as_bytes());
                into.report.counts("vCard", 1);
            }
            ("query", ns::PRIVATE) => private_xml(&mut into, child),
            ("blocklist", ns::BLOCKING) => block(&mut into, child.children()).map_err(failed)?,
            ("query", ns::PRIVACY) => privacy(&mut into, child).map_err(failed)?,
            ("prefs", ns::MAM) => preferences(&mut into, child).map_err(failed)?,
            ("scram-credentials", _) | ("pubsub", _) | ("query", ns::ROSTER) => {}
            ("presence", ns::CLIENT | ns::PIE) | ("archive", ns::PIE_ARCHIVE) | ("offline-messages", _) => {}
            (name, namespace) => into.report.left_out.push(format!("<{name} xmlns='{namespace}'/>")),
        }
    }
    pep::read(&mut into, user).map_err(failed)?;
    archive::read(&mut into, user).map_err(failed)?;
    Ok(Read { credentials, batch: into.batch, report: into.report })
}

/// §4.4, §4.9: the roster, and requests that wait for an answer.
fn contacts(into: &mut Into<'_>, user: &Element) -> Result<(), StoreError> {
    let mut items: BTreeMap<String, Item> = BTreeMap::new();
    let rosters = user.children().filter(|child| child.is("query", ns::ROSTER));
    for element in rosters.flat_map(Element::children).filter(|child| child.is("item", ns::ROSTER)) {
        let written = element.get("jid").unwrap_or_default();
        let Ok(jid) = BareJid::parse(written) else {
            into.report.left_out.push(format!("a contact whose address is none: {}", shortened(written)));
            continue;
        };
        if jid == *into.jid {
            continue;
        }
        let groups = element.children().filter(|child| child.is("group", ns::ROSTER)).map(Element::text);
        let item = Item {
            jid: jid.to_string(),
            name: element.get("name").filter(|name| !name.is_empty()).map(str::to_owned),
            groups: groups.filter(|group| !group.is_empty()).collect(),
            subscription: match element.get("subscription") {
                Some("to") => Subscription::To,
                Some("from") => Subscription::From,
                Some("both") => Subscription::Both,
                _ => Subscription::None,
            },
            ask: element.get("ask") == Some("subscribe"),
            approved: matches!(element.get("approved"), Some("true" | "1")),
            listed: true,
            ..Item::default()
        };
        items.insert(jid.to_string(), item);
    }
    into.report.counts("contacts", items.len());
    let mut requests = 0;
    for presence in user.children().filter(|child| child.name() == "presence") {
        let from = presence.get("from").and_then(|from| rialto_xmpp::Jid::parse(from).ok());
        let (Some(from), Some("subscribe")) = (from, presence.get("type")) else { continue };
        let mut request = presence.clone();
        request.set_ns(ns::CLIENT);
        request.unset("from");
        let jid = from.bare().to_string();
        let item = items.entry(jid.clone()).or_insert_with(|| Item { jid, ..Item::default() });
        item.pending_in = Some(request.to_xml());
        requests += 1;
    }
    into.report.counts("requests", requests);
    let rosters = Rosters::new(into.store);
    for item in items.values() {
        rosters.put(&mut into.batch, into.jid.as_str(), item)?;
    }
    Ok(())
}

/// §4.7
fn private_xml(into: &mut Into<'_>, query: &Element) {
    let mut count = 0;
    for element in query.children() {
        if element.ns().is_empty() || *element.ns() == *ns::PRIVATE {
            into.report.left_out.push("private XML without a namespace of its own".to_owned());
            continue;
        }
        let place = format!("{} {}", element.ns().as_str(), element.name());
        private::put(&mut into.batch, into.jid.as_str(), &place, element.to_xml().as_bytes());
        count += 1;
    }
    into.report.counts("private elements", count);
}

/// XEP-0191.
fn block<'a>(into: &mut Into<'_>, items: impl Iterator<Item = &'a Element>) -> Result<(), StoreError> {
    let mut count = 0;
    for written in items.filter_map(|item| item.get("jid").or_else(|| item.get("value"))) {
        match rialto_xmpp::Jid::parse(written) {
            Ok(jid) => {
                blocked::put(&mut into.batch, into.jid.as_str(), jid.as_str())?;
                count += 1;
            }
            Err(_) => into.report.left_out.push(format!("a block of {}", shortened(written))),
        }
    }
    into.report.counts("blocked addresses", count);
    Ok(())
}

/// §4.8: what the default list of XEP-0016 denies altogether is blocked; the rest has no place here.
fn privacy(into: &mut Into<'_>, query: &Element) -> Result<(), StoreError> {
    let default = query.child("default", ns::PRIVACY).and_then(|default| default.get("name"));
    let mut left_out = 0;
    let mut denied = Vec::new();
    for list in query.children().filter(|child| child.is("list", ns::PRIVACY)) {
        for item in list.children() {
            let whole = item.children().next().is_none() || item.children().count() == 4;
            let denies = (item.get("action"), item.get("type")) == (Some("deny"), Some("jid"));
            match denies && whole && list.get("name") == default {
                true => denied.push(item),
                false => left_out += 1,
            }
        }
    }
    if !denied.is_empty() {
        into.report.approximated.push("what its privacy list denies is blocked".to_owned());
        block(into, denied.into_iter())?;
    }
    if left_out > 0 {
        into.report.left_out.push(format!("{left_out} rules of privacy lists"));
    }
    Ok(())
}

fn preferences(into: &mut Into<'_>, element: &Element) -> Result<(), StoreError> {
    match read_prefs(element) {
        Ok(read) => prefs::put(&mut into.batch, into.jid.as_str(), &read)?,
        Err(_) => into.report.left_out.push("preferences of the archive that say nothing".to_owned()),
    }
    Ok(())
}

/// What others wrote, for an operator's terminal.
pub(super) fn shortened(text: &str) -> String {
    text.chars().take(100).collect()
}
