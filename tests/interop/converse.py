"""Converse.js in Chromium: over WebSocket and over BOSH somebody logs in, joins a room, talks, sends a picture and sees it.

needs: chromium converse.js slixmpp
"""

import asyncio
import json
import os
import struct
import zlib
from pathlib import Path

from chromium import Chromium, Pages
from people import Person, message, play, presence
from rialto import check

ROOM = "lounge@rooms.localhost"
PLUGINS = ("xep_0030", "xep_0045")
CONVERSE = Path(__file__).parent.parent / ".peers" / "converse.js" / "package" / "dist"

PAGE = """<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Converse</title>
<link rel="stylesheet" href="dist/converse.min.css"></head><body class="converse-fullscreen">
<script type="module">
import converse from "./dist/converse.min.js";
converse.plugins.add("window-on-it", { initialize() { window.inside = this._converse; } });
converse.initialize({SETTINGS});
</script></body></html>
"""


def png(width, height):
    """A picture: a sky with a moon in it."""
    rows = bytearray()
    for y in range(height):
        rows.append(0)
        for x in range(width):
            moon = (x - width * 0.7) ** 2 + (y - height * 0.35) ** 2 < (height * 0.18) ** 2
            rows += bytes((250, 240, 200) if moon else (20, 30 + 60 * y // height, 80 + 100 * y // height))
    def chunk(name, content):
        whole = name + content
        return struct.pack(">I", len(content)) + whole + struct.pack(">I", zlib.crc32(whole))
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(bytes(rows))) + chunk(b"IEND", b"")


def settings(rialto, way):
    at = f"127.0.0.1:{rialto.https_port}"
    where = {"websocket_url": f"wss://{at}/xmpp-websocket"} if way == "websocket" else {
        "bosh_service_url": f"https://{at}/http-bind"}
    return json.dumps({
        **where, "jid": "romeo@localhost/web", "password": rialto.password, "auto_login": True, "authentication": "login",
        "discover_connection_methods": False, "view_mode": "fullscreen", "assets_path": "/dist/", "i18n": "en",
        "auto_join_rooms": [{"jid": ROOM, "nick": "Romeo"}], "whitelisted_plugins": ["window-on-it"],
        "allow_non_roster_messaging": True, "render_media": True, "play_sounds": False, "show_desktop_notifications": False,
        "allow_url_history_change": False, "persistent_store": "sessionStorage", "theme": "classic", "clear_cache_on_logout": True,
    })


async def in_browser(action, *arguments):
    """Something that waits for the browser; slixmpp goes on meanwhile."""
    return await asyncio.get_running_loop().run_in_executor(None, action, *arguments)


def text_is_there(text):
    return f"[...document.querySelectorAll('.chat-msg__text')].some(one => one.innerText.includes({json.dumps(text)}))"


async def talk(rialto, browser, url, way, juliet):
    await in_browser(browser.go, f"{url}/{way}.html")
    await in_browser(browser.wait_for, f"romeo is in over {way}", "window.inside && inside.api.connection.authenticated()")
    await juliet.hear("juliet sees him enter", presence(f"{ROOM}/Romeo"))
    field = "document.querySelector('converse-muc textarea.chat-textarea')"
    await in_browser(browser.wait_for, "the room is shown", f"{field} && !{field}.disabled")
    await juliet.say(ROOM, f"good night over {way}", "groupchat")
    await in_browser(browser.wait_for, "he reads what she says", text_is_there(f"good night over {way}"))
    await in_browser(browser.evaluate, f"{field}.focus()")
    await in_browser(browser.type, f"parting is such sweet sorrow, over {way}")
    await juliet.hear("she hears what he types", message(f"parting is such sweet sorrow, over {way}", f"{ROOM}/Romeo"))
    await in_browser(browser.wait_for, "and so does he", text_is_there(f"sweet sorrow, over {way}"))


async def send_picture(rialto, browser, juliet):
    file = browser.folder / "moon.png"
    file.write_bytes(png(320, 200))
    await in_browser(browser.wait_for, "uploads are offered", "!!document.querySelector('converse-muc input[type=file]')")
    await in_browser(browser.choose_file, "converse-muc input[type=file]", file)
    said = await juliet.hear("she hears where his picture is",
                             lambda s: s.name == "message" and s["body"].startswith("https://") and "moon" in s["body"])
    check(f":{rialto.https_port}/" in said["body"], f"on this server: {said['body']}")
    await in_browser(browser.wait_for, "and he sees it", "[...document.querySelectorAll('converse-muc .chat-msg img')]"
                     ".some(image => image.complete && image.naturalWidth == 320)")


async def story(rialto):
    juliet = await Person(rialto, "juliet", "balcony", PLUGINS).come()
    await juliet.plugin["xep_0045"].join_muc_wait(ROOM, "Juliet", timeout=15)
    await juliet.plugin["xep_0045"].set_room_config(ROOM, await juliet.plugin["xep_0045"].get_room_config(ROOM))
    with Chromium() as browser, Pages(browser.folder / "pages") as url:
        pages = browser.folder / "pages"
        pages.mkdir()
        (pages / "dist").symlink_to(CONVERSE)
        for way in ("websocket", "bosh"):
            (pages / f"{way}.html").write_text(PAGE.replace("{SETTINGS}", settings(rialto, way)))
        await talk(rialto, browser, url, "websocket", juliet)
        await send_picture(rialto, browser, juliet)
        if picture := os.environ.get("RIALTO_PICTURE"):
            await in_browser(browser.picture, picture)
        await in_browser(browser.evaluate, "inside.api.user.logout()")
        await juliet.hear("she sees him leave", presence(f"{ROOM}/Romeo", "unavailable"))
        await talk(rialto, browser, url, "bosh", juliet)
    await juliet.go()


play(story)
