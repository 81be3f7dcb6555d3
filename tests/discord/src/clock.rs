//! Discord's time: snowflakes, and timestamps as ISO 8601 writes them.

use std::time::{SystemTime, UNIX_EPOCH};

/// Milliseconds from 1970 to the first second of 2015, where snowflakes begin.
pub const EPOCH: u64 = 1_420_070_400_000;

/// Milliseconds since 1970, as this machine counts them.
pub fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

/// When a snowflake was made, in milliseconds since 1970.
pub fn made(id: u64) -> u64 {
    (id >> 22) + EPOCH
}

/// `2026-11-24T12:00:00.123000+00:00`.
pub fn iso(ms: u64) -> String {
    let (days, of_day) = (ms / 86_400_000, ms % 86_400_000);
    let (year, month, day) = civil(days);
    let (hour, minute) = (of_day / 3_600_000, of_day / 60_000 % 60);
    let (second, millis) = (of_day / 1000 % 60, of_day % 1000);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{millis:03}000+00:00")
}

/// Reads a timestamp; only UTC (`Z`, `+00:00`) is understood.
pub fn read_iso(text: &str) -> Option<u64> {
    let number = |range: std::ops::Range<usize>| text.get(range)?.parse::<u64>().ok();
    let marks = text.get(4..5)? == "-" && text.get(7..8)? == "-" && text.get(13..14)? == ":";
    if !marks || !(text.ends_with('Z') || text.ends_with("+00:00")) {
        return None;
    }
    let (year, month, day) = (number(0..4)?, number(5..7)?, number(8..10)?);
    if !(1970..=9999).contains(&year) || !(1..=12).contains(&month) || !(1..=31).contains(&day) {
        return None;
    }
    let millis = match text.get(19..20)? {
        "." => {
            let digits: String =
                text[20..].chars().take_while(char::is_ascii_digit).chain("000".chars()).collect();
            digits.get(..3)?.parse::<u64>().ok()?
        }
        _ => 0,
    };
    let of_day = (number(11..13)? * 60 + number(14..16)?) * 60 + number(17..19)?;
    Some((days(year, month, day) * 86_400 + of_day) * 1000 + millis)
}

/// `Tue, 24 Nov 2026 12:00:00 GMT`, as HTTP's `Date` wants it.
pub fn http_date(ms: u64) -> String {
    const DAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
    const MONTHS: [&str; 12] =
        ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let (days, seconds) = (ms / 86_400_000, ms / 1000 % 86_400);
    let (year, month, day) = civil(days);
    let weekday = DAYS[usize::try_from(days % 7).unwrap_or(0)];
    let month = MONTHS[usize::try_from(month - 1).unwrap_or(0)];
    let (hour, minute, second) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    format!("{weekday}, {day:02} {month} {year:04} {hour:02}:{minute:02}:{second:02} GMT")
}

/// Days since 1970 to year, month and day; eras of 400 years that begin in March.
fn civil(days: u64) -> (u64, u64, u64) {
    let shifted = days + 719_468;
    let (era, of_era) = (shifted / 146_097, shifted % 146_097);
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * of_year + 2) / 153;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    let year = year_of_era + era * 400 + u64::from(month <= 2);
    (year, month, of_year - (153 * shifted_month + 2) / 5 + 1)
}

fn days(year: u64, month: u64, day: u64) -> u64 {
    let year = if month <= 2 { year - 1 } else { year };
    let (era, year_of_era) = (year / 400, year % 400);
    let shifted_month = if month > 2 { month - 3 } else { month + 9 };
    let of_year = (153 * shifted_month + 2) / 5 + day - 1;
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + of_year - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_again() {
        for ms in [0, 951_782_400_000, 1_709_164_800_001, 1_795_521_643_999] {
            assert_eq!(read_iso(&iso(ms)), Some(ms), "{}", iso(ms));
        }
        assert_eq!(iso(1_709_164_800_001), "2024-02-29T00:00:00.001000+00:00");
        assert_eq!(read_iso("2024-02-29T00:00:00Z"), Some(1_709_164_800_000));
        assert_eq!(http_date(784_111_777_000), "Sun, 06 Nov 1994 08:49:37 GMT");
        for bad in
            ["", "2024-02-29", "2024-02-29T00:00:00+01:00", "2024-13-29T00:00:00Z", "ä024-02-29T00:00:00Z"]
        {
            assert_eq!(read_iso(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_snowflake_tells_when_it_was_made() {
        assert_eq!(made(175_928_847_299_117_063), 1_462_015_105_796); // the documentation's own
    }
}
