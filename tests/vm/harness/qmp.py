# SPDX-License-Identifier: BSD-3-Clause
"""QEMU's machine protocol, over a socket: one JSON object a line."""

import json


class QmpError(Exception):
    pass


class Qmp:
    TIMEOUT = 60  # seconds for one reply

    def __init__(self, sock):
        self.socket, self.pending, self.events, self.ready = sock, b"", [], False

    def command(self, execute, **arguments):
        """Its result; events that come meanwhile are kept."""
        if not self.ready:
            self.read()  # the greeting
            self.ready = True
            self.command("qmp_capabilities")
        self.socket.sendall(json.dumps({"execute": execute, "arguments": arguments}).encode() + b"\n")
        while True:
            reply = self.read()
            if "error" in reply:
                raise QmpError(f"{execute}: {reply['error']['desc']}")
            if "return" in reply:
                return reply["return"]
            self.events.append(reply)

    def read(self):
        self.socket.settimeout(self.TIMEOUT)
        try:
            while b"\n" not in self.pending:
                data = self.socket.recv(1 << 16)
                if not data:
                    raise QmpError("QEMU is gone")
                self.pending += data
        except OSError as e:
            raise QmpError(f"QEMU does not reply: {e}") from None
        line, _, self.pending = self.pending.partition(b"\n")
        return json.loads(line)
