//! A room is this data and one function: an input in, effects out (XEP-0045).

use std::sync::Arc;

use rialto_xmpp::{
    BareJid, Condition, IqKind, Jid, Message, MessageKind, Presence, PresenceKind, Stanza, StanzaError, ns,
};
use tokio::sync::Notify;

use super::affiliation::{Affiliation, Role};
use super::between::Questions;
use super::effect::{Effect, Now, Turn};
use super::history::History;
use super::invite::Invitations;
use super::links::{Linked, Memory, News, People, Returned, Token};
use super::occupant::Occupant;
use super::occupants::Occupants;
use super::record::Record;
use super::rules::Rules;
use super::slow_mode::Pace;
use super::voices::Voices;

/// A link of a room to a far room.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LinkId(pub u32);

/// A room. Cloning it shares everything: a copy is how an input is undone.
#[derive(Clone, Debug)]
pub struct Room {
    /// Its address.
    pub jid: BareJid,
    /// What binds all rooms of its host.
    pub rules: Arc<Rules>,
    /// What is kept of it.
    pub record: Arc<Record>,
    /// Who is in it.
    pub occupants: Arc<Occupants>,
    /// What was said last.
    pub history: Arc<History>,
    /// Far rooms that it is one with.
    pub links: Arc<[Arc<Linked>]>,
    /// Who is in those far rooms.
    pub far: Arc<People>,
    /// The newest messages, where there are links.
    pub memory: Arc<Memory>,
    /// Whether it exists for all.
    pub state: State,
    /// IQs that wait for an answer of another occupant.
    pub questions: Arc<Questions>,
    /// Who was invited by whom.
    pub invitations: Arc<Invitations>,
    /// Who was given or denied voice.
    pub voices: Arc<Voices>,
    /// Who said something when, in slow mode.
    pub pace: Arc<Pace>,
}

/// Whether a room exists for all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// §10.1.1: it waits for its first configuration; only owners enter.
    Locked,
    /// It is there.
    Open,
    /// It was destroyed or is not wanted any more.
    Gone,
}

/// Something that happens to a room.
#[derive(Clone, Debug)]
pub enum Input {
    /// A stanza to the room or to an occupant; its `from` is stamped.
    Stanza(Stanza),
    /// A session is not there any more.
    Gone(Jid),
    /// Rings when everything before it has been kept or refused.
    Settle(Arc<Notify>),
    /// The server closes (status 332).
    Shutdown,
    /// A far room is one with this one from now on.
    Linked(Arc<Linked>),
    /// It is so no more: the people from there go.
    Unlinked(LinkId),
    /// All that a network said before this has been kept when it is dropped.
    Mark(Arc<Token>),
    /// Something has happened in a far room.
    News(LinkId, News),
    /// What people here said does not arrive in a far room.
    Undelivered(Vec<Returned>, StanzaError),
    /// An occupant is told something by the room alone.
    Told(Arc<str>, String),
    /// There is no such account any more: who gets the name later is nobody to the room.
    Forget(BareJid),
    /// Somebody is listed among those who are kept away: he may be in here.
    Listed,
    /// An operator destroys the room.
    Destroy {
        /// Why.
        reason: Option<String>,
    },
}

impl Room {
    /// A room as it is kept, with nobody in it.
    pub fn new(jid: BareJid, rules: Arc<Rules>, record: Record, state: State) -> Room {
        Room {
            jid,
            rules,
            record: Arc::new(record),
            occupants: Arc::default(),
            history: Arc::default(),
            links: Arc::new([]),
            far: Arc::default(),
            memory: Arc::default(),
            state,
            questions: Arc::default(),
            invitations: Arc::default(),
            voices: Arc::default(),
            pace: Arc::default(),
        }
    }

    /// Something happens: what the room does about it is added to `effects`.
    pub fn handle(&mut self, now: &Now, input: Input, effects: &mut Vec<Effect>) {
        let turn = &mut Turn { now, effects };
        // A far room is entered before the first one here: its news do not close what is just being opened.
        let from_here =
            matches!(input, Input::Stanza(_) | Input::Gone(_) | Input::Unlinked(_) | Input::Listed);
        match input {
            Input::Stanza(Stanza::Message(message)) => self.message(turn, message),
            Input::Stanza(Stanza::Presence(presence)) => self.presence(turn, presence),
            Input::Stanza(Stanza::Iq(iq)) => self.iq(turn, iq),
            Input::Gone(jid) => self.session_gone(turn, &jid),
            // The actor answers it when the effects of all before it are kept.
            Input::Settle(_) | Input::Mark(_) => {}
            Input::Shutdown => self.shut_down(turn),
            Input::Told(nick, says) => self.told(turn, &nick, &says),
            Input::Forget(jid) => self.forget(turn, &jid),
            Input::Listed => self.put_out_listed(turn),
            Input::Destroy { reason } => self.destroyed(turn, None, reason),
            Input::Linked(link) => self.linked(link),
            Input::Unlinked(link) => self.unlinked(turn, link),
            Input::News(link, news) => self.far_news(turn, link, news),
            Input::Undelivered(returned, error) => self.undelivered(turn, &returned, &error),
        }
        if from_here {
            self.close_if_empty(turn);
        }
    }

    fn message(&mut self, turn: &mut Turn<'_>, message: Message) {
        let Some((from, to)) = ends(&message.head) else { return };
        let nick = to.resourcepart().map(str::to_owned);
        let done = match (message.kind, nick) {
            (MessageKind::Error, nick) => return self.bounced_message(turn, &from, nick.as_deref(), message),
            (MessageKind::Groupchat, None) => return self.groupchat(turn, &from, message),
            // §7.5: words to everybody are not for one.
            (MessageKind::Groupchat, Some(_)) => Err(Condition::BadRequest.into()),
            (_, Some(nick)) => self.whisper(turn, &from, &nick, &message),
            (_, None) => self.other_message(turn, &from, &message),
        };
        if let Err(error) = done {
            turn.bounce(&message.into(), &error);
        }
    }

    /// A message to the room itself that is not for everybody: an invitation, its answer, a request for voice.
    fn other_message(
        &mut self,
        turn: &mut Turn<'_>,
        from: &Jid,
        message: &Message,
    ) -> Result<(), StanzaError> {
        if let Some(x) = message.payload("x", ns::MUC_USER) {
            if x.has("invite", ns::MUC_USER) {
                return self.invite(turn, from, x);
            }
            if let Some(decline) = x.child("decline", ns::MUC_USER) {
                return self.decline(turn, from, decline);
            }
        }
        match message.payload("x", ns::DATA_FORMS) {
            Some(x) => self.voice_form(turn, from, x),
            // §17.2: improperly typed.
            None => Err(Condition::BadRequest.into()),
        }
    }

    fn presence(&mut self, turn: &mut Turn<'_>, presence: Presence) {
        let Some((from, to)) = ends(&presence.head) else { return };
        match presence.kind {
            PresenceKind::Available => {
                let entered = match to.resourcepart() {
                    Some(nick) => self.available(turn, &from, nick, &presence),
                    // §7.2.1: no nick.
                    None => Err(Condition::JidMalformed.into()),
                };
                if let Err(error) = entered {
                    turn.bounce(&presence.into(), &error);
                }
            }
            PresenceKind::Unavailable => self.leave(turn, &from, &presence),
            PresenceKind::Error => self.bounced(turn, &from, &presence.payloads),
            // §17.3: no other presence means anything to a room.
            _ => {}
        }
    }

    fn iq(&mut self, turn: &mut Turn<'_>, iq: rialto_xmpp::Iq) {
        let Some((from, to)) = ends(&iq.head) else { return };
        if let Some(nick) = to.resourcepart() {
            return self.between(turn, &from, nick, &iq);
        }
        let (IqKind::Get | IqKind::Set, Some(payload)) = (iq.kind, iq.payload()) else { return };
        let get = iq.kind == IqKind::Get;
        let answer = match (payload.name(), payload.ns().as_str(), get) {
            ("query", ns::DISCO_INFO, true) => self.disco_info(turn.now.at, &from, payload),
            ("query", ns::DISCO_ITEMS, true) => self.disco_items(&from, payload),
            ("query", ns::MUC_ADMIN, true) => self.admin_list(&from, payload),
            ("query", ns::MUC_ADMIN, false) => return self.admin_change(turn, &from, &iq),
            ("query", ns::MUC_OWNER, true) => self.config_form(&from),
            ("query", ns::MUC_OWNER, false) => return self.owner_set(turn, &from, &iq),
            ("query", ns::REGISTER, true) => self.registration(&from),
            ("query", ns::REGISTER, false) => return self.register(turn, &from, &iq),
            ("moderate", ns::MODERATE, false) | ("apply-to", ns::FASTEN, false) => {
                return self.moderate(turn, &from, &iq);
            }
            ("vCard", ns::VCARD, false) => return self.set_card(turn, &from, &iq),
            ("vCard", ns::VCARD, true) => return turn.effects.push(Effect::ShowCard(iq)),
            ("query", ns::MENTIONS, true) => Ok(Some(self.mention_rules())),
            ("query", ns::MENTIONS, false) => return self.set_mention_rules(turn, &from, &iq),
            ("command", ns::COMMANDS, false) => {
                return match super::links::commands::Act::of(&iq) {
                    Some(act) => self.link_command(turn, &from, act, iq),
                    None => self.command(turn, &from, &iq),
                };
            }
            ("query", ns::MAM, _) | ("metadata", ns::MAM, true) => return self.search(turn, &from, iq),
            ("ping", ns::PING, true) => Ok(None),
            _ => Err(Condition::ServiceUnavailable.into()),
        };
        turn.answer(&iq, answer);
    }

    /// §5.2: what a bare JID is to the room; those who run the service own all rooms.
    pub fn affiliation(&self, jid: &Jid) -> Affiliation {
        if self.rules.is_admin(jid) { Affiliation::Owner } else { self.record.affiliation(jid) }
    }

    /// §5.1.2: the role that somebody of this affiliation enters with.
    pub(super) fn role_on_entry(&self, affiliation: Affiliation) -> Role {
        let config = &self.record.config;
        affiliation.role(config.moderated && !config.voice_by_default)
    }

    /// The occupant behind a session, and what he is.
    pub(super) fn occupant(&self, session: &Jid) -> Option<&Arc<Occupant>> {
        self.occupants.of_session(session)
    }

    /// The record, to be changed; say `turn.save()` when it was.
    pub(super) fn record_mut(&mut self) -> &mut Record {
        Arc::make_mut(&mut self.record)
    }

    /// §7.14: a room that is not persistent goes with its last occupant. One that was never unlocked, too (§10.1.3).
    fn close_if_empty(&mut self, turn: &mut Turn<'_>) {
        let linked = self.links.iter().any(|link| !link.on_demand);
        let stays = self.state == State::Open && (self.record.config.persistent || linked);
        if !self.occupants.has_sessions()
            && !stays
            && !turn.effects.iter().any(|effect| matches!(effect, Effect::Close))
        {
            self.state = State::Gone;
            turn.effects.push(Effect::Close);
        }
    }
}

/// Sender and recipient; a stanza without them did not come through the router.
fn ends(head: &rialto_xmpp::Head) -> Option<(Jid, Jid)> {
    Some((head.from.clone()?, head.to.clone()?))
}
