//! Playing a transcript against a server.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

use super::elsewhere::Elsewhere;
use super::pattern::{self, Names};
use super::person::Person;
use super::{Line, Step, Talk};
use crate::client::{Heard, header, header_from};
use crate::server::{Engine, Server};

/// How a transcript failed: the whole conversation, the line that did not come true marked.
#[derive(Debug)]
pub struct Failure(pub String);

/// Plays a transcript from its first line to its last.
///
/// # Errors
/// The first line that does not come true.
pub async fn play(talk: &Talk, engine: Engine) -> Result<(), Failure> {
    let opened = Stage::open(talk, engine).await;
    let mut stage = opened.map_err(|says| Failure(format!("  the server does not open: {says}\n")))?;
    let mut result = Ok(());
    for line in &talk.lines {
        if let Err(says) = stage.play(line).await {
            result = Err(Failure(stage.told(line, &says)));
            break;
        }
    }
    let result = result
        .and_then(|()| stage.elsewhere.ends().map_err(|says| Failure(format!("{}  {says}\n", stage.record))));
    let ended = stage.server.stop().await;
    result.and_then(|()| {
        ended.map_err(|says| Failure(format!("{}  the server does not stop: {says}\n", stage.record)))
    })
}

struct Stage {
    server: Server,
    elsewhere: Elsewhere,
    people: BTreeMap<String, Person>,
    names: Names,
    /// The conversation so far.
    record: String,
}

impl Stage {
    async fn open(talk: &Talk, engine: Engine) -> Result<Stage, String> {
        let mut settings: toml::Table =
            talk.settings.parse().map_err(|error| format!("settings: {error}"))?;
        let elsewhere = Elsewhere::open(&mut settings).await?;
        let server = Server::open(settings, engine).await?;
        let record = format!("  # {}\n", talk.title);
        Ok(Stage { server, elsewhere, people: BTreeMap::new(), names: Names::new(), record })
    }

    async fn play(&mut self, line: &Line) -> Result<(), String> {
        let heard = match &line.step {
            Step::HearsLine { wanted, skip } => {
                Some(self.elsewhere.hears(&line.who, wanted, *skip, &mut self.names).await?)
            }
            Step::Hears(_) | Step::HearsSometime(_) | Step::SkipsUntil(_) => {
                Some(self.listen(line).await?.text)
            }
            _ => {
                self.act(line).await?;
                None
            }
        };
        let said = match (&heard, &line.step) {
            (Some(text), _) => format!("{} < {text}", line.who),
            (None, Step::Sends(text)) => format!("{} > {}", line.who, shortened(&repeated(text))),
            (None, _) => line.text.clone(),
        };
        let _ = writeln!(self.record, "    {said}");
        Ok(())
    }

    async fn listen(&mut self, line: &Line) -> Result<Heard, String> {
        let person = self.people.get_mut(&line.who).ok_or("nobody of that name is here")?;
        match &line.step {
            Step::HearsSometime(wanted) => person.hears_sometime(wanted, &mut self.names).await,
            Step::SkipsUntil(wanted) => person.skips_until(wanted, &mut self.names).await,
            Step::Hears(wanted) => person.hears(wanted, &mut self.names).await,
            _ => Err("this is no listening".into()),
        }
    }

    async fn act(&mut self, line: &Line) -> Result<(), String> {
        match &line.step {
            Step::Account(jid) => return self.server.account(jid).await,
            Step::OldAccount(jid) => return self.server.old_account(jid).await,
            Step::Password { account, password } => return self.server.set_password(account, password).await,
            Step::Waits(time) => {
                tokio::time::sleep(Duration::from_millis(*time)).await;
                return Ok(());
            }
            Step::Server(what) => return self.server.happens(*what).await,
            Step::Network { network, what } => return self.elsewhere.happens(network, what).await,
            Step::Elsewhere { network, does } => return self.elsewhere.comes(network, &line.who, does),
            Step::HearsNothing if self.elsewhere.knows(&line.who) => {
                return self.elsewhere.hears_nothing(&line.who).await;
            }
            _ => {}
        }
        let text = match &line.step {
            Step::Sends(text) => self.proven(&line.who, text)?,
            Step::AsksFor(path) => self.fill(path)?,
            Step::Opens { domain, account: None } => header(domain),
            Step::Opens { domain, account: Some(account) } => header_from(domain, account),
            _ => String::new(),
        };
        if self.elsewhere.knows(&line.who) {
            return self.elsewhere.says(&line.who, &text);
        }
        let person = self.people.entry(line.who.clone()).or_default();
        let bound = match &line.step {
            Step::Is(login) => person.log_in(&self.server, login).await?,
            Step::Reconnects => person.log_in_again(&self.server).await?,
            Step::Authenticates(login) => return person.authenticate(&self.server, login).await,
            Step::Component(domain) => return person.answer_for(&self.server, domain).await,
            Step::Connects(over) => return person.connect(&self.server, *over).await,
            Step::AsksFor(_) => return person.ask(&self.server, &text).await,
            Step::Enters { room, nick } => return person.enter(room, nick).await,
            Step::StartsTls => return person.start_tls().await,
            Step::Sends(_) | Step::Opens { .. } => return person.send(&text).await,
            Step::HearsNothing => return person.hears_nothing().await,
            Step::IsCutOff => return person.is_cut_off().await,
            Step::Trips(count) => return person.needed(*count),
            Step::Disconnects => return person.disconnect().await,
            Step::Drops => return person.drop_connection(),
            _ => return Err("this is no acting".into()),
        };
        self.names.insert(line.who.clone(), bound);
        Ok(())
    }

    /// Puts in what `{name}` and `{text*count}` stand for.
    fn fill(&self, text: &str) -> Result<String, String> {
        pattern::fill(&repeated(text), &self.names)
    }

    /// And what somebody's stream makes of a password or a token.
    fn proven(&mut self, who: &str, text: &str) -> Result<String, String> {
        match self.people.get_mut(who) {
            Some(person) => {
                let text = person.proven(text, &mut self.names)?;
                self.fill(&text)
            }
            None => self.fill(text),
        }
    }

    fn told(&self, line: &Line, says: &str) -> String {
        let names: Vec<_> = self.names.iter().map(|(name, value)| format!("{{{name}}} = {value}")).collect();
        format!(
            "{}--> {}    (line {})\n      {says}\n      {}\n",
            self.record,
            line.text,
            line.number,
            names.join(", ")
        )
    }
}

/// `{ab*3}` is `ababab`: for what is too long to write.
fn repeated(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('{') {
        out.push_str(before);
        let inner = after.split_once('}').and_then(|(inner, after)| {
            let (piece, count) = inner.rsplit_once('*')?;
            Some((piece.repeat(count.parse().ok()?), after))
        });
        match inner {
            Some((piece, after)) => {
                out.push_str(&piece);
                rest = after;
            }
            None => {
                out.push('{');
                rest = after;
            }
        }
    }
    out + rest
}

fn shortened(text: &str) -> String {
    if text.chars().count() <= 2000 {
        return text.to_owned();
    }
    let begin: String = text.chars().take(1000).collect();
    format!("{begin} … ({} bytes)", text.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_too_long_to_write_is_repeated() {
        assert_eq!(repeated("<a>{xy*3}{b}{c*d}</a>{z*0}"), "<a>xyxyxy{b}{c*d}</a>");
    }
}
