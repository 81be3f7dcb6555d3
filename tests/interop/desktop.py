"""A desktop of one's own for a client with windows: a screen (Xvfb), a session bus, a home folder, and hands (xdotool).

Nothing of the machine's is used: no keyring, no settings, no store of certificates. Where the script runs as root, what is on
the desktop runs as nobody.
"""

import asyncio
import contextlib
import os
import shutil
import struct
import subprocess
import tempfile
import time
import zlib
from pathlib import Path

from rialto import Failed, Process, check

PATIENCE = 60.0
BUS = """<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig><type>session</type><listen>unix:path={}</listen><auth>EXTERNAL</auth><policy context="default">
<allow send_destination="*" eavesdrop="true"/><allow eavesdrop="true"/><allow own="*"/></policy></busconfig>"""


class Desktop:
    """`with Desktop("gajim") as desktop:` has a screen on which one client runs; without a window manager it fills it."""

    def __init__(self, name, size=(1000, 700)):
        self.name, self.size = name, size
        self.home = Path(tempfile.mkdtemp(prefix=f"rialto-{name}-"))
        self.running, self.client = [], None
        self.as_somebody = {"user": "nobody", "group": "nogroup", "extra_groups": []} if os.geteuid() == 0 else {}
        self.environment = {
            "PATH": "/usr/bin:/bin:/usr/games", "LANG": "C.UTF-8", "LC_ALL": "C.UTF-8", "HOME": str(self.home),
            "XDG_RUNTIME_DIR": str(self.folder("run")), "XDG_CONFIG_HOME": str(self.folder("config")),
            "XDG_DATA_HOME": str(self.folder("share")), "XDG_CACHE_HOME": str(self.folder("cache")),
            "DBUS_SESSION_BUS_ADDRESS": f"unix:path={self.home}/bus", "GSETTINGS_BACKEND": "memory",
            "GIO_USE_NETWORK_MONITOR": "base", "GIO_USE_VFS": "local", "GDK_BACKEND": "x11", "GSK_RENDERER": "cairo",
            "GTK_USE_PORTAL": "0", "GTK_A11Y": "none", "NO_AT_BRIDGE": "1", "PYTHONDONTWRITEBYTECODE": "1",
        }

    def folder(self, path):
        """A folder in the home, there and owned by who lives in it."""
        folder = self.home / path
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.give()
        return folder

    def give(self):
        """What lies in the home belongs to who lives there."""
        if self.as_somebody:
            for one in (self.home, *self.home.rglob("*")):
                with contextlib.suppress(FileNotFoundError):
                    shutil.chown(one, "nobody", "nogroup")

    def run(self, name, *command, **more):
        """Starts a program that ends with the desktop."""
        self.give()
        process = Process(self.home, name, command, env=self.environment, cwd=self.home, **self.as_somebody, **more)
        self.running.append(process)
        return process

    def __enter__(self):
        try:
            told, tells = os.pipe()
            size = f"{self.size[0]}x{self.size[1]}x24"
            # -noreset: the screen outlives the first client, which may be xdotool.
            self.run("xvfb", "Xvfb", "-displayfd", str(tells), "-screen", "0", size, "-fbdir", str(self.folder("screen")),
                     "-nolisten", "tcp", "-noreset", pass_fds=(tells,))
            os.close(tells)
            with os.fdopen(told) as display:
                self.environment["DISPLAY"] = f":{display.readline().strip()}"
            if self.environment["DISPLAY"] == ":":
                raise Failed(f"no screen: {self.told('xvfb')}")
            (self.home / "bus.conf").write_text(BUS.format(self.home / "bus"))
            self.run("dbus", "dbus-daemon", f"--config-file={self.home}/bus.conf", "--nofork", "--nopidfile")
            until = time.monotonic() + PATIENCE
            while not (self.home / "bus").exists():
                if time.monotonic() > until:
                    raise Failed(f"no session bus: {self.told('dbus')}")
                time.sleep(0.05)
        except BaseException:
            self.__exit__(Failed, None, None)
            raise
        return self

    def start(self, *command):
        """Starts the client."""
        self.client = self.run(self.name, *command)

    async def says(self, *command, patience=20.0):
        """Runs a command on the desktop to its end, and gives what it prints; one that takes too long is let go."""
        try:
            done = await asyncio.to_thread(subprocess.run, command, env=self.environment, cwd=self.home, text=True, check=False,
                                           capture_output=True, timeout=patience, **self.as_somebody)
            return done.stdout
        except subprocess.TimeoutExpired:
            return ""

    async def type(self, words):
        """Types into the client's window, in place of what its entry may hold, and Return. The mouse is out of the way."""
        windows = (await self.says("xdotool", "search", "--onlyvisible", "--name", ".")).split()
        if windows:
            corner = [str(side - 1) for side in self.size]
            await self.says("xdotool", "mousemove", *corner, "windowfocus", windows[-1], "key", "ctrl+a")
            await self.says("xdotool", "type", "--delay", "25", words)
            await self.says("xdotool", "key", "Return")

    async def until(self, says, true, again=None, every=15.0, patience=PATIENCE):
        """Waits until something is so; where it is not after a while, it is tried `again`."""
        end = time.monotonic() + patience
        next_try = time.monotonic()
        while time.monotonic() < end:
            if again is not None and time.monotonic() >= next_try:
                await again()
                next_try = time.monotonic() + every
            if true():
                return check(True, says)
            if self.client is not None and self.client.process.poll() is not None:
                check(False, f"{says}; {self.name} ended with {self.client.process.returncode}")
            await asyncio.sleep(0.2)
        check(False, f"{says}, within {patience} s")

    def told(self, name):
        """The end of what a program has written."""
        log = self.home / f"{name}.log"
        return "\n".join(log.read_text(errors="replace").splitlines()[-60:]) if log.exists() else ""

    def picture(self, path):
        """Writes what is on the screen as a PNG. Xvfb keeps its screen in a file as X11's xwd has it."""
        dump = (self.home / "screen" / "Xvfb_screen0").read_bytes()
        head = struct.unpack(">25I", dump[:100])
        size, width, height, line, colours = head[0], head[4], head[5], head[12], head[19]
        start = size + 12 * colours
        rows = bytearray()
        for y in range(height):
            row = dump[start + y * line:start + y * line + 4 * width]
            pixels = bytearray(3 * width)
            pixels[0::3], pixels[1::3], pixels[2::3] = row[2::4], row[1::4], row[0::4]
            rows += b"\0" + pixels

        def chunk(kind, data):
            return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

        Path(path).write_bytes(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">2I5B", width, height, 8, 2, 0, 0, 0))
                               + chunk(b"IDAT", zlib.compress(bytes(rows), 9)) + chunk(b"IEND", b""))

    def __exit__(self, kind, error, trace):
        if kind is not None:
            self.leave_traces()
        for process in reversed(self.running):
            process.stop(10)
        shutil.rmtree(self.home, ignore_errors=True)

    def leave_traces(self):
        """What went wrong is easier to see than to tell."""
        print(f"---- the end of what {self.name} says", self.told(self.name), sep="\n", flush=True)
        try:
            folder = Path(tempfile.mkdtemp(prefix="rialto-screens-"))
            self.picture(folder / f"{self.name}.png")
            print(f"the screen of {self.name}: {folder}/{self.name}.png", flush=True)
        except (OSError, struct.error) as error:
            print(f"no picture of {self.name}: {error}", flush=True)
