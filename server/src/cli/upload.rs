//! `rialto upload`: by the running server.

use super::args::Upload;
use super::show::{self, Column};
use super::{Exit, Sorry, ask, remark};
use crate::admin::{self, Answer, Command};
use crate::config::Config;

/// Carries out a command about uploaded files.
pub(super) fn run(config: &Config, command: Upload) -> Result<Exit, Sorry> {
    match command {
        Upload::List { of, listing } => {
            let answer = ask(config, Command::UploadList { owner: of })?;
            let Answer::Uploads(files) = answer else { return Ok(Exit::Failed) };
            if files.is_empty() && !listing.json {
                say!("No files.");
                return Ok(Exit::Done);
            }
            let columns: [Column<admin::Upload>; 5] = [
                Column("owner", |file| file.owner.clone()),
                Column("size", |file| size(file.size)),
                Column("uploaded", |file| show::day(file.created)),
                Column("until", |file| file.expires.map_or_else(|| "removed".to_owned(), show::day)),
                Column("address", |file| file.url.clone()),
            ];
            show::list(&files, listing, &columns)
        }
        Upload::Remove { url } => {
            let answer = ask(config, Command::UploadRemove { url })?;
            remark(&answer, "The file is gone.")
        }
    }
}

/// Bytes for people.
fn size(bytes: u64) -> String {
    match bytes {
        0..1024 => format!("{bytes} B"),
        1024..1_048_576 => format!("{} KiB", bytes.div_ceil(1 << 10)),
        _ => format!("{} MiB", bytes.div_ceil(1 << 20)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_spelt_for_people() {
        for (bytes, text) in [(7, "7 B"), (1024, "1 KiB"), (1500, "2 KiB"), (3 << 20, "3 MiB")] {
            assert_eq!(size(bytes), text);
        }
    }
}
