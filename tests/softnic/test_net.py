# SPDX-License-Identifier: BSD-3-Clause
"""
Frames through the device: headers, buffers, lengths; what a driver may not do (requirements NET, NETF);
faults on command (rows F and G).
"""

import random
import re
import struct
import tempfile
import time
import unittest

from net_env import (BROADCAST, ECN, NEEDS_CSUM, OWN, TCPV4, TCPV6, TUNNEL_CSUM, TUNNEL_IPV4,
                     TUNNEL_IPV6, UDP_L4, UFO, Env, complete, ethernet, ipv4, ipv6, pattern, tcp,
                     tcp4, tcp6, udp, udp4)
from raw import ALWAYS

TSO = ("CSUM", "HOST_TSO4", "HOST_TSO6", "HOST_ECN", "HOST_USO", "HOST_UFO")
TUNNEL = (*TSO, "HOST_UDP_TUNNEL_GSO")
TUNNEL_BOTH = (*TUNNEL, "HOST_UDP_TUNNEL_GSO_CSUM")


class Frames(unittest.TestCase):
    def test_sizes_of_headers(self):
        for features, size in (((), 12), (("HASH_REPORT",), 20), (TUNNEL, 24),
                               (("HASH_REPORT", *TUNNEL), 24)):
            for packed in (False, True):
                with Env("--peer", "loop", features=(*features, *(("RING_PACKED",) if packed else ())),
                         packed=packed, offer="+all,-IN_ORDER") as env:
                    self.assertEqual(env.header, size)
                    env.send(udp4(pattern(200)))
                    (head, frame), = env.frames(count=1)
                    self.assertEqual((frame, head["buffers"]), (udp4(pattern(200)), 1))
                    env.finish()

    def test_header_apart_and_in_pieces(self):
        with Env("--peer", "loop") as env:
            frame = udp4(pattern(100))
            for pieces in ([bytes(12), frame], [bytes(5), bytes(7), frame],
                           [bytes(12) + frame[:1], frame[1:20], frame[20:]]):
                env.transmit[0].add(readable=pieces)
                env.transmit[0].kick()
                self.assertEqual(env.frames(count=1)[0][1], frame)
            env.finish()

    def test_receive_buffer_in_pieces(self):
        with Env("--peer", "loop", buffers=0) as env:
            env.receive[0].add(writable=[5, 7, 3, 2000])
            env.receive[0].add(writable=[20, 1900])
            for size in (100, 200):
                env.send(udp4(pattern(size)))
                self.assertEqual(env.frames(count=1)[0][1], udp4(pattern(size)))
            env.finish()

    def test_mergeable_buffers(self):
        with Env("--peer", "loop", features=("MRG_RXBUF",), size=100) as env:
            for length in (46, 88, 89, 188, 189, 1000):
                frame = udp4(pattern(length - 42))
                before = len(env.receive[0].done)
                env.send(frame)
                (head, got), = env.frames(count=1)
                self.assertEqual(got, frame)
                self.assertEqual(head["buffers"], (length + 12 + 99) // 100)
                used = [size for _, size in env.receive[0].done[before:]]
                self.assertTrue(all(size == 100 for size in used[:-1]))
                for _ in used:
                    env.receive[0].add(writable=[100])
            env.finish()

    def test_too_few_mergeable_buffers(self):
        """A frame that does not fit is lost, and no part of it arrives."""
        with Env("--peer", "loop", features=("MRG_RXBUF",), size=100, buffers=3) as env:
            env.send(udp4(pattern(500)))
            env.send(udp4(pattern(100)))
            self.assertEqual(env.frames(count=1)[0][1], udp4(pattern(100)))
            env.finish()

    def test_commands_that_run_the_queue_they_were_waited_for(self):
        """A frame's queue is not in use; pending commands enable and disable it, which sends what it has; and
        then there is no buffer for the frame. None is lost or sent twice."""
        with Env("--peer", "loop", "--lossless", pairs=2, buffers=0,
                 features={"CTRL_VQ", "MQ"}) as env:
            env.driver.wait_for(lambda: env.control.used_flags() == env.transmit[1].used_flags() == 0)
            for number in 2, 1:
                env.control.add(readable=[b"\4\0", bytes([number, 0])], writable=[1])
            for number in range(3):
                env.transmit[1].add(readable=[env.virtio() + udp4(bytes([number]) * 32)], publish=False)
            env.receive[1].add(writable=[2048])
            env.receive[1].kick()
            env.transmit[1].publish()
            env.transmit[1].kick()
            env.control.wait(2)
            for _ in range(4):
                env.receive[0].add(writable=[2048])
            env.receive[0].kick()
            env.transmit[1].wait(3)
            self.assertEqual([frame[-1] for _, frame in env.frames(1, count=1)], [0])
            self.assertEqual([frame[-1] for _, frame in env.frames(count=2)], [1, 2])
            self.assertEqual([identity for identity, _ in env.transmit[1].done], [0, 1, 2])
            self.assertEqual(set(env.broken()), {"CVQ-20"})

    def test_packets_that_are_cut_small_are_seen_one_by_one(self):
        """Each is 65,000 frames: more than one of them in a poll iteration would delay the device."""
        with tempfile.NamedTemporaryFile("r") as trace, Env(
                "--peer", "loop", "--trace", trace.name, features={"CSUM", "HOST_USO"}, buffers=0,
                queue_size=8, vectors=3) as env:
            queue = env.transmit[0]
            data = env.virtio(NEEDS_CSUM, UDP_L4, 42, 1, 34, 6) + udp4(bytes(65000), partial=True)
            queue.data.write(0, data)
            for number in range(queue.size):
                queue.descriptor(number, queue.data.iova, len(data))
                queue.set_avail_entry(number, number)
            queue.set_avail_idx(queue.size)
            queue.kick()
            env.driver.wait_for(lambda: queue.used_idx() == queue.size)
            env.driver.close()
            env.nic.stop()
            events = re.findall(r"GIVE queue 1|INTERRUPT 2", trace.read())
            self.assertEqual(events, ["GIVE queue 1", "INTERRUPT 2"] * queue.size)

    def test_lossless_loop_waits(self):
        with Env("--peer", "loop", "--lossless", buffers=2) as env:
            for i in range(5):
                env.send(udp4(pattern(50 + i)), wait=False)
            self.assertEqual(len(env.frames(count=2)), 2)
            for _ in range(3):
                env.receive[0].add(writable=[2048])
            env.receive[0].kick()
            self.assertEqual([f for _, f in env.frames(count=3)],
                             [udp4(pattern(50 + i)) for i in (2, 3, 4)])
            env.finish()

    def test_echo_sends_frames_back(self):
        with Env("--peer", "echo") as env:
            env.send(udp4(pattern(60), to=BROADCAST))
            frame = env.frames(count=1)[0][1]
            sent = udp4(pattern(60), to=BROADCAST)
            self.assertEqual(frame[:12], sent[6:12] + sent[:6])
            self.assertEqual(frame[26:38], sent[30:34] + sent[26:30] + sent[36:38] + sent[34:36])
            self.assertEqual(frame[38:], sent[38:])
            env.finish()

    def test_longest_received_frame(self):
        """'The device MUST NOT pass received packets that exceed mtu'."""
        with Env("--peer", "loop", "--mtu", "1000", features=("MTU",), size=4096) as env:
            env.send(udp4(pattern(1014 - 42)))
            env.send(udp4(pattern(1018 - 46), vlan=3))
            self.assertEqual([len(frame) for _, frame in env.frames()], [1014, 1018])
            env.finish()
        with Env("--peer", "loop", "--mtu", "1000", features=("MTU",), size=4096) as env:
            env.send(udp4(pattern(1015 - 42)))
            self.assertEqual(env.frames(), [])
            self.assertEqual(env.broken(), ["NET-08"])

    def test_configuration(self):
        features = ("MAC", "MTU", "STATUS", "SPEED_DUPLEX", "CTRL_VQ", "MQ", "RSS", "HASH_TUNNEL")
        with Env("--mac", "02:11:22:33:44:55", "--mtu", "9000", "--speed", "40000", "--duplex", "half",
                 "--queues", "3", features=features) as env:
            get = env.driver.net_config
            self.assertEqual(env.mac(), bytes.fromhex("021122334455"))
            self.assertEqual([get(6, 2), get(8, 2), get(10, 2), get(12, 4), get(16, 1)],
                             [1, 3, 9000, 40000, 0])
            self.assertEqual([get(17, 1), get(18, 2), get(20, 4), get(24, 4)], [40, 128, 0x1ff, 0x1ff])
            env.finish()


class Sleeping(unittest.TestCase):
    """An idle device, or one that waits for the driver, uses no processor time."""

    def seconds(self, env):
        with open(f"/proc/{env.nic.process.pid}/stat", encoding="ascii") as file:
            fields = file.read().rsplit(")", 1)[1].split()
        return sum(map(int, fields[11:13])) / 100

    def rests(self, env):
        before = self.seconds(env)
        time.sleep(0.5)
        return self.seconds(env) - before < 0.05

    def test_idle(self):
        for peer, more, buffers, frames in (("sink", [], 4, 0), ("loop", [], 4, 0),
                                            ("loop", ["--lossless"], 2, 5), ("source", [], 0, 0)):
            with self.subTest(peer, more=more), Env("--peer", peer, *more, buffers=buffers) as env:
                for _ in range(frames):
                    env.send(udp4(), wait=False)
                env.driver.wait_for(lambda: self.rests(env))
                env.receive[0].add(writable=[2048])
                env.receive[0].kick()
                if frames or peer == "source":
                    env.receive[0].wait(buffers + 1)
                env.finish()


HALF = dict(flags=NEEDS_CSUM, start=34, offset=6)
LARGE = dict(flags=NEEDS_CSUM, kind=TCPV4, gso_size=1000, hdr_len=54, start=34, offset=16)


def changed(base, **more):
    return {**base, **more}


def tunnel(inner=None, outer_sum=False):
    inner = inner or ethernet(ipv4(tcp(pattern(2000), partial=True), 6))
    shell = struct.pack(">HHHH", 50000, 4789, 16 + len(inner), 0) + b"\x08" + bytes(7) + inner
    return ethernet(ipv4(complete(shell, 17, partial=True) if outer_sum else shell, 17))


INNER = dict(flags=NEEDS_CSUM, kind=TCPV4 | TUNNEL_IPV4, gso_size=1000, hdr_len=104, start=84,
             offset=16, outer=34, inner=64)
INNER6 = changed(INNER, kind=TCPV6 | TUNNEL_IPV6, hdr_len=124, start=104)
PART = udp4(pattern(64), partial=True)
BIG = tcp4(pattern(2500), partial=True)
BIG6 = tcp6(pattern(2500), partial=True)
VIA6 = ethernet(ipv6(tcp(pattern(2000), six=True, partial=True), 6), 0x86dd)
WRONG_IP = PART[:24] + b"\0\1" + PART[26:]

# What a driver must not send: requirement, features, frame, header. With what is right beside it, the
# requirement alone is reported.
VIOLATIONS = [
    ("NET-13", (), udp4(), dict(buffers=1)),
    ("NET-14", (), udp4(), dict(flags=NEEDS_CSUM, start=34, offset=6)),
    ("NET-19", ("CSUM", "HOST_USO"), BIG, LARGE),
    ("NET-21", ("CSUM", "HOST_USO"), BIG6, changed(LARGE, kind=TCPV6, hdr_len=74, start=54)),
    ("NET-23", ("CSUM", "HOST_USO"), udp4(pattern(2000), partial=True),
     changed(LARGE, kind=UFO, hdr_len=42, offset=6)),
    ("NET-25", ("CSUM", "HOST_TSO4"), udp4(pattern(2000), partial=True),
     changed(LARGE, kind=UDP_L4, hdr_len=42, offset=6)),
    ("NET-27", TSO, tcp4(pattern(2500), partial=True, flags=0x90), LARGE),
    ("NET-29", TSO, tunnel(), changed(INNER, kind=TCPV4 | TUNNEL_IPV4)),
    ("NET-30", TUNNEL, tunnel(), changed(INNER, kind=TCPV4 | TUNNEL_IPV6)),
    ("NET-31", TUNNEL, tunnel(VIA6), changed(INNER6, kind=TCPV6 | TUNNEL_IPV4)),
    ("NET-34", TUNNEL, tunnel(outer_sum=True), changed(INNER, flags=NEEDS_CSUM | TUNNEL_CSUM)),
    ("NET-35", TUNNEL, tunnel(outer_sum=True), changed(INNER, flags=NEEDS_CSUM | TUNNEL_CSUM)),
    ("NET-36", TUNNEL, tunnel(ethernet(ipv4(udp(pattern(2000), partial=True), 17))),
     changed(INNER, kind=UFO | TUNNEL_IPV4, hdr_len=92, offset=6)),
    ("NET-37", TUNNEL, tunnel(), changed(INNER, kind=TCPV4 | TUNNEL_IPV4 | TUNNEL_IPV6)),
    ("NET-38", TUNNEL_BOTH, PART, changed(HALF, flags=NEEDS_CSUM | TUNNEL_CSUM)),
    ("NET-40", ("CSUM",), WRONG_IP, HALF),
    ("NET-41", ("CSUM",), udp4(pattern(64)), HALF),
    ("NET-42", ("CSUM",), PART, changed(HALF, start=35)),
    ("NET-42", ("CSUM",), PART, changed(HALF, start=0xffff, offset=0xffff)),
    ("NET-43", ("CSUM",), BIG, changed(LARGE, kind=0x1f)),
    ("NET-44", TSO, BIG, changed(LARGE, flags=0)),
    ("NET-45", TSO, BIG, changed(LARGE, gso_size=0)),
    ("NET-46", (*TSO, "GUEST_HDRLEN"), BIG, changed(LARGE, hdr_len=64)),
    ("NET-48", TUNNEL, tunnel(), changed(INNER, outer=35)),
    ("NET-48", TUNNEL, tunnel(), changed(INNER, inner=20)),
    ("NET-50", TUNNEL_BOTH, tunnel(), changed(INNER, flags=NEEDS_CSUM | TUNNEL_CSUM)),
    ("NET-52", TUNNEL, tunnel(outer_sum=True), INNER),
    ("NET-53", ("CSUM",), udp4(), dict(flags=2)),
    ("NET-53", ("CSUM",), udp4(), dict(flags=4)),
    ("NET-54", TUNNEL, tunnel(), changed(INNER, flags=NEEDS_CSUM | 2)),
]

# The same for recommendations (SHOULD).
WARNINGS = [
    ("NET-15", (), udp4(pattern(64), partial=True), {}),
    ("NET-26", ("CSUM", "HOST_TSO4"), tcp4(pattern(2500), partial=True, flags=0x90), LARGE),
    ("NET-47", TSO, BIG, changed(LARGE, hdr_len=20)),
]

# Valid requests, so that a checker that always complains is found.
RIGHT = [
    ((), udp4(), {}), (("CSUM",), PART, HALF), (TSO, BIG, LARGE),
    (TSO, BIG6, changed(LARGE, kind=TCPV6, hdr_len=74, start=54)),
    (TSO, tcp4(pattern(2500), partial=True, flags=0x90), changed(LARGE, kind=TCPV4 | ECN)),
    (TSO, udp4(pattern(2000), partial=True), changed(LARGE, kind=UDP_L4, hdr_len=42, offset=6)),
    (TSO, udp4(pattern(2000), partial=True), changed(LARGE, kind=UFO, hdr_len=42, offset=6)),
    ((*TSO, "GUEST_HDRLEN"), BIG, LARGE), (TUNNEL, tunnel(), INNER), (TUNNEL, tunnel(VIA6), INNER6),
    (TUNNEL_BOTH, tunnel(outer_sum=True), changed(INNER, flags=NEEDS_CSUM | TUNNEL_CSUM)),
]

# Features that need others: requirement, set, and the same made right.
NEEDS = [
    ("NETF-01", {"GUEST_TSO4"}, {"GUEST_CSUM"}), ("NETF-02", {"GUEST_TSO6"}, {"GUEST_CSUM"}),
    ("NETF-03", {"GUEST_ECN", "GUEST_CSUM"}, {"GUEST_TSO6"}), ("NETF-04", {"GUEST_UFO"}, {"GUEST_CSUM"}),
    ("NETF-05", {"GUEST_USO4"}, {"GUEST_CSUM"}), ("NETF-06", {"GUEST_USO6"}, {"GUEST_CSUM"}),
    ("NETF-07", {"GUEST_UDP_TUNNEL_GSO", "GUEST_CSUM", "GUEST_TSO4", "GUEST_TSO6", "GUEST_USO4"},
     {"GUEST_USO6"}),
    ("NETF-08", {"GUEST_UDP_TUNNEL_GSO_CSUM", "GUEST_CSUM", "GUEST_TSO4", "GUEST_TSO6", "GUEST_USO4",
                 "GUEST_USO6"}, {"GUEST_UDP_TUNNEL_GSO"}),
    ("NETF-09", {"HOST_TSO4"}, {"CSUM"}), ("NETF-10", {"HOST_TSO6"}, {"CSUM"}),
    ("NETF-11", {"HOST_ECN", "CSUM"}, {"HOST_TSO4"}), ("NETF-12", {"HOST_UFO"}, {"CSUM"}),
    ("NETF-13", {"HOST_USO"}, {"CSUM"}),
    ("NETF-14", {"HOST_UDP_TUNNEL_GSO", "CSUM", "HOST_TSO4", "HOST_TSO6"}, {"HOST_USO"}),
    ("NETF-15", {"HOST_UDP_TUNNEL_GSO_CSUM", "CSUM", "HOST_TSO4", "HOST_TSO6", "HOST_USO"},
     {"HOST_UDP_TUNNEL_GSO"}),
    *((requirement, {name}, {"CTRL_VQ"}) for requirement, name in (
        ("NETF-16", "CTRL_RX"), ("NETF-17", "CTRL_VLAN"), ("NETF-18", "GUEST_ANNOUNCE"),
        ("NETF-19", "MQ"), ("NETF-20", "CTRL_MAC_ADDR"), ("NETF-21", "NOTF_COAL"), ("NETF-23", "RSS"),
        ("NETF-24", "VQ_NOTF_COAL"), ("NETF-27", "CTRL_GUEST_OFFLOADS"), ("NETF-27", "DEVICE_STATS"))),
    ("NETF-22", {"RSC_EXT", "CSUM"}, {"HOST_TSO4"}),
    ("NETF-25", {"HASH_TUNNEL", "CTRL_VQ"}, {"HASH_REPORT"}),
    ("NETF-26", {"RSS_CONTEXT", "CTRL_VQ"}, {"RSS"}),
    ("NETF-31", {"HASH_REPORT"}, {"CTRL_VQ"}), ("NETF-32", {"CTRL_RX_EXTRA"}, {"CTRL_VQ"}),
]

ONLY_ADVISED = {"NETF-31", "NETF-32"}


class Requirements(unittest.TestCase):
    def tell(self, features, frame, header):
        with Env("--peer", "sink", features=features) as env:
            env.send(frame, **header)
            must = set(env.broken())
            return must, set(env.nic.violations(True)), env.nic.status, env.nic.lines

    def test_headers(self):
        for requirement, features, frame, header in VIOLATIONS:
            with self.subTest(requirement, header=header):
                must, _, status, lines = self.tell(features, frame, header)
                self.assertIn(requirement, must, lines)
                self.assertLessEqual(len(must), 2, lines)
                self.assertEqual(status, 3)

    def test_warnings(self):
        for requirement, features, frame, header in WARNINGS:
            with self.subTest(requirement):
                must, should, status, lines = self.tell(features, frame, header)
                self.assertEqual((must, requirement in should, status), (set(), True, 0), lines)

    def test_right_headers(self):
        for features, frame, header in RIGHT:
            with self.subTest(header=header):
                must, should, status, lines = self.tell(features, frame, header)
                self.assertEqual((must, status), (set(), 0), lines)
                self.assertFalse({requirement for requirement in should if requirement.startswith("NET-")}, lines)

    def test_dependent_features(self):
        for requirement, features, more in NEEDS:
            with self.subTest(requirement, features=features):
                found = self.negotiate(features)
                self.assertEqual({d for d in found if d.startswith("NETF")}, {requirement})
                self.assertNotIn(requirement, self.negotiate(features | more))

    def negotiate(self, features):
        with Env("--peer", "sink", only=features | ALWAYS, offer="+all,-IN_ORDER,-MAC,-MTU",
                 buffers=0, start=False, queue_size=4) as env:
            return env.broken() + env.nic.violations(True)

    def test_recommended_features(self):
        with Env("--peer", "sink", offer="+all,+STANDBY,-IN_ORDER") as env:
            env.broken()
            self.assertLessEqual({"NETF-28", "NETF-29", "NETF-30"}, set(env.nic.violations(True)))

    def test_transmit_buffers(self):
        for pieces, writable, requirement in (([bytes(11)], [], "NET-12"),
                                       ([bytes(12) + udp4()], [16], "NET-01")):
            with self.subTest(requirement), Env("--peer", "sink") as env:
                env.transmit[0].add(readable=pieces, writable=writable)
                env.transmit[0].kick()
                env.transmit[0].wait(1)
                self.assertEqual(env.broken(), [requirement])

    def test_receive_buffers(self):
        for features, size, requirement in ((("MRG_RXBUF",), 11, "NET-59"), (("MTU",), 1525, "NET-07")):
            with self.subTest(requirement), Env("--peer", "loop", features=features, size=size) as env:
                env.send(udp4(pattern(100)))
                self.assertEqual(set(env.broken()), {requirement})
        for features, size, requirement in (((), 1525, "NET-58"), (("GUEST_CSUM", "GUEST_TSO4"), 65600, "NET-57")):
            with self.subTest(requirement), Env("--peer", "loop", features=features, size=size,
                                         buffers=4) as env:
                env.send(udp4(pattern(100)))
                env.frames(count=1)
                self.assertEqual(env.broken(), [])
                self.assertIn(requirement, env.nic.violations(True))
        with Env("--peer", "loop", buffers=0) as env:
            env.receive[0].add(readable=[bytes(8)], writable=[2048])
            env.send(udp4())
            self.assertEqual(env.broken(), ["NET-01"])

    def test_queue_in_use_without_buffers(self):
        with Env("--peer", "loop", features=("CTRL_VQ", "MQ"), pairs=2, buffers=0) as env:
            env.send(udp4())
            env.broken()
            self.assertIn("NET-61", env.nic.violations(True))


class Nonsense(unittest.TestCase):
    """Whatever a driver sends, the device goes on, and valid frames arrive afterwards."""

    FEATURES = (*TUNNEL_BOTH, "GUEST_CSUM", "GUEST_TSO4", "GUEST_TSO6", "GUEST_USO4", "MRG_RXBUF",
                "RSC_EXT", "CTRL_VQ", "CTRL_GUEST_OFFLOADS")
    FRAMES = [udp4(pattern(90)), PART, BIG, BIG6, tunnel(), tunnel(VIA6), tunnel(outer_sum=True),
              ethernet(bytes(46), 0x88b5), tcp4(b""), udp4(pattern(300), vlan=7)]

    def noise(self, dice, env):
        frame = bytearray(dice.choice(self.FRAMES))
        for _ in range(dice.choice((0, 1, 3))):
            frame[dice.randrange(12, min(len(frame), 120))] = dice.randrange(256)
        frame = bytes(frame[:dice.choice((len(frame), len(frame), dice.randrange(1, len(frame))))])
        offsets = (0, 14, 20, 34, 54, 64, 84, 104, 0xffff)
        header = env.virtio(dice.randrange(16), dice.choice((0, 1, 3, 4, 5, 0x21, 0x24, 0x25, 0x44, 0xff)),
                            dice.choice(offsets), dice.choice((0, 1, 7, 8, 536, 1460, 0xffff)),
                            dice.choice(offsets), dice.choice((6, 16, 0, 0xffff)), dice.choice((0, 0, 9)),
                            dice.choice(offsets), dice.choice(offsets))
        return header + frame

    def test_random_headers_and_frames(self):
        for seed, peer, guest in ((1, "loop", 0), (2, "loop", 2), (3, "echo", 0x182), (4, "sink", 0)):
            dice = random.Random(seed)
            with self.subTest(seed), Env("--peer", peer, features=self.FEATURES, size=1024,
                                         buffers=60) as env:
                env.command(5, 0, struct.pack("<Q", guest))
                for _ in range(400):
                    data = self.noise(dice, env)
                    cut = dice.randrange(1, len(data))
                    env.transmit[0].add(readable=[data[:cut], data[cut:]])
                    env.transmit[0].kick()
                    env.transmit[0].wait(len(env.transmit[0].done) + 1)
                    env.receive[0].poll()
                    while env.receive[0].free:
                        env.receive[0].add(writable=[1024])
                before = len(env.receive[0].done)
                env.send(udp4())
                if peer != "sink":
                    self.assertEqual(env.receive[0].wait(before + 1)[-1][1], env.header + len(udp4()))
                env.broken()
                self.assertEqual(env.nic.status, 3)

    def test_random_commands(self):
        dice = random.Random(5)
        features = (*self.FEATURES, "CTRL_RX", "CTRL_RX_EXTRA", "CTRL_VLAN", "CTRL_MAC_ADDR", "MQ", "RSS",
                    "HASH_REPORT", "HASH_TUNNEL", "RSS_CONTEXT", "NOTF_COAL", "VQ_NOTF_COAL",
                    "DEVICE_STATS", "GUEST_ANNOUNCE")
        with Env("--peer", "loop", features=features, pairs=2) as env:
            for _ in range(1500):
                size = dice.choice((0, 1, 2, 4, 6, 8, 12, 16, 60, 300))
                data = bytes(dice.choice((0, 1, dice.randrange(256))) for _ in range(size))
                ack, _ = env.command(dice.randrange(11), dice.randrange(7), data,
                                     dice.choice((0, 2, 8, 56, 1000)))
                self.assertIn(ack, (0, 1))
            self.assertEqual(env.command(0, 0, b"\1")[0], 0)
            env.broken()
            self.assertEqual(env.nic.status, 3)


class Faults(unittest.TestCase):
    """Faults F hit the first frame and not the second, which arrives unchanged."""

    def two(self, row, size=2048, features=("MRG_RXBUF",), frame=udp4(pattern(600))):
        with Env("--peer", "loop", "--fault", row, size=size, features=features, buffers=60) as env:
            env.send(frame)
            env.send(frame)
            env.receive[0].poll()
            done = list(env.receive[0].done)
            data = [env.receive[0].contents(identity) for identity, _ in done]
            env.finish()
        return [length for _, length in done], data

    def test_used_lengths(self):
        whole = 12 + 642
        for row, length in (("F01", 0), ("F02", 11), ("F03", 12), ("F04", 2049)):
            self.assertEqual(self.two(row)[0], [length, whole], row)

    def test_bytes_are_not_written(self):
        lengths, data = self.two("F05")
        self.assertEqual(lengths[0], 654)
        self.assertEqual(data[0][12:654], b"\xee" * 642)

    def test_numbers_of_buffers(self):
        for row, size, first, count in (("F06", 2048, 0, 2), ("F07", 400, 1, 4), ("F08", 2048, 0xffff, 2),
                                        ("F09", 2048, 2, 2), ("F10", 2048, 0xffff, 2),
                                        ("F11", 2048, 7, 2)):
            lengths, data = self.two(row, size)
            self.assertEqual(len(lengths), count, row)
            self.assertEqual(struct.unpack_from("<H", data[0], 10)[0], first, row)
        self.assertEqual(struct.unpack_from("<H", self.two("F11", features=())[1][0], 10)[0], 7)

    def test_too_many_bytes(self):
        lengths, data = self.two("F12", size=4096)
        count = struct.unpack_from("<H", data[0], 10)[0]
        self.assertGreater(sum(lengths[:count]), 65550)

    def test_middle_is_not_full(self):
        lengths, data = self.two("F13", size=400)
        self.assertEqual(struct.unpack_from("<H", data[0], 10)[0], 2)
        self.assertEqual(lengths[:2], [12 + 321, 321])

    def test_headers(self):
        fields = "flags kind hdr_len gso_size start offset buffers".split()
        for row, expected in (("F14", {"kind": 0x1f}), ("F15", {"kind": 1, "gso_size": 1460}),
                              ("F16", {"kind": 1, "gso_size": 0}),
                              ("F17", {"flags": 1, "start": 0xffff, "offset": 0xffff}),
                              ("F18", {"flags": 1}), ("F19", {"hdr_len": 0xffff}),
                              ("F20", {"flags": 0xc3}), ("F21", {"flags": 4}), ("F22", {"kind": 0x60})):
            _, data = self.two(row)
            for header, want in ((data[0], expected), (data[1], {"flags": 0, "kind": 0, "hdr_len": 0})):
                got = dict(zip(fields, struct.unpack_from("<BBHHHHH", header)))
                self.assertEqual({name: got[name] for name in want}, want, row)
        report = self.two("F23", features=("HASH_REPORT",))[1]
        self.assertEqual([struct.unpack_from("<H", data, 16)[0] for data in report], [255, 0])

    def test_all_frames(self):
        self.assertEqual(self.two("F01,F25")[0], [0, 0])

    def test_contradicting_frame(self):
        data = self.two("F24")[1]
        self.assertEqual(data[0][24:28], b"\x81\x00\xff\xff")

    def test_buffers_are_kept(self):
        with Env("--peer", "loop", "--fault", "F27=2") as env:
            held = list(env.receive[0].pieces)
            env.send(udp4())
            env.send(udp4())
            self.assertEqual([identity for identity, _ in env.receive[0].wait(2)], held[2:4])

    def test_queue_that_is_not_in_use(self):
        with Env("--peer", "loop", "--fault", "F26", features=("CTRL_VQ", "MQ"), pairs=2) as env:
            env.send(udp4())
            env.send(udp4())
            self.assertEqual((len(env.frames(0)), len(env.frames(1))), (1, 1))

    def test_transmit(self):
        with Env("--peer", "sink", "--fault", "G01") as env:
            env.send(udp4())
            self.assertNotEqual(env.transmit[0].done[0][1], 0)
        with Env("--peer", "loop", "--lossless", "--fault", "G02", buffers=0) as env:
            env.send(udp4())    # used, though it cannot have been read on yet
        with Env("--peer", "sink", "--fault", "G03") as env:
            first = env.transmit[0].add(readable=[bytes(12) + udp4()])
            env.send(udp4())
            time.sleep(0.1)
            env.transmit[0].poll()
            self.assertNotIn(first, [identity for identity, _ in env.transmit[0].done])
        with Env("--peer", "loop", "--fault", "G07=6") as env:
            added = [env.transmit[0].add(readable=[bytes(12) + udp4()]) for _ in range(4)]
            env.transmit[0].kick()
            self.assertEqual([identity for identity, _ in env.transmit[0].wait(2)], added[1:3])
            self.assertEqual(len(env.receive[0].wait(2)), 2)
        with Env("--peer", "sink", "--fault", "G04") as env:
            env.transmit[0].free.reverse()   # an id that no receive buffer has
            identity = env.transmit[0].add(readable=[bytes(12) + udp4()])
            env.transmit[0].kick()
            self.assertEqual(env.receive[0].wait(1), [(identity, 0)])
            self.assertNotIn(identity, env.receive[0].pieces)
        with Env("--peer", "sink", "--fault", "G05") as env:
            env.transmit[0].add(readable=[bytes(12), udp4(), b"x"])
            env.transmit[0].kick()
            env.driver.wait_for(lambda: env.driver.read("device_status") & 64)
        with Env("--peer", "sink", "--fault", "G06", features=("STATUS",), queue_size=256) as env:
            for _ in range(200):
                env.transmit[0].add(readable=[bytes(12) + udp4()], publish=False)
            env.transmit[0].publish()
            env.transmit[0].kick()
            env.driver.wait_for(lambda: env.driver.net_config(6, 2) == 0)


if __name__ == "__main__":
    unittest.main()
