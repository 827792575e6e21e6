# SPDX-License-Identifier: BSD-3-Clause
"""
`vionet test` on software devices. What they can do is known by counting: no assertion depends on how much time this
machine has. The methods themselves are tested in virtual time (unit.search).
"""

import csv
import json
import os
import pathlib
import re
import signal
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "softnic"))

from captures import complaints, tshark  # noqa: E402
from nic import DEADLINE, Softnic, binary  # noqa: E402
from reports import check_junit, check_schema, results_of_page  # noqa: E402

VIONET = os.path.join(os.environ.get("VIONET_BUILD", os.path.dirname(binary())), "vionet")
QUICK = ("--linger", "20ms", "--pause", "1ms")


class Case(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="measure-")
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def serve(self, *options):
        nic = Softnic(*options)
        self.addCleanup(nic.close)
        return f"vfio-user:{nic.path}"

    def run_test(self, *arguments, code=0, stdout=None):
        done = subprocess.run([VIONET, "test", *arguments], stdout=stdout or subprocess.PIPE, stderr=subprocess.PIPE,
                              text=True, timeout=10 * DEADLINE)
        self.assertEqual(done.returncode, code, f"{arguments}\n{done.stdout}\n{done.stderr}")
        self.assertNotIn("Sanitizer", done.stderr)
        self.errors = done.stderr
        return done.stdout

    def json(self, *arguments, code=0):
        result = json.loads(self.run_test(*arguments, "--json", code=code))
        check_schema("test", result)
        self.assertEqual(result["exit_code"], code)
        return result


def classify(goal, trials):
    """Appendix A of the draft, written once more."""
    def total(full, high):
        return sum(trial["duration_s"] for trial in trials
                   if (trial["duration_s"] >= goal["final_trial_s"] - 1e-9) == full and
                   (trial["loss_ratio"] > goal["loss_ratio"]) == high)
    exceed = goal["exceed_ratio"]
    excess = max(0, total(False, True) - total(False, False) * exceed / (1 - exceed))
    high = total(True, True) + excess
    whole = max(total(True, False) + high, goal["duration_sum_s"])
    allowed = whole * exceed + 1e-9
    return "lower" if whole - total(True, False) <= allowed else "upper" if high > allowed else "undecided"


class Search(Case):
    def test_ndr_and_pdr_of_a_limited_device(self):
        """All numbers follow from the trials, and no trial got more through than the device lets."""
        rate, depth = 2000, 50
        device = self.serve("--limit", f"{rate}pps:{depth}")
        files = {name: self.folder / name for name in ("csv", "html", "junit")}
        result = self.json("ndr", device, "--trial", "0.2", "--initial", "0.2", "--sum", "0.2", "--width", "5%",
                           "--max-rate", "20k", "--loss-ratios", "0,5%", *QUICK,
                           *[word for name, path in files.items() for word in (f"--{name}", str(path))])
        size, = result["sizes"]
        trials = result["trials"]
        self.assertEqual(size["trials"], len(trials))
        for trial in trials:
            self.assertLessEqual(trial["received"], depth + rate * (trial["seconds"] + 0.01) + 1)
            self.assertLessEqual(trial["load_pps"], 20000)
        for goal in size["goals"]:
            lower, upper = goal["lower_bound_pps"], goal["upper_bound_pps"]
            self.assertEqual(goal["result"], "regular")
            self.assertGreater(lower, 0)
            self.assertLess(lower, upper)
            self.assertLessEqual(upper - lower, 0.05 * upper * 1.000001)
            for bound, kind in (lower, "lower"), (upper, "upper"):
                self.assertEqual(classify(goal, [trial for trial in trials
                                                 if abs(trial["load_pps"] - bound) < 1e-4]), kind)
            self.assertGreater(goal["throughput_pps"], 0)
            self.assertLessEqual(goal["throughput_pps"], lower)
        self.assertEqual([goal["name"] for goal in size["goals"]], ["NDR", "loss 5%"])
        with files["csv"].open(newline="") as file:
            rows = list(csv.DictReader(file))
        self.assertEqual([(float(row["load_pps"]), int(row["received"]), int(row["latency_ns.max"] or 0)) for row in rows],
                         [(trial["load_pps"], trial["received"], (trial["latency_ns"] or {"max": 0})["max"])
                          for trial in trials])
        page = results_of_page(files["html"])
        self.assertEqual(page["trials"], trials)
        self.assertEqual(page["sizes"], result["sizes"])
        check_junit(files["junit"], 1, 0)

    def test_each_goal_keeps_its_name(self):
        device = self.serve("--lossless")
        result = self.json("ndr", device, "--sizes", "64,65,66,67", "--trial", "10ms", "--sum", "10ms", "--max-rate", "2k",
                           "--loss-ratios", "1%,2%,3%", *QUICK)
        for size in result["sizes"]:
            self.assertEqual([goal["name"] for goal in size["goals"]], ["loss 1%", "loss 2%", "loss 3%"])

    def test_all_comes_through(self):
        device = self.serve("--lossless")
        result = self.json("throughput", device, "--sizes", "64,1518", "--trial", "0.1", "--max-rate", "200pps",
                           "--min-throughput", "150pps", *QUICK)
        for size in result["sizes"]:
            goal, = size["goals"]
            self.assertEqual((goal["result"], goal["throughput_pps"]), ("above max rate", 200))
            self.assertAlmostEqual(size["line_pps"], 1e10 / 8 / (size["size"] + 20), delta=1)
        self.assertEqual([limit["kept"] for limit in result["limits"]], [True, True])

    def test_no_rate_is_found(self):
        """The device is empty for ever once ten frames have passed."""
        device = self.serve("--limit", "0.001pps:10")
        junit = self.folder / "junit"
        output = self.run_test("throughput", device, "--sizes", "64", "--trial", "0.1", "--max-rate", "1k", "--junit",
                               str(junit), *QUICK, code=6)
        self.assertIn("NOT KEPT", output)
        self.assertIn("loses even at", output)
        self.assertRegex(self.errors, rf"64 bytes, throughput: no frame came back at .*; 'vionet pktgen {device} --rate \d+' shows")
        check_junit(junit, 1, 1)

    def test_what_to_do_where_no_rate_is_found(self):
        device = self.serve("--limit", "50pps:5")
        for rate, text in (("1k", r"(\d+) of (\d+) frames were lost at 1\.000 kpps, the lowest rate; give a lower --min-rate, or"),
                           ("900M", r"only (\d+) of (\d+) frames could be sent at 900\.0 Mpps, the lowest rate; give a lower --min-rate, end")):
            self.json("ndr", device, "--trial", "50ms", "--sum", "50ms", "--initial", "50ms", "--loss-ratios", "0", "--max-rate", rate,
                      "--min-rate", rate, *QUICK, code=6)
            found = re.search(f"64 bytes, NDR: {text}", self.errors)
            self.assertTrue(found and int(found[1]) < int(found[2]), self.errors)


class Methods(Case):
    def test_frame_loss_to_the_frame(self):
        device = self.serve("--limit", "0.001pps:30")
        result = self.json("loss", device, "--sizes", "64", "--rate", "500pps", "--trial", "0.2", "--step", "25%",
                           "--max-loss", "50%", *QUICK, code=6)
        trials = result["trials"]
        self.assertEqual([trial["load_pps"] for trial in trials], [500, 375, 250, 125])
        self.assertEqual(result["deviations"][2:], ["trials are shorter than 60 s (RFC 2544, 24)",
                                                    "steps are larger than 10 % (RFC 2544, 26.3)"])
        self.assertEqual([trial["received"] for trial in trials if not trial["repeated"]],
                         [30, 0, 0, 0][:sum(not trial["repeated"] for trial in trials)])
        self.assertEqual(trials[-1]["loss_ratio"], 1)
        self.assertEqual([limit["kept"] for limit in result["limits"]], [False])

    def test_latency(self):
        device = self.serve("--lossless")
        hdr, page = self.folder / "hdr", self.folder / "page"
        result = self.json("latency", device, "--sizes", "128", "--rate", "1k", "--trial", "0.2", "--repeat", "3",
                           "--max-latency", "99.9%:1h", "--hdr", str(hdr), "--html", str(page), *QUICK)
        size, = result["sizes"]
        latency = size["latency_ns"]
        self.assertEqual((latency["trials"], len(result["trials"])), (3, 3))
        self.assertEqual(result["deviations"][3:], ["trials are shorter than 120 s (RFC 2544, 26.2)",
                                                    "fewer than 20 trials (RFC 2544, 26.2)"])
        self.assertEqual(latency["count"], sum(trial["received"] for trial in result["trials"]))
        self.assertEqual(latency["percentiles"][-1], [100, latency["max"], latency["count"]])
        lines = hdr.read_text().splitlines()
        self.assertEqual(lines[0].split(), ["Value", "Percentile", "TotalCount", "1/(1-Percentile)"])
        rows = [line.split() for line in lines[2:-3]]
        self.assertEqual([[float(row[0]), int(row[2])] for row in rows],
                         [[value, count] for _, value, count in latency["percentiles"]])
        self.assertIn(f"Total count    = {latency['count']:12}]", lines[-2])
        self.assertEqual(results_of_page(page)["sizes"], result["sizes"])
        self.assertTrue(result["limits"][0]["kept"])
        self.run_test("latency", device, "--sizes", "64", "--rate", "1k", "--trial", "0.1", "--repeat", "1",
                      "--max-latency", "0.001us", *QUICK, code=6)

    def test_back_to_back(self):
        device = self.serve("--lossless")
        result = self.json("back-to-back", device, "--sizes", "64", "--trial", "0.1", "--max-rate", "500pps",
                           "--longest", "0.2", "--repeat", "2", "--min-frames", "100", *QUICK)
        burst = result["sizes"][0]["back_to_back"]
        self.assertEqual(result["deviations"][2:], ["the longest burst is shorter than 2 s (RFC 2544, 26.4)",
                                                    "fewer than 50 searches (RFC 2544, 26.4)"])
        self.assertEqual((burst["frames"], burst["min"], burst["max"], burst["longest_tried"]), (100, 100, 100, True))
        self.assertEqual(result["trials"][-1]["burst_frames"], 100)

    def test_soak(self):
        device, junit = self.serve("--lossless"), self.folder / "junit"
        output = self.run_test("soak", device, "--rate", "500pps", "--trial", "0.5", "--junit", str(junit))
        self.assertIn("lost 0 (0 %)", output)
        check_junit(junit, 1, 0)
        text = self.run_test("soak", device, "--rate", "900M", "--trial", "50ms", *QUICK[:2], code=6)
        found = re.search(r"sent (\d+) of (\d+), received (\d+): lost (\d+), not sent (\d+) \((\S+) % together\)", text)
        sent, intended, received, lost, unsent = (int(each) for each in found.groups()[:5])
        self.assertEqual((lost, unsent), (sent - received, intended - sent))
        self.assertAlmostEqual(float(found[6]), 100 * (lost + unsent) / intended, delta=0.01)

    def test_soak_ends_at_the_first_limit(self):
        device, junit = self.serve("--limit", "0.001pps:10"), self.folder / "junit"
        result = self.json("soak", device, "--rate", "1k", "--trial", "1h", "--max-loss", "20%", "--junit", str(junit),
                           *QUICK[:2], code=6)
        self.assertEqual(result["soak"]["violated"], "loss")
        self.assertEqual(result["trials"][0]["received"], 10)
        self.assertGreater(len(result["series"]), 0)
        suite = check_junit(junit, 1, 1)
        self.assertIn("at most 20 %", suite[0][0].get("message"))

    def test_standard_sizes_end_at_the_mtu(self):
        device = self.serve("--lossless", "--mtu", "500")
        result = self.json("loss", device, "--rate", "200pps", "--trial", "0.05", *QUICK)
        self.assertEqual([size["size"] for size in result["sizes"]], [64, 128, 256, 512])
        self.run_test("loss", device, "--rate", "200pps", "--trial", "0.05", "--sizes", "64,600", *QUICK, code=2)
        self.assertIn("--sizes: 600 bytes, but the MTU allows 518 with FCS", self.errors)


class Paths(Case):
    def setUp(self):
        super().setUp()
        wire = f"unix:{self.folder}/wire"
        self.ends = (self.serve("--lossless", "--peer", wire, "--mac", "02:00:00:00:00:0a"),
                     self.serve("--lossless", "--peer", wire, "--mac", "02:00:00:00:00:0b"))

    def test_both_directions(self):
        result = self.json("loss", ",".join(self.ends), "--sizes", "64", "--rate", "300pps", "--trial", "0.2", "--step",
                           "40%", *QUICK)
        first = result["trials"][0]
        self.assertEqual((first["intended"], first["received"], first["loss_ratio"]), (120, first["sent"], 0))
        self.assertEqual([port["mac"] for port in result["devices"]], ["02:00:00:00:00:0a", "02:00:00:00:00:0b"])
        self.assertEqual(result["options"]["direction"], "both")

    def test_one_direction(self):
        """The other end only says where it is."""
        result = self.json("loss", *self.ends, "--direction", "one", "--sizes", "64", "--rate", "300pps", "--trial",
                           "0.2", "--step", "40%", *QUICK)
        first = result["trials"][0]
        self.assertEqual((first["intended"], first["received"], first["loss_ratio"]), (60, first["sent"], 0))

    def test_the_summary_names_both(self):
        for direction, words in ("one", "%s to %s, "), ("both", "%s and %s (rates of each direction), "):
            text = self.run_test("soak", *self.ends, "--direction", direction, "--rate", "300pps", "--trial", "0.1", *QUICK[:2])
            self.assertIn(f"soak, {words % self.ends}", text)


class Flows(Case):
    """Headers of options, and of a file, as tshark sees them at the far end, which records and sends nothing back."""

    def record(self, *names):
        nics = [Softnic("--lossless", "--mac", f"02:00:00:00:00:0{name}", "--peer", f"pcap::{self.folder}/{name}")
                for name in names]
        self.nics = nics
        for nic in nics:
            self.addCleanup(nic.close)
        return [f"vfio-user:{nic.path}" for nic in nics]

    def fields(self, name, *fields):
        """What differs of the fields, in frames that tshark finds good."""
        for nic in self.nics:
            nic.stop()
        path = str(self.folder / name)
        self.assertEqual(complaints(path), [])
        lines = tshark(path, "-T", "fields", "-E", "occurrence=a", *[word for field in fields for word in ("-e", field)])
        self.assertGreater(len(lines), 20)
        return {tuple(line.split("\t")) for line in lines}

    def lose(self, *arguments):
        return self.json("loss", *arguments, "--rate", "500pps", "--trial", "0.1", "--step", "50%", *QUICK)

    def test_options(self):
        """Those of the second device have sources and destinations the other way round."""
        result = self.lose(*self.record("a", "b"), "--vlan", "100", "--tcp", "--src-ip", "10.0.0.0/30", "--dst-ip", "10.1.0.9",
                           "--dst-port", "443", "--flows", "5")
        self.assertEqual([size["size"] for size in result["sizes"]], [80, 128, 256, 512, 1024, 1280, 1518])
        ports = range(49152, 49157)
        self.assertEqual(
            self.fields("a", "eth.dst", "vlan.id", "ip.src", "ip.dst", "tcp.srcport", "tcp.dstport"),
            {("02:00:00:00:00:0b", "100", f"10.0.0.{i % 4}", "10.1.0.9", str(ports[i % 5]), "443") for i in range(20)})
        self.assertEqual(
            self.fields("b", "eth.dst", "vlan.id", "ip.src", "ip.dst", "tcp.srcport", "tcp.dstport"),
            {("02:00:00:00:00:0a", "100", "10.1.0.9", f"10.0.0.{i % 4}", "443", str(ports[i % 5])) for i in range(20)})
        flows = result["options"]["config"]["flows"]
        self.assertEqual([flow["name"] for flow in flows], ["flow", "back"])

    def test_a_tunnel(self):
        device, = self.record("a")
        result = self.lose(device, "--vxlan", "42", "--outer-dst-mac", "02:00:00:00:00:77", "--ipv6", "--sizes", "200")
        self.assertEqual([size["size"] for size in result["sizes"]], [200])
        self.assertEqual(self.fields("a", "eth.dst", "vxlan.vni", "ipv6.dst", "frame.len"),
                         {("02:00:00:00:00:77,02:76:69:6f:00:01", "42", "2001:2:0:8000::1", "196")})

    def test_a_mix_of_sizes(self):
        device, = self.record("a")
        result = self.lose(device, "--sizes", "imix,68", "--vlan", "7")
        self.assertEqual([(size["name"], size["size"]) for size in result["sizes"]], [("imix", 366), ("68 bytes", 68)])
        self.assertEqual(self.fields("a", "frame.len"), {("64",), ("594",), ("1518",)})

    def test_one_direction_with_a_source(self):
        """What the second device says of itself has its own address."""
        self.lose(*self.record("a", "b"), "--direction", "one", "--src-mac", "02:00:00:00:00:55", "--sizes", "64")
        self.assertEqual(self.fields("a", "eth.src", "eth.dst"), {("02:00:00:00:00:55", "02:00:00:00:00:0b")})
        lines = tshark(str(self.folder / "b"), "-T", "fields", "-e", "eth.src")
        self.assertEqual(set(lines), {"02:00:00:00:00:0b"})

    def file(self, *flows, ports=("one", "two")):
        """A file with flows (from, to); they say much that the trials do not follow."""
        path = self.folder / "config.json"
        path.write_text(json.dumps({"ports": [{"name": name} for name in ports], "flows": [{
            "name": f"{tx} to {rx} ({number})", "tx_rx": {"choice": "port", "port": {"tx_name": tx, "rx_names": [rx]}},
            "packet": [{"choice": "ethernet", "ethernet": {"dst": {"value": "02:00:00:00:00:99"}}},
                       {"choice": "ipv4", "ipv4": {"dst": {"choice": "values", "values": ["10.0.0.7", "10.0.0.9"]}}},
                       {"choice": "udp", "udp": {}}],
            "size": {"choice": "fixed", "fixed": 999}, "rate": {"choice": "percentage", "percentage": 100},
            "duration": {"choice": "fixed_packets", "fixed_packets": {"packets": 1}}}
                for number, (tx, rx) in enumerate(flows)]}))
        return str(path)

    def test_a_file(self):
        one, two = self.record("a", "b")
        config = self.file(("one", "two"), ("two", "one"))
        self.lose("--port", f"two={two}", "--config", config, one, "--sizes", "128")
        for name in "ab":
            self.assertEqual(self.fields(name, "eth.dst", "ip.dst", "frame.len"),
                             {("02:00:00:00:00:99", address, "124") for address in ("10.0.0.7", "10.0.0.9")})

    def test_files_that_do_not_fit(self):
        loop, forth, back, away = ("one", "one"), ("one", "two"), ("two", "one"), ("two", "two")
        for flows, more, text in (
                ((), (), "one or two ports are wanted, with one flow from each"),
                ((forth, forth), (), r"flows\[1\] has to go from ports\[1\] to ports\[0\]"),
                ((back, forth), (), r"flows\[0\] has to go"), ((loop,), (), r"flows\[0\] has to go"),
                ((forth, away), (), r"flows\[1\] has to go"), ((forth,), ("--direction", "both"), "no flow from its second port"),
                ((forth,), ("--tcp",), "--tcp has no effect with --config")):
            with self.subTest(flows=flows):
                self.run_test("ndr", "vfio-user:a,vfio-user:b", "--config", self.file(*[
                    (tx, rx) for tx, rx in flows]), *more, code=2)
                self.assertRegex(self.errors, text)
                self.assertEqual(self.errors.count("\n"), 1, self.errors)


class Refusals(Case):
    def test_command_lines(self):
        for arguments, text in (
                ((), "what is to be measured?"), (("speed", "x"), "test 'speed'"), (("ndr",), "no device named"),
                (("ndr", "a", "a"), "named twice"), (("ndr", "vfio-user:a,vfio-user:b,vfio-user:c"), "two devices at most"),
                (("ndr", "a", "b", "c"), "two devices at most"), (("ndr", ""), "is empty"),
                (("ndr", "a", "b", "--src-mac", "02:00:00:00:00:01"), "--src-mac: both devices would send with it"),
                (("ndr", "a", "--tcp", "--icmp"), "--tcp and --icmp: give one of them"),
                (("ndr", "a", "--vlan", "5", "--sizes", "64"), "64 bytes have no room .* 68 are the least"),
                (("ndr", "a", "--sizes", "imix,362"), "362 is the mean of imix"), (("ndr", "a", "--sizes", "imixes"), "--sizes"),
                (("ndr", "a", "--config", "/nowhere/file"), "/nowhere/file"),
                (("soak", "a"), "--rate is missing"), (("ndr", "a", "--rate", "1k"), "--rate has no effect with ndr"),
                (("throughput", "a", "--sum", "1"), "--sum has no effect with throughput"),
                (("loss", "a", "--hdr", "x"), "--hdr has no effect with loss"),
                (("ndr", "a", "--direction", "one"), "no effect with one device"),
                (("ndr", "a", "--sizes", "63"), "--sizes"), (("ndr", "a", "--sizes", ""), "--sizes"),
                (("ndr", "a", "--width", "0"), "a share is wanted"), (("ndr", "a", "--width", "nan"), "a share is wanted"),
                (("ndr", "a", "--exceed", "100%"), "a share is wanted"), (("ndr", "a", "--exceed", "1e-1"), "a share"),
                (("ndr", "a", "--loss-ratios", "0.5,0.1"), "larger than the one before"),
                (("soak", "a", "--rate", "max"), "a rate is wanted"),
                (("soak", "a", "--rate", "1k", "--sizes", "64,128"), "one size"),
                (("latency", "a", "--max-latency", "200%:1ms"), "a share is wanted"),
                (("latency", "a", "--repeat", "0"), "--repeat")):
            with self.subTest(arguments=arguments):
                self.run_test(*arguments, code=2)
                self.assertRegex(self.errors, text)
                self.assertEqual(self.errors.count("\n"), 1, self.errors)

    def test_files_that_cannot_be_written(self):
        device = self.serve("--lossless")
        for option in "--csv", "--html", "--junit", "--hdr":
            self.run_test("soak", device, "--rate", "1k", "--trial", "1h", option, "/nonexistent/file", code=1)
            self.assertIn("/nonexistent/file: No such file or directory", self.errors)
            self.run_test("soak", device, "--rate", "100pps", "--trial", "0.05", option, "/dev/full", code=1)
            self.assertIn("/dev/full: No space left on device", self.errors)
        with open("/dev/full", "w") as full:
            self.run_test("soak", device, "--rate", "100pps", "--trial", "0.05", code=1, stdout=full)

    def test_rates_of_an_unknown_link(self):
        device = self.serve("--lossless", "--features", "-SPEED_DUPLEX")
        for arguments in (("loss", device, "--rate", "50%"),
                          ("throughput", device, "--max-rate", "1k", "--min-throughput", "90%", "--trial", "10ms"),
                          ("soak", device, "--rate", "1k", "--min-throughput", "90%", "--trial", "10ms")):
            self.assertEqual(self.run_test(*arguments, code=2), "")
            self.assertIn(f"{arguments[-4] if arguments[0] != 'loss' else '--rate'}: {device} does not state the speed of "
                          "its link", self.errors)


class Signals(Case):
    def interrupt(self, *arguments):
        process = subprocess.Popen([VIONET, "test", *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.addCleanup(process.kill)
        return process

    def test_a_search_is_not_complete(self):
        device = self.serve("--lossless")
        process = self.interrupt("throughput", device, "--sizes", "64", "--max-rate", "500pps", "--initial", "0.1",
                                 "--trial", "1h", *QUICK)
        line = process.stderr.readline()
        while " s   " not in line and line:
            line = process.stderr.readline()
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=DEADLINE)
        self.assertEqual(process.returncode, 1, errors)
        self.assertIn("interrupted: the measurement is not complete", errors)

    def begin_soak(self, device):
        """Some frames have passed."""
        control = self.folder / "junit"
        process = self.interrupt("soak", device, "--rate", "500pps", "--trial", "1h", "--json", "--junit", str(control))
        while not control.exists():
            self.assertIsNone(process.poll())
        for _ in range(1000):
            done = subprocess.run([VIONET, "stats", device, "--json"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                                  text=True, check=False)
            if done.returncode == 0 and any(queue["driver"].get("packets", 0) > 10
                                            for queue in json.loads(done.stdout)["queues"] if queue["driver"]):
                break
        return process

    def test_a_soak_is_what_it_was_until_then(self):
        process = self.begin_soak(self.serve("--lossless"))
        process.send_signal(signal.SIGINT)
        output, errors = process.communicate(timeout=DEADLINE)
        self.assertEqual(process.returncode, 0, errors)
        trial, = json.loads(output)["trials"]
        self.assertEqual(trial["loss_ratio"], 0)
        self.assertGreater(trial["received"], 0)

    def test_a_soak_whose_device_goes_away(self):
        nic = Softnic("--lossless")
        self.addCleanup(nic.close)
        process = self.begin_soak(f"vfio-user:{nic.path}")
        nic.process.kill()
        output, errors = process.communicate(timeout=DEADLINE)
        self.assertEqual(process.returncode, 5, errors)
        trial, = json.loads(output)["trials"]
        self.assertGreater(trial["received"], 0)
        self.assertLessEqual(trial["received"], trial["sent"])


class Schema(Case):
    def test_pktgen(self):
        device = self.serve("--lossless")
        for options in ((), ("--queues", "2", "--interval", "50ms"), ("--no-rx",)):
            done = subprocess.run([VIONET, "pktgen", device, "--count", "200", "--rate", "1k", "--json", *options],
                                  stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=DEADLINE)
            self.assertEqual(done.returncode, 0, done.stderr)
            check_schema("pktgen", json.loads(done.stdout))


if __name__ == "__main__":
    unittest.main()
