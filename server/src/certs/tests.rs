//! Certificates: made once, kept, renewed where they are ours, and never overwritten where they are not.

use super::*;
use std::fs;
use std::os::unix::fs::PermissionsExt;

const DAY: Duration = Duration::from_secs(86_400);

struct Trial {
    _folder: tempfile::TempDir,
    config: Config,
    wanted: Vec<Wanted>,
}

fn trial() -> Trial {
    let folder = tempfile::tempdir().unwrap();
    let mut config = Config::default();
    config.certs.folder = folder.path().join("certs");
    let wanted = wanted(&config, &["far"]);
    Trial { _folder: folder, config, wanted }
}

impl Trial {
    fn ready(&self, now: SystemTime) -> Result<Identity, CertError> {
        ready(&self.config, &self.wanted, now).map(|mut all| all.remove(0))
    }

    fn file(&self, name: &str) -> PathBuf {
        self.config.certs.folder.join(name)
    }

    /// All files and what is in them.
    fn everything(&self) -> Vec<(PathBuf, Vec<u8>)> {
        let files =
            ["ca.pem", "ca.key", "localhost/fullchain.pem", "localhost/privkey.pem"].map(|f| self.file(f));
        files.into_iter().filter_map(|file| Some((file.clone(), fs::read(file).ok()?))).collect()
    }
}

#[test]
fn the_first_start_makes_everything_and_the_second_finds_it() {
    let (trial, now) = (trial(), SystemTime::now());
    let first = trial.ready(now).unwrap();
    assert_eq!((first.made, first.ours), (Made::New, true));
    let names = ["localhost", "127.0.0.1", "::1", "far.localhost", "rooms.localhost"];
    assert_eq!(first.names, names);
    let before = trial.everything();
    assert_eq!(before.len(), 4);
    let second = trial.ready(now).unwrap();
    assert_eq!(second.made, Made::Kept);
    assert_eq!(trial.everything(), before);
    let map = by_domain(&[second]);
    assert!(map.contains_key("localhost") && map.contains_key("rooms.localhost"));
}

#[test]
fn keys_are_for_their_owner_alone() {
    let trial = trial();
    trial.ready(SystemTime::now()).unwrap();
    for key in ["ca.key", "localhost/privkey.pem"] {
        assert_eq!(fs::metadata(trial.file(key)).unwrap().permissions().mode() & 0o777, 0o600, "{key}");
    }
}

#[test]
fn what_we_made_is_made_anew_before_it_ends_and_by_the_same_ca() {
    let (trial, now) = (trial(), SystemTime::now());
    let first = trial.ready(now).unwrap();
    let ca = fs::read(trial.file("ca.pem")).unwrap();
    assert_eq!(trial.ready(now + DAY * 360).unwrap().made, Made::Kept);
    let second = trial.ready(now + DAY * 370).unwrap();
    assert_eq!(second.made, Made::Renewed);
    assert!(second.until > first.until);
    let third = trial.ready(second.until + DAY).unwrap();
    assert_eq!(third.made, Made::Renewed, "ours may be renewed even after its end");
    assert_eq!(fs::read(trial.file("ca.pem")).unwrap(), ca);
}

#[test]
fn a_new_service_gets_its_name_onto_what_we_made() {
    let (mut trial, now) = (trial(), SystemTime::now());
    trial.ready(now).unwrap();
    trial.wanted[0].also.push("pubsub.localhost".into());
    let anew = trial.ready(now).unwrap();
    assert_eq!(anew.made, Made::Renewed);
    assert!(anew.names.contains(&"pubsub.localhost".to_owned()));
}

/// What another CA made is foreign: it is refused with what to do, and never touched.
fn refused(trial: &Trial, now: SystemTime) -> String {
    let before = trial.everything();
    let error = trial.ready(now).unwrap_err().to_string();
    assert_eq!(trial.everything(), before);
    error.replace(&trial.config.certs.folder.display().to_string(), "certs")
}

/// A certificate from elsewhere in the place of ours.
fn foreign(trial: &Trial, now: SystemTime) {
    trial.ready(now).unwrap();
    fs::remove_file(trial.file("ca.pem")).unwrap();
    fs::remove_file(trial.file("ca.key")).unwrap();
}

#[test]
fn a_foreign_certificate_that_ended_is_refused_and_left_alone() {
    let (trial, now) = (trial(), SystemTime::now());
    foreign(&trial, now);
    assert!(!trial.ready(now).unwrap().ours);
    let error = refused(&trial, now + DAY * 400);
    assert!(error.starts_with("certs/localhost/fullchain.pem ended on 20"), "{error}");
    assert!(error.ends_with(": renew it and put the new files there"), "{error}");
    let error = refused(&trial, now - DAY * 10);
    assert!(error.starts_with("certs/localhost/fullchain.pem begins on 20"), "{error}");
}

#[test]
fn a_key_of_another_certificate_is_refused() {
    let (trial, other, now) = (trial(), self::trial(), SystemTime::now());
    trial.ready(now).unwrap();
    other.ready(now).unwrap();
    fs::copy(other.file("localhost/privkey.pem"), trial.file("localhost/privkey.pem")).unwrap();
    assert_eq!(
        refused(&trial, now),
        "certs/localhost/privkey.pem is not the key of fullchain.pem beside it: put both files of one certificate there"
    );
}

#[test]
fn a_certificate_for_another_name_is_refused() {
    let (trial, now) = (trial(), SystemTime::now());
    trial.ready(now).unwrap();
    let mut config = trial.config.clone();
    config.domains = vec!["example.org".into()];
    fs::rename(trial.file("localhost"), trial.file("example.org")).unwrap();
    let error = ready(&config, &wanted(&config, &[]), now).unwrap_err();
    assert!(error.to_string().contains("is not for example.org but for localhost, 127.0.0.1"), "{error}");
}

#[test]
fn half_a_certificate_and_a_broken_one_are_refused() {
    let (trial, now) = (trial(), SystemTime::now());
    trial.ready(now).unwrap();
    fs::write(trial.file("localhost/fullchain.pem"), "no PEM at all").unwrap();
    assert_eq!(
        refused(&trial, now),
        "certs/localhost/fullchain.pem holds no PEM certificate: put a whole one there, or move it away"
    );
    fs::remove_file(trial.file("localhost/fullchain.pem")).unwrap();
    assert_eq!(
        refused(&trial, now),
        "certs/localhost/fullchain.pem is missing, while the other file is there: put it beside it, or move the other \
         one away"
    );
}

#[test]
fn nothing_is_made_where_the_operator_says_so() {
    let (mut trial, now) = (trial(), SystemTime::now());
    trial.config.certs.make = false;
    assert_eq!(
        refused(&trial, now),
        "there is no certificate for localhost: put fullchain.pem and privkey.pem into certs/localhost/, or set \
         [certs] make = true to have one made that people must trust by hand"
    );
}

#[test]
fn a_ca_without_its_key_is_not_replaced() {
    let (trial, now) = (trial(), SystemTime::now());
    trial.ready(now).unwrap();
    fs::remove_file(trial.file("ca.key")).unwrap();
    fs::remove_dir_all(trial.file("localhost")).unwrap();
    let error = refused(&trial, now);
    assert!(
        error.contains("certs/ca.key is missing; keep certs/ca.pem and certs/ca.key together"),
        "{error}"
    );
}

#[test]
fn a_star_stands_for_one_label() {
    assert!(check::covers("*.example.org", "rooms.example.org"));
    assert!(check::covers("EXAMPLE.org", "example.org"));
    assert!(!check::covers("*.example.org", "a.rooms.example.org"));
    assert!(!check::covers("*.example.org", "example.org"));
}
