//! What a push service is told, and when.

use super::super::{Speaker, offline, presence, probe::Probe, record, roster};
use super::*;
use crate::sessions::Attention;
use std::time::Duration;

const ENABLE: &str =
    "<iq type='set' id='1'><enable xmlns='urn:xmpp:push:0' jid='push.example' node='n1'/></iq>";
const WORDS: &str =
    "<message type='chat' from='romeo@far.example/x' to='juliet@localhost'><body>hi</body></message>";

struct Stage {
    probe: Probe,
    courier: Arc<Courier>,
}

impl Stage {
    fn new() -> Stage {
        let mut courier = None;
        let probe = Probe::new(|store, accounts| {
            let push = new(store, accounts, &config::Push::default());
            courier = Some(push.courier.clone());
            let recorder = record::Recorder::new(store, record::Settings::default());
            let keeper = Arc::new(super::super::contacts::Keeper::new(store));
            vec![
                Box::new(roster::new(&keeper, super::super::contacts::Limits::default())),
                Box::new(presence::new(accounts)),
                Box::new(push),
                Box::new(offline::new(&recorder)),
            ]
        });
        Stage { probe, courier: courier.unwrap() }
    }

    /// The next notification, if one comes soon.
    async fn said(&self) -> Option<String> {
        let next = tokio::time::timeout(Duration::from_millis(50), self.courier.next()).await.ok()?;
        Some(next.to_element().to_xml())
    }

    fn answer(&self, account: &Arc<Account>, xml: &str) {
        let Stanza::Iq(iq) = super::super::probe::stanza(xml) else { panic!("{xml}") };
        assert!(self.courier.replied(&account.jid, &iq));
    }
}

fn id_of(said: &str) -> String {
    said.split("id='").nth(1).and_then(|rest| rest.split('\'').next()).unwrap().to_owned()
}

#[tokio::test]
async fn an_account_that_enabled_nothing_tells_nobody() {
    let stage = Stage::new();
    stage.probe.account("juliet@localhost").await;
    stage.probe.comes(WORDS).await;
    assert_eq!(stage.said().await, None);
}

#[tokio::test]
async fn a_session_that_sleeps_is_told_and_one_that_wakes_is_not() {
    let stage = Stage::new();
    let phone = stage.probe.available("juliet@localhost/phone").await;
    stage.probe.asks(&phone, ENABLE).await.unwrap();
    stage.probe.comes(WORDS).await;
    assert_eq!(stage.said().await, None);
    phone.set_attention(Attention::Asleep);
    stage.probe.comes(WORDS).await;
    let said = stage.said().await.unwrap();
    assert!(said.contains("to='push.example'") && said.contains("node='n1'"), "{said}");
    assert!(!said.contains("romeo") && !said.contains("hi<"), "{said}");
    // What is put off is forgotten when the device has come.
    stage.probe.comes(WORDS).await;
    phone.set_attention(Attention::Full);
    stage.probe.comes(WORDS).await;
    phone.set_attention(Attention::Asleep);
    assert_eq!(stage.said().await, None);
}

#[tokio::test]
async fn a_service_that_fails_again_and_again_is_given_up() {
    let stage = Stage::new();
    let phone = stage.probe.available("juliet@localhost/phone").await;
    stage.probe.asks(&phone, ENABLE).await.unwrap();
    phone.set_attention(Attention::Asleep);
    let account = stage.probe.account("juliet@localhost").await;
    let registration = Registered::of(&account).remove(0);
    for _ in 0..8 {
        stage.probe.comes(WORDS).await;
        let id = id_of(&stage.said().await.unwrap());
        stage.answer(
            &account,
            &format!(
                "<iq type='error' id='{id}' from='push.example' to='juliet@localhost'><error type='cancel'>\
                 <remote-server-not-found xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></iq>"
            ),
        );
        assert!(registration.gauge.lock().quiet_until.is_some());
        registration.gauge.lock().quiet_until = None;
    }
    assert!(Registered::of(&account).is_empty());
    stage.probe.store.caught_up().await;
    assert!(pushes::list(&stage.probe.store, "juliet@localhost").unwrap().is_empty());
}

#[tokio::test]
async fn after_a_failure_there_is_silence_even_for_a_call() {
    let stage = Stage::new();
    let phone = stage.probe.available("juliet@localhost/phone").await;
    stage.probe.asks(&phone, ENABLE).await.unwrap();
    phone.set_attention(Attention::Asleep);
    let account = stage.probe.account("juliet@localhost").await;
    stage.probe.comes(WORDS).await;
    let id = id_of(&stage.said().await.unwrap());
    stage.answer(
        &account,
        &format!(
            "<iq type='error' id='{id}' from='push.example' to='juliet@localhost'><error type='wait'/></iq>"
        ),
    );
    let call = WORDS.replace("<body>hi</body>", "<propose xmlns='urn:xmpp:jingle-message:0' id='x'/>");
    stage.probe.comes(&call).await;
    assert_eq!(stage.said().await, None);
}

#[tokio::test]
async fn a_service_that_does_not_answer_has_failed() {
    let stage = Stage::new();
    let phone = stage.probe.available("juliet@localhost/phone").await;
    stage.probe.asks(&phone, ENABLE).await.unwrap();
    phone.set_attention(Attention::Asleep);
    stage.probe.comes(WORDS).await;
    assert!(stage.said().await.is_some());
    let account = stage.probe.account("juliet@localhost").await;
    let registration = Registered::of(&account).remove(0);
    assert_eq!(registration.gauge.lock().failures, 0);
    let later = tokio::time::Instant::now() + Duration::from_secs(61);
    assert!(stage.courier.look(later).0.is_none());
    assert_eq!(registration.gauge.lock().failures, 1);
}

#[tokio::test]
async fn what_is_put_off_tells_of_all_that_came() {
    let stage = Stage::new();
    let phone = stage.probe.available("juliet@localhost/phone").await;
    stage.probe.asks(&phone, ENABLE).await.unwrap();
    stage.probe.unbinds(&phone).await;
    for _ in 0..3 {
        stage.probe.comes(WORDS).await;
    }
    assert!(stage.said().await.unwrap().contains("<value>1</value>"));
    let later = tokio::time::Instant::now() + Duration::from_secs(6);
    let said = stage.courier.look(later).0.unwrap().to_element().to_xml();
    assert!(said.contains("<value>3</value>"), "{said}");
}
