//! What a link lets pass and how it writes it: patterns, rewrite rules, templates of nicks.

use std::fmt;
use std::str::FromStr;

use regex::{Regex, RegexBuilder};
use serde::de::{Deserializer, Error};
use serde::{Deserialize, Serialize, Serializer};

use super::link::Way;

/// Bytes of a pattern.
const PATTERN: usize = 1_000;
/// Bytes that a compiled pattern may take.
const COMPILED: usize = 1 << 20;
/// Patterns, or rules, in one list.
const MOST: usize = 100;
/// Bytes of a template, or of what a rule writes.
const WRITTEN: usize = 500;

/// A regular expression whose time is linear in the text, compiled once, when the configuration is read.
#[derive(Clone, Debug)]
pub struct Pattern(Regex);

/// Who and what does not pass a link, whichever way.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Ignore {
    /// People with such a nick. The whole of it must match; upper and lower case are one.
    #[serde(deserialize_with = "whole", skip_serializing_if = "Vec::is_empty")]
    pub nicks: Vec<Pattern>,
    /// People whose account, id or `user@host` there is such a one: what nobody else can take. The whole of it must match.
    #[serde(deserialize_with = "whole", skip_serializing_if = "Vec::is_empty")]
    pub accounts: Vec<Pattern>,
    /// Messages with such words anywhere in them.
    #[serde(deserialize_with = "few", skip_serializing_if = "Vec::is_empty")]
    pub words: Vec<Pattern>,
}

/// A rule: what is found is written otherwise.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rewrite {
    /// What is looked for.
    pub find: Pattern,
    /// What takes its place; `$1` or `${name}` is what a group has found.
    #[serde(deserialize_with = "written")]
    pub with: String,
    /// Where it is looked for.
    #[serde(default, rename = "in")]
    pub what: Rewritten,
    /// For which way.
    #[serde(default)]
    pub way: Way,
}

/// What a rule rewrites.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Rewritten {
    /// What is said.
    #[default]
    Words,
    /// How people are called.
    Nicks,
}

/// Who of a far room is an occupant of ours.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Shown {
    /// Everybody who is there.
    #[default]
    All,
    /// Its moderators, and who has spoken.
    Speakers,
}

/// How somebody from here is called where he has no connection of his own: `{nick}`, `{network}`, `{room}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Template(String);

impl Pattern {
    /// Whether it is anywhere in the text.
    pub fn finds(&self, text: &str) -> bool {
        self.0.is_match(text)
    }

    /// The compiled pattern.
    pub fn regex(&self) -> &Regex {
        &self.0
    }

    /// The same, for the whole text, upper and lower case being one.
    fn whole(self) -> Result<Pattern, String> {
        compiled(&format!("^(?i:{})$", self.0.as_str()))
    }
}

fn compiled(text: &str) -> Result<Pattern, String> {
    let built = RegexBuilder::new(text).size_limit(COMPILED).dfa_size_limit(COMPILED).build();
    built.map(Pattern).map_err(|why| match why {
        regex::Error::CompiledTooBig(_) => format!("the pattern \"{text}\" is too large: make it simpler"),
        why => {
            // The last line says what is wrong; those above draw where.
            let why = why.to_string();
            let why = why.lines().last().unwrap_or_default().trim_start_matches("error: ");
            format!("\"{text}\" is no pattern: {why}")
        }
    })
}

impl FromStr for Pattern {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.len() {
            0 => Err("an empty pattern is in every text: leave it out".to_owned()),
            1..=PATTERN => compiled(text),
            _ => Err(format!("a pattern has at most {PATTERN} bytes")),
        }
    }
}

impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        self.0.as_str() == other.0.as_str()
    }
}

impl Eq for Pattern {}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.as_str())
    }
}

impl Serialize for Pattern {
    fn serialize<S: Serializer>(&self, into: S) -> Result<S::Ok, S::Error> {
        // As it was written: what was put around it for the whole text comes again when it is read.
        let text = self.0.as_str();
        let inner = text.strip_prefix("^(?i:").and_then(|text| text.strip_suffix(")$"));
        into.serialize_str(inner.unwrap_or(text))
    }
}

impl<'de> Deserialize<'de> for Pattern {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        String::deserialize(from)?.parse().map_err(D::Error::custom)
    }
}

fn few<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<Pattern>, D::Error> {
    let all = Vec::<Pattern>::deserialize(from)?;
    if all.len() > MOST {
        return Err(D::Error::custom(format!("a list has at most {MOST} patterns; join some with |")));
    }
    Ok(all)
}

fn whole<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<Pattern>, D::Error> {
    few(from)?.into_iter().map(Pattern::whole).collect::<Result<_, _>>().map_err(D::Error::custom)
}

fn written<'de, D: Deserializer<'de>>(from: D) -> Result<String, D::Error> {
    let text = String::deserialize(from)?;
    match text.len() {
        0..=WRITTEN => Ok(text),
        _ => Err(D::Error::custom(format!("`with` has at most {WRITTEN} bytes"))),
    }
}

/// Rules, of which there are not too many.
pub(super) fn rules<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<Rewrite>, D::Error> {
    let all = Vec::<Rewrite>::deserialize(from)?;
    if all.len() > MOST {
        return Err(D::Error::custom(format!("a link has at most {MOST} rules")));
    }
    Ok(all)
}

impl Template {
    /// What stands for the nick alone.
    const PLAIN: &str = "{nick}";
    /// What may stand in one.
    const KNOWN: [&str; 3] = ["nick", "network", "room"];

    /// It leaves nicks as they are.
    pub fn is_plain(&self) -> bool {
        self.0 == Self::PLAIN
    }

    /// Filled in, in no more than that many bytes: it is the nick that is cut.
    pub fn fill(&self, (nick, network, room): (&str, &str, &str), most: usize) -> String {
        let rest = self.0.replace("{nick}", "").replace("{network}", network).replace("{room}", room).len();
        let times = self.0.matches("{nick}").count().max(1);
        let cut = nick.floor_char_boundary(most.saturating_sub(rest) / times);
        let nick = nick.get(..cut.max(1)).unwrap_or(nick);
        // One pass, so that nobody's nick is taken for a placeholder.
        let mut filled = String::new();
        let mut left = self.0.as_str();
        while let Some((before, after)) = left.split_once('{') {
            let (name, after) = after.split_once('}').unwrap_or((after, ""));
            filled.push_str(before);
            filled.push_str(match name {
                "nick" => nick,
                "network" => network,
                _ => room,
            });
            left = after;
        }
        filled.push_str(left);
        filled
    }
}

impl Default for Template {
    fn default() -> Self {
        Template(Self::PLAIN.to_owned())
    }
}

impl FromStr for Template {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if !text.contains("{nick}") {
            return Err("a template of nicks must hold {nick}".to_owned());
        }
        if text.len() > 100 {
            return Err("a template of nicks has at most 100 bytes".to_owned());
        }
        let unknown = text
            .split('{')
            .skip(1)
            .find(|part| part.split_once('}').is_none_or(|(name, _)| !Self::KNOWN.contains(&name)));
        match unknown {
            None => Ok(Template(text.to_owned())),
            Some(part) => Err(format!("\"{{{part}\" is none of {{nick}}, {{network}} and {{room}}")),
        }
    }
}

impl<'de> Deserialize<'de> for Template {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        String::deserialize(from)?.parse().map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_for_a_nick_must_match_all_of_it() {
        let ignore: Ignore = serde_json::from_str(r#"{"nicks": ["bot|relay.*"]}"#).unwrap();
        let ignored = |nick: &str| ignore.nicks.iter().any(|pattern| pattern.finds(nick));
        assert!(ignored("bot") && ignored("BOT") && ignored("relay-2"));
        assert!(!ignored("abbot") && !ignored("botany"));
        let kept = serde_json::to_string(&ignore).unwrap();
        assert_eq!(kept, r#"{"nicks":["bot|relay.*"]}"#, "it is kept as it was written");
        assert_eq!(serde_json::from_str::<Ignore>(&kept).unwrap(), ignore);
    }

    #[test]
    fn a_bad_pattern_says_what_is_wrong_and_none_takes_long() {
        let error = "(a".parse::<Pattern>().unwrap_err();
        assert_eq!(error, "\"(a\" is no pattern: unclosed group");
        assert!("(?=a)".parse::<Pattern>().unwrap_err().contains("look-around"));
        assert!("".parse::<Pattern>().is_err());
        assert!("\\w{500}{500}".parse::<Pattern>().unwrap_err().contains("too large"));
        let evil: Pattern = "(a+)+$".parse().unwrap();
        assert!(!evil.finds(&format!("{}b", "a".repeat(50_000))));
    }

    #[test]
    fn a_template_fills_in_what_it_knows_and_cuts_the_nick_alone() {
        let template: Template = "{nick} [{network}]".parse().unwrap();
        assert_eq!(template.fill(("romeo", "xmpp", "lounge"), 48), "romeo [xmpp]");
        assert_eq!(template.fill((&"é".repeat(60), "xmpp", "lounge"), 20).len(), 19);
        assert_eq!(template.fill(("{room}", "xmpp", "lounge"), 48), "{room} [xmpp]");
        for (text, says) in
            [("[{network}]", "must hold {nick}"), ("{nick} {team}", "is none of"), ("{nick", "must hold")]
        {
            assert!(text.parse::<Template>().unwrap_err().contains(says), "{text}");
        }
    }
}
