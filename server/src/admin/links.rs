//! What an operator does with links.

use super::protocol::{Answer, Link, Refusal, Why};
use crate::config::FarRoom;
use crate::muc::links::{LinkError, Links, Origin};
use rialto_xmpp::BareJid;

/// All links, as an operator sees them.
pub(super) fn list(links: &Links) -> Answer {
    let mut list: Vec<Link> = links
        .list()
        .iter()
        .map(|link| Link {
            room: link.room.to_string(),
            to: link.linked.key(),
            origin: match link.origin {
                Origin::Configured => "configuration",
                Origin::Kept => "store",
                Origin::OnDemand => "entered",
            }
            .to_owned(),
            state: link.words(),
        })
        .collect();
    list.sort_by(|one, other| (&one.room, &one.to).cmp(&(&other.room, &other.to)));
    Answer::Links(list)
}

/// Links a room to a far room.
pub(super) async fn add(links: &Links, room: &str, to: &str) -> Result<Answer, Refusal> {
    let (room, to) = ends(room, to)?;
    let remark = links.add(&room, &to.into()).await.map_err(|why| refusal(&why))?;
    Ok(remark.map_or(Answer::OK, Answer::remark))
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
        LinkError::NoRoom(_) | LinkError::NotHere(_) => Why::BadRequest,
        LinkError::Far { .. } | LinkError::Store(_) => Why::Failed,
    };
    Refusal::new(kind, why.to_string())
}
