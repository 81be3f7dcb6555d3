//! XEP-0115: Entity Capabilities. The server tells its own in the stream features (§6.3), and asks clients what theirs
//! mean, once for each verification string: that says which nodes they want to hear of (XEP-0060 §9.2).

mod known;
mod verify;

use std::sync::Arc;

use rialto_xmpp::{Element, Head, Iq, IqKind, Presence, PresenceKind, Stanza, ns};

use super::catalogue::CAPS_NODE;
use super::pubsub::{Interests, PubSub};
use super::{About, Catalogue, Feature, Phase, Spec, Target, Turn, Verdict};
use crate::random;
use crate::sessions::Session;
use known::Known;
pub use verify::verification;

static ABOUT: About = About {
    spec: Spec::Xep(115, "1.6.0"),
    disco: &[(Target::Server, ns::CAPS)],
    iq: &[],
    at: &[Phase::Outbound, Phase::Available, Phase::Replied],
};

/// The capabilities of the server and of clients.
pub struct Caps {
    pubsub: Arc<PubSub>,
    known: Known,
}

/// The feature. Stands before `presence`: it must see which presence of a session is the first.
pub fn new(pubsub: &Arc<PubSub>) -> Caps {
    Caps { pubsub: pubsub.clone(), known: Known::default() }
}

/// The capabilities that a session has told last; an extension of the session.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Told {
    node: String,
    ver: String,
    /// §5: the string can be checked.
    checkable: bool,
}

/// What a session was asked and has not answered; an extension of the session.
struct Asked {
    id: String,
    about: Told,
}

/// A longer name of a client, or verification string, is nobody's.
const LONGEST: usize = 512;

impl Feature for Caps {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn outbound(&self, turn: &mut Turn<'_>) -> Verdict {
        let (Stanza::Presence(presence), Some(session)) = (&*turn.stanza, turn.session) else {
            return Verdict::Next;
        };
        if presence.head.to.is_none() && presence.kind == PresenceKind::Available {
            let told = told(presence);
            self.hears(turn, session, told);
        }
        Verdict::Next
    }

    /// XEP-0163 §4.3.4: whoever is available now hears what is the newest.
    fn available(&self, turn: &mut Turn<'_>) -> Verdict {
        if let Some(session) = turn.session.filter(|session| session.extensions.has::<Interests>()) {
            self.pubsub.greet(turn.account, session, None, turn.left);
        }
        Verdict::Next
    }

    /// §6.2: a client says what its capabilities mean.
    fn replied(&self, turn: &mut Turn<'_>) -> Verdict {
        let (Stanza::Iq(iq), Some(session)) = (&*turn.stanza, turn.session) else { return Verdict::Next };
        let asked = session.extensions.get::<Asked>();
        let Some(asked) = asked.filter(|asked| iq.head.id.as_deref() == Some(&asked.id)) else {
            return Verdict::Next;
        };
        session.extensions.remove::<Asked>();
        let still = session.extensions.get::<Told>().is_some_and(|told| *told == asked.about);
        let info = iq.payloads.iter().find(|payload| payload.is("query", ns::DISCO_INFO));
        if let Some(info) = info.filter(|_| still && iq.kind == IqKind::Result) {
            let interests = Arc::new(Interests::of(info));
            // §5.4: what cannot be proved counts for this session alone.
            if asked.about.checkable && verify::proves(info, &asked.about.ver) {
                self.known.learn(&asked.about.ver, &interests);
            }
            self.wants(turn, session, interests);
        }
        Verdict::Done
    }
}

impl Caps {
    /// A session becomes available, or is so in another way.
    fn hears(&self, turn: &mut Turn<'_>, session: &Arc<Session>, told: Option<Told>) {
        let first = !session.is_available();
        let before = session.extensions.get::<Told>();
        let Some(told) = told else {
            // §6.1: a presence without them says nothing new, unless it is the first.
            if first {
                session.extensions.remove::<Told>();
                session.extensions.remove::<Interests>();
            }
            return;
        };
        let changed = before.is_none_or(|before| *before != told);
        if !changed && !first {
            return;
        }
        if changed {
            session.extensions.put(told.clone());
        }
        let known = if told.checkable { self.known.find(&told.ver) } else { None };
        let known = known.or_else(|| session.extensions.get::<Interests>().filter(|_| !changed));
        match known {
            // `available` does the rest: what is new comes behind the presence of others.
            Some(interests) if first => session.extensions.put_shared(interests),
            Some(interests) => self.wants(turn, session, interests),
            None => {
                if first {
                    session.extensions.remove::<Interests>();
                }
                ask(turn, session, told);
            }
        }
    }

    /// It is known what a session wants to hear of.
    fn wants(&self, turn: &mut Turn<'_>, session: &Arc<Session>, interests: Arc<Interests>) {
        let before = session.extensions.get::<Interests>();
        session.extensions.put_shared(interests);
        self.pubsub.greet(turn.account, session, before, turn.left);
    }
}

/// §6.2: a session is asked what its capabilities mean. What it was asked before is forgotten.
fn ask(turn: &mut Turn<'_>, session: &Arc<Session>, about: Told) {
    let node = format!("{}#{}", about.node, about.ver);
    let query = Element::new("query", ns::DISCO_INFO).attr("node", node);
    let id = format!("caps-{}", random::token());
    let Ok(domain) = rialto_xmpp::Jid::parse(session.jid.domainpart()) else { return };
    let head = Head { id: Some(id.as_str().into()), ..Head::between(&domain, &session.jid) };
    session.extensions.put(Asked { id, about });
    turn.left.direct(session, Iq { head, kind: IqKind::Get, payloads: vec![query] });
}

/// The capabilities that a presence tells.
fn told(presence: &Presence) -> Option<Told> {
    let c = presence.payloads.iter().find(|payload| payload.is("c", ns::CAPS))?;
    let (node, ver) = (c.get("node")?, c.get("ver")?);
    if node.len() > LONGEST || ver.len() > LONGEST || ver.is_empty() {
        return None;
    }
    let checkable = c.get("hash") == Some("sha-1");
    Some(Told { node: node.to_owned(), ver: ver.to_owned(), checkable })
}

/// §6.3: `<c/>` for the stream features.
pub fn stream_feature(catalogue: &Catalogue) -> Element {
    Element::new("c", ns::CAPS).attr("hash", "sha-1").attr("node", CAPS_NODE).attr("ver", catalogue.caps())
}
