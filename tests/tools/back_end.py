# SPDX-License-Identifier: BSD-3-Clause
"""
A vhost-user back end that answers every question and moves no frame.

Owns: enough of the protocol that a device can be opened, started and stopped; written from its
description.
Never: maps memory, or looks into a ring.
"""

import array
import os
import socket
import struct
import threading

VERSION_1, MRG_RXBUF, STATUS, PROTOCOL = 1 << 32, 1 << 15, 1 << 16, 1 << 30
REPLY_ACK, BACKEND_REQ, CONFIG, INFLIGHT = 1 << 3, 1 << 5, 1 << 9, 1 << 12
U64 = {1: VERSION_1 | MRG_RXBUF | PROTOCOL, 15: REPLY_ACK | BACKEND_REQ | CONFIG | INFLIGHT}
GET_BASE, GET_CONFIG, GET_INFLIGHT = 11, 24, 31


class BackEnd:
    """Listens at the path, or connects there; counts its sessions."""

    def __init__(self, path, connects=False):
        self.path, self.connects, self.sessions = path, connects, 0
        self.ending = threading.Event()
        self.listening = None
        if not connects:
            self.listening = socket.socket(socket.AF_UNIX)
            self.listening.bind(path)
            self.listening.listen(4)
            self.listening.settimeout(0.05)
        self.thread = threading.Thread(target=self.run)
        self.thread.start()

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.ending.set()
        self.thread.join()
        if self.listening:
            self.listening.close()
            os.unlink(self.path)

    def peer(self):
        if self.listening:
            return self.listening.accept()[0]
        made = socket.socket(socket.AF_UNIX)
        try:
            made.connect(self.path)
        except OSError:
            made.close()
            self.ending.wait(0.05)
            raise
        return made

    def run(self):
        """As DPDK's: who comes last has the device."""
        current = None
        while not self.ending.is_set():
            try:
                peer = self.peer() if current is None or self.listening else None
            except OSError:
                peer = None
            if peer:
                if current:
                    current.close()
                current = peer
                current.settimeout(0.05)
                self.sessions += 1
            if current and not self.serve(current):
                current.close()
                current = None
        if current:
            current.close()

    def serve(self, peer):
        """One request, if there is one. False: the session is over."""
        try:
            head, ancillary, _, _ = peer.recvmsg(12, socket.CMSG_SPACE(64))
        except (socket.timeout, BlockingIOError):
            return True
        except OSError:
            return False
        for _, _, data in ancillary:
            for fd in array.array("i", data[:len(data) - len(data) % 4]):
                os.close(fd)
        if len(head) < 12:
            return False
        request, flags, size = struct.unpack("III", head)
        body = b""
        while len(body) < size:
            part = peer.recv(size - len(body))
            if not part:
                return False
            body += part
        try:
            self.answer(peer, request, flags, body)
        except OSError:
            return False
        return True

    @staticmethod
    def send(peer, request, body, fds=()):
        ancillary = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", fds))] if fds else []
        peer.sendmsg([struct.pack("III", request, 1 | 4, len(body)), body], ancillary)

    def answer(self, peer, request, flags, body):
        if request in U64:
            self.send(peer, request, struct.pack("Q", U64[request]))
        elif request == GET_BASE:
            self.send(peer, request, body)
        elif request == GET_CONFIG:
            self.send(peer, request, body)
        elif request == GET_INFLIGHT:
            fd = os.memfd_create("record")
            os.ftruncate(fd, 4096)
            self.send(peer, request, struct.pack("QQ", 4096, 0) + body[16:], [fd])
            os.close(fd)
        elif flags & 8:
            self.send(peer, request, struct.pack("Q", 0))
