//! `rialto import biboumi`: its networks are bridges whose addresses stay what they were.
//!
//! Reads the configuration of biboumi 9 (`key=value`, and `BIBOUMI_…` in the environment) and its database, as SQLite keeps
//! it or as `sqlite3 FILE .dump` writes it. What is there for one person alone (his passwords, what he joins) is his to say
//! again; the report names whose it is.

mod dump;
mod people;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use toml::{Table, Value};

use super::Imported;
use super::fragment::Fragment;
use super::report::Report;
use dump::Tables;

/// The database that a configuration names.
pub(super) fn database_of(text: &str) -> Option<PathBuf> {
    let keys = keys(text, &[]);
    Some(PathBuf::from(keys.get("db_name")?)).filter(|path| !path.to_string_lossy().contains("://"))
}

/// The database as text. SQLite's own program reads its files.
pub(super) fn dump_of(file: &Path) -> Result<String, String> {
    let at = |why: String| format!("{}: {why}", file.display());
    let bytes = std::fs::read(file).map_err(|why| at(why.to_string()))?;
    if !bytes.starts_with(b"SQLite format 3\0") {
        return String::from_utf8(bytes)
            .map_err(|_| at("this is neither a database nor its dump".to_owned()));
    }
    let run = Command::new("sqlite3").arg("-readonly").arg(file).arg(".dump").output();
    match run {
        Ok(output) if output.status.success() => Ok(String::from_utf8_lossy(&output.stdout).into_owned()),
        Ok(output) => Err(at(String::from_utf8_lossy(&output.stderr).trim().to_owned())),
        Err(_) => Err(at(format!(
            "the program sqlite3 is needed to read it; where it is, run: sqlite3 {} .dump > biboumi.sql, and name that file",
            file.display()
        ))),
    }
}

/// Reads a configuration of biboumi, and its database.
pub(super) fn read(text: &str, dump: Option<&str>, environment: &[(String, String)]) -> Imported {
    let (mut report, mut fragment) = (Report::default(), Fragment::default());
    let mut keys = keys(text, environment);
    let tables = dump.map(Tables::read).unwrap_or_default();
    if dump.is_none() {
        report.ignored(
            "the database",
            "none is named that is there: say --database FILE; only the configuration is read",
        );
    }
    let domain = keys.remove("hostname");
    match &domain {
        Some(domain) => {
            let note = format!("`domain = \"{domain}\"`: #channel%server@{domain} stays the address");
            report.imported("hostname", note);
        }
        None => report.ignored("hostname", "it is not said, so addresses begin anew"),
    }
    let fixed = keys.remove("fixed_irc_server");
    if let Some(server) = &fixed {
        let note = format!("its channels are #channel%{server}@… here, not #channel@…");
        report.approximated("fixed_irc_server", note);
    }
    let ca_file = keys.remove("ca_file");
    if ca_file.is_some() {
        report.imported("ca_file", "`ca_file` of each bridge");
    }
    let names = people::servers(&tables, fixed.as_deref());
    if names.is_empty() {
        report.ignored(
            "networks",
            "nobody has used any yet: add a [bridge.\"irc.example.org\"] for each that you want",
        );
    }
    for name in names {
        let mut bridge = Table::from_iter([("kind".to_owned(), Value::from("irc"))]);
        bridge.insert("server".to_owned(), name.as_str().into());
        for (key, value) in [("domain", &domain), ("ca_file", &ca_file)] {
            if let Some(value) = value {
                bridge.insert(key.to_owned(), value.as_str().into());
            }
        }
        people::choose(&tables, &name, &mut bridge, &mut report);
        fragment.bridges.insert(name, bridge);
    }
    people::tell(&tables, &mut report);
    admins(&mut keys, (&mut report, &mut fragment));
    rest(keys, &mut report);
    Imported { report, fragment }
}

fn admins(keys: &mut BTreeMap<String, String>, (report, fragment): (&mut Report, &mut Fragment)) {
    let Some(admins) = keys.remove("admin").filter(|admins| !admins.is_empty()) else { return };
    let list: Vec<String> = admins.split(':').map(|admin| format!("{:?}", admin.trim())).collect();
    fragment.remarks.push(format!(
        "Who was an admin there is one of the whole server here: admins = [{}]",
        list.join(", ")
    ));
    report.approximated("admin", "a remark in the fragment: admins here administer the whole server");
}

/// What is not about networks.
fn rest(keys: BTreeMap<String, String>, report: &mut Report) {
    for (key, value) in keys {
        let why = match key.as_str() {
            "password" | "xmpp_server_ip" | "port" => {
                "no component is needed: the networks are within the server"
            }
            "db_name" => "the database is only read",
            "persistent_by_default" => "people stay in channels as long as they are in the room",
            "realname_customization" | "realname_from_jid" => {
                "`realname` of a bridge is the operator's to say"
            }
            "webirc_password" => "say it in the bridge's section where the network knows the bridge by it",
            "identd_port" => "there is none by default",
            "outgoing_bind" => "the system chooses the address",
            "policy_directory" => "TLS is always as strict as it can be: certificates are verified",
            "log_file" | "log_level" => "see [log]",
            _ => "this key is not known here",
        };
        let _ = value;
        report.ignored(key, why);
    }
}

/// `key=value`, a line each; the environment has the last word.
fn keys(text: &str, environment: &[(String, String)]) -> BTreeMap<String, String> {
    let lines = text.lines().map(str::trim).filter(|line| !line.starts_with('#'));
    let said = lines.filter_map(|line| line.split_once('='));
    let said = said.map(|(key, value)| (key.trim().to_owned(), value.trim().to_owned()));
    let variables = environment.iter().filter_map(|(variable, value)| {
        Some((variable.strip_prefix("BIBOUMI_")?.to_lowercase(), value.clone()))
    });
    said.chain(variables).filter(|(_, value)| !value.is_empty()).collect()
}
