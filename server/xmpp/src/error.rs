//! RFC 6120 §4.9, §8.3: stream errors and stanza errors, their conditions spelt as the RFC spells them.

use std::fmt;

use crate::element::Element;
use crate::ns;
use crate::words::words;

words! {
    /// RFC 6120 §8.3.3: defined conditions of stanza errors.
    Condition {
        BadRequest = "bad-request",
        Conflict = "conflict",
        FeatureNotImplemented = "feature-not-implemented",
        Forbidden = "forbidden",
        Gone = "gone",
        InternalServerError = "internal-server-error",
        ItemNotFound = "item-not-found",
        JidMalformed = "jid-malformed",
        NotAcceptable = "not-acceptable",
        NotAllowed = "not-allowed",
        NotAuthorized = "not-authorized",
        PolicyViolation = "policy-violation",
        RecipientUnavailable = "recipient-unavailable",
        Redirect = "redirect",
        RegistrationRequired = "registration-required",
        RemoteServerNotFound = "remote-server-not-found",
        RemoteServerTimeout = "remote-server-timeout",
        ResourceConstraint = "resource-constraint",
        ServiceUnavailable = "service-unavailable",
        SubscriptionRequired = "subscription-required",
        UndefinedCondition = "undefined-condition",
        UnexpectedRequest = "unexpected-request",
    }
}

words! {
    /// RFC 6120 §8.3.2: what the sender may do about it.
    ErrorKind {
        Auth = "auth",
        Cancel = "cancel",
        Continue = "continue",
        Modify = "modify",
        Wait = "wait",
    }
}

words! {
    /// RFC 6120 §4.9.3: defined conditions of stream errors.
    StreamCondition {
        BadFormat = "bad-format",
        BadNamespacePrefix = "bad-namespace-prefix",
        Conflict = "conflict",
        ConnectionTimeout = "connection-timeout",
        HostGone = "host-gone",
        HostUnknown = "host-unknown",
        ImproperAddressing = "improper-addressing",
        InternalServerError = "internal-server-error",
        InvalidFrom = "invalid-from",
        InvalidNamespace = "invalid-namespace",
        InvalidXml = "invalid-xml",
        NotAuthorized = "not-authorized",
        NotWellFormed = "not-well-formed",
        PolicyViolation = "policy-violation",
        RemoteConnectionFailed = "remote-connection-failed",
        Reset = "reset",
        ResourceConstraint = "resource-constraint",
        RestrictedXml = "restricted-xml",
        SeeOtherHost = "see-other-host",
        SystemShutdown = "system-shutdown",
        UndefinedCondition = "undefined-condition",
        UnsupportedEncoding = "unsupported-encoding",
        UnsupportedFeature = "unsupported-feature",
        UnsupportedStanzaType = "unsupported-stanza-type",
        UnsupportedVersion = "unsupported-version",
    }
}

impl Condition {
    /// The kind that RFC 6120 §8.3.3 names for this condition (the first, where it names several).
    pub fn kind(self) -> ErrorKind {
        use Condition::*;
        match self {
            BadRequest | JidMalformed | NotAcceptable | PolicyViolation | Redirect => ErrorKind::Modify,
            Forbidden | NotAuthorized | RegistrationRequired | SubscriptionRequired => ErrorKind::Auth,
            RecipientUnavailable | RemoteServerTimeout | ResourceConstraint | UnexpectedRequest => {
                ErrorKind::Wait
            }
            _ => ErrorKind::Cancel,
        }
    }
}

/// RFC 6120 §8.3: why a stanza was not done. Only the router turns it into a stanza.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StanzaError {
    /// What the sender may do.
    pub kind: ErrorKind,
    /// The defined condition.
    pub condition: Condition,
    /// A sentence for a person.
    pub text: Option<String>,
    /// The application's own condition.
    pub app: Option<Box<Element>>,
    /// New address with [`Condition::Gone`] or [`Condition::Redirect`] (§8.3.3.5).
    pub to: Option<String>,
}

impl From<Condition> for StanzaError {
    fn from(condition: Condition) -> StanzaError {
        StanzaError { kind: condition.kind(), condition, text: None, app: None, to: None }
    }
}

impl StanzaError {
    /// A condition and a sentence for a person.
    pub fn new(condition: Condition, text: impl Into<String>) -> StanzaError {
        StanzaError { text: Some(text.into()), ..StanzaError::from(condition) }
    }

    /// Builder: with another kind than the condition's usual one.
    pub fn kind(mut self, kind: ErrorKind) -> StanzaError {
        self.kind = kind;
        self
    }

    /// Builder: with an application-specific condition (§8.3.4).
    pub fn with(mut self, app: Element) -> StanzaError {
        self.app = Some(Box::new(app));
        self
    }

    /// The `<error/>` child.
    pub fn to_element(&self) -> Element {
        let mut condition = Element::new(self.condition.as_str(), ns::STANZA_ERRORS);
        if let Some(to) = &self.to {
            condition.push_text(to.as_str());
        }
        let text =
            self.text.as_ref().map(|text| Element::new("text", ns::STANZA_ERRORS).with_text(text.as_str()));
        Element::new("error", ns::CLIENT)
            .attr("type", self.kind.as_str())
            .with(condition)
            .with_opt(text)
            .with_opt(self.app.as_deref().cloned())
    }

    /// Reads an `<error/>` child; what is missing becomes `undefined-condition`.
    pub fn read(error: &Element) -> StanzaError {
        let of_rfc = error.children().filter(|child| *child.ns() == *ns::STANZA_ERRORS);
        let condition = of_rfc.filter_map(|child| Condition::parse(child.name())).next();
        let condition = condition.unwrap_or(Condition::UndefinedCondition);
        let kind = error.get("type").and_then(ErrorKind::parse).unwrap_or(condition.kind());
        let text = error.child_text("text", ns::STANZA_ERRORS);
        let app = error.children().find(|child| *child.ns() != *ns::STANZA_ERRORS);
        StanzaError { kind, condition, text, app: app.cloned().map(Box::new), to: None }
    }
}

impl fmt::Display for StanzaError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.text {
            Some(text) => write!(f, "{}: {text}", self.condition),
            None => write!(f, "{}", self.condition),
        }
    }
}

impl std::error::Error for StanzaError {}

/// RFC 6120 §4.9: why a stream ends. The connection says it and closes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StreamError {
    /// The defined condition.
    pub condition: StreamCondition,
    /// A sentence for a person.
    pub text: Option<String>,
    /// The application's own condition.
    pub app: Option<Box<Element>>,
}

impl From<StreamCondition> for StreamError {
    fn from(condition: StreamCondition) -> StreamError {
        StreamError { condition, text: None, app: None }
    }
}

impl StreamError {
    /// A condition and a sentence for a person.
    pub fn new(condition: StreamCondition, text: impl Into<String>) -> StreamError {
        StreamError { condition, text: Some(text.into()), app: None }
    }
}

impl fmt::Display for StreamError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.text {
            Some(text) => write!(f, "{}: {text}", self.condition),
            None => write!(f, "{}", self.condition),
        }
    }
}

impl std::error::Error for StreamError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_survives_being_written_and_read() {
        let error = StanzaError::new(Condition::NotAllowed, "Ask an owner.").with(Element::new("x", ns::MUC));
        assert_eq!(StanzaError::read(&error.to_element()), error);
    }
}
