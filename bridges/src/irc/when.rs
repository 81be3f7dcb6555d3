//! IRCv3 server-time: `2011-10-19T16:40:51.620Z` ↔ a point in time.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Reads such a time; `None` for anything else, and for times before 1970.
pub fn read(stamp: &str) -> Option<SystemTime> {
    let (date, time) = stamp.strip_suffix('Z')?.split_once('T')?;
    let mut date = date.splitn(3, '-').map(|part| part.parse::<u64>().ok());
    let (year, month, day) = (date.next()??, date.next()??, date.next()??);
    let (time, fraction) = time.split_once('.').unwrap_or((time, "0"));
    let mut time = time.splitn(3, ':').map(|part| part.parse::<u64>().ok());
    let (hour, minute, second) = (time.next()??, time.next()??, time.next()??);
    let sound = (1970..=9999).contains(&year) && (1..=12).contains(&month) && (1..=31).contains(&day);
    if !sound || hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    let millis: u64 = format!("{:0<3}", fraction).get(..3)?.parse().ok()?;
    let seconds = ((days(year, month, day) * 24 + hour) * 60 + minute) * 60 + second;
    Some(UNIX_EPOCH + Duration::from_millis(seconds * 1000 + millis))
}

/// Days since 1970-01-01 in the Gregorian calendar, with the year beginning in March.
fn days(year: u64, month: u64, day: u64) -> u64 {
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let (era, of_era) = (year / 400, year % 400);
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + (153 * month + 2) / 5 + day - 1 - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    fn millis(stamp: &str) -> Option<u128> {
        read(stamp).map(|at| at.duration_since(UNIX_EPOCH).unwrap().as_millis())
    }

    #[test]
    fn server_times_are_read() {
        assert_eq!(millis("1970-01-01T00:00:00.000Z"), Some(0));
        assert_eq!(millis("2011-10-19T16:40:51.620Z"), Some(1_319_042_451_620));
        assert_eq!(millis("2024-02-29T23:59:60Z"), Some(1_709_251_200_000));
        assert_eq!(millis("2026-11-24T05:00:00.5Z"), Some(1_795_496_400_500));
    }

    #[test]
    fn what_is_no_time_is_none() {
        for bad in [
            "",
            "Z",
            "2011-10-19",
            "2011-13-19T16:40:51Z",
            "1969-01-01T00:00:00Z",
            "2011-10-19T25:00:00Z",
            "a-b-cTd:e:fZ",
        ] {
            assert_eq!(millis(bad), None, "{bad}");
        }
        assert_eq!(millis("2011-10-19T16:40:51.é20Z"), None);
    }
}
