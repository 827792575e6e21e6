# SPDX-License-Identifier: BSD-3-Clause
"""
What `vionet pktgen` says of its flows, held against what was done to their frames on the way: each number is
known beforehand. No rate is measured.
"""

import collections
import json
import math
import os
import sys
import tempfile
import unittest

from test_pktgen import Wire, WireMixin
from test_tools import Case

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "softnic"))
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))

import captures  # noqa: E402
from environment import signature  # noqa: E402
from nic import Softnic  # noqa: E402

CONFIG = """
ports: [{name: a}]
flows:
- name: few
  tx_rx: {choice: port, port: {tx_name: a, rx_names: [a]}}
  packet: [{choice: ethernet}, {choice: ipv4}, {choice: udp}]
  size: {choice: fixed, fixed: 100}
  rate: {choice: pps, pps: 200}
  duration: {choice: fixed_packets, fixed_packets: {packets: 40}}
  metrics: {enable: true, latency: {enable: true}}
- name: many
  tx_rx: {choice: port, port: {tx_name: a, rx_names: [a]}}
  packet: [{choice: ethernet}, {choice: ipv4}, {choice: udp}]
  size: {choice: increment, increment: {start: 100, end: 200, step: 10}}
  rate: {choice: pps, pps: 1000}
  duration: {choice: burst, burst: {bursts: 5, packets: 30, inter_burst_gap: {choice: microseconds, microseconds: 10000}}}
  metrics: {enable: true}
- name: uncounted
  tx_rx: {choice: port, port: {tx_name: a, rx_names: [a]}}
  packet: [{choice: ethernet}, {choice: ipv6}, {choice: tcp}]
  size: {choice: fixed, fixed: 90}
  rate: {choice: pps, pps: 500}
  duration: {choice: fixed_packets, fixed_packets: {packets: 25}}
"""


def flipped(frame, at):
    """With one byte other than it was."""
    return frame[:at] + bytes([frame[at] ^ 0x10]) + frame[at + 1:]


class Injected(WireMixin, Case):
    """Of ten frames: one lost, one twice, one behind its follower, one wrong in its payload, one in its header,
    one in its signature. The first three and the last two are lost too."""

    count = 1000

    def setUp(self):
        self.held = []
        super().setUp()

    def change(self, number, frame):
        which = (number - 1) % 10
        if number <= 3 or number > self.count - 2 or which == 0:
            return []
        back = {1: [frame, frame], 2: [], 3: [frame, *self.held], 4: [flipped(frame, 70)], 5: [flipped(frame, 27)],
                6: [flipped(frame, len(frame) - 9)]}.get(which, [frame])
        self.held = [frame] if which == 2 else []
        return [(0, frame) for frame in back]

    def check(self, *options):
        found = self.facts("pktgen", "--count", str(self.count), "--rate", "20k", "--size", "100", "--linger", "0.5", *options)
        rx = found["rx"]
        groups = self.count // 10
        # Numbers 0 to 2 are of the first ten: one is lost anyway, one would come twice, one late. 998 and 999 are in order.
        self.assertEqual(found["tx"]["sent"], self.count)
        self.assertEqual(rx["lost"], groups + 2 + groups + 2, rx)
        self.assertEqual((rx["lost_begin"], rx["lost_end"]), (3, 2))
        self.assertEqual((rx["duplicates"], rx["reordered"], rx["out_of_window"]), (groups - 1, groups - 1, 0))
        self.assertEqual((rx["damaged"], rx["damaged_not_ours"]), (2 * groups, groups))
        self.assertEqual(rx["own"], self.count - rx["lost"] + rx["duplicates"])
        self.assertEqual(rx["not_ours"], groups)
        flow, = found["flows"]
        self.assertEqual(flow["displaced"][:3], [0, groups - 1, 0])
        order = flow["reordering"]
        self.assertEqual(order["extent"], [groups - 1] + 15 * [0])
        self.assertEqual(order["n_reordering"], [groups - 1] + 15 * [0])
        self.assertEqual(order["density"][7:10], [groups - 1, self.count - rx["lost"] - 2 * (groups - 1), groups - 1])
        self.assertEqual((sum(order["density"]), order["beyond"]), (self.count - rx["lost"], 0))
        self.assertAlmostEqual(order["ratio"], (groups - 1) / (self.count - rx["lost"]))
        self.assertEqual(flow["order"]["unique"], self.count - rx["lost"])
        return found

    def test_what_happens_on_the_way_is_counted(self):
        self.check()

    def test_other_headers(self):
        """Where byte 27 is of an address too."""
        self.check("--tcp")

    def test_order_in_words(self):
        text, _ = self.run_tool("pktgen", "--count", str(self.count), "--rate", "20k", "--size", "100", "--linger", "0.5")
        self.assertIn("    reordered by at most 1 frame; behind 3 later ones in a row: 0\n", text)

    def test_what_is_not_numbered_is_checked_too(self):
        self.check("--payload", "zero")


class InjectedEach(WireMixin, Case):
    """Four flows of two streams each, on two queue pairs; each flow has a mishap of its own, at certain numbers of a stream."""

    count = 300  # of each flow
    names = ("lost", "twice", "late", "wrong")

    def setUp(self):
        self.held, self.counts = {}, collections.Counter()
        super().setUp()

    def config(self):
        return {"ports": [{"name": "a", "location": self.device}], "flows": [{
            "name": name, "tx_rx": {"choice": "port", "port": {"tx_name": "a", "rx_names": ["a"]}},
            "packet": [{"choice": "ethernet"}, {"choice": "ipv4"}, {"choice": "udp", "udp": {"src_port": {
                "choice": "values", "values": [5000 + i, 6000 + i], "metric_tags": [{"name": "port"}]}}}],
            "size": {"choice": "fixed", "fixed": 104 + 50 * i}, "rate": {"choice": "pps", "pps": 2000}, "duration": {
                "choice": "fixed_packets", "fixed_packets": {"packets": self.count}},
            "metrics": {"enable": True, "latency": {"enable": True}}} for i, name in enumerate(self.names)]}

    def change(self, _, frame):
        _, track, number, _ = signature.read(frame)
        name, last = self.names[(len(frame) - 100) // 50], self.count // 2 - 2
        self.counts[name] += 1
        if name == "late" and track in self.held:
            return [(0, frame), (0, self.held.pop(track))]
        if not 0 < number < last:
            return [(0, frame)]
        if name == "lost" and number % 10 == 3:
            self.counts["gone"] += 1
            return []
        if name == "twice" and number % 8 == 5:
            self.counts["double"] += 1
            return [(0, frame), (0, frame)]
        if name == "late" and number % 7 == 2:
            self.counts["behind"] += 1
            self.held[track] = frame
            return []
        if name == "wrong" and number % 9 == 4:
            self.counts["payload"] += 1
            return [(0, flipped(frame, 60))]
        if name == "wrong" and number % 9 == 6:
            self.counts["header"] += 1
            return [(0, flipped(frame, 27))]
        return [(0, frame)]

    def samples(self, path):
        """By flow: what the first of each number took, as the capture has it, and a constant more."""
        times = captures.tshark(path, "-Y", "frame.packet_flags_direction == 1", "-T", "fields", "-e", "frame.time_epoch")
        seen, found = set(), collections.defaultdict(list)
        for time, frame in zip(times, captures.frames(path, "-Y", "frame.packet_flags_direction == 1")):
            _, track, number, sent = signature.read(frame)
            if (track, number) not in seen:
                seen.add((track, number))
                found[self.names[(len(frame) - 100) // 50]].append(int(time.replace(".", "")) - sent)
        return found

    def check_latency(self, flow, samples, constant):
        found, samples = flow["latency_ns"], sorted(each - constant for each in samples)
        self.assertEqual((found["count"], found["min"], found["max"]), (len(samples), samples[0], samples[-1]))
        self.assertAlmostEqual(found["avg"], sum(samples) / len(samples), delta=1)
        for name, part in ("p50", 0.5), ("p90", 0.9), ("p99", 0.99), ("p999", 0.999):
            right = samples[math.ceil(part * len(samples)) - 1]
            self.assertGreaterEqual(found[name], right)
            self.assertLessEqual(found[name], right * (1 + 1 / 32))

    def test_each_on_two_queues(self):
        with tempfile.TemporaryDirectory(prefix="each-") as folder:
            file, path = os.path.join(folder, "flows.json"), os.path.join(folder, "all.pcapng")
            with open(file, "w", encoding="ascii") as config:
                json.dump(self.config(), config)
            found = json.loads(self.run_tool("pktgen", "--config", file, "--queues", "2", "--set", "rss=udpv4", "--linger", "0.5", "--json",
                                             "--capture", path)[0])
            samples = self.samples(path)
        counts = self.counts
        flows = {flow["name"]: flow for flow in found["flows"]}
        want = {"lost": {"lost": counts["gone"]}, "twice": {"duplicates": counts["double"]}, "late": {"reordered": counts["behind"]},
                "wrong": {"damaged": counts["payload"] + counts["header"]}}
        for name, flow in flows.items():
            self.assertEqual((flow["tx"]["frames"], counts[name]), (self.count, self.count))
            self.assertEqual({what: count for what, count in flow["order"].items() if count},
                             {"unique": self.count - want[name].get("lost", 0), **want[name]})
        self.assertEqual((found["rx"]["not_ours"], found["rx"]["damaged_not_ours"]), (0, 0))
        for pair in found["queue_pairs"]:
            self.assertGreater(min(pair["tx"]["sent"], pair["rx"]["own"]), 0)
        self.assertIsNone(found["latency_ns"]["jitter"])
        constant = min(samples["lost"]) - flows["lost"]["latency_ns"]["min"]
        for name, flow in flows.items():
            self.check_latency(flow, samples[name], constant)


class Unsummed(WireMixin, Case):
    """Bytes of the headers that no checksum covers are not as they were sent, one in a frame."""

    flips = ()

    def change(self, number, frame):
        at = self.flips[number % len(self.flips)]
        return [(0, frame if at is None else flipped(frame, at))]

    def check(self, macs, damaged, flips, *options):
        self.flips = flips
        found = self.facts("pktgen", "--count", str(20 * len(flips)), "--rate", "20k", *options)["rx"]
        self.assertEqual((found["own"], found["lost"]), (20 * len(flips), 0))
        self.assertEqual((found["other_macs"], found["damaged"]), (20 * macs, 20 * damaged))

    def test_addresses_and_types(self):
        self.check(2, 1, (None, 3, 8, 13))
        self.check(1, 2, (0, 13, 20, None), "--ipv6")
        self.check(1, 2, (0, 13, 17), "--vlan", "5")
        self.check(1, 2, (11, 13, 20), "--vxlan", "5", "--size", "200", "--outer-dst-ip", "2001:db8::1")

    def test_what_may_be_changed(self):
        """A tag, its priority, traffic class and hop limit: switches and routers do."""
        self.check(0, 0, (None, 14, 15), "--vlan", "5")
        self.check(0, 0, (None, 15, 21), "--ipv6")

    def test_frames_that_nobody_knows(self):
        """Nothing but Ethernet: no type can be missed."""
        with tempfile.NamedTemporaryFile("w", suffix=".json") as config:
            json.dump({"ports": [{"name": "a", "location": self.device}], "flows": [{
                "name": "f", "tx_rx": {"choice": "port", "port": {"tx_name": "a", "rx_names": ["a"]}}, "packet": [
                    {"choice": "ethernet", "ethernet": {"ether_type": {"choice": "value", "value": 0x88b5}}}],
                "duration": {"choice": "fixed_packets", "fixed_packets": {"packets": 60}}, "metrics": {"enable": True}}]}, config)
            config.flush()
            self.flips = (None, 13)
            found = json.loads(self.run_tool("pktgen", "--config", config.name, "--json")[0])["rx"]
        self.assertEqual((found["own"], found["damaged"], found["other_macs"]), (60, 0, 0))

    def test_a_router(self):
        """Gives all of them others, and is not worth a line."""
        self.check(1, 0, (3,))
        text, _ = self.run_tool("pktgen", "--count", "100", "--rate", "20k")
        self.assertNotIn("MAC", text)
        self.flips = (3, None)
        text, _ = self.run_tool("pktgen", "--count", "100", "--rate", "20k")
        self.assertIn("    50 came with other MAC addresses than the rest\n", text)


class Warmup(WireMixin, Case):
    def change(self, number, frame):
        return [] if number in (10, 90, 120) else [(0, frame)]

    def test_frames_that_are_not_counted(self):
        found = self.facts("pktgen", "--count", "50", "--warmup", "100", "--rate", "5k", "--linger", "0.5")
        self.assertEqual(self.wire.seen, 150)
        self.assertEqual((found["tx"]["sent"], found["rx"]["own"], found["rx"]["lost"]), (50, 49, 1))
        self.assertEqual(found["rx"]["received"], 49)
        _, errors = self.run_tool("pktgen", "--duration", "20ms", "--warmup", "1k", "--rate", "1k", "--max-loss", "0", code=6)
        self.assertRegex(errors, r"--warmup 1000, and \d+ frames were sent: none is counted; give fewer, or send longer")


class Flows(WireMixin, Case):
    """Three flows of a file; frames of the first are lost, one in four."""

    def setUp(self):
        self.seen = {}
        super().setUp()

    def change(self, number, frame):
        found = signature.read(frame)
        track = found[1] if found else None
        self.seen[track] = self.seen.get(track, 0) + 1
        return [] if track == 0 and self.seen[0] % 4 == 1 else [(0, frame)]

    def run_config(self, *options):
        with tempfile.NamedTemporaryFile("w", suffix=".yaml") as config:
            config.write(CONFIG)
            config.flush()
            return self.run_tool("pktgen", "--config", config.name, "--linger", "0.5", *options)[0]

    def test_each_by_itself(self):
        found = json.loads(self.run_config("--json"))
        few, many, uncounted = found["flows"]
        self.assertEqual([flow["name"] for flow in found["flows"]], ["few", "many", "uncounted"])
        self.assertEqual([flow["tx"]["frames"] for flow in found["flows"]], [40, 150, 25])
        self.assertEqual(few["order"]["lost"], 10)
        self.assertEqual((few["order"]["lost_begin"], few["order"]["lost_end"]), (1, 0))
        self.assertEqual((many["order"]["lost"], many["rx"]["frames"]), (0, 150))
        self.assertEqual(many["tx"]["bytes"], sum(96 + i % 11 * 10 for i in range(150)))
        self.assertEqual(few["latency_ns"]["count"], 30)
        self.assertIsNone(many["latency_ns"])
        self.assertEqual(many["departure_ns"]["count"], 149)
        # Between the bursts 10 ms, in them 1 ms.
        self.assertGreaterEqual(many["departure_ns"]["max"], 5e6)
        # Without numbers it is not known as ours.
        self.assertEqual((uncounted["rx"]["frames"], found["rx"]["not_ours"]), (0, 25))
        self.assertEqual([flow["unnumbered"] for flow in found["flows"]], [0, 0, 25])
        self.assertEqual(self.seen, {0: 40, 1: 150, None: 25})
        self.assertEqual(found["rx"]["lost"], 10)

    def test_as_a_table(self):
        text = self.run_config()
        self.assertRegex(text, r"(?m)^FLOW +SENT +RECEIVED +LOST")
        self.assertRegex(text, r"(?m)^few +40 .* 30 +10 ")


class Short(Case):
    def test_frames_without_room_for_a_number(self):
        text, _ = self.run_tool("pktgen", "--count", "100", "--size", "42", "--pad", "off", "--rate", "5k", "--linger", "0.1")
        self.assertIn("100 without a number,", text)
        self.assertNotIn("nothing of it came back", text)


class Pace(Case):
    def test_the_error_of_the_rate_and_the_gaps(self):
        text, _ = self.run_tool("pktgen", "--count", "200", "--rate", "1k")
        self.assertRegex(text, r"(?m)^ +requested 1\.000 kpps, achieved \S+ k?pps \([-+]\d+\.\d{3} %\)\n +gaps p50 \S+ .?s, p99 \S+ .?s, p99\.9 ")
        text, _ = self.run_tool("pktgen", "--count", "1", "--rate", "1k")
        self.assertRegex(text, r"(?m)^ +requested 1\.000 kpps$")

    def test_the_rate_within_bursts(self):
        """The gaps between them are no part of it, wherever the warmup ends."""
        for gaps, more in (4, ()), (5, ("--warmup", "10")):
            tx = self.facts("pktgen", "--bursts", "5", "--burst-frames", "20", "--burst-gap", "0.3", "--rate", "1k", *more)["tx"]
            self.assertAlmostEqual((99 - gaps) / tx["achieved"] + gaps * 0.3, (tx["sent"] - 1) / tx["pps"], delta=1e-6)
            self.assertEqual(tx["followed"], tx["achieved"] >= 990)


class Spread(Case):
    def test_256_flows_over_four_queues(self):
        found = self.facts("pktgen", "--queues", "4", "--flows", "256", "--count", "25600", "--rate", "50k",
                           "--set", "rss=udpv4", "--reply-timeout", "1min")
        self.assertEqual(found["rx"]["lost"], 0)
        for pair in found["queue_pairs"]:
            self.assertAlmostEqual(pair["rx"]["own"], 6400, delta=640)

    def test_polled_queues_share_a_thread(self):
        """Three on one CPU, at a rate and as fast as it goes; each counts what it sent."""
        cpu = str(min(os.sched_getaffinity(0)))
        for rate in ("--rate", "20k"), ():
            found = self.facts("pktgen", "--queues", "3", "--flows", "30", "--count", "3000", "--mode", "poll", "--cpus", cpu, *rate)
            self.assertEqual([pair["tx"]["sent"] for pair in found["queue_pairs"]], [1000] * 3)
            self.assertEqual((found["rx"]["own"], found["rx"]["lost"]), (3000, 0))

    def test_sixteen_queues_of_segments(self):
        """The device cuts, each segment is a frame that is known."""
        found = self.facts("pktgen", "--tcp", "--size", "3000", "--offload", "segment:500", "--count", "600", "--rate", "5k",
                           "--queues", "4")
        self.assertGreaterEqual(found["tx"]["sent"], 600)
        self.assertEqual((found["rx"]["own"], found["rx"]["lost"], found["rx"]["damaged"]), (found["tx"]["sent"], 0, 0))
        self.assertEqual(found["rx"]["bytes"], found["tx"]["bytes"])


class Merged(Case):
    """What the device does not cut comes back in one piece, in several buffers: the frames in it are known all the same."""

    def test_segments_in_one_packet(self):
        for headers in ("--tcp",), ("--tcp", "--ipv6"), ("--tcp", "--vlan", "5"), ("--udp",), ("--udp", "--ipv6"):
            found = self.facts("pktgen", *headers, "--size", "9000", "--offload", "segment:500", "--count", "600",
                               "--rate", "5k", "--want", "GUEST_CSUM,GUEST_TSO4,GUEST_TSO6,GUEST_USO4,GUEST_USO6")
            sent = found["tx"]["sent"]
            self.assertGreaterEqual(sent, 600)
            self.assertEqual((found["rx"]["own"], found["rx"]["received"], found["rx"]["not_ours"]), (sent, sent, 0))
            self.assertEqual((found["rx"]["lost"], found["rx"]["damaged"], found["rx"]["reordered"]), (0, 0, 0))
            self.assertEqual(found["rx"]["bytes"], found["tx"]["bytes"])

    def test_what_a_device_has_joined(self):
        """RSC_EXT: counts stand where the place of the checksum would be."""
        for headers in ("--tcp",), ("--tcp", "--ipv6"):
            found = self.facts("pktgen", *headers, "--size", "9000", "--offload", "segment:500", "--count", "600", "--rate",
                               "5k", "--want", "GUEST_CSUM,GUEST_TSO4,GUEST_TSO6,RSC_EXT")
            self.assertEqual((found["rx"]["own"], found["rx"]["received"]), (found["tx"]["sent"],) * 2)
            self.assertEqual((found["rx"]["lost"], found["rx"]["damaged"], found["rx"]["not_ours"]), (0, 0, 0))

    def test_a_warm_up_in_one_packet(self):
        found = self.facts("pktgen", "--tcp", "--size", "9000", "--offload", "segment:500", "--count", "300", "--rate",
                           "5k", "--want", "GUEST_CSUM,GUEST_TSO4", "--warmup", "36")
        self.assertEqual((found["rx"]["own"], found["rx"]["received"]), (found["tx"]["sent"],) * 2)
        self.assertEqual(found["rx"]["lost"], 0)


class TwoPorts(Case):
    """Two devices, each with an end of one wire; what the first sends the second receives."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="wires-")
        self.addCleanup(folder.cleanup)
        paths = [os.path.join(folder.name, name) for name in "ab"]
        self.wires = [Wire(path, lambda number, frame, other=other: self.cross(other, frame))
                      for path, other in zip(paths, (1, 0))]
        for wire in self.wires:
            self.addCleanup(wire.close)
        self.options = ("--peer", f"unix:{paths[0]}")
        self.other = Softnic("--features", self.features, "--lossless", "--peer", f"unix:{paths[1]}")
        self.addCleanup(self.other.close)
        super().setUp()
        self.device += f",vfio-user:{self.other.path}"

    flood = loop = False

    def cross(self, other, frame):
        if not self.loop:
            self.wires[other].send(frame)
        return [(0, frame)] if self.flood or self.loop else []

    def test_one_way_and_both(self):
        for both in (), ("--bidirectional",):
            found = self.facts("pktgen", "--count", "500", "--rate", "5k", *both)
            flows = found["flows"]
            self.assertEqual([flow["tx"]["frames"] for flow in flows], [500] * (1 + len(both)))
            self.assertEqual([flow["order"]["lost"] for flow in flows], [0] * len(flows))
            self.assertEqual(found["rx"]["own"], 500 * len(flows))
            self.assertEqual(found["idle_rx_queues"], [])
        text, _ = self.run_tool("pktgen", "--count", "500", "--rate", "5k")
        self.assertRegex(text, r"(?m)^PORT/PAIR +SENT .*\n\S+ +/ 0 +500 .*\n\S+ +/ 0 +0 ")
        self.assertNotIn("got nothing", text)

    def test_at_another_port(self):
        """What a switch floods is not there twice, and what comes back to its sender has not arrived."""
        self.flood = True
        for both in (), ("--bidirectional",):
            found = self.facts("pktgen", "--count", "200", "--rate", "2k", *both)
            sent = 200 * (1 + len(both))
            self.assertEqual([found["rx"][key] for key in ("received", "own", "not_ours", "other_port", "lost", "duplicates")],
                             [2 * sent, sent, sent, sent, 0, 0])
        self.loop = True
        text, _ = self.run_tool("pktgen", "--count", "200", "--rate", "2k", "--linger", "0.2", "--max-loss", "0", code=6)
        self.assertIn("ours 0, not ours 200\n", text)
        self.assertIn("    200 of the others are of a flow that is expected at another port\n", text)
        self.assertNotIn("came back", text)
        self.assertIn("NOT KEPT  flow, loss: at most 0 %, and it is 100 %", text)


if __name__ == "__main__":
    unittest.main()
