//! What an operator does with circles: by the running server, since rosters change and their owners are told.

use super::community::{Circle, Ring};
use super::protocol::{Answer, Refusal, Why};
use super::users::{Users, failed};
use crate::router::{CircleError, Router};
use rialto_store::circles::{self, Circle as Kept};
use rialto_store::{Batch, StoreError};
use rialto_xmpp::BareJid;
use std::time::{SystemTime, UNIX_EPOCH};

/// Circles at most.
const MOST: usize = 1000;

/// Bytes of a circle's name.
const LONGEST: usize = 64;

/// Carries out a command about circles of at most `most` members.
pub(super) async fn carry_out(
    router: &Router,
    users: &Users,
    most: usize,
    command: Circle,
) -> Result<Answer, Refusal> {
    match command {
        Circle::List => {
            let all = circles::list(&router.store).map_err(|why| failed(&why))?;
            let ring =
                |(name, circle): (String, Kept)| Ring { name, group: circle.group, members: circle.members };
            Ok(Answer::Circles(all.into_iter().map(ring).collect()))
        }
        Circle::Create { name, group } => create(router, name, group).await,
        Circle::Add { name, people } => {
            let people = match people.is_empty() {
                true => everybody(users)?,
                false => people.iter().map(|who| users.known(who)).collect::<Result<_, _>>()?,
            };
            let joined = router.join_circle(&name, &people, most).await.map_err(|why| refusal(&why))?;
            Ok(Answer::remark(match joined.len() {
                0 => format!("Nobody new: they are in {name} already."),
                1 => format!("One more is in {name} now."),
                more => format!("{more} more are in {name} now."),
            }))
        }
        Circle::Remove { name, who } => {
            let jid = users.address(&who)?;
            match router.leave_circle(&name, &jid).await.map_err(|why| refusal(&why))? {
                true => Ok(Answer::OK),
                false => Err(Refusal::new(Why::NotFound, format!("{jid} is not in {name}"))),
            }
        }
        Circle::End { name } => match router.end_circle(&name).await.map_err(|why| refusal(&why))? {
            true => Ok(Answer::OK),
            false => Err(refusal(&CircleError::Unknown(name))),
        },
    }
}

async fn create(router: &Router, name: String, group: Option<String>) -> Result<Answer, Refusal> {
    let bad = |text: String| Refusal::new(Why::BadRequest, text);
    let plain = |c: char| c.is_alphanumeric() || "-_.".contains(c);
    if name.is_empty() || name.len() > LONGEST || !name.chars().all(plain) {
        return Err(bad(format!("\"{name}\" is no name for a circle: letters, digits and - _ . will do")));
    }
    let group = group.unwrap_or_else(|| name.clone()).trim().to_owned();
    if group.is_empty() || group.len() > LONGEST || group.chars().any(char::is_control) {
        return Err(bad(format!("a group has a name of 1 to {LONGEST} bytes")));
    }
    if circles::list(&router.store).map_err(|why| failed(&why))?.len() >= MOST {
        return Err(bad(format!("there are {MOST} circles already; end one first")));
    }
    let created = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    let mut batch = Batch::new();
    let made = Kept { created, group, ..Kept::default() };
    circles::insert(&mut batch, &name, &made).map_err(|why| failed(&why))?;
    match router.store.commit(batch).await {
        Ok(()) => Ok(Answer::OK),
        Err(StoreError::Conflict) => {
            Err(Refusal::new(Why::Exists, format!("there is a circle {name} already")))
        }
        Err(why) => Err(failed(&why)),
    }
}

fn everybody(users: &Users) -> Result<Vec<BareJid>, Refusal> {
    let Answer::Users(all) = users.list(|_| None)? else { return Ok(Vec::new()) };
    Ok(all.iter().filter_map(|user| BareJid::parse(&user.address).ok()).collect())
}

fn refusal(why: &CircleError) -> Refusal {
    match why {
        CircleError::Unknown(name) => {
            Refusal::new(Why::NotFound, format!("there is no circle {name}; `rialto circle list` shows all"))
        }
        CircleError::Full(name) => Refusal::new(
            Why::BadRequest,
            format!("so many do not fit into {name}; `max_members` in [circles] is the limit"),
        ),
        CircleError::Store(why) => failed(why),
    }
}
