//! What an operator does with uploaded files (XEP-0363).

use super::protocol::{Answer, Refusal, Upload, Why};
use super::users::failed;
use crate::services::uploads::{Listed, Uploads};
use rialto_store::uploads::Purpose;
use rialto_xmpp::BareJid;
use std::sync::Arc;

/// Microseconds of a second.
const SECOND: u64 = 1_000_000;

/// Files of one owner, or all of them; newest last.
///
/// # Errors
/// [`Refusal`].
pub(super) fn list(uploads: Option<&Arc<Uploads>>, owner: Option<&str>) -> Result<Answer, Refusal> {
    // As it is kept, however it was typed.
    let prepared = owner.and_then(|owner| BareJid::parse(owner).ok());
    let owner = prepared.as_ref().map(|jid| jid.as_str()).or(owner);
    let listed = there(uploads)?.list(owner).map_err(|why| failed(&why))?;
    Ok(Answer::Uploads(listed.into_iter().map(shown).collect()))
}

/// Removes a file.
///
/// # Errors
/// [`Refusal`].
pub(super) async fn remove(uploads: Option<&Arc<Uploads>>, url: &str) -> Result<Answer, Refusal> {
    match there(uploads)?.remove(url).await {
        Ok(true) => Ok(Answer::OK),
        Ok(false) => {
            let text = format!("there is no file {url}; `rialto upload list` shows all");
            Err(Refusal::new(Why::NotFound, text))
        }
        Err(why) => Err(Refusal::new(Why::Failed, why.to_string())),
    }
}

fn there(uploads: Option<&Arc<Uploads>>) -> Result<&Arc<Uploads>, Refusal> {
    let text = "this server has no uploads: [upload] enabled is false";
    uploads.ok_or_else(|| Refusal::new(Why::NotFound, text))
}

fn shown(listed: Listed) -> Upload {
    let Listed { url, upload, .. } = listed;
    let purpose = match upload.purpose {
        Purpose::Message => "message",
        Purpose::Profile => "profile",
        Purpose::Ephemeral => "ephemeral",
        Purpose::Permanent => "permanent",
    };
    Upload {
        url,
        owner: upload.owner,
        name: upload.name,
        kind: upload.kind,
        size: upload.size,
        purpose: purpose.to_owned(),
        created: upload.created / SECOND,
        expires: upload.expires.map(|expires| expires / SECOND),
    }
}
