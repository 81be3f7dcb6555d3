//! XEP-0133 §4: what each command asks before it does anything.

use super::super::community::{Notice, Which};
use super::super::desk::FrontDesk;
use super::super::protocol::{Answer, Command};
use super::super::socket::Desk;
use super::Act;
use rialto_xmpp::parts::form::{Field, Form};
use rialto_xmpp::{Condition, StanzaError, ns};

/// The form of a command; `None`: it needs none.
pub(super) async fn question(desk: &FrontDesk, act: Act) -> Result<Option<Form>, StanzaError> {
    let ask = |title: &str, text: &str| Form::new("form", ns::ADMIN).title(title).instructions(text);
    Ok(Some(match act {
        Act::AddUser => add_user(),
        Act::DeleteUsers => ask("Deleting users", "Accounts go with all that belongs to them.")
            .field(people("The Jabber ID(s) to delete")),
        Act::DisableUsers => {
            ask("Disabling users", "Nobody can log in to these accounts; nothing of them is lost.")
                .field(people("The Jabber ID(s) to disable"))
        }
        Act::ReenableUsers => ask("Re-enabling users", "People can log in to these accounts again.")
            .field(people("The Jabber ID(s) to re-enable")),
        Act::EndSessions => {
            ask("Ending sessions", "A full Jabber ID ends one session, a bare one all of an account.")
                .field(people("The Jabber ID(s) for which to end sessions"))
        }
        Act::ChangePassword => ask("Changing a password", "Whoever is logged in must log in again.")
            .field(person("The Jabber ID for this account").required())
            .field(secret("password", "The password for this account").required()),
        Act::Roster => ask("Getting a roster", "One account at a time.")
            .field(people("The Jabber ID(s) for which to retrieve the roster")),
        Act::LastLogin => ask("Getting the last login", "When somebody logged in to these accounts last.")
            .field(people("The Jabber ID(s) for which to retrieve the last login time")),
        // The specification asks for one, and clients are known that name several.
        Act::Statistics => ask("Getting statistics", "Name one account, in one of the fields.")
            .field(person("The Jabber ID for statistics"))
            .field(several("The Jabber ID(s) for statistics")),
        Act::List(_) => ask("Getting a list", "As many as you want to see at most.").field(at_most()),
        Act::Announce => ask("Making an announcement", "Everybody who is online gets it.")
            .field(lines("announcement", "Announcement", "").required()),
        Act::SetMotd => ask("Setting the message of the day", "Everybody who comes gets it, once.")
            .field(lines("motd", "Message of the Day", "").required()),
        Act::EditMotd => {
            ask("Editing the message of the day", "Those who have seen the old one get the new one too.")
                .field(lines("motd", "Message of the Day", &now(desk, Which::Motd).await?).required())
        }
        Act::SetWelcome => ask("Setting the welcome message", "Every new account gets it.")
            .field(lines("welcome", "Welcome Message", &now(desk, Which::Welcome).await?).required()),
        Act::Restart => ask("Restarting the service", "Everybody is cut off for a moment.")
            .field(delay("Time delay before restarting"))
            .field(lines("announcement", "Announcement", "")),
        Act::Shutdown => {
            ask("Shutting down the service", "Nobody can come in until somebody starts it again.")
                .field(delay("Time delay before shutting down"))
                .field(lines("announcement", "Announcement", ""))
        }
        Act::Count(_) | Act::DeleteMotd | Act::DeleteWelcome => return Ok(None),
    }))
}

fn add_user() -> Form {
    let plain = |var: &str, label: &str| Field::many("text-single", var, label, []);
    Form::new("form", ns::ADMIN)
        .title("Adding a user")
        .instructions("The account can be used at once.")
        .field(person("The Jabber ID for the account to be added").required())
        .field(secret("password", "The password for this account"))
        .field(secret("password-verify", "Retype password"))
        .field(plain("email", "Email address"))
        .field(plain("given_name", "Given name"))
        .field(plain("surname", "Family name"))
}

fn person(label: &str) -> Field {
    Field::many("jid-single", "accountjid", label, [])
}

fn several(label: &str) -> Field {
    Field::many("jid-multi", "accountjids", label, [])
}

fn people(label: &str) -> Field {
    several(label).required()
}

fn secret(var: &str, label: &str) -> Field {
    Field::many("text-private", var, label, [])
}

/// Each line is a value (XEP-0004 §3.3).
fn lines(var: &str, label: &str, text: &str) -> Field {
    Field::many("text-multi", var, label, text.lines().map(str::to_owned))
}

fn at_most() -> Field {
    let numbers =
        ["25", "50", "75", "100", "150", "200"].map(|number| (number.to_owned(), number.to_owned()));
    let all = [("None".to_owned(), "none".to_owned())];
    let options = numbers.into_iter().chain(all);
    let mut field = Field::list("max_items", "Maximum number of items to show", "", options);
    field.values.clear();
    field
}

fn delay(label: &str) -> Field {
    let choices = [
        ("30 seconds", "30"),
        ("60 seconds", "60"),
        ("90 seconds", "90"),
        ("2 minutes", "120"),
        ("5 minutes", "300"),
    ];
    let options = choices.map(|(label, value)| (label.to_owned(), value.to_owned()));
    Field::list("delay", label, "30", options)
}

/// What a notice says now.
async fn now(desk: &FrontDesk, which: Which) -> Result<String, StanzaError> {
    match desk.carry_out(Command::Notice(Notice::Show { which })).await {
        Ok(Answer::Notice(text)) => Ok(text.unwrap_or_default()),
        _ => Err(Condition::InternalServerError.into()),
    }
}
