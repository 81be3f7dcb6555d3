"""slixmpp: two people add each other, see each other come and go, and part again.

needs: slixmpp
"""

from people import Person, play, presence
from rialto import check


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

    for person, other in ((romeo, "juliet@localhost"), (juliet, "romeo@localhost")):
        answer = await person.get_roster()
        item = answer["roster"]["items"]
        check([str(jid) for jid in item] == [other], f"{person.boundjid} has one contact: {list(item)}")
        check(item[slixmpp_jid(other)]["subscription"] == "both", f"{person.boundjid} and {other} see each other")

    await juliet.go()
    await romeo.hear("romeo sees juliet leave", presence("juliet@localhost/balcony", "unavailable"))
    juliet = await Person(rialto, "juliet", "balcony").come()
    await romeo.hear("romeo sees juliet come back", presence("juliet@localhost/balcony"))
    await juliet.hear("juliet is told that romeo is there", presence("romeo@localhost/orchard"))

    await romeo.del_roster_item("juliet@localhost")
    await juliet.hear("juliet is told of the end", presence("romeo@localhost", "unsubscribed"))
    answer = await romeo.get_roster()
    check(not answer["roster"]["items"], "romeo's roster is empty")
    await romeo.go()
    await juliet.go()


def slixmpp_jid(text):
    from slixmpp import JID

    return JID(text)


play(story)
