//! What a feature says of itself: the index, service discovery and `xeps.toml` are checked against it.

use rialto_xmpp::IqKind;

/// What a feature implements, offers and attends.
#[derive(Debug)]
pub struct About {
    /// The specification.
    pub spec: Spec,
    /// Features for disco#info, and of whom they are told (XEP-0030 §3.1).
    pub disco: &'static [(Target, &'static str)],
    /// IQs it answers.
    pub iq: &'static [IqSpec],
    /// Phases it attends.
    pub at: &'static [Phase],
}

/// A specification, with the version that was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Spec {
    /// Number and version of a XEP.
    Xep(u16, &'static str),
    /// Number and section of an RFC.
    Rfc(u16, &'static str),
    /// Not specified anywhere: ours.
    Own(&'static str),
}

/// Who is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Target {
    /// The domain itself.
    Server,
    /// A bare JID, also when a client asks its own account by leaving out `to`.
    Account,
}

/// One IQ request that a feature answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IqSpec {
    /// Who is asked.
    pub target: Target,
    /// `get` or `set`.
    pub kind: IqKind,
    /// Namespace of the payload.
    pub ns: &'static str,
    /// Name of the payload.
    pub name: &'static str,
}

impl IqSpec {
    /// A `get` to an account.
    pub const fn account_get(ns: &'static str, name: &'static str) -> IqSpec {
        IqSpec { target: Target::Account, kind: IqKind::Get, ns, name }
    }

    /// A `set` to an account.
    pub const fn account_set(ns: &'static str, name: &'static str) -> IqSpec {
        IqSpec { target: Target::Account, kind: IqKind::Set, ns, name }
    }

    /// A `get` to the server.
    pub const fn server_get(ns: &'static str, name: &'static str) -> IqSpec {
        IqSpec { target: Target::Server, kind: IqKind::Get, ns, name }
    }

    /// A `set` to the server.
    pub const fn server_set(ns: &'static str, name: &'static str) -> IqSpec {
        IqSpec { target: Target::Server, kind: IqKind::Set, ns, name }
    }
}

/// Where in a stanza's walk a feature is asked. Synchronous and infallible; no number orders them, the list does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Phase {
    /// A session of the account sends.
    Outbound,
    /// Something has come to the account.
    Inbound,
    /// No session took it.
    Undelivered,
    /// A session became available.
    Available,
    /// A session is gone.
    Unbound,
    /// A session began to take messages to the bare JID. Not synchronous: what waited is read from the store.
    Arrived,
    /// A message lies in the outbox of a session whose client is asleep (XEP-0198 §5), and `Inbound` did not see that.
    Missed,
    /// The result or the error of an IQ that the server itself sent has come back.
    Replied,
    /// A message, or the answer to an IQ, has come to the server's own address.
    Addressed,
}

impl Phase {
    /// How many there are.
    pub const COUNT: usize = 9;
}
