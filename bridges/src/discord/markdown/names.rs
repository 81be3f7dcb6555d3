//! What stands in angle brackets: people, roles, channels, emoji, times, commands.

use crate::calendar;
use crate::model::Style;

/// Where the picture of a custom emoji lies.
const EMOJI: &str = "https://cdn.discordapp.com/emojis";

/// Who is behind a number that a message names.
pub trait Names {
    /// A person: `Author::id` and nick.
    fn user(&self, id: u64) -> Option<(String, String)>;
    /// A role's name.
    fn role(&self, id: u64) -> Option<String>;
    /// A channel's name, without `#`.
    fn channel(&self, id: u64) -> Option<String>;
}

/// Words for a name in brackets, how they are meant, and what follows it.
pub(super) fn name<'a>(text: &'a str, names: &dyn Names) -> Option<(String, Option<Style>, &'a str)> {
    let (inside, rest) = text.strip_prefix('<')?.split_once('>')?;
    if inside.len() > 128 {
        return None;
    }
    let (words, style) = if let Some(id) = inside.strip_prefix("@&") {
        (format!("@{}", names.role(number(id)?).unwrap_or_else(|| "unknown-role".into())), None)
    } else if let Some(id) = inside.strip_prefix("@!").or_else(|| inside.strip_prefix('@')) {
        match names.user(number(id)?) {
            Some((author, nick)) => (format!("@{nick}"), Some(Style::Mention(author.into()))),
            None => ("@unknown-user".into(), None),
        }
    } else if let Some(id) = inside.strip_prefix('#') {
        (format!("#{}", names.channel(number(id)?).unwrap_or_else(|| "unknown".into())), None)
    } else if let Some(emoji) = inside.strip_prefix("a:") {
        emoji_words(emoji, "gif")?
    } else if let Some(emoji) = inside.strip_prefix(':') {
        emoji_words(emoji, "webp")?
    } else if let Some(time) = inside.strip_prefix("t:") {
        (point_in_time(time)?, None)
    } else if let Some(command) = inside.strip_prefix('/') {
        let (name, id) = command.rsplit_once(':')?;
        number(id)?;
        (format!("/{name}"), None)
    } else if let Some(place) = inside.strip_prefix("id:") {
        (place.to_owned(), None)
    } else if is_address(inside) {
        (inside.to_owned(), None)
    } else {
        return None;
    };
    Some((words, style, rest))
}

/// A whole address that stands at the beginning, without what ends a sentence.
pub(super) fn address(text: &str) -> Option<&str> {
    if !(text.starts_with("https://") || text.starts_with("http://")) {
        return None;
    }
    let end = text.find(|c: char| c.is_whitespace() || c == '<').unwrap_or(text.len());
    let whole = text.get(..end)?.trim_end_matches(['.', ',', ':', ';', '"', '\'', ')', ']']);
    is_address(whole).then_some(whole)
}

/// May be shown and followed as it is.
pub(super) fn is_address(text: &str) -> bool {
    let host = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    host.is_some_and(|host| !host.is_empty() && !host.starts_with('/'))
        && !text.contains(|c: char| c.is_whitespace() || c.is_control() || matches!(c, '<' | '>'))
}

fn number(text: &str) -> Option<u64> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok())?
}

/// `name:id` of an emoji that is a picture.
fn emoji_words(emoji: &str, ending: &str) -> Option<(String, Option<Style>)> {
    let (name, id) = emoji.split_once(':')?;
    let id = number(id)?;
    let sound = !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    let image = Some(format!("{EMOJI}/{id}.{ending}"));
    sound.then(|| (format!(":{name}:"), Some(Style::Emoji { image })))
}

/// `<t:seconds:style>` in words that are right in every time zone.
fn point_in_time(time: &str) -> Option<String> {
    let (seconds, style) = time.split_once(':').unwrap_or((time, "f"));
    let seconds: i64 = seconds.parse().ok()?;
    let (date, clock) = civil(seconds)?;
    Some(match style {
        "t" | "T" => format!("{clock} UTC"),
        "d" | "D" => date,
        "f" | "F" | "R" | "s" | "S" => format!("{date} {clock} UTC"),
        _ => return None,
    })
}

/// `1970-01-01` and `00:00` of seconds since then, for years with four digits.
fn civil(seconds: i64) -> Option<(String, String)> {
    if !(-62_135_596_800..253_402_300_800).contains(&seconds) {
        return None;
    }
    let (days, of_day) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    let (year, month, day) = calendar::date(days);
    Some((format!("{year:04}-{month:02}-{day:02}"), format!("{:02}:{:02}", of_day / 3600, of_day / 60 % 60)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_told_in_words() {
        assert_eq!(point_in_time("0"), Some("1970-01-01 00:00 UTC".into()));
        assert_eq!(point_in_time("1609459199:d"), Some("2020-12-31".into()));
        assert_eq!(point_in_time("951782400:t"), Some("00:00 UTC".into()));
        assert_eq!(point_in_time("951782400:D"), Some("2000-02-29".into()));
        assert_eq!(point_in_time("99999999999999"), None);
        assert_eq!(point_in_time("soon"), None);
    }

    #[test]
    fn an_address_ends_before_what_ends_the_sentence() {
        assert_eq!(address("https://a.example/x_y_z). And"), Some("https://a.example/x_y_z"));
        assert_eq!(address("https://"), None);
        assert_eq!(address("ftp://a.example"), None);
    }
}
