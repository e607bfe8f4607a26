"""The suite for one version of the SDK: `suite.py [PART_OF_A_NAME…]`, with ADIT_BIN."""

import os
import sys

import harness
import sdk
from server import Server

import tests_login
import tests_endpoints
import tests_traffic
import tests_life
import tests_api

assert all((tests_login, tests_endpoints, tests_traffic, tests_life, tests_api))

if __name__ == "__main__":
    print(f"-- ngrok {sdk.version()} of PyPI, Python {sys.version.split()[0]}", flush=True)
    with Server() as shared:
        well = harness.run(shared, sys.argv[1:])
    sys.stdout.flush()
    # Not `sys.exit`: that would wait for the SDK's own threads.
    os._exit(0 if well else 1)
