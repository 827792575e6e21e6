# SPDX-License-Identifier: BSD-3-Clause
"""Whose drivers are in front of vionet-softnic: operating systems, DPDK, firmware, our own."""

import json
import os
import re
import subprocess

from . import firmware
from .cell import COUNT, SIZES, Cell, Verdict, of_report, output_of
from .driven import HERE, Driven, common, peer, vduse, vhost_user
from .peers import PACE, fetched


class Vionet(Driven, Cell, peer.Case):
    name = "vionet, vfio-user"
    quick, programs, options, kind = True, (), (), "vfio-user"

    def cell(self):
        nic = self.softnic("--peer", "loop", *self.options)
        verdict = of_report(json.loads(self.vionet("pktgen", f"{self.kind}:{nic.path}", "--count", COUNT, *SIZES, *PACE,
                                                   seconds=peer.LIMIT)))
        nic.stop()
        return self.checked(verdict, output_of(peer.BUILD / "vionet", "--version").split()[1])


class VionetVhostUser(Vionet):
    name, options, kind = "vionet, vhost-user", ("--vhost-user",), "vhost-user"


# ---- Linux ----

def pinged(said):
    sent, received = map(int, re.search(r"(\d+) packets transmitted, (\d+) received", said).groups())
    damaged = said.count("wrong data byte") + int((re.search(r"\+(\d+) duplicates", said) or [0, 0])[1])
    return Verdict(sent, received, sent - received, damaged)


class Linux(Driven, Cell, common.Case):
    """In a guest of QEMU 11. The host's kernel, behind the device, answers its pings, of which the payload is checked."""

    qemu, append, options = "11", "", ()
    SCRIPT = """
        device=/sys/bus/pci/devices/0000:00:05.0
        echo "release $(uname -r)"
        until eth=$(cd $device/virtio*/net 2>/dev/null && echo *); do sleep 0.1; done
        ip addr add 192.0.2.2/24 dev $eth
        ip link set $eth up
        ping -q -f -c {count} -s 1400 192.0.2.1
        ip link set $eth down
        echo ${{device##*/}} >/sys/bus/pci/drivers/virtio-pci/unbind
        """

    def function(self, path):
        return ["--vfio-user", path]

    def kernel_of(self):
        """Fetched before: in a network namespace there is no network."""
        if not self.release:
            return []
        got = subprocess.run([HERE / "../vm/fetch-kernel", self.release], capture_output=True, text=True, check=False)
        if got.returncode != 0:
            self.skipTest(got.stderr.strip().splitlines()[-1])
        return ["--kernel", self.release]

    def cell(self):
        kernel, self.netns = self.kernel_of(), f"vionet-driver-{os.getpid()}"
        with common.namespace_with_taps([("tap0", "192.0.2.1/24")], self.netns):
            nic = self.softnic("--peer", "tap:tap0", *self.options)
            guest = self.run_guest(
                self.SCRIPT.format(count=COUNT), "--iommu", "none", "--with-module", "virtio_net",
                *kernel, *(["--append", self.append] if self.append else []), *self.function(nic.path), checked=False,
                netns=self.netns)
            nic.stop()
        return self.checked(pinged(guest.output), re.search(r"release (\S+)", guest.output)[1])


class Linux61(Linux):
    name, release, known = "Linux 6.1, vfio-user", "6.1", ("PACKED-14", "NET-13")


class Linux612(Linux):
    name, release = "Linux 6.12, vfio-user, packed ring", ""


class Linux612Split(Linux):
    name, release, options = "Linux 6.12, vfio-user, split ring", "", ("--features", "-ring_packed")


class Linux612Alloc(Linux):
    """Without the pages of zeroes that Debian's configuration gives it."""

    name, release, append, known = "Linux 6.12, init_on_alloc=0", "", "init_on_alloc=0", ("NET-13", "PACKED-14")


class Linux73(Linux):
    name, release = "Linux 7.3, vfio-user", "7.3"


class LinuxFrontEnd(Linux):
    name, release, options = "Linux 6.12, QEMU 11's vhost-user front end", "", ("--vhost-user",)

    def function(self, path):
        return ["--netdev", f"vhost-user,path={path}", "--device-props", "iommu_platform=off"]


class LinuxVdpa(Driven, Cell, vduse.Vduse):
    """All of it in one guest: the device is a process there."""

    name = "Linux 6.12, vDPA (VDUSE)"

    def cell(self):
        self.drive(f"""modprobe vduse && modprobe vhost_vdpa && modprobe vdpa && modprobe tun || exit 1
            cd /tmp
            kernel_driver --lossless --report /tmp/report.json
            uname -r
            step ping -q -f -c {COUNT} -s 1400 192.0.2.1
            ended kernel TERM
            step cat /tmp/report.json""")
        ping, _, report = self.step(), self.step(), self.step()
        self.report.write_text(report)
        return self.checked(pinged(ping), "6.12")


class Turned(Driven, Cell):
    """They send back what a generator behind another device sends to them; vhost_user/drivers.py has how."""

    def options(self):
        return ("--report", self.folder / "report.json")

    def turned(self, version):
        return self.checked(of_report(self.sent), version)

    def send(self, nic, count):
        super().send(nic, count)
        self.sent = self.pktgen


class Uml(Turned, vhost_user.Uml):
    name, known, features = "Linux 6.1 as a process, split ring", ("NET-13",), "-RING_PACKED"

    def cell(self):
        self.forward(self.features, self.known, COUNT, self.options())
        return self.turned(output_of("linux.uml", "--version"))


class UmlPacked(Uml):
    name, known, features = "Linux 6.1 as a process, packed ring", ("NET-13", "PACKED-14"), "+RING_PACKED"


class Dpdk(Turned, vhost_user.VirtioUser):
    name, known, ring = "DPDK 22.11 (virtio-user), split ring", ("NET-13",), "queues=1"

    def cell(self):
        self.turn_round(self.ring, found=self.known, count=COUNT, report=self.options())
        return self.turned(output_of("dpkg-query", "-W", "-f", "${Version}", "dpdk-dev"))


class DpdkPacked(Dpdk):
    name, ring = "DPDK 22.11 (virtio-user), packed ring", "queues=1,packed_vq=1"


class NewerDpdk(Dpdk):
    name, programs = "DPDK 24.11 (virtio-user), split ring", ()

    def setUp(self):
        super().setUp()
        self.program = fetched(self, "dpdk") / "dpdk-testpmd"

    def turned(self, version):
        return super().turned("24.11")


class NewerDpdkPacked(NewerDpdk):
    name, ring = "DPDK 24.11 (virtio-user), packed ring", "queues=1,packed_vq=1"


ALL = [Vionet, VionetVhostUser, Linux61, Linux612, Linux612Split, Linux612Alloc, Linux73, LinuxFrontEnd, LinuxVdpa, Uml, UmlPacked, Dpdk,
       DpdkPacked, NewerDpdk, NewerDpdkPacked, firmware.Ipxe, firmware.Ovmf, firmware.UBoot]
