"""slixmpp: people in a room: who they are under any nick (XEP-0421), whether they are still there (XEP-0410), what they may
(XEP-0045) and wear (XEP-0317, with commands of XEP-0050), whom they mention (XEP-0513), how busy it is (XEP-0502), and how
they were invited.

needs: slixmpp
"""

import asyncio

from slixmpp import JID
from slixmpp.exceptions import PresenceError
from slixmpp.plugins.xep_0410 import PingStatus

from people import Person, message, play, presence, refused, told
from rialto import check

PLUGINS = ("xep_0004", "xep_0030", "xep_0045", "xep_0050", "xep_0128", "xep_0199", "xep_0317", "xep_0359", "xep_0410",
           "xep_0421", "xep_0502", "xep_0513")
ROOM = JID("lounge@rooms.localhost")
HAT = "http://tech.example.edu/hats#Poet"


async def enter(person, nick):
    """Enters, and gives the id that the room has for this person."""
    own, *_ = await person.plugin["xep_0045"].join_muc_wait(ROOM, nick, timeout=15)
    return own["occupant-id"]["id"]


async def configure(owner, **answers):
    form = await owner.plugin["xep_0045"].get_room_config(ROOM, timeout=10)
    form.reply()
    form["type"] = "submit"
    form.set_values({**form.get_values(), **{f"muc#roomconfig_{name}": value for name, value in answers.items()}})
    await owner.plugin["xep_0045"].set_room_config(ROOM, form, timeout=10)


async def identity(romeo, juliet, nurse):
    """XEP-0421."""
    his = await enter(romeo, "Romeo")
    await configure(romeo)
    feature = romeo.plugin["xep_0421"].namespace
    check(await romeo.plugin["xep_0030"].supports(ROOM, feature=feature), "the room has ids for people")
    hers = await enter(juliet, "Juliet")
    check(his and hers and his != hers, "everybody has one")
    await juliet.say(ROOM, "good night", "groupchat")
    heard = await romeo.hear("it is in messages", message("good night", f"{ROOM}/Juliet"))
    check(heard["occupant-id"]["id"] == hers, "the same")
    forged = juliet.make_message(mto=ROOM, mbody="I am romeo", mtype="groupchat")
    forged["occupant-id"]["id"] = his
    forged.send()
    heard = await romeo.hear("who takes another's", message("I am romeo"))
    check(heard["occupant-id"]["id"] == hers, "still has the own one")
    await juliet.plugin["xep_0045"].set_self_nick(ROOM, "Jule", timeout=10)
    seen = await romeo.hear("under another nick", presence(f"{ROOM}/Jule"))
    check(seen["occupant-id"]["id"] == hers, "it stays")
    juliet.plugin["xep_0045"].leave_muc(ROOM, "Jule")
    await romeo.hear("she leaves", presence(f"{ROOM}/Jule", "unavailable"))
    check(await enter(juliet, "Juliet") == hers, "and also when she comes back")
    return hers


async def still_there(romeo, juliet, nurse):
    """XEP-0410."""
    pings = juliet.plugin["xep_0410"]
    check(await pings.send_self_ping(JID(f"{ROOM}/Juliet"), timeout=10) == PingStatus.JOINED, "she is in the room")
    outside = await nurse.plugin["xep_0410"].send_self_ping(JID(f"{ROOM}/Nurse"), timeout=10)
    check(outside == PingStatus.DISCONNECTED, "who is not is told so")
    changed = asyncio.ensure_future(juliet.wait_until("muc_ping_changed", 15))
    pings.enable_self_ping(JID(f"{ROOM}/Juliet"), interval=0.3, timeout=10)
    check((await changed)["result"] == PingStatus.JOINED, "her client looks by itself")
    changed = asyncio.ensure_future(juliet.wait_until("muc_ping_changed", 15))
    juliet.heard.clear()
    await romeo.plugin["xep_0045"].set_role(ROOM, "Juliet", "none", reason="time to go", timeout=10)
    out = await juliet.hear("she is sent out", presence(f"{ROOM}/Juliet", "unavailable"))
    check(307 in out["muc"]["status_codes"] and "time to go" in str(out), "and told why")
    check((await changed)["result"] == PingStatus.DISCONNECTED, "and her client notices")
    pings.disable_self_ping(JID(f"{ROOM}/Juliet"))


async def rights(romeo, juliet, nurse):
    """XEP-0045: roles, affiliations, invitations."""
    rooms = romeo.plugin["xep_0045"]
    await configure(romeo, membersonly=True, moderatedroom=True)
    try:
        await enter(nurse, "Nurse")
        check(False, "who is no member stays outside")
    except PresenceError as error:
        check(error.condition == "registration-required", "who is no member stays outside")
    rooms.invite(ROOM, "nurse@localhost", "the feast")
    invited = await nurse.hear("somebody is invited", lambda s: s.name == "message" and s["muc"]["invite"]["reason"])
    check((invited["from"], invited["muc"]["invite"]["reason"]) == (ROOM, "the feast"), "by the room")
    nurse.plugin["xep_0045"].decline(ROOM, "romeo@localhost", "too old")
    await romeo.hear("and may decline", lambda s: s.name == "message" and s["muc"]["decline"]["reason"] == "too old")
    await rooms.set_affiliation(ROOM, "member", jid="juliet@localhost", timeout=10)
    members = await rooms.get_affiliation_list(ROOM, "member", timeout=10)
    check(set(members) == {"juliet@localhost", "nurse@localhost"}, f"members are listed, whoever was invited too: {members}")
    await enter(juliet, "Juliet")
    try:
        await enter(nurse, "Juliet")
        check(False, "a nick belongs to one")
    except PresenceError as error:
        check(error.condition == "conflict", "a nick belongs to one")
    await enter(nurse, "Nurse")
    check("Nurse" in await rooms.get_roles_list(ROOM, "participant", timeout=10), "members may speak")
    await rooms.set_role(ROOM, "Nurse", "visitor", timeout=10)
    await nurse.say(ROOM, "madam", "groupchat")
    back = await nurse.hear("who has no voice is told so", lambda s: s.name == "message" and s["type"] == "error")
    check(back["error"]["condition"] == "forbidden", "in the right words")
    nurse.plugin["xep_0045"].request_voice(ROOM, "participant")
    await romeo.hear("may ask for it", lambda s: s.name == "message" and "http://jabber.org/protocol/muc#request" in str(s))
    await rooms.set_role(ROOM, "Nurse", "participant", timeout=10)
    await nurse.say(ROOM, "madam!", "groupchat")
    await romeo.hear("and gets it", message("madam!", f"{ROOM}/Nurse"))
    await refused("who is no owner changes nothing", "forbidden",
                  juliet.plugin["xep_0045"].set_affiliation(ROOM, "owner", jid="juliet@localhost", timeout=10))


async def hats(romeo, juliet, nurse):
    """XEP-0317 §4, by commands."""
    async def command(person, name, **fields):
        form = person.plugin["xep_0004"].make_form("submit")
        form.add_field(var="FORM_TYPE", ftype="hidden", value="urn:xmpp:hats:commands")
        for var, value in fields.items():
            form.add_field(var=f"hats#{var}", value=value)
        return await person.plugin["xep_0050"].send_command(ROOM, f"urn:xmpp:hats:commands:{name}", payload=form, timeout=10)

    listed = await romeo.plugin["xep_0050"].get_commands(ROOM, timeout=10)
    check("urn:xmpp:hats:commands:assign" in str(listed), "the owner sees the commands of hats")
    await command(romeo, "create", title="Poet", uri=HAT, hue="240")
    await command(romeo, "assign", jid="juliet@localhost", uri=HAT)
    worn = await nurse.hear("a hat is seen", lambda s: presence(f"{ROOM}/Juliet")(s) and len(s["hats"]["hats"]) > 0)
    hat = worn["hats"]["hats"][0]
    check((hat["title"], hat["uri"], hat["hue"]) == ("Poet", HAT, 240.0), "as it was made")
    await refused("who is no owner gives none", "forbidden", command(nurse, "assign", jid="nurse@localhost", uri=HAT))


async def mentions(romeo, juliet, nurse, hers):
    """XEP-0513, XEP-0502."""
    said = romeo.make_message(mto=ROOM, mbody="Juliet, hark", mtype="groupchat")
    said["mention"]["begin"], said["mention"]["end"], said["mention"]["occupantid"] = 0, 6, hers
    heard = await told("somebody is mentioned", juliet, "mention", asyncio.sleep(0, said.send()))
    check((heard["mention"]["occupantid"], heard["mention"]["end"]) == (hers, 6), "she")
    for person, nick, allowed in ((romeo, "Romeo", True), (nurse, "Nurse", False)):
        said = person.make_message(mto=ROOM, mbody=f"{nick} calls all", mtype="groupchat")
        said["mention"].mention_group("channel")
        said.send()
        heard = await juliet.hear("somebody calls everybody", message(f"{nick} calls all"))
        kept = heard.get_plugin("mention", check=True) is not None
        check(kept == allowed, f"which {nick} {'may' if allowed else 'may not'}")
    check(await juliet.plugin["xep_0502"].get_activity(ROOM, timeout=10) is None, "a new room has no rate yet")


async def story(rialto):
    romeo = await Person(rialto, "romeo", "orchard", PLUGINS).come()
    juliet = await Person(rialto, "juliet", "balcony", PLUGINS).come()
    nurse = await Person(rialto, "nurse", "hall", PLUGINS).come()
    hers = await identity(romeo, juliet, nurse)
    for act in (still_there, rights, hats):
        await act(romeo, juliet, nurse)
    await mentions(romeo, juliet, nurse, hers)
    for person in (romeo, juliet, nurse):
        await person.go()


play(story)
