"""Small named tests: `ok NAME`, `FAILED NAME: reason`, and a count at the end."""

import contextlib
import os
import sys
import time
import traceback

_tests = []


def test(function):
    _tests.append(function)
    return function


class Skip(Exception):
    """What this version of the SDK cannot do."""


class Bench(contextlib.ExitStack):
    """One test's things, undone in the opposite order; and the server that all share."""

    def __init__(self, server):
        super().__init__()
        self.server = server

    def use(self, thing):
        """Closes `thing` at the end of the test."""
        self.callback(thing.close)
        return thing


def run(server, chosen):
    """Runs the tests whose names contain one of `chosen` (all, if there is none)."""
    passed = failed = 0
    for function in _tests:
        name = function.__name__
        if chosen and not any(part in name for part in chosen):
            continue
        began = time.monotonic()
        try:
            with Bench(server) as bench:
                function(bench)
        except Skip as why:
            print(f"-- {name}: {why}", flush=True)
            continue
        except BaseException as error:  # a test may fail in any way; a panic of the SDK is no Exception
            if isinstance(error, KeyboardInterrupt):
                raise
            failed += 1
            reason = " ".join(f"{type(error).__name__}: {error}".split())
            print(f"FAILED {name}: {reason[:1500]}", flush=True)
            if os.environ.get("ADIT_COMPAT_TRACE"):
                traceback.print_exc(file=sys.stdout)
            continue
        passed += 1
        print(f"ok {name} ({time.monotonic() - began:.1f} s)", flush=True)
    print(f"{passed} passed, {failed} failed", flush=True)
    return failed == 0
