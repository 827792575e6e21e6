# SPDX-License-Identifier: BSD-3-Clause
"""
`vionet echo`: the kernel of a namespace asks, or frames that are made by hand.
"""

import json
import os
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "softnic"))

import namespaces  # noqa: E402
from namespaces import Namespace  # noqa: E402
from nic import DEADLINE, Softnic, binary  # noqa: E402

VIONET = os.path.join(os.environ.get("VIONET_BUILD", os.path.dirname(binary())), "vionet")
PLAIN = ["setarch", "-R"] if "tsan" in VIONET else []
MAC = bytes.fromhex("525400123456")
OTHER = bytes.fromhex("020000000001")
CLIENT4, CLIENT6 = "10.9.0.1", "fd09::1"
US4, US6 = "10.9.0.2", "fd09::2"


class Case(unittest.TestCase):
    def serve(self, *options):
        self.nic = Softnic("--lossless", *options)
        self.addCleanup(self.nic.close)
        return f"vfio-user:{self.nic.path}"

    def start(self, *arguments):
        process = subprocess.Popen([*PLAIN, VIONET, "echo", *arguments], stdout=subprocess.PIPE,
                                   stderr=subprocess.PIPE, text=True)
        self.addCleanup(process.communicate)
        self.addCleanup(process.kill)
        line = process.stderr.readline()
        self.assertIn("answering at", line)
        return process

    def finish(self, process, code=0, number=signal.SIGINT):
        """End it. Returns what it printed."""
        if number:
            process.send_signal(number)
        output, self.errors = process.communicate(timeout=DEADLINE)
        self.assertEqual(process.returncode, code, output + self.errors)
        self.assertNotIn("Sanitizer", self.errors)
        return output


class Kernel(Case):
    """The kernel finds the host and gets its own data back."""

    def setUp(self):
        self.client = Namespace("client")
        self.addCleanup(self.client.close)

    def connect(self, features, *options):
        namespaces.ip("tuntap", "add", "wire", "mode", "tap")
        device = self.serve("--features", features, "--peer", "tap:wire", "--queues", "2")
        namespaces.ip("link", "set", "wire", "netns", "client")
        self.client.up("wire", CLIENT4 + "/24", CLIENT6 + "/64")
        return self.start(device, US4, US6, "10.9.0.3", *options)

    def converse(self, port=7):
        for address in US4, US6, "10.9.0.3":
            self.client.run("ping", "-c", "3", "-i", "0.05", "-W", "20", "-s", "1000", address)
        for family, address in (socket.AF_INET, US4), (socket.AF_INET6, US6):
            with self.client.socket(family, socket.SOCK_DGRAM) as client:
                client.connect((address, port))
                for size in 0, 1, 1452:
                    sent = os.urandom(size)
                    client.send(sent)
                    self.assertEqual(client.recv(65536), sent)
        self.assertEqual(self.client.wrong_checksums(), {})

    def test_answers(self):
        process = self.connect("-RING_PACKED", "--json")
        self.converse()
        found = json.loads(self.finish(process))
        self.assertEqual((found["kinds"]["ping4"], found["kinds"]["ping6"]), (6, 3))
        self.assertEqual((found["kinds"]["udp4"], found["kinds"]["udp6"]), (3, 3))
        self.assertGreaterEqual(found["kinds"]["arp"], 2)
        self.assertGreaterEqual(found["kinds"]["neighbour"], 1)
        self.assertEqual(found["answered"], sum(found["kinds"].values()))
        self.assertEqual(found["completed"], found["answered"])
        self.assertGreaterEqual(found["received"], found["answered"])
        self.assertEqual((found["refused"], found["dropped"], found["exit_code"]), (0, 0, 0))
        self.nic.check()

    def test_unfinished_checksums_and_two_queues(self):
        """The device leaves checksums to the driver."""
        process = self.connect("+all", "--want", "GUEST_CSUM", "--queues", "2", "--mode", "interrupt",
                               "--udp-port", "9", "--interval", "50ms")
        self.converse(9)
        text = self.finish(process)
        self.assertIn("ping4 6, ping6 3, udp4 3, udp6 3\n", text)
        self.assertIn(" s: received ", self.errors)
        self.nic.check()


def checksum(data):
    total = sum(struct.unpack(f">{len(data + b'0') // 2}H", data + bytes(len(data) % 2)))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return total ^ 0xffff


def ipv4(payload, protocol=1, to=US4, flags=0, header=20, length=None):
    made = struct.pack(">BBHHHBBH", 0x40 | header // 4, 0, header + len(payload) if length is None else length,
                       0, flags, 5, protocol, 0) + socket.inet_aton(CLIENT4) + socket.inet_aton(to)
    made += bytes(max(0, header - 20))
    made = made[:10] + struct.pack(">H", checksum(made)) + made[12:]
    return b"\x08\0" + made + payload


def ping(size=40):
    data = struct.pack(">BBHHH", 8, 0, 0, 1, 1) + bytes(i & 0xff for i in range(size))
    return data[:2] + struct.pack(">H", checksum(data)) + data[4:]


def ipv6(payload, protocol=58, to=US6, source=CLIENT6, limit=255):
    return b"\x86\xdd" + struct.pack(">IHBB", 6 << 28, len(payload), protocol, limit) + \
        socket.inet_pton(socket.AF_INET6, source) + socket.inet_pton(socket.AF_INET6, to) + payload


def solicitation(target=US6, source=CLIENT6, spoil=0, **how):
    data = struct.pack(">BBHI", 135, 0, 0, 0) + socket.inet_pton(socket.AF_INET6, target)
    pseudo = ipv6(b"", source=source)[10:] + struct.pack(">II", len(data), 58)
    data = data[:2] + struct.pack(">H", checksum(pseudo + data) ^ spoil) + data[4:]
    return ipv6(data, source=source, **how)


def arp(target=US4, operation=1):
    return b"\x08\x06" + struct.pack(">HHBBH", 1, 0x800, 6, 4, operation) + OTHER + \
        socket.inet_aton(CLIENT4) + bytes(6) + socket.inet_aton(target)


class Frames(Case):
    """What is not a whole request for this host is not answered, and never harms."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="echo-")
        self.addCleanup(folder.cleanup)
        path = os.path.join(folder.name, "wire")
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.addCleanup(listener.close)
        listener.bind(path)
        listener.listen(1)
        device = self.serve("--peer", f"unix:{path}", "--features", "-RING_PACKED")
        self.process = self.start(device, US4, US6, "--json")
        listener.settimeout(DEADLINE)
        self.wire = listener.accept()[0]
        self.wire.settimeout(DEADLINE)
        self.addCleanup(self.wire.close)

    def exchange(self, data, to=MAC):
        """The answer to a frame, or None: the answer to a ping that follows it comes first."""
        self.wire.send((to + OTHER + data).ljust(60, b"\0"))
        self.wire.send(MAC + OTHER + ipv4(ping(1)))
        got = []
        while not got or len(got[-1]) != 14 + 20 + 9:
            got.append(self.wire.recv(70000))
        return got[0] if len(got) == 2 else None

    def test_answers(self):
        broadcast = b"\xff" * 6
        answer = self.exchange(arp(), broadcast)
        self.assertEqual(answer[:42], OTHER + MAC + b"\x08\x06" + bytes.fromhex("0001080006040002") + MAC +
                         socket.inet_aton(US4) + OTHER + socket.inet_aton(CLIENT4))
        answer = self.exchange(ipv4(ping()))
        self.assertEqual((answer[:12], answer[22], answer[34]), (OTHER + MAC, 64, 0))
        self.assertEqual((checksum(answer[14:34]), checksum(answer[34:])), (0, 0))
        answer = self.exchange(ipv4(struct.pack(">BBHHH", 8, 0, 0xf7ff, 0, 0)))  # zeros but for the type
        self.assertEqual(checksum(answer[34:42]), 0)
        answer = self.exchange(ipv4(ping(), header=28))  # with options
        self.assertEqual((checksum(answer[14:42]), checksum(answer[42:])), (0, 0))
        answer = self.exchange(b"\x81\x00\x00\x07" + ipv4(ping()))
        self.assertEqual((answer[12:18], answer[38]), (b"\x81\x00\x00\x07\x08\x00", 0))
        answer = self.exchange(solicitation(source="::"), bytes.fromhex("3333ff000002"))
        self.assertEqual(answer[:6].hex(), "333300000001")
        self.assertEqual(answer[38:54], socket.inet_pton(socket.AF_INET6, "ff02::1"))
        self.assertEqual((answer[54], answer[58], len(answer)), (136, 0x20, 86))
        found = json.loads(self.finish(self.process))
        self.assertEqual(found["kinds"]["ping4"], 4 + 6)
        self.nic.check()

    def test_no_answers(self):
        whole = ipv4(ping())
        udp = struct.pack(">HHHH", 5000, 7, 12, 0) + b"data"
        for data in (arp("10.9.0.9"), arp(operation=2), arp()[:20],
                     ipv4(ping(), to="10.9.0.9"), ipv4(ping(), flags=0x2000), ipv4(ping(), flags=5),
                     ipv4(ping(), header=16), ipv4(ping(), length=2000), ipv4(ping(), length=24),
                     whole[:12] + b"\1\1" + whole[14:], ipv4(b"\x08\0\0"), ipv4(bytes(40), protocol=6),
                     ipv4(struct.pack(">HHHH", 7, 7, 12, 0) + b"loop", protocol=17),
                     ipv4(struct.pack(">HHHH", 0, 7, 12, 0) + b"zero", protocol=17),
                     ipv4(struct.pack(">HHHH", 5000, 8, 12, 0) + b"port", protocol=17),
                     ipv4(ping()[:-1] + b"\0"), ipv4(udp[:6] + b"\0\1" + udp[8:], protocol=17), ipv6(udp, 17),
                     ipv4(udp[:4] + b"\0\x0d\0\1" + udp[8:], protocol=17), ipv6(ping()),
                     ipv6(b"", 17), ipv6(udp, 17, to="fd09::9"), ipv6(ping(), 1),
                     solicitation("fd09::9"), solicitation(spoil=1), solicitation(limit=64),
                     solicitation()[:52], b"\x88\xb5" + bytes(46), b"\x81\x00\x00\x07\x86\xdd" + bytes(40)):
            self.assertIsNone(self.exchange(data), data.hex())
        # Not to this host, as a switch that floods would have it; nor to all.
        self.assertIsNone(self.exchange(whole, OTHER))
        self.assertIsNone(self.exchange(whole, b"\xff" * 6))
        found = json.loads(self.finish(self.process))
        self.assertEqual(found["answered"], found["kinds"]["ping4"])
        self.assertEqual(found["received"], 2 * found["answered"])
        self.nic.check()

    def test_device_is_killed(self):
        self.nic.process.kill()
        found = json.loads(self.finish(self.process, 5, number=None))
        self.assertEqual(found["exit_code"], 5)
        self.assertIn("the device is gone", self.errors)


class CommandLine(Case):
    def refused(self, *arguments, code=2):
        done = subprocess.run([*PLAIN, VIONET, "echo", *arguments], capture_output=True, text=True,
                              timeout=DEADLINE, check=False)
        self.assertEqual(done.returncode, code, done.stderr)
        return done.stderr

    def test_refused(self):
        device = "vfio-user:/nowhere/nic"
        self.assertIn("no device named", self.refused())
        self.assertIn(f"no address to answer for: vionet echo {device} 192.0.2.2", self.refused(device))
        for address in "192.0.2", "::g", "192.0.2.2/24", "host", "":
            self.assertIn("is no IP address", self.refused(device, address))
        for address in "0.0.0.0", "127.0.0.1", "224.0.0.1", "255.255.255.255", "::", "::1", "ff02::1":
            self.assertIn("is no address of one host", self.refused(device, address))
        self.assertIn("32 addresses of each kind at most",
                      self.refused(device, *(f"192.0.2.{i + 1}" for i in range(33))))
        self.assertIn("/nowhere/nic", self.refused(device, *(f"192.0.2.{i + 1}" for i in range(32)), US6, code=3))
        self.assertIn("--udp-port", self.refused(device, US4, "--udp-port", "65536"))
        self.assertIn("give one of them",
                      self.refused(device, US4, "--queues", "2", "--set", "queues=3"))
        self.assertIn("/nowhere/nic", self.refused(device, US4, code=3))

    def test_duration(self):
        device = self.serve("--peer", "sink", "--features", "-RING_PACKED")
        process = self.start(device, US4, "--duration", "50ms")
        self.assertIn("answered  0", self.finish(process, number=None))
        self.nic.check()


if __name__ == "__main__":
    namespaces.main()
