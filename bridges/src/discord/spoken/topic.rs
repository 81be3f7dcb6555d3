//! The topic: Discord takes two changes in ten minutes, so only the newest counts, and nobody waits for it.

use crate::discord::session::Shared;
use crate::discord::snowflake::Id;
use crate::discord::transport::Failure;
use serde_json::json;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::sleep;

/// How long a topic may change before it is told.
const SETTLE: Duration = Duration::from_millis(500);

/// Keeps the topic there as it is here, until the room is left.
pub(super) async fn keep(shared: Arc<Shared>, room: Id, mut topics: watch::Receiver<Option<String>>) {
    while topics.changed().await.is_ok() {
        sleep(SETTLE).await;
        loop {
            let Some(topic) = topics.borrow_and_update().clone() else { break };
            let topic: String = topic.chars().take(1_024).collect();
            // Discord's word of it is not news, and may come before its answer.
            let before = expect(&shared, room, Some(topic.clone()));
            match shared.rest.change(room, &json!({ "topic": topic })).await {
                Ok(()) => break,
                Err(Failure::Slow(wait)) => {
                    expect(&shared, room, before);
                    tokio::select! {
                        () = sleep(wait) => {}
                        changed = topics.changed() => if changed.is_err() { return },
                    }
                }
                Err(failure) => {
                    expect(&shared, room, before);
                    let text = format!("the topic could not be set: {failure}");
                    shared.notice(Some(room), text).await;
                    break;
                }
            }
        }
    }
}

/// From now on the room knows this topic; what it knew before.
fn expect(shared: &Shared, room: Id, topic: Option<String>) -> Option<String> {
    let mut state = shared.state();
    let known = state.rooms.get_mut(&room)?;
    std::mem::replace(&mut known.topic, topic)
}
