# SPDX-License-Identifier: BSD-3-Clause
"""
--report: a verdict for each requirement, as JSON and as JUnit.
"""

import json
import os
import pathlib
import subprocess
import tempfile
import unittest
import xml.etree.ElementTree

from front_end import GET_STATUS, FrontEnd
from nic import DEADLINE, Softnic, binary
from raw import Driver
from raw_rings import SplitQueue


class Reports(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.path = os.path.join(folder.name, "report")

    def pktgen(self, device, *options):
        done = subprocess.run(
            [pathlib.Path(binary()).with_name("vionet"), "pktgen", device, "--count", "500", "--rate",
             "20k", "--interval", "0", *options], capture_output=True, text=True, timeout=DEADLINE)
        self.assertEqual(done.returncode, 0, done.stderr)

    def verdicts(self):
        told = json.loads(pathlib.Path(self.path).read_text())
        return told, {row["id"]: row["verdict"] for row in told["requirements"]}

    def requirements(self):
        listed = subprocess.run([binary(), "--list-requirements"], capture_output=True, text=True,
                                timeout=DEADLINE).stdout
        return [line.split()[0] for line in listed.splitlines()]

    def test_a_driver_that_keeps_to_it(self):
        with Softnic("--report", self.path) as nic:
            self.pktgen(f"vfio-user:{nic.path}")
            nic.check()
        told, verdict = self.verdicts()
        self.assertEqual(list(verdict), self.requirements())
        self.assertEqual((told["transport"], told["violations"]), ("vfio-user", 0))
        for held in ("GEN-01", "GEN-25", "PCI-23", "PCI-46", "RSVD-01", "PACKED-04", "NET-13", "NETF-20",
                     "RSVD-06"):
            self.assertEqual(verdict[held], "held", held)
        for other in ("SPLIT-15", "SPLIT-07", "GEN-33", "GEN-40", "NET-30", "NETF-26", "PCI-54", "PCI-39", "RSVD-10",
                      "NETF-30"):
            self.assertEqual(verdict[other], "not exercised", other)
        self.assertNotIn("broken", verdict.values())
        cases = {row["id"]: row["cases"] for row in told["requirements"]}
        self.assertEqual((cases["NET-13"], cases["GEN-01"], cases["SPLIT-15"]), (500, 1, 0))

    def test_over_vhost_user_registers_are_not_visible(self):
        with Softnic("--vhost-user", "--report", self.path) as nic:
            self.pktgen(f"vhost-user:{nic.path}", "--avoid", "RING_PACKED")
            nic.check()
        told, verdict = self.verdicts()
        self.assertEqual(told["transport"], "vhost-user")
        for held in "SPLIT-15", "SPLIT-36", "NET-13", "GEN-05":
            self.assertEqual(verdict[held], "held", held)
        for name, word in verdict.items():
            if name.startswith(("PCI-2", "CVQ-0", "RSVD-01", "RSVD-06", "GEN-0", "GEN-2", "NET-02")) and name not in (
                    "GEN-05", "GEN-09", "GEN-03", "GEN-27"):
                self.assertEqual(word, "not visible", name)
            elif name.startswith("PACKED-"):
                self.assertEqual(word, "not exercised", name)

    def test_nothing_is_held_by_nobody(self):
        with Softnic("--report", self.path) as nic:
            nic.check()
        self.assertEqual(set(self.verdicts()[1].values()), {"not exercised"})

    def broken(self):
        """num_buffers of 3 in two frames."""
        with Softnic("--vhost-user", "--peer", "sink", "--report", self.path) as nic:
            with FrontEnd(nic.path) as front_end:
                front_end.begin()
                tx = SplitQueue(front_end, 1, 16)
                for i in range(2):
                    tx.add(readable=[bytes(10) + b"\3\0" + bytes(60)])
                    tx.publish()
                    tx.kick()
                    tx.wait(i + 1)
            nic.stop()
            self.assertEqual(nic.status, 3)

    def test_what_is_broken(self):
        self.broken()
        told, verdict = self.verdicts()
        self.assertEqual(told["violations"], 2)
        row = next(row for row in told["requirements"] if row["id"] == "NET-13")
        self.assertEqual((row["verdict"], row["count"], row["strength"], row["first"]),
                         ("broken", 2, "must", "transmit queue 1: num_buffers is 3"))
        self.assertEqual([name for name in verdict if verdict[name] == "broken"], ["NET-13"])

    def test_a_frame_that_waits_counts_once(self):
        with Softnic("--vhost-user", "--peer", "loop", "--lossless", "--report", self.path) as nic:
            with FrontEnd(nic.path) as front_end:
                front_end.begin()
                rx, tx = (SplitQueue(front_end, index, 16) for index in (0, 1))
                tx.add(readable=[bytes(10) + b"\3\0" + bytes(60)])
                for _ in range(20):
                    tx.kick()
                    front_end.number(GET_STATUS)
                rx.add(writable=[2048])
                rx.kick()
                tx.wait(1)
            nic.stop()
        self.assertEqual(self.verdicts()[0]["violations"], 1)

    def test_junit(self):
        self.path += ".xml"
        self.broken()
        suite = xml.etree.ElementTree.parse(self.path).getroot()
        cases = {case.get("name").split()[0]: case for case in suite}
        self.assertEqual(list(cases), self.requirements())
        self.assertEqual(suite.get("tests"), str(len(cases)))
        self.assertEqual(suite.get("failures"), "1")
        self.assertEqual(cases["NET-13"].find("failure").get("message"),
                         "transmit queue 1: num_buffers is 3")
        self.assertEqual(cases["NET-13"].find("failure").text, "2 times")
        skipped = [name for name, case in cases.items() if case.find("skipped") is not None]
        self.assertEqual(suite.get("skipped"), str(len(skipped)))
        self.assertIn("PCI-23", skipped)
        self.assertNotIn("NET-12", skipped)

    def test_control_queue_commands(self):
        """A class of commands is exercised when one of it came."""
        with Softnic("--report", self.path) as nic:
            self.pktgen(f"vfio-user:{nic.path}", "--set", "promisc=on")
            nic.check()
        verdict = self.verdicts()[1]
        self.assertEqual((verdict["CVQ-01"], verdict["CVQ-03"]), ("held", "held"))
        self.assertEqual(verdict["CVQ-34"], "not exercised")

    def test_a_file_that_cannot_be_written(self):
        for path, text in (("/nowhere/report", "No such file"), ("/dev/full", "No space left")):
            with Softnic("--report", path, ready=False) as nic:
                if path == "/dev/full":
                    self.assertIn("listening", nic.process.stdout.readline())
                else:
                    nic.wait()
                nic.stop()
                self.assertEqual(nic.status, 1, nic.lines)
                self.assertIn(f"{path}: {text}", "".join(nic.lines))
        with Softnic("--report", self.path) as nic, Driver(nic.path):
            pass


if __name__ == "__main__":
    unittest.main()
