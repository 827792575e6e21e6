#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Frames out and in, behind an IOMMU: each one, once, in order, byte for byte.

  traffic.py intel | virtio       which IOMMU stands in front of the function
"""

import sys

sys.dont_write_bytecode = True

import lab  # noqa: E402

COUNT = 100_000
IOMMU = "intel"

# Every byte of the frame is in one of these fields.
FIELDS = ["frame.len", "eth.dst", "eth.src", "eth.type", "ip.version", "ip.hdr_len", "ip.dsfield",
          "ip.len", "ip.id", "ip.flags", "ip.frag_offset", "ip.ttl", "ip.proto",
          "ip.checksum.status", "ip.src", "ip.dst", "udp.srcport", "udp.dstport", "udp.length",
          "udp.checksum.status", "udp.payload"]
GOOD = "1"  # tshark's word for a right checksum


def expected(number, length, stream, times):
    """The frame that vionet-pktgen(1) promises for this number, field by field."""
    tag = b"\x56" + bytes([stream]) + number.to_bytes(8, "big") + times
    payload = tag + bytes((number + i) & 0xff for i in range(length - 60))
    return [str(length), "02:76:69:6f:00:01", "52:54:00:12:34:56", "0x0800", "4", "20", "0x00",
            str(length - 14), "0x0000", "0x02", "0", "64", "17", GOOD, "198.18.0.1",
            "198.19.0.1", "49152", "9", str(length - 34), GOOD, payload.hex()]


class Traffic(lab.Case):
    # proves: RSVD-04 NET-15
    def test_transmit(self):
        """QEMU's own capture holds every frame, decoded by tshark."""
        pcap = self.folder / "out.pcap"
        guest = self.run_guest(
            [lab.VIONET, "pktgen", lab.NIC, "--count", COUNT, "--size", "60-1514", "--seed", "11",
             "--no-rx"], "--bind", "--iommu", IOMMU, "--pcap", pcap)
        self.assertIn(f"sent {COUNT}, completed {COUNT}", guest.output)
        rows = lab.tshark(pcap, FIELDS, "-Y", "udp.port==9", "-o", "ip.check_checksum:TRUE",
                          "-o", "udp.check_checksum:TRUE")
        self.assertEqual(len(rows), COUNT)
        stream, last, sizes = None, 0, set()
        for number, row in enumerate(rows):
            payload = bytes.fromhex(row[-1])
            stream = payload[1] if stream is None else stream
            time = int.from_bytes(payload[10:18], "big")
            self.assertGreaterEqual(time, last, f"frame {number} was sent before the one in front")
            last = time
            self.assertEqual(row, expected(number, int(row[0]), stream, payload[10:18]))
            sizes.add(int(row[0]))
        self.assertEqual((min(sizes), max(sizes)), (60, 1514))
        self.assertGreater(len(sizes), 1400)
        self.assert_no_faults(guest)

    def receive(self, mode):
        wire, pcap = lab.Wire(self.folder), self.folder / "in.pcap"
        self.addCleanup(wire.close)
        guest = self.guest(
            [lab.VIONET, "dump", lab.NIC, "-c", COUNT, "--mode", mode, "-w", pcap], "--bind",
            "--iommu", IOMMU, "--netdev", wire.netdev, "--share", self.folder)
        guest.wait_line("listening")
        wire.send(lab.mixed_frames(COUNT))
        self.assertEqual(guest.wait(), 0, guest.output)
        got = 0
        for number, (one, other) in enumerate(zip(lab.read_pcap(pcap), lab.mixed_frames(COUNT))):
            self.assertEqual(one, other, f"frame {number}")
            got += 1
        self.assertEqual(got, COUNT)
        self.assertEqual(len(lab.tshark(pcap, ["frame.number"])), COUNT)
        self.assert_no_faults(guest)

    def test_receive_by_interrupt(self):
        self.receive("interrupt")

    def test_receive_by_polling(self):
        self.receive("poll")


if __name__ == "__main__":
    if len(sys.argv) > 1 and sys.argv[1] in ("intel", "virtio"):
        IOMMU = sys.argv.pop(1)
    lab.main()
