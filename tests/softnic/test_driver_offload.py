# SPDX-License-Identifier: BSD-3-Clause
"""
vionet's driver uses checksum and segmentation offload; tshark, and the kernel on a tap, check what leaves.
"""

import contextlib
import ctypes
import json
import os
import pathlib
import re
import socket
import subprocess
import sys
import tempfile
import unittest

from nic import Softnic

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from environment.process import wait_until  # noqa: E402

BUILD = pathlib.Path(os.environ.get("VIONET_BUILD", pathlib.Path(__file__).parents[2] / "build"))
PROGRAM = BUILD / "tests/vm/vm_offload"
COUNT = 20
DATA = {"csum": 1000, "uso": 10000, "tso": 10000, "tunnel": 10000, "tunnelsum": 10000}
LAYOUTS = {
    "split": "-RING_PACKED,-IN_ORDER", "split in order": "-RING_PACKED,+IN_ORDER",
    "packed": "+RING_PACKED,-IN_ORDER", "packed in order": "+RING_PACKED,+IN_ORDER",
}
HOST = ("CSUM", "HOST_TSO4", "HOST_TSO6", "HOST_ECN", "HOST_UFO", "HOST_USO", "HOST_UDP_TUNNEL_GSO",
        "HOST_UDP_TUNNEL_GSO_CSUM")
CLONE_NEWNET, SO_RCVBUFFORCE = 0x40000000, 33
MAC = "02:00:00:00:00:01"


def data(kind, number):
    """What request `number` of a kind carries."""
    return bytes((i * 7 + number) & 0xff for i in range(DATA[kind.rstrip("46")]))


def offload(nic, *arguments, count=COUNT):
    """Sends; how many of which kind."""
    done = subprocess.run([PROGRAM, f"vfio-user:{nic.path}", "--to", MAC, "--count", str(count),
                           *arguments], capture_output=True, text=True, timeout=90)
    if done.returncode:
        raise AssertionError(f"{done.returncode}: {done.stderr}{done.stdout}")
    return json.loads(done.stdout)


class Capture(unittest.TestCase):
    """Everything leaves as complete frames."""

    def leave(self, features, *arguments):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "out.pcap")
            with Softnic("--strict", "--once", "--features", features, "--peer",
                         f"pcap::{path}") as nic:
                sent = offload(nic, *arguments)
                nic.wait()
                self.assertEqual((nic.status, nic.lines), (0, []))
                self.assertIn("violations 0, warnings 0, DMA faults 0", nic.output)
            return sent, self.frames(path)

    def frames(self, path):
        names = ["frame.len", "ip.checksum.status", "tcp.checksum.status", "udp.checksum.status",
                 "ipv6.nxt", "vxlan.vni", "tcp.seq_raw", "tcp.payload", "udp.payload", "frame.protocols"]
        checks = [word for name in ("ip", "tcp", "udp")
                  for word in ("-o", f"{name}.check_checksum:TRUE")]
        text = subprocess.run(
            ["tshark", "-r", path, *checks, "-o", "tcp.desegment_tcp_streams:FALSE", "-T", "fields",
             *(word for name in names for word in ("-e", name))],
            capture_output=True, text=True, check=True).stdout
        return [dict(zip(names, line.split("\t"))) for line in text.splitlines()]

    def check(self, kind, frames, statuses):
        """Every checksum is right (1) or, of an outer UDP header, left out (3 with IPv4, 4 with
        IPv6), and the pieces of the requests are their data."""
        six, whole = kind.endswith("6"), b""
        for frame in frames:
            self.assertLessEqual(int(frame["frame.len"]), 1514)
            for name in ("tcp.checksum.status", "udp.checksum.status"):
                self.assertIn(frame[name], statuses)
            self.assertLessEqual(set(frame["ip.checksum.status"].split(",")), {"1", ""})
            self.assertEqual("ipv6" in frame["frame.protocols"], six)
            whole += bytes.fromhex((frame["tcp.payload"] or frame["udp.payload"]).split(",")[-1])
        self.assertEqual(whole, b"".join(data(kind, n) for n in range(COUNT)))

    # proves: NET-40 NET-41 NET-48 NET-50 NET-52
    def test_every_kind_on_every_layout(self):
        for layout, features in LAYOUTS.items():
            with self.subTest(layout=layout):
                sent, frames = self.leave(f"+all,{features}")
                self.assertEqual(sent.pop("invalid"), 0)
                self.assertEqual(set(sent.values()), {COUNT})
                at = 0
                for kind in sent:
                    pieces = COUNT * (DATA[kind.rstrip("46")] // 1000)
                    outer = {"tunnel4": "3,1", "tunnel6": "4,1"}.get(
                        kind, "1,1" if kind.startswith("tunnel") else "1")
                    self.check(kind, frames[at:at + pieces], {outer, ""})
                    at += pieces
                self.assertEqual((len(sent), len(frames)), (10, at))

    def test_sequence_numbers(self):
        _, frames = self.leave("+all,-IN_ORDER", "tso4", "tso6")
        numbers = [int(frame["tcp.seq_raw"]) for frame in frames]
        self.assertEqual(numbers, 2 * list(range(1000, 1000 + COUNT * 10000, 1000)))

    def test_only_what_was_negotiated(self):
        """The driver requests no offload that the device does not offer, and cannot."""
        for offered in ((), ("CSUM",), ("CSUM", "HOST_TSO4"), ("CSUM", "HOST_USO")):
            features = "+all," + ",".join(f"-{name}" for name in HOST if name not in offered)
            sent, frames = self.leave(features)
            self.assertEqual(sent.pop("invalid"), 0)
            kinds = {"CSUM": {"csum4", "csum6"}, "HOST_TSO4": {"tso4"}, "HOST_USO": {"uso4", "uso6"}}
            self.assertEqual(set(sent), set().union(*(kinds[name] for name in offered)))
            self.assertEqual(bool(frames), bool(offered))
            for frame in frames:
                self.assertIn("1", (frame["tcp.checksum.status"], frame["udp.checksum.status"]))


class Kernel(unittest.TestCase):
    """The kernel on a tap, in a namespace of its own: its sockets get the bytes, and it finds no wrong
    checksum."""

    def setUp(self):
        libc = ctypes.CDLL(None, use_errno=True)
        self.old = os.open("/proc/self/ns/net", os.O_RDONLY)
        self.addCleanup(os.close, self.old)
        if libc.unshare(CLONE_NEWNET):
            self.skipTest(f"no network namespace: {os.strerror(ctypes.get_errno())}")
        self.addCleanup(libc.setns, self.old, CLONE_NEWNET)
        self.ip("tuntap add tap0 mode tap")
        self.ip(f"link set tap0 address {MAC}")
        self.ip("link set lo up")
        self.ip("address add 10.0.0.1/24 dev tap0")
        self.ip("-6 address add fd00::1/64 dev tap0 nodad")
        self.ip("link set tap0 up")

    def ip(self, arguments):
        subprocess.run(["ip", *arguments.split()], check=True)

    def tap_is_up(self):
        """The kernel notices a while after the device has opened the tap, and drops frames until then."""
        text = subprocess.run(["ip", "-j", "link", "show", "tap0"], capture_output=True, text=True, check=True).stdout
        return json.loads(text)[0]["operstate"] == "UP"

    def vxlan(self, name, outer, inner):
        self.ip(f"link add {name} type vxlan id 7 dstport 4789 local {outer} dev tap0 "
                "udp6zerocsumrx")
        self.ip(f"link set {name} address 02:77:00:00:00:01 up")
        self.ip(f"address add {inner} dev {name}" + (" nodad" if ":" in inner else ""))

    def listen(self, stack, six):
        family = socket.AF_INET6 if six else socket.AF_INET
        wire = stack.enter_context(socket.socket(family, socket.SOCK_DGRAM))
        wire.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 1 << 24)
        if six:
            wire.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        wire.settimeout(90)
        wire.bind(("", 9000))
        return wire

    def counters(self):
        text = subprocess.run(["nstat", "-asz", "*CsumErrors", "*InHdrErrors", "TcpInErrs",
                               "UdpInErrors", "Udp6InErrors"], capture_output=True, text=True,
                              check=True).stdout
        return {name: int(value) for name, value in re.findall(r"(?m)^(\w+)\s+(\d+)", text)}

    def check(self, *kinds, features="+all,-IN_ORDER"):
        """UDP of these kinds, one after the other."""
        with contextlib.ExitStack() as stack:
            wires = {six: self.listen(stack, six) for six in (False, True)}
            # Not --strict: the kernel's own frames wait already when the driver begins, and its
            # receive buffers come right after that.
            nic = stack.enter_context(Softnic("--once", "--features", features, "--peer", "tap:tap0"))
            self.assertTrue(wait_until(self.tap_is_up))
            sent = offload(nic, *kinds)
            nic.wait()
            self.assertEqual((nic.status, nic.violations()), (0, []))
            self.assertEqual(sent, {**dict.fromkeys(kinds, COUNT), "invalid": 0})
            for kind in kinds:
                if kind.startswith("tso"):
                    continue
                for number in range(COUNT):
                    want = data(kind, number)
                    for at in range(0, len(want), 1000):
                        got = wires[kind.endswith("6")].recv(20000)
                        self.assertEqual(got, want[at:at + 1000], (kind, number, at))
            for wire in wires.values():
                wire.setblocking(False)
                self.assertRaises(BlockingIOError, wire.recv, 1)
        counts = self.counters()
        self.assertGreaterEqual(len(counts), 6, counts)
        self.assertEqual(set(counts.values()), {0}, counts)

    def test_datagrams(self):
        self.check("csum4", "csum6", "uso4", "uso6")

    def test_streams(self):
        """No process listens; the kernel replies to a segment, which it does only if the checksum is right."""
        before = self.resets()
        self.check("tso4", "tso6")
        self.assertGreaterEqual(self.resets() - before, 2 * COUNT)

    def resets(self):
        text = subprocess.run(["nstat", "-asz", "TcpOutRsts"], capture_output=True, text=True,
                              check=True).stdout
        return int(re.search(r"TcpOutRsts\s+(\d+)", text)[1])

    def test_tunnel4(self):
        self.vxlan("vx4", "10.0.0.1", "192.168.77.1/24")
        self.check("tunnel4", "tunnelsum4")

    def test_tunnel6(self):
        self.vxlan("vx6", "fd00::1", "fd77::1/64")
        self.check("tunnel6", "tunnelsum6")


if __name__ == "__main__":
    unittest.main()
