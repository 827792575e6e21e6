# SPDX-License-Identifier: BSD-3-Clause
"""
Rings of a raw driver, split and packed: every descriptor by hand, or as a correct driver does it.
"""

import struct

from nic import DEADLINE
from raw import NO_VECTOR

NEXT, WRITE, INDIRECT = 1, 2, 4


class Queue:
    """What split and packed rings have in common: areas, buffers, kicks."""

    def __init__(self, driver, index, size=None, vector=NO_VECTOR, enable=True, room=1 << 20):
        self.driver = driver
        self.index = index
        driver.write("queue_select", index)
        self.size = size or driver.read("queue_size")
        self.areas = driver.memory(32 * self.size + 12288)
        self.data = driver.memory(room)
        self.used_data = 0
        self.done = []      # (id, length) as the device gave them back
        self.pieces = {}    # id: [(offset in self.data, length, writable)]
        self.lay_out()
        if enable:
            self.enable(vector)

    def enable(self, vector=NO_VECTOR):
        areas = [self.areas.iova + offset for offset in self.offsets]
        self.driver.enable_queue(self.index, self.size, areas, vector)

    def place(self, size):
        """Room in the data memory, which wraps."""
        if self.used_data + size > self.data.size:
            self.used_data = 0
        at = self.used_data
        self.used_data += (size + 63) & ~63
        return at

    def prepare(self, readable, writable):
        """Data into memory: the pieces [(offset, length, writable)] of a buffer."""
        pieces = []
        for data in readable:
            at = self.place(len(data))
            self.data.write(at, data)
            pieces.append((at, len(data), False))
        for size in writable:
            at = self.place(size)
            self.data.write(at, b"\xee" * size)
            pieces.append((at, size, True))
        return pieces

    def contents(self, identity, length=None):
        """The writable bytes of a buffer, as far as `length`."""
        data = b"".join(self.data.read(at, size)
                        for at, size, writable in self.pieces[identity] if writable)
        return data[:length]

    def poll(self):
        """Reclaim what the device used; all that was ever used is in `done`."""
        while True:
            found = self.take()
            if found is None:
                return len(self.done)
            self.done.append(found)

    def wait(self, count, deadline=DEADLINE):
        """Until the device used `count` buffers since the beginning."""
        self.driver.wait_for(lambda: self.poll() >= count, deadline)
        return self.done[:count]


class SplitQueue(Queue):
    def lay_out(self):
        self.offsets = (0, 16 * self.size, (16 * self.size + 6 + 2 * self.size + 4095) & ~4095)
        self.free = list(range(self.size))
        self.avail = self.seen = 0

    # Raw access: everything can be written wrong.

    def descriptor(self, number, iova, length, flags=0, following=0):
        self.areas.put("<QIHH", self.offsets[0] + 16 * number, iova, length, flags, following)

    def set_avail_entry(self, slot, head):
        self.areas.put("<H", self.offsets[1] + 4 + 2 * (slot % self.size), head)

    def set_avail_idx(self, idx):
        self.areas.put("<H", self.offsets[1] + 2, idx & 0xffff)

    def set_avail_flags(self, flags):
        self.areas.put("<H", self.offsets[1], flags)

    def set_used_event(self, idx):
        self.areas.put("<H", self.offsets[1] + 4 + 2 * self.size, idx & 0xffff)

    def used_flags(self):
        return self.areas.get("<H", self.offsets[2])

    def used_idx(self):
        return self.areas.get("<H", self.offsets[2] + 2)

    def avail_event(self):
        return self.areas.get("<H", self.offsets[2] + 4 + 8 * self.size)

    # A correct driver.

    def chain(self, numbers, pieces):
        for i, (number, (at, length, writable)) in enumerate(zip(numbers, pieces)):
            last = i + 1 == len(pieces)
            self.descriptor(number, self.data.iova + at, length,
                            (0 if last else NEXT) | (WRITE if writable else 0),
                            0 if last else numbers[i + 1])

    def table(self, pieces):
        """An indirect table in the data memory."""
        at = self.place(16 * len(pieces))
        for i, (offset, length, writable) in enumerate(pieces):
            last = i + 1 == len(pieces)
            self.data.put("<QIHH", at + 16 * i, self.data.iova + offset, length,
                          (0 if last else NEXT) | (WRITE if writable else 0), 0 if last else i + 1)
        return at

    def add(self, readable=(), writable=(), indirect=False, publish=True):
        """A buffer; its id (head). Not seen by the device before publish()."""
        pieces = self.prepare(readable, writable)
        count = 1 if indirect else len(pieces)
        numbers, self.free = self.free[:count], self.free[count:]
        if len(numbers) < count:
            raise AssertionError("the ring is full")
        if indirect:
            self.descriptor(numbers[0], self.data.iova + self.table(pieces), 16 * len(pieces),
                            INDIRECT)
        else:
            self.chain(numbers, pieces)
        self.pieces[numbers[0]] = pieces
        self.slots = getattr(self, "slots", {})
        self.slots[numbers[0]] = numbers
        self.set_avail_entry(self.avail, numbers[0])
        self.avail = (self.avail + 1) & 0xffff
        if publish:
            self.publish()
        return numbers[0]

    def publish(self):
        self.set_avail_idx(self.avail)

    def kick(self):
        self.driver.notify(self.index, self.avail)

    def take(self):
        if self.seen == self.used_idx():
            return None
        at = self.offsets[2] + 4 + 8 * (self.seen % self.size)
        found = struct.unpack_from("<II", self.areas.map, at)
        self.seen = (self.seen + 1) & 0xffff
        self.free += self.slots.pop(found[0], [])
        return found


class PackedQueue(Queue):
    AVAIL, USED = 0x80, 0x8000

    def lay_out(self):
        self.offsets = (0, 16 * self.size, 16 * self.size + 16)
        self.ids = list(range(self.size))
        self.room = self.size
        self.head = self.tail = 0
        self.head_wrap = self.tail_wrap = 1
        self.counts = {}

    # Raw access.

    def descriptor(self, position, iova, length, identity, flags):
        self.areas.put("<QIH", 16 * position, iova, length, identity)
        self.areas.put("<H", 16 * position + 14, flags)

    def mark(self, wrap):
        """AVAIL and USED of an available descriptor."""
        return self.AVAIL if wrap else self.USED

    def set_driver_event(self, flags, position=0, wrap=0):
        self.areas.put("<HH", self.offsets[1], position | wrap << 15, flags)

    def device_event(self):
        """(flags, position, wrap)."""
        at = self.offsets[2]
        position, flags = struct.unpack_from("<HH", self.areas.map, at)
        return flags, position & 0x7fff, position >> 15

    # A correct driver.

    def advance(self, position, wrap, count):
        position += count
        return (position - self.size, wrap ^ 1) if position >= self.size else (position, wrap)

    def table(self, pieces):
        at = self.place(16 * len(pieces))
        for i, (offset, length, writable) in enumerate(pieces):
            self.data.put("<QIHH", at + 16 * i, self.data.iova + offset, length, 0,
                          WRITE if writable else 0)
        return at

    def add(self, readable=(), writable=(), indirect=False):
        """A buffer; its id. The device sees it at once (the head's flags come last)."""
        pieces = self.prepare(readable, writable)
        count = 1 if indirect else len(pieces)
        if count > self.room or not self.ids:
            raise AssertionError("the ring is full")
        identity = self.ids.pop(0)
        self.pieces[identity] = pieces
        if indirect:
            entries = [(self.data.iova + self.table(pieces), 16 * len(pieces), INDIRECT)]
        else:
            entries = [(self.data.iova + at, length, (NEXT if i + 1 < count else 0) |
                        (WRITE if writable else 0))
                       for i, (at, length, writable) in enumerate(pieces)]
        for i in reversed(range(count)):
            position, wrap = self.advance(self.head, self.head_wrap, i)
            self.descriptor(position, entries[i][0], entries[i][1], identity,
                            entries[i][2] | self.mark(wrap))
        self.head, self.head_wrap = self.advance(self.head, self.head_wrap, count)
        self.room -= count
        self.counts[identity] = count
        return identity

    def kick(self):
        self.driver.notify(self.index, self.head | self.head_wrap << 15)

    def take(self):
        flags = self.areas.get("<H", 16 * self.tail + 14)
        wanted = (self.AVAIL | self.USED) if self.tail_wrap else 0
        if flags & (self.AVAIL | self.USED) != wanted:
            return None
        length, identity = struct.unpack_from("<IH", self.areas.map, 16 * self.tail + 8)
        count = self.counts.pop(identity, 1)
        self.tail, self.tail_wrap = self.advance(self.tail, self.tail_wrap, count)
        self.room += count
        self.ids.append(identity)
        return identity, length if flags & WRITE else 0
