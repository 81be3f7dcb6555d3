//! Whoever comes onto a list of addresses that are kept away is put out of the rooms in which he sits.

use std::sync::Arc;
use std::time::Duration;

use super::affiliation::{Affiliation, Role};
use super::effect::Turn;
use super::host::MucHost;
use super::occupant::Seat;
use super::room::{Input, Room};
use crate::guards::Guards;

/// How long more that is listed is waited for: rooms look at all occupants.
const TOGETHER: Duration = Duration::from_millis(500);

impl Room {
    /// §8.2: as a moderator would. Whom the room itself knows, it has judged itself.
    pub(super) fn put_out_listed(&mut self, turn: &mut Turn<'_>) {
        let is_away = |guards: &Guards, occupant: &super::occupant::Occupant| {
            occupant.affiliation == Affiliation::None
                && matches!(occupant.seat, Seat::Xmpp(_))
                && guards.puts_out(&occupant.real)
        };
        let guards = self.rules.guards.clone();
        let away: Vec<String> = self
            .occupants
            .iter()
            .filter(|occupant| is_away(&guards, occupant))
            .map(|occupant| occupant.nick.to_string())
            .collect();
        let reason = "This address is on a list of addresses that this server keeps away.";
        for nick in away {
            self.change_role(turn, &nick, Role::None, (None, Some(reason.to_owned())));
        }
    }
}

/// Has the rooms of a host look at their occupants whenever somebody is listed.
pub(super) fn follow(host: &Arc<MucHost>, guards: &Guards) {
    let Some(mut listed) = guards.listed() else { return };
    let host = Arc::downgrade(host);
    tokio::spawn(async move {
        while listed.changed().await.is_ok() {
            tokio::time::sleep(TOGETHER).await;
            listed.mark_unchanged();
            let Some(host) = host.upgrade() else { return };
            let rooms: Vec<_> = host.works.mailboxes.lock().values().cloned().collect();
            for room in rooms {
                // A room that has left memory has nobody in it.
                let _ = room.send(Input::Listed).await;
            }
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::guards::NodeList;
    use crate::muc::rules::{Limits, Rules};
    use crate::muc::tests::stage::Stage;
    use rialto_store::Store;

    #[tokio::test]
    async fn who_is_listed_goes_and_who_belongs_to_the_room_stays() {
        let mut stage = Stage::with(&["romeo", "juliet"]);
        stage.affiliate("paris", Affiliation::Member);
        stage.enters("paris", "paris");
        stage.hush();
        let settings = toml::from_str("service = 'rtbl.lit'\nhashed = false").unwrap();
        let list = NodeList::open(&settings, &Store::memory()).unwrap();
        let guards = Guards::open(&crate::config::Guard::default(), vec![list.clone()]);
        let (limits, secret) = (Limits::default(), [7; 32]);
        stage.room.rules = Arc::new(Rules {
            owners_link: Arc::default(),
            admins: Vec::new(),
            limits,
            retention: None,
            guards,
            spaces: crate::features::pubsub::Spaces::default(),
            secret,
        });
        stage.input(Input::Listed);
        assert!(stage.hears("juliet").is_empty());
        for who in ["juliet", "paris"] {
            list.add(&format!("{who}@montague.lit"));
        }
        stage.input(Input::Listed);
        let heard = stage.hears("juliet");
        assert!(heard[0].contains("code='307'") && heard[0].contains("<reason>This address"), "{heard:?}");
        assert_eq!(stage.room.occupants.len(), 2);
    }
}
