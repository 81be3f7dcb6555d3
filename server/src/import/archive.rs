//! XEP-0227 §4.6, §4.11: what waits for an account, and its archive (XEP-0313).

use std::time::{SystemTime, UNIX_EPOCH};

use rialto_store::StoreError;
use rialto_store::archive::{Archive, Draft, Flags, Id};
use rialto_xmpp::parts::datetime;
use rialto_xmpp::{Element, Message, MessageKind, Stanza, ns};

use super::user::Into;

/// Reads what was said.
pub(super) fn read(into: &mut Into<'_>, user: &Element) -> Result<(), StoreError> {
    let archive = Archive::new(into.store);
    let mut entries: Vec<(Id, Message)> = Vec::new();
    let mut odd = 0;
    let archived = user.children().filter(|child| child.is("archive", ns::PIE_ARCHIVE));
    for result in archived.flat_map(Element::children) {
        match entry(result) {
            Some(found) => entries.push(found),
            None => odd += 1,
        }
    }
    // Entries lie in the order of their ids, and each has its own.
    entries.sort_by_key(|(id, _)| *id);
    let mut last: Option<Id> = None;
    let count = entries.len();
    for (id, message) in entries {
        let id = match last {
            Some(before) if id <= before => Id::first_at(before.at() + 1),
            _ => id,
        };
        last = Some(id);
        put(into, &archive, id, message, Flags::NONE);
    }
    into.report.counts("archived messages", count);
    if odd > 0 {
        into.report.left_out.push(format!("{odd} entries of the archive without a time or a message"));
    }
    let mut waiting = 0;
    let kept = user.children().filter(|child| child.name() == "offline-messages");
    for element in kept.flat_map(Element::children) {
        let Some(mut message) = message(element) else { continue };
        // What waited says since when, XEP-0203.
        if message.payload("delay", ns::DELAY).is_none() {
            let stamp = datetime::format(SystemTime::now());
            message.payloads.push(Element::new("delay", ns::DELAY).attr("stamp", stamp));
        }
        put(into, &archive, archive.next_id(), message, Flags::OFFLINE | Flags::HIDDEN);
        waiting += 1;
    }
    into.report.counts("offline messages", waiting);
    Ok(())
}

/// An entry with its id: ours, or one made of the time.
fn entry(result: &Element) -> Option<(Id, Message)> {
    let forwarded = result.child("forwarded", ns::FORWARD)?;
    let stamp = forwarded.child("delay", ns::DELAY)?.get("stamp")?;
    let at = datetime::parse(stamp)?.duration_since(UNIX_EPOCH).ok()?;
    let now = SystemTime::now().duration_since(UNIX_EPOCH).ok()?;
    let at = u64::try_from(at.min(now).as_micros()).ok()?;
    let own = result.get("id").and_then(|id| id.parse::<Id>().ok());
    // The time is written without its last digits.
    let own = own.filter(|own| own.at().abs_diff(at) <= 1_000_000);
    let message = message(forwarded.children().find(|child| child.name() == "message")?)?;
    Some((own.unwrap_or_else(|| Id::first_at(at)), message))
}

fn message(element: &Element) -> Option<Message> {
    let mut element = element.clone();
    if element.ns().is_empty() || *element.ns() == *ns::PIE {
        element.set_ns(ns::CLIENT);
    }
    match Stanza::read(element) {
        Ok(Stanza::Message(message)) => Some(message),
        _ => None,
    }
}

fn put(into: &mut Into<'_>, archive: &Archive, id: Id, message: Message, flags: Flags) {
    let head = &message.head;
    let own = into.jid.as_str();
    let sent = head.from.as_ref().is_none_or(|from| from.bare_str() == own);
    let other = if sent { head.to.as_ref() } else { head.from.as_ref() };
    let with = other.map_or_else(|| own.to_owned(), ToString::to_string);
    let mut flags = flags;
    if sent {
        flags = flags | Flags::SENT;
    }
    if message.kind == MessageKind::Groupchat {
        flags = flags | Flags::GROUPCHAT;
    }
    let stanza = Stanza::Message(message).to_stored();
    archive.set(&mut into.batch, own, id, &Draft { with: &with, flags, stanza: &stanza });
}
