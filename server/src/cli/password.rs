//! Passwords: asked for twice, taken from a file, or made up. Never from the command line, which others can read.

use super::Sorry;
use super::args::Password;
use std::io::{BufRead, IsTerminal};
use std::path::Path;
use zeroize::Zeroizing;

/// Without those that look like each other. 32 letters: five bits each.
const LETTERS: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";
/// 20 letters are 100 bits.
const GROUPS: usize = 4;
const IN_GROUP: usize = 5;

/// A password, and whether it must be shown because we made it up.
pub(super) fn obtain(address: &str, from: &Password) -> Result<(Zeroizing<String>, bool), Sorry> {
    if from.generate {
        return Ok((generate()?, true));
    }
    let password = match &from.password_file {
        Some(file) if file == Path::new("-") => first_line(std::io::stdin().lock(), "standard input")?,
        Some(file) => {
            let open = std::fs::File::open(file);
            let open =
                open.map_err(|why| Sorry::failed(format!("{} cannot be read: {why}", file.display())))?;
            first_line(std::io::BufReader::new(open), &file.display().to_string())?
        }
        None => asked_twice(address)?,
    };
    Ok((password, false))
}

fn first_line(mut from: impl BufRead, name: &str) -> Result<Zeroizing<String>, Sorry> {
    let mut line = Zeroizing::new(String::new());
    from.read_line(&mut line).map_err(|why| Sorry::failed(format!("{name} cannot be read: {why}")))?;
    let password = Zeroizing::new(line.trim_end_matches(['\r', '\n']).to_owned());
    if password.is_empty() {
        return Err(Sorry::failed(format!("the first line of {name} is empty: put the password there")));
    }
    Ok(password)
}

fn asked_twice(address: &str) -> Result<Zeroizing<String>, Sorry> {
    if !std::io::stdin().is_terminal() {
        return Err(Sorry::usage(
            "there is no terminal to ask on: give --password-file FILE, --password-file - or --generate",
        ));
    }
    let ask = |text: String| rpassword::prompt_password(text).map(Zeroizing::new).map_err(Sorry::failed);
    let password = ask(format!("Password for {address}: "))?;
    if password.is_empty() {
        return Err(Sorry::failed("a password cannot be empty; nothing was done"));
    }
    if *ask("The same again: ".to_owned())? != *password {
        return Err(Sorry::failed("these were two different passwords; nothing was done"));
    }
    Ok(password)
}

fn generate() -> Result<Zeroizing<String>, Sorry> {
    let mut bytes = Zeroizing::new([0u8; GROUPS * IN_GROUP]);
    getrandom::fill(&mut *bytes).map_err(Sorry::failed)?;
    let letter = |byte: &u8| char::from(LETTERS.get(usize::from(byte % 32)).copied().unwrap_or(b'x'));
    let groups: Vec<String> =
        bytes.chunks(IN_GROUP).map(|group| group.iter().map(letter).collect()).collect();
    Ok(Zeroizing::new(groups.join("-")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_made_up_password_can_be_read_aloud_and_is_never_the_same() {
        let (one, other) = (generate().unwrap(), generate().unwrap());
        assert_ne!(*one, *other);
        assert_eq!(one.len(), 23);
        assert!(one.split('-').all(|group| group.len() == 5 && group.bytes().all(|b| LETTERS.contains(&b))));
    }

    #[test]
    fn a_file_gives_its_first_line() {
        assert_eq!(*first_line(&b" se cret \r\nmore\n"[..], "x").unwrap(), " se cret ");
        assert_eq!(*first_line(&b"secret"[..], "x").unwrap(), "secret");
        assert!(first_line(&b"\n"[..], "x").is_err());
    }
}
