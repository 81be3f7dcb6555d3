"""slixmpp: a chat from two devices at once (XEP-0280), words for someone who is away, ping, version and disco.

needs: slixmpp
"""

from people import Person, message, play
from rialto import check

PLUGINS = ("xep_0030", "xep_0199", "xep_0092", "xep_0280")


async def story(rialto):
    romeo = await Person(rialto, "romeo", "orchard", PLUGINS).come()
    phone = await Person(rialto, "romeo", "phone", PLUGINS).come()
    await phone.plugin["xep_0280"].enable()
    await romeo.plugin["xep_0280"].enable()
    check(True, "carbons are on")

    await romeo.say("juliet@localhost", "you are away")
    juliet = await Person(rialto, "juliet", "balcony").come()
    late = await juliet.hear("what was said to juliet while she was away waits for her", message("you are away"))
    check(late.xml.find("{urn:xmpp:delay}delay") is not None, "and says that it is late")

    def copy(way, body):
        def fits(stanza):
            found = stanza.xml.find(f"{{urn:xmpp:carbons:2}}{way}")
            inner = found is not None and found.find(".//{jabber:client}body")
            return inner is not None and inner is not False and inner.text == body
        return fits

    await phone.hear("the phone has a copy of what was sent", copy("sent", "you are away"))
    await juliet.say("romeo@localhost/orchard", "now I am here")
    await romeo.hear("romeo hears the answer", message("now I am here"))
    wrapped = await phone.hear("the phone has a copy of it", copy("received", "now I am here"))
    check(str(wrapped["from"]) == "romeo@localhost", "which comes from romeo's own account")

    for number in range(50):
        await juliet.say("romeo@localhost/orchard", f"word {number}")
    for number in range(50):
        heard = await romeo.hear(f"word {number} comes", lambda s: s.name == "message" and s["body"].startswith("word"))
        check(heard["body"] == f"word {number}", "in its order")

    seconds = await romeo.plugin["xep_0199"].ping("localhost", timeout=10)
    check(seconds < 10, "the server answers a ping")
    version = await romeo.plugin["xep_0092"].get_version("localhost", timeout=10)
    check(version["software_version"]["name"] == "Rialto", "and says what it is")
    info = await romeo.plugin["xep_0030"].get_info("localhost", timeout=10)
    check("urn:xmpp:carbons:2" in info["disco_info"]["features"], "and what it can")
    for person in (romeo, phone, juliet):
        await person.go()


play(story)
