# SPDX-License-Identifier: BSD-3-Clause
"""
`vionet pktgen --replay`, --capture and --respond. The frames of a replay arrive at a tap, where tcpdump captures them;
tshark says whether they are those of the file. Real kernels ask what a responder answers.
"""

import json
import os
import re
import socket
import struct
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "softnic"))

import captures  # noqa: E402
import namespaces  # noqa: E402
from captures import Tcpdump, enhanced, interface, pcap, section  # noqa: E402
from namespaces import Namespace, wait_for  # noqa: E402
from nic import DEADLINE, Softnic, binary  # noqa: E402
from reports import check_schema  # noqa: E402

VIONET = os.path.join(os.environ.get("VIONET_BUILD", os.path.dirname(binary())), "vionet")
PLAIN = ["setarch", "-R"] if "tsan" in VIONET else []
SANDBOX = [] if "san/" in VIONET else ["--sandbox"]  # sanitizers make system calls of their own
MS = 10**6


def checksum(data):
    total = sum(struct.unpack(f">{len(data + b'0') // 2}H", data + bytes(len(data) % 2)))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return total ^ 0xffff


def udp(number, size=80, source="10.1.0.1", target="10.2.0.1"):
    """An Ethernet frame of `size` bytes, whose checksums are right."""
    data = struct.pack(">HHHH", 50000 + number, 9, size - 34, 0) + bytes((number + i) & 0xff for i in range(size - 42))
    ends = socket.inet_aton(source) + socket.inet_aton(target)
    data = data[:6] + struct.pack(">H", checksum(ends + struct.pack(">HH", 17, len(data)) + data)) + data[8:]
    head = struct.pack(">BBHHHBBH", 0x45, 0, size - 14, number, 0, 64, 17, 0) + ends
    head = head[:10] + struct.pack(">H", checksum(head)) + head[12:]
    return bytes.fromhex("020000000002020000000001" "0800") + head + data


class Case(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="replay-")
        self.addCleanup(folder.cleanup)
        self.folder = folder.name

    def path(self, name):
        return os.path.join(self.folder, name)

    def write(self, name, content):
        return captures.write(self.path(name), content)

    def serve(self, *options):
        nic = Softnic("--lossless", "--features", "+all,-RING_PACKED", *options)
        self.addCleanup(nic.close)
        self.nic = nic
        return f"{'vhost' if '--vhost-user' in options else 'vfio'}-user:{nic.path}"

    def tap(self, *options, name="wire"):
        """A device that is an interface of this namespace, which the kernel says nothing on."""
        namespaces.ip("tuntap", "add", name, "mode", "tap")
        self.addCleanup(namespaces.ip, "link", "del", name)
        device = self.serve("--peer", f"tap:{name}", *options)
        with open(f"/proc/sys/net/ipv6/conf/{name}/disable_ipv6", "w", encoding="ascii") as file:
            file.write("1")
        namespaces.ip("link", "set", name, "up")
        return device

    def start(self, *arguments):
        process = subprocess.Popen([*PLAIN, VIONET, "pktgen", *arguments], stdout=subprocess.PIPE,
                                   stderr=subprocess.PIPE, text=True)
        self.addCleanup(process.communicate)
        self.addCleanup(process.kill)
        return process

    def end(self, process, code=0):
        output, self.errors = process.communicate(timeout=DEADLINE)
        self.assertEqual(process.returncode, code, output + self.errors)
        self.assertNotIn("Sanitizer", self.errors)
        return output

    def run_tool(self, *arguments, code=0):
        return self.end(self.start(*arguments, "--interval", "1h"), code)

    def facts(self, *arguments, code=0):
        found = json.loads(self.run_tool(*arguments, "--json", code=code))
        check_schema("pktgen", found)
        return found


class Replay(Case):
    """What arrives is what the file has."""

    def replay(self, content, expected, *options, device=()):
        """The JSON, and the file of what arrived."""
        device = self.tap(*device)
        arrived = self.path("arrived.pcap")
        dump = Tcpdump("wire", arrived, expected)
        self.addCleanup(dump.close)
        found = self.facts(device, "--no-rx", "--replay", self.write("file", content), *options)
        dump.wait()
        self.assertEqual(found["tx"]["sent"], expected)
        self.nic.check()
        return found["replays"][0], arrived

    def test_bytes_are_those_of_the_file(self):
        records = [(i * MS, udp(i, 60 + 17 * i)) for i in range(80)]
        found, arrived = self.replay(pcap(records), 80)
        self.assertEqual(captures.frames(arrived), captures.frames(self.path("file")))
        self.assertEqual(captures.frames(arrived), [frame for _, frame in records])
        self.assertEqual(captures.complaints(arrived), [])
        self.assertEqual((found["format"], found["file_frames"], found["frames"], found["loops"]),
                         ("pcap", 80, 80, 1))
        # Each is sent at its time or later.
        times = [float(line) for line in captures.tshark(arrived, "-T", "fields", "-e", "frame.time_relative")]
        self.assertGreaterEqual(times[-1], 0.06)

    def test_interfaces_with_their_own_units(self):
        """In order of the file, which is that of time; two sections of both byte orders, loops."""
        content = b""
        for order, ms in ("<", 10), (">", 30):
            content += section(order) + interface(6, order) + interface(9, order) + interface(0x80 | 10, order)
            for i in range(0, 9, 3):
                content += enhanced(0, (ms + i) * 1000, udp(i), order) + \
                    enhanced(1, (ms + 1 + i) * MS, udp(i + 1), order) + \
                    enhanced(2, ms + 2 + i, udp(i + 2), order)
        found, arrived = self.replay(content, 36, "--loop", "2", "--replay-speed", "4x")
        self.assertEqual(captures.frames(arrived), 4 * [udp(i) for i in range(9)])
        self.assertEqual((found["format"], found["interfaces"], found["loops"]), ("pcapng", 6, 2))
        self.assertEqual(found["rules"], dict.fromkeys(found["rules"], 0))
        self.assertEqual(found["backward"], 0)

    def test_over_vhost_user(self):
        """As fast as the back end takes frames, of all sizes."""
        records = [(i, udp(i, 42 + 7 * i)) for i in range(200)]
        _, arrived = self.replay(pcap(records), 400, "--replay-speed", "max", "--loop", "2", device=["--vhost-user"])
        self.assertEqual(captures.frames(arrived), 2 * [frame for _, frame in records])
        self.assertEqual(captures.complaints(arrived), [])

    def test_rules(self):
        whole = udp(1, 200)
        records = [(0, whole), (MS, b""), (2 * MS, whole[:13]), (3 * MS, whole[:50], 200), (4 * MS, udp(2, 1515)),
                   (10**18, whole)]
        found, arrived = self.replay(pcap(records, order=">"), 3, "--replay-max-gap", "10ms")
        self.assertEqual(captures.frames(arrived), [whole, whole[:50] + bytes(150), whole])
        self.assertEqual(found["rules"], {"oversize_dropped": 1, "oversize_cut": 0, "truncated_padded": 1,
                                          "truncated_sent": 0, "truncated_dropped": 0, "empty": 1, "runts": 1})
        self.assertEqual(found["gaps_capped"], 1)
        self.assertGreater(found["gaps_skipped_s"], 999_999_999)

    def test_mtu_that_is_set(self):
        """The device names none: its buffers are as long as the frames that are let through."""
        device = self.serve("--features", "-MTU", "--peer", "sink")
        records = [(i, udp(i, size)) for i, size in enumerate((60, 9014, 9015, 3000))]
        found = self.facts(device, "--no-rx", "--set", "mtu=9000", "--replay", self.write("file", pcap(records)))
        self.assertEqual((found["replays"][0]["frames"], found["replays"][0]["rules"]["oversize_dropped"]), (3, 1))
        self.assertEqual((found["tx"]["sent"], found["tx"]["bytes"]), (3, 60 + 9014 + 3000))
        self.nic.check()

    def test_new_addresses(self):
        records = [(i, udp(i, 100, "10.1.2.3", "172.16.0.9")) for i in range(20)]
        _, arrived = self.replay(
            pcap(records, nanoseconds=False), 20, "--rate", "1000", "--replay-src-mac", "02:00:00:00:00:77",
            "--replay-dst-mac", "02:00:00:00:00:88", "--replay-map", "10.0.0.0/8=192.168.0.0/16",
            "--replay-map", "172.16.0.9=1.2.3.4", "--replay-map-port", "9=7")
        self.assertEqual(captures.complaints(arrived), [])
        fields = captures.tshark(arrived, "-T", "fields", *(f"-e{name}" for name in (
            "eth.src", "eth.dst", "ip.src", "ip.dst", "udp.dstport", "ip.checksum.status", "udp.checksum.status")))
        self.assertEqual(fields, 20 * ["02:00:00:00:00:77\t02:00:00:00:00:88\t192.168.2.3\t1.2.3.4\t7\t1\t1"])

    def test_template(self):
        device = self.tap()
        arrived = self.path("arrived.pcap")
        dump = Tcpdump("wire", arrived, 5)
        self.addCleanup(dump.close)
        path = self.write("file", pcap([(0, udp(1)), (0, udp(2, 90)), (0, udp(3))]))
        self.run_tool(device, "--no-rx", "--template", f"{path}:2", "--count", "5")
        dump.wait()
        self.assertEqual([frame[:90] for frame in captures.frames(arrived)], 5 * [udp(2, 90)])
        self.assertIn("frame 4 is asked for, and it has 3", self.refused("--template", f"{path}:4"))

    def config(self, *flows):
        """Flows of one port, as a file; of a capture each."""
        ends = {"port": {"tx_name": "p"}}
        return self.write("flows.json", json.dumps({"ports": [{"name": "p"}], "flows": [
            {"name": f"f{i}", "tx_rx": ends, **flow} for i, flow in enumerate(flows)]}).encode())

    def test_flows_of_a_file(self):
        """Each flow with a capture of its own, beside one that sends copies of a frame."""
        a, b = [(i * MS, udp(i, 90)) for i in range(40)], [(0, udp(100 + i, 300 + i)) for i in range(25)]
        names = [self.write("a", pcap(a)), self.write("b", pcap(b))]
        path = self.config(
            {"x-vionet": {"replay": {"file": names[0], "speed": "4x", "loops": 2}}},
            {"rate": {"pps": 5000}, "x-vionet": {"replay": {"file": names[1], "map_port": ["9=7", "9=8"],
                                                            "src_mac": "02:00:00:00:00:77"}}},
            {"rate": {"pps": 5000}, "duration": {"fixed_packets": {"packets": 12}},
             "x-vionet": {"template": {"file": names[1], "frame": 3}}})
        device = self.tap()
        arrived = self.path("arrived.pcap")
        dump = Tcpdump("wire", arrived, 80 + 25 + 12)
        self.addCleanup(dump.close)
        found = self.facts(device, "--no-rx", "--config", path)
        dump.wait()
        self.assertEqual([(one["flow"], one["file"], one["frames"], one["loops"]) for one in found["replays"]],
                         [("f0", names[0], 80, 2), ("f1", names[1], 25, 1)])
        frames = captures.frames(arrived)
        self.assertEqual([frame for frame in frames if len(frame) == 90], 2 * [frame for _, frame in a])
        self.assertEqual(frames.count(b[2][1]), 12)
        ports = captures.tshark(arrived, "-Y", "eth.src == 02:00:00:00:00:77", "-T", "fields", "-e", "udp.srcport",
                                "-e", "udp.dstport")
        self.assertEqual(ports, [f"{50100 + i}\t7" for i in range(25)])
        self.assertEqual(captures.complaints(arrived), [])
        # What is printed is read as the same; the template is in it.
        printed = subprocess.run([*PLAIN, VIONET, "pktgen", "--config", path, "--print-config=json"], check=True,
                                 capture_output=True, text=True).stdout
        again = json.loads(printed)["flows"]
        self.assertEqual([again[i]["x-vionet"]["replay"]["file"] for i in range(2)], names)
        self.assertEqual(again[1]["x-vionet"]["replay"]["map_port"], ["9=7", "9=8"])
        self.assertEqual(bytes.fromhex(again[2]["packet"][0]["custom"]["bytes"]), b[2][1])
        second = subprocess.run([*PLAIN, VIONET, "pktgen", "--config", "-", "--print-config=json"], input=printed,
                                check=True, capture_output=True, text=True).stdout
        self.assertEqual(second, printed)

    def test_flows_of_a_file_that_cannot_be(self):
        one = self.write("one", pcap([(0, udp(1))]))
        for flow, words in (
                ({"x-vionet": {"replay": {"file": self.path("no")}}}, ".replay: " + self.path("no") + ": No such file"),
                ({"x-vionet": {"replay": {"file": one, "speed": "fast"}}}, ".replay.speed: 'fast': a factor from"),
                ({"x-vionet": {"replay": {"file": one, "map": ["10.0.0.0/8=1.0.0.0/8", "10=1"]}}},
                 ".replay.map[1]: '10=1': two networks"),
                ({"x-vionet": {"replay": {"file": one, "map_port": ["1=2", "x"], "map": []}}}, ".replay.map_port[1]: "),
                ({"x-vionet": {"template": {"file": one, "frame": 2}}}, ".template.frame: " + one + ": frame 2 is asked "
                 "for, and it has 1"),
                ({"x-vionet": {"template": {"file": self.path("no")}}}, ".template.file: " + self.path("no"))):
            self.refused("--config", self.config(flow))
            self.assertRegex(self.errors, r"flows.json:1:\d+: flows\[0\].x-vionet\.")
            self.assertIn(words, self.errors)

    def refused(self, *arguments, code=2):
        self.run_tool("vfio-user:/nowhere/nic", *arguments, code=code)
        return self.errors

    def test_refused(self):
        """Before a device is looked for: there is none."""
        one = self.write("one", pcap([(0, udp(1))]))
        for content, words in (
                (b"", "the file is empty"), (b"\x1f\x8b" + bytes(20), "gunzip it first"),
                (bytes(20), "no pcap or pcapng file"), (pcap([]), "no frame is in it"),
                (pcap([(0, udp(1))])[:-1], "record 1 at offset 24: 80 bytes of frame are announced, and the file "
                 "ends after 79; 'editcap FILE NEW' keeps the whole frames"),
                (pcap([], link=113), "its link type is LINUX_SLL, not Ethernet"),
                (section() + interface() + enhanced(1, 0, udp(1)), "block 3 at offset 60 (enhanced packet): it is of "
                 "interface 1, and 1 were described")):
            self.assertIn(words, self.refused("--replay", self.write("bad", content)))
        self.assertIn("No such file", self.refused("--replay", self.path("nothing")))
        self.assertIn("it is no plain file", self.refused("--replay", "/dev/null"))
        for arguments, words in ((("--loop", "2"), "add --replay FILE"),
                                 (("--replay", one, "--replay-speed", "0x"), "a factor from 0.001x"),
                                 (("--replay", one, "--replay-speed", "2x", "--rate", "1"), "give one of them"),
                                 (("--replay", one, "--template", one), "give one of them"),
                                 (("--template", one, "--vlan", "5"), "--vlan has no effect with --template: the file has"),
                                 (("--template", one, "--flows", "3"), "--flows has no effect with --template"),
                                 (("--template", one, "--outer-dst-ip", "192.0.2.1"), "--outer-dst-ip has no effect with"),
                                 (("--replay", one, "--replay-map", "10.0.0.0/8"), "two networks of one kind"),
                                 (("--replay", one, "--replay-map-port", "80"), "two ports are wanted"),
                                 (("--replay", one, "--replay-oversize", "keep"), "--replay-oversize")):
            self.assertIn(words, self.refused(*arguments))
        self.assertIn("/nowhere/nic", self.refused("--replay", one, code=3))

    def test_nothing_sent_is_a_failure(self):
        device = self.serve("--peer", "sink")
        text = self.run_tool(device, "--no-rx", "--replay", self.write("file", pcap([(i * MS, udp(i)) for i in range(5)])),
                             "--loop", "0", "--count", "10")
        self.assertIn("file: 10 frames in 2 loops\n", text)
        text = self.run_tool(device, "--replay", self.write("file", pcap([(0, udp(1)[:12])])), "--loop", "0", code=1)
        self.assertIn("1 shorter than 14 bytes dropped", text)
        self.assertIn("no frame was sent", self.errors)
        path = self.write("file", pcap([(i * MS, udp(i)) for i in range(5)]))
        for warmup in "5", "100":
            self.run_tool(device, "--no-rx", "--replay", path, "--warmup", warmup, code=1)
            self.assertIn(f"{path}: --warmup {warmup}, and 5 frames were sent: none is counted; give fewer, or send the file more often",
                          self.errors)
        self.run_tool(device, "--no-rx", "--replay", path, "--warmup", "4")
        self.nic.check()


class Capture(Case):
    """The file beside the run: capinfos, tshark and tcpdump take it."""

    def test_what_was_sent_and_received(self):
        device = self.serve("--peer", "loop")
        path = self.path("x.pcapng")
        found = self.facts(device, "--count", "200", "--rate", "5000", "--queues", "2", "--capture", path)["capture"]
        self.assertEqual((found["seen"], found["written"], found["dropped"], found["failed"]), (400, 400, 0, False))
        self.assertEqual(captures.capinfos(path)[0], 400)
        self.assertEqual(captures.complaints(path), [])
        for direction, count in ((1, 200), (2, 200)):
            self.assertEqual(len(captures.tshark(path, "-Y", f"frame.packet_flags_direction == {direction}")), count)
        self.assertEqual(captures.tshark(path, "-Y", "frame.comment"), [])
        subprocess.run(["tcpdump", "-n", "-r", path, "-w", "/dev/null"], check=True, capture_output=True)
        self.nic.check()

    def test_filter_and_snap_length(self):
        device = self.serve("--peer", "loop")
        path = self.path("x.pcapng")
        text = self.run_tool(device, "--count", "100", "--size", "60-1000", "--capture", path, "--capture-snaplen",
                             "64", "--capture-filter", "greater 500")
        self.assertIn("capture   ", text)
        lines = captures.tshark(path, "-T", "fields", "-e", "frame.len", "-e", "frame.cap_len")
        self.assertTrue(all(int(line.split()[0]) >= 500 and line.split()[1] == "64" for line in lines), lines)
        self.run_tool(device, "--count", "1", "--capture", path, "--capture-filter", "no such word", code=2)
        self.assertIn("--capture-filter 'no such word': ", self.errors)

    def test_filter_by_direction(self):
        """It is no byte of a frame, and libpcap compiles it all the same."""
        device = self.serve("--peer", "loop")
        path = self.path("x.pcapng")
        for text, directions in (("inbound", {1}), ("outbound", {2}), ("not inbound and udp", {2}),
                                 ("inbound or (outbound and greater 60)", {1, 2})):
            self.run_tool(device, "--count", "20", "--capture", path, "--capture-filter", text)
            found = captures.tshark(path, "-T", "fields", "-e", "frame.packet_flags_direction")
            self.assertEqual(({int(each, 0) for each in found}, len(found)), (directions, 20 * len(directions)), text)
        for text, words in (("udp and ifindex 1", "'udp and ifindex 1': it asks for what only a kernel's interface knows of a frame"),
                            ("ether[65589] = 1", "'ether[65589] = 1': it asks for byte 65589, and a frame has 65589 at most")):
            self.run_tool(device, "--count", "1", "--capture", path, "--capture-filter", text, code=2)
            self.assertIn(f"--capture-filter {words}", self.errors)

    def test_comments(self):
        """A bottleneck loses what comes too fast: the frame behind a gap says how much."""
        device = self.serve("--peer", "loop", "--limit", "1kpps:8")
        path = self.path("x.pcapng")
        found = self.facts(device, "--count", "300", "--rate", "20000", "--capture", path)
        self.assertEqual(found["capture"]["dropped"], 0)
        comments = captures.tshark(path, "-Y", "frame.comment", "-T", "fields", "-e", "frame.comment")
        missing = [int(re.fullmatch(r"flow flow, track 0, (\d+) missing before", each)[1]) for each in comments]
        self.assertTrue(missing)
        self.assertEqual(sum(missing), found["rx"]["lost"] - found["rx"]["lost_end"])
        self.nic.check()

    def test_ring_of_files(self):
        device = self.serve("--peer", "loop")
        found = self.facts(device, "--count", "2000", "--size", "500", "--rate", "20000", "--capture",
                           self.path("x.pcapng"), "--capture-files", "3", "--capture-size", "100k",
                           *SANDBOX)["capture"]
        self.assertGreater(found["files"], 10)
        self.assertEqual(found["written"] + found["dropped"], 4000)
        sizes = [os.path.getsize(self.path(f"x-{i}.pcapng")) for i in range(3)]
        self.assertTrue(all(size <= 100000 for size in sizes), sizes)
        self.assertGreater(sum(captures.capinfos(self.path(f"x-{i}.pcapng"))[0] for i in range(3)), 300)

    def test_full_disk(self):
        """The run and its summary go on."""
        device = self.serve("--peer", "loop")
        small = self.path("small")
        os.mkdir(small)
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "none", small], check=True)
        self.addCleanup(subprocess.run, ["umount", small], check=True)
        text = self.run_tool(device, "--count", "500", "--size", "1000", "--rate", "10000", "--capture",
                             os.path.join(small, "x.pcapng"), code=1)
        self.assertIn("500 frames", text)
        self.assertIn("writing failed before the end", text)
        self.assertEqual(self.errors.count("No space left on device; the capture ended there"), 1)
        self.assertGreater(captures.capinfos(os.path.join(small, "x.pcapng"))[0], 10)
        self.run_tool(device, "--count", "5", "--capture", "/dev/full", code=1)
        self.assertIn("/dev/full: No space left on device", self.errors)
        self.run_tool(device, "--count", "5", "--capture", self.path("no/x"), code=1)
        self.assertIn("No such file", self.errors)
        self.nic.check()


class Behind(Case):
    """A kernel at the other end of the wire: it finds the generator, and is found."""
    ours = ("--address", "10.9.0.2/24", "--address", "fd09::2/64")

    def setUp(self):
        super().setUp()
        self.peer = Namespace("peer")
        self.addCleanup(self.peer.close)
        namespaces.ip("tuntap", "add", "wire", "mode", "tap")
        self.device = self.serve("--peer", "tap:wire")
        namespaces.ip("link", "set", "wire", "netns", "peer")
        self.peer.up("wire", "10.9.0.1/24", "fd09::1/64")

    def test_kernel_finds_us(self):
        process = self.start(self.device, "--rx-only", "--respond", *self.ours, "--json", "--interval", "1h")
        for target, sizes in (("10.9.0.2", (16, 17, 1471, 1472)), ("fd09::2", (16, 17, 1451, 1452))):
            for size in sizes:
                for _ in range(2):  # of two at once it waits for the second only twice as long as for the first
                    text = self.peer.run("ping", "-n", "-c", "1", "-W", str(DEADLINE), "-s", str(size), target)
                    self.assertIn(" 0% packet loss", text)
        # Our address is taken: the kernel sees that before it uses it.
        self.peer.ip("address", "add", "fd09::2/64", "dev", "wire")
        wait_for(lambda: "dadfailed" in self.peer.ip("-6", "address", "show", "dev", "wire"), "no duplicate found")
        process.send_signal(subprocess.signal.SIGINT)
        found = json.loads(self.end(process))["responder"]
        self.assertEqual((found["ping4"], found["ping6"]), (8, 8))
        self.assertGreaterEqual(min(found["arp"], found["neighbour"]), 1)
        self.assertEqual(self.peer.wrong_checksums(), {})
        self.nic.check()

    def test_gateway(self):
        mac = self.peer.link("wire")["address"]
        path = self.path("x.pcapng")
        for gateway, options in (("10.9.0.1", self.ours), ("fd09::1", self.ours)):
            found = self.facts(self.device, "--gateway", gateway, *options, "--count", "10", "--capture",
                               path)
            self.assertEqual(found["responder"]["gateway_mac"], mac)
            self.assertEqual(set(captures.tshark(path, "-Y", "udp && frame.packet_flags_direction == 2", "-T", "fields",
                                                 "-e", "eth.dst")), {mac})
            self.assertEqual(captures.complaints(path), [])
        # One that is given is used.
        found = self.facts(self.device, "--gateway", "10.9.0.1", *self.ours, "--count", "10", "--capture",
                           path, "--dst-mac", "02:00:00:00:00:99")
        self.assertEqual(set(captures.tshark(path, "-Y", "udp && frame.packet_flags_direction == 2", "-T", "fields",
                                             "-e", "eth.dst")), {"02:00:00:00:00:99"})
        found = self.facts(self.device, "--gateway", "10.9.0.1", *self.ours, "--count", "10", "--no-rx")
        self.assertEqual((found["responder"]["gateway_mac"], found["rx"], found["tx"]["sent"]), (mac, None, 10))
        self.run_tool(self.device, "--gateway", "10.9.0.77", *self.ours, "--count", "10", code=1)
        self.assertIn("no answer from the gateway 10.9.0.77 to 10 ARP requests in 5 s", self.errors)
        self.nic.check()

    def received(self):
        return json.loads(self.peer.ip("-s", "-j", "link", "show", "wire"))[0]["stats64"]["rx"]["packets"]

    def test_stopped_before_the_first_frame(self):
        """It has results, of nothing: programs that read them need no other case."""
        before = self.received()
        process = self.start(self.device, "--gateway", "10.9.0.77", "--address", "10.9.0.2/24", "--json", "--max-loss", "0",
                             "--junit", self.path("junit"))
        wait_for(lambda: self.received() > before, "no ARP request")
        process.send_signal(subprocess.signal.SIGTERM)
        found = json.loads(self.end(process, code=6))
        self.assertEqual((found["interrupted"], found["tx"]["sent"], found["rx"]["lost"], found["exit_code"]), (True, 0, 0, 6))
        with open(self.path("junit"), encoding="utf-8") as file:
            self.assertIn('failures="1"', file.read())

    def test_refused(self):
        for arguments, words in ((("--respond",), "give one, such as --address"),
                                 (("--gateway", "10.9.0.1"), "no --address is in a network with it"),
                                 (("--gateway", "10.9.0.0/24"), "the address of one router"),
                                 (("--address", "10.9.0.2"), "with the length of its network's prefix"),
                                 (("--address", "127.0.0.1/8"), "no address of one host"),
                                 (("--address", "10.9.0.2/24"), "nothing is done with it"),
                                 (("--gateway", "10.8.0.1", *self.ours), "no --address is in a network")):
            self.run_tool("vfio-user:/nowhere/nic", *arguments, code=2)
            self.assertIn(words, self.errors)
        self.run_tool("vfio-user:/nowhere/nic,vfio-user:/nowhere/other", "--bidirectional", "--gateway", "10.9.0.1", *self.ours,
                      code=2)
        self.assertIn("add --dst-mac, or send one way", self.errors)


if __name__ == "__main__":
    namespaces.main()
