//! `rialto circle`: by the running server.

use super::args::Listing;
use super::show::{self, Column};
use super::{Exit, Sorry, ask, remark, sure};
use crate::admin::community::{Circle as Asked, Ring};
use crate::admin::{Answer, Command};
use crate::config::Config;
use clap::Subcommand;

/// Circles: people who all have each other as contacts.
#[derive(Debug, Subcommand)]
pub enum Circle {
    /// Show all circles
    List(Listing),
    /// Make a circle
    #[command(after_help = "\
Example:
  rialto circle create class-7b --group \"Class 7b\"
  rialto circle add class-7b romeo@localhost juliet@localhost")]
    Create {
        /// Its name: letters, digits and - _ .
        name: String,
        /// The group in which its members see each other on their rosters; without it, the name
        #[arg(long)]
        group: Option<String>,
    },
    /// Bring people in: all in the circle have them as contacts at once, and they all in it
    Add {
        /// The circle
        name: String,
        /// Who: addresses of accounts
        #[arg(required_unless_present = "everybody")]
        people: Vec<String>,
        /// Everybody who has an account
        #[arg(long, conflicts_with = "people")]
        everybody: bool,
    },
    /// Take somebody out; who was a contact before stays one
    Remove {
        /// The circle
        name: String,
        /// Who
        address: String,
    },
    /// End a circle; who was a contact before stays one
    End {
        /// The circle
        name: String,
        /// Do not ask
        #[arg(long, short)]
        yes: bool,
    },
}

/// Carries out a command about circles.
pub(super) fn run(config: &Config, command: Circle) -> Result<Exit, Sorry> {
    let asked = |asked: Asked| ask(config, Command::Circle(asked));
    match command {
        Circle::List(listing) => {
            let Answer::Circles(all) = asked(Asked::List)? else { return Ok(Exit::Failed) };
            if all.is_empty() && !listing.json {
                say!("No circles yet. Make one: rialto circle create NAME");
                return Ok(Exit::Done);
            }
            let columns: [Column<Ring>; 4] = [
                Column("name", |ring| ring.name.clone()),
                Column("group", |ring| ring.group.clone()),
                Column("members", |ring| ring.members.len().to_string()),
                Column("", |ring| ring.members.join(", ")),
            ];
            show::list(&all, listing, &columns)
        }
        Circle::Create { name, group } => {
            let answer = asked(Asked::Create { name: name.clone(), group })?;
            remark(&answer, &format!("{name} is there. Bring people in: rialto circle add {name} ADDRESS"))
        }
        Circle::Add { name, people, everybody: _ } => {
            let answer = asked(Asked::Add { name: name.clone(), people })?;
            remark(&answer, &format!("They are in {name} now."))
        }
        Circle::Remove { name, address } => {
            let answer = asked(Asked::Remove { name: name.clone(), who: address.clone() })?;
            remark(&answer, &format!("{address} is no longer in {name}."))
        }
        Circle::End { name, yes } => {
            sure(&format!("End the circle {name}? Its members are contacts no longer."), yes)?;
            let answer = asked(Asked::End { name: name.clone() })?;
            remark(&answer, &format!("The circle {name} is no more."))
        }
    }
}
