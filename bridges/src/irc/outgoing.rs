//! What goes out: acts as lines of IRC, each within the real budget.

use super::formatting;
use super::line::write;
use crate::degrade::cut;
use crate::model::{Act, Message};
use crate::network::{Limits, NetworkError, RemoteId};

/// Bytes of `\x01ACTION ` and the closing `\x01`.
const ACTION: usize = 9;

/// The lines that say this in a channel, where the server leaves `budget` bytes for text in each.
pub fn lines(channel: &str, budget: usize, act: &Act<RemoteId>) -> Result<Vec<String>, NetworkError> {
    match act {
        Act::Say(message) => Ok(said(channel, budget, message)),
        Act::Subject(subject) => Ok(vec![write(&["TOPIC", channel], Some(&subject.replace('\n', " ")))]),
        Act::Edit { .. } => Err(NetworkError::Unsupported("IRC has no edits")),
        Act::Retract { .. } => Err(NetworkError::Unsupported("IRC takes nothing back")),
        Act::React { .. } => Err(NetworkError::Unsupported("IRC has no reactions")),
        Act::Typing(_) | Act::Displayed { .. } => Err(NetworkError::Unsupported("IRC has no such notices")),
    }
}

/// `degrade` has cut already, by what was known then; what has become too long since is cut once more.
fn said(channel: &str, budget: usize, message: &Message<RemoteId>) -> Vec<String> {
    let bytes = budget.saturating_sub(if message.action { ACTION } else { 0 });
    let limits = Limits { bytes, lines: 1, span: formatting::SPAN, parts: usize::MAX };
    let line = |text: String| if message.action { format!("\u{1}ACTION {text}\u{1}") } else { text };
    let parts = cut(&message.text, &limits).into_iter();
    parts.map(|part| write(&["PRIVMSG", channel], Some(&line(formatting::write(&part))))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Span, Style, Text};
    use crate::seeded::Seeded;

    fn say(budget: usize, message: Message<RemoteId>) -> Vec<String> {
        lines("#c", budget, &Act::Say(message)).unwrap()
    }

    #[test]
    fn each_line_is_a_message_of_its_own_and_blank_ones_are_none() {
        let lines = say(400, Message::text("one\n\ntwo\r\nQUIT :x"));
        assert_eq!(lines, ["PRIVMSG #c :one\r\n", "PRIVMSG #c :two\r\n", "PRIVMSG #c :QUIT :x\r\n"]);
        assert!(say(400, Message::text("")).is_empty());
    }

    #[test]
    fn an_action_is_an_action_and_leaves_room_for_its_frame() {
        assert_eq!(say(400, Message::action("waves")), ["PRIVMSG #c :\u{1}ACTION waves\u{1}\r\n"]);
        for line in say(50, Message::action("x".repeat(100))) {
            assert!(line.len() <= "PRIVMSG #c :\r\n".len() + 50 && line.ends_with("\u{1}\r\n"), "{line:?}");
        }
    }

    #[test]
    fn ctcp_cannot_be_smuggled_in() {
        assert_eq!(say(400, Message::text("\u{1}DCC SEND x\u{1}")), ["PRIVMSG #c :DCC SEND x\r\n"]);
    }

    #[test]
    fn styles_go_on_in_the_next_line() {
        let text = Text::styled("aaaa bbbb", vec![Span { range: 0..9, style: Style::Bold }]);
        assert_eq!(say(7, Message::text(text)), ["PRIVMSG #c :\u{2}aaaa\r\n", "PRIVMSG #c :\u{2}bbbb\r\n"]);
    }

    #[test]
    fn what_irc_does_not_have_is_refused() {
        let retract = lines("#c", 400, &Act::Retract { of: "x".into() });
        assert_eq!(retract, Err(NetworkError::Unsupported("IRC takes nothing back")));
    }

    #[test]
    fn no_line_is_ever_longer_than_the_budget() {
        let mut seeded = Seeded::new(19);
        for _ in 0..3000 {
            let plain = seeded.prose(200);
            let spans = (0..seeded.below(4)).map(|_| {
                let start = seeded.below(plain.len() + 1);
                Span { range: start..start + seeded.below(50), style: Style::Italic }
            });
            let text = Text::styled(plain.as_str(), spans.collect());
            let budget = 30 + seeded.below(400);
            let action = seeded.below(2) == 0;
            for line in say(budget, Message { action, ..Message::text(text.clone()) }) {
                assert!(line.len() <= "PRIVMSG #c :\r\n".len() + budget, "{line:?} with {budget}");
                assert_eq!(line.matches(['\r', '\n', '\0']).count(), 2);
                assert!(line.matches('\u{1}').count() == if action { 2 } else { 0 });
            }
        }
    }
}
