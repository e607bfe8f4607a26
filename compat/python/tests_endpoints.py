"""Endpoints: every scheme, forwarding and serving in the process, what is refused, closing."""

import base64
import http.server
import json
import pathlib
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
from urllib.parse import urlsplit

import ngrok

import sdk
from cut import Cut
from harness import Skip, test
from server import Server, eventually
from upstream import Http, Tcp, closed_port, tls_echo
from visitor import exactly, fetch, tcp, tls


def _session(bench, **given):
    session = sdk.connect(bench.server, **given)
    bench.callback(sdk.run, session.close)
    return session


def _certificate(bench, name):
    """A self-signed certificate for `name`: file of the chain, file of the key."""
    folder = bench.enter_context(tempfile.TemporaryDirectory())
    chain, key = f"{folder}/chain.pem", f"{folder}/key.pem"
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"]
    command += ["-subj", f"/CN={name}", "-addext", f"subjectAltName=DNS:{name}", "-keyout", key, "-out", chain]
    subprocess.run(command, check=True, capture_output=True)
    return chain, key


def _said(answer):
    assert answer.status == 200, answer
    return json.loads(answer.body)


def _offline(server, url):
    answer = fetch(server, url)
    return answer.status == 404 and answer.headers["ngrok-error-code"] == "ERR_NGROK_3200"


@test
def an_https_url_works(bench):
    listener = sdk.http(_session(bench), bench.use(Http()).address)
    assert listener.url().startswith("https://") and listener.proto() == "https", listener.url()
    said = _said(fetch(bench.server, listener.url(), "/a?b=c"))
    assert said["path"] == "/a?b=c" and said["headers"]["host"] == urlsplit(listener.url()).netloc, said


@test
def an_http_url_works_and_has_no_tls(bench):
    listener = sdk.http(_session(bench), bench.use(Http()).address, scheme="http")
    assert listener.url().startswith("http://"), listener.url()
    assert _said(fetch(bench.server, listener.url(), "/p"))["path"] == "/p"


@test
def a_chosen_name_is_given(bench):
    listener = sdk.http(_session(bench), bench.use(Http()).address, domain="python-chosen.adit.localhost")
    assert urlsplit(listener.url()).hostname == "python-chosen.adit.localhost", listener.url()
    assert fetch(bench.server, listener.url()).status == 200


@test
def a_tcp_url_works(bench):
    listener = sdk.forward(_session(bench).tcp_endpoint(), f"tcp://{bench.use(Tcp()).address}")
    assert listener.url().startswith("tcp://") and urlsplit(listener.url()).port, listener.url()
    with tcp(bench.server, listener.url()) as sock:
        sock.sendall(b"over tcp")
        sock.shutdown(socket.SHUT_WR)
        assert exactly(sock, 100) == b"over tcp"


@test
def a_tls_url_passes_through_to_the_upstream(bench):
    name = "python-tls.adit.localhost"
    chain, key = _certificate(bench, name)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(chain, key)
    upstream = bench.use(tls_echo(context))
    listener = sdk.forward(_session(bench).tls_endpoint(), f"tcp://{upstream.address}", domain=name)
    with tls(bench.server, listener.url(), ssl.create_default_context(cafile=chain)) as sock:
        sock.sendall(b"end to end")
        assert exactly(sock, 10) == b"end to end"


@test
def a_tls_url_ends_at_the_edge_with_a_certificate_of_its_own(bench):
    name = "python-edge-tls.adit.localhost"
    files = _certificate(bench, name)
    pair = tuple(bytearray(pathlib.Path(file).read_bytes()) for file in files)
    upstream = bench.use(Tcp())
    listener = sdk.forward(_session(bench).tls_endpoint(), f"tcp://{upstream.address}", domain=name, termination=pair)
    with tls(bench.server, listener.url(), ssl.create_default_context(cafile=files[0])) as sock:
        sock.sendall(b"decrypted at the edge")
        assert exactly(sock, 21) == b"decrypted at the edge"


@test
def the_short_forms_forward_connect_disconnect(bench):
    upstream = bench.use(Http())
    given = sdk.options(bench.server, metadata="short", force_new_session=True)
    for form in (ngrok.forward, ngrok.connect):
        listener = sdk.run(lambda form=form: form(upstream.address, **given))
        assert fetch(bench.server, listener.url()).status == 200
        sdk.run(lambda: ngrok.disconnect(listener.url()))
        eventually(lambda: _offline(bench.server, listener.url()), 5, "offline after disconnect")


@test
def a_server_in_the_process_is_served(bench):
    class Here(http.server.BaseHTTPRequestHandler):
        def log_message(self, *_):
            pass

        def do_GET(self):
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"from this process")

    session = _session(bench)
    listener = sdk.run(session.http_endpoint().listen)
    served = http.server.HTTPServer(("localhost", 0), Here)
    bench.callback(served.server_close)
    sdk.run(lambda: ngrok.listen(served, listener))
    threading.Thread(target=served.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
    bench.callback(served.shutdown)
    assert fetch(bench.server, listener.url()).text == "from this process"


@test
def the_visitors_address_is_visible(bench):
    listener = sdk.http(_session(bench), bench.use(Http()).address)
    headers = _said(fetch(bench.server, listener.url(), headers={"X-Forwarded-For": "192.0.2.1"}))["headers"]
    assert headers["x-forwarded-for"] == "127.0.0.1" and headers["x-forwarded-proto"] == "https", headers


@test
def the_visitors_ipv6_address_is_visible(bench):
    if not socket.has_ipv6:
        raise Skip("no IPv6 on this machine")
    server = bench.use(Server(host="[::1]"))
    # The SDK itself cannot be given an IPv6 address; its visitors can have one.
    session = sdk.connect(server, address=bench.use(Cut(server.https)).address)
    bench.callback(sdk.run, session.close)
    listener = sdk.http(session, bench.use(Http()).address)
    headers = _said(fetch(server, listener.url()))["headers"]
    assert headers["x-forwarded-for"] == "::1", headers


def _proxy_header(bench, version):
    seen = bytearray()

    def serve(sock):
        seen.extend(sock.recv(1 << 16))
        sock.sendall(b"thanks")

    upstream = bench.use(Tcp(serve))
    listener = sdk.forward(_session(bench).tcp_endpoint(), f"tcp://{upstream.address}", proxy_proto=version)
    with tcp(bench.server, listener.url()) as sock:
        sock.sendall(b"first bytes")
        assert exactly(sock, 6) == b"thanks"
        return bytes(seen), sock.getsockname()[1], urlsplit(listener.url()).port


@test
def proxy_protocol_1_reaches_the_upstream(bench):
    seen, source, port = _proxy_header(bench, "1")
    assert seen == f"PROXY TCP4 127.0.0.1 127.0.0.1 {source} {port}\r\nfirst bytes".encode(), seen


@test
def proxy_protocol_2_reaches_the_upstream(bench):
    seen, source, port = _proxy_header(bench, "2")
    assert seen.startswith(b"\r\n\r\n\0\r\nQUIT\n\x21\x11") and seen.endswith(b"first bytes"), seen
    addresses = socket.inet_aton("127.0.0.1") * 2 + source.to_bytes(2, "big") + port.to_bytes(2, "big")
    assert seen[16:28] == addresses, seen


@test
def a_bad_host_is_326(bench):
    builder = _session(bench).http_endpoint().domain("1.21 gigawatts")
    error = sdk.refused(builder.listen)
    assert sdk.code(error) == "ERR_NGROK_326", error.args


def _unavailable(bench, code, prepare):
    error = sdk.refused(prepare(_session(bench).http_endpoint()).listen)
    assert sdk.code(error) == code, error.args


@test
def the_old_options_are_enforced(bench):
    builder = _session(bench).http_endpoint()
    builder.basic_auth("user", "long enough").circuit_breaker(0.9).allow_cidr("127.0.0.0/8")
    builder.request_header("x-added", "${1}").remove_request_header("x-secret").response_header("x-from", "edge")
    upstream = bench.use(Http()).address
    listener = sdk.run(lambda: builder.listen_and_forward(f"http://{upstream}"))
    assert fetch(bench.server, listener.url()).status == 401
    authorization = "Basic " + base64.b64encode(b"user:long enough").decode()
    answer = fetch(bench.server, listener.url(), headers={"Authorization": authorization, "X-Secret": "1"})
    assert answer.status == 200, answer
    seen = json.loads(answer.text)["headers"]
    assert (seen["x-added"], seen.get("x-secret"), answer.headers["x-from"]) == ("${1}", None, "edge"), answer


@test
def old_options_and_wrong_policies_are_refused_not_ignored(bench):
    for code, prepare in {
        "ERR_NGROK_360": lambda b: b.basic_auth("user", "short"),
        "ERR_NGROK_361": lambda b: b.circuit_breaker(1.5),
        "ERR_NGROK_393": lambda b: b.deny_cidr("10.0.0.0/8"),
        "ERR_NGROK_364": lambda b: b.webhook_verification("nobody", "secret"),
        "ERR_NGROK_365": lambda b: b.oauth("google"),
        "ERR_NGROK_385": lambda b: b.oidc("https://issuer.example", "id", "secret"),
        "ERR_NGROK_9026": lambda b: b.traffic_policy('{"on_http_request":[{"actions":[{"type":"denied"}]}]}'),
    }.items():
        _unavailable(bench, code, prepare)


@test
def a_policy_is_enforced(bench):
    policy = """{"on_http_request":[{"expressions":["req.url.path == '/no'"],"actions":[{"type":"deny","config":{"status_code":418}}]}]}"""
    listener = sdk.http(_session(bench), bench.use(Http()).address, traffic_policy=policy)
    assert fetch(bench.server, listener.url(), "/no").status == 418
    assert fetch(bench.server, listener.url(), "/yes").status == 200


@test
def an_empty_policy_is_accepted(bench):
    listener = sdk.http(_session(bench), bench.use(Http()).address, traffic_policy="on_http_request: []")
    assert fetch(bench.server, listener.url()).status == 200


@test
def a_labelled_endpoint_is_358(bench):
    error = sdk.refused(_session(bench).labeled_listener().label("edge", "edghts_1").listen)
    assert sdk.code(error) == "ERR_NGROK_358", error.args


@test
def close_takes_the_endpoint_offline_and_can_be_repeated(bench):
    session = _session(bench)
    upstream = bench.use(Http())
    listener, other = sdk.http(session, upstream.address), sdk.http(session, upstream.address)
    assert fetch(bench.server, listener.url()).status == 200
    sdk.run(listener.close)
    eventually(lambda: _offline(bench.server, listener.url()), 5, "offline after close")
    sdk.run(lambda: session.close_listener(other.id()))
    eventually(lambda: _offline(bench.server, other.url()), 5, "offline after close_listener")
    # Unbound already: the answer is success again, or nothing is asked.
    sdk.run(lambda: session.close_listener(other.id()))


@test
def the_same_url_twice_is_334(bench):
    upstream = bench.use(Http())
    other = Process(bench, upstream.address, "--domain", "python-once.adit.localhost")
    assert other.url
    error = sdk.refused(_session(bench).http_endpoint().domain("python-once.adit.localhost").listen)
    assert sdk.code(error) == "ERR_NGROK_334", error.args
    assert fetch(bench.server, other.url).status == 200


@test
def two_pooled_processes_both_serve(bench):
    if not sdk.POOLS:
        raise Skip("this version has no pooling")
    mine, theirs = bench.use(Http("mine")), bench.use(Http("theirs"))
    name = "python-pool.adit.localhost"
    other = Process(bench, theirs.address, "--domain", name, "--pool")
    listener = sdk.http(_session(bench), mine.address, domain=name, pooling_enabled=True)
    assert listener.url() == other.url
    seen = set()
    eventually(lambda: seen.add(_said(fetch(bench.server, other.url))["name"]) or len(seen) == 2, 10, "both served")


@test
def an_upstream_that_is_down_is_502(bench):
    listener = sdk.http(_session(bench), closed_port())
    answer = fetch(bench.server, listener.url())
    # 1.4 does not say that it could not dial: it closes without a byte.
    code = "ERR_NGROK_8012" if sdk.POOLS else "ERR_NGROK_3004"
    assert answer.status == 502 and answer.headers["ngrok-error-code"] == code, answer


class Process:
    """The SDK in a process of its own, with one endpoint."""

    def __init__(self, bench, upstream, *flags):
        server = bench.server
        command = [sys.executable, "agent_process.py", "--server", server.address, "--ca", server.ca_file]
        command += ["--token", server.token, "--upstream", upstream, *flags]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        bench.callback(self.kill)
        line = self.process.stdout.readline()
        if not line.startswith("{"):
            raise AssertionError(f"the agent process said: {line!r}")
        self.urls = json.loads(line)
        self.url = self.urls["http"]

    def kill(self):
        self.process.kill()
        self.process.wait()
        self.process.stdin.close()
        self.process.stdout.close()
