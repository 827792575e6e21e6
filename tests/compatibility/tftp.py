#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""A TFTP server with one file under the name "file", for firmware: a block, its acknowledgement, the next one. What had
to be sent twice is counted; other names are empty files, by which a firmware says something.

    tftp.py ADDRESS FILE     at the end (SIGTERM): "asked NAME" for each, and "blocks N, again N, whole N"
"""

import pathlib
import signal
import socket
import struct
import sys

READ, DATA, ACK, ERROR, OPTIONS = 1, 3, 4, 5, 6
AGAIN = 1.0  # seconds without an answer


class Server:
    def __init__(self, address, data):
        self.address, self.data = address, data
        self.blocks = self.again = self.whole = 0
        self.names = []
        self.port = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.port.bind((address, 69))

    def serve(self):
        while True:
            request, client = self.port.recvfrom(2048)
            if struct.unpack_from(">H", request)[0] == READ:
                self.transfer(request[2:].split(b"\0"), client)

    def transfer(self, words, client):
        name = words[0].decode(errors="replace")
        data = self.data if name == "file" else b"\n"
        self.names.append(name)
        options = dict(zip((w.lower() for w in words[2::2]), words[3::2]))
        size, answer = 512, b""
        if b"blksize" in options:
            size = min(int(options[b"blksize"]), 1428)
            answer += b"blksize\0%d\0" % size
        if b"tsize" in options:
            answer += b"tsize\0%d\0" % len(data)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as way:
            way.bind((self.address, 0))
            way.connect(client)
            way.settimeout(AGAIN)
            if answer and not self.exchange(way, struct.pack(">H", OPTIONS) + answer, 0):
                return
            for number in range(len(data) // size + 1):
                block = struct.pack(">HH", DATA, (number + 1) & 0xffff) + data[number * size:(number + 1) * size]
                self.blocks += name == "file"
                if not self.exchange(way, block, (number + 1) & 0xffff):
                    return
            self.whole += name == "file"

    def exchange(self, way, message, number):
        """Send it until it is acknowledged. False: the client wants no more."""
        for attempt in range(10):
            self.again += attempt > 0
            way.send(message)
            try:
                while True:
                    kind, got = struct.unpack_from(">HH", way.recv(2048))
                    if kind == ERROR:
                        return False
                    if kind == ACK and got == number:
                        return True
            except TimeoutError:
                continue
            except ConnectionRefusedError:
                return False
        return False


def main():
    server = Server(sys.argv[1], pathlib.Path(sys.argv[2]).read_bytes())

    def end(*_):
        for name in server.names:
            print("asked", name)
        print(f"blocks {server.blocks}, again {server.again}, whole {server.whole}", flush=True)
        sys.exit(0)
    signal.signal(signal.SIGTERM, end)
    print("ready", flush=True)
    server.serve()


main()
