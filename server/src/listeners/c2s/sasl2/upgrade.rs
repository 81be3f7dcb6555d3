//! XEP-0480: SASL Upgrade Tasks. An account that lacks keys under a hash gets them from a client that has just proven
//! its password. What travels is the SaltedPassword, from which no other server's keys can be made.

use rialto_xmpp::{Element, ns};
use zeroize::Zeroizing;

use super::super::login::Stranger;
use super::super::negotiate::{Secured, premature};
use super::super::sasl::{AuthError, Proven};
use super::super::talk::Leave;
use super::decode;
use crate::credentials::{SALT_BYTES, ScramHash, ScramKeys};
use crate::random;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// `<upgrade/>` (§2.1)
pub fn feature(hash: ScramHash) -> Element {
    Element::new("upgrade", ns::SASL_UPGRADE).with_text(task_of(hash))
}

/// The hash of a task that we know.
pub fn hash_of(task: &str) -> Option<ScramHash> {
    ScramHash::parse(task.strip_prefix("UPGR-SCRAM-")?).filter(|hash| *hash != ScramHash::Sha1)
}

fn task_of(hash: ScramHash) -> String {
    format!("UPGR-SCRAM-{}", hash.as_str())
}

/// §2.2, §3: one task after another, as far as the client wants them and the account lacks the keys. The mechanism's
/// own last word goes with the first.
///
/// # Errors
/// Outside: the stream must end. Inside: the login has failed.
pub async fn perform(
    stranger: &mut Stranger<'_>,
    wanted: &[ScramHash],
    proven: &mut Proven,
) -> Result<Result<(), AuthError>, Leave> {
    for hash in stranger.offer.missing() {
        if !wanted.contains(&hash) {
            continue;
        }
        let data = std::mem::take(&mut proven.data);
        let data = (!data.is_empty())
            .then(|| Element::new("additional-data", ns::SASL2).with_text(STANDARD.encode(data)));
        let task = Element::new("task", ns::SASL2).with_text(task_of(hash));
        let tasks = Element::new("tasks", ns::SASL2).with(task);
        stranger.talk.say(&Element::new("continue", ns::SASL2).with_opt(data).with(tasks)).await?;
        let keys = match keys_from(stranger.talk, hash).await? {
            Ok(keys) => keys,
            Err(error) => return Ok(Err(error)),
        };
        if let Err(error) = stranger.c2s.authentication.add_keys(proven, hash, keys).await {
            return Ok(Err(error));
        }
        tracing::info!(account = %proven.account, hash = hash.as_str(), "keys were added");
    }
    Ok(Ok(()))
}

/// `<next/>`, salt, hash.
async fn keys_from(talk: &mut Secured, hash: ScramHash) -> Result<Result<ScramKeys, AuthError>, Leave> {
    let next = match said(talk, "next").await? {
        Ok(next) => next,
        Err(error) => return Ok(Err(error)),
    };
    if next.get("task") != Some(&*task_of(hash)) {
        return Ok(Err(AuthError::MalformedRequest));
    }
    let (salt, iterations) = (random::bytes::<SALT_BYTES>().to_vec(), hash.default_iterations());
    let element = Element::new("salt", ns::SCRAM_UPGRADE).attr("iterations", iterations.to_string());
    let element = element.with_text(STANDARD.encode(&salt));
    talk.say(&Element::new("task-data", ns::SASL2).with(element)).await?;
    let data = match said(talk, "task-data").await? {
        Ok(data) => data,
        Err(error) => return Ok(Err(error)),
    };
    let text = Zeroizing::new(data.child_text("hash", ns::SCRAM_UPGRADE).unwrap_or_default());
    Ok(match decode(&text) {
        Ok(salted) if salted.len() == hash.size() => {
            Ok(ScramKeys::of_salted(hash, &salted, salt, iterations))
        }
        Ok(_) => Err(AuthError::MalformedRequest),
        Err(error) => Err(error),
    })
}

/// What the client must say now, unless it has changed its mind.
async fn said(talk: &mut Secured, name: &str) -> Result<Result<Element, AuthError>, Leave> {
    let element = talk.element().await?;
    if element.is("abort", ns::SASL2) {
        return Ok(Err(AuthError::Aborted));
    }
    if element.is(name, ns::SASL2) { Ok(Ok(element)) } else { Err(premature(&element)) }
}
