#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Crashes, repetition, unplugging, ordinary users, and a device that is made to go wrong."""

import os
import re
import signal
import sys
import time

sys.dont_write_bytecode = True

import common  # noqa: E402

PKTGEN = f"{common.VIONET} pktgen {common.NIC}"


class Crash(common.Case):
    environments = "vm native asan tsan"

    def test_sigkill_again_and_again(self):
        """Killed under traffic both ways, 20 times, 6 in a guest, where each takes seconds; each start after it works, the last
        run is complete."""
        times = 6 if self.environment.name == "vm" else 20
        wire = self.wire()
        pktgen = f"{self.vionet} pktgen {self.nic}"
        guest = self.guest(f"""
            for i in $(seq {times}); do
                rm -f $OUT # or the one before would be read
                {pktgen} --duration 60 --rate 20k --interval 0.1 >$OUT 2>&1 & pid=$!
                until grep -qs 'RX *[1-9]' $OUT; do kill -0 $pid || break; sleep 0.05; done
                grep -q 'RX *[1-9]' $OUT || {{ cat $OUT; exit 1; }}
                kill -9 $pid; wait $pid 2>/dev/null
                echo "killed $i"
            done
            {pktgen} --count 10000 --rate 4k --linger 2 --queue-size 256 --json""".replace(
                "$OUT", "/tmp/out" if self.environment.name == "vm" else f"{self.folder}/out"),
                           wire=wire, vm=["--bind"])
        echo = common.Echo(wire)
        self.addCleanup(echo.stop)
        self.assertEqual(guest.wait(), 0, guest.output + guest.tail())
        self.assertIn(f"killed {times}", guest.output)
        result = common.result_of(guest)
        self.assertEqual(result["tx"]["completed"], 10000)
        # Frames in flight of the killed runs may arrive first; none of this run is lost.
        self.assertEqual((result["rx"]["own"], result["rx"]["damaged"]), (10000, 0))
        self.assert_no_faults(guest)


class Leaks(common.Case):
    environments = "vm native"  # sanitizers and valgrind keep memory of their own

    def test_hundred_times_open_and_close(self):
        guest = self.run_guest([self.program("tests/vm/vm_cycle"), self.nic, 100],
                               vm=["--bind"], native=["--peer", "sink"])
        self.assertIn("100 cycles, flat", guest.output)
        self.assert_no_faults(guest)


class Link(common.Case):
    environments = "vm native asan tsan"

    def test_changes_are_noticed(self):
        """The cable is pulled and put back: the configuration interrupt, and what info says."""
        said = "/tmp/said" if self.environment.name == "vm" else f"{self.folder}/said"
        guest = self.guest(
            f"{self.program('examples/dump')} {self.nic} 2> >(tee {said} >&2) & pid=$!;"
            f"until grep -qs listening {said}; do kill -0 $pid || break; sleep 0.1; done; echo pull;"
            f"until [ $(grep -c 'has changed' {said}) = 3 ]; do kill -0 $pid || break; sleep 0.1; done;"
            f"kill -INT $pid; wait $pid; echo status $?; {self.vionet} info {self.nic} | grep link",
            events=True, vm=["--bind"])
        guest.wait_line("pull")
        begin = time.monotonic()
        guest.link(False)
        at = guest.wait_line("the link has changed")
        self.assertLess(time.monotonic() - begin, 0.9, "found by looking, not by the interrupt")
        guest.link(True)
        guest.wait_line("the link has changed", after=at + 1)
        guest.link(False)
        self.assertEqual(guest.wait(), 0, guest.output)
        self.assertIn("status 0", guest.output)
        self.assertRegex(guest.output, r"(?m)^link +down")


class Unplug(common.Case):
    environments = "vm native asan tsan"

    def test_under_traffic(self):
        """The function is unplugged: an error within a second, and the end."""
        guests = self.environment.name == "vm"
        nic = common.vm.BEHIND_PORT if guests else self.nic
        guest = self.guest(
            f"{self.vionet} pktgen {nic} --duration 60 --interval 0.5; echo status $?;"
            "sleep 1; ls /sys/bus/pci/devices; echo over", events=True,
            vm=["--bind", "--root-port"])
        guest.wait_line("TX ")
        begin = time.monotonic()
        guest.unplug()
        guest.wait_line("unplugged")
        said = time.monotonic() - begin
        guest.wait_line("status 5")
        ended = time.monotonic() - begin
        print(f"error after {said:.2f} s, process over after {ended:.2f} s", file=sys.stderr)
        self.assertLess(ended, 20, "what lasts 60 s ends by itself")
        guest.wait_line("over")
        self.assertEqual(guest.wait(), 0, guest.output)
        if guests:
            self.assertNotIn(nic, guest.output[guest.output.index("status 5"):])


class GoneWrong(common.Case):
    """The software device under traffic both ways, until it fails. The generator reports the cause in time,
    and ends with the status for it; afterwards the next device works."""

    environments = "native asan tsan valgrind"

    def traffic(self, *options, checked=True):
        run = self.guest([self.vionet, "pktgen", self.nic, "--duration", "60", "--rate", "10k",
                          "--interval", "0.1"], native=["--peer", "loop", "--lossless", *options], checked=checked)
        self.assertTrue(common.native.wait_until(
            lambda: re.search(r"RX *[1-9]", run.output), lambda: run.process.poll() is None), run.output)
        return run

    def expect(self, run, text, seconds, status=5):
        begin = time.monotonic()
        run.wait_line(text)
        run.process.wait(common.native.STEP_TIMEOUT)
        took = time.monotonic() - begin
        self.assertEqual(run.process.returncode, status, run.output)
        slow = 20 if common.native.VALGRIND else 10 if common.native.SANITIZED else 5
        self.assertLess(took, seconds * slow, run.output)

    def next_one(self, run):
        """The same device serves the next driver."""
        done = common.native.Process([self.vionet, "pktgen", self.nic, "--count", "1000", "--rate", "10k",
                                   "--json", "--linger", "2"])
        self.addCleanup(done.end)
        self.assertEqual(done.wait(), 0, done.output + run.tail())
        self.assertEqual(common.result_of(done)["rx"]["own"], 1000)

    def test_needs_reset(self):
        run = self.traffic()
        run.device.send_command("needs-reset")
        self.expect(run, "needs a reset", 1.5)
        self.next_one(run)

    def test_error(self):
        run = self.traffic()
        run.device.send_command("error")
        self.expect(run, "error", 1.5)
        self.next_one(run)

    def test_hang_up(self):
        run = self.traffic()
        run.device.send_command("hang-up")
        self.expect(run, "the device is gone", 1.5)
        self.next_one(run)

    def test_killed(self):
        run = self.traffic(checked=False)
        run.device.kill()
        self.expect(run, "the device is gone", 1.5)

    def test_stopped(self):
        """The device hangs: after two seconds the generator fails."""
        run = self.traffic()
        run.device.kill(signal.SIGSTOP)
        self.expect(run, "not answer", 3.5)  # "does", or "did" where the queue's thread saw it first
        run.device.kill(signal.SIGCONT)
        self.next_one(run)

    def test_stopped_before(self):
        run = self.traffic()
        run.interrupt()
        run.process.wait(common.native.STEP_TIMEOUT)
        run.device.kill(signal.SIGSTOP)
        late = common.native.Process([self.vionet, "info", self.nic])
        self.addCleanup(late.end)
        self.expect(late, "does not answer", 3.5, status=3)
        run.device.kill(signal.SIGCONT)
        self.next_one(run)


class OrdinaryUser(common.Case):
    """Device and driver as uid 1000, even if the tests run as root."""

    environments = "native"

    def test_traffic(self):
        run = self.run_guest(f"id -u; {self.vionet} pktgen {self.nic} --count 10000 --json --linger 2",
                             native=["--peer", "loop", "--lossless"], user=True)
        uid = "1000" if os.geteuid() == 0 else str(os.geteuid())
        self.assertRegex(run.output, rf"(?m)^{uid}$")
        self.assertEqual(common.result_of(run)["rx"]["own"], 10000)


class Unprivileged(common.Case):
    """uid 1000, which owns /dev/vfio/N, with 8 MiB of locked memory."""


    SCRIPT = (f"id -u; ulimit -l; {PKTGEN} --duration 4 --no-rx --interval 0.2 >/tmp/out 2>&1 &"
              "until grep -q 'TX *[1-9]' /tmp/out; do kill -0 $! || break; sleep 0.1; done;"
              "grep -E 'VmLck|Uid' /proc/$!/status; grep HugePages_Free /proc/meminfo; wait $!;"
              "status=$?; cat /tmp/out; exit $status")

    def assert_sent(self, guest):
        sent = int(re.search(r"(?m)^TX  sent (\d+)", guest.output).group(1))
        self.assertRegex(guest.output, common.sent(sent))
        self.assertGreater(sent, 1000)

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


class WrongDma(common.Case):
    """The IOMMU stops and reports a device that writes where it must not."""

    def wrong(self, what, address, **more):
        wire = self.wire()
        guest = self.guest([self.program("tests/vm/vm_wrong_dma"), self.nic, what], wire=wire,
                           checked=False, **more)
        guest.wait_line("ready")
        frames = list(common.mixed_frames(2))
        wire.send(frames[:1])
        guest.wait_line("good frame received")
        wire.send(frames[1:])
        self.assertEqual(guest.wait(), 0, guest.output + guest.tail())
        self.assertIn("unharmed", guest.output)
        bad = int(re.search(r"bad address (0x[0-9a-f]+)", guest.output).group(1), 16)
        found = [int(a, 16) for line in guest.faults() for a in re.findall(address, line)]
        self.assertTrue(any(bad <= address < bad + 4096 for address in found),
                        f"{bad:#x} is not in {guest.faults()}")
        return guest


class WrongDmaInGuests(WrongDma):
    environments = "vm"

    def emulated(self, what, iommu, address):
        guest = self.wrong(what, address, vm=["--bind", "--iommu", iommu])
        self.assertIn("completed 2 buffers", guest.output)

    def test_read_only_behind_intel(self):
        self.emulated("read-only", "intel", r"iova=(0x[0-9a-f]+)")

    def test_unmapped_behind_intel(self):
        self.emulated("unmapped", "intel", r"iova=(0x[0-9a-f]+)")

    def test_read_only_behind_virtio(self):
        self.emulated("read-only", "virtio", r"(0x[0-9a-f]{4,})")

    def test_unmapped_behind_virtio(self):
        self.emulated("unmapped", "virtio", r"(0x[0-9a-f]{4,})")


class WrongDmaToServers(WrongDma):
    """The device reports address and direction, and sets DEVICE_NEEDS_RESET."""

    environments = "native asan tsan"

    def served(self, what, why):
        guest = self.wrong(what, r"device writes \d+ bytes at (0x[0-9a-f]+)")
        self.assertIn("the device needs a reset", guest.output)
        self.assertEqual(guest.device_status, 3, guest.tail())
        self.assertEqual((len(guest.faults()), guest.violations()), (1, []))
        self.assertTrue(guest.faults()[0].endswith(why), guest.faults())

    def test_read_only(self):
        self.served("read-only", "mapped without write permission")

    def test_unmapped(self):
        self.served("unmapped", "not mapped")


if __name__ == "__main__":
    common.main()
