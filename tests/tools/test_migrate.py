#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""
`vionet migrate`: a function moves from one software device to another while pktgen sends and receives: each
frame once, in order; what stands in the way leaves the traffic where it is.
"""

import json
import os
import re
import signal
import subprocess
import sys
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "softnic"))

from nic import Softnic, binary  # noqa: E402

VIONET = os.path.join(os.environ.get("VIONET_BUILD", os.path.dirname(binary())), "vionet")
PLAIN = ["setarch", "-R"] if "tsan" in VIONET else []
DEADLINE = 90
RATE = "100k"


class Case(unittest.TestCase):
    def setUp(self):
        self.nics = []

    def device(self, *options):
        nic = Softnic("--lossless", *options)
        self.addCleanup(nic.close)
        self.nics.append(nic)
        return nic

    def devices(self, *options):
        return self.device(*options), self.device(*options)

    def tool(self, *arguments, code=0):
        done = subprocess.run([*PLAIN, VIONET, *arguments], capture_output=True, text=True, timeout=DEADLINE)
        self.assertEqual(done.returncode, code, done.stdout + done.stderr)
        return done.stdout if code == 0 else done.stderr

    def start(self, nic, *arguments):
        """A generator that has sent frames already; it ends with a signal."""
        self.process = subprocess.Popen(
            [*PLAIN, VIONET, "pktgen", f"vfio-user:{nic.path}", "--rate", RATE, "--json", "--linger", "5", "--interval", "0.2",
             "--duration", str(DEADLINE), *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.addCleanup(self.process.stderr.close)
        self.addCleanup(self.process.stdout.close)
        self.addCleanup(self.process.wait)
        self.addCleanup(self.process.kill)
        # Who asks before it has the device gets it.
        self.assertIn("kpps", self.process.stderr.readline())
        self.moves_on(nic, 0)

    def received(self, nic):
        """Frames that arrived so far, as the process at that device says; None: there is none."""
        done = subprocess.run([*PLAIN, VIONET, "stats", f"vfio-user:{nic.path}", "--json"], capture_output=True,
                              text=True, timeout=DEADLINE)
        if done.returncode:
            return None
        queues = json.loads(done.stdout)["queues"]
        return sum(queue["driver"]["packets"] for queue in queues if queue["role"].startswith("rx"))

    def moves_on(self, nic, before):
        end = time.monotonic() + DEADLINE
        while (now := self.received(nic) or 0) <= before + 1000:
            self.assertLess(time.monotonic(), end, "nothing moves")
            self.assertIsNone(self.process.poll())
        return now

    def finish(self):
        """What it counted, of which nothing is missing."""
        self.process.send_signal(signal.SIGINT)
        text, errors = self.process.communicate(timeout=DEADLINE)
        self.assertEqual(self.process.returncode, 0, errors)
        found = json.loads(text)
        sent = found["tx"]["sent"]
        self.assertGreater(sent, 1000)
        self.assertEqual(found["tx"]["completed"], sent)
        self.assertEqual([found["rx"][key] for key in ("own", "lost", "duplicates", "reordered", "damaged")],
                         [sent, 0, 0, 0, 0])
        for nic in self.nics:
            nic.check()
        return sent

    def counted(self, nic):
        """Frames that this device has received from the driver, of those that it says at its end."""
        return sum(int(number) for number in re.findall(r"tx total packets (\d+)", nic.output + "\n".join(nic.lines)))


class Moves(Case):
    def there_and_back(self, *options, arguments=()):
        first, second = self.devices(*options)
        self.start(first, *arguments)
        at = 0
        for old, new in ((first, second), (second, first), (first, second)):
            text = self.tool("migrate", f"vfio-user:{old.path}", f"vfio-user:{new.path}")
            self.assertRegex(text, r"-> vfio-user:.*, in use by vionet pktgen, process \d+\n"
                                   r"  \d+\.\d ms without the device, \d+\.\d ms altogether, \d+ bytes of state\n")
            at = self.moves_on(new, at)
        sent = self.finish()
        self.assertEqual(sum(map(self.counted, self.nics)), sent)
        for nic in self.nics:
            self.assertGreater(self.counted(nic), 1000)

    def test_split(self):
        self.there_and_back("--features=-RING_PACKED", "--notify", "page")

    def test_split_without_events(self):
        self.there_and_back("--features=-RING_PACKED,-EVENT_IDX", "--notify", "write")

    def test_packed(self):
        self.there_and_back("--notify", "eventfd")

    def test_packed_in_order_by_interrupt(self):
        self.there_and_back("--features=+IN_ORDER,+NOTIFICATION_DATA", "--notify", "page",
                            arguments=("--mode", "interrupt"))

    def test_threads(self):
        self.there_and_back("--features=+all,-RSC_EXT", arguments=("--queues", "3"))

    def test_json_and_a_relative_path(self):
        first, second = self.devices()
        self.start(first)
        done = subprocess.run([*PLAIN, VIONET, "migrate", f"vfio-user:{first.path}", "vfio-user:socket", "--json"],
                              cwd=second.folder.name, capture_output=True, text=True, timeout=DEADLINE)
        found = json.loads(done.stdout)
        self.assertEqual((found["command"], found["from"], found["device"]),
                         ("migrate", f"vfio-user:{first.path}", f"vfio-user:{second.path}"))
        self.assertGreater(found["state_bytes"], 1000)
        self.assertLessEqual(found["gap_ms"], found["total_ms"])
        self.finish()


class Stays(Case):
    def refused(self, first, to, text):
        said = self.tool("migrate", f"vfio-user:{first.path}", to, code=1)
        self.assertIn(text, said)
        self.moves_on(first, self.received(first))

    def test_what_stands_in_the_way(self):
        first = self.device()
        self.start(first)
        self.refused(first, "vfio-user:/nonexistent/socket", "no such")
        self.refused(first, f"vfio-user:{first.path}", "")
        for options, text in ((("--features=-MRG_RXBUF",), "does not offer what is in use: MRG_RXBUF"),
                              (("--queue-size", "64"), "Invalid argument"),
                              (("--mtu", "9000"), "Invalid argument")):
            with self.subTest(options=options):
                self.refused(first, f"vfio-user:{self.device(*options).path}", text)
        busy = self.device()
        other = subprocess.Popen([*PLAIN, VIONET, "set", f"vfio-user:{busy.path}", "promisc=on", "--hold"],
                                 stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)
        self.assertIn("holding", other.stderr.readline())
        self.refused(first, f"vfio-user:{busy.path}", "has it; end that first")
        other.send_signal(signal.SIGINT)
        other.wait(DEADLINE)
        other.stderr.close()
        self.finish()

    def test_one_that_does_not_answer(self):
        first, second = self.devices()
        self.start(first)
        second.process.send_signal(signal.SIGSTOP)
        self.refused(first, f"vfio-user:{second.path}", "")
        second.process.send_signal(signal.SIGCONT)
        self.finish()

    def test_nothing_to_move(self):
        first, second = self.devices()
        self.assertIn("no vionet process",
                      self.tool("migrate", f"vfio-user:{first.path}", f"vfio-user:{second.path}", code=3))
        for arguments, text in (((), "name the device and where it goes"),
                                (("vfio-user:/a",), "name the device and where it goes"),
                                (("vfio-user:/a", "vfio-user:/b", "c"), "is too much"),
                                (("vfio-user:/a", "0000:00:04.0"), "between vfio-user servers")):
            self.assertIn(text, self.tool("migrate", *arguments, code=2))


if __name__ == "__main__":
    unittest.main()
