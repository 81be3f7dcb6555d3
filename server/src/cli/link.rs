//! `rialto link`: by the running server.

use super::args::{Link, Listing};
use super::show::{self, Column};
use super::{Exit, Sorry, ask, remark};
use crate::admin::{self, Answer, Command};
use crate::config::{Config, LinkOptions};
use rialto_xmpp::parts::datetime;
use std::time::{Duration, UNIX_EPOCH};

/// Carries out a command about links.
pub(super) fn run(config: &Config, command: Link) -> Result<Exit, Sorry> {
    match command {
        Link::List(listing) => {
            let Answer::Links(links) = ask(config, Command::LinkList)? else { return Ok(Exit::Failed) };
            if links.is_empty() && !listing.json {
                say!("No links yet. Make one: rialto link add NAME@{} BRIDGE:ROOM", config.rooms.domain);
                return Ok(Exit::Done);
            }
            let columns: [Column<admin::Link>; 4] = [
                Column("room", |link| link.room.clone()),
                Column("linked to", |link| link.to.clone()),
                Column("state", |link| link.state.clone()),
                Column("from", |link| link.origin.clone()),
            ];
            show::list(&links, listing, &columns)
        }
        Link::Status { room, listing } => status(config, room.as_deref(), listing),
        Link::Change { room, to, set } => {
            let answer = ask(config, Command::LinkChange { room: room.clone(), to: to.clone(), set })?;
            remark(&answer, &format!("Other options hold for {room} and {to}."))
        }
        Link::Add { room, to, set } => {
            let options = LinkOptions::default().set(&set).map_err(Sorry::usage)?;
            let answer = ask(config, Command::LinkAdd { room: room.clone(), to: to.clone(), options })?;
            remark(&answer, &format!("{room} is linked to {to}."))
        }
        Link::Remove { room, to } => {
            let answer = ask(config, Command::LinkRemove { room: room.clone(), to: to.clone() })?;
            remark(&answer, &format!("{room} is no longer linked to {to}."))
        }
    }
}

/// `rialto link status`.
fn status(config: &Config, room: Option<&str>, listing: Listing) -> Result<Exit, Sorry> {
    let Answer::Links(links) = ask(config, Command::LinkList)? else { return Ok(Exit::Failed) };
    let links: Vec<admin::Link> =
        links.into_iter().filter(|link| room.is_none_or(|room| link.room == room)).collect();
    if listing.json {
        return show::json(&links);
    }
    if links.is_empty() {
        say!("No links. Make one: rialto link add NAME@{} BRIDGE:ROOM", config.rooms.domain);
    }
    for link in &links {
        say!("{}", in_words(link));
    }
    Ok(Exit::Done)
}

/// One link, a line for each thing there is to know.
fn in_words(link: &admin::Link) -> String {
    let at = |seconds: u64| datetime::format(UNIX_EPOCH + Duration::from_secs(seconds));
    let mut lines = vec![
        format!("{} – {}", link.room, link.to),
        format!("  state       {}", link.state),
        format!("  made by     {}", link.origin),
        format!("  waiting     {}", link.waiting),
        format!(
            "  messages    {} arrived there, {} given back, {} came from there, {} ignored",
            link.relayed, link.failed, link.heard, link.ignored
        ),
    ];
    if let Some(lag) = link.lag {
        lines.push(format!("  lag         {lag} ms"));
    }
    if let (Some(error), Some(when)) = (&link.last_error, link.last_error_at) {
        lines.push(format!("  last error  {}: {error}", at(when)));
    }
    if !link.options.is_empty() {
        lines.push(format!("  options     {}", link.options));
    }
    lines.iter().map(|line| show::harmless(line)).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_state_of_a_link_is_a_line_for_each_thing() {
        let link = admin::Link {
            room: "lounge@rooms.localhost".into(),
            to: "libera:#lounge".into(),
            origin: "configuration".into(),
            state: "connected since 2026-03-01T12:00:00Z".into(),
            relayed: 512,
            lag: Some(120),
            last_error: Some("the cable\u{1b}[2J".into()),
            last_error_at: Some(0),
            options: "way = \"in\"".into(),
            ..admin::Link::default()
        };
        let words = in_words(&link);
        assert!(
            words.contains("  lag         120 ms\n  last error  1970-01-01T00:00:00Z: the cable\u{fffd}[2J"),
            "{words}"
        );
        assert!(words.ends_with("options     way = \"in\""));
    }
}
