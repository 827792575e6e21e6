# SPDX-License-Identifier: BSD-3-Clause
"""
What `vionet pktgen` reports, live, at the end, and as JSON, against a peer that acts like a network: adds
tags, delays, drops, adds other frames. No rate is measured.
"""

import fcntl
import json
import os
import pty
import re
import select
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import termios
import threading
import time
import unittest

from test_tools import DEADLINE, PLAIN, VIONET, Case

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))

from environment import signature  # noqa: E402

def our_frame(stream, number):
    """Ethernet, IPv4 and UDP without a checksum."""
    return bytes.fromhex("020000000001020000000002" "0800" "4500002e000040004011ae97c6120001c6130001"
                         "c0000009001a0000") + signature.make(stream, number)


OTHER_FRAME = bytes.fromhex("ffffffffffff020000000001") + b"\x88\xb5" + bytes(46)


class Wire:
    """The other end of the device's socket peer: what was sent goes through `change`, which returns
    what comes back, and after how long."""

    def __init__(self, path, change):
        self.change = change
        self.listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.listener.bind(path)
        self.listener.listen(1)
        self.ready = threading.Event()
        self.seen = 0
        self.due = []
        self.end, self.stop = os.pipe()
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self):
        if not select.select([self.listener, self.end], [], [])[0][0] is self.listener:
            return
        self.socket, _ = self.listener.accept()
        self.ready.set()
        while True:
            wait = max(0, self.due[0][0] - time.monotonic()) if self.due else None
            found = select.select([self.socket, self.end], [], [], wait)[0]
            if self.end in found:
                return
            if self.socket in found:
                try:
                    frame = self.socket.recv(70000)
                except ConnectionResetError:  # the device has ended with frames unread
                    return
                if not frame:
                    return
                self.seen += 1
                for delay, back in self.change(self.seen, frame):
                    self.due.append((time.monotonic() + delay, back))
                self.due.sort(key=lambda item: item[0])
            while self.due and self.due[0][0] <= time.monotonic():
                self.socket.send(self.due.pop(0)[1])

    def send(self, frame, count=1):
        assert self.ready.wait(DEADLINE)
        for _ in range(count):
            self.socket.send(frame)

    def wait_until_taken(self):
        """The device has read all that was sent to it."""
        until = time.monotonic() + DEADLINE
        while struct.unpack("i", fcntl.ioctl(self.socket, termios.TIOCOUTQ, bytes(4)))[0]:
            assert time.monotonic() < until
            time.sleep(0.001)

    def close(self):
        os.write(self.stop, b".")
        self.thread.join()
        for fd in (self.end, self.stop):
            os.close(fd)
        if self.ready.is_set():
            self.socket.close()
        self.listener.close()


class WireMixin:
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="wire-")
        self.addCleanup(folder.cleanup)
        path = os.path.join(folder.name, "peer")
        self.wire = Wire(path, self.change)
        self.addCleanup(self.wire.close)
        self.options = ("--peer", f"unix:{path}")
        super().setUp()

    def change(self, number, frame):
        return [(0, frame)]


def tagged(frame, *tags):
    """With VLAN tags in front, (type, id) each, the outermost first."""
    return frame[:12] + b"".join(struct.pack("!HH", *tag) for tag in tags) + frame[12:]


class Tags(WireMixin, Case):
    """A switch port that is a dot1q-tunnel, one that takes the tag away, and both orders of types."""

    def change(self, number, frame):
        ways = [frame, tagged(frame, (0x88a8, 100)), tagged(frame, (0x88a8, 100), (0x8100, 7)),
                tagged(frame, (0x9100, 300), (0x9100, 1), (0x8100, 2))]
        return [(0, ways[number % 4])]

    def test_frames_with_tags_in_front_are_ours(self):
        found = self.facts("pktgen", "--count", "40")["rx"]
        self.assertEqual((found["own"], found["not_ours"], found["lost"], found["damaged"]),
                         (40, 0, 0, 0))
        self.assertEqual([(way["tags"], way["frames"], way["outer_type"], way["outer_id"])
                          for way in found["vlan_tags"]],
                         [(0, 10, None, None), (1, 10, "0x88a8", 100), (2, 10, "0x88a8", 100),
                          (3, 10, "0x9100", 300)])
        text, _ = self.run_tool("pktgen", "--count", "40")
        self.assertIn("10 came with 2 VLAN tags in front, the outermost 0x88a8 id 100\n", text)
        self.assertIn("10 came with 1 VLAN tag in front", text)


class Untagged(WireMixin, Case):
    def change(self, number, frame):
        return [(0, frame[:12] + frame[16:])]

    def test_a_tag_that_was_taken_away(self):
        text, _ = self.run_tool("pktgen", "--count", "10", "--vlan", "5")
        self.assertIn("10 came without their VLAN tag\n", text)
        self.assertIn("lost 0,", text)


class Slow(WireMixin, Case):
    delay = 0.3

    def change(self, number, frame):
        return [(self.delay, frame)]

    def test_a_long_path_is_no_loss(self):
        found = self.facts("pktgen", "--count", "10")
        self.assertEqual((found["rx"]["own"], found["rx"]["lost"]), (10, 0))
        # It is no part of the run either.
        self.assertLess(found["duration_s"], found["latency_ns"]["min"] / 1e9)
        self.assertGreaterEqual(found["wait_s"], 0.2)
        text, _ = self.run_tool("pktgen", "--count", "10")
        self.assertRegex(text, r"latency min \d+\.\d ms, avg \d+\.\d ms, max \d+\.\d ms\n"
                               r" +p50 \d+\.\d ms, p90 \d+\.\d ms, p99 \d+\.\d ms, p99.9 \d+\.\d ms\n")

    def test_who_names_a_time_gets_it(self):
        found = self.facts("pktgen", "--count", "10", "--linger", "0.02")
        self.assertEqual((found["rx"]["own"], found["rx"]["lost"]), (0, 10))
        text, _ = self.run_tool("pktgen", "--count", "10", "--linger", "20ms")
        self.assertRegex(text, r"nothing of it came back within \d+\.\d ms")

    def test_signals_of_one_cause(self):
        """timeout(1) sends each to its child, and to the group that it is in."""
        process = self.start("pktgen", "--json", "--rate", "1k", "--interval", "50ms")
        self.assertIn("TX", process.stderr.readline())
        process.send_signal(signal.SIGTERM)
        process.send_signal(signal.SIGHUP)
        output, errors = process.communicate(timeout=DEADLINE)
        self.assertEqual(process.returncode, 0, errors)
        found = json.loads(output)
        self.assertEqual((found["rx"]["own"], found["rx"]["lost"]), (found["tx"]["sent"], 0))

    def test_the_wait_grows_with_the_path(self):
        """The second frame is sent after the round-trip time of the first is known."""
        self.delay = 1.2
        found = self.facts("pktgen", "--count", "2", "--rate", "0.5")
        self.assertEqual((found["rx"]["own"], found["rx"]["lost"]), (2, 0))


class Trickle(WireMixin, Case):
    """Frames come back for 5 s; the wait is over after ten times --linger."""

    def change(self, number, frame):
        return [(number * 0.05, frame)]

    def test_late_frames_are_reported(self):
        found = self.facts("pktgen", "--count", "100", "--linger", "0.2")
        self.assertTrue(found["cut_short"])
        self.assertGreater(found["rx"]["own"], 0)
        self.assertEqual(found["rx"]["own"] + found["rx"]["lost"] - found["rx"]["late"], 100)

    def test_the_same_as_text(self):
        text, _ = self.run_tool("pktgen", "--count", "100", "--linger", "0.2")
        self.assertRegex(text, r"frames still came after .*: not all of the lost are; see --linger")


class OtherFrames(WireMixin, Case):
    """Another generator's frames, and ours between them."""

    def change(self, number, frame):
        return [(0, OTHER_FRAME), (0, frame), (0, OTHER_FRAME)]

    def test_received_is_what_arrives(self):
        found = self.facts("pktgen", "--count", "100", "--rate", "1k")["rx"]
        self.assertEqual((found["received"], found["own"], found["not_ours"]), (300, 100, 200))
        self.assertEqual(found["bytes"], 300 * 60)
        for key in "pps", "own_pps", "not_ours_pps", "wire_bps", "own_wire_bps", "not_ours_wire_bps":
            self.assertGreater(found[key], 0, key)
        text, _ = self.run_tool("pktgen", "--count", "100", "--rate", "1k", "--interval", "20ms")
        self.assertRegex(text, r"(?m)^ +0\.\ds .* RX +[1-9].* ours +[1-9]")
        self.assertIn("RX  received 300 frames, 18000 bytes: ours 100, not ours 200\n", text)
        self.assertRegex(text, r"(?m)^    ours \S+ \S*pps, .*\n    not ours \S+ \S*pps, ")

    def test_only_receiving(self):
        """It counts what arrives, whichever generator sent it."""
        tool = self.start("pktgen", "--rx-only", "--count", "50", "--json", "--interval", "20ms")
        self.assertIn("RX", tool.stderr.readline())
        self.wire.send(OTHER_FRAME, 50)
        output, errors = tool.communicate(timeout=DEADLINE)
        self.assertEqual(tool.returncode, 0, errors)
        found = json.loads(output)
        self.assertEqual((found["rx"]["received"], found["rx"]["own"], found["rx"]["not_ours"]),
                         (50, 0, 50))
        self.assertIsNone(found["tx"])

    def test_only_receiving_a_stream(self):
        tool = self.start("pktgen", "--rx-only", "--stream", "9", "--count", "5", "--json",
                          "--interval", "20ms")
        self.assertIn("RX", tool.stderr.readline())
        self.wire.send(OTHER_FRAME, 50)
        for number in range(5):
            self.wire.send(our_frame(9, number))
        found = json.loads(tool.communicate(timeout=DEADLINE)[0])
        self.assertEqual((found["rx"]["received"], found["rx"]["own"], found["rx"]["not_ours"]),
                         (55, 5, 50))


class Drops(WireMixin, Case):
    lossless = ()

    def test_the_devices_own_counters_are_the_cause(self):
        """While the tool is stopped the device has as many buffers as the queue, and no more."""
        tool = self.start("pktgen", "--rx-only", "--interval", "20ms", "--count", "256")
        self.assertIn("RX", tool.stdout.readline())
        tool.send_signal(signal.SIGSTOP)
        os.waitid(os.P_PID, tool.pid, os.WSTOPPED)
        self.wire.send(OTHER_FRAME, 1000)
        self.wire.wait_until_taken()
        tool.send_signal(signal.SIGCONT)
        output, errors = tool.communicate(timeout=DEADLINE)
        self.assertEqual(tool.returncode, 0, errors)
        self.assertIn("RX  received 256 frames,", output)
        self.assertIn("the device dropped 744 for want of receive buffers\n", output)


class Steered(Case):
    def test_queues_that_got_nothing(self):
        options = ("--queues", "4", "--count", "400", "--set", "rss=udpv4", "--set", "rss-table=2,2")
        self.assertEqual(self.facts("pktgen", *options)["idle_rx_queues"], [0, 1, 3])
        text, _ = self.run_tool("pktgen", *options)
        self.assertIn("3 of 4 receive queues got nothing (0, 1, 3): there are 4 flows", text)
        text, _ = self.run_tool("pktgen", *options, "--flows", "8")
        self.assertIn("3 of 4 receive queues got nothing (0, 1, 3): the device steers all", text)
        # Frames of a file have no source port of each pair.
        with tempfile.NamedTemporaryFile() as file:
            file.write(bytes.fromhex("d4c3b2a1020004000000000000000000ffff000001000000" "0000000000000000" "3c0000003c000000") +
                       our_frame(0, 0)[:60])
            file.flush()
            text, _ = self.run_tool("pktgen", *options, "--template", file.name)
        self.assertIn("3 of 4 receive queues got nothing (0, 1, 3): the device steers all", text)


class Terminal(Case):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="terminal-")
        self.addCleanup(folder.cleanup)
        self.control = os.path.join(folder.name, "control")
        self.options = ("--control", self.control)
        super().setUp()

    def ask(self, command):
        with socket.socket(socket.AF_UNIX) as control:
            control.connect(self.control)
            control.sendall(f"{command}\n".encode())
            self.assertEqual(control.recv(100), b"ok\n")

    def test_a_message_on_another_descriptor(self):
        """It does not end a live line on a terminal that it is not written to."""
        master, slave = pty.openpty()
        process = subprocess.Popen([*PLAIN, VIONET, "pktgen", self.device, "--rate", "1k",
                                    "--interval", "20ms"], stdout=slave, stderr=subprocess.PIPE, text=True)
        self.running.append(process)
        os.close(slave)
        output = os.read(master, 100)
        self.ask("link down")
        line = process.stderr.readline()
        process.send_signal(signal.SIGINT)
        try:
            while data := os.read(master, 65536):
                output += data
        except OSError:
            pass
        os.close(master)
        self.assertEqual(line, f"vionet: {self.device}: the link is down\n")
        self.assertIn(f"\n{self.device}: ", output.decode())

    def lines(self, columns, *options):
        """What a run writes to a terminal so wide: the states of its live line, and the rest."""
        master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
        with subprocess.Popen([*PLAIN, VIONET, "pktgen", self.device, *options], stdout=slave,
                              stderr=subprocess.PIPE) as process:
            os.close(slave)
            output = b""
            try:
                while data := os.read(master, 65536):
                    output += data
            except OSError:  # the last one has closed it
                pass
            errors = process.stderr.read()
        os.close(master)
        self.assertEqual(process.returncode, 0, errors)
        live, _, rest = output.decode().replace("\r\n", "\n").partition("\n")
        return [line for line in live.split("\r") if line], rest

    def test_the_live_line_fits(self):
        run = ("--rate", "1k", "--interval", "50ms", "--duration", "0.5")
        for columns in 20, 40, 60, 80, 132:
            live, rest = self.lines(columns, *run)
            self.assertTrue(live)
            self.assertTrue(rest.startswith(self.device))
            for line in live:
                self.assertLess(len(line), columns)
                self.assertIn("TX", line)
            self.assertEqual("lost" in live[-1], columns >= 60)
            self.assertEqual("RX" in live[-1], columns >= 40)
            self.assertEqual(live[-1].count("bit/s"), {80: 1, 132: 2}.get(columns, 0))


class Report(Case):
    def test_series_and_surroundings(self):
        """The intervals add up to the whole; both directions of one are over the same time."""
        for queues in "1", "3":
            found = self.facts("pktgen", "--queues", queues, "--rate", "2k", "--duration", "0.6",
                               "--interval", "0.1", "--set", "rx-usecs=5", "--avoid", "EVENT_IDX")
            series = found["series"]
            self.assertGreater(len(series), 3)
            for direction, whole in (("tx", found["tx"]["sent"]), ("rx", found["rx"]["received"])):
                self.assertEqual(sum(at[f"{direction}_frames"] for at in series), whole)
            self.assertEqual(sum(at["own_frames"] for at in series), found["rx"]["own"])
            for at in series:
                if queues == "1":
                    self.assertAlmostEqual(at["tx_pps"] * at["rx_frames"],
                                           at["rx_pps"] * at["tx_frames"], delta=1)
                    self.assertAlmostEqual(at["tx_pps"] * at["seconds"], at["tx_frames"], delta=.01)
            self.assertLessEqual(abs(series[-1]["at_s"] - found["duration_s"] - found["wait_s"]), 1)
            options = found["options"]
            self.assertEqual((options["rate"], options["duration"], options["queues"],
                              options["open"]["set"], options["open"]["avoid"]),
                             ("2000pps", 0.6, int(queues), ["rx-usecs=5"], ["EVENT_IDX"]))
            self.assertEqual(options["headers"]["src_mac"], "52:54:00:12:34:56")
            self.assertEqual(found["host"]["name"], os.uname().nodename)

    def test_versions(self):
        version = subprocess.run([*PLAIN, VIONET, "--version"], stdout=subprocess.PIPE, text=True,
                                 check=True).stdout.split()[1]
        for command, *arguments in (("pktgen", "--count", "1"), ("info",), ("set", "rx-usecs=5"),
                                    ("stats", "--interval", "0.01")):
            found = self.facts(command, *arguments)
            self.assertEqual((found["command"], found["schema"], found["version"]),
                             (command, 1, version))

    def test_one_frame_is_one_frame(self):
        text, _ = self.run_tool("pktgen", "--count", "1")
        self.assertIn("TX  sent 1 frame, 60 bytes;", text)
        self.assertIn("RX  received 1 frame, 60 bytes:", text)

    def test_sizes_that_the_device_does_not_have(self):
        _, errors = self.run_tool("pktgen", "--count", "1", "--queue-size", "1024")
        for queue in "receive", "transmit":
            self.assertIn(f"{queue} queue: 256 entries instead of 1024", errors)
        self.assertEqual(self.facts("pktgen", "--count", "1", "--queue-size", "64")
                         ["options"]["queue_size"], {"requested": 64, "rx": 64, "tx": 64})


if __name__ == "__main__":
    unittest.main()
