//! The file as it is written: keys in any case, what `[general]` and the environment add.

use std::collections::BTreeMap;

use toml::{Table, Value};

use super::Unreadable;
use crate::cli::import_bridge::report::Report;

/// Sections that are no protocol.
const RESERVED: [&str; 4] = ["general", "tengo", "gateway", "samechannelgateway"];

/// A key of an account: how it was written, and its value.
pub(super) type Keys = BTreeMap<String, (String, Value)>;

/// What stands in a file.
pub(super) struct Source {
    /// By `protocol.name`, with what `[general]` says for all of them.
    pub accounts: BTreeMap<String, Keys>,
    /// `[[gateway]]`.
    pub gateways: Vec<Table>,
    /// `[[samechannelgateway]]`.
    pub same: Vec<Table>,
    tengo: bool,
    strange: Vec<String>,
}

impl Source {
    pub(super) fn read(
        text: &str,
        json: bool,
        environment: &[(String, String)],
    ) -> Result<Source, Unreadable> {
        let table: Table = if json {
            serde_json::from_str(text).map_err(Unreadable::Json)?
        } else {
            text.parse().map_err(|why: toml::de::Error| Unreadable::Toml(why.message().to_owned()))?
        };
        let general = table.iter().find(|(name, _)| name.eq_ignore_ascii_case("general"));
        let general = general.and_then(|(_, value)| value.as_table()).map(keys).unwrap_or_default();
        let mut source = Source {
            accounts: BTreeMap::new(),
            gateways: Vec::new(),
            same: Vec::new(),
            tengo: false,
            strange: Vec::new(),
        };
        for (name, value) in &table {
            let lower = name.to_lowercase();
            match (lower.as_str(), value) {
                ("gateway", Value::Array(all)) => source.gateways = all.iter().filter_map(lowered).collect(),
                ("samechannelgateway", Value::Array(all)) => {
                    source.same = all.iter().filter_map(lowered).collect();
                }
                ("tengo", _) => source.tengo = true,
                (protocol, Value::Table(accounts)) if !RESERVED.contains(&protocol) => {
                    source.add_accounts(protocol, name, accounts);
                }
                ("general", Value::Table(_)) => {}
                _ => source.strange.push(name.clone()),
            }
        }
        if source.gateways.is_empty() && source.same.is_empty() {
            return Err(Unreadable::NoGateway);
        }
        source.add_environment(environment);
        for keys in source.accounts.values_mut() {
            for (key, (written, value)) in &general {
                keys.entry(key.clone()).or_insert_with(|| (format!("general.{written}"), value.clone()));
            }
        }
        Ok(source)
    }

    fn add_accounts(&mut self, protocol: &str, written: &str, accounts: &Table) {
        for (name, value) in accounts {
            match value {
                Value::Table(table) => {
                    let account = format!("{protocol}.{}", name.to_lowercase());
                    let prefix = format!("{written}.{name}");
                    let keys = keys(table).into_iter();
                    let keys = keys.map(|(key, (own, value))| (key, (format!("{prefix}.{own}"), value)));
                    self.accounts.insert(account, keys.collect());
                }
                _ => self.strange.push(format!("{written}.{name}")),
            }
        }
    }

    /// `MATTERBRIDGE_IRC_LIBERA_PASSWORD` is `irc.libera.Password`.
    fn add_environment(&mut self, environment: &[(String, String)]) {
        for (variable, value) in environment {
            let lower = variable.to_lowercase();
            let Some(rest) = lower.strip_prefix("matterbridge_") else { continue };
            for (account, keys) in &mut self.accounts {
                let prefix = format!("{}_", account.replace('.', "_"));
                if let Some(key) = rest.strip_prefix(&prefix).filter(|key| !key.is_empty()) {
                    keys.insert(key.to_owned(), (variable.clone(), Value::from(value.as_str())));
                }
            }
        }
    }

    /// What no part of a gateway has used.
    pub(super) fn left_over(&self, report: &mut Report) {
        if self.tengo {
            report.ignored(
                "tengo",
                "scripts are not run; rules of a link (`rewrite`, `ignore`) do most of what they are for",
            );
        }
        for name in &self.strange {
            report.ignored(name, "this is no section of matterbridge's that is known here");
        }
    }
}

fn keys(table: &Table) -> Keys {
    table.iter().map(|(key, value)| (key.to_lowercase(), (key.clone(), value.clone()))).collect()
}

/// A table with all keys in small letters, tables in it as well.
fn lowered(value: &Value) -> Option<Table> {
    fn lower(value: &Value) -> Value {
        match value {
            Value::Table(table) => {
                Value::Table(table.iter().map(|(key, value)| (key.to_lowercase(), lower(value))).collect())
            }
            Value::Array(all) => Value::Array(all.iter().map(lower).collect()),
            other => other.clone(),
        }
    }
    match lower(value) {
        Value::Table(table) => Some(table),
        _ => None,
    }
}
