//! Sections about the server as a whole: `[contact]`, `[version]`, `[log]`.

use super::value;
use serde::Deserialize;

/// `[contact]`: whom to write to (XEP-0157). Needs a restart.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Contact {
    /// For complaints about people here.
    pub abuse: Vec<String>,
    /// For those who run other servers.
    pub admin: Vec<String>,
    /// For what people think of the service.
    pub feedback: Vec<String>,
    /// For business.
    pub sales: Vec<String>,
    /// For weaknesses found.
    pub security: Vec<String>,
    /// For questions.
    pub support: Vec<String>,
    /// Pages that tell how the server is while it cannot be reached (XEP-0455).
    pub status: Vec<String>,
}

/// `[version]`: what the server tells about itself (XEP-0092). Needs a restart.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Version {
    /// Answers at all.
    pub answer: bool,
    /// Names the operating system too.
    pub os: bool,
}

impl Default for Version {
    fn default() -> Self {
        Version { answer: true, os: false }
    }
}

/// `[log]`: what is written to standard error. The level is seen by a reload.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Log {
    /// For people or for machines.
    pub format: LogFormat,
    /// How much: a level, or directives such as `rialto::muc=debug,info`.
    #[serde(deserialize_with = "value::level")]
    pub level: String,
}

impl Default for Log {
    fn default() -> Self {
        Log { format: LogFormat::Text, level: "info".to_owned() }
    }
}

/// How a line of the log looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// Readable.
    Text,
    /// One JSON object a line.
    Json,
}
