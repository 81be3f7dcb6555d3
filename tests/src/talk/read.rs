//! Reading a transcript.

use super::{Line, Login, Over, Server, Step, Talk};
use crate::xml::{Event, next_event};

/// Reads the text of a transcript.
///
/// # Errors
/// The first line that cannot be understood, with its number.
pub fn read(text: &str) -> Result<Talk, String> {
    let mut lines = joined(text).into_iter().peekable();
    let title = match lines.next_if(|(_, text)| text.starts_with('#')) {
        Some((_, text)) => text.trim_start_matches('#').trim().to_owned(),
        None => return Err("line 1: the first line must say, after #, what this is about".into()),
    };
    let mut talk = Talk { title, settings: String::new(), lines: Vec::new() };
    for (number, text) in lines {
        if text.starts_with('#') {
            continue;
        }
        if let Some(settings) = text.strip_prefix("settings\n") {
            talk.settings.push_str(settings);
            continue;
        }
        let text = one_line(&text);
        let (who, step) = step(&text).map_err(|says| format!("line {number}: {says}: {text}"))?;
        talk.lines.push(Line { number, text, who, step });
    }
    Ok(talk)
}

/// Lines with their indented continuations, blank lines left out.
fn joined(text: &str) -> Vec<(usize, String)> {
    let mut lines: Vec<(usize, String)> = Vec::new();
    for (at, line) in text.lines().enumerate() {
        match lines.last_mut() {
            _ if line.trim().is_empty() => {}
            Some((_, before)) if line.starts_with(char::is_whitespace) => {
                before.push('\n');
                before.push_str(line);
            }
            _ => lines.push((at + 1, line.trim_end().to_owned())),
        }
    }
    lines
}

/// Continuations join without a gap after `>`, otherwise with a blank.
fn one_line(text: &str) -> String {
    let mut joined = String::new();
    for line in text.lines().map(str::trim) {
        if !joined.is_empty() && !joined.ends_with('>') {
            joined.push(' ');
        }
        joined.push_str(line);
    }
    joined
}

fn step(text: &str) -> Result<(String, Step), String> {
    let (first, rest) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
    let rest = rest.trim();
    match first {
        "account" => {
            let step = match rest.strip_suffix(" with SCRAM-SHA-1 only") {
                Some(jid) => Step::OldAccount(jid.trim().to_owned()),
                None => Step::Account(rest.to_owned()),
            };
            return Ok((String::new(), step));
        }
        "password" => {
            let said = rest.strip_prefix("of ").and_then(|rest| rest.split_once(" is "));
            let (account, password) = said.ok_or("the password of whom is what?")?;
            let (account, password) = (account.trim().to_owned(), password.trim().to_owned());
            return Ok((String::new(), Step::Password { account, password }));
        }
        "waits" => return Ok((String::new(), Step::Waits(milliseconds(rest)?))),
        "network" => {
            let (network, what) = rest.split_once(' ').ok_or("what happens to it?")?;
            let (network, what) = (network.to_owned(), what.trim().to_owned());
            return Ok((String::new(), Step::Network { network, what }));
        }
        "server" => return Ok((String::new(), Step::Server(server(rest)?))),
        _ => {}
    }
    if !first.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-') {
        return Err(format!("{first} is no name"));
    }
    let (verb, object) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
    let object = object.trim();
    let step = match verb {
        ">" => Step::Sends(object.to_owned()),
        "<" if !object.starts_with('<') => Step::HearsLine { wanted: object.to_owned(), skip: false },
        "<" => Step::Hears(pattern(object)?),
        "~" => Step::HearsSometime(pattern(object)?),
        "." if object == "hears nothing more" => Step::HearsNothing,
        "." if object == "is cut off" => Step::IsCutOff,
        "." if object.starts_with("needed ") => {
            let count = object.strip_prefix("needed ").and_then(|rest| rest.split_once(" round trip"));
            Step::Trips(count.and_then(|(count, _)| count.parse().ok()).ok_or("how many round trips?")?)
        }
        "is" => match object.strip_prefix("component ") {
            Some(domain) => Step::Component(domain.trim().to_owned()),
            None => Step::Is(login(object)?),
        },
        "on" => {
            let (network, does) = object.split_once(' ').ok_or("does what there?")?;
            Step::Elsewhere { network: network.to_owned(), does: does.trim().to_owned() }
        }
        _ => whole(rest)?,
    };
    Ok((first.to_owned(), step))
}

/// The lines that are a sentence.
fn whole(rest: &str) -> Result<Step, String> {
    if let Some(jid) = rest.strip_prefix("authenticates as ") {
        return Ok(Step::Authenticates(login(jid)?));
    }
    if let Some(domain) = rest.strip_prefix("opens a stream to ") {
        let (domain, account) = match domain.split_once(" as ") {
            Some((domain, account)) => (domain, Some(account.trim().to_owned())),
            None => (domain, None),
        };
        return Ok(Step::Opens { domain: domain.trim().to_owned(), account });
    }
    if let Some(wanted) = rest.strip_prefix("skips until ").map(str::trim) {
        if !wanted.starts_with('<') {
            return Ok(Step::HearsLine { wanted: wanted.to_owned(), skip: true });
        }
        return Ok(Step::SkipsUntil(pattern(wanted)?));
    }
    if let Some((room, nick)) = rest.strip_prefix("enters ").and_then(|rest| rest.split_once(" as ")) {
        let domain = if room.contains('@') { "" } else { "@rooms.localhost" };
        return Ok(Step::Enters { room: format!("{room}{domain}"), nick: nick.to_owned() });
    }
    if let Some(path) = rest.strip_prefix("asks for ") {
        return Ok(Step::AsksFor(path.trim().to_owned()));
    }
    if let Some(time) = rest.strip_prefix("waits ") {
        return Ok(Step::Waits(milliseconds(time)?));
    }
    Ok(match rest {
        "connects" => Step::Connects(Over::Nothing),
        "connects over tls" => Step::Connects(Over::Tls),
        "connects over the shared port" => Step::Connects(Over::SharedPort),
        "connects over websocket" => Step::Connects(Over::WebSocket),
        "connects over bosh" => Step::Connects(Over::Bosh),
        "starts tls" => Step::StartsTls,
        "disconnects" => Step::Disconnects,
        "drops" => Step::Drops,
        "reconnects" => Step::Reconnects,
        _ => return Err("this is no line of a transcript".into()),
    })
}

fn pattern(text: &str) -> Result<Event, String> {
    let (event, used) = next_event(text).map_err(|error| error.to_string())?;
    match text[used..].trim() {
        "" => Ok(event),
        rest => Err(format!("one thing at a time; what is “{rest}”?")),
    }
}

fn login(text: &str) -> Result<Login, String> {
    let (jid, more) = text.split_once(',').unwrap_or((text, ""));
    let available = match more.trim() {
        "" => false,
        "available" => true,
        other => return Err(format!("“{other}” is no way to log in")),
    };
    let (account, resource) = match jid.trim().split_once('/') {
        Some((account, resource)) => (account, Some(resource.to_owned())),
        None => (jid.trim(), None),
    };
    if !account.contains('@') {
        return Err(format!("{account} is no account"));
    }
    Ok(Login { account: account.to_owned(), resource, available })
}

fn milliseconds(text: &str) -> Result<u64, String> {
    text.trim().strip_suffix("ms").and_then(|n| n.trim().parse().ok()).ok_or("how many ms?".into())
}

fn server(text: &str) -> Result<Server, String> {
    Ok(match text {
        "stops" => Server::Stops,
        "starts" => Server::Starts,
        "restarts" => Server::Restarts,
        _ => return Err("the server stops, starts or restarts".into()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_transcript_is_read_line_by_line() {
        let talk = read(
            "# XEP-0199: ping\n\n## a remark\nsettings\n  [rooms]\n  domain = \"rooms.localhost\"\n\n\
             romeo is romeo@localhost/orchard, available\nromeo > <iq id='1'\n       type='get'>\n    <ping/>\n  </iq>\n\
             romeo  <  <iq id='1' type='result'/>\nromeo . hears nothing more\nserver restarts\n\
             ann on irc joins #lounge\n",
        )
        .unwrap();
        assert_eq!(talk.title, "XEP-0199: ping");
        assert_eq!(talk.settings, "  [rooms]\n  domain = \"rooms.localhost\"");
        assert!(talk.restarts());
        let steps: Vec<_> =
            talk.lines.iter().map(|line| (line.number, line.who.as_str(), &line.step)).collect();
        assert_eq!(steps[0].0, 8);
        assert!(
            matches!(steps[0].2, Step::Is(login) if login.available && login.resource.as_deref() == Some("orchard"))
        );
        assert_eq!(*steps[1].2, Step::Sends("<iq id='1' type='get'><ping/></iq>".into()));
        assert!(matches!(steps[2].2, Step::Hears(Event::Element(iq)) if iq.get("id") == Some("1")));
        assert_eq!(*steps[3].2, Step::HearsNothing);
        assert_eq!(*steps[4].2, Step::Server(Server::Restarts));
        assert_eq!(*steps[5].2, Step::Elsewhere { network: "irc".into(), does: "joins #lounge".into() });
    }

    #[test]
    fn what_is_no_transcript_is_refused_with_its_line() {
        for (text, says) in [
            ("romeo > <a/>", "line 1: the first line"),
            ("# t\nromeo < <a>", "line 2: the XML breaks off"),
            ("# t\nromeo < <a/><b/>", "line 2: one thing at a time"),
            ("# t\n\nromeo dances", "line 3: this is no line"),
            ("# t\nRomeo > x", "line 2: Romeo is no name"),
            ("# t\nserver sleeps", "line 2: the server stops"),
            ("# t\nromeo is romeo", "line 2: romeo is no account"),
        ] {
            let error = read(text).unwrap_err();
            assert!(error.starts_with(says), "{text}: {error}");
        }
    }
}
