//! RFC 8489 §9.2, RFC 8656 §5: what is looked at before the TURN library gets a request: who asks, how often, and for
//! what. A nonce is not remembered: it is made of its time and its asker, so that nobody can fill memory with them.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use hmac::{Hmac, Mac};
use parking_lot::Mutex;
use sha2::Sha256;
use stun::attributes::{
    ATTR_MESSAGE_INTEGRITY, ATTR_NONCE, ATTR_REALM, ATTR_USERNAME, ATTR_XOR_PEER_ADDRESS,
};
use stun::error_code::{
    CODE_ALLOC_MISMATCH, CODE_ALLOC_QUOTA_REACHED, CODE_FORBIDDEN, CODE_INSUFFICIENT_CAPACITY,
    CODE_STALE_NONCE, CODE_UNAUTHORIZED, ErrorCode, ErrorCodeAttribute,
};
use stun::integrity::MessageIntegrity;
use stun::message::{
    CLASS_ERROR_RESPONSE, CLASS_INDICATION, CLASS_REQUEST, METHOD_ALLOCATE, METHOD_BINDING,
    METHOD_CHANNEL_BIND, METHOD_CREATE_PERMISSION, METHOD_REFRESH, METHOD_SEND, Message, MessageType, Setter,
};
use stun::textattrs::{Nonce, Realm};
use stun::xoraddr::XorMappedAddress;
use subtle::ConstantTimeEq;
use turn::allocation::allocation_manager::Manager;
use turn::allocation::five_tuple::FiveTuple;
use turn::auth::{AuthHandler, generate_auth_key};

use super::Shared;
use super::relay::Bucket;
use crate::features::extdisco::credentials;
use crate::random;

/// What comes of a datagram.
pub enum Admitted {
    /// The library may have it; it knows this nonce.
    Yes(Option<String>),
    /// It is answered so.
    Answer(Vec<u8>),
    /// It is not looked at.
    No,
}

/// Requests of one address in a second. What is relayed does not count.
const REQUESTS: usize = 50;
/// Addresses whose requests are counted. Overflow: all begin anew.
const ADDRESSES: usize = 20_000;
/// Seconds that a nonce is good (RFC 8489 §9.2).
const NONCE: u64 = 3_600;
/// RFC 8656 §9: peers in one request.
const PEERS: usize = 16;

/// Looks at what comes.
pub struct Door {
    /// Makes nonces; new at each start.
    key: [u8; 32],
    counts: Mutex<HashMap<IpAddr, Bucket>>,
}

impl Door {
    /// One that has seen nobody.
    pub fn new() -> Door {
        Door { key: random::bytes(), counts: Mutex::default() }
    }

    /// A nonce for this asker, good for an hour.
    fn nonce(&self, asker: IpAddr, at: u64) -> String {
        let Ok(mut mac) = <Hmac<Sha256> as Mac>::new_from_slice(&self.key) else { return String::new() };
        mac.update(&at.to_be_bytes());
        mac.update(asker.to_string().as_bytes());
        let tag = mac.finalize().into_bytes();
        format!("{at:x}.{}", BASE64_URL_SAFE_NO_PAD.encode(tag.get(..16).unwrap_or_default()))
    }

    fn is_good(&self, nonce: &str, asker: IpAddr, now: u64) -> bool {
        let Some((at, _)) = nonce.split_once('.') else { return false };
        let Ok(at) = u64::from_str_radix(at, 16) else { return false };
        let expected = self.nonce(asker, at);
        now.saturating_sub(at) < NONCE && at <= now && expected.as_bytes().ct_eq(nonce.as_bytes()).into()
    }

    fn may_ask(&self, asker: IpAddr) -> bool {
        let mut counts = self.counts.lock();
        if counts.len() >= ADDRESSES && !counts.contains_key(&asker) {
            counts.clear();
        }
        counts.entry(asker).or_insert_with(|| Bucket::new(REQUESTS)).take(1)
    }
}

impl Shared {
    /// Looks at one datagram that is no channel data.
    pub(super) async fn admit(&self, manager: &Manager, tuple: FiveTuple, datagram: &[u8]) -> Admitted {
        let mut message = Message::new();
        message.raw = datagram.to_vec();
        if message.decode().is_err() {
            return Admitted::No;
        }
        match (message.typ.class, message.typ.method) {
            (CLASS_INDICATION, METHOD_SEND) => return Admitted::Yes(None),
            (CLASS_REQUEST, _) if !self.door.may_ask(tuple.src_addr.ip()) => return Admitted::No,
            (CLASS_REQUEST, METHOD_BINDING) => return Admitted::Yes(None),
            (
                CLASS_REQUEST,
                METHOD_ALLOCATE | METHOD_REFRESH | METHOD_CREATE_PERMISSION | METHOD_CHANNEL_BIND,
            ) => {}
            _ => return Admitted::No,
        }
        let (user, nonce, integrity) = match self.who(&message, tuple.src_addr.ip()) {
            Ok(known) => known,
            Err(code) => return self.challenge(&message, tuple.src_addr.ip(), code),
        };
        let refused = match message.typ.method {
            METHOD_ALLOCATE => self.may_allocate(&tuple, &user).await,
            METHOD_REFRESH => self.has_allocation(manager, &tuple).await,
            _ if !self.may_reach(&message) => Err(CODE_FORBIDDEN),
            _ => self.has_allocation(manager, &tuple).await,
        };
        match refused {
            Ok(()) => Admitted::Yes(Some(nonce)),
            Err(code) => answer(&message, code, vec![Box::new(integrity)]),
        }
    }

    /// RFC 8489 §9.2.4: who asks, if it is proven.
    fn who(&self, message: &Message, asker: IpAddr) -> Result<(String, String, MessageIntegrity), ErrorCode> {
        let text = |kind| message.get(kind).ok().and_then(|value| String::from_utf8(value).ok());
        let proof = message.get(ATTR_MESSAGE_INTEGRITY).map_err(|_| CODE_UNAUTHORIZED)?;
        let nonce = text(ATTR_NONCE).ok_or(CODE_UNAUTHORIZED)?;
        let now = now();
        if !self.door.is_good(&nonce, asker, now) {
            return Err(CODE_STALE_NONCE);
        }
        let username = text(ATTR_USERNAME).ok_or(CODE_UNAUTHORIZED)?;
        let (expiry, user) = credentials::read(&username).ok_or(CODE_UNAUTHORIZED)?;
        if expiry < now || text(ATTR_REALM).as_deref() != Some(&self.realm) || proof.len() != 20 {
            return Err(CODE_UNAUTHORIZED);
        }
        let integrity = MessageIntegrity(self.key_of(&username));
        integrity.check(&mut message.clone()).map_err(|_| CODE_UNAUTHORIZED)?;
        Ok((user.to_owned(), nonce, integrity))
    }

    fn key_of(&self, username: &str) -> Vec<u8> {
        let password = credentials::password(&self.secret, username);
        generate_auth_key(username, &self.realm, &password)
    }

    /// RFC 8656 §7.2, steps 8 and 9: nobody has too many relays, nor all together. One who has this one already is for
    /// the library to tell.
    async fn may_allocate(&self, tuple: &FiveTuple, user: &str) -> Result<(), ErrorCode> {
        let (mut all, mut own) = (0, 0);
        for manager in self.managers() {
            for (other, allocation) in manager.get_allocations_info(None).await {
                all += 1;
                let whose = credentials::read(&allocation.username).map(|(_, user)| user);
                own += usize::from(whose == Some(user) && other != *tuple);
            }
        }
        match (own >= self.limits.relays_per_user, all >= self.limits.relays) {
            (true, _) => Err(CODE_ALLOC_QUOTA_REACHED),
            (_, true) => Err(CODE_INSUFFICIENT_CAPACITY),
            _ => Ok(()),
        }
    }

    async fn has_allocation(&self, manager: &Manager, tuple: &FiveTuple) -> Result<(), ErrorCode> {
        manager.get_allocation(tuple).await.map(drop).ok_or(CODE_ALLOC_MISMATCH)
    }

    /// RFC 8656 §10.2, §12.2: whether all peers of a request may be reached.
    fn may_reach(&self, message: &Message) -> bool {
        let named = message.attributes.0.iter().filter(|attribute| attribute.typ == ATTR_XOR_PEER_ADDRESS);
        let mut count = 0;
        for attribute in named {
            count += 1;
            // The library reads the first of a message: each in a message of its own.
            let mut alone = Message::new();
            alone.transaction_id = message.transaction_id;
            alone.add(ATTR_XOR_PEER_ADDRESS, &attribute.value);
            let mut peer = XorMappedAddress::default();
            let read = peer.get_from_as(&alone, ATTR_XOR_PEER_ADDRESS);
            if read.is_err() || !self.peers.may_reach(peer.ip) {
                return false;
            }
        }
        (1..=PEERS).contains(&count)
    }

    fn challenge(&self, message: &Message, asker: IpAddr, code: ErrorCode) -> Admitted {
        let nonce = Nonce { attr: ATTR_NONCE, text: self.door.nonce(asker, now()) };
        let realm = Realm { attr: ATTR_REALM, text: self.realm.clone() };
        answer(message, code, vec![Box::new(nonce), Box::new(realm)])
    }
}

/// RFC 8489 §6.3.4: an error to a request.
fn answer(message: &Message, code: ErrorCode, mut more: Vec<Box<dyn Setter>>) -> Admitted {
    let head = Message { transaction_id: message.transaction_id, ..Message::default() };
    let kind = MessageType::new(message.typ.method, CLASS_ERROR_RESPONSE);
    let mut parts: Vec<Box<dyn Setter>> =
        vec![Box::new(head), Box::new(kind), Box::new(ErrorCodeAttribute { code, reason: Vec::new() })];
    parts.append(&mut more);
    let mut answer = Message::new();
    match answer.build(&parts) {
        Ok(()) => Admitted::Answer(answer.raw),
        Err(_) => Admitted::No,
    }
}

/// The key of whoever the door has let through.
pub struct Keys(pub Arc<Shared>);

impl AuthHandler for Keys {
    fn auth_handle(&self, username: &str, _realm: &str, _from: SocketAddr) -> Result<Vec<u8>, turn::Error> {
        Ok(self.0.key_of(username))
    }
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_nonce_is_good_for_its_asker_for_an_hour() {
        let door = Door::new();
        let (one, other) = ("1.1.1.1".parse().unwrap(), "1.1.1.2".parse().unwrap());
        let nonce = door.nonce(one, 1_000_000);
        assert!(door.is_good(&nonce, one, 1_000_000) && door.is_good(&nonce, one, 1_003_599));
        assert!(!door.is_good(&nonce, one, 1_003_600) && !door.is_good(&nonce, one, 999_999));
        assert!(!door.is_good(&nonce, other, 1_000_000));
        assert!(!Door::new().is_good(&nonce, one, 1_000_000));
        for forged in ["", ".", "zz.x", &nonce.replace('.', ""), &format!("{nonce}x")] {
            assert!(!door.is_good(forged, one, 1_000_000), "{forged}");
        }
    }

    #[test]
    fn who_asks_too_often_is_not_heard() {
        let door = Door::new();
        let (one, other) = ("1.1.1.1".parse().unwrap(), "1.1.1.2".parse().unwrap());
        assert!((0..REQUESTS).all(|_| door.may_ask(one)));
        assert!(!door.may_ask(one) && door.may_ask(other));
    }
}
