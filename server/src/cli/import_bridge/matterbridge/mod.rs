//! `rialto import matterbridge`: its accounts are bridges, its gateways rooms with links.
//!
//! Follows the grammar of matterbridge 1.26: accounts `[protocol.name]`, `[general]` for what holds for all of them,
//! `[[gateway]]` with `in`, `out` and `inout`, `[[samechannelgateway]]`, and `MATTERBRIDGE_…` in the environment. Upper and
//! lower case of keys are one.

mod accounts;
mod filters;
mod gateways;
mod source;
#[cfg(test)]
mod tests;

use super::fragment::Fragment;
use super::report::Report;
use super::{Imported, Ours};
use accounts::Accounts;
use source::Source;

/// Why a file cannot be read at all.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unreadable {
    #[error("this is no TOML: {0}")]
    Toml(String),
    #[error("this is no JSON: {0}")]
    Json(serde_json::Error),
    #[error("there is no [[gateway]] in it; if it is YAML, make it TOML first (yq -o toml)")]
    NoGateway,
}

/// Reads a configuration of matterbridge.
pub(super) fn read(
    text: &str,
    json: bool,
    environment: &[(String, String)],
    ours: &Ours<'_>,
) -> Result<Imported, Unreadable> {
    let source = Source::read(text, json, environment)?;
    let (mut report, mut fragment) = (Report::default(), Fragment::default());
    let gateways = gateways::read(&source, &mut report);
    let accounts = Accounts::read(&source, &gateways, (&mut report, &mut fragment));
    gateways::link(&gateways, &accounts, ours, (&mut report, &mut fragment));
    source.left_over(&mut report);
    Ok(Imported { report, fragment })
}
