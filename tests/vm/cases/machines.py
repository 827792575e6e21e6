#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""The command in a guest of another machine: an arm64 one behind an SMMUv3 with pages of 4 and of 16 KiB, an s390x one, which is
big-endian and has zPCI. Found, bound, looked at, driven. What left the function is in QEMU's capture."""

import json
import subprocess
import sys

sys.dont_write_bytecode = True

import common  # noqa: E402
from environment import signature  # noqa: E402

COUNT = 2_000


class Machine(common.Case):
    """With Debian's kernels. `vionet` and the libraries are all that is in memory with busybox."""

    def drive(self, iommu, page, *options, nic=common.NIC, rate="2k"):
        root = subprocess.run([common.ROOT / "tests/ports/fetch-root", self.port], stdout=subprocess.PIPE, text=True,
                              check=True).stdout.strip()
        vionet = common.ROOT / f"build-{self.port}/vionet"
        command = f"""
            grep -m 1 KernelPageSize /proc/self/smaps
            {vionet} list; {vionet} bind {nic} && {vionet} info {nic} --json
            {vionet} pktgen {nic} --count {COUNT} --size 60-1514 --rate {rate} --linger 10 --mode interrupt"""
        pcap = self.folder / "frames.pcap"
        guest = self.run_guest(["sh", "-c", command], "--arch", self.port, "--iommu", iommu, "--sysroot", root, "--add",
                               vionet, "--peer", "echo", "--json", self.folder / "json", *options, capture=pcap)
        came = json.loads((self.folder / "json").read_text())
        self.assertEqual((came["faults"], came["qemu_said"], came["peers"][0]["received"]), ([], [], COUNT), guest.output)
        self.assertRegex(guest.output, rf"(?m)^KernelPageSize: +{page} kB$")
        self.assertRegex(guest.output, rf"(?m)^{nic} +1af4:1041 ")
        self.assertIn('"VERSION_1"', guest.output)
        self.assertRegex(guest.output, common.sent(COUNT))
        self.assertIn(f"RX  received {COUNT} frames", guest.output)
        self.assertIn("lost 0, duplicates 0, reordered 0, damaged 0", guest.output)
        numbers = signature.numbers(frame for frame in common.read_pcap(pcap) if frame[12:14] == b"\x08\x00")
        self.assertEqual(sorted(numbers), sorted(2 * list(range(COUNT))))  # out, and back
        return guest


class Arm64(Machine):
    port = "aarch64"

    def test_pages_of_4k(self):
        guest = self.drive("smmuv3", 4)
        self.assertRegex(guest.log.read_text(), r"arm-smmu-v3|SMMUv3")

    def test_pages_of_16k(self):
        self.drive("smmuv3", 16, "--kernel", "6.12-16k", "--memory", "2G")


class S390x(Machine):
    port = "s390x"

    def test_zpci(self):
        """Each register is a system call: an ordinary store to a mapped BAR would be SIGILL."""
        guest = self.drive("zpci", 4, nic="0001:00:00.0", rate="500")
        self.assertRegex(guest.output, r'"doorbell": "call"')


if __name__ == "__main__":
    common.main()
