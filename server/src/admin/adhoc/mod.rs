//! XEP-0133: Service Administration: the desk's commands, from an admin's client.
//!
//! `forms` asks, `act` does; both speak of the commands of the table below. Editing the list of admins and the lists of
//! who may speak to the server at all (§4.11, §4.12, §4.29) is not offered: the configuration says that.

mod act;
mod forms;
mod look;

use super::desk::FrontDesk;
use crate::features::Fut;
use crate::features::command::{Command, Stage};
use rialto_xmpp::parts::form::Form;
use rialto_xmpp::{BareJid, Condition, Jid, StanzaError, ns};
use std::sync::{Arc, Weak};

/// What an admin can do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Act {
    AddUser,
    DeleteUsers,
    DisableUsers,
    ReenableUsers,
    EndSessions,
    ChangePassword,
    Roster,
    LastLogin,
    Statistics,
    Count(Set),
    List(Set),
    Announce,
    SetMotd,
    EditMotd,
    DeleteMotd,
    SetWelcome,
    DeleteWelcome,
    Restart,
    Shutdown,
}

/// Which people are counted or listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Set {
    Registered,
    Disabled,
    Online,
    Active,
    Idle,
}

/// Each with the end of its node, and its name.
const ACTS: &[(Act, &str, &str)] = &[
    (Act::AddUser, "add-user", "Add User"),
    (Act::DeleteUsers, "delete-user", "Delete User"),
    (Act::DisableUsers, "disable-user", "Disable User"),
    (Act::ReenableUsers, "reenable-user", "Re-Enable User"),
    (Act::EndSessions, "end-user-session", "End User Session"),
    (Act::ChangePassword, "change-user-password", "Change User Password"),
    (Act::Roster, "get-user-roster", "Get User Roster"),
    (Act::LastLogin, "get-user-lastlogin", "Get User Last Login Time"),
    (Act::Statistics, "user-stats", "Get User Statistics"),
    (Act::Count(Set::Registered), "get-registered-users-num", "Get Number of Registered Users"),
    (Act::Count(Set::Disabled), "get-disabled-users-num", "Get Number of Disabled Users"),
    (Act::Count(Set::Online), "get-online-users-num", "Get Number of Online Users"),
    (Act::Count(Set::Active), "get-active-users-num", "Get Number of Active Users"),
    (Act::Count(Set::Idle), "get-idle-users-num", "Get Number of Idle Users"),
    (Act::List(Set::Registered), "get-registered-users-list", "Get List of Registered Users"),
    (Act::List(Set::Disabled), "get-disabled-users-list", "Get List of Disabled Users"),
    (Act::List(Set::Online), "get-online-users-list", "Get List of Online Users"),
    (Act::List(Set::Active), "get-active-users", "Get List of Active Users"),
    (Act::List(Set::Idle), "get-idle-users", "Get List of Idle Users"),
    (Act::Announce, "announce", "Send Announcement to Online Users"),
    (Act::SetMotd, "set-motd", "Set Message of the Day"),
    (Act::EditMotd, "edit-motd", "Edit Message of the Day"),
    (Act::DeleteMotd, "delete-motd", "Delete Message of the Day"),
    (Act::SetWelcome, "set-welcome", "Set Welcome Message"),
    (Act::DeleteWelcome, "delete-welcome", "Delete Welcome Message"),
    (Act::Restart, "restart", "Restart Service"),
    (Act::Shutdown, "shutdown", "Shut Down Service"),
];

impl FrontDesk {
    /// Offers all this to the clients of admins, and to everybody an export of what is kept of him.
    pub fn offer_commands(self: &Arc<FrontDesk>) {
        let admins: Arc<[BareJid]> = self.admins().into();
        let command = |(act, end, name): &(Act, &str, &'static str)| -> Arc<dyn Command> {
            let (node, admins) = (format!("{}#{end}", ns::ADMIN), admins.clone());
            Arc::new(AdminCommand { desk: Arc::downgrade(self), act: *act, node, name, admins })
        };
        self.router().features.catalogue.offer(ACTS.iter().map(command));
        let own = self.uploads().map(|uploads| self.own_export(uploads));
        self.router().features.catalogue.offer(own);
    }
}

/// One of them.
struct AdminCommand {
    desk: Weak<FrontDesk>,
    act: Act,
    node: String,
    name: &'static str,
    admins: Arc<[BareJid]>,
}

impl Command for AdminCommand {
    fn node(&self) -> &str {
        &self.node
    }

    fn name(&self) -> &str {
        self.name
    }

    /// §6: nobody but admins, by their whole bare JID.
    fn allows(&self, who: &Jid) -> bool {
        self.admins.iter().any(|admin| admin.as_str() == who.bare_str())
    }

    fn run<'a>(&'a self, who: &'a Jid, form: Option<&'a Form>) -> Fut<'a, Result<Stage, StanzaError>> {
        Box::pin(async move {
            // It goes when the server stops.
            let desk = self.desk.upgrade().ok_or(Condition::ServiceUnavailable)?;
            match form {
                Some(form) if form.kind == "cancel" => Ok(Stage::told("Nothing was done.")),
                Some(form) if form.form_type().is_some_and(|form_type| form_type != ns::ADMIN) => {
                    let text = "This form belongs to another command.";
                    Err(StanzaError::new(Condition::BadRequest, text))
                }
                Some(form) => {
                    tracing::info!(admin = who.bare_str(), command = self.name, "an admin's command");
                    act::carry_out(&desk, self.act, form).await
                }
                None => match forms::question(&desk, self.act).await? {
                    Some(form) => Ok(Stage::Ask(form)),
                    None => {
                        tracing::info!(admin = who.bare_str(), command = self.name, "an admin's command");
                        act::carry_out(&desk, self.act, &Form::default()).await
                    }
                },
            }
        })
    }
}
