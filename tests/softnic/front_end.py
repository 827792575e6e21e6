# SPDX-License-Identifier: BSD-3-Clause
"""
A raw vhost-user front end, to drive vionet-softnic --vhost-user by hand: every message, right or wrong. It
uses no code or numbers of the device's or of vionet's; its rings are those of raw_rings.

    with Softnic("--vhost-user") as nic, FrontEnd(nic.path) as front_end:
        front_end.begin()
        tx = SplitQueue(front_end, 1, 64)
        tx.add(readable=[bytes(12) + frame])
        tx.kick()
        tx.wait(1)
"""

import array
import os
import socket
import struct

from nic import DEADLINE
from raw import FEATURES, Driver, Gone, Memory

(GET_FEATURES, SET_FEATURES, SET_OWNER, RESET_OWNER, SET_MEM_TABLE) = range(1, 6)
(SET_VRING_NUM, SET_VRING_ADDR, SET_VRING_BASE, GET_VRING_BASE, SET_VRING_KICK, SET_VRING_CALL,
 SET_VRING_ERR, GET_PROTOCOL_FEATURES, SET_PROTOCOL_FEATURES, GET_QUEUE_NUM,
 SET_VRING_ENABLE) = range(8, 19)
NET_SET_MTU, SET_BACKEND_REQ_FD, GET_CONFIG, SET_CONFIG = 20, 21, 24, 25
RESET_DEVICE, GET_MAX_MEM_SLOTS, ADD_MEM_REG, REM_MEM_REG, SET_STATUS, GET_STATUS = 34, 36, 37, 38, 39, 40
CONFIG_CHANGE_MSG = 2
REPLY, NEED_REPLY = 4, 8
NO_FD = 0x100
PROTOCOL_FEATURES, LOG_ALL = 1 << 30, 1 << 26
(MQ, REPLY_ACK, NET_MTU, BACKEND_REQ, CONFIG, RESET, MEM_SLOTS, STATUS) = (
    1 << n for n in (0, 3, 4, 5, 9, 13, 15, 16))
ALL = MQ | REPLY_ACK | NET_MTU | BACKEND_REQ | CONFIG | RESET | MEM_SLOTS | STATUS
USER = 0x7000_0000_0000  # what the front end's own addresses are above the guest's


def mask(names):
    return sum(1 << FEATURES[name] for name in names)


class FrontEnd:
    """One session, connected to the device's socket, or `taken` from a listener of ours."""

    wait_for = staticmethod(Driver.wait_for)

    def __init__(self, path=None, taken=None):
        self.socket = taken or socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.socket.settimeout(DEADLINE)
        if taken is None:
            self.socket.connect(path)
        self.protocol = 0
        self.memories, self.kicks, self.calls = [], {}, {}
        self.next_iova = 0x1000_0000

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.close()

    def close(self):
        self.socket.close()
        for memory in self.memories:
            memory.close()
        for fd in [*self.kicks.values(), *self.calls.values()]:
            os.close(fd)
        self.memories, self.kicks, self.calls = [], {}, {}

    # -- messages --

    def send(self, request, payload=b"", fds=(), flags=1, size=None):
        header = struct.pack("=III", request, flags, len(payload) if size is None else size)
        extra = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", fds))] if fds else []
        try:
            self.socket.sendmsg([header + payload], extra)
        except (BrokenPipeError, ConnectionResetError):
            raise Gone() from None

    def receive(self):
        """(request, payload) of a reply."""
        data = b""
        try:
            while len(data) < 12 or len(data) < 12 + struct.unpack_from("=I", data, 8)[0]:
                part = self.socket.recv(4096)
                if not part:
                    raise Gone()
                data += part
        except ConnectionResetError:
            raise Gone() from None
        request, flags, size = struct.unpack_from("=III", data)
        if flags != 1 | REPLY or len(data) != 12 + size:
            raise AssertionError(f"reply {request}: flags {flags:#x}, {len(data)} bytes, size {size}")
        return request, data[12:]

    def get(self, request, payload=b""):
        self.send(request, payload)
        answered, data = self.receive()
        if answered != request:
            raise AssertionError(f"reply to {answered}, the request was {request}")
        return data

    def number(self, request):
        return struct.unpack("=Q", self.get(request))[0]

    def set(self, request, payload=b"", fds=()):
        """A request that is acknowledged, if that is negotiated: what the device said."""
        self.send(request, payload, fds, 1 | (NEED_REPLY if self.protocol & REPLY_ACK else 0))
        return struct.unpack("=Q", self.receive()[1])[0] if self.protocol & REPLY_ACK else 0

    def must(self, request, payload=b"", fds=()):
        code = self.set(request, payload, fds)
        if code != 0:
            raise AssertionError(f"request {request} was refused: {code}")

    # -- the device --

    def begin(self, features=("VERSION_1",), protocol=ALL):
        self.packed = "RING_PACKED" in features
        self.must(SET_OWNER)
        self.offered = self.number(GET_FEATURES)
        if protocol:
            offered = self.number(GET_PROTOCOL_FEATURES)
            self.must(SET_PROTOCOL_FEATURES, struct.pack("=Q", protocol & offered))
            self.protocol = protocol & offered
        self.must(SET_FEATURES, struct.pack(
            "=Q", mask(features) | (PROTOCOL_FEATURES if protocol else 0)))
        if self.protocol & STATUS:
            self.must(SET_STATUS, struct.pack("=Q", 15))

    def region(self, iova, size, offset=0):
        return struct.pack("=QQQQ", iova, size, iova + USER, offset)

    def map(self, fd, iova, size, permissions):
        if self.protocol & MEM_SLOTS:
            self.must(ADD_MEM_REG, bytes(8) + self.region(iova, size), [fd])

    def memory(self, size, permissions=3):
        size = (size + 4095) & ~4095
        memory = Memory(self, size, permissions, self.next_iova)
        self.next_iova += size + 0x10_0000
        self.memories.append(memory)
        if not self.protocol & MEM_SLOTS:
            self.table(self.memories)
        return memory

    def table(self, memories):
        self.must(SET_MEM_TABLE, struct.pack("=II", len(memories), 0) +
                  b"".join(self.region(m.iova, m.size) for m in memories),
                  [m.fd for m in memories])

    # What rings of raw_rings ask of a driver.

    def write(self, name, value):
        pass

    def address(self, index, areas):
        descriptor, available, used = (area + USER for area in areas)
        return struct.pack("=IIQQQQ", index, 0, descriptor, used, available, 0)

    def enable_queue(self, index, size, areas, vector, base=None, kick=True):
        self.must(SET_VRING_NUM, struct.pack("=II", index, size))
        first = 0x8000 if self.packed else 0
        self.must(SET_VRING_BASE, struct.pack("=II", index, first if base is None else base))
        self.must(SET_VRING_ADDR, self.address(index, areas))
        for request, fds in (SET_VRING_CALL, self.calls), (SET_VRING_KICK, self.kicks):
            if request == SET_VRING_KICK and not kick:
                self.must(request, struct.pack("=Q", index | NO_FD))
                continue
            if index not in fds:
                fds[index] = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
            self.must(request, struct.pack("=Q", index), [fds[index]])
        if self.protocol:
            self.must(SET_VRING_ENABLE, struct.pack("=II", index, 1))

    def notify(self, index, value=None):
        if index in self.kicks:
            os.eventfd_write(self.kicks[index], 1)
