//! XEP-0060 §8.2, §16.4.2: how a node is configured.

use serde::{Deserialize, Serialize};

macro_rules! choices {
    ($(#[$doc:meta])* $name:ident { $($(#[$of:meta])* $one:ident = $word:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
        pub enum $name { $($(#[$of])* #[serde(rename = $word)] $one,)+ }

        impl $name {
            /// All of them, in the specification's order.
            pub const ALL: &'static [$name] = &[$($name::$one),+];

            /// As the specification spells it.
            pub fn as_str(self) -> &'static str {
                match self { $($name::$one => $word),+ }
            }

            /// The one that is spelt so.
            pub fn parse(word: &str) -> Option<$name> {
                match word { $($word => Some($name::$one),)+ _ => None }
            }
        }
    };
}

choices! {
    /// §4.5: who may subscribe and retrieve items.
    Access {
        /// Everybody.
        Open = "open",
        /// Who sees the owner's presence.
        #[default]
        Presence = "presence",
        /// Who is in one of the chosen groups of the owner's roster.
        Roster = "roster",
        /// Whose subscription an owner has approved.
        Authorize = "authorize",
        /// Whom an owner has listed.
        Whitelist = "whitelist",
    }
}

choices! {
    /// `pubsub#publish_model`: who may publish.
    Publishing {
        /// Owners and publishers.
        #[default]
        Publishers = "publishers",
        /// Subscribers too.
        Subscribers = "subscribers",
        /// Everybody.
        Open = "open",
    }
}

choices! {
    /// `pubsub#send_last_published_item`.
    SendLast {
        /// Never.
        Never = "never",
        /// When a subscription begins.
        OnSub = "on_sub",
        /// And whenever a subscriber becomes available.
        #[default]
        OnSubAndPresence = "on_sub_and_presence",
    }
}

choices! {
    /// §7.1.2.5 `pubsub#publish_node_full`: what is done when a full node gets one more item.
    Full {
        /// The oldest is retracted, and subscribers hear of it where retractions are told.
        #[default]
        RetractOldest = "retract-oldest",
        /// The oldest is dropped in silence.
        DiscardOldest = "discard-oldest",
        /// The new one is refused.
        Reject = "reject",
    }
}

choices! {
    /// `pubsub#notification_type`: the kind of message that tells of an event.
    Notification {
        /// It may be kept for who is away.
        Normal = "normal",
        /// It is for who is here.
        #[default]
        Headline = "headline",
    }
}

choices! {
    /// §4.1: how somebody stands to a node.
    Affiliation {
        /// May do everything.
        Owner = "owner",
        /// May subscribe, read and publish.
        Publisher = "publisher",
        /// May publish only.
        PublishOnly = "publish-only",
        /// May subscribe and read.
        Member = "member",
        /// As the access model says.
        #[default]
        None = "none",
        /// May do nothing.
        Outcast = "outcast",
    }
}

choices! {
    /// §4.2: how far a subscription has come.
    State {
        /// An owner must approve it.
        Pending = "pending",
        /// It is one.
        #[default]
        Subscribed = "subscribed",
    }
}

/// A node's configuration.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Config {
    /// For a person.
    pub title: String,
    /// For a person.
    pub description: String,
    /// The namespace of the payloads, for a person's client.
    #[serde(rename = "type")]
    pub kind: String,
    /// The language of its items.
    pub language: String,
    /// Whom to ask.
    pub contact: Vec<String>,
    /// Who may subscribe and read.
    pub access: Access,
    /// Groups of the roster, with [`Access::Roster`].
    pub groups: Vec<String>,
    /// Who may publish.
    pub publishing: Publishing,
    /// Whether items are kept.
    pub persist: bool,
    /// How many; `None`: as many as the server allows.
    pub max_items: Option<u32>,
    /// For how long, in seconds; `None`: for ever.
    pub expire: Option<u64>,
    /// The largest payload, in bytes; `None`: as large as the server allows.
    pub max_payload: Option<u32>,
    /// What is done when it is full.
    pub full: Full,
    /// Whether anybody is told of events.
    pub deliver_notifications: bool,
    /// Whether they are told the payloads.
    pub deliver_payloads: bool,
    /// Whether they are told of a new configuration.
    pub notify_config: bool,
    /// Whether they are told that the node is gone.
    pub notify_delete: bool,
    /// Whether they are told that an item is gone.
    pub notify_retract: bool,
    /// Whether owners are told who subscribes, and who does so no more.
    pub notify_sub: bool,
    /// When the newest item is sent unasked.
    pub send_last: SendLast,
    /// How events are told.
    pub notification: Notification,
    /// Whether only who is available is told.
    pub presence_based: bool,
    /// Whether one may subscribe.
    pub subscribe: bool,
}

impl Default for Config {
    /// XEP-0163 §4.5, §4.3.4: what suits a person's own node.
    fn default() -> Config {
        Config {
            title: String::new(),
            description: String::new(),
            kind: String::new(),
            language: String::new(),
            contact: Vec::new(),
            access: Access::Presence,
            groups: Vec::new(),
            publishing: Publishing::Publishers,
            persist: true,
            max_items: Some(1),
            expire: None,
            max_payload: None,
            full: Full::RetractOldest,
            deliver_notifications: true,
            deliver_payloads: true,
            notify_config: false,
            notify_delete: true,
            notify_retract: true,
            notify_sub: false,
            send_last: SendLast::OnSubAndPresence,
            notification: Notification::Headline,
            presence_based: true,
            subscribe: true,
        }
    }
}
