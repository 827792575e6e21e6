# SPDX-License-Identifier: BSD-3-Clause
"""
The faults of configuration space: that each does what --list-faults says, as a raw driver sees it.

The other faults of the bus side are in test_faults.py.
"""

import struct
import unittest

import faults
from raw import Refused

WALK = 48

CHECKS = {}
check = faults.checking(CHECKS)


def space(d):
    return d.region_read(7, 0, 256)


def caps(d):
    return d.capabilities()


def virtio(d, kind):
    """The first capability of that type: (bar, offset, length, cap_len)."""
    for _, identity, data in caps(d):
        if identity == 9 and data[3] == kind:
            return (data[4], *struct.unpack_from("<II", data, 8), data[2])
    return None


LOOKS_AT_SPACE = {
    "A27": lambda d: d.version[1]["capabilities"]["max_dma_maps"] == 0xffffffff,
    "A26": lambda d: set(space(d)) == {0xff},
    "A01": lambda d: d.config(2, 2) not in range(0x1000, 0x1080),
    "A02": lambda d: d.config(0x2c, 4) == 0xffffffff and d.config(0x0a, 2) == 0xffff,
    "A03": lambda d: d.config(6, 2) & 0x10 == 0,
    "A04": lambda d: space(d)[0x34] < 0x40,
    "A05": lambda d: any(space(d)[at + 1] == at for at, _, _ in caps(d)),
    "A06": lambda d: len(caps(d)) == WALK and {9} >= {kind for _, kind, _ in caps(d)[1:]},
    "A07": lambda d: len(caps(d)) == WALK and 9 not in {kind for _, kind, _ in caps(d)},
    "A08": lambda d: virtio(d, 1)[3] < 16,
    "A09": lambda d: virtio(d, 1)[3] > 64,
    "A10": lambda d: {0x77, 7} <= {data[3] for _, kind, data in caps(d) if kind == 9},
    "A11": lambda d: caps(d)[0][1] != 9 and caps(d)[0][2][3] == 1,
    "A12": lambda d: virtio(d, 1)[0] == 0 and d.region_info(0)[0]["size"] == 0,
    "A13": lambda d: virtio(d, 2) is None and virtio(d, 5) is not None,
    "A14": lambda d: d.region_info(virtio(d, 1)[0])[0]["size"] == 0,
    "A15": lambda d: sum(virtio(d, 1)[1:3]) > d.region_info(4)[0]["size"],
    "A16": lambda d: virtio(d, 1)[2] == 52,
    "A17": lambda d: virtio(d, 1)[1] % 4 != 0,
    "A18": lambda d: virtio(d, 1)[2] == 0,
    "A19": lambda d: virtio(d, 4)[2] == 0xffffffff,
    "A20": lambda d: virtio(d, 3)[0] == 1,
    "A21": lambda d: virtio(d, 1) != virtio(d, 1),
    "A23": lambda d: next(struct.unpack_from("<HI", data, 2) for _, kind, data in caps(d)
                          if kind == 0x11) == (0x7ff, 3),
    "B20": lambda d: virtio(d, 4)[2] == 6,
}


@check("A24")
def no_config(d):
    try:
        d.config(0, 2)
    except Refused:
        return True


for name, function in LOOKS_AT_SPACE.items():
    check(name)(function)


class Faults(faults.Case):
    checks = CHECKS


if __name__ == "__main__":
    unittest.main()
