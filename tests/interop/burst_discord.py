"""A burst from XMPP reaches Discord complete and in order, under Discord's own limits.

needs: slixmpp fake-discord

    burst_discord.py [LINES] [SECONDS]
"""

import asyncio
import sys
import tempfile
import time

from acts import marked
from discord import FakeDiscord, said_at
from people import Person, presence
from rialto import Failed, Rialto, check

ROOM = "lounge@rooms.localhost"


async def story(rialto, far, count, seconds):
    romeo = await Person(rialto, "romeo", "orchard", ("xep_0045",)).come()
    await romeo.plugin["xep_0045"].join_muc_wait(ROOM, "Romeo", timeout=15)
    await romeo.hear("alice from Discord sits in the room", presence(f"{ROOM}/alice"), 30)
    began, sent = time.time(), {}
    for number in range(count):
        sent[number] = time.time()
        await romeo.say(ROOM, f"o speak again bright angel kq{number}q", "groupchat")
        await asyncio.sleep(max(0, began + (number + 1) * seconds / count - time.time()))
    print(f"{count} lines said in {time.time() - began:.1f} s", flush=True)
    before, since = -1, time.time()
    while True:
        seen = [(int(number), said_at(message)) for message in far.messages() for number in marks(message)]
        if len(seen) >= count or time.time() - since > 90:
            break
        if len(seen) != before:
            before, since = len(seen), time.time()
        await asyncio.sleep(1)
    last = max(at for _, at in seen)
    waits = sorted(at - sent[number] for number, at in seen)
    messages = [message for message in far.messages() if message["webhook"]]
    status = far.act("status")
    print(f"Discord has {len(seen)} lines in {len(messages)} messages, the last {last - began:.1f} s after the first was said; "
          f"delay: median {waits[len(waits) // 2]:.2f} s, p99 {waits[int(len(waits) * .99)]:.2f} s, most {waits[-1]:.2f} s; "
          f"answers 401, 403 and 429: {status['invalid_requests']}", flush=True)
    refused = [stanza for stanza in romeo.heard if stanza["type"] == "error"]
    check(not refused, f"nothing comes back {[str(stanza) for stanza in refused[:2]]}")
    check([number for number, _ in seen] == list(range(count)), "each line is there once, in order")
    check(not far.act("violations"), "Discord was asked nothing that its description does not know")
    await romeo.go()


def marks(message):
    """The lines of a message, which may be several."""
    return filter(lambda number: number is not None, map(marked, message["content"].split("\n"))) if message["webhook"] else ()


def main(count=25, seconds=0.5):
    try:
        with tempfile.TemporaryDirectory(prefix="burst-") as folder, FakeDiscord(folder, limits="real") as far:
            link = f"[[link]]\nroom = \"{ROOM}\"\nto = [\"guild:general\"]\n"
            with Rialto(far.settings() + link, people=("romeo",), level="info", admins=["romeo@localhost"]) as rialto:
                asyncio.run(asyncio.wait_for(story(rialto, far, count, seconds), 1200))
    except Failed as failed:
        raise SystemExit(f"FAILED: {failed}") from None
    print("done", flush=True)


if __name__ == "__main__":
    main(*[kind(value) for kind, value in zip((int, float), sys.argv[1:])])
