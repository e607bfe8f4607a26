"""ngrok's client of the API, `ngrok-api` of PyPI as it is, against a server with agents of Adit: `suite.py
[PART_OF_A_NAME…]`, with ADIT_BIN. Server and harness are those of the suite for the SDK."""

import contextlib
import os
import socket
import subprocess
import sys
from importlib.metadata import version
from urllib.parse import urlsplit

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../python"))

import harness
import ngrok
import resources
from harness import test
from server import Server, eventually
from upstream import Http


def knows(name):
    """Makes `name` this machine: names below .localhost do not resolve everywhere."""
    asked = socket.getaddrinfo

    def answer(host, *rest, **more):
        return asked("127.0.0.1" if host == name else host, *rest, **more)

    socket.getaddrinfo = answer


def client(server, key=None):
    return ngrok.Client(server.info["api_key"] if key is None else key, server.info["api_url"])


class Agent:
    """`adit http`, with an endpoint."""

    def __init__(self, bench, name, *flags):
        info = bench.server.info
        environment = dict(
            os.environ,
            ADIT_AUTHTOKEN=info["authtoken"],
            ADIT_CONNECT_URL=info["connect_addr"],
            ADIT_CONNECT_CA=info["ca_file"],
        )
        upstream = bench.use(Http()).address
        url = f"https://{name}.adit.localhost"
        self.process = subprocess.Popen(
            [os.environ["ADIT_BIN"], "http", upstream, "--url", url, *flags],
            env=environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        bench.use(self)
        self.url = f"{url}:{urlsplit(info['api_url']).port}"
        self.endpoint = eventually(lambda: self._endpoint(client(bench.server)), 20, f"{self.url} is online")

    def _endpoint(self, api):
        return next((one for one in api.endpoints.list() if one.public_url == self.url), None)

    def close(self):
        if self.process.poll() is None:
            self.process.terminate()
        self.process.wait(20)


def refused(call):
    try:
        made = call()
    except ngrok.Error as error:
        return error
    raise AssertionError(f"{made} where a refusal was due")


@test
def everything_that_is_live_can_be_listed_and_read(bench):
    agent = Agent(bench, "api-py", "--metadata", "of the endpoint")
    api = client(bench.server)
    endpoint = api.endpoints.get(agent.endpoint.id)
    assert endpoint.public_url == agent.url and endpoint.proto == "https", endpoint
    assert endpoint.metadata == "of the endpoint" and endpoint.edge is None and endpoint.domain is None
    tunnel = api.tunnels.get(endpoint.tunnel.id)
    assert tunnel.endpoint.id == endpoint.id and tunnel.forwards_to == endpoint.upstream_url, tunnel
    session = api.tunnel_sessions.get(tunnel.tunnel_session.id)
    assert session.ip == "127.0.0.1" and session.transport == "ngrok/2" and session.started_at, session
    assert session.id in [one.id for one in api.tunnel_sessions.list()]
    assert tunnel.id in [one.id for one in api.tunnels.list()]


@test
def the_client_walks_through_the_pages(bench):
    agents = [Agent(bench, f"api-py-{n}") for n in range(5)]
    page = client(bench.server).endpoints.list(limit="2")
    assert len(page.endpoints) == 2 and page.next_page_uri
    # The iterator follows next_page_uri as it stands.
    seen = [endpoint.public_url for endpoint in page]
    assert len(seen) == len(set(seen))
    assert {agent.url for agent in agents} <= set(seen), seen


@test
def stop_ends_the_agent(bench):
    agent = Agent(bench, "api-py-stop")
    api = client(bench.server)
    session = api.tunnels.get(agent.endpoint.tunnel.id).tunnel_session.id
    # Every command is answered with 204, which this client takes for a mistake, of ngrok's servers too.
    with contextlib.suppress(RuntimeError):
        api.tunnel_sessions.stop(session)
    assert agent.process.wait(20) == 0

    def gone():
        return isinstance(refused(lambda: api.tunnel_sessions.get(session)), ngrok.NotFoundError)

    eventually(gone, 10, "the session is gone")


@test
def refusals_are_errors_of_the_client(bench):
    agent = Agent(bench, "api-py-refused")
    api = client(bench.server)
    session = api.tunnels.get(agent.endpoint.tunnel.id).tunnel_session.id
    error = refused(lambda: api.tunnel_sessions.update(session))
    assert (error.http_status_code, error.error_code) == (400, "ERR_NGROK_806"), vars(error)
    assert error.operation_id.startswith("op_")
    error = refused(lambda: api.endpoints.delete(agent.endpoint.id))
    assert (error.http_status_code, error.error_code) == (400, "ERR_ADIT_2018"), vars(error)
    error = refused(lambda: api.tunnels.get("tn_0ujtsYcgvSTl8PAuAdqWYSMnLOv"))
    assert isinstance(error, ngrok.NotFoundError) and error.error_code == "ERR_ADIT_2001", vars(error)
    for key, code in (("nonsense", "ERR_NGROK_202"), (bench.server.token, "ERR_NGROK_207")):
        error = refused(client(bench.server, key).tunnels.list)
        assert (error.http_status_code, error.error_code) == (401, code), vars(error)


resources.kinds(client)
resources.others(client)

if __name__ == "__main__":
    print(f"-- ngrok-api {version('ngrok-api')} of PyPI, Python {sys.version.split()[0]}", flush=True)
    with Server() as shared:
        knows(urlsplit(shared.info["api_url"]).hostname)
        os.environ["REQUESTS_CA_BUNDLE"] = shared.ca_file
        well = harness.run(shared, sys.argv[1:])
    sys.exit(0 if well else 1)
