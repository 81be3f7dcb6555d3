"""go-sendxmpp: words to a person who uses slixmpp, over STARTTLS and over TLS first, to a room, and a file.

needs: slixmpp go-sendxmpp
"""

import asyncio
import os

from people import Person, message, play
from rialto import check
from web import Web

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
    rose = rialto.folder / "rose petals.png"
    rose.write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 1000)
    await send(rialto, "", "--http-upload", str(rose), "juliet@localhost")
    heard = await juliet.hear("juliet hears where a file is", lambda s: s.name == "message" and "/upload/" in s["body"])
    status, headers, body = await Web(rialto).ask("GET", heard["body"])
    check(status == 200 and body == rose.read_bytes(), "and downloads it whole")
    check(headers["Content-Type"] == "image/png", "as what it is")
    await juliet.go()


play(story)
