"""coturn's client tools against the built-in STUN/TURN server, with credentials that a client gets over XMPP.

needs: slixmpp turnutils_stunclient turnutils_uclient turnutils_peer
"""

import asyncio
import time

from people import Person, play
from rialto import Process, check, free_port

EXTDISCO = "{urn:xmpp:extdisco:2}"


def settings(port, tls):
    return f"""
[turn]
port = {port}
tls = {tls}
public_addresses = ["127.0.0.1"]
private_peers = ["127.0.0.1"]
"""


async def services(person):
    """What the server tells of, as dictionaries."""
    iq = person.make_iq_get(ito="localhost")
    iq.xml.append(slixmpp_element("services"))
    answer = await iq.send()
    return [dict(service.attrib) for service in answer.xml.iter(f"{EXTDISCO}service")]


def slixmpp_element(name):
    from xml.etree import ElementTree
    return ElementTree.Element(f"{EXTDISCO}{name}")


async def run(*command, patience=60):
    """Runs a program; gives its exit code and what it said."""
    program = await asyncio.create_subprocess_exec(
        *command, stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT)
    try:
        output, _ = await asyncio.wait_for(program.communicate(), patience)
    except (asyncio.TimeoutError, TimeoutError):
        program.kill()
        output, _ = await program.communicate()
    return program.returncode, output.decode(errors="replace")


async def relays(service, peer, *more, username=None, password=None):
    """A client of coturn's sends packets through a relay to an echo; says whether all came back."""
    code, said = await run(
        "turnutils_uclient", "-u", username or service["username"], "-w", password or service["password"],
        "-p", service["port"], "-e", "127.0.0.1", "-r", str(peer), "-n", "20", "-m", "2", "-c", *more, "127.0.0.1")
    none_lost = "tot_recv_msgs=" in said and "Total lost packets 0" in said
    return code == 0 and none_lost, said[-300:]


async def story(rialto):
    juliet = await Person(rialto, "juliet", "balcony").come()
    known = await services(juliet)
    kinds = [(service["type"], service["transport"]) for service in known]
    check(kinds == [("stun", "udp"), ("turn", "udp"), ("turn", "tcp"), ("turns", "tcp")], f"all are told of: {kinds}")
    stun, udp, tcp, tls = known

    code, said = await run("turnutils_stunclient", "-p", stun["port"], "127.0.0.1")
    check(code == 0 and "127.0.0.1" in said, f"turnutils_stunclient hears where it comes from: {said!r}")

    peer = free_port()
    echo = Process(rialto.folder, "peer", ["turnutils_peer", "-p", str(peer), "-L", "127.0.0.1"])
    time.sleep(0.5)
    try:
        well, said = await relays(udp, peer)
        check(well, f"packets go over UDP to the peer and back: {said!r}")
        well, said = await relays(udp, peer, "-s")
        check(well, f"and with send indications instead of channels: {said!r}")
        well, said = await relays(tcp, peer, "-t")
        check(well, f"and over TCP: {said!r}")
        well, said = await relays(tls, peer, "-t", "-S")
        check(well, f"and over TLS: {said!r}")
        well, said = await relays(udp, peer, password="sesame")
        check(not well, "but not with a wrong password")
        expired = f"{int(time.time()) - 60}:{udp['username'].split(':')[1]}"
        well, said = await relays(udp, peer, username=expired)
        check(not well, "nor with credentials that have ended")
    finally:
        echo.stop()
    check("answers STUN" in rialto.run("check"), "rialto check says that it answers")
    await juliet.go()


play(story, settings=settings(free_port(), free_port()))
