//! XEP-0050: commands of a room about its links: for its owners, within what the operator allows.
//!
//! A bridge says in `owners` to which far rooms owners of rooms may link theirs; without, to none. A link that an owner
//! makes never leads to what not everybody there may read, and the operator sees it like all others. What an operator has
//! made, an owner does not take away.

use std::sync::Arc;

use rialto_xmpp::parts::form::{Field, Form};
use rialto_xmpp::{BareJid, Condition, Element, Iq, Jid, Stanza, StanzaError, ns};

use super::attached::{Attached, Origin};
use super::networks::Networks;
use super::registry::{LinkError, Links};
use crate::config::{FarRoom, LinkOptions, To};
use crate::features::command::{Note, Stage};
use crate::muc::affiliation::Affiliation;
use crate::muc::effect::{Effect, Turn};
use crate::muc::room::Room;

/// Links that owners of one room may make.
const MOST: usize = 8;

/// `FORM_TYPE` of the forms.
const FORM: &str = "urn:rialto:links:0";

/// One of the commands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Act {
    /// Links the room to a far room.
    Link,
    /// Takes a link away.
    Unlink,
    /// Says how the links are.
    State,
}

impl Act {
    /// All of them.
    pub const ALL: [Act; 3] = [Act::Link, Act::Unlink, Act::State];

    /// The command of this node.
    pub fn parse(node: &str) -> Option<Act> {
        Act::ALL.into_iter().find(|act| act.node() == node)
    }

    /// The command that a request is for.
    pub fn of(iq: &Iq) -> Option<Act> {
        Act::parse(iq.payload()?.get("node")?)
    }

    /// Its node.
    pub fn node(self) -> String {
        let name = match self {
            Act::Link => "link",
            Act::Unlink => "unlink",
            Act::State => "state",
        };
        format!("{FORM}#{name}")
    }

    /// For a person.
    pub fn name(self) -> &'static str {
        match self {
            Act::Link => "Link this room to another network",
            Act::Unlink => "Take a link away",
            Act::State => "State of links",
        }
    }
}

/// Whether some network lets owners of rooms link them.
pub(super) fn owners_link(networks: &Networks) -> bool {
    networks.sections().values().any(|bridge| !bridge.owners.is_empty())
}

impl Room {
    /// Whether somebody may run a command: to link is the owners' business, where the operator lets them; those who run
    /// the room see how its links are.
    pub(in crate::muc) fn may_link(&self, from: &Jid, act: Act) -> bool {
        let offered = self.rules.owners_link.load(std::sync::atomic::Ordering::Relaxed);
        let on_demand = self.links.iter().any(|link| link.on_demand);
        let affiliation = self.affiliation(from);
        match act {
            Act::State => affiliation >= Affiliation::Admin && (offered || !self.links.is_empty()),
            Act::Link | Act::Unlink => offered && !on_demand && affiliation >= Affiliation::Owner,
        }
    }

    /// Somebody runs a command. What it does is done outside the room, which goes on meanwhile.
    pub(in crate::muc) fn link_command(&mut self, turn: &mut Turn<'_>, from: &Jid, act: Act, iq: Iq) {
        if !self.may_link(from, act) {
            let says = "Links are for the room's owners, as far as the operator of this server lets them.";
            return turn.bounce(&Stanza::Iq(iq), &StanzaError::new(Condition::Forbidden, says));
        }
        turn.effects.push(Effect::Command(act, iq));
    }
}

impl Links {
    /// The answer to a command that somebody may run.
    pub(super) async fn answer(&self, room: &BareJid, act: Act, iq: &Iq) -> Stanza {
        match self.answered(room, act, iq).await {
            Ok(command) => iq.result(Some(command)).into(),
            Err(error) => Stanza::Iq(iq.clone()).error_reply(&error),
        }
    }

    async fn answered(&self, room: &BareJid, act: Act, iq: &Iq) -> Result<Element, StanzaError> {
        let request = iq.payload().ok_or(Condition::BadRequest)?;
        let session = request.get("sessionid").unwrap_or("links").to_owned();
        let answer = |status| {
            Element::new("command", ns::COMMANDS)
                .attr("node", act.node())
                .attr("sessionid", &session)
                .attr("status", status)
        };
        match request.get("action") {
            Some("cancel") => return Ok(answer("canceled")),
            None | Some("execute" | "next" | "complete") => {}
            Some("prev") => return Err(wrong("bad-action", "This command has one stage only.")),
            Some(_) => return Err(wrong("malformed-action", "There is no such action.")),
        }
        let form = Form::inside(request).filter(|form| form.kind == "submit");
        let stage = match (act, &form) {
            (Act::State, _) => Stage::told(self.in_words(room)),
            (Act::Link, None) => self.ask_which(),
            (Act::Link, Some(form)) => self.link_by(room, form, iq.head.from.as_ref()).await,
            (Act::Unlink, None) => self.ask_which_goes(room),
            (Act::Unlink, Some(form)) => self.unlink_by(room, form, iq.head.from.as_ref()).await,
        };
        Ok(match stage {
            Stage::Ask(form) => {
                let complete = Element::new("complete", ns::COMMANDS);
                let actions =
                    Element::new("actions", ns::COMMANDS).attr("execute", "complete").with(complete);
                answer("executing").with(actions).with(form.to_element())
            }
            Stage::Done { note, result } => {
                let note = note.as_ref().map(Note::parts).map(|(kind, text)| {
                    Element::new("note", ns::COMMANDS).attr("type", kind).with_text(text)
                });
                answer("completed").with_opt(note).with_opt(result)
            }
        })
    }

    fn of_room(&self, room: &BareJid) -> Vec<Arc<Attached>> {
        self.list().into_iter().filter(|link| link.room == *room).collect()
    }

    /// How the links of a room are, a line each.
    fn in_words(&self, room: &BareJid) -> String {
        let links = self.of_room(room);
        if links.is_empty() {
            return "This room is not linked to any other.".to_owned();
        }
        let line = |link: &Arc<Attached>| {
            let state = link.state();
            let mut line = format!("{}: {}", link.linked.key(), link.words());
            if let Some(lag) = state.lag {
                line.push_str(&format!(", lag {} ms", lag.as_millis()));
            }
            if let Some((at, error)) = state.last_error.filter(|_| state.error.is_none()) {
                let at = rialto_xmpp::parts::datetime::format(at);
                line.push_str(&format!("; last error at {at}: {error}"));
            }
            line
        };
        links.iter().map(line).collect::<Vec<_>>().join("\n")
    }

    fn ask_which(&self) -> Stage {
        let sections = self.networks().sections();
        let open = sections.iter().filter(|(_, bridge)| !bridge.owners.is_empty());
        let choices: Vec<(String, String)> = open
            .map(|(name, bridge)| (format!("{name} ({})", bridge.owners.join(", ")), name.clone()))
            .collect();
        let Some((_, first)) = choices.first().cloned() else {
            return Stage::refused("The operator of this server lets nobody link rooms.");
        };
        let pair = |label: &str, value: &str| (label.to_owned(), value.to_owned());
        let ways =
            [pair("both ways", "both"), pair("from there to here", "in"), pair("from here to there", "out")];
        let people = [pair("everybody who is there", "all"), pair("those who speak", "speakers")];
        let form = Form::new("form", FORM)
            .title("Link this room")
            .instructions("This room and a room on another network become one. Ask the people there first.")
            .field(Field::list("bridge", "Network", first, choices).required())
            .field(Field::text("room", "Room there, as #example", "").required())
            .field(Field::list("way", "Words go", "both", ways))
            .field(Field::list("occupants", "People of that room who are shown here", "all", people))
            .field(Field::boolean("archive", "Keep what is said there in this room's archive", true))
            .field(Field::text("nick", "How people from here are called there", "{nick}"));
        Stage::Ask(form)
    }

    async fn link_by(&self, room: &BareJid, form: &Form, who: Option<&Jid>) -> Stage {
        let bridge = form.value("bridge").unwrap_or_default();
        let name = form.value("room").unwrap_or_default().trim();
        let far = match format!("{bridge}:{name}").parse::<FarRoom>() {
            Ok(far) => far,
            Err(why) => return Stage::refused(why),
        };
        if let Err(why) = self.lets_owner(room, &far).await {
            return Stage::refused(why);
        }
        let said = |key: &str| form.value(key).filter(|value| !value.is_empty());
        let mut set: Vec<String> = ["way", "occupants", "nick"]
            .into_iter()
            .filter_map(|key| said(key).map(|value| format!("{key}={}", toml::Value::from(value))))
            .collect();
        if let Some(archive) = form.boolean("archive") {
            set.push(format!("archive={archive}"));
        }
        let options = match LinkOptions::default().set(&set) {
            Ok(options) => options,
            Err(why) => return Stage::refused(why),
        };
        let to = To { far, options };
        let who = who.map(Jid::bare_str).unwrap_or_default();
        tracing::info!(%room, link = %to.far, who, "an owner links his room");
        match self.add_as(room, &to, Origin::Owner).await {
            Ok(None) => Stage::told(format!("This room is linked to {}.", to.far)),
            Ok(Some(remark)) => Stage::told(format!("This room is linked to {}; {remark}", to.far)),
            Err(LinkError::Store(error)) => {
                tracing::error!(%room, %error, "a link was not kept");
                Stage::refused("It could not be kept. Try again later.")
            }
            // Where else it is linked is not told: that room may be nobody's to know of.
            Err(LinkError::Taken { .. }) => Stage::refused(format!("{} is linked to another room.", to.far)),
            Err(error) => Stage::refused(error.to_string()),
        }
    }

    /// Whether an owner may link to this far room: by the name that the network itself has for it.
    async fn lets_owner(&self, room: &BareJid, far: &FarRoom) -> Result<(), String> {
        let sections = self.networks().sections();
        let (Some(bridge), Some(over)) = (sections.get(&far.bridge), self.networks().network(&far.bridge))
        else {
            return Err(format!("There is no network {} here.", far.bridge));
        };
        let refused = || {
            let here = if bridge.owners.is_empty() { "none".to_owned() } else { bridge.owners.join(", ") };
            format!("The operator of this server lets owners link {here} of {}.", far.bridge)
        };
        // What stands behind a blank may be a key: it must not make the name fit.
        if far.room.contains(char::is_whitespace) {
            return Err(refused());
        }
        let canonical = over.network.resolve(&far.room).await.map_err(|error| error.to_string())?;
        if !bridge.lets_owners_link(&far.room) && !bridge.lets_owners_link(canonical.as_str()) {
            return Err(refused());
        }
        let own = self.of_room(room).into_iter().filter(|link| link.origin == Origin::Owner).count();
        if own >= MOST {
            return Err(format!("Owners of a room may make {MOST} links: take one away first."));
        }
        Ok(())
    }

    fn ask_which_goes(&self, room: &BareJid) -> Stage {
        let own = self.of_room(room).into_iter().filter(|link| link.origin == Origin::Owner);
        let keys: Vec<(String, String)> = own.map(|link| (link.linked.key(), link.linked.key())).collect();
        let Some((_, first)) = keys.first().cloned() else {
            return Stage::refused("There is no link that an owner has made.");
        };
        let form = Form::new("form", FORM)
            .title("Take a link away")
            .instructions("Both rooms stay. People of that room leave this one.")
            .field(Field::list("link", "Link", first, keys).required());
        Stage::Ask(form)
    }

    async fn unlink_by(&self, room: &BareJid, form: &Form, who: Option<&Jid>) -> Stage {
        let key = form.value("link").unwrap_or_default();
        let link = self.of_key(key).filter(|link| link.room == *room && link.origin == Origin::Owner);
        let Some(link) = link else {
            return Stage::refused("There is no such link that an owner has made.");
        };
        let far = FarRoom { bridge: link.linked.bridge.to_string(), room: link.linked.far.to_string() };
        tracing::info!(%room, link = key, who = who.map(Jid::bare_str), "an owner takes a link away");
        match self.remove(room, &far).await {
            Ok(()) => Stage::told(format!("This room is no longer linked to {key}.")),
            Err(error) => Stage::refused(error.to_string()),
        }
    }
}

/// XEP-0050 §4.4.
fn wrong(condition: &'static str, says: &str) -> StanzaError {
    StanzaError::new(Condition::BadRequest, says).with(Element::new(condition, ns::COMMANDS))
}
