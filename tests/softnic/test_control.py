# SPDX-License-Identifier: BSD-3-Clause
"""
The control queue: every command, what it does, and what a driver may not send.
"""

import os
import socket
import struct
import time
import unittest

from net_env import BROADCAST, OTHER, OWN, Env, ethernet, ipv4, pattern, tcp, udp, udp4
from nic import DEADLINE

OK, ERR = 0, 1
RX, MAC, VLAN, ANNOUNCE, MQ, OFFLOADS, COAL, TUNNEL, STATS, CONTEXT = range(10)

KEY = bytes.fromhex("6d5a56da255b0ec24167253d43a38fb0d0ca2bcbae7b30b477cb2da38030f20c6a42b73bbeac01fa")
GROUP = bytes.fromhex("01005e000001")
STRANGER = bytes.fromhex("020000000099")

FILTERS = ("CTRL_VQ", "CTRL_RX", "CTRL_RX_EXTRA", "CTRL_MAC_ADDR", "CTRL_VLAN", "MAC")


def rss(table, types=7, unclassified=0, mask=None, transmit=1, key=KEY):
    mask = len(table) - 1 if mask is None else mask
    return (struct.pack("<IHH", types, mask, unclassified) + struct.pack(f"<{len(table)}H", *table) +
            struct.pack("<HB", transmit, len(key)) + key)


def tables(unicast=(), multicast=()):
    return b"".join(struct.pack("<I", len(part)) + b"".join(part) for part in (unicast, multicast))


def request(index, types):
    return struct.pack("<HHHHQ", index, 0, 0, 0, types)


class Filters(unittest.TestCase):
    def passes(self, env, to=OWN, vlan=None):
        """Does a frame come back from the loop?"""
        env.send(udp4(to=to, vlan=vlan))
        return len(env.frames()) == 1

    def everyone(self, env):
        return "".join(letter for letter, to in
                       zip("obgs", (OWN, BROADCAST, GROUP, STRANGER)) if self.passes(env, to))

    def test_receive_modes(self):
        with Env("--peer", "loop", features=FILTERS) as env:
            self.assertEqual(self.everyone(env), "ob")
            for mode, expected in ((0, "obgs"), (1, "obg"), (2, "obs"), (4, "b"), (5, "o")):
                self.assertEqual(env.command(RX, mode, b"\1"), (OK, b""))
                self.assertEqual(self.everyone(env), expected, mode)
                self.assertEqual(env.command(RX, mode, b"\0"), (OK, b""))
            env.command(RX, 1, b"\1")
            env.command(RX, 3, b"\1")   # NOMULTI is stronger than ALLMULTI, but not for broadcasts
            self.assertEqual(self.everyone(env), "ob")
            env.finish()

    def test_nothing_is_filtered_without_the_features(self):
        with Env("--peer", "loop") as env:
            self.assertEqual(self.everyone(env), "obgs")
            self.assertTrue(self.passes(env, vlan=5))
            env.finish()

    def test_mac_table(self):
        with Env("--peer", "loop", features=FILTERS) as env:
            self.assertEqual(env.command(MAC, 0, tables([STRANGER], [GROUP]))[0], OK)
            self.assertEqual(self.everyone(env), "obgs")
            self.assertEqual(env.command(MAC, 0, tables([], [GROUP]))[0], OK)
            self.assertEqual(self.everyone(env), "obg")
            self.assertEqual(env.command(MAC, 0, tables())[0], OK)
            self.assertEqual(self.everyone(env), "ob")
            many = [bytes([2, 0, 0, 0, i >> 8, i & 255]) for i in range(500)]
            self.assertEqual(env.command(MAC, 0, tables(many))[0], OK)
            self.assertEqual(self.everyone(env), "obs")
            env.finish()

    def test_mac_address(self):
        with Env("--peer", "loop", features=FILTERS) as env:
            self.assertEqual(env.command(MAC, 1, STRANGER)[0], OK)
            self.assertEqual(env.mac(), STRANGER)
            self.assertEqual(self.everyone(env), "bs")
            env.driver.reset()
            self.assertEqual(env.mac(), OWN)
            env.finish()

    def test_vlan(self):
        with Env("--peer", "loop", features=FILTERS) as env:
            self.assertFalse(self.passes(env, vlan=5))
            self.assertTrue(self.passes(env, vlan=0))
            self.assertEqual(env.command(VLAN, 0, struct.pack("<H", 5))[0], OK)
            self.assertTrue(self.passes(env, vlan=5))
            self.assertFalse(self.passes(env, vlan=6))
            self.assertEqual(env.command(VLAN, 1, struct.pack("<H", 5))[0], OK)
            self.assertFalse(self.passes(env, vlan=5))
            self.assertTrue(self.passes(env))
            self.assertEqual(env.command(VLAN, 0, struct.pack("<H", 4096))[0], ERR)
            env.finish()

    def test_unknown_commands(self):
        with Env("--peer", "sink", features=FILTERS) as env:
            for kind, number in ((10, 0), (255, 255), (RX, 6), (MAC, 2), (ANNOUNCE, 0)):
                self.assertEqual(env.command(kind, number), (ERR, b""))
            env.finish()


def flow(port, source=OTHER, protocol=udp):
    return ethernet(ipv4(protocol(b"x" * 20, ports=(port, 53)), 17), source=source)


class Steering(unittest.TestCase):
    MANY = ("CTRL_VQ", "MQ", "RSS", "HASH_REPORT")

    def where(self, env, pairs):
        return [pair for pair in range(pairs) for _ in env.frames(pair)]

    def test_one_pair_until_the_command(self):
        with Env("--peer", "loop", features=self.MANY, pairs=4) as env:
            for port in range(40000, 40008):
                env.send(flow(port))
            self.assertEqual(self.where(env, 4), [0] * 8)
            env.finish()

    def test_flows_come_back_where_they_left(self):
        with Env("--peer", "loop", features=("CTRL_VQ", "MQ"), pairs=4) as env:
            self.assertEqual(env.command(MQ, 0, struct.pack("<H", 4))[0], OK)
            for pair in (3, 1, 2, 0):
                env.send(flow(40000 + pair), pair=pair)
                self.assertEqual(self.where(env, 4), [pair])
            self.assertEqual(env.command(MQ, 0, struct.pack("<H", 1))[0], OK)
            env.send(flow(40003))
            self.assertEqual(self.where(env, 4), [0])
            env.finish()

    def test_receive_side_scaling(self):
        with Env("--peer", "loop", features=self.MANY, pairs=4) as env:
            table = [3, 2, 1, 0, 2, 1, 3, 1]
            self.assertEqual(env.command(MQ, 1, rss(table, unclassified=2))[0], OK)
            seen = set()
            for port in range(40000, 40032):
                env.send(flow(port))
                found = [(pair, head) for pair in range(4) for head, _ in env.frames(pair)]
                (pair, head), = found
                self.assertEqual(head["report"], 3)
                self.assertEqual(head["hash"], toeplitz(KEY, hashed(port)))
                self.assertEqual(pair, table[head["hash"] & 7])
                seen.add(pair)
            self.assertEqual(seen, {0, 1, 2, 3})
            env.send(ethernet(bytes(50), 0x88b5))
            self.assertEqual(self.where(env, 4), [2])
            self.assertEqual(env.command(MQ, 1, rss(table) + b"\0")[0], OK)    # padding behind the key
            self.assertEqual(env.command(MQ, 1, rss(table)[:-1])[0], ERR)
            env.finish()

    def test_hash_without_scaling(self):
        with Env("--peer", "loop", features=("CTRL_VQ", "HASH_REPORT")) as env:
            env.send(flow(40000))
            self.assertEqual(env.frames(count=1)[0][0]["report"], 0)
            config = struct.pack("<I8sB", 0x7, bytes(8), len(KEY)) + KEY
            self.assertEqual(env.command(MQ, 2, config)[0], OK)
            env.send(flow(40000))
            head = env.frames(count=1)[0][0]
            self.assertEqual((head["report"], head["hash"]), (3, toeplitz(KEY, hashed(40000))))
            env.finish()

    def test_inner_hash(self):
        inner = flow(41000)
        outer = ethernet(ipv4(udp(b"\x08" + bytes(7) + inner, ports=(50000, 4789)), 17))
        with Env("--peer", "loop", features=("CTRL_VQ", "HASH_REPORT", "HASH_TUNNEL")) as env:
            env.command(MQ, 2, struct.pack("<I8sB", 0x7, bytes(8), len(KEY)) + KEY)
            for types, expected in ((0, None), (1 << 4, toeplitz(KEY, hashed(41000))), (1 << 6, None)):
                self.assertEqual(env.command(TUNNEL, 0, struct.pack("<I", types))[0], OK)
                env.send(outer)
                head = env.frames(count=1)[0][0]
                self.assertEqual(head["hash"], expected or toeplitz(KEY, hashed(50000, 4789)))
            env.finish()

    def test_contexts(self):
        features = (*self.MANY, "RSS_CONTEXT")
        with Env("--peer", "sink", features=features, pairs=2) as env:
            ack, most = env.command(CONTEXT, 0, room=2)
            self.assertEqual((ack, most), (OK, struct.pack("<H", 4)))
            one = struct.pack("<H6x", 1)
            self.assertEqual(env.command(CONTEXT, 2, one + rss([0]))[0], ERR)   # not there yet
            self.assertEqual(env.command(CONTEXT, 1, one + rss([0, 1]))[0], OK)
            self.assertEqual(env.command(CONTEXT, 1, one + rss([0]))[0], ERR)   # there already
            self.assertEqual(env.command(CONTEXT, 2, one + rss([1]))[0], OK)
            self.assertEqual(env.command(CONTEXT, 3, struct.pack("<H", 1))[0], OK)
            self.assertEqual(env.command(CONTEXT, 3, struct.pack("<H", 1))[0], ERR)
            self.assertEqual(env.command(MQ, 0, struct.pack("<H", 2))[0], OK)
            env.finish()


def hashed(port, to=53):
    return bytes([10, 0, 0, 1, 10, 0, 0, 2]) + struct.pack(">HH", port, to)


def toeplitz(key, data):
    """Bit by bit, as in the published algorithm."""
    bits = int.from_bytes(key, "big")
    width, result = 8 * len(key), 0
    for i in range(8 * len(data)):
        if data[i // 8] >> (7 - i % 8) & 1:
            result ^= bits >> (width - 32 - i) & 0xffffffff
    return result


class Moderation(unittest.TestCase):
    FEATURES = ("CTRL_VQ", "NOTF_COAL", "VQ_NOTF_COAL")

    def env(self):
        return Env("--peer", "loop", features=self.FEATURES, vectors=4, buffers=60)

    def set(self, env, number, packets, usecs, index=None):
        head = b"" if index is None else struct.pack("<HH", index, 0)
        return env.command(COAL, number, head + struct.pack("<II", packets, usecs))[0]

    def get(self, env, index):
        ack, data = env.command(COAL, 3, struct.pack("<HH", index, 0), room=8)
        return (ack, *struct.unpack("<II", data)) if data else ack

    def test_packets(self):
        with self.env() as env:
            self.assertEqual(self.set(env, 1, 8, 5_000_000), OK)
            for _ in range(7):
                env.send(udp4())
            self.assertEqual(len(env.frames(count=7)), 7)     # they are there, unannounced
            self.assertEqual(env.driver.interrupts(1), 0)
            env.send(udp4())
            env.driver.wait_interrupt(1)
            env.finish()

    def test_time(self):
        with self.env() as env:
            self.set(env, 1, 1000, 100_000)
            begin = time.monotonic()
            env.send(udp4())
            env.driver.wait_interrupt(1)
            self.assertGreater(time.monotonic() - begin, 0.09)
            env.finish()

    def test_new_limits_may_be_met(self):
        with self.env() as env:
            self.set(env, 1, 15, 60_000_000)
            for _ in range(10):
                env.send(udp4())
            self.assertEqual(env.driver.interrupts(1), 0)
            self.set(env, 1, 8, 60_000_000)
            env.driver.wait_interrupt(1)
            env.finish()

    def test_last_setting_wins(self):
        with self.env() as env:
            self.assertEqual(self.get(env, 0), (OK, 0, 0))
            self.set(env, 1, 3, 30)
            self.assertEqual((self.get(env, 0), self.get(env, 1)), ((OK, 3, 30), (OK, 0, 0)))
            self.assertEqual(self.set(env, 2, 4, 40, index=0), OK)
            self.assertEqual(self.get(env, 0), (OK, 4, 40))
            self.set(env, 1, 5, 50)
            self.assertEqual(self.get(env, 0), (OK, 5, 50))
            self.set(env, 0, 6, 60)
            self.assertEqual(self.get(env, 1), (OK, 6, 60))
            env.finish()

    def test_queue_reset_forgets(self):
        with Env("--peer", "sink", features=(*self.FEATURES, "RING_RESET")) as env:
            self.set(env, 0, 6, 60)
            self.set(env, 2, 7, 70, index=1)
            driver = env.driver
            driver.write("queue_select", 1)
            driver.write("queue_reset", 1)
            driver.wait_for(lambda: driver.read("queue_reset") == 0)
            env.transmit[0].areas.write(0, bytes(env.transmit[0].areas.size))
            env.transmit[0].enable()
            self.assertEqual(self.get(env, 1), (OK, 6, 60))
            env.finish()


class Statistics(unittest.TestCase):
    FEATURES = ("CTRL_VQ", "DEVICE_STATS", "CSUM", "GUEST_CSUM", "HOST_TSO4", "GUEST_TSO4")
    RX_ALL, TX_ALL, CVQ = 0xf, 0xf0000, 1 << 32

    def replies(self, data):
        found = {}
        while data:
            kind, _, index, _, size = struct.unpack_from("<BBHHH", data)
            found[kind] = (index, struct.unpack_from(f"<{(size - 8) // 8}Q", data, 8))
            data = data[size:]
        return found

    def test_counters(self):
        with Env("--peer", "loop", features=self.FEATURES) as env:
            self.assertEqual(env.command(STATS, 0, room=8), (OK, struct.pack("<Q", 0x1000f000f)))
            frame = udp4(pattern(100))
            for _ in range(3):
                env.send(frame)
            env.send(udp4(partial=True), flags=1, start=34, offset=6)
            ask = request(0, self.RX_ALL) + request(1, self.TX_ALL) + request(2, self.CVQ)
            ack, data = env.command(STATS, 1, ask, room=400)
            self.assertEqual(ack, OK)
            found = self.replies(data)
            size = 3 * len(frame) + len(udp4())
            self.assertEqual(found[0], (0, (0, 4, size, 4, 0, 0)))   # INTx: no vector is set
            self.assertEqual(found[1], (0, (3, 1, 0, 0)))
            self.assertEqual(found[2], (0, (0, 0, 0, 0)))
            self.assertEqual(found[16], (1, (4, 4, size, 4, 0, 0)))
            self.assertEqual(found[17], (1, (3, 1)))
            self.assertEqual(found[32], (2, (2, 2)))
            env.finish()

    def test_query_names_the_choices(self):
        with Env("--peer", "sink", features=("CTRL_VQ", "DEVICE_STATS", "CSUM")) as env:
            types = struct.unpack("<Q", env.command(STATS, 0, room=8)[1])[0]
            self.assertEqual(types, 0x1000b0009)
            ask = request(0, types & 0xffff) + request(1, types & 0xf0000) + request(2, types >> 32 << 32)
            self.assertEqual(env.command(STATS, 1, ask, room=400)[0], OK)
            env.finish()

    def test_drops(self):
        with Env("--peer", "loop", features=self.FEATURES, buffers=1) as env:
            env.command(STATS, 0, room=8)
            env.send(udp4())
            env.send(udp4())
            _, data = env.command(STATS, 1, request(0, 1), room=56)
            self.assertEqual(self.replies(data)[0][1][4:], (1, 1))
            env.finish()

    def test_short_room_is_filled_up(self):
        with Env("--peer", "sink", features=self.FEATURES) as env:
            env.command(STATS, 0, room=8)
            ack, data = env.command(STATS, 1, request(0, 3), room=60)
            self.assertEqual((ack, len(data)), (OK, 60))
            self.assertEqual(env.broken(), ["CVQ-51"])


class Link(unittest.TestCase):
    """Changes by the device, through the socket of --control."""

    def setUp(self):
        self.path = f"/tmp/softnic-control-{os.getpid()}"

    def ask(self, line):
        with socket.socket(socket.AF_UNIX) as control:
            control.settimeout(DEADLINE)
            control.connect(self.path)
            control.sendall(line.encode() + b"\n")
            return control.recv(65536).decode()

    def test_link_and_speed(self):
        with Env("--peer", "loop", "--control", self.path, features=("STATUS", "SPEED_DUPLEX"),
                 vectors=1) as env:
            env.driver.write("config_msix_vector", 0)
            self.assertEqual(env.driver.net_config(6, 2), 1)
            self.ask("link down")
            env.driver.wait_interrupt(0)
            self.assertEqual(env.driver.net_config(6, 2), 0)
            env.send(udp4())
            self.assertEqual(env.frames(), [])
            self.ask("speed 25000 half")
            self.ask("link up")
            env.driver.wait_interrupt(0)
            self.assertEqual((env.driver.net_config(6, 2), env.driver.net_config(12, 4),
                              env.driver.net_config(16, 1)), (1, 25000, 0))
            env.send(udp4())
            self.assertEqual(len(env.frames(count=1)), 1)
            # One reply, which is one of both.
            self.assertRegex(self.ask("link sideways"), r"\Aerror: .*\n\Z")
            self.assertEqual(self.ask("link up"), "ok\n")
            self.assertIn("queue 1 tx packets 1", self.ask("stats"))
            env.finish()

    def test_faults_at_run_time(self):
        with Env("--peer", "loop", "--control", self.path) as env:
            for line, length in (("fault +F01", 0), ("fault -F01", 12 + len(udp4()))):
                self.ask(line)
                before = len(env.receive[0].done)
                env.send(udp4())
                self.assertEqual(env.receive[0].wait(before + 1)[-1][1], length)
            env.finish()

    def test_announce(self):
        with Env("--peer", "loop", "--control", self.path, vectors=1,
                 features=("STATUS", "CTRL_VQ", "GUEST_ANNOUNCE")) as env:
            env.driver.write("config_msix_vector", 0)
            self.ask("announce")
            env.driver.wait_interrupt(0)
            self.assertEqual(env.driver.net_config(6, 2), 3)
            self.assertEqual(env.command(ANNOUNCE, 0)[0], OK)
            self.assertEqual(env.driver.net_config(6, 2), 1)
            env.finish()

    def test_announce_without_acknowledgement(self):
        with Env("--peer", "loop", "--control", self.path,
                 features=("STATUS", "CTRL_VQ", "GUEST_ANNOUNCE")) as env:
            self.ask("announce 1")
            env.driver.wait_for(lambda: "CVQ-14" in env.nic.stderr())
            self.assertEqual(env.broken(), ["CVQ-14"])
        with Env("--peer", "loop", "--control", self.path) as env:
            self.assertIn("GUEST_ANNOUNCE", self.ask("announce"))
            env.finish()

    def test_announce_for_ever(self):
        with Env("--peer", "loop", "--control", self.path, "--fault", "H10",
                 features=("STATUS", "CTRL_VQ", "GUEST_ANNOUNCE")) as env:
            self.ask("announce")
            env.command(ANNOUNCE, 0)
            self.assertEqual(env.driver.net_config(6, 2), 3)


MANY = ("CTRL_VQ", "MQ", "RSS")

# What a driver must not send: requirement, features, pairs, commands. The last one breaks it.
VIOLATIONS = [
    ("CVQ-01", FILTERS, 1, [(RX, 0, b"\2")]),
    ("CVQ-03", ("CTRL_VQ",), 1, [(RX, 0, b"\1")]),
    ("CVQ-04", ("CTRL_VQ", "CTRL_RX"), 1, [(RX, 2, b"\1")]),
    ("CVQ-06", ("CTRL_VQ",), 1, [(MAC, 0, tables())]),
    ("CVQ-08", FILTERS, 1, [(MAC, 0, tables([GROUP]))]),
    ("CVQ-08", FILTERS, 1, [(MAC, 0, b"\xff\xff\xff\xff" + bytes(6))]),
    ("CVQ-10", ("CTRL_VQ", "CTRL_RX"), 1, [(MAC, 1, OWN)]),
    ("CVQ-11", ("CTRL_VQ",), 1, [(VLAN, 0, b"\5\0")]),
    ("CVQ-17", ("CTRL_VQ", "MQ"), 1, [(MQ, 0, b"\2\0")]),
    ("CVQ-18", ("CTRL_VQ", "MQ"), 2, [(MQ, 0, b"\0\0")]),
    ("CVQ-18", ("CTRL_VQ", "MQ"), 2, [(MQ, 0, b"\5\0")]),
    ("CVQ-24", ("CTRL_VQ", "HASH_REPORT"), 1, [(MQ, 2, struct.pack("<I8sB", 7, b"\1" * 8, 0))]),
    ("CVQ-26", ("CTRL_VQ", "MQ"), 1, [(MQ, 1, rss([0]))]),
    ("CVQ-27", MANY, 2, [(MQ, 1, rss([0, 2]))]),
    ("CVQ-28", MANY, 2, [(MQ, 1, rss([0, 1, 0]))]),
    ("CVQ-29", MANY, 2, [(MQ, 1, rss([0] * 256))]),
    ("CVQ-30", MANY, 2, [(MQ, 1, rss([0, 1], types=1 << 9))]),
    ("CVQ-31", MANY, 2, [(MQ, 1, rss([0, 0x8001]))]),
    ("CVQ-32", MANY, 2, [(MQ, 1, rss([0, 1], key=bytes(41)))]),
    ("CVQ-33", MANY, 1, [(CONTEXT, 0, b"")]),
    ("CVQ-34", (*MANY, "RSS_CONTEXT"), 1, [(CONTEXT, 0, b"", 2), (CONTEXT, 1, bytes(8) + rss([0]))]),
    ("CVQ-35", (*MANY, "RSS_CONTEXT"), 1, [(CONTEXT, 0, b"", 2),
                                           (CONTEXT, 1, b"\1" + bytes(7) + rss([0])),
                                           (MQ, 0, b"\1\0")]),
    ("CVQ-36", (*MANY, "RSS_CONTEXT"), 1, [(CONTEXT, 1, b"\1" + bytes(7) + rss([0]))]),
    ("CVQ-37", ("CTRL_VQ",), 1, [(TUNNEL, 0, bytes(4))]),
    ("CVQ-38", ("CTRL_VQ", "HASH_REPORT", "HASH_TUNNEL"), 1, [(TUNNEL, 0, struct.pack("<I", 1 << 9))]),
    ("CVQ-40", ("CTRL_VQ", "CTRL_GUEST_OFFLOADS", "GUEST_CSUM"), 1,
     [(OFFLOADS, 0, struct.pack("<Q", 1 << 7))]),
    ("CVQ-43", Moderation.FEATURES, 1, [(COAL, 2, struct.pack("<HHII", 2, 0, 1, 1))]),
    ("CVQ-43", Moderation.FEATURES, 1, [(COAL, 3, struct.pack("<HH", 0xffff, 0), 8)]),
    ("CVQ-44", ("CTRL_VQ",), 1, [(COAL, 0, bytes(8))]),
    ("CVQ-45", ("CTRL_VQ", "NOTF_COAL"), 1, [(COAL, 2, bytes(12))]),
    ("CVQ-49", ("CTRL_VQ", "DEVICE_STATS"), 1, [(STATS, 1, request(0, 1), 56)]),
    ("CVQ-49", ("CTRL_VQ", "DEVICE_STATS"), 1, [(STATS, 0, b"", 8), (STATS, 1, request(0, 1 << 40), 56)]),
    ("CVQ-50", ("CTRL_VQ", "DEVICE_STATS"), 1, [(STATS, 0, b"", 8), (STATS, 1, request(0, 1 << 16), 56)]),
    ("CVQ-50", ("CTRL_VQ", "DEVICE_STATS"), 1, [(STATS, 0, b"", 8), (STATS, 1, request(77, 1), 56)]),
    ("CVQ-51", ("CTRL_VQ", "DEVICE_STATS"), 1, [(STATS, 0, b"", 8), (STATS, 1, request(0, 1), 55)]),
    ("CVQ-53", ("CTRL_VQ", "DEVICE_STATS"), 1, [(STATS, 0, b"", 8), (STATS, 1, request(0, 2), 56)]),
]


class Requirements(unittest.TestCase):
    def test_each_is_reported(self):
        for requirement, features, pairs, commands in VIOLATIONS:
            with self.subTest(requirement, commands=commands), \
                    Env("--peer", "sink", features=features, pairs=pairs) as env:
                for command in commands:
                    env.command(*command)
                self.assertEqual(set(env.broken()), {requirement}, env.nic.lines)
                self.assertEqual(env.nic.status, 3)

    def test_command_without_ack(self):
        with Env("--peer", "sink", features=FILTERS) as env:
            env.control.add(readable=[b"\0\0\1"])
            env.control.kick()
            env.control.wait(1)
            self.assertEqual(env.broken(), ["CVQ-01"])

    def test_transmit_queues_that_are_not_enabled(self):
        with Env("--peer", "sink", features=("CTRL_VQ", "MQ"), pairs=3) as env:
            env.send(udp4(), pair=1)
            self.assertEqual(env.broken(), ["CVQ-19"])
        with Env("--peer", "sink", features=("CTRL_VQ", "MQ"), pairs=3) as env:
            env.command(MQ, 0, b"\2\0")
            env.send(udp4(), pair=1)
            env.send(udp4(), pair=2)
            self.assertEqual(env.broken(), ["CVQ-20"])

    def test_frames_before_a_command_are_no_violation(self):
        """Queued while the pair was enabled, seen by the device together with the command."""
        with Env("--peer", "sink", features=("CTRL_VQ", "MQ"), pairs=2) as env:
            env.command(MQ, 0, b"\2\0")
            env.transmit[1].add(readable=[bytes(12) + udp4()])
            env.control.add(readable=[bytes([MQ, 0]), b"\1\0"], writable=[1])
            env.control.kick()
            env.transmit[1].kick()
            env.control.wait(2)
            env.transmit[1].wait(1)
            env.finish()

    def test_enabled_and_used_at_once_is_no_violation(self):
        with Env("--peer", "sink", features=("CTRL_VQ", "MQ"), pairs=2) as env:
            env.control.add(readable=[bytes([MQ, 0]), b"\2\0"], writable=[1])
            env.transmit[1].add(readable=[bytes(12) + udp4()])
            env.transmit[1].kick()
            env.transmit[1].wait(1)
            env.finish()


class Faults(unittest.TestCase):
    """Faults H, as a driver sees them."""

    def env(self, row, features=("CTRL_VQ", "CTRL_RX", "STATUS")):
        return Env("--peer", "sink", "--fault", row, features=features)

    def send(self, env):
        identity = env.control.add(readable=[bytes(2), b"\1"], writable=[1])
        env.control.kick()
        return identity

    def test_silence(self):
        with self.env("H01") as env:
            self.send(env)
            with self.assertRaises(AssertionError):
                env.control.wait(1, 0.3)
            env.send(udp4())            # the datapath works
            env.finish()

    def test_late(self):
        with self.env("H02") as env:
            begin = time.monotonic()
            self.send(env)
            env.control.wait(1)
            self.assertGreater(time.monotonic() - begin, 0.9)
            env.finish()

    def test_control_server(self):
        with self.env("H03") as env:
            self.assertEqual(env.command(RX, 0, b"\1")[0], 0x77)
        with self.env("H04") as env:
            identity = self.send(env)
            self.assertNotEqual(env.control.wait(1)[0][0], identity)
        with self.env("H05") as env:
            self.send(env)
            self.assertEqual(env.control.wait(1)[0][1], 0)

    def test_numbers_of_queues_stay(self):
        with Env("--peer", "loop", "--fault", "H06", features=("CTRL_VQ", "MQ"), pairs=2) as env:
            self.assertEqual(env.command(MQ, 0, b"\2\0")[0], OK)
            for port in range(40000, 40016):
                env.send(flow(port))
            self.assertEqual(len(env.frames(0)), 16)

    def test_sizes_of_replies(self):
        for row, size in (("H07", 0xffff), ("H08", 0)):
            with self.env(row, ("CTRL_VQ", "DEVICE_STATS")) as env:
                env.command(STATS, 0, room=8)
                _, data = env.command(STATS, 1, request(0, 1), room=56)
                self.assertEqual(struct.unpack_from("<H", data, 6)[0], size)

    def test_needs_reset(self):
        with self.env("H09") as env:
            self.send(env)
            env.driver.wait_for(lambda: env.driver.read("device_status") & 64)


if __name__ == "__main__":
    unittest.main()
