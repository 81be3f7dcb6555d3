//! Settings: what is refused, and with what words.

use super::*;

/// The settings that this TOML says, for other tests.
pub(crate) fn settings(toml: &str) -> Result<Settings, SettingsError> {
    let settings = toml.parse().unwrap();
    Settings::read(&Opening {
        name: "test".into(),
        settings,
        folder: PathBuf::from("/nonexistent"),
        ..Opening::default()
    })
}

fn refused(toml: &str) -> String {
    settings(toml).unwrap_err().to_string()
}

#[test]
fn a_server_is_all_that_must_be_said() {
    let it = settings("server = 'irc.example'").unwrap();
    assert_eq!((it.port, it.tls, it.nick.as_str(), it.tls_name()), (6697, true, "rialto", "irc.example"));
    assert!(refused("").starts_with("server: say which server"));
}

#[test]
fn mistakes_are_named_with_what_was_probably_meant() {
    assert_eq!(refused("server = 'x'\nnik = 'a'"), "nik: there is no such key; did you mean `nick`?");
    assert_eq!(
        refused("server = 'x'\nsasl = { usr = 'a' }"),
        "sasl.usr: there is no such key; did you mean `user`?"
    );
    assert!(refused("server = 'x'\npassword = 'hunter2'").contains("did you mean `password_"));
    assert!(refused("server = 'x:6697 y'").starts_with("server: must be a host name"));
    assert!(refused("server = 'x'\nnick = '9a'").starts_with("nick: must begin"));
    assert!(refused("server = 'x'\nport = 'ircs'").contains("invalid type"));
    assert!(refused("server = 'x'\ninterval = -1").contains("not negative"));
    let sasl = |more: &str| refused(&format!("server = 'x'\n{more}"));
    assert!(
        sasl("sasl = { user = 'a', mechanism = 'MAGIC' }")
            .starts_with("sasl.mechanism: must be one of EXTERNAL")
    );
    assert!(sasl("tls = false\nsasl = { user = 'a', certificate_file = 'x' }").contains("tls is false"));
    assert!(
        sasl("sasl = { user = 'a', certificate_file = 'x' }")
            .starts_with("sasl.certificate_file: cannot read")
    );
    assert!(refused("server = 'x'\nkeys = { lounge = 'k' }").starts_with("keys: \"lounge\" is no channel"));
    assert!(refused("server = 'x'\nsasl = { user = 'a' }").starts_with("sasl: say password_file"));
}

#[test]
fn every_key_is_known_to_both_the_list_and_the_struct() {
    for key in KEYS {
        let toml = format!(
            "server = 'x'\n{}",
            if *key == "server" { String::new() } else { format!("{key} = {{}}") }
        );
        let error = settings(&toml).err().map(|error| error.to_string()).unwrap_or_default();
        assert!(!error.contains("unknown field") && !error.contains("no such key"), "{key}: {error}");
    }
}

#[test]
fn secrets_come_from_files_and_no_log_shows_them() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("secret"), "hunter2\n").unwrap();
    std::fs::write(folder.path().join("empty"), "\n").unwrap();
    let read = |toml: &str| {
        Settings::read(&Opening {
            name: "test".into(),
            settings: toml.parse().unwrap(),
            folder: folder.path().to_owned(),
            ..Opening::default()
        })
    };
    let it = read("server = 'x'\nsasl = { user = 'a', password_file = 'secret' }").unwrap();
    assert_eq!(it.secrets.sasl.as_deref(), Some("hunter2"));
    assert!(!format!("{it:?}").contains("hunter2"));
    let missing = read("server = 'x'\npassword_file = 'nowhere'").unwrap_err().to_string();
    assert!(missing.starts_with("password_file: cannot read "), "{missing}");
    assert!(read("server = 'x'\npassword_file = 'empty'").unwrap_err().to_string().contains("empty"));
    assert!(
        read("server = 'x'\npassword_env = 'RIALTO_NO_SUCH'")
            .unwrap_err()
            .to_string()
            .contains("no variable")
    );
}

#[test]
fn times_are_seconds_with_or_without_a_fraction() {
    let it = settings("server = 'x'\ninterval = 0.25\nping_after = 60").unwrap();
    assert_eq!((it.interval.as_millis(), it.ping_after.as_secs()), (250, 60));
}
