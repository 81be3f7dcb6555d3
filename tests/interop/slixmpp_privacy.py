"""slixmpp: blocking and reports (XEP-0191, 0377), what is archived (XEP-0441, 0313), and what waits for who is away, message by
message (XEP-0013, 0203).

needs: slixmpp
"""

import asyncio
from datetime import datetime, timedelta, timezone

from slixmpp import JID
from slixmpp.exceptions import IqError

from people import Person, befriend, message, play, presence, refused, told
from rialto import check

PLUGINS = ("xep_0013", "xep_0030", "xep_0059", "xep_0128", "xep_0191", "xep_0199", "xep_0203", "xep_0313", "xep_0377", "xep_0441")
ROMEO, NURSE = JID("romeo@localhost"), JID("nurse@localhost")


def error(kind):
    """Fits a message that comes back."""
    return lambda s: s.name == "message" and s["type"] == "error" and s["error"]["condition"] == kind


async def blocking(rialto, romeo, juliet, nurse):
    """XEP-0191."""
    desk = await Person(rialto, "juliet", "desk", PLUGINS).come()
    await desk.plugin["xep_0191"].get_blocked(timeout=10)
    mine = juliet.plugin["xep_0191"]
    pushed = await told("her other device hears of a block", desk, "blocked", mine.block({ROMEO, NURSE}, timeout=10))
    check({item["jid"] for item in pushed["block"]} == {ROMEO, NURSE}, "of whom")
    check(await desk.plugin["xep_0191"].get_blocked_jids(timeout=10) == {ROMEO, NURSE}, "and has the list")
    await romeo.hear("who is blocked sees her leave", presence("juliet@localhost/balcony", "unavailable"))
    await romeo.say("juliet@localhost", "forswear it, sight")
    await romeo.hear("his words come back", error("service-unavailable"))
    await refused("his questions too", "service-unavailable", romeo.plugin["xep_0199"].send_ping(juliet.boundjid, timeout=10))
    await juliet.hears_no("she hears nothing", message("forswear it, sight"))
    await juliet.say("romeo@localhost", "art thou gone so")
    back = await juliet.hear("nor does she write to him by mistake", error("not-acceptable"))
    check(back.xml.find(".//{urn:xmpp:blocking:errors}blocked") is not None, "which her client is told why")
    await refused("what is no address is not blocked", "jid-malformed", mine.block(["@localhost"], timeout=10))

    romeo.heard.clear()
    await told("the other device hears when it ends", desk, "unblocked", mine.unblock(ROMEO, timeout=10))
    await romeo.hear("he sees her again", presence("juliet@localhost/balcony"))
    await romeo.say("juliet@localhost", "I am here")
    await juliet.hear("and she hears him", message("I am here"))
    await told("the other block ends too", desk, "unblocked", mine.unblock(NURSE, timeout=10))
    check(await mine.get_blocked_jids(timeout=10) == set(), "and none is left")
    await desk.go()


async def reports(rialto, romeo, juliet, nurse):
    """XEP-0377."""
    check(await juliet.plugin["xep_0030"].supports("localhost", feature="urn:xmpp:reporting:1"), "the server takes reports")
    await juliet.plugin["xep_0377"].report(NURSE, reason="abuse", timeout=10)
    check("nurse@localhost" in rialto.run("report", "list"), "the operator sees who was reported")
    check(await juliet.plugin["xep_0191"].get_blocked_jids(timeout=10) == {NURSE}, "and she is blocked")
    await juliet.plugin["xep_0191"].unblock(NURSE, timeout=10)


async def archived(person):
    return [result["mam_result"]["forwarded"]["stanza"]["body"] async for result in
            person.plugin["xep_0313"].iterate(rsm={"max": 50})]


async def archiving(rialto, romeo, juliet, nurse):
    """XEP-0441."""
    prefs = juliet.plugin["xep_0441"]
    default, always, never = await prefs.get_preferences(timeout=10)
    check((default, set(always), set(never)) == ("always", set(), set()), "everything is archived unless one wants otherwise")
    await prefs.set_preferences("always", never=[ROMEO], timeout=10)
    await romeo.say("juliet@localhost", "off the record")
    await romeo.say("juliet@localhost", "still off the record")
    await juliet.hear("she hears him", message("still off the record"))
    await nurse.say("juliet@localhost", "madam!")
    await juliet.hear("and others", message("madam!"))
    kept = await archived(juliet)
    check("madam!" in kept and "off the record" not in kept, "what she does not want is not in her archive")
    check("off the record" in await archived(romeo), "it is in his")
    await prefs.set_preferences("never", always=[NURSE], timeout=10)
    kept = await prefs.get_preferences(timeout=10)
    check((kept[0], set(kept[1]), set(kept[2])) == ("never", {NURSE}, set()), "the wish is kept")
    await refused("what is no wish is refused", "bad-request", prefs.set_preferences("perhaps", timeout=10))
    about = await juliet.plugin["xep_0313"].get_archive_metadata(timeout=10)
    age = datetime.now(timezone.utc) - about["mam_metadata"]["end"]["timestamp"]
    check(abs(age) < timedelta(minutes=2), f"the archive tells how far it goes: {age}")


async def offline(rialto, romeo, juliet, nurse):
    """XEP-0013."""
    await juliet.go()
    await romeo.hear("she goes", presence("juliet@localhost/balcony", "unavailable"))
    for word in ("one", "two", "three"):
        await romeo.say("juliet@localhost", word)
    juliet = await Person(rialto, "juliet", "balcony", PLUGINS).come(presence=False)
    waits = juliet.plugin["xep_0013"]
    form = (await waits.get_count(timeout=10))["disco_info"]["form"]
    check(form.get_values()["number_of_messages"] == "3", "three wait")
    nodes = [item[1] for item in (await waits.get_headers(timeout=10))["disco_items"]["items"]]
    check(len(nodes) == 3, f"each has a name: {nodes}")
    answer = asyncio.get_running_loop().create_future()
    waits.view(sorted(nodes)[1:2], timeout=10, callback=answer.set_result)
    seen = [waiting["body"] for waiting in (await answer)["offline"]["results"]]
    check(seen == ["two"], f"one is read: {seen}")
    await waits.remove(sorted(nodes)[1:2], timeout=10)
    everything = asyncio.get_running_loop().create_future()
    waits.fetch(timeout=10, callback=everything.set_result)
    fetched = await everything
    if fetched["type"] == "error":
        raise IqError(fetched)
    results = fetched["offline"]["results"]
    check([waiting["body"] for waiting in results] == ["one", "three"], "the others are fetched")
    late = datetime.now(timezone.utc) - results[0]["delay"]["stamp"]
    check(timedelta(0) <= late < timedelta(minutes=1), f"and say how late they are: {late}")
    await refused("what does not wait is not found", "item-not-found", waits.remove(["yesterday"], timeout=10))
    await waits.purge(timeout=10)
    form = (await waits.get_count(timeout=10))["disco_info"]["form"]
    check(form.get_values()["number_of_messages"] == "0", "nothing waits any more")
    juliet.heard.clear()
    juliet.send_presence()
    await juliet.hears_no("and nothing comes twice", message("one"))
    await juliet.go()


async def story(rialto):
    romeo = await Person(rialto, "romeo", "orchard", PLUGINS).come()
    juliet = await Person(rialto, "juliet", "balcony", PLUGINS).come()
    nurse = await Person(rialto, "nurse", "hall", PLUGINS).come()
    await befriend(romeo, juliet)
    for act in (blocking, reports, archiving, offline):
        await act(rialto, romeo, juliet, nurse)
    for person in (romeo, nurse):
        await person.go()


play(story)
