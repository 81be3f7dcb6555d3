//! A message of ours in Discord's words.

use super::Lane;
use crate::degrade;
use crate::discord::files;
use crate::discord::guild::Guild;
use crate::discord::markdown;
use crate::discord::snowflake::{Id, Place};
use crate::discord::transport::Upload;
use crate::model::{Message, Reply, Span, Style, Text};
use crate::network::{Limits, RemoteId};
use serde_json::{Value, json};

/// The longest message, in characters.
const LONGEST: usize = 2_000;

/// Files of one message.
const FILES: usize = 10;

/// People that one message may call.
const CALLED: usize = 100;

/// The longest beginning of an answered message that is shown, in bytes.
const EXCERPT: usize = 80;

/// What is said in one request.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Piece {
    /// The words, in markdown.
    pub content: String,
    /// Whom they call.
    pub people: Vec<u64>,
}

impl Piece {
    /// The part of a request that says it. Nobody else is ever called: not `@everyone`, not `@here`, no role.
    pub fn body(&self) -> Value {
        let mut people: Vec<String> = self.people.iter().map(u64::to_string).collect();
        people.sort_unstable();
        people.dedup();
        people.truncate(CALLED);
        json!({
            "content": self.content,
            "allowed_mentions": { "parse": [], "users": people, "roles": [], "replied_user": false } })
    }
}

impl Lane {
    /// The message in as many pieces as its markdown needs. `answer` is written before it where Discord cannot say it
    /// otherwise.
    pub(super) fn pieces(&self, message: &Message<RemoteId>, answer: Option<&Reply<RemoteId>>) -> Vec<Piece> {
        let state = self.shared.state();
        let guild = &state.guild;
        let called = |id: &str| Id::read(id).filter(|id| guild.members.contains_key(id)).map(|id| id.0);
        let mut text = message.text.clone();
        if message.action {
            let mut spans = text.spans().to_vec();
            spans.push(Span { range: 0..text.plain().len(), style: Style::Italic });
            text = Text::styled(text.plain(), spans);
        }
        let before = answer.map(|reply| self.answering(guild, reply)).unwrap_or_default();
        let mut pieces = written(&text, &called, before.chars().count());
        match pieces.first_mut() {
            Some(first) => first.content.insert_str(0, &before),
            None if !before.is_empty() => {
                pieces.push(Piece { content: before.trim_end().into(), people: Vec::new() });
            }
            None => {}
        }
        pieces
    }

    /// `-# ↪ nick: excerpt`, which leads to the message that is answered.
    fn answering(&self, guild: &Guild, reply: &Reply<RemoteId>) -> String {
        let plain = |text: &str| markdown::write(&Text::new(text), &|_| None).0.replace('\n', " ");
        let nick = plain(&degrade::shorten(&reply.nick, EXCERPT));
        let first = reply.excerpt.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or_default();
        let excerpt = plain(&degrade::shorten(first, EXCERPT));
        let whom = match (Place::read(&reply.to, self.room), guild.id) {
            (Some(place), Some(guild)) => {
                let Place { channel, message } = place;
                format!("[{nick}](https://discord.com/channels/{guild}/{channel}/{message})")
            }
            _ => nick,
        };
        format!("-# ↪ {whom}{}{excerpt}\n", if excerpt.is_empty() { "" } else { ": " })
    }

    /// The files that go along, and a line for each that does not.
    pub(super) async fn files(&self, message: &Message<RemoteId>) -> (Vec<Upload>, Vec<Value>, Vec<String>) {
        let (mut uploads, mut told, mut lines) = (Vec::new(), Vec::new(), Vec::new());
        for file in &message.attachments {
            let may = uploads.len() < FILES;
            let upload =
                if may { files::upload(&self.shared.rest, &self.shared.settings, file).await } else { None };
            match upload {
                Some(upload) => {
                    let description = file.description.as_deref().map(|told| degrade::shorten(told, 1_000));
                    told.push(json!({
                        "id": uploads.len(), "filename": upload.name, "description": description }));
                    uploads.push(upload);
                }
                None if message.text.plain().contains(&file.url) => {}
                None => lines.push(file.url.clone()),
            }
        }
        (uploads, told, lines)
    }
}

/// The text in pieces of at most as many characters as Discord takes; `before` of the first are taken.
fn written(text: &Text, called: &dyn Fn(&str) -> Option<u64>, before: usize) -> Vec<Piece> {
    let mut bytes = 4 * LONGEST;
    loop {
        let limits = Limits { bytes, lines: usize::MAX, span: 8, parts: usize::MAX };
        let parts = degrade::cut(text, &limits);
        let pieces: Vec<Piece> = parts
            .iter()
            .map(|part| {
                let (content, people) = markdown::write(part, called);
                Piece { content, people }
            })
            .collect();
        let fits = |(number, piece): (usize, &Piece)| {
            piece.content.chars().count() + if number == 0 { before } else { 0 } <= LONGEST
        };
        if bytes < 64 || pieces.iter().enumerate().all(fits) {
            return pieces.into_iter().filter(|piece| !piece.content.trim().is_empty()).collect();
        }
        bytes /= 2;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_that_grow_in_markdown_are_cut_again_and_none_is_lost() {
        let stars = "*_* ".repeat(500);
        let pieces = written(&Text::new(stars.trim()), &|_| None, 300);
        assert!(pieces.len() > 1 && pieces.iter().all(|piece| piece.content.chars().count() <= LONGEST));
        assert!(pieces[0].content.chars().count() + 300 <= LONGEST);
        let seen: usize = pieces.iter().map(|piece| piece.content.matches("\\*").count()).sum();
        assert_eq!(seen, 1_000);
        let one = written(&Text::new("é".repeat(1_900)), &|_| None, 0);
        assert_eq!(one.len(), 1);
    }

    #[test]
    fn nobody_is_called_but_who_is_meant() {
        let piece = Piece { content: "hi".into(), people: vec![7, 7] };
        assert_eq!(
            piece.body()["allowed_mentions"],
            json!({ "parse": [], "users": ["7"], "roles": [], "replied_user": false })
        );
    }
}
