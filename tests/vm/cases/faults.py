#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Every fault that the software device can be made to have: the driver ends in good time, with one
of its statuses and a reason, breaks no duty itself and harms no memory.

What exactly a driver must say of each is in the unit tests; here it is that none is forgotten.
"""

import re
import subprocess
import sys
import time

sys.dont_write_bytecode = True

import lab  # noqa: E402

# Here the device takes its own mischief for the driver's: it forgets or forges what the driver wrote,
# skips descriptors, tells queues to ring where it does not look, or reads from a wrong address on purpose.
DEVICES_OWN = {"B03", "B08", "B10", "C07", "C10", "C11", "D13", "E07", "E08", "J04", "K02"}

ENDS = {0, 1, 3, 5}
SECONDS = 12  # stuck queues, resets that do not end and stopping all have 2 s each


class Faults(lab.Case):
    beds = "native asan"

    def one(self, name, command):
        begin = time.monotonic()
        run = self.guest(command, native=["--peer", "loop", "--fault", name], judge=False)
        status = run.wait()
        took = time.monotonic() - begin
        said = run.output + "\n" + run.tail()
        self.assertIn(status, ENDS, said)
        if status:
            self.assertRegex(run.output, r"(?m)^vionet: ", "no reason is given: " + said)
        self.assertIsNone(lab.native.SANITIZER.search(said), said)
        self.assertLess(took, SECONDS, said)
        if name not in DEVICES_OWN:
            self.assertEqual((run.breaches(), run.faults()), ([], []), said)
        run.end()

    def area(self, letters, command):
        listed = subprocess.run([lab.native.SOFTNIC, "--list-faults"], capture_output=True, text=True,
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
        self.bed.rows = ["-RING_PACKED"]
        self.area("D", self.traffic())

    def test_packed(self):
        self.area("E", self.traffic())

    def test_frames(self):
        self.area("FG", self.traffic())

    def test_control(self):
        self.area("H", self.traffic())

    def test_interrupts(self):
        self.area("IJK", [*self.traffic(), "--mode", "interrupt"])


if __name__ == "__main__":
    lab.main()
