"""Connections that take and give nothing: half-open, slow, too many, guessing; and sessions that are not one's own.

needs: python
"""

import re
import socket
import time

from rialto import Failed
from wire import Wire, case, play

SM = "urn:xmpp:sm:3"
SETTINGS = """
[c2s]
login_timeout = "3s"
failures = 4
failures_within = "1m"
ping_after = "4s"
ping_timeout = "1s"
[sessions]
outbox_bytes = "1 MiB"
[guard]
unanswered = 0
strangers = 0
"""


def bare(port):
    return socket.create_connection(("127.0.0.1", port), timeout=8)


def hung_up(peer, within):
    """The server ends the connection, and does so in time."""
    begun, heard = time.monotonic(), b""
    peer.settimeout(within)
    try:
        while data := peer.recv(65536):
            heard += data
    except TimeoutError:
        raise Failed(f"still open after {within} s; heard {heard!r}") from None
    except OSError:
        pass
    peer.close()
    return heard.decode(errors="replace"), time.monotonic() - begun


@case
def whoever_never_finishes_a_login_is_hung_up(rialto):
    """Seven ways to be half-open, at the same time."""
    silent, tls_silent = bare(rialto.port), bare(rialto.tls_port)
    half_header = bare(rialto.port)
    half_header.sendall(b"<?xml version='1.0'?><stream:stream to='local")
    half_hello = bare(rialto.tls_port)
    half_hello.sendall(b"\x16\x03\x01\x02\x00\x01\x00")
    header = Wire(rialto)
    header.header().hear("</stream:features>")
    proceeded = Wire(rialto)
    proceeded.header().hear("</stream:features>")
    proceeded.say("<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>").hear("<proceed[^>]*>")
    unbound = Wire(rialto, direct=True).login("romeo")
    drip = bare(rialto.port)
    for byte in b"<?xml version='1.0'?>                        ":
        try:
            drip.sendall(bytes([byte]))
        except OSError:
            break
        time.sleep(0.1)
    for wire in (header, unbound):
        wire.hear_stream_error("connection-timeout", 6)
    for peer in (silent, tls_silent, half_header, half_hello, proceeded.socket, drip):
        heard, _ = hung_up(peer, 6)
        assert not heard or "connection-timeout" in heard or "\x15" in heard, heard


@case
def a_client_that_vanished_is_asked_and_then_given_up(rialto):
    wire = Wire(rialto, direct=True).login("romeo", "orchard")
    wire.hear("<iq[^>]*urn:xmpp:ping|<iq[^>]*><ping", 6)
    _, took = hung_up(wire.socket, 4)
    assert took < 3, took


def flood(rialto, target, sentence):
    """Says more to `target` than it may let lie, and gives the answers of the server to the speaker."""
    speaker = Wire(rialto, direct=True).login("juliet", "balcony", presence=False)
    body = "x" * 8000
    for number in range(600):
        speaker.say(f"<message type='chat' id='{sentence}-{number}' to='{target}'><body>{body}</body></message>")
    speaker.ask("<iq type='get' id='done' to='localhost'><ping xmlns='urn:xmpp:ping'/></iq>", "done")
    return speaker


def backlog(rialto, name, sentence):
    """What waits for a person: a part at each coming, so that no outbox overflows."""
    numbers, silent = [], 0
    while silent < 4:  # a busy disk may take its time
        wire = Wire(rialto, direct=True).login(name, "fast", presence=False)
        wire.say("<presence/>").hears_no("nothing", 0.6)
        # What comes until the very end has been delivered as well.
        wire.say("</stream:stream>").hear_end()
        found = [int(number) for number in re.findall(rf"id=.{sentence}-(\d+)", wire.heard)]
        silent = 0 if found else silent + 1
        numbers += found
    return numbers


def cut_off(slow):
    """It is told why, unless the machine is so busy that its silence was noticed first."""
    slow.hear_end(15)
    assert "<resource-constraint" in slow.heard or "urn:xmpp:ping" in slow.heard or "<r " in slow.heard, slow.heard[-300:]


@case
def a_reader_who_is_too_slow_is_cut_off_and_what_it_did_not_get_waits(rialto):
    slow = Wire(rialto, direct=True, receive=4096).login("romeo", "slow")
    speaker = flood(rialto, "romeo@localhost", "slow")
    cut_off(slow)
    numbers = backlog(rialto, "romeo", "slow")
    assert numbers == list(range(numbers[0], 600)), numbers
    speaker.close()


@case
def a_reader_who_never_acknowledges_is_cut_off_too_and_nothing_is_lost(rialto):
    slow = Wire(rialto, direct=True).login("romeo", "slow")
    slow.say(f"<enable xmlns='{SM}' resume='true'/>").hear("<enabled[^>]*>")
    speaker = flood(rialto, "romeo@localhost/slow", "unacked")
    cut_off(slow)
    numbers = backlog(rialto, "romeo", "unacked")
    assert numbers == list(range(600)), numbers
    speaker.close()


def managed(rialto, name, resource):
    wire = Wire(rialto, direct=True).login(name, resource)
    wire.say(f"<enable xmlns='{SM}' resume='true'/>")
    return wire, wire.hear("<enabled[^>]* id=.([^'\"]+)").group(1)


@case
def nobody_resumes_anothers_session(rialto):
    owner, key = managed(rialto, "romeo", "mine")
    thief = Wire(rialto, direct=True).login("juliet")
    thief.say(f"<resume xmlns='{SM}' previd='{key}' h='0'/>").hear("<failed[^>]*><item-not-found")
    thief.say(f"<resume xmlns='{SM}' previd='' h='0'/>").hear("<failed[^>]*><item-not-found")
    thief.close()
    # The owner has noticed nothing, and can still come back.
    owner.ask("<iq type='get' id='p' to='localhost'><ping xmlns='urn:xmpp:ping'/></iq>", "p")
    owner.socket.close()
    again = Wire(rialto, direct=True).login("romeo")
    again.say(f"<resume xmlns='{SM}' previd='{key}' h='1'/>").hear("<resumed[^>]*>")
    again.say("</stream:stream>").close()


@case
def a_session_is_resumed_by_one_at_a_time(rialto):
    owner, key = managed(rialto, "romeo", "mine")
    first = Wire(rialto, direct=True).login("romeo")
    second = Wire(rialto, direct=True).login("romeo")
    first.say(f"<resume xmlns='{SM}' previd='{key}' h='0'/>")
    second.say(f"<resume xmlns='{SM}' previd='{key}' h='0'/>")
    first.hear("<(resumed|failed)[^>]*>")
    second.hear("<(resumed|failed)[^>]*>")
    owner.hear_end(5)
    alive = []
    for wire in (first, second):
        try:
            wire.ask("<iq type='get' id='p' to='localhost'><ping xmlns='urn:xmpp:ping'/></iq>", "p")
            alive.append(wire)
        except (Failed, OSError):
            wire.close()
    assert len(alive) == 1, len(alive)
    alive[0].say(f"<resume xmlns='{SM}' previd='{key}' h='0'/>").hear("<failed[^>]*><unexpected-request")
    alive[0].say("</stream:stream>").close()


@case
def acknowledging_what_was_never_sent_ends_the_stream(rialto):
    wire, _ = managed(rialto, "romeo", "liar")
    wire.say(f"<a xmlns='{SM}' h='4000'/>").hear("<handled-count-too-high").group()
    wire.hear_end()
    wire, key = managed(rialto, "romeo", "liar")
    wire.close()
    again = Wire(rialto, direct=True).login("romeo")
    again.say(f"<resume xmlns='{SM}' previd='{key}' h='4000'/>").hear("handled-count-too-high")
    again.hear_end()
    for h in ("-1", "x", "4294967296", ""):
        again = Wire(rialto, direct=True).login("romeo")
        again.say(f"<resume xmlns='{SM}' previd='{key}' h='{h}'/>").hear("bad-format")
        again.hear_end()
    wire = Wire(rialto, direct=True).login("romeo", "liar")
    wire.say(f"<a xmlns='{SM}' h='0'/>").hear("<stream:error>")
    wire.close()


@case
def a_resource_that_is_none_is_refused_and_may_be_asked_again(rialto):
    wire = Wire(rialto, direct=True).login("romeo")
    bind = "<iq type='set' id='b'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><resource>{}</resource></bind></iq>"
    for resource in ("x" * 1024, "&#x7f;"):
        answer = wire.ask(bind.format(resource), "b")
        assert "bad-request" in answer or "jid-malformed" in answer, answer
    wire.say(bind.format("fine")).hear("<jid>romeo@localhost/fine</jid>")
    wire.say(bind.format("second")).hear("<not-allowed")
    wire.close()


@case
def whoever_guesses_is_slowed_down_and_the_owner_comes_in_from_elsewhere(rialto):
    Wire(rialto, direct=True, source="127.0.0.2").login("juliet", "home").close()
    guesser = Wire(rialto, direct=True, source="127.0.0.3").offered()
    for number in range(4):
        guesser.auth("juliet", f"guess {number}").hear("<failure[^>]*><not-authorized")
    guesser.auth("juliet").hear("<failure[^>]*><temporary-auth-failure")
    guesser.close()
    other = Wire(rialto, direct=True, source="127.0.0.4").offered()
    other.auth("juliet", "guess").hear("<failure[^>]*><temporary-auth-failure")
    other.close()
    Wire(rialto, direct=True, source="127.0.0.2").login("juliet", "home").close()


@case
def a_login_that_is_no_login_fails_without_a_word_more(rialto):
    wire = Wire(rialto, direct=True, source="127.0.0.5").offered()
    failed = "<failure[^>]*><{}[ /]"
    auth = "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='{}'>{}</auth>"
    wire.say(auth.format("NONSENSE", "")).hear(failed.format("invalid-mechanism"))
    wire.say(auth.format("PLAIN", "!!!!")).hear(failed.format("incorrect-encoding"))
    wire.say(auth.format("PLAIN", "AAAA")).hear(failed.format("(malformed-request|not-authorized)"))
    wire.say(auth.format("SCRAM-SHA-1", "bm9uc2Vuc2U=")).hear(failed.format("malformed-request"))
    wire.auth("nurse", authzid="juliet@localhost").hear(failed.format("invalid-authzid"))
    wire.auth("nobody").hear(failed.format("not-authorized"))
    wire.hear_stream_error("policy-violation")


@case
def a_crowd_of_strangers_from_one_address_is_turned_away_and_others_come_in(rialto):
    crowd = []
    for _ in range(1100):
        crowd.append(bare(rialto.port))
    time.sleep(0.3)
    closed = 0
    for peer in crowd:
        peer.setblocking(False)
        try:
            closed += peer.recv(1) == b""
        except BlockingIOError:
            pass
        except OSError:
            closed += 1
    assert closed >= 90, closed
    Wire(rialto, direct=True, source="127.0.0.7").login("romeo", "elsewhere").close()
    for peer in crowd:
        peer.close()
    time.sleep(0.3)
    Wire(rialto, direct=True).login("romeo", "again").close()


play(SETTINGS)
