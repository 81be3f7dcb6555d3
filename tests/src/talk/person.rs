//! Somebody in a transcript who speaks XMPP.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::Duration;

use super::pattern::{self, Names};
use super::proofs::Proofs;
use super::{Login, Over};
use crate::client::{Client, Heard, PATIENCE, Silence};
use crate::server::{PASSWORD, Server};
use crate::web;
use crate::xml::{Event, Xml};

/// How long silence is listened to.
const SILENCE: Duration = Duration::from_millis(100);
/// XEP-0198: `<r/>` comes when the server likes.
const SM: &str = "urn:xmpp:sm:3";

/// A person and the stream, if there is one.
#[derive(Default)]
pub struct Person {
    client: Option<Client>,
    login: Option<Login>,
    /// What came and was not yet asked for.
    waiting: VecDeque<Heard>,
    proofs: Proofs,
    trips: Trips,
}

/// How often a client has waited for the server: something was sent, and then something heard.
#[derive(Default)]
struct Trips {
    count: usize,
    has_sent: bool,
}

/// What was heard in between, for the record, and whether it went as it should.
pub type Said = Result<(), String>;

impl Person {
    /// A socket, or what goes over one.
    pub async fn connect(&mut self, server: &Server, over: Over) -> Said {
        let client = match over {
            Over::Nothing => Client::connect(server.address()?).await?,
            Over::Tls => tls(server.tls_address()?).await?,
            Over::SharedPort => tls(server.shared_address()?).await?,
            Over::WebSocket => Client::web(web::websocket(server.https_address()?).await?),
            Over::Bosh => Client::web(web::bosh(server.https_address()?)),
        };
        self.begin(client);
        Ok(())
    }

    /// XEP-0114: answers for a domain.
    pub async fn answer_for(&mut self, server: &Server, domain: &str) -> Said {
        let client = Client::component(server.component_address()?, domain, PASSWORD).await?;
        self.begin(client);
        Ok(())
    }

    /// Asks for something over HTTP.
    pub async fn ask(&mut self, server: &Server, path: &str) -> Said {
        let answer = web::get(server.https_address()?, path).await?;
        self.begin(Client::reading(answer));
        Ok(())
    }

    /// The handshake after `<proceed/>`.
    pub async fn start_tls(&mut self) -> Said {
        self.client()?.start_tls("localhost", false).await
    }

    /// Everything up to an authenticated stream and its features.
    pub async fn authenticate(&mut self, server: &Server, login: &Login) -> Said {
        server.account(&login.account).await?;
        let (client, _) = Client::authenticate(server.address()?, &login.account, PASSWORD).await?;
        self.begin(client);
        self.login = Some(login.clone());
        Ok(())
    }

    /// Logs in and gives the full JID.
    pub async fn log_in(&mut self, server: &Server, login: &Login) -> Result<String, String> {
        self.authenticate(server, login).await?;
        let jid = self.client()?.bind(login.resource.as_deref()).await?;
        if login.available {
            self.become_available().await?;
        }
        Ok(jid)
    }

    /// Logs in as the last time, but for presence.
    pub async fn log_in_again(&mut self, server: &Server) -> Result<String, String> {
        let login = self.login.clone().ok_or("there was no login before")?;
        let login = Login { available: false, ..login };
        self.log_in(server, &login).await
    }

    /// Asks for the roster and sends initial presence, as clients do; what comes of it is not of interest. The answer to
    /// a ping ends it.
    async fn become_available(&mut self) -> Said {
        let ping = "<iq type='get' id='available-yet'><ping xmlns='urn:xmpp:ping'/></iq>";
        let roster = "<iq type='get' id='roster'><query xmlns='jabber:iq:roster'/></iq>";
        self.client()?.send(&format!("{roster}<presence/>{ping}")).await?;
        loop {
            match self.client()?.next(PATIENCE).await {
                Ok(Heard { event: Event::Element(xml), .. }) if xml.get("id") == Some("available-yet") => {
                    return Ok(());
                }
                Ok(_) => {}
                Err(silence) => return Err(format!("no answer to a ping after presence: {silence}")),
            }
        }
    }

    /// XEP-0045 §7.2: enters a room, makes it an ordinary one where it is new, and has heard all up to the subject.
    pub async fn enter(&mut self, room: &str, nick: &str) -> Said {
        let enter =
            format!("<presence to='{room}/{nick}'><x xmlns='http://jabber.org/protocol/muc'/></presence>");
        let owner = "http://jabber.org/protocol/muc#owner";
        let instant = format!(
            "<iq type='set' to='{room}' id='instant'><query xmlns='{owner}'><x xmlns='jabber:x:data' type='submit'/></query></iq>"
        );
        self.client()?.send(&enter).await?;
        let (mut subject, mut made) = (false, true);
        while !subject || !made {
            let heard = self.client()?.next(PATIENCE).await;
            let heard = heard.map_err(|silence| format!("not in the room after all: {silence}"))?;
            let Event::Element(xml) = heard.event else { return Err(format!("this came: {}", heard.text)) };
            if xml.get("type") == Some("error") {
                return Err(format!("this came: {}", heard.text));
            }
            let is_new = |x: &Xml| x.children().any(|status| status.get("code") == Some("201"));
            if xml.name == "presence" && xml.children().any(is_new) {
                made = false;
                self.client()?.send(&instant).await?;
            }
            made |= xml.get("id") == Some("instant");
            subject |= xml.name == "message" && xml.child("subject").is_some() && xml.child("body").is_none();
        }
        Ok(())
    }

    /// Sends a text as it is.
    pub async fn send(&mut self, text: &str) -> Said {
        self.trips.has_sent = true;
        self.client()?.send(text).await
    }

    /// A text with its proofs in it.
    pub fn proven(&mut self, text: &str, names: &mut Names) -> Result<String, String> {
        let bindings = self.client()?.bindings.clone();
        self.proofs.fill(text, &bindings, names)
    }

    /// So often this client has waited since it connected.
    pub fn needed(&self, count: usize) -> Said {
        match self.trips.count {
            found if found == count => Ok(()),
            found => Err(format!("it needed {found}")),
        }
    }

    /// What comes next must be as the pattern says.
    pub async fn hears(&mut self, wanted: &Event, names: &mut Names) -> Result<Heard, String> {
        let heard = match self.next(wanted).await {
            Ok(heard) => heard,
            Err(silence) => return Err(silence.to_string()),
        };
        match pattern::event(wanted, &heard.event, names) {
            true => Ok(heard),
            false => Err(format!("this came instead: {}", heard.text)),
        }
    }

    /// It comes; other things that come before stay to be heard.
    pub async fn hears_sometime(&mut self, wanted: &Event, names: &mut Names) -> Result<Heard, String> {
        let mut aside = VecDeque::new();
        loop {
            match self.next(wanted).await {
                Ok(heard) if pattern::event(wanted, &heard.event, names) => {
                    aside.append(&mut self.waiting);
                    self.waiting = aside;
                    return Ok(heard);
                }
                Ok(other) => aside.push_back(other),
                Err(silence) => return Err(among(&aside, &silence)),
            }
        }
    }

    /// It comes; other things that come before are forgotten.
    pub async fn skips_until(&mut self, wanted: &Event, names: &mut Names) -> Result<Heard, String> {
        let mut skipped = VecDeque::new();
        loop {
            match self.next(wanted).await {
                Ok(heard) if pattern::event(wanted, &heard.event, names) => return Ok(heard),
                Ok(other) => skipped.push_back(other),
                Err(silence) => return Err(among(&skipped, &silence)),
            }
        }
    }

    /// Nothing waits and nothing comes for a while.
    pub async fn hears_nothing(&mut self) -> Said {
        loop {
            let heard = match self.waiting.pop_front() {
                Some(heard) => Ok(heard),
                None => self.client()?.next(SILENCE).await,
            };
            match heard {
                Ok(heard) if is_request(&heard.event) => {}
                Ok(heard) => return Err(format!("this came: {}", heard.text)),
                Err(Silence::Nothing) => return Ok(()),
                Err(silence) => return Err(silence.to_string()),
            }
        }
    }

    /// The socket is closed by the other side, and nothing unheard comes before.
    pub async fn is_cut_off(&mut self) -> Said {
        loop {
            let heard = match self.waiting.pop_front() {
                Some(heard) => Ok(heard),
                None => self.client()?.next(PATIENCE).await,
            };
            match heard {
                Ok(heard) if is_request(&heard.event) => {}
                Ok(heard) => return Err(format!("this came before: {}", heard.text)),
                Err(Silence::Closed) => {
                    self.client = None;
                    return Ok(());
                }
                Err(silence) => return Err(silence.to_string()),
            }
        }
    }

    /// Closes the stream as one should.
    pub async fn disconnect(&mut self) -> Said {
        self.waiting.clear();
        self.client.take().ok_or("there is no stream")?.close().await
    }

    /// The socket is gone without a word.
    pub fn drop_connection(&mut self) -> Said {
        self.waiting.clear();
        self.client.take().map(drop).ok_or("there is no stream".into())
    }

    fn begin(&mut self, client: Client) {
        self.waiting.clear();
        self.trips = Trips::default();
        self.client = Some(client);
    }

    fn client(&mut self) -> Result<&mut Client, String> {
        self.client.as_mut().ok_or_else(|| "there is no stream".to_owned())
    }

    /// The next thing; a request for an acknowledgement only where one is wanted.
    async fn next(&mut self, wanted: &Event) -> Result<Heard, Silence> {
        self.trips.count += usize::from(std::mem::take(&mut self.trips.has_sent));
        loop {
            let heard = match self.waiting.pop_front() {
                Some(heard) => heard,
                None => match &mut self.client {
                    Some(client) => client.next(PATIENCE).await?,
                    None => return Err(Silence::Closed),
                },
            };
            if is_request(wanted) || !is_request(&heard.event) {
                return Ok(heard);
            }
        }
    }
}

/// XEP-0368: TLS first.
async fn tls(address: SocketAddr) -> Result<Client, String> {
    let mut client = Client::connect(address).await?;
    client.start_tls("localhost", true).await?;
    Ok(client)
}

fn is_request(event: &Event) -> bool {
    matches!(event, Event::Element(Xml { name, ns, .. }) if name == "r" && ns == SM)
}

fn among(others: &VecDeque<Heard>, silence: &Silence) -> String {
    if others.is_empty() {
        return silence.to_string();
    }
    let others: Vec<_> = others.iter().map(|heard| format!("\n      {}", heard.text)).collect();
    format!("{silence} but{}", others.concat())
}
