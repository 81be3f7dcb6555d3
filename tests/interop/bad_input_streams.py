"""Streams that are no XMPP, or too much of it: each ends with the right stream error, and nobody else notices.

needs: python
"""

import ssl

from rialto import Failed, check
from wire import Wire, case, play

SASL = "urn:ietf:params:xml:ns:xmpp-sasl"
TLS = "<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>"


def refused(rialto, said, condition, logged_in=True):
    wire = Wire(rialto, direct=True)
    wire = wire.login("romeo", "orchard") if logged_in else wire.offered()
    try:
        wire.try_to_say(said).hear_stream_error(condition)
    except Failed as failed:
        raise Failed(f"{said[:80]!r}: {failed}") from None


@case
def xml_that_is_not_well_formed_ends_the_stream(rialto):
    for said in ("<message><body></message></body>", "<message to='a' to='b'/>", "<message a=b/>", "<a:message/>",
                 "<message>]]></message>", "<1/>", "</message>", "<message a='<'/>"):
        refused(rialto, said, "not-well-formed")


@case
def text_between_stanzas_ends_the_stream(rialto):
    for said in ("hello", "&bogus;", b"\0"):
        refused(rialto, said, "(not-well-formed|bad-format)")


@case
def comments_instructions_doctypes_and_entities_are_restricted_xml(rialto):
    for said in ("<!-- hello -->", "<message><!-- hello --></message>", "<?php?>", "<message><?php?></message>",
                 "<message>&bogus;</message>",
                 "<!DOCTYPE lol [<!ENTITY lol 'lol'>]>"):
        refused(rialto, said, "(restricted-xml|not-well-formed)")


@case
def an_xml_bomb_before_the_header_is_refused_at_once(rialto):
    bomb = "<?xml version='1.0'?><!DOCTYPE l [<!ENTITY a 'ha'>" + "".join(
        f"<!ENTITY x{n} '&a;&a;&a;&a;&a;&a;&a;&a;'>" for n in range(20)) + "]>"
    Wire(rialto).say(bomb).hear_stream_error("restricted-xml")
    Wire(rialto, direct=True).say(bomb).hear_stream_error("restricted-xml")


@case
def nul_bytes_control_characters_and_bytes_that_are_no_utf8_end_the_stream(rialto):
    for said in (b"<message>\0</message>", b"<message>\x01</message>", b"<message>&#0;</message>",
                 b"<message>&#1;</message>", b"<message>\xef\xbf\xbe</message>"):
        refused(rialto, said, "not-well-formed")
    for said in (b"<message>\xff\xfe</message>", b"<message>\xc0\x80</message>", b"<message>\xed\xa0\x80</message>",
                 b"<message a='\xf5\x80\x80\x80'/>"):
        refused(rialto, said, "(unsupported-encoding|not-well-formed|bad-format)")


@case
def another_encoding_is_refused(rialto):
    wire = Wire(rialto)
    wire.header(declaration="<?xml version='1.0' encoding='UTF-16'?>").hear_stream_error("unsupported-encoding")
    Wire(rialto).say("<stream:stream>".encode("utf-16")).hear("<stream:error>")


@case
def a_stanza_that_is_too_large_ends_the_stream_and_is_not_kept_in_memory(rialto):
    body = "x" * 300_000
    refused(rialto, f"<message to='nurse@localhost'><body>{body}</body></message>", "policy-violation")
    refused(rialto, f"<message to='{body}'/>", "policy-violation")
    refused(rialto, f"<{body}/>", "policy-violation")


@case
def deep_nesting_many_attributes_and_many_elements_end_the_stream(rialto):
    refused(rialto, "<message>" + "<a>" * 20_000, "policy-violation")
    refused(rialto, "<message " + " ".join(f"a{n}='x'" for n in range(500)) + "/>", "policy-violation")
    refused(rialto, "<message " + " ".join(f"xmlns:a{n}='x'" for n in range(500)) + "/>", "policy-violation")
    refused(rialto, "<message>" + "<a/>" * 10_000 + "</message>", "policy-violation")


@case
def before_the_login_there_is_little_room(rialto):
    refused(rialto, f"<auth xmlns='{SASL}' mechanism='PLAIN'>" + "A" * 20_000, "policy-violation", logged_in=False)
    refused(rialto, "<a>" * 100, "policy-violation", logged_in=False)
    wire = Wire(rialto)
    wire.header().hear("</stream:features>")
    wire.try_to_say(" " * 200_000).hear_stream_error("policy-violation")


@case
def a_stanza_before_the_login_is_not_authorized(rialto):
    for said in ("<message to='nurse@localhost'><body>psst</body></message>", "<presence/>",
                 "<iq type='get' id='1'><query xmlns='jabber:iq:roster'/></iq>"):
        refused(rialto, said, "not-authorized", logged_in=False)
        wire = Wire(rialto)
        wire.header().say(said).hear_stream_error("not-authorized")


@case
def a_stanza_before_a_resource_is_bound_is_not_authorized(rialto):
    wire = Wire(rialto, direct=True).login("romeo")
    wire.say("<message to='nurse@localhost'><body>psst</body></message>").hear_stream_error("not-authorized")


@case
def a_login_in_the_clear_is_refused_and_the_password_is_not_looked_at(rialto):
    wire = Wire(rialto)
    wire.header().hear("</stream:features>")
    wire.auth("romeo").hear("<failure[^>]*><encryption-required/>")
    wire.close()


@case
def what_follows_starttls_in_the_clear_is_never_heard_inside_tls(rialto):
    wire = Wire(rialto)
    wire.header().hear("</stream:features>")
    wire.say(TLS + "<auth xmlns='x'/>").hear_stream_error("policy-violation")
    # As two packets: nothing injected may be answered once TLS stands.
    wire = Wire(rialto)
    wire.header().hear("</stream:features>")
    wire.say(TLS).hear("<proceed[^>]*>")
    try:
        wire.say("<stream:stream to='localhost' version='1.0'>").secure()
    except (ssl.SSLError, OSError):
        return
    raise Failed("TLS stood although something was said in the clear")


@case
def a_foreign_domain_is_an_unknown_host(rialto):
    for to in ("example.org", "rooms.example.org", "nurse@localhost", "", "localhost/x", "@", "x" * 2000):
        wire = Wire(rialto)
        wire.header(to).hear("<stream:stream [^>]*from=.localhost. ?[^>]*>")
        wire.hear_stream_error("(host-unknown|improper-addressing)")
    Wire(rialto).say("<stream:stream version='1.0' xmlns='jabber:client' "
                     "xmlns:stream='http://etherx.jabber.org/streams'>").hear_stream_error("improper-addressing")


@case
def headers_of_other_worlds_are_refused(rialto):
    for said, condition in (
            ("<stream:stream to='localhost' xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams'>",
             "unsupported-version"),
            ("<stream:stream to='localhost' version='1.0' xmlns='jabber:server' "
             "xmlns:stream='http://etherx.jabber.org/streams'>", "invalid-namespace"),
            ("<stream:stream to='localhost' version='1.0' xmlns='jabber:client' xmlns:stream='x'>",
             "invalid-namespace"),
            ("<message/>", "(bad-format|invalid-namespace|not-well-formed|bad-namespace-prefix)"),
            ("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n", "(not-well-formed|bad-format)"),
            (b"\x78\x9c" + bytes(range(256)), "(not-well-formed|bad-format|unsupported-encoding)"),
            (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", "(not-well-formed|bad-format|unsupported-encoding)")):
        Wire(rialto).say(said).hear_stream_error(condition)


@case
def what_is_no_tls_on_the_tls_port_is_hung_up(rialto):
    for said in (b"GET / HTTP/1.1\r\n\r\n", b"<?xml version='1.0'?><stream:stream>", b"\0" * 600):
        wire = Wire(rialto)
        wire.socket.close()
        import socket
        wire.socket = socket.create_connection(("127.0.0.1", rialto.tls_port))
        wire.say(said).hear_end()


@case
def a_tls_client_that_wants_another_protocol_is_turned_away(rialto):
    import socket
    wire = Wire(rialto)
    wire.socket.close()
    wire.socket = socket.create_connection(("127.0.0.1", rialto.tls_port))
    try:
        wire.secure(["http/1.1"])
    except ssl.SSLError as error:
        return check("ALPN" in str(error).upper() or "ALERT" in str(error).upper(), "TLS says why")
    raise Failed("the handshake was accepted")


@case
def a_restarted_stream_keeps_its_domain_and_its_person(rialto):
    wire = Wire(rialto, direct=True).offered().auth("romeo")
    wire.hear("<success[^>]*>")
    wire.header("rooms.localhost").hear_stream_error("(policy-violation|host-unknown)")
    wire = Wire(rialto, direct=True).offered().auth("romeo")
    wire.hear("<success[^>]*>")
    wire.header(more="from='juliet@localhost'").hear_stream_error("invalid-from")
    wire = Wire(rialto, direct=True)
    wire.header(more="from='juliet@localhost'").hear("</stream:features>")
    wire.auth("romeo").hear("<success[^>]*>")
    wire.header(more="from='juliet@localhost'").hear_stream_error("invalid-from")


@case
def a_second_header_inside_the_stream_is_refused(rialto):
    refused(rialto, "<stream:stream to='localhost' version='1.0' xmlns='jabber:client' "
                    "xmlns:stream='http://etherx.jabber.org/streams'></stream:stream>", "[a-z-]+")


@case
def what_is_no_stanza_is_an_unsupported_stanza_type(rialto):
    refused(rialto, "<hello/>", "unsupported-stanza-type")
    refused(rialto, "<message xmlns='jabber:server'/>", "(unsupported-stanza-type|invalid-namespace)")
    refused(rialto, f"<auth xmlns='{SASL}' mechanism='PLAIN'>=</auth>", "(unsupported-stanza-type|not-authorized)")
    refused(rialto, TLS, "(unsupported-stanza-type|not-authorized)")


@case
def all_at_once_is_heard_in_order(rialto):
    """A pipelined login: header, auth, header and bind before anything was answered."""
    wire = Wire(rialto, direct=True)
    wire.header().auth("romeo").header()
    wire.say("<iq type='set' id='b'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/></iq>")
    wire.hear("</stream:features>.*<success[^>]*>.*</stream:features>.*<jid>romeo@localhost/")
    wire.close()


play()
