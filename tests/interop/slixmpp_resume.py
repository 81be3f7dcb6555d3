"""slixmpp: the socket is cut, and the session goes on (XEP-0198): nothing is lost and nothing comes twice.

needs: slixmpp
"""

import asyncio

from people import Person, message, play
from rialto import check


async def story(rialto):
    juliet = await Person(rialto, "juliet", "balcony").come()
    romeo = Person(rialto, "romeo", "orchard", ("xep_0198",))
    enabled = asyncio.ensure_future(romeo.wait_until("sm_enabled", 15))
    await romeo.come()
    await enabled
    check(True, "stream management is enabled")

    for turn in range(3):
        await juliet.say("romeo@localhost/orchard", f"before {turn}")
        await romeo.hear(f"a word before the cut ({turn})", message(f"before {turn}"))
        resumed = asyncio.ensure_future(romeo.wait_until("session_resumed", 15))
        romeo.transport.abort()
        await juliet.say("romeo@localhost/orchard", f"to the full JID {turn}")
        await juliet.say("romeo@localhost", f"to the account {turn}")
        await asyncio.sleep(0.3)
        romeo.knock()
        await resumed
        check(True, f"the session is resumed ({turn})")
        await romeo.hear("what was said to the full JID meanwhile", message(f"to the full JID {turn}"))
        await romeo.hear("what was said to the account meanwhile", message(f"to the account {turn}"))
        await romeo.say("juliet@localhost", f"after {turn}")
        await juliet.hear("juliet hears romeo after that", message(f"after {turn}", "romeo@localhost/orchard"))
        await romeo.hears_no("nothing comes twice", lambda s: s.name == "message" and s["body"])
        await juliet.hears_no("nothing comes twice", lambda s: s.name == "message" and s["body"])
    await juliet.go()
    await romeo.go()


play(story)
