"""slixmpp: the archive (XEP-0313), page by page, by person, and after the server was started again.

needs: slixmpp
"""

from people import Person, message, play
from rialto import check

PLUGINS = ("xep_0313", "xep_0059")


async def bodies(person, **query):
    found = []
    async for result in person.plugin["xep_0313"].iterate(**query):
        found.append(result["mam_result"]["forwarded"]["stanza"]["body"])
    return found


async def story(rialto):
    romeo = await Person(rialto, "romeo", "orchard", PLUGINS).come()
    juliet = await Person(rialto, "juliet", "balcony", PLUGINS).come()
    nurse = await Person(rialto, "nurse", "hall", PLUGINS).come()
    said = [f"word {number}" for number in range(25)]
    for word in said:
        await romeo.say("juliet@localhost", word)
    await juliet.hear("all is said", message(said[-1]))
    await romeo.say("nurse@localhost", "where is she")
    await nurse.hear("and something to the nurse", message("where is she"))

    check(await bodies(romeo, rsm={"max": 7}) == said + ["where is she"], "romeo's archive, in pages of seven")
    backwards = await bodies(romeo, rsm={"max": 7}, reverse=True)
    check(sorted(backwards) == sorted(said + ["where is she"]), "and backwards")
    check(await bodies(romeo, with_jid="nurse@localhost") == ["where is she"], "only what was said with the nurse")
    check(await bodies(juliet, total=10, rsm={"max": 5}) == said[:10], "the first ten of juliet's")
    check(await bodies(nurse) == ["where is she"], "the nurse's archive has only hers")
    for person in (romeo, juliet, nurse):
        await person.go()

    rialto.stop()
    rialto.start()
    juliet = await Person(rialto, "juliet", "balcony", PLUGINS).come()
    check(await bodies(juliet) == said, "all of it is there after a restart")
    await juliet.go()


play(story)
