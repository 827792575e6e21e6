# SPDX-License-Identifier: BSD-3-Clause
"""
A running device and a driver with queues that are ready for frames; and frames to send.
"""

import struct

from nic import DEADLINE, Softnic
from raw import Driver
from raw_rings import PackedQueue, SplitQueue

NEEDS_CSUM, DATA_VALID, RSC_INFO, TUNNEL_CSUM = 1, 2, 4, 8
TCPV4, UFO, TCPV6, UDP_L4, TUNNEL_IPV4, TUNNEL_IPV6, ECN = 1, 3, 4, 5, 0x20, 0x40, 0x80

OWN = bytes.fromhex("525400123456")
OTHER = bytes.fromhex("020000000001")
BROADCAST = b"\xff" * 6


# ---- packets ----

def checksum(data):
    if len(data) % 2:
        data += b"\0"
    total = sum(struct.unpack(f">{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return total


def pseudo(source, destination, protocol, length):
    return source + destination + struct.pack(">II", length, protocol)


def ethernet(payload, kind=0x0800, to=OWN, source=OTHER, vlan=None):
    tag = b"" if vlan is None else struct.pack(">HH", 0x8100, vlan)
    return to + source + tag + struct.pack(">H", kind) + payload


A4, B4 = bytes([10, 0, 0, 1]), bytes([10, 0, 0, 2])
A6, B6 = bytes.fromhex("fd" + "00" * 14 + "01"), bytes.fromhex("fd" + "00" * 14 + "02")


def ipv4(payload, protocol, source=A4, destination=B4, identity=1):
    head = struct.pack(">BBHHHBBH4s4s", 0x45, 0, 20 + len(payload), identity, 0x4000, 64, protocol,
                       0, source, destination)
    return head[:10] + struct.pack(">H", 0xffff - checksum(head)) + head[12:] + payload


def ipv6(payload, protocol, source=A6, destination=B6):
    return struct.pack(">IHBB16s16s", 6 << 28, len(payload), protocol, 64, source,
                       destination) + payload


def addresses(six, swap=False):
    pair = (A6, B6) if six else (A4, B4)
    return pair[::-1] if swap else pair


def complete(segment, protocol, six=False, partial=False):
    """The segment with its checksum, or only with the pseudo header's sum."""
    at = 16 if protocol == 6 else 6
    zeroed = segment[:at] + b"\0\0" + segment[at + 2:]
    head = pseudo(*addresses(six), protocol, len(segment))
    value = checksum(head) if partial else (0xffff - checksum(head + zeroed)) or 0xffff
    return segment[:at] + struct.pack(">H", value) + segment[at + 2:]


def udp(payload, six=False, partial=False, ports=(40000, 53)):
    return complete(struct.pack(">HHHH", *ports, 8 + len(payload), 0) + payload, 17, six, partial)


def tcp(payload, six=False, partial=False, sequence=1000, flags=0x10, ack=1):
    return complete(struct.pack(">HHIIBBHHH", 40000, 80, sequence, ack, 0x50, flags, 4096, 0, 0) +
                    payload, 6, six, partial)


def udp4(payload=b"x" * 32, to=OWN, vlan=None, **more):
    return ethernet(ipv4(udp(payload, **more), 17), to=to, vlan=vlan)


def tcp4(payload, to=OWN, identity=1, **more):
    return ethernet(ipv4(tcp(payload, **more), 6, identity=identity), to=to)


def tcp6(payload, to=OWN, **more):
    return ethernet(ipv6(tcp(payload, six=True, **more), 6), 0x86dd, to=to)


def right(frame):
    """Are all checksums of this frame right? (IPv4 or IPv6, UDP or TCP, no options.)"""
    at = 14
    if frame[12:14] == b"\x08\x00":
        if checksum(frame[14:34]) != 0xffff:
            return False
        protocol, ends, at = frame[23], frame[26:34], 34
    else:
        protocol, ends, at = frame[20], frame[22:54], 54
    segment = frame[at:]
    half = len(ends) // 2
    return checksum(pseudo(ends[:half], ends[half:], protocol, len(segment)) + segment) == 0xffff


def pattern(size):
    return bytes((i * 7 + (i >> 8)) & 0xff for i in range(size))


# ---- the environment ----

class Env:
    """Queues of `pairs` pairs and, with CTRL_VQ, the control queue. `buffers` receive buffers of
    `size` bytes on each receive queue."""

    def __init__(self, *options, features=(), only=None, pairs=1, buffers=16, size=2048, vectors=0,
                 offer="+all,-IN_ORDER,-RING_PACKED",
                 packed=False, start=True, queue_size=64, prefix=()):
        self.nic = Softnic("--features", offer, *options, prefix=prefix)
        self.driver = Driver(self.nic.path)
        self.features = set(features)
        self.accepted = self.driver.initialize(features, only)
        self.header = 12
        if "HASH_REPORT" in self.features:
            self.header = 20
        if self.features & {"HOST_UDP_TUNNEL_GSO", "GUEST_UDP_TUNNEL_GSO"}:
            self.header = 24
        if vectors:
            self.driver.set_vectors(vectors)
        kind = PackedQueue if packed else SplitQueue
        self.receive, self.transmit, self.taken = [], [], [0] * pairs
        for pair in range(pairs):
            for side, index in ((self.receive, 2 * pair), (self.transmit, 2 * pair + 1)):
                side.append(kind(self.driver, index, queue_size,
                                 **({"vector": index + 1} if vectors > index + 1 else {})))
        self.control = None
        if "CTRL_VQ" in self.features:
            self.control = kind(self.driver, self.control_index(options), queue_size)
        for queue in self.receive:
            for _ in range(buffers):
                queue.add(writable=[size])
        if start:
            self.driver.start()

    def control_index(self, options):
        most = int(options[options.index("--queues") + 1]) if "--queues" in options else 4
        return 2 * most if self.features & {"MQ", "RSS"} else 2

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.driver.close()
        self.nic.stop()
        self.nic.folder.cleanup()

    def finish(self):
        """The end of a test in which the driver did nothing wrong."""
        self.driver.close()
        self.nic.check()

    def broken(self, should=False):
        """The end of a test with violations: the ones that were reported."""
        self.driver.close()
        self.nic.stop()
        return self.nic.violations(should)

    def virtio(self, flags=0, kind=0, hdr_len=0, gso_size=0, start=0, offset=0, buffers=0, outer=0,
               inner=0):
        head = struct.pack("<BBHHHHH", flags, kind, hdr_len, gso_size, start, offset, buffers)
        return (head + b"\0" * 8 + struct.pack("<HH", outer, inner))[:self.header]

    def send(self, frame, pair=0, wait=True, **header):
        queue = self.transmit[pair]
        before = len(queue.done)
        queue.add(readable=[self.virtio(**header) + frame])
        queue.kick()
        if wait:
            queue.wait(before + 1)

    def frames(self, pair=0, count=None, deadline=DEADLINE):
        """(header fields, frame) of what came on a receive queue since the last call; waits for
        `count` frames if that is given."""
        queue, found = self.receive[pair], []
        while count is None or len(found) < count:
            if count is None:
                queue.poll()
            else:
                queue.wait(self.taken[pair] + 1, deadline)
            if self.taken[pair] == len(queue.done):
                break
            found.append(self.frame(pair))
        return found

    def frame(self, pair):
        queue = self.receive[pair]
        identity, length = queue.done[self.taken[pair]]
        data = queue.contents(identity, length)
        names = ("flags", "kind", "hdr_len", "gso_size", "start", "offset", "buffers")
        head = dict(zip(names, struct.unpack_from("<BBHHHHH", data)))
        if self.header >= 20:
            head["hash"], head["report"] = struct.unpack_from("<IH", data, 12)
        self.taken[pair] += 1
        data = data[self.header:]
        if "MRG_RXBUF" in self.features:
            for _ in range(head["buffers"] - 1):
                queue.wait(self.taken[pair] + 1)
                data += queue.contents(*queue.done[self.taken[pair]])
                self.taken[pair] += 1
        return head, data

    def mac(self):
        return bytes(self.driver.net_config(i, 1) for i in range(6))

    def command(self, kind, number, data=b"", room=0):
        """Send a command: (ack, result)."""
        before = len(self.control.done)
        identity = self.control.add(readable=[bytes([kind, number]), data] if data else
                                    [bytes([kind, number])],
                                    writable=[1] + ([room] if room else []))
        self.control.kick()
        self.control.wait(before + 1)
        answer = self.control.contents(identity, self.control.done[before][1])
        return (answer[0] if answer else None), answer[1:]
