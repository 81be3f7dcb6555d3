"""What an operator may do wrong while it runs: garbage for the admin socket, certificates and settings that do not fit.

needs: python openssl
"""

import shutil
import signal
import socket
import ssl
import subprocess
import time

from rialto import Failed, Rialto, check
from wire import ROOM, Bystander, Wire


def say_to_admin(rialto, said, closes=False):
    """What the admin socket answers."""
    peer = socket.socket(socket.AF_UNIX)
    peer.settimeout(10)
    peer.connect(str(next((rialto.folder / "data").glob("*.sock*"))))
    heard = b""
    try:
        peer.sendall(said)
        if closes:
            peer.shutdown(socket.SHUT_WR)
        while not heard.endswith(b"\n") and (data := peer.recv(65536)):
            heard += data
    except (BrokenPipeError, ConnectionResetError):
        pass
    peer.close()
    return heard


def garbage_for_the_admin_socket(rialto, nurse):
    for said in (b"\n", b"hello\n", b"\0\xff\xfe\n", b"{}\n", b"[" * 10_000 + b"\n", b'{"version":99}\n',
                 b'{"command":"UserAdd","user":{"jid":1}}\n', b"x" * 200_000 + b"\n"):
        heard = say_to_admin(rialto, said)
        # What is far too long may be cut off before the answer is read.
        assert len(said) > 65536 or b"refused" in heard.lower(), (said[:40], heard)
    say_to_admin(rialto, b'{"half', closes=True)
    mode = next((rialto.folder / "data").glob("*.sock*")).stat().st_mode & 0o777
    check(mode == 0o600, f"the admin socket is for its owner alone ({mode:o})")
    # As many as are served at once say nothing: commands are not locked out for ever, and clients not at all.
    silent = []
    for _ in range(16):
        peer = socket.socket(socket.AF_UNIX)
        peer.connect(str(next((rialto.folder / "data").glob("*.sock*"))))
        silent.append(peer)
    nurse.is_well("silent visitors of the admin socket do not disturb clients")
    for peer in silent:
        peer.close()
    check("nurse" in rialto.run("user", "list"), "commands work after garbage")


def fingerprint(rialto):
    trust = ssl.create_default_context()
    trust.check_hostname, trust.verify_mode = False, ssl.CERT_NONE
    with socket.create_connection(("127.0.0.1", rialto.tls_port)) as peer:
        with trust.wrap_socket(peer, server_hostname="localhost") as secured:
            return secured.getpeercert(binary_form=True)


def hang_up(rialto, until, says):
    rialto.server.process.send_signal(signal.SIGHUP)
    end = time.monotonic() + 10
    while not until():
        if time.monotonic() > end:
            raise Failed(says)
        time.sleep(0.05)
    check(True, says)


def certificates_change_under_way(rialto, nurse):
    here = rialto.folder / "certs" / "localhost"
    kept = rialto.folder / "kept"
    shutil.copytree(here, kept)
    first, log = fingerprint(rialto), rialto.server.log
    (here / "fullchain.pem").write_text("garbage")
    hang_up(rialto, lambda: "nothing was reloaded" in log.read_text(), "a certificate that does not fit is said to be one")
    check(fingerprint(rialto) == first, "and the old one stays in use")
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                    "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost", "-keyout", here / "privkey.pem",
                    "-out", here / "fullchain.pem"], check=True, capture_output=True)
    hang_up(rialto, lambda: fingerprint(rialto) != first, "a new one is in use after SIGHUP")
    nurse.is_well("and who was connected stays so")
    shutil.rmtree(here)
    shutil.copytree(kept, here)
    hang_up(rialto, lambda: fingerprint(rialto) == first, "and the first one again")


def settings_change_under_way(rialto, nurse):
    good, log = rialto.config.read_text(), rialto.server.log
    before = log.read_text().count("nothing was reloaded")
    rialto.config.write_text(good + "\n[c2s]\nlogin_timout = '1s'\n")
    hang_up(rialto, lambda: log.read_text().count("nothing was reloaded") > before, "a mistake is told, and nothing changes")
    check("login_timeout" in log.read_text(), "with the key that was meant")
    rialto.config.write_text(good + "\n[c2s]\nlogin_timeout = '1s'\n")
    before = log.read_text().count("read again")
    hang_up(rialto, lambda: log.read_text().count("read again") > before, "a sound one is read")
    Wire(rialto).header().hear_stream_error("connection-timeout", 5)
    rialto.config.write_text(good)
    hang_up(rialto, lambda: log.read_text().count("read again") > before + 1, "and the old one again")
    nurse.is_well("and the nurse goes on")


def told_to_stop(rialto, nurse):
    """Everybody hears why: those in a room, those half-way, those who wait; and it takes no longer than it may."""
    romeo = Wire(rialto, direct=True).login("romeo", "orchard").enter(ROOM, "romeo")
    stranger = Wire(rialto)
    stranger.header().hear("</stream:features>")
    mute = socket.create_connection(("127.0.0.1", rialto.tls_port))
    begun = time.monotonic()
    rialto.server.process.send_signal(signal.SIGTERM)
    for wire, nick in ((romeo, "romeo"), (nurse.wire, "nurse")):
        wire.hear(f"<presence[^>]*from=.{ROOM}/{nick}.[^>]*type=.unavailable.*?<status code=.332./>.*?</presence>"
                  f"|<presence[^>]*type=.unavailable.[^>]*from=.{ROOM}/{nick}.*?<status code=.332./>.*?</presence>")
        wire.hear_stream_error("system-shutdown")
    stranger.hear_stream_error("system-shutdown")
    code = rialto.server.process.wait(15)
    took = time.monotonic() - begun
    check(code == 0 and took < 4, f"it stopped in {took:.1f} s with {code}")
    mute.close()
    try:
        socket.create_connection(("127.0.0.1", rialto.port)).close()
    except OSError:
        return check(True, "the doors are shut")
    raise Failed("somebody still listens")


def play():
    try:
        with Rialto() as rialto:
            nurse = Bystander(rialto)
            for story in (garbage_for_the_admin_socket, certificates_change_under_way, settings_change_under_way,
                          told_to_stop):
                story(rialto, nurse)
                if story is not told_to_stop:
                    nurse.is_well(story.__name__.replace("_", " "))
    except (Failed, AssertionError) as failed:
        raise SystemExit(f"FAILED: {failed}") from None
    print("done", flush=True)


play()
