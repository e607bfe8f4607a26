"""A TCP proxy between agent and server that the test cuts."""

import contextlib
import socket
import struct
import threading

_RESET = struct.pack("ii", 1, 0)


class Cut:
    """Passes bytes on to `target`. `cut()` resets every connection, as a network that fails; new ones are accepted."""

    def __init__(self, target):
        self.target = target
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.pairs = []
        self.lock = threading.Lock()
        self.accepted = 0
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def address(self):
        return f"127.0.0.1:{self.listener.getsockname()[1]}"

    def _accept(self):
        with contextlib.suppress(OSError):
            while True:
                near, _ = self.listener.accept()
                try:
                    far = socket.create_connection(self.target, 5)
                except OSError:
                    near.close()
                    continue
                far.settimeout(None)
                for one in (near, far):
                    one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                pair = _Pair(near, far)
                with self.lock:
                    self.pairs.append(pair)
                    self.accepted += 1
                pair.start()

    def cut(self):
        with self.lock:
            pairs, self.pairs = self.pairs, []
        for pair in pairs:
            pair.reset()

    def close(self):
        with contextlib.suppress(OSError):
            self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        self.cut()


class _Pair:
    def __init__(self, near, far):
        self.ends = (near, far)
        self.cut = False

    def start(self):
        near, far = self.ends
        for source, sink in ((near, far), (far, near)):
            threading.Thread(target=self._copy, args=(source, sink), daemon=True).start()

    def _copy(self, source, sink):
        with contextlib.suppress(OSError):
            while piece := source.recv(1 << 16):
                sink.sendall(piece)
            if not self.cut:
                sink.shutdown(socket.SHUT_WR)

    def reset(self):
        self.cut = True
        for one in self.ends:
            with contextlib.suppress(OSError):
                one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
                # The copying thread holds the socket in a system call: only this wakes it.
                one.shutdown(socket.SHUT_RD)
            one.close()
