"""Gajim and Dino with OMEMO (XEP-0384): each reads what the other wrote, and the server never does.

Then something without OMEMO, and in a room. What a client shows is read from its own history.
RIALTO_SCREENS=FOLDER keeps pictures of how it ended.

needs: slixmpp gajim gajim-omemo dino-im Xvfb xdotool dbus-daemon
"""

import os
from xml.etree import ElementTree

from slixmpp.exceptions import IqError

from dino import Dino, Onion
from gajim import Gajim
from people import Person, message, play, presence
from rialto import check

ANSWER, SECRET = "my bounty is as boundless as the sea", "with loves light wings did i oerperch these walls"
LATE, PLAIN, ALL = "i would i were thy bird", "madam i come anon", "come let us in and talk"
LEGACY = "eu.siacs.conversations.axolotl"
PLUGINS = ("xep_0030", "xep_0045", "xep_0059", "xep_0060", "xep_0313")
TIME = 200


async def bookmark(person, room):
    """The room is entered by all clients of the person's (XEP-0402)."""
    conference = ElementTree.Element("{urn:xmpp:bookmarks:1}conference", {"autojoin": "true", "name": "The Lounge"})
    ElementTree.SubElement(conference, "{urn:xmpp:bookmarks:1}nick").text = person.boundjid.user
    await person.plugin["xep_0060"].publish(None, "urn:xmpp:bookmarks:1", id=room, payload=conference, timeout=30)


async def devices(person, whose):
    """The keys of all devices that somebody's contact can fetch (XEP-0384 0.3, §4.3)."""
    pubsub, bundles = person.plugin["xep_0060"], []
    try:
        items = await pubsub.get_items(whose, f"{LEGACY}.devicelist", timeout=30)
        for device in items.xml.iter(f"{{{LEGACY}}}device"):
            bundles.append(await pubsub.get_items(whose, f"{LEGACY}.bundles:{device.get('id')}", timeout=30))
    except IqError as error:
        check(error.condition == "item-not-found", f"{whose} has published no keys so far")
    return bundles


async def tell(speaker, hearer, words, encryption):
    """Says something until the other shows it."""
    how = f"under {encryption}" if encryption else "in the clear"
    await hearer.until(f"{hearer.name} shows what {speaker.name} said {how}", lambda: encryption in hearer.has(words),
                       lambda: speaker.say(hearer.jid, words))


async def kept(person):
    """All that the server's archive has for somebody (XEP-0313)."""
    return [str(result["mam_result"]["forwarded"]["stanza"])
            async for result in person.plugin["xep_0313"].iterate(rsm={"max": 50})]


async def with_omemo(romeo, juliet, at_gajim, at_dino):
    for desk, contact in ((at_gajim, juliet), (at_dino, romeo)):
        found = []

        async def ask():
            found.extend(await devices(contact, desk.jid))
        await desk.until(f"{desk.name} has published its keys", lambda: found, ask, every=1.0)
    await tell(at_dino, at_gajim, ANSWER, "OMEMO")
    await tell(at_gajim, at_dino, SECRET, "OMEMO")
    await at_dino.go()
    await at_gajim.until("something is said while Dino is away", lambda: at_gajim.has(LATE),
                         lambda: at_gajim.say(at_dino.jid, LATE))
    await at_dino.come()
    await at_dino.until("Dino finds it in the archive, and decrypts it", lambda: "OMEMO" in at_dino.has(LATE))
    for person in (romeo, juliet):
        archive = await kept(person)
        encrypted = [stanza for stanza in archive if f'<encrypted xmlns="{LEGACY}"' in stanza and "<payload>" in stanza]
        check(len(encrypted) >= 3, f"{person.boundjid.user}'s archive has what is encrypted")
        check(not any(words in stanza for stanza in archive for words in (ANSWER, SECRET, LATE)), "and not a word of it")


async def without(nurse, room, at_gajim, at_dino):
    for desk in (at_gajim, at_dino):
        await nurse.say(desk.jid, PLAIN)
        await desk.until(f"{desk.name} shows what is not encrypted", lambda: None in desk.has(PLAIN))
        await nurse.hear(f"{desk.name} is in the room", presence(f"{room}/{desk.person}"), 60)
    await nurse.say(room, ALL, "groupchat")
    for desk in (at_gajim, at_dino):
        await desk.until(f"{desk.name} shows what is said in the room", lambda: None in desk.has(ALL))


async def story(rialto):
    room, people = f"lounge@rooms.{rialto.domain}", [f"{name}@{rialto.domain}" for name in rialto.people]
    rialto.run("circle", "create", "verona")
    rialto.run("circle", "add", "verona", *people)
    romeo, juliet = [await Person(rialto, name, "script", PLUGINS).come(presence=False) for name in ("romeo", "juliet")]
    nurse = await Person(rialto, "nurse", "hall", PLUGINS).come()
    await nurse.plugin["xep_0045"].join_muc_wait(room, "nurse", timeout=30)
    await nurse.plugin["xep_0045"].set_room_config(room, nurse.plugin["xep_0004"].make_form("submit"))
    for person in (romeo, juliet):
        await bookmark(person, room)
    async with Onion(rialto.port) as onion:
        with Gajim(rialto, "romeo", "juliet") as at_gajim, Dino(rialto, onion, "juliet", "romeo") as at_dino:
            await at_gajim.come()
            await at_dino.come()
            await with_omemo(romeo, juliet, at_gajim, at_dino)
            await without(nurse, room, at_gajim, at_dino)
            if folder := os.environ.get("RIALTO_SCREENS"):
                for desk in (at_gajim, at_dino):
                    desk.picture(f"{folder}/{desk.name}.png")
    for person in (romeo, juliet, nurse):
        await person.go()


play(story, patience=TIME, domain="rialto.onion")
