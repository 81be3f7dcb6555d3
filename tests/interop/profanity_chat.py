"""profanity, in a terminal of its own: it logs in, chats with somebody who uses slixmpp, and talks in a room.

needs: slixmpp profanity
"""

import asyncio
import os
import re

import pexpect

from people import Person, message, play, presence
from rialto import check

ROOM = "lounge@rooms.localhost"


class Profanity:
    """The program and its screen."""

    def __init__(self, rialto):
        home = str(rialto.folder)
        environment = {**os.environ, "HOME": home, "XDG_CONFIG_HOME": f"{home}/config", "TERM": "xterm",
                       "XDG_DATA_HOME": f"{home}/share", "LANG": "C.UTF-8", "LC_ALL": "C.UTF-8"}
        self.seen = ""
        self.program = pexpect.spawn("profanity", env=environment, encoding="utf-8", codec_errors="replace",
                                     dimensions=(40, 200), timeout=20)

    async def type(self, line):
        """Types slowly enough for a curses program, which is asked for its answer elsewhere."""
        self.program.send(line)
        await asyncio.sleep(0.2)
        self.program.send("\r")
        await asyncio.sleep(0.2)

    async def shows(self, says, words, patience=20):
        """Waits until the words have been on the screen since the last time."""
        until = asyncio.get_running_loop().time() + patience
        while asyncio.get_running_loop().time() < until:
            try:
                self.seen += self.program.read_nonblocking(65536, timeout=0)
            except pexpect.TIMEOUT:
                await asyncio.sleep(0.1)
            except pexpect.EOF:
                break
            # What moves the cursor and colours is left out; profanity writes only what changes.
            plain = re.sub(r"\x1b[\[(][0-9;?]*[A-Za-z]|\x1b[=>]", "", self.seen)
            if words in plain:
                self.seen = ""
                return check(True, says)
        check(False, f"{says}; profanity shows {self.seen[-3000:]!r}")

    async def end(self):
        await self.type("/quit")
        for _ in range(100):
            if not self.program.isalive():
                return
            await asyncio.sleep(0.1)
        self.program.close(force=True)
        check(False, "profanity ends")


async def story(rialto):
    juliet = await Person(rialto, "juliet", "balcony", ("xep_0045", "xep_0280")).come()
    profanity = Profanity(rialto)
    await profanity.shows("profanity is up", "Profanity")
    await profanity.type(f"/connect romeo@localhost server 127.0.0.1 port {rialto.port} tls trust")
    await profanity.shows("it asks for the password", "password")
    await profanity.type(rialto.password)
    await profanity.shows("it is logged in", "logged in successfully")

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
