//! XEP-0313 as a client sees it.

use std::sync::Arc;

use rialto_store::prefs::Archived;
use rialto_xmpp::{Condition, Element, ns};

use super::super::contacts::{Keeper, Limits};
use super::super::probe::{Probe, heard};
use super::super::record::{Recorder, Settings};
use super::super::{archive, roster};
use crate::sessions::Session;

fn probe(settings: Settings) -> Probe {
    Probe::new(|store, accounts| {
        vec![
            Box::new(roster::new(&Arc::new(Keeper::new(store)), Limits::default())),
            Box::new(super::super::presence::new(accounts)),
            Box::new(archive::new(&Recorder::new(store, settings))),
        ]
    })
}

async fn both() -> (Probe, Arc<Session>, Arc<Session>) {
    let probe = probe(Settings { page: (3, 5), ..Settings::default() });
    let romeo = probe.available("romeo@localhost/orchard").await;
    let juliet = probe.available("juliet@localhost/balcony").await;
    (probe, romeo, juliet)
}

async fn say(probe: &Probe, from: &Arc<Session>, to: &str, words: &str) {
    probe
        .sends(from, &format!("<message type='chat' to='{to}' id='{words}'><body>{words}</body></message>"))
        .await;
}

/// The results that a session gets, and the answer.
async fn query(
    probe: &Probe,
    session: &Arc<Session>,
    inside: &str,
) -> Result<(Vec<String>, Element), Condition> {
    heard(session);
    let iq = format!("<iq type='set' id='1'><query xmlns='urn:xmpp:mam:2' queryid='q'>{inside}</query></iq>");
    let answer = probe.asks(session, &iq).await.map_err(|error| error.condition)?;
    Ok((heard(session), answer.unwrap()))
}

fn form(field: &str, value: &str) -> String {
    format!(
        "<x xmlns='jabber:x:data' type='submit'><field var='FORM_TYPE'><value>urn:xmpp:mam:2</value></field>\
         <field var='{field}'><value>{value}</value></field></x>"
    )
}

fn rsm(inside: &str) -> String {
    format!("<set xmlns='http://jabber.org/protocol/rsm'>{inside}</set>")
}

/// The words of results.
fn words(results: &[String]) -> Vec<&str> {
    results.iter().filter_map(|line| line.split("<body>").nth(1)?.split('<').next()).collect()
}

fn id_of(result: &str) -> String {
    result.split("queryid='q' id='").nth(1).unwrap().split('\'').next().unwrap().to_owned()
}

fn end(fin: &Element, name: &str) -> Option<String> {
    fin.child("set", ns::RSM).unwrap().child_text(name, ns::RSM)
}

#[tokio::test]
async fn both_sides_find_what_was_said_as_it_was_said() {
    let (probe, romeo, juliet) = both().await;
    say(&probe, &romeo, "juliet@localhost", "one").await;
    let live = heard(&juliet).concat();
    let (at_juliet, fin) = query(&probe, &juliet, "").await.unwrap();
    let id = id_of(&at_juliet[0]);
    // What is delivered carries the id of the recipient's archive, what is archived need not.
    assert!(
        live.contains(&format!("<stanza-id xmlns='urn:xmpp:sid:0' id='{id}' by='juliet@localhost'/>")),
        "{live}"
    );
    assert_eq!(at_juliet.len(), 1);
    let start = "<message from='juliet@localhost' to='juliet@localhost/balcony'><result xmlns='urn:xmpp:mam:2' \
                 queryid='q' id='";
    assert!(at_juliet[0].starts_with(start), "{at_juliet:?}");
    assert!(at_juliet[0].ends_with(
        "<message xmlns='jabber:client' from='romeo@localhost/orchard' to='juliet@localhost' id='one' type='chat'>\
         <body>one</body></message></forwarded></result></message>"
    ), "{at_juliet:?}");
    assert_eq!(
        (fin.get("complete"), end(&fin, "first"), end(&fin, "last")),
        (Some("true"), Some(id.clone()), Some(id))
    );
    let (at_romeo, _) = query(&probe, &romeo, "").await.unwrap();
    assert_eq!(words(&at_romeo), ["one"]);
    assert_ne!(id_of(&at_romeo[0]), id_of(&at_juliet[0]));
}

#[tokio::test]
async fn pages_go_both_ways_and_say_when_they_are_the_last() {
    let (probe, romeo, juliet) = both().await;
    for n in 0..7 {
        say(&probe, &romeo, "juliet@localhost", &n.to_string()).await;
    }
    let (first, fin) = query(&probe, &juliet, "").await.unwrap();
    assert_eq!((words(&first), fin.get("complete")), (vec!["0", "1", "2"], None));
    let after = rsm(&format!("<max>5</max><after>{}</after>", end(&fin, "last").unwrap()));
    let (rest, fin) = query(&probe, &juliet, &after).await.unwrap();
    assert_eq!((words(&rest), fin.get("complete")), (vec!["3", "4", "5", "6"], Some("true")));
    let (last, fin) = query(&probe, &juliet, &rsm("<max>2</max><before/>")).await.unwrap();
    assert_eq!((words(&last), fin.get("complete")), (vec!["5", "6"], None));
    let before = rsm(&format!("<max>2</max><before>{}</before>", end(&fin, "first").unwrap()));
    let (flipped, _) = query(&probe, &juliet, &format!("{before}<flip-page/>")).await.unwrap();
    assert_eq!(words(&flipped), ["4", "3"]);
    let (most, _) = query(&probe, &juliet, &rsm("<max>1000</max>")).await.unwrap();
    assert_eq!(most.len(), 5);
    let (none, fin) = query(&probe, &juliet, &rsm("<max>0</max>")).await.unwrap();
    assert_eq!((none.len(), end(&fin, "count").as_deref()), (0, Some("7")));
}

#[tokio::test]
async fn filters_find_by_person_time_and_id() {
    let (probe, romeo, juliet) = both().await;
    say(&probe, &romeo, "juliet@localhost", "hers").await;
    say(&probe, &romeo, "nurse@localhost/x", "nurse").await;
    say(&probe, &romeo, "romeo@localhost", "own").await;
    let found = async |inside: String| {
        query(&probe, &romeo, &inside)
            .await
            .map(|(results, _)| words(&results).into_iter().map(str::to_owned).collect::<Vec<_>>())
    };
    assert_eq!(found(form("with", "juliet@localhost")).await.unwrap(), ["hers"]);
    assert_eq!(found(form("with", "nurse@localhost")).await.unwrap(), ["nurse"]);
    assert_eq!(found(form("with", "nurse@localhost/y")).await.unwrap(), [""; 0]);
    // §4.1.1: what one said to oneself, once.
    assert_eq!(found(form("with", "romeo@localhost")).await.unwrap(), ["own"]);
    assert_eq!(found(form("start", "2100-01-01T00:00:00Z")).await.unwrap(), [""; 0]);
    assert_eq!(found(form("end", "2100-01-01T00:00:00Z")).await.unwrap().len(), 3);
    let (all, _) = query(&probe, &romeo, "").await.unwrap();
    let second = id_of(&all[1]);
    assert_eq!(found(form("after-id", &second)).await.unwrap(), ["own"]);
    assert_eq!(found(form("before-id", &second)).await.unwrap(), ["hers"]);
    assert_eq!(found(form("ids", &second)).await.unwrap(), ["nurse"]);
    assert!(heard(&juliet).len() == 1);
}

#[tokio::test]
async fn questions_that_make_no_sense_get_the_errors_of_the_specification() {
    let (probe, romeo, _) = both().await;
    say(&probe, &romeo, "juliet@localhost", "one").await;
    for (inside, condition) in [
        (rsm("<after>nothing</after>"), Condition::ItemNotFound),
        (rsm("<before>00000000000000000000000000</before>"), Condition::ItemNotFound),
        (form("ids", "00000000000000000000000000"), Condition::ItemNotFound),
        (form("after-id", "nothing"), Condition::ItemNotFound),
        (rsm("<max>many</max>"), Condition::BadRequest),
        (rsm("<index>1</index>"), Condition::FeatureNotImplemented),
        (form("start", "yesterday"), Condition::BadRequest),
        (form("with", "@"), Condition::JidMalformed),
        (form("{urn:example}search", "love"), Condition::FeatureNotImplemented),
    ] {
        assert_eq!(query(&probe, &romeo, &inside).await.unwrap_err(), condition, "{inside}");
    }
    let hers = "<iq type='set' id='1' to='juliet@localhost'><query xmlns='urn:xmpp:mam:2'/></iq>";
    assert_eq!(probe.asks(&romeo, hers).await.unwrap_err().condition, Condition::Forbidden);
}

#[tokio::test]
async fn ids_that_others_wrote_in_an_accounts_name_are_removed() {
    let (probe, romeo, juliet) = both().await;
    let forged = "<message type='chat' to='juliet@localhost'><body>hi</body>\
                  <stanza-id xmlns='urn:xmpp:sid:0' id='forged' by='juliet@localhost'/>\
                  <stanza-id xmlns='urn:xmpp:sid:0' id='theirs' by='room@rooms.localhost'/>\
                  <origin-id xmlns='urn:xmpp:sid:0' id='o'/></message>";
    probe.sends(&romeo, forged).await;
    let got = heard(&juliet).concat();
    assert!(!got.contains("forged") && got.contains("theirs") && got.contains("origin-id"), "{got}");
    assert_eq!(got.matches("by='juliet@localhost'").count(), 1);
    probe
        .comes(&format!("{}</message>", "<message type='groupchat' from='room@rooms.localhost/x' \
            to='juliet@localhost/balcony'><stanza-id xmlns='urn:xmpp:sid:0' id='forged' by='juliet@localhost'/>"))
        .await;
    assert!(!heard(&juliet).concat().contains("forged"));
}

#[tokio::test]
async fn preferences_decide_what_is_archived_and_are_there_after_a_restart() {
    let (probe, romeo, juliet) = both().await;
    let set = "<iq type='set' id='1'><prefs xmlns='urn:xmpp:mam:2' default='always'><always/>\
               <never><jid>juliet@localhost</jid></never></prefs></iq>";
    let answer = probe.asks(&romeo, set).await.unwrap().unwrap().to_xml();
    assert!(answer.contains("<never><jid>juliet@localhost</jid></never>"), "{answer}");
    say(&probe, &romeo, "juliet@localhost", "secret").await;
    assert_eq!(query(&probe, &romeo, "").await.unwrap().0.len(), 0);
    assert_eq!(query(&probe, &juliet, "").await.unwrap().0.len(), 1);
    probe.accounts.remove("romeo@localhost");
    let again = probe.available("romeo@localhost/orchard").await;
    let get = "<iq type='get' id='1'><prefs xmlns='urn:xmpp:mam:2'/></iq>";
    assert_eq!(probe.asks(&again, get).await.unwrap().unwrap().to_xml(), answer);
    let wrong = "<iq type='set' id='1'><prefs xmlns='urn:xmpp:mam:2' default='sometimes'/></iq>";
    assert_eq!(probe.asks(&again, wrong).await.unwrap_err().condition, Condition::BadRequest);
}

#[tokio::test]
async fn contacts_alone_are_archived_where_the_roster_decides() {
    let probe = probe(Settings { default: Archived::Roster, ..Settings::default() });
    let romeo = probe.available("romeo@localhost/orchard").await;
    let add =
        "<iq type='set' id='1'><query xmlns='jabber:iq:roster'><item jid='nurse@localhost'/></query></iq>";
    probe.asks(&romeo, add).await.unwrap();
    say(&probe, &romeo, "juliet@localhost", "stranger").await;
    say(&probe, &romeo, "nurse@localhost/x", "contact").await;
    assert_eq!(words(&query(&probe, &romeo, "").await.unwrap().0), ["contact"]);
}

#[tokio::test]
async fn metadata_tell_where_the_archive_begins_and_ends() {
    let (probe, romeo, _) = both().await;
    let ask = "<iq type='get' id='1'><metadata xmlns='urn:xmpp:mam:2'/></iq>";
    let empty = probe.asks(&romeo, ask).await.unwrap().unwrap();
    assert_eq!(empty.children().count(), 0);
    for words in ["one", "two", "three"] {
        say(&probe, &romeo, "juliet@localhost", words).await;
    }
    let (all, _) = query(&probe, &romeo, "").await.unwrap();
    let ends = probe.asks(&romeo, ask).await.unwrap().unwrap();
    let id = |name| ends.child(name, ns::MAM).unwrap().get("id").unwrap().to_owned();
    assert_eq!((id("start"), id("end")), (id_of(&all[0]), id_of(&all[2])));
}

#[tokio::test]
async fn the_form_offers_every_field_that_a_query_may_hold() {
    let (probe, romeo, _) = both().await;
    let ask = "<iq type='get' id='1'><query xmlns='urn:xmpp:mam:2'/></iq>";
    let form = probe.asks(&romeo, ask).await.unwrap().unwrap().to_xml();
    for field in ["with", "start", "end", "before-id", "after-id", "ids", "include-groupchat"] {
        assert!(form.contains(&format!("var='{field}'")), "{field}: {form}");
    }
    assert!(form.contains("<open/>"));
}

#[tokio::test]
async fn without_archives_nothing_is_offered_archived_or_said_about_ids() {
    let probe = probe(Settings { enabled: false, ..Settings::default() });
    let romeo = probe.available("romeo@localhost/orchard").await;
    let juliet = probe.available("juliet@localhost/balcony").await;
    say(&probe, &romeo, "juliet@localhost", "one").await;
    assert!(!heard(&juliet).concat().contains("stanza-id"));
    let ask = "<iq type='set' id='1'><query xmlns='urn:xmpp:mam:2'/></iq>";
    assert_eq!(probe.asks(&romeo, ask).await.unwrap_err().condition, Condition::ServiceUnavailable);
    assert!(!probe.features.catalogue.features(super::super::Target::Account).contains(&ns::MAM));
}
