"""xmpp.js: SASL2 with Bind 2, a session resumed within the login, and tokens that stand in for the password; over TLS, and
over WebSocket.

needs: slixmpp node xmpp.js
"""

import asyncio
import json
import os
from pathlib import Path

from people import Person, play
from rialto import check

MODULES = Path(__file__).parent.parent / ".peers" / "xmpp.js" / "node_modules"


async def story(rialto):
    juliet = await Person(rialto, "juliet", "balcony").come()
    for service in (f"xmpps://localhost:{rialto.tls_port}", f"wss://localhost:{rialto.https_port}/xmpp-websocket"):
        await log_in(rialto, juliet, service)
    await juliet.go()


async def log_in(rialto, juliet, service):
    environment = {**os.environ, "XMPPJS": str(MODULES), "PASSWORD": rialto.password,
                   "SERVICE": service, "NODE_EXTRA_CA_CERTS": str(rialto.ca)}
    program = await asyncio.create_subprocess_exec(
        "node", str(Path(__file__).with_suffix(".js")), env=environment, stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT)
    try:
        said = {}
        async for line in program.stdout:
            print(line.decode().rstrip(), flush=True)
            try:
                word = json.loads(line)
            except ValueError:
                continue
            said[word["what"]] = word
            if word["what"] == "cut":
                await juliet.say("romeo@localhost", "meanwhile")
        check(await asyncio.wait_for(program.wait(), 15) == 0 and "done" in said, "xmpp.js went through all of it")
    finally:
        if program.returncode is None:
            program.kill()
    check("error" not in said, "without an error")
    check(said["online"]["jid"].startswith("romeo@localhost/xmpp.js/"), "the tag begins the resource")
    check(said["online"]["names"][-2:] == ["success", "stream:features"] and said["bound"] == {"what": "bound", "bound": 1, "token": True},
          "the login bound the resource and brought a token")
    check(said["managed"]["enabled"], "and stream management")
    check(said["resumed"]["jid"] == said["online"]["jid"] and said["resumed"]["tried"] == ["HT-SHA-256-NONE"],
          "the session was resumed within a login by token, and what was said meanwhile came")
    check(said["by token"]["tried"] == ["HT-SHA-256-NONE"] and said["by token"]["jid"] == said["online"]["jid"],
          "another login by token got the same resource")
    check(said["stolen"]["tried"][0] == "HT-SHA-256-NONE" and len(said["stolen"]["tried"]) == 2
          and said["stolen"]["failures"] == 1, "on another device the token is refused, and the password does")


play(story)
