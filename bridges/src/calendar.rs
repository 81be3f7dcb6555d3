//! The civil calendar, from days since 1970: years are counted from March, so that leap days come last (H. Hinnant's arithmetic).

/// Year, month and day of so many days after 1970-01-01.
pub(crate) fn date(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let (era, of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let march = (5 * of_year + 2) / 153;
    let month = if march < 10 { march + 3 } else { march - 9 };
    (year + era * 400 + i64::from(month <= 2), month, of_year - (153 * march + 2) / 5 + 1)
}

/// Days after 1970-01-01 of a date.
pub(crate) fn days(year: i64, month: i64, day: i64) -> i64 {
    let (year, march) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let (era, of_era) = (year.div_euclid(400), year.rem_euclid(400));
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + (153 * march + 2) / 5 + day - 1 - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_and_dates_are_two_names_of_one_thing() {
        assert_eq!((date(0), date(-1), date(11_016)), ((1970, 1, 1), (1969, 12, 31), (2000, 2, 29)));
        for number in (-800_000..3_000_000).step_by(37) {
            let (year, month, day) = date(number);
            assert_eq!(days(year, month, day), number);
        }
    }
}
