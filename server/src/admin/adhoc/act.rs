//! XEP-0133 §4: what each command does with the form that came back: it asks the desk, as the command line would.

use super::super::community::{Notice, Which};
use super::super::desk::{FrontDesk, Wish};
use super::super::protocol::{Answer, Command, Refusal};
use super::super::socket::Desk;
use super::{Act, look};
use crate::features::command::Stage;
use rialto_xmpp::parts::form::Form;
use rialto_xmpp::{Jid, StanzaError};
use std::time::Duration;

/// Accounts of one form.
pub(super) const AT_ONCE: usize = 1000;

/// The longest delay before a restart or the end.
const LONGEST: u64 = 3600;

/// Does it.
pub(super) async fn carry_out(desk: &FrontDesk, act: Act, form: &Form) -> Result<Stage, StanzaError> {
    let done = match act {
        Act::AddUser => add(desk, form).await,
        Act::ChangePassword => {
            let address = single(form, "accountjid");
            let password = form.value("password").unwrap_or_default().to_owned();
            one(desk, Command::UserPasswd { address, password }).await
        }
        Act::DeleteUsers => {
            each(desk, form, |who| Command::UserRemove { address: who.bare_str().into() }).await
        }
        Act::DisableUsers => {
            each(desk, form, |who| Command::UserDisable { address: who.bare_str().into(), enable: false })
                .await
        }
        Act::ReenableUsers => {
            each(desk, form, |who| Command::UserDisable { address: who.bare_str().into(), enable: true })
                .await
        }
        Act::EndSessions => each(desk, form, |who| Command::UserKick { address: who.as_str().into() }).await,
        Act::Roster => look::roster(desk, form),
        Act::LastLogin => look::last_login(desk, form).await,
        Act::Statistics => look::statistics(desk, form).await,
        Act::Count(set) => look::count(desk, set),
        Act::List(set) => look::list(desk, set, form),
        Act::Announce => {
            one(desk, Command::Notice(Notice::Announce { text: text(form, "announcement") })).await
        }
        Act::SetMotd | Act::EditMotd => set(desk, Which::Motd, Some(text(form, "motd"))).await,
        Act::DeleteMotd => set(desk, Which::Motd, None).await,
        Act::SetWelcome => set(desk, Which::Welcome, Some(text(form, "welcome"))).await,
        Act::DeleteWelcome => set(desk, Which::Welcome, None).await,
        Act::Restart => go(desk, form, Wish::Restart).await,
        Act::Shutdown => go(desk, form, Wish::Stop).await,
    };
    Ok(done.unwrap_or_else(|refused| Stage::refused(sentence(&refused.text))))
}

/// What a form names as one person.
pub(super) fn single(form: &Form, var: &str) -> String {
    form.value(var).map(str::trim).unwrap_or_default().to_owned()
}

/// The people of a form, each once.
pub(super) fn people(form: &Form) -> Result<Vec<Jid>, Refusal> {
    let bad = |text: String| Refusal::new(super::super::protocol::Why::BadRequest, text);
    let mut found: Vec<Jid> = Vec::new();
    let values = form.get("accountjids").into_iter().flat_map(|field| &field.values);
    for value in values.map(|value| value.trim()).filter(|value| !value.is_empty()) {
        let jid = Jid::parse(value).map_err(|why| bad(format!("\"{value}\" is no address: {why}")))?;
        if !found.contains(&jid) {
            found.push(jid);
        }
    }
    match found.len() {
        0 => Err(bad("name at least one account".to_owned())),
        1..=AT_ONCE => Ok(found),
        _ => Err(bad(format!("that are more than {AT_ONCE} accounts at once"))),
    }
}

async fn one(desk: &FrontDesk, command: Command) -> Result<Stage, Refusal> {
    match desk.carry_out(command).await? {
        Answer::Ok { remark: Some(remark) } => Ok(Stage::told(remark)),
        _ => Ok(Stage::told("Done.")),
    }
}

/// §4.1. The password is wanted twice only where it is given twice.
async fn add(desk: &FrontDesk, form: &Form) -> Result<Stage, Refusal> {
    let bad = |text: &str| Refusal::new(super::super::protocol::Why::BadRequest, text);
    let password = form.value("password").unwrap_or_default();
    if form.value("password-verify").is_some_and(|again| again != password) {
        return Err(bad("these were two different passwords: nobody was added"));
    }
    let address = form.value("accountjid").map(str::trim).unwrap_or_default().to_owned();
    one(desk, Command::UserAdd { address, password: password.to_owned(), reuse: false }).await
}

/// One command for each person; what was refused is told, the rest is done.
async fn each(desk: &FrontDesk, form: &Form, command: impl Fn(&Jid) -> Command) -> Result<Stage, Refusal> {
    let people = people(form)?;
    let mut refused = Vec::new();
    for who in &people {
        if let Err(why) = desk.carry_out(command(who)).await {
            refused.push(why.text);
        }
    }
    match refused.is_empty() {
        true => Ok(Stage::told("Done.")),
        false => Ok(Stage::refused(sentence(&refused.join("; ")))),
    }
}

async fn set(desk: &FrontDesk, which: Which, text: Option<String>) -> Result<Stage, Refusal> {
    one(desk, Command::Notice(Notice::Set { which, text })).await
}

/// §4.30, §4.31.
async fn go(desk: &FrontDesk, form: &Form, wish: Wish) -> Result<Stage, Refusal> {
    let bad = |text: String| Refusal::new(super::super::protocol::Why::BadRequest, text);
    let seconds = form.value("delay").map(str::trim).filter(|delay| !delay.is_empty()).unwrap_or("0");
    let delay = seconds.parse().ok().filter(|delay| *delay <= LONGEST);
    let delay = delay.ok_or_else(|| bad(format!("a delay is a number of seconds, up to {LONGEST}")))?;
    let announcement = text(form, "announcement");
    if !announcement.trim().is_empty() {
        desk.carry_out(Command::Notice(Notice::Announce { text: announcement })).await?;
    }
    desk.wish_later(wish, Duration::from_secs(delay));
    Ok(Stage::told(format!("In {delay} seconds.")))
}

/// The lines of a text.
fn text(form: &Form, var: &str) -> String {
    form.get(var).map(|field| field.values.join("\n")).unwrap_or_default()
}

/// With a capital, and an end.
fn sentence(text: &str) -> String {
    let mut letters = text.trim_end_matches('.').chars();
    let begun =
        letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect());
    format!("{begun}.")
}
