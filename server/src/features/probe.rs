//! A feature alone in a test: accounts without a server. What features leave is carried to other accounts in memory,
//! as the router would, and what reaches nobody is kept to be read.

use std::sync::Arc;

use rialto_store::{Store, Ticket};
use rialto_xmpp::{BareJid, Element, Jid, PresenceKind, Stanza, StanzaError, parse};

use super::{Also, Ask, Feature, Features, Left, Origin, Phase, Turn, Verdict, Waiting};
use crate::sessions::{Account, Accounts, Frame, Session};

/// Features, a store in memory, and whoever was brought in.
pub struct Probe {
    /// The store.
    pub store: Store,
    /// The accounts.
    pub accounts: Arc<Accounts>,
    /// The features.
    pub features: Features,
}

/// What came of a stanza.
#[derive(Default)]
pub struct Seen {
    /// What was routed to somebody who is no account here.
    pub away: Vec<Stanza>,
    /// The error, if it was refused.
    pub refused: Option<StanzaError>,
    /// The newest write.
    pub ticket: Ticket,
    /// Whether a feature was done with it, or it was delivered.
    pub taken: bool,
}

impl Probe {
    /// These features, in this order.
    pub fn new(list: impl FnOnce(&Store, &Arc<Accounts>) -> Vec<Box<dyn Feature>>) -> Probe {
        let (store, accounts) = (Store::memory(), Arc::new(Accounts::default()));
        let features = Features::new(list(&store, &accounts)).unwrap();
        Probe { store, accounts, features }
    }

    /// The account of this bare JID, loaded now if it is not in memory.
    pub async fn account(&self, jid: &str) -> Arc<Account> {
        if let Some(account) = self.accounts.get(jid) {
            return account;
        }
        let accounts = rialto_store::accounts::Accounts::new(&self.store);
        // Where it was created before, it stays as it is.
        let _ = accounts.create(jid, Default::default(), true).await;
        let account = Account::new(BareJid::parse(jid).unwrap());
        self.features.load(&account).await.unwrap();
        self.accounts.insert(account)
    }

    /// A session that is bound and has sent nothing.
    pub async fn bound(&self, jid: &str) -> Arc<Session> {
        let jid = Jid::parse(jid).unwrap();
        let session = Arc::new(Session::new(jid.clone(), 10_000_000));
        assert!(self.account(jid.bare_str()).await.add(session.clone()));
        session
    }

    /// A session that has sent its initial presence and heard what that brings.
    pub async fn available(&self, jid: &str) -> Arc<Session> {
        let session = self.bound(jid).await;
        self.sends(&session, "<presence/>").await;
        heard(&session);
        session
    }

    /// A session sends a stanza, and it takes its whole way.
    pub async fn sends(&self, session: &Arc<Session>, xml: &str) -> Seen {
        let mut stanza = stanza(xml);
        stanza.head_mut().from = Some(session.jid.clone());
        let account = self.account(session.jid.bare_str()).await;
        let (was_available, took) = (session.is_available(), session.takes_bare());
        let (mut left, mut seen) = (Left::default(), Seen::default());
        let mut turn = Turn {
            origin: Origin::Session(session, &account),
            account: &account,
            session: Some(session),
            takers: &[],
            stanza: &mut stanza,
            left: &mut left,
        };
        let verdict = self.features.pass(Phase::Outbound, &mut turn);
        if matches!(verdict, Verdict::Next) && !was_available && session.is_available() {
            self.features.pass(Phase::Available, &mut turn);
        }
        self.carry(left, &mut seen).await;
        if !took && session.takes_bare() {
            self.hand_over(&account, session).await;
        }
        match verdict {
            Verdict::Refuse(error) => seen.refused = Some(*error),
            Verdict::Done => seen.taken = true,
            Verdict::Next if stanza.to().is_some() => {
                self.walk(Origin::Session(session, &account), stanza, &mut seen).await
            }
            Verdict::Next => {}
        }
        seen
    }

    /// A stanza comes to an account from elsewhere.
    pub async fn comes(&self, xml: &str) -> Seen {
        let mut seen = Seen::default();
        self.walk(Origin::Server, stanza(xml), &mut seen).await;
        seen
    }

    /// A session asks its own account.
    pub async fn asks(&self, session: &Arc<Session>, xml: &str) -> Result<Option<Element>, StanzaError> {
        let Stanza::Iq(mut iq) = stanza(xml) else { panic!("{xml} is no question") };
        iq.head.from = Some(session.jid.clone());
        let account = self.account(session.jid.bare_str()).await;
        let to = match &iq.head.to {
            Some(to) => self.account(to.bare_str()).await,
            None => account.clone(),
        };
        let mut ask = Ask {
            origin: Origin::Session(session, &account),
            account: Some(&to),
            iq: &iq,
            left: Left::default(),
            catalogue: &self.features.catalogue,
        };
        let answer = self.features.answer(&mut ask).await;
        let mut left = ask.left;
        let after = std::mem::take(&mut left.after);
        self.store.settled(left.ticket).await.unwrap();
        let mut seen = Seen::default();
        self.carry(left, &mut seen).await;
        self.carry(Left { also: after, ..Left::default() }, &mut seen).await;
        answer
    }

    /// A session is gone for good.
    pub async fn unbinds(&self, session: &Arc<Session>) -> Seen {
        let account = self.account(session.jid.bare_str()).await;
        account.remove(session);
        let mut stanza = stanza("<presence type='unavailable'/>");
        stanza.head_mut().from = Some(session.jid.clone());
        let (mut left, mut seen) = (Left::default(), Seen::default());
        let mut turn = Turn {
            origin: Origin::Session(session, &account),
            account: &account,
            session: Some(session),
            takers: &[],
            stanza: &mut stanza,
            left: &mut left,
        };
        self.features.pass(Phase::Unbound, &mut turn);
        self.carry(left, &mut seen).await;
        seen
    }

    /// What waited is given to a session that began to take messages.
    async fn hand_over(&self, account: &Arc<Account>, session: &Arc<Session>) {
        for feature in self.features.attending(Phase::Arrived) {
            let waiting = feature.arrived(account, session.outbox.room() / 2).await;
            let put = |waiting: Waiting| session.send(waiting.frame).is_ok().then_some(waiting.id);
            let taken: Vec<_> = waiting.into_iter().map_while(put).collect();
            feature.delivered(account, &taken).await;
        }
    }

    /// A message comes back from a session that died, and nobody else is there.
    pub async fn returns(&self, xml: &str) -> Seen {
        let (mut stanza, mut seen, mut left) = (stanza(xml), Seen::default(), Left::default());
        let account = self.account(stanza.to().unwrap().bare_str()).await;
        let mut turn = Turn {
            origin: Origin::Server,
            account: &account,
            session: None,
            takers: &[],
            stanza: &mut stanza,
            left: &mut left,
        };
        match self.features.pass(Phase::Undelivered, &mut turn) {
            Verdict::Done => seen.taken = true,
            Verdict::Refuse(error) => seen.refused = Some(*error),
            Verdict::Next => {}
        }
        self.carry(left, &mut seen).await;
        seen
    }

    /// The way of a stanza to an account, as the router has it.
    async fn walk(&self, origin: Origin<'_>, stanza: Stanza, seen: &mut Seen) {
        let to = stanza.to().unwrap().clone();
        if to.localpart().is_none() || to.domainpart() != "localhost" {
            seen.away.push(stanza);
            return;
        }
        let account = self.account(to.bare_str()).await;
        let takers = takers(&account, &to, &stanza);
        let mut stanza = stanza;
        for phase in [Phase::Inbound, Phase::Undelivered] {
            let mut left = Left::default();
            let mut turn = Turn {
                origin,
                account: &account,
                session: None,
                takers: &takers,
                stanza: &mut stanza,
                left: &mut left,
            };
            let verdict = self.features.pass(phase, &mut turn);
            self.carry(left, seen).await;
            match verdict {
                Verdict::Done => seen.taken = true,
                Verdict::Refuse(error) => seen.refused = Some(*error),
                Verdict::Next if takers.is_empty() => continue,
                Verdict::Next => {
                    let frame = Frame::stanza(&stanza);
                    seen.taken = takers.iter().filter(|taker| taker.send(frame.clone()).is_ok()).count() > 0;
                }
            }
            return;
        }
    }

    async fn carry(&self, left: Left, seen: &mut Seen) {
        seen.ticket = seen.ticket.max(left.ticket);
        for also in left.also {
            match also {
                Also::Route(stanza) => Box::pin(self.walk(Origin::Server, stanza, seen)).await,
                Also::Direct(session, stanza) => drop(session.send(Frame::stanza(&stanza))),
                Also::Frame(session, frame) => drop(session.send(frame)),
                Also::Later(work) => Box::pin(self.carry(work().await, seen)).await,
                Also::Remove(_) => {}
            }
        }
    }
}

fn takers(account: &Account, to: &Jid, stanza: &Stanza) -> Vec<Arc<Session>> {
    if let Some(session) = to.resourcepart().and_then(|resource| account.session(resource)) {
        return vec![session];
    }
    let sessions = account.sessions();
    let takes = |session: &&Arc<Session>| match stanza {
        Stanza::Presence(presence) => {
            to.is_bare() && presence.kind != PresenceKind::Probe && session.is_available()
        }
        Stanza::Message(_) => session.takes_bare(),
        Stanza::Iq(_) => false,
    };
    sessions.iter().filter(takes).cloned().collect()
}

/// A stanza from its text; the namespace need not be written.
pub fn stanza(xml: &str) -> Stanza {
    let name: String = xml.chars().skip(1).take_while(char::is_ascii_alphabetic).collect();
    let named = match xml.split('>').next().is_some_and(|tag| tag.contains("xmlns='jabber:client'")) {
        true => xml.to_owned(),
        false => xml.replacen(&name, &format!("{name} xmlns='jabber:client'"), 1),
    };
    Stanza::read(parse::standalone(&named).unwrap()).unwrap()
}

/// What has reached a session since the last time it was asked, each as it goes over the wire.
pub fn heard(session: &Session) -> Vec<String> {
    let mut frames = Vec::new();
    session.outbox.try_take(session.outbox.writer(), &mut frames);
    frames.iter().map(|frame| String::from_utf8(frame.to_bytes().to_vec()).unwrap()).collect()
}
