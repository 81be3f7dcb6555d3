//! XEP-0077: In-Band Registration, for those who are logged in: another password, or the end of the account.

use std::sync::Arc;

use rialto_store::StoreError;
use rialto_xmpp::{BareJid, Condition, Element, IqKind, StanzaError, ns};

use super::{About, Also, Answer, Ask, Feature, Fut, IqSpec, Spec, Target};
use crate::credentials::PasswordError;
use crate::sessions::Account;

static ABOUT: About = About {
    spec: Spec::Xep(77, "2.4"),
    disco: &[(Target::Server, ns::REGISTER)],
    iq: &[
        IqSpec::server_get(ns::REGISTER, "query"),
        IqSpec::server_set(ns::REGISTER, "query"),
        IqSpec::account_get(ns::REGISTER, "query"),
        IqSpec::account_set(ns::REGISTER, "query"),
    ],
    at: &[],
};

/// Keeps passwords.
pub trait Passwords: Send + Sync + 'static {
    /// Gives an account another password.
    fn change<'a>(&'a self, jid: &'a BareJid, password: &'a str) -> Fut<'a, Result<(), ChangeError>>;
}

/// Why a password was not changed.
#[derive(Debug)]
pub enum ChangeError {
    /// It cannot be used.
    Password(PasswordError),
    /// It could not be stored.
    Store(StoreError),
}

/// Changes passwords and removes accounts.
pub struct Register {
    passwords: Arc<dyn Passwords>,
}

impl Register {
    /// Changes them here.
    pub fn new(passwords: Arc<dyn Passwords>) -> Register {
        Register { passwords }
    }

    /// §3.3.
    async fn change(&self, account: &Account, query: &Element) -> Result<(), StanzaError> {
        let username = query.child_text("username", ns::REGISTER).ok_or(Condition::BadRequest)?;
        let password = query.child_text("password", ns::REGISTER).ok_or(Condition::BadRequest)?;
        let own = rialto_xmpp::prep::localpart(&username);
        if own.ok().as_deref() != account.jid.localpart() {
            return Err(Condition::NotAllowed.into());
        }
        match self.passwords.change(&account.jid, &password).await {
            Ok(()) => Ok(()),
            Err(ChangeError::Password(error)) => {
                Err(StanzaError::new(Condition::NotAcceptable, error.to_string()))
            }
            Err(ChangeError::Store(_)) => Err(Condition::InternalServerError.into()),
        }
    }
}

impl Feature for Register {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn answer<'a>(&'a self, ask: &'a mut Ask<'_>) -> Answer<'a> {
        Box::pin(async move {
            let account = ask.owner()?.clone();
            let query = ask.payload()?;
            if ask.iq.kind == IqKind::Get {
                // §3.1: already registered.
                let username = account.jid.localpart().unwrap_or_default();
                let field = |name: &'static str| Element::new(name, ns::REGISTER);
                let answer = Element::new("query", ns::REGISTER)
                    .with(field("registered"))
                    .with(field("username").with_text(username))
                    .with(field("password"));
                return Ok(Some(answer));
            }
            if query.has("remove", ns::REGISTER) {
                // §3.2: the answer first, then everything of the account.
                ask.left.after.push(Also::Remove(account.jid.clone()));
                return Ok(None);
            }
            self.change(&account, query).await?;
            Ok(None)
        })
    }
}
