"""slixmpp: receipts, markers, corrections, reactions, replies, retractions and calls (XEP-0184, 0333, 0308, 0444, 0461,
0424, 0353) reach who is there, all of his devices, his archive, and who was away.

needs: slixmpp
"""

import asyncio

from people import Person, play
from rialto import check

PLUGINS = ("xep_0184", "xep_0333", "xep_0308", "xep_0444", "xep_0461", "xep_0424", "xep_0353", "xep_0280", "xep_0313",
           "xep_0352", "xep_0199")


def carries(tag):
    """Fits a message with such an element anywhere in it."""
    return lambda stanza: stanza.name == "message" and any(True for _ in stanza.xml.iter(tag))


SAID = {
    "a receipt": "{urn:xmpp:receipts}received",
    "a marker": "{urn:xmpp:chat-markers:0}displayed",
    "a correction": "{urn:xmpp:message-correct:0}replace",
    "a reaction": "{urn:xmpp:reactions:0}reactions",
    "a reply": "{urn:xmpp:reply:0}reply",
    "a retraction": "{urn:xmpp:message-retract:1}retract",
    "a call": "{urn:xmpp:jingle-message:0}propose",
}


def say_all(romeo, to):
    """One of each."""
    receipt = romeo.make_message(mto=to, mtype="chat")
    receipt["receipt"] = "m0"
    receipt.send()
    romeo.plugin["xep_0333"].send_marker(to, "m0", "displayed")
    romeo.plugin["xep_0308"].build_correction(id_to_replace="m0", mto=to, mbody="soft, what light").send()
    romeo.plugin["xep_0444"].send_reactions(to, "m0", ["👋"])
    romeo.plugin["xep_0461"].send_reply(reply_to="juliet@localhost", reply_id="m0", mto=to, mtype="chat", mbody="ay me")
    romeo.plugin["xep_0424"].send_retraction(to, "m0")
    romeo.plugin["xep_0353"].propose(to, "c1", [("urn:xmpp:jingle:apps:rtp:1", "audio")])


async def hears_all(person, how):
    for what, tag in SAID.items():
        await person.hear(f"{what} {how}", carries(tag))


async def story(rialto):
    romeo = await Person(rialto, "romeo", "orchard", PLUGINS).come()
    juliet = await Person(rialto, "juliet", "balcony", PLUGINS).come()
    desk = await Person(rialto, "juliet", "desk", PLUGINS).come()
    await desk.plugin["xep_0280"].enable()
    say_all(romeo, juliet.boundjid)
    await hears_all(juliet, "reaches the device it was for")
    await hears_all(desk, "is copied to the other")

    found = [result["mam_result"]["forwarded"]["stanza"] async for result in
             juliet.plugin["xep_0313"].iterate(rsm={"max": 50})]
    for what, tag in SAID.items():
        check(any(True for stanza in found for _ in stanza.xml.iter(tag)), f"{what} is in the archive")
    await desk.go()
    await juliet.go()
    await asyncio.sleep(0.5)
    say_all(romeo, romeo.make_message(mto="juliet@localhost")["to"])
    juliet = await Person(rialto, "juliet", "balcony", PLUGINS).come()
    await hears_all(juliet, "waits for who was away")

    juliet.plugin["xep_0352"].send_inactive()
    await juliet.plugin["xep_0199"].ping("localhost", timeout=10)
    romeo.send_presence(pto=juliet.boundjid, pstatus="one")
    romeo.send_presence(pto=juliet.boundjid, pstatus="two")
    is_presence = lambda stanza: stanza.name == "presence" and stanza["from"] == romeo.boundjid
    await juliet.hears_no("presence waits while nobody looks", is_presence)
    await romeo.say("juliet@localhost", "look here")
    await juliet.hear("words do not", lambda stanza: stanza.name == "message" and stanza["body"] == "look here")
    came = [stanza["status"] for stanza in juliet.heard if is_presence(stanza)]
    check(came == ["two"], f"they bring the newest presence along, and no other: {came}")
    await romeo.go()
    await juliet.go()


play(story)
