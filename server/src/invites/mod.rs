//! XEP-0379, XEP-0401, XEP-0445: invitations: made, looked at, redeemed once and no more.
//!
//! A token is 160 random bits. The store has its digest, so that neither a stolen store nor the time that a look-up
//! takes tells anybody a token. A use is taken in memory first and written with what it pays for, so that two who come
//! with one token at the same moment are not both let in.

mod guesses;
mod uri;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use parking_lot::Mutex;
use rialto_store::accounts::Accounts;
use rialto_store::invites::{self as kept, Invite};
use rialto_store::{Batch, Store, StoreError, Ticket};
use rialto_xmpp::BareJid;
use sha2::{Digest, Sha256};

use crate::config;
use crate::public_url::PublicUrl;
use crate::random;
pub use guesses::Guesses;
pub use uri::{landing, uri};

/// Invitations of everybody that may be open at the same time.
const MOST: usize = 10_000;

/// The most that one invitation may be used.
pub const MOST_USES: u32 = 1000;

/// The path of the page that explains an invitation; its token stands behind it.
pub const PAGE: &str = "/invite/";

/// Bytes of a token that is worth looking at: clients carry those of other servers, too.
const LONGEST_TOKEN: usize = 256;

/// XEP-0379 §6.1: wrong tokens of one address or one person within an hour; then no token is right for him.
const WRONG_TOKENS: u32 = 10;

/// The longest that an invitation may be good.
pub const LONGEST: Duration = Duration::from_secs(366 * 86_400);

/// The invitations of this server. Whoever writes invitations while the server runs does it here.
pub struct Invites {
    store: Store,
    settings: config::Invites,
    /// Where the landing page is, with a slash at its end; set once the listener for it is there.
    page: std::sync::OnceLock<String>,
    taken: Mutex<HashMap<String, Vec<Taken>>>,
    guesses: Guesses,
}

/// A use that is not yet written, or whose writing has not settled.
struct Taken {
    number: u64,
    ticket: Option<Ticket>,
}

/// What an invitation is to be.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wanted {
    /// Where accounts may be made with it.
    pub domain: String,
    /// Accounts may be made with it.
    pub account: bool,
    /// Whoever makes it.
    pub inviter: Option<BareJid>,
    /// It makes whoever redeems it a contact of the inviter.
    pub contact: bool,
    /// The account that is made must be this one.
    pub reserve: Option<BareJid>,
    /// The circle that the account joins.
    pub circle: Option<String>,
    /// How often it may be used; 0: once.
    pub uses: u32,
    /// How long it is good; `None`: as the operator chose.
    pub expiry: Option<Duration>,
}

/// An invitation that was made: the only moment at which its token is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Made {
    /// How it is named in lists; no secret.
    pub id: String,
    /// XEP-0401 §6.1: the address to be given on.
    pub uri: String,
    /// The page that explains it.
    pub landing: Option<String>,
    /// When it ends.
    pub expires: SystemTime,
}

/// An invitation that is good now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// Its key in the store.
    pub id: String,
    /// What it is good for.
    pub invite: Invite,
}

/// Why there is no invitation.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InviteError {
    /// So many are open already.
    #[error("too many invitations are open already: wait until some are used, or revoke some")]
    TooMany,
    /// Somebody else has the name, or was promised it.
    #[error("{0} is taken: choose another name")]
    Taken(BareJid),
    /// It is to live too long, or to be used too often.
    #[error("an invitation is good for a year and a thousand uses at most")]
    TooMuch,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Invites {
    /// The invitations of a store.
    pub fn new(store: &Store, settings: &config::Invites) -> Arc<Invites> {
        Arc::new(Invites {
            store: store.clone(),
            settings: settings.clone(),
            page: std::sync::OnceLock::new(),
            taken: Mutex::default(),
            guesses: Guesses::new(WRONG_TOKENS),
        })
    }

    /// What the operator chose.
    pub fn settings(&self) -> &config::Invites {
        &self.settings
    }

    /// Invitations are explained at this address from now on; tokens are put behind it.
    pub fn explained_at(&self, page: String) {
        let _ = self.page.set(page);
    }

    /// The same, by where the world finds this server; a page that others could read along with is none.
    pub fn explained_below(&self, url: &PublicUrl) {
        if let Some(page) = url.at(PAGE).filter(|page| page.starts_with("https://")) {
            self.explained_at(page);
        }
    }

    /// Makes an invitation.
    ///
    /// # Errors
    /// [`InviteError`].
    pub async fn create(&self, wanted: Wanted) -> Result<Made, InviteError> {
        let now = now();
        let expiry = wanted.expiry.unwrap_or(self.settings.expiry);
        if expiry > LONGEST || wanted.uses > MOST_USES {
            return Err(InviteError::TooMuch);
        }
        self.sweep(now).await?;
        if kept::list(&self.store)?.len() >= MOST {
            return Err(InviteError::TooMany);
        }
        if let Some(name) = &wanted.reserve
            && (!Accounts::new(&self.store).is_free(name.as_str())?
                || kept::reserver(&self.store, name.as_str(), now)?.is_some())
        {
            return Err(InviteError::Taken(name.clone()));
        }
        let token = token();
        let invite = Invite {
            created: now,
            expires: now.saturating_add(expiry.as_secs()),
            uses: if wanted.reserve.is_some() { 1 } else { wanted.uses.max(1) },
            used: 0,
            domain: wanted.domain,
            account: wanted.account,
            contact: wanted.contact && wanted.inviter.is_some(),
            inviter: wanted.inviter.map(|inviter| inviter.as_str().to_owned()),
            reserved: wanted.reserve.map(|name| name.as_str().to_owned()),
            circle: wanted.circle,
        };
        let id = digest(&token);
        let mut batch = Batch::new();
        kept::put(&mut batch, &id, &invite)?;
        self.store.commit(batch).await?;
        Ok(Made {
            uri: uri(&invite, &token),
            landing: self.page.get().map(|page| landing(page, &token)),
            expires: UNIX_EPOCH + Duration::from_secs(invite.expires),
            id: short(&id).to_owned(),
        })
    }

    /// How many invitations of an account are open.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn open_of(&self, inviter: &BareJid) -> Result<usize, StoreError> {
        let now = now();
        let open = |invite: &Invite| {
            invite.inviter.as_deref() == Some(inviter.as_str()) && invite.expires > now && invite.uses > 0
        };
        Ok(kept::list(&self.store)?.iter().filter(|(_, invite)| open(invite)).count())
    }

    /// Those that are good now, each with its short id, the oldest first.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn list(&self) -> Result<Vec<(String, Invite)>, StoreError> {
        let now = now();
        let mut good = kept::list(&self.store)?;
        good.retain(|(_, invite)| invite.expires > now);
        good.sort_by_key(|(_, invite)| invite.created);
        Ok(good.into_iter().map(|(id, invite)| (short(&id).to_owned(), invite)).collect())
    }

    /// Takes an invitation back, by its short id. `false`: there is none.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn revoke(&self, id: &str) -> Result<bool, StoreError> {
        let all = kept::list(&self.store)?;
        let Some((id, invite)) = all.into_iter().find(|(known, _)| short(known) == id) else {
            return Ok(false);
        };
        let mut batch = Batch::new();
        kept::remove(&mut batch, &id, &invite);
        self.store.commit(batch).await?;
        Ok(true)
    }

    /// The invitation with this token, if it is good now. `who` tells apart those who guess: after too many wrong tokens
    /// none is right for a while.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn find(&self, token: &str, who: &str) -> Result<Option<Found>, StoreError> {
        if !Invites::looks_like_one(token) || self.guesses.too_many(who) {
            return Ok(None);
        }
        let id = digest(token);
        let found = kept::get(&self.store, &id)?
            .filter(|invite| invite.expires > now() && self.left(&id, invite) > 0)
            .map(|invite| Found { id, invite });
        if found.is_none() {
            self.guesses.wrong(who);
        }
        Ok(found)
    }

    /// Whether this could be a token at all.
    pub fn looks_like_one(token: &str) -> bool {
        !token.is_empty() && token.len() <= LONGEST_TOKEN && token.bytes().all(|byte| byte.is_ascii_graphic())
    }

    /// Whether this one has guessed too often.
    pub fn guessed_too_often(&self, who: &str) -> bool {
        self.guesses.too_many(who)
    }

    /// Takes one use of an invitation that was found, whether it has expired meanwhile or not (XEP-0445 §4). `None`:
    /// others were quicker, or it was revoked.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn take(self: &Arc<Self>, found: &Found) -> Result<Option<Use>, StoreError> {
        let mut all = self.taken.lock();
        let taken = all.entry(found.id.clone()).or_default();
        taken.retain(|one| one.ticket.is_none_or(|ticket| self.store.outcome(ticket).is_none()));
        // After that: what has settled is seen here.
        let Some(mut invite) = kept::get(&self.store, &found.id)? else { return Ok(None) };
        let under_way = u32::try_from(taken.len()).unwrap_or(u32::MAX);
        if invite.uses <= under_way {
            return Ok(None);
        }
        let number = taken.last().map_or(0, |last| last.number + 1);
        taken.push(Taken { number, ticket: None });
        drop(all);
        invite.uses -= under_way + 1;
        invite.used += under_way + 1;
        Ok(Some(Use { invites: self.clone(), id: found.id.clone(), invite, number, sent: false }))
    }

    /// Whether a bare JID is promised to somebody with another invitation than `id`: until when, in seconds since 1970.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn promised(store: &Store, jid: &BareJid, id: Option<&str>) -> Result<Option<u64>, StoreError> {
        let reserver = kept::reserver(store, jid.as_str(), now())?;
        Ok(reserver.filter(|(other, _)| Some(other.as_str()) != id).map(|(_, invite)| invite.expires))
    }

    fn left(&self, id: &str, invite: &Invite) -> u32 {
        let taken = self.taken.lock();
        let pending = |one: &&Taken| one.ticket.is_none_or(|ticket| self.store.outcome(ticket).is_none());
        let under_way = taken.get(id).map_or(0, |taken| taken.iter().filter(pending).count());
        invite.uses.saturating_sub(u32::try_from(under_way).unwrap_or(u32::MAX))
    }

    /// Forgets what has ended.
    async fn sweep(&self, now: u64) -> Result<(), StoreError> {
        let mut batch = Batch::new();
        for (id, invite) in kept::list(&self.store)? {
            // An hour longer, for those who are registering at this moment.
            if invite.expires.saturating_add(3600) < now {
                kept::remove(&mut batch, &id, &invite);
            }
        }
        self.taken.lock().retain(|_, taken| {
            taken.retain(|one| one.ticket.is_none_or(|ticket| self.store.outcome(ticket).is_none()));
            !taken.is_empty()
        });
        self.store.commit(batch).await
    }
}

/// One use of an invitation. Dropped before it is written, it is given back.
pub struct Use {
    invites: Arc<Invites>,
    id: String,
    /// As it is afterwards.
    invite: Invite,
    number: u64,
    sent: bool,
}

impl Use {
    /// What the invitation is good for.
    pub fn invite(&self) -> &Invite {
        &self.invite
    }

    /// The key of the invitation.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Writes the use into a batch.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn write(&self, batch: &mut Batch) -> Result<(), StoreError> {
        kept::put(batch, &self.id, &self.invite)
    }

    /// It is on its way to the disk under this ticket.
    pub fn sent(mut self, ticket: Ticket) {
        let mut taken = self.invites.taken.lock();
        let all = taken.get_mut(&self.id).into_iter().flatten();
        all.filter(|one| one.number == self.number).for_each(|one| one.ticket = Some(ticket));
        drop(taken);
        self.sent = true;
    }
}

impl Drop for Use {
    fn drop(&mut self) {
        if !self.sent
            && let Some(taken) = self.invites.taken.lock().get_mut(&self.id)
        {
            taken.retain(|one| one.number != self.number);
        }
    }
}

/// 32 letters and digits that can be read aloud and stand in an address as they are: 160 bits.
fn token() -> String {
    const LETTERS: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";
    let bytes = zeroize::Zeroizing::new(random::bytes::<32>());
    let letter = |byte: &u8| char::from(LETTERS.get(usize::from(byte % 32)).copied().unwrap_or(b'x'));
    bytes.iter().map(letter).collect()
}

fn digest(token: &str) -> String {
    Sha256::digest(token.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// How people name an invitation.
fn short(id: &str) -> &str {
    id.get(..10).unwrap_or(id)
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

#[cfg(test)]
mod tests;
