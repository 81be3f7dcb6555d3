//! The desk of a running server: what the admin socket asks for is done here.

use super::protocol::{Answer, Command, Refusal, Status, Why};
use super::socket::{Carrying, Desk};
use super::users::{self, Users};
use crate::config::Config;
use crate::people::PeopleError;
use crate::router::Router;
use crate::sessions::End;
use rialto_xmpp::{BareJid, StreamCondition, StreamError};
use std::sync::Arc;
use std::time::Instant;
use tokio::sync::{mpsc, oneshot};

/// What only the one who runs the server can do.
#[derive(Debug)]
pub enum Wish {
    /// Read configuration and certificates again; tells what came of it.
    Reload(oneshot::Sender<Result<String, String>>),
    /// Go home.
    Stop,
}

/// The desk.
pub struct FrontDesk {
    config: Arc<Config>,
    router: Arc<Router>,
    users: Users,
    listening: Vec<String>,
    wishes: mpsc::Sender<Wish>,
    since: Instant,
}

impl FrontDesk {
    /// A desk for this server; what it cannot do itself, it wishes.
    pub fn new(
        config: Arc<Config>,
        router: Arc<Router>,
        listening: Vec<String>,
        wishes: mpsc::Sender<Wish>,
    ) -> FrontDesk {
        let users = Users::new(&router.store, &config.domains);
        FrontDesk { config, router, users, listening, wishes, since: Instant::now() }
    }

    /// The accounts.
    pub fn users(&self) -> &Users {
        &self.users
    }

    async fn dispatch(&self, command: Command) -> Result<Answer, Refusal> {
        match command {
            Command::UserAdd { address, password, reuse } => self.users.add(&address, &password, reuse).await,
            Command::UserList => self.users.list(|address| Some(self.sessions_of(address))),
            Command::UserPasswd { address, password } => self.passwd(&address, &password).await,
            Command::UserRemove { address } => self.remove(&address).await,
            Command::Status => Ok(Answer::Status(self.status())),
            Command::Reload => self.reload().await,
            Command::Stop => {
                let _ = self.wishes.send(Wish::Stop).await;
                Ok(Answer::OK)
            }
            other => Err(Refusal::new(Why::BadRequest, format!("this server cannot do {other:?}"))),
        }
    }

    fn sessions_of(&self, address: &str) -> usize {
        self.router.accounts.get(address).map_or(0, |account| account.sessions().len())
    }

    /// Whoever is logged in with the old password must log in again.
    async fn passwd(&self, address: &str, password: &str) -> Result<Answer, Refusal> {
        self.users.passwd(address, password).await?;
        let jid = self.users.address(address)?;
        let Some(account) = self.router.accounts.get(jid.as_str()) else { return Ok(Answer::OK) };
        for session in account.sessions().iter() {
            let error = StreamError::new(StreamCondition::NotAuthorized, "The password was changed.");
            session.outbox.end(End::Error(error));
            self.router.unbind(&account, session).await;
        }
        Ok(Answer::OK)
    }

    async fn remove(&self, address: &str) -> Result<Answer, Refusal> {
        let jid: BareJid = self.users.address(address)?;
        match self.router.remove_account(&jid).await {
            Ok(true) => Ok(Answer::OK),
            Ok(false) => Err(users::refusal(&jid, &PeopleError::Unknown)),
            Err(why) => Err(users::failed(&why)),
        }
    }

    async fn reload(&self) -> Result<Answer, Refusal> {
        let gone = || Refusal::new(Why::Failed, "the server is stopping");
        let (tell, told) = oneshot::channel();
        self.wishes.send(Wish::Reload(tell)).await.map_err(|_| gone())?;
        match told.await.map_err(|_| gone())? {
            Ok(remark) => Ok(Answer::remark(remark)),
            Err(why) => Err(Refusal::new(Why::Failed, why)),
        }
    }

    fn status(&self) -> Status {
        Status {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            pid: std::process::id(),
            uptime: self.since.elapsed().as_secs(),
            listening: self.listening.clone(),
            domains: self.config.domains.clone(),
            config: self.config.origin.file.as_ref().map(|file| file.display().to_string()),
            sessions: self.router.accounts.all_sessions().len(),
            rooms: 0,
            bridges: Vec::new(),
            memory: crate::metrics::memory(),
        }
    }
}

impl Desk for FrontDesk {
    fn carry_out(&self, command: Command) -> Carrying<'_> {
        Box::pin(self.dispatch(command))
    }
}
