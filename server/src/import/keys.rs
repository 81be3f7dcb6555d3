//! XEP-0227 §4.3: what checks a password: SCRAM keys, ejabberd's own way to write them, or the password itself.

use std::collections::BTreeMap;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use rialto_store::accounts::{Credential, Hash};
use rialto_xmpp::{Element, ns};

use crate::people::credentials;

/// Rounds that a login may cost.
const MOST_ROUNDS: u32 = 10_000_000;

/// The keys of an account, and what must be said of them.
pub(super) async fn read(
    user: &Element,
    says: &mut Vec<String>,
) -> Result<BTreeMap<Hash, Credential>, String> {
    let mut keys = BTreeMap::new();
    for element in user.children().filter(|child| child.is("scram-credentials", ns::PIE_SCRAM)) {
        let mechanism = element.get("mechanism").unwrap_or_default();
        let hash = match mechanism.trim_end_matches("-PLUS") {
            "SCRAM-SHA-1" => Hash::Sha1,
            "SCRAM-SHA-256" => Hash::Sha256,
            "SCRAM-SHA-512" => Hash::Sha512,
            other => {
                says.push(format!("keys for {other}, which this server does not know"));
                continue;
            }
        };
        let part = |name: &str| element.child_text(name, ns::PIE_SCRAM).unwrap_or_default();
        let keys_of = [part("stored-key"), part("server-key"), part("salt"), part("iter-count")];
        let credential = unpacked(hash, &keys_of.each_ref().map(|part| part.trim()));
        let Some(credential) = credential else {
            return Err(format!("its keys for {mechanism} are damaged"));
        };
        keys.insert(hash, credential);
    }
    let Some(password) = user.get("password").filter(|password| !password.is_empty() && keys.is_empty())
    else {
        return Ok(keys);
    };
    if let Some(packed) = password.strip_prefix("scram:") {
        let (hash, credential) =
            packed_keys(packed).ok_or("its password is written as keys that are damaged")?;
        keys.insert(hash, credential);
        return Ok(keys);
    }
    credentials(password).await.map_err(|why| format!("its password cannot be used: {why}"))
}

/// `[hash,]stored key,server key,salt,rounds`, each in base64 once or twice.
fn packed_keys(packed: &str) -> Option<(Hash, Credential)> {
    let mut parts: Vec<&str> = packed.split(',').collect();
    let hash = match *parts.first()? {
        "sha256" => Hash::Sha256,
        "sha512" => Hash::Sha512,
        _ => Hash::Sha1,
    };
    if parts.len() == 5 {
        parts.remove(0);
    }
    let parts = <[&str; 4]>::try_from(parts).ok()?;
    unpacked(hash, &parts).map(|credential| (hash, credential))
}

/// Stored key, server key, salt and rounds; in base64 once, or twice as ejabberd's export has them.
fn unpacked(hash: Hash, [stored, server, salt, rounds]: &[&str; 4]) -> Option<Credential> {
    let decode = |bytes: &[u8]| BASE64_STANDARD.decode(bytes).ok();
    let (mut stored, mut server, mut salt) =
        (decode(stored.as_bytes())?, decode(server.as_bytes())?, decode(salt.as_bytes())?);
    if stored.len() != size(hash) {
        (stored, server) = (decode(&stored)?, decode(&server)?);
        salt = decode(&salt)?;
    }
    sound(hash, salt, rounds.parse().ok()?, stored, server)
}

fn sound(
    hash: Hash,
    salt: Vec<u8>,
    iterations: u32,
    stored_key: Vec<u8>,
    server_key: Vec<u8>,
) -> Option<Credential> {
    let is_sound = stored_key.len() == size(hash)
        && server_key.len() == size(hash)
        && (1..=1_024).contains(&salt.len())
        && (1..=MOST_ROUNDS).contains(&iterations);
    is_sound.then_some(Credential { salt, iterations, stored_key, server_key })
}

fn size(hash: Hash) -> usize {
    match hash {
        Hash::Sha1 => 20,
        Hash::Sha256 => 32,
        Hash::Sha512 => 64,
    }
}
