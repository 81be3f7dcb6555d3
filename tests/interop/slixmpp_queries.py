"""slixmpp: what a client asks of a server and of others: what they can (XEP-0030, 0115, 0128), in pages (XEP-0059) and by
type (XEP-0462), the time (XEP-0082, 0202), versions (XEP-0092), how long they have been away (XEP-0012, 0319), where to look
when the server is down (XEP-0455), and addresses with odd characters (XEP-0106).

needs: slixmpp
"""

import asyncio
from datetime import datetime, timedelta, timezone

from slixmpp import JID
from slixmpp.jid import unescape_node

from people import Person, befriend, message, play, presence, refused, told
from rialto import check

PLUGINS = ("xep_0012", "xep_0030", "xep_0045", "xep_0059", "xep_0060", "xep_0082", "xep_0092", "xep_0106", "xep_0115",
           "xep_0128", "xep_0199", "xep_0202", "xep_0319", "xep_0455", "xep_0462")
JULIET = JID("juliet@localhost")
STATUS = "https://status.example.org/rialto.json"
SETTINGS = f"""
[contact]
abuse = ["mailto:abuse@example.org"]
status = ["{STATUS}"]
[version]
os = true
"""


def forms(info):
    """The forms of an answer of disco#info, by their FORM_TYPE."""
    found = {}
    for form in info["disco_info"]["forms"]:
        values = form.get_values()
        kind = values["FORM_TYPE"]
        found[kind[0] if isinstance(kind, list) else kind] = values
    return found


def clock(person, answer):
    """The time of an answer. slixmpp 1.17 cannot read it itself: it puts a second Z after that of `utc`."""
    return person.plugin["xep_0082"].parse(answer["entity_time"].xml.findtext("{urn:xmpp:time}utc"))


async def server(rialto, romeo, juliet, nurse):
    """What the server says of itself."""
    asks = romeo.plugin
    info = await asks["xep_0030"].get_info("localhost", timeout=10)
    told_of = forms(info)
    check("mailto:abuse@example.org" in told_of["http://jabber.org/network/serverinfo"]["abuse-addresses"], "whom to write to")
    check(await asks["xep_0455"].get_external_status_addresses(timeout=10) == [STATUS], "where to look when it is down")
    caps = await asks["xep_0115"].get_caps(JID("localhost"))
    check(caps is not None and set(caps["features"]) == set(info["disco_info"]["features"]),
          "its capabilities are what the hash in its features says")
    ours = await asks["xep_0202"].get_entity_time("localhost", timeout=10)
    off = abs(clock(romeo, ours) - datetime.now(timezone.utc))
    check(off < timedelta(seconds=5), f"its clock is right: {off}")
    version = (await asks["xep_0092"].get_version("localhost", timeout=10))["software_version"]
    check(version["name"] == "Rialto" and version["version"] and version["os"], "its version")
    up = (await asks["xep_0012"].get_last_activity("localhost", timeout=10))["last_activity"]["seconds"]
    check(0 <= up < 120, f"for how long it has been up: {up} s")
    await refused("there is no such node", "item-not-found", asks["xep_0030"].get_info("localhost", node="no such", timeout=10))


async def pages(rialto, romeo, juliet, nurse):
    """XEP-0059 over lists that are longer than a page; XEP-0462."""
    nodes = {f"rose-{number}" for number in range(12)}
    for node in sorted(nodes):
        await romeo.plugin["xep_0060"].create_node("pubsub.localhost", node, timeout=10)
    query = romeo.make_iq_get(ito="pubsub.localhost")
    query.enable("disco_items")
    found, asked = [], 0
    async for page in romeo.plugin["xep_0059"].iterate(query, "disco_items", results="items", amount=5):
        found += [item[1] for item in page["disco_items"]["items"]]
        asked += 1
    check(sorted(found) == sorted(nodes) and asked == 3, f"twelve nodes in {asked} pages")

    form = romeo.plugin["xep_0004"].make_form("submit")
    form.add_field(var="FORM_TYPE", ftype="hidden", value="http://jabber.org/protocol/pubsub#node_config")
    form.add_field(var="pubsub#type", value="urn:xmpp:microblog:0")
    await romeo.plugin["xep_0060"].create_node("pubsub.localhost", "blog", config=form, timeout=10)
    for wish, wanted in (("included_types", {"blog"}), ("excluded_types", nodes)):
        query = romeo.make_iq_get(ito="pubsub.localhost")
        query["disco_items"]["filter"][wish] = ["urn:xmpp:microblog:0"]
        listed = {item[1] for item in (await query.send(timeout=10))["disco_items"]["items"]}
        check(listed == wanted, f"nodes are listed by their type ({wish}): {sorted(listed)}")
    query = romeo.make_iq_get(ito="pubsub.localhost")
    query.enable("disco_items")
    query["disco_items"].enable("filter")
    await refused("an empty filter is none", "bad-request", query.send(timeout=10))


async def contact(rialto, romeo, juliet, nurse):
    """What passes between clients."""
    form = juliet.plugin["xep_0004"].make_form("result")
    form.add_field(var="FORM_TYPE", ftype="hidden", value="urn:xmpp:dataforms:softwareinfo")
    form.add_field(var="os", value="Verona")
    await juliet.plugin["xep_0128"].set_extended_info(jid=juliet.boundjid, data=form)
    await juliet.plugin["xep_0115"].update_caps()
    ver = await juliet.plugin["xep_0115"].get_verstring()
    await romeo.hear("her capabilities change", lambda s: presence("juliet@localhost/")(s) and s["caps"]["ver"] == ver)
    info = await romeo.plugin["xep_0030"].get_info(juliet.boundjid, timeout=10)
    check(forms(info)["urn:xmpp:dataforms:softwareinfo"]["os"] in ("Verona", ["Verona"]), "and say more of her")
    info["disco_info"].xml.attrib.pop("node", None)
    check(romeo.plugin["xep_0115"].generate_verstring(info["disco_info"], "sha-1") == ver, "as their hash does")
    version = (await romeo.plugin["xep_0092"].get_version(juliet.boundjid, timeout=10))["software_version"]
    check(version["name"] == "Slixmpp", "her version")
    await refused("strangers are not told whether she is there", "service-unavailable",
                  nurse.plugin["xep_0092"].get_version(JID("juliet@localhost/elsewhere"), timeout=10))


async def away(rialto, romeo, juliet, nurse):
    """XEP-0012, XEP-0319."""
    since = datetime.now(timezone.utc)
    await juliet.plugin["xep_0319"].idle()
    await juliet.plugin["xep_0012"].set_last_activity(juliet.boundjid, seconds=300)
    juliet.send_presence(pshow="away")
    idle = await romeo.hear("she is away from her keys", lambda s: presence("juliet@localhost/", "away")(s))
    check(abs(idle["idle"]["since"] - since) < timedelta(seconds=2), "since when")
    last = await romeo.plugin["xep_0012"].get_last_activity(juliet.boundjid, timeout=10)
    check(295 <= last["last_activity"]["seconds"] <= 330, "her client says so too")
    await juliet.go()
    await romeo.hear("she goes", presence("juliet@localhost/balcony", "unavailable"))
    last = await romeo.plugin["xep_0012"].get_last_activity(JULIET, timeout=10)
    check(0 <= last["last_activity"]["seconds"] <= 10, "the server says when she was last there")
    await refused("but not to strangers", "forbidden", nurse.plugin["xep_0012"].get_last_activity(JULIET, timeout=10))


async def odd_address(rialto, romeo, juliet, nurse):
    """XEP-0106: slixmpp shows what an address may not have; the server keeps it as it is."""
    odd = JID(r"d\27artagnan@localhost/musket")
    musketeer = Person(rialto, odd.local, "musket", PLUGINS)
    await musketeer.come()
    check(await romeo.plugin["xep_0030"].supports(musketeer.boundjid, feature=r"jid\20escaping"), "who has it says so")
    await romeo.say(odd, "en garde")
    await musketeer.hear("and hears what is sent there", message("en garde"))
    await musketeer.say("romeo@localhost", "touché")
    back = await romeo.hear("and answers", message("touché"))
    check(back["from"] == odd and unescape_node(back["from"].local) == "d'artagnan", "from there")
    await musketeer.go()


async def story(rialto):
    romeo = await Person(rialto, "romeo", "orchard", PLUGINS).come()
    juliet = await Person(rialto, "juliet", "balcony", PLUGINS).come()
    nurse = await Person(rialto, "nurse", "hall", PLUGINS).come()
    await befriend(romeo, juliet)
    for act in (server, pages, contact, away, odd_address):
        await act(rialto, romeo, juliet, nurse)
    for person in (romeo, nurse):
        await person.go()


play(story, settings=SETTINGS, people=("romeo", "juliet", "nurse", r"d\27artagnan"))
