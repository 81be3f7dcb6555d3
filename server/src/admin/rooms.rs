//! What an operator does with rooms.

use super::protocol::{Answer, Refusal, Room, Why};
use super::users::failed;
use crate::config;
use crate::muc::MucHost;
use crate::muc::doors::defaults;
use rialto_xmpp::BareJid;
use std::sync::Arc;

/// The rooms of a running server.
pub struct Rooms {
    hosts: Vec<Arc<MucHost>>,
    settings: config::Rooms,
}

impl Rooms {
    /// The rooms of these domains; new ones are made on the first.
    pub fn new(hosts: Vec<Arc<MucHost>>, settings: &config::Rooms) -> Rooms {
        Rooms { hosts, settings: settings.clone() }
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.hosts.iter().map(|host| host.list().len()).sum()
    }

    /// All rooms, hidden ones too.
    pub fn list(&self) -> Answer {
        let listed = self.hosts.iter().flat_map(|host| host.list());
        let mut rooms: Vec<Room> = listed
            .map(|(address, listed)| Room {
                address: address.to_string(),
                name: listed.name,
                occupants: Some(listed.occupants),
                persistent: listed.persistent,
                public: listed.public,
                owners: listed.owners,
            })
            .collect();
        rooms.sort_by(|one, other| one.address.cmp(&other.address));
        Answer::Rooms(rooms)
    }

    /// Makes a room that stays.
    ///
    /// # Errors
    /// [`Refusal`].
    pub async fn create(
        &self,
        room: &str,
        owner: Option<BareJid>,
        name: Option<String>,
    ) -> Result<Answer, Refusal> {
        let (jid, host) = self.address(room)?;
        let Some(own) = self.hosts.first().filter(|own| Arc::ptr_eq(own, host)) else {
            let text =
                format!("{} is a domain of a bridge: its rooms open when somebody enters", host.domain());
            return Err(Refusal::new(Why::BadRequest, text));
        };
        let config = crate::muc::Config { name: name.unwrap_or_default(), ..defaults(&self.settings) };
        match own.create(&jid, config, owner.as_ref()).await {
            Ok(true) if owner.is_none() => {
                Ok(Answer::remark(format!("{jid} is there. Nobody owns it: only admins can set it up.")))
            }
            Ok(true) => Ok(Answer::OK),
            Ok(false) => Err(Refusal::new(Why::Exists, format!("{jid} is there already"))),
            Err(why) => Err(failed(&why)),
        }
    }

    /// Puts everybody out and forgets the room.
    ///
    /// # Errors
    /// [`Refusal`].
    pub async fn destroy(&self, room: &str, reason: Option<String>) -> Result<Answer, Refusal> {
        let (jid, host) = self.address(room)?;
        match host.destroy(&jid, reason).await {
            Ok(true) => Ok(Answer::OK),
            Ok(false) => {
                let text = format!("there is no room {jid}; `rialto room list` shows all");
                Err(Refusal::new(Why::NotFound, text))
            }
            Err(why) => Err(failed(&why)),
        }
    }

    /// The room that an operator means, and who hosts it.
    fn address(&self, text: &str) -> Result<(BareJid, &Arc<MucHost>), Refusal> {
        let bad = |text: String| Refusal::new(Why::BadRequest, text);
        let jid = BareJid::parse(text).map_err(|why| bad(format!("\"{text}\" is no address: {why}")))?;
        let domain = &self.settings.domain;
        if jid.localpart().is_none() {
            return Err(bad(format!("\"{text}\" is a domain, not a room: write NAME@{domain}")));
        }
        let host = self.hosts.iter().find(|host| host.domain().as_str() == jid.domainpart());
        host.map(|host| (jid.clone(), host))
            .ok_or_else(|| bad(format!("there are no rooms on {}; they are on {domain}", jid.domainpart())))
    }
}
