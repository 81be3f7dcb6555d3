//! What the tiny server can do beyond RFC 1459, where the script offers it: echoes, names, tags, batches, labels, history,
//! redactions.

use super::people::{Person, State};
use crate::irc::line::{Line, tagged};
use crate::irc::when;
use std::time::SystemTime;

/// Messages of a channel that are kept for CHATHISTORY.
const KEPT: usize = 5000;

/// Something that was said, as it is shown and kept.
#[derive(Debug, Clone)]
pub struct Said {
    pub verb: String,
    pub to: String,
    /// Lines, and whether each goes on in the one before it.
    pub lines: Vec<(bool, String)>,
    /// Client tags, as they came.
    pub tags: Vec<(String, String)>,
    source: String,
    account: Option<String>,
    msgid: String,
    at: SystemTime,
}

impl State {
    /// Somebody says this; everybody in the channel sees it in the best form that he knows, and he himself with
    /// echo-message.
    pub fn utter(
        &mut self,
        verb: &str,
        nick: &str,
        to: &str,
        words: Vec<(bool, String)>,
        tags: Vec<(String, String)>,
    ) {
        self.messages += 1;
        let person = self.person(nick);
        let said = Said {
            verb: verb.into(),
            to: to.into(),
            lines: words,
            tags,
            source: format!("{}!{}@{}", person.nick, person.user, person.host),
            account: person.account.clone(),
            msgid: format!("fake{}", self.messages),
            at: SystemTime::now(),
        };
        let key = self.fold(nick);
        let mut seen = self.members(to);
        if !self.is_channel(to) {
            seen = vec![self.fold(to)];
        }
        seen.retain(|other| *other != key);
        let echoes = self.people.get(&key).is_some_and(|person| person.caps.contains("echo-message"));
        seen.extend(echoes.then_some(key));
        for to in seen {
            if let Some(person) = self.people.get_mut(&to) {
                self.messages += 1; // names of batches
                person.sees(&said, &format!("b{}", self.messages), nick);
            }
        }
        if verb != "TAGMSG" || !said.tags.iter().any(|(key, _)| key == "+typing") {
            let kept = self.history.entry(self.fold(&said.to)).or_default();
            kept.push(said);
            kept.drain(..kept.len().saturating_sub(KEPT));
        }
    }

    /// What was said in a channel after that time, in a batch: the lines for one client.
    pub fn history(&mut self, line: &Line) -> Vec<String> {
        self.messages += 1;
        let (channel, batch) = (self.fold(line.arg(1)), format!("h{}", self.messages));
        let since = line.arg(2).strip_prefix("timestamp=").and_then(when::read);
        let most: usize = line.arg(3).parse().unwrap_or(0);
        let Some(since) = since.filter(|_| line.arg(0).eq_ignore_ascii_case("AFTER")) else {
            return vec![":fake FAIL CHATHISTORY INVALID_PARAMS :Invalid parameters\r\n".into()];
        };
        let mut lines = vec![format!(":fake BATCH +{batch} chathistory {}\r\n", line.arg(1))];
        let kept = self.history.get(&channel).into_iter().flatten();
        for (number, said) in kept.filter(|said| said.at > since).take(most).enumerate() {
            lines.extend(said.written(&format!("{batch}n{number}"), Some(&batch), &|_| true));
        }
        lines.push(format!(":fake BATCH -{batch}\r\n"));
        lines
    }

    /// A message is taken back; `None` where it is not known.
    pub fn redact(&mut self, nick: &str, channel: &str, msgid: &str, reason: &str) -> Option<()> {
        let kept = self.history.get_mut(&self.isupport().casemapping.fold(channel))?;
        let place = kept.iter().position(|said| said.msgid == msgid)?;
        kept.remove(place);
        let source = self.person(nick).source();
        let reason = if reason.is_empty() { String::new() } else { format!(" :{reason}") };
        for to in self.members(channel) {
            let Some(person) = self.people.get_mut(&to) else { continue };
            if person.client.is_none() || person.caps.contains("draft/message-redaction") {
                person.tell(&format!(":{source} REDACT {channel} {msgid}{reason}\r\n"));
            }
        }
        Some(())
    }

    /// From now on the lines for this client wait, to be sent under one label.
    pub fn hold(&mut self, nick: &str) {
        self.person(nick).held = Some(Vec::new());
    }

    /// Sends what has waited: labelled, in a batch if it is more than one line, ACK if it is nothing.
    pub fn release(&mut self, nick: &str, label: &str) {
        self.messages += 1;
        let batch = format!("l{}", self.messages);
        let Some(person) = self.people.get_mut(&self.isupport().casemapping.fold(nick)) else { return };
        let Some(held) = person.held.take() else { return };
        let opens = held.first().is_some_and(|line| line.contains(" BATCH +"));
        match held.as_slice() {
            [] => person.tell(&format!("@label={label} :fake ACK\r\n")),
            [first, rest @ ..] if rest.is_empty() || opens => {
                person.tell(&more(first, &format!("label={label}")));
                rest.iter().for_each(|line| person.tell(line));
            }
            all => {
                person.tell(&format!("@label={label} :fake BATCH +{batch} labeled-response\r\n"));
                all.iter().for_each(|line| person.tell(&more(line, &format!("batch={batch}"))));
                person.tell(&format!(":fake BATCH -{batch}\r\n"));
            }
        }
    }
}

impl Person {
    /// `nick!user@host`
    pub fn source(&self) -> String {
        format!("{}!{}@{}", self.nick, self.user, self.host)
    }

    fn sees(&mut self, said: &Said, batch: &str, nick: &str) {
        if self.client.is_none() {
            let mut tags: Vec<(&str, &str)> =
                said.tags.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
            tags.dedup();
            let words = match said.lines.is_empty() {
                true => String::new(),
                false => format!(" :{}", said.whole().join("\n")),
            };
            self.remember(tagged(&tags, &format!(":{nick} {} {}{words}", said.verb, said.to)));
            return;
        }
        if said.verb == "TAGMSG" && !self.caps.contains("message-tags") {
            return;
        }
        let caps = self.caps.clone();
        for line in said.written(batch, None, &|cap| caps.contains(cap)) {
            self.tell(&line);
        }
    }
}

impl Said {
    /// Lines, with those that go on put together.
    fn whole(&self) -> Vec<String> {
        let mut whole: Vec<String> = Vec::new();
        for (concat, line) in &self.lines {
            match whole.last_mut().filter(|_| *concat) {
                Some(last) => last.push_str(line),
                None => whole.push(line.clone()),
            }
        }
        whole
    }

    /// For somebody with these capabilities, perhaps within another batch.
    fn written(&self, batch: &str, within: Option<&str>, have: &dyn Fn(&str) -> bool) -> Vec<String> {
        let time = when::write(self.at);
        let mut tags: Vec<(&str, &str)> = within.map(|batch| ("batch", batch)).into_iter().collect();
        if have("message-tags") {
            tags.push(("msgid", &self.msgid));
            tags.extend(self.tags.iter().map(|(key, value)| (key.as_str(), value.as_str())));
        }
        tags.extend(have("server-time").then_some(("time", time.as_str())));
        tags.extend(
            self.account.as_deref().filter(|_| have("account-tag")).map(|account| ("account", account)),
        );
        let Said { verb, to, source, .. } = self;
        if self.lines.is_empty() {
            return vec![tagged(&tags, &format!(":{source} {verb} {to}\r\n"))];
        }
        if self.lines.len() == 1 || !have("draft/multiline") {
            let shown = self.lines.iter().filter(|(_, line)| !line.is_empty());
            let line = |(number, (_, line)): (usize, &(bool, String))| {
                let tags = if number == 0 { tags.as_slice() } else { &[] };
                tagged(tags, &format!(":{source} {verb} {to} :{line}\r\n"))
            };
            return shown.enumerate().map(line).collect();
        }
        let mut lines = vec![tagged(&tags, &format!(":{source} BATCH +{batch} draft/multiline {to}\r\n"))];
        for (concat, line) in &self.lines {
            let mut tags = vec![("batch", batch)];
            tags.extend(concat.then_some(("draft/multiline-concat", "")));
            lines.push(tagged(&tags, &format!(":{source} {verb} {to} :{line}\r\n")));
        }
        lines.push(format!(":fake BATCH -{batch}\r\n"));
        lines
    }
}

/// A line with one tag more.
fn more(line: &str, tag: &str) -> String {
    match line.strip_prefix('@') {
        Some(tags) => format!("@{tag};{tags}"),
        None => format!("@{tag} {line}"),
    }
}
