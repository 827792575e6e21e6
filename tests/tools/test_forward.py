# SPDX-License-Identifier: BSD-3-Clause
"""
`vionet forward`: several software devices, kernels in namespaces or sockets behind them.
"""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "softnic"))

import namespaces  # noqa: E402
from namespaces import Namespace  # noqa: E402
from nic import DEADLINE, Softnic, binary  # noqa: E402

VIONET = os.path.join(os.environ.get("VIONET_BUILD", os.path.dirname(binary())), "vionet")
PLAIN = ["setarch", "-R"] if "tsan" in VIONET else []
COUNT = 3000


class Case(unittest.TestCase):
    def setUp(self):
        self.nics = []
        folder = tempfile.TemporaryDirectory(prefix="forward-")
        self.addCleanup(folder.cleanup)
        self.folder = folder.name

    def serve(self, peer, features="-RING_PACKED", *options):
        number = len(self.nics)
        nic = Softnic("--lossless", "--features", features, "--peer", peer,
                      "--control", f"{self.folder}/control{number}",
                      "--trace", f"{self.folder}/trace{number}", *options)
        self.addCleanup(nic.close)
        self.nics.append(nic)

    def send_command(self, number, command):
        with socket.socket(socket.AF_UNIX) as control:
            control.connect(f"{self.folder}/control{number}")
            control.sendall(f"{command}\n".encode())
            self.assertEqual(control.recv(100), b"ok\n")

    def start(self, *options):
        process = subprocess.Popen([*PLAIN, VIONET, "forward", *self.names(), "--json", *options],
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.addCleanup(process.communicate)
        self.addCleanup(process.kill)
        self.said = ""
        while "forwarding between" not in self.said:
            line = process.stderr.readline()
            self.assertNotEqual(line, "", self.said)
            self.said += line
        return process

    def names(self):
        return [f"vfio-user:{nic.path}" for nic in self.nics]

    def finish(self, process, code=0, number=signal.SIGINT):
        """End it. Returns what came of it; the devices have found nothing wrong."""
        if number:
            process.send_signal(number)
        output, self.errors = process.communicate(timeout=DEADLINE)
        self.assertEqual(process.returncode, code, output + self.errors)
        self.assertNotIn("Sanitizer", self.errors)
        found = json.loads(output)
        self.assertEqual(found["exit_code"], code)
        return found

    def check(self):
        for nic in self.nics:
            nic.check()


class Kernels(Case):
    """Kernels in as many namespaces are one network."""

    def connect(self, *features):
        self.ends = []
        for i, offered in enumerate(features):
            namespaces.ip("tuntap", "add", f"wire{i}", "mode", "tap")
            self.serve(f"tap:wire{i}", offered)
            end = Namespace(f"end{i}")
            self.addCleanup(end.close)
            namespaces.ip("link", "set", f"wire{i}", "netns", end.name)
            end.up(f"wire{i}", f"10.9.0.{i + 1}/24", f"fd09::{i + 1}/64")
            self.ends.append(end)

    def stream(self, source, sink):
        for address in f"10.9.0.{sink + 1}", f"fd09::{sink + 1}":
            data = os.urandom(1 << 20)
            self.assertTrue(namespaces.stream(self.ends[source], self.ends[sink], address, data) == data)

    def test_three_kernels(self):
        self.connect("+all,-RING_PACKED", "-RING_PACKED", "+all")
        process = self.start()
        self.assertIn("without a copy", self.said)
        for source, sink in (0, 1), (1, 2), (2, 0):
            self.stream(source, sink)
        for end in self.ends:
            self.assertEqual(end.wrong_checksums(), {})
        found = self.finish(process)
        self.assertEqual(found["stations"], 3)
        self.assertEqual([device["starved"] + device["unable"] + device["refused"] + device["dropped"]
                          for device in found["devices"]], [0, 0, 0])
        # Only what goes to all is copied, once for each further device.
        flooded = sum(device["flooded"] for device in found["devices"])
        self.assertEqual(sum(device["copied"] for device in found["devices"]), flooded)
        self.assertLess(flooded, 100)
        self.check()

    def test_straight(self):
        self.connect("-RING_PACKED", "-CSUM,-GUEST_CSUM,-MRG_RXBUF")
        process = self.start("--straight", "--mode", "interrupt")
        self.stream(0, 1)
        self.stream(1, 0)
        found = self.finish(process)
        self.assertEqual([device["copied"] for device in found["devices"]], [0, 0])
        self.assertEqual(found["devices"][0]["received"], found["devices"][1]["sent"])
        self.check()


class Offloads(Case):
    """What is taken from a device the others can send."""

    def accepted(self, number):
        """Of GUEST_CSUM, GUEST_TSO4 and GUEST_TSO6, what the driver accepted last, by the device's trace."""
        self.nics[number].stop()
        with open(f"{self.folder}/trace{number}", encoding="ascii", errors="replace") as file:
            words = re.findall(r"WRITE common driver_feature_select 4 0x0\n.*WRITE common driver_feature 4 "
                               r"0x(\w+)\n", file.read())
        return [bit for bit in (1, 7, 8) if int(words[-1], 16) >> bit & 1]

    def test_what_all_others_send(self):
        for offered in "+all,-RING_PACKED", "-HOST_TSO6,-RING_PACKED", "-MRG_RXBUF,-RING_PACKED":
            self.serve("sink", offered)
        self.finish(self.start())
        # The third would need buffers of 64 KiB for it.
        self.assertEqual([self.accepted(i) for i in range(3)], [[1, 7], [1, 7, 8], [1]])
        self.check()

    def test_short_queues(self):
        """A packet of 64 KiB has no room in them."""
        for _ in range(2):
            self.serve("sink", "-INDIRECT_DESC,-RING_PACKED")
        self.finish(self.start("--queue-size", "16"))
        self.assertEqual([self.accepted(i) for i in range(2)], [[1], [1]])
        self.check()


def frame(to, source, number=0, size=60):
    return (bytes([to & 1, 0, 0, 0, 1, to]) + bytes([0, 0, 0, 0, 1, source]) + b"\x88\xb5"
            + number.to_bytes(4, "big")).ljust(size, bytes([number & 0xff]))


class Frames(Case):
    """Frames go where their address is, each once, in order, unchanged."""

    def connect(self, count, *options, features="-RING_PACKED", start=()):
        listeners = []
        for i in range(count):
            listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
            self.addCleanup(listener.close)
            listener.bind(f"{self.folder}/wire{i}")
            listener.listen(1)
            listener.settimeout(DEADLINE)
            listeners.append(listener)
            self.serve(f"unix:{self.folder}/wire{i}", features, *options)
        process = self.start(*start)
        self.wires = []
        for listener in listeners:
            self.wires.append(listener.accept()[0])
            self.wires[-1].settimeout(DEADLINE)
            self.addCleanup(self.wires[-1].close)
        return process

    def got(self, wire):
        return self.wires[wire].recv(70000)

    def test_learning(self):
        """2, 4 and 6 are stations; a broadcast ends each step, for what came before it is then known."""
        process = self.connect(3)
        step = 0

        def rest(wire):
            """What came until the broadcast of this step."""
            frames = []
            while not (last := self.got(wire))[0] & 1 or last[14:18] != step.to_bytes(4, "big"):
                frames.append(last)
            return frames

        for wire, sent, expected in (
                (0, frame(4, 2), (1, 2)),       # nobody knows 4
                (1, frame(2, 4), (0,)),         # 2 is known
                (0, frame(4, 2), (1,)),
                (0, frame(2, 8), ()),           # its station is on the same side
                (2, frame(4, 2), (1,)),         # 2 has moved ...
                (1, frame(2, 4), (2,)),         # ... and is found there
                (0, bytes.fromhex("0180c2000000") + frame(0, 2)[6:], ()),
                (0, frame(1, 2)[:6] + b"\0\0\0\0\1\2" + frame(1, 2)[12:], (1, 2))):
            step += 1
            self.wires[wire].send(sent)
            mark = frame(1, 10 + 2 * wire, step)
            self.wires[wire].send(mark)
            for other in range(3):
                if other != wire:
                    self.assertEqual(rest(other), [sent] if other in expected else [], (step, other))
        found = self.finish(process)
        self.assertEqual(found["stations_moved"], 2)
        self.assertEqual(found["devices"][0]["filtered"], 2)
        self.check()

    def test_both_ways_at_once(self):
        process = self.connect(2, features="+all,-IN_ORDER")
        sizes = [60 + number % 1455 for number in range(COUNT)]

        def send(wire):
            for number, size in enumerate(sizes):
                self.wires[wire].send(frame(4 - 2 * wire, 2 + 2 * wire, number, size))

        threads = [threading.Thread(target=send, args=(wire,)) for wire in (0, 1)]
        got = ([], [])

        def receive(wire):
            while len(got[wire]) < COUNT:
                got[wire].append(self.got(wire))

        threads += [threading.Thread(target=receive, args=(wire,)) for wire in (0, 1)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(2 * DEADLINE)
        for wire in (0, 1):
            for number, size in enumerate(sizes):
                self.assertEqual(got[wire][number], frame(2 + 2 * wire, 4 - 2 * wire, number, size))
        found = self.finish(process)
        self.assertEqual([device["copied"] for device in found["devices"]], [0, 0])
        self.check()

    def test_long_frames_to_all(self):
        """A copy is as long as what was copied."""
        process = self.connect(3, "--mtu", "9000")
        sent = frame(1, 2, 7, 9014)
        self.wires[0].send(sent)
        self.assertEqual([self.got(1), self.got(2)], [sent, sent])
        found = self.finish(process)
        self.assertEqual(sum(device["copied"] for device in found["devices"]), 1)
        self.check()

    def test_filters_of_all_devices(self):
        """With them no device takes a frame that is for somebody else; one to a group they take."""
        process = self.connect(2, start=("--set", "promisc=off", "--set", "nouni=on", "--set", "allmulti=on"),
                               features="+all,-IN_ORDER")
        for wire in (0, 1):
            self.wires[wire].send(frame(4 - 2 * wire, 2 + 2 * wire))
            self.wires[wire].send(frame(1, 2 + 2 * wire, 7))
            self.assertEqual(self.got(1 - wire), frame(1, 2 + 2 * wire, 7))
        self.assertEqual([device["received"] for device in self.finish(process)["devices"]], [1, 1])
        self.check()

    def test_mtu_of_the_command_line(self):
        """Devices that say none, and receive each frame into one buffer."""
        process = self.connect(2, start=("--set", "mtu=9000"), features="-RING_PACKED,-MRG_RXBUF,-MTU")
        for wire in (0, 1):
            self.wires[wire].send(frame(1, 2 + 2 * wire, wire, 9014))
            self.assertEqual(self.got(1 - wire), frame(1, 2 + 2 * wire, wire, 9014))
        self.finish(process)
        self.check()

    def test_table_is_bounded_and_ages(self):
        process = self.connect(2, start=("--stations", "4", "--aging", "10ms"))
        for number in range(40):
            self.wires[0].send(frame(1, 2 * number))
            self.got(1)
        found = self.finish(process)
        self.assertLessEqual(found["stations"], 4)
        self.assertEqual(found["devices"][0]["flooded"], 40)
        self.check()

    def test_link_down_forgets(self):
        process = self.connect(3)
        self.wires[1].send(frame(1, 4))
        self.got(0), self.got(2)
        self.send_command(1, "link down")
        namespaces.wait_for(lambda: "the link is down" in process.stderr.readline(), "no link event")
        self.send_command(1, "link up")
        namespaces.wait_for(lambda: "the link is up" in process.stderr.readline(), "no link event")
        self.wires[0].send(frame(4, 2))
        self.assertEqual((self.got(1), self.got(2)), 2 * (frame(4, 2),))
        self.finish(process)
        self.check()

    def test_a_device_is_unplugged(self):
        process = self.connect(2)
        self.send_command(1, "unplug")
        self.finish(process, 5, number=None)
        self.assertIn("is being unplugged", self.errors)
        self.check()

    def test_a_device_is_killed(self):
        process = self.connect(2)
        self.nics[0].process.kill()
        self.finish(process, 5, number=None)
        self.assertIn("the device is gone", self.errors)
        self.nics[1].check()


class CommandLine(Case):
    def refused(self, *arguments, code=2):
        done = subprocess.run([*PLAIN, VIONET, "forward", *arguments], capture_output=True, text=True,
                              timeout=DEADLINE, check=False)
        self.assertEqual(done.returncode, code, done.stderr)
        return done.stderr

    def test_refused(self):
        first, second = "vfio-user:/nowhere/a", "vfio-user:/nowhere/b"
        self.assertIn("no device named", self.refused())
        self.assertIn("a second device is wanted", self.refused(first))
        self.assertIn(f"'{first}' is named twice", self.refused(first, second, first))
        self.assertIn("--want RSC_EXT: no device takes such frames",
                      self.refused(first, second, "--want", "GUEST_TSO4,RSC_EXT"))
        self.assertIn("--straight is for two devices, not 3",
                      self.refused(first, second, "vfio-user:/nowhere/c", "--straight"))
        self.assertIn("--aging has no effect with --straight",
                      self.refused(first, second, "--straight", "--aging", "1"))
        self.assertIn("16 devices at most", self.refused(*(f"vfio-user:/{i}" for i in range(17))))
        for setting, sentence in (("mac=02:00:00:00:00:01", "all devices would have one address"),
                                  ("queues=2", "forward uses one queue pair of each device"),
                                  ("offloads=none", "those that the other devices can send"),
                                  ("colour=red", "colour")):
            self.assertIn(sentence, self.refused(first, second, "--set", setting))
        for option in ("--stations", "3"), ("--stations", "2"), ("--mode", "fast"):
            self.assertIn(option[0], self.refused(first, second, *option))

    def test_the_second_is_missing(self):
        """The first is closed in order."""
        self.serve("sink")
        self.assertIn("/nowhere/b", self.refused(*self.names(), "vfio-user:/nowhere/b", code=3))
        self.check()

    def test_duration_and_text(self):
        self.serve("sink")
        self.serve("sink")
        done = subprocess.run([*PLAIN, VIONET, "forward", *self.names(), "--duration", "100ms",
                               "--interval", "20ms"], capture_output=True, text=True, timeout=DEADLINE,
                              check=True)
        self.assertIn("  received 0 frames (0/s), 0 bytes\n", done.stdout)
        self.assertIn("0 stations known\n", done.stdout)
        self.assertIn(" s: sent 0 (0/s), 0 (0/s)\n", done.stderr)
        self.check()


if __name__ == "__main__":
    namespaces.main()
