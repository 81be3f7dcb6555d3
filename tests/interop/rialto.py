"""A Rialto of one's own for a script: the built binary, in a folder of its own, on free ports of the loopback address.

The binary is named by RIALTO_BIN. Everything a script starts is ended with it, also when it fails.
"""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

PASSWORD = "sweet-sorrow"
PATIENCE = 30.0


def free_port():
    """A port that nobody uses at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_for_port(port, process=None, patience=PATIENCE):
    """Waits until somebody listens there."""
    until = time.monotonic() + patience
    while time.monotonic() < until:
        if process is not None and process.poll() is not None:
            raise Failed(f"the server ended with {process.returncode} before it listened on {port}")
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError:
            time.sleep(0.05)
    raise Failed(f"nobody listens on {port} after {patience} s")


class Process:
    """A program that ends when the script does; its output goes to a file that is shown when something fails."""

    def __init__(self, folder, name, command, **more):
        self.log = Path(folder) / f"{name}.log"
        self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=self.log.open("ab"),
                                        stderr=subprocess.STDOUT, start_new_session=True, **more)

    def stop(self, patience=15.0):
        """Asks it to end; gives the exit code, or None where it had to be killed."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(patience)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
                return None
        return self.process.returncode


class Rialto:
    """The server. `with Rialto() as rialto:` starts it with romeo, juliet and nurse; `settings` is more TOML."""

    def __init__(self, settings="", people=("romeo", "juliet", "nurse"), level="debug", domain="localhost", admins=()):
        self.folder = Path(tempfile.mkdtemp(prefix="rialto-"))
        self.port, self.tls_port = free_port(), free_port()
        self.http_port, self.https_port, self.proxy_port = free_port(), free_port(), free_port()
        self.component_port = free_port()
        self.password, self.domain = PASSWORD, domain
        self.people = people
        self.settings, self.level, self.admins = settings, level, list(admins)
        self.settings_of_listen = self.settings_of_http = ""
        self.config = self.folder / "rialto.toml"
        self.ca = self.folder / "certs" / "ca.pem"
        self.server = None

    def command(self, *arguments):
        return [os.environ["RIALTO_BIN"], "--config", str(self.config), *arguments]

    def run(self, *arguments):
        """Runs a command of the binary and gives what it prints."""
        done = subprocess.run(self.command(*arguments), capture_output=True, text=True, timeout=60)
        if done.returncode:
            raise Failed(f"rialto {' '.join(arguments)} ended with {done.returncode}:\n{done.stdout}{done.stderr}")
        return done.stdout

    def __enter__(self):
        self.config.write_text(f"""
domains = ["{self.domain}"]
data = "{self.folder}/data"
admins = {json.dumps(self.admins)}
{self.settings_at_top()}
[listen]
addresses = ["127.0.0.1"]
starttls = {self.port}
tls = {self.tls_port}
{self.settings_of_listen}
components = {self.component_port}
[http]
port = {self.http_port}
tls = {self.https_port}
{self.settings_of_http}
[certs]
folder = "{self.folder}/certs"
[proxy]
port = {self.proxy_port}
[log]
level = "{self.level}"
{self.settings}
""")
        password = self.folder / "password"
        password.write_text(PASSWORD + "\n")
        password.chmod(0o600)
        for name in self.people:
            self.run("user", "add", f"{name}@{self.domain}", "--password-file", str(password))
        try:
            self.start()
        except BaseException:
            self.__exit__(*sys.exc_info())
            raise
        return self

    def settings_at_top(self):
        return ""

    def start(self):
        self.server = Process(self.folder, "rialto", self.command("serve"))
        wait_for_port(self.port, self.server.process)

    def stop(self):
        """Ends it as an operator would; it must say that all went well."""
        code = self.server.stop()
        if code != 0:
            raise Failed(f"the server ended with {code}, not 0")

    def __exit__(self, kind, error, trace):
        code = self.server.stop() if self.server else None
        if kind is not None and self.server:
            lines = self.server.log.read_text(errors="replace").splitlines()[-80:]
            print("---- the end of the server's log", *lines, sep="\n", file=sys.stderr)
        shutil.rmtree(self.folder, ignore_errors=True)
        if kind is None and self.server and code != 0:
            raise Failed(f"the server ended with {code}, not 0")


class Failed(Exception):
    """Something is not as it must be."""


def check(true, says):
    """Ends the script where something is not as it must be."""
    if not true:
        raise Failed(says)
    print(f"ok: {says}", flush=True)
