"""The fake Discord of `tests/discord` as a program, with acts over HTTP."""

import http.client
import json
import os
import subprocess
from pathlib import Path

from rialto import Failed

EPOCH = 1_420_070_400


class FakeDiscord:
    """`with` starts and ends it. `world` is its description; the bot's channel is `general`."""

    def __init__(self, folder, members=("alice", "bob"), **world):
        self.folder = Path(folder)
        guild = {"name": "Venice", "channels": ["general"], "members": list(members)}
        self.world = {"guild": guild, **world}

    def __enter__(self):
        binary = os.environ.get("RIALTO_FAKE_DISCORD") or Path(os.environ["RIALTO_BIN"]).with_name("fake-discord")
        description = self.folder / "discord.json"
        description.write_text(json.dumps(self.world))
        self.process = subprocess.Popen([str(binary), str(description)], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=(self.folder / "discord.log").open("wb"), start_new_session=True, text=True)
        said = json.loads(self.process.stdout.readline())
        self.port, self.token = said["port"], said["token"]
        (self.folder / "discord.token").write_text(self.token + "\n")
        (self.folder / "discord.token").chmod(0o600)
        self.line = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        return self

    def __exit__(self, *_):
        self.line.close()
        self.process.kill()
        self.process.wait()

    def act(self, act, **fields):
        """Does something; what comes of it is given back."""
        try:
            return self._ask(act, fields)
        except (http.client.HTTPException, OSError):
            self.line.close()
            return self._ask(act, fields)

    def _ask(self, act, fields):
        self.line.request("POST", f"/_fake/{act}", json.dumps(fields), {"Content-Type": "application/json"})
        answer = self.line.getresponse()
        said = json.loads(answer.read() or b"{}")
        if answer.status != 200:
            raise Failed(f"the fake Discord cannot {act} {fields}: {said}")
        return said

    def messages(self):
        return self.act("messages", channel="general")

    def topic(self):
        """What the channel is about."""
        channel = self.act("ids")["channels"]["general"]
        self.line.request("GET", f"/api/v10/channels/{channel}", headers={"Authorization": f"Bot {self.token}"})
        return json.loads(self.line.getresponse().read())["topic"]

    def settings(self, port=None, more=""):
        """What a bridge must know of it; `port` may be a proxy's."""
        return f"""
[bridge.guild]
kind = "discord"
token_file = "{self.folder}/discord.token"
guild = "Venice"
api_url = "http://127.0.0.1:{port or self.port}"
backoff_min = 0.2
backoff_max = 1.0
{more}
"""


def said_at(message):
    """Seconds since 1970 in a message's id."""
    return (int(message["id"]) >> 22) / 1000 + EPOCH
