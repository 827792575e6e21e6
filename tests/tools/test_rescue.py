# SPDX-License-Identifier: BSD-3-Clause
"""
A device that misses a doorbell or an interrupt: whatever the command does meanwhile, and however it waits, it
goes on, and counts the repeated notifications. How long it takes is not measured (tests/unit/test_rescue.c does, in time of its own).
"""

import json
import os
import re
import socket
import subprocess
import sys
import tempfile
import unittest

TESTS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..")
sys.path += [TESTS, os.path.join(TESTS, "softnic")]

from environment.process import wait_asleep  # noqa: E402
from nic import Softnic, binary  # noqa: E402

VIONET = os.path.join(os.environ.get("VIONET_BUILD", os.path.dirname(binary())), "vionet")
PLAIN = ["setarch", "-R"] if "tsan" in VIONET else []
DEADLINE = 90
LAYOUTS = ("+all,-RING_PACKED", "+all,-RING_PACKED,-EVENT_IDX", "+all", "+all,-EVENT_IDX")
MODES = ("poll", "interrupt")
LOST_BELL, LOST_INTERRUPT, DEAF = "C16", "I09", "C15"


class Case(unittest.TestCase):
    def run_tool(self, *arguments, code=0):
        done = subprocess.run([*PLAIN, VIONET, *arguments], capture_output=True, text=True,
                              timeout=DEADLINE)
        self.assertEqual(done.returncode, code, done.stdout + done.stderr)
        return done.stdout

    def pktgen(self, fault, *arguments, features=LAYOUTS[0], options=()):
        """A run behind a device with this fault."""
        with Softnic("--features", features, "--queues", "2", "--lossless", "--fault", fault,
                     *options) as nic:
            text = self.run_tool("pktgen", f"vfio-user:{nic.path}", "--json", "--linger", "1",
                                 *arguments)
            nic.check()
        return json.loads(text)


class Pktgen(Case):
    def test_each_of_the_first_doorbells(self):
        """Of the receive queue, of commands, of the transmit queue."""
        for layout in LAYOUTS:
            for number in range(1, 9):
                mode = MODES[number % 2]
                with self.subTest(layout=layout, number=number, mode=mode):
                    found = self.pktgen(f"{LOST_BELL}={number}", "--count", "500", "--mode", mode,
                                        features=layout)
                    self.assertEqual((found["tx"]["completed"], found["rx"]["own"]), (500, 500))

    def test_a_doorbell_of_few_frames(self):
        """The next frame is far away, so no other notification covers the last one."""
        for mode in MODES:
            for number in (3, 5, 8):
                with self.subTest(number=number, mode=mode):
                    found = self.pktgen(f"{LOST_BELL}={number}", "--count", "4", "--rate", "4",
                                        "--mode", mode, features="+all,-CTRL_VQ,-EVENT_IDX")
                    self.assertEqual(found["rx"]["own"], 4)
                    self.assertGreaterEqual(found["tx"]["rescues"] + found["rx"]["rescues"], 1)

    def test_threads_and_doorbells_of_every_kind(self):
        for notify in ("eventfd", "page", "write"):
            for number in (2, 7, 9):
                with self.subTest(notify=notify, number=number):
                    found = self.pktgen(f"{LOST_BELL}={number}", "--count", "300", "--queues", "2",
                                        options=("--notify", notify))
                    self.assertEqual(found["tx"]["completed"], 300)

    def test_a_lost_interrupt(self):
        for number in range(1, 6):
            with self.subTest(number=number):
                found = self.pktgen(f"{LOST_INTERRUPT}={number}", "--count", "20", "--rate", "200",
                                    "--mode", "interrupt")
                self.assertEqual(found["rx"]["own"], 20)

    def test_a_device_that_is_deaf_at_first(self):
        for mode in MODES:
            with self.subTest(mode=mode):
                found = self.pktgen(f"{DEAF}=700", "--count", "100", "--mode", mode,
                                    features="+all,-CTRL_VQ")
                self.assertEqual((found["tx"]["completed"], found["rx"]["own"]), (100, 100))
                self.assertGreater(found["tx"]["rescues"], 0)
                self.assertGreater(found["rx"]["rescues"], 0)


class Listening(Case):
    """Nothing is sent, so the first notification of all is the only one."""

    def listen(self, fault, *command):
        with Softnic("--features", "+all,-CTRL_VQ", "--peer", "source", "--fault", fault) as nic:
            return self.run_tool(command[0], f"vfio-user:{nic.path}", *command[1:])

    def test_dump(self):
        for fault in (f"{LOST_BELL}=1", f"{DEAF}=600", f"{LOST_INTERRUPT}=1"):
            for mode in MODES:
                with self.subTest(fault=fault, mode=mode):
                    text = self.listen(fault, "dump", "--mode", mode, "--count", "300")
                    self.assertEqual(len(text.splitlines()), 300)

    def test_receiving_only(self):
        for fault in (f"{LOST_BELL}=1", f"{DEAF}=600"):
            for mode in MODES:
                with self.subTest(fault=fault, mode=mode):
                    found = json.loads(self.listen(fault, "pktgen", "--rx-only", "--mode", mode,
                                                   "--duration", "1.5", "--json"))
                    self.assertGreater(found["rx"]["not_ours"], 0)
                    self.assertGreater(found["rx"]["rescues"], 0)

    def test_stats(self):
        found = json.loads(self.listen(f"{LOST_BELL}=1", "stats", "--json", "--interval", "1"))
        driver = found["queues"][0]["driver"]
        self.assertGreater(driver["packets"], 0)
        self.assertGreater(driver["rescues"], 0)


class WithoutInterrupt(unittest.TestCase):
    """If one queue has no interrupt all are polled, and none enables interrupts."""

    def frames(self, fault):
        """Show frames that come one by one to the first pair. Returns how often it was interrupted."""
        wire = os.path.join(tempfile.mkdtemp(prefix="vionet-"), "wire")
        with Softnic("--features", "+all", "--queues", "2", "--peer", f"unix:{wire}",
                     *fault) as nic:
            tool = subprocess.Popen([*PLAIN, VIONET, "dump", f"vfio-user:{nic.path}", "--queues",
                                     "2", "--mode", "interrupt", "--count", "20"],
                                    stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
            with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as end, tool:
                end.connect(wire)
                self.assertIn("listening on", tool.stderr.readline())
                for _ in range(20):
                    if not fault:  # else it polls
                        wait_asleep(tool.pid)
                    end.send(60 * b"\xff")
                    self.assertNotEqual(tool.stdout.readline(), "")
                self.assertEqual(tool.wait(DEADLINE), 0)
            nic.check()
            os.rmdir(os.path.dirname(wire))
            return int(re.search(r"interrupts (\d+)", nic.output).group(1))

    def test_one_of_two(self):
        self.assertEqual(self.frames(("--fault", "C19=2")), 0)
        self.assertGreater(self.frames(()), 0)


if __name__ == "__main__":
    unittest.main()
