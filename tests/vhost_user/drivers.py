#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Other people's drivers in front of vionet-softnic --vhost-user: Linux as a process, DPDK's virtio-user.

    pktgen -> softnic (vfio-user) -> frames -> softnic (vhost-user) -> the driver, which sends them back

The generator checks each frame, the software device its driver, and the driver has counters of its own.

    python3 tests/vhost_user/drivers.py [CLASS.METHOD]...
"""

import json
import pathlib
import re
import shutil
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "softnic"))
import peer  # noqa: E402
from nic import Softnic  # noqa: E402
from environment.process import wait_until  # noqa: E402

MAC = "52:54:00:12:34:56"


class Case(peer.Case):
    def nic(self, *options):
        nic = Softnic("--peer", f"unix:{self.folder}/wire", "--lossless", *options)
        self.addCleanup(nic.close)
        return nic

    def send(self, nic, count):
        report = json.loads(self.vionet(
            "pktgen", f"vfio-user:{nic.path}", "--json", "--dst-mac", MAC, "--count", count, "--rate",
            "1k", "--linger", "30", "--interval", "0", "--size", "60-1514"))
        self.pktgen = report
        rx = report["rx"]
        for what in "lost", "duplicates", "damaged", "out_of_window":
            self.assertEqual(rx[what], 0, report)
        self.assertEqual(rx["own"], count, report)

    def verdict(self, nic, found):
        """Nothing is violated but what is known to be; frames (from, to) the driver."""
        nic.stop()
        self.assertLessEqual(set(nic.violations()), set(found), nic.lines)
        self.assertIn("DMA faults 0\nvionet-softnic: requests of the front end that were refused 0",
                      nic.output)
        return [int(re.search(rf"queue {queue} {way} total packets (\d+)", nic.output)[1])
                for queue, way in ((1, "tx"), (0, "rx"))]


INIT = f"""#!/bin/busybox sh
b=/bin/busybox
$b mount -t proc none /proc
$b mount -t sysfs none /sys
for module in failover net_failover virtio_net; do $b insmod /$module.ko; done
$b ip address add 198.18.0.2/24 dev eth0
$b ip link set eth0 up
echo 1 > /proc/sys/net/ipv4/ip_forward
for i in all eth0; do
    echo 0 > /proc/sys/net/ipv4/conf/$i/send_redirects
    echo 0 > /proc/sys/net/ipv4/conf/$i/rp_filter
done
$b ip route add 198.19.0.0/16 via 198.18.0.9
$b arp -s 198.18.0.9 52:54:00:12:34:57
$b cat /sys/class/net/eth0/address > /address.new
$b mv /address.new /address
while [ ! -e /end ]; do $b sleep 0.1; done
cd /sys/class/net/eth0/statistics
$b cat tx_packets rx_packets > /counters
$b poweroff -f
"""


class Uml(Case):
    """user-mode-linux: Linux 6.1's virtio_net on virtio_uml. It forwards what it gets."""

    programs = ["linux.uml", "busybox"]

    def guest(self):
        root = self.folder / "root"
        for name in "bin", "proc", "sys", "dev":
            (root / name).mkdir(parents=True)
        shutil.copy(shutil.which("busybox"), root / "bin/busybox")
        release = next(pathlib.Path("/usr/lib/uml/modules").iterdir())
        for name in "core/failover", "net/net_failover", "net/virtio_net":
            folder = "kernel/net" if name.startswith("core") else "kernel/drivers"
            shutil.copy(release / folder / f"{name}.ko", root)
        (root / "init").write_text(INIT)
        (root / "init").chmod(0o755)
        return root

    def forward(self, features, found, count=2000, report=()):
        root = self.guest()
        driver = self.nic("--vhost-user", "--features", features, *report)
        other = self.nic("--mac", "52:54:00:12:34:57")
        linux = self.start(["linux.uml", "mem=64M", "con=null", "con0=null,fd:1", "root=/dev/root",
                            "rootfstype=hostfs", f"rootflags={root}", "rw", "init=/init",
                            f"uml_dir={self.folder}/uml", f"virtio_uml.device={driver.path}:1"], "linux")
        there = wait_until((root / "address").exists, linux.alive)
        if "ptrace set fp regs failed" in linux.text():
            self.skipTest("this processor cannot: user-mode-linux 6.1 does not know its registers "
                          "(ptrace set fp regs failed)")
        self.assertTrue(there, linux.text())
        self.assertEqual((root / "address").read_text().strip(), MAC)
        self.send(other, count)
        (root / "end").touch()
        self.assertTrue(wait_until(lambda: not linux.alive()), linux.text())
        counters = [int(word) for word in (root / "counters").read_text().split()]
        self.assertEqual(self.verdict(driver, found), counters)
        self.assertGreaterEqual(counters[0], count)


class Linux(Uml):
    def test_split(self):
        self.forward("-RING_PACKED", ["NET-13"])

    def test_packed(self):
        """The ids in its indirect tables are whatever the memory had."""
        self.forward("+RING_PACKED", ["NET-13", "PACKED-14"])


class VirtioUser(Case):
    """DPDK's virtio-user: testpmd turns the frames round."""

    programs = ["dpdk-testpmd"]
    program = "dpdk-testpmd"

    def turn_round(self, vdev, more=(), found=("NET-13",), count=2000, report=()):
        driver = self.nic("--vhost-user", *report)
        other = self.nic("--mac", "52:54:00:12:34:57")
        commands = self.folder / "commands"
        commands.write_text("set fwd mac retry\nset burst tx delay 1000 retry 60000\n")
        testpmd = self.start(
            [self.program, "--lcores", "0@(0-1),1@(0-1)", "--no-huge", "-m", "192", "--no-pci",
             "--no-telemetry", f"--file-prefix={self.folder.name}",
             f"--vdev=net_virtio_user0,path={driver.path},mac={MAC},{vdev}", "--",
             "--forward-mode=mac", "--auto-start", "--no-flush-rx", "--no-mlockall",
             "--total-num-mbufs=8192", f"--cmdline-file={commands}", *more], "testpmd",
            {"XDG_RUNTIME_DIR": str(self.folder)})
        self.send(other, count)
        testpmd.process.stdin.write(b"\n")
        testpmd.process.stdin.flush()
        wait_until(lambda: not testpmd.alive())
        testpmd.kill()
        text = testpmd.text().rpartition("Accumulated forward statistics")[2]
        counters = [int(re.search(rf"{way}-packets: (\d+)", text)[1]) for way in ("TX", "RX")]
        self.assertEqual(self.verdict(driver, found), counters)
        self.assertGreaterEqual(counters[0], count)


class Dpdk(VirtioUser):
    def test_split(self):
        """It leaves num_buffers in a frame that it got and sends on."""
        self.turn_round("queues=1")

    def test_packed(self):
        self.turn_round("queues=1,packed_vq=1")


if __name__ == "__main__":
    unittest.main(verbosity=2)
