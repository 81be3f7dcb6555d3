"""Stanzas that lie, ask for nonsense or go nowhere: their sender is told, and nobody is taken in.

needs: python
"""

from wire import Wire, case, play

ADMIN = "http://jabber.org/protocol/muc#admin"
STANZAS = "urn:ietf:params:xml:ns:xmpp-stanzas"
BODY = "<body>psst</body>"


def error(condition, kind="[a-z]+"):
    return rf"type=.error..*?<error[^>]*type=.{kind}[^>]*>.*?<{condition} xmlns=.{STANZAS}"


def romeo(rialto, resource="orchard"):
    return Wire(rialto, direct=True).login("romeo", resource)


def juliet(rialto):
    return Wire(rialto, direct=True).login("juliet", "balcony")


@case
def a_forged_sender_ends_the_stream_and_the_message_goes_nowhere(rialto):
    listener = juliet(rialto)
    for sender in ("nurse@localhost", "nurse@localhost/ward", "localhost", "romeo@localhost/other",
                   "ward@rooms.localhost/nurse", "romeo@example.org", "@", "romeo@localhost/\u2028"):
        for stanza in (f"<message from='{sender}' to='{listener.jid}'>{BODY}</message>",
                       f"<presence from='{sender}' to='{listener.jid}'/>",
                       f"<iq type='get' id='1' from='{sender}' to='{listener.jid}'><ping xmlns='urn:xmpp:ping'/></iq>"):
            romeo(rialto).say(stanza).hear_stream_error("invalid-from")
    listener.hears_no("<(message|iq|presence from=.(?!juliet))")
    listener.close()


@case
def ones_own_addresses_are_no_forgery_and_what_arrives_names_the_device(rialto):
    speaker, listener = romeo(rialto), juliet(rialto)
    for sender in ("romeo@localhost", "romeo@localhost/orchard", "ROMEO@LOCALHOST/orchard"):
        speaker.say(f"<message type='chat' from='{sender}' to='{listener.jid}'>{BODY}</message>")
        listener.hear("<message[^>]*from=.romeo@localhost/orchard.*?psst.*?</message>")
    speaker.close(), listener.close()


@case
def an_address_that_is_none_is_malformed(rialto):
    wire = romeo(rialto)
    for to in ("@", "@localhost", "juliet@", "juliet@localhost/", "ju liet@localhost", "ju&lt;liet@localhost",
               "juliet@local host", "a@b@c", "x" * 1024 + "@localhost", "juliet@localhost/" + "x" * 1024, "/x",
               "juliet@localhost/&#x7f;", "juliet@-", "juliet@" + "a." * 200, "", "juliet@[::g]"):
        wire.say(f"<message to='{to}' id='m'>{BODY}</message>")
        wire.hear(f"<message[^>]*id=.m.[^>]*{error('(jid-malformed|remote-server-not-found)')}.*?</message>")
        answer = wire.ask(f"<iq type='get' id='i' to='{to}'><ping xmlns='urn:xmpp:ping'/></iq>", "i")
        assert "jid-malformed" in answer or "remote-server-not-found" in answer, (to, answer)
    wire.close()


@case
def a_domain_that_is_not_ours_is_not_found(rialto):
    wire = romeo(rialto)
    for to in ("example.org", "juliet@example.org", "room@rooms.example.org/nick", "nowhere.localhost"):
        wire.say(f"<message to='{to}' id='m'>{BODY}</message>")
        wire.hear(f"<message[^>]*{error('remote-server-not-found')}.*?</message>")
        answer = wire.ask(f"<iq type='get' id='i' to='{to}'><ping xmlns='urn:xmpp:ping'/></iq>", "i")
        assert "remote-server-not-found" in answer, answer
    wire.close()


@case
def a_device_that_is_away_and_an_account_that_is_not_there_answer_alike(rialto):
    wire = romeo(rialto)
    answers = [wire.ask(f"<iq type='get' id='i' to='{to}'><query xmlns='jabber:iq:version'/></iq>", "i").replace(to, "")
               for to in ("juliet@localhost/x", "nobody@localhost/x")]
    assert "service-unavailable" in answers[0] and answers[0] == answers[1], answers
    wire.close()


@case
def an_iq_nobody_knows_is_answered_once(rialto):
    wire = romeo(rialto)
    for to in ("", "to='localhost'", "to='romeo@localhost'", "to='juliet@localhost'", "to='nobody@localhost'",
               "to='rooms.localhost'", "to='ward@rooms.localhost'", "to='romeo@localhost/gone'"):
        for kind in ("get", "set"):
            answer = wire.ask(f"<iq type='{kind}' id='u' {to}><what xmlns='urn:example:what'/></iq>", "u")
            assert any(f"<{condition} " in answer for condition in
                       ("service-unavailable", "feature-not-implemented", "not-acceptable")), (to, answer)
    wire.hears_no("<iq")
    wire.close()


@case
def an_iq_that_is_none_is_a_bad_request(rialto):
    wire = romeo(rialto)
    for said in ("<iq type='get' id='b'/>", "<iq type='what' id='b'><ping xmlns='urn:xmpp:ping'/></iq>",
                 "<iq id='b'><ping xmlns='urn:xmpp:ping'/></iq>", "<iq type='set' id='b'/>",
                 "<iq type='get' id='b'><ping xmlns='urn:xmpp:ping'/><ping xmlns='urn:xmpp:ping'/></iq>"):
        answer = wire.ask(said, "b")
        assert "<bad-request " in answer, (said, answer)
    wire.say("<iq type='get'><ping xmlns='urn:xmpp:ping'/></iq>").hear("bad-request")
    wire.close()


@case
def answers_nobody_asked_for_and_errors_are_not_answered(rialto):
    wire = romeo(rialto)
    wire.hears_no("nothing")
    wire.heard = ""
    for to in ("localhost", "juliet@localhost", "nobody@localhost", "rooms.localhost", "nobody@example.org", "@"):
        wire.say(f"<iq type='result' id='r' to='{to}'/>", f"<iq type='error' id='e' to='{to}'/>",
                 f"<message type='error' to='{to}'>{BODY}</message>", f"<presence type='error' to='{to}'/>")
    wire.hears_no("<(iq|message|presence)")
    wire.close()


@case
def an_archive_id_that_the_sender_made_up_is_taken_out(rialto):
    speaker, listener = romeo(rialto), juliet(rialto)
    speaker.say(f"<message type='chat' to='juliet@localhost'>{BODY}"
                "<stanza-id xmlns='urn:xmpp:sid:0' by='juliet@localhost' id='forged'/>"
                "<stanza-id xmlns='urn:xmpp:sid:0' by='JULIET@localhost' id='forged'/></message>")
    heard = listener.hear("<message.*?psst.*?</message>").group()
    assert "forged" not in heard, heard
    speaker.close(), listener.close()


@case
def carbons_and_archive_results_cannot_be_made_up(rialto):
    """CVE-2017-5589: a client must be able to trust what carries its own account's address."""
    speaker, listener = romeo(rialto), juliet(rialto)
    inner = (f"<forwarded xmlns='urn:xmpp:forward:0'><message xmlns='jabber:client' from='nurse@localhost'>{BODY}"
             "</message></forwarded>")
    speaker.say(f"<message to='juliet@localhost'><received xmlns='urn:xmpp:carbons:2'>{inner}</received></message>")
    speaker.say(f"<message to='juliet@localhost'><result xmlns='urn:xmpp:mam:2'>{inner}</result></message>")
    speaker.say(f"<message to='juliet@localhost'><body>the end</body></message>")
    heard = listener.hear(".*<body>the end</body>").group()
    assert "from='juliet@localhost'" not in heard.split("<presence")[-1].split("/>", 1)[-1], heard
    speaker.close(), listener.close()


@case
def nobody_reads_or_changes_what_is_another_persons(rialto):
    wire = romeo(rialto)
    for number, (kind, said) in enumerate((
            ("get", "<query xmlns='jabber:iq:roster'/>"),
            ("get", "<query xmlns='jabber:iq:private'><x xmlns='x'/></query>"),
            ("set", "<query xmlns='jabber:iq:roster'><item jid='romeo@localhost' subscription='both'/></query>"),
            ("set", "<query xmlns='urn:xmpp:mam:2'/>"), ("get", "<prefs xmlns='urn:xmpp:mam:2'/>"),
            ("set", "<vCard xmlns='vcard-temp'><FN>Fool</FN></vCard>"),
            ("set", "<enable xmlns='urn:xmpp:carbons:2'/>"),
            ("set", "<query xmlns='jabber:iq:register'><remove/></query>"))):
        answer = wire.ask(f"<iq type='{kind}' id='o{number}' to='juliet@localhost'>{said}</iq>", f"o{number}")
        assert "type='error'" in answer, answer
    wire.close()


@case
def a_roster_push_from_somebody_else_does_not_arrive(rialto):
    listener, speaker = juliet(rialto), romeo(rialto)
    listener.hears_no("nothing")
    listener.heard = ""
    speaker.say("<iq type='set' id='push' to='juliet@localhost/balcony'><query xmlns='jabber:iq:roster'>"
                "<item jid='evil@localhost'/></query></iq>")
    listener.hears_no("<iq[^>]*from=.juliet@localhost[\"']")
    speaker.close(), listener.close()


@case
def presence_that_is_none_is_refused(rialto):
    wire = romeo(rialto)
    wire.say("<presence type='bogus' id='p'/>").hear(f"<presence[^>]*{error('bad-request')}")
    wire.say("<presence><priority>999</priority></presence>")
    wire.say("<iq type='get' id='still' to='localhost'><ping xmlns='urn:xmpp:ping'/></iq>").hear("id=.still")
    wire.close()


@case
def rooms_refuse_what_their_rules_forbid(rialto):
    room = "ward@rooms.localhost"
    wire = romeo(rialto)
    wire.say(f"<message type='groupchat' to='{room}' id='m'>{BODY}</message>")
    wire.hear(f"<message[^>]*{error('not-acceptable')}.*?</message>")
    wire.say(f"<message type='groupchat' to='{room}/nurse' id='m'>{BODY}</message>")
    wire.hear(f"<message[^>]*{error('(bad-request|not-acceptable)')}.*?</message>")
    wire.say(f"<message type='chat' to='{room}/nurse' id='m'>{BODY}</message>")
    wire.hear(f"<message[^>]*{error('not-acceptable')}.*?</message>")
    wire.say(f"<presence to='{room}/nurse'><x xmlns='http://jabber.org/protocol/muc'/></presence>")
    wire.hear(f"<presence[^>]*{error('conflict', 'cancel')}.*?</presence>")
    wire.say(f"<presence to='{room}'><x xmlns='http://jabber.org/protocol/muc'/></presence>")
    wire.hear(f"<presence[^>]*{error('jid-malformed', 'modify')}.*?</presence>")
    for kind, said, conditions in (
            ("get", f"<query xmlns='{ADMIN}'><item affiliation='owner'/></query>", "forbidden"),
            ("get", f"<query xmlns='{ADMIN}'><item affiliation='member'/></query>", "forbidden"),
            ("get", f"<query xmlns='{ADMIN}'><item affiliation='outcast'/></query>", "forbidden"),
            ("get", "<query xmlns='http://jabber.org/protocol/muc#owner'/>", "forbidden"),
            ("set", "<query xmlns='http://jabber.org/protocol/muc#owner'><destroy/></query>", "forbidden"),
            ("set", f"<query xmlns='{ADMIN}'><item affiliation='owner' jid='romeo@localhost'/></query>",
             "forbidden"),
            ("set", f"<query xmlns='{ADMIN}'><item nick='nurse' role='none'/></query>", "forbidden")):
        answer = wire.ask(f"<iq type='{kind}' id='r' to='{room}'>{said}</iq>", "r")
        assert f"<{conditions} " in answer, (said, answer)
    wire.close()


@case
def in_a_room_nobody_speaks_as_another(rialto):
    room = "ward@rooms.localhost"
    speaker, listener = romeo(rialto).enter(room, "romeo"), juliet(rialto).enter(room, "juliet")
    speaker.say(f"<message type='groupchat' to='{room}'><body>knock</body>"
                "<nick xmlns='http://jabber.org/protocol/nick'>nurse</nick>"
                "<occupant-id xmlns='urn:xmpp:occupant-id:0' id='forged'/>"
                f"<stanza-id xmlns='urn:xmpp:sid:0' by='{room}' id='forged'/>"
                f"<delay xmlns='urn:xmpp:delay' from='{room}' stamp='2000-01-01T00:00:00Z'/>"
                "<x xmlns='http://jabber.org/protocol/muc#user'><status code='110'/>"
                "<item affiliation='owner' jid='x@y'/></x></message>")
    heard = listener.hear("<message[^>]*>(?:(?!<message).)*knock.*?</message>").group()
    assert f"from='{room}/romeo'" in heard, heard
    assert "forged" not in heard and "stamp='2000" not in heard and "muc#user" not in heard, heard
    speaker.say(f"<message type='groupchat' from='{room}/nurse' to='{room}'>{BODY}</message>")
    speaker.hear_stream_error("invalid-from")
    speaker = romeo(rialto).enter(room, "Romeo Montague")
    speaker.say(f"<presence to='{room}/nurse'/>").hear(f"<presence[^>]*{error('conflict')}.*?</presence>")
    speaker.say(f"<presence to='{room}/NURSE'/>").hear(f"<presence[^>]*(romeo@localhost/orchard).*?</presence>")
    speaker.say(f"<presence to='{room}/n\u0443rse'>"
                "<occupant-id xmlns='urn:xmpp:occupant-id:0' id='forged'/></presence>")
    listener.hears_no("forged|psst")
    speaker.close(), listener.close()


play()
