//! XEP-0227 §4.2 – §4.9: one account.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use rialto_store::accounts::{Account, Accounts, Hash};
use rialto_store::prefs;
use rialto_store::rosters::{Item, Rosters};
use rialto_store::{Store, blocked, private, vcard};
use rialto_xmpp::{BareJid, Element, ns, parse};

use super::paper::Paper;
use super::{ExportError, Reader, archive, pep};
use crate::features::archive::prefs::shown;
use crate::features::contacts::{is_shown, item_element};

/// Writes an account; `false`: there is none.
pub(super) fn write(
    store: &Store,
    jid: &BareJid,
    reader: Reader,
    paper: &mut Paper<'_>,
) -> Result<bool, ExportError> {
    let Some(account) = Accounts::new(store).get(jid.as_str())? else { return Ok(false) };
    paper.open("user", ns::PIE, ns::PIE, &[("name", jid.localpart().unwrap_or_default())])?;
    if reader == Reader::Operator {
        for keys in credentials(&account) {
            paper.element(&keys, ns::PIE)?;
        }
    }
    contacts(store, jid, paper)?;
    if let Some(card) = vcard::get(store, jid.as_str())? {
        paper.element(&kept(jid, &card, "the vCard")?, ns::PIE)?;
    }
    let elements = private::load(store, jid.as_str())?;
    if !elements.is_empty() {
        paper.open("query", ns::PRIVATE, ns::PIE, &[])?;
        for xml in elements {
            paper.element(&kept(jid, &xml, "private XML")?, ns::PRIVATE)?;
        }
        paper.close("query")?;
    }
    pep::write(store, jid, paper)?;
    let blocked = blocked::load(store, jid.as_str())?;
    if !blocked.is_empty() {
        let items = blocked.iter().map(|jid| Element::new("item", ns::BLOCKING).attr("jid", jid));
        paper.element(&Element::new("blocklist", ns::BLOCKING).with_all(items), ns::PIE)?;
    }
    if let Some(prefs) = prefs::load(store, jid.as_str())? {
        paper.element(&shown(&prefs), ns::PIE)?;
    }
    archive::write(store, jid, paper)?;
    paper.close("user")?;
    Ok(true)
}

/// §4.3: what checks the password.
fn credentials(account: &Account) -> impl Iterator<Item = Element> {
    account.credentials.iter().map(|(hash, keys)| {
        let mechanism = match hash {
            Hash::Sha1 => "SCRAM-SHA-1",
            Hash::Sha256 => "SCRAM-SHA-256",
            Hash::Sha512 => "SCRAM-SHA-512",
        };
        let part = |name: &'static str, text: String| Element::new(name, ns::PIE_SCRAM).with_text(text);
        Element::new("scram-credentials", ns::PIE_SCRAM)
            .attr("mechanism", mechanism)
            .with(part("iter-count", keys.iterations.to_string()))
            .with(part("salt", BASE64_STANDARD.encode(&keys.salt)))
            .with(part("server-key", BASE64_STANDARD.encode(&keys.server_key)))
            .with(part("stored-key", BASE64_STANDARD.encode(&keys.stored_key)))
    })
}

/// §4.4 and §4.9: the roster, and requests that wait for an answer.
fn contacts(store: &Store, jid: &BareJid, paper: &mut Paper<'_>) -> Result<(), ExportError> {
    let items = Rosters::new(store).load(jid.as_str())?.items;
    let shown = |item: &Item| Some(item_element(&BareJid::parse(&item.jid).ok()?, item));
    let shown = items.iter().filter(|item| is_shown(item)).filter_map(shown);
    paper.element(&Element::new("query", ns::ROSTER).with_all(shown), ns::PIE)?;
    for (item, request) in items.iter().filter_map(|item| Some((item, item.pending_in.as_ref()?))) {
        let mut request = kept(jid, request.as_bytes(), "a request for presence")?;
        if request.ns().is_empty() {
            request.set_ns(ns::CLIENT);
        }
        request.set("from", item.jid.as_str());
        paper.element(&request, ns::PIE)?;
    }
    Ok(())
}

/// An element as it is kept.
pub(super) fn kept(jid: &BareJid, xml: &[u8], what: &'static str) -> Result<Element, ExportError> {
    let read = std::str::from_utf8(xml).ok().and_then(|xml| parse::standalone(xml).ok());
    read.ok_or_else(|| ExportError::Damaged(jid.clone(), what))
}
