#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""
Rings of the device, as a driver sees them through the socket: both layouts, all their options, all kinds of
doorbells; and violations by the driver.
"""

import socket
import tempfile
import time
import unittest

from net_env import Env, pattern, udp4
from nic import DEADLINE
from raw import Driver
from raw_rings import INDIRECT, NEXT, WRITE, SplitQueue

ALL = "+all"
HEADER = bytes(12)


def frame(number, size=64):
    return udp4(number.to_bytes(8, "big") + pattern(size))


class Wraps(unittest.TestCase):
    """Frames through a loop, around the rings many times."""

    def around(self, packed, features=(), size=16, options=(), indirect=False, pieces=1, frames=100,
               ring=None):
        if packed:
            features = {*features, "RING_PACKED"}
        with Env("--peer", "loop", *options, offer=ALL, features=features, packed=packed,
                 queue_size=size, buffers=0, vectors=3) as env:
            receive, transmit = env.receive[0], env.transmit[0]
            if ring:
                ring(env.driver)
            for number in range(frames):
                receive.add(writable=[12, 1600] if pieces > 1 else [1600], **(
                    {"indirect": True} if indirect else {}))
                data = HEADER + frame(number)
                cut = [data[i * len(data) // pieces:(i + 1) * len(data) // pieces]
                       for i in range(pieces)]
                transmit.add(readable=cut, indirect=indirect)
                receive.kick()
                transmit.kick()
                transmit.wait(number + 1)
                receive.wait(number + 1)
                identity, length = receive.done[number]
                self.assertEqual(receive.contents(identity, length)[12:], frame(number))
            env.driver.wait_interrupt(1)
            env.driver.wait_interrupt(2)
            env.finish()

    def test_split(self):
        self.around(False)

    def test_split_of_the_smallest_size(self):
        self.around(False, size=2)

    def test_split_chains(self):
        self.around(False, pieces=4)

    def test_split_indirect(self):
        self.around(False, {"INDIRECT_DESC"}, indirect=True, pieces=3)

    def test_split_event_index(self):
        """used_event stays 0 here: interrupts come at the first buffer only."""
        self.around(False, {"EVENT_IDX"})

    def test_split_in_order(self):
        self.around(False, {"IN_ORDER"}, size=128)

    def test_packed(self):
        self.around(True)

    def test_packed_of_odd_sizes(self):
        for size in (1, 3, 7, 100, 255):
            with self.subTest(size=size):
                self.around(True, size=size)

    def test_packed_lists(self):
        self.around(True, pieces=3, size=11)

    def test_packed_indirect(self):
        self.around(True, {"INDIRECT_DESC"}, indirect=True, pieces=3, size=5)

    def test_packed_event_index(self):
        self.around(True, {"EVENT_IDX"}, size=9)

    def test_packed_in_order(self):
        self.around(True, {"IN_ORDER"}, size=9)

    def test_doorbells_of_all_kinds(self):
        for packed in (False, True):
            for data in ((), ("NOTIFICATION_DATA",)):
                with self.subTest("page", packed=packed, data=data):
                    self.around(packed, data, options=("--notify", "page"),
                                ring=Driver.map_doorbells)
                with self.subTest("write", packed=packed, data=data):
                    self.around(packed, data, options=("--notify", "write"))
            with self.subTest("eventfd", packed=packed):
                self.around(packed, (), options=("--notify", "eventfd"), ring=Driver.get_io_fds)

    def test_polling_device(self):
        for packed in (False, True):
            with self.subTest(packed=packed):
                self.around(packed, options=("--poll",))


class FarAhead(unittest.TestCase):
    def test_index_of_a_notification(self):
        """Between two notifications a device that is busy may take more buffers than half of an index."""
        with Env("--peer", "sink", "--queue-size", "32768", offer=ALL + ",-RING_PACKED", features={"NOTIFICATION_DATA"},
                 queue_size=32768, buffers=0) as env:
            queue = env.transmit[0]
            at = queue.data.iova + queue.prepare([HEADER + frame(0)], ())[0][0]
            for number in range(32768):
                queue.descriptor(number, at, len(HEADER + frame(0)))
                queue.set_avail_entry(number, number)
            for named, index in (1, 32767), (32770, 32770):
                queue.set_avail_idx(index)
                env.driver.notify(queue.index, named)
                env.driver.wait_for(lambda index=index: queue.used_idx() == index)
            env.finish()


class Order(unittest.TestCase):
    def test_shuffle_completes_out_of_order(self):
        for packed in (False, True):
            with self.subTest(packed=packed):
                features = {"RING_PACKED"} if packed else ()
                with Env("--peer", "sink", "--shuffle", offer=ALL + ",-IN_ORDER", features=features,
                         packed=packed, buffers=0) as env:
                    queue = env.transmit[0]
                    sent = [queue.add(readable=[HEADER + frame(i)]) for i in range(40)]
                    queue.kick()
                    done = [identity for identity, _ in queue.wait(40)]
                    self.assertEqual(sorted(done), sorted(sent))
                    self.assertNotEqual(done, sent)
                    env.finish()

    def test_shuffle_keeps_frames_intact(self):
        """A merged frame's buffers come back together, with its bytes in their order."""
        with Env("--peer", "loop", "--shuffle", offer=ALL + ",-IN_ORDER", features={"MRG_RXBUF"}, buffers=60,
                 size=200) as env:
            for number in range(10):
                env.send(frame(number, 700))
                (_, got), = env.frames(count=1)
                self.assertEqual(got, frame(number, 700))
            env.finish()

    def test_in_order_uses_batches(self):
        with Env("--peer", "sink", offer=ALL, features={"IN_ORDER"}, buffers=0) as env:
            queue = env.transmit[0]
            for i in range(10):
                queue.add(readable=[HEADER + frame(i)], publish=False)
            queue.publish()
            queue.kick()
            env.driver.wait_for(lambda: queue.used_idx() == 10)
            self.assertEqual(queue.areas.get("<I", queue.offsets[2] + 4), 9)
            env.finish()


class Suppression(unittest.TestCase):
    def test_no_interrupt_is_obeyed(self):
        with Env("--peer", "sink", offer=ALL, buffers=0, vectors=3) as env:
            queue = env.transmit[0]
            queue.set_avail_flags(1)
            for number in range(8):
                env.send(frame(number))
            self.assertEqual(env.driver.interrupts(2), 0)
            queue.set_avail_flags(0)
            env.send(frame(9))
            env.driver.wait_interrupt(2)
            env.finish()

    def test_used_event_is_obeyed(self):
        with Env("--peer", "sink", offer=ALL, features={"EVENT_IDX"}, buffers=0, vectors=3) as env:
            queue = env.transmit[0]
            queue.set_used_event(4)
            for number in range(4):
                env.send(frame(number))
            self.assertEqual(env.driver.interrupts(2), 0)
            env.send(frame(5))
            env.driver.wait_interrupt(2)
            env.finish()

    def test_driver_event_suppression_is_obeyed(self):
        with Env("--peer", "sink", offer=ALL, features={"RING_PACKED", "EVENT_IDX"}, packed=True,
                 queue_size=5, buffers=0, vectors=3) as env:
            queue = env.transmit[0]
            queue.set_driver_event(1)
            env.send(frame(0))
            self.assertEqual(env.driver.interrupts(2), 0)
            queue.set_driver_event(2, position=2, wrap=0)  # two wraps on: 2 of the second
            for number in range(6):
                env.send(frame(number))
            self.assertEqual(env.driver.interrupts(2), 0)
            env.send(frame(7))
            env.driver.wait_interrupt(2)
            env.finish()

    def test_sleeping_device_enables_notifications(self):
        with Env("--peer", "sink", offer=ALL, features={"EVENT_IDX"}, buffers=0) as env:
            queue = env.transmit[0]
            for number in range(3):
                env.send(frame(number))
            env.driver.wait_for(lambda: queue.avail_event() == 3)
            env.finish()

    def test_polling_device_does_not(self):
        with Env("--peer", "sink", "--poll", offer=ALL, buffers=0) as env:
            env.driver.wait_for(lambda: env.transmit[0].used_flags() == 1)
            queue = env.transmit[0]
            queue.add(readable=[HEADER + frame(0)])
            queue.wait(1)
            env.finish()

    def test_missing_notification_is_noticed(self):
        with Env("--peer", "sink", offer=ALL, buffers=0) as env:
            env.send(frame(0))
            time.sleep(0.5)  # until it sleeps: before that it would see the next one by itself
            env.transmit[0].add(readable=[HEADER + frame(1)])
            env.driver.wait_for(lambda: "SPLIT-30" in env.nic.stderr())
            self.assertEqual(set(env.broken()), {"SPLIT-30"})
            self.assertEqual(env.nic.status, 3)


# ---- violations ----


def descriptor(queue, flags, following=0, length=100):
    queue.descriptor(0, queue.data.iova, length, flags, following)
    queue.set_avail_entry(0, 0)
    queue.set_avail_idx(1)


def write_before_read(queue):
    queue.descriptor(1, queue.data.iova, 64, 0, 0)
    descriptor(queue, NEXT | WRITE, 1)


def loop(queue):
    queue.descriptor(1, queue.data.iova, 64, NEXT, 0)
    descriptor(queue, NEXT, 1)


def go_back(queue):
    queue.add(readable=[HEADER + frame(0)])
    queue.kick()
    queue.wait(1)
    queue.set_avail_idx(0)


def packed_available(flags):
    def act(queue):
        queue.descriptor(0, queue.data.iova, 64, 1, flags)
    return act


VIOLATIONS = [
    ("SPLIT-04", (), write_before_read),
    ("SPLIT-06", (), loop),
    ("SPLIT-07", {"IN_ORDER"}, lambda q: descriptor(q, NEXT, 5)),
    ("SPLIT-09", (), lambda q: descriptor(q, INDIRECT, 0, 64)),
    ("SPLIT-12", {"INDIRECT_DESC"}, lambda q: descriptor(q, INDIRECT | NEXT, 1, 64)),
    ("SPLIT-14", {"INDIRECT_DESC"}, lambda q: descriptor(q, INDIRECT, 0, 65)),
    ("SPLIT-15", (), go_back),
    ("SPLIT-16", (), lambda q: q.set_avail_idx(4000)),
    ("SPLIT-17", (), lambda q: (q.set_avail_flags(2), q.add(readable=[HEADER + frame(0)]))),
    ("SPLIT-19", {"EVENT_IDX"},
     lambda q: (q.set_avail_flags(1), q.add(readable=[HEADER + frame(0)]))),
    ("SPLIT-35", (), lambda q: descriptor(q, NEXT, 500)),
    ("PACKED-03", {"RING_PACKED"}, packed_available(0x8000)),
    ("PACKED-04", {"RING_PACKED"}, packed_available(0x8080)),
    ("PACKED-10", {"RING_PACKED"}, packed_available(0x81)),
    ("PACKED-31", {"RING_PACKED"}, packed_available(0x84)),
    ("PACKED-17", {"RING_PACKED"},
     lambda q: (q.set_driver_event(3), q.add(readable=[HEADER + frame(0)]))),
]


class Violations(unittest.TestCase):
    def test_each_is_a_line_and_status_3(self):
        for name, features, act in VIOLATIONS:
            with self.subTest(name), Env("--peer", "sink", offer=ALL, features=features, buffers=0,
                                         packed="RING_PACKED" in features) as env:
                act(env.transmit[0])
                env.transmit[0].kick()
                env.driver.wait_for(lambda: f"({name}):" in env.nic.stderr())
                self.assertEqual(set(env.broken()), {name})
                self.assertEqual(env.nic.status, 3)

    def test_broken_queue_needs_a_reset(self):
        with Env("--peer", "sink", offer=ALL, buffers=0) as env:
            descriptor(env.transmit[0], NEXT, 500)
            env.transmit[0].kick()
            env.driver.wait_for(lambda: env.driver.read("device_status") & 0x40)
            env.driver.initialize()
            queue = SplitQueue(env.driver, 1, 16)
            env.driver.start()
            queue.add(readable=[HEADER + frame(0)])
            queue.kick()
            queue.wait(1)
            self.assertEqual(env.broken(), ["SPLIT-35"])

    def test_address_outside_is_a_fault(self):
        with Env("--peer", "sink", offer=ALL, buffers=0) as env:
            queue = env.transmit[0]
            queue.descriptor(0, 0xdead0000, 64)
            queue.set_avail_entry(0, 0)
            queue.set_avail_idx(1)
            queue.kick()
            env.driver.wait_for(lambda: "0xdead0000" in env.nic.stderr())
            env.broken()
            self.assertEqual(env.nic.status, 3)

    def test_writing_where_only_reading_is_allowed_is_a_fault(self):
        with Env("--peer", "loop", offer=ALL, buffers=0) as env:
            receive = env.receive[0]
            memory = env.driver.memory(4096, 1)
            receive.descriptor(0, memory.iova, 2048, WRITE)
            receive.set_avail_entry(0, 0)
            receive.set_avail_idx(1)
            receive.kick()
            env.send(frame(0), wait=False)
            env.driver.wait_for(lambda: hex(memory.iova) in env.nic.stderr())
            env.broken()
            self.assertEqual(env.nic.status, 3)


class Faults(unittest.TestCase):
    """Faults from the command line; unit/test_faults.c checks what each does."""

    def test_used_id_too_large(self):
        with Env("--peer", "sink", "--fault", "D01", offer=ALL, buffers=0, queue_size=16) as env:
            env.transmit[0].add(readable=[HEADER + frame(0)])
            env.transmit[0].kick()
            env.driver.wait_for(lambda: env.transmit[0].used_idx() == 1)
            self.assertEqual(env.transmit[0].areas.get("<I", env.transmit[0].offsets[2] + 4), 16)
            env.finish()

    def test_nothing_is_completed(self):
        for packed in (False, True):
            with self.subTest(packed=packed), Env(
                    "--peer", "sink", "--fault", "D19", offer=ALL, buffers=0, packed=packed,
                    features={"RING_PACKED"} if packed else ()) as env:
                env.transmit[0].add(readable=[HEADER + frame(0)])
                env.transmit[0].kick()
                time.sleep(0.1)
                self.assertEqual(env.transmit[0].poll(), 0)
                env.finish()

    def test_switched_on_and_off_at_run_time(self):
        with tempfile.TemporaryDirectory() as folder:
            path = f"{folder}/control"
            with Env("--peer", "sink", "--control", path, offer=ALL, buffers=0) as env:
                queue = env.transmit[0]
                env.send(frame(0))
                command(path, "fault +D19")
                queue.add(readable=[HEADER + frame(1)])
                queue.kick()
                time.sleep(0.1)
                self.assertEqual(queue.poll(), 1)
                command(path, "fault -D19")
                queue.add(readable=[HEADER + frame(2)])
                queue.kick()
                self.assertEqual(queue.wait(2)[1][0], 2)
                env.finish()


def command(path, line):
    """Send a command to the control socket; the reply must be no error."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as control:
        control.settimeout(DEADLINE)
        control.connect(path)
        control.sendall(line.encode() + b"\n")
        answer = control.recv(4096).decode()
        if "error" in answer:
            raise AssertionError(answer)


if __name__ == "__main__":
    unittest.main()
