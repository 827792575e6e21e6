# SPDX-License-Identifier: BSD-3-Clause
"""What is behind the driver. Frames go there and come back, or are counted there by a program that is not ours."""

import json
import pathlib
import re
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
for folder in ("..", "../vhost_user", "../vm/cases"):
    sys.path.insert(0, str((HERE / folder).resolve()))

import common  # noqa: E402
import ovs  # noqa: E402
import passt  # noqa: E402
import peer  # noqa: E402
import vdpa  # noqa: E402
import vduse  # noqa: E402
from environment import native, signature  # noqa: E402

from .cell import COUNT, SIZES, Cell, Verdict, of_report  # noqa: E402

FETCH = HERE.parent / "ports/fetch-root"
# All come back before the next are sent: no ring of a peer is ever too small.
PACE = ("--rate", "5k", "--linger", "60", "--interval", "0", "--json")


def fetched(case, name):
    """The folder of a program of Debian 13."""
    got = subprocess.run([FETCH, name], capture_output=True, text=True, check=False)
    if got.returncode != 0:
        case.skipTest(got.stderr.strip())
    return pathlib.Path(got.stdout.strip())


# ---- on this machine ----

class Softnic(Cell, peer.Case):
    """Our own device; it checks the driver too."""

    name = "vionet-softnic, vfio-user"
    quick, programs, options, kind = True, (), (), "vfio-user"

    def cell(self):
        device = native.Device(self.folder, ["--peer", "echo", "--lossless", "--strict", *self.options])
        self.addCleanup(device.end)
        report = json.loads(self.vionet("pktgen", f"{self.kind}:{device.path}", "--count", COUNT, *SIZES, *PACE,
                                        seconds=peer.LIMIT))
        verdict = of_report(report)
        device.stop()
        counts = re.search(r"violations (\d+), warnings (\d+), DMA faults (\d+)", device.output)
        self.assertEqual(counts.groups()[:2], ("0", "0"), device.output)
        verdict.faults = int(counts[3])
        return verdict


class SoftnicVhostUser(Softnic):
    name = "vionet-softnic, vhost-user"
    options, kind = ("--vhost-user",), "vhost-user"


class Dpdk(Cell, peer.Testpmd):
    name = "DPDK 22.11 (net_vhost)"

    def cell(self):
        testpmd = self.run_testpmd("mac")
        verdict = of_report(json.loads(self.vionet(
            "pktgen", self.device(), "--count", COUNT, "--queue-size", "1024", *SIZES, *PACE, seconds=peer.LIMIT)))
        self.assertEqual(self.stop(testpmd), {"RX": verdict.sent, "TX": verdict.sent})
        return verdict


class NewerDpdk(Dpdk):
    name = "DPDK 24.11 (net_vhost)"
    quick, programs = True, ()

    def setUp(self):
        super().setUp()
        self.program = fetched(self, "dpdk") / "dpdk-testpmd"


class OpenVswitch(Cell, ovs.Switch):
    """From a port to another."""

    name = "Open vSwitch 3.1, port to port"

    def cell(self):
        sent, got = self.pass_frames(self.a, self.b, COUNT)
        return Verdict(sent["sent"], got["own"])


class NewerOpenVswitch(OpenVswitch):
    name = "Open vSwitch 3.5, port to port"
    programs = ("unshare",)

    def setUp(self):
        self.switch_is = ovs.Installed(fetched(self, "ovs"))
        super().setUp()


class Passt(Cell, passt.Passt):
    """It records what it gets."""

    name = "passt"

    def cell(self):
        report = json.loads(self.vionet("pktgen", self.device(), "--count", COUNT, "--no-rx", *SIZES, *passt.HEADERS,
                                        "--rate", "5k", "--interval", "0", "--json", seconds=peer.LIMIT))
        self.passt.kill(peer.signal.SIGTERM)
        numbers = signature.numbers(passt.frames_of(self.capture))
        return Verdict(report["tx"]["sent"], len(numbers), COUNT - len(set(numbers)),
                       int(numbers != sorted(set(numbers))))


class Vringh(Cell, peer.Case):
    """The ring code of Linux's vDPA devices, with a vhost-user back end of the oldest protocol around it."""

    name = "Linux 6.12's vringh in user space, vhost-user"
    programs = ()

    def cell(self):
        backend = self.start([fetched(self, "vringh") / "vringh-backend", self.socket], "vringh")
        self.assertTrue(peer.wait_until(lambda: peer.listens(self.socket), backend.alive), backend.text())
        verdict = of_report(json.loads(self.vionet("pktgen", self.device(), "--count", COUNT, "--mode", "interrupt",
                                                   *SIZES, *PACE, seconds=peer.LIMIT)))
        peer.wait_until(lambda: not backend.alive())
        self.assertEqual(backend.text(), f"returned {COUNT}\n")
        return verdict


# ---- in a guest, where the function is behind an IOMMU ----

class Qemu(Cell, common.Case):
    name = "QEMU 7.2, intel-iommu"
    options = ()

    def cell(self):
        wire = self.wire()
        echo = common.Echo(wire)
        self.addCleanup(echo.stop)
        guest = self.run_guest(" ".join(map(str, [self.vionet, "pktgen", self.nic, "--count", COUNT, *SIZES, *PACE])),
                               "--bind", *self.options, wire=wire)
        return of_report(common.result_of(guest), len(guest.faults()))


class Qemu10(Qemu):
    name = "QEMU 10, intel-iommu"
    qemu = "10"


class Qemu11(Qemu):
    name = "QEMU 11, intel-iommu, packed ring"
    qemu = "11"
    options = ("--device-props", "packed=on")


class VirtioIommu(Qemu):
    name = "QEMU 11, virtio-iommu"
    qemu = "11"
    options = ("--iommu", "virtio")


class Iommufd(Qemu):
    name = "QEMU 7.2, iommufd (Linux 6.12 built from source)"
    kernel = "custom"


class VdpaSim(Cell, vdpa.Simulator):
    name = "vdpa_sim_net, vhost-vdpa (Linux 6.12 built from source)"

    def cell(self):
        self.drive("use_va=1", "", f"step $pktgen --count {COUNT} {' '.join(SIZES + PACE)}")
        (_, text, status), = self.steps
        self.assertEqual(status, 0, text)
        return of_report(json.loads(text[text.index("{"):]))


class Vduse(Cell, vduse.Vduse):
    name = "vionet-softnic, VDUSE and vhost-vdpa (Linux 6.12)"

    def cell(self):
        self.drive(f"""modprobe vduse && modprobe vhost_vdpa && modprobe vdpa || exit 1
            serve device --lossless --once
            add
            step $vionet pktgen {vduse.NODE} --count {COUNT} {' '.join(SIZES + PACE)}
            ended device""")
        text, device = self.step(), self.step()
        verdict = of_report(json.loads(text[text.index("{"):]))
        verdict.faults = int(re.search(r"violations 0, warnings 0, DMA faults (\d+)", device)[1])
        return verdict


class VhostNet(Cell, common.Case):
    """The kernel's vhost, on a tap of a guest in which QEMU runs another guest; that tap counts."""

    name = "vhost-net (a guest in a guest, Linux 6.12)"
    processors = 2
    INNER = """
        ip tuntap add t0 mode tap
        sysctl -qw net.ipv6.conf.t0.disable_ipv6=1
        ip link set t0 up
        tests/vm/run --boot-timeout 700 --smp 1 --memory 256M --append init_on_alloc=0 --bind --netdev tap,ifname=t0,vhost=on \\
            --iommu-props device-iotlb=on --device-props ats=on --check-stderr -- \\
            {vionet} pktgen {nic} --count {count} --no-rx --rate 500 {sizes} --interval 0 --json || exit 1
        echo arrived $(cat /sys/class/net/t0/statistics/rx_packets)
        """

    def cell(self):
        guest = self.run_guest(
            self.INNER.format(vionet=self.vionet, nic=self.nic, count=COUNT, sizes=" ".join(SIZES)), "--no-nic",
            "--memory", "3G", "--with-module", "vhost_net", "--with-module", "tun", timeout=840)
        sent = json.loads(guest.output[guest.output.index("{"):guest.output.rindex("}") + 1])["tx"]["sent"]
        arrived = int(re.search(r"(?m)^arrived (\d+)", guest.output)[1])
        return Verdict(sent, arrived, sent - arrived, faults=len(guest.faults()))


ALL = [Softnic, SoftnicVhostUser, Dpdk, NewerDpdk, OpenVswitch, NewerOpenVswitch, Passt, Vringh, Qemu, Qemu10, Qemu11,
       VirtioIommu, Iommufd, VdpaSim, Vduse, VhostNet]
