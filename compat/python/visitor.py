"""Visitors: HTTP by the standard library, raw TLS, raw TCP. They connect by address and name the host themselves."""

import contextlib
import http.client
import socket
import ssl
from urllib.parse import urlsplit

PATIENCE = 30


class Answer:
    """A response, read whole."""

    def __init__(self, response):
        self.status = response.status
        self.headers = response.headers
        self.body = response.read()

    @property
    def text(self):
        return self.body.decode(errors="replace")

    def __repr__(self):
        return f"{self.status} {self.text[:300]!r}"


class _Connection(http.client.HTTPConnection):
    def __init__(self, address, trust, name):
        super().__init__(name, timeout=PATIENCE)
        self._where, self._trust = address, trust

    def connect(self):
        self.sock = socket.create_connection(self._where, PATIENCE)
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if self._trust is not None:
            self.sock = self._trust.wrap_socket(self.sock, server_hostname=self.host)


def connection(server, url):
    """A connection to the endpoint `url` of `server`."""
    parts = urlsplit(url)
    if parts.scheme == "http":
        return _Connection(server.http, None, parts.hostname)
    return _Connection(server.https, server.trust(), parts.hostname)


def fetch(server, url, path="/", method="GET", body=None, headers=None):
    with contextlib.closing(connection(server, url)) as made:
        made.request(method, path, body, {"Host": urlsplit(url).netloc, **(headers or {})})
        return Answer(made.getresponse())


def tls(server, url, trust, alpn=None):
    """A TLS connection of the visitor to a tls:// endpoint."""
    parts = urlsplit(url)
    if alpn:
        trust.set_alpn_protocols(alpn)
    raw = socket.create_connection(server.https, PATIENCE)
    try:
        return trust.wrap_socket(raw, server_hostname=parts.hostname)
    except (OSError, ssl.SSLError):
        raw.close()
        raise


def tcp(server, url):
    """A connection to a tcp:// endpoint; its name is this machine's."""
    return socket.create_connection((server.https[0], urlsplit(url).port), PATIENCE)


def exactly(sock, count):
    """`count` bytes, or what came before the end."""
    got = bytearray()
    while len(got) < count:
        piece = sock.recv(min(1 << 16, count - len(got)))
        if not piece:
            break
        got += piece
    return bytes(got)
