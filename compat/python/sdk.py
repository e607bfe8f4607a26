"""The SDK under test: `ngrok` of PyPI as it is. Its calls are made on an event loop of its own thread."""

import asyncio
import os
import threading

import ngrok

POOLS = hasattr(ngrok.HttpListenerBuilder, "pooling_enabled")  # from 1.5 on

_loop = asyncio.new_event_loop()
threading.Thread(target=_loop.run_forever, daemon=True).start()


def run(call, within=20):
    """`call()` on the loop; what it returns is awaited."""

    async def on_loop():
        return await call()

    return asyncio.run_coroutine_threadsafe(on_loop(), _loop).result(within)


def refused(call, within=20):
    """The exception of a call that must fail."""
    try:
        made = run(call, within)
    except ValueError as error:
        return error
    raise AssertionError(f"{made} where a refusal was due")


def code(error):
    """The code the SDK found in the server's answer."""
    return error.args[2] if len(error.args) > 2 else None


def builder(server, address=None, token=None, ca=None):
    return (
        ngrok.SessionBuilder()
        .authtoken(server.token if token is None else token)
        .server_addr(address or server.address)
        .root_cas(ca or server.ca_file)
    )


def connect(server, **given):
    return run(builder(server, **given).connect)


def http(session, upstream, **options):
    """An https endpoint that forwards to `upstream` (an address); options are the builder's methods."""
    return forward(session.http_endpoint(), f"http://{upstream}", **options)


def forward(builder, url, **options):
    for name, value in options.items():
        builder = getattr(builder, name)(*value) if isinstance(value, tuple) else getattr(builder, name)(value)
    return run(lambda: builder.listen_and_forward(url))


def options(server, **given):
    """The options of `ngrok.forward` and `ngrok.connect` that lead to this server."""
    return {"authtoken": server.token, "server_addr": server.address, "root_cas": server.ca_file, **given}


def version():
    from importlib.metadata import version as installed

    return installed("ngrok")


def processes_end():
    """Ends without waiting for the SDK's threads."""
    os._exit(0)
