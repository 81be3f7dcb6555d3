"""What is the same for every IRC daemon: a room linked to a channel, both sides in one conversation."""

import asyncio
import tempfile

from irc import Irc
from people import Person, message, presence
from rialto import Failed, Rialto, check

ROOM = "lounge@rooms.localhost"
PLUGINS = ("xep_0045", "xep_0030", "xep_0313")


async def story(rialto, daemon):
    ann = await Irc(daemon, "ann").come("#lounge")
    romeo = await Person(rialto, "romeo", "orchard", PLUGINS).come()
    muc = romeo.plugin["xep_0045"]
    await muc.join_muc_wait(ROOM, "Romeo", timeout=15)
    await romeo.hear("ann from IRC sits in the room", presence(f"{ROOM}/ann"), 30)

    await romeo.say(ROOM, "But soft, what light", "groupchat")
    line = await ann.hear("ann hears romeo", lambda line: "PRIVMSG #lounge" in line and "But soft" in line)
    check("Romeo" in line.split(" :", 1)[1], "and sees who speaks")
    ann.say("#lounge", "parting is such \x02sweet\x02 sorrow")
    await romeo.hear("romeo hears ann, bold in the way of XEP-0393",
                     message("parting is such *sweet* sorrow", f"{ROOM}/ann"))
    ann.say("#lounge", "\x01ACTION sighs\x01")
    await romeo.hear("romeo sees ann sigh", message("/me sighs", f"{ROOM}/ann"))
    await romeo.hears_no("nothing comes twice", lambda s: s.name == "message" and s["body"] and s["from"].resource == "ann")

    long = "Verona " * 150
    await romeo.say(ROOM, long, "groupchat")
    heard = ""
    while heard.count("Verona") < 150:
        line = await ann.hear("a long message comes in pieces", lambda line: "PRIVMSG #lounge" in line)
        check(len(line.encode()) <= 510, "none of them longer than IRC allows")
        heard += line.split(" :", 1)[1]

    romeo.send_raw(f"<message to='{ROOM}' type='groupchat'><body>one\r\nQUIT :forged</body></message>")
    await ann.hear("what would be a command is words", lambda line: "PRIVMSG #lounge" in line and "forged" in line)
    await romeo.hear("romeo hears his own words", lambda s: s.name == "message" and "forged" in s["body"])

    ann.send("NICK anna")
    await romeo.hear("ann is called anna now", presence(f"{ROOM}/anna"))
    bea = await Irc(daemon, "bea").come("#lounge")
    await romeo.hear("bea comes", presence(f"{ROOM}/bea"))
    bea.send("PART #lounge :to bed")
    await romeo.hear("bea goes", presence(f"{ROOM}/bea", "unavailable"))

    juliet = await Person(rialto, "juliet", "balcony", PLUGINS).come()
    _, _, occupants, history = await juliet.plugin["xep_0045"].join_muc_wait(ROOM, "Juliet", timeout=15)
    check("anna" in [p["from"].resource for p in occupants], "juliet, who comes later, sees anna")
    check("parting is such *sweet* sorrow" in [m["body"] for m in history], "and what was said")
    found = []
    async for result in juliet.plugin["xep_0313"].iterate(jid=ROOM):
        found.append(result["mam_result"]["forwarded"]["stanza"]["body"])
    check("parting is such *sweet* sorrow" in found, "as the archive of the room does")

    await ann.go("exeunt")
    await romeo.hear("anna leaves IRC", presence(f"{ROOM}/anna", "unavailable"))

    # A channel nobody linked is a room of its own once somebody enters it.
    cleo = await Irc(daemon, "cleo").come("#desert")
    await juliet.plugin["xep_0045"].join_muc_wait("#desert%far@irc.localhost", "Juliet", timeout=20)
    await juliet.hear("cleo is there", presence("#desert%far@irc.localhost/cleo"), 30)
    await juliet.say("#desert%far@irc.localhost", "is it far", "groupchat")
    await cleo.hear("cleo hears juliet", lambda line: "PRIVMSG #desert" in line and "is it far" in line)
    await cleo.go()
    for person in (romeo, juliet):
        await person.go()


def play_with(kind, account=None):
    """The story with one daemon."""
    try:
        with tempfile.TemporaryDirectory(prefix="irc-") as folder, kind(folder) as daemon:
            if account:
                asyncio.run(daemon.register(account))
            with Rialto(daemon.settings) as rialto:
                asyncio.run(asyncio.wait_for(story(rialto, daemon), 150))
    except Failed as failed:
        raise SystemExit(f"FAILED: {failed}") from None
    print("done", flush=True)
