#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Frames out and in: each one, once, in order, byte for byte.

  traffic.py intel | virtio           which IOMMU stands in front of the guest's function
  traffic.py native split | ...       which rings the software device offers (environment/native.py)
"""

import sys

sys.dont_write_bytecode = True

import common  # noqa: E402
from environment import signature  # noqa: E402
from environment.process import STEP_TIMEOUT, wait_asleep  # noqa: E402

COUNT = 70_000  # more than 65,536

# Every byte of the frame is in one of these fields.
FIELDS = ["frame.len", "eth.dst", "eth.src", "eth.type", "ip.version", "ip.hdr_len", "ip.dsfield",
          "ip.len", "ip.id", "ip.flags", "ip.frag_offset", "ip.ttl", "ip.proto",
          "ip.checksum.status", "ip.src", "ip.dst", "udp.srcport", "udp.dstport", "udp.length",
          "udp.checksum.status", "udp.payload"]
GOOD = "1"  # a correct checksum, in tshark's output


def expected(number, length, stream, time):
    """The frame that vionet-pktgen(1) promises for this number, field by field."""
    payload = bytes((number + i) & 0xff for i in range(length - 61, -1, -1)) + signature.make(stream, number, time)
    return [str(length), "02:76:69:6f:00:01", "52:54:00:12:34:56", "0x0800", "4", "20", "0x00",
            str(length - 14), "0x0000", "0x00", "0", "64", "17", GOOD, "198.18.0.1",
            "198.19.0.1", "49152", "9", str(length - 34), GOOD, payload.hex()]


class Frames(common.Case):
    """The default of the environment with all of them, so that each index of 16 bits wraps; rows of other rings, slower
    programs, another IOMMU and another QEMU with fewer."""

    def setUp(self):
        super().setUp()
        few = 10 if common.VARIANT in common.native.VARIANTS else 5 if common.VARIANT == "virtio" or self.qemu else 1
        self.count = common.count(COUNT // few)


class Traffic(Frames):
    environments = "vm native asan tsan valgrind"

    # proves: RSVD-04 NET-15
    def test_transmit(self):
        """A capture that is made outside holds every frame, decoded by tshark."""
        pcap = self.folder / "out.pcap"
        guest = self.run_guest(
            [self.vionet, "pktgen", self.nic, "--count", self.count, "--size", "60-1514", "--seed", "11",
             "--no-rx"], capture=pcap, vm=["--bind"])
        self.assertRegex(guest.output, common.sent(self.count))
        rows = common.tshark(pcap, FIELDS, "-Y", "udp.port==9", "-o", "ip.check_checksum:TRUE",
                          "-o", "udp.check_checksum:TRUE")
        self.assertEqual(len(rows), self.count)
        last, sizes = 0, set()
        for number, row in enumerate(rows):
            stream, _, _, time = signature.read(bytes.fromhex(row[-1]))
            self.assertGreaterEqual(time, last, f"frame {number} was sent before the one in front")
            last = time
            self.assertEqual(row, expected(number, int(row[0]), stream, time))
            sizes.add(int(row[0]))
        # Of few frames none may have the very first or last size.
        slack = 0 if self.count > 20_000 else 16
        self.assertIn(min(sizes), range(60, 61 + slack))
        self.assertIn(max(sizes), range(1514 - slack, 1515))
        self.assertGreater(len(sizes), min(1400, self.count // 3))
        self.assert_no_faults(guest)

    def receive(self, mode):
        wire, pcap = self.wire(), self.folder / "in.pcap"
        guest = self.guest(
            [self.vionet, "dump", self.nic, "-c", self.count, "--mode", mode, "-w", pcap], wire=wire,
            vm=["--bind", "--share", self.folder])
        guest.wait_line("listening")
        wire.send(common.mixed_frames(self.count))
        self.assertEqual(guest.wait(), 0, guest.output)
        got = 0
        for number, (one, other) in enumerate(zip(common.read_pcap(pcap), common.mixed_frames(self.count))):
            self.assertEqual(one, other, f"frame {number}")
            got += 1
        self.assertEqual(got, self.count)
        self.assertEqual(len(common.tshark(pcap, ["frame.number"])), self.count)
        self.assert_no_faults(guest)

    def test_receive_by_interrupt(self):
        self.receive("interrupt")

    def test_receive_by_polling(self):
        self.receive("poll")


class BothWays(Frames):
    """The software device sends back what it gets, and loses nothing."""

    environments = "native asan tsan valgrind"

    def both_ways(self, mode, *device):
        guest = self.run_guest(self.generator(mode), native=["--peer", "loop", "--lossless", *device])
        self.check_result(guest)

    def generator(self, mode, *options):
        return [self.vionet, "pktgen", self.nic, "--count", self.count, "--size", "60-1514", "--mode", mode,
                "--linger", "5", "--json", "--interval", "0", *options]

    def check_result(self, guest):
        result = common.result_of(guest)
        self.assertEqual((result["tx"]["sent"], result["tx"]["completed"]), (self.count, self.count))
        self.assertEqual(result["rx"]["own"], self.count)
        for what in ("not_ours", "lost", "duplicates", "reordered", "damaged", "dropped"):
            self.assertEqual(result["rx"][what], 0, what)
        return result

    def test_polling(self):
        self.both_ways("poll")

    def test_by_interrupt(self):
        self.both_ways("interrupt")

    def test_few_by_interrupt(self):
        """The far end answers while the generator sleeps: an interrupt has to wake it."""
        self.count, wire = 20, self.wire()
        guest = self.guest(self.generator("interrupt", "--rate", "100"), wire=wire)
        for _ in range(self.count):
            wire.echo_frame(STEP_TIMEOUT, lambda: wait_asleep(guest.process.pid))
        self.assertEqual(guest.wait(), 0, guest.output)
        self.assertGreater(self.check_result(guest)["rx"]["interrupts"], 0)

    def test_small_queues(self):
        """Every index wraps thousands of times."""
        self.both_ways("spin", "--queue-size", "8")

    def test_transitional(self):
        self.both_ways("spin", "--transitional")


if __name__ == "__main__":
    common.main()
