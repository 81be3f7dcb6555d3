"""A client with no manners: it says exactly the bytes that it is told to, and shows what comes back."""

import base64
import re
import socket
import ssl
import threading
import time

from rialto import Failed, Rialto, check

PATIENCE = 10.0
ROOM = "ward@rooms.localhost"


class Wire:
    """One connection. What was heard and not yet asked for is in `heard`."""

    def __init__(self, rialto, direct=False, source="127.0.0.1", receive=None):
        self.rialto, self.heard, self.ended = rialto, "", False
        port = rialto.tls_port if direct else rialto.port
        self.socket = socket.socket()
        if receive:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive)
        self.socket.settimeout(PATIENCE)
        self.socket.bind((source, 0))
        self.socket.connect(("127.0.0.1", port))
        if direct:
            self.secure()

    def secure(self, alpn=("xmpp-client",)):
        trust = ssl.create_default_context(cafile=self.rialto.ca)
        if alpn:
            trust.set_alpn_protocols(list(alpn))
        self.socket = trust.wrap_socket(self.socket, server_hostname="localhost")

    def say(self, *said):
        for piece in said:
            self.socket.sendall(piece if isinstance(piece, bytes) else piece.encode())
        return self

    def try_to_say(self, said):
        """Says it to somebody who may have hung up already."""
        try:
            self.say(said)
        except OSError:
            pass
        return self

    def header(self, to="localhost", more="", declaration="<?xml version='1.0'?>"):
        return self.say(f"{declaration}<stream:stream to='{to}' version='1.0' xmlns='jabber:client' "
                        f"xmlns:stream='http://etherx.jabber.org/streams' {more}>")

    def listen(self, patience):
        """One read; False when nothing more will come."""
        self.socket.settimeout(max(patience, 0.001))
        try:
            data = self.socket.recv(65536)
        except (TimeoutError, ssl.SSLWantReadError):
            return True
        except OSError:
            data = b""
        finally:
            try:
                self.socket.settimeout(PATIENCE)
            except OSError:
                pass
        self.heard += data.decode(errors="replace")
        self.ended = self.ended or not data
        return bool(data)

    def hear(self, pattern, patience=PATIENCE):
        """Waits for what fits the pattern, forgets all up to its end, and gives the match."""
        until = time.monotonic() + patience
        while True:
            found = re.search(pattern, self.heard, re.S)
            if found:
                self.heard = self.heard[found.end():]
                return found
            left = until - time.monotonic()
            if left <= 0 or not self.listen(left):
                raise Failed(f"waited for {pattern!r} and heard {self.heard[-600:]!r}"
                             + (" and the end" if self.ended else ""))

    def hear_until(self, pattern, patience=PATIENCE):
        """All up to the end of what fits."""
        before = len(self.heard)
        until = time.monotonic() + patience
        while not (found := re.search(pattern, self.heard)):
            if time.monotonic() > until or not self.listen(until - time.monotonic()):
                raise Failed(f"waited for {pattern!r} and heard {len(self.heard) - before} characters more")
        heard, self.heard = self.heard[:found.end()], self.heard[found.end():]
        return heard

    def hears_no(self, pattern, time_=0.4):
        """Nothing that fits has come or comes for a while."""
        until = time.monotonic() + time_
        while time.monotonic() < until and self.listen(until - time.monotonic()):
            pass
        found = re.search(pattern, self.heard, re.S)
        if found:
            raise Failed(f"heard {found.group()!r}")

    def hear_stream_error(self, condition, patience=PATIENCE):
        """The stream ends as it should: the error, the closing tag, and then nothing."""
        self.hear(rf"<stream:error>\s*<{condition}[ />].*</stream:error>\s*</stream:stream>", patience)
        self.hear_end(patience)
        return self

    def hear_end(self, patience=PATIENCE):
        until = time.monotonic() + patience
        while not self.ended:
            if time.monotonic() > until:
                raise Failed("the connection was not ended")
            self.listen(until - time.monotonic())
        self.close()

    def close(self):
        self.socket.close()
        return self

    def starttls(self):
        self.header().hear("</stream:features>")
        self.say("<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>").hear("<proceed[^>]*>")
        self.secure(None)
        self.header().hear("</stream:features>")
        return self

    def offered(self):
        """Comes to the point where one may log in."""
        return self.starttls() if not isinstance(self.socket, ssl.SSLSocket) else self.header_heard()

    def header_heard(self):
        self.header().hear("</stream:features>")
        return self

    def auth(self, name, password=None, authzid=""):
        text = f"{authzid}\0{name}\0{self.rialto.password if password is None else password}".encode()
        return self.say(f"<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>"
                        f"{base64.b64encode(text).decode()}</auth>")

    def login(self, name, resource=None, presence=True):
        """All the way to a session; `jid` is its address."""
        self.offered().auth(name).hear("<success[^>]*>")
        self.header_heard()
        if resource:
            wish = f"<resource>{resource}</resource>"
            self.say(f"<iq type='set' id='bind'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'>{wish}</bind></iq>")
            self.jid = self.hear("<jid>(.*?)</jid>.*?</iq>").group(1)
            if presence:
                self.say("<presence/>").hear(f"<presence[^>]*from=.{re.escape(self.jid)}")
        return self

    def enter(self, room, nick):
        self.say(f"<presence to='{room}/{nick}'><x xmlns='http://jabber.org/protocol/muc'/></presence>")
        self.hear(r"<subject.*?</message>|<subject/></message>")
        return self

    def ask(self, said, number, pattern=".*?"):
        """An IQ and the whole of its answer."""
        self.say(said)
        return self.hear(rf"<iq [^>]*id=.{number}['\"][^>]*(/>|>{pattern}</iq>)").group()


class Bystander:
    """The nurse: she has a session and a room, and nothing that others do may touch either."""

    def __init__(self, rialto):
        self.wire = Wire(rialto, direct=True, source="127.0.0.9").login("nurse", "ward")
        self.wire.enter(ROOM, "nurse")
        self.wire.ask(f"<iq type='set' id='own' to='{ROOM}'><query xmlns='http://jabber.org/protocol/muc#owner'>"
                      "<x xmlns='jabber:x:data' type='submit'/></query></iq>", "own")
        self.turn, self.lock = 0, threading.Lock()
        threading.Thread(target=self.breathe, daemon=True).start()

    def breathe(self):
        """Shows life by whitespace, so that nobody asks whether she is there."""
        while not self.wire.ended:
            with self.lock:
                self.wire.try_to_say(" ")
            time.sleep(0.5)

    def is_well(self, after):
        with self.lock:
            self.speaks(after)

    def speaks(self, after):
        self.turn += 1
        wire, word = self.wire, f"all is well {self.turn}"
        wire.say(f"<message type='groupchat' to='{ROOM}'><body>{word}</body></message>")
        wire.hear(f"<message[^>]*{ROOM}/nurse.*?<body>{word}</body>")
        wire.ask(f"<iq type='get' id='p{self.turn}' to='localhost'><ping xmlns='urn:xmpp:ping'/></iq>",
                 f"p{self.turn}")
        check(True, after)


CASES = []


def case(act):
    """Marks a function whose name says what must hold."""
    CASES.append(act)
    return act


def play(settings="", **more):
    """Runs the cases in order against one server, with the nurse looking on."""
    try:
        with Rialto(settings, **more) as rialto:
            nurse = Bystander(rialto)
            for act in CASES:
                says = act.__name__.replace("_", " ")
                try:
                    act(rialto)
                except (Failed, OSError, AssertionError) as error:
                    raise Failed(f"{says}: {error}") from error
                nurse.is_well(says)
    except Failed as failed:
        raise SystemExit(f"FAILED: {failed}") from None
    print("done", flush=True)
