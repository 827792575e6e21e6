#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""
examples/forward between two software devices: what is sent at the far end of one arrives at that of the
other, once, in order, unchanged; both ways at once.
"""

import pathlib
import shutil
import sys
import tempfile
import threading
import unittest

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

from environment import native  # noqa: E402
from environment.process import STEP_TIMEOUT, Process  # noqa: E402

COUNT = 5_000 if native.SANITIZED else 20_000


CYCLE = bytes(range(256)) * 8


def frame(side, number):
    size = 60 + number % 1455
    return (b"\x52\x54\x00\x12\x34\x56\x02\x00\x00\x00\x00" + bytes([side]) + b"\x88\xb5"
            + number.to_bytes(4, "big") + CYCLE[number + side + 18 & 0xff:][:size - 18])


class Side:
    """A device, and the wire behind it."""

    def __init__(self, number, options):
        self.number, self.got = number, []
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="vionet-forward-"))
        self.wire = native.Wire(self.folder)
        self.device = native.Device(self.folder, [
            "--strict", "--lossless", "--peer", f"unix:{self.wire.path}", *options])
        self.nic = f"vfio-user:{self.folder}/nic"

    def send(self):
        self.wire.send(frame(self.number, i) for i in range(COUNT))

    def receive(self):
        self.wire.accept()
        while len(self.got) < COUNT:
            self.wire.socket.settimeout(STEP_TIMEOUT)
            self.got.append(self.wire.socket.recv(70000))

    def close(self):
        self.device.end()
        self.wire.close()
        shutil.rmtree(self.folder, ignore_errors=True)


class Forward(unittest.TestCase):
    def forward(self, said, *options):
        sides = []
        for number in range(2):
            sides.append(Side(number, options))
            self.addCleanup(sides[-1].close)
        program = Process([native.BUILD / "examples/forward", sides[0].nic, sides[1].nic])
        self.addCleanup(program.end)
        program.wait_line(said)
        for side in sides:
            side.wire.accept()
        jobs = [threading.Thread(target=job, daemon=True)
                for side in sides for job in (side.send, side.receive)]
        for job in jobs:
            job.start()
        for job in jobs:
            job.join(120)
        for side in sides:
            self.assertEqual(len(side.got), COUNT, program.output)
            for number, got in enumerate(side.got):
                self.assertEqual(got, frame(1 - side.number, number))
        program.interrupt()
        self.assertEqual(program.wait(), 0, program.output)
        self.assertIn(f"forwarded {COUNT} and {COUNT} frames", program.output)
        for side in sides:
            self.assertEqual(side.device.stop(), 0, side.device.output)
            self.assertIn("DMA faults 0", side.device.output)

    def test_without_a_copy(self):
        self.forward("without a copy")

    def test_packed_without_a_copy(self):
        self.forward("without a copy", "--features", "+RING_PACKED,+IN_ORDER")

    def test_with_a_copy(self):
        """Buffers of the pool that both would see are too short for what may arrive."""
        self.forward("with a copy", "--features", "-MRG_RXBUF", "--mtu", "9000")


if __name__ == "__main__":
    unittest.main()
