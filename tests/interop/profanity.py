"""profanity, the client for terminals, in a terminal of its own."""

import asyncio
import os
import re

import pexpect

from rialto import check


class Profanity:
    """The program and its screen."""

    def __init__(self, rialto, name="romeo"):
        self.name, self.rialto, home = name, rialto, f"{rialto.folder}/{name}"
        os.makedirs(home)
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

    async def log_in(self):
        """From the start of the program to the session."""
        await self.shows("profanity is up", "Profanity")
        await self.type(f"/connect {self.name}@localhost server 127.0.0.1 port {self.rialto.port} tls trust")
        await self.shows("it asks for the password", "password")
        await self.type(self.rialto.password)
        await self.shows(f"{self.name} is logged in", "logged in successfully")

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
