#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""The command in a guest of another machine: an arm64 one behind an SMMUv3 with pages of 4, 16 and 64 KiB, an s390x one, which is
big-endian and has zPCI, a RISC-V one behind its IOMMU and virtio's. Found, bound, looked at, driven. What left the function is in
QEMU's capture."""

import json
import re
import subprocess
import sys

sys.dont_write_bytecode = True

import common  # noqa: E402
from environment import signature  # noqa: E402

COUNT = 2_000
UNSAFE = "/sys/module/vfio/parameters/enable_unsafe_noiommu_mode"


class Machine(common.Case):
    """`vionet`, its libraries and what `add` names are all that is in memory with busybox."""

    def drive(self, iommu, page, *options, nic=common.NIC, rate="2k", mode="interrupt", bind="", before="", after="", add=()):
        root = subprocess.run([common.ROOT / "tests/ports/fetch-root", self.port], stdout=subprocess.PIPE, text=True,
                              check=True).stdout.strip()
        vionet = self.built("vionet")
        command = f"""
            grep -m 1 KernelPageSize /proc/self/smaps
            {before}
            {vionet} list; {vionet} bind {nic} {bind} && {vionet} info {nic} {bind} --json
            {vionet} pktgen {nic} {bind} --count {COUNT} --size 60-1514 --rate {rate} --linger 10 --mode {mode}
            {after}"""
        pcap = self.folder / "frames.pcap"
        words = [word for file in (vionet, *add) for word in ("--add", file)]
        guest = self.run_guest(["sh", "-c", command], "--arch", self.port, "--iommu", iommu, "--sysroot", root, *words,
                               "--peer", "echo", "--trace", self.folder / "faults", "--json", self.folder / "json", *options,
                               capture=pcap)
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

    def built(self, name):
        return common.ROOT / f"build-{self.port}/{name}"


class Arm64(Machine):
    """Debian's kernels."""

    port = "aarch64"

    def test_pages_of_4k(self):
        guest = self.drive("smmuv3", 4)
        self.assertRegex(guest.log.read_text(), r"arm-smmu-v3|SMMUv3")

    def test_pages_of_16k(self):
        self.drive("smmuv3", 16, "--kernel", "6.12-16k", "--memory", "2G")


class Arm64Custom(Machine):
    """Pages of 64 KiB are more than a BAR of the function's has, and than the software device's doorbells."""

    port = "aarch64"
    kernel = "custom-aarch64"

    def softnic(self):
        """Shell text: the software device in the guest, and the driver in front of it, over two sockets."""
        vionet, softnic = self.built("vionet"), self.built("vionet-softnic")
        return "".join(f"""
            {softnic} {kind} --listen /tmp/{name} --peer loop >/tmp/{name}.log 2>&1 &
            until [ -S /tmp/{name} ] || ! kill -0 $!; do sleep 0.1; done
            {vionet} info {name}:/tmp/{name} --json | grep doorbell
            {vionet} pktgen {name}:/tmp/{name} --count {COUNT} --size 60-1514 --rate 2k --linger 10
            kill $!; wait; cat /tmp/{name}.log""" for kind, name in (("--notify page", "vfio-user"), ("--vhost-user", "vhost-user")))

    def test_pages_of_64k(self):
        guest = self.drive("smmuv3", 64, after=self.softnic(), add=[self.built("vionet-softnic")])
        self.assertRegex(guest.output, r'"doorbell": "call"')  # two BARs lie in one page
        self.assertRegex(guest.output, r'"doorbell": "mapped"')  # the software device's
        self.assertEqual(guest.output.count(f"RX  received {COUNT} frames"), 3)
        self.assertEqual(guest.output.count("lost 0, duplicates 0, reordered 0, damaged 0"), 3)
        self.assertEqual(guest.output.count("violations 0, warnings 0, DMA faults 0"), 2)

    def test_without_iommu(self):
        """Where the kernel's own choice of huge pages is 512 MiB; and with a BAR of 16 KiB at the beginning of a page."""
        guest = self.drive("none", 64, "--hugepages", "16", "--device-props", "iommu_platform=off", "--append",
                           f"pci=resource_alignment=16@{common.NIC}", bind="--no-iommu", before=f"echo 1 >{UNSAFE}")
        self.assertRegex(guest.output, r'"doorbell": "mapped"')


class S390x(Machine):
    """Debian's kernel."""

    port = "s390x"

    def test_zpci(self):
        """Each register is a system call: an ordinary store to a mapped BAR would be SIGILL."""
        guest = self.drive("zpci", 4, nic="0001:00:00.0", rate="500")
        self.assertRegex(guest.output, r'"doorbell": "call"')


class Riscv(Machine):
    """Linux gives interrupts no way through RISC-V's own IOMMU: without vectors the function is polled."""

    port = "riscv64"
    kernel = "custom-riscv64"

    def test_iommu(self):
        """By the character device; its group opens too, though the container is an iommufd."""
        guest = self.drive("riscv", 4, "--trace-events", "riscv_iommu_dma", "--device-props", "vectors=0", mode="poll",
                           after=f"{self.built('vionet')} info {common.NIC} --iommu type1 --json")
        self.assertEqual(re.findall(r'"iommu": "(\w+)"', guest.output), ["iommufd", "type1v2"])
        self.assertRegex(guest.output, r'"doorbell": "mapped"')
        trace = (self.folder / "faults").read_text()
        self.assertTrue(re.search(r"translate 0000:05\.0 #0 WR (\w+) -> (?!\1\b)", trace), "nothing was translated")

    def test_virtio_iommu(self):
        guest = self.drive("virtio", 4)
        self.assertRegex(guest.output, r'"iommu": "iommufd"')
        self.assertRegex(guest.output, r'"last": "0x27ffffff"')  # before the interrupt controller

    def test_without_iommu(self):
        self.drive("none", 4, "--hugepages", "16", "--device-props", "iommu_platform=off", bind="--no-iommu",
                   before=f"echo 1 >{UNSAFE}")


if __name__ == "__main__":
    common.main()
