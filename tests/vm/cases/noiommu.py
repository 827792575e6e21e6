#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Functions without an IOMMU: never by itself, and what is in the way."""

import re
import sys

sys.dont_write_bytecode = True

import common  # noqa: E402
from environment import signature  # noqa: E402

SECOND = "0000:00:06.0"
SWITCH = "/sys/module/vfio/parameters/enable_unsafe_noiommu_mode"


class Mode(common.Case):
    snapshot = False

    def status(self, guest):
        return [int(number) for number in re.findall(r"(?m)^status (\d+)", guest.output)]

    def command(self, text):
        return f"{self.vionet} {text} 2>&1; echo status $?"  # two streams arrive in any order

    def check_frames(self, pcap):
        """5000 of stream 1, then as many of stream 2: each was sent, and came back; stream and number tell it."""
        frames = [frame for frame in common.read_pcap(pcap) if frame[6:12] == b"\x52\x54\x00\x12\x34\x56"]
        self.assertEqual(len(frames), 20_000)
        sent = list(dict.fromkeys(signature.read(frame)[0:3:2] for frame in frames))
        wanted = [(stream, number) for stream in (1, 2) for number in range(5000)]
        self.assertEqual([pair for pair in zip(sent, wanted) if pair[0] != pair[1]][:5], [])
        self.assertEqual(len(sent), len(wanted))


class Unsafe(Mode):
    """By groups: the only way before Linux 7.3."""

    kernel = "custom"

    def test_steps(self):
        """Bound when asked for, the switch is on, and there are huge pages; then frames go, and interrupts come."""
        pcap, wire = self.folder / "out.pcap", self.wire()
        echo = common.Echo(wire)
        self.addCleanup(echo.stop)
        steps = (
            ("list", 0, r"there is no IOMMU, or it is off.*; or, if it may reach all memory of this machine: --no-iommu"),
            (f"bind {self.nic}", 3, r"there is no IOMMU, or it is off.*: --no-iommu\n"),
            (f"bind --no-iommu {self.nic}", 3, rf"no-IOMMU mode is off in the kernel; switch it on.*: echo 1 > {SWITCH}"),
            (f"info {self.nic} --no-iommu", 3, rf"no-IOMMU mode is off in the kernel; switch it on.*: echo 1 > {SWITCH}"),
            (f"bind {self.nic}", 3, r": --no-iommu\n"),
            (f"info {self.nic} --no-iommu", 3, rf"bound to virtio-pci; run: vionet bind --no-iommu {self.nic}\n"),
            (f"bind --no-iommu {self.nic} {SECOND}", 0, r"it is in no-IOMMU mode, which isolates nothing: .*: --no-iommu"),
            ("list --json", 0, r'"node": "/dev/vfio/noiommu-\d"'),
            (f"info {self.nic}", 3, r"it is in no-IOMMU mode, which isolates nothing: .*: --no-iommu\n"),
            (f"info {self.nic} --iommu type1", 3, r"it is in no-IOMMU mode, which isolates nothing"),
            (f"pktgen {self.nic} --no-iommu --count 1", 4, r"no 1 huge page of 2 MiB can be had.*vm.nr_hugepages"),
            (f"info {SECOND} --no-iommu", 3, r"the device insists on ACCESS_PLATFORM.*iommu_platform=off"),
            (f"info {self.nic} --iommu none", 0, r"(?s)WARNING: --no-iommu: nothing keeps .*iommu +no-IOMMU\n"),
            (f"pktgen {self.nic} --no-iommu --count 5000 --stream 1 --size imix --mode interrupt", 0,
             r"(?s)completed 5000, .*ours 5000, not ours 0"),
            (f"pktgen {self.nic} --iommu none --count 5000 --stream 2 --size 60-1514 --queue-size 128", 0,
             r"(?s)completed 5000, .*ours 5000, not ours 0"),
        )
        before = {4: f"echo 1 > {SWITCH}", 11: "sysctl -q vm.nr_hugepages=16"}
        guest = self.run_guest(
            ";".join(f"{before.get(i, ':')}; {self.command(step[0])}" for i, step in enumerate(steps))
            + f"; grep -q 'HugePages_Free: *16' /proc/meminfo && echo all free;"
            f"chown 1000 /dev/vfio/noiommu-* /dev/vfio/vfio; setpriv --reuid 1000 --clear-groups "
            + self.command(f"info {self.nic} --no-iommu")
            + "; setpriv --reuid 1000 --clear-groups --inh-caps=+sys_rawio --ambient-caps=+sys_rawio "
            + self.command(f"pktgen {self.nic} --no-iommu --count 1")
            + f"; {common.dumping(self.nic + ' --no-iommu')} {self.command(f'info {self.nic} --no-iommu')};"
            f"{self.command(f'unbind {self.nic}')}; kill -INT %1; wait; {self.command(f'unbind {self.nic}')}",
            "--iommu", "none", "--device-props", "iommu_platform=off", "--device-props", "iommu_platform=on",
            "--nic", "2", capture=pcap, wire=wire)
        parts = re.split(r"(?m)^status (\d+)(?:\n|\Z)", guest.output)
        for (command, status, text), said, ended in zip(steps, parts[::2], parts[1::2]):
            with self.subTest(command):
                self.assertEqual(int(ended), status, said)
                self.assertRegex(said, text)
        rest = "".join(parts[2 * len(steps):])
        self.assertIn("all free", rest)
        self.assertIn("no-IOMMU mode is for root (CAP_SYS_RAWIO)", rest)
        self.assertIn("/proc/self/pagemap shows no physical addresses to this process", rest)
        self.assertRegex(rest, r"group \d+ is in use by another process: process \d+ \(vionet\)")
        self.assertEqual([int(number) for number in parts[2 * len(steps) + 1::2]], [4, 4, 3, 3, 0], rest)
        self.check_frames(pcap)

    def test_behind_an_iommu(self):
        """What has an IOMMU is not driven without it, though the switch is on."""
        guest = self.run_guest(
            f"echo 1 > {SWITCH}; {self.command(f'bind --no-iommu {self.nic}')}; {self.command(f'bind {self.nic}')};"
            f"sysctl -q vm.nr_hugepages=16; {self.command(f'pktgen {self.nic} --no-iommu --count 1')};"
            f"{self.command(f'pktgen {self.nic} --count 1000 --no-rx')}")
        self.assertEqual(self.status(guest), [3, 0, 3, 0], guest.output)
        self.assertEqual(len(re.findall(r"it is behind an IOMMU \(group \d+\), and no-IOMMU mode is for functions "
                                        "that are not", guest.output)), 2, guest.output)
        self.assertRegex(guest.output, common.sent(1000))
        self.assert_no_faults(guest)


class Devices(Mode):
    """By character devices and iommufd, which pins memory and says where it lies (Linux 7.3)."""

    kernel = "custom-7.3"

    def test_steps(self):
        pcap, wire, node = self.folder / "out.pcap", self.wire(), "/dev/vfio/devices/noiommu-vfio0"
        echo = common.Echo(wire)
        self.addCleanup(echo.stop)
        pktgen, ours = f"pktgen {self.nic} --no-iommu --count", r"(?s)completed 5000, .*ours 5000, not ours 0"
        nobody = "setpriv --reuid 1000 --clear-groups --inh-caps=+sys_rawio --ambient-caps=+sys_rawio"
        steps = (
            ("", f"bind --no-iommu {self.nic}", 0, r"it is in no-IOMMU mode, which isolates nothing: .*: --no-iommu"),
            ("", "list --json", 0, f'"node": "{node}"'),
            ("", f"info {self.nic} --iommu iommufd", 3, r"it is in no-IOMMU mode, which isolates nothing"),
            # Its descriptors say nothing of that; iommufd does.
            ("", f"pktgen {self.nic} --count 1 --no-rx --fds device=3,iommufd=4 3<>{node} 4<>/dev/iommu", 3,
             r"descriptor 3: it is in no-IOMMU mode, which isolates nothing"),
            ("", f"{pktgen} 1", 4, r"no 1 huge page of 2 MiB can be had.*vm.nr_hugepages"),
            ("sysctl -q vm.nr_hugepages=16;", f"info {self.nic} --no-iommu", 0,
             r"(?s)WARNING: --no-iommu: nothing keeps .*iommu +no-IOMMU cdev\npage sizes +2 MiB\nmapped"),
            ("strace -f -X raw -e trace=ioctl,openat -o /tmp/calls",
             f"{pktgen} 5000 --stream 1 --size imix --mode interrupt", 0, ours),
            # Without pagemap CAP_SYS_ADMIN is not needed.
            (f"chown 1000 {node} /dev/iommu; ulimit -l 65536; {nobody}",
             f"{pktgen} 5000 --stream 2 --size 60-1514 --queue-size 128 --mode poll", 0, ours),
            ("setpriv --reuid 1000 --clear-groups", f"info {self.nic} --no-iommu", 4,
             rf"{node}: no-IOMMU mode is for root \(CAP_SYS_RAWIO\)"),
            ("mv /dev/iommu /dev/none;", f"info {self.nic} --no-iommu", 0,
             r"iommu +no-IOMMU\n"),
            (f"mv /dev/none /dev/iommu; {common.dumping(self.nic + ' --no-iommu')}", f"info {self.nic} --no-iommu", 3,
             r"group \d+ is in use by another process: process \d+ \(vionet\)"),
            ("", f"unbind {self.nic}", 3, r"process \d+ \(vionet\) has it open"),
            ("kill -INT %1; wait;", f"unbind {self.nic}", 0, "vfio-pci -> "),
        )
        guest = self.run_guest(
            f"echo 1 > {SWITCH}; " + ";".join(f"{before} {self.command(text)}" for before, text, _, _ in steps)
            + "; grep -q 'HugePages_Free: *16' /proc/meminfo && echo all free; grep -c 'ioctl.*, 0x3b95, .* = 0' /tmp/calls;"
            "grep pagemap /tmp/calls", "--iommu", "none", "--device-props", "iommu_platform=off",
            status=1, capture=pcap, wire=wire)
        parts = re.split(r"(?m)^status (\d+)(?:\n|\Z)", guest.output)
        for (_, command, status, text), said, ended in zip(steps, parts[::2], parts[1::2]):
            with self.subTest(command):
                self.assertEqual(int(ended), status, said)
                self.assertRegex(said, text)
        self.assertRegex(parts[-1], r"all free\n[1-9]\d*\Z")
        self.check_frames(pcap)


if __name__ == "__main__":
    common.main()
