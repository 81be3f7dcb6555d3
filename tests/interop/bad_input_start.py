"""A server that cannot start says what is wrong and what to do, in one line and with a code, and touches nothing.

needs: python openssl
"""

import os
import re
import shutil
import socket
import subprocess
import time
from pathlib import Path

from rialto import Failed, Rialto, check
from wire import Bystander, Wire

DONE, FAILED, BAD_CONFIG = 0, 1, 4


def refuses(rialto, code, *words, config=None):
    """`serve` ends by itself with this code, and says these words; nothing panics."""
    command = rialto.command("serve")
    if config is not None:
        path = rialto.folder / "other.toml"
        path.write_text(config)
        command[2] = str(path)
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=15)
    except subprocess.TimeoutExpired:
        raise Failed(f"it runs, and should have refused for {words}") from None
    said = done.stdout + done.stderr
    if done.returncode != code or "panicked" in said or any(not re.search(word, said) for word in words):
        raise Failed(f"expected {code} and {words}; got {done.returncode}:\n{said}")
    return said


def mistakes_in_the_configuration(rialto):
    good = rialto.config.read_text()
    for was, becomes, words in (
            ("[listen]", "[lisen]", ["lisen", "listen"]),
            ("starttls =", "startls =", ["startls", "starttls", r"\[listen\]|listen", r"\d"]),
            (f"starttls = {rialto.port}", "starttls = 99999", ["99999", "starttls"]),
            (f"starttls = {rialto.port}", "starttls = 'five'", ["starttls"]),
            ('addresses = ["127.0.0.1"]', 'addresses = ["here"]', ["here"]),
            ('domains = ["localhost"]', 'domains = []', ["domains"]),
            ('domains = ["localhost"]', 'domains = ["local host"]', ["local host"]),
            ('domains = ["localhost"]', 'domains = ["localhost"', [r"\d"]),
            ('level = "debug"', 'level = "debug"\n[c2s]\nlogin_timeout = "soon"', ["login_timeout", "30s|60s|10m"]),
            ('level = "debug"', 'level = "debug"\n[c2s]\nstanza_bytes = "-1 KiB"', ["stanza_bytes"]),
            ('level = "debug"', 'level = "debug"\n[store]\nengine = "sledd"', ["sledd", "sled"]),
            ('level = "debug"', 'level = "loud"', ["loud", "debug"]),
            ('level = "debug"', 'level = "debug"\n[bridge.x]\nkind = "irk"', ["irk", "irc"]),
            ('level = "debug"', 'level = "debug"\n[bridge.x]\nkind = "irc"\nserver = "localhost"\nnik = "a"', ["nik"]),
            ('level = "debug"', 'level = "debug"\n[[link]]\nroom = "a@rooms.localhost"\nto = ["nowhere:#a"]', ["nowhere"]),
            ('level = "debug"', 'level = "debug"\n[[link]]\nroom = "@"\nto = []', ["room|link"])):
        assert was in good, was
        said = refuses(rialto, BAD_CONFIG, *words, config=good.replace(was, becomes))
        check("other.toml" in said, f"a mistake is shown where it is: {becomes.splitlines()[-1]}")
    refuses(rialto, BAD_CONFIG, "other.toml", config="\0")
    done = subprocess.run([os.environ["RIALTO_BIN"], "--config", "/nonexistent/rialto.toml", "serve"],
                          capture_output=True, text=True, timeout=30)
    check(done.returncode == BAD_CONFIG and "/nonexistent/rialto.toml" in done.stderr,
          f"a configuration that is not there is named ({done.returncode} {done.stderr})")


def a_port_in_use(rialto):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", rialto.tls_port))
        taken.listen()
        refuses(rialto, FAILED, f"port {rialto.tls_port} on 127.0.0.1 is in use", r"\[listen\]")
        with socket.socket() as free:
            free.bind(("127.0.0.1", rialto.port))
    check(True, "a port in use is named, and the other one was let go")


def openssl(*arguments):
    subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True, timeout=30)


CA = """
[ca]
default_ca = d
[d]
database = {0}/index
new_certs_dir = {0}
rand_serial = yes
default_md = sha256
policy = p
x509_extensions = e
[p]
commonName = supplied
[e]
subjectAltName = DNS:{1}
"""


def make(folder, name, start="20250101000000Z", end="20450101000000Z"):
    """A certificate that signs itself, for this time."""
    work = folder.with_name("work")
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir()
    folder.mkdir(exist_ok=True)
    (work / "index").touch()
    (work / "ca.conf").write_text(CA.format(work, name))
    openssl("req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-subj", f"/CN={name}",
            "-keyout", folder / "privkey.pem", "-out", work / "request")
    openssl("ca", "-batch", "-selfsign", "-notext", "-config", work / "ca.conf", "-keyfile", folder / "privkey.pem",
            "-in", work / "request", "-out", folder / "fullchain.pem", "-startdate", start, "-enddate", end)


def certificates_that_do_not_fit(rialto):
    here = rialto.folder / "certs" / "localhost"
    kept = rialto.folder / "kept"
    if here.exists():
        here.rename(kept)
    chain, key = here / "fullchain.pem", here / "privkey.pem"
    make(here, "localhost", "20200101000000Z", "20200201000000Z")
    before = chain.read_bytes()
    refuses(rialto, FAILED, "ended on 2020-0[12]", "renew")
    check(chain.read_bytes() == before, "an expired certificate is not accepted, and not touched")
    make(here, "localhost", "20400101000000Z", "20450101000000Z")
    refuses(rialto, FAILED, "begins on 20", "clock")
    make(here, "example.org")
    refuses(rialto, FAILED, "not for localhost but for example.org")
    check(True, "one for another name is refused")
    make(here, "localhost")
    other = rialto.folder / "other-cert"
    make(other, "localhost")
    shutil.copy(other / "privkey.pem", key)
    refuses(rialto, FAILED, "is not the key of")
    check(True, "a key of another certificate is refused")
    for path, text in ((chain, "hello"), (key, "hello"), (chain, ""), (key, ""),
                       (chain, "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")):
        make(here, "localhost")
        path.write_text(text)
        refuses(rialto, FAILED, path.name)
    make(here, "localhost")
    key.unlink()
    refuses(rialto, FAILED, "privkey.pem is missing")
    key.mkdir()
    refuses(rialto, FAILED, "privkey.pem cannot be read")
    check(True, "halves, garbage and what cannot be read are named")
    shutil.rmtree(here)
    if kept.exists():
        kept.rename(here)


def a_second_server_with_the_same_data(rialto):
    """The nurse is on the first one all the while."""
    rialto.start()
    nurse = Bystander(rialto)
    refuses(rialto, FAILED, "runs here already|in use|another")
    elsewhere = rialto.config.read_text().replace(f'data = "{rialto.folder}/data"', f'data = "{rialto.folder}/data2"')
    elsewhere = elsewhere.replace(f"= {rialto.port}", "= 0").replace(f"= {rialto.tls_port}", "= 0")
    refuses(rialto, FAILED, "in use|another|lock", config=elsewhere + f'\n[store]\npath = "{rialto.folder}/data/store"\n')
    nurse.is_well("a second server with the same data is refused, and the first goes on")
    rialto.run("user", "list")
    check(True, "its admin socket is still there")
    nurse.wire.close()
    rialto.stop()


def a_far_side_that_is_down(rialto):
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        port = nobody.getsockname()[1]
    config = rialto.config.read_text()
    rialto.config.write_text(config + f"""
[bridge.far]
kind = "irc"
server = "127.0.0.1"
port = {port}
tls = false
nick = "rialto"
[bridge.lost]
kind = "irc"
server = "nowhere.invalid"
nick = "rialto"
[[link]]
room = "ward@rooms.localhost"
to = ["far:#ward", "lost:#ward"]
""")
    rialto.start()
    nurse = Bystander(rialto)
    nurse.is_well("rooms live although their far sides are down")
    begun = time.monotonic()
    check("far" in rialto.run("link", "list"), "the operator sees the links")
    wire = Wire(rialto, direct=True).login("romeo", "orchard")
    wire.say("<presence to='#more%far@irc.localhost/romeo'><x xmlns='http://jabber.org/protocol/muc'/></presence>")
    wire.hear("<presence[^>]*#more%far@irc.localhost.*?(<error|</presence>)", 30)
    check(time.monotonic() - begun < 30, "a far room that cannot be reached answers")
    wire.close()
    nurse.is_well("and the nurse goes on")
    nurse.wire.close()
    rialto.stop()
    rialto.config.write_text(config)


def an_address_or_folder_that_cannot_be(rialto):
    good = rialto.config.read_text()
    refuses(rialto, FAILED, "192.0.2.1 is no address of this machine",
            config=good.replace('addresses = ["127.0.0.1"]', 'addresses = ["192.0.2.1"]'))
    blocked = rialto.folder / "file"
    blocked.write_text("x")
    refuses(rialto, FAILED, "data folder", config=good.replace(f"{rialto.folder}/data", f"{blocked}/data"))
    check(True, "an address of another machine and a folder that cannot be made are named")


class Unstarted(Rialto):
    """Its stories start it themselves."""

    def start(self):
        if self.server is None:
            self.server = Idle()
        else:
            super().start()


class Idle:
    """Stands for the server until there is one."""

    log = Path(os.devnull)

    def stop(self):
        return DONE


def play():
    try:
        with Unstarted() as rialto:
            for story in (mistakes_in_the_configuration, a_port_in_use, certificates_that_do_not_fit,
                          a_second_server_with_the_same_data, a_far_side_that_is_down,
                          an_address_or_folder_that_cannot_be):
                story(rialto)
    except Failed as failed:
        raise SystemExit(f"FAILED: {failed}") from None
    print("done", flush=True)


play()
