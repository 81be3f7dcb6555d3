"""slixmpp: two people add each other, see each other come and go, and part again.

needs: slixmpp
"""

import asyncio

from people import Person, play, presence
from rialto import check


def contacts(person):
    """Who is on the roster as slixmpp keeps it, pushes and versions included."""
    roster = {str(jid): person.client_roster[jid]["subscription"] for jid in list(person.client_roster)}
    return {jid: agreed for jid, agreed in roster.items() if jid != person.boundjid.bare}


async def story(rialto):
    romeo = await Person(rialto, "romeo", "orchard").come()
    juliet = await Person(rialto, "juliet", "balcony", direct_tls=True).come()

    romeo.send_presence_subscription("juliet@localhost", ptype="subscribe")
    await juliet.hear("juliet is asked", presence("romeo@localhost", "subscribe"))
    juliet.send_presence_subscription("romeo@localhost", ptype="subscribed")
    juliet.send_presence_subscription("romeo@localhost", ptype="subscribe")
    await romeo.hear("romeo is granted", presence("juliet@localhost", "subscribed"))
    await romeo.hear("romeo sees juliet", presence("juliet@localhost/balcony"))
    await romeo.hear("romeo is asked", presence("juliet@localhost", "subscribe"))
    romeo.send_presence_subscription("juliet@localhost", ptype="subscribed")
    await juliet.hear("juliet sees romeo", presence("romeo@localhost/orchard"))

    await asyncio.sleep(0.3)  # the last push
    for person, other in ((romeo, "juliet@localhost"), (juliet, "romeo@localhost")):
        found = contacts(person)
        check(found == {other: "both"}, f"{person.boundjid} and {other} see each other: {found}")

    await juliet.go()
    await romeo.hear("romeo sees juliet leave", presence("juliet@localhost/balcony", "unavailable"))
    juliet = await Person(rialto, "juliet", "balcony").come()
    await romeo.hear("romeo sees juliet come back", presence("juliet@localhost/balcony"))
    await juliet.hear("juliet is told that romeo is there", presence("romeo@localhost/orchard"))

    await romeo.del_roster_item("juliet@localhost")
    await juliet.hear("juliet is told of the end", presence("romeo@localhost", "unsubscribed"))
    check(not contacts(romeo), f"romeo has no contacts any more: {contacts(romeo)}")
    await romeo.go()
    await juliet.go()


play(story)
