//! What an operator does with accounts: by the store alone, so that it works while the server does not run.

use super::protocol::{Answer, Refusal, User, Why};
use crate::people::{People, PeopleError};
use rialto_store::accounts::Accounts;
use rialto_store::{Store, StoreError};
use rialto_xmpp::BareJid;

/// Accounts of these domains, in this store.
#[derive(Clone)]
pub struct Users {
    people: People,
    accounts: Accounts,
    domains: Vec<String>,
}

/// Accounts read at a time.
const PAGE: usize = 500;

impl Users {
    /// The accounts of a store.
    pub fn new(store: &Store, domains: &[String]) -> Users {
        Users { people: People::new(store), accounts: Accounts::new(store), domains: domains.to_vec() }
    }

    /// The account that an operator means.
    ///
    /// # Errors
    /// It is no address, or not of a domain that is served here.
    pub fn address(&self, text: &str) -> Result<BareJid, Refusal> {
        let bad = |text: String| Refusal::new(Why::BadRequest, text);
        let first = self.first_domain();
        let jid = BareJid::parse(text).map_err(|why| bad(format!("\"{text}\" is no address: {why}")))?;
        if jid.localpart().is_none() {
            return Err(bad(format!(
                "\"{text}\" is a domain, not an account: write NAME@DOMAIN, as in {text}@{first}"
            )));
        }
        if !self.domains.iter().any(|domain| domain == jid.domainpart()) {
            let domains = self.domains.join(", ");
            return Err(bad(format!("{} is not served here; accounts are on {domains}", jid.domainpart())));
        }
        Ok(jid)
    }

    /// The account that an operator means, which is there.
    ///
    /// # Errors
    /// As of `address`; or there is none.
    pub fn known(&self, text: &str) -> Result<BareJid, Refusal> {
        let jid = self.address(text)?;
        match self.accounts.get(jid.as_str()) {
            Ok(Some(_)) => Ok(jid),
            Ok(None) => Err(refusal(&jid, &PeopleError::Unknown)),
            Err(why) => Err(failed(&why)),
        }
    }

    /// A domain of accounts.
    ///
    /// # Errors
    /// It is not served here.
    pub fn domain(&self, text: &str) -> Result<String, Refusal> {
        let domain = BareJid::parse(text).ok().filter(|jid| jid.localpart().is_none());
        let domain = domain.map_or_else(|| text.to_owned(), |jid| jid.as_str().to_owned());
        if self.domains.contains(&domain) {
            return Ok(domain);
        }
        let text = format!("{domain} is not served here; accounts are on {}", self.domains.join(", "));
        Err(Refusal::new(Why::BadRequest, text))
    }

    /// Where accounts are.
    pub fn domains(&self) -> &[String] {
        &self.domains
    }

    /// The first domain.
    pub fn first_domain(&self) -> &str {
        self.domains.first().map_or("localhost", String::as_str)
    }

    /// Makes an account.
    ///
    /// # Errors
    /// [`Refusal`].
    pub async fn add(&self, address: &str, password: &str, reuse: bool) -> Result<Answer, Refusal> {
        let jid = self.address(address)?;
        self.people.add(&jid, password, reuse).await.map_err(|why| refusal(&jid, &why))?;
        Ok(Answer::OK)
    }

    /// Gives an account another password.
    ///
    /// # Errors
    /// [`Refusal`].
    pub async fn passwd(&self, address: &str, password: &str) -> Result<Answer, Refusal> {
        let jid = self.address(address)?;
        self.people.set_password(&jid, password).await.map_err(|why| refusal(&jid, &why))?;
        Ok(Answer::OK)
    }

    /// Lets nobody log in to an account any more, or lets them again. Sessions that are there stay.
    ///
    /// # Errors
    /// [`Refusal`].
    pub async fn disable(&self, address: &str, disable: bool) -> Result<Answer, Refusal> {
        let jid = self.address(address)?;
        let there = self.accounts.set_disabled(jid.as_str(), disable).await.map_err(|why| failed(&why))?;
        if there { Ok(Answer::OK) } else { Err(refusal(&jid, &PeopleError::Unknown)) }
    }

    /// Removes an account that nobody is logged in to: for a server that does not run.
    ///
    /// # Errors
    /// [`Refusal`].
    pub async fn remove(&self, address: &str) -> Result<Answer, Refusal> {
        let jid = self.address(address)?;
        let was_there = self.accounts.remove(jid.as_str()).await.map_err(|why| failed(&why))?;
        if was_there { Ok(Answer::OK) } else { Err(refusal(&jid, &PeopleError::Unknown)) }
    }

    /// All accounts; `sessions` counts those of one that are there now.
    ///
    /// # Errors
    /// [`Refusal`].
    pub fn list(&self, sessions: impl Fn(&str) -> Option<usize>) -> Result<Answer, Refusal> {
        let mut users: Vec<User> = Vec::new();
        loop {
            let after = users.last().map(|user| user.address.as_str());
            let page = self.accounts.list(after, PAGE).map_err(|why| failed(&why))?;
            if page.is_empty() {
                // The store's own order is by length first.
                users.sort_by(|one, other| one.address.cmp(&other.address));
                return Ok(Answer::Users(users));
            }
            users.extend(page.into_iter().map(|(address, account)| User {
                sessions: sessions(&address),
                created: account.created,
                disabled: account.disabled,
                address,
            }));
        }
    }
}

/// Why nothing came of it.
pub(super) fn refusal(jid: &BareJid, why: &PeopleError) -> Refusal {
    let (kind, text) = match why {
        PeopleError::Exists => {
            (Why::Exists, format!("{jid} is there already; `rialto user passwd {jid}` changes its password"))
        }
        PeopleError::Removed => (
            Why::Exists,
            format!(
                "{jid} was removed once, and its old contacts may take the new owner for the old one; say --reuse to \
                 give the name again"
            ),
        ),
        PeopleError::Reserved => (
            Why::Exists,
            format!(
                "{jid} is reserved by an invitation; `rialto invite list` shows it, `rialto invite revoke` frees the name"
            ),
        ),
        PeopleError::Unknown => {
            (Why::NotFound, format!("there is no account {jid}; `rialto user list` shows all"))
        }
        PeopleError::Password(why) => (Why::BadRequest, why.to_string()),
        PeopleError::Store(why) => return failed(why),
    };
    Refusal::new(kind, text)
}

/// The store failed.
pub(super) fn failed(why: &StoreError) -> Refusal {
    Refusal::new(Why::Failed, why.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn users() -> Users {
        Users::new(&Store::memory(), &["localhost".to_owned()])
    }

    #[tokio::test]
    async fn accounts_are_made_listed_changed_and_removed() {
        let users = users();
        users.add("romeo@localhost", "pencil", false).await.unwrap();
        users.add("Juliet@LOCALHOST", "pencil", false).await.unwrap();
        let Answer::Users(list) = users.list(|_| Some(1)).unwrap() else { panic!() };
        let addresses: Vec<&str> = list.iter().map(|user| user.address.as_str()).collect();
        assert_eq!(addresses, ["juliet@localhost", "romeo@localhost"]);
        assert_eq!(list[0].sessions, Some(1));
        users.passwd("romeo@localhost", "eraser").await.unwrap();
        users.remove("romeo@localhost").await.unwrap();
        let Answer::Users(list) = users.list(|_| None).unwrap() else { panic!() };
        assert_eq!((list.len(), list[0].sessions), (1, None));
    }

    #[tokio::test]
    async fn refusals_say_what_to_do() {
        let users = users();
        users.add("romeo@localhost", "pencil", false).await.unwrap();
        let again = users.add("romeo@localhost", "pencil", false).await.unwrap_err();
        assert_eq!(again.why, Why::Exists);
        assert!(again.text.contains("rialto user passwd romeo@localhost"), "{again}");
        let unknown = users.passwd("tybalt@localhost", "x").await.unwrap_err();
        assert_eq!(unknown.why, Why::NotFound);
        let foreign = users.add("romeo@example.org", "x", false).await.unwrap_err();
        assert_eq!(foreign.text, "example.org is not served here; accounts are on localhost");
        let domain = users.add("romeo", "x", false).await.unwrap_err();
        assert_eq!(
            domain.text,
            "\"romeo\" is a domain, not an account: write NAME@DOMAIN, as in romeo@localhost"
        );
        users.remove("romeo@localhost").await.unwrap();
        let removed = users.add("romeo@localhost", "x", false).await.unwrap_err();
        assert!(removed.text.contains("--reuse"), "{removed}");
        users.add("romeo@localhost", "x", true).await.unwrap();
    }
}
