"""profanity, in a terminal of its own: it logs in, chats with somebody who uses slixmpp, and talks in a room.

needs: slixmpp profanity
"""

import asyncio

from people import Person, message, play, presence
from profanity import Profanity
from rialto import check

ROOM = "lounge@rooms.localhost"


async def story(rialto):
    juliet = await Person(rialto, "juliet", "balcony", ("xep_0045", "xep_0280")).come()
    profanity = Profanity(rialto)
    await profanity.log_in()

    await profanity.type("/msg juliet@localhost hello from the terminal")
    heard = await juliet.hear("juliet hears it", message("hello from the terminal"))
    check(heard["from"].bare == "romeo@localhost", "from romeo")
    await juliet.say(heard["from"], "hello from the balcony")
    await profanity.shows("profanity shows the answer", "hello from the balcony")

    await juliet.plugin["xep_0045"].join_muc_wait(ROOM, "Juliet", timeout=15)
    await juliet.plugin["xep_0045"].set_room_config(ROOM, juliet.plugin["xep_0004"].make_form("submit"))
    await profanity.type(f"/join {ROOM} nick Romeo")
    await juliet.hear("romeo enters the room", presence(f"{ROOM}/Romeo"))
    await asyncio.sleep(0.5)
    await profanity.type("good night all")
    await juliet.hear("the room hears him", message("good night all", f"{ROOM}/Romeo"))
    await juliet.say(ROOM, "sleep dwell upon thine eyes", "groupchat")
    await profanity.shows("and profanity shows her", "sleep dwell upon thine eyes")
    await profanity.end()
    await juliet.hear("romeo has left the room", presence(f"{ROOM}/Romeo", "unavailable"))
    await juliet.go()


play(story)
