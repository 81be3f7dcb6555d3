//! The control path `/_fake/…` for programs in other languages: acts of people, faults, and what there is to see.

use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::Response;
use serde_json::{Value, json};

use crate::acts::{File, Refused};
use crate::faults::{Fault, What};
use crate::gateway::Refuse;
use crate::rest::serve::{Shared, reply};
use crate::state::speech::Words;
use crate::state::{Id, State};

/// `POST /_fake/ACT` with a JSON object.
pub async fn answer(state: &Shared, act: &str, body: &Bytes) -> Response<Full<Bytes>> {
    let given = if body.is_empty() { Ok(json!({})) } else { serde_json::from_slice(body) };
    let Ok(given) = given else { return reply(400, Some(&json!({"error": "no JSON"}))) };
    if act == "stop" {
        std::process::exit(0);
    }
    if act == "sleep" {
        tokio::time::sleep(Duration::from_millis(given["ms"].as_u64().unwrap_or(0))).await;
    }
    let done = act_on(&mut state.lock(), act, &given);
    match done {
        Ok(value) => reply(200, Some(&value)),
        Err(refused) => reply(400, Some(&json!({"error": refused}))),
    }
}

/// One act, or one look.
pub fn act_on(state: &mut State, act: &str, given: &Value) -> Result<Value, Refused> {
    for room in [speaks, comes_and_goes, administers, breaks, looks] {
        if let Some(done) = room(state, act, given) {
            return done;
        }
    }
    Err(format!("nobody can {act}"))
}

type Done = Option<Result<Value, Refused>>;

fn text<'a>(given: &'a Value, key: &str) -> &'a str {
    given[key].as_str().unwrap_or_default()
}

fn id(given: &Value, key: &str) -> Result<Id, Refused> {
    let id = given[key].as_str().and_then(|id| id.parse().ok()).or_else(|| given[key].as_u64());
    id.ok_or_else(|| format!("{key} is no id"))
}

fn said(done: Result<Id, Refused>) -> Result<Value, Refused> {
    done.map(|id| json!({"id": id.to_string()}))
}

fn done(done: Result<(), Refused>) -> Result<Value, Refused> {
    done.map(|()| json!({}))
}

fn speaks(state: &mut State, act: &str, given: &Value) -> Done {
    let (who, channel, words) = (text(given, "who"), text(given, "channel"), text(given, "text"));
    let message = id(given, "message");
    let emoji = text(given, "emoji");
    Some(match act {
        "say" => said(state.say(who, channel, words_of(given))),
        "reply" => said(message.and_then(|to| {
            let channel = state.place_of(to)?.to_string();
            state.refer(who, &channel, words, to, 0)
        })),
        "forward" => said(message.and_then(|it| state.refer(who, channel, "", it, 1))),
        "upload" => said(state.upload(who, channel, words, &files_of(given))),
        "sticker" => said(state.send_sticker(who, channel, text(given, "sticker"))),
        "edit" => done(message.and_then(|it| state.edit(who, it, words))),
        "unfurl" => done(message.and_then(|it| state.unfurl(it, given["embed"].clone()))),
        "delete" => done(message.and_then(|it| state.delete(who, it))),
        "bulk_delete" => {
            let ids = given["messages"].as_array().into_iter().flatten();
            let ids: Vec<Id> = ids.filter_map(|id| id.as_str()?.parse().ok()).collect();
            done(state.bulk_delete(channel, &ids))
        }
        "react" => done(message.and_then(|it| state.react_as(who, it, emoji))),
        "unreact" => done(message.and_then(|it| state.unreact_as(who, it, emoji))),
        "clear_reactions" => done(
            message
                .and_then(|it| state.clear_reactions_of(it, Some(emoji).filter(|emoji| !emoji.is_empty()))),
        ),
        "pin" => done(message.and_then(|it| state.pin_as(who, it, true))),
        "unpin" => done(message.and_then(|it| state.pin_as(who, it, false))),
        "type" => done(state.starts_typing(who, channel)),
        "webhook_says" => said(state.webhook_says(text(given, "webhook"), who, words)),
        _ => return None,
    })
}

fn words_of(given: &Value) -> Words {
    Words {
        content: text(given, "text").to_owned(),
        embeds: given["embeds"].as_array().cloned().unwrap_or_default(),
        poll: given.get("poll").cloned(),
        flags: given["flags"].as_u64().unwrap_or(0),
        ..Words::default()
    }
}

/// `{"name": …, "text": …}` or `{"name": …, "base64": …}`; a number as `size` makes a file of so many zeroes.
fn files_of(given: &Value) -> Vec<File> {
    use base64::Engine;
    let bytes = |file: &Value| {
        let decoded =
            file["base64"].as_str().and_then(|it| base64::engine::general_purpose::STANDARD.decode(it).ok());
        let zeroes = || file["size"].as_u64().map(|size| vec![0; usize::try_from(size).unwrap_or(0)]);
        decoded.or_else(zeroes).unwrap_or_else(|| text(file, "text").as_bytes().to_vec())
    };
    let files = given["files"].as_array().into_iter().flatten();
    files.map(|file| File { name: text(file, "name").to_owned(), bytes: bytes(file) }).collect()
}

fn comes_and_goes(state: &mut State, act: &str, given: &Value) -> Done {
    let who = text(given, "who");
    Some(match act {
        "join" => {
            let member = if given["member"].is_null() { &given["who"] } else { &given["member"] };
            said(state.join(text(given, "guild"), member))
        }
        "leave" => done(state.leave(who)),
        "rename" => done(state.rename(who, given["nick"].as_str())),
        "change_user" => {
            done(state.change_user(who, given["global_name"].as_str(), given["avatar"].as_str()))
        }
        "set_role" => done(state.set_role(who, text(given, "role"), given["has"] != false)),
        "set_status" => done(state.set_status(who, text(given, "status"))),
        "ban" => done(state.ban_as(who, given["seconds"].as_u64().unwrap_or(0))),
        "unban" => done(state.unban_as(who)),
        "time_out" => done(state.time_out(who, given["ms"].as_u64().unwrap_or(0))),
        _ => return None,
    })
}

fn administers(state: &mut State, act: &str, given: &Value) -> Done {
    let (who, channel, name) = (text(given, "who"), text(given, "channel"), text(given, "name"));
    let guild = text(given, "guild");
    let bits = |key: &str| given[key].as_str().and_then(|bits| bits.parse().ok());
    Some(match act {
        "make_channel" => said(state.make_channel(guild, given)),
        "set_channel" => done(state.set_channel(channel, given)),
        "overwrite" => {
            let given = bits("allow").is_some() || bits("deny").is_some();
            let pair = (bits("allow").unwrap_or(0), bits("deny").unwrap_or(0));
            done(state.overwrite(channel, name, given.then_some(pair)))
        }
        "delete_channel" => done(state.delete_channel_called(channel)),
        "thread" => said(state.open_thread_as(who, channel, name, id(given, "message").ok())),
        "post" => said(state.post(who, channel, name, text(given, "text"))),
        "make_webhook" => said(state.make_webhook(who, channel, name)),
        "drop_webhooks" => state.drop_webhooks(channel).map(|count| json!({"count": count})),
        "unavailable" => done(state.set_unavailable(guild, given["away"] != false)),
        "remove_bot" => done(state.remove_bot(guild)),
        "role_permissions" => {
            done(state.set_role_permissions(guild, text(given, "role"), bits("permissions").unwrap_or(0)))
        }
        _ => return None,
    })
}

fn breaks(state: &mut State, act: &str, given: &Value) -> Done {
    let number = |key: &str| given[key].as_u64();
    let small = |key: &str| number(key).and_then(|it| u16::try_from(it).ok());
    match act {
        "fault" => match fault_of(given) {
            Some(fault) => state.faults.add(fault),
            None => return Some(Err("no such fault".into())),
        },
        "no_faults" => state.faults.clear(),
        "reconnect" => state.ask_to_reconnect(),
        "invalidate" => state.invalidate(given["resumable"] == true),
        "close" => state.close_all(small("code").unwrap_or(4000)),
        "cut" => state.cut_all(),
        "zombie" => state.zombify(),
        "forget_sessions" => state.forget_sessions(),
        "revoke_token" => state.revoke_token(),
        "refuse" => state.refuse_next(match small("code") {
            Some(code) => Refuse::Close(code),
            None => Refuse::Invalid(given["resumable"] == true),
        }),
        "set" => {
            let set = |to: &mut u64, key: &str| *to = number(key).unwrap_or(*to);
            set(&mut state.gateway.heartbeat, "heartbeat");
            set(&mut state.gateway.delay, "event_delay");
            set(&mut state.gateway.overlap, "overlap");
            set(&mut state.gateway.identify_every, "identify_every");
            set(&mut state.address_lives, "address_lives");
            state.skew = given["skew"].as_i64().unwrap_or(state.skew);
            for (key, it) in [("content", 0), ("members", 1), ("presences", 2)] {
                let switches = &mut state.bot.privileged;
                let switch = [&mut switches.content, &mut switches.members, &mut switches.presences];
                if let (Some(on), Some(switch)) = (given[key].as_bool(), switch.into_iter().nth(it)) {
                    *switch = on;
                }
            }
        }
        _ => return None,
    }
    Some(Ok(json!({})))
}

/// `{"operation": "execute_webhook", "what": "cut_after", "times": 1, "skip": 0, …}`.
fn fault_of(given: &Value) -> Option<Fault> {
    let status = given["status"].as_u64().and_then(|it| u16::try_from(it).ok()).unwrap_or(500);
    let wait = Duration::from_millis(given["ms"].as_u64().unwrap_or(1000));
    let what = match text(given, "what") {
        "limited" => What::RateLimited {
            retry_after: given["retry_after"].as_f64().unwrap_or(1.0),
            headers: given["headers"] != false,
            global: given["global"] == true,
        },
        "fail_before" => What::FailBefore(status),
        "fail_after" => What::FailAfter(status),
        "cut_before" => What::CutBefore,
        "cut_after" => What::CutAfter,
        "slow_before" => What::SlowBefore(wait),
        "slow_after" => What::SlowAfter(wait),
        _ => return None,
    };
    let count = |key: &str, usual| given[key].as_u64().and_then(|it| u32::try_from(it).ok()).unwrap_or(usual);
    let operation = given["operation"].as_str().unwrap_or("*");
    Some(Fault::next(operation, what).times(count("times", 1)).after(count("skip", 0)))
}

fn looks(state: &mut State, act: &str, given: &Value) -> Done {
    Some(match act {
        "sleep" => Ok(json!({})),
        "messages" => state
            .channel_named(text(given, "channel"))
            .map(|id| state.seen(id).iter().map(crate::acts::seen::Seen::json).collect()),
        "violations" => Ok(json!(state.log.violations())),
        "requests" => {
            let json = |it: &crate::log::Request| {
                json!({"method": it.method, "path": it.path, "operation": it.operation, "body": it.body,
                       "files": it.files, "reason": it.reason, "at": it.at, "status": it.status})
            };
            Ok(state.log.requests().iter().map(json).collect())
        }
        "forget_requests" => {
            state.log.clear();
            Ok(json!({}))
        }
        "status" => {
            let connected = state.gateway.sessions.values().filter(|it| it.out.is_some()).count();
            Ok(json!({"connected": connected, "sessions": state.gateway.sessions.len(),
                      "identified": state.gateway.identified, "resumed": state.gateway.resumed,
                      "invalid_requests": state.log.invalid, "violations": state.log.violations().len()}))
        }
        "ids" => {
            let by_name = |name: &str, id: Id| (name.to_owned(), json!(id.to_string()));
            let channels = state.channels.values().map(|it| by_name(&it.name, it.id)).collect::<Value>();
            let users = state.users.values().map(|it| by_name(&it.username, it.id)).collect::<Value>();
            let guilds = state.guilds.values().map(|it| by_name(&it.name, it.id)).collect::<Value>();
            Ok(
                json!({"channels": channels, "users": users, "guilds": guilds, "bot": state.bot.user.to_string()}),
            )
        }
        _ => return None,
    })
}
