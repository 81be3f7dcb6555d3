"""HTTP as the standard library speaks it, over TLS that believes no certificate but the server's CA."""

import asyncio
import http.client
import socket
import ssl
from urllib.parse import urlsplit


class Web:
    """Asks the server's HTTPS port."""

    def __init__(self, rialto):
        self.trust = ssl.create_default_context(cafile=str(rialto.ca))

    async def ask(self, method, url, body=None, **headers):
        """Status, headers and body of an answer; `Content_Type=…` is a header of the request."""
        return await asyncio.to_thread(self._ask, method, url, body, headers)

    def _ask(self, method, url, body, headers):
        parts = urlsplit(url)
        connection = http.client.HTTPSConnection(parts.hostname, parts.port, timeout=20, context=self.trust)
        try:
            named = {name.replace("_", "-"): value for name, value in headers.items()}
            connection.request(method, parts.path, body, named)
            answer = connection.getresponse()
            return answer.status, answer.headers, answer.read()
        finally:
            connection.close()

    def begin(self, url, length, first=b""):
        """A PUT that has begun and can be left alone: the socket."""
        parts = urlsplit(url)
        plain = socket.create_connection((parts.hostname, parts.port), timeout=20)
        secured = self.trust.wrap_socket(plain, server_hostname=parts.hostname)
        head = f"PUT {parts.path} HTTP/1.1\r\nHost: {parts.netloc}\r\nContent-Length: {length}\r\n\r\n"
        secured.sendall(head.encode() + first)
        return secured
