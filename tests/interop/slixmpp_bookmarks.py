"""slixmpp: what one keeps on the server for one's own devices: bookmarks in all three places (XEP-0402, 0048, 0049), pins and
notification settings in them (XEP-0469, 0492), what has been read (XEP-0490), and other things (XEP-0222, 0223).

needs: slixmpp
"""

from slixmpp.plugins.xep_0048.stanza import Bookmarks
from slixmpp.xmlstream import ElementBase

from people import Person, befriend, message, play, refused, told
from rialto import check

PLUGINS = ("xep_0030", "xep_0048", "xep_0049", "xep_0060", "xep_0163", "xep_0222", "xep_0223", "xep_0359", "xep_0402",
           "xep_0469", "xep_0490", "xep_0492")
NODE = "urn:xmpp:bookmarks:1"
LOUNGE, GARDEN = "lounge@rooms.localhost", "garden@rooms.localhost"


class Rose(ElementBase):
    """Something of a client's own."""

    name, namespace, plugin_attrib = "rose", "urn:example:rose", "rose"
    interfaces = {"scent"}


def rose(scent):
    made = Rose()
    made["scent"] = scent
    return made


def bookmark(person, name, autojoin=True):
    made = person.plugin["xep_0402"].stanza.Conference()
    made["name"], made["autojoin"], made["nick"] = name, autojoin, "Jule"
    return made


def several(person):
    """Options for a node that keeps more than its newest item."""
    options = person.plugin["xep_0004"].make_form("submit")
    options.add_field(var="FORM_TYPE", ftype="hidden", value="http://jabber.org/protocol/pubsub#publish-options")
    options.add_field(var="pubsub#max_items", value="max")
    return options


async def newest(person):
    """The bookmarks of XEP-0402, by room."""
    found = await person.plugin["xep_0060"].get_items(None, NODE, timeout=10)
    return {item["id"]: item["conference"] for item in found["pubsub"]["items"]}


async def older(person, method):
    """Those of XEP-0048, by room."""
    found = await person.plugin["xep_0048"].get_bookmarks(method=method, timeout=10)
    if method == "xep_0049":
        kept = found["private"]["bookmarks"]
    else:
        kept = found["pubsub"]["items"]["item"]["bookmarks"]
    return {str(conference["jid"]): conference for conference in kept["conferences"]}


async def bookmarks(juliet, desk, romeo):
    """One list in three places."""
    made = bookmark(juliet, "The Lounge")
    made["extensions"]["notify"].configure("on-mention")
    made["extensions"]["notify"].configure("never", client_type="pc")
    made["extensions"].enable("pinned")
    event = await told("her other device hears of a bookmark", desk, "bookmarks_publish",
                       juliet.plugin["xep_0223"].store(made, node=NODE, id=LOUNGE))
    check(event["pubsub_event"]["items"]["node"] in (NODE, "storage:bookmarks"), "of its room")
    kept = (await newest(desk))[LOUNGE]
    check((kept["name"], kept["nick"], kept["autojoin"]) == ("The Lounge", "Jule", True), "and reads it")
    notify = kept["extensions"]["notify"]
    check((notify.get_config(), notify.get_config("pc")) == ("on-mention", "never"), "with its notification settings")
    check(kept["extensions"].get_plugin("pinned", check=True) is not None, "and its pin")
    for method in ("xep_0049", "xep_0223"):
        kept = await older(desk, method)
        check(list(kept) == [LOUNGE] and kept[LOUNGE]["name"] == "The Lounge", f"older clients have it too ({method})")

    for method, name in (("xep_0049", "Garden"), ("xep_0223", "The Garden")):
        written = Bookmarks()
        written.add_conference(LOUNGE, "Jule", name="The Lounge", autojoin=True)
        written.add_conference(GARDEN, "Jule", name=name, autojoin=False)
        if method == "xep_0049":
            await juliet.plugin["xep_0048"].set_bookmarks(written, method=method, timeout=10)
        else:
            await juliet.plugin["xep_0048"].set_bookmarks(written, method=method)
        kept = await newest(desk)
        check(set(kept) == {LOUNGE, GARDEN} and kept[GARDEN]["name"] == name, f"what an older client writes is there ({method})")
        notify = kept[LOUNGE]["extensions"]["notify"]
        check(notify.get_config() == "on-mention", "and what it does not know is kept")
    await juliet.plugin["xep_0060"].retract(None, NODE, GARDEN, notify=True, timeout=10)
    check(list(await older(desk, "xep_0049")) == [LOUNGE], "what is taken away is gone everywhere")

    await refused("what is no bookmark is refused", "bad-request",
                  juliet.plugin["xep_0223"].store(rose("sweet"), node=NODE, id=GARDEN))
    for node in (NODE, "storage:bookmarks"):
        await refused("nobody else reads them", "not-allowed", romeo.plugin["xep_0060"].get_items("juliet@localhost", node))


async def private(juliet, desk, romeo):
    """XEP-0049."""
    for person in (juliet, desk):
        person.plugin["xep_0049"].register(Rose)
    await juliet.plugin["xep_0049"].store(rose("sweet"), timeout=10)
    kept = await desk.plugin["xep_0049"].retrieve("rose", timeout=10)
    check(kept["private"]["rose"]["scent"] == "sweet", "private XML is there for the other device")
    kept = await romeo.plugin["xep_0049"].retrieve("bookmarks", timeout=10)
    check(not kept["private"]["bookmarks"]["conferences"], "and not for others, who have their own")
    await refused("nothing is no private XML", "bad-request", juliet.plugin["xep_0049"].store([], timeout=10))


async def storage(juliet, desk, romeo):
    """XEP-0222, XEP-0223."""
    for colour in ("red", "white"):
        await juliet.plugin["xep_0222"].store(rose("open"), node="urn:example:public", id=colour, options=several(juliet))
    kept = await desk.plugin["xep_0222"].retrieve("urn:example:public", item_ids=["red"])
    check([item["id"] for item in kept["pubsub"]["items"]] == ["red"], "one public item of several")
    kept = await romeo.plugin["xep_0060"].get_items("juliet@localhost", "urn:example:public", timeout=10)
    check([item["id"] for item in kept["pubsub"]["items"]] == ["red", "white"], "contacts read public items")
    await juliet.plugin["xep_0223"].store(rose("hidden"), node="urn:example:hidden", id="black")
    check("hidden" in str(await desk.plugin["xep_0223"].retrieve("urn:example:hidden")), "private ones are for own devices")
    await refused("and for nobody else", "not-allowed",
                  romeo.plugin["xep_0060"].get_items("juliet@localhost", "urn:example:hidden"))
    await refused("a public node is not taken for a private one", "conflict",
                  juliet.plugin["xep_0223"].store(rose("x"), node="urn:example:public"))
    await juliet.plugin["xep_0223"].configure("urn:example:public")
    await refused("until it is made one", "not-allowed",
                  romeo.plugin["xep_0060"].get_items("juliet@localhost", "urn:example:public"))
    await juliet.plugin["xep_0223"].store(rose("x"), node="urn:example:public")


async def displayed(juliet, desk, romeo):
    """XEP-0490."""
    await romeo.say("juliet@localhost", "read me")
    heard = await juliet.hear("a message has an id", message("read me"))
    event = await told("her other device hears what she has read", desk, "message_displayed_synchronization_publish",
                       juliet.plugin["xep_0490"].flag_chat("romeo@localhost", heard["stanza_id"]["id"]))
    item = event["pubsub_event"]["items"]["item"]
    check(item["id"] == "romeo@localhost" and item["displayed"]["stanza_id"]["id"] == heard["stanza_id"]["id"], "up to where")
    await juliet.plugin["xep_0490"].flag_chat(LOUNGE, "elsewhere")
    kept = (await desk.plugin["xep_0490"].catch_up(timeout=10))["pubsub"]["items"]
    check({item["id"] for item in kept} == {"romeo@localhost", LOUNGE}, "one of each chat is kept")
    await refused("nobody else learns it", "not-allowed",
                  romeo.plugin["xep_0060"].get_items("juliet@localhost", "urn:xmpp:mds:displayed:0"))


async def story(rialto):
    romeo = await Person(rialto, "romeo", "orchard", PLUGINS).come()
    juliet = await Person(rialto, "juliet", "balcony", PLUGINS).come()
    desk = await Person(rialto, "juliet", "desk", PLUGINS).come()
    await befriend(romeo, juliet)
    for act in (bookmarks, private, storage, displayed):
        await act(juliet, desk, romeo)
    for person in (romeo, juliet, desk):
        await person.go()


play(story)
