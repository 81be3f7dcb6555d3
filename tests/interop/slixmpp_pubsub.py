"""slixmpp: what one publishes for oneself and for contacts, and a node of a community.

needs: slixmpp
"""

import asyncio
from types import SimpleNamespace
from xml.etree import ElementTree

from people import Person, befriend, play, refused
from rialto import check

PLUGINS = ("xep_0030", "xep_0060", "xep_0115", "xep_0163", "xep_0172", "xep_0222", "xep_0223")
NICK = "http://jabber.org/protocol/nick"
EVENT = "{http://jabber.org/protocol/pubsub#event}"
NEWS = "pubsub.localhost"


def event(node, sender):
    """Fits a notification about a node."""
    return lambda s: s.name == "message" and s["from"].bare == sender and any(
        items.get("node") == node for items in s.xml.iter(f"{EVENT}items"))


def entry(text):
    payload = ElementTree.Element("{urn:example:entry}entry")
    payload.text = text
    return payload


async def personal(romeo, juliet):
    """XEP-0163, XEP-0172, XEP-0223."""
    info = await juliet.plugin["xep_0030"].get_info(jid="juliet@localhost")
    identities = {identity[:2] for identity in info["disco_info"]["identities"]}
    check(("pubsub", "pep") in identities, "an account says that it has nodes")
    romeo.plugin["xep_0163"].add_interest(NICK)
    await romeo.plugin["xep_0115"].update_caps()
    romeo.send_presence()
    await asyncio.sleep(0.5)  # romeo is asked what his capabilities mean
    await juliet.plugin["xep_0172"].publish_nick(nick="Jule")
    told = await romeo.hear("a contact who wants to hears of a nick", event(NICK, "juliet@localhost"))
    check("Jule" in str(told), "and reads it")
    found = await romeo.plugin["xep_0060"].get_items("juliet@localhost", NICK)
    check("Jule" in str(found), "and reads it again")
    await juliet.plugin["xep_0223"].store(SimpleNamespace(xml=entry("secret")), node="urn:example:private", id="current")
    await refused("nobody else reads what is private", "not-allowed",
                  romeo.plugin["xep_0060"].get_items("juliet@localhost", "urn:example:private"))
    found = await juliet.plugin["xep_0223"].retrieve("urn:example:private")
    check("secret" in str(found), "its owner reads it")


async def community(romeo, juliet):
    """XEP-0060."""
    nodes = juliet.plugin["xep_0060"]
    await nodes.create_node(NEWS, "news")
    await romeo.plugin["xep_0060"].subscribe(NEWS, "news")
    await nodes.publish(NEWS, "news", id="1", payload=entry("first"))
    told = await romeo.hear("a subscriber is told", event("news", NEWS))
    check("first" in str(told), "with what was published")
    await refused("who is no publisher does not publish", "forbidden",
                  romeo.plugin["xep_0060"].publish(NEWS, "news", payload=entry("no")))
    await nodes.modify_affiliations(NEWS, "news", affiliations=[("romeo@localhost", "publisher")])
    await romeo.plugin["xep_0060"].publish(NEWS, "news", id="2", payload=entry("second"))
    found = await nodes.get_items(NEWS, "news")
    check([item["id"] for item in found["pubsub"]["items"]] == ["1", "2"], "both items are there, in their order")
    form = (await nodes.get_node_config(NEWS, "news"))["pubsub_owner"]["configure"]["form"]
    check(form.get_values()["pubsub#access_model"] == "open", "the configuration can be read")
    await nodes.retract(NEWS, "news", "1", notify=True)
    await romeo.hear("a retraction is told", lambda s: event("news", NEWS)(s) and "retract" in str(s))
    await nodes.delete_node(NEWS, "news")
    await refused("a node that is deleted is gone", "item-not-found", nodes.get_items(NEWS, "news"))


async def story(rialto):
    romeo = await Person(rialto, "romeo", "orchard", PLUGINS).come()
    juliet = await Person(rialto, "juliet", "balcony", PLUGINS).come()
    await befriend(romeo, juliet)
    await personal(romeo, juliet)
    await community(romeo, juliet)
    await romeo.go()
    await juliet.go()


play(story)
