"""People who use slixmpp."""

import asyncio

import slixmpp
from slixmpp.exceptions import IqError

from rialto import Failed, Rialto, check

PATIENCE = 15.0


class Person(slixmpp.ClientXMPP):
    """A client that keeps what it hears until it is asked for, and believes no certificate but the server's CA."""

    def __init__(self, rialto, name, resource, plugins=(), direct_tls=False):
        super().__init__(f"{name}@{rialto.domain}/{resource}", rialto.password)
        self.rialto = rialto
        self.ca_certs = rialto.ca
        self.enable_plaintext = False
        self.enable_direct_tls, self.enable_starttls = direct_tls, not direct_tls
        self.auto_authorize, self.auto_subscribe = None, False
        self.heard, self.news = [], asyncio.Event()
        for plugin in plugins:
            self.register_plugin(plugin)
        self.add_filter("in", self._keep)
        self.add_event_handler("failed_all_auth", lambda _: print(f"{self.boundjid} may not log in", flush=True))

    def _keep(self, stanza):
        if stanza.name in ("message", "presence"):
            self.heard.append(stanza)
            self.news.set()
        return stanza

    def knock(self):
        """Begins to connect."""
        port = self.rialto.tls_port if self.enable_direct_tls else self.rialto.port
        self.connect("127.0.0.1", port)

    async def come(self, presence=True):
        """Logs in, asks for the roster, and becomes available."""
        self.knock()
        await self.wait_until("session_start", PATIENCE)
        await self.get_roster()
        if presence:
            self.send_presence()
        return self

    async def hear(self, says, fits, patience=PATIENCE):
        """Waits for a stanza that fits; those before it that do not are kept."""
        until = asyncio.get_running_loop().time() + patience
        while True:
            for at, stanza in enumerate(self.heard):
                if fits(stanza):
                    del self.heard[at]
                    check(True, says)
                    return stanza
            self.news.clear()
            try:
                await asyncio.wait_for(self.news.wait(), until - asyncio.get_running_loop().time())
            except (asyncio.TimeoutError, TimeoutError):
                heard = "\n  ".join(str(stanza) for stanza in self.heard)
                check(False, f"{says}; {self.boundjid} heard only\n  {heard}")

    async def hears_no(self, says, fits, time=0.5):
        """Nothing that fits has come, and none comes for a while."""
        await asyncio.sleep(time)
        check(not [str(stanza) for stanza in self.heard if fits(stanza)], says)

    async def say(self, to, body, kind="chat"):
        self.send_message(mto=to, mbody=body, mtype=kind)

    async def go(self):
        """Leaves as one should."""
        await self.disconnect()


async def refused(says, condition, question):
    """What is asked gets an error, and this one."""
    try:
        await question
    except IqError as error:
        check(error.condition == condition, f"{says}: {error.condition}")
        return
    check(False, f"{says}: it was not refused")


async def told(says, person, event, act):
    """What a plug-in of this person tells of an event when something is done elsewhere."""
    waiting = asyncio.ensure_future(person.wait_until(event, PATIENCE))
    if act is not None:
        await act
    try:
        what = await waiting
    except (asyncio.TimeoutError, TimeoutError):
        check(False, f"{says}: {person.boundjid} is told of no {event}")
    check(True, says)
    return what


async def befriend(romeo, juliet):
    """Both have each other among their contacts."""
    for one, other in ((romeo, juliet), (juliet, romeo)):
        one.send_presence_subscription(other.boundjid.bare, ptype="subscribe")
        await other.hear("asked", presence(one.boundjid.bare, "subscribe"))
        other.send_presence_subscription(one.boundjid.bare, ptype="subscribed")
        await one.hear("granted", presence(other.boundjid.bare, "subscribed"))


def message(body, sender=None):
    """Fits a message with this body."""
    return lambda s: s.name == "message" and s["body"] == body and (sender is None or s["from"] == sender)


def presence(sender, kind="available"):
    """Fits a presence from there."""
    return lambda s: s.name == "presence" and str(s["from"]).startswith(sender) and s["type"] == kind


def play(story, patience=120, **settings):
    """Runs a story against a server of its own."""
    try:
        with Rialto(**settings) as rialto:
            asyncio.run(asyncio.wait_for(story(rialto), patience))
    except Failed as failed:
        raise SystemExit(f"FAILED: {failed}") from None
    print("done", flush=True)
