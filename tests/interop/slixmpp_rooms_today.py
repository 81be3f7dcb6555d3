"""slixmpp: moderation, retraction, hats, a room's picture and slow mode (XEP-0425, 0424, 0317, 0486, 0500).

needs: slixmpp
"""

import hashlib
import xml.etree.ElementTree as ET

from slixmpp import JID
from slixmpp.exceptions import IqError

from people import Person, message, play
from rialto import check

PLUGINS = ("xep_0030", "xep_0045", "xep_0050", "xep_0054", "xep_0313", "xep_0317", "xep_0359", "xep_0424", "xep_0425")
ROOM = "lounge@rooms.localhost"
HAT = "http://tech.example.edu/hats#Teacher"


def retraction(of):
    """Fits a message that takes back this one."""
    return lambda s: s.name == "message" and s["type"] == "groupchat" and s["retract"]["id"] == of


async def hat_command(person, name, **fields):
    """One stage of a command of the room, filled in at once."""
    iq = person.make_iq_set(ito=ROOM)
    command = ET.SubElement(iq.xml, "{http://jabber.org/protocol/commands}command", node=f"urn:xmpp:hats:commands:{name}")
    form = ET.SubElement(command, "{jabber:x:data}x", type="submit")
    for var, value in {"FORM_TYPE": "urn:xmpp:hats:commands", **{f"hats#{var}": value for var, value in fields.items()}}.items():
        field = ET.SubElement(form, "{jabber:x:data}field", var=var)
        ET.SubElement(field, "{jabber:x:data}value").text = value
    return await iq.send(timeout=10)


async def said(author, listener, nick, words):
    """Says something, and tells under which id the room has it."""
    await author.say(ROOM, words, "groupchat")
    heard = await listener.hear(f"{nick} says {words}", message(words, f"{ROOM}/{nick}"))
    return heard["stanza_id"]["id"]


async def story(rialto):
    romeo = await Person(rialto, "romeo", "orchard", PLUGINS).come()
    juliet = await Person(rialto, "juliet", "balcony", PLUGINS).come()
    await romeo.plugin["xep_0045"].join_muc_wait(ROOM, "Romeo", timeout=15)
    form = await romeo.plugin["xep_0045"].get_room_config(ROOM)
    form.reply()
    await romeo.plugin["xep_0045"].set_room_config(ROOM, form)
    await juliet.plugin["xep_0045"].join_muc_wait(ROOM, "Juliet", timeout=15)

    spam = await said(juliet, romeo, "Juliet", "free potions")
    await romeo.plugin["xep_0425"].moderate(JID(ROOM), spam, "no potions", timeout=10)
    told = await juliet.hear("juliet hears that a moderator took it back", retraction(spam))
    check(told["from"] == ROOM and told["retract"]["moderated"]["by"] == f"{ROOM}/Romeo", "the room says so, and who")
    check(told["retract"]["reason"] == "no potions", "and why")
    try:
        await juliet.plugin["xep_0425"].moderate(JID(ROOM), spam, timeout=10)
        check(False, "juliet is no moderator")
    except IqError as error:
        check(error.condition == "forbidden", "juliet is no moderator")

    wrong = await said(juliet, romeo, "Juliet", "wrong room")
    juliet.plugin["xep_0424"].send_retraction(JID(ROOM), wrong, "groupchat")
    await romeo.hear("juliet takes back her own words", retraction(wrong))
    tombstones = []
    async for result in romeo.plugin["xep_0313"].iterate(jid=ROOM):
        archived = result["mam_result"]["forwarded"]["stanza"]
        if archived["body"] in ("free potions", "wrong room"):
            check(False, f"the archive has not what was taken back: {archived}")
        if archived.xml.find("{urn:xmpp:message-retract:1}retracted") is not None:
            tombstones.append(result["mam_result"]["id"])
    check(tombstones == [spam, wrong], f"but tombstones: {tombstones}")

    await hat_command(romeo, "create", title="Teacher", uri=HAT, hue="120")
    await hat_command(romeo, "assign", jid="juliet@localhost", uri=HAT)
    worn = await romeo.hear("juliet wears a hat", lambda s: s.name == "presence" and s["from"] == f"{ROOM}/Juliet" and s.xml.find("{urn:xmpp:hats:0}hats") is not None)
    check(worn["hats"].xml.find("{urn:xmpp:hats:0}hat").get("uri") == HAT, "which slixmpp reads")

    picture = b"\x89PNG and so on"
    card = romeo.make_iq_set(ito=ROOM)
    card["vcard_temp"]["PHOTO"]["TYPE"] = "image/png"
    card["vcard_temp"]["PHOTO"]["BINVAL"] = picture
    await card.send(timeout=10)
    info = await juliet.plugin["xep_0030"].get_info(ROOM, timeout=10)
    check(hashlib.sha1(picture).hexdigest() in str(info), "the room shows the hash of its picture")
    shown = await juliet.plugin["xep_0054"].get_vcard(JID(ROOM), cached=False, timeout=10)
    check(shown["vcard_temp"]["PHOTO"]["BINVAL"] == picture, "and the picture itself")

    form = await romeo.plugin["xep_0045"].get_room_config(ROOM)
    form.reply()
    answers = form.get_values()
    answers["muc#roomconfig_slow_mode_duration"] = "600"
    form["type"] = "submit"
    form.set_values(answers)
    await romeo.plugin["xep_0045"].set_room_config(ROOM, form)
    await said(juliet, romeo, "Juliet", "one")
    await juliet.say(ROOM, "two", "groupchat")
    slow = await juliet.hear("the next message comes back", lambda s: s.name == "message" and s["type"] == "error")
    condition = slow["error"].xml.find("{urn:ietf:params:xml:ns:xmpp-stanzas}policy-violation")
    check(condition is not None and slow["error"]["type"] == "wait", f"with the right error: {slow}")
    await romeo.hears_no("and romeo does not hear it", message("two"))
    for person in (romeo, juliet):
        await person.go()


play(story)
