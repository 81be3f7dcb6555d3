//! XEP-0133 §4.8–§4.22: what an admin wants to know.

use super::super::desk::FrontDesk;
use super::super::people as closer;
use super::super::protocol::{Answer, Refusal, Why};
use super::Set;
use super::act::{people, single};
use crate::features::command::Stage;
use crate::features::contacts::item_element;
use rialto_xmpp::parts::datetime;
use rialto_xmpp::parts::form::{Field, Form};
use rialto_xmpp::{BareJid, Element, ns};
use std::time::{Duration, UNIX_EPOCH};

/// Addresses in one list.
const MOST: usize = 10_000;

/// §4.8: the roster stands inside the form.
pub(super) fn roster(desk: &FrontDesk, form: &Form) -> Result<Stage, Refusal> {
    let all = people(form)?;
    let [who] = &*all else {
        return Err(Refusal::new(Why::BadRequest, "ask for one account at a time"));
    };
    let jid = desk.users().known(who.bare_str())?;
    let items = closer::roster(desk.router(), &jid)?;
    let item =
        |item: &rialto_store::rosters::Item| Some(item_element(&BareJid::parse(&item.jid).ok()?, item));
    let query = Element::new("query", ns::ROSTER).with_all(items.iter().filter_map(item));
    let told = result().field(Field::many("jid-multi", "accountjids", "Account", [jid.as_str().to_owned()]));
    Ok(Stage::Done { note: None, result: Some(told.to_element().with(query)) })
}

/// §4.9.
pub(super) async fn last_login(desk: &FrontDesk, form: &Form) -> Result<Stage, Refusal> {
    let (mut accounts, mut times) = (Vec::new(), Vec::new());
    for who in people(form)? {
        let found = closer::show(desk.router(), desk.users(), who.bare_str()).await?;
        accounts.push(found.address);
        times.push(found.last_login.map_or_else(|| "never".to_owned(), moment));
    }
    let told =
        result().field(Field::many("jid-multi", "accountjids", "Account", accounts)).field(Field::many(
            if times.len() > 1 { "text-multi" } else { "text-single" },
            "lastlogin",
            "Last login",
            times,
        ));
    Ok(Stage::result(&told))
}

/// §4.10.
pub(super) async fn statistics(desk: &FrontDesk, form: &Form) -> Result<Stage, Refusal> {
    let who = match single(form, "accountjid") {
        who if !who.is_empty() => who,
        _ => people(form)?.first().map_or_else(String::new, |who| who.bare_str().to_owned()),
    };
    let found = closer::show(desk.router(), desk.users(), &who).await?;
    let mut told = result()
        .field(Field::many("jid-single", "accountjid", "Account", [found.address]))
        .field(Field::text("rostersize", "Contacts", found.contacts.to_string()))
        .field(Field::many("text-multi", "onlineresources", "Resources online", found.resources))
        .field(Field::text("offlinemessages", "Messages that wait", found.waiting.to_string()))
        .field(Field::text("created", "Made on", moment(found.created)))
        .field(Field::boolean("disabled", "Disabled", found.disabled));
    if let Some(last) = found.last_login {
        told = told.field(Field::text("lastlogin", "Last login", moment(last)));
    }
    Ok(Stage::result(&told))
}

/// §4.13–§4.17.
pub(super) fn count(desk: &FrontDesk, set: Set) -> Result<Stage, Refusal> {
    let (var, label) = match set {
        Set::Registered => ("registeredusersnum", "The number of registered users"),
        Set::Disabled => ("disabledusersnum", "The number of disabled users"),
        Set::Online => ("onlineusersnum", "The number of online users"),
        Set::Active => ("activeusersnum", "The number of active users"),
        Set::Idle => ("idleusersnum", "The number of idle users"),
    };
    let number = members(desk, set)?.len();
    Ok(Stage::result(&result().field(Field::text(var, label, number.to_string()))))
}

/// §4.18–§4.22.
pub(super) fn list(desk: &FrontDesk, set: Set, form: &Form) -> Result<Stage, Refusal> {
    let (var, label) = match set {
        Set::Registered => ("registereduserjids", "The list of all users"),
        Set::Disabled => ("disableduserjids", "The list of all disabled users"),
        Set::Online => ("onlineuserjids", "The list of all online users"),
        Set::Active => ("activeuserjids", "The list of active users"),
        Set::Idle => ("idleuserjids", "The list of idle users"),
    };
    let most = match form.value("max_items").map(str::trim).filter(|most| !most.is_empty()) {
        None | Some("none") => MOST,
        Some(most) => {
            let most = most.parse::<usize>().ok().filter(|most| *most > 0);
            let bad = || Refusal::new(Why::BadRequest, "the maximum is a number, or none");
            most.ok_or_else(bad)?.min(MOST)
        }
    };
    let mut found = members(desk, set)?;
    found.truncate(most);
    Ok(Stage::result(&result().field(Field::many("jid-multi", var, label, found))))
}

/// Addresses, sorted. Idle (§4.17) is whose every client has said that nobody looks at it (XEP-0352).
fn members(desk: &FrontDesk, set: Set) -> Result<Vec<String>, Refusal> {
    if matches!(set, Set::Registered | Set::Disabled) {
        let Answer::Users(all) = desk.users().list(|_| None)? else { return Ok(Vec::new()) };
        let wanted = all.into_iter().filter(|user| set == Set::Registered || user.disabled);
        return Ok(wanted.map(|user| user.address).collect());
    }
    let sessions = desk.router().accounts.all_sessions();
    let of = |idle: bool| {
        let wanted = sessions.iter().filter(|session| session.outbox.is_inactive() == idle);
        let mut found: Vec<String> = wanted.map(|session| session.jid.bare_str().to_owned()).collect();
        found.sort_unstable();
        found.dedup();
        found
    };
    let (active, idle) = (of(false), of(true));
    Ok(match set {
        Set::Active => active,
        Set::Idle => idle.into_iter().filter(|who| active.binary_search(who).is_err()).collect(),
        _ => {
            let mut all = [active, idle].concat();
            all.sort_unstable();
            all.dedup();
            all
        }
    })
}

fn result() -> Form {
    Form::new("result", ns::ADMIN)
}

fn moment(seconds: u64) -> String {
    datetime::format(UNIX_EPOCH + Duration::from_secs(seconds))
}
