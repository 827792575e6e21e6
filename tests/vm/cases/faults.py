#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Each fault of the software device: the driver ends in time, with one of its statuses and a reason, violates
no requirement and corrupts no memory.

The unit tests check what the driver reports of each; this file covers all of them.
"""

import re
import subprocess
import sys
import time

sys.dont_write_bytecode = True

import common  # noqa: E402

# These faults make the device report violations that are its own: it forgets or changes what the driver
# wrote, skips descriptors, names doorbells that it does not read, or reads from a wrong address on purpose.
DEVICES_OWN = {"B03", "B04", "B08", "B10", "C07", "C10", "C11", "D13", "E07", "E08", "J04", "K02"}

ENDS = {0, 1, 3, 5}
SECONDS = 12  # stuck queues, resets that do not end and stopping all have 2 s each


class Faults(common.Case):
    environments = "native asan"

    def one(self, name, command):
        begin = time.monotonic()
        run = self.guest(command, native=["--peer", "loop", "--fault", name], checked=False)
        status = run.wait()
        took = time.monotonic() - begin
        said = run.output + "\n" + run.tail()
        self.assertIn(status, ENDS, said)
        if status:
            self.assertRegex(run.output, r"(?m)^vionet: ", "no reason is given: " + said)
        self.assertIsNone(common.native.SANITIZER.search(said), said)
        self.assertLess(took, SECONDS, said)
        if name not in DEVICES_OWN:
            self.assertEqual((run.violations(), run.faults()), ([], []), said)
        run.end()

    def area(self, letters, command):
        listed = subprocess.run([common.native.SOFTNIC, "--list-faults"], capture_output=True, text=True,
                                check=True).stdout
        names = re.findall(rf"(?m)^([{letters}]\d\d)\b", listed)
        self.assertTrue(names)
        for name in names:
            with self.subTest(fault=name):
                self.one(name, command)

    def traffic(self):
        return [self.vionet, "pktgen", self.nic, "--count", "3000", "--rate", "20k", "--linger",
                "0.05", "--interval", "0"]

    def test_configuration_space(self):
        self.area("A", [self.vionet, "info", self.nic])

    def test_status_and_features(self):
        self.area("B", [self.vionet, "info", self.nic])

    def test_queues(self):
        self.area("C", self.traffic())

    def test_split(self):
        self.environment.rows = ["-RING_PACKED"]
        self.area("D", self.traffic())

    def test_packed(self):
        self.area("E", self.traffic())

    def test_frames(self):
        self.area("FG", self.traffic())

    def test_control(self):
        self.area("H", self.traffic())

    def test_interrupts(self):
        self.area("IJK", [*self.traffic(), "--mode", "interrupt"])


class Silent(common.Case):
    """Registers that no other driver reads: a device that returns 0 there is used, and reported."""

    environments = "native asan"

    def run_on(self, command, *softnic):
        return self.run_guest(command, native=["--peer", "loop", "--lossless", *softnic], checked=False)

    def test_is_used(self):
        for fault, name in (("C17", "queue_desc queue_driver queue_device"),
                            ("C06", "queue_enable"), ("C18", "queue_size"),
                            ("C20", "queue_msix_vector"),
                            ("C06,C17,C18", "queue_enable")):
            with self.subTest(fault=fault):
                run = self.run_on([self.vionet, "pktgen", self.nic, "--count", "2000", "--rate", "20k",
                                   "--queue-size", "64", "--json", "--interval", "0"],
                                  "--fault", fault)
                result = common.result_of(run)
                self.assertEqual(result["rx"]["own"], 2000)
                run.end()
                run = self.run_on([self.vionet, "info", "--running", self.nic], "--fault", fault)
                # The size is that of all entries here: a value of 0 is then not reported.
                self.assertIn("reads as 0" if fault != "C18" else "as 0", run.output)
                self.assertIn(name, run.output)
                run.end()

    def test_strictly_it_is_refused(self):
        run = self.run_guest([self.vionet, "info", "--running", "--strict", self.nic], status=1,
                             native=["--fault", "C17"], checked=False)
        self.assertRegex(run.output, "queue_desc: wrote 0x[0-9a-f]+, the device reads back 0, which is "
                         "refused as it was asked for")

    def test_no_reply(self):
        run = self.run_guest([self.vionet, "info", self.nic], status=3, native=["--fault", "A26"],
                             checked=False)
        self.assertIn("it does not answer: its configuration space reads all-ones", run.output)


class Slow(common.Case):
    """A reset that takes 2.5 s, in each command."""

    environments = "native"

    def test_too_slow(self):
        """The message names the limit as given, and the option."""
        for options, limit in (((), "1"), (("--reset-timeout", "0.5"), "0.5")):
            run = self.run_guest([self.vionet, "info", self.nic, *options], status=3,
                                 native=["--reset-time", "2500"])
            self.assertRegex(run.output, rf"has not finished its reset within {limit} s, its "
                             "status reads 0x..; give it longer: --reset-timeout 30$")
            self.assertNotIn("reset_timeout_ms", run.output)

    def test_a_longer_timeout(self):
        run = self.run_guest([self.vionet, "pktgen", self.nic, "--count", "500", "--rate", "10k",
                              "--reset-timeout", "30", "--json", "--interval", "0"],
                             native=["--reset-time", "2500", "--peer", "loop", "--lossless"])
        self.assertIn("reset: waiting, 1 s of 30 s", run.output)
        self.assertIn("reset: waiting, 2 s of 30 s", run.output)
        self.assertEqual(common.result_of(run)["rx"]["own"], 500)

    def test_interrupted(self):
        run = self.guest([self.vionet, "info", self.nic, "--reset-timeout", "10min"],
                         native=["--reset-time", "600000"])
        run.wait_line("reset: waiting")
        run.interrupt()
        self.assertNotEqual(run.wait(), 0)


class Sizes(common.Case):
    """Queues that are smaller than requested: the message names the final size."""

    environments = "vm native"

    def test_cut(self):
        run = self.run_guest(
            f"{self.vionet} pktgen {self.nic} --count 100 --no-rx --queue-size 1024 --json --interval 0",
            vm=["--bind", "--device-props", "rx_queue_size=1024"], native=["--peer", "sink"])
        result = common.result_of(run)
        receive = 1024 if common.ENVIRONMENT is common.vm.Environment else 256
        self.assertEqual((result["rx_queue_size"], result["tx_queue_size"]), (receive, 256))
        said = "queue: 256 entries instead of 1024: the device allows no more than 256"
        self.assertIn(f"transmit {said}", run.output)
        self.assertEqual(f"receive {said}" in run.output, receive == 256)


if __name__ == "__main__":
    common.main()
