//! `rialto invite`: by the running server, or else by the store itself.

use super::args::Listing;
use super::show::{self, Column};
use super::{Exit, Sorry, open_store, remark};
use crate::admin::community::{Invitation, Invite as Asked, Invited, Open};
use crate::admin::{self, Answer, AskError, Command, Inviting, Users};
use crate::config::{self, Config};
use crate::invites::Invites;
use crate::listeners;
use clap::Subcommand;
use rialto_store::EngineKind;

/// Invitations.
#[derive(Debug, Subcommand)]
pub enum Invite {
    /// Make an invitation, and show the link to pass on; works whether the server runs or not
    #[command(after_help = "\
Examples:
  rialto invite create                                      one account on the first domain, of any name
  rialto invite create juliet@localhost                     that name, kept for whoever has the link
  rialto invite create --from romeo@localhost               and romeo is the new account's first contact
  rialto invite create --from romeo@localhost --contact     a contact of romeo's, and no account
  rialto invite create --uses 30 --expires 1d --circle class-7b")]
    Create {
        /// NAME@DOMAIN for an account of this name, or DOMAIN for one of any name
        address: Option<String>,
        /// Who invites: the account becomes a contact of his
        #[arg(long, value_name = "ADDRESS")]
        from: Option<String>,
        /// Make a contact only, and no account
        #[arg(long, requires = "from")]
        contact: bool,
        /// The circle that the new account joins
        #[arg(long, value_name = "NAME")]
        circle: Option<String>,
        /// How often it may be used
        #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
        uses: u32,
        /// How long it is good, such as 12h or 7d; without it, as the configuration says
        #[arg(long, value_name = "TIME")]
        expires: Option<String>,
        /// Show it as JSON, for scripts
        #[command(flatten)]
        listing: Listing,
    },
    /// Show the invitations that are good; their links are known only to those who have them
    List(Listing),
    /// Take an invitation back
    Revoke {
        /// Its id, as `rialto invite list` shows it
        id: String,
    },
}

/// Carries out a command about invitations.
pub(super) fn run(config: &Config, command: Invite) -> Result<Exit, Sorry> {
    match command {
        Invite::Create { address, from, contact, circle, uses, expires, listing } => {
            let expiry = expires.as_deref().map(config::read_duration).transpose().map_err(Sorry::usage)?;
            let expiry = expiry.map(|expiry| expiry.as_secs());
            let wanted = Invitation { address, from, contact_only: contact, circle, uses, expiry };
            match carry_out(config, Asked::Create(wanted))? {
                Answer::Invited(made) => tell(&made, listing),
                _ => Ok(Exit::Failed),
            }
        }
        Invite::List(listing) => {
            let Answer::Invites(all) = carry_out(config, Asked::List)? else { return Ok(Exit::Failed) };
            if all.is_empty() && !listing.json {
                say!("No invitations are open. Make one: rialto invite create");
                return Ok(Exit::Done);
            }
            let columns: [Column<Open>; 6] = [
                Column("id", |open| open.id.clone()),
                Column("account", |open| open.account.clone().unwrap_or_else(|| "none".to_owned())),
                Column("from", |open| open.from.clone().unwrap_or_default()),
                Column("circle", |open| open.circle.clone().unwrap_or_default()),
                Column("uses left", |open| open.uses.to_string()),
                Column("until", |open| show::day(open.expires)),
            ];
            show::list(&all, listing, &columns)
        }
        Invite::Revoke { id } => {
            let answer = carry_out(config, Asked::Revoke { id: id.clone() })?;
            remark(&answer, &format!("The invitation {id} is good for nothing now."))
        }
    }
}

fn tell(made: &Invited, listing: Listing) -> Result<Exit, Sorry> {
    if listing.json {
        return show::json(made);
    }
    say!("{}", made.landing.as_deref().unwrap_or(&made.uri));
    if made.landing.is_some() {
        say!("or, for an app that is there already: {}", made.uri);
    }
    say!(
        "Good until {}. Whoever has the link can use it. Revoke it: rialto invite revoke {}",
        show::day(made.expires),
        made.id
    );
    Ok(Exit::Done)
}

/// Asks the server; where none runs, opens the store.
fn carry_out(config: &Config, command: Asked) -> Result<Answer, Sorry> {
    match admin::ask(&config.admin_socket(), Command::Invite(command.clone())) {
        Err(AskError::NotRunning(_)) if config.store.engine != EngineKind::Memory => {}
        outcome => return Ok(outcome?),
    }
    let store = open_store(config)?;
    let users = Users::new(&store, &config.domains);
    let invites = Invites::new(&store, &config.invites);
    if let Some(url) = listeners::public_url(config) {
        invites.explained_below(&url);
    }
    let inviting = Inviting::new(&store, &invites, &users);
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(Sorry::failed)?;
    let outcome = runtime.block_on(async {
        let outcome = inviting.carry_out(command).await;
        store.close().await;
        outcome
    });
    outcome.map_err(Sorry::failed)
}
