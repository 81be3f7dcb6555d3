//! The desk of a running server: what the admin socket asks for is done here.

use super::invites::Inviting;
use super::protocol::{Answer, Command, Refusal, Status, Why};
use super::reports;
use super::rooms::Rooms;
use super::socket::{Carrying, Desk};
use super::uploads;
use super::users::{self, Users};
use super::{blocklists, circles, exports, links, notices, people};
use crate::config::Config;
use crate::features::list::Shared;
use crate::muc::links::Links;
use crate::people::PeopleError;
use crate::router::Router;
use crate::services::bytestreams::Bytestreams;
use crate::services::uploads::Uploads;
use rialto_store::reports::Reports;
use rialto_xmpp::{BareJid, StreamCondition, StreamError};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::{mpsc, oneshot};

/// What only the one who runs the server can do.
#[derive(Debug)]
pub enum Wish {
    /// Read configuration and certificates again; tells what came of it.
    Reload(oneshot::Sender<Result<String, String>>),
    /// Go home.
    Stop,
    /// Go home, and come back.
    Restart,
}

/// What a desk is made of.
pub struct Around {
    /// As the server was configured.
    pub config: Arc<Config>,
    /// The way of every stanza.
    pub router: Arc<Router>,
    /// Rooms that are one with rooms on other networks.
    pub links: Links,
    /// Invitations, and the message of the day.
    pub shared: Shared,
    /// Uploaded files, if there are any.
    pub uploads: Option<Arc<Uploads>>,
    /// Transfers of files, if they can meet here.
    pub transfers: Option<Arc<Bytestreams>>,
    /// Where clients are let in.
    pub listening: Vec<SocketAddr>,
    /// To the one who runs the server.
    pub wishes: mpsc::Sender<Wish>,
}

/// The desk.
pub struct FrontDesk {
    config: Arc<Config>,
    router: Arc<Router>,
    shared: Shared,
    inviting: Inviting,
    users: Users,
    rooms: Rooms,
    links: Links,
    reports: Reports,
    uploads: Option<Arc<Uploads>>,
    transfers: Option<Arc<Bytestreams>>,
    listening: Vec<String>,
    wishes: mpsc::Sender<Wish>,
    since: Instant,
}

impl FrontDesk {
    /// A desk; what it cannot do itself, it wishes.
    pub fn new(around: Around) -> FrontDesk {
        let Around { config, router, links, shared, uploads, transfers, listening, wishes } = around;
        let users = Users::new(&router.store, &config.domains);
        FrontDesk {
            reports: Reports::new(&router.store),
            uploads,
            transfers,
            inviting: Inviting::new(&router.store, &shared.invites, &users),
            users,
            rooms: Rooms::new(links.hosts().all(), &config.rooms),
            listening: listening.iter().map(SocketAddr::to_string).collect(),
            config,
            router,
            shared,
            links,
            wishes,
            since: Instant::now(),
        }
    }

    /// Who may administer the server from a client.
    pub fn admins(&self) -> &[BareJid] {
        &self.config.admins
    }

    /// The way of every stanza.
    pub(super) fn router(&self) -> &Arc<Router> {
        &self.router
    }

    /// Uploaded files, if there are any.
    pub(super) fn uploads(&self) -> Option<&Arc<Uploads>> {
        self.uploads.as_ref()
    }

    /// The accounts.
    pub fn users(&self) -> &Users {
        &self.users
    }

    async fn dispatch(&self, command: Command) -> Result<Answer, Refusal> {
        match command {
            Command::UserAdd { address, password, reuse } => self.add(&address, &password, reuse).await,
            Command::UserList => self.users.list(|address| Some(self.sessions_of(address))),
            Command::UserPasswd { address, password } => self.passwd(&address, &password).await,
            Command::UserRemove { address } => self.remove(&address).await,
            Command::UserShow { address } => {
                people::show(&self.router, &self.users, &address).await.map(Answer::Portrait)
            }
            Command::UserDisable { address, enable } => {
                people::disable(&self.router, &self.users, &address, !enable).await
            }
            Command::UserKick { address } => people::kick(&self.router, &self.users, &address).await,
            Command::Invite(command) => self.inviting.carry_out(command).await,
            Command::Circle(command) => {
                let most = self.config.circles.max_members;
                circles::carry_out(&self.router, &self.users, most, command).await
            }
            Command::Notice(command) => notices::carry_out(&self.router, &self.shared.day, command).await,
            Command::RoomList => Ok(self.rooms.list()),
            Command::RoomCreate { room, owner, name } => {
                let owner = owner.map(|owner| self.users.address(&owner)).transpose()?;
                self.rooms.create(&room, owner, name).await
            }
            Command::RoomDestroy { room, reason } => self.rooms.destroy(&room, reason).await,
            Command::LinkList => Ok(links::list(&self.links)),
            Command::LinkAdd { room, to, options } => links::add(&self.links, &room, &to, options).await,
            Command::LinkChange { room, to, set } => links::change(&self.links, &room, &to, &set).await,
            Command::LinkRemove { room, to } => links::remove(&self.links, &room, &to).await,
            Command::ReportList => reports::list(&self.reports),
            Command::ReportShow { number } => reports::show(&self.reports, number),
            Command::ReportRemove { number } => reports::remove(&self.reports, number).await,
            Command::UploadList { owner } => uploads::list(self.uploads.as_ref(), owner.as_deref()),
            Command::UploadRemove { url } => uploads::remove(self.uploads.as_ref(), &url).await,
            Command::Export { address } => {
                let folder = self.config.data.join(exports::FOLDER);
                exports::write(&self.router.store, &self.users, folder, address.as_deref()).await
            }
            Command::Status => Ok(Answer::Status(self.status())),
            Command::Reload => self.reload().await,
            Command::Stop => self.wish(Wish::Stop).await,
            Command::Restart => self.wish(Wish::Restart).await,
        }
    }

    fn sessions_of(&self, address: &str) -> usize {
        self.router.accounts.get(address).map_or(0, |account| account.sessions().len())
    }

    /// Wishes something after a while; whoever hears of it meanwhile can still see to his words.
    pub(super) fn wish_later(&self, wish: Wish, delay: Duration) {
        let wishes = self.wishes.clone();
        tokio::spawn(async move {
            tokio::time::sleep(delay).await;
            let _ = wishes.send(wish).await;
        });
    }

    async fn wish(&self, wish: Wish) -> Result<Answer, Refusal> {
        let _ = self.wishes.send(wish).await;
        Ok(Answer::OK)
    }

    async fn add(&self, address: &str, password: &str, reuse: bool) -> Result<Answer, Refusal> {
        let done = self.users.add(address, password, reuse).await?;
        let jid = self.users.address(address)?;
        match self.router.born(&jid, None, &self.config.circles.everyone).await {
            Ok(()) => Ok(done),
            Err(why) => Ok(Answer::remark(format!("{jid} can log in now; but {why}."))),
        }
    }

    /// Whoever is logged in with the old password must log in again.
    async fn passwd(&self, address: &str, password: &str) -> Result<Answer, Refusal> {
        self.users.passwd(address, password).await?;
        let jid = self.users.address(address)?;
        let error = StreamError::new(StreamCondition::NotAuthorized, "The password was changed.");
        people::end(&self.router, jid.as_jid(), &error).await;
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
            rooms: self.rooms.count(),
            bridges: links::networks(&self.links),
            blocklists: blocklists::list(&self.router.guards),
            uploads: self.uploads.as_ref().map(|uploads| uploads.totals()),
            transfers: self.transfers.as_ref().map(|streams| streams.count()),
            memory: crate::metrics::memory(),
        }
    }
}

impl Desk for FrontDesk {
    fn carry_out(&self, command: Command) -> Carrying<'_> {
        Box::pin(self.dispatch(command))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::server::Server;

    async fn with_desk() -> (Server, Arc<FrontDesk>, mpsc::Receiver<Wish>, tempfile::TempDir) {
        let folder = tempfile::tempdir().unwrap();
        let source = "[listen]\nstarttls = 0\ntls = 0\n[http]\nport = 0\ntls = 0\n[proxy]\nport = 0\n\
                      [store]\nengine = \"memory\"\n";
        let file = folder.path().join("rialto.toml");
        std::fs::write(&file, source).unwrap();
        let server = Server::open(Config::load(&file).unwrap()).await.unwrap();
        let (desk, wished) = (server.desk.clone(), server.wishes().unwrap());
        (server, desk, wished, folder)
    }

    fn text(outcome: Result<Answer, Refusal>) -> String {
        outcome.unwrap_err().text
    }

    #[tokio::test]
    async fn accounts_and_rooms_are_made_while_the_server_runs() {
        let (server, desk, _wished, _folder) = with_desk().await;
        let romeo = || "romeo@localhost".to_owned();
        let add = Command::UserAdd { address: romeo(), password: "pencil".into(), reuse: false };
        assert_eq!(desk.carry_out(add).await, Ok(Answer::OK));
        let lounge = || "lounge@rooms.localhost".to_owned();
        let create =
            || Command::RoomCreate { room: lounge(), owner: Some(romeo()), name: Some("The lounge".into()) };
        assert_eq!(desk.carry_out(create()).await, Ok(Answer::OK));
        assert_eq!(text(desk.carry_out(create()).await), "lounge@rooms.localhost is there already");
        let Ok(Answer::Rooms(rooms)) = desk.carry_out(Command::RoomList).await else { panic!() };
        assert_eq!((rooms.len(), rooms[0].name.as_str(), rooms[0].occupants), (1, "The lounge", Some(0)));
        assert!(rooms[0].persistent && rooms[0].owners == [romeo()]);
        let Ok(Answer::Status(status)) = desk.carry_out(Command::Status).await else { panic!() };
        assert_eq!((status.rooms, status.sessions, status.pid), (1, 0, std::process::id()));
        let destroy = || Command::RoomDestroy { room: lounge(), reason: None };
        assert_eq!(desk.carry_out(destroy()).await, Ok(Answer::OK));
        let gone = "there is no room lounge@rooms.localhost; `rialto room list` shows all";
        assert_eq!(text(desk.carry_out(destroy()).await), gone);
        assert_eq!(desk.carry_out(Command::UserRemove { address: romeo() }).await, Ok(Answer::OK));
        server.close().await;
    }

    #[tokio::test]
    async fn a_wrong_address_is_said_to_be_one() {
        let (server, desk, _wished, _folder) = with_desk().await;
        let create = |room: &str| Command::RoomCreate { room: room.into(), owner: None, name: None };
        assert_eq!(
            text(desk.carry_out(create("lounge")).await),
            "\"lounge\" is a domain, not a room: write NAME@rooms.localhost"
        );
        assert_eq!(
            text(desk.carry_out(create("lounge@localhost")).await),
            "there are no rooms on localhost; they are on rooms.localhost"
        );
        server.close().await;
    }

    #[tokio::test]
    async fn a_link_that_cannot_be_is_refused_with_the_reason() {
        let (server, desk, _wished, _folder) = with_desk().await;
        let add = |room: &str, to: &str| Command::LinkAdd {
            room: room.into(),
            to: to.into(),
            options: Default::default(),
        };
        let room = "lounge@rooms.localhost";
        assert_eq!(
            text(desk.carry_out(add(room, "far:#a")).await),
            "there is no [bridge.far] in the configuration; there is none"
        );
        assert!(text(desk.carry_out(add(room, "#a")).await).starts_with("\"#a\" names no far room"));
        assert_eq!(desk.carry_out(Command::LinkList).await, Ok(Answer::Links(Vec::new())));
        let remove = Command::LinkRemove { room: room.into(), to: "far:#a".into() };
        assert_eq!(text(desk.carry_out(remove).await), "lounge@rooms.localhost is not linked to far:#a");
        server.close().await;
    }

    #[tokio::test]
    async fn what_the_desk_cannot_do_itself_it_wishes() {
        let (server, desk, mut wished, _folder) = with_desk().await;
        let served = tokio::spawn(async move {
            let Some(Wish::Reload(tell)) = wished.recv().await else { panic!() };
            tell.send(Err("config line 1: no".to_owned())).unwrap();
            matches!(wished.recv().await, Some(Wish::Stop))
        });
        assert_eq!(text(desk.carry_out(Command::Reload).await), "config line 1: no");
        assert_eq!(desk.carry_out(Command::Stop).await, Ok(Answer::OK));
        assert!(served.await.unwrap());
        server.close().await;
    }
}
