//! A message of Discord's in words that everybody can read: text, and what else can hang on it.

use crate::discord::guild::Guild;
use crate::discord::markdown::{self, Names};
use crate::discord::snowflake::{Id, Place};
use crate::discord::wire::{self, Choice, Embed, Reference, Titled};
use crate::model::{Attachment, Message, Reply, Span, Style, Text, harmless_line};
use crate::network::RemoteId;
use serde_json::Value;

/// The longest beginning of an answered message that is quoted, in bytes.
const EXCERPT: usize = 300;

/// How deep components of a message nest, at most.
const DEPTH: usize = 6;

/// The most text that the extras of one message become, in bytes.
const EXTRAS: usize = 8_000;

/// What a message says; `None` for those that say nothing to the room.
pub(super) fn said(guild: &Guild, message: &wire::Message, room: Id) -> Option<Message<RemoteId>> {
    let mut said = match message.kind {
        0 | 19 | 20 | 23 => spoken(guild, message),
        kind => happened(guild, message, kind)?,
    };
    if message.channel_id != room {
        said.thread = Some(message.channel_id.to_string().into());
        // The first message of a post: its title is the thread's name.
        if message.id == message.channel_id
            && let Some(thread) = guild.threads.get(&message.channel_id)
        {
            let mut titled = styled(&thread.name, Style::Bold);
            line(&mut titled, &said.text);
            said.text = titled;
        }
    }
    said.reply = answered(guild, message, room);
    Some(said)
}

/// What somebody said.
fn spoken(guild: &Guild, message: &wire::Message) -> Message<RemoteId> {
    let names = Known { guild, message };
    let mut text = markdown::read(message.content.as_deref().unwrap_or_default(), &names);
    let mut files = attachments(message);
    for snapshot in &message.message_snapshots {
        let inner = &snapshot.message;
        let mut quoted = markdown::read(inner.content.as_deref().unwrap_or_default(), &names);
        extras(&mut quoted, inner, &names, &guild.cdn);
        line(&mut text, &Text::new("↪ Forwarded:"));
        let whole = 0..quoted.plain().len();
        let mut spans = quoted.spans().to_vec();
        spans.push(Span { range: whole, style: Style::Quote });
        line(&mut text, &Text::styled(quoted.plain(), spans));
        files.extend(attachments(inner));
        files.extend(stickers(inner, &guild.cdn));
    }
    extras(&mut text, message, &names, &guild.cdn);
    files.extend(stickers(message, &guild.cdn));
    if text.is_empty() && files.is_empty() {
        text = Text::new("(something that can be seen on Discord only)");
    }
    Message { attachments: files, ..Message::text(text) }
}

/// What Discord says that somebody did.
fn happened(guild: &Guild, message: &wire::Message, kind: u64) -> Option<Message<RemoteId>> {
    let content = harmless_line(message.content.as_deref().unwrap_or_default());
    let told = match kind {
        6 => "pinned a message".into(),
        8 => "boosted the server".to_owned(),
        9..=11 => format!("boosted the server, which is now at level {}", kind - 8),
        18 => {
            let thread = message.message_reference.as_ref().and_then(|reference| reference.channel_id);
            let mut said = Message::action(format!("started a thread: {content}"));
            said.thread = thread.map(|thread| thread.to_string().into());
            return Some(said);
        }
        46 => "has ended a poll".into(),
        // Who came is told by the list of people; the rest is about the guild, or repeats what was said.
        7 | 21 | 24 | 1..=5 | 12..=17 | 22 | 25..=45 => return None,
        _ if message.content.as_deref().is_none_or(str::is_empty) => return None,
        _ => return Some(spoken(guild, message)),
    };
    Some(Message::action(told))
}

/// What a message answers, or what a system message is about.
fn answered(guild: &Guild, message: &wire::Message, room: Id) -> Option<Reply<RemoteId>> {
    let reference = message.message_reference.as_ref().filter(|reference| reference.kind == 0)?;
    let Reference { message_id: Some(id), channel_id, .. } = reference else { return None };
    if !matches!(message.kind, 6 | 19 | 20 | 23) {
        return None;
    }
    let place = Place { channel: channel_id.unwrap_or(message.channel_id), message: *id };
    let original = message.referenced_message.as_deref();
    let author = original.and_then(|original| original.author.as_ref());
    let nick = author.map(|user| match original.is_some_and(|original| original.webhook_id.is_some()) {
        true => user.username.as_str().into(),
        false => guild.author(user, None).nick.to_string(),
    });
    let excerpt = original.map(|original| {
        let text = spoken(guild, original).text.into_plain();
        crate::degrade::shorten(&text, EXCERPT)
    });
    Some(Reply {
        to: place.name(room),
        nick: crate::model::harmless_nick(&nick.unwrap_or_else(|| "somebody".into())).into(),
        excerpt: excerpt.unwrap_or_default(),
    })
}

fn attachments(message: &wire::Message) -> Vec<Attachment> {
    let sound =
        |file: &&wire::Attachment| file.url.starts_with("https://") || file.url.starts_with("http://");
    let files = message.attachments.iter().filter(sound);
    files
        .map(|file| {
            let shown = file.filename.rsplit(['/', '\\']).next().unwrap_or_default();
            let name = harmless_line(shown);
            Attachment {
                name: if name.is_empty() { "file".into() } else { crate::degrade::shorten(&name, 200) },
                media_type: media_type(file.content_type.as_deref()),
                size: file.size,
                url: file.url.clone(),
                description: file.description.as_deref().or(file.title.as_deref()).map(harmless_line),
            }
        })
        .collect()
}

/// The type without parameters, if it is one.
fn media_type(told: Option<&str>) -> String {
    let told = told.unwrap_or_default().split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let sound = |c: char| c.is_ascii_alphanumeric() || "/+.-_".contains(c);
    match told.split_once('/') {
        Some((kind, sub))
            if !kind.is_empty() && !sub.is_empty() && told.len() < 128 && told.chars().all(sound) =>
        {
            told
        }
        _ => "application/octet-stream".into(),
    }
}

/// Pictures of stickers. A Lottie one (3) is no picture: it is named in the text.
fn stickers(message: &wire::Message, cdn: &str) -> Vec<Attachment> {
    let pictures = message.sticker_items.iter().filter(|sticker| sticker.format_type != 3);
    pictures
        .map(|sticker| {
            let (ending, media_type) =
                if sticker.format_type == 4 { ("gif", "image/gif") } else { ("png", "image/png") };
            let name = harmless_line(&sticker.name);
            Attachment {
                name: format!(
                    "{}.{ending}",
                    if name.is_empty() { "sticker" } else { &name }.replace(['/', '\\'], "-")
                ),
                media_type: media_type.into(),
                size: None,
                url: format!("{cdn}/stickers/{}.{ending}", sticker.id),
                description: Some(format!("Sticker: {name}")),
            }
        })
        .collect()
}

/// What hangs on a message, as text after it.
fn extras(text: &mut Text, message: &wire::Message, names: &dyn Names, _cdn: &str) {
    let before = text.plain().len();
    for sticker in message.sticker_items.iter().filter(|sticker| sticker.format_type == 3) {
        line(text, &Text::new(format!("(sticker: {})", harmless_line(&sticker.name))));
    }
    if let Some(poll) = &message.poll {
        line(text, &styled(&format!("📊 {}", choice(&poll.question)), Style::Bold));
        for answer in poll.answers.iter().take(20) {
            line(text, &Text::new(format!("• {}", choice(&answer.poll_media))));
        }
    }
    // Link previews are made by who shows the link.
    for embed in message.embeds.iter().filter(|embed| embed.kind == "rich" || embed.kind.is_empty()).take(10)
    {
        embedded(text, embed, names);
    }
    if message.content.as_deref().is_none_or(str::is_empty) {
        for component in &message.components {
            displayed(text, component, names, DEPTH);
        }
    }
    if text.plain().len() > before + EXTRAS {
        let end = text.plain().floor_char_boundary(before + EXTRAS);
        let mut less = text.slice(0..end);
        line(&mut less, &Text::new("…"));
        *text = less;
    }
}

fn choice(choice: &Choice) -> String {
    let emoji = choice.emoji.as_ref().map(super::emoji::shown).map(|emoji| format!("{emoji} "));
    format!("{}{}", emoji.unwrap_or_default(), harmless_line(&choice.text))
}

fn embedded(text: &mut Text, embed: &Embed, names: &dyn Names) {
    if !embed.author.name.is_empty() {
        line(text, &Text::new(harmless_line(&embed.author.name)));
    }
    let title = harmless_line(embed.title.as_deref().unwrap_or_default());
    if !title.is_empty() {
        let mut spans = vec![Span { range: 0..title.len(), style: Style::Bold }];
        spans.extend(embed.url.clone().map(|url| Span { range: 0..title.len(), style: Style::Link(url) }));
        line(text, &Text::styled(title, spans));
    }
    if let Some(description) = &embed.description {
        line(text, &markdown::read(description, names));
    }
    for Titled { name, value, .. } in embed.fields.iter().take(25) {
        line(text, &styled(&harmless_line(name), Style::Bold));
        line(text, &markdown::read(value, names));
    }
    if let Some(image) = embed.image.as_ref().filter(|image| image.url.starts_with("https://")) {
        line(text, &Text::new(image.url.clone()));
    }
    if !embed.footer.text.is_empty() {
        line(text, &Text::new(harmless_line(&embed.footer.text)));
    }
}

/// Text displays (type 10) among the components of a message that has no other text.
fn displayed(text: &mut Text, component: &Value, names: &dyn Names, depth: usize) {
    let content = component.get("content").and_then(Value::as_str);
    if let Some(content) = content.filter(|_| component.get("type").and_then(Value::as_u64) == Some(10)) {
        line(text, &markdown::read(content, names));
    }
    if depth == 0 {
        return;
    }
    if let Some(inner) = component.get("components").and_then(Value::as_array) {
        for inner in inner.iter().take(40) {
            displayed(text, inner, names, depth - 1);
        }
    }
}

/// This on a line of its own.
fn line(text: &mut Text, more: &Text) {
    if more.is_empty() {
        return;
    }
    if !text.is_empty() {
        text.push(&"\n".into());
    }
    text.push(more);
}

fn styled(plain: &str, style: Style) -> Text {
    Text::styled(plain, vec![Span { range: 0..plain.len(), style }])
}

/// Whom a message names: those that it tells itself, and those of the guild.
struct Known<'a> {
    guild: &'a Guild,
    message: &'a wire::Message,
}

impl Names for Known<'_> {
    fn user(&self, id: u64) -> Option<(String, String)> {
        self.guild.user(id).or_else(|| {
            let told = self.message.mentions.iter().find(|user| user.id == Id(id))?;
            let author = self.guild.author(told, None);
            Some((author.id.to_string(), author.nick.to_string()))
        })
    }

    fn role(&self, id: u64) -> Option<String> {
        self.guild.role(id)
    }

    fn channel(&self, id: u64) -> Option<String> {
        self.guild.channel(id)
    }
}
