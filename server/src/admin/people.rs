//! What an operator does with people who may be here at this moment: shut out, let in again, sent away, looked at.

use super::community::Portrait;
use super::protocol::{Answer, Refusal, Why};
use super::users::{self, Users, failed};
use crate::people::PeopleError;
use crate::router::Router;
use crate::sessions::End;
use rialto_store::archive::Archive;
use rialto_store::rosters::{Item, Rosters};
use rialto_store::{accounts, last};
use rialto_xmpp::{BareJid, Jid, StreamCondition, StreamError};

/// Ends the sessions of an account, or the one with this resource; gives how many there were.
pub(super) async fn end(router: &Router, who: &Jid, error: &StreamError) -> usize {
    let Some(account) = router.accounts.get(who.bare_str()) else { return 0 };
    let sessions = account.sessions();
    let meant = sessions.iter().filter(|session| who.is_bare() || session.jid == *who);
    let mut ended = 0;
    for session in meant {
        session.outbox.end(End::Error(error.clone()));
        router.unbind(&account, session).await;
        ended += 1;
    }
    ended
}

/// XEP-0133 §4.5.
pub(super) async fn kick(router: &Router, users: &Users, address: &str) -> Result<Answer, Refusal> {
    let bad = |why| Refusal::new(Why::BadRequest, format!("\"{address}\" is no address: {why}"));
    let who = Jid::parse(address).map_err(bad)?;
    users.known(who.bare_str())?;
    let error = StreamError::new(
        StreamCondition::PolicyViolation,
        "Whoever runs this server has ended this session.",
    );
    match end(router, &who, &error).await {
        0 => Err(Refusal::new(Why::NotFound, format!("{who} is not here"))),
        1 => Ok(Answer::remark("One session has ended.")),
        more => Ok(Answer::remark(format!("{more} sessions have ended."))),
    }
}

/// XEP-0133 §4.3, §4.4: nothing of the account is lost.
pub(super) async fn disable(
    router: &Router,
    users: &Users,
    address: &str,
    disable: bool,
) -> Result<Answer, Refusal> {
    users.disable(address, disable).await?;
    if disable {
        let error = StreamError::new(StreamCondition::NotAuthorized, "This account has been disabled.");
        end(router, users.address(address)?.as_jid(), &error).await;
    }
    Ok(Answer::OK)
}

/// XEP-0133 §4.9, §4.10.
pub(super) async fn show(router: &Router, users: &Users, address: &str) -> Result<Portrait, Refusal> {
    let jid = users.known(address)?;
    let store = &router.store;
    let found = accounts::Accounts::new(store).get(jid.as_str()).map_err(|why| failed(&why))?;
    let found = found.ok_or_else(|| users::refusal(&jid, &PeopleError::Unknown))?;
    store.caught_up().await;
    let last = last::get(store, jid.as_str()).map_err(|why| failed(&why))?;
    let sessions = router.accounts.get(jid.as_str()).map(|account| account.sessions()).unwrap_or_default();
    let now = sessions.iter().map(|session| session.since).max();
    Ok(Portrait {
        address: jid.as_str().to_owned(),
        created: found.created,
        disabled: found.disabled,
        last_login: now.or_else(|| last.map(|last| if last.login > 0 { last.login } else { last.at })),
        contacts: roster(router, &jid)?.len(),
        resources: sessions
            .iter()
            .filter_map(|session| session.jid.resourcepart().map(str::to_owned))
            .collect(),
        waiting: Archive::new(store).waiting(jid.as_str()).map_err(|why| failed(&why))?,
    })
}

/// XEP-0133 §4.8: the contacts that its owner sees.
pub(super) fn roster(router: &Router, jid: &BareJid) -> Result<Vec<Item>, Refusal> {
    let roster = Rosters::new(&router.store).load(jid.as_str()).map_err(|why| failed(&why))?;
    Ok(roster.items.into_iter().filter(crate::features::contacts::is_shown).collect())
}
