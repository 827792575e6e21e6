# SPDX-License-Identifier: BSD-3-Clause
"""
A vhost-user back end that replies to every request and moves no frame, enough to open, start and stop a
device; and one whose doorbells block.
"""

import array
import fcntl
import os
import socket
import struct
import threading

VERSION_1, MRG_RXBUF, STATUS, PROTOCOL = 1 << 32, 1 << 15, 1 << 16, 1 << 30
REPLY_ACK, BACKEND_REQ, CONFIG, INFLIGHT = 1 << 3, 1 << 5, 1 << 9, 1 << 12
U64 = {1: VERSION_1 | MRG_RXBUF | PROTOCOL, 15: REPLY_ACK | BACKEND_REQ | CONFIG | INFLIGHT}
SET_KICK, GET_QUEUE_NUM = 12, 17
MQ, PROTOCOL_MQ = 1 << 22, 1 << 0
GET_BASE, GET_CONFIG, GET_INFLIGHT = 11, 24, 31


class BackEnd:
    """Listens at the path, or connects there; counts its sessions."""

    numbers = U64

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
        """As DPDK's: the last client has the device."""
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
        fds = [fd for _, _, data in ancillary
               for fd in array.array("i", data[:len(data) - len(data) % 4])]
        if len(head) < 12:
            return False
        request, flags, size = struct.unpack("III", head)
        body = b""
        while len(body) < size:
            part = peer.recv(size - len(body))
            if not part:
                return False
            body += part
        self.take(request, body, fds)
        try:
            self.answer(peer, request, flags, body)
        except OSError:
            return False
        return True

    def take(self, request, body, fds):
        for fd in fds:
            os.close(fd)

    @staticmethod
    def send(peer, request, body, fds=()):
        ancillary = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", fds))] if fds else []
        peer.sendmsg([struct.pack("III", request, 1 | 4, len(body)), body], ancillary)

    def answer(self, peer, request, flags, body):
        if request in self.numbers:
            self.send(peer, request, struct.pack("Q", self.numbers[request]))
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


class Blocking(BackEnd):
    """Has two queue pairs, and makes the doorbells of the transmit queues block: their counters are
    full, and O_NONBLOCK, which is also its own, is taken away."""

    numbers = {1: U64[1] | MQ, 15: U64[15] | PROTOCOL_MQ, GET_QUEUE_NUM: 2}

    def __init__(self, *arguments):
        self.kept = []
        super().__init__(*arguments)

    def __exit__(self, *exception):
        super().__exit__()
        for fd in self.kept:
            os.close(fd)

    def take(self, request, body, fds):
        if request != SET_KICK or not fds or not body[0] % 2:
            return super().take(request, body, fds)
        os.write(fds[0], struct.pack("Q", 2**64 - 2))
        fcntl.fcntl(fds[0], fcntl.F_SETFL, fcntl.fcntl(fds[0], fcntl.F_GETFL) & ~os.O_NONBLOCK)
        return self.kept.extend(fds)
