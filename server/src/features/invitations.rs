//! XEP-0401: Ad-hoc Account Invitation Generation.

use std::sync::Arc;

use rialto_xmpp::parts::datetime;
use rialto_xmpp::parts::form::{Field, Form};
use rialto_xmpp::{BareJid, Condition, Jid, StanzaError, ns};

use super::command::{Command, Stage};
use super::{About, Feature, Fut, Spec};
use crate::config::Good;
use crate::invites::{InviteError, Invites, Made, Wanted};

static ABOUT: About = About { spec: Spec::Xep(401, "0.6.0"), disco: &[], iq: &[], at: &[] };

/// Offers the commands.
pub struct Invitations {
    desk: Arc<Desk>,
}

/// What both commands know.
struct Desk {
    invites: Arc<Invites>,
    domains: Vec<String>,
    admins: Vec<BareJid>,
}

impl Invitations {
    /// For the people of these domains; admins may invite to everything.
    pub fn new(invites: &Arc<Invites>, domains: &[String], admins: &[BareJid]) -> Invitations {
        let (domains, admins) = (domains.to_vec(), admins.to_vec());
        Invitations { desk: Arc::new(Desk { invites: invites.clone(), domains, admins }) }
    }
}

impl Feature for Invitations {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn commands(&self) -> Vec<Arc<dyn Command>> {
        vec![Arc::new(InviteUser(self.desk.clone())), Arc::new(CreateAccount(self.desk.clone()))]
    }
}

impl Desk {
    fn is_admin(&self, who: &Jid) -> bool {
        self.admins.iter().any(|admin| admin.as_str() == who.bare_str())
    }

    fn is_local(&self, who: &Jid) -> bool {
        who.localpart().is_some() && self.domains.iter().any(|domain| domain == who.domainpart())
    }

    /// Whether somebody's invitations are good for this.
    fn may(&self, who: &Jid, accounts: bool) -> bool {
        let users = match self.invites.settings().users {
            Good::Nothing => false,
            Good::Contacts => !accounts,
            Good::Accounts => true,
        };
        self.is_local(who) && (users || self.is_admin(who))
    }

    async fn make(&self, who: &Jid, wanted: Wanted) -> Result<Stage, StanzaError> {
        if !self.is_admin(who) {
            let open = self.invites.open_of(&who.bare()).map_err(|_| Condition::InternalServerError)?;
            if open >= self.invites.settings().per_user {
                return Ok(Stage::refused(format!("{}.", sentence(&InviteError::TooMany.to_string()))));
            }
        }
        match self.invites.create(wanted).await {
            Ok(made) => Ok(Stage::result(&told(&made))),
            Err(InviteError::Store(_)) => Err(Condition::InternalServerError.into()),
            Err(why) => Ok(Stage::refused(format!("{}.", sentence(&why.to_string())))),
        }
    }
}

/// §6.1: a link that makes a contact, and an account first where the inviter may invite to that.
struct InviteUser(Arc<Desk>);

impl Command for InviteUser {
    fn node(&self) -> &str {
        ns::INVITE_CONTACT
    }

    fn name(&self) -> &str {
        "Invite somebody"
    }

    fn allows(&self, who: &Jid) -> bool {
        self.0.may(who, false)
    }

    fn run<'a>(&'a self, who: &'a Jid, _form: Option<&'a Form>) -> Fut<'a, Result<Stage, StanzaError>> {
        Box::pin(async move {
            let wanted = Wanted {
                domain: who.domainpart().to_owned(),
                account: self.0.may(who, true),
                inviter: Some(who.bare()),
                contact: true,
                ..Wanted::default()
            };
            self.0.make(who, wanted).await
        })
    }
}

/// §6.4: a link that makes an account, of a name that is reserved for it or of any.
struct CreateAccount(Arc<Desk>);

impl Command for CreateAccount {
    fn node(&self) -> &str {
        ns::INVITE_ACCOUNT
    }

    fn name(&self) -> &str {
        "Invite somebody to an account"
    }

    fn allows(&self, who: &Jid) -> bool {
        self.0.may(who, true)
    }

    fn run<'a>(&'a self, who: &'a Jid, form: Option<&'a Form>) -> Fut<'a, Result<Stage, StanzaError>> {
        Box::pin(async move {
            let Some(form) = form else { return Ok(Stage::Ask(question())) };
            let domain = who.domainpart();
            let reserve = match form.value("username").map(str::trim).filter(|name| !name.is_empty()) {
                None => None,
                Some(name) => match Jid::from_parts(Some(name), domain, None) {
                    Ok(jid) => Some(jid.bare()),
                    Err(_) => {
                        return Ok(Stage::refused(format!(
                            "\"{name}\" is no user name: use letters, digits and dots."
                        )));
                    }
                },
            };
            let wanted = Wanted {
                domain: domain.to_owned(),
                account: true,
                inviter: Some(who.bare()),
                contact: form.boolean("roster-subscription").unwrap_or(false),
                reserve,
                ..Wanted::default()
            };
            self.0.make(who, wanted).await
        })
    }
}

fn question() -> Form {
    let name = Field { var: "username".into(), kind: "text-single", ..Field::default() };
    let name = Field { label: Some("User name; left empty, whoever comes chooses it".into()), ..name };
    Form { kind: "form".into(), ..Form::default() }
        .title("Invite somebody to an account")
        .instructions(
            "You get a link to pass on. A user name is kept for whoever has the link until it ends.",
        )
        .field(name)
        .field(Field::boolean("roster-subscription", "Make the new account one of your contacts", true))
}

/// §6.1: the result of both.
fn told(made: &Made) -> Form {
    let landing = made.landing.clone();
    let mut form = Form::new("result", ns::INVITATION).field(Field::text("uri", "Invitation", &made.uri));
    if let Some(landing) = landing {
        form = form.field(Field::text("landing-url", "Page that explains it", landing));
    }
    form.field(Field::text("expire", "Good until", datetime::format(made.expires)))
}

/// With a capital at its beginning.
fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use rialto_store::Store;

    fn commands(users: Good) -> (Arc<dyn Command>, Arc<dyn Command>) {
        let settings = crate::config::Invites { users, per_user: 1, ..Default::default() };
        let invites = Invites::new(&Store::memory(), &settings);
        let admin = BareJid::parse("prince@localhost").unwrap();
        let mut both = Invitations::new(&invites, &["localhost".into()], &[admin]).commands().into_iter();
        (both.next().unwrap(), both.next().unwrap())
    }

    fn jid(text: &str) -> Jid {
        Jid::parse(text).unwrap()
    }

    #[test]
    fn who_may_invite_to_what_is_the_operators_choice() {
        let romeo = jid("romeo@localhost/orchard");
        for (users, contacts, accounts) in
            [(Good::Nothing, false, false), (Good::Contacts, true, false), (Good::Accounts, true, true)]
        {
            let (invite, create) = commands(users);
            assert_eq!((invite.allows(&romeo), create.allows(&romeo)), (contacts, accounts), "{users:?}");
            let prince = jid("prince@localhost/hall");
            assert!(invite.allows(&prince) && create.allows(&prince));
            assert!(!invite.allows(&jid("prince@elsewhere.example/hall")));
            assert!(!create.allows(&jid("prince@localhost.example/hall")));
        }
    }

    #[tokio::test]
    async fn one_person_has_so_many_invitations_open_and_an_admin_has_more() {
        let (invite, _) = commands(Good::Contacts);
        let romeo = jid("romeo@localhost/orchard");
        assert!(matches!(invite.run(&romeo, None).await, Ok(Stage::Done { note: None, .. })));
        assert!(matches!(invite.run(&romeo, None).await, Ok(Stage::Done { note: Some(_), result: None })));
        let prince = jid("prince@localhost/hall");
        for _ in 0..3 {
            assert!(matches!(invite.run(&prince, None).await, Ok(Stage::Done { note: None, .. })));
        }
    }

    #[tokio::test]
    async fn a_forged_form_gets_a_plain_no() {
        let (_, create) = commands(Good::Accounts);
        let form = Form::new("submit", ns::INVITATION).field(Field::text("username", "", "a b@c"));
        let stage = create.run(&jid("romeo@localhost/orchard"), Some(&form)).await.unwrap();
        assert!(
            matches!(stage, Stage::Done { note: Some(super::super::command::Note::Refused(_)), .. }),
            "{stage:?}"
        );
    }
}
