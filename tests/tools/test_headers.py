#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""
Packets of random configurations, decoded by tshark: thousands of stacks of headers with random fields and patterns.
tshark has nothing to complain of, finds the values that the patterns say, and each checksum right, or wrong where
the configuration says `bad`. The random numbers are the same each time.
"""

import ipaddress
import json
import os
import random
import subprocess
import tempfile
import unittest

PROGRAM = os.path.join(os.environ["VIONET_BUILD"], "tests", "frames_to_pcap")
FLOWS = 1500
NUMBERS = [0, 1, 5, 1000003]
U64 = 2 ** 64 - 1
GOOD, BAD = "1", "0"
WARNING = 0x600000  # tshark's severity; below are notes such as "Connection finish (FIN)"


def mac(value):
    return ":".join(f"{value >> i & 255:02x}" for i in range(40, -1, -8))


def ipv4(value):
    return str(ipaddress.IPv4Address(value))


def ipv6(value):
    return str(ipaddress.IPv6Address(value))


def splitmix(seed, i):
    z = (seed + (i + 1) * 0x9e3779b97f4a7c15) & U64
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9 & U64
    z = (z ^ z >> 27) * 0x94d049bb133111eb & U64
    return z ^ z >> 31


class Flow:
    """A configuration and what its frames have: for each field of tshark, the values of all its occurrences."""

    def __init__(self, number, rng):
        self.rng = rng
        self.name = f"flow {number}"
        self.packet = []
        self.offset = 0  # bytes of the headers so far
        self.expected = [{} for _ in NUMBERS]
        self.lengths = []  # field of tshark, place in its occurrences, from which byte on
        self.bad = number % 10 == 0
        self.size = None
        self.stack()

    def expect(self, field, value):
        for i, row in enumerate(self.expected):
            row.setdefault(field, []).append(str(value(NUMBERS[i]) if callable(value) else value))

    def pattern(self, bit, bits, low=0, high=None, text=int):
        """A pattern of the model for a field at `bit` of the header, and a function of the frame's number."""
        rng = self.rng
        high = 2 ** bits - 1 if high is None else high
        kind = rng.choice(("value", "value", "values", "increment", "decrement", "random"))
        if kind == "random" and (text is not int or bits > 64):
            kind = "value"
        if kind == "value":
            value = rng.randint(low, high)
            return {"choice": kind, kind: text(value)}, lambda n: value
        if kind == "values":
            values = [rng.randint(low, high) for _ in range(rng.randint(1, 7))]
            return {"choice": kind, kind: [text(v) for v in values]}, lambda n: values[n % len(values)]
        if kind == "random":
            first = rng.randint(low, high)
            last = rng.randint(first, high)
            count = rng.randint(1, 2000)
            seed = rng.randint(0, 2 ** 32 - 1)
            at = self.offset * 8 + bit

            def drawn(n):
                return first + (splitmix(splitmix(seed, at), n % count) * (last - first + 1) >> 64)

            return {"choice": kind, kind: {"min": first, "max": last, "seed": seed, "count": count}}, \
                drawn if last > first else lambda n: first
        count = rng.randint(1, min(high - low + 1, 5000))
        step = rng.randint(0 if text is int else 1, max(1, (high - low) // max(1, count - 1)))
        while step * (count - 1) > high - low:
            step -= 1
        if kind == "increment":
            start = rng.randint(low, high - step * (count - 1))
            return {"choice": kind, kind: {"start": text(start), "step": text(step), "count": count}}, \
                lambda n: start + n % count * step
        start = rng.randint(low + step * (count - 1), high)
        return {"choice": kind, kind: {"start": text(start), "step": text(step), "count": count}}, \
            lambda n: start - n % count * step

    def field(self, header, path, shark, bit, bits, *, preset=None, low=0, high=None, text=int, shown=None):
        """A field: random, or its default, where that is known. `shown`: how tshark writes it."""
        shown = shown or (str if text is int else text)
        if preset is not None and self.rng.random() < 0.5:
            self.expect(shark, shown(preset))
            return
        pattern, value = self.pattern(bit, bits, low, high, text)
        for name in path.split(".")[:-1]:
            header = header.setdefault(name, {})
        header[path.split(".")[-1]] = pattern
        self.expect(shark, lambda n: shown(value(n)))

    def checksum(self, header, name, shark):
        bad = self.bad and self.rng.random() < 0.4
        if bad or self.rng.random() < 0.3:
            header[name] = {"choice": "generated", "generated": "bad" if bad else "good"}
        self.expect(shark, BAD if bad else GOOD)

    def add(self, choice, header, size):
        self.packet.append({"choice": choice, choice: header})
        self.offset += size

    def length(self, shark, begin):
        self.lengths.append((shark, len(self.expected[0].get(shark, [])), begin))
        self.expect(shark, None)

    # --- headers -----------------------------------------------------------------

    def ethernet(self):
        header = {}
        self.field(header, "dst", "eth.dst", 0, 48, text=mac, preset=0x020000000002)
        self.field(header, "src", "eth.src", 48, 48, text=mac, preset=0x020000000001, high=2 ** 40 - 1)
        self.add("ethernet", header, 14)
        tags = self.rng.choice((0, 0, 1, 2, 4))
        for _ in range(tags):
            header = {}
            self.field(header, "priority", "vlan.priority", 0, 3, preset=0)
            self.field(header, "cfi", "vlan.dei", 3, 1, preset=0)
            self.field(header, "id", "vlan.id", 4, 12, preset=0)
            self.add("vlan", header, 4)

    def arp(self):
        header = {}
        self.field(header, "operation", "arp.opcode", 48, 16, low=1, high=2, preset=1)
        self.field(header, "sender_hardware_addr", "arp.src.hw_mac", 64, 48, text=mac, preset=0)
        self.field(header, "sender_protocol_addr", "arp.src.proto_ipv4", 112, 32, text=ipv4, preset=0)
        self.field(header, "target_hardware_addr", "arp.dst.hw_mac", 144, 48, text=mac, preset=0)
        self.field(header, "target_protocol_addr", "arp.dst.proto_ipv4", 192, 32, text=ipv4, preset=0)
        self.add("arp", header, 28)

    def mpls(self, count):
        for i in range(count):
            header = {}
            self.field(header, "label", "mpls.label", 0, 20, low=16, preset=16)
            self.field(header, "traffic_class", "mpls.exp", 20, 3, preset=0)
            self.field(header, "time_to_live", "mpls.ttl", 24, 8, preset=64)
            self.expect("mpls.bottom", int(i == count - 1))
            self.add("mpls", header, 4)

    def options(self, header):
        """IPv4 options; returns their bytes."""
        size = 0
        header["options"] = []
        for _ in range(self.rng.randint(0, 3)):
            kind = self.rng.choice(("router alert", "timestamp", "custom"))
            if kind == "router alert":
                header["options"].append({"choice": "router_alert"})
                self.expect("ip.opt.ra", 0)
                size += 4
            elif kind == "timestamp" and size <= 20:
                pattern, value = self.pattern((20 + size + 4) * 8, 32)
                header["options"].append({"choice": "timestamp", "timestamp": {"format": {
                    "choice": "timestamps", "timestamps": [{"timestamp": pattern}]}}})
                self.expect("ip.opt.time_stamp", value)
                size += 8
            else:
                value = self.rng.randbytes(self.rng.randint(1, 6))
                header["options"].append({"choice": "custom", "custom": {
                    "type": {"option_number": {"value": 30}}, "value": value.hex()}})
                size += 2 + len(value)
        return (size + 3) // 4 * 4

    def ipv4(self):
        header = {"priority": {}}
        begin = self.offset
        priority = self.rng.choice(("dscp", "raw", "tos"))
        header["priority"]["choice"] = priority
        if priority == "dscp":
            self.field(header["priority"], "dscp.phb", "ip.dsfield.dscp", 8, 6)
            self.field(header["priority"], "dscp.ecn", "ip.dsfield.ecn", 14, 2, preset=0)
        elif priority == "raw":
            pattern, value = self.pattern(8, 8)
            header["priority"]["raw"] = pattern
            self.expect("ip.dsfield.dscp", lambda n: value(n) >> 2)
            self.expect("ip.dsfield.ecn", lambda n: value(n) & 3)
        else:
            pattern, value = self.pattern(8, 3)
            header["priority"]["tos"] = {"precedence": pattern}
            self.expect("ip.dsfield.dscp", lambda n: value(n) << 3)
            self.expect("ip.dsfield.ecn", 0)
        self.field(header, "identification", "ip.id", 32, 16, preset=0, shown=lambda v: f"0x{v:04x}")
        self.field(header, "reserved", "ip.flags.rb", 48, 1, preset=0, high=0)
        self.field(header, "dont_fragment", "ip.flags.df", 49, 1, preset=0)
        self.field(header, "time_to_live", "ip.ttl", 64, 8, preset=64)
        self.checksum(header, "header_checksum", "ip.checksum.status")
        self.field(header, "src", "ip.src", 96, 32, text=ipv4, preset=0)
        self.field(header, "dst", "ip.dst", 128, 32, text=ipv4, low=0x0b000000, high=0x7effffff)
        self.length("ip.len", begin)
        size = 20 + (self.options(header) if self.rng.random() < 0.2 else 0)
        self.expect("ip.hdr_len", size)
        self.add("ipv4", header, size)

    def ipv6(self):
        header = {}
        self.field(header, "traffic_class", "ipv6.tclass", 4, 8, preset=0, shown=lambda v: f"0x{v:08x}")
        self.field(header, "flow_label", "ipv6.flow", 12, 20, preset=0, shown=lambda v: f"0x{v:06x}")
        self.field(header, "hop_limit", "ipv6.hlim", 56, 8, preset=64)
        self.field(header, "src", "ipv6.src", 64, 128, text=ipv6, high=2 ** 120)
        self.field(header, "dst", "ipv6.dst", 192, 128, text=ipv6, high=2 ** 120)
        self.length("ipv6.plen", self.offset + 40)
        self.add("ipv6", header, 40)
        if self.rng.random() < 0.05:
            self.custom()
        elif self.rng.random() < 0.25:
            self.segments()

    def segments(self):
        routing = {"segment_list": []}
        header = {"choice": "routing", "routing": {"choice": "segment_routing", "segment_routing": routing}}
        count = self.rng.randint(1, 4)
        left = self.rng.randint(0, count - 1)
        self.expect("ipv6.routing.srh.last_entry", count - 1)
        if left == count - 1 and self.rng.random() < 0.5:
            pass  # computed: the last one
        else:
            routing["segments_left"] = {"value": left}
        self.expect("ipv6.routing.segleft", left)
        pattern, value = self.pattern(48, 16)
        routing["tag"] = pattern
        self.expect("ipv6.routing.srh.tag", lambda n: f"{value(n):04x}")
        for i in range(count):
            pattern, value = self.pattern(64 + 128 * i, 128, high=2 ** 120, text=ipv6)
            routing["segment_list"].append({"segment": pattern})
            self.expect("ipv6.routing.srh.addr", lambda n, value=value: ipv6(value(n)))
        size = 8 + 16 * count
        if self.rng.random() < 0.3:
            routing["pad_tlv"] = {}
            size += 8
        self.add("ipv6_extension_header", header, size)

    def udp(self, port=None):
        header = {}
        begin = self.offset
        if port is None:
            self.field(header, "src_port", "udp.srcport", 0, 16, low=1, high=1000)
            self.field(header, "dst_port", "udp.dstport", 16, 16, low=1, high=1000)
        else:
            self.field(header, "src_port", "udp.srcport", 0, 16, low=60000)
            self.expect("udp.dstport", port)
        self.length("udp.length", begin)
        self.checksum(header, "checksum", "udp.checksum.status")
        self.add("udp", header, 8)

    def tcp(self):
        header = {}
        self.field(header, "src_port", "tcp.srcport", 0, 16, low=1, high=1000)
        self.field(header, "dst_port", "tcp.dstport", 16, 16, low=1, high=1000)
        self.field(header, "seq_num", "tcp.seq_raw", 32, 32, preset=0)
        header["ctl_ack"] = {"value": 1}
        self.field(header, "ack_num", "tcp.ack_raw", 64, 32, preset=0)
        for bit, name, shark in ((103, "ecn_ns", "ae"), (104, "ecn_cwr", "cwr"), (105, "ecn_echo", "ece"),
                                 (108, "ctl_psh", "push"), (111, "ctl_fin", "fin")):
            self.field(header, name, f"tcp.flags.{shark}", bit, 1, preset=0)
        self.field(header, "window", "tcp.window_size_value", 112, 16, preset=0)
        self.expect("tcp.hdr_len", 20)
        self.checksum(header, "checksum", "tcp.checksum.status")
        self.add("tcp", header, 20)

    def echo(self, kind, request):
        header = {"echo": {}}
        self.field(header["echo"], "identifier", f"{kind}.{'ident' if kind == 'icmp' else 'echo.identifier'}", 32, 16,
                   shown=str if kind == "icmp" else lambda v: f"0x{v:04x}")
        self.field(header["echo"], "sequence_number",
                   f"{kind}.{'seq' if kind == 'icmp' else 'echo.sequence_number'}", 48, 16)
        self.expect(f"{kind}.type", request)
        self.checksum(header["echo"], "checksum", f"{kind}.checksum.status")
        self.add(kind, header, 8)

    def gre(self):
        header = {}
        size = 4
        if self.rng.random() < 0.5:
            header["checksum_present"] = {"value": 1}
            self.checksum(header, "checksum", "gre.checksum.status")
            size = 8
        self.add("gre", header, size)

    def vxlan(self):
        header = {}
        self.field(header, "vni", "vxlan.vni", 32, 24, preset=0)
        self.add("vxlan", header, 8)

    def ppp(self):
        self.expect("ppp.address", "0xff")
        self.expect("ppp.control", "0x03")
        self.add("ppp", {}, 4)

    def custom(self):
        """A hop-by-hop header of padding, which the model does not have."""
        self.packet[-1]["ipv6"]["next_header"] = {"value": 0}
        self.expect("ipv6.opt.padn", "00000000")
        self.add("custom", {"bytes": "2b 00 01 04 00 00 00 00"}, 8)
        self.segments()

    def gtpv1(self):
        header = {}
        size = 8
        begin = self.offset + 8
        self.field(header, "teid", "gtp.teid", 32, 32, preset=0, shown=lambda v: f"0x{v:08x}")
        self.length("gtp.length", begin)
        if self.rng.random() < 0.5:
            header["s_flag"] = {"value": 1}
            self.field(header, "squence_number", "gtp.seq_number", 64, 16, preset=0, shown=lambda v: f"0x{v:04x}")
            size = 12
        self.expect("gtp.message", "0xff")
        self.add("gtpv1", header, size)

    # --- stacks ------------------------------------------------------------------

    def tunnel(self, kind):
        if kind == "vxlan":
            self.udp(4789)
            self.vxlan()
            self.ethernet()
        elif kind == "gtpv1":
            self.udp(2152)
            self.gtpv1()
        elif kind.startswith("gre"):
            self.gre()
            if kind == "gre ethernet":
                self.ethernet()
            elif kind == "gre ppp":
                self.ppp()

    def network(self, depth):
        """An IP packet, and what is in it."""
        version = self.rng.choice((4, 6))
        if version == 4:
            self.ipv4()
        else:
            self.ipv6()
        if depth < 3 and self.rng.random() < 0.4:
            self.tunnel(self.rng.choice(("vxlan", "gtpv1", "gre", "gre ethernet", "gre ppp", "ip")))
            self.network(depth + 1)
            return
        last = self.rng.choice(("udp", "tcp", "echo", "none"))
        if last == "udp":
            self.udp()
        elif last == "tcp":
            self.tcp()
        elif last == "echo":
            self.echo(*(("icmp", 8) if version == 4 else ("icmpv6", 128)))

    def stack(self):
        self.ethernet()
        if self.rng.random() < 0.05:
            self.arp()
        else:
            if self.rng.random() < 0.15:
                self.mpls(self.rng.randint(1, 4))
            self.network(0)
        self.sizes()

    def sizes(self):
        """Sizes with FCS, as the model has them; and so all lengths."""
        low = self.offset + self.rng.randint(0, 200)
        high = low + self.rng.randint(0, 400)
        kind = self.rng.choice(("fixed", "increment"))
        if kind == "fixed":
            self.size = {"choice": kind, kind: low + 4}
            size = [low for _ in NUMBERS]
        else:
            step = self.rng.randint(1, 50)
            high = max(high, 60)  # the model's least end
            self.size = {"choice": kind, kind: {"start": low + 4, "end": high + 4, "step": step}}
            size = [low + n % ((high - low) // step + 1) * step for n in NUMBERS]
        for row, of in zip(self.expected, size):
            for shark, place, begin in self.lengths:
                row[shark][place] = str(of - begin)
            row["frame.len"] = [str(max(of, 60))]

    def configuration(self):
        flow = {"name": self.name, "tx_rx": {"choice": "port", "port": {"tx_name": "p"}}, "packet": self.packet,
                "size": self.size, "metrics": {"enable": self.rng.random() < 0.8}}
        if self.rng.random() < 0.5:
            flow["payload"] = {"choice": self.rng.choice(("increment_byte", "decrement_word"))}
        return flow


class Headers(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        rng = random.Random(20261130)
        cls.flows = [Flow(i, rng) for i in range(FLOWS)]
        cls.fields = sorted({field for flow in cls.flows for row in flow.expected for field in row})
        with tempfile.TemporaryDirectory() as folder:
            configuration = os.path.join(folder, "otg.json")
            pcap = os.path.join(folder, "frames.pcap")
            with open(configuration, "w", encoding="utf-8") as file:
                json.dump({"ports": [{"name": "p", "location": "none"}],
                           "flows": [flow.configuration() for flow in cls.flows]}, file)
            subprocess.run([PROGRAM, configuration, pcap, *map(str, NUMBERS)], check=True)
            cls.rows = cls.decode(pcap)

    @classmethod
    def decode(cls, pcap):
        """For each frame a dictionary of field and its occurrences."""
        shown = [*cls.fields, "_ws.expert.severity", "_ws.expert.message"]
        command = ["tshark", "-r", pcap, "-n", "-T", "fields", "-E", "occurrence=a", "-E", "aggregator=;",
                   "-E", "separator=/t"]
        for field in shown:
            command += ["-e", field]
        for option in ("ip.check_checksum:TRUE", "udp.check_checksum:TRUE", "tcp.check_checksum:TRUE",
                       "tcp.analyze_sequence_numbers:FALSE", "tcp.relative_sequence_numbers:FALSE",
                       "tcp.desegment_tcp_streams:FALSE", "arp.detect_duplicate_ips:FALSE"):
            command += ["-o", option]
        # Ports are random: what they may stand for is not in the frames.
        command += ["-d", "udp.port==1-1000,data", "-d", "tcp.port==1-1000,data"]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        lines = done.stdout.splitlines()
        return [dict(zip(shown, line.split("\t"))) for line in lines]

    def each(self, check):
        self.assertEqual(len(self.rows), FLOWS * len(NUMBERS))
        failures = []
        for i, row in enumerate(self.rows):
            flow = self.flows[i // len(NUMBERS)]
            what = check(row, flow.expected[i % len(NUMBERS)])
            if what and len(failures) < 5:
                failures.append(f"frame {NUMBERS[i % len(NUMBERS)]} of {json.dumps(flow.packet)}: {what}")
        self.assertFalse(failures, "\n\n".join(failures))

    def check_values(self, row, expected):
        return [(field, row[field], ";".join(expected.get(field, []))) for field in self.fields
                if row[field] != ";".join(expected.get(field, []))]

    def check_messages(self, row, expected):
        messages = [m for m, s in zip(row["_ws.expert.message"].split(";"), row["_ws.expert.severity"].split(";"))
                    if s and int(s) >= WARNING]
        wrong = sum(v.count(BAD) for k, v in expected.items() if k.endswith(".checksum.status"))
        about_sums = [m for m in messages if "checksum" in m.lower()]
        return messages if len(messages) != wrong or len(about_sums) != wrong else None

    def test_values(self):
        self.each(self.check_values)

    def test_no_complaint(self):
        self.each(self.check_messages)

    def test_all_was_there(self):
        """The random stacks have each header, and each checksum right and wrong."""
        seen = {}
        for flow in self.flows:
            for field, values in flow.expected[0].items():
                seen.setdefault(field, set()).update(values)
        for field in ("ip", "udp", "tcp", "icmp", "icmpv6", "gre"):
            self.assertEqual(seen[f"{field}.checksum.status"], {GOOD, BAD}, field)
        kinds = {header["choice"] for flow in self.flows for header in flow.packet}
        self.assertEqual(kinds, {"ethernet", "vlan", "arp", "ipv4", "ipv6", "ipv6_extension_header", "icmp", "icmpv6",
                                 "udp", "tcp", "vxlan", "gre", "gtpv1", "mpls", "ppp", "custom"})


if __name__ == "__main__":
    unittest.main(verbosity=2)
