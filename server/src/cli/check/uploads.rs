//! Uploads: whether their folder can be written to, has room, and whether clients reach them.

use super::Finding;
use crate::config::{Config, show_duration};
use rustix::fs::{Access, access, statvfs};
use std::net::{TcpStream, ToSocketAddrs};
use std::path::Path;
use std::time::Duration;

/// How long a connection may take.
const PATIENCE: Duration = Duration::from_secs(3);

/// Folder, disk, address.
pub(super) fn look(config: &Config, runs: bool) -> Vec<Finding> {
    if !config.upload.enabled {
        return vec![Finding::ok("uploads", "switched off")];
    }
    let mut findings = vec![folder(config)];
    findings.extend(room(config));
    findings.push(address(config, runs));
    findings
}

fn folder(config: &Config) -> Finding {
    let folder = &config.upload.folder;
    let shown = folder.display();
    if !folder.exists() {
        return Finding::ok("uploads", format!("{shown} is made at the first start"));
    }
    if !folder.is_dir() {
        let todo = "move it away, or name another folder in [upload] folder";
        return Finding::error("uploads", format!("{shown} is no folder"), todo);
    }
    if let Err(why) = access(folder, Access::READ_OK | Access::WRITE_OK | Access::EXEC_OK) {
        let says = format!("{shown} cannot be written to: {why}");
        return Finding::error("uploads", says, "give it to the user that Rialto runs as");
    }
    let keep = config
        .upload
        .keep
        .map_or_else(|| "for ever".to_owned(), |keep| format!("for {}", show_duration(keep)));
    Finding::ok("uploads", format!("in {shown}, kept {keep}"))
}

/// What the server would refuse to use.
fn room(config: &Config) -> Option<Finding> {
    let mut place: &Path = &config.upload.folder;
    while !place.exists() {
        place = place.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    }
    let found = statvfs(place).ok()?;
    let free = found.f_bavail.saturating_mul(found.f_frsize);
    let wanted = (config.upload.keep_free as u64).saturating_add(config.upload.max_size as u64);
    (free < wanted).then(|| {
        let says = format!("the disk has {} MiB left, too few for the largest file", free >> 20);
        Finding::warn("uploads", says, "make room, or lower [upload] max_size or keep_free")
    })
}

/// Clients want `https:`, and reach what DNS says.
fn address(config: &Config, runs: bool) -> Finding {
    let url = config.http.public_url.trim_end_matches('/');
    let domain = rialto_xmpp::prep::to_ascii(config.first_domain()).into_owned();
    let port = config.http.tls.or(config.listen.shared);
    let (host, port) = match url.split_once("://") {
        Some(("https", host)) => {
            match host.rsplit_once(':').and_then(|(name, port)| Some((name, port.parse().ok()?))) {
                Some((name, port)) => (name.to_owned(), port),
                None => (host.to_owned(), 443),
            }
        }
        Some(_) => {
            let says = format!("{url} is not https: most clients refuse it");
            return Finding::warn(
                "uploads",
                says,
                "put TLS before it, and write https:// into [http] public_url",
            );
        }
        None => match port {
            Some(port) => (domain, port),
            None => {
                let says = "there is no port with TLS for them: most clients refuse others";
                let todo = "set [http] tls = 5443, or [http] public_url to the address of your reverse proxy";
                return Finding::warn("uploads", says, todo);
            }
        },
    };
    let shown = format!("https://{host}:{port}");
    if !runs {
        return Finding::ok(
            "uploads",
            format!("will be at {shown}, which can be tried once the server runs"),
        );
    }
    if reaches(&host, port) {
        return Finding::ok("uploads", format!("{shown} takes connections"));
    }
    let todo = "let the name point here and open the port, or set [http] public_url to what clients reach";
    Finding::warn("uploads", format!("nobody answers at {shown}, as seen from here"), todo)
}

fn reaches(host: &str, port: u16) -> bool {
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let Ok(addresses) = (host, port).to_socket_addrs() else { return false };
    addresses.take(4).any(|address| TcpStream::connect_timeout(&address, PATIENCE).is_ok())
}

#[cfg(test)]
mod tests {
    use super::super::Level;
    use super::*;

    fn config(source: &str) -> Config {
        Config::parse(source).unwrap()
    }

    #[test]
    fn an_address_that_clients_refuse_or_cannot_reach_is_found() {
        let plain = config("[http]\npublic_url = \"http://chat.example.org\"\n");
        assert!(address(&plain, false).says.contains("is not https"));
        let none = config("[http]\ntls = false\n");
        assert!(address(&none, false).says.contains("no port with TLS"));
        let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let there = config(&format!("[http]\npublic_url = \"https://127.0.0.1:{port}\"\n"));
        assert_eq!(address(&there, true).level, Level::Ok);
        drop(listener);
        assert_eq!(address(&there, true).level, Level::Warn);
    }

    #[test]
    fn a_folder_that_cannot_be_used_is_an_error() {
        let place = tempfile::tempdir().unwrap();
        let file = place.path().join("file");
        std::fs::write(&file, "").unwrap();
        let mut config = Config::default();
        config.upload.folder = file;
        assert_eq!(folder(&config).level, Level::Error);
        config.upload.folder = place.path().join("none/deeper");
        assert_eq!(folder(&config).level, Level::Ok);
        config.upload.keep_free = usize::MAX;
        assert!(room(&config).unwrap().says.contains("too few"));
        config.upload.keep_free = 0;
        config.upload.max_size = 1;
        assert_eq!(room(&config), None);
    }
}
