"""What logins, questions and publications cost the server: its CPU time, read from the kernel, beside the same in another way.

    cargo build --release
    RIALTO_BIN=target/release/rialto python3 tests/benches/measure.py [logins] [disco] [pep]

Each figure is the median of rounds that take turns, so that a busy hour touches all of them. The client is Python on the same
machine; its own time is not counted. Nothing here is a test: it prints what it finds, and ends with an error where an answer was
wrong.
"""

import base64
import hashlib
import hmac
import re
import statistics
import sys
import uuid
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "interop"))

from rialto import Failed, Rialto  # noqa: E402
from wire import Wire  # noqa: E402

ROUNDS, LOGINS, QUESTIONS, PUBLICATIONS, CONTACTS = 5, 200, 4000, 40, 100
SASL, SASL2, BIND2 = "urn:ietf:params:xml:ns:xmpp-sasl", "urn:xmpp:sasl:2", "urn:xmpp:bind:0"
FAST, SM, CARBONS = "urn:xmpp:fast:0", "urn:xmpp:sm:3", "urn:xmpp:carbons:2"
NODE = "http://jabber.org/protocol/tune"


def cpu(rialto):
    """Microseconds of CPU that the server's threads have used."""
    threads = Path(f"/proc/{rialto.server.process.pid}/task").glob("*/schedstat")
    return sum(int(thread.read_text().split()[0]) for thread in threads) / 1000


def encoded(data):
    return base64.b64encode(data).decode()


SALTED = {}


def scram(name, password, challenge_of):
    """RFC 5802 with SHA-1: `challenge_of` sends the first message and gives the server's; returns the last one."""
    bare = f"n={name},r={uuid.uuid4().hex}"
    first = challenge_of(encoded(f"n,,{bare}".encode()))
    fields = dict(part.split("=", 1) for part in base64.b64decode(first).decode().split(","))
    key = (password, fields["s"], fields["i"])
    if key not in SALTED:
        SALTED[key] = hashlib.pbkdf2_hmac("sha1", password.encode(), base64.b64decode(fields["s"]), int(fields["i"]))
    client = hmac.digest(SALTED[key], b"Client Key", "sha1")
    final = f"c=biws,r={fields['r']}"
    signed = f"{bare},{base64.b64decode(first).decode()},{final}".encode()
    signature = hmac.digest(hashlib.sha1(client).digest(), signed, "sha1")
    proof = bytes(one ^ other for one, other in zip(client, signature))
    return encoded(f"{final},p={encoded(proof)}".encode())


def classic(rialto):
    """RFC 6120: SCRAM, a second header, bind, stream management, presence. Gives the round trips after TLS."""
    wire = Wire(rialto, direct=True)
    trips = 0

    def challenge_of(first):
        wire.say(f"<auth xmlns='{SASL}' mechanism='SCRAM-SHA-1'>{first}</auth>")
        return wire.hear("<challenge[^>]*>(.*?)</challenge>").group(1)

    wire.header().hear("</stream:features>")
    last = scram("romeo", rialto.password, challenge_of)
    wire.say(f"<response xmlns='{SASL}'>{last}</response>").hear("<success[^>]*>")
    wire.header().hear("</stream:features>")
    wire.say("<iq type='set' id='b'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/></iq>").hear("<jid>.*?</iq>")
    wire.say(f"<enable xmlns='{SM}' resume='true'/>").hear("<enabled[^>]*>")
    trips += 6
    wire.say(f"<iq type='set' id='c'><enable xmlns='{CARBONS}'/></iq><presence/>").hear("<presence")
    end(wire)
    return trips


def end(wire):
    wire.try_to_say("</stream:stream>")
    wire.hear("</stream:stream>")
    wire.close()


class Device:
    """A client with a token (XEP-0484)."""

    def __init__(self, rialto):
        self.agent, self.resume = str(uuid.uuid4()), None
        wire = Wire(rialto, direct=True)
        wire.header().hear("</stream:features>")

        def challenge_of(first):
            wire.say(f"<authenticate xmlns='{SASL2}' mechanism='SCRAM-SHA-1'><initial-response>{first}</initial-response>"
                     f"<user-agent id='{self.agent}'/><request-token xmlns='{FAST}' mechanism='HT-SHA-256-NONE'/>"
                     "</authenticate>")
            return wire.hear("<challenge[^>]*>(.*?)</challenge>").group(1)

        last = scram("romeo", rialto.password, challenge_of)
        wire.say(f"<response xmlns='{SASL2}'>{last}</response>")
        success = wire.hear("<success.*?</success>").group()
        self.take_token(success)
        wire.close()

    def take_token(self, success):
        fresh = re.search("<token[^>]*token=['\"](.*?)['\"]", success)
        if fresh:
            self.token = fresh.group(1)

    def login(self, rialto, resume):
        """SASL2, FAST and Bind 2 or an inline resumption, all in the first flight. Gives the round trips after TLS."""
        wire = Wire(rialto, direct=True)
        proof = hmac.digest(self.token.encode(), b"Initiator", "sha256")
        inline = f"<bind xmlns='{BIND2}'><tag>m</tag><enable xmlns='{SM}' resume='true'/><enable xmlns='{CARBONS}'/></bind>"
        if resume and self.resume:
            inline = f"<resume xmlns='{SM}' previd='{self.resume}' h='0'/>" + inline
        wire.header(more="from='romeo@localhost'").say(
            f"<authenticate xmlns='{SASL2}' mechanism='HT-SHA-256-NONE'>"
            f"<initial-response>{encoded(b'romeo' + bytes(1) + proof)}</initial-response>"
            f"<user-agent id='{self.agent}'/><fast xmlns='{FAST}'/>{inline}</authenticate>")
        success = wire.hear("<success.*?</success>").group()
        self.take_token(success)
        if self.resume and resume:
            if "<resumed" not in success:  # and what follows are stanzas, not features
                raise Failed(f"not resumed: {success}")
            wire.close()
            return 1
        wire.hear("</stream:features>")
        if resume:
            self.resume = self.resume or re.search("<enabled[^>]*id=['\"](.*?)['\"]", success).group(1)
            wire.close()
        else:
            wire.say("<presence/>").hear("<presence")
            end(wire)
        return 1


def logins(rialto):
    """A login in four ways."""
    device, sleeper = Device(rialto), Device(rialto)
    handshake = lambda: Wire(rialto, direct=True).close()  # noqa: E731
    sleeper.login(rialto, resume=True)
    ways = {"TLS alone": handshake, "SCRAM-SHA-1, bind, stream management, presence": lambda: classic(rialto),
            "FAST and Bind 2, presence": lambda: device.login(rialto, resume=False),
            "FAST and inline resumption": lambda: sleeper.login(rialto, resume=True)}
    table(rialto, "a login", {name: (way, LOGINS) for name, way in ways.items()})


def disco(rialto):
    """disco#info and disco#items of the server and of one's own account."""
    wire = Wire(rialto, direct=True).login("romeo", "orchard")
    queries = {"server, info": ("localhost", "info"), "account, info": ("romeo@localhost", "info"),
               "server, items": ("localhost", "items")}

    def question(to, what):
        """A hundred at once, so that waiting is no part of it."""
        ask = f"<query xmlns='http://jabber.org/protocol/disco#{what}'/>"
        wire.say("".join(f"<iq type='get' id='q{n}' to='{to}'>{ask}</iq>" for n in range(100)))
        wire.hear_until("<iq [^>]*id=.q99.[^>]*>.*?</iq>")

    table(rialto, "a question", {
        name: (lambda to=to, what=what: question(to, what), QUESTIONS // 100, 100) for name, (to, what) in queries.items()})


def pep(rialto):
    """One publishes, a hundred contacts want it; beside it a message to each of them."""
    contacts = [Wire(rialto, direct=True).login(f"user{n}", "pda", presence=False) for n in range(CONTACTS)]
    romeo = Wire(rialto, direct=True).login("romeo", "orchard")
    for n, contact in enumerate(contacts):
        contact.say(f"<presence><c xmlns='http://jabber.org/protocol/caps' hash='sha-1' node='https://example.org/' "
                    f"ver='{VERSION}'/></presence>")
        answer_caps(contact, contact.hear_until(rf"<presence[^>]*from=.user{n}@localhost/pda"))
        contact.say("<presence type='subscribe' to='romeo@localhost'/>")
        romeo.hear(rf"<presence[^>]*user{n}@localhost[^>]*>")
        romeo.say(f"<presence type='subscribed' to='user{n}@localhost'/>")
        contact.hear(r"<presence[^>]*from=.romeo@localhost/orchard")
    turn = 0

    def publish():
        nonlocal turn
        turn += 1
        romeo.say(f"<iq type='set' id='p{turn}'><pubsub xmlns='http://jabber.org/protocol/pubsub'><publish node='{NODE}'>"
                  f"<item id='current'><tune xmlns='{NODE}'><title>{turn}</title></tune></item></publish></pubsub></iq>")
        for contact in contacts:
            contact.hear(f"<title>{turn}</title>")
        romeo.hear(rf"<iq [^>]*id=.p{turn}.")

    def write():
        nonlocal turn
        turn += 1
        romeo.say("".join(f"<message type='chat' to='user{n}@localhost/pda'><body>{turn}</body></message>"
                          for n in range(CONTACTS)))
        for contact in contacts:
            contact.hear(f"<body>{turn}</body>")

    table(rialto, "somebody told", {"a publication to 100 contacts": (publish, PUBLICATIONS, CONTACTS),
                                    "a message to each of them": (write, PUBLICATIONS, CONTACTS)})


FEATURES = ["http://jabber.org/protocol/disco#info", NODE + "+notify"]
VERSION = encoded(hashlib.sha1(("client/pc//Bench<" + "".join(f"{f}<" for f in sorted(FEATURES))).encode()).digest())


def answer_caps(contact, heard):
    """XEP-0115: tells what the hash stands for, if the server asks."""
    ask = re.search(r"<iq (?=[^>]*type=.get.)[^>]*id=['\"](.*?)['\"][^>]*>\s*<query[^>]*disco#info[^>]*node=['\"](.*?)['\"]",
                    heard)
    if ask:
        told = "".join(f"<feature var='{f}'/>" for f in FEATURES)
        contact.say(f"<iq type='result' id='{ask.group(1)}' to='localhost'><query xmlns='http://jabber.org/protocol/disco#info' "
                    f"node='{ask.group(2)}'><identity category='client' type='pc' name='Bench'/>{told}</query></iq>")


def table(rialto, unit, ways):
    """Rounds that take turns; CPU for a unit of each way."""
    found = {name: [] for name in ways}
    for turn in range(ROUNDS + 1):
        for name, (way, times, *each) in ways.items():
            before = cpu(rialto)
            for _ in range(times):
                way()
            if turn:  # the first warms up
                found[name].append((cpu(rialto) - before) / times / (each[0] if each else 1))
    print(f"\nµs of CPU for {unit}: median, least and most of {ROUNDS} rounds")
    for name, figures in found.items():
        print(f"  {name:50} {statistics.median(figures):8.1f}   {min(figures):.1f}–{max(figures):.1f}")


def measure():
    wanted = sys.argv[1:] or ["logins", "disco", "pep"]
    people = ["romeo"] + [f"user{n}" for n in range(CONTACTS if "pep" in wanted else 0)]
    with Rialto(people=people, level="warn") as rialto:
        for name in wanted:
            {"logins": logins, "disco": disco, "pep": pep}[name](rialto)


if __name__ == "__main__":
    measure()
