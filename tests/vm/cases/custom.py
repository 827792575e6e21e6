#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""What only the kernel of tests/vm/build-kernel has."""

import re
import sys

sys.dont_write_bytecode = True

import common  # noqa: E402


class Kernel(common.Case):
    """Its parts are there, each as a guest sees it."""

    kernel = "custom"

    LOOK = f"""
    ls /dev/iommu /dev/vfio/devices/vfio0 /dev/vfio/[0-9]* && echo both ways
    cat /sys/module/vfio/parameters/enable_unsafe_noiommu_mode
    [ $(stat -c %s /sys/bus/pci/devices/{common.BEHIND_PORT}/config) = 4096 ] && echo extended configuration space
    for module in vdpa_sim_net vhost_vdpa virtio_vdpa vduse vhost_net igb tun bridge veth; do
        modprobe $module && echo has $module
    done
    ls /dev/vduse/control
    """

    def test_what_it_has(self):
        guest = self.run_guest(self.LOOK, "--bind", "--root-port")
        for line in ("both ways", "N", "extended configuration space", "has vdpa_sim_net", "has vhost_vdpa",
                     "has virtio_vdpa", "has vduse", "has vhost_net", "has igb", "has tun", "has bridge",
                     "has veth", "/dev/vduse/control"):
            self.assertRegex(guest.output, f"(?m)^{line}$")
        self.assert_no_faults(guest)


class CharacterDevices(common.Case):
    """Functions opened by their character device and an iommufd."""

    kernel = "custom"

    def pktgen(self, *options):
        return f"{self.vionet} pktgen {self.nic} --count 2000 --no-rx {' '.join(options)}; echo status $?"

    def test_traffic(self):
        """Taken by itself, by an ordinary user whose locked memory is limited; and by the group when told so."""
        pcap = self.folder / "out.pcap"
        guest = self.run_guest(
            f"{self.vionet} list --json; {self.vionet} info {self.nic}; {self.pktgen()}; {self.pktgen('--iommu type1')};"
            f"ulimit -l 64; {self.pktgen('--iommu iommufd')}", "--user", capture=pcap)
        self.assertIn('"/dev/vfio/devices/vfio0"', guest.output)
        self.assertRegex(guest.output, r"(?m)^ *iommu +iommufd, group \d+$")
        self.assertRegex(guest.output, r"iova ranges? .*0xfedfffff")
        self.assertEqual(len(re.findall(common.sent(2000), guest.output)), 2, guest.output)
        self.assertRegex(guest.output, r"needs \d+ KiB of locked memory, 0 of 64 KiB are in use; raise the limit")
        self.assertEqual(re.findall(r"(?m)^status \d+", guest.output), ["status 0", "status 0", "status 4"])
        self.assertEqual(len([f for f in common.read_pcap(pcap) if len(f) == 60]), 4000)
        self.assert_no_faults(guest)

    def test_both_ways(self):
        wire = self.wire()
        echo = common.Echo(wire)
        self.addCleanup(echo.stop)
        guest = self.run_guest(
            f"{self.vionet} pktgen {self.nic} --iommu iommufd --count 5000 --mode interrupt --json", "--bind", wire=wire)
        result = common.result_of(guest)
        self.assertEqual(result["options"]["open"]["iommu"], "iommufd")
        self.assert_no_faults(guest)

    HELD = """
    {dumping}
    {vionet} list
    {vionet} pktgen {nic} --count 1; echo status $?
    {vionet} pktgen {nic} --count 1 --iommu type1; echo status $?
    {vionet} unbind {nic}; echo status $?
    kill %1; wait %1
    rm /dev/vfio/devices/vfio0
    {vionet} pktgen {nic} --count 1 --iommu iommufd; echo status $?
    {vionet} info {nic} | grep type1v2
    {vionet} unbind {nic}; echo status $?
    """

    def test_refusals(self):
        """Held by another process, whichever way is tried; without its node."""
        guest = self.run_guest(self.HELD.format(dumping=common.dumping(self.nic), vionet=self.vionet, nic=self.nic),
                               "--bind")
        self.assertEqual(re.findall(r"(?m)^status \d+", guest.output),
                         ["status 3", "status 3", "status 3", "status 3", "status 0"], guest.output)
        self.assertEqual(len(re.findall(r"group \d+ is in use by another process: process \d+ \(vionet\) has it open",
                                        guest.output)), 3, guest.output)
        self.assertRegex(guest.output, r"process \d+ \(vionet\) has it open \(.*\); end it first")
        self.assertIn("/dev/vfio/devices/vfio0 is not there", guest.output)
        self.assertIn("type1v2", guest.output)

    def test_interrupts_that_are_not_isolated(self):
        """The remedy in the message helps, as it stands."""
        guest = self.run_guest(
            f"{self.pktgen()}; echo 1 > /sys/module/iommufd/parameters/allow_unsafe_interrupts; {self.pktgen()}",
            "--bind", "--iommu", "virtio", "--append", "iommufd.allow_unsafe_interrupts=0")
        self.assertIn("echo 1 > /sys/module/iommufd/parameters/allow_unsafe_interrupts", guest.output)
        self.assertEqual(re.findall(r"(?m)^status \d+", guest.output), ["status 3", "status 0"], guest.output)
        self.assertRegex(guest.output, common.sent(2000))
        self.assert_no_faults(guest)


class MapByFile(common.Case):
    """A kernel that maps memory by its file, without this process's addresses (Linux 6.14)."""

    kernel = "custom-7.3"
    snapshot = False

    def test_traffic(self):
        pcap = self.folder / "out.pcap"
        guest = self.run_guest(
            f"strace -f -X raw -e trace=ioctl -o /tmp/calls {self.vionet} pktgen {self.nic} --count 2000 --no-rx "
            "--iommu iommufd; grep -o 'ioctl.*, 0x3b8[5f], .* = [-0-9]*' /tmp/calls", "--user", capture=pcap)
        self.assertRegex(guest.output, common.sent(2000))
        by_file = re.findall(r"(?m)^ioctl\(\d+, 0x3b8f, .* = 0$", guest.output)
        self.assertGreater(len(by_file), 3, guest.output)
        self.assertNotIn("0x3b85", guest.output)  # IOMMU_IOAS_MAP, by address
        self.assertEqual(len([f for f in common.read_pcap(pcap) if len(f) == 60]), 2000)
        self.assert_no_faults(guest)


if __name__ == "__main__":
    common.main()
