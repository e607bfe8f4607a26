"""What the API shows of a session, and commands that it gives to one."""

import json
import queue

import sdk
from harness import test
from server import eventually
from upstream import Http
from visitor import fetch

COMMANDS = ("stop", "restart", "update")


def api(server, method, path):
    """(status, what the answer says; None for 204)."""
    headers = {"Authorization": f"Bearer {server.info['api_key']}", "Ngrok-Version": "2"}
    body = None
    if method == "POST":
        headers["Content-Type"], body = "application/json", "{}"
    got = fetch(server, server.info["api_url"], path, method, body, headers)
    return got.status, json.loads(got.body) if got.body else None


def connect(bench, **handlers):
    """A session with these handlers, and its id."""
    builder = sdk.builder(bench.server)
    for command, handler in handlers.items():
        builder = getattr(builder, f"handle_{command}_command")(handler)
    return found(bench, builder)


def found(bench, builder):
    """Connects; this SDK does not tell the id of a session, but that of the newest is known."""
    before = {session["id"] for session in api(bench.server, "GET", "/tunnel_sessions")[1]["tunnel_sessions"]}
    session = sdk.run(builder.connect)
    bench.callback(sdk.run, session.close)

    def new():
        now = api(bench.server, "GET", "/tunnel_sessions")[1]["tunnel_sessions"]
        return next((one["id"] for one in now if one["id"] not in before), None)

    return session, eventually(new, 5, "the session in the API")


@test
def metadata_and_client_info_are_visible_in_the_api(bench):
    builder = sdk.builder(bench.server).metadata("{\"team\": \"compat\"}").client_info("compat-suite", "9.9", "a comment")
    session, id = found(bench, builder)
    listener = sdk.http(session, bench.use(Http()).address, metadata="of the endpoint")
    status, shown = api(bench.server, "GET", f"/tunnel_sessions/{id}")
    assert (status, shown["metadata"], shown["agent_version"]) == (200, "{\"team\": \"compat\"}", "9.9"), shown
    status, more = api(bench.server, "GET", f"/adit/tunnel_sessions/{id}")
    assert status == 200 and more["user_agent"][0].startswith("compat-suite/9.9"), more
    assert any("a comment" in product for product in more["user_agent"]), more
    status, listed = api(bench.server, "GET", f"/endpoints?url={listener.url()}")
    (endpoint,) = listed["endpoints"]
    assert status == 200 and endpoint["metadata"] == "of the endpoint", listed
    assert endpoint["tunnel_session"]["id"] == id, endpoint


@test
def stop_restart_and_update_reach_the_handler(bench):
    asked = queue.Queue()
    handlers = {
        "stop": lambda: asked.put("stop"),
        "restart": lambda: asked.put("restart"),
        "update": lambda *_: asked.put("update"),
    }
    session, id = connect(bench, **handlers)
    listener = sdk.http(session, bench.use(Http()).address)
    for command in COMMANDS:
        assert api(bench.server, "POST", f"/tunnel_sessions/{id}/{command}") == (204, None), command
        assert asked.get(timeout=10) == command
    # What the program does then is its own affair: this one goes on.
    assert fetch(bench.server, listener.url()).status == 200


@test
def the_error_of_a_handler_is_the_answer_of_the_api(bench):
    def refuses(*_):
        raise ValueError("not now")

    _, id = connect(bench, stop=refuses, restart=refuses, update=refuses)
    for command, code in zip(COMMANDS, ("ERR_NGROK_807", "ERR_NGROK_808", "ERR_NGROK_809")):
        status, said = api(bench.server, "POST", f"/tunnel_sessions/{id}/{command}")
        assert (status, said["error_code"]) == (400, code), said
        assert "not now" in said["msg"], said


@test
def without_a_handler_commands_are_unsupported(bench):
    _, id = connect(bench)
    for command, code in zip(COMMANDS, ("ERR_NGROK_805", "ERR_NGROK_804", "ERR_NGROK_806")):
        status, said = api(bench.server, "POST", f"/tunnel_sessions/{id}/{command}")
        assert (status, said["error_code"]) == (400, code), said
        # What this SDK declared at its login.
        assert "the agent has not defined a callback for this operation" in said["msg"], said
