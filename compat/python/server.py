"""A server of Adit of this test run alone: its own data directory, free ports, stopped at the end."""

import json
import os
import random
import signal
import socket
import ssl
import subprocess
import tempfile
import time


def eventually(check, within, what):
    """Polls until `check()` gives something true, and returns that; an exception of it counts as "not yet"."""
    deadline = time.monotonic() + within
    last = None
    while True:
        try:
            value = check()
            if value:
                return value
            last = f"last answer: {value!r}"
        except (OSError, AssertionError, ValueError) as error:
            last = f"last error: {error!r}"
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {within} s: {what} ({last})")
        time.sleep(0.01)


def free_ports(count):
    """`count` neighbouring free ports, below those that systems hand out themselves."""
    while True:
        first = random.randrange(10000, 32000 - count)
        held = []
        try:
            for port in range(first, first + count):
                held.append(socket.socket())
                held[-1].bind(("127.0.0.1", port))
            return first
        except OSError:
            continue
        finally:
            for one in held:
                one.close()


class Server:
    """`adit dev --no-agent`. Started again, it has the same directory and the same ports."""

    def __init__(self, binary=None, host="127.0.0.1", tcp_ports=20):
        self.binary = binary or os.environ["ADIT_BIN"]
        self.folder = tempfile.TemporaryDirectory(prefix="adit-compat-")
        self.data_dir = os.path.join(self.folder.name, "data")
        self.log = os.path.join(self.folder.name, "log")
        self.listen = {name: f"{host}:0" for name in ("https", "http", "admin")}
        first = free_ports(tcp_ports)
        self.tcp_ports = f"{first}-{first + tcp_ports - 1}"
        self.process = None
        self.start()

    def start(self):
        flags = [f"--{name}={address}" for name, address in self.listen.items()]
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(
                [self.binary, "dev", "--no-agent", "--data-dir", self.data_dir, "--tcp-ports", self.tcp_ports, *flags],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        self.info = eventually(self._said, 20, f"dev.json of the server\n{self.said()}")
        self.https = address_of(self.info["https_addr"])
        self.http = address_of(self.info["http_addr"])
        self.listen = {name: self.info[f"{name}_addr"] for name in self.listen}

    def _said(self):
        if self.process.poll() is not None:
            raise SystemExit(f"the server ended with {self.process.returncode}:\n{self.said()}")
        with open(os.path.join(self.data_dir, "dev.json"), encoding="utf-8") as file:
            info = json.load(file)
        return info if info["pid"] == self.process.pid else None

    def said(self):
        with open(self.log, encoding="utf-8", errors="replace") as log:
            return log.read()[-4000:]

    @property
    def address(self):
        """Where agents connect: by address, since nothing resolves names below .localhost everywhere."""
        return self.info["https_addr"]

    @property
    def token(self):
        return self.info["authtoken"]

    @property
    def ca_file(self):
        return self.info["ca_file"]

    def trust(self):
        """What a visitor needs to trust this server's certificates."""
        return ssl.create_default_context(cafile=self.ca_file)

    def kill(self):
        """As `kill -9`."""
        self.process.kill()
        self.process.wait()

    def terminate(self):
        """Asks it to drain and stop; does not wait."""
        self.process.send_signal(signal.SIGTERM)

    def draining(self):
        """True once it has begun to stop (or has stopped)."""
        return not os.path.exists(os.path.join(self.data_dir, "dev.json"))

    def close(self):
        if self.process.poll() is None:
            self.terminate()
            try:
                self.process.wait(15)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self.folder.cleanup()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def address_of(text):
    """("host", port) of "host:port" or "[host]:port"."""
    host, _, port = text.rpartition(":")
    return host.strip("[]"), int(port)
