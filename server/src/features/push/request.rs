//! XEP-0357 §5, §6: what a client asks for, bounded before it is believed.

use rialto_xmpp::parts::form::Form;
use rialto_xmpp::{Condition, Element, Jid, StanzaError, ns};

/// Bytes of a node's name.
const NODE: usize = 1_024;
/// Bytes of the publish options, which every notification carries.
const OPTIONS: usize = 4_096;

/// `<enable/>`.
pub struct Enable {
    /// The push service.
    pub service: Jid,
    /// Its node; empty where the client names none.
    pub node: String,
    /// What every notification carries along.
    pub options: Option<Element>,
}

/// `<disable/>`.
pub struct Disable {
    /// The push service.
    pub service: Jid,
    /// One node; all of them where the client names none.
    pub node: Option<String>,
}

impl Enable {
    /// Reads it.
    ///
    /// # Errors
    /// `bad-request` without a service or with a form that holds no publish options, `jid-malformed`, `not-acceptable`
    /// for what is too long.
    pub fn read(enable: &Element) -> Result<Enable, StanzaError> {
        let service = service(enable)?;
        let node = enable.get("node").unwrap_or_default().to_owned();
        if node.len() > NODE {
            return Err(too_long("node", NODE));
        }
        let options = enable.child("x", ns::DATA_FORMS).cloned();
        if let Some(options) = &options {
            check(options)?;
        }
        Ok(Enable { service, node, options })
    }
}

impl Disable {
    /// Reads it.
    ///
    /// # Errors
    /// As [`Enable::read`].
    pub fn read(disable: &Element) -> Result<Disable, StanzaError> {
        Ok(Disable { service: service(disable)?, node: disable.get("node").map(str::to_owned) })
    }
}

fn service(request: &Element) -> Result<Jid, StanzaError> {
    let jid = request.get("jid").ok_or_else(|| {
        StanzaError::new(Condition::BadRequest, "Name the push service: the attribute `jid` is missing.")
    })?;
    Jid::parse(jid)
        .map_err(|_| StanzaError::new(Condition::JidMalformed, "The push service's address is none."))
}

/// §5: a submitted form of publish options, XEP-0060 §7.1.5.
fn check(options: &Element) -> Result<(), StanzaError> {
    let bad = |text: &str| StanzaError::new(Condition::BadRequest, text);
    let form = Form::read(options).ok_or_else(|| bad("The options are no form."))?;
    if form.kind != "submit" {
        return Err(bad("The form of options must be of type submit."));
    }
    if form.form_type() != Some(ns::PUBSUB_PUBLISH_OPTIONS) {
        return Err(bad(
            "The FORM_TYPE of the options must be http://jabber.org/protocol/pubsub#publish-options.",
        ));
    }
    if options.to_xml().len() > OPTIONS {
        return Err(too_long("form of options", OPTIONS));
    }
    Ok(())
}

fn too_long(what: &str, most: usize) -> StanzaError {
    StanzaError::new(Condition::NotAcceptable, format!("The {what} is longer than {most} bytes."))
}
