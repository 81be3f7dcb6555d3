"""Two people with profanity and OMEMO (XEP-0384): each reads what the other wrote, and the server never does.

needs: slixmpp profanity
"""

import asyncio

from people import Person, play
from profanity import Profanity
from rialto import check

SECRET, ANSWER = "the orchard walls are high", "with love's light wings"


async def story(rialto):
    watcher = await Person(rialto, "juliet", "watcher", ("xep_0280",)).come()
    await watcher.plugin["xep_0280"].enable()
    romeo, juliet = Profanity(rialto, "romeo"), Profanity(rialto, "juliet")
    for one in (romeo, juliet):
        await one.log_in()
    for one, other in ((romeo, juliet), (juliet, romeo)):
        await one.type(f"/roster add {other.name}@localhost")
        await one.type(f"/sub request {other.name}@localhost")
    for one, other in ((romeo, juliet), (juliet, romeo)):
        await one.type(f"/sub allow {other.name}@localhost")
    for one in (romeo, juliet):
        await one.type("/omemo trustmode blind")
        await one.type("/omemo gen")
        await one.shows(f"{one.name} has keys", "materials generated", 60)
    await asyncio.sleep(2)
    for one, other in ((romeo, juliet), (juliet, romeo)):
        await one.type(f"/msg {other.name}@localhost")
        await one.type(f"/omemo start {other.name}@localhost")
    for one, other, words in ((romeo, juliet, SECRET), (juliet, romeo, ANSWER)):
        await one.type(words)
        await other.shows(f"{other.name} reads what {one.name} wrote", words)
    seen = [str(stanza) for stanza in watcher.heard]
    check(any("eu.siacs.conversations.axolotl" in stanza for stanza in seen), "the server passed encrypted messages")
    check(not any(SECRET in stanza or ANSWER in stanza for stanza in seen), "and nobody else can read them")
    for one in (romeo, juliet):
        await one.end()
    await watcher.go()


play(story)
