"""Services that the agents put online."""

import hashlib
import http.server
import json
import os
import socket
import socketserver
import threading

MIB = 1 << 20
_BLOCK = os.urandom(MIB)


def blocks(mib):
    """A body of so many MiB of which no two blocks are equal."""
    for number in range(mib):
        yield number.to_bytes(8, "big") + _BLOCK[8:]


def digest_of(mib):
    digest = hashlib.sha256()
    for block in blocks(mib):
        digest.update(block)
    return digest.hexdigest()


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # The body's first bytes must not wait for an acknowledgement of the head.
    disable_nagle_algorithm = True

    def log_message(self, *_):
        pass

    def _answer(self, body, kind="application/json"):
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        if self.path.startswith("/mib/"):
            return self._mib(int(self.path.rsplit("/", 1)[1]))
        if self.path == "/halves":
            return self._halves()
        said = {"path": self.path, "name": self.server.name, "headers": {k.lower(): v for k, v in self.headers.items()}}
        return self._answer(json.dumps(said).encode())

    def do_POST(self):
        digest, left = hashlib.sha256(), int(self.headers["Content-Length"])
        while left:
            piece = self.rfile.read(min(left, 256 * 1024))
            if not piece:
                break
            digest.update(piece)
            left -= len(piece)
        self._answer(json.dumps({"sha256": digest.hexdigest(), "missing": left}).encode())

    def _mib(self, count):
        self.send_response(200)
        self.send_header("Content-Length", str(count * MIB))
        self.end_headers()
        for block in blocks(count):
            self.wfile.write(block)

    def _halves(self):
        """Half of two MiB; the other half when the test says so."""
        self.send_response(200)
        self.send_header("Content-Length", str(2 * MIB))
        self.end_headers()
        first, second = blocks(2)
        self.wfile.write(first)
        self.wfile.flush()
        self.server.half_sent.set()
        if self.server.go_on.wait(30):
            self.wfile.write(second)


class Http(http.server.ThreadingHTTPServer):
    """Answers any path with what it was asked; `/mib/N`, `/halves`, and `POST` for a digest of the body."""

    request_queue_size = 256
    daemon_threads = True

    def __init__(self, name=""):
        super().__init__(("127.0.0.1", 0), _Handler)
        self.name = name
        self.half_sent = threading.Event()
        self.go_on = threading.Event()
        threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    def handle_error(self, *_):
        """Visitors that leave are no error."""

    @property
    def address(self):
        return f"127.0.0.1:{self.server_address[1]}"

    def close(self):
        self.go_on.set()
        self.shutdown()
        self.server_close()


class Tcp(socketserver.ThreadingTCPServer):
    """Echoes, or does what `serve` does with the accepted socket."""

    request_queue_size = 256
    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, serve=None):
        self.serve = serve or _echo
        super().__init__(("127.0.0.1", 0), None)
        threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    def finish_request(self, request, _):
        try:
            self.serve(request)
        except OSError:
            pass

    @property
    def address(self):
        return f"127.0.0.1:{self.server_address[1]}"

    def close(self):
        self.shutdown()
        self.server_close()


def _echo(sock):
    while piece := sock.recv(1 << 16):
        sock.sendall(piece)


def tls_echo(context):
    """An upstream that terminates TLS itself and echoes."""

    def serve(sock):
        with context.wrap_socket(sock, server_side=True) as inside:
            _echo(inside)

    return Tcp(serve)


def closed_port():
    """The address of a port where nobody listens."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        return f"127.0.0.1:{held.getsockname()[1]}"
