"""XEP-0065 with slixmpp's plug-in: two people find the proxy, meet there, and send each other bytes; strangers do not.

needs: slixmpp
"""

import asyncio

from slixmpp.exceptions import IqError

from people import Person, play
from rialto import check


async def story(rialto):
    plugins = ("xep_0065",)
    romeo = await Person(rialto, "romeo", "orchard", plugins).come()
    juliet = await Person(rialto, "juliet", "balcony", plugins).come()
    juliet.plugin["xep_0065"].auto_accept = True
    proxies = await romeo.plugin["xep_0065"].discover_proxies(timeout=10)
    check(str(list(proxies)) == "[JID('proxy.localhost')]" or [str(p) for p in proxies] == ["proxy.localhost"],
          "the proxy is found")
    check(int(next(iter(proxies.values()))[1]) == rialto.proxy_port, "at its port")

    heard, whole = bytearray(), asyncio.Event()
    rose = bytes(range(256)) * 2000

    def keep(data):
        heard.extend(data)
        if len(heard) >= len(rose):
            whole.set()

    juliet.add_event_handler("socks5_data", keep)
    answered = asyncio.Event()
    romeo.add_event_handler("socks5_data", lambda data: answered.set() if data == b"got it" else None)
    closed = asyncio.Event()
    juliet.add_event_handler("socks5_closed", lambda _: closed.set())
    theirs = asyncio.get_running_loop().create_future()
    juliet.add_event_handler("socks5_stream", theirs.set_result)

    ours = await romeo.plugin["xep_0065"].handshake(juliet.boundjid, sid="rose", timeout=15)
    check(ours is not None, "both are connected, and the stream is activated")
    check("transfers   1" in rialto.run("status"), "the operator sees it")
    for at in range(0, len(rose), 4096):
        await ours.write(rose[at:at + 4096])
    await asyncio.wait_for(whole.wait(), 20)
    check(bytes(heard) == rose, "half a megabyte arrives as it was sent")
    await (await theirs).write(b"got it")
    await asyncio.wait_for(answered.wait(), 10)
    check(True, "and an answer comes back")
    ours.transport.close()
    await asyncio.wait_for(closed.wait(), 10)
    check(True, "when one goes the other hears of it")
    try:
        await romeo.plugin["xep_0065"].activate("proxy.localhost", "rose", juliet.boundjid, timeout=10)
        check(False, "a stream is activated once")
    except IqError as error:
        check(error.condition == "item-not-found", "a stream is activated once")
    await romeo.go()
    await juliet.go()


play(story)
