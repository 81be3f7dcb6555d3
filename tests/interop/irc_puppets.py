"""ngircd and InspIRCd, over TLS: a connection for each person, private words both ways, and what becomes of them when nicks
collide, people are silent, and the daemon starts anew.

needs: slixmpp ngircd inspircd atheme-services openssl
"""

import asyncio
import tempfile

from irc import Inspircd, Irc, Ngircd
from people import Person, message
from rialto import Failed, Rialto, check

ROOM = "lounge@rooms.localhost"
PLUGINS = ("xep_0045", "xep_0030", "xep_0059", "xep_0050", "xep_0004", "xep_0313")
PUPPETS = "puppets = { idle = 6, pause = 0.2, wait = 30 }\nbackoff_min = 1\nbackoff_max = 2\n"


def settings(daemon):
    return daemon.settings.replace('nick = "rialto"\n', f'nick = "rialto"\n{PUPPETS}')


def said(words, by=None):
    """A line of words in the channel, by this nick."""
    return lambda line: f"PRIVMSG #lounge :{words}" in line and (by is None or line.startswith(f":{by}!"))


async def story(rialto, daemon):
    ann = await Irc(daemon, "ann").come("#lounge")
    romeo = await Person(rialto, "romeo", "orchard", PLUGINS).come()
    juliet = await Person(rialto, "juliet", "balcony", PLUGINS).come()
    await romeo.plugin["xep_0045"].join_muc_wait(ROOM, "Romeo", timeout=15)
    await juliet.plugin["xep_0045"].join_muc_wait(ROOM, "Juliet", timeout=15)
    await ann.hear("romeo comes to IRC himself", lambda line: line.startswith(":Romeo!") and "JOIN" in line)
    await ann.hear("and so does juliet", lambda line: line.startswith(":Juliet!") and "JOIN" in line)
    await romeo.say(ROOM, "But soft", "groupchat")
    await ann.hear("romeo's words are his own", said("But soft", "Romeo"))
    await juliet.say(ROOM, "Ay me", "groupchat")
    await ann.hear("juliet's words are her own", said("Ay me", "Juliet"))
    await romeo.hear("romeo hears juliet once", message("Ay me", f"{ROOM}/Juliet"))
    ann.say("#lounge", "good even")
    await romeo.hear("both hear ann", message("good even", f"{ROOM}/ann"))
    await juliet.hear("both hear ann", message("good even", f"{ROOM}/ann"))
    await romeo.hears_no("nobody hears anything twice", lambda s: s.name == "message" and s["body"] == "Ay me")

    # Private words.
    await romeo.say("ann%far@irc.localhost", "a word in private")
    line = await ann.hear("romeo whispers to ann", lambda line: "a word in private" in line)
    check(line.startswith(":Romeo!") and "PRIVMSG ann :" in line, "as himself, and to her alone")
    ann.say("Romeo", "I listen")
    await romeo.hear("her answer comes from her address", message("I listen", "ann%far@irc.localhost"))
    await juliet.hears_no("juliet hears none of it", lambda s: s.name == "message" and s["body"] in ("I listen", "a word in private"))
    await juliet.say(f"{ROOM}/ann", "and one from me")
    line = await ann.hear("a private message within the room goes the same way", lambda line: "and one from me" in line)
    check(line.startswith(":Juliet!"), "as juliet")
    await romeo.say("nobody%far@irc.localhost", "hello?")
    await romeo.hear("who is not there cannot be told", lambda s: s.name == "message" and s["type"] == "error"
                     and s["error"]["condition"] == "recipient-unavailable", 30)
    await romeo.say("far@irc.localhost", "WHOIS ann")
    await romeo.hear("the network itself takes commands", lambda s: s.name == "message" and s["from"] == "far@irc.localhost"
                     and "311 ann" in s["body"])
    items = await romeo.plugin["xep_0030"].get_items(jid="far@irc.localhost", timeout=30)
    rooms = {str(item[0]) for item in items["disco_items"]["items"]}
    check("#lounge%far@irc.localhost" in rooms, f"and lists its channels{'' if rooms else ': ' + str(items)}")

    # One leaves.
    juliet.plugin["xep_0045"].leave_muc(ROOM, "Juliet")
    await ann.hear("juliet leaves IRC's channel, too", lambda line: line.startswith(":Juliet!") and ("PART" in line or "QUIT" in line))

    # Silence.
    await ann.hear("romeo, who is silent, loses his connection", lambda line: line.startswith(":Romeo!") and "QUIT" in line)
    await romeo.say(ROOM, "I am still here", "groupchat")
    await ann.hear("and gets it back with his next words", said("I am still here", "Romeo"))

    # A nick that somebody else has.
    thief = await Irc(daemon, "Juliet").come("#lounge")
    await juliet.plugin["xep_0045"].join_muc_wait(ROOM, "Juliet", timeout=15)
    await juliet.say(ROOM, "who steals my name", "groupchat")
    await ann.hear("juliet is Juliet_ where somebody else has her nick", said("who steals my name", "Juliet_"))
    await juliet.hear("and is told", lambda s: s.name == "message" and "Juliet_" in s["body"], 30)
    await thief.go()
    await juliet.say(ROOM, "mine again", "groupchat")
    await ann.hear("the nick is hers when it is free", lambda line: "NICK" in line and line.startswith(":Juliet_!"))

    # The daemon starts anew.
    daemon.processes[0].stop(5)
    await asyncio.sleep(1)
    daemon.start()
    ann = await Irc(daemon, "ann").come("#lounge")
    await romeo.say(ROOM, "after the storm", "groupchat")
    await ann.hear("after a restart of the daemon romeo speaks as before", said("after the storm", "Romeo"))
    for person in (romeo, juliet):
        await person.go()
    await ann.go()


class Bare(Inspircd):
    """Without services: nobody needs an account here."""

    def services(self):
        pass


def play_with(kind):
    try:
        with tempfile.TemporaryDirectory(prefix="irc-") as folder, kind(folder) as daemon:
            with Rialto(settings(daemon)) as rialto:
                asyncio.run(asyncio.wait_for(story(rialto, daemon), 200))
    except Failed as failed:
        raise SystemExit(f"FAILED: {kind.__name__}: {failed}") from None


for one in (Ngircd, Bare):
    play_with(one)
print("done", flush=True)
