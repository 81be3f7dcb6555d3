//! `rialto import`: configurations of other bridges, read, reported key by key, and written as ours.

mod biboumi;
mod fragment;
mod matterbridge;
mod report;

use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use super::args::{Import, Importing};
use super::{Exit, Sorry};
use crate::config::Config;
use fragment::Fragment;
use report::Report;

/// The largest file that is read.
const LARGEST: u64 = 256 << 20;

/// What was read.
struct Imported {
    report: Report,
    fragment: Fragment,
}

/// What we are, as far as it matters to what is read.
struct Ours<'a> {
    domains: &'a [String],
    rooms: &'a str,
}

/// Reads, reports, and writes unless it is a dry run.
pub(super) fn run(config: &Config, command: Import) -> Result<Exit, Sorry> {
    let ours = Ours { domains: &config.domains, rooms: &config.rooms.domain };
    let (imported, importing) = match command {
        Import::Matterbridge { file, importing } => {
            let json = file.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("json"));
            let text = text_of(&file)?;
            let environment: Vec<(String, String)> = std::env::vars().collect();
            let read = matterbridge::read(&text, json, &environment, &ours);
            (read.map_err(|why| Sorry::failed(format!("{}: {why}", file.display())))?, importing)
        }
        Import::Biboumi { file, database, importing } => {
            let text = text_of(&file)?;
            let environment: Vec<(String, String)> = std::env::vars().collect();
            let named = biboumi::database_of(&text);
            let dump = match database.or_else(|| named.filter(|path| path.exists())) {
                Some(path) => Some(biboumi::dump_of(&path).map_err(Sorry::failed)?),
                None => None,
            };
            (biboumi::read(&text, dump.as_deref(), &environment), importing)
        }
    };
    say!("{}", imported.report);
    if importing.dry_run {
        say!("\nThis would be written:\n\n{}", imported.fragment.to_toml().trim_end());
        return Ok(Exit::Done);
    }
    write(&imported.fragment, &importing)
}

fn write(fragment: &Fragment, importing: &Importing) -> Result<Exit, Sorry> {
    let folder = &importing.into;
    let file = folder.join("imported.toml");
    let wanted: Vec<(PathBuf, &str)> =
        fragment.secrets.iter().map(|(name, secret)| (folder.join(name), secret.as_str())).collect();
    let text = fragment.to_toml();
    let all = wanted.into_iter().chain([(file.clone(), text.as_str())]);
    let all: Vec<(PathBuf, &str)> = all.collect();
    if let Some((there, _)) = all.iter().find(|(path, _)| path.exists()) {
        return Err(Sorry::failed(format!("{} is there already: move it away first", there.display())));
    }
    for (path, text) in &all {
        create(path, text).map_err(|why| Sorry::failed(format!("{}: {why}", path.display())))?;
    }
    say!(
        "\n{} is written{}.",
        file.display(),
        match fragment.secrets.len() {
            0 => String::new(),
            1 => ", and a file with a secret beside it".to_owned(),
            many => format!(", and {many} files with secrets beside it"),
        }
    );
    say!("Read it, add it to your configuration, and then: rialto check, rialto reload");
    Ok(Exit::Done)
}

/// For the owner alone: it may hold keys of channels.
fn create(path: &Path, text: &str) -> std::io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()
}

fn text_of(file: &Path) -> Result<String, Sorry> {
    let failed = |why: String| Sorry::failed(format!("{}: {why}", file.display()));
    let size = std::fs::metadata(file).map_err(|why| failed(why.to_string()))?.len();
    if size > LARGEST {
        return Err(failed("this is too large for a configuration".to_owned()));
    }
    std::fs::read_to_string(file).map_err(|why| failed(why.to_string()))
}
