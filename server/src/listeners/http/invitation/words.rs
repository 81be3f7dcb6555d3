//! What the page of an invitation says. Everything that somebody chose is escaped here.

use std::time::{Duration, UNIX_EPOCH};

use rialto_store::invites::Invite;
use rialto_xmpp::parts::datetime;

use super::super::html::{escaped, page};
use crate::invites;

/// The clients to take.
const CLIENTS: [(&str, &str, &str); 5] = [
    ("Conversations", "https://conversations.im/", "Android"),
    ("Monal", "https://monal-im.org/", "iPhone, iPad and Mac"),
    ("Gajim", "https://gajim.org/", "Windows, Mac and Linux"),
    ("Dino", "https://dino.im/", "Linux"),
    ("Converse", "https://conversejs.org/", "the browser"),
];

/// A form for an account, as it is shown.
pub struct Shown<'a> {
    /// Its seal.
    pub seal: &'a str,
    /// The name, as it was filled in before.
    pub name: &'a str,
    /// What was wrong.
    pub wrong: Option<&'a str>,
}

/// The page of an invitation. Without a form it says why there is none, if it is for an account.
pub fn invitation(invite: &Invite, token: &str, form: Option<&Shown<'_>>) -> String {
    let domain = escaped(&invite.domain);
    let title = title(invite);
    let mut body = format!("<h1>{}</h1>", escaped(&title));
    if let Some(wrong) = form.and_then(|form| form.wrong) {
        body += &format!("<p class=\"wrong\" role=\"alert\"><strong>{}</strong></p>", escaped(wrong));
    }
    if invite.account {
        body += &format!(
            "<p>{domain} is a chat server. You get an address there, for which you need an app.</p>"
        );
    }
    body += &gains(invite);
    let uri = escaped(&invites::uri(invite, token));
    body += &format!(
        "<h2>With an app</h2><ol><li>Take an app:{}</li>\
         <li>Open this link with it: <a href=\"{uri}\">{uri}</a></li></ol>",
        clients()
    );
    match form {
        Some(form) => body += &fields(invite, form),
        None if invite.account => {
            body += "<p>To make the account on this page, open it with <code>https:</code>: a password must not \
                     travel where others can read it.</p>";
        }
        None => {}
    }
    body += &format!("<p>The invitation is good until {}.</p>", until(invite.expires));
    page(&title, &body)
}

/// The account was made.
pub fn made(invite: &Invite, jid: &str) -> String {
    let jid = escaped(jid);
    let contact = match invite.inviter.as_deref().filter(|_| invite.contact) {
        Some(inviter) => format!("<p><code>{}</code> is among your contacts already.</p>", escaped(inviter)),
        None => String::new(),
    };
    let body = format!(
        "<h1>Your account is there</h1><p>Your address is <code>{jid}</code>. Keep your password: nobody can tell it to \
         you.</p><ol><li>Take an app:{}</li><li>Say there that you have an account, and type your address and your \
         password.</li></ol>{contact}",
        clients()
    );
    page("Your account is there", &body)
}

/// The same for an invitation that never was, is over, or was used.
pub fn nothing() -> String {
    page(
        "No such invitation",
        "<h1>No such invitation</h1><p>This invitation is not good, or not any more: it has ended, or was used. Look \
         whether the link is whole, or ask for a new one.</p><p>If you have just made your account with it, the account \
         is there: log in with an app.</p>",
    )
}

/// Something else is wrong.
pub fn sorry(text: &str) -> String {
    page("That did not work", &format!("<h1>That did not work</h1><p>{}</p>", escaped(text)))
}

fn title(invite: &Invite) -> String {
    match (invite.inviter.as_deref(), invite.account) {
        (Some(inviter), true) => format!("{inviter} invites you to {}", invite.domain),
        (Some(inviter), false) => format!("{inviter} wants to chat with you"),
        (None, _) => format!("You are invited to {}", invite.domain),
    }
}

/// What comes with the invitation.
fn gains(invite: &Invite) -> String {
    let mut gains = String::new();
    if let Some(reserved) = &invite.reserved {
        gains += &format!("<li>The address <code>{}</code> is kept for you.</li>", escaped(reserved));
    }
    if let Some(inviter) = invite.inviter.as_deref().filter(|_| invite.contact) {
        gains += &format!("<li><code>{}</code> becomes your contact at once.</li>", escaped(inviter));
    }
    if let Some(circle) = invite.circle.as_deref().filter(|_| invite.account) {
        gains += &format!(
            "<li>You come into the circle <code>{}</code>; all who are in it become your contacts.</li>",
            escaped(circle)
        );
    }
    if gains.is_empty() { gains } else { format!("<ul>{gains}</ul>") }
}

fn clients() -> String {
    let each = CLIENTS.map(|(name, url, on)| format!("<li><a href=\"{url}\">{name}</a> for {on}</li>"));
    format!("<ul>{}</ul>", each.concat())
}

/// HTML §4.10. Where the name is kept for somebody, he cannot change it.
fn fields(invite: &Invite, form: &Shown<'_>) -> String {
    let kept = invite.reserved.as_deref().and_then(|jid| jid.split('@').next());
    let (name, fixed) = (escaped(kept.unwrap_or(form.name)), if kept.is_some() { " readonly" } else { "" });
    let (seal, domain) = (escaped(form.seal), escaped(&invite.domain));
    format!(
        "<h2>Or on this page</h2><form method=\"post\" accept-charset=\"utf-8\">\
         <input type=\"hidden\" name=\"seal\" value=\"{seal}\">\
         <label>Name: <input name=\"name\" value=\"{name}\" required maxlength=\"200\" autocomplete=\"username\" \
         autocapitalize=\"none\" spellcheck=\"false\"{fixed}> @{domain}</label>\
         <label>Password: <input type=\"password\" name=\"password\" required autocomplete=\"new-password\"></label>\
         <label>The password again: <input type=\"password\" name=\"again\" required autocomplete=\"new-password\">\
         </label><button>Make the account</button></form>"
    )
}

/// To the minute.
fn until(expires: u64) -> String {
    let at = UNIX_EPOCH.checked_add(Duration::from_secs(expires)).unwrap_or(UNIX_EPOCH);
    let text = datetime::format(at);
    let (day, time) = text.split_once('T').unwrap_or((&text, ""));
    format!("{day} {} UTC", time.get(..5).unwrap_or_default())
}
