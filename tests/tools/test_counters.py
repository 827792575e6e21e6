# SPDX-License-Identifier: BSD-3-Clause
"""
The counters of driver and device begin at the same moment, so that they can be compared: notifications and
frames of a start that is not the first. Not interrupts: the driver counts those that it found, and several may be one by then.
"""

import json
import os
import subprocess
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "softnic"))

from nic import Softnic, binary  # noqa: E402

VIONET = os.path.join(os.environ.get("VIONET_BUILD", os.path.dirname(binary())), "vionet")
PLAIN = ["setarch", "-R"] if "tsan" in VIONET else []


class Counters(unittest.TestCase):
    def run_tool(self, command, nic, *arguments):
        done = subprocess.run([*PLAIN, VIONET, command, f"vfio-user:{nic.path}", *arguments],
                              capture_output=True, text=True, timeout=90)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        return done.stdout

    def test_a_start_begins_both(self):
        for features in ("+all", "+all,-RING_PACKED,-EVENT_IDX"):
            with self.subTest(features=features), \
                 Softnic("--features", features, "--queues", "2", "--lossless") as nic:
                self.run_tool("pktgen", nic, "--count", "500", "--burst", "1", "--mode", "interrupt")
                queues = json.loads(self.run_tool("stats", nic, "--json", "--interval",
                                                  "0.3"))["queues"]
                nic.check()
            for queue, side in zip(queues[:2], ("rx", "tx")):
                self.assertEqual(queue["own"][f"{side}_packets"], 0)
                self.assertEqual(queue["own"][f"{side}_interrupts"], 0)
                self.assertEqual(queue["own"][f"{side}_notifications"],
                                 queue["driver"]["notifications"])


if __name__ == "__main__":
    unittest.main()
