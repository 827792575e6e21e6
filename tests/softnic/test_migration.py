#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""
The device's state moves to another process: what a driver set and what it is owed goes along; states of
other functions, and spoilt ones, are refused, and what refused them serves the next driver.
"""

import errno
import random
import struct
import unittest

from net_env import BROADCAST, Env, pattern, udp4
from nic import Softnic
from raw import (CMD_RESET, CMD_STATE_READ, CMD_STATE_WRITE, ERROR, FEATURE_GET, FEATURE_PROBE,
                 FEATURE_SET, MIGRATION, MIGRATION_STATE, RESUMING, RUNNING, STOP, STOP_COPY, Driver,
                 Refused)

OFFER = "+all,-IN_ORDER"
ENVELOPE = 24


def sealed(state):
    """The state with the length and the checksum that its content has."""
    total = 0xcbf29ce484222325
    for byte in state[ENVELOPE:]:
        total = (total ^ byte) * 0x100000001b3 & 0xffffffffffffffff
    return state[:12] + struct.pack("<IQ", len(state), total) + state[ENVELOPE:]


def frame(number):
    return udp4(number.to_bytes(8, "big") + pattern(64))


def saved(driver):
    driver.migrate_to(STOP_COPY)
    return driver.state_read()


class Moves(unittest.TestCase):
    """A device that runs, on another process from one frame to the next."""

    def target(self, *options, offer=OFFER):
        nic = Softnic("--features", offer, *options)
        self.addCleanup(nic.close)
        return nic

    def pass_frames(self, env, numbers):
        for number in numbers:
            env.receive[0].add(writable=[2048])
            env.receive[0].kick()
            env.send(frame(number))
            (_, data), = env.frames(count=1)
            self.assertEqual(data, frame(number))

    def around(self, *features, packed=False, options=(), offer=OFFER):
        """Three devices, one after the other; the ring of 8 wraps in each."""
        features = {"MRG_RXBUF", *features} | ({"RING_PACKED"} if packed else set())
        with Env("--peer", "loop", *options, offer=offer, features=features, packed=packed,
                 queue_size=8, buffers=0, vectors=3) as env:
            if "eventfd" in options:
                env.driver.get_io_fds()
            if "page" in options:
                env.driver.map_doorbells()
            self.pass_frames(env, range(11))
            nics = [env.nic]
            for step in range(1, 3):
                nics.append(self.target("--peer", "loop", *options, offer=offer))
                env.driver.resume(nics[-1].path, saved(env.driver))
                self.pass_frames(env, range(11 * step, 11 * step + 11))
            env.driver.wait_interrupt(1)
            env.driver.close()
            for nic in nics:
                nic.check()

    def test_split(self):
        self.around("EVENT_IDX", options=("--notify", "page"))

    def test_split_without_events(self):
        self.around(options=("--notify", "write"))

    def test_split_in_order(self):
        self.around("IN_ORDER", offer="+all", options=("--notify", "eventfd"))

    def test_packed(self):
        self.around("EVENT_IDX", packed=True, options=("--notify", "page"))

    def test_packed_in_order(self):
        self.around("IN_ORDER", packed=True, offer="+all", options=("--notify", "write"))

    def test_what_was_made_available_meanwhile(self):
        """While no device runs, and with no doorbell afterwards."""
        with Env("--peer", "loop", offer=OFFER, features={"MRG_RXBUF"}) as env:
            nic = self.target("--peer", "loop")
            state = saved(env.driver)
            for number in range(5):
                env.transmit[0].add(readable=[env.virtio() + frame(number)])
            env.driver.resume(nic.path, state)
            found = [data for _, data in env.frames(count=5)]
            self.assertEqual(found, [frame(number) for number in range(5)])
            env.driver.close()
            nic.check()

    def test_buffers_that_the_first_one_used_up(self):
        """The second one has none for a frame: it is no queue that never had one."""
        for buffers, warned in ((2, []), (0, ["NET-61"])):
            with self.subTest(buffers=buffers), \
                    Env("--peer", "loop", offer=OFFER, features={"CTRL_VQ", "MQ"}, pairs=2, buffers=buffers) as env:
                nic = self.target("--peer", "loop")
                for number in range(buffers):
                    env.send(frame(number))
                env.driver.resume(nic.path, saved(env.driver))
                env.send(frame(9))
                env.frames(count=buffers)
                env.driver.close()
                nic.close()
                self.assertEqual(nic.violations(True), warned)

    def test_what_commands_set(self):
        features = {"CTRL_VQ", "CTRL_RX", "CTRL_VLAN", "CTRL_MAC_ADDR", "MQ", "RSS", "NOTF_COAL",
                    "VQ_NOTF_COAL", "DEVICE_STATS", "MAC", "STATUS", "MRG_RXBUF", "CTRL_RX_EXTRA"}
        with Env("--peer", "loop", features=features, pairs=2, offer=OFFER) as env:
            key = bytes(range(40))
            rss = struct.pack("<IHHHHHB", 0x3f, 1, 1, 1, 0, 2, len(key)) + key
            for kind, number, data in ((1, 1, bytes.fromhex("02aabbccddee")),
                                       (2, 0, struct.pack("<H", 7)),
                                       (0, 5, b"\1"),  # no broadcasts
                                       (4, 1, rss),
                                       (6, 2, struct.pack("<HHII", 0, 0, 5, 77))):
                self.assertEqual(env.command(kind, number, data)[0], 0, (kind, number))
            own = udp4(b"a" * 32, to=bytes.fromhex("02aabbccddee"), vlan=7)
            env.send(own)
            self.assertEqual(env.command(8, 0, room=64)[0], 0)
            before = env.command(8, 1, struct.pack("<HHIQ", 1, 0, 0, 1 << 16), room=256)
            nic = self.target("--peer", "loop")
            env.driver.resume(nic.path, saved(env.driver))
            after = env.command(8, 1, struct.pack("<HHIQ", 1, 0, 0, 1 << 16), room=256)
            self.assertEqual((before[0], after), (0, before))
            self.assertEqual(env.mac().hex(), "02aabbccddee")
            self.assertEqual(env.command(6, 3, struct.pack("<HH", 0, 0), room=8)[1],
                             struct.pack("<II", 5, 77))
            for other in (udp4(to=BROADCAST), udp4(to=bytes.fromhex("525400123456")),
                          udp4(to=bytes.fromhex("02aabbccddee"), vlan=8), own):
                env.send(other)
            got = [env.frames(pair) for pair in range(2)]
            self.assertEqual(sum(map(len, got)), 2, got)  # of before, and of now
            env.driver.close()
            nic.check()

    def test_a_suspended_device_stays_so(self):
        with Env("--peer", "loop", offer=OFFER, features={"SUSPEND", "MRG_RXBUF"}) as env:
            env.driver.status(16)
            self.assertEqual(env.driver.read("device_status") & 20, 16)
            nic = self.target("--peer", "loop")
            env.driver.resume(nic.path, saved(env.driver))
            self.assertEqual(env.driver.read("device_status") & 20, 16)
            env.driver.status(4)
            self.assertEqual(env.driver.read("device_status") & 20, 4)
            self.pass_frames(env, range(3))
            env.driver.close()
            nic.check()

    def test_another_link_is_announced(self):
        with Env("--peer", "loop", offer=OFFER, features={"STATUS", "SPEED_DUPLEX"}, vectors=1) as env:
            env.driver.write("config_msix_vector", 0)
            env.driver.read("config_msix_vector")
            nic = self.target("--peer", "loop", "--speed", "2500")
            env.driver.resume(nic.path, saved(env.driver))
            env.driver.wait_interrupt(0)
            self.assertEqual(env.driver.net_config(12, 4), 2500)

    def test_it_goes_on_where_it_was(self):
        """Nobody took the state."""
        with Env("--peer", "loop", offer=OFFER, features={"MRG_RXBUF"}) as env:
            for number in range(3):
                saved(env.driver)
                env.driver.migrate_to(RUNNING)
                self.pass_frames(env, [number])
            env.finish()

    def test_buffers_that_are_held_back(self):
        """They are nowhere in the state: so there is none."""
        with Env("--peer", "sink", "--fault", "G03", offer="+all,-IN_ORDER,-RING_PACKED") as env:
            env.send(frame(0), wait=False)
            for _ in range(2):
                try:
                    env.driver.migrate_to(STOP_COPY)
                except Refused as refused:
                    self.assertEqual(refused.code, errno.EBUSY)
                    break
                env.driver.migrate_to(RUNNING)
                env.send(frame(1))
            else:
                self.fail("it was saved")
            self.assertEqual(env.driver.migration_state(), RUNNING)


class Refusals(unittest.TestCase):
    def setUp(self):
        self.env = Env("--peer", "loop", features={"MRG_RXBUF", "CTRL_VQ", "MQ", "MTU", "RSS"},
                       offer=OFFER, pairs=2)
        self.addCleanup(self.env.__exit__)
        self.state = saved(self.env.driver)

    def refusal(self, *options, state=None, offer=OFFER):
        """What a device says of the state; then it serves a driver like any other."""
        with Softnic("--features", offer, *options) as nic:
            with Driver(nic.path) as driver:
                for memory in self.env.driver.memories:
                    driver.map(memory.fd, memory.iova, memory.size)
                driver.migrate_to(RESUMING)
                driver.state_write(self.state if state is None else state)
                with self.assertRaises(Refused) as raised:
                    driver.migrate_to(RUNNING)
                self.assertEqual(raised.exception.code, errno.EINVAL)
                self.assertEqual(driver.migration_state(), ERROR)
                driver.request(CMD_RESET)
                self.assertEqual(driver.migration_state(), RUNNING)
                driver.initialize()
            nic.check()
            return next(line for line in nic.lines if "state is refused" in line)

    def test_another_function(self):
        for options, offer, text in ((("--queues", "3", "--vectors", "10"), OFFER, "queue pairs: 4 there, 3 here"),
                                     (("--vectors", "5"), OFFER, "vectors: 10 there, 5 here"),
                                     (("--mtu", "9000"), OFFER, "MTU: 1500 there, 9000 here"),
                                     (("--queue-size", "32"), OFFER, "queue 0 has 64 entries, the most here are 32"),
                                     (("--notify-multiplier", "8"), OFFER, "bytes between doorbells: 4 there, 8 here"),
                                     (("--transitional",), OFFER, "transitional: 0 there, 1 here"),
                                     ((), OFFER + ",-MRG_RXBUF", "not offered here: 0x8000")):
            with self.subTest(text=text):
                self.assertIn(text, self.refusal(*options, offer=offer))

    def test_a_spoilt_one(self):
        for state, text in ((b"", "it ends in section 'envelope'"),
                            (self.state[:-1], "bytes are announced"),
                            (self.state + b"\0", "bytes are announced"),
                            (b"X" + self.state[1:], "it is no state of this device"),
                            (self.state[:8] + b"\1" + self.state[9:], "version 1, and this is 2"),
                            (self.state[:-1] + bytes([self.state[-1] ^ 1]), "the checksum is wrong"),
                            (sealed(self.state[:-1]), "it ends in section 'promises'"),
                            (sealed(self.state + b"\0"), "1 bytes too many")):
            with self.subTest(text=text):
                self.assertIn(text, self.refusal(state=state))

    def test_states_and_ways_between_them(self):
        allowed = {STOP: (RUNNING, STOP_COPY, RESUMING), RUNNING: (STOP, STOP_COPY, RESUMING),
                   STOP_COPY: (STOP, RUNNING, RESUMING)}
        driver = self.env.driver
        self.assertEqual(struct.unpack("<Q", driver.feature(FEATURE_GET | MIGRATION)), (1,))
        for number in (MIGRATION, MIGRATION_STATE):
            driver.feature(FEATURE_PROBE | FEATURE_GET | number)
        for flags in (FEATURE_GET | 3, FEATURE_SET | MIGRATION, FEATURE_PROBE | 0x80000 | MIGRATION):
            with self.assertRaises(Refused) as raised:
                driver.feature(flags, bytes(8))
            self.assertEqual(raised.exception.code, errno.ENOTTY)
        for start, ends in allowed.items():
            for end in ends:
                driver.migrate_to(start)
                driver.migrate_to(end)
                self.assertEqual(driver.migration_state(), end)
                driver.request(CMD_RESET)
        for state in (ERROR, 5, 6, 7, 8, 0xffffffff):
            with self.assertRaises(Refused):
                driver.migrate_to(state)

    def test_messages_at_the_wrong_time(self):
        with Softnic("--features", OFFER) as nic, Driver(nic.path) as driver:
            for state in (RUNNING, STOP, RESUMING):
                driver.migrate_to(state)
                with self.assertRaises(Refused):
                    driver.state_read()
            for payload in (b"", struct.pack("<II", 8, 1), struct.pack("<II", 8, 0xffffffff)):
                with self.assertRaises(Refused):
                    driver.request(CMD_STATE_WRITE, payload)
            for _ in range(16):
                driver.state_write(bytes(1 << 16), 1 << 16)
            with self.assertRaises(Refused) as raised:
                driver.state_write(b"\0")
            self.assertEqual(raised.exception.code, errno.ENOSPC)
            driver.request(CMD_RESET)
            for payload in (b"", struct.pack("<I", 8)):
                with self.assertRaises(Refused):
                    driver.request(CMD_STATE_READ, payload)
            nic.check()

    def test_no_content_does_harm(self):
        """Any byte of it another one, the envelope in order: taken or refused, the device serves on."""
        chance = random.Random(7)
        with Softnic("--features", OFFER, "--peer", "loop") as nic, Driver(nic.path) as driver:
            for memory in self.env.driver.memories:
                driver.map(memory.fd, memory.iova, memory.size)
            taken = 0
            for at in range(ENVELOPE, len(self.state), 1 + len(self.state) // 500):
                spoilt = bytearray(self.state)
                for place in {at, chance.randrange(ENVELOPE, len(spoilt))}:
                    spoilt[place] = chance.choice((0, 1, 0x7f, 0x80, 0xff, chance.randrange(256)))
                driver.migrate_to(RESUMING)
                driver.state_write(sealed(bytes(spoilt)), 1 << 16)
                try:
                    driver.migrate_to(RUNNING)
                    taken += 1
                    driver.read("device_status")
                    saved(driver)
                except Refused:
                    pass
                driver.request(CMD_RESET)
            self.assertGreater(taken, 10)
            self.assertNotIn("Sanitizer", nic.stderr())
            driver.initialize()
        self.assertIsNotNone(nic.status)
        self.assertIn(nic.status, (0, 3), nic.lines)


if __name__ == "__main__":
    unittest.main()
