//! What this Discord knows: its guilds, people, channels, messages and webhooks.

pub mod channel;
pub mod guild;
pub mod message;
pub mod permissions;
pub mod speech;

use std::collections::BTreeMap;
use std::sync::Arc;

use channel::Channel;
use guild::{Guild, User};

use crate::clock;
use crate::faults::Faults;
use crate::gateway::Gateway;
use crate::limits::Limits;
use crate::log::Log;

/// A snowflake.
pub type Id = u64;

/// The application under test.
pub struct Bot {
    /// Its user, which is its application's id as well.
    pub user: Id,
    /// What it must show.
    pub token: String,
    /// Which switches of the developer portal are on.
    pub privileged: Privileged,
}

/// The three privileged intents.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Privileged {
    /// `GUILD_MEMBERS`.
    pub members: bool,
    /// `GUILD_PRESENCES`.
    pub presences: bool,
    /// `MESSAGE_CONTENT`.
    pub content: bool,
}

/// A webhook of a channel.
#[derive(Clone, Debug)]
pub struct Webhook {
    /// Its id.
    pub id: Id,
    /// The channel it speaks in.
    pub channel: Id,
    /// Its guild.
    pub guild: Id,
    /// Its own name, where a message brings none.
    pub name: String,
    /// Its own avatar's hash.
    pub avatar: Option<String>,
    /// What lets one speak through it.
    pub token: String,
    /// Who made it.
    pub maker: Id,
    /// The application that made it, where a bot did.
    pub application: Option<Id>,
}

/// A file on the network that serves content.
#[derive(Clone, Debug)]
pub struct Stored {
    /// As its sender called it, made harmless.
    pub name: String,
    /// Its kind.
    pub content_type: String,
    /// What it holds.
    pub bytes: Arc<Vec<u8>>,
    /// Where it was said.
    pub channel: Id,
}

/// All of it.
pub struct State {
    /// Added to the clock of this machine, in milliseconds.
    pub skew: i64,
    /// How long an attachment's address holds, in milliseconds.
    pub address_lives: u64,
    last_id: Id,
    /// The application under test.
    pub bot: Bot,
    /// Everybody, members or not.
    pub users: BTreeMap<Id, User>,
    /// By id.
    pub guilds: BTreeMap<Id, Guild>,
    /// Channels and threads, by id.
    pub channels: BTreeMap<Id, Channel>,
    /// By id.
    pub webhooks: BTreeMap<Id, Webhook>,
    /// Attachments, by id.
    pub files: BTreeMap<Id, Stored>,
    /// Sessions of the gateway.
    pub gateway: Gateway,
    /// Rate limits.
    pub limits: Limits,
    /// What shall go wrong.
    pub faults: Faults,
    /// What was asked, and what was not as the description has it.
    pub log: Log,
    /// `http://127.0.0.1:port`.
    pub origin: String,
}

impl State {
    /// An empty Discord with one application, whose bot is a user already.
    pub fn new(bot: User, token: String, privileged: Privileged, limits: Limits) -> State {
        State {
            skew: 0,
            address_lives: 24 * 3600 * 1000,
            last_id: bot.id,
            bot: Bot { user: bot.id, token, privileged },
            users: BTreeMap::from([(bot.id, bot)]),
            guilds: BTreeMap::new(),
            channels: BTreeMap::new(),
            webhooks: BTreeMap::new(),
            files: BTreeMap::new(),
            gateway: Gateway::default(),
            limits,
            faults: Faults::default(),
            log: Log::default(),
            origin: String::new(),
        }
    }

    /// What this Discord takes the time to be.
    pub fn now(&self) -> u64 {
        clock::now().saturating_add_signed(self.skew)
    }

    /// A new snowflake, greater than all before.
    pub fn id(&mut self) -> Id {
        let fresh = (self.now().saturating_sub(clock::EPOCH) << 22) | (1 << 17);
        self.last_id = fresh.max(self.last_id + 1);
        self.last_id
    }

    /// The member a user is in a guild.
    pub fn member(&self, guild: Id, user: Id) -> Option<&guild::Member> {
        self.guilds.get(&guild)?.members.get(&user)
    }

    /// The guild a channel or thread is in.
    pub fn guild_of(&self, channel: Id) -> Option<Id> {
        self.channels.get(&channel).map(|channel| channel.guild)
    }

    /// The webhooks of a channel.
    pub fn webhooks_in(&self, channel: Id) -> impl Iterator<Item = &Webhook> {
        self.webhooks.values().filter(move |webhook| webhook.channel == channel)
    }
}

/// Sixty-eight characters nobody guesses, as webhooks have them.
pub fn token() -> String {
    use base64::Engine;
    let mut bytes = [0u8; 51];
    getrandom::fill(&mut bytes).expect("randomness");
    base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(bytes)
}

/// A hash of 128 bits as 32 hexadecimal digits: what avatars and buckets are called.
pub fn hash(text: &str) -> String {
    let mut sum: u128 = 0x6c62_272e_07bb_0142_62b8_2175_6295_c58d;
    for byte in text.bytes() {
        sum = (sum ^ u128::from(byte)).wrapping_mul(0x0000_0000_0100_0000_0000_0000_0000_013b);
    }
    format!("{sum:032x}")
}
