//! What arrives long after it was said says when that was.

use crate::calendar;
use crate::model::{Act, Event, Text};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// What is older than this when it goes out bears its time.
const LATE: Duration = Duration::from_secs(5 * 60);

/// A day, in seconds.
const DAY: u64 = 86_400;

/// The event as it goes out now: old words begin with the time at which they were said (UTC), and with the day where that
/// was not in the last twenty hours. No network of ours can be told the time otherwise.
pub fn late<Id>(mut event: Event<Id>, now: SystemTime) -> Event<Id> {
    let age = now.duration_since(event.at).unwrap_or_default();
    if age > LATE
        && let Act::Say(message) = &mut event.act
    {
        let mut text: Text = time(event.at, age).into();
        text.push(&message.text);
        message.text = text;
    }
    event
}

fn time(at: SystemTime, age: Duration) -> String {
    let seconds = at.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    let (hour, minute) = (seconds % DAY / 3600, seconds % 3600 / 60);
    if age < Duration::from_secs(20 * 3600) {
        return format!("[{hour:02}:{minute:02} UTC] ");
    }
    let (_, month, day) = calendar::date(i64::try_from(seconds / DAY).unwrap_or(0));
    format!("[{month:02}-{day:02} {hour:02}:{minute:02} UTC] ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Author, Message, Span, Style};

    fn said(at: u64, now: u64) -> Message<u32> {
        let bold = Span { range: 0..4, style: Style::Bold };
        let act = Act::Say(Message::text(Text::styled("good night", vec![bold])));
        let at = UNIX_EPOCH + Duration::from_secs(at);
        let event = Event { author: Author::new("o", "romeo", "xmpp"), at, act };
        match late(event, UNIX_EPOCH + Duration::from_secs(now)).act {
            Act::Say(message) => message,
            act => panic!("{act:?}"),
        }
    }

    #[test]
    fn old_words_bear_their_time_and_new_ones_do_not() {
        let at = 1_795_521_845; // 2026-11-24 12:04:05 UTC
        assert_eq!(said(at, at + 290).text.plain(), "good night");
        let text = said(at, at + 3600).text;
        assert_eq!(text.plain(), "[12:04 UTC] good night");
        assert_eq!(text.spans()[0].range, 12..16);
        assert_eq!(said(at, at + 2 * DAY).text.plain(), "[11-24 12:04 UTC] good night");
        assert_eq!(said(at, at - 90).text.plain(), "good night", "clocks differ");
    }

    #[test]
    fn days_are_counted_as_the_calendar_does() {
        for (days, month_and_day) in
            [(0, (1, 1)), (59, (3, 1)), (11_016, (2, 29)), (19_782, (2, 29)), (20_453, (12, 31))]
        {
            let (_, month, day) = calendar::date(days);
            assert_eq!((month, day), month_and_day, "{days}");
        }
    }
}
