"""The SDK in a process of its own: an endpoint for HTTP (and one for TCP), their URLs in a line of JSON, until killed
or until its input ends."""

import argparse
import json
import sys

import sdk


class Server:
    """What `sdk` needs to know of a server."""

    def __init__(self, args):
        self.address, self.ca_file, self.token = args.server, args.ca, args.token


def main():
    said = argparse.ArgumentParser()
    for flag in ("--server", "--ca", "--token", "--upstream"):
        said.add_argument(flag, required=True)
    said.add_argument("--domain")
    said.add_argument("--pool", action="store_true")
    said.add_argument("--tcp-upstream")
    args = said.parse_args()
    session = sdk.connect(Server(args))
    options = {"domain": args.domain} if args.domain else {}
    if args.pool:
        options["pooling_enabled"] = True
    urls = {"http": sdk.http(session, args.upstream, **options).url()}
    if args.tcp_upstream:
        urls["tcp"] = sdk.forward(session.tcp_endpoint(), f"tcp://{args.tcp_upstream}").url()
    print(json.dumps(urls), flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    main()
    sdk.processes_end()
