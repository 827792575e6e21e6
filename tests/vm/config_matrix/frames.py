# SPDX-License-Identifier: BSD-3-Clause
"""Frames, checksums and the Toeplitz hash, computed from the specification alone. """

import struct

OWN = bytes.fromhex("525400123456")
OTHER = bytes.fromhex("020000000001")
BROADCAST = b"\xff" * 6
COMMAND, PLAIN = b"\x88\xb6", b"\x88\xb5"
BODY = bytes((i * 7 + (i >> 8)) & 0xff for i in range(66000))


def plain(number, size, to=OWN, vlan=None):
    """A frame with a number, and bytes that depend on it."""
    tag = b"" if vlan is None else struct.pack(">HH", 0x8100, vlan)
    head = to + OTHER + tag + PLAIN + struct.pack(">Q", number)
    return head + BODY[number % 256:number % 256 + max(size - len(head), 0)]


def mixed(count, longest=1514, to=OWN):
    """Frames of every size up to `longest`, the longest among them."""
    state = 7
    for number in range(count):
        state = (state * 6364136223846793005 + 1442695040888963407) % (1 << 64)
        size = 60 + (state >> 33) % (longest - 59)
        yield plain(number, longest if number % 16 == 0 else size, to)


def checksum(data):
    data += b"\0" * (len(data) % 2)
    total = sum(struct.unpack(f">{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return total ^ 0xffff


def ipv4(source, destination, protocol, payload):
    head = struct.pack(">BBHHHBBH4s4s", 0x45, 0, 20 + len(payload), 1, 0x4000, 64, protocol, 0,
                       source, destination)
    return head[:10] + struct.pack(">H", checksum(head)) + head[12:] + payload


def ipv6(source, destination, protocol, payload):
    return struct.pack(">IHBB16s16s", 6 << 28, len(payload), protocol, 64, source,
                       destination) + payload


def ports(protocol, source, destination, payload=b"x" * 40):
    if protocol == 17:
        return struct.pack(">HHHH", source, destination, 8 + len(payload), 0) + payload
    return struct.pack(">HHIIBBHHH", source, destination, 1, 1, 0x50, 0x10, 4096, 0, 0) + payload


class Flow:
    """A frame of one flow; `tuple` is what its hash is made of, `report` its kind as VIRTIO numbers
    them (VIRTIO_NET_HASH_REPORT_), `bit` its type (VIRTIO_NET_HASH_TYPE_)."""

    KINDS = {("4", 0): (1, 0), ("4", 6): (2, 1), ("4", 17): (3, 2),
             ("6", 0): (4, 3), ("6", 6): (5, 4), ("6", 17): (6, 5)}

    def __init__(self, number, family="4", protocol=17):
        size = 4 if family == "4" else 16
        source = (bytes([10] + [0] * (size - 3)) + struct.pack(">H", 256 + number))
        destination = bytes([10] + [0] * (size - 2)) + b"\x63"
        build, kind = (ipv4, b"\x08\x00") if family == "4" else (ipv6, b"\x86\xdd")
        self.tuple = source + destination
        if protocol:
            self.tuple += struct.pack(">HH", 1024 + 7 * number, 53)
            payload = ports(protocol, 1024 + 7 * number, 53)
        else:
            payload = b"y" * 40
        self.report, bit = self.KINDS[family, protocol]
        self.type = 1 << bit
        self.frame = OWN + OTHER + kind + build(source, destination, protocol or 253, payload)


def toeplitz(key, data):
    """The hash of Microsoft's RSS, bit by bit: for each set bit of the data, the 32 bits of the key
    that begin there."""
    value, window = 0, int.from_bytes(key, "big")
    bits = len(key) * 8
    for i in range(len(data) * 8):
        if data[i // 8] >> (7 - i % 8) & 1:
            value ^= window >> (bits - 32 - i) & 0xffffffff
    return value
