//! XEP-0060 §8.2, §7.1.5, §16.4: the form of a node's configuration, as a form to be filled in, as it comes back, and
//! as preconditions of a publication.

use rialto_store::pubsub::{Access, Config, Full, Notification, Publishing, SendLast};
use rialto_xmpp::parts::form::{Field, Form};
use rialto_xmpp::{BareJid, Condition, Jid, StanzaError, ns};

use super::refusal::{explained, refusal, unsupported};
use super::{Host, Limits, spaces};

/// Name, kind and label of every field.
pub(super) const FIELDS: &[(&str, &str, &str)] = &[
    ("pubsub#title", "text-single", "A short name for the node"),
    ("pubsub#description", "text-single", "A description of the node"),
    ("pubsub#type", "text-single", "The namespace of its payloads"),
    ("pubsub#language", "text-single", "The language of its items"),
    ("pubsub#contact", "jid-multi", "Whom to ask"),
    ("pubsub#access_model", "list-single", "Who may subscribe and read"),
    ("pubsub#roster_groups_allowed", "list-multi", "Roster groups that may subscribe and read"),
    ("pubsub#publish_model", "list-single", "Who may publish"),
    ("pubsub#persist_items", "boolean", "Keep items"),
    ("pubsub#max_items", "text-single", "Items kept at most: a number, or max"),
    ("pubsub#item_expire", "text-single", "Seconds for which an item is kept, or max"),
    ("pubsub#max_payload_size", "text-single", "Bytes of a payload at most"),
    ("pubsub#publish_node_full", "list-single", "When the node is full"),
    ("pubsub#deliver_notifications", "boolean", "Tell subscribers of events"),
    ("pubsub#deliver_payloads", "boolean", "With the payload"),
    ("pubsub#notify_config", "boolean", "Tell them of a new configuration"),
    ("pubsub#notify_delete", "boolean", "Tell them when the node is deleted"),
    ("pubsub#notify_retract", "boolean", "Tell them when items are removed"),
    ("pubsub#notify_sub", "boolean", "Tell owners of new subscribers, and of those who go"),
    ("pubsub#send_last_published_item", "list-single", "When the newest item is sent unasked"),
    ("pubsub#notification_type", "list-single", "The kind of message that tells of events"),
    ("pubsub#presence_based_delivery", "boolean", "Tell only who is available"),
    ("pubsub#subscribe", "boolean", "Allow subscriptions"),
    ("pubsub#node_type", "list-single", "A leaf holds items"),
];

/// Fields that are registered, mean what they say when they say no, and are not done here otherwise.
const ONLY_NO: &[&str] = &["pubsub#purge_offline", "pubsub#tempsub"];

/// The form for an owner, filled in (§8.2.2).
pub(super) fn form(host: Host<'_>, config: &Config, limits: &Limits) -> Form {
    let mut form = Form::new("form", ns::PUBSUB_NODE_CONFIG);
    for (var, kind, label) in FIELDS {
        let choices = choices(host, var).into_iter().map(|word| (word.to_owned(), word.to_owned()));
        let field = Field::many(kind, *var, *label, values(config, var, limits));
        form = form.field(Field { options: choices.collect(), ..field });
    }
    form
}

/// The values of a configuration, for an export of all that is kept.
pub fn kept_form(config: &Config) -> Form {
    let form = Form::new("form", ns::PUBSUB_NODE_CONFIG);
    let unsaid = |var: &str| var == "pubsub#max_payload_size" && config.max_payload.is_none();
    FIELDS.iter().filter(|(var, ..)| !unsaid(var)).fold(form, |form, (var, kind, label)| {
        form.field(Field::many(kind, *var, *label, values(config, var, &Limits::default())))
    })
}

/// What a form in an import makes of a configuration, and the fields whose values it cannot have.
pub fn config_of(owner: &BareJid, form: &Form) -> (Config, Vec<String>) {
    let (mut config, mut odd) = (Config::default(), Vec::new());
    for field in form.fields.iter().filter(|field| field.var != "FORM_TYPE") {
        let unset = field.values.iter().all(String::is_empty);
        let known = FIELDS.iter().any(|(var, ..)| *var == field.var);
        if known && !unset && set(Host::Account(owner), &mut config, field, &Limits::default()).is_err() {
            odd.push(field.var.clone());
        }
    }
    (config, odd)
}

/// What a submitted form makes of a configuration (§8.2.4). Fields that nobody knows are left alone.
///
/// # Errors
/// `not-acceptable` for a value that the field cannot have.
pub(super) fn submitted(
    host: Host<'_>,
    config: &Config,
    form: &Form,
    limits: &Limits,
) -> Result<Config, StanzaError> {
    let form_type = form.form_type();
    if form_type.is_some_and(|one| ![ns::PUBSUB_NODE_CONFIG, ns::PUBSUB_PUBLISH_OPTIONS].contains(&one)) {
        return Err(Condition::BadRequest.into());
    }
    let mut config = spaces::begun(host, config, form.value("pubsub#type"));
    for field in form.fields.iter().filter(|field| field.var != "FORM_TYPE") {
        set(host, &mut config, field, limits)?;
    }
    if config.access == Access::Roster && config.groups.is_empty() {
        let text = "Say which groups of the roster may read it.";
        return Err(StanzaError::new(Condition::NotAcceptable, text));
    }
    spaces::fits(host, &config)?;
    Ok(config)
}

/// §7.1.5: whether a node is configured as the publisher expects.
///
/// # Errors
/// `conflict` with `precondition-not-met`, or what is said of a field that nobody knows.
pub(super) fn met(host: Host<'_>, config: &Config, form: &Form, limits: &Limits) -> Result<(), StanzaError> {
    let wanted = preconditions(host, config, form, limits)?;
    for (var, ..) in FIELDS {
        let (mut is, mut should) = (values(config, var, limits), values(&wanted, var, limits));
        is.sort_unstable();
        should.sort_unstable();
        if is != should {
            let text = format!("{var} is {}, not {}.", is.join(", "), should.join(", "));
            return Err(explained(Condition::Conflict, "precondition-not-met", text));
        }
    }
    Ok(())
}

/// §7.1.5: a configuration as the preconditions want it.
///
/// # Errors
/// `bad-request` for a field that nobody knows: what cannot be checked is not met.
pub(super) fn preconditions(
    host: Host<'_>,
    config: &Config,
    form: &Form,
    limits: &Limits,
) -> Result<Config, StanzaError> {
    if form.form_type() != Some(ns::PUBSUB_PUBLISH_OPTIONS) {
        return Err(refusal(Condition::BadRequest, "invalid-options"));
    }
    let known = |var: &str| FIELDS.iter().any(|(one, ..)| *one == var) || ONLY_NO.contains(&var);
    if let Some(odd) = form.fields.iter().find(|field| field.var != "FORM_TYPE" && !known(&field.var)) {
        let text = format!("There is no option {}.", odd.var);
        return Err(explained(Condition::BadRequest, "invalid-options", text));
    }
    submitted(host, config, form, limits)
}

/// The values of one field.
pub(super) fn values(config: &Config, var: &str, limits: &Limits) -> Vec<String> {
    let yes = |yes: bool| vec![if yes { "1" } else { "0" }.to_owned()];
    let word = |word: &str| vec![word.to_owned()];
    let line = |text: &String| if text.is_empty() { Vec::new() } else { vec![text.clone()] };
    let most =
        |number: Option<u64>| vec![number.map_or_else(|| "max".to_owned(), |number| number.to_string())];
    match var {
        "pubsub#title" => line(&config.title),
        "pubsub#description" => line(&config.description),
        "pubsub#type" => line(&config.kind),
        "pubsub#language" => line(&config.language),
        "pubsub#contact" => config.contact.clone(),
        "pubsub#access_model" => word(config.access.as_str()),
        "pubsub#roster_groups_allowed" => config.groups.clone(),
        "pubsub#publish_model" => word(config.publishing.as_str()),
        "pubsub#persist_items" => yes(config.persist),
        "pubsub#max_items" => most(config.max_items.map(u64::from)),
        "pubsub#item_expire" => most(config.expire),
        "pubsub#max_payload_size" => {
            vec![config.max_payload.map_or(limits.payload, |most| most as usize).to_string()]
        }
        "pubsub#publish_node_full" => word(config.full.as_str()),
        "pubsub#deliver_notifications" => yes(config.deliver_notifications),
        "pubsub#deliver_payloads" => yes(config.deliver_payloads),
        "pubsub#notify_config" => yes(config.notify_config),
        "pubsub#notify_delete" => yes(config.notify_delete),
        "pubsub#notify_retract" => yes(config.notify_retract),
        "pubsub#notify_sub" => yes(config.notify_sub),
        "pubsub#send_last_published_item" => word(config.send_last.as_str()),
        "pubsub#notification_type" => word(config.notification.as_str()),
        "pubsub#presence_based_delivery" => yes(config.presence_based),
        "pubsub#subscribe" => yes(config.subscribe),
        "pubsub#node_type" => word("leaf"),
        _ => Vec::new(),
    }
}

fn choices(host: Host<'_>, var: &str) -> Vec<&'static str> {
    match var {
        "pubsub#access_model" => host.models().iter().map(|one| one.as_str()).collect(),
        "pubsub#publish_model" => Publishing::ALL.iter().map(|one| one.as_str()).collect(),
        "pubsub#publish_node_full" => Full::ALL.iter().map(|one| one.as_str()).collect(),
        "pubsub#send_last_published_item" => SendLast::ALL.iter().map(|one| one.as_str()).collect(),
        "pubsub#notification_type" => Notification::ALL.iter().map(|one| one.as_str()).collect(),
        "pubsub#node_type" => vec!["leaf"],
        _ => Vec::new(),
    }
}

/// Sets one field.
fn set(host: Host<'_>, config: &mut Config, field: &Field, limits: &Limits) -> Result<(), StanzaError> {
    let lines = || bounded(field, limits);
    match field.var.as_str() {
        "pubsub#title" => config.title = line(field, limits)?,
        "pubsub#description" => config.description = line(field, limits)?,
        "pubsub#type" => config.kind = line(field, limits)?,
        "pubsub#language" => config.language = line(field, limits)?,
        "pubsub#contact" => {
            config.contact = lines()?;
            if config.contact.iter().any(|jid| Jid::parse(jid).is_err()) {
                return Err(wrong(field));
            }
        }
        "pubsub#access_model" => {
            let access = chosen(field, Access::parse)?;
            if !host.models().contains(&access) {
                return Err(unsupported(model(access)));
            }
            config.access = access;
        }
        "pubsub#roster_groups_allowed" => config.groups = lines()?,
        "pubsub#publish_model" => config.publishing = chosen(field, Publishing::parse)?,
        "pubsub#max_items" => {
            config.max_items = number(field, u64::from(limits.items))?.map(|most| most as u32)
        }
        "pubsub#item_expire" => config.expire = number(field, u64::from(u32::MAX))?,
        "pubsub#max_payload_size" => {
            config.max_payload = number(field, limits.payload as u64)?
                .filter(|most| *most < limits.payload as u64)
                .map(|most| most as u32);
        }
        "pubsub#publish_node_full" => config.full = chosen(field, Full::parse)?,
        "pubsub#send_last_published_item" => config.send_last = chosen(field, SendLast::parse)?,
        "pubsub#notification_type" => config.notification = chosen(field, Notification::parse)?,
        "pubsub#node_type" if value(field) == "leaf" => {}
        "pubsub#node_type" => return Err(unsupported("collections")),
        var if ONLY_NO.contains(&var) => {
            if boolean(field)? {
                return Err(wrong(field));
            }
        }
        var => {
            if let Some(switch) = switch(config, var) {
                *switch = boolean(field)?;
            }
        }
    }
    Ok(())
}

fn switch<'a>(config: &'a mut Config, var: &str) -> Option<&'a mut bool> {
    Some(match var {
        "pubsub#persist_items" => &mut config.persist,
        "pubsub#deliver_notifications" => &mut config.deliver_notifications,
        "pubsub#deliver_payloads" => &mut config.deliver_payloads,
        "pubsub#notify_config" => &mut config.notify_config,
        "pubsub#notify_delete" => &mut config.notify_delete,
        "pubsub#notify_retract" => &mut config.notify_retract,
        "pubsub#notify_sub" => &mut config.notify_sub,
        "pubsub#presence_based_delivery" => &mut config.presence_based,
        "pubsub#subscribe" => &mut config.subscribe,
        _ => return None,
    })
}

/// §10: the feature that an access model would be.
fn model(access: Access) -> &'static str {
    match access {
        Access::Open => "access-open",
        Access::Presence => "access-presence",
        Access::Roster => "access-roster",
        Access::Authorize => "access-authorize",
        Access::Whitelist => "access-whitelist",
    }
}

fn value(field: &Field) -> &str {
    field.values.first().map(|value| value.trim()).unwrap_or_default()
}

fn wrong(field: &Field) -> StanzaError {
    let text = format!("{} cannot be “{}”.", field.var, value(field));
    StanzaError::new(Condition::NotAcceptable, text)
}

fn chosen<T>(field: &Field, parse: impl Fn(&str) -> Option<T>) -> Result<T, StanzaError> {
    parse(value(field)).ok_or_else(|| wrong(field))
}

fn boolean(field: &Field) -> Result<bool, StanzaError> {
    match value(field) {
        "1" | "true" => Ok(true),
        "0" | "false" => Ok(false),
        _ => Err(wrong(field)),
    }
}

/// `max` (also an empty field) is `None`.
fn number(field: &Field, most: u64) -> Result<Option<u64>, StanzaError> {
    match value(field) {
        "max" | "" => Ok(None),
        text => match text.parse() {
            Ok(number) if (1..=most).contains(&number) => Ok(Some(number)),
            Ok(_) => {
                let text = format!("{} is a number from 1 to {most}, or max.", field.var);
                Err(StanzaError::new(Condition::NotAcceptable, text))
            }
            Err(_) => Err(wrong(field)),
        },
    }
}

fn line(field: &Field, limits: &Limits) -> Result<String, StanzaError> {
    Ok(bounded(field, limits)?.into_iter().next().unwrap_or_default())
}

fn bounded(field: &Field, limits: &Limits) -> Result<Vec<String>, StanzaError> {
    if field.values.len() > 100 || field.values.iter().any(|value| value.len() > limits.name) {
        return Err(StanzaError::new(Condition::NotAcceptable, format!("{} is too long.", field.var)));
    }
    Ok(field.values.clone())
}
