"""slixmpp: who one is: cards and pictures with their conversion both ways (XEP-0054, 0084, 0153, 0292, 0398), and what one
tells about oneself (XEP-0080, 0107, 0108, 0118, 0152, 0163, 0172, 0196), as contacts and strangers see it.

needs: slixmpp
"""

import hashlib

from slixmpp import JID

from people import Person, befriend, play, refused, told
from rialto import check

ABOUT_ONESELF = ("xep_0080", "xep_0107", "xep_0108", "xep_0118", "xep_0152", "xep_0172", "xep_0196", "xep_0292")
PLUGINS = ("xep_0030", "xep_0054", "xep_0084", "xep_0153", "xep_0163", *ABOUT_ONESELF)
JULIET = JID("juliet@localhost")
DAY, NIGHT = b"\x89PNG\r\n\x1a\n by day", b"\x89PNG\r\n\x1a\n by night"


def named(picture):
    return hashlib.sha1(picture).hexdigest()


def shows(picture):
    """Fits a presence of juliet's with this picture; None is none."""
    wanted = named(picture) if picture else ""

    def fits(stanza):
        update = stanza.get_plugin("vcard_temp_update", check=True) if stanza.name == "presence" else None
        return update is not None and stanza["from"].bare == JULIET.bare and (update["photo"] or "") == wanted
    return fits


def open_to_all(person):
    options = person.plugin["xep_0004"].make_form("submit")
    options.add_field(var="FORM_TYPE", ftype="hidden", value="http://jabber.org/protocol/pubsub#publish-options")
    options.add_field(var="pubsub#access_model", value="open")
    return options


def first(event):
    return event["pubsub_event"]["items"]["item"]


async def cards(romeo, juliet, nurse):
    """XEP-0054."""
    card = juliet.plugin["xep_0054"].make_vcard()
    card["FN"], card["N"]["GIVEN"], card["N"]["FAMILY"] = "Juliet Capulet", "Juliet", "Capulet"
    card["NOTE"] = "Wherefore art thou"
    await juliet.plugin["xep_0054"].publish_vcard(card, timeout=10)
    for person in (romeo, nurse):
        seen = (await person.plugin["xep_0054"].get_vcard(JULIET, timeout=10))["vcard_temp"]
        check((seen["FN"], seen["N"]["FAMILY"]) == ("Juliet Capulet", "Capulet"), f"{person.boundjid} reads juliet's card")
    await refused("nobody writes another's card", "forbidden",
                  romeo.plugin["xep_0054"].publish_vcard(card, jid=JULIET, timeout=10))
    await refused("who has written none has none", "item-not-found",
                  romeo.plugin["xep_0054"].get_vcard(JID("nurse@localhost"), timeout=10))


async def from_card(romeo, juliet, nurse):
    """XEP-0153 to XEP-0084 (XEP-0398 §4.2)."""
    event = await told("a photo in the card is an avatar to contacts", romeo, "avatar_metadata_publish",
                       juliet.plugin["xep_0153"].set_avatar(avatar=DAY, mtype="image/png", timeout=10))
    info = first(event)["avatar_metadata"]["info"]
    check((info["id"], info["bytes"], info["type"]) == (named(DAY), len(DAY), "image/png"), f"described as it is: {info}")
    await romeo.hear("juliet's presence has its hash", shows(DAY))
    for person in (romeo, nurse):
        found = await person.plugin["xep_0084"].retrieve_avatar(JULIET, info["id"], timeout=10)
        check(found["pubsub"]["items"]["item"]["avatar_data"]["value"] == DAY, f"{person.boundjid} reads the avatar")
    seen = (await romeo.plugin["xep_0054"].get_vcard(JULIET, timeout=10))["vcard_temp"]
    check(seen["FN"] == "Juliet Capulet", "the rest of the card is as it was")


async def to_card(romeo, juliet, nurse):
    """XEP-0084 to XEP-0153 (XEP-0398 §4.1)."""
    avatars = juliet.plugin["xep_0084"]
    await avatars.publish_avatar(NIGHT, options=open_to_all(juliet), timeout=10)
    about = {"id": avatars.generate_id(NIGHT), "type": "image/png", "bytes": len(NIGHT), "width": "64", "height": "64"}
    event = await told("contacts hear of a new avatar", romeo, "avatar_metadata_publish",
                       avatars.publish_avatar_metadata(about, options=open_to_all(juliet), timeout=10))
    check(first(event)["avatar_metadata"]["info"]["width"] == 64, "as it was described")
    await romeo.hear("their presence has the new hash", shows(NIGHT))
    for person in (romeo, nurse):
        photo = (await person.plugin["xep_0054"].get_vcard(JULIET, timeout=10))["vcard_temp"]["PHOTO"]
        check((photo["TYPE"], photo["BINVAL"]) == ("image/png", NIGHT), f"{person.boundjid} sees it in the card")
    found = await romeo.plugin["xep_0084"].retrieve_avatar(JULIET, named(NIGHT), timeout=10)
    check(found["pubsub"]["items"]["item"]["avatar_data"]["value"] == NIGHT, "and as an avatar")

    await refused("an avatar that is too large is refused", "not-acceptable",
                  avatars.publish_avatar(bytes(150_000), timeout=10))
    photo = (await romeo.plugin["xep_0054"].get_vcard(JULIET, timeout=10))["vcard_temp"]["PHOTO"]
    check(photo["BINVAL"] == NIGHT, "and the one before stays")
    romeo.heard.clear()
    await told("an empty description takes it away", romeo, "avatar_metadata_publish", avatars.stop(timeout=10))
    await romeo.hear("from presence too", shows(None))
    seen = (await romeo.plugin["xep_0054"].get_vcard(JULIET, timeout=10))["vcard_temp"]
    check(seen["PHOTO"]["BINVAL"] in ("", b"", None), "and from the card")


async def oneself(romeo, juliet, nurse):
    """What is published reaches the contacts who want to know, as their plug-ins read it."""
    mine, hears = juliet.plugin, "contacts hear of"
    got = first(await told(f"{hears} a nick", romeo, "user_nick_publish", mine["xep_0172"].publish_nick("Jule")))
    check(got["nick"]["nick"] == "Jule", "the nick")
    got = first(await told(f"{hears} a mood", romeo, "user_mood_publish", mine["xep_0107"].publish_mood("in_love", "ay me")))
    check((got["mood"]["value"], got["mood"]["text"]) == ("in_love", "ay me"), "the mood")
    got = first(await told(f"{hears} an activity", romeo, "user_activity_publish",
                           mine["xep_0108"].publish_activity("relaxing", "partying")))
    check(got["activity"]["value"] == ("relaxing", "partying"), "the activity")
    got = first(await told(f"{hears} a tune", romeo, "user_tune_publish",
                           mine["xep_0118"].publish_tune(artist="Prokofiev", title="Dance of the Knights")))
    check(got["tune"]["title"] == "Dance of the Knights", "the tune")
    got = first(await told(f"{hears} a game", romeo, "user_gaming_publish", mine["xep_0196"].publish_gaming(name="Chess")))
    check(got["gaming"]["name"] == "Chess", "the game")
    got = first(await told(f"{hears} a place", romeo, "user_location_publish",
                           mine["xep_0080"].publish_location(locality="Verona", lat=45.4)))
    check((got["geoloc"]["locality"], got["geoloc"]["lat"]) == ("Verona", 45.4), "the place")
    got = first(await told(f"{hears} addresses", romeo, "reachability_publish",
                           mine["xep_0152"].publish_reachability([{"uri": "tel:+390458001111"}])))
    check(got["reach"]["address"]["uri"] == "tel:+390458001111", "the address")
    await told(f"{hears} a new card", romeo, "vcard4_publish", mine["xep_0292"].publish_vcard(full_name="Juliet Capulet"))
    card = await romeo.plugin["xep_0292"].retrieve_vcard(JULIET, timeout=10)
    check(card["pubsub"]["items"]["item"]["vcard"]["full_name"] == "Juliet Capulet", "and read it")
    await refused("strangers do not", "not-authorized", nurse.plugin["xep_0292"].retrieve_vcard(JULIET, timeout=10))
    check(not [str(stanza) for stanza in nurse.heard if "pubsub#event" in str(stanza)], "and hear of nothing")
    got = first(await told("an empty tune is told", romeo, "user_tune_publish", mine["xep_0118"].stop()))
    check(got["tune"]["title"] == "", "and empty")


async def story(rialto):
    romeo = await Person(rialto, "romeo", "orchard", PLUGINS).come()
    juliet = await Person(rialto, "juliet", "balcony", PLUGINS).come()
    nurse = await Person(rialto, "nurse", "hall", PLUGINS).come()
    await befriend(romeo, juliet)
    romeo.send_presence()
    await romeo.plugin["xep_0030"].get_info(jid="localhost", timeout=10)
    for act in (cards, from_card, to_card, oneself):
        await act(romeo, juliet, nurse)
    for person in (romeo, juliet, nurse):
        await person.go()


play(story)
