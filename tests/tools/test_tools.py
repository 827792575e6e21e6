# SPDX-License-Identifier: BSD-3-Clause
"""
The commands info, set, stats, pktgen and dump against the software device: what they report agrees with the
device's trace and with the frames, and the device reports no violation.
"""

import json
import os
import re
import resource
import signal
import struct
import subprocess
import sys
import tempfile
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "softnic"))

from nic import Softnic, binary  # noqa: E402

VIONET = os.path.join(os.environ.get("VIONET_BUILD", os.path.dirname(binary())), "vionet")
# The thread sanitizer needs address space that randomization may not leave.
PLAIN = ["setarch", "-R"] if "tsan" in VIONET else []
DEADLINE = 90
MAC, OTHER = "02:00:00:00:00:77", "02:00:00:00:00:88"


class Case(unittest.TestCase):
    features = "+all,-RING_PACKED"
    lossless = ("--lossless",)
    options = ()

    def setUp(self):
        trace = os.path.join("/tmp", f"vionet-tools-{os.getpid()}.trace")
        self.nic = Softnic("--features", self.features, "--queues", "4", *self.lossless,
                           "--trace", trace, *self.options)
        self.nic.trace = trace
        self.device = f"vfio-user:{self.nic.path}"
        self.running = []

    def tearDown(self):
        for process in self.running:
            if process.poll() is None:
                process.kill()
            process.communicate()
        try:
            self.nic.check()
        finally:
            self.nic.close()
            os.unlink(self.nic.trace)

    def start(self, command, *arguments):
        process = subprocess.Popen([*PLAIN, VIONET, command, self.device, *arguments],
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.running.append(process)
        return process

    def run_tool(self, command, *arguments, code=0):
        process = self.start(command, *arguments)
        output, errors = process.communicate(timeout=DEADLINE)
        self.assertEqual(process.returncode, code, output + errors)
        self.assertNotIn("ThreadSanitizer", errors)
        return output, errors

    def facts(self, command, *arguments, code=0):
        return json.loads(self.run_tool(command, "--json", *arguments, code=code)[0])

    def set(self, *settings, code=0):
        found = self.facts("set", *settings, code=code)
        return {item["key"]: item for item in found["results"]}

    def mapped(self):
        """Number of mappings and what follows, as info shows them."""
        text, _ = self.run_tool("info", "--running")
        return re.search(r"(?m)^mapped +[1-9]\d* bytes in (\d+) mappings?, (.*)$", text).groups()

    def hold(self, *settings):
        """A process that has the device, and is ready."""
        process = self.start("set", "--hold", *settings)
        line = process.stderr.readline()
        self.assertIn("holding", line)
        return process

    def end(self, process, code=0):
        process.send_signal(signal.SIGINT)
        output, errors = process.communicate(timeout=DEADLINE)
        self.assertEqual(process.returncode, code, output + errors)
        self.assertNotIn("ThreadSanitizer", errors)
        return output

    def commands(self):
        """Class and number of the commands that the device got, and its ack. Ends the device, so that its
        trace is complete."""
        self.nic.stop()
        with open(self.nic.trace, encoding="ascii", errors="replace") as file:
            return re.findall(r"COMMAND (\d+\.\d+) \d+ bytes: (ok|error)", file.read())


class Set(Case):
    def own(self, *arguments):
        """How many of 20 frames come back from the loop."""
        return self.facts("pktgen", "--count", "20", "--linger", "0.1", *arguments)["rx"]["own"]

    def test_mac_is_the_devices(self):
        result = self.set(f"mac={MAC}")["mac"]
        self.assertEqual(result["before"], "52:54:00:12:34:56")
        self.assertEqual(result["after"], MAC)
        # The device passes frames for it now, and no others.
        self.assertEqual(self.own("--set", f"mac={MAC}", "--dst-mac", MAC), 20)
        self.assertEqual(self.own("--set", f"mac={MAC}", "--dst-mac", OTHER), 0)
        self.assertEqual(self.commands().count(("1.1", "ok")), 3)

    def test_filters_work(self):
        none = ("--set", "nouni=on", "--set", "promisc=off", "--dst-mac", OTHER)
        self.assertEqual(self.own(*none), 0)
        self.assertEqual(self.own("--set", "promisc=on", "--dst-mac", OTHER), 20)
        self.assertEqual(self.own("--set", f"unicast={MAC}", "--dst-mac", MAC), 20)
        self.assertEqual(self.own("--set", f"unicast={MAC}", "--dst-mac", OTHER), 0)

    def test_vlans_are_let_through(self):
        own = ("--set", "promisc=on", "--set", "vlan=10,20-22", "--vlan")
        self.assertEqual([self.own(*own, vlan) for vlan in ("10", "21", "23")], [20, 20, 0])
        self.assertEqual([c for c in self.commands() if c[0] == "2.0"], 12 * [("2.0", "ok")])

    def test_coalescing_is_read_back(self):
        results = self.set("queues=2", "rx-usecs=50", "tx-frames=8", "rx-usecs@1=9")
        for key, value in (("rx-usecs", "50"), ("tx-frames", "8"), ("rx-usecs@1", "9")):
            self.assertEqual(results[key]["after"], value)
            self.assertTrue(results[key]["from_device"])
        self.assertEqual(results["rx-usecs@1"]["before"], "50")

    def test_rss_table_steers(self):
        found = self.facts("pktgen", "--queues", "4", "--count", "400", "--set", "rss=udpv4",
                           "--set", "rss-table=2,2")
        self.assertEqual([pair["rx"]["own"] for pair in found["queue_pairs"]], [0, 0, 400, 0])
        self.assertEqual([pair["tx"]["sent"] for pair in found["queue_pairs"]], 4 * [100])
        self.assertEqual(found["rx"]["lost"], 0)

    def test_beside_the_holder(self):
        holder = self.hold("queues=2")
        result = self.set("rx-usecs=77")["rx-usecs"]
        self.assertEqual((result["before"], result["after"]), ("0", "77"))
        # The device goes on: the next driver sees what the first has set.
        self.assertEqual(self.set("rx-usecs=78")["rx-usecs"]["before"], "77")
        _, errors = self.run_tool("set", "queues=3", code=2)
        self.assertIn("for the start", errors)
        result = self.set(f"mac={MAC}", code=1)["mac"]
        self.assertIn("CTRL_RX", result["error"])
        _, errors = self.run_tool("info", code=3)
        self.assertIn(f"in use by vionet set, process {holder.pid}", errors)
        self.end(holder)

    def test_refusals(self):
        for setting, words in (("foo=1", "there are: queues"), ("vlan=4095", "1 to 4094"),
                               ("rss-table=0,1,2", "power of two")):
            _, errors = self.run_tool("set", setting, code=2)
            self.assertIn(words, errors)
        _, errors = self.run_tool("set", "mtu=9000", code=2)
        self.assertIn("1500", errors)
        _, errors = self.run_tool("set", "queues=5", code=2)
        self.assertIn("4", errors)
        text, errors = self.run_tool("set", "rx-usecs=5", "--avoid", "CTRL_VQ", code=2)
        self.assertIn("--avoid CTRL_VQ: a setting needs it", errors)
        # The device got no command.
        self.assertNotIn("forgotten", text + errors)
        self.assertNotIn("forgotten", self.run_tool("set", "mtu=1400")[0])
        self.assertIn("forgotten", self.run_tool("set", "mtu=1400", "rx-usecs=5")[0])
        results = self.set("rx-usecs@3=5", "rx-frames=4", code=1)
        self.assertIn("queues=N", results["rx-usecs@3"]["error"])
        self.assertTrue(results["rx-frames"]["agreed"])


class Missing(Case):
    features = "=VERSION_1,ACCESS_PLATFORM,MAC,CTRL_VQ"

    def test_a_setting_that_the_device_has_not(self):
        result = self.set("rx-usecs=5", code=1)["rx-usecs"]
        self.assertFalse(result["agreed"])
        self.assertIn("NOTF_COAL", result["error"])
        _, errors = self.run_tool("pktgen", "--set", "rss=all", "--count", "1", code=1)
        self.assertIn("rss: ", errors)
        found = self.facts("stats", "--interval", "0.1")
        self.assertIsNone(found["types"])
        self.assertIn("DEVICE_STATS", found["note"])


class NoControl(Case):
    """A device without a control queue: each message names that."""
    features = "+all,-CTRL_VQ,-RING_PACKED"

    def test_the_feature_that_is_really_missing(self):
        for want in (), ("--want", "CTRL_RX,CTRL_VLAN"):
            for setting in "promisc=on", f"mac={MAC}", "vlan=5", "rss=all", "rx-usecs=5":
                text, _ = self.run_tool("set", *want, setting, code=1)
                self.assertIn("and that CTRL_VQ, which the device does not offer", text)
                self.assertNotIn("wanted", text)
                self.assertNotIn("forgotten", text)
        why = self.facts("info", "--want", "CTRL_RX")["features"]["why_not"]
        for feature in "CTRL_RX", "CTRL_VLAN", "MQ", "RSS_CONTEXT", "HASH_REPORT":
            self.assertEqual(why[feature], "it needs CTRL_VQ (not offered)")
        _, errors = self.run_tool("info", "--want", "CTRL_RX")
        self.assertIn("--want CTRL_RX: not accepted: it needs CTRL_VQ (not offered)", errors)
        _, errors = self.run_tool("pktgen", "--queues", "2", "--count", "2", code=2)
        self.assertIn("MQ was not accepted: it needs CTRL_VQ (not offered)", errors)

class Hashes(Case):
    def test_hashes_without_steering(self):
        """If RSS is offered too, it is not accepted, since it would steer by the hash."""
        result = self.set("hash=all")["hash"]
        self.assertTrue(result["agreed"])
        self.assertEqual(self.facts("pktgen", "--count", "10", "--set", "hash=udpv4")["rx"]["own"], 10)
        self.assertIn(("4.2", "ok"), self.commands())

    def test_hashes_that_it_steers_by(self):
        results = self.set("hash=udpv4", "rss=udpv4")
        self.assertTrue(results["hash"]["agreed"] and results["rss"]["agreed"])
        _, errors = self.run_tool("set", "hash=udpv4", "rss=all", code=2)
        self.assertIn("give both the same, or leave one of them out", errors)
        holder = self.hold("rss=all", "--want", "HASH_REPORT")
        error = self.set("hash=all", code=1)["hash"]["error"]
        self.assertIn("RSS was accepted, and the hashes that it steers by are reported", error)
        self.end(holder)

    def test_offloads_bring_what_they_need(self):
        self.assertEqual(self.set("offloads=tso4")["offloads"]["before"], "csum,tso4")

    def test_hints_are_for_what_they_help(self):
        holder = self.hold("rx-usecs=1")
        text, _ = self.run_tool("set", "promisc=on", code=1)
        self.assertIn("has to be requested when that command\nbegins", text)
        text, _ = self.run_tool("set", "rx-usecs@3=5", code=1)
        self.assertNotIn("requested when", text)
        self.end(holder)
        text, _ = self.run_tool("set", "rx-usecs@3=5", code=1)
        self.assertNotIn("forgotten", text)
        text, _ = self.run_tool("set", "rx-usecs=5")
        self.assertIn("forgotten", text)


class Stats(Case):
    def test_of_a_run(self):
        load = self.start("pktgen", "--queues", "2", "--rate", "2k", "--duration", "30", "--json",
                          "--interval", "0.2")
        self.assertIn("TX", load.stderr.readline())
        found = self.wait_for_frames()
        self.assertEqual(found["in_use_by"], f"vionet pktgen, process {load.pid}")
        later = self.facts("stats")
        for before, after in zip(found["queues"], later["queues"]):
            if before["role"].startswith("tx"):
                self.assertGreater(after["driver"]["packets"], before["driver"]["packets"])
                self.assertGreater(after["own"]["tx_packets"], before["own"]["tx_packets"])
        self.assertEqual(later["queues"][-1]["role"], "control")
        text, _ = self.run_tool("stats", "--interval", "0.2", "--count", "2")
        self.assertRegex(text, r"packets +\d+ \+\d+/s +\d+ \+\d+/s")
        self.end(load)

    def wait_for_frames(self):
        """Statistics of a run that has sent something on both pairs."""
        until = time.monotonic() + DEADLINE
        while time.monotonic() < until:
            found = self.facts("stats", "--interval", "0.05")
            sent = [q["driver"]["packets"] for q in found["queues"]
                    if q["role"].startswith("tx")]
            if len(sent) == 2 and min(sent) > 100:
                return found
        self.fail(f"no frames: {found}")

    def test_of_an_idle_device(self):
        found = self.facts("stats", "--interval", "0.1", "--set", "queues=3")
        self.assertEqual([queue["role"] for queue in found["queues"]],
                         ["rx 0", "tx 0", "rx 1", "tx 1", "rx 2",
                          "tx 2", "control"])
        self.assertIn("rx_basic", found["types"])
        self.assertEqual(found["queues"][0]["own"]["rx_packets"], 0)
        self.assertNotIn("in_use_by", found)


class Source(Case):
    options = ("--peer", "source:100")

    def test_an_idle_device_is_listened_to(self):
        found = self.facts("stats", "--interval", "0.3")
        received = found["queues"][0]
        self.assertGreater(received["driver"]["packets"], 0)
        self.assertEqual(received["driver"]["bytes"], 100 * received["driver"]["packets"])
        self.assertGreaterEqual(received["own"]["rx_packets"], received["driver"]["packets"])


class Info(Case):
    def test_reasons(self):
        found = self.facts("info", "--avoid", "RSS", "--running")
        why = found["features"]["why_not"]
        self.assertEqual(why["RSS"], "avoided")
        self.assertEqual(why["RSS_CONTEXT"], "it needs RSS (avoided)")
        self.assertEqual(why["CTRL_VLAN"], "on request (--want)")
        self.assertEqual(set(why), set(found["features"]["not_taken"]))
        self.assertNotIn("CTRL_VLAN", self.facts("info", "--want", "CTRL_VLAN")
                         ["features"]["not_taken"])

    def test_log(self):
        """VIONET_LOG: nothing by default, and up to the level that it names."""
        def said(level):
            done = subprocess.run([*PLAIN, VIONET, "info", self.device], timeout=DEADLINE, text=True,
                                  capture_output=True, env={**os.environ, "VIONET_LOG": level})
            self.assertEqual(done.returncode, 0, done.stderr)
            return done.stderr

        self.assertEqual(said(""), "")
        self.assertNotIn("debug", said("info"))
        self.assertIn(f"vionet: info: {self.device}: opened over virtio-pci", said("info"))
        for words in ("handshake: vfio-user 0.", "status: ACKNOWLEDGE set", "features offered: ",
                      "features accepted: ", "reset: done"):
            self.assertIn(words, said("debug"))
        self.assertIn("'loud' is none of warning, info, debug", said("loud"))

    def test_running(self):
        at_rest = self.facts("info")
        self.assertIsNone(at_rest["running"])
        self.assertEqual(at_rest["status"], 0x0b)
        found = self.facts("info", "--running")
        self.assertEqual(found["status"], 0x0f)
        running = found["running"]
        self.assertEqual(running["control"], "in order")
        self.assertIn("tx_basic", running["stats"])
        self.assertEqual(running["rx_coalescing"], {"usecs": 0, "frames": 0})
        self.assertEqual(running["events"], [])
        self.assertGreater(found["queues"][1]["segments_max"], 0)
        self.assertIn("tcpv6", found["steering"]["hash_names"])
        text, _ = self.run_tool("info", "--running")
        for words in ("coalescing", "control queue   in order", "hash types      ipv4 tcpv4"):
            self.assertIn(words, text)


class Mappings(Case):
    """The kernel or the server limits how many more there may be."""

    def test_a_limit(self):
        count, left = self.mapped()
        self.assertEqual(left, f"{65535 - int(count)} more possible")
        memory = self.facts("info", "--running")["memory"]
        self.assertEqual(memory["mappings"] + memory["mappings_left"], 65535)


class UnlimitedMappings(Case):
    options = ("--fault", "A27")

    def test_none(self):
        self.assertEqual(self.mapped()[1], "no limit stated")
        self.assertIsNone(self.facts("info", "--running")["memory"]["mappings_left"])


class Segments(Case):
    """The segments that the device says it takes, and the ones that it takes."""

    def probe(self, *options):
        return self.facts("info", "--probe-segments", *options)["running"]["segments"]

    def test_all_that_the_queue_allows(self):
        self.assertEqual(self.probe(), {"taken": 256, "refused": None, "possible": 256,
                                        "indirect": True, "complete": True})
        self.assertEqual(self.probe("--avoid", "INDIRECT_DESC"),
                         {"taken": 256, "refused": None, "possible": 256, "indirect": False,
                          "complete": True})
        self.assertIsNone(self.facts("info", "--running")["running"]["segments"])
        text, _ = self.run_tool("info", "--probe-segments")
        self.assertRegex(text, r"(?m)^segments +256 in an indirect table were taken, the most that")


class SmallFrames(Case):
    options = ("--mtu", "68")

    def test_no_more_segments_than_bytes(self):
        """Each further segment has a byte, and a frame has 82 of them: the search tries nothing that the
        driver would refuse."""
        found = self.facts("info", "--probe-segments")["running"]["segments"]
        self.assertEqual((found["taken"], found["possible"]), (69, 69))


class FewSegments(Case):
    options = ("--fault", "G05")

    def test_a_device_that_takes_two(self):
        """Each larger packet makes it need a reset, and it is recovered; the search ends."""
        text, _ = self.run_tool("info", "--probe-segments", "--avoid", "INDIRECT_DESC")
        self.assertRegex(text, r"(?m)^segments +2 in a chain were taken, 3 were not: the device had")
        self.assertEqual(self.facts("info", "--probe-segments", "--avoid", "INDIRECT_DESC")
                         ["running"]["segments"],
                         {"taken": 2, "refused": 3, "possible": 256, "indirect": False,
                          "complete": True})


class SlowReset(Case):
    options = ("--fault", "G05", "--reset-time", "3000")

    def test_interrupted(self):
        """Once the device is open a signal ends the search cleanly, also during a recovery; an unfinished
        search gives no result."""
        for json_or_not in ((), ("--json",)):
            before = self.starts()
            tool = self.start("info", "--probe-segments", "--avoid", "INDIRECT_DESC",
                              "--reset-timeout", "60", *json_or_not)
            self.wait_until_running(tool, before)
            tool.send_signal(signal.SIGINT)
            output, errors = tool.communicate(timeout=DEADLINE)
            self.assertEqual(tool.returncode, 0, output + errors)
            self.assertNotIn("has not finished", errors)
            if json_or_not:
                found = json.loads(output)["running"]["segments"]
                self.assertEqual((found["possible"], found["complete"]), (256, False))
            else:
                self.assertRegex(output, r"(?m)^segments .*; interrupted before the end")

    def test_a_run_is_ended_in_order(self):
        """The signal that ends a run does not interrupt the reset after it."""
        before = self.starts()
        tool = self.start("dump", "--reset-timeout", "60")
        self.wait_until_running(tool, before)
        tool.send_signal(signal.SIGTERM)
        output, errors = tool.communicate(timeout=DEADLINE)
        self.assertEqual(tool.returncode, 0, output + errors)
        self.assertNotIn("has not finished", errors)

    def starts(self):
        """How often the driver set DRIVER_OK."""
        with open(self.nic.trace, encoding="ascii", errors="replace") as file:
            return len(re.findall(r"WRITE common device_status 1 0xf\n", file.read()))

    def wait_until_running(self, tool, before):
        end = time.monotonic() + DEADLINE
        while self.starts() == before:
            self.assertIsNone(tool.poll())
            self.assertLess(time.monotonic(), end)
            time.sleep(0.01)


class Pktgen(Case):
    def test_pairs_add_up(self):
        found = self.facts("pktgen", "--queues", "4", "--count", "10001", "--rate", "20k",
                           "--linger", "3")
        pairs = found["queue_pairs"]
        self.assertEqual([pair["tx"]["sent"] for pair in pairs], [2501, 2500, 2500, 2500])
        self.assertEqual(found["tx"]["sent"], 10001)
        self.assertEqual(found["tx"]["completed"], 10001)
        self.assertEqual(found["rx"]["own"], 10001)
        for side, counters in (("tx", ("bytes", "kicks")), ("rx", ("own", "lost", "damaged"))):
            for counter in counters:
                self.assertEqual(sum(pair[side][counter] for pair in pairs),
                                 found[side][counter])
        self.assertEqual(found["latency_ns"]["min"], min(
            pair["latency_ns"]["min"] for pair in pairs if pair["latency_ns"]))
        self.nic.stop()
        sent = re.findall(r"queue \d+ tx total packets (\d+)", self.nic.output)
        self.assertEqual(sorted(map(int, sent)), [2500, 2500, 2500, 2501])

    def test_pairs_share_a_rate(self):
        """A share below one frame, or one thousandth, is 0: the sum is the requested number."""
        for rate, duration, sent in (("0.001", "0.1", [1, 0, 0, 0]), ("2", "1.9", [1, 1, 1, 1]),
                                     ("0.672kbit", "1.5", [1, 1, 0, 0])):
            found = self.facts("pktgen", "--queues", "4", "--rate", rate, "--duration", duration)
            self.assertEqual([pair["tx"]["sent"] for pair in found["queue_pairs"]], sent, rate)
            self.assertEqual(found["tx"]["sent"], sum(sent))
            self.assertTrue(found["tx"]["followed"])

    def test_threads_have_names_and_cpus(self):
        cpu = sorted(os.sched_getaffinity(0))[0]
        load = self.start("pktgen", "--queues", "3", "--rate", "300", "--duration", "30",
                          "--cpus", str(cpu))
        self.assertEqual(self.threads(load.pid, 3), {f"pktgen-{i}": {cpu} for i in range(3)})
        self.end(load)

    def threads(self, pid, count):
        """Name and CPUs of the threads that are called pktgen-N, once there are so many."""
        until = time.monotonic() + DEADLINE
        found = {}
        while time.monotonic() < until and len(found) < count:
            found = {}
            for task in os.listdir(f"/proc/{pid}/task"):
                with open(f"/proc/{pid}/task/{task}/comm", encoding="ascii") as file:
                    name = file.read().strip()
                if name.startswith("pktgen-"):
                    found[name] = os.sched_getaffinity(int(task))
            time.sleep(0.05)
        return found

    def test_one_pair_and_settings(self):
        found = self.facts("pktgen", "--count", "1000", "--set", "rx-usecs=20", "--linger", "3")
        self.assertIsNone(found["queue_pairs"])
        self.assertEqual(found["rx"]["own"], 1000)
        self.assertIn("6.1", [number for number, _ in self.commands()])

    def test_bad_command_lines(self):
        for arguments, words in (
                (("--queues", "0"), "1 to 128"), (("--queues", "9"), "4"),
                (("--cpus", "1-"), "numbers of CPUs"), (("--cpus", "1023"), "CPU 1023"),
                (("--queues", "2", "--rx-only", "--count", "5"), "--duration"),
                (("--queues", "3", "--count", "2"), "fewer frames")):
            _, errors = self.run_tool("pktgen", *arguments, code=2)
            self.assertIn(words, errors)


class FullQueue(Case):
    options = ("--fault", "D19")  # nothing comes back

    def sleeps(self, mode):
        """How often it slept before it failed, after two seconds with a full queue."""
        before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_nvcsw
        _, errors = self.run_tool("pktgen", "--no-rx", "--mode", mode, "--interval", "0", code=1)
        self.assertIn("the transmit queue is full", errors)
        return resource.getrusage(resource.RUSAGE_CHILDREN).ru_nvcsw - before

    def test_who_polls_does_not_sleep(self):
        """It once slept 200 us at a time, in which any device empties the queue, so that the timer limited
        the rate. Otherwise both only poll the device."""
        self.assertGreater(self.sleeps("interrupt") - self.sleeps("poll"), 1500)


class Dump(Case):
    options = ("--peer", "source:80")

    def test_on_two_pairs(self):
        output, errors = self.run_tool("dump", "--queues", "2", "--count", "20")
        self.assertEqual(len(output.splitlines()), 20)
        self.assertIn("20 matched", errors)

    def test_each_frame_has_a_time(self):
        """Frames are sent in bursts: each has its own time."""
        output, _ = self.run_tool("dump", "--count", "300")
        times = re.findall(r"(?m)^(\d\d:\d\d:\d\d\.\d{9}) ", output)
        self.assertEqual(len(times), 300)
        self.assertEqual(len(set(times)), 300)
        with tempfile.NamedTemporaryFile(suffix=".pcap") as file:
            self.run_tool("dump", "--count", "300", "-w", file.name)
            data, at, times = file.read(), 24, []
        while at < len(data):
            times.append(struct.unpack_from("=II", data, at))
            at += 16 + struct.unpack_from("=I", data, at + 8)[0]
        self.assertEqual((len(times), times), (300, sorted(set(times))))

    def test_one_frame_is_one_frame(self):
        _, errors = self.run_tool("dump", "--count", "1")
        self.assertIn("1 frame received, 1 matched", errors)


if __name__ == "__main__":
    unittest.main()
