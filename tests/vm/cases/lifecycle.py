#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Crashes, repetition, unplugging, ordinary users, and a device that is made to go wrong."""

import json
import re
import socket
import sys
import threading
import time

sys.dont_write_bytecode = True

import lab  # noqa: E402

PKTGEN = f"{lab.VIONET} pktgen {lab.NIC}"


class Echo:
    """Sends every frame of a wire back, so that there is traffic both ways."""

    def __init__(self, wire):
        self.wire, self.stopping = wire, False
        self.thread = threading.Thread(target=self.run, daemon=True)
        wire.socket.settimeout(0.2)
        self.thread.start()

    def run(self):
        while not self.stopping:
            try:
                frame = self.wire.socket.recv(70000)
                self.wire.socket.sendto(frame, str(self.wire.theirs))
            except (TimeoutError, OSError):
                pass

    def stop(self):
        self.stopping = True
        self.thread.join(2)


class Monitor:
    """QEMU's machine protocol: one JSON object a line."""

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.connect(str(path))
        self.stream = self.socket.makefile("rw")
        self.stream.readline()
        self.command("qmp_capabilities")

    def command(self, execute, **arguments):
        self.stream.write(json.dumps({"execute": execute, "arguments": arguments}) + "\n")
        self.stream.flush()
        while True:
            answer = json.loads(self.stream.readline())
            assert "error" not in answer, answer
            if "return" in answer:
                return

    def close(self):
        self.stream.close()
        self.socket.close()


class Crash(lab.Case):
    def test_twenty_times_sigkill(self):
        """Killed under traffic both ways, 20 times; each start after it works, the last is whole."""
        wire = lab.Wire(self.folder)
        echo = Echo(wire)
        self.addCleanup(wire.close)
        self.addCleanup(echo.stop)
        guest = self.run_guest(f"""
            for i in $(seq 20); do
                {PKTGEN} --duration 60 --rate 20k --interval 0.1 >/tmp/out 2>&1 & pid=$!
                for t in $(seq 100); do grep -q 'RX *[1-9]' /tmp/out && break; sleep 0.1; done
                grep -q 'RX *[1-9]' /tmp/out || {{ cat /tmp/out; exit 1; }}
                kill -9 $pid; wait $pid 2>/dev/null
                echo "killed $i"
            done
            {PKTGEN} --count 10000 --rate 4k --linger 2 --queue-size 256 --json""",
                               "--bind", "--netdev", wire.netdev)
        self.assertIn("killed 20", guest.output)
        result = json.loads(guest.output[guest.output.index("\n{"):])
        self.assertEqual(result["tx"]["completed"], 10000)
        # Those that the killed ones had on their way may arrive first; none of ours is lost.
        self.assertEqual((result["rx"]["own"], result["rx"]["damaged"]), (10000, 0))
        self.assert_no_faults(guest)


class Leaks(lab.Case):
    def test_hundred_times_open_and_close(self):
        guest = self.run_guest([lab.BUILD / "tests/vm/vm_cycle", lab.NIC, 100], "--bind")
        self.assertIn("100 cycles, flat", guest.output)
        self.assert_no_faults(guest)


class Link(lab.Case):
    def test_changes_are_noticed(self):
        """QEMU pulls the cable and puts it back: the configuration interrupt, and what info says."""
        monitor = self.folder / "qmp"
        guest = self.guest(
            f"{lab.BUILD}/examples/dump {lab.NIC} & pid=$!; sleep 2; echo pull;"
            f"for i in 1 2 3 4 5 6; do sleep 1; done; kill -INT $pid; wait $pid; echo status $?;"
            f"{lab.VIONET} info {lab.NIC} | grep link", "--bind", "--monitor", monitor)
        guest.wait_line("pull")
        qmp = Monitor(monitor)
        self.addCleanup(qmp.close)
        begin = time.monotonic()
        qmp.command("set_link", name="nic0", up=False)
        at = guest.wait_line("the link has changed", 5)
        self.assertLess(time.monotonic() - begin, 0.9, "found by looking, not by the interrupt")
        qmp.command("set_link", name="nic0", up=True)
        guest.wait_line("the link has changed", 5, at + 1)
        qmp.command("set_link", name="nic0", up=False)
        self.assertEqual(guest.wait(), 0, guest.output)
        self.assertIn("status 0", guest.output)
        self.assertRegex(guest.output, r"(?m)^link +down")


class Unplug(lab.Case):
    def test_under_traffic(self):
        """QEMU takes the function away: an error that says so, within a second, and the end."""
        monitor = self.folder / "qmp"
        guest = self.guest(
            f"{lab.VIONET} pktgen 0000:01:00.0 --duration 60 --interval 0.5; echo status $?;"
            "sleep 1; ls /sys/bus/pci/devices; echo over", "--bind", "--root-port",
            "--monitor", monitor)
        guest.wait_line("TX ")
        qmp = Monitor(monitor)
        self.addCleanup(qmp.close)
        begin = time.monotonic()
        qmp.command("device_del", id="nic0")
        guest.wait_line("unplugged", 10)
        said = time.monotonic() - begin
        guest.wait_line("status 5", 10)
        ended = time.monotonic() - begin
        print(f"error after {said:.2f} s, process over after {ended:.2f} s", file=sys.stderr)
        self.assertLess(ended, 1.5)
        guest.wait_line("over")
        self.assertEqual(guest.wait(), 0, guest.output)
        self.assertNotIn("0000:01:00.0", guest.output[guest.output.index("status 5"):])


class Unprivileged(lab.Case):
    """uid 1000, which owns /dev/vfio/N, with 8 MiB of locked memory."""

    SCRIPT = (f"id -u; ulimit -l; {PKTGEN} --duration 4 --no-rx --interval 0.2 >/tmp/out 2>&1 &"
              "for i in $(seq 300); do grep -q 'TX *[1-9]' /tmp/out && break; sleep 0.1; done;"
              "grep -E 'VmLck|Uid' /proc/$!/status; grep HugePages_Free /proc/meminfo; wait $!;"
              "status=$?; cat /tmp/out; exit $status")

    def assert_sent(self, guest):
        sent, completed = re.search(r"sent (\d+), completed (\d+)", guest.output).groups()
        self.assertEqual(sent, completed)
        self.assertGreater(int(sent), 1000)

    def test_without_hugepages(self):
        guest = self.run_guest(self.SCRIPT, "--user")
        self.assertRegex(guest.output, r"(?m)^1000$")
        self.assertRegex(guest.output, r"(?m)^8192$")
        self.assert_sent(guest)
        locked = int(re.search(r"VmLck:\s+(\d+) kB", guest.output).group(1))
        self.assertGreater(locked, 0)
        self.assertLessEqual(locked, 8192)

    def test_with_hugepages(self):
        """Pools come in 2 MiB pages where there are some."""
        guest = self.run_guest(self.SCRIPT, "--user", "--hugepages", "8")
        self.assert_sent(guest)
        free = int(re.search(r"HugePages_Free:\s+(\d+)", guest.output).group(1))
        self.assertLess(free, 8)
        self.assert_no_faults(guest)

    def test_avoiding_hugepages(self):
        guest = self.run_guest(self.SCRIPT.replace("--no-rx", "--no-rx --no-hugepages"), "--user",
                               "--hugepages", "8")
        self.assertIn("HugePages_Free:        8", guest.output)


class WrongDma(lab.Case):
    """A device that writes where it must not is stopped by the IOMMU, and QEMU says so."""

    def wrong(self, what, iommu, fault):
        wire = lab.Wire(self.folder)
        self.addCleanup(wire.close)
        guest = self.guest([lab.BUILD / "tests/vm/vm_wrong_dma", lab.NIC, what], "--bind",
                           "--iommu", iommu, "--netdev", wire.netdev)
        guest.wait_line("ready")
        frames = list(lab.mixed_frames(2))
        wire.send(frames[:1])
        guest.wait_line("good frame received")
        wire.send(frames[1:])
        self.assertEqual(guest.wait(), 0, guest.output + self.tail(guest))
        self.assertIn("unharmed", guest.output)
        bad = int(re.search(r"bad address (0x[0-9a-f]+)", guest.output).group(1), 16)
        found = [int(a, 16) for line in guest.faults() for a in re.findall(fault, line)]
        self.assertTrue(any(bad <= address < bad + 4096 for address in found),
                        f"{bad:#x} is not in {guest.faults()}")

    def test_read_only_behind_intel(self):
        self.wrong("read-only", "intel", r"iova=(0x[0-9a-f]+)")

    def test_unmapped_behind_intel(self):
        self.wrong("unmapped", "intel", r"iova=(0x[0-9a-f]+)")

    def test_read_only_behind_virtio(self):
        self.wrong("read-only", "virtio", r"(0x[0-9a-f]{4,})")

    def test_unmapped_behind_virtio(self):
        self.wrong("unmapped", "virtio", r"(0x[0-9a-f]{4,})")


if __name__ == "__main__":
    lab.main()
