#!/usr/bin/env python3
"""Trims Discord's published OpenAPI description to what the fake serves: `trim.py openapi.json`, written to openapi.json
beside this script, one path and one schema to a line. Source: specs/openapi.json of github.com/discord/discord-api-spec
(MIT, see openapi.LICENSE), commit 74fda0f of 2026-07-18."""

import json
import pathlib
import sys

KEPT = """
get /applications/@me
get /users/@me
get /users/@me/guilds
get /users/{user_id}
get /gateway
get /gateway/bot
get /guilds/{guild_id}
get /guilds/{guild_id}/channels
get /guilds/{guild_id}/roles
get /guilds/{guild_id}/emojis
get /guilds/{guild_id}/members
get /guilds/{guild_id}/members/search
get delete patch /guilds/{guild_id}/members/{user_id}
patch /guilds/{guild_id}/members/@me
get /guilds/{guild_id}/bans
get put delete /guilds/{guild_id}/bans/{user_id}
get /guilds/{guild_id}/threads/active
get /guilds/{guild_id}/webhooks
get delete patch /channels/{channel_id}
get post /channels/{channel_id}/messages
post /channels/{channel_id}/messages/bulk-delete
get /channels/{channel_id}/messages/pins
put delete /channels/{channel_id}/messages/pins/{message_id}
get delete patch /channels/{channel_id}/messages/{message_id}
delete /channels/{channel_id}/messages/{message_id}/reactions
get delete /channels/{channel_id}/messages/{message_id}/reactions/{emoji_name}
put delete /channels/{channel_id}/messages/{message_id}/reactions/{emoji_name}/@me
delete /channels/{channel_id}/messages/{message_id}/reactions/{emoji_name}/{user_id}
post /channels/{channel_id}/messages/{message_id}/threads
get /channels/{channel_id}/pins
put delete /channels/{channel_id}/pins/{message_id}
get /channels/{channel_id}/thread-members
put delete /channels/{channel_id}/thread-members/@me
post /channels/{channel_id}/threads
get /channels/{channel_id}/threads/archived/public
post /channels/{channel_id}/typing
get post /channels/{channel_id}/webhooks
get delete patch /webhooks/{webhook_id}
get post delete patch /webhooks/{webhook_id}/{webhook_token}
get delete patch /webhooks/{webhook_id}/{webhook_token}/messages/{message_id}
"""
SAID = ("description", "title", "example", "examples", "externalDocs", "tags", "summary", "headers")


def bare(value, names=False):
    """Without words for people; `names` where the keys are names of fields."""
    if isinstance(value, list):
        return [bare(one) for one in value]
    if not isinstance(value, dict):
        return value
    return {key: bare(one, key == "properties" and not names)
            for key, one in value.items() if names or key not in SAID}


def references(value, found):
    if isinstance(value, dict):
        if isinstance(value.get("$ref"), str):
            found.add(value["$ref"])
        for one in value.values():
            references(one, found)
    elif isinstance(value, list):
        for one in value:
            references(one, found)


def lines(table):
    rows = [f"{json.dumps(key)}:{json.dumps(table[key], separators=(',', ':'))}" for key in sorted(table)]
    return "{\n" + ",\n".join(rows) + "\n}"


def main():
    whole = json.loads(pathlib.Path(sys.argv[1]).read_text())
    paths = {}
    for line in KEPT.split("\n"):
        if line.strip():
            *methods, path = line.split()
            there = whole["paths"][path]
            paths[path] = {key: bare(there[key]) for key in ["parameters", *methods] if key in there}
    components = {"schemas": {}, "responses": {}}
    wanted, todo = set(), set()
    references(paths, todo)
    while todo:
        reference = todo.pop()
        wanted.add(reference)
        _, _, kind, name = reference.split("/")
        components[kind][name] = bare(whole["components"][kind][name])
        more = set()
        references(components[kind][name], more)
        todo |= more - wanted
    out = pathlib.Path(__file__).with_name("openapi.json")
    out.write_text('{"openapi":"3.1.0","info":' + json.dumps(bare(whole["info"])) + ',\n"paths":' + lines(paths)
                   + ',\n"components":{"schemas":' + lines(components["schemas"])
                   + ',\n"responses":' + lines(components["responses"]) + "}}\n")


main()
