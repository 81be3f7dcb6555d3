//! What `rialto serve` prints when it is ready: where it is, and what a newcomer needs next.

use crate::certs::{self, Identity, Made};
use crate::config::Config;
use rialto_store::EngineKind;
use std::fmt::Write;
use std::net::SocketAddr;
use std::path::Path;

/// What is known when the server is ready.
pub(super) struct Ready<'a> {
    /// Its configuration.
    pub config: &'a Config,
    /// Its certificates.
    pub identities: &'a [Identity],
    /// Where clients that ask for TLS later are heard.
    pub starttls: &'a [SocketAddr],
    /// Where clients that begin with TLS are heard.
    pub tls: &'a [SocketAddr],
    /// Where web clients are heard, with TLS.
    pub https: &'a [SocketAddr],
    /// Where all of these are heard.
    pub shared: &'a [SocketAddr],
    /// Where a reverse proxy is heard.
    pub http: &'a [SocketAddr],
    /// Accounts, as many as there are.
    pub accounts: usize,
    /// How this program was called, for commands to be typed.
    pub program: &'a str,
}

/// The banner.
pub(super) fn text(ready: &Ready<'_>) -> String {
    let mut text = String::new();
    let config = ready.config;
    let mut line = |name: &str, value: &str| {
        let _ = writeln!(text, "  {name:14} {value}");
    };
    match &config.origin.file {
        Some(file) => line("configuration", &file.display().to_string()),
        None => line("configuration", "none, so the defaults (there is no ./rialto.toml)"),
    }
    let doors = [
        (ready.starttls, "STARTTLS"),
        (ready.tls, "TLS from the first byte"),
        (ready.shared, "TLS, by ALPN"),
        (ready.https, "web clients, HTTPS"),
        (ready.http, "web clients behind a proxy, HTTP"),
    ];
    for (sockets, how) in doors {
        if !sockets.is_empty() {
            let sockets: Vec<String> = sockets.iter().map(SocketAddr::to_string).collect();
            line("listening", &format!("{} ({how})", sockets.join(", ")));
        }
    }
    line("group chats", &format!("NAME@{}", config.rooms.domain));
    match config.store.engine {
        EngineKind::Memory => line("data", "in memory: nothing outlives this process"),
        engine => line("data", &format!("{} ({})", config.store.path.display(), engine.name())),
    }
    for identity in ready.identities {
        line("certificate", &certificate(identity));
    }
    let ca =
        certs::ca_certificate(&config.certs.folder).filter(|_| ready.identities.iter().any(|one| one.ours));
    if let Some(ca) = &ca {
        line("CA to trust", &ca.display().to_string());
    }
    if ready.accounts > 0 {
        line("accounts", &ready.accounts.to_string());
    }
    let heading = format!("Rialto {} serves {}.", env!("CARGO_PKG_VERSION"), config.domains.join(", "));
    format!("{heading}\n\n{text}{}\nCtrl-C stops it.\n", next(ready, ca.is_some()))
}

fn certificate(identity: &Identity) -> String {
    let until =
        identity.until.duration_since(std::time::SystemTime::UNIX_EPOCH).map_or(0, |time| time.as_secs());
    let made = match identity.made {
        Made::Kept => "",
        Made::New => ", made just now",
        Made::Renewed => ", made anew just now",
    };
    format!("{}, until {}{made}", identity.chain.display(), super::show::day(until))
}

/// What a newcomer does next; nothing for those who have been here before.
fn next(ready: &Ready<'_>, own_ca: bool) -> String {
    if ready.accounts > 0 {
        return String::new();
    }
    let domain = ready.config.first_domain();
    let rialto = match &ready.config.origin.file {
        // `./rialto.toml` is found again by itself.
        Some(file) if file != Path::new("rialto.toml") => {
            format!("{} --config {}", ready.program, file.display())
        }
        _ => ready.program.to_owned(),
    };
    let mut text = format!(
        "\nNext, in another terminal:\n  {rialto} user add romeo@{domain}\n  {rialto} user add juliet@{domain}\n\
         and log in with any XMPP client (Gajim, Dino, Conversations, profanity, poezio).\n"
    );
    if own_ca {
        text.push_str(
            "Most clients ask whether they may trust the certificate, because its CA was made here: say yes, or let the\n\
             machine trust the CA (Dino does not ask and needs it), on Debian with\n",
        );
        let ca = ready.config.certs.folder.join("ca.pem");
        let _ = writeln!(
            text,
            "  sudo cp {} /usr/local/share/ca-certificates/rialto.crt && sudo update-ca-certificates",
            ca.display()
        );
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(config: &Config, accounts: usize) -> String {
        let sockets = ["127.0.0.1:5222".parse().unwrap(), "[::1]:5222".parse().unwrap()];
        text(&Ready {
            config,
            identities: &[],
            starttls: &sockets,
            tls: &[],
            https: &[],
            shared: &[],
            http: &[],
            accounts,
            program: "./rialto",
        })
    }

    #[test]
    fn a_newcomer_is_told_what_comes_next() {
        let text = of(&Config::default(), 0);
        for part in [
            "serves localhost.",
            "none, so the defaults (there is no ./rialto.toml)",
            "127.0.0.1:5222, [::1]:5222 (STARTTLS)",
            "NAME@rooms.localhost",
            "data/store (sled)",
            "./rialto user add romeo@localhost",
            "Ctrl-C stops it.",
        ] {
            assert!(text.contains(part), "{part} is not in\n{text}");
        }
    }

    #[test]
    fn whoever_has_been_here_is_told_less() {
        let mut config = Config::default();
        config.origin.file = Some("rialto.toml".into());
        let text = of(&config, 2);
        assert!(text.contains("configuration  rialto.toml") && text.contains("accounts       2"), "{text}");
        assert!(!text.contains("user add"));
    }
}
