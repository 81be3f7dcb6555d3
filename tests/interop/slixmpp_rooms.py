"""slixmpp: a room is made, configured, talked in, read back, left and destroyed (XEP-0045, 0313, 0410).

needs: slixmpp
"""

from people import Person, message, play, presence
from rialto import check

PLUGINS = ("xep_0030", "xep_0045", "xep_0313", "xep_0199")
ROOM = "lounge@rooms.localhost"


async def story(rialto):
    romeo = await Person(rialto, "romeo", "orchard", PLUGINS).come()
    juliet = await Person(rialto, "juliet", "balcony", PLUGINS).come()

    await romeo.plugin["xep_0045"].join_muc_wait(ROOM, "Romeo", timeout=15)
    form = await romeo.plugin["xep_0045"].get_room_config(ROOM)
    fields = form.get_fields()
    check("muc#roomconfig_roomname" in fields, "the owner has the form")
    form.reply()
    answers = form.get_values()
    answers.update({"muc#roomconfig_roomname": "The Lounge", "muc#roomconfig_persistentroom": True})
    form["type"] = "submit"
    form.set_values(answers)
    await romeo.plugin["xep_0045"].set_room_config(ROOM, form)
    info = await juliet.plugin["xep_0030"].get_info(ROOM, timeout=10)
    check(("conference", "text", None, "The Lounge") in info["disco_info"]["identities"], "the room has its name")
    rooms = await juliet.plugin["xep_0030"].get_items("rooms.localhost", timeout=10)
    listed = [str(item[0]) for item in rooms["disco_items"]["items"]]
    check(ROOM in listed, f"and is listed: {listed}")

    await juliet.plugin["xep_0045"].join_muc_wait(ROOM, "Juliet", timeout=15)
    await romeo.hear("romeo sees juliet in the room", presence(f"{ROOM}/Juliet"))
    await juliet.say(ROOM, "good night", "groupchat")
    await romeo.hear("romeo hears her", message("good night", f"{ROOM}/Juliet"))
    await juliet.hear("and so does she", message("good night", f"{ROOM}/Juliet"))
    romeo.plugin["xep_0045"].set_subject(ROOM, "Parting")
    await juliet.hear("the subject is set", lambda s: s.name == "message" and s["subject"] == "Parting")
    await romeo.say(f"{ROOM}/Juliet", "psst")
    await juliet.hear("a private message", message("psst", f"{ROOM}/Romeo"))

    found = []
    async for result in juliet.plugin["xep_0313"].iterate(jid=ROOM):
        found.append(result["mam_result"]["forwarded"]["stanza"]["body"])
    check("good night" in found and "psst" not in found, "the room's archive has what was said to all")
    seconds = await juliet.plugin["xep_0199"].ping(f"{ROOM}/Juliet", timeout=10)
    check(seconds < 10, "the room answers for juliet's own nick")

    juliet.plugin["xep_0045"].leave_muc(ROOM, "Juliet")
    await romeo.hear("romeo sees her leave", presence(f"{ROOM}/Juliet", "unavailable"))
    _, subject, _, history = await juliet.plugin["xep_0045"].join_muc_wait(ROOM, "Juliet", timeout=15)
    check([m["body"] for m in history][-1:] == ["good night"], "she is told what was said")
    check(subject["subject"] == "Parting", "and the subject")

    await romeo.plugin["xep_0045"].set_affiliation(ROOM, "outcast", jid="nurse@localhost")
    nurse = await Person(rialto, "nurse", "hall", PLUGINS).come()
    try:
        await nurse.plugin["xep_0045"].join_muc_wait(ROOM, "Nurse", timeout=10)
        check(False, "who is banned stays outside")
    except Exception as error:  # slixmpp raises PresenceError
        check("forbidden" in str(getattr(error, "condition", error)), "who is banned stays outside")
    await romeo.plugin["xep_0045"].destroy(ROOM)
    await juliet.hear("the room is destroyed", presence(f"{ROOM}/Juliet", "unavailable"))
    for person in (romeo, juliet, nurse):
        await person.go()


play(story)
