//! RFC 6121 §3, without anybody's asking: contacts that an invitation or a circle makes, and what a new account begins with.

use std::sync::Arc;

use rialto_store::circles::{self, Circle};
use rialto_store::invites::Invite;
use rialto_store::notices::{self, Kind};
use rialto_store::{Batch, StoreError, Ticket};
use rialto_xmpp::{BareJid, Element, Jid, Message, MessageKind, ns};

use super::Router;
use crate::features::contacts::{Tie, bond, show, unbond};
use crate::features::{Left, Origin};
use crate::sessions::Account;

/// Why somebody did not come into a circle.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CircleError {
    /// There is no such circle.
    #[error("there is no circle {0}")]
    Unknown(String),
    /// It has no room.
    #[error("the circle {0} is full")]
    Full(String),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Router {
    /// Two accounts of this server become contacts of each other, and see each other. Durable behind the ticket; `None`:
    /// one of them is not here.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn befriend(
        &self,
        one: &BareJid,
        other: &BareJid,
        tie: Tie<'_>,
    ) -> Result<Option<Ticket>, StoreError> {
        let (Some(a), Some(b)) = (self.account(one).await?, self.account(other).await?) else {
            return Ok(None);
        };
        let mut left = Left::default();
        bond(&a, other, tie, &mut left)?;
        bond(&b, one, tie, &mut left)?;
        show(&a, other, &mut left);
        show(&b, one, &mut left);
        Ok(Some(self.send_all(&mut left).await))
    }

    /// An account was made now: it joins its circles, becomes a contact of whoever invited it, and is welcomed.
    ///
    /// # Errors
    /// [`CircleError`] or the store's; the account stays, with what it has so far.
    pub async fn born(
        &self,
        jid: &BareJid,
        invite: Option<&Invite>,
        everyone: &str,
    ) -> Result<(), CircleError> {
        if let Some(inviter) =
            invite.filter(|invite| invite.contact).and_then(|invite| invite.inviter.as_deref())
            && let Ok(inviter) = BareJid::parse(inviter)
        {
            let ticket = self.befriend(&inviter, jid, Tie::Invitation).await?;
            self.store.settled(ticket.unwrap_or_default()).await?;
        }
        let chosen = invite.and_then(|invite| invite.circle.as_deref());
        let everyone = Some(everyone).filter(|name| !name.is_empty() && chosen != Some(name));
        for circle in chosen.into_iter().chain(everyone) {
            self.join_circle(circle, std::slice::from_ref(jid), usize::MAX).await?;
        }
        if let Some(welcome) = notices::get(&self.store, Kind::Welcome)? {
            self.tell(jid, &welcome.text).await;
        }
        Ok(())
    }

    /// A message from the server to an account; it waits for who is away.
    pub async fn tell(&self, to: &BareJid, text: &str) {
        let Ok(from) = Jid::parse(to.as_jid().domainpart()) else { return };
        let body = Element::new("body", ns::CLIENT).with_text(text);
        let message = Message::new(MessageKind::Normal, &from, to.as_jid()).with(body);
        let ticket = self.route(Origin::Server, message.into()).await;
        let _ = self.store.settled(ticket).await;
    }

    /// People come into a circle, which has at most `most` members: all in it have them as contacts, and they all in it.
    /// Who has no account here, or is in it, is passed over; gives who came in.
    ///
    /// # Errors
    /// [`CircleError`].
    pub async fn join_circle(
        &self,
        name: &str,
        people: &[BareJid],
        most: usize,
    ) -> Result<Vec<BareJid>, CircleError> {
        let mut here = Vec::new();
        for jid in people {
            if self.account(jid).await?.is_some() {
                here.push(jid.clone());
            }
        }
        let (mut full, mut joined) = (false, Vec::new());
        let join = |circle: &mut Circle| {
            joined.clear();
            for jid in &here {
                if let Err(at) = circle.members.binary_search_by(|member| member.as_str().cmp(jid.as_str())) {
                    circle.members.insert(at, jid.as_str().to_owned());
                    circle.unsettled.push(jid.as_str().to_owned());
                    joined.push(jid.clone());
                }
            }
            full = circle.members.len() > most;
            !full && !joined.is_empty()
        };
        if !circles::update(&self.store, name, join).await? {
            return Err(CircleError::Unknown(name.to_owned()));
        }
        if full {
            return Err(CircleError::Full(name.to_owned()));
        }
        self.settle_circle(name).await?;
        Ok(joined)
    }

    /// Somebody goes out of a circle. `false`: he was not in it.
    ///
    /// # Errors
    /// [`CircleError`].
    pub async fn leave_circle(&self, name: &str, who: &BareJid) -> Result<bool, CircleError> {
        let mut was_in = false;
        let leave = |circle: &mut Circle| {
            let before = circle.members.len();
            circle.members.retain(|member| member != who.as_str());
            was_in = circle.members.len() < before;
            if was_in {
                circle.unsettled.push(who.as_str().to_owned());
            }
            was_in
        };
        if !circles::update(&self.store, name, leave).await? {
            return Err(CircleError::Unknown(name.to_owned()));
        }
        self.settle_circle(name).await?;
        Ok(was_in)
    }

    /// A circle ends. `false`: there is none of that name.
    ///
    /// # Errors
    /// [`CircleError`].
    pub async fn end_circle(&self, name: &str) -> Result<bool, CircleError> {
        let end = |circle: &mut Circle| {
            circle.unsettled.append(&mut circle.members);
            true
        };
        if !circles::update(&self.store, name, end).await? {
            return Ok(false);
        }
        self.settle_circle(name).await?;
        let mut batch = Batch::new();
        circles::remove(&mut batch, name);
        self.store.commit(batch).await?;
        Ok(true)
    }

    /// Every circle is brought in line, and the one that everybody joins is made if it is not there: when the server
    /// starts.
    ///
    /// # Errors
    /// [`CircleError`].
    pub async fn settle_circles(&self, everyone: &str) -> Result<(), CircleError> {
        if !everyone.is_empty() && circles::get(&self.store, everyone)?.is_none() {
            let mut batch = Batch::new();
            circles::insert(
                &mut batch,
                everyone,
                &Circle { group: everyone.to_owned(), ..Circle::default() },
            )?;
            self.store.commit(batch).await?;
        }
        for (name, circle) in circles::list(&self.store)? {
            if !circle.unsettled.is_empty() {
                self.settle_circle(&name).await?;
            }
        }
        Ok(())
    }

    /// Brings rosters in line with a circle for all who came or went and were not seen to yet: after each change, and
    /// when the server starts, for what was changed or broken off while it did not run.
    ///
    /// # Errors
    /// [`CircleError`].
    pub async fn settle_circle(&self, name: &str) -> Result<(), CircleError> {
        let Some(mut circle) = circles::get(&self.store, name)? else { return Ok(()) };
        let mut moved = circle.unsettled.clone();
        loop {
            self.tie_all(name, &circle, &moved).await?;
            let mut again = false;
            let settled = |now: &mut Circle| {
                // Somebody else came or went meanwhile: what was done last must follow what is so now.
                again = now.members != circle.members;
                if !again {
                    now.unsettled.clear();
                }
                !again
            };
            circles::update(&self.store, name, settled).await?;
            if !again {
                return Ok(());
            }
            let Some(now) = circles::get(&self.store, name)? else { return Ok(()) };
            moved.extend(now.unsettled.iter().filter(|who| !circle.unsettled.contains(who)).cloned());
            circle = now;
        }
    }

    /// Those who moved are tied to everybody who is in the circle, or untied.
    async fn tie_all(&self, name: &str, circle: &Circle, moved: &[String]) -> Result<(), StoreError> {
        let tie = (name, circle.group.as_str());
        let parse = |text: &String| BareJid::parse(text).ok();
        let mut newest = Ticket::NONE;
        for who in moved.iter().filter_map(parse) {
            let is_in = |jid: &BareJid| circle.members.iter().any(|member| member == jid.as_str());
            // Those who go at the same time part from each other, too.
            let others = circle.members.iter().chain(moved).filter_map(parse);
            for other in others.filter(|other| *other != who && (!is_in(&who) || is_in(other))) {
                self.store.room().await;
                newest = newest.max(self.set_tie(&who, &other, tie, is_in(&who)).await?);
            }
        }
        self.store.settled(newest).await
    }

    async fn set_tie(
        &self,
        one: &BareJid,
        other: &BareJid,
        (name, group): (&str, &str),
        are_in: bool,
    ) -> Result<Ticket, StoreError> {
        if are_in {
            return Ok(self.befriend(one, other, Tie::Circle(name, group)).await?.unwrap_or_default());
        }
        let mut left = Left::default();
        let half = |account: Option<Arc<Account>>, of: &BareJid, left: &mut Left| match account {
            Some(account) => unbond(&account, of, (name, group), left),
            None => Ok(()),
        };
        half(self.account(one).await?, other, &mut left)?;
        half(self.account(other).await?, one, &mut left)?;
        Ok(self.send_all(&mut left).await)
    }
}
