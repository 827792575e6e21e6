# SPDX-License-Identifier: BSD-3-Clause
"""The last 18 bytes of a frame of `vionet pktgen`, as vionet-pktgen(1) has them."""

import struct

SIZE = 18
SUM = 0x564e


def folded(data):
    """The one's complement sum of 16-bit words."""
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total > 0xffff:
        total = (total & 0xffff) + (total >> 16)
    return total


def make(stream, number, sent_ns=1, track=0):
    """Of the track `track` of a stream id."""
    rest = struct.pack("!I", stream << 24 | track) + number.to_bytes(6, "big") + sent_ns.to_bytes(6, "big")
    return struct.pack("!H", (SUM - folded(rest)) % 0xffff or 0xffff) + rest  # of both zeros this one


def read(data):
    """(stream, track, number, time) of a frame or datagram that ends with one, else None."""
    last = data[-SIZE:]
    if len(last) < SIZE or folded(last) != SUM:
        return None
    track, = struct.unpack_from("!I", last, 2)
    return (track >> 24, track & 0xffffff, int.from_bytes(last[6:12], "big"), int.from_bytes(last[12:], "big"))


def numbers(frames):
    """Of those frames that have one."""
    return [found[2] for found in map(read, frames) if found]
