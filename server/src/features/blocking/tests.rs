//! What is blocked passes nowhere: the feature with those whose ways it must be in.

use std::sync::Arc;

use rialto_xmpp::{Condition, Stanza};

use super::super::contacts::{Keeper, Limits};
use super::super::probe::{Probe, heard};
use super::super::record::{Recorder, Settings};
use super::super::{archive, carbons, offline, presence, roster, subscriptions};
use crate::sessions::Session;

const BLOCK: &str =
    "<iq type='set' id='1'><block xmlns='urn:xmpp:blocking'><item jid='romeo@localhost'/></block></iq>";
const UNBLOCK: &str = "<iq type='set' id='1'><unblock xmlns='urn:xmpp:blocking'/></iq>";
const LIST: &str = "<iq type='get' id='1'><blocklist xmlns='urn:xmpp:blocking'/></iq>";

fn probe() -> Probe {
    Probe::new(|store, accounts| {
        let (keeper, limits) = (Arc::new(Keeper::new(store)), Limits::default());
        let recorder = Recorder::new(store, Settings::default());
        vec![
            Box::new(super::new(store, &[])),
            Box::new(roster::new(&keeper, limits)),
            Box::new(subscriptions::new(&keeper, limits)),
            Box::new(presence::new(accounts)),
            Box::new(archive::new(&recorder)),
            Box::new(carbons::new()),
            Box::new(offline::new(&recorder)),
        ]
    })
}

/// Juliet and Romeo, who see each other.
async fn friends(probe: &Probe) -> (Arc<Session>, Arc<Session>) {
    let (juliet, romeo) =
        (probe.available("juliet@localhost/balcony").await, probe.available("romeo@localhost/orchard").await);
    for (one, kind, to) in [
        (&juliet, "subscribe", "romeo@localhost"),
        (&romeo, "subscribed", "juliet@localhost"),
        (&romeo, "subscribe", "juliet@localhost"),
        (&juliet, "subscribed", "romeo@localhost"),
    ] {
        probe.sends(one, &format!("<presence type='{kind}' to='{to}'/>")).await;
    }
    heard(&juliet);
    heard(&romeo);
    (juliet, romeo)
}

#[tokio::test]
async fn nothing_passes_either_way_and_nothing_is_kept() {
    let probe = probe();
    let (juliet, romeo) = friends(&probe).await;
    probe.asks(&juliet, BLOCK).await.unwrap();
    assert!(heard(&romeo).concat().contains("type='unavailable'"));
    for kind in ["chat", "normal", "headline", "groupchat"] {
        let words = format!("<message type='{kind}' to='juliet@localhost'><body>hi</body></message>");
        let seen = probe.sends(&romeo, &words).await;
        let refused = seen.refused.map(|error| error.condition);
        let expected = matches!(kind, "chat" | "normal").then_some(Condition::ServiceUnavailable);
        assert_eq!(refused, expected, "{kind}");
    }
    for presence in
        ["<presence><show>away</show></presence>", "<presence to='juliet@localhost' type='probe'/>"]
    {
        let seen = probe.sends(&romeo, presence).await;
        assert!(seen.refused.is_none() && seen.away.is_empty());
    }
    assert!(heard(&juliet).iter().all(|line| !line.contains("romeo@localhost/")), "she hears of him");
    let refused =
        probe.sends(&juliet, "<message to='romeo@localhost/orchard'><body>you</body></message>").await;
    let error = refused.refused.unwrap();
    assert_eq!(error.condition, Condition::NotAcceptable);
    assert!(error.app.unwrap().is("blocked", "urn:xmpp:blocking:errors"));
    probe.sends(&juliet, "<presence><show>dnd</show></presence>").await;
    assert!(heard(&romeo).iter().all(|line| !line.contains("from='juliet")), "he hears of her");
    let kept = rialto_store::archive::Archive::new(&probe.store);
    for who in ["juliet@localhost", "romeo@localhost"] {
        let own = kept.count(who).await.unwrap();
        // Romeo's archive has what he tried to say: it is his.
        assert!(own == 0 || who.starts_with("romeo"), "{who} keeps {own}");
    }
}

#[tokio::test]
async fn who_is_unblocked_sees_and_is_seen_again() {
    let probe = probe();
    let (juliet, romeo) = friends(&probe).await;
    probe.asks(&juliet, BLOCK).await.unwrap();
    let again = probe.available("juliet@localhost/garden").await;
    heard(&romeo);
    heard(&juliet);
    probe.asks(&juliet, UNBLOCK).await.unwrap();
    let of_her = heard(&romeo);
    assert_eq!(
        of_her.iter().filter(|line| line.contains("from='juliet@localhost/")).count(),
        2,
        "{of_her:?}"
    );
    assert!(heard(&again).concat().contains("from='romeo@localhost/orchard'"), "he is seen again");
}

#[tokio::test]
async fn the_list_is_there_after_the_account_was_forgotten_and_is_nobody_elses() {
    let probe = probe();
    let (juliet, romeo) = friends(&probe).await;
    probe.asks(&juliet, BLOCK).await.unwrap();
    probe.unbinds(&juliet).await;
    probe.accounts.remove("juliet@localhost");
    let juliet = probe.available("juliet@localhost/balcony").await;
    let list = probe.asks(&juliet, LIST).await.unwrap().unwrap();
    assert_eq!(list.children().filter_map(|item| item.get("jid")).collect::<Vec<_>>(), ["romeo@localhost"]);
    assert!(probe.sends(&romeo, "<message to='juliet@localhost'><body/></message>").await.refused.is_some());
    let others = LIST.replace("<iq ", "<iq to='juliet@localhost' ");
    assert_eq!(probe.asks(&romeo, &others).await.unwrap_err().condition, Condition::Forbidden);
}

#[tokio::test]
async fn sessions_that_asked_for_the_list_hear_of_every_change() {
    let probe = probe();
    let (juliet, _) = friends(&probe).await;
    let other = probe.available("juliet@localhost/garden").await;
    let silent = probe.available("juliet@localhost/silent").await;
    for session in [&juliet, &other] {
        probe.asks(session, LIST).await.unwrap();
        heard(session);
    }
    heard(&silent);
    let with_report = BLOCK.replace(
        "<item jid='romeo@localhost'/>",
        "<item jid='Romeo@localhost'><report xmlns='urn:xmpp:reporting:1' reason='urn:xmpp:reporting:spam'/></item>",
    );
    probe.asks(&juliet, &with_report).await.unwrap();
    probe.asks(&juliet, UNBLOCK).await.unwrap();
    for session in [&juliet, &other] {
        let pushes: Vec<_> = heard(session).into_iter().filter(|line| line.starts_with("<iq")).collect();
        assert_eq!(pushes.len(), 2, "{pushes:?}");
        assert!(pushes[0].contains("<block xmlns='urn:xmpp:blocking'><item jid='romeo@localhost'/></block>"));
        assert!(pushes[1].contains("<unblock xmlns='urn:xmpp:blocking'/>"));
    }
    assert!(heard(&silent).iter().all(|line| !line.starts_with("<iq")));
}

#[tokio::test]
async fn a_push_from_somebody_else_does_not_arrive() {
    let probe = probe();
    let (juliet, romeo) = friends(&probe).await;
    let forged = BLOCK.replace("<iq ", "<iq to='juliet@localhost/balcony' ");
    let seen = probe.sends(&romeo, &forged).await;
    assert_eq!(seen.refused.unwrap().condition, Condition::ServiceUnavailable);
    assert!(heard(&juliet).is_empty());
}

#[tokio::test]
async fn a_room_does_not_carry_the_invitation_of_somebody_who_is_blocked() {
    let probe = probe();
    let (juliet, _) = friends(&probe).await;
    probe.asks(&juliet, BLOCK).await.unwrap();
    let invitation = "<message from='lounge@rooms.localhost' to='juliet@localhost'>\
                      <x xmlns='http://jabber.org/protocol/muc#user'><invite from='romeo@localhost'/></x></message>";
    assert!(probe.comes(invitation).await.refused.is_none());
    assert!(heard(&juliet).is_empty());
    probe.comes(&invitation.replace("romeo", "nurse")).await;
    assert_eq!(heard(&juliet).len(), 1);
}

#[tokio::test]
async fn who_was_shown_presence_by_name_sees_the_user_go() {
    let probe = probe();
    let (juliet, _) = friends(&probe).await;
    probe.sends(&juliet, "<presence to='lounge@rooms.localhost/juliet'/>").await;
    let account = probe.account("juliet@localhost").await;
    let edit = super::edit::Edit::Block(vec!["rooms.localhost".into()]);
    let edited = super::new(&probe.store, &[]).change(&account, &edit).unwrap();
    let mut left = super::Left::default();
    super::shown::follow(&account, &edited, &mut left);
    let to = |also: &super::super::Also| match also {
        super::super::Also::Route(Stanza::Presence(presence)) => presence.head.to.clone(),
        _ => None,
    };
    let gone: Vec<_> = left.also.iter().filter_map(to).collect();
    assert_eq!(gone.iter().map(AsRef::<str>::as_ref).collect::<Vec<_>>(), ["lounge@rooms.localhost/juliet"]);
}
