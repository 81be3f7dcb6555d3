//! How a configuration writes durations, sizes, ports and addresses, and what it says of those it cannot read.

use rialto_xmpp::jid::{BareJid, Jid};
use serde::de::{Deserialize, Deserializer, Error, Visitor};
use std::fmt;
use std::net::IpAddr;
use std::time::Duration;

/// A duration: a whole number and `s`, `m`, `h` or `d`, as in `"10m"`.
pub fn duration<'de, D: Deserializer<'de>>(from: D) -> Result<Duration, D::Error> {
    let text = String::deserialize(from)?;
    parse_duration(&text).ok_or_else(|| D::Error::custom(not_a_duration(&text, "")))
}

/// Reads a duration as the configuration writes it.
///
/// # Errors
/// A sentence that shows how one is written.
pub fn read_duration(text: &str) -> Result<Duration, String> {
    parse_duration(text).ok_or_else(|| not_a_duration(text, ""))
}

/// A duration, or `"forever"`, which is `None`.
pub fn duration_or_forever<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Duration>, D::Error> {
    let text = String::deserialize(from)?;
    if text == "forever" {
        return Ok(None);
    }
    parse_duration(&text).map(Some).ok_or_else(|| D::Error::custom(not_a_duration(&text, " or \"forever\"")))
}

/// A number of bytes: a whole number and `B`, `KiB`, `MiB` or `GiB`, as in `"256 KiB"`.
pub fn bytes<'de, D: Deserializer<'de>>(from: D) -> Result<usize, D::Error> {
    let text = String::deserialize(from)?;
    parse_bytes(&text).ok_or_else(|| {
        D::Error::custom(format!("\"{text}\" is no size; write one like \"64 KiB\" or \"4 MiB\""))
    })
}

/// A port, or `false`, which is `None`: this door stays shut. Port 0 takes any free one.
pub fn port<'de, D: Deserializer<'de>>(from: D) -> Result<Option<u16>, D::Error> {
    struct Port;
    impl Visitor<'_> for Port {
        type Value = Option<u16>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a port from 0 to 65535, or false")
        }

        fn visit_bool<E: Error>(self, open: bool) -> Result<Self::Value, E> {
            if open { Err(E::custom("true is no port; write its number, or false")) } else { Ok(None) }
        }

        fn visit_i64<E: Error>(self, number: i64) -> Result<Self::Value, E> {
            let port = u16::try_from(number);
            port.map(Some).map_err(|_| E::custom(format!("{number} is no port; write one from 0 to 65535")))
        }
    }
    from.deserialize_any(Port)
}

/// The domains of this server, prepared as RFC 7622 §3.2 says.
pub fn domains<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<String>, D::Error> {
    let mut domains = Vec::new();
    for text in Vec::<String>::deserialize(from)? {
        let domain = parse_domain(&text).map_err(D::Error::custom)?;
        if domains.contains(&domain) {
            return Err(D::Error::custom(format!("{domain} is there twice")));
        }
        domains.push(domain);
    }
    if domains.is_empty() {
        return Err(D::Error::custom("a server needs at least one domain, as in [\"example.org\"]"));
    }
    Ok(domains)
}

/// One domain, or none.
pub fn domain<'de, D: Deserializer<'de>>(from: D) -> Result<String, D::Error> {
    parse_domain(&String::deserialize(from)?).map_err(D::Error::custom)
}

/// Addresses of accounts.
pub fn accounts<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<BareJid>, D::Error> {
    let mut accounts = Vec::new();
    for text in Vec::<String>::deserialize(from)? {
        match BareJid::parse(&text) {
            Ok(jid) if jid.as_jid().localpart().is_some() => accounts.push(jid),
            Ok(_) => return Err(D::Error::custom(format!("\"{text}\" is a domain, not an account"))),
            Err(why) => return Err(D::Error::custom(format!("\"{text}\" is no account: {why}"))),
        }
    }
    Ok(accounts)
}

/// Addresses of this machine.
pub fn addresses<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<IpAddr>, D::Error> {
    let read = |text: String| {
        let why = || D::Error::custom(format!("\"{text}\" is no IP address, as in [\"0.0.0.0\", \"::\"]"));
        text.parse().map_err(|_| why())
    };
    Vec::<String>::deserialize(from)?.into_iter().map(read).collect()
}

/// A level of logging, or directives as `tracing` takes them.
pub fn level<'de, D: Deserializer<'de>>(from: D) -> Result<String, D::Error> {
    let text = String::deserialize(from)?;
    // A word alone would be taken for a module, and all others be silent.
    let sound =
        |part: &str| part.contains('=') || part.trim().parse::<tracing::level_filters::LevelFilter>().is_ok();
    match text.parse::<tracing_subscriber::filter::Targets>() {
        Ok(_) if text.split(',').all(sound) => Ok(text),
        _ => Err(D::Error::custom(format!(
            "\"{text}\" is no level; write error, warn, info, debug or trace, or rialto::muc=debug,info"
        ))),
    }
}

/// A domainpart, prepared.
pub(super) fn parse_domain(text: &str) -> Result<String, String> {
    match Jid::parse(text) {
        Ok(jid) if jid.is_domain() => Ok(jid.domainpart().to_owned()),
        Ok(_) => Err(format!("\"{text}\" is an address; a domain alone is wanted, as in \"example.org\"")),
        Err(why) => Err(format!("\"{text}\" is no domain: {why}")),
    }
}

fn not_a_duration(text: &str, or: &str) -> String {
    format!("\"{text}\" is no duration; write one like \"30s\", \"10m\", \"12h\" or \"7d\"{or}")
}

fn parse_duration(text: &str) -> Option<Duration> {
    let (number, unit) = number_and_unit(text)?;
    let seconds = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 60 * 60,
        "d" => 24 * 60 * 60,
        _ => return None,
    };
    Some(Duration::from_secs(number.checked_mul(seconds)?))
}

fn parse_bytes(text: &str) -> Option<usize> {
    let (number, unit) = number_and_unit(text)?;
    let scale = match unit {
        "B" => 1,
        "KiB" => 1 << 10,
        "MiB" => 1 << 20,
        "GiB" => 1 << 30,
        _ => return None,
    };
    usize::try_from(number.checked_mul(scale)?).ok()
}

fn number_and_unit(text: &str) -> Option<(u64, &str)> {
    let end = text.find(|c: char| !c.is_ascii_digit())?;
    let (number, unit) = text.split_at(end);
    Some((number.parse().ok()?, unit.strip_prefix(' ').unwrap_or(unit)))
}

/// Writes a duration as the configuration does.
pub fn show_duration(duration: Duration) -> String {
    let seconds = duration.as_secs();
    match seconds {
        0 => "0s".to_owned(),
        _ if seconds.is_multiple_of(86_400) => format!("{}d", seconds / 86_400),
        _ if seconds.is_multiple_of(3_600) => format!("{}h", seconds / 3_600),
        _ if seconds.is_multiple_of(60) => format!("{}m", seconds / 60),
        _ => format!("{seconds}s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_and_sizes_are_read_as_people_write_them() {
        assert_eq!(parse_duration("10m"), Some(Duration::from_secs(600)));
        assert_eq!(parse_duration("7 d"), Some(Duration::from_secs(7 * 86_400)));
        assert_eq!(parse_bytes("256 KiB"), Some(262_144));
        assert_eq!(parse_bytes("0B"), Some(0));
    }

    #[test]
    fn what_is_no_duration_or_size_is_refused() {
        for text in ["", "10", "m", "-1s", "1.5h", "10 minutes", "99999999999999999999s", "213503982334602d"]
        {
            assert_eq!(parse_duration(text), None, "{text}");
        }
        for text in ["", "10", "KiB", "10 KB", "10kb", "18446744073709551615 GiB"] {
            assert_eq!(parse_bytes(text), None, "{text}");
        }
    }

    #[test]
    fn a_duration_is_written_as_it_was_read() {
        for text in ["0s", "45s", "10m", "90m", "12h", "365d"] {
            assert_eq!(parse_duration(text).map(show_duration).as_deref(), Some(text));
        }
    }
}
