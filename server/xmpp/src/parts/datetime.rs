//! XEP-0082: XMPP Date and Time Profiles.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use jiff::Timestamp;

/// §3.2: an instant in UTC, to the microsecond where there is a fraction.
pub fn format(at: SystemTime) -> String {
    let micros = at.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_micros());
    let at =
        Timestamp::from_microsecond(i64::try_from(micros).unwrap_or(i64::MAX / 2)).unwrap_or(Timestamp::MAX);
    let format =
        if micros.is_multiple_of(1_000_000) { "%Y-%m-%dT%H:%M:%SZ" } else { "%Y-%m-%dT%H:%M:%S%.6fZ" };
    at.strftime(format).to_string()
}

/// Reads an instant with any offset; instants before 1970 become 1970.
pub fn parse(text: &str) -> Option<SystemTime> {
    let at: Timestamp = text.trim().parse().ok()?;
    let micros = u64::try_from(at.as_microsecond()).unwrap_or(0);
    Some(UNIX_EPOCH + Duration::from_micros(micros))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_instant_survives_being_written_and_read() {
        for text in ["2026-11-24T05:30:34Z", "2026-11-24T05:30:34.000001Z"] {
            assert_eq!(format(parse(text).unwrap()), text);
        }
        assert_eq!(format(parse("2026-11-24T05:30:34+01:00").unwrap()), "2026-11-24T04:30:34Z");
        assert_eq!(parse("yesterday"), None);
    }
}
