"""Bodies, WebSocket, HTTP/2 upstreams with gRPC, a message that breaks off."""

import hashlib
import http.client
import json
import os
import signal
import socket
import threading
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit

import grpc
from websockets.sync.client import connect as open_websocket
from websockets.sync.server import serve as serve_websocket

import sdk
from harness import test
from tests_endpoints import Process, _session
from upstream import MIB, Http, blocks, digest_of
from visitor import connection, fetch

BODY = 100  # MiB
AT_ONCE = 4


def _digest_of_response(server, url):
    made = connection(server, url)
    made.request("GET", f"/mib/{BODY}", headers={"Host": urlsplit(url).netloc})
    response, digest = made.getresponse(), hashlib.sha256()
    assert response.status == 200, response.status
    while piece := response.read(256 * 1024):
        digest.update(piece)
    made.close()
    return digest.hexdigest()


@test
def four_downloads_of_100_mib_at_once_are_equal(bench):
    listener = sdk.http(_session(bench), bench.use(Http()).address)
    with ThreadPoolExecutor(AT_ONCE) as pool:
        got = list(pool.map(lambda _: _digest_of_response(bench.server, listener.url()), range(AT_ONCE)))
    assert got == [digest_of(BODY)] * AT_ONCE


@test
def four_uploads_of_100_mib_at_once_are_equal(bench):
    listener = sdk.http(_session(bench), bench.use(Http()).address)

    def upload(_):
        length = {"Content-Length": str(BODY * MIB)}
        answer = fetch(bench.server, listener.url(), method="POST", body=blocks(BODY), headers=length)
        assert answer.status == 200, answer
        return json.loads(answer.body)["sha256"]

    with ThreadPoolExecutor(AT_ONCE) as pool:
        assert list(pool.map(upload, range(AT_ONCE))) == [digest_of(BODY)] * AT_ONCE


@test
def websocket_echo_of_10_mb(bench):
    def echo(socket):
        for message in socket:
            socket.send(message)

    upstream = bench.enter_context(serve_websocket(echo, "127.0.0.1", 0, max_size=None, compression=None))
    threading.Thread(target=upstream.serve_forever, daemon=True).start()
    listener = sdk.http(_session(bench), f"127.0.0.1:{upstream.socket.getsockname()[1]}")
    raw = socket.create_connection(bench.server.https, 30)
    url = listener.url().replace("https://", "wss://")
    trust = bench.server.trust()
    with open_websocket(url, sock=raw, ssl=trust, max_size=None, compression=None) as visitor:
        for size in (0, 1, 125, 126, 65_535, 65_536):
            message = os.urandom(size)
            visitor.send(message)
            assert visitor.recv() == message, size
        messages = [os.urandom(1_000_000) for _ in range(10)]

        def send():
            for message in messages:
                visitor.send(message)

        sender = threading.Thread(target=send)
        sender.start()
        for message in messages:
            assert visitor.recv() == message
        sender.join()
        visitor.send("text too")
        assert visitor.recv() == "text too"


class _Kinds(grpc.GenericRpcHandler):
    """The four kinds of call, over plain bytes."""

    def service(self, call):
        return {
            "/compat/unary": grpc.unary_unary_rpc_method_handler(lambda one, _: b"<" + one + b">"),
            "/compat/down": grpc.unary_stream_rpc_method_handler(lambda one, _: (one + b"%d" % n for n in range(100))),
            "/compat/up": grpc.stream_unary_rpc_method_handler(lambda many, _: b"%d" % sum(len(one) for one in many)),
            "/compat/both": grpc.stream_stream_rpc_method_handler(lambda many, _: (one[::-1] for one in many)),
            "/compat/fails": grpc.unary_unary_rpc_method_handler(self.fails),
        }.get(call.method)

    @staticmethod
    def fails(_, context):
        context.abort(grpc.StatusCode.FAILED_PRECONDITION, "as asked")


@test
def http2_upstream_carries_all_four_kinds_of_grpc(bench):
    upstream = grpc.server(ThreadPoolExecutor(4), handlers=[_Kinds()])
    port = upstream.add_insecure_port("127.0.0.1:0")
    upstream.start()
    bench.callback(upstream.stop, None)
    listener = sdk.http(_session(bench), f"127.0.0.1:{port}", app_protocol="http2")
    with open(bench.server.ca_file, "rb") as file:
        trust = grpc.ssl_channel_credentials(file.read())
    host = urlsplit(listener.url())
    named = [("grpc.ssl_target_name_override", host.hostname), ("grpc.default_authority", host.netloc)]
    with grpc.secure_channel(bench.server.address, trust, named) as channel:
        assert channel.unary_unary("/compat/unary")(b"one", timeout=20) == b"<one>"
        assert list(channel.unary_stream("/compat/down")(b"n", timeout=20)) == [b"n%d" % n for n in range(100)]
        large = [os.urandom(100_000) for _ in range(20)]
        assert channel.stream_unary("/compat/up")(iter(large), timeout=20) == b"2000000"
        assert list(channel.stream_stream("/compat/both")(iter(large), timeout=20)) == [one[::-1] for one in large]
        try:
            channel.unary_unary("/compat/fails")(b"", timeout=20)
            raise AssertionError("no error where one was due")
        except grpc.RpcError as error:
            assert (error.code(), error.details()) == (grpc.StatusCode.FAILED_PRECONDITION, "as asked"), error


@test
def an_agent_killed_in_mid_response_breaks_the_message(bench):
    upstream = bench.use(Http())
    other = Process(bench, upstream.address)
    made = connection(bench.server, other.url)
    made.request("GET", "/halves", headers={"Host": urlsplit(other.url).netloc})
    response = made.getresponse()
    assert len(response.read(MIB)) == MIB
    os.kill(other.process.pid, signal.SIGKILL)
    try:
        rest = response.read()
        raise AssertionError(f"a whole message of {MIB + len(rest)} bytes")
    except (http.client.IncompleteRead, OSError):
        pass
    made.close()
