"""An echo in forty lines of Python (slixmpp, XEP-0114): people find it among the services, it answers, and comes back after a restart.

needs: slixmpp
"""

import asyncio
import os

import slixmpp

from people import Person, message, play
from rialto import check

SECRET = "what's in a name"


class Echo(slixmpp.ComponentXMPP):
    """Says what it hears."""

    def __init__(self, rialto):
        super().__init__("echo.localhost", SECRET, "127.0.0.1", rialto.component_port)
        self.register_plugin("xep_0030")
        self.register_plugin("xep_0199")
        self.plugin["xep_0030"].add_identity(category="gateway", itype="xmpp", name="Echo")
        self.add_event_handler("message", self.answer)

    def answer(self, heard):
        if heard["type"] != "error":
            heard.reply(heard["body"]).send()

    async def come(self):
        self.connect()
        await self.wait_until("session_start", 15)
        return self


async def story(rialto):
    romeo = await Person(rialto, "romeo", "orchard", ("xep_0030", "xep_0199")).come()
    items = await romeo.plugin["xep_0030"].get_items(jid="localhost", timeout=10)
    check(("echo.localhost", None, "Echo") in items["disco_items"]["items"], "the component is among the services")
    await romeo.say("anybody@echo.localhost", "is there somebody?")
    error = await romeo.hear("whoever writes to it while it is away hears so at once", lambda it: it["type"] == "error")
    check(error["error"]["condition"] == "service-unavailable" and error["error"]["type"] == "wait", "and may try again")
    for turn in range(2):
        echo = await Echo(rialto).come()
        check(True, "the component is connected")
        await romeo.say("anybody@echo.localhost", f"a rose {turn}")
        await romeo.hear("it says what it hears", message(f"a rose {turn}", "anybody@echo.localhost"))
        found = await romeo.plugin["xep_0030"].get_info(jid="echo.localhost", timeout=10)
        check(("gateway", "xmpp", None, "Echo") in found["disco_info"]["identities"], "it tells itself what it is")
        await echo.plugin["xep_0199"].ping("localhost", ifrom="echo.localhost", timeout=10)
        check(True, "and the server answers it")
        await echo.disconnect()
        await asyncio.sleep(0.5)
    liar = await Echo(rialto).come()
    liar.send_raw("<message from='juliet@localhost' to='romeo@localhost'><body>I am juliet</body></message>")
    await liar.wait_until("disconnected", 15)
    await romeo.hears_no("a component that speaks for others is cut off", message("I am juliet"))
    await romeo.go()


os.environ["ECHO_SECRET"] = SECRET
play(story, settings='[[component]]\ndomain = "echo.localhost"\nname = "Echo"\nsecret_env = "ECHO_SECRET"\n')
