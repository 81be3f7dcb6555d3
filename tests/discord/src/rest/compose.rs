//! What a request would say, and whether it may: shared by bots, webhooks and forum posts (resources/message.mdx).

use std::sync::Arc;

use serde_json::{Value, json};

use super::Call;
use super::refusals::{EMPTY, Refusal, TOO_LARGE, UNKNOWN_MESSAGE, field};
use crate::state::message::{Attachment, Message, Reference, SILENT, SUPPRESS_EMBEDS};
use crate::state::speech::Words;
use crate::state::{Id, State, Stored};

/// Characters of a bot's or a webhook's message; the description says 4000 for bots, which only some people have.
const CONTENT: usize = 2000;
/// Characters of all embeds together.
const EMBEDS: usize = 6000;
/// Bytes of one file.
pub const FILE: usize = 10 << 20;
/// Files of one message.
const FILES: usize = 10;

impl State {
    /// Reads what is to be said; files are kept already.
    pub fn compose(&mut self, call: &Call, body: &Value, channel: Id) -> Result<Words, Refusal> {
        let content = content(body)?;
        let embeds = embeds(body)?;
        allowed(body)?;
        let reference = self.reference(body, channel)?;
        let stickers = self.stickers(body, channel)?;
        let attachments = self.attach(call, body, channel)?;
        let forwards = reference.is_some_and(|reference| reference.kind == 1);
        let words = Words {
            content,
            embeds,
            attachments,
            stickers,
            reference,
            allowed: body.get("allowed_mentions").cloned().filter(|it| !it.is_null()),
            nonce: body.get("nonce").cloned().filter(|it| !it.is_null()),
            flags: body["flags"].as_u64().unwrap_or(0) & (SUPPRESS_EMBEDS | SILENT),
            poll: poll(body),
            tts: body["tts"] == true,
            kind: 0,
        };
        let nothing = words.content.is_empty()
            && words.embeds.is_empty()
            && words.attachments.is_empty()
            && words.stickers.is_empty()
            && words.poll.is_none();
        if nothing && !forwards { Err(EMPTY) } else { Ok(words) }
    }

    fn reference(&self, body: &Value, channel: Id) -> Result<Option<Reference>, Refusal> {
        let given = &body["message_reference"];
        if !given.is_object() {
            return Ok(None);
        }
        let id = |key: &str| given[key].as_str().and_then(|id| id.parse().ok());
        let reference = Reference {
            kind: u8::from(given["type"] == 1),
            channel: id("channel_id").unwrap_or(channel),
            message: id("message_id"),
        };
        let message = reference.message.and_then(|message| self.message(reference.channel, message));
        match message {
            Some(_) if reference.kind == 0 && reference.channel != channel => {
                let says = "Cannot reply to a message in another channel";
                Err(field("message_reference", "REPLIES_CANNOT_REFERENCE_OTHER_CHANNEL", says))
            }
            Some(message) if reference.kind == 0 && !can_be_answered(message) => Err(field(
                "message_reference",
                "REPLIES_CANNOT_REFERENCE_SYSTEM_MESSAGE",
                "Cannot reply to a system message",
            )),
            Some(_) => Ok(Some(reference)),
            None if given["fail_if_not_exists"] == false => Ok(None),
            None if reference.kind == 1 => Err(UNKNOWN_MESSAGE),
            None => Err(field("message_reference", "REPLIES_UNKNOWN_MESSAGE", "Unknown message")),
        }
    }

    fn stickers(&self, body: &Value, channel: Id) -> Result<Vec<crate::state::guild::Sticker>, Refusal> {
        let guild = self.guild_of(channel).and_then(|id| self.guilds.get(&id));
        let known = guild.map(|guild| guild.stickers.as_slice()).unwrap_or_default();
        let wanted = body["sticker_ids"].as_array().into_iter().flatten().filter_map(Value::as_str);
        let found = wanted.map(|id| known.iter().find(|it| it.id.to_string() == id).cloned());
        let all: Option<Vec<_>> = found.collect();
        all.ok_or_else(|| field("sticker_ids", "STICKER_UNKNOWN", "Unknown sticker"))
    }

    /// Keeps the files of a request.
    pub fn attach(&mut self, call: &Call, body: &Value, channel: Id) -> Result<Vec<Attachment>, Refusal> {
        if call.files.len() > FILES {
            return Err(field("attachments", "BASE_TYPE_MAX_LENGTH", "Must be 10 or fewer in length."));
        }
        if call.files.iter().any(|file| file.bytes.len() > FILE) {
            return Err(TOO_LARGE);
        }
        let described = |number: u64| {
            let all = body["attachments"].as_array()?;
            all.iter().find(|it| is_id(&it["id"], number))
        };
        let mut attachments = Vec::new();
        for file in &call.files {
            let described = described(file.number);
            let renamed = described.and_then(|it| it["filename"].as_str());
            let name = renamed.map_or_else(|| file.filename.clone(), super::body::harmless);
            let description = described.and_then(|it| it["description"].as_str()).map(ToOwned::to_owned);
            let id = self.store(channel, &name, &file.content_type, file.bytes.clone());
            attachments.push(Attachment {
                id,
                filename: name,
                size: file.bytes.len(),
                content_type: file.content_type.clone(),
                description,
                pixels: super::body::pixels(&file.bytes),
            });
        }
        Ok(attachments)
    }

    /// Keeps a file; its id.
    pub fn store(&mut self, channel: Id, name: &str, content_type: &str, bytes: Vec<u8>) -> Id {
        let id = self.id();
        let bytes = Arc::new(bytes);
        let stored = Stored { name: name.to_owned(), content_type: content_type.to_owned(), bytes, channel };
        self.files.insert(id, stored);
        id
    }

    /// Reads how a message shall be from now on.
    pub fn recompose(
        &mut self,
        call: &Call,
        message: &Message,
        by: &crate::state::speech::Speaker,
    ) -> Result<Message, Refusal> {
        let body = &call.body;
        allowed(body)?;
        let mut changed = message.clone();
        if body.get("content").is_some() {
            changed.content = content(body)?;
        }
        if body.get("embeds").is_some() {
            changed.embeds = embeds(body)?;
        }
        if let Some(flags) = body["flags"].as_u64() {
            changed.flags = changed.flags & !SUPPRESS_EMBEDS | flags & SUPPRESS_EMBEDS;
        }
        if let Some(kept) = body["attachments"].as_array() {
            let is_kept = |it: &Attachment| kept.iter().any(|one| is_id(&one["id"], it.id));
            changed.attachments.retain(is_kept);
        }
        changed.attachments.extend(self.attach(call, body, message.channel)?);
        if changed.content.is_empty() && changed.embeds.is_empty() && changed.attachments.is_empty() {
            return Err(EMPTY);
        }
        let words = Words {
            content: changed.content.clone(),
            allowed: body.get("allowed_mentions").cloned().filter(|it| !it.is_null()),
            reference: changed.reference,
            ..Words::default()
        };
        changed.mentions = self.mentions(message.channel, by, &words);
        Ok(changed)
    }
}

/// As text, or as a number, which Discord takes, too.
fn is_id(value: &Value, id: Id) -> bool {
    value.as_u64().or_else(|| value.as_str()?.parse().ok()) == Some(id)
}

/// Only what people say can be answered.
fn can_be_answered(message: &Message) -> bool {
    [0, 19, 20, 21, 23].contains(&message.kind)
}

/// Discord strips spaces at both ends before it counts.
fn content(body: &Value) -> Result<String, Refusal> {
    let content = body["content"].as_str().unwrap_or_default().trim();
    if content.chars().count() > CONTENT {
        return Err(field("content", "BASE_TYPE_MAX_LENGTH", "Must be 2000 or fewer in length."));
    }
    Ok(content.to_owned())
}

/// All of a kind, or some of it: not both.
fn allowed(body: &Value) -> Result<(), Refusal> {
    let given = &body["allowed_mentions"];
    let all = |kind: &str| given["parse"].as_array().is_some_and(|parse| parse.iter().any(|it| it == kind));
    let some = |kind: &str| given[kind].as_array().is_some_and(|ids| !ids.is_empty());
    for kind in ["users", "roles"] {
        if all(kind) && some(kind) {
            let says = format!("parse:[\"{kind}\"] and {kind}: [ids...] are mutually exclusive.");
            return Err(field("allowed_mentions", "MESSAGE_ALLOWED_MENTIONS_PARSE_EXCLUSIVE", &says));
        }
    }
    Ok(())
}

fn embeds(body: &Value) -> Result<Vec<Value>, Refusal> {
    let mut embeds = body["embeds"].as_array().cloned().unwrap_or_default();
    let length = |value: &Value| value.as_str().map_or(0, |text| text.chars().count());
    let mut whole = 0;
    for embed in &mut embeds {
        let fields = embed["fields"].as_array().into_iter().flatten();
        whole += fields.map(|field| length(&field["name"]) + length(&field["value"])).sum::<usize>();
        whole += length(&embed["title"]) + length(&embed["description"]);
        whole += length(&embed["footer"]["text"]) + length(&embed["author"]["name"]);
        embed["type"] = json!("rich");
    }
    if whole > EMBEDS {
        return Err(field("embeds", "MAX_EMBED_SIZE_EXCEEDED", "Embed size exceeds maximum size of 6000"));
    }
    Ok(embeds)
}

/// A poll as answers have it.
fn poll(body: &Value) -> Option<Value> {
    let asked = body.get("poll").filter(|poll| poll.is_object())?;
    let answers = asked["answers"].as_array()?.iter().enumerate();
    let answers: Vec<_> =
        answers.map(|(at, it)| json!({"answer_id": at + 1, "poll_media": it["poll_media"]})).collect();
    let hours = asked["duration"].as_u64().unwrap_or(24);
    let expires = crate::clock::iso(crate::clock::now() + hours * 3_600_000);
    Some(json!({"question": asked["question"], "answers": answers, "expiry": expires, "layout_type": 1,
                "allow_multiselect": asked["allow_multiselect"] == true,
                "results": {"is_finalized": false, "answer_counts": []}}))
}
