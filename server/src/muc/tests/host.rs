//! A host with a router, sessions and a store in memory: rooms as clients meet them.

use std::sync::Arc;
use std::time::Duration;

use rialto_store::{Store, StoreError};
use rialto_xmpp::{BareJid, Jid, Stanza, parse};

use crate::config::{Creators, Rooms};
use crate::features::{Features, Fut};
use crate::muc::doors::Native;
use crate::muc::{Config, Hosting, Limits, MucHost, NoRelays};
use crate::router::{Directory, Domain, Router, Service};
use crate::sessions::{Account, Accounts, Frame, Session};

struct Everybody;

impl Directory for Everybody {
    fn has<'a>(&'a self, _: &'a BareJid) -> Fut<'a, Result<bool, StoreError>> {
        Box::pin(async { Ok(true) })
    }

    fn remove<'a>(&'a self, _: &'a BareJid) -> Fut<'a, Result<bool, StoreError>> {
        Box::pin(async { Ok(false) })
    }
}

struct Place {
    router: Arc<Router>,
    host: Arc<MucHost>,
}

async fn place_with(store: Store, settings: &Rooms) -> Place {
    let accounts = Arc::new(Accounts::default());
    let router =
        Arc::new(Router::new(accounts, Features::new(Vec::new()).unwrap(), store, Arc::new(Everybody)));
    router.domains.serve("montague.lit", Domain::Accounts);
    let hosting = Hosting {
        domain: Jid::parse("rooms.lit").unwrap(),
        name: "Rooms".into(),
        admins: vec![BareJid::parse("admin@montague.lit").unwrap()],
        limits: Limits::default(),
        spaces: crate::features::pubsub::Spaces::default(),
        tells_version: true,
        retention: None,
        policy: Arc::new(Native::new(settings, &[], Arc::downgrade(&router))),
        relays: Arc::new(NoRelays),
    };
    let host = MucHost::open(&router, hosting).await.unwrap();
    Place { router, host }
}

async fn place() -> Place {
    place_with(Store::memory(), &Rooms::default()).await
}

impl Place {
    /// A session of `who@montague.lit/r`.
    async fn session(&self, who: &str) -> Arc<Session> {
        let jid = Jid::parse(&format!("{who}@montague.lit/r")).unwrap();
        let account = match self.router.accounts.get(jid.bare_str()) {
            Some(account) => account,
            None => self.router.accounts.insert(Account::new(jid.bare())),
        };
        let session = Arc::new(Session::new(jid, 1 << 20));
        assert!(account.add(session.clone()));
        session
    }

    /// The session says this, and hears what comes of it within a moment.
    async fn says(&self, session: &Arc<Session>, xml: &str) -> Vec<String> {
        self.sends(session, xml).await;
        self.hears(session).await
    }

    async fn sends(&self, session: &Arc<Session>, xml: &str) {
        let account = self.router.accounts.get(session.jid.bare_str()).unwrap();
        let end = xml.find([' ', '>']).unwrap();
        let xml = format!("{} xmlns='jabber:client'{}", &xml[..end], &xml[end..]);
        let stanza = Stanza::read(parse::standalone(&xml).unwrap()).unwrap();
        self.router.accept(session, &account, stanza).await;
    }

    async fn hears(&self, session: &Arc<Session>) -> Vec<String> {
        tokio::time::sleep(Duration::from_millis(30)).await;
        self.has_heard(session)
    }

    fn has_heard(&self, session: &Arc<Session>) -> Vec<String> {
        let mut frames = Vec::new();
        session.outbox.try_take(session.outbox.writer(), &mut frames);
        frames.iter().map(|frame| String::from_utf8(frame.to_bytes().to_vec()).unwrap()).collect()
    }

    async fn enters(&self, session: &Arc<Session>, nick: &str) -> Vec<String> {
        let xml = format!(
            "<presence to='lounge@rooms.lit/{nick}'><x xmlns='http://jabber.org/protocol/muc'/></presence>"
        );
        self.says(session, &xml).await
    }

    async fn unlocks(&self, session: &Arc<Session>) -> Vec<String> {
        let xml = "<iq type='set' id='u' to='lounge@rooms.lit'><query xmlns='http://jabber.org/protocol/muc#owner'>\
                   <x xmlns='jabber:x:data' type='submit'/></query></iq>";
        self.says(session, xml).await
    }
}

const HI: &str = "<message type='groupchat' to='lounge@rooms.lit' id='m1'><body>Good night</body></message>";

#[tokio::test]
async fn a_room_is_created_by_entering_it_locked_until_configured_and_then_open() {
    let place = place().await;
    let (romeo, juliet) = (place.session("romeo").await, place.session("juliet").await);
    let heard = place.enters(&romeo, "Romeo").await;
    assert!(heard[0].contains("code='201'") && heard[0].contains("affiliation='owner'"), "{heard:?}");
    assert!(heard[1].contains("<subject/>"), "{heard:?}");
    assert!(place.enters(&juliet, "Juliet").await[0].contains("<item-not-found"));
    assert!(place.unlocks(&romeo).await[0].contains("type='result'"));
    let heard = place.enters(&juliet, "Juliet").await;
    assert!(heard[0].contains("lounge@rooms.lit/Romeo") && heard[1].contains("code='110'"), "{heard:?}");
    assert!(place.says(&romeo, HI).await.iter().any(|heard| heard.contains("Good night")));
    assert!(place.hears(&juliet).await[0].contains("Good night"));
}

#[tokio::test]
async fn rooms_affiliations_subject_and_what_was_said_survive_a_restart() {
    let store = Store::memory();
    let first = place_with(store.clone(), &Rooms::default()).await;
    let romeo = first.session("romeo").await;
    first.enters(&romeo, "Romeo").await;
    first.unlocks(&romeo).await;
    first.says(&romeo, HI).await;
    first.says(&romeo, &HI.replace("body", "subject")).await;
    let id_of = |heard: &[String]| {
        let own = heard.iter().find(|heard| heard.contains("code='110'")).unwrap();
        own.split("<occupant-id")
            .nth(1)
            .unwrap()
            .split("id='")
            .nth(1)
            .unwrap()
            .split('\'')
            .next()
            .unwrap()
            .to_owned()
    };
    let before = id_of(&first.enters(&romeo, "Romeo").await);
    first.host.close().await;
    assert!(first.hears(&romeo).await[0].contains("code='332'"));
    let second = place_with(store, &Rooms::default()).await;
    assert_eq!(second.host.list().len(), 1);
    let romeo = second.session("romeo").await;
    let heard = second.enters(&romeo, "Romeo").await;
    assert!(heard[0].contains("affiliation='owner'") && !heard[0].contains("201"), "{heard:?}");
    assert_eq!(id_of(&heard), before);
    assert!(heard[1].contains("<body>Good night</body>") && heard[1].contains("<delay"), "{heard:?}");
    assert!(heard[2].contains("<subject>Good night</subject>"), "{heard:?}");
}

#[tokio::test]
async fn who_may_create_rooms_is_configured() {
    let settings = Rooms { create: Creators::Admins, ..Rooms::default() };
    let place = place_with(Store::memory(), &settings).await;
    let romeo = place.session("romeo").await;
    assert!(place.enters(&romeo, "Romeo").await[0].contains("<not-allowed"));
}

#[tokio::test]
async fn public_rooms_are_listed_and_hidden_ones_are_not() {
    let place = place().await;
    let romeo = place.session("romeo").await;
    let room = |name: &str| BareJid::parse(&format!("{name}@rooms.lit")).unwrap();
    for name in ["attic", "ballroom", "cellar", "den"] {
        let config = Config { public: name != "cellar", ..Config::default() };
        assert!(place.host.create(&room(name), config, None).await.unwrap());
    }
    assert!(!place.host.create(&room("attic"), Config::default(), None).await.unwrap());
    let ask = |set: &str| {
        format!(
            "<iq type='get' id='d' to='rooms.lit'><query xmlns='http://jabber.org/protocol/disco#items'>{set}</query></iq>"
        )
    };
    let heard = place.says(&romeo, &ask("")).await;
    assert!(
        heard[0].contains("attic@") && heard[0].contains("den@") && !heard[0].contains("cellar@"),
        "{heard:?}"
    );
    let page = "<set xmlns='http://jabber.org/protocol/rsm'><max>1</max><after>attic@rooms.lit</after></set>";
    let heard = place.says(&romeo, &ask(page)).await;
    assert!(
        heard[0].contains("jid='ballroom@rooms.lit'") && heard[0].contains("<count>3</count>"),
        "{heard:?}"
    );
    assert!(!heard[0].contains("attic@rooms.lit'") && !heard[0].contains("den@"), "{heard:?}");
    assert!(place.host.destroy(&room("attic"), None).await.unwrap());
    assert!(!place.says(&romeo, &ask("")).await[0].contains("attic@"));
    assert!(!place.host.destroy(&room("attic"), None).await.unwrap());
}

#[tokio::test]
async fn a_room_that_does_not_persist_is_gone_with_its_last_occupant() {
    let settings = Rooms { persistent: false, ..Rooms::default() };
    let place = place_with(Store::memory(), &settings).await;
    let romeo = place.session("romeo").await;
    place.enters(&romeo, "Romeo").await;
    place.unlocks(&romeo).await;
    place.says(&romeo, HI).await;
    assert_eq!(place.host.list().len(), 1);
    place.says(&romeo, "<presence type='unavailable' to='lounge@rooms.lit/Romeo'/>").await;
    assert!(place.host.list().is_empty());
    let heard = place
        .says(&romeo, "<iq type='get' id='p' to='lounge@rooms.lit/Romeo'><ping xmlns='urn:xmpp:ping'/></iq>")
        .await;
    assert!(heard[0].contains("<not-acceptable"), "{heard:?}");
    let heard = place.enters(&romeo, "Romeo").await;
    assert!(heard[0].contains("code='201'") && heard.iter().all(|heard| !heard.contains("Good night")));
}

#[tokio::test]
async fn a_session_that_is_gone_without_a_word_leaves_the_room() {
    let place = place().await;
    let (romeo, juliet) = (place.session("romeo").await, place.session("juliet").await);
    place.enters(&romeo, "Romeo").await;
    place.unlocks(&romeo).await;
    place.enters(&juliet, "Juliet").await;
    place.hears(&romeo).await;
    let account = place.router.accounts.get(juliet.jid.bare_str()).unwrap();
    account.remove(&juliet);
    drop(juliet);
    let heard = place.says(&romeo, HI).await;
    assert!(heard.iter().any(|heard| heard.contains("Juliet") && heard.contains("unavailable")), "{heard:?}");
}

#[tokio::test]
async fn the_domain_answers_for_itself() {
    let place = place().await;
    let romeo = place.session("romeo").await;
    for (payload, answer) in [
        ("<query xmlns='http://jabber.org/protocol/disco#info'/>", "category='conference'"),
        ("<query xmlns='http://jabber.org/protocol/disco#info' node='x'/>", "<item-not-found"),
        ("<ping xmlns='urn:xmpp:ping'/>", "type='result'"),
        ("<query xmlns='jabber:iq:version'/>", "<name>Rialto</name>"),
        ("<vCard xmlns='vcard-temp'/>", "<FN>Rooms</FN>"),
        ("<query xmlns='http://jabber.org/protocol/muc#owner'/>", "<service-unavailable"),
    ] {
        let heard = place.says(&romeo, &format!("<iq type='get' id='q' to='rooms.lit'>{payload}</iq>")).await;
        assert!(heard[0].contains(answer), "{payload} {heard:?}");
    }
}

#[tokio::test]
async fn a_removed_account_is_nothing_to_any_room() {
    let place = place().await;
    let juliet = BareJid::parse("juliet@montague.lit").unwrap();
    let room = BareJid::parse("lounge@rooms.lit").unwrap();
    place.host.create(&room, Config::default(), Some(&juliet)).await.unwrap();
    assert_eq!(place.host.list()[0].1.owners, ["juliet@montague.lit"]);
    place.router.remove_account(&juliet).await.unwrap();
    let session = place.session("juliet").await;
    let heard = place.enters(&session, "Juliet").await;
    assert!(heard[0].contains("affiliation='none'"), "{heard:?}");
    assert!(place.host.list()[0].1.owners.is_empty());
}

#[tokio::test]
async fn with_stream_management_words_count_as_handled_when_the_room_has_kept_them() {
    let place = place().await;
    let romeo = place.session("romeo").await;
    place.enters(&romeo, "Romeo").await;
    place.unlocks(&romeo).await;
    romeo.outbox.manage(Frame::raw("<enabled/>")).unwrap();
    place.has_heard(&romeo);
    place.sends(&romeo, HI).await;
    let heard = place.has_heard(&romeo);
    assert!(heard.iter().any(|heard| heard.contains("stanza-id")), "{heard:?}");
}

#[tokio::test]
async fn what_was_said_is_found_in_the_archive_of_the_room() {
    let place = place().await;
    let (romeo, juliet) = (place.session("romeo").await, place.session("juliet").await);
    place.enters(&romeo, "Romeo").await;
    place.unlocks(&romeo).await;
    let heard = place.says(&romeo, HI).await;
    let id = heard[0]
        .split("<stanza-id")
        .nth(1)
        .unwrap()
        .split(" id='")
        .nth(1)
        .unwrap()
        .split('\'')
        .next()
        .unwrap();
    place
        .says(&romeo, "<message type='groupchat' to='lounge@rooms.lit'><body>Still here</body></message>")
        .await;
    let ask = |set: &str| {
        format!(
            "<iq type='set' id='q' to='lounge@rooms.lit'><query xmlns='urn:xmpp:mam:2' queryid='f'>{set}</query></iq>"
        )
    };
    let found = place.says(&juliet, &ask("")).await;
    assert!(
        found[0].contains("from='lounge@rooms.lit'") && found[0].contains(&format!("id='{id}'")),
        "{found:?}"
    );
    assert!(found[0].contains("queryid='f'") && found[0].contains("from='lounge@rooms.lit/Romeo'"));
    assert!(found[1].contains("Still here") && found[2].contains("complete='true'"), "{found:?}");
    let page = format!("<set xmlns='http://jabber.org/protocol/rsm'><max>10</max><after>{id}</after></set>");
    let found = place.says(&juliet, &ask(&page)).await;
    assert!(found.len() == 2 && found[0].contains("Still here"), "{found:?}");
    let form = place
        .says(&juliet, "<iq type='get' id='q' to='lounge@rooms.lit'><query xmlns='urn:xmpp:mam:2'/></iq>")
        .await;
    assert!(form[0].contains("var='start'"), "{form:?}");
}

#[tokio::test]
async fn what_cannot_be_kept_is_told_to_its_author_alone() {
    let store = Store::memory();
    let place = place_with(store.clone(), &Rooms::default()).await;
    let (romeo, juliet) = (place.session("romeo").await, place.session("juliet").await);
    place.enters(&romeo, "Romeo").await;
    place.unlocks(&romeo).await;
    place.enters(&juliet, "Juliet").await;
    place.hears(&romeo).await;
    store.close().await;
    let heard = place.says(&romeo, HI).await;
    assert!(heard.len() == 1 && heard[0].contains("<internal-server-error"), "{heard:?}");
    assert!(place.hears(&juliet).await.is_empty());
    // What needs no disk goes on.
    let typing = "<message type='groupchat' to='lounge@rooms.lit'><composing xmlns='http://jabber.org/protocol/chatstates'/></message>";
    place.says(&romeo, typing).await;
    assert!(place.hears(&juliet).await[0].contains("<composing"));
    let ban = "<iq type='set' id='b' to='lounge@rooms.lit'><query xmlns='http://jabber.org/protocol/muc#admin'>\
               <item affiliation='outcast' jid='juliet@montague.lit'/></query></iq>";
    assert!(place.says(&romeo, ban).await[0].contains("<internal-server-error"));
    place.says(&romeo, typing).await;
    assert!(place.hears(&juliet).await[0].contains("<composing"));
}
