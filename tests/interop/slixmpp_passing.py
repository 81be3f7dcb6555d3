"""slixmpp: what passes between clients as it is: every kind of message that a plug-in makes is read by the plug-in of the other
side, copied to her other device (XEP-0280, 0297) and archived (XEP-0313) or not as XEP-0334 and its own kind say; and bytes
pass in stanzas (XEP-0047, 0066, 0231).

needs: slixmpp
"""

import asyncio

from slixmpp import JID
from slixmpp.exceptions import IqError

from people import Person, message, play, refused, told
from rialto import check

PLUGINS = ("xep_0047", "xep_0066", "xep_0071", "xep_0085", "xep_0131", "xep_0184", "xep_0199", "xep_0203", "xep_0224",
           "xep_0231", "xep_0249", "xep_0280", "xep_0297", "xep_0300", "xep_0308", "xep_0313", "xep_0333", "xep_0334",
           "xep_0335", "xep_0359", "xep_0380", "xep_0382", "xep_0385", "xep_0394", "xep_0424", "xep_0428", "xep_0439",
           "xep_0444", "xep_0446", "xep_0447", "xep_0461", "xep_0482", "xep_0511")
ROSE = bytes(range(256)) * 40
URL = "https://example.org/rose.png"
REPLY = "urn:xmpp:reply:0"
OMEMO = "eu.siacs.conversations.axolotl"


def forwarded(romeo, heard):
    heard["forwarded"]["stanza"] = romeo.make_message(mto="nurse@localhost", mfrom="juliet@localhost", mbody="good nurse")
    heard["forwarded"]["delay"]["stamp"] = "2026-01-01T00:00:00Z"


def reply(romeo, said):
    said["body"] = "ay"
    said["reply"]["to"], said["reply"]["id"] = "juliet@localhost", "m0"
    said["reply"].add_quoted_fallback("wilt thou?", "Juliet")


def file_metadata(said):
    shared = said["sfs"]["file"]
    check(shared["hash"]["value"], "it has a hash")
    return shared["media-type"], shared["size"], said["sfs"]["sources"]["url-data"]["target"]


def markup(romeo, said):
    span = romeo.plugin["xep_0394"].stanza.Span()
    span["start"], span["end"], span["types"] = 0, 4, ["emphasis"]
    said["body"] = "soft what light"
    said["markup"].append(span)


def quick(romeo, said):
    response = romeo.plugin["xep_0439"].stanza.Response()
    response["value"], response["label"] = "yes", "I will"
    said["body"] = "wilt thou?"
    said.append(response)


def setting(path, value, body=None):
    """Writes one thing of a plug-in's, as deep as the path says."""
    def write(romeo, said):
        if body:
            said["body"] = body
        inner = said
        for name in path[:-1]:
            inner = inner[name]
        inner[path[-1]] = value
    return write


def getting(path, value):
    def read(said):
        for name in path:
            said = said[name]
        return said == value
    return read


def plain(path, value, body=None):
    return setting(path, value, body), getting(path, value)


def empty(name, body=None):
    """An element that says all with its name."""
    def write(romeo, said):
        said.enable(name)
        if body:
            said["body"] = body
    return write, lambda said: said.get_plugin(name, check=True) is not None


# What is said: how it is written, how it is read, whether it is archived.
SAID = {
    "a link": (*plain(("oob", "url"), URL, URL), True),
    "XHTML": (setting(("html", "body"), "<p>soft</p>", "soft"), lambda said: "<p>soft</p>" in said["html"]["body"], True),
    "that one types": (*plain(("chat_state",), "composing"), False),
    "headers": (*plain(("headers",), {"Urgency": "high"}, "quick"), True),
    "attention": (*plain(("attention",), True), False),
    "a forwarded message": (forwarded, lambda said: said["forwarded"]["stanza"]["body"] == "good nurse", None),
    "a correction": (*plain(("replace", "id"), "m0", "what light"), True),
    "a wish for a marker": (*empty("markable", "look"), True),
    "a marker": (*plain(("displayed", "id"), "m0"), True),
    "a hint to keep it": (*empty("store"), True),
    "a hint not to": (*empty("no-store", "psst"), False),
    "JSON": (*plain(("json", "value"), {"rose": ["by", "any", "name"]}, "data"), True),
    "an id of the sender's": (*plain(("origin_id", "id"), "mine", "numbered"), True),
    "an encrypted message": (lambda romeo, said: romeo.plugin["xep_0380"].add_eme(said, OMEMO).__setitem__("body", "?"),
                             lambda said: said["eme"]["namespace"] == OMEMO, True),
    "a spoiler": (*empty("spoiler", "they die"), True),
    "a shared picture": (lambda romeo, said: said.append(romeo.plugin["xep_0385"].get_sims(data=ROSE, uris=[URL])),
                         lambda said: str(len(ROSE)) in str(said) and URL in str(said), None),
    "markup": (markup, lambda said: said["markup"]["spans"][0]["types"] == ["emphasis"], True),
    "a retraction": (*plain(("retract", "id"), "m9"), True),
    "a question": (quick, lambda said: said["response"]["value"] == "yes", True),
    "a reaction": (lambda romeo, said: romeo.plugin["xep_0444"].set_reactions(said, "m0", ["🌹"]),
                   lambda said: said["reactions"].get_values() == {"🌹"}, True),
    "a file": (lambda romeo, said: said.append(romeo.plugin["xep_0447"].get_sfs(data=ROSE, uris=[URL], media_type="image/png")),
               lambda said: file_metadata(said) == ("image/png", len(ROSE), URL), True),
    "a reply": (reply, lambda said: said["reply"]["id"] == "m0" and said["fallback"].get_stripped_body(REPLY) == "ay", True),
    "a call": (*plain(("call-invite", "video"), True), None),
    "what is behind a link": (*plain(("link_metadata", "title"), "A rose", URL), True),
}


def copied(ident):
    """Fits a carbon of this message."""
    def fits(stanza):
        if stanza.name != "message" or stanza.get_plugin("carbon_received", check=True) is None:
            return False
        return stanza["carbon_received"]["id"] == ident
    return fits


async def messages(romeo, juliet, desk):
    for at, (what, (write, reads, _)) in enumerate(SAID.items()):
        said = romeo.make_message(mto=juliet.boundjid, mtype="chat")
        write(romeo, said)
        said["id"] = f"said-{at}"
        said.send()
        heard = await juliet.hear(f"{what} arrives", lambda s: s.name == "message" and s["id"] == f"said-{at}")
        check(reads(heard), f"{what} is read")
        heard = await desk.hear(f"{what} is copied", copied(f"said-{at}"))
        check(reads(heard["carbon_received"]), "as it was")
    kept = {}
    async for result in juliet.plugin["xep_0313"].iterate(rsm={"max": 50}):
        inner = result["mam_result"]["forwarded"]["stanza"]
        kept[inner["id"]] = inner
    for at, (what, (_, reads, archived)) in enumerate(SAID.items()):
        inner = kept.get(f"said-{at}")
        if archived is not None:
            check((inner is not None) == archived, f"{what} is {'' if archived else 'not '}in the archive")
        check(inner is None or reads(inner), "as it was")


async def events(romeo, juliet, desk):
    """What plug-ins do by themselves when something arrives."""
    her = juliet.boundjid
    said = romeo.make_message(mto=her, mbody="hear me", mtype="chat")
    said["request_receipt"] = True
    said["id"] = "r1"
    receipt = await told("a message is acknowledged", romeo, "receipt_received", asyncio.sleep(0, said.send()))
    check(receipt["receipt"] == "r1", "the right one")
    await told("attention is asked for", juliet, "attention",
               asyncio.sleep(0, romeo.plugin["xep_0224"].request_attention(her, mbody="hark")))
    invited = await told("an invitation arrives", juliet, "groupchat_direct_invite", asyncio.sleep(
        0, romeo.plugin["xep_0249"].send_invitation(her, JID("lounge@rooms.localhost"), reason="a feast")))
    check((invited["groupchat_invite"]["jid"], invited["groupchat_invite"]["reason"]) == ("lounge@rooms.localhost", "a feast"),
          "to where, and why")
    late = await told("something is forwarded", juliet, "forwarded_stanza", asyncio.sleep(0, romeo.plugin["xep_0297"].forward(
        romeo.make_message(mto="nurse@localhost", mbody="good nurse"), mto=her)))
    check(late["forwarded"]["stanza"]["body"] == "good nurse", "as it was")
    quiet = romeo.make_message(mto=her, mbody="for this device", mtype="chat")
    quiet.enable("no-copy")
    quiet.enable("carbon_private")
    quiet.send()
    await juliet.hear("a private message arrives", message("for this device"))
    await desk.hears_no("and is not copied", lambda s: "for this device" in str(s))


async def blobs(romeo, juliet):
    """XEP-0047, XEP-0066, XEP-0231."""
    juliet.plugin["xep_0047"].auto_accept = True
    theirs = asyncio.ensure_future(juliet.wait_until("ibb_stream_start", 15))
    ours = await romeo.plugin["xep_0047"].open_stream(juliet.boundjid, block_size=4096, sid="rose", timeout=10)
    stream = await theirs
    reading = asyncio.ensure_future(stream.gather(timeout=15))
    await ours.sendall(ROSE, timeout=10)
    await ours.close(timeout=10)
    check(await reading == ROSE, "bytes in band arrive as they were")
    juliet.plugin["xep_0047"].auto_accept = False
    await refused("who does not want them refuses", "not-acceptable",
                  romeo.plugin["xep_0047"].open_stream(juliet.boundjid, sid="thorn", timeout=10))
    name = await juliet.plugin["xep_0231"].set_bob(ROSE, "image/png")
    got = await romeo.plugin["xep_0231"].get_bob(juliet.boundjid, name, timeout=10)
    check(got["bob"]["data"] == ROSE, "small things are asked for by their hash")
    asked = []

    def take(question):
        asked.append(question["oob_transfer"]["url"])
        question.reply().send()

    juliet.plugin["xep_0066"].register_url_handler(handler=take)
    await romeo.plugin["xep_0066"].send_oob(juliet.boundjid, URL, desc="a rose", timeout=10)
    check(asked == [URL], "a link is sent as a question")
    try:
        await romeo.plugin["xep_0066"].send_oob(JID("juliet@localhost/nowhere"), URL, timeout=10)
        check(False, "nobody is there to ask")
    except IqError as error:
        check(error.condition == "service-unavailable", "nobody is there to ask")


async def story(rialto):
    romeo = await Person(rialto, "romeo", "orchard", PLUGINS).come()
    juliet = await Person(rialto, "juliet", "balcony", PLUGINS).come()
    desk = await Person(rialto, "juliet", "desk", PLUGINS).come()
    await desk.plugin["xep_0280"].enable()
    await messages(romeo, juliet, desk)
    await events(romeo, juliet, desk)
    await blobs(romeo, juliet)
    for person in (romeo, juliet, desk):
        await person.go()


play(story)
