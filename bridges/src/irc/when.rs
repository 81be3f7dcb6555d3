//! IRCv3 server-time: `2011-10-19T16:40:51.620Z` ↔ a point in time.

use crate::calendar;
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
    let [year, month, day] = [year, month, day].map(|part| i64::try_from(part).unwrap_or(0));
    let days = u64::try_from(calendar::days(year, month, day)).ok()?;
    let seconds = ((days * 24 + hour) * 60 + minute) * 60 + second;
    Some(UNIX_EPOCH + Duration::from_millis(seconds * 1000 + millis))
}

/// Writes such a time.
pub fn write(at: SystemTime) -> String {
    let millis = at.duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
    let millis = u64::try_from(millis).unwrap_or(0);
    let (seconds, rest) = (millis / 1000, millis % 1000);
    let of_day = seconds % 86_400;
    let (year, month, day) = calendar::date(i64::try_from(seconds / 86_400).unwrap_or(0));
    let (hour, minute, second) = (of_day / 3600, of_day / 60 % 60, of_day % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{rest:03}Z")
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
    fn what_is_written_is_read_again() {
        for millis in
            [0, 951_782_400_000, 1_319_042_451_620, 1_709_251_199_999, 1_709_251_200_000, 4_102_444_800_001]
        {
            let at = UNIX_EPOCH + Duration::from_millis(millis);
            assert_eq!(read(&write(at)), Some(at), "{}", write(at));
        }
        assert_eq!(write(UNIX_EPOCH + Duration::from_millis(1_319_042_451_620)), "2011-10-19T16:40:51.620Z");
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
