//! `rialto link`: by the running server.

use super::args::Link;
use super::show::{self, Column};
use super::{Exit, Sorry, ask, remark};
use crate::admin::{self, Answer, Command};
use crate::config::Config;

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
        Link::Add { room, to } => {
            let answer = ask(config, Command::LinkAdd { room: room.clone(), to: to.clone() })?;
            remark(&answer, &format!("{room} is linked to {to}."))
        }
        Link::Remove { room, to } => {
            let answer = ask(config, Command::LinkRemove { room: room.clone(), to: to.clone() })?;
            remark(&answer, &format!("{room} is no longer linked to {to}."))
        }
    }
}
