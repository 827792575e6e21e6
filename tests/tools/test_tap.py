# SPDX-License-Identifier: BSD-3-Clause
"""
`vionet tap`: the kernel on one side, the software device with another tap of the kernel, or a loop, behind it on
the other. The kernel says whether what arrives is right.
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
from namespaces import Namespace, wait_for  # noqa: E402
from nic import DEADLINE, Softnic, binary  # noqa: E402

VIONET = os.path.join(os.environ.get("VIONET_BUILD", os.path.dirname(binary())), "vionet")
PLAIN = ["setarch", "-R"] if "tsan" in VIONET else []
MAC = "52:54:00:12:34:56"
SIZE = 4 << 20
NEAR, FAR = ("10.9.0.1", "fd09::1"), ("10.9.0.2", "fd09::2")
PACKET_VNET_HDR, SOL_PACKET = 15, 263
TCP4, TCP6, UDP_L4 = 1, 4, 5


class Case(unittest.TestCase):
    """`near` has the interface that the command makes."""

    def setUp(self):
        self.near = Namespace("near")
        self.addCleanup(self.near.close)
        folder = tempfile.TemporaryDirectory(prefix="tap-")
        self.addCleanup(folder.cleanup)
        self.control = os.path.join(folder.name, "control")

    def serve(self, *options):
        self.nic = Softnic("--lossless", "--control", self.control, *options)
        self.addCleanup(self.nic.close)
        return f"vfio-user:{self.nic.path}"

    def send_command(self, command):
        with socket.socket(socket.AF_UNIX) as control:
            control.connect(self.control)
            control.sendall(f"{command}\n".encode())
            self.assertEqual(control.recv(100), b"ok\n")

    def start(self, *arguments):
        """Until it has made the interface. What it said of it is in `said`."""
        process = subprocess.Popen([*PLAIN, VIONET, "tap", *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                   text=True)
        self.addCleanup(process.communicate)
        self.addCleanup(process.kill)
        self.said = ""
        while "offloads:" not in self.said:
            line = process.stderr.readline()
            self.assertNotEqual(line, "", self.said)
            self.said += line
        return process

    def finish(self, process, code=0, number=signal.SIGINT):
        """End it. Returns what it said then; standard output is in `output`."""
        if number:
            process.send_signal(number)
        self.output, errors = process.communicate(timeout=DEADLINE)
        self.assertEqual(process.returncode, code, errors)
        self.assertNotIn("Sanitizer", errors)
        self.assertIsNone(self.near.link("vio"))
        return errors

    def refused(self, *arguments, code, before=()):
        done = subprocess.run([*before, *PLAIN, VIONET, "tap", *arguments], capture_output=True,
                              text=True, timeout=DEADLINE, check=False)
        self.assertEqual(done.returncode, code, done.stderr)
        self.assertEqual(done.stdout, "")
        return done.stderr


class Peers(Case):
    """Two kernels that talk to each other through a device."""

    def setUp(self):
        super().setUp()
        self.far = Namespace("far")
        self.addCleanup(self.far.close)

    def connect(self, features, *options, queues="1"):
        """The far kernel behind the device, the near one in front."""
        namespaces.ip("tuntap", "add", "wire", "mode", "tap")
        device = self.serve("--features", features, "--queues", queues, "--peer", "tap:wire")
        namespaces.ip("link", "set", "wire", "netns", "far")
        self.far.up("wire", FAR[0] + "/24", FAR[1] + "/64")
        process = self.start(device, "vio", "--netns", "near", *options)
        self.near.up("vio", NEAR[0] + "/24", NEAR[1] + "/64")
        return process

    def stream(self, source, sink, address):
        """TCP from one kernel to the other, four megabytes."""
        data = os.urandom(SIZE)
        self.assertTrue(namespaces.stream(source, sink, address, data) == data)

    def datagrams(self, source, sink, address):
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        with sink.socket(family, socket.SOCK_DGRAM) as server, \
                source.socket(family, socket.SOCK_DGRAM) as client:
            server.bind((address, 0))
            for size in (0, 1, 1400, 9000):  # the last in fragments
                sent = os.urandom(size)
                client.sendto(sent, server.getsockname()[:2])
                self.assertEqual(server.recv(65536), sent)

    def converse(self):
        for near, far in zip(NEAR, FAR):
            self.stream(self.near, self.far, far)
            self.stream(self.far, self.near, near)
            self.datagrams(self.near, self.far, far)
            self.datagrams(self.far, self.near, near)
            self.near.run("ping", "-c", "2", "-i", "0.05", "-W", "20", far)
        self.assertEqual(self.near.wrong_checksums(), {})
        self.assertEqual(self.far.wrong_checksums(), {})

    def results(self, code):
        """The object on standard output: what the kernel counts at the interface went through, and nothing was lost."""
        found = json.loads(self.output)
        self.assertEqual((found["command"], found["interface"], found["exit_code"]), ("tap", "vio", code))
        self.assertGreater(found["duration_s"], 0)
        there, back = found["to_device"], found["to_kernel"]
        self.assertEqual(there["completed"], there["frames"])
        self.assertEqual((there["invalid"], there["not_sent"], back["down"], back["refused"], back["dropped"]), (0, 0, 0, 0, 0))
        for way in there, back:
            self.assertGreater(way["bytes"], 2 * SIZE)  # a stream of each family
            self.assertGreater(way["frames"], 100)
        return found

    def frames(self, said):
        return int(said.partition("to the device: ")[2].split()[0])

    def test_with_offloads(self):
        process = self.connect("+all,-RING_PACKED")
        self.assertIn("transmit checksum TSO4 TSO6 ECN", self.said)
        self.assertIn("receive checksum TSO4 TSO6 ECN", self.said)
        link = self.near.link("vio")
        self.assertEqual((link["address"], link["mtu"]), (MAC, 1500))
        self.converse()
        said = self.finish(process)
        # The device cuts what the kernel did not: two streams alone are 5,800 segments.
        self.assertLess(self.frames(said), 5800, said)
        self.assertIn("0 invalid, 0 not sent", said)
        self.assertIn("0 refused, 0 dropped", said)
        self.nic.check()

    def test_without_offloads(self):
        process = self.connect("-CSUM,-GUEST_CSUM,-MRG_RXBUF,-RING_PACKED", "--mode", "interrupt")
        self.assertIn("transmit none; receive none", self.said)
        self.converse()
        self.assertGreater(self.frames(self.finish(process, number=signal.SIGTERM)), 5000)
        self.nic.check()

    def test_queues_and_packed_rings(self):
        cpus = sorted(os.sched_getaffinity(0))
        cpus = [cpus[0], cpus[-1]]
        process = self.connect("+all", "--queues", "2", "--mode", "poll", "--cpus", ",".join(map(str, cpus)), "--json",
                               queues="2")
        self.assertIn("2 queue pairs", self.said)
        tasks = f"/proc/{process.pid}/task"
        found = {open(f"{tasks}/{task}/comm").read().strip(): os.sched_getaffinity(int(task)) for task in os.listdir(tasks)}
        self.assertEqual([found["tap-0"], found["tap-1"]], [{cpus[0]}, {cpus[1]}])
        self.converse()
        said = self.finish(process)
        self.assertNotIn("to the device", said)
        self.assertEqual(self.results(0)["queues"], 2)
        self.nic.check()

    def test_short_queues(self):
        """A packet of many segments does not fit: the kernel makes them."""
        process = self.connect("-RING_PACKED,-INDIRECT_DESC", "--queue-size", "16")
        self.assertIn("16 segments at most, and 34 are needed", self.said)
        self.assertIn("transmit checksum;", self.said)
        self.converse()
        self.finish(process)
        self.nic.check()


def checksum(data):
    total = sum(struct.unpack(f">{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return total


def large(kind, payload):
    """A frame that is to be cut into segments of 1000 bytes, and its header."""
    six, tcp = kind == TCP6, kind != UDP_L4
    size = (20 if tcp else 8) + payload
    if six:
        ends = bytes(15) + b"\1" + bytes(15) + b"\2"
        network = struct.pack(">IHBB", 6 << 28, size, 6, 64) + ends
    else:
        ends = bytes((10, 9, 0, 1, 10, 9, 0, 2))
        network = struct.pack(">BBHIBBH", 0x45, 0, 20 + size, 0, 64, 6 if tcp else 17, 0) + ends
        network = network[:10] + struct.pack(">H", checksum(network) ^ 0xffff) + network[12:]
    pseudo = checksum(ends + struct.pack(">HH", 6 if tcp else 17, size))
    transport = struct.pack(">HHIIBBHHH", 1, 2, 1, 0, 0x50, 0x10, 100, pseudo, 0) if tcp else \
        struct.pack(">HHHH", 1, 2, size, pseudo)
    frame = bytes.fromhex(MAC.replace(":", "")) + b"\2\0\0\0\0\1" + (b"\x86\xdd" if six else b"\x08\0") + \
        network + transport
    start = 14 + len(network)
    header = struct.pack("=BBHHHH", 1, kind, len(frame), 1000, start, 16 if tcp else 6)
    return header + frame + os.urandom(payload)


class Headers(Case):
    """The device sends frames back as they came: unfinished, if it may. The header that the kernel gave is
    the one that it gets."""

    def exchange(self, sent):
        with self.near.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3)) as wire:
            wire.setsockopt(SOL_PACKET, PACKET_VNET_HDR, 1)
            wire.bind(("vio", 3))
            for frame in sent:
                wire.send(frame)
            back = []
            while len(back) < len(sent):
                data, address = wire.recvfrom(1 << 17)
                if address[2] != socket.PACKET_OUTGOING and data[22:26] != b"\0\0\0\0" and \
                        data[10:16] == bytes.fromhex(MAC.replace(":", "")):
                    back.append(data)
        return back

    def check(self, features, *options):
        process = self.start(self.serve("--features", features), "vio", "--netns", "near", *options)
        kinds = [TCP4, TCP6] + ([UDP_L4] if "USO" in self.said else [])
        sent = [large(kind, payload) for kind in kinds for payload in (3000, 60000)]
        for before, after in zip(sent, self.exchange(sent)):
            self.assertEqual(after[:2], before[:2])  # flags, gso_type
            self.assertEqual(after[4:10], before[4:10])  # gso_size, csum_start, csum_offset
            self.assertEqual(after[10:], before[10:])
        said = self.finish(process)
        self.assertIn("0 refused", said)
        self.nic.check()

    def test_split_merged_buffers(self):
        self.check("+all,-RING_PACKED")

    def test_packed_long_buffers(self):
        self.check("+all,-MRG_RXBUF,-IN_ORDER", "--mode", "interrupt")


class Ends(Case):
    """How it ends, and what happens to the link."""

    def started(self, *options, features="-RING_PACKED"):
        return self.start(self.serve("--features", features), "vio", "--netns", "near", *options)

    def flags(self):
        return self.near.link("vio")["flags"]

    def test_link_is_followed(self):
        process = self.started()
        self.assertIn("LOWER_UP", self.flags())
        for up in (False, True):
            self.send_command("link up" if up else "link down")
            wait_for(lambda: ("LOWER_UP" in self.flags()) == up, "the carrier does not follow")
        self.finish(process)
        self.nic.check()

    def test_address_and_mtu_of_the_command_line(self):
        device = self.serve("--mtu", "9000", "--features", "-RING_PACKED")
        process = self.start(device, "vio", "--netns", "/run/netns/near", "--down",
                             "--set", "mac=02:00:00:00:00:77", "--set", "mtu=4000")
        link = self.near.link("vio")
        self.assertEqual((link["address"], link["mtu"]), ("02:00:00:00:00:77", 4000))
        self.assertNotIn("UP", link["flags"])
        self.finish(process)
        process = self.start(device, "vio", "--netns", "near")
        self.assertEqual(self.near.link("vio")["mtu"], 9000)
        self.finish(process)
        self.nic.check()

    def test_interface_is_set_down(self):
        process = self.start(self.serve("--peer", "source", "--features", "-RING_PACKED"), "vio",
                             "--netns", "near")
        self.near.ip("link", "set", "vio", "down")
        before = self.near.link("vio")
        self.near.ip("link", "set", "vio", "up")
        self.assertNotIn("UP", before["flags"])
        said = self.finish(process)
        self.assertNotIn(" 0 while the interface was down", said)
        self.nic.check()

    def test_interface_is_deleted(self):
        for queues in ("1", "2"):
            process = self.started("--queues", queues)
            self.near.ip("link", "del", "vio")
            said = self.finish(process, 1, number=None)
            self.assertEqual(said.count("vio: the interface was deleted: stopping"), 1, said)
            self.nic.check()

    def test_device_is_unplugged(self):
        process = self.started()
        self.send_command("unplug")
        self.assertIn("is being unplugged", self.finish(process, 5, number=None))
        self.nic.check()

    def test_device_is_killed(self):
        process = self.started("--queues", "2")
        self.nic.process.kill()
        self.assertIn("the device is gone", self.finish(process, 5, number=None))

    def test_announcement(self):
        device = self.serve("--features", "-RING_PACKED", "--peer", "loop")
        process = self.start(device, "vio", "--netns", "near")
        with self.near.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(0x8035)) as wire:
            wire.bind(("vio", 0x8035))
            self.send_command("announce")
            self.assertEqual(wire.recv(2000)[6:12].hex(":"), MAC)
        self.finish(process)
        self.nic.check()


class Refused(Case):
    """What is wrong on the kernel's side is found before a device is touched."""

    device = "vfio-user:/nowhere/nic"

    def test_names(self):
        for name in ("", 16 * "v", "a b", "a/b", "a:b", "v%d", ".", ".."):
            self.assertIn("name of an interface", self.refused(self.device, name, code=2))
        self.assertIn("'c': tap takes a device", self.refused(self.device, "b", "c", code=2))
        self.assertIn("no device named", self.refused(code=2))

    def test_options(self):
        self.assertIn("give one of them",
                      self.refused(self.device, "--queues", "2", "--set", "queues=3", code=2))
        for name in ("GUEST_UDP_TUNNEL_GSO", "RSC_EXT"):
            self.assertIn(f"--want {name}: a tap interface does not take such frames",
                          self.refused(self.device, "--want", name, code=2))
        self.assertIn("1 to 255", self.refused(self.device, "--netns", "", code=2))
        self.assertIn("--cpus: 2 CPUs, but 1 thread; see --queues", self.refused(self.device, "--cpus", "0,1", code=2))
        self.assertIn("CPU 1023 is none", self.refused(self.device, "--cpus", "1023", code=2))

    def test_name_is_taken(self):
        namespaces.ip("link", "add", "taken", "type", "bridge")
        self.addCleanup(namespaces.ip, "link", "del", "taken")
        self.assertIn("taken: there is an interface of that name that is no tap, or one with several queues; "
                      "choose another name, or: ip link del taken", self.refused(self.device, "taken", code=1))
        process = self.start(self.serve("--features", "-RING_PACKED"), "vio")
        self.assertIn("vio: another program has this interface; choose another name",
                      self.refused(self.device, "vio", code=1))
        self.assertIn("no tap with several queues",
                      self.refused(self.device, "vio", "--queues", "2", code=1))
        self.finish(process)

    def test_no_such_namespace(self):
        self.assertIn("--netns lost: /run/netns/lost: No such file or directory; 'ip netns list' shows",
                      self.refused(self.device, "--netns", "lost", code=1))
        self.assertIn("that is no network namespace",
                      self.refused(self.device, "--netns", "/dev/null", code=1))

    def test_no_capabilities(self):
        without = ("setpriv", "--bounding-set", "-net_admin", "--inh-caps", "-net_admin")
        self.assertIn("it needs CAP_NET_ADMIN, or an interface of this user's: ip tuntap add vio",
                      self.refused(self.device, "vio", code=4, before=without))
        without = ("setpriv", "--bounding-set", "-sys_admin", "--inh-caps", "-sys_admin")
        self.assertIn("--netns near: Operation not permitted; it needs CAP_SYS_ADMIN",
                      self.refused(self.device, "--netns", "near", code=4, before=without))

    def test_no_node(self):
        hidden = ("unshare", "--mount", "sh", "-c", 'mount -t tmpfs none /dev/net && exec "$@"', "sh")
        self.assertIn("/dev/net/tun: No such file or directory; load the module: modprobe tun",
                      self.refused(self.device, code=1, before=hidden))

    def test_no_device(self):
        """The interface does not outlive the attempt."""
        self.assertIn("/nowhere/nic", self.refused(self.device, "vio", "--netns", "near", code=3))
        self.assertIsNone(self.near.link("vio"))


if __name__ == "__main__":
    namespaces.main()
