//! `rialto room`: by the running server.

use super::args::Room;
use super::show::{self, Column};
use super::{Exit, Sorry, ask, remark, sure};
use crate::admin::{self, Answer, Command};
use crate::config::Config;

/// Carries out a command about rooms.
pub(super) fn run(config: &Config, command: Room) -> Result<Exit, Sorry> {
    match command {
        Room::List(listing) => {
            let Answer::Rooms(rooms) = ask(config, Command::RoomList)? else { return Ok(Exit::Failed) };
            if rooms.is_empty() && !listing.json {
                say!("No rooms yet. Make one: rialto room create NAME@{}", config.rooms.domain);
                return Ok(Exit::Done);
            }
            let columns: [Column<admin::Room>; 6] = [
                Column("address", |room| room.address.clone()),
                Column("name", |room| room.name.clone()),
                Column("occupants", |room| show::count(room.occupants)),
                Column("stays", |room| if room.persistent { "yes".into() } else { String::new() }),
                Column("listed", |room| if room.public { "yes".into() } else { String::new() }),
                Column("owners", |room| room.owners.join(", ")),
            ];
            show::list(&rooms, listing, &columns)
        }
        Room::Create { room, owner, name } => {
            let answer = ask(config, Command::RoomCreate { room: room.clone(), owner, name })?;
            remark(&answer, &format!("{room} is there."))
        }
        Room::Destroy { room, reason, yes } => {
            sure(&format!("Destroy {room}, and put everybody out?"), yes)?;
            let answer = ask(config, Command::RoomDestroy { room: room.clone(), reason })?;
            remark(&answer, &format!("{room} is gone."))
        }
    }
}
