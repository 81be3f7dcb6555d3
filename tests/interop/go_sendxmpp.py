"""go-sendxmpp: words to a person who uses slixmpp, over STARTTLS and over TLS first, and to a room.

needs: slixmpp go-sendxmpp
"""

import asyncio
import os

from people import Person, message, play
from rialto import check

ROOM = "lounge@rooms.localhost"


async def send(rialto, words, *arguments, tls=False):
    """Runs the program once; it believes our CA and nobody else."""
    port = rialto.tls_port if tls else rialto.port
    command = ["go-sendxmpp", "-u", "romeo@localhost", "-p", rialto.password, "-j", f"127.0.0.1:{port}"]
    command += (["-t"] if tls else []) + list(arguments)
    environment = {**os.environ, "SSL_CERT_FILE": str(rialto.ca), "HOME": str(rialto.folder)}
    program = await asyncio.create_subprocess_exec(
        *command, env=environment, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT)
    output, _ = await asyncio.wait_for(program.communicate(words.encode()), 60)
    check(program.returncode == 0, f"go-sendxmpp ends well: {output.decode()!r}")


async def story(rialto):
    juliet = await Person(rialto, "juliet", "balcony", ("xep_0045",)).come()
    await send(rialto, "over STARTTLS", "juliet@localhost")
    heard = await juliet.hear("juliet hears it", message("over STARTTLS"))
    check(heard["from"].bare == "romeo@localhost", "from romeo")
    await send(rialto, "over TLS", "juliet@localhost", tls=True)
    await juliet.hear("juliet hears it", message("over TLS"))
    await juliet.plugin["xep_0045"].join_muc_wait(ROOM, "Juliet", timeout=15)
    await juliet.plugin["xep_0045"].set_room_config(ROOM, juliet.plugin["xep_0004"].make_form("submit"))
    await send(rialto, "to all", "-c", "-a", "Romeo", ROOM)
    await juliet.hear("the room hears it", message("to all", f"{ROOM}/Romeo"))
    await juliet.go()


play(story)
