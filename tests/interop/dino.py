"""Dino, with an account that is written into its database before it comes, and OMEMO for one contact.

Dino asks nobody about a certificate: it must be signed by a CA of the machine's, unless the server is an onion service, which
is met through a SOCKS5 proxy. So it is here, and the proxy is the script's own.
"""

import asyncio
import sqlite3
import time

from desktop import Desktop
from gajim import rows

# How its database numbers encryptions.
OMEMO = 2
NAMES = {0: None, 1: "OpenPGP", OMEMO: "OMEMO"}


class Onion:
    """A SOCKS5 proxy (RFC 1928) that leads to the server, whatever name is asked for."""

    def __init__(self, port):
        self.to, self.asked = port, []

    async def __aenter__(self):
        self.server = await asyncio.start_server(self.serve, "127.0.0.1", 0)
        self.port = self.server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_):
        self.server.close()

    async def serve(self, reader, writer):
        try:
            _, methods = await reader.readexactly(2)
            await reader.readexactly(methods)
            writer.write(b"\5\0")
            *_, kind = await reader.readexactly(4)
            length = {1: 4, 4: 16}.get(kind) or (await reader.readexactly(1))[0]
            name, port = await reader.readexactly(length), int.from_bytes(await reader.readexactly(2), "big")
            self.asked.append((name.decode(errors="replace"), port))
            if port != 5222:
                writer.write(b"\5\5\0\1\0\0\0\0\0\0")
                return
            from_server, to_server = await asyncio.open_connection("127.0.0.1", self.to)
            writer.write(b"\5\0\0\1\0\0\0\0\0\0")
            await asyncio.gather(pass_on(reader, to_server), pass_on(from_server, writer))
        except (OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            writer.close()


async def pass_on(reader, writer):
    try:
        while part := await reader.read(65536):
            writer.write(part)
            await writer.drain()
    finally:
        writer.close()


class Dino(Desktop):
    """`name` is at the keyboard, and talks with `friend`."""

    def __init__(self, rialto, onion, name, friend):
        super().__init__("dino")
        self.rialto, self.person, self.friend = rialto, name, friend
        self.jid, self.friend_jid = f"{name}@{rialto.domain}", f"{friend}@{rialto.domain}"
        self.database = self.home / "share" / "dino" / "dino.db"
        self.settled = False
        proxy = f"socks5://127.0.0.1:{onion.port}"
        self.environment.update(http_proxy=proxy, https_proxy=proxy, all_proxy=proxy)

    async def settle(self):
        """Dino makes its database itself, whatever its version; then it is ended, and the account is written."""
        self.folder("share/dino")
        self.start("dino-im")
        await self.until("Dino has its database", lambda: rows(
            self.database, "SELECT int_val FROM _meta WHERE name = 'version' AND EXISTS (SELECT 1 FROM settings)"))
        await self.go()
        now = int(time.time())
        database = sqlite3.connect(self.database)
        with database:
            for side, length in zip(("width", "height"), self.size):
                database.execute("INSERT OR REPLACE INTO settings (key, value) VALUES (?, ?)", (f"window_{side}", str(length)))
            database.execute("INSERT INTO account (id, bare_jid, resourcepart, password, alias, enabled) VALUES (1,?,?,?,?,1)",
                             (self.jid, "dino", self.rialto.password, self.person))
            database.execute("INSERT INTO jid (id, bare_jid) VALUES (1, ?)", (self.friend_jid,))
            database.execute("INSERT INTO conversation (account_id, jid_id, active, active_last_changed, last_active, type,"
                             " encryption, notification, send_typing, send_marker) VALUES (1, 1, 1, ?, ?, 0, ?, 0, 0, 0)",
                             (now, now, OMEMO))
        database.close()

    async def come(self):
        """Comes online; also once more, after it went."""
        if not self.settled:
            await self.settle()
            self.settled = True
        self.start("dino-im", "--print-xmpp=all")

    async def go(self):
        """Goes offline."""
        client, self.client = self.client, None
        await asyncio.to_thread(client.stop)

    async def say(self, to, words):
        """Types into a chat that is open."""
        await self.says("dino-im", f"xmpp:{to}?message")
        await self.type(words)

    def has(self, words):
        """With what encryption, if any, Dino has these words in its history."""
        return [NAMES[number] for number in rows(self.database, "SELECT encryption FROM message WHERE body = ?", words)]
