"""slixmpp: accounts are made, get another password and are removed in-band (XEP-0077); an admin looks after others (XEP-0133)
with commands (XEP-0050) and their forms (XEP-0004); people offer each other commands of their own.

needs: slixmpp
"""

import asyncio

from slixmpp.exceptions import IqError

from people import Person, befriend, message, play, presence, refused, told
from rialto import check

PLUGINS = ("xep_0004", "xep_0030", "xep_0050", "xep_0077", "xep_0133")
SETTINGS = "[registration]\nin_band = true\n"
NEW = "parting is such"


async def admin_command(person, name, **fields):
    """Runs a command of XEP-0133 to its end, its form filled in with these fields."""
    done = asyncio.get_running_loop().create_future()

    def finish(iq, session):
        done.set_result(iq["command"])

    def fill(iq, session):
        if iq["command"]["status"] == "completed":
            return finish(iq, session)
        form = iq["command"]["form"]
        form.reply()
        for var, value in fields.items():
            form.get_fields()[var.replace("_", "-")]["value"] = value
        session["payload"], session["next"] = form, finish
        person.plugin["xep_0050"].complete_command(session)

    session = {"next": fill, "error": lambda iq, session: done.set_exception(IqError(iq))}
    getattr(person.plugin["xep_0133"], name)(jid="localhost", session=session)
    return await asyncio.wait_for(done, 10)


async def admin(person, name, **fields):
    """The same, where it must go well."""
    ended = await admin_command(person, name, **fields)
    wrong = [text for kind, text in ended["notes"] if kind == "error"]
    check(not wrong, f"{name} goes well: {wrong or sorted(fields)}")
    return ended


async def may_not_log_in(says, rialto, name, password):
    stranger = Person(rialto, name, "elsewhere")
    stranger.password = password
    await told(says, stranger, "failed_all_auth", asyncio.sleep(0, stranger.knock()))
    await stranger.disconnect()


async def registration(rialto, romeo, juliet):
    """XEP-0077 §3.1."""
    paris = Person(rialto, "paris", "feast", PLUGINS)
    asked = []

    async def fill(form):
        asked.append(set(form["register"]["fields"]))
        for name in ("romeo", "paris"):
            wish = paris.make_iq_set()
            wish["register"]["username"], wish["register"]["password"] = name, rialto.password
            if name == "romeo":
                await refused("nobody takes another's account", "conflict", wish.send(timeout=10))
            else:
                await wish.send(timeout=10)

    paris.add_event_handler("register", fill)
    await paris.come()
    check({"username", "password"} <= asked[0], f"an account is made from the client: {asked}")
    await befriend(paris, juliet)
    form = await paris.plugin["xep_0077"].get_registration(jid="localhost", timeout=10)
    check(form["register"]["registered"] and form["register"]["username"] == "paris", "it tells who is registered")
    return paris


async def own_account(rialto, paris, juliet):
    """XEP-0077 §3.2, §3.3."""
    await refused("an empty password is none", "bad-request",
                  paris.plugin["xep_0077"].change_password("", jid="localhost", timeout=10))
    await paris.plugin["xep_0077"].change_password(NEW, jid="localhost", timeout=10)
    await may_not_log_in("the old password is good no more", rialto, "paris", rialto.password)
    phone = Person(rialto, "paris", "phone", PLUGINS)
    phone.password = NEW
    await phone.come()
    check(True, "the new one is")
    removed = asyncio.ensure_future(phone.wait_until("disconnected", 15))
    await paris.plugin["xep_0077"].cancel_registration(jid="localhost", timeout=10)
    await removed
    await juliet.hear("contacts hear that the account is gone", presence("paris@localhost", "unsubscribed"))
    await may_not_log_in("and nobody logs in there", rialto, "paris", NEW)
    check("paris" not in rialto.run("user", "list"), "the operator sees it no more")
    for person in (paris, phone):
        await person.disconnect()


async def administration(rialto, romeo, juliet):
    """XEP-0133."""
    listed = await romeo.plugin["xep_0133"].get_commands(jid="localhost", timeout=10)
    nodes = {item[1].rpartition("#")[2] for item in listed["disco_items"]["items"] if item[1]}
    check({"add-user", "delete-user", "announce", "shutdown"} <= nodes, f"an admin sees his commands: {len(nodes)}")
    listed = await juliet.plugin["xep_0133"].get_commands(jid="localhost", timeout=10)
    check("admin#" not in str(listed), "and others do not")
    await refused("nor run them", "forbidden", admin_command(juliet, "add_user"))

    secret = {"password": rialto.password, "password_verify": rialto.password}
    await admin(romeo, "add_user", accountjid="tybalt@localhost", **secret)
    tybalt = await Person(rialto, "tybalt", "feast").come()
    check(True, "who was added may log in")
    taken = await admin_command(romeo, "add_user", accountjid="paris@localhost", **secret)
    check(taken["notes"][0][0] == "error", f"nor one who takes the name of somebody who has gone: {taken['notes'][0][1]}")
    again = await admin_command(romeo, "add_user", accountjid="tybalt@localhost", **secret)
    check(again["notes"][0][0] == "error", f"nobody is added twice: {again['notes'][0][1]}")
    found = await admin(romeo, "get_registered_users_num")
    check(found["form"].get_values()["registeredusersnum"] == "4", "they are counted")
    found = await admin(romeo, "get_online_users_list")
    check("tybalt@localhost" in str(found["form"].get_values()), "and listed")
    await admin(romeo, "announce", announcement=["The feast", "begins"])
    await juliet.hear("an announcement reaches everybody", message("The feast\nbegins"))

    ended = asyncio.ensure_future(tybalt.wait_until("disconnected", 15))
    await admin(romeo, "disable_user", accountjids=["tybalt@localhost"])
    await ended
    await may_not_log_in("who is shut out stays outside", rialto, "tybalt", rialto.password)
    await admin(romeo, "reenable_user", accountjids=["tybalt@localhost"])
    await admin(romeo, "change_user_password", accountjid="tybalt@localhost", password=NEW)
    tybalt = Person(rialto, "tybalt", "feast")
    tybalt.password = NEW
    await tybalt.come()
    check(True, "until he is let in again, with the password he was given")
    ended = asyncio.ensure_future(tybalt.wait_until("disconnected", 15))
    await admin(romeo, "end_user_session", accountjids=["tybalt@localhost"])
    await ended
    await admin(romeo, "delete_user", accountjids=["tybalt@localhost"])
    check("tybalt" not in rialto.run("user", "list"), "who is deleted is gone")


async def own_commands(rialto, romeo, juliet):
    """XEP-0050 between clients."""
    heard = []

    def ask(iq, session):
        form = juliet.plugin["xep_0004"].make_form("form", "A rose")
        form.add_field(var="colour", ftype="text-single", required=True)
        session["payload"], session["next"], session["has_next"] = form, smell, False
        return session

    def smell(payload, session):
        heard.append(payload.get_values()["colour"])
        session["payload"], session["next"] = None, None
        session["notes"] = [("info", "sweet")]
        return session

    juliet.plugin["xep_0050"].add_command(node="rose", name="Smell a rose", handler=ask)
    await romeo.plugin["xep_0030"].get_info(jid="localhost", timeout=10)
    listed = await romeo.plugin["xep_0050"].get_commands(juliet.boundjid, timeout=10)
    check("Smell a rose" in str(listed), "a friend's command is found")
    stage = await romeo.plugin["xep_0050"].send_command(juliet.boundjid, "rose", timeout=10)
    form = stage["command"]["form"]
    form.reply()
    form.set_values({"colour": "red"})
    last = await romeo.plugin["xep_0050"].send_command(juliet.boundjid, "rose", action="complete", payload=form,
                                                       sessionid=stage["command"]["sessionid"], timeout=10)
    check(heard == ["red"] and last["command"]["notes"] == [("info", "sweet")], "and is run to its end")
    await refused("the server has no such command", "item-not-found",
                  romeo.plugin["xep_0050"].send_command("localhost", "rose", timeout=10))


async def story(rialto):
    romeo = await Person(rialto, "romeo", "orchard", PLUGINS).come()
    juliet = await Person(rialto, "juliet", "balcony", PLUGINS).come()
    paris = await registration(rialto, romeo, juliet)
    await own_account(rialto, paris, juliet)
    await administration(rialto, romeo, juliet)
    await own_commands(rialto, romeo, juliet)
    for person in (romeo, juliet):
        await person.go()


play(story, admins=["romeo@localhost"], settings=SETTINGS)
