//! XEP-0317 §3.2 – §3.7: creating, destroying, assigning and listing hats, by ad-hoc commands of the room (XEP-0050).

use std::collections::BTreeSet;

use rialto_xmpp::parts::form::{Field, Form};
use rialto_xmpp::{BareJid, Condition, Element, Iq, Jid, StanzaError, ns};

use super::Hat;
use crate::muc::affiliation::Affiliation;
use crate::muc::effect::Turn;
use crate::muc::room::Room;

/// Hats of one room.
const MOST: usize = 64;
/// Bytes of a title.
const TITLE: usize = 128;
/// Bytes of a URI.
const URI: usize = 256;

/// One of the commands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Command {
    /// §3.2.
    Create,
    /// §3.3.
    Destroy,
    /// §3.4.
    List,
    /// §3.5.
    Assign,
    /// §3.6.
    Unassign,
    /// §3.7.
    ListAssigned,
}

impl Command {
    /// All of them.
    pub const ALL: [Command; 6] = [
        Command::Create,
        Command::Destroy,
        Command::List,
        Command::Assign,
        Command::Unassign,
        Command::ListAssigned,
    ];

    /// The command of this node.
    pub fn parse(node: &str) -> Option<Command> {
        Command::ALL.into_iter().find(|command| command.node() == node)
    }

    /// Its node.
    pub fn node(self) -> String {
        let name = match self {
            Command::Create => "create",
            Command::Destroy => "destroy",
            Command::List => "list",
            Command::Assign => "assign",
            Command::Unassign => "unassign",
            Command::ListAssigned => "list-assigned",
        };
        format!("{}:{name}", ns::HATS_COMMANDS)
    }

    /// For a person.
    pub fn name(self) -> &'static str {
        match self {
            Command::Create => "Create or change a hat",
            Command::Destroy => "Destroy a hat",
            Command::List => "List the hats",
            Command::Assign => "Give somebody a hat",
            Command::Unassign => "Take a hat from somebody",
            Command::ListAssigned => "List who wears which hats",
        }
    }
}

/// What a command ends with, for now.
enum Stage {
    Ask(Form),
    Done(Option<Element>),
}

impl Room {
    /// A command of the room. There is nothing to remember between its stages: the form says it all.
    pub(in crate::muc) fn command(&mut self, turn: &mut Turn<'_>, from: &Jid, iq: &Iq) {
        let answer = self.ran(turn, from, iq);
        turn.answer(iq, answer.map(Some));
    }

    /// Whether somebody may run a command: hats are the business of those who run the room; which there are is seen by
    /// everybody in it.
    pub(in crate::muc) fn may_run(&self, from: &Jid, command: Command) -> bool {
        let affiliation = self.affiliation(from);
        match command {
            Command::List => affiliation >= Affiliation::Member || self.occupant(from).is_some(),
            _ => affiliation >= Affiliation::Admin,
        }
    }

    fn ran(&mut self, turn: &mut Turn<'_>, from: &Jid, iq: &Iq) -> Result<Element, StanzaError> {
        let request = iq.payload().ok_or(Condition::BadRequest)?;
        let node = request.get("node").ok_or(Condition::BadRequest)?;
        let command = Command::parse(node).ok_or(Condition::ItemNotFound)?;
        if !self.may_run(from, command) {
            let says = "Only those who run the room do something about its hats.";
            return Err(StanzaError::new(Condition::Forbidden, says));
        }
        let answer = |status| {
            let session = request.get("sessionid").unwrap_or(&turn.now.id);
            Element::new("command", ns::COMMANDS)
                .attr("node", node)
                .attr("sessionid", session)
                .attr("status", status)
        };
        let (asking, done) = (answer("executing"), answer("completed"));
        match request.get("action") {
            Some("cancel") => return Ok(answer("canceled")),
            None | Some("execute" | "next" | "complete") => {}
            Some("prev") => return Err(wrong("bad-action", "This command has one stage only.")),
            Some(_) => return Err(wrong("malformed-action", "There is no such action.")),
        }
        let form = Form::inside(request).filter(|form| form.kind == "submit");
        Ok(match self.stage(turn, command, form.as_ref())? {
            Stage::Ask(form) => {
                let complete = Element::new("complete", ns::COMMANDS);
                let actions =
                    Element::new("actions", ns::COMMANDS).attr("execute", "complete").with(complete);
                asking.with(actions).with(form.to_element())
            }
            Stage::Done(result) => done.with_opt(result),
        })
    }

    fn stage(
        &mut self,
        turn: &mut Turn<'_>,
        command: Command,
        form: Option<&Form>,
    ) -> Result<Stage, StanzaError> {
        match (command, form) {
            (Command::List, _) => return Ok(Stage::Done(Some(self.all_hats()))),
            (Command::ListAssigned, _) => return Ok(Stage::Done(Some(self.all_worn()))),
            (command, None) => return Ok(Stage::Ask(self.question(command))),
            (Command::Create, Some(form)) => self.create_hat(turn, form)?,
            (Command::Destroy, Some(form)) => {
                let uri = self.known_hat(form)?;
                let wearers = self.record_mut().hats.destroy(&uri);
                self.hats_changed(turn, &wearers, true);
            }
            (Command::Assign, Some(form)) => {
                let (who, uri) = (self.wearer(form)?, self.known_hat(form)?);
                let worn = &self.record.hats.worn;
                if !worn.contains_key(who.as_str()) && worn.len() >= self.rules.limits.standings {
                    let says = "So many people wear hats that there is no place for one more.";
                    return Err(StanzaError::new(Condition::ResourceConstraint, says));
                }
                self.record_mut().hats.worn.entry(who.as_str().to_owned()).or_default().insert(uri);
                self.hats_changed(turn, &BTreeSet::from([who.as_str().to_owned()]), false);
            }
            (Command::Unassign, Some(form)) => {
                let (who, uri) = (self.wearer(form)?, self.known_hat(form)?);
                if !self.record.hats.worn.get(who.as_str()).is_some_and(|worn| worn.contains(&uri)) {
                    let says = "This person does not wear this hat.";
                    return Err(StanzaError::new(Condition::ItemNotFound, says));
                }
                self.record_mut().hats.take_off(who.as_str(), &uri);
                self.hats_changed(turn, &BTreeSet::from([who.as_str().to_owned()]), false);
            }
        }
        Ok(Stage::Done(None))
    }

    /// What is kept has changed; everybody sees it (§3.2, §3.3).
    fn hats_changed(&mut self, turn: &mut Turn<'_>, of: &BTreeSet<String>, list: bool) {
        turn.save();
        if list {
            self.tell_codes(turn, &[104]);
        }
        self.show_hats(turn, of);
    }

    fn create_hat(&mut self, turn: &mut Turn<'_>, form: &Form) -> Result<(), StanzaError> {
        let given = |var| form.value(var).map(str::trim).filter(|text| !text.is_empty());
        let title = given("hats#title").filter(|title| title.len() <= TITLE);
        let title =
            title.ok_or_else(|| wrong("bad-payload", "A hat needs a title, of at most 128 bytes."))?;
        let uri = given("hats#uri").filter(|uri| uri.len() <= URI && is_uri(uri));
        let uri = uri.ok_or_else(|| wrong("bad-payload", "A hat needs a URI, of at most 256 bytes."))?;
        let hue = given("hats#hue");
        if hue.is_some_and(|hue| !is_hue(hue)) {
            return Err(wrong("bad-payload", "A hue is a number of degrees, from 0 to 360."));
        }
        let hats = &self.record.hats;
        if !hats.list.contains_key(uri) && hats.list.len() >= MOST {
            let says = "This room has as many hats as a room may have: destroy one first.";
            return Err(StanzaError::new(Condition::ResourceConstraint, says));
        }
        let hat = Hat { title: title.to_owned(), hue: hue.map(str::to_owned) };
        self.record_mut().hats.list.insert(uri.to_owned(), hat);
        let wearers = self.record.hats.wearers(uri);
        self.hats_changed(turn, &wearers, true);
        Ok(())
    }

    fn known_hat(&self, form: &Form) -> Result<String, StanzaError> {
        // The example of §3.3 calls the field otherwise than its submission.
        let uri = form.value("hats#uri").or_else(|| form.value("hat")).map(str::trim);
        let uri = uri.ok_or_else(|| wrong("bad-payload", "Which hat? Its URI is missing."))?;
        match self.record.hats.list.contains_key(uri) {
            true => Ok(uri.to_owned()),
            false => Err(StanzaError::new(Condition::ItemNotFound, "There is no such hat: create it first.")),
        }
    }

    /// Who gets or loses it, by his address or that of an occupant: not everybody sees real addresses.
    fn wearer(&self, form: &Form) -> Result<BareJid, StanzaError> {
        let jid = form
            .value("hats#jid")
            .ok_or_else(|| wrong("bad-payload", "Whose hat? The address is missing."))?;
        let jid = Jid::parse(jid.trim()).map_err(|_| Condition::JidMalformed)?;
        let occupant = jid.resourcepart().filter(|_| jid.bare_str() == self.jid.as_str());
        match occupant {
            None => Ok(jid.bare()),
            Some(nick) => Ok(self.occupants.of_nick(nick).ok_or(Condition::ItemNotFound)?.bare()),
        }
    }

    fn question(&self, command: Command) -> Form {
        let form = Form::new("form", ns::HATS_COMMANDS).title(command.name());
        let which = || {
            let hats = self.record.hats.list.iter().map(|(uri, hat)| (hat.title.clone(), uri.clone()));
            Field { values: Vec::new(), ..Field::list("hats#uri", "The hat", "", hats) }.required()
        };
        let who =
            || Field { values: Vec::new(), ..Field::new("jid-single", "hats#jid", "Address", "") }.required();
        let line = |var: &str, label: &str| Field { values: Vec::new(), ..Field::text(var, label, "") };
        match command {
            Command::Create => form
                .field(line("hats#title", "Title").required())
                .field(line("hats#uri", "URI").required())
                .field(line("hats#hue", "Hue of its colour, in degrees")),
            Command::Destroy => form.field(which()),
            _ => form.field(who()).field(which()),
        }
    }

    fn all_hats(&self) -> Element {
        let hats = self.record.hats.list.iter();
        let rows = hats.map(|(uri, hat)| {
            [("hats#title", hat.title.as_str()), ("hats#uri", uri), ("hats#hue", hue(hat))].to_vec()
        });
        table("Hats", &["hats#title", "hats#uri", "hats#hue"], rows)
    }

    fn all_worn(&self) -> Element {
        let hats = &self.record.hats;
        let worn = hats.worn.iter().flat_map(|(bare, worn)| worn.iter().map(move |uri| (bare, uri)));
        let rows = worn.filter_map(|(bare, uri)| {
            let hat = hats.list.get(uri)?;
            let row = [("hats#jid", bare.as_str()), ("hats#uri", uri), ("hats#title", &hat.title)];
            Some(row.into_iter().chain([("hats#hue", hue(hat))]).collect())
        });
        table("Who wears which hats", &["hats#jid", "hats#uri", "hats#title", "hats#hue"], rows)
    }
}

fn hue(hat: &Hat) -> &str {
    hat.hue.as_deref().unwrap_or_default()
}

/// XEP-0004 §3.4: several results in one form. What is empty is left out.
fn table<'a>(title: &str, vars: &[&str], rows: impl Iterator<Item = Vec<(&'a str, &'a str)>>) -> Element {
    let element = |name: &'static str| Element::new(name, ns::DATA_FORMS);
    let reported = element("reported").with_all(vars.iter().map(|var| element("field").attr("var", var)));
    let cell =
        |(var, text): (&str, &str)| element("field").attr("var", var).with(element("value").with_text(text));
    let items = rows
        .map(|row| element("item").with_all(row.into_iter().filter(|(_, text)| !text.is_empty()).map(cell)));
    element("x").attr("type", "result").with(element("title").with_text(title)).with(reported).with_all(items)
}

/// XEP-0050 §4.4: what is wrong with a request.
fn wrong(condition: &'static str, says: &str) -> StanzaError {
    StanzaError::new(Condition::BadRequest, says).with(Element::new(condition, ns::COMMANDS))
}

fn is_uri(text: &str) -> bool {
    text.contains(':') && !text.contains(|c: char| c.is_whitespace() || c.is_control())
}

fn is_hue(text: &str) -> bool {
    text.len() <= 16 && text.parse::<f64>().is_ok_and(|hue| (0.0..=360.0).contains(&hue))
}
