//! What an operator does with links.

use super::protocol::{Answer, Refusal, Why};
use crate::config::{FarRoom, LinkOptions, To};
use crate::muc::links::{Attached, LinkError, Links};
use rialto_xmpp::BareJid;
use serde::{Deserialize, Serialize};
use std::time::{SystemTime, UNIX_EPOCH};

/// A link.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Link {
    /// The room's address.
    pub room: String,
    /// `<bridge>:<room there>`.
    pub to: String,
    /// Where it comes from: `configuration`, where alone it can be changed, `store`, `owner` of the room, or `entered` on
    /// demand.
    pub origin: String,
    /// How it is, in words.
    pub state: String,
    /// In the far room since: seconds since 1970.
    #[serde(default)]
    pub since: Option<u64>,
    /// Messages that wait to go there.
    #[serde(default)]
    pub waiting: usize,
    /// Messages that have arrived there.
    #[serde(default)]
    pub relayed: u64,
    /// Messages that were given back to their authors.
    #[serde(default)]
    pub failed: u64,
    /// Messages that came from there.
    #[serde(default)]
    pub heard: u64,
    /// Messages that did not pass because the options say so.
    #[serde(default)]
    pub ignored: u64,
    /// Milliseconds that the last message was on its way.
    #[serde(default)]
    pub lag: Option<u64>,
    /// What went wrong last.
    #[serde(default)]
    pub last_error: Option<String>,
    /// When that was: seconds since 1970.
    #[serde(default)]
    pub last_error_at: Option<u64>,
    /// Options that differ from the defaults, as the configuration writes them.
    #[serde(default)]
    pub options: String,
}

/// All links, as an operator sees them.
pub(super) fn list(links: &Links) -> Answer {
    let mut list: Vec<Link> = links.list().iter().map(|link| shown(link)).collect();
    list.sort_by(|one, other| (&one.room, &one.to).cmp(&(&other.room, &other.to)));
    Answer::Links(list)
}

fn shown(link: &Attached) -> Link {
    let state = link.state();
    let seconds = |at: SystemTime| at.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    Link {
        room: link.room.to_string(),
        to: link.linked.key(),
        origin: link.origin.word().to_owned(),
        state: link.words(),
        since: state.since.map(seconds),
        waiting: link.waiting(),
        relayed: state.relayed,
        failed: state.failed,
        heard: state.heard,
        ignored: link.linked.ignored.count(),
        lag: state.lag.map(|lag| u64::try_from(lag.as_millis()).unwrap_or(u64::MAX)),
        last_error_at: state.last_error.as_ref().map(|(at, _)| seconds(*at)),
        last_error: state.last_error.map(|(_, error)| error),
        options: link.linked.options.words(),
    }
}

/// Links a room to a far room.
pub(super) async fn add(
    links: &Links,
    room: &str,
    to: &str,
    options: LinkOptions,
) -> Result<Answer, Refusal> {
    let (room, far) = ends(room, to)?;
    let remark = links.add(&room, &To { far, options }).await.map_err(|why| refusal(&why))?;
    Ok(remark.map_or(Answer::OK, Answer::remark))
}

/// Other options hold for a link.
pub(super) async fn change(links: &Links, room: &str, to: &str, set: &[String]) -> Result<Answer, Refusal> {
    let (room, to) = ends(room, to)?;
    links.change(&room, &to, set).await.map_err(|why| refusal(&why))?;
    Ok(Answer::OK)
}

/// Takes a link away.
pub(super) async fn remove(links: &Links, room: &str, to: &str) -> Result<Answer, Refusal> {
    let (room, to) = ends(room, to)?;
    links.remove(&room, &to).await.map_err(|why| refusal(&why))?;
    Ok(Answer::OK)
}

/// Networks and how they are.
pub(super) fn networks(links: &Links) -> Vec<(String, String)> {
    links.networks().iter().map(|network| (network.name.to_string(), network.state())).collect()
}

fn ends(room: &str, to: &str) -> Result<(BareJid, FarRoom), Refusal> {
    let bad = |text: String| Refusal::new(Why::BadRequest, text);
    let jid = BareJid::parse(room).map_err(|why| bad(format!("\"{room}\" is no address: {why}")))?;
    Ok((jid, to.parse().map_err(bad)?))
}

fn refusal(why: &LinkError) -> Refusal {
    let kind = match why {
        LinkError::Taken { .. } => Why::Exists,
        LinkError::NotThere { .. } | LinkError::NoBridge { .. } => Why::NotFound,
        LinkError::NoRoom(_) | LinkError::NotHere(_) | LinkError::BadOption(_) => Why::BadRequest,
        LinkError::Far { .. } | LinkError::Store(_) => Why::Failed,
    };
    Refusal::new(kind, why.to_string())
}
