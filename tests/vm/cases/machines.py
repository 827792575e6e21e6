#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""The command of the arm64 build, in an arm64 guest behind an SMMUv3: found, bound, looked at, driven, with pages of 4 and
of 16 KiB. What left the function is in QEMU's capture."""

import json
import subprocess
import sys

sys.dont_write_bytecode = True

import common  # noqa: E402

PORT = common.ROOT / "build-aarch64"
COUNT = 2_000


class Smmu(common.Case):
    """With Debian's kernels. `vionet` and the libraries are all that is in memory with busybox."""

    port = "aarch64"

    def drive(self, page, *options):
        root = subprocess.run([common.ROOT / "tests/ports/fetch-root", "aarch64"], stdout=subprocess.PIPE, text=True,
                              check=True).stdout.strip()
        vionet = PORT / "vionet"
        command = f"""
            grep -m 1 KernelPageSize /proc/self/smaps
            {vionet} list; {vionet} bind {common.NIC} && {vionet} info {common.NIC} --json
            {vionet} pktgen {common.NIC} --count {COUNT} --size 60-1514 --rate 2k --linger 10 --mode interrupt"""
        pcap = self.folder / "frames.pcap"
        guest = self.run_guest(["sh", "-c", command], "--arch", "aarch64", "--iommu", "smmuv3", "--sysroot", root, "--add",
                               vionet, "--peer", "echo", "--json", self.folder / "json", *options, capture=pcap)
        came = json.loads((self.folder / "json").read_text())
        self.assertEqual((came["faults"], came["qemu_said"], came["peers"][0]["received"]), ([], [], COUNT), guest.output)
        self.assertRegex(guest.output, rf"(?m)^KernelPageSize: +{page} kB$")
        self.assertRegex(guest.output, rf"(?m)^{common.NIC} +1af4:1041 ")
        self.assertIn('"VERSION_1"', guest.output)
        self.assertRegex(guest.output, common.sent(COUNT))
        self.assertIn(f"RX  received {COUNT} frames", guest.output)
        self.assertIn("lost 0, duplicates 0, reordered 0, damaged 0", guest.output)
        self.assertRegex(guest.log.read_text(), r"arm-smmu-v3|SMMUv3")
        frames = [frame for frame in common.read_pcap(pcap) if frame[12:14] == b"\x08\x00" and frame[42:43] == b"V"]
        numbers = [int.from_bytes(frame[44:52], "big") for frame in frames]
        self.assertEqual(sorted(numbers), sorted(2 * list(range(COUNT))))  # out, and back

    def test_pages_of_4k(self):
        self.drive(4)

    def test_pages_of_16k(self):
        self.drive(16, "--kernel", "6.12-16k", "--memory", "2G")


if __name__ == "__main__":
    common.main()
