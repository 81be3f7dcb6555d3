"""Who takes part in `three_networks.py`: people on IRC and XMPP who do not give up, and the archive of the room."""

import asyncio
import time
from types import SimpleNamespace

from acts import marked
from irc import Irc
from people import Person
from rialto import Failed

ROOM = "lounge@rooms.localhost"
PLUGINS = ("xep_0045", "xep_0313", "xep_0359")
ECHO = 15.0


class Plain(Irc):
    """Somebody on IRC without TLS, who reads all the time; `present` is whether the bridge is in the channel."""

    async def come(self, channel=None):
        self.reader, self.writer = await asyncio.open_connection("127.0.0.1", self.daemon.port)
        self.send(f"NICK {self.nick}")
        self.send(f"USER {self.nick} 0 * :{self.nick}")
        await self.hear(f"{self.nick} is on IRC", lambda line: f" 001 {self.nick} " in line)
        self.present, self.bridge_lines, self.topic = asyncio.Event(), [], None
        self.send(f"JOIN {channel}")
        self.reading = asyncio.ensure_future(self._read())
        return self

    async def _read(self):
        while (line := await self.line(3600)) is not None:
            self.seen.clear()
            source, _, rest = line[1:].partition(" ")
            if rest.startswith("353 ") and "rialto" in rest:
                self.present.set()
            elif rest.startswith("TOPIC "):
                self.topic = rest.split(" :", 1)[-1]
            elif source.startswith("rialto"):
                if rest.startswith("PRIVMSG #lounge :"):
                    self.bridge_lines.append((time.time(), rest.split(" :", 1)[1]))
                elif rest.startswith("JOIN"):
                    self.present.set()
                elif rest.startswith(("QUIT", "PART")):
                    self.present.clear()


class Seat(Person):
    """A session in the room that tells the scene what it hears."""

    def __init__(self, scene, name, resource):
        self.scene, self.live = scene, []
        super().__init__(scene.door, name, resource, PLUGINS)
        self.gone = asyncio.Event()
        self.add_event_handler("disconnected", lambda _: self.gone.set())

    def _keep(self, stanza):
        if stanza.name == "message":
            self.scene.hears(self, stanza)
        return stanza


class Speaker:
    """Somebody on XMPP who says a thing again only if the room has not heard it."""

    def __init__(self, scene, name):
        self.scene, self.name, self.nick = scene, name, name.capitalize()
        self.seat, self.tries = None, 0
        self.echoes = {}

    async def sit(self):
        """Is in the room, however often it takes."""
        while self.seat is None or self.seat.gone.is_set():
            self.tries += 1
            seat = Seat(self.scene, self.name, f"seat{self.tries}")
            self.scene.seats.append((self.name, seat))
            try:
                await self.scene.listening()
                await asyncio.wait_for(seat.come(), 8)
                await seat.plugin["xep_0045"].join_muc_wait(ROOM, self.nick, maxstanzas=0, timeout=15)
                self.seat = seat
            except Exception as error:  # whatever it is, one tries again
                self.scene.note(f"{self.name} cannot come yet: {error!r}")
                seat.abort()
                await asyncio.sleep(0.3)
        return self.seat

    async def do(self, act, stanza):
        for attempt in range(20):
            seat = await self.sit()
            ident = f"{act.mark}-{attempt}"
            if attempt and (kept := await self.kept(seat, act)):
                act.room_name = kept
                return
            if attempt and seat.gone.is_set():
                continue
            self.echoes[ident] = echo = asyncio.get_running_loop().create_future()
            self.scene.by_id[ident] = act
            seat.send_raw(f"<message to='{ROOM}' type='groupchat' id='{ident}'>{stanza}</message>")
            gone = asyncio.ensure_future(seat.gone.wait())
            await asyncio.wait([echo, gone], timeout=ECHO, return_when=asyncio.FIRST_COMPLETED)
            gone.cancel()
            if echo.done():
                if act.undone:
                    return
                act.room_name = echo.result()
                return
            self.scene.again += 1
            if not seat.gone.is_set():
                seat.abort()
                seat.gone.set()
        raise Failed(f"{self.name} cannot say {act}")

    async def kept(self, seat, act):
        """What the room calls an act that it has kept."""
        try:
            for kept in await archive(seat, last=100):
                if marked(kept.id) == act.number:
                    return kept.stanza_id
        except Exception as error:
            self.scene.note(f"the archive cannot be asked: {error!r}")
            seat.gone.set()
        return None


async def archive(seat, last=None):
    """The room's archive, in its order."""
    everything = []
    if last:
        found = await seat.plugin["xep_0313"].retrieve(jid=ROOM, rsm={"max": last, "before": ""}, timeout=20)
        results = found["mam"]["results"]
    else:
        results = [result async for result in seat.plugin["xep_0313"].iterate(jid=ROOM, rsm={"max": 200})]
    for result in results:
        inner = result["mam_result"]["forwarded"]["stanza"]
        everything.append(kept_of(inner, result["mam_result"]["id"]))
    return everything


def kept_of(inner, name):
    retract = inner.xml.find("{urn:xmpp:message-retract:1}retract")
    reactions = inner.xml.find("{urn:xmpp:reactions:0}reactions")
    emoji = [child.text for child in reactions] if reactions is not None else []
    return SimpleNamespace(id=inner["id"], stanza_id=name, nick=inner["from"].resource, body=inner["body"],
                           retracts=retract.get("id") if retract is not None else None,
                           reacts=reactions.get("id") if reactions is not None else None, emoji=emoji)
