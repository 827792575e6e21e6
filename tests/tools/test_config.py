# SPDX-License-Identifier: BSD-3-Clause
"""
What `vionet pktgen` makes of its options and of configuration files: printed, read again, and refused in one
sentence; and one that is sent. What files may say is in tests/unit/test_otg*.c.
"""

import collections
import functools
import ipaddress
import json
import os
import pathlib
import re
import shlex
import struct
import subprocess
import tempfile
import unittest

from test_command import vionet
from test_tools import PLAIN, VIONET, Case

YAML = "yaml" in vionet("--version")[1].split()
PAGE = pathlib.Path(__file__).resolve().parents[2] / "docs" / "pktgen-config.md"


# The key that Toeplitz hashes are verified with, and the driver's default.
KEY = int("6d5a56da255b0ec24167253d43a38fb0d0ca2bcbae7b30b477cb2da38030f20c6a42b73bbeac01fa", 16)


def toeplitz(data):
    bits = [8 * i + j for i, byte in enumerate(data) for j in range(8) if byte >> (7 - j) & 1]
    return functools.reduce(lambda sum_, bit: sum_ ^ KEY >> (320 - 32 - bit) & 0xffffffff, bits, 0)


class Printed(unittest.TestCase):
    """Options, as the configuration that they stand for."""

    def printed(self, *options, **more):
        code, text, errors = vionet("pktgen", *options, "--print-config=json", **more)
        self.assertEqual((code, errors), (0, ""), options)
        return json.loads(text)

    def flow(self, *options):
        return self.printed(*options)["flows"][0]

    def headers(self, *options):
        """[("ethernet", {...}), ...]"""
        return [(one["choice"], one[one["choice"]]) for one in self.flow(*options)["packet"]]

    def names(self, *options):
        return " ".join(name for name, _ in self.headers(*options))

    def field(self, header, field, *options, number=0):
        """A field of the header of that name, or of the last one of them."""
        found = [fields for name, fields in self.headers(*options) if name == header][number]
        for part in field.split("."):
            found = found[part]
        return found

    def test_the_least(self):
        found = self.printed()
        self.assertEqual(found["ports"], [{"name": "port1"}])
        flow = found["flows"][0]
        self.assertEqual(self.names(), "ethernet ipv4 udp")
        self.assertEqual(flow["size"], {"choice": "fixed", "fixed": 64})
        self.assertEqual(flow["x-vionet"], {"rate": "max"})
        self.assertEqual(flow["tx_rx"]["port"], {"tx_name": "port1", "rx_names": ["port1"]})
        self.assertTrue(flow["metrics"]["enable"] and flow["metrics"]["latency"]["enable"])
        self.assertEqual(self.field("ipv4", "src.value"), "198.18.0.1")
        self.assertEqual(self.field("udp", "dst_port.value"), 9)

    def test_devices(self):
        for devices, wanted in ((("0000:65:00.2",), ["0000:65:00.2"]),
                                (("vfio-user:/a,vhost-user:/b",), ["vfio-user:/a", "vhost-user:/b"]),
                                (("vfio-user:/a", "65:00.2"), ["vfio-user:/a", "65:00.2"]),
                                (("vhost-user:/b,server,wait=30,0000:65:00.2",),
                                 ["vhost-user:/b,server,wait=30", "0000:65:00.2"]),
                                (("vfio-user:/a,b,c",), ["vfio-user:/a,b,c"])):
            found = self.printed(*devices)
            self.assertEqual([port["location"] for port in found["ports"]], wanted)
        ends = [flow["tx_rx"]["port"] for flow in
                self.printed("vfio-user:/a,vfio-user:/b", "--bidirectional")["flows"]]
        self.assertEqual(ends, [{"tx_name": "port1", "rx_names": ["port2"]},
                                {"tx_name": "port2", "rx_names": ["port1"]}])
        self.assertNotIn("flows", self.printed("--rx-only"))
        self.assertNotIn("rx_names", self.flow("--no-rx")["tx_rx"]["port"])

    def test_the_way_back(self):
        back = self.printed("vfio-user:/a,vfio-user:/b", "--bidirectional", "--src-ip", "10.0.0.1",
                            "--dst-port", "80")["flows"][1]["packet"]
        self.assertEqual((back[1]["ipv4"]["src"]["value"], back[1]["ipv4"]["dst"]["value"]),
                         ("198.19.0.1", "10.0.0.1"))
        self.assertEqual((back[2]["udp"]["src_port"]["value"], back[2]["udp"]["dst_port"]["value"]),
                         (80, 49152))

    def test_ranges(self):
        for options, header, field, wanted in (
                (("--src-ip", "10.0.0.0/24"), "ipv4", "src.increment",
                 {"start": "10.0.0.0", "step": "0.0.0.1", "count": 256}),
                (("--dst-ip", "10.0.0.9-10.0.1.0"), "ipv4", "dst.increment.count", 248),
                (("--dst-ip", "10.0.0.9,10.0.0.3"), "ipv4", "dst.values", ["10.0.0.9", "10.0.0.3"]),
                (("--src-ip", "2001:db8::/112"), "ipv6", "src.increment.count", 65536),
                (("--dst-ip", "2001:db8::1"), "ipv6", "dst.value", "2001:db8::1"),
                (("--src-port", "1000-2000"), "udp", "src_port.increment",
                 {"start": 1000, "step": 1, "count": 1001}),
                (("--src-port", "0-65535:256"), "udp", "src_port.increment.count", 256),
                (("--dst-port", "80,443"), "udp", "dst_port.values", [80, 443]),
                (("--src-mac", "02:00:00:00:00:ff+16"), "ethernet", "src.increment",
                 {"start": "02:00:00:00:00:ff", "step": "00:00:00:00:00:01", "count": 16}),
                (("--ttl", "5-5"), "ipv4", "time_to_live.value", 5),
                (("--dscp", "46"), "ipv4", "priority.dscp.phb.value", 46),
                (("--ipv6", "--dscp", "1,46"), "ipv6", "traffic_class.values", [4, 184]),
                (("--ipv6", "--ttl", "7"), "ipv6", "hop_limit.value", 7)):
            self.assertEqual(self.field(header, field, *options), wanted, options)

    def test_flows(self):
        tagged = [{"name": "flow"}]
        for options, header, field, first, count in (
                ((), "udp", "src_port", 49152, 256),
                (("--src-port", "7"), "udp", "src_port", 7, 256),
                (("--tcp",), "tcp", "src_port", 49152, 16384),
                (("--icmp",), "icmp", "echo.identifier", 0, 65536),
                ((), "ipv4", "src", "10.0.0.1", 1000000),
                (("--src-ip", "10.9.0.0"), "ipv4", "src", "10.9.0.0", 20000),
                (("--ipv6",), "ipv6", "src", "2001:2::1", 10000000)):
            found = self.field(header, field, "--flows", str(count), *options)
            self.assertEqual((found["increment"]["start"], found["increment"]["count"]), (first, count))
            self.assertEqual(found["metric_tags"], tagged, options)
        self.assertNotIn("metric_tags", self.field("udp", "src_port", "--src-port", "1-9"))
        self.assertEqual(self.field("udp", "src_port", "--queues", "4")["increment"]["count"], 4)
        self.assertIn("value", self.field("udp", "src_port", "--queues", "4", "--dst-ip", "10.0.0.0/8"))

    def test_flows_are_spread(self):
        """By the hash that receive queues are chosen with: as evenly as can be."""
        for count, queues in (256, 4), (256, 16), (1000, 4):
            flow = self.headers("--flows", str(count))
            addresses = b"".join(ipaddress.ip_address(flow[1][1][end]["value"]).packed for end in ("src", "dst"))
            port = flow[2][1]["src_port"]["increment"]
            seen = collections.Counter(
                toeplitz(addresses + struct.pack(">HH", port["start"] + i, flow[2][1]["dst_port"]["value"])) % 128 % queues
                for i in range(port["count"]))
            self.assertLess(max(seen.values()) - min(seen.values()), 0.1 * count / queues, (count, queues))

    def test_tags(self):
        self.assertEqual(self.names("--vlan", "5"), "ethernet vlan ipv4 udp")
        self.assertNotIn("ether_type", self.headers("--vlan", "5")[0][1])
        double = self.headers("--vlan", "100.200", "--pcp", "3")
        self.assertEqual([name for name, _ in double], "ethernet vlan vlan ipv4 udp".split())
        self.assertEqual(double[0][1]["ether_type"]["value"], 0x88a8)
        self.assertEqual([tag["id"]["value"] for _, tag in double[1:3]], [100, 200])
        self.assertEqual([tag["priority"]["value"] for _, tag in double[1:3]], [3, 3])
        self.assertNotIn("tpid", double[1][1])
        other = self.headers("--vlan", "8021q:1.8021ad:2.3-9")
        self.assertNotIn("ether_type", other[0][1])
        self.assertEqual(other[1][1]["tpid"]["value"], 0x88a8)
        self.assertEqual(other[3][1]["id"]["increment"]["count"], 7)
        self.assertEqual(self.field("ethernet", "ether_type.value", "--vlan", "8021ad:7"), 0x88a8)

    def test_tunnels(self):
        for options, names in (
                ("--vxlan 5", "ethernet ipv4 udp vxlan ethernet ipv4 udp"),
                ("--vxlan 5 --ipv6 --tcp --vlan 3", "ethernet vlan ipv4 udp vxlan ethernet ipv6 tcp"),
                ("--gre --icmp", "ethernet ipv4 gre ipv4 icmp"),
                ("--gtp 7 --ipv6 --icmp", "ethernet ipv4 udp gtpv1 ipv6 icmpv6"),
                ("--mpls 100.200", "ethernet mpls mpls ipv4 udp"),
                ("--gre --outer-dst-ip 2001:db8::9", "ethernet ipv6 gre ipv4 udp")):
            self.assertEqual(self.names(*options.split()), names)
        self.assertEqual(self.field("vxlan", "vni.value", "--vxlan", "5"), 5)
        self.assertEqual(self.field("gtpv1", "teid.increment.count", "--gtp", "1-9"), 9)
        self.assertEqual(self.field("ipv6", "dst.value", "--gre", "--outer-dst-ip", "2001:db8::9"), "2001:db8::9")
        outer = ("--vxlan", "5", "--outer-src-mac", "02:00:00:00:00:07", "--src-mac", "02:00:00:00:00:08")
        self.assertEqual(self.field("ethernet", "src.value", *outer), "02:00:00:00:00:07")
        self.assertEqual(self.field("ethernet", "src.value", *outer, number=1), "02:00:00:00:00:08")
        # Queues of the other side are chosen by the tunnel's port.
        self.assertEqual(self.field("udp", "src_port.increment.count", "--vxlan", "5", "--flows", "100"), 100)

    def test_sizes(self):
        for options, wanted in (
                ("--size 60", {"choice": "fixed", "fixed": 64}),
                ("--size 42 --pad off", {"choice": "fixed", "fixed": 46}),
                ("--vlan 5", {"choice": "fixed", "fixed": 68}),
                ("--ipv6", {"choice": "fixed", "fixed": 84}),
                ("--size 60-1514", {"choice": "random", "random": {"min": 64, "max": 1518}}),
                ("--size 64-1518:128",
                 {"choice": "increment", "increment": {"start": 68, "end": 1522, "step": 128}})):
            self.assertEqual(self.flow(*options.split())["size"], wanted, options)
        self.assertIs(self.flow("--size", "42", "--pad", "off")["x-vionet"]["pad"], False)
        for options, wanted in (("--size 60:7,1514:2", [(64, 7), (1518, 2)]),
                                ("--size imix", [(64, 7), (594, 4), (1518, 1)]),
                                ("--size imix --vlan 1.2", [(72, 7), (602, 4), (1526, 1)])):
            found = self.flow(*options.split())["size"]["weight_pairs"]["custom"]
            self.assertEqual([(one["size"], one["weight"]) for one in found], wanted, options)

    def test_pace(self):
        for options, part, wanted in (
                ("--rate 10k", "rate", {"choice": "pps", "pps": 10000}),
                ("--rate 2.5Gbit", "rate", {"choice": "bps", "bps": 2500000000}),
                ("--rate 33.5%", "rate", {"choice": "percentage", "percentage": 33.5}),
                ("--rate 0.5pps", "x-vionet", {"rate": "0.500pps"}),
                ("--rate 5 --arrival poisson --seed 9", "x-vionet", {"arrival": "poisson", "seed": 9}),
                ("--rate 5 --count 100", "duration",
                 {"choice": "fixed_packets", "fixed_packets": {"packets": 100}}),
                ("--rate 5 --duration 1500ms", "duration",
                 {"choice": "fixed_seconds", "fixed_seconds": {"seconds": 1.5}}),
                ("--rate 5 --duration 2 --count 9", "x-vionet", {"seconds": 2}),
                ("--rate 5 --count 5G", "x-vionet", {"packets": 5000000000}),
                ("--rate 5 --bursts 3 --burst-frames 10 --burst-gap 1ms", "duration",
                 {"choice": "burst", "burst": {"bursts": 3, "packets": 10, "inter_burst_gap":
                                               {"choice": "nanoseconds", "nanoseconds": 1000000}}}),
                ("--rate 5 --offload segment:1448,checksum", "x-vionet",
                 {"offload": {"checksum": True, "segment_size": 1448}}),
                ("--payload zero", "payload", {"choice": "fixed", "fixed": {}})):
            self.assertEqual(self.flow(*options.split())[part], wanted, options)

    def test_read_again(self):
        """A configuration that was printed says the same again: in either language."""
        for options in ((), ("--flows", "300", "--vlan", "1.2", "--size", "imix", "--rate", "0.25pps"),
                        ("vfio-user:/a,0000:65:00.2", "--bidirectional", "--vxlan", "3", "--ipv6",
                         "--dst-port", "80,443", "--arrival", "poisson", "--rate", "1k"),
                        ("--gre", "--icmp", "--burst-frames", "7", "--burst-gap", "1us", "--count", "9")):
            for form in ("json", "yaml") if YAML else ("json",):
                text = vionet("pktgen", *options, f"--print-config={form}")[1]
                self.assertEqual(vionet("pktgen", "--config", "-", f"--print-config={form}", input=text),
                                 (0, text, ""))

    def test_names_that_no_configuration_has(self):
        for name in b"vfio-user:/a\xf5", b"vfio-user:/a\x02":
            for option in [name], [b"--replay", name, b"vfio-user:/a"]:
                code, text, errors = vionet("pktgen", "--print-config=json", *option)
                self.assertEqual((code, text), (2, ""))
                self.assertIn("vfio-user:/a?': a configuration is UTF-8 without control characters", errors)

    def test_a_full_disk(self):
        with open("/dev/full", "w", encoding="utf-8") as full:
            done = subprocess.run([*PLAIN, VIONET, "pktgen", "--print-config=json"], stdout=full,
                                  stderr=subprocess.PIPE, text=True, check=False)
        self.assertEqual(done.returncode, 1)
        self.assertIn("standard output", done.stderr)


class File(unittest.TestCase):
    """--config: its devices, and what is wrong with it."""

    TWO = '{"ports": [{"name": "left", "location": "vfio-user:/l"}, {"name": "right"}], "flows": []}'

    def located(self, *options, text=TWO):
        code, text, errors = vionet("pktgen", "--config", "-", *options, "--print-config=json", input=text)
        self.assertEqual((code, errors), (0, ""))
        return [port.get("location") for port in json.loads(text)["ports"]]

    def refused(self, words, *options, text=TWO):
        code, _, errors = vionet("pktgen", *options, input=text)
        self.assertEqual((code, errors.count("\n")), (2, 1), errors)
        self.assertIn(words, errors)

    def test_devices(self):
        self.assertEqual(self.located(), ["vfio-user:/l", None])
        self.assertEqual(self.located("vfio-user:/a"), ["vfio-user:/a", None])
        self.assertEqual(self.located("vfio-user:/a", "vfio-user:/b"), ["vfio-user:/a", "vfio-user:/b"])
        self.assertEqual(self.located("--port", "right=vhost-user:/r,server"),
                         ["vfio-user:/l", "vhost-user:/r,server"])

    def test_devices_that_do_not_fit(self):
        self.refused("'vfio-user:/a' is named twice: a device is one port", "--config", "-", "vfio-user:/a", "vfio-user:/a")
        self.refused("'vfio-user:/a' is named twice", "vfio-user:/a,vfio-user:/a", text="")
        self.refused("3 devices, but - has 2 ports", "--config", "-", "vfio-user:/a", "vfio-user:/b", "vfio-user:/c")
        self.refused("--port 'middle=vfio-user:/x': - has no port of this name", "--config", "-", "--port",
                     "middle=vfio-user:/x")
        self.refused("--port 'right': NAME=DEVICE is wanted", "--config", "-", "--port", "right")
        self.refused("ports[1] has no location; say which device it is: --port 'right'=DEVICE", "--config", "-")
        self.refused("ports is empty", "--config", "-", text="{}")
        self.refused("--port has no effect without --config", "vfio-user:/a", "--port", "a=b")

    def test_options_that_the_file_has(self):
        for option in (("--rate", "5"), ("--count", "1"), ("--vlan", "3"), ("--flows", "3"), ("--tcp",)):
            self.refused(f"{option[0]} has no effect with --config", "--config", "-", *option)

    def test_files_that_cannot_be_read(self):
        self.refused("/nowhere/flows.yaml: No such file or directory", "--config", "/nowhere/flows.yaml")
        self.refused("/: Is a directory", "--config", "/")

    @unittest.skipUnless(YAML, "a build without YAML knows no lines")
    def test_the_place_of_a_mistake(self):
        with tempfile.TemporaryDirectory() as folder:
            name = os.path.join(folder, "flows.yaml")
            with open(name, "w", encoding="utf-8") as file:
                file.write("ports: [{name: p}]\nflows:\n- name: f\n  tx_rx: {port: {tx_name: p}}\n"
                           "  packet:\n  - choice: ethernet\n  - gtpv2: {}\n")
            self.refused(f"vionet: {name}:7:5: flows[0].packet[1].gtpv2: not supported\n", "--config", name)
        flow = ("ports: [{name: p}]\nflows:\n- name: f\n  tx_rx: {port: {tx_name: p}}\n  packet:\n  - choice: ethernet\n"
                "  - ipv6:\n      hop_limit: {increment: {start: %d, count: 10}}\n  - choice: tcp\n  size:\n    fixed: %d\n%s")
        segments = "  x-vionet:\n    offload: {segment_size: 64}\n"
        for values, words in (((9, 64, ""), "11:5: flows[0].size: 60 bytes (64 with FCS) are less than the headers' 74"),
                              ((250, 164, ""), "8:18: flows[0].packet[1].ipv6.hop_limit: 9 steps from the start pass the "
                                               "field's largest value"),
                              ((9, 78, segments), "13:29: flows[0].x-vionet.offload.segment_size: needs payload")):
            self.refused(f"vionet: standard input:{words}", "--config", "-", text=flow % values)
        self.refused("vionet: standard input:1:1: port: unknown; did you mean ports?\n", "--config", "-", text="port: []")

    def test_without_lines(self):
        """JSON whose mistakes have no line without libyaml have at least the path."""
        self.refused("flows[0].rate.pps: 'fast': a whole number from 1 to 1000000000000 is wanted", "--config", "-",
                     text='{"ports": [{"name": "p"}], "flows": [{"name": "f", "tx_rx": {"port": {"tx_name": "p"}}, '
                          '"rate": {"pps": "fast"}}]}')

    @unittest.skipUnless(YAML, "the page's examples are YAML")
    def test_the_commands_of_the_page(self):
        """As they stand there, but that nothing is sent."""
        commands = re.findall(r"^    vionet (pktgen .*)$", PAGE.read_text(encoding="utf-8"), re.M)
        self.assertGreaterEqual(len(commands), 2)
        with tempfile.TemporaryDirectory() as folder:
            for command in commands:
                if "--print-config" not in command:
                    command += " --print-config"
                done = subprocess.run(f"{shlex.join([*PLAIN, VIONET])} {command}", shell=True, cwd=folder,
                                      capture_output=True, text=True, check=False)
                self.assertEqual((done.returncode, done.stderr), (0, ""), command)

    @unittest.skipUnless(YAML, "the page's examples are YAML")
    def test_the_examples_of_the_page(self):
        examples = re.findall(r"^```yaml\n(.*?)^```$", PAGE.read_text(encoding="utf-8"), re.M | re.S)
        self.assertTrue(examples)
        for text in examples:
            code, printed, errors = vionet("pktgen", "--config", "-", "--print-config", input=text)
            self.assertEqual((code, errors), (0, ""))
            self.assertEqual(vionet("pktgen", "--config", "-", "--print-config", input=printed)[1], printed)


class Sent(Case):
    """A configuration is sent as it says, flow by flow."""

    def test_two_flows(self):
        ends = {"port": {"tx_name": "p", "rx_names": ["p"]}}
        config = {"ports": [{"name": "p"}], "flows": [
            {"name": "voice", "tx_rx": ends, "size": {"fixed": 218}, "rate": {"pps": 5000},
             "packet": [{"ethernet": {}}, {"vlan": {"id": {"value": 100}}},
                        {"ipv4": {"src": {"increment": {"start": "10.0.0.1", "count": 20},
                                          "metric_tags": [{"name": "host"}]}, "dst": {"value": "10.1.0.1"}}},
                        {"udp": {"dst_port": {"values": [5060, 5061]}}}],
             "duration": {"fixed_packets": {"packets": 500}}, "metrics": {"enable": True, "latency": {"enable": True}}},
            {"name": "bulk", "tx_rx": ends, "size": {"random": {"min": 96}}, "rate": {"pps": 50000},
             "packet": [{"choice": "ethernet"},
                        {"ipv6": {"src": {"value": "2001:db8::1"}, "dst": {"value": "2001:db8::2"}}}, {"choice": "tcp"}],
             "duration": {"burst": {"bursts": 10, "packets": 30, "inter_burst_gap": {"microseconds": 100}}},
             "metrics": {"enable": True}}]}
        with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
            json.dump(config, file)
            file.flush()
            found = self.facts("pktgen", "--config", file.name)
        flows = {flow["name"]: flow for flow in found["flows"]}
        for name, frames, streams in (("voice", 500, 20), ("bulk", 300, 1)):
            flow = flows[name]
            self.assertEqual((flow["tx"]["frames"], flow["rx"]["frames"], flow["streams"]), (frames, frames, streams))
            self.assertEqual((flow["order"]["lost"], flow["order"]["damaged"], flow["order"]["duplicates"]), (0, 0, 0))
        self.assertEqual(flows["voice"]["tx"]["bytes"], 500 * 214)


class Devices(Case):
    """What only a device can refuse is refused by the place in the file, too."""

    features = "+all,-RING_PACKED,-SPEED_DUPLEX,-CSUM"

    def test_the_place_of_what_a_device_cannot(self):
        for member, words in (
                ("  size: {fixed: 9000}", "12:9: flows[1].size: 8996 bytes (9000 with FCS) are more than the MTU 1500"),
                ("  size: {weight_pairs: {custom: [{size: 64, weight: 1}, {size: 9000, weight: 1}]}}",
                 "12:9: flows[1].size: 8996 bytes (9000 with FCS)"),
                ("  rate: {percentage: 30}", "12:9: flows[1].rate: " + self.device + " does not report its link speed"),
                ("  duration: {fixed_packets: {delay: {bytes: 500}}}",
                 "12:13: flows[1].duration: " + self.device + " does not report its link speed"),
                ("  - ipv6: {flow_label: {increment: {count: 1048576}, metric_tags: [{name: a}]}}\n"
                 "  - tcp: {src_port: {increment: {count: 17}, metric_tags: [{name: b}]}}\n  size: {fixed: 200}",
                 "9:3: flows[1].packet: more than 16777216 streams in all"),
                ("  x-vionet: {offload: {checksum: true}}", "12:23: flows[1].x-vionet.offload: CSUM was not accepted")):
            with tempfile.NamedTemporaryFile("w", suffix=".json" if not YAML else ".yaml") as file:
                file.write(f"""ports:
- name: p
flows:
- name: ok
  tx_rx: {{port: {{tx_name: p}}}}
- name: not
  tx_rx: {{port: {{tx_name: p}}}}
  packet:
  - ethernet: {{}}
  - ipv4: {{}}
  - udp: {{}}
{member}
""")
                file.flush()
                _, errors = self.run_tool("pktgen", "--config", file.name, code=2)
                self.assertIn(f"vionet: {file.name}:{words}", errors)


class Refused(unittest.TestCase):
    """Values and pairs of options: one sentence, status 2."""

    def test_values(self):
        for option, value, words in (
                ("size", "13", "bytes of frame without FCS, 14 to 65549"), ("size", "65550", "14 to 65549"),
                ("size", "60-50", "wanted"), ("size", "60-70:0", "wanted"), ("size", "60:0", "wanted"),
                ("size", "60:1,", "wanted"), ("size", "imix2", "wanted"), ("pad", "no", "one of on, off"),
                ("src-ip", "10.0.0.1/24", "there are bits behind the prefix"),
                ("src-ip", "10.0.0.0/33", "a network is wanted"), ("src-ip", "10.0.0", "an IPv4 address is wanted"),
                ("dst-ip", "10.0.0.9-10.0.0.1", "wanted"), ("dst-ip", "10.0.0.1-2001:db8::1", "wanted"),
                ("src-ip", "0.0.0.0/0", "more than 4294967295 addresses"),
                ("src-ip", "2001:db8::/64", "a prefix of 97 bits or more"), ("src-ip", "2001:db8", "wanted"),
                ("src-port", "65536", "from 0 to 65535"), ("src-port", "9-1", "wanted"), ("src-port", "1-9:", "wanted"),
                ("dst-port", "80,", "wanted"), ("dst-port", "-1", "wanted"), ("ttl", "256", "from 0 to 255"),
                ("dscp", "64", "from 0 to 63"), ("pcp", "8", "from 0 to 7"), ("vlan", "4096", "an id from 0 to 4095"),
                ("vlan", "1..2", "wanted"), ("vlan", "8021x:1", "wanted"), ("vlan", "1.2.3.4.5.6.7.8.9", "8 at most"),
                ("mpls", "1048576", "a label from 0 to 1048575"), ("vxlan", "16777216", "from 0 to 16777215"),
                ("gtp", "4294967296", "from 0 to 4294967295"), ("src-mac", "02:00:00:00:00:01+0", "wanted"),
                ("src-mac", "02:00:00:00:00", "an Ethernet address is wanted"),
                ("outer-dst-mac", "x", "an Ethernet address is wanted"), ("flows", "0", "from 1 to 2147483648"),
                ("arrival", "random", "one of constant, poisson"), ("bursts", "0", "from 1 to 4294967295"),
                ("burst-frames", "0", "from 1"), ("burst-gap", "-1", "a time from 0"),
                ("offload", "tso", "wanted: checksum, segment:SIZE"), ("offload", "segment:10", "64 to 65535"),
                ("offload", "checksum,", "wanted"), ("print-config", "xml", "one of yaml, json"),
                ("warmup", "0", "from 1")):
            code, _, errors = vionet("pktgen", "vfio-user:/nowhere", f"--{option}={value}")
            self.assertEqual((code, errors.count("\n")), (2, 1), (option, value, errors))
            self.assertIn(f"--{option} '{value}': ", errors)
            self.assertIn(words, errors)

    def test_pairs(self):
        for options, words in (
                ("--tcp --udp", "--udp and --tcp: give one of them"),
                ("--gre --vxlan 5", "--vxlan and --gre: give one of them"),
                ("--pcp 3", "--pcp has no effect without --vlan"),
                ("--bursts 3", "--bursts has no effect without --burst-frames"),
                ("--burst-gap 3", "--burst-gap has no effect without --burst-frames"),
                ("--outer-src-ip 10.0.0.1", "--outer-src-ip has no effect without a tunnel"),
                ("--gre --outer-src-mac 02:00:00:00:00:01", "--outer-src-mac has no effect without --vxlan"),
                ("--icmp --src-port 5", "--src-port has no effect with --icmp"),
                ("--ipv6 --src-ip 10.0.0.1", "--ipv6 and an IPv4 address contradict each other"),
                ("--src-ip 10.0.0.1 --dst-ip 2001:db8::1", "one is IPv4, one IPv6"),
                ("--gre --outer-src-ip 10.0.0.1 --outer-dst-ip 2001:db8::1", "--outer-src-ip and --outer-dst-ip"),
                ("--arrival poisson", "--arrival poisson needs a --rate"),
                ("--arrival poisson --rate 5 --burst-frames 3", "--arrival poisson and --burst-frames"),
                ("--flows 9 --src-port 1-9", "--flows 9 counts them in the source port, which is a range here"),
                ("--flows 20000 --src-ip 10.0.0.0/8", "in the source address, which is a range here"),
                ("--bidirectional", "--bidirectional: two devices are wanted"),
                ("vfio-user:/b vfio-user:/c", "3 devices; without --config 2 are the most"),
                ("--rx-only --flows 3", "--flows has no effect with --rx-only"),
                ("--rx-only --max-latency 1ms", "--max-latency has no effect with --rx-only: the latency is not measured"),
                ("--no-rx --hdr /nowhere/x", "--hdr has no effect with --no-rx: the latency is not measured"),
                ("--max-latency 0:1ms", "--max-latency '0': a share is wanted, such as 0.5% or 0.005, from 0.1% to 100%"),
                ("--rx-only --warmup 3", "--warmup has no effect with --rx-only")):
            code, _, errors = vionet("pktgen", "vfio-user:/nowhere", *options.split())
            self.assertEqual((code, errors.count("\n")), (2, 1), (options, errors))
            self.assertIn(words, errors)


if __name__ == "__main__":
    unittest.main()
