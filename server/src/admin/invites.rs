//! What an operator does with invitations: by the store alone, so that it works while the server does not run.

use super::community::{Invitation, Invite, Invited, Open};
use super::protocol::{Answer, Refusal, Why};
use super::users::{Users, failed};
use crate::invites::{InviteError, Invites, Wanted};
use rialto_store::invites::Invite as Kept;
use rialto_store::{Store, circles};
use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

/// Invitations to accounts of these users.
#[derive(Clone)]
pub struct Inviting {
    store: Store,
    invites: Arc<Invites>,
    users: Users,
}

impl Inviting {
    /// The invitations of a store.
    pub fn new(store: &Store, invites: &Arc<Invites>, users: &Users) -> Inviting {
        Inviting { store: store.clone(), invites: invites.clone(), users: users.clone() }
    }

    /// Carries out a command about invitations.
    ///
    /// # Errors
    /// [`Refusal`].
    pub async fn carry_out(&self, command: Invite) -> Result<Answer, Refusal> {
        match command {
            Invite::Create(invitation) => self.create(invitation).await,
            Invite::List => {
                let all = self.invites.list().map_err(|why| failed(&why))?;
                Ok(Answer::Invites(all.into_iter().map(|(id, invite)| open(id, invite)).collect()))
            }
            Invite::Revoke { id } => {
                match self.invites.revoke(id.trim()).await.map_err(|why| failed(&why))? {
                    true => Ok(Answer::OK),
                    false => Err(Refusal::new(
                        Why::NotFound,
                        format!("there is no invitation {id}; `rialto invite list` shows all"),
                    )),
                }
            }
        }
    }

    async fn create(&self, wanted: Invitation) -> Result<Answer, Refusal> {
        let bad = |text: &str| Refusal::new(Why::BadRequest, text);
        let inviter = wanted.from.as_deref().map(|from| self.users.known(from)).transpose()?;
        if wanted.contact_only && inviter.is_none() {
            return Err(bad("say with --from whose contact it makes"));
        }
        let (domain, reserve) = match &wanted.address {
            None => {
                let own = inviter.as_ref().map(|inviter| inviter.as_jid().domainpart().to_owned());
                (own.unwrap_or_else(|| self.users.first_domain().to_owned()), None)
            }
            Some(address) if address.contains('@') => {
                let jid = self.users.address(address)?;
                (jid.as_jid().domainpart().to_owned(), Some(jid))
            }
            Some(domain) => (self.users.domain(domain)?, None),
        };
        if wanted.contact_only && reserve.is_some() {
            return Err(bad("an invitation that makes a contact only reserves no name"));
        }
        if let Some(circle) = &wanted.circle
            && circles::get(&self.store, circle).map_err(|why| failed(&why))?.is_none()
        {
            let text = format!("there is no circle {circle}; `rialto circle list` shows all");
            return Err(Refusal::new(Why::NotFound, text));
        }
        let wanted = Wanted {
            domain,
            account: !wanted.contact_only,
            contact: inviter.is_some(),
            inviter,
            reserve,
            circle: wanted.circle,
            uses: wanted.uses,
            expiry: wanted.expiry.map(Duration::from_secs),
        };
        let made = self.invites.create(wanted).await.map_err(|why| refusal(&why))?;
        let expires = made.expires.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
        Ok(Answer::Invited(Invited { id: made.id, uri: made.uri, landing: made.landing, expires }))
    }
}

fn open(id: String, invite: Kept) -> Open {
    let account = invite.account.then(|| invite.reserved.clone().unwrap_or_else(|| invite.domain.clone()));
    Open {
        id,
        account,
        from: invite.inviter,
        circle: invite.circle,
        uses: invite.uses,
        used: invite.used,
        created: invite.created,
        expires: invite.expires,
    }
}

fn refusal(why: &InviteError) -> Refusal {
    match why {
        InviteError::Store(why) => failed(why),
        InviteError::Taken(_) => Refusal::new(Why::Exists, why.to_string()),
        InviteError::TooMany | InviteError::TooMuch => Refusal::new(Why::BadRequest, why.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config;

    fn inviting() -> Inviting {
        let store = Store::memory();
        let users = Users::new(&store, &["localhost".to_owned()]);
        Inviting::new(&store, &Invites::new(&store, &config::Invites::default()), &users)
    }

    async fn create(inviting: &Inviting, wanted: Invitation) -> Result<Invited, String> {
        match inviting.carry_out(Invite::Create(wanted)).await {
            Ok(Answer::Invited(made)) => Ok(made),
            other => Err(other.unwrap_err().text),
        }
    }

    #[tokio::test]
    async fn invitations_are_made_listed_and_revoked() {
        let inviting = inviting();
        let juliet = Invitation { address: Some("juliet@localhost".into()), ..Invitation::default() };
        let made = create(&inviting, juliet.clone()).await.unwrap();
        assert!(made.uri.starts_with("xmpp:juliet@localhost?register;preauth="), "{}", made.uri);
        assert_eq!(
            create(&inviting, juliet).await.unwrap_err(),
            "juliet@localhost is taken: choose another name"
        );
        let Ok(Answer::Invites(list)) = inviting.carry_out(Invite::List).await else { panic!() };
        assert_eq!((list.len(), list[0].account.as_deref()), (1, Some("juliet@localhost")));
        let revoke = || Invite::Revoke { id: made.id.clone() };
        assert_eq!(inviting.carry_out(revoke()).await, Ok(Answer::OK));
        assert_eq!(inviting.carry_out(revoke()).await.unwrap_err().why, Why::NotFound);
    }

    #[tokio::test]
    async fn what_makes_no_sense_is_said_to() {
        let inviting = inviting();
        let refused = [
            (Invitation { contact_only: true, ..Invitation::default() }, "say with --from whose contact"),
            (
                Invitation { from: Some("romeo@localhost".into()), ..Invitation::default() },
                "there is no account",
            ),
            (
                Invitation { address: Some("example.org".into()), ..Invitation::default() },
                "example.org is not served here",
            ),
            (
                Invitation { circle: Some("verona".into()), ..Invitation::default() },
                "there is no circle verona",
            ),
            (Invitation { uses: 5000, ..Invitation::default() }, "a thousand uses at most"),
        ];
        for (wanted, text) in refused {
            let why = create(&inviting, wanted).await.unwrap_err();
            assert!(why.contains(text), "{why}");
        }
    }
}
