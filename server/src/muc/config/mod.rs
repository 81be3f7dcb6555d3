//! XEP-0045 §10.1.3, §10.2, §15.5.3: how a room is set up. One file, one field; the list below is the form.

mod allow_invites;
mod allow_pm;
mod archive;
mod change_subject;
mod description;
mod history;
mod lang;
mod max_users;
mod member_list;
mod members_only;
mod mentions;
mod moderated;
mod name;
mod password;
mod people;
mod persistent;
mod presence_broadcast;
mod public;
mod pubsub;
mod reactions;
mod slow_mode;
mod space;
mod voice;
mod whois;

use rialto_xmpp::parts::form::{self, Form};
use rialto_xmpp::{BareJid, Condition, Element, StanzaError, ns};
use serde::{Deserialize, Serialize};

use super::affiliation::{Affiliation, Role};
use super::mentions::Mentions;
use super::record::Record;
use super::rules::Limits;
use super::whisper::Whispers;

/// The form, in its order. A new option is one `mod` above and one line here.
const FIELDS: &[Field] = &[
    name::FIELD,
    description::FIELD,
    lang::FIELD,
    persistent::FIELD,
    public::FIELD,
    members_only::FIELD,
    allow_invites::FIELD,
    password::PROTECTED,
    password::SECRET,
    max_users::FIELD,
    whois::FIELD,
    moderated::FIELD,
    voice::FIELD,
    change_subject::FIELD,
    allow_pm::FIELD,
    presence_broadcast::FIELD,
    member_list::FIELD,
    archive::FIELD,
    history::FIELD,
    slow_mode::FIELD,
    reactions::COUNT,
    reactions::LIST,
    space::FIELD,
    pubsub::FIELD,
    people::ADMINS,
    people::OWNERS,
];

/// How a room is set up.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Config {
    /// For a person.
    pub name: String,
    /// For a person.
    pub description: String,
    /// Language tag of RFC 5646; may be empty.
    pub lang: String,
    /// Stays when the last occupant has left.
    pub persistent: bool,
    /// Is found in the list of rooms.
    pub public: bool,
    /// Only members enter.
    pub members_only: bool,
    /// Members may invite others to a members-only room.
    pub allow_invites: bool,
    /// What one must know to enter.
    pub password: Option<String>,
    /// Occupants at most.
    pub max_users: Option<usize>,
    /// Non-anonymous: everybody sees real JIDs, else moderators do.
    pub whois_anyone: bool,
    /// Only those with voice speak.
    pub moderated: bool,
    /// In a moderated room, who enters has voice all the same.
    pub voice_by_default: bool,
    /// Not only moderators change the subject.
    pub change_subject: bool,
    /// Who sends private messages.
    pub private_messages: Whispers,
    /// Roles whose presence others get.
    pub shown_roles: Vec<String>,
    /// Roles that may ask for the member list.
    pub list_roles: Vec<String>,
    /// What is said is kept.
    pub archive: bool,
    /// Messages told to those who enter and want no other number.
    pub history: usize,
    /// Address of a publish-subscribe node that goes with the room; may be empty.
    pub pubsub: String,
    /// XEP-0500: seconds between two messages of one person; 0 for none.
    pub slow_mode: u64,
    /// XEP-0444: reactions of one person to one message; 0 for any number.
    pub max_reactions: u64,
    /// XEP-0444: the reactions that it takes; none for all.
    pub reactions: Vec<String>,
    /// XEP-0513: who may mention whom.
    pub mentions: Mentions,
    /// XEP-0503: the space it is part of; may be empty.
    pub space: String,
}

impl Default for Config {
    fn default() -> Config {
        let roles =
            || [Role::Moderator, Role::Participant, Role::Visitor].map(|role| role.as_str().to_owned());
        Config {
            name: String::new(),
            description: String::new(),
            lang: String::new(),
            persistent: true,
            public: true,
            members_only: false,
            allow_invites: false,
            password: None,
            max_users: None,
            whois_anyone: false,
            moderated: false,
            voice_by_default: false,
            change_subject: false,
            private_messages: Whispers::Anyone,
            shown_roles: roles().to_vec(),
            list_roles: vec![Role::Moderator.as_str().to_owned()],
            archive: true,
            history: 20,
            pubsub: String::new(),
            slow_mode: 0,
            max_reactions: 0,
            reactions: Vec::new(),
            mentions: Mentions::default(),
            space: String::new(),
        }
    }
}

/// One option.
pub struct Field {
    /// Its name in the form.
    pub var: &'static str,
    /// Other names under which clients send it.
    pub aliases: &'static [&'static str],
    /// For a person.
    pub label: &'static str,
    /// What can be filled in.
    pub value: Value,
}

/// What can be filled into a field, and where it goes.
pub enum Value {
    /// `boolean`.
    Flag(fn(&Config) -> bool, fn(&mut Draft, bool)),
    /// `text-single` with a whole number, 0 to the most there may be (XEP-0122).
    Number(u64, fn(&Config) -> u64, fn(&mut Draft, u64)),
    /// `text-multi`.
    Lines(fn(&Config) -> Vec<String>, Take<[String]>),
    /// One line: `text-single` or `text-private`.
    Text(&'static str, fn(&Config) -> String, Take<str>),
    /// `list-single`: label and value of each choice.
    Choice(&'static [(&'static str, &'static str)], fn(&Config) -> String, Take<str>),
    /// `list-multi`: several of the choices.
    Choices(&'static [(&'static str, &'static str)], fn(&Config) -> Vec<String>, Take<[String]>),
    /// `jid-multi`.
    Jids(fn(&Record) -> Vec<String>, Take<[String]>),
}

/// Puts what was filled in where it goes; `Err` says what is wrong with it.
pub type Take<T> = fn(&mut Draft, &T, &Limits) -> Result<(), String>;

/// A configuration that is being made.
pub struct Draft {
    /// All but what needs more than one field.
    pub config: Config,
    /// Whether a password is wanted.
    pub protected: Option<bool>,
    /// The password.
    pub secret: Option<String>,
    /// All admins from now on.
    pub admins: Option<Vec<BareJid>>,
    /// All owners from now on.
    pub owners: Option<Vec<BareJid>>,
}

/// The form with the room's present configuration.
pub fn form(record: &Record) -> Form {
    let form = Form::new("form", ns::MUC_ROOMCONFIG)
        .title("Room configuration")
        .instructions("Change what you like; everything else stays as it is.");
    all().fold(form, |form, field| form.field(field.show(record)))
}

/// XEP-0513 §4.6: the fields that have a form of their own, too.
pub fn mention_fields(record: &Record) -> Vec<form::Field> {
    mentions::FIELDS.iter().map(|field| field.show(record)).collect()
}

fn all() -> impl Iterator<Item = &'static Field> {
    FIELDS.iter().chain(mentions::FIELDS)
}

/// §10.2: the configuration after a submission. Fields that nobody knows and fields that are not there change nothing.
///
/// # Errors
/// `not-acceptable` and what is wrong with which field.
pub fn submitted(record: &Record, form: &Form, limits: &Limits) -> Result<Draft, StanzaError> {
    let mut draft =
        Draft { config: record.config.clone(), protected: None, secret: None, admins: None, owners: None };
    for field in all() {
        // A client that sends several dialects at once means the first: to others than us the rest says something else.
        let mut names = [field.var].into_iter().chain(field.aliases.iter().copied());
        if let Some(given) = names.find_map(|name| form.get(name)) {
            field.take(&mut draft, &given.values, limits).map_err(|wrong| {
                StanzaError::new(Condition::NotAcceptable, format!("{}: {wrong}", field.label))
            })?;
        }
    }
    password::settle(&mut draft).map_err(|wrong| StanzaError::new(Condition::NotAcceptable, wrong))?;
    Ok(draft)
}

impl Field {
    fn show(&self, record: &Record) -> form::Field {
        let config = &record.config;
        let options = |choices: &[(&str, &str)]| -> Vec<(String, String)> {
            choices.iter().map(|(label, value)| ((*label).to_owned(), (*value).to_owned())).collect()
        };
        match &self.value {
            Value::Flag(is, _) => form::Field::boolean(self.var, self.label, is(config)),
            Value::Number(most, of, _) => form::Field {
                more: vec![whole_number(*most)],
                ..form::Field::text(self.var, self.label, of(config).to_string())
            },
            Value::Lines(of, _) => form::Field::many("text-multi", self.var, self.label, of(config)),
            Value::Text(kind, of, _) => form::Field::new(kind, self.var, self.label, of(config)),
            Value::Choice(choices, of, _) => {
                form::Field::list(self.var, self.label, of(config), options(choices))
            }
            Value::Choices(choices, of, _) => form::Field {
                options: options(choices),
                ..form::Field::many("list-multi", self.var, self.label, of(config))
            },
            Value::Jids(of, _) => form::Field::many("jid-multi", self.var, self.label, of(record)),
        }
    }

    fn take(&self, draft: &mut Draft, values: &[String], limits: &Limits) -> Result<(), String> {
        let first = values.first().map_or("", String::as_str);
        match &self.value {
            Value::Flag(_, set) => match first.trim() {
                "1" | "true" => set(draft, true),
                "0" | "false" => set(draft, false),
                // A client that has no answer leaves it as it is.
                "" => {}
                _ => return Err("must be true or false".into()),
            },
            Value::Number(most, _, set) => match first.trim().parse() {
                Ok(number) if number <= *most => set(draft, number),
                _ => return Err(format!("must be a number, 0 to {most}")),
            },
            Value::Lines(_, set) => set(draft, values, limits)?,
            Value::Text(_, _, set) => set(draft, first, limits)?,
            Value::Choice(_, _, set) => set(draft, first, limits)?,
            Value::Choices(choices, _, set) => {
                values.iter().try_for_each(|value| one_of(choices, value))?;
                set(draft, values, limits)?;
            }
            Value::Jids(_, set) => set(draft, values, limits)?,
        }
        Ok(())
    }
}

/// XEP-0122 §3.2: what a client lets people fill in.
fn whole_number(most: u64) -> Element {
    let range = Element::new("range", ns::VALIDATE).attr("min", "0").attr("max", most.to_string());
    Element::new("validate", ns::VALIDATE).attr("datatype", "xs:integer").with(range)
}

fn one_of(choices: &[(&str, &str)], value: &str) -> Result<(), String> {
    match choices.iter().any(|(_, choice)| *choice == value) {
        true => Ok(()),
        false => Err("is none of the choices".into()),
    }
}

/// A line that is not longer than `most` bytes.
fn line(text: &str, most: usize) -> Result<String, String> {
    match text.len() <= most {
        true => Ok(text.trim().to_owned()),
        false => Err(format!("has more than {most} bytes")),
    }
}

/// Bare JIDs of an affiliation.
fn of_affiliation(record: &Record, affiliation: Affiliation) -> Vec<String> {
    record.of(affiliation).map(|(jid, _)| jid.to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(fields: &[(&str, &[&str])]) -> Result<Draft, StanzaError> {
        let mut form = Form::new("submit", ns::MUC_ROOMCONFIG);
        for (var, values) in fields {
            let values = values.iter().map(|value| (*value).to_owned());
            form = form.field(form::Field::many("", *var, "", values));
        }
        submitted(&Record::default(), &form, &Limits::default())
    }

    #[test]
    fn a_form_that_comes_back_as_it_was_shown_changes_nothing() {
        let mut record = Record::default();
        record.config.password = Some("cauldronburn".into());
        record.config.max_users = Some(20);
        record.config.name = "A Dark Cave".into();
        let draft = submitted(&record, &form(&record), &Limits::default()).unwrap();
        assert_eq!(draft.config, record.config);
    }

    #[test]
    fn no_two_options_have_one_name() {
        let mut names: Vec<&str> =
            all().flat_map(|field| field.aliases.iter().copied().chain([field.var])).collect();
        let count = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), count);
    }

    #[test]
    fn both_dialects_of_the_clients_are_understood() {
        for var in
            ["muc#roomconfig_enablearchiving", "mam", "muc#roomconfig_mam", "muc#roomconfig_enablelogging"]
        {
            assert!(!after(&[(var, &["0"])]).unwrap().config.archive, "{var}");
        }
        assert!(after(&[("members_by_default", &["1"])]).unwrap().config.voice_by_default);
        let off = after(&[("allow_private_messages", &["0"])]).unwrap().config;
        assert_eq!(off.private_messages, Whispers::None);
        let both = [("muc#roomconfig_enablelogging", &["0"][..]), ("muc#roomconfig_enablearchiving", &["1"])];
        assert!(after(&both).unwrap().config.archive);
        let invites = "{http://prosody.im/protocol/muc}roomconfig_allowmemberinvites";
        assert!(after(&[(invites, &["true"])]).unwrap().config.allow_invites);
    }

    #[test]
    fn what_nobody_knows_is_ignored_and_what_makes_no_sense_is_refused() {
        assert!(after(&[("muc#roomconfig_unheard_of", &["x"])]).is_ok());
        for (var, value) in [
            ("muc#roomconfig_persistentroom", "perhaps"),
            ("muc#roomconfig_whois", "everybody"),
            ("muc#roomconfig_maxusers", "many"),
            ("muc#roomconfig_roomadmins", "@"),
            ("muc#roomconfig_presencebroadcast", "king"),
        ] {
            let error = after(&[(var, &[value])]).err().unwrap();
            assert_eq!(error.condition, Condition::NotAcceptable, "{var}");
        }
    }

    #[test]
    fn a_password_is_set_and_taken_away() {
        let on = ("muc#roomconfig_passwordprotectedroom", &["1"][..]);
        let secret = ("muc#roomconfig_roomsecret", &["cauldronburn"][..]);
        assert!(after(&[on]).is_err());
        assert_eq!(after(&[on, secret]).unwrap().config.password.as_deref(), Some("cauldronburn"));
        let off = ("muc#roomconfig_passwordprotectedroom", &["0"][..]);
        assert_eq!(after(&[off, secret]).unwrap().config.password, None);
    }
}
