"""HAProxy in front: the PROXY protocol for streams, X-Forwarded-For for the web; who really comes is known and throttled.

needs: haproxy python
"""

import base64
import shutil
import socket
import ssl
import time

from rialto import Process, Rialto, check, free_port, wait_for_port

FRONT = """
defaults
  timeout connect 5s
  timeout client 60s
  timeout server 60s
frontend streams
  mode tcp
  bind 127.0.0.1:{streams}
  default_backend streams
backend streams
  mode tcp
  server rialto 127.0.0.1:{tls} send-proxy-v2
frontend web
  mode http
  bind 127.0.0.1:{web} ssl crt {pem}
  option forwardfor
  http-request set-header X-Forwarded-Proto https
  default_backend web
backend web
  mode http
  server rialto 127.0.0.1:{http}
"""

SETTINGS = """
[c2s]
failures = 2
"""
HEADER = ("<stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' to='localhost' "
          "version='1.0'>")
WRONG = base64.b64encode(b"\0romeo\0wrong").decode()


def connect(port, source, tls=True):
    """A connection from another address of this machine."""
    plain = socket.create_connection(("127.0.0.1", port), timeout=15, source_address=(source, 0))
    if not tls:
        return plain
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context.wrap_socket(plain, server_hostname="localhost")


def hear(wire, until):
    """Everything up to a word; what came, if the other side closes before."""
    heard = b""
    while until.encode() not in heard:
        try:
            part = wire.recv(65536)
        except (ConnectionResetError, ssl.SSLError):
            part = b""
        if not part:
            break
        heard += part
    return heard.decode()


def ask(wire, method, path, body="", more=""):
    """One request, and all of its answer."""
    wire.sendall(f"{method} {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{more}"
                 f"Content-Length: {len(body)}\r\n\r\n{body}".encode())
    return hear(wire, "\0")


def log_says(rialto, word):
    until = time.monotonic() + 10
    while time.monotonic() < until:
        if any(word in line for line in rialto.server.log.read_text(errors="replace").splitlines() if "login refused" in line):
            return True
        time.sleep(0.1)
    return False


def streams(rialto, port):
    wire = connect(port, "127.0.0.9")
    wire.sendall(HEADER.encode())
    check("<mechanism>SCRAM-SHA-256-PLUS</mechanism>" in hear(wire, "</stream:features>"), "a stream through HAProxy is as any other")
    wire.sendall(f"<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>{WRONG}</auth>".encode())
    check("not-authorized" in hear(wire, "</failure>"), "a wrong password is refused")
    check(log_says(rialto, "peer=127.0.0.9"), "and counted where it came from")
    wire.close()
    bare = connect(rialto.tls_port, "127.0.0.1", tls=False)
    bare.sendall(b"\x16\x03\x01\x00\x10")
    bare.shutdown(socket.SHUT_WR)
    check(hear(bare, "\0") == "", "without a PROXY header nobody comes in")
    stranger = connect(rialto.tls_port, "127.0.0.7", tls=False)
    try:
        stranger.sendall(b"PROXY TCP4 192.0.2.1 192.0.2.2 4711 443\r\n")
        told = hear(stranger, "\0")
    except OSError:
        told = ""
    check(told == "", "and with one only the proxy")


def web(rialto, port):
    forged = "X-Forwarded-For: 203.0.113.1\r\nX-Forwarded-Proto: http\r\nForwarded: for=203.0.113.2;proto=http\r\n"
    found = ask(connect(port, "127.0.0.8"), "GET", "/.well-known/host-meta.json", more=forged)
    check("200 OK" in found and "wss://chat.example.org/xmpp-websocket" in found, "host-meta names the public address")
    begin = ("<body xmlns='http://jabber.org/protocol/httpbind' rid='1' to='localhost' ver='1.6' wait='5' hold='1' "
             "xmlns:xmpp='urn:xmpp:xbosh' xmpp:version='1.0'/>")
    begun = ask(connect(port, "127.0.0.8"), "POST", "/http-bind", begin, forged)
    check("secure='true'" in begun and "<mechanism>PLAIN</mechanism>" in begun, "what came over TLS to HAProxy is private")
    check("-PLUS" not in begun, "but nobody can bind to that TLS")
    sid = begun.split(" sid='")[1].split("'")[0]
    auth = (f"<body xmlns='http://jabber.org/protocol/httpbind' rid='2' sid='{sid}'>"
            f"<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>{WRONG}</auth></body>")
    check("not-authorized" in ask(connect(port, "127.0.0.8"), "POST", "/http-bind", auth, forged), "a wrong password is refused")
    check(log_says(rialto, "peer=127.0.0.8"), "and counted where it came from, whatever was forged")
    socket_ = connect(port, "127.0.0.8")
    socket_.sendall(b"GET /xmpp-websocket HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
                    b"Sec-WebSocket-Protocol: xmpp\r\n\r\n")
    check("101 Switching Protocols" in hear(socket_, "\r\n\r\n"), "WebSockets pass")
    direct = ask(connect(rialto.http_port, "127.0.0.7", tls=False), "POST", "/http-bind", begin.replace("rid='1'", "rid='9'"),
                 "X-Forwarded-For: 203.0.113.1\r\nX-Forwarded-Proto: https\r\n")
    check("secure=" not in direct and "<mechanism>PLAIN</mechanism>" not in direct, "who is no proxy is believed nothing")


def story():
    rialto = Rialto(SETTINGS)
    rialto.settings_of_listen = 'proxies = ["127.0.0.1"]\nproxy_protocol = ["tls"]'
    rialto.settings_of_http = 'public_url = "https://chat.example.org"'
    with rialto:
        pem = rialto.folder / "front.pem"
        folder = rialto.folder / "certs" / "localhost"
        pem.write_text((folder / "fullchain.pem").read_text() + (folder / "privkey.pem").read_text())
        ports = {"streams": free_port(), "web": free_port(), "tls": rialto.tls_port, "http": rialto.http_port}
        config = rialto.folder / "haproxy.cfg"
        config.write_text(FRONT.format(pem=pem, **ports))
        front = Process(rialto.folder, "haproxy", [shutil.which("haproxy", path="/usr/sbin:/usr/bin"), "-f", str(config)])
        try:
            wait_for_port(ports["web"], front.process)
            streams(rialto, ports["streams"])
            web(rialto, ports["web"])
        finally:
            front.stop()
            print(front.log.read_text(errors="replace")[-2000:], flush=True)
    print("done", flush=True)


story()
