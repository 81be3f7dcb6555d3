//! XEP-0045 §10.1: rooms of our own people.

use std::sync::Weak;

use rialto_xmpp::{BareJid, Condition, Jid, StanzaError};

use crate::config::{Creators, Rooms};
use crate::features::Fut;
use crate::muc::affiliation::Affiliation;
use crate::muc::config::Config;
use crate::muc::policy::{Opening, RoomPolicy};
use crate::muc::record::Record;
use crate::muc::room::State;
use crate::router::Router;

/// Whoever the configuration allows creates a room by entering it, and owns it.
pub struct Native {
    settings: Rooms,
    admins: Vec<BareJid>,
    router: Weak<Router>,
}

impl Native {
    /// Rooms as the section `[rooms]` wants them.
    pub fn new(settings: &Rooms, admins: &[BareJid], router: Weak<Router>) -> Native {
        Native { settings: settings.clone(), admins: admins.to_vec(), router }
    }

    fn may_create(&self, who: &Jid) -> bool {
        let runs_it = self.admins.iter().any(|admin| admin.as_str() == who.bare_str());
        runs_it
            || match self.settings.create {
                Creators::Everyone => true,
                Creators::Local => {
                    self.router.upgrade().is_some_and(|router| router.is_local(who.domainpart()))
                }
                Creators::Admins => false,
            }
    }
}

impl RoomPolicy for Native {
    fn open<'a>(&'a self, _room: &'a BareJid, who: &'a Jid) -> Fut<'a, Result<Opening, StanzaError>> {
        Box::pin(async move {
            if !self.may_create(who) {
                let says = "There is no such room, and you may not create one here.";
                return Err(StanzaError::new(Condition::NotAllowed, says));
            }
            let mut record = Record { config: defaults(&self.settings), ..Record::default() };
            record.set_affiliation(&who.bare(), Affiliation::Owner, None);
            // §10.1.1: nobody else enters before the creator has said how it shall be.
            Ok(Opening { record, state: State::Locked, links: Vec::new() })
        })
    }
}

/// How a new room is set up.
pub fn defaults(settings: &Rooms) -> Config {
    Config {
        persistent: settings.persistent,
        public: settings.public,
        archive: settings.archive,
        history: settings.history,
        ..Config::default()
    }
}
