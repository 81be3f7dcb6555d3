"""Gajim, with an account that is written into its settings before it starts, and OMEMO for one contact."""

import json
import sqlite3

from desktop import Desktop

# As Gajim 1.7 makes it; later versions bring it up to what they want.
SETTINGS = """
CREATE TABLE settings (name TEXT UNIQUE, settings TEXT);
CREATE TABLE account_settings (account TEXT UNIQUE, settings TEXT);
PRAGMA user_version=5;
"""


class Gajim(Desktop):
    """`name` is at the keyboard, and talks with `friend`."""

    def __init__(self, rialto, name, friend):
        super().__init__("gajim")
        self.rialto, self.person, self.friend = rialto, name, friend
        self.jid, self.friend_jid = f"{name}@{rialto.domain}", f"{friend}@{rialto.domain}"

    def settle(self):
        """Writes the account: where the server is, its certificate, the password outside of any keyring."""
        rialto = self.rialto
        account = {"name": self.person, "hostname": rialto.domain, "password": rialto.password, "savepass": True,
                   "active": True, "account_label": self.jid, "use_custom_host": True, "custom_host": "127.0.0.1",
                   "custom_port": rialto.port, "custom_type": "START TLS"}
        chat = {"account": self.person, "jid": {"__type": "JID", "value": self.friend_jid}, "type": "contact",
                "pinned": False, "position": -1}
        app = {"use_keyring": False, "check_for_update": False, "sounds_on": False, "show_notifications": False,
               "autoaway": False, "autoxa": False, "show_help_start_chat": False, "confirm_on_window_delete": False,
               "save_main_window_position": False, "mainwin_width": self.size[0], "mainwin_height": self.size[1]}
        parts = {"app": app, "soundevents": {}, "status_presets": {}, "proxies": {}, "plugins": {"omemo": {"active": True}},
                 "workspaces": {"0f4cb8a9-0000-4000-8000-000000000001": {"chats": [chat]}}}
        database = sqlite3.connect(self.folder("config/gajim") / "settings.sqlite")
        with database:
            database.executescript(SETTINGS)
            database.executemany("INSERT INTO settings VALUES (?, ?)", ((k, json.dumps(v)) for k, v in parts.items()))
            database.execute("INSERT INTO account_settings VALUES (?, ?)", (self.person, json.dumps(
                {"account": account, "contact": {self.friend_jid: {"encryption": "OMEMO"}}, "group_chat": {}})))
        database.close()
        trusted = self.folder("share/gajim/cert_store") / "rialto"
        trusted.write_text((rialto.folder / "certs" / rialto.domain / "fullchain.pem").read_text())

    async def come(self):
        self.settle()
        self.start("gajim", "--verbose")

    async def say(self, to, words):
        """Types into a chat that is open."""
        await self.says("gajim", f"xmpp:{to}?message")
        await self.type(words)

    def has(self, words):
        """With what encryption, if any, Gajim has these words in its history."""
        path = self.home / "share" / "gajim" / "logs.db"
        # Gajim 1 and Gajim 2.
        once = rows(path, "SELECT additional_data FROM logs WHERE message = ?", words)
        now = rows(path, "SELECT encryption.protocol FROM message LEFT JOIN encryption ON encryption.pk = fk_encryption_pk"
                         " WHERE text = ?", words)
        return [json.loads(more or "{}").get("encrypted", {}).get("name") for more in once] + now


def rows(path, query, *values):
    """The first column of what a database that a client is using answers, or nothing where it has no such table yet."""
    if not path.exists():
        return []
    try:
        database = sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=5)
        try:
            return [row[0] for row in database.execute(query, values)]
        finally:
            database.close()
    except sqlite3.OperationalError:
        return []
