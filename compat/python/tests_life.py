"""A session's life: cut, killed server, drain."""

import threading
import time
from urllib.parse import urlsplit

import sdk
from cut import Cut
from harness import test
from server import Server, eventually
from upstream import MIB, Http, Tcp, blocks
from visitor import connection, exactly, fetch, tcp


def _serves(server, url):
    return fetch(server, url).status == 200


def _echoes(server, url):
    with tcp(server, url) as sock:
        sock.sendall(b"echo")
        return exactly(sock, 4) == b"echo"


@test
def a_cut_connection_is_resumed_with_the_same_ids_and_urls(bench):
    cut = bench.use(Cut(bench.server.https))
    session = sdk.connect(bench.server, address=cut.address)
    bench.callback(sdk.run, session.close)
    web = sdk.http(session, bench.use(Http()).address)
    raw = sdk.forward(session.tcp_endpoint(), f"tcp://{bench.use(Tcp()).address}")
    before = [(one.id(), one.url()) for one in (web, raw)]
    for attempts in (2, 3):
        cut.cut()
        eventually(lambda: cut.accepted == attempts, 10, "the agent connects again")
        # No polling for "online": a visitor may come at once and waits until the endpoint is back.
        assert _serves(bench.server, web.url())
        eventually(lambda: _echoes(bench.server, raw.url()), 5, "the tcp endpoint is back on its port")
    assert before == [(one.id(), one.url()) for one in (web, raw)]


@test
def a_killed_server_comes_back_with_the_same_urls(bench):
    server = bench.use(Server())
    session = sdk.connect(server)
    web, edge = Http(), Tcp()
    bench.use(web), bench.use(edge)
    listeners = [sdk.http(session, web.address) for _ in range(5)]
    raw = sdk.forward(session.tcp_endpoint(), f"tcp://{edge.address}")
    assert all(_serves(server, one.url()) for one in listeners)
    server.kill()
    began = time.monotonic()
    server.start()
    for one in listeners:
        eventually(lambda one=one: _serves(server, one.url()), 10, f"{one.url()} is back")
    eventually(lambda: _echoes(server, raw.url()), 10, f"{raw.url()} is back")
    assert time.monotonic() - began < 10


@test
def a_drain_lets_a_download_complete(bench):
    server = bench.use(Server())
    session = sdk.connect(server)
    upstream = bench.use(Http())
    url = sdk.http(session, upstream.address).url()
    made = connection(server, url)
    made.request("GET", "/halves", headers={"Host": urlsplit(url).netloc})
    response = made.getresponse()
    got = response.read(MIB)
    server.terminate()
    eventually(server.draining, 5, "the drain begins")
    threading.Timer(0, upstream.go_on.set).start()
    got += response.read()
    assert got == b"".join(blocks(2)), f"{len(got)} bytes"
    made.close()
    assert server.process.wait(15) == 0
