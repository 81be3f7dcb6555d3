//! What the door asks of the server and makes of the answers: lists of channels, raw commands, moderation, and whether
//! something was said.

use super::connection::{Order, Question};
use super::line::{LONGEST_OUT, Line, write};
use super::session::{Ask, refusal};
use super::{Irc, closed};
use crate::irc::outgoing;
use crate::model::{Act, Event, harmless_line};
use crate::network::{Listed, NetworkError, RemoteId, Sanction};
use std::time::{Duration, SystemTime};
use tokio::sync::oneshot;
use tokio::time::Instant;

/// How long a list of channels is good, and how soon another may be asked for.
const FRESH: Duration = Duration::from_secs(300);
const PAUSE: Duration = Duration::from_secs(60);

/// Channels of a network whose list may be asked for as a whole without SAFELIST.
const FEW: usize = 1000;

/// Lines of an answer that an operator sees.
const LINES: usize = 200;

/// Commands that would break what the bridge knows of its own connection.
const OURS: &[&str] = &["AUTHENTICATE", "BATCH", "CAP", "PASS", "PING", "PONG", "QUIT", "USER", "WEBIRC"];

/// The list of channels, as it was when.
#[derive(Default)]
pub struct List {
    asked: Option<Instant>,
    known: Option<(Instant, Vec<Listed>)>,
}

impl Irc {
    async fn question(&self, what: Question) -> Result<Vec<Line>, NetworkError> {
        let (replies, answer) = oneshot::channel();
        self.order(Order::Ask { what, replies }).await?;
        answer.await.map_err(|_| closed())?
    }

    pub(super) async fn listed(&self, words: Option<&str>, most: usize) -> Result<Vec<Listed>, NetworkError> {
        let mut list = self.list.lock().await;
        let now = Instant::now();
        if let Some((_, known)) = list.known.as_ref().filter(|(since, _)| *since + FRESH > now) {
            return Ok(matching(known, words, most));
        }
        if let Some(again) = list.asked.map(|asked| asked + PAUSE).filter(|again| *again > now) {
            return Err(NetworkError::Slow(again - now));
        }
        let (line, whole) = self.view.list(words, FEW)?;
        list.asked = Some(now);
        let lines = self.question(Question::Raw(Ask { line, ends: &["323", "263"] })).await?;
        if let Some(busy) = lines.iter().find(|line| line.verb == "263") {
            let text = busy.words();
            return Err(NetworkError::Down(format!("the server gives no list at the moment: {text}")));
        }
        if let Some(error) = refusal(&lines) {
            return Err(error);
        }
        let known: Vec<Listed> = lines.iter().filter_map(|line| self.entry(line)).collect();
        let matching = matching(&known, words, most);
        list.known = whole.then_some((now, known));
        Ok(matching)
    }

    /// RPL_LIST: `322 me #channel 12 :[+nt] topic`.
    fn entry(&self, line: &Line) -> Option<Listed> {
        let (room, _) = self.view.resolve(line.arg(1)).ok().filter(|_| line.verb == "322")?;
        let topic = harmless_line(&super::formatting::strip(line.arg(3)));
        let modes = topic.strip_prefix("[+").and_then(|rest| rest.split_once(']'));
        let topic =
            modes.filter(|(modes, _)| !modes.contains(' ')).map_or(topic.as_str(), |(_, topic)| topic.trim());
        Some(Listed {
            room,
            name: harmless_line(line.arg(1)),
            topic: Some(topic.to_owned()).filter(|topic| !topic.is_empty()),
            people: line.arg(2).parse().ok(),
        })
    }

    pub(super) async fn commanded(&self, line: &str) -> Result<Vec<String>, NetworkError> {
        Ok(shown(&self.question(Question::Raw(command(line)?)).await?))
    }

    pub(super) async fn sanctioned(
        &self,
        room: &RemoteId,
        person: &str,
        what: &Sanction,
    ) -> Result<(), NetworkError> {
        let what = Question::Sanction { room: room.clone(), person: person.into(), what: what.clone() };
        refusal(&self.question(what).await?).map_or(Ok(()), Err)
    }

    /// Our own words since then, found by what they say. Acts that leave no message behind may be done once more.
    pub(super) async fn found(
        &self,
        room: &RemoteId,
        event: &Event<RemoteId>,
        since: SystemTime,
    ) -> Result<Vec<RemoteId>, NetworkError> {
        let Act::Say(message) = &event.act else { return Ok(Vec::new()) };
        let lines = self.question(Question::History { room: room.clone(), since }).await?;
        if let Some(error) = refusal(&lines) {
            return Err(error);
        }
        let (manner, nick) = self.view.speaking(room);
        let units = outgoing::said(room.as_str(), &manner, message, String::new);
        let mut ours = lines.iter().filter(|line| line.verb == "PRIVMSG" && nick(&line.source.nick));
        let mut ids = Vec::new();
        for unit in &units {
            // In their order: the same words may have been said twice.
            let Some(line) = ours.by_ref().find(|line| line.last() == unit.text) else { break };
            ids.extend(line.msgid.as_deref().map(RemoteId::from));
        }
        Ok(ids)
    }
}

/// A command in IRC's own words, if it does no harm to the connection.
pub(super) fn command(line: &str) -> Result<Ask, NetworkError> {
    let forbidden = |text: &str| Err(NetworkError::Forbidden(text.into()));
    let line = line.trim();
    if line.contains(['\r', '\n', '\0']) || line.len() + 2 > LONGEST_OUT {
        return forbidden("a command is one line of at most 510 bytes");
    }
    let verb = line.split(' ').next().unwrap_or_default().to_ascii_uppercase();
    if verb.is_empty() || !verb.chars().all(|c| c.is_ascii_alphanumeric()) {
        return forbidden("a command begins with its name, as in WHOIS romeo");
    }
    if OURS.contains(&verb.as_str()) {
        return forbidden("the bridge says this by itself: it would lose its connection");
    }
    Ok(Ask { line: format!("{line}\r\n"), ends: &[] })
}

/// An answer, as people read it.
pub(super) fn shown(lines: &[Line]) -> Vec<String> {
    let show = |line: &Line| {
        let skip = usize::from(line.verb.len() == 3); // numerics begin with our own nick
        let words = line.args.get(skip..).unwrap_or_default().join(" ");
        harmless_line(&format!("{} {}", line.verb, super::formatting::strip(&words)))
    };
    lines.iter().take(LINES).map(show).collect()
}

/// Those whose names or topics hold the words, the most visited first.
fn matching(known: &[Listed], words: Option<&str>, most: usize) -> Vec<Listed> {
    let words = words.map(str::to_lowercase).unwrap_or_default();
    let holds = |listed: &&Listed| {
        let topic = listed.topic.as_deref().unwrap_or_default();
        words
            .split_whitespace()
            .all(|word| listed.name.to_lowercase().contains(word) || topic.to_lowercase().contains(word))
    };
    let mut some: Vec<Listed> = known.iter().filter(holds).cloned().collect();
    some.sort_by(|one, other| other.people.cmp(&one.people).then_with(|| one.name.cmp(&other.name)));
    some.truncate(most);
    some
}

/// The line that asks for a list, and whether the answer is the whole list. A server that does not say that LIST is safe
/// may cut us off when it is long.
pub(super) fn list_line(
    words: Option<&str>,
    (safe, elist, channels): (bool, &str, Option<usize>),
    few: usize,
) -> Result<(String, bool), NetworkError> {
    if safe || channels.is_some_and(|channels| channels <= few) {
        return Ok((write(&["LIST"], None), true));
    }
    let word = words.and_then(|words| words.split_whitespace().max_by_key(|word| word.len()));
    match word.filter(|word| word.chars().all(|c| c.is_alphanumeric() || "-_#".contains(c))) {
        Some(word) if elist.contains('M') => Ok((write(&["LIST", &format!("*{word}*")], None), false)),
        _ if elist.contains('U') => Ok((write(&["LIST", ">9"], None), false)),
        _ => Err(NetworkError::Forbidden(
            "the network's list of channels is too long to be asked for; name the channel instead".into(),
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_that_could_cost_the_connection_is_not_asked_for() {
        let ask = |words, safe, elist: &str, channels| list_line(words, (safe, elist, channels), 1000);
        assert_eq!(ask(None, true, "", None).unwrap(), ("LIST\r\n".into(), true));
        assert_eq!(ask(None, false, "", Some(900)).unwrap(), ("LIST\r\n".into(), true));
        assert_eq!(ask(Some("a rust"), false, "CMNTU", None).unwrap(), ("LIST *rust*\r\n".into(), false));
        assert_eq!(ask(Some("*?,x"), false, "MU", None).unwrap(), ("LIST >9\r\n".into(), false));
        assert!(ask(Some("rust"), false, "", Some(50_000)).is_err());
    }

    #[test]
    fn the_list_is_searched_by_names_and_topics() {
        let listed = |name: &str, topic: &str, people| Listed {
            room: name.into(),
            name: name.into(),
            topic: Some(topic.into()),
            people: Some(people),
        };
        let all = [listed("#rust", "a language", 5), listed("#c", "Rust's elder", 9), listed("#go", "", 3)];
        let names = |words, most| matching(&all, words, most).into_iter().map(|l| l.name).collect::<Vec<_>>();
        assert_eq!(names(Some("RUST"), 10), ["#c", "#rust"]);
        assert_eq!(names(None, 2), ["#c", "#rust"]);
        assert_eq!(names(Some("rust language"), 10), ["#rust"]);
    }
}
