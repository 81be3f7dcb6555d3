"""Logging in with SASL2 and tokens, as badly as it can be done: a killed server, a crowd with one count, secrets in the log.

needs: python
"""

import base64
import hmac
import re
import signal
import threading
import uuid

from rialto import wait_for_port
from wire import Bystander, Wire, case, check
from rialto import Failed, Rialto

SASL2, BIND2, FAST, SM = "urn:xmpp:sasl:2", "urn:xmpp:bind:0", "urn:xmpp:fast:0", "urn:xmpp:sm:3"
PHONE = str(uuid.uuid4())


def encoded(data):
    return base64.b64encode(data).decode()


def stranger(rialto):
    wire = Wire(rialto, direct=True)
    return wire.header(more="from='romeo@localhost'")


def authenticate(mechanism, initial, more="", client=PHONE):
    return (f"<authenticate xmlns='{SASL2}' mechanism='{mechanism}'><initial-response>{initial}</initial-response>"
            f"<user-agent id='{client}'/>{more}</authenticate>")


def by_password(rialto, more=""):
    return authenticate("PLAIN", encoded(f"\0romeo\0{rialto.password}".encode()), more)


def by_token(token, more="", fast="", client=PHONE):
    proof = hmac.digest(token.encode(), b"Initiator", "sha256")
    return authenticate("HT-SHA-256-NONE", encoded(b"romeo\0" + proof), f"<fast xmlns='{FAST}'{fast}/>{more}", client)


def new_token(rialto):
    wire = stranger(rialto).say(by_password(rialto, f"<request-token xmlns='{FAST}' mechanism='HT-SHA-256-NONE'/>"))
    return wire, wire.hear("<token [^>]* ?token='([^']+)'[^>]*/></success>").group(1)


@case
def a_token_that_was_told_of_is_there_although_the_server_is_killed(rialto):
    wire, token = new_token(rialto)
    rialto.server.process.send_signal(signal.SIGKILL)
    rialto.server.process.wait()
    wire.close()
    rialto.start()
    wait_for_port(rialto.tls_port, rialto.server.process)
    stranger(rialto).say(by_token(token)).hear("</success>")


@case
def of_many_who_come_with_one_count_one_gets_in(rialto):
    wire, token = new_token(rialto)
    wire.close()
    crowd = [stranger(rialto) for _ in range(9)]
    for one in crowd:
        one.hear("</stream:features>")
    together = threading.Barrier(len(crowd))

    def come(one):
        together.wait()
        one.say(by_token(token, fast=" count='7'"))
    threads = [threading.Thread(target=come, args=(one,)) for one in crowd]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    ends = [one.hear("</(success|failure)>").group(1) for one in crowd]
    assert ends.count("success") == 1, ends


@case
def a_login_that_is_broken_off_anywhere_leaves_nothing(rialto):
    whole = by_password(rialto, f"<bind xmlns='{BIND2}'><tag>torn</tag></bind>")
    for cut in range(0, len(whole), 23):
        stranger(rialto).say(whole[:cut]).close()
    # A client may hang up at once, too: its session ends with it.
    for _ in range(30):
        stranger(rialto).say(whole).close()
    wire = stranger(rialto).say(whole)
    jid = wire.hear("<authorization-identifier>([^<]+)</authorization-identifier>").group(1)
    wire.hear("</success><stream:features>.*?</stream:features>")
    assert jid.startswith("romeo@localhost/torn/"), jid
    wire.ask("<iq type='get' to='localhost' id='p'><ping xmlns='urn:xmpp:ping'/></iq>", "p")
    wire.close()


@case
def nonsense_in_every_part_of_a_login_is_answered_and_does_no_harm(rialto):
    wire, token = new_token(rialto)
    wire.close()
    wrong = [
        by_token(token, client=""), by_token(token, client="x" * 5000), by_token(token, fast=" count='-1'"),
        by_token(token, fast=" count='18446744073709551616'"), by_token(token, fast=" count=''"),
        by_password(rialto, f"<bind xmlns='{BIND2}'><tag>{'y' * 3000}</tag></bind>"),
        by_password(rialto, f"<resume xmlns='{SM}'/>"), by_password(rialto, f"<resume xmlns='{SM}' previd='' h='x'/>"),
        f"<authenticate xmlns='{SASL2}'/>", authenticate("HT-SHA-256-UNIQ", "AAAA", f"<fast xmlns='{FAST}'/>"),
        authenticate("PLAIN", "!!!"), authenticate("SCRAM-SHA-256", "====")]
    for said in wrong:
        one = stranger(rialto).say(said)
        condition = one.hear(r"<failure xmlns='urn:xmpp:sasl:2'><([a-z-]+) ").group(1)
        assert condition in ("malformed-request", "invalid-mechanism", "incorrect-encoding"), (said[:80], condition)
        one.say(by_password(rialto)).hear("</success>")
        one.close()
    for said in (f"<response xmlns='{SASL2}'/>", f"<next xmlns='{SASL2}'/>", f"<task-data xmlns='{SASL2}'/>"):
        stranger(rialto).say(said).hear_stream_error("not-authorized")
    stranger(rialto).say(by_token(token)).hear("</success>")


@case
def neither_token_nor_client_is_in_the_log_or_in_the_store(rialto):
    wire, token = new_token(rialto)
    wire.close()
    log = rialto.server.log.read_text(errors="replace")
    assert "logged in" in log and token not in log and PHONE not in log and rialto.password not in log
    kept = b"".join(path.read_bytes() for path in rialto.folder.glob("data/**/*") if path.is_file())
    assert re.search(rb"HT-SHA-256-NONE", kept), "the journal holds no token at all"
    assert token.encode() not in kept and PHONE.encode() not in kept


def play():
    """As `wire.play`, but that the nurse comes anew where the server was killed."""
    from wire import CASES
    try:
        with Rialto("[c2s]\nfailures = 1000\n") as rialto:
            for act in CASES:
                nurse = Bystander(rialto)
                says = act.__name__.replace("_", " ")
                try:
                    act(rialto)
                except (Failed, OSError, AssertionError) as error:
                    raise Failed(f"{says}: {error}") from error
                if "killed" in says:
                    check(True, says)
                else:
                    nurse.is_well(says)
                    nurse.wire.close()
    except Failed as failed:
        raise SystemExit(f"FAILED: {failed}") from None
    print("done", flush=True)


play()
