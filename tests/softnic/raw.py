# SPDX-License-Identifier: BSD-3-Clause
"""
A raw vfio-user and virtio driver, to drive vionet-softnic by hand: every message, every register. It uses
no code or numbers of the device's or of vionet's.

    with Softnic("--peer", "sink") as nic, Driver(nic.path) as driver:
        driver.initialize(features={VERSION_1, ACCESS_PLATFORM})
        tx = SplitQueue(driver, 1)
        driver.start()
        tx.add(readable=[bytes(12) + frame])
        tx.kick()
        tx.wait(1)
    nic.check()       # ended well, no requirement broken
"""

import array
import errno
import json
import mmap
import os
import socket
import struct
import time

from nic import DEADLINE

# ---- messages ----

(CMD_VERSION, CMD_DMA_MAP, CMD_DMA_UNMAP, CMD_DEVICE_INFO, CMD_REGION_INFO, CMD_IO_FDS, CMD_IRQ_INFO,
 CMD_SET_IRQS, CMD_REGION_READ, CMD_REGION_WRITE) = range(1, 11)
CMD_RESET, CMD_WRITE_MULTI, CMD_FEATURE, CMD_STATE_READ, CMD_STATE_WRITE = 13, 15, 16, 17, 18
REGION_CONFIG = 7
FEATURE_GET, FEATURE_SET, FEATURE_PROBE = 1 << 16, 1 << 17, 1 << 18
MIGRATION, MIGRATION_STATE = 1, 2
ERROR, STOP, RUNNING, STOP_COPY, RESUMING = range(5)
IRQ_INTX, IRQ_MSIX, IRQ_ERR, IRQ_REQ = 0, 2, 3, 4
READABLE, WRITABLE = 1, 2
CAPABILITIES = {"max_msg_fds": 16, "max_data_xfer_size": 1 << 20, "pgsizes": 4096,
                "max_dma_maps": 65535, "write_multiple": True}


class Refused(Exception):
    """The device replied with an error."""

    def __init__(self, command, code):
        super().__init__(f"command {command}: {errno.errorcode.get(code, code)}")
        self.code = code


class Gone(Exception):
    """The device closed the connection."""


# ---- registers: "Common configuration structure layout" ----

COMMON = {
    "device_feature_select": (0, 4), "device_feature": (4, 4), "driver_feature_select": (8, 4),
    "driver_feature": (12, 4), "config_msix_vector": (16, 2), "num_queues": (18, 2),
    "device_status": (20, 1), "config_generation": (21, 1), "queue_select": (22, 2),
    "queue_size": (24, 2), "queue_msix_vector": (26, 2), "queue_enable": (28, 2),
    "queue_notify_off": (30, 2), "queue_desc": (32, 8), "queue_driver": (40, 8),
    "queue_device": (48, 8), "queue_notif_config_data": (56, 2), "queue_reset": (58, 2),
    "admin_queue_index": (60, 2), "admin_queue_num": (62, 2),
}

ACKNOWLEDGE, DRIVER, DRIVER_OK, FEATURES_OK, SUSPEND, NEEDS_RESET, FAILED = 1, 2, 4, 8, 16, 64, 128
NO_VECTOR = 0xffff

FEATURES = {
    "CSUM": 0, "GUEST_CSUM": 1, "CTRL_GUEST_OFFLOADS": 2, "MTU": 3, "MAC": 5, "GUEST_TSO4": 7,
    "GUEST_TSO6": 8, "GUEST_ECN": 9, "GUEST_UFO": 10, "HOST_TSO4": 11, "HOST_TSO6": 12,
    "HOST_ECN": 13, "HOST_UFO": 14, "MRG_RXBUF": 15, "STATUS": 16, "CTRL_VQ": 17, "CTRL_RX": 18,
    "CTRL_VLAN": 19, "CTRL_RX_EXTRA": 20, "GUEST_ANNOUNCE": 21, "MQ": 22, "CTRL_MAC_ADDR": 23,
    "INDIRECT_DESC": 28, "EVENT_IDX": 29, "VERSION_1": 32, "ACCESS_PLATFORM": 33,
    "RING_PACKED": 34, "IN_ORDER": 35, "ORDER_PLATFORM": 36, "SR_IOV": 37,
    "NOTIFICATION_DATA": 38, "NOTIF_CONFIG_DATA": 39, "RING_RESET": 40, "ADMIN_VQ": 41,
    "SUSPEND": 43, "DEVICE_STATS": 50, "HASH_TUNNEL": 51, "VQ_NOTF_COAL": 52, "NOTF_COAL": 53,
    "GUEST_USO4": 54, "GUEST_USO6": 55, "HOST_USO": 56, "HASH_REPORT": 57, "GUEST_HDRLEN": 59,
    "RSS": 60, "RSC_EXT": 61, "STANDBY": 62, "SPEED_DUPLEX": 63, "RSS_CONTEXT": 64,
    "GUEST_UDP_TUNNEL_GSO": 65, "GUEST_UDP_TUNNEL_GSO_CSUM": 66, "HOST_UDP_TUNNEL_GSO": 67,
    "HOST_UDP_TUNNEL_GSO_CSUM": 68, "OUT_NET_HEADER": 69, "IPSEC": 70,
}

# What a driver should accept whenever it is offered (RSVD-01, -03, -07, -13).
ALWAYS = {"VERSION_1", "ACCESS_PLATFORM", "ORDER_PLATFORM", "NOTIF_CONFIG_DATA"}


class Memory:
    """Memory that the device may access: a memfd, mapped by both sides."""

    def __init__(self, driver, size, permissions, iova):
        self.driver = driver
        self.size = size
        self.iova = iova
        self.fd = os.memfd_create("raw", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
        os.ftruncate(self.fd, size)
        self.map = mmap.mmap(self.fd, size)
        driver.map(self.fd, iova, size, permissions)

    def read(self, offset, size):
        return self.map[offset:offset + size]

    def write(self, offset, data):
        self.map[offset:offset + len(data)] = data

    def get(self, form, offset):
        return struct.unpack_from(form, self.map, offset)[0]

    def put(self, form, offset, *values):
        if form in ("<H", "<I"):
            # One store: pack_into() clears first, and the device would see that.
            with memoryview(self.map) as whole, whole.cast(form[1]) as words:
                words[offset // words.itemsize] = values[0]
        else:
            struct.pack_into(form, self.map, offset, *values)

    def close(self):
        self.map.close()
        os.close(self.fd)


class Driver:
    def __init__(self, path, negotiate=True, find=True, capabilities=CAPABILITIES):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.socket.settimeout(DEADLINE)
        self.socket.connect(path)
        self.id = 0
        self.memories = []
        self.next_iova = 0x1000_0000
        self.vectors = []
        self.features = set()
        self.io_fds = {}
        self.doorbells = None
        try:
            if negotiate:
                self.version = self.negotiate(capabilities)
            if negotiate and find:
                self.find()
        except BaseException:
            self.socket.close()
            raise

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.close()

    def close(self):
        self.socket.close()
        for memory in self.memories:
            memory.close()
        self.memories = []
        for fd in [*self.vectors, *self.io_fds.values()]:
            os.close(fd)
        self.vectors, self.io_fds = [], {}
        if self.doorbells:
            self.doorbells.close()
            self.doorbells = None

    # -- messages --

    def send(self, command, payload=b"", fds=(), flags=0, size=None):
        self.id = (self.id + 1) & 0xffff
        header = struct.pack("<HHIII", self.id, command, size or 16 + len(payload), flags, 0)
        extra = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", fds))] if fds else []
        self.socket.sendmsg([header + payload], extra)

    def receive_exactly(self, size):
        data, fds = b"", []
        while len(data) < size:
            part, extra, _, _ = self.socket.recvmsg(size - len(data), socket.CMSG_SPACE(64 * 4))
            for level, kind, content in extra:
                if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
                    fds += array.array("i", content[:len(content) // 4 * 4])
            if not part:
                raise Gone()
            data += part
        return data, fds

    def receive(self):
        """The next message: (id, command, flags, error, payload, fds)."""
        header, fds = self.receive_exactly(16)
        number, command, size, flags, error = struct.unpack("<HHIII", header)
        payload, more = self.receive_exactly(size - 16)
        return number, command, flags, error, payload, fds + more

    def request(self, command, payload=b"", fds=()):
        """Send and receive the reply: its payload and descriptors."""
        try:
            self.send(command, payload, fds)
            number, answered, flags, error, data, got = self.receive()
        except (BrokenPipeError, ConnectionResetError):
            raise Gone() from None
        if (number, answered, flags & 0xf) != (self.id, command, 1):
            raise AssertionError(f"answer {number} {answered} {flags:#x} to {self.id} {command}")
        if flags & 0x20:
            raise Refused(command, error)
        return data, got

    def negotiate(self, capabilities, major=0, minor=0):
        text = json.dumps({"capabilities": capabilities}).encode() + b"\0"
        data, _ = self.request(CMD_VERSION, struct.pack("<HH", major, minor) + text)
        return struct.unpack_from("<HH", data), json.loads(data[4:].rstrip(b"\0"))

    # -- memory --

    def map(self, fd, iova, size, permissions=READABLE | WRITABLE, offset=0):
        payload = struct.pack("<IIQQQ", 32, permissions, offset, iova, size)
        self.request(CMD_DMA_MAP, payload, [] if fd is None else [fd])

    def unmap(self, iova, size, flags=0):
        return self.request(CMD_DMA_UNMAP, struct.pack("<IIQQ", 24, flags, iova, size))

    def memory(self, size, permissions=READABLE | WRITABLE, iova=None):
        size = (size + 4095) & ~4095
        if iova is None:
            iova = self.next_iova
            self.next_iova += size + 4096  # a gap, so that an overrun is detected
        memory = Memory(self, size, permissions, iova)
        self.memories.append(memory)
        return memory

    # -- regions --

    def region_read(self, region, offset, size):
        data, _ = self.request(CMD_REGION_READ, struct.pack("<QII", offset, region, size))
        return data[16:]

    def region_write(self, region, offset, data):
        self.request(CMD_REGION_WRITE, struct.pack("<QII", offset, region, len(data)) + data)

    def region_info(self, index, argsz=32):
        data, fds = self.request(CMD_REGION_INFO, struct.pack("<IIIIQQ", argsz, 0, index, 0, 0, 0))
        names = ("argsz", "flags", "index", "cap_offset", "size", "offset")
        return dict(zip(names, struct.unpack_from("<IIIIQQ", data))), data, fds

    def config(self, offset, size):
        return int.from_bytes(self.region_read(REGION_CONFIG, offset, size), "little")

    def config_write(self, offset, value, size):
        self.region_write(REGION_CONFIG, offset, value.to_bytes(size, "little"))

    def capabilities(self):
        """All PCI capabilities: (offset, id, bytes)."""
        space = self.region_read(REGION_CONFIG, 0, 256)
        found, at = [], space[0x34]
        while at and len(found) < 48:
            found.append((at, space[at], space[at:at + 24]))
            at = space[at + 1]
        return found

    def find(self):
        """The virtio structures, and what a function needs to be allowed: bus mastering."""
        self.structures = {}
        for at, kind, data in self.capabilities():
            if kind == 9 and data[3] not in self.structures:
                bar, (offset, length) = data[4], struct.unpack_from("<II", data, 8)
                self.structures[data[3]] = (bar, offset, length, at)
                if data[3] == 2:
                    self.multiplier = struct.unpack_from("<I", data, 16)[0]
        self.config_write(4, self.config(4, 2) | 4, 2)

    # -- registers --

    def bar_read(self, kind, offset, size):
        bar, base = self.structures[kind][:2]
        return int.from_bytes(self.region_read(bar, base + offset, size), "little")

    def bar_write(self, kind, offset, value, size):
        bar, base = self.structures[kind][:2]
        self.region_write(bar, base + offset, value.to_bytes(size, "little"))

    def read(self, name):
        offset, size = COMMON[name]
        if size < 8:
            return self.bar_read(1, offset, size)
        return self.bar_read(1, offset, 4) | self.bar_read(1, offset + 4, 4) << 32

    def write(self, name, value):
        offset, size = COMMON[name]
        if size < 8:
            self.bar_write(1, offset, value, size)
        else:
            self.bar_write(1, offset, value & 0xffffffff, 4)
            self.bar_write(1, offset + 4, value >> 32, 4)

    def net_config(self, offset, size):
        """A field of the device configuration, between two reads of the generation."""
        while True:
            before = self.read("config_generation")
            value = self.bar_read(4, offset, size)
            if self.read("config_generation") == before:
                return value

    def isr(self):
        return self.bar_read(3, 0, 1)

    # -- features and status --

    def offered(self):
        """Names (numbers where there is none) of what the device offers."""
        names = {bit: name for name, bit in FEATURES.items()}
        found = set()
        for word in range(4):
            self.write("device_feature_select", word)
            bits = self.read("device_feature")
            found |= {names.get(32 * word + bit, 32 * word + bit)
                      for bit in range(32) if bits >> bit & 1}
        return found

    def accept(self, features):
        mask = sum(1 << FEATURES.get(name, name) for name in features)
        for word in range(4):
            self.write("driver_feature_select", word)
            self.write("driver_feature", mask >> (32 * word) & 0xffffffff)

    def status(self, bits):
        """Add bits to the status."""
        self.write("device_status", self.read("device_status") | bits)

    def reset(self):
        self.write("device_status", 0)
        self.wait_for(lambda: self.read("device_status") == 0)

    def initialize(self, features=(), only=None):
        """Steps 1 to 6: from reset to FEATURES_OK. `features` are added to ALWAYS (as far as they
        are offered); `only` is taken as it is."""
        self.reset()
        self.status(ACKNOWLEDGE)
        self.status(DRIVER)
        offered = self.offered()
        self.features = set(only) if only is not None else set(features) | (ALWAYS & offered)
        self.accept(self.features)
        self.status(FEATURES_OK)
        return bool(self.read("device_status") & FEATURES_OK)

    def start(self):
        self.status(DRIVER_OK)

    @staticmethod
    def wait_for(condition, deadline=DEADLINE):
        end = time.monotonic() + deadline
        while not condition():
            if time.monotonic() > end:
                raise AssertionError("nothing happened until the deadline")
            time.sleep(0.0005)

    # -- interrupts --

    def set_irqs(self, flags, index, start, count, fds=(), data=b""):
        payload = struct.pack("<IIIII", 20 + len(data), flags, index, start, count) + data
        self.request(CMD_SET_IRQS, payload, fds)

    def set_vectors(self, count):
        """`count` MSI-X vectors, each with an eventfd."""
        self.vectors = [os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC) for _ in range(count)]
        for start in range(0, count, 16):
            part = self.vectors[start:start + 16]
            self.set_irqs(0x24, IRQ_MSIX, start, len(part), part)

    def interrupts(self, vector):
        """Interrupts since the last call."""
        try:
            return os.eventfd_read(self.vectors[vector])
        except BlockingIOError:
            return 0

    def wait_interrupt(self, vector):
        self.wait_for(lambda: self.interrupts(vector) > 0)

    # -- migration --

    def feature(self, flags, data=b"", argsz=64):
        answer, _ = self.request(CMD_FEATURE, struct.pack("<II", argsz, flags) + data)
        return answer[8:]

    def migration_state(self):
        return struct.unpack_from("<I", self.feature(FEATURE_GET | MIGRATION_STATE))[0]

    def migrate_to(self, state):
        self.feature(FEATURE_SET | MIGRATION_STATE, struct.pack("<II", state, 0))

    def state_read(self, piece=4096):
        """All of the state, in STOP_COPY."""
        data = b""
        while True:
            answer, _ = self.request(CMD_STATE_READ, struct.pack("<II", 8 + piece, piece))
            if len(answer) == 8:
                return data
            data += answer[8:]

    def state_write(self, data, piece=4096):
        for at in range(0, len(data), piece):
            part = data[at:at + piece]
            self.request(CMD_STATE_WRITE, struct.pack("<II", 8 + len(part), len(part)) + part)

    def resume(self, path, state):
        """Go on at another device, where `state` is loaded; this one is left."""
        old, doorbells = self.socket, self.doorbells
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.socket.settimeout(DEADLINE)
        self.socket.connect(path)
        self.negotiate(CAPABILITIES)
        for memory in self.memories:
            self.map(memory.fd, memory.iova, memory.size)
        for start in range(0, len(self.vectors), 16):
            part = self.vectors[start:start + 16]
            self.set_irqs(0x24, IRQ_MSIX, start, len(part), part)
        self.migrate_to(RESUMING)
        self.state_write(state)
        self.migrate_to(STOP)
        old.close()
        if doorbells:
            self.doorbells = None
            doorbells.close()
            self.map_doorbells()
        if self.io_fds:
            for fd in self.io_fds.values():
                os.close(fd)
            self.get_io_fds()
        self.migrate_to(RUNNING)

    # -- doorbells --

    def get_io_fds(self):
        """--notify eventfd: a descriptor for each queue that has one."""
        bar, base = self.structures[2][:2]
        ask = struct.pack("<IIII", 4096, 0, bar, 0)
        data, fds = self.request(CMD_IO_FDS, ask)
        count = struct.unpack_from("<I", data, 12)[0]
        stride = (len(data) - 16) // count if count else 0
        for i in range(count):
            offset, _, number = struct.unpack_from("<QQI", data, 16 + i * stride)
            self.io_fds[(offset - base) // self.multiplier] = fds[number]
        return self.io_fds

    def map_doorbells(self):
        """--notify page: the notify area, mapped."""
        bar, base, _, _ = self.structures[2]
        info, data, fds = self.region_info(bar, 4096)
        _, _, _, areas, _, offset, size = struct.unpack_from("<HHIIIQQ", data, info["cap_offset"])
        if areas != 1 or offset != base:
            raise AssertionError(f"{areas} areas, the first at {offset:#x}")
        self.doorbells = mmap.mmap(fds[0], size, offset=info["offset"] + offset)
        os.close(fds[0])

    def notify_value(self, index, value=None):
        """What to write for a queue, and how wide: 'Available Buffer Notifications'."""
        number = index
        if "NOTIF_CONFIG_DATA" in self.features:
            self.write("queue_select", index)
            number = self.read("queue_notif_config_data")
        if "NOTIFICATION_DATA" in self.features:
            return number | value << 16, 4
        return number, 2

    def notify(self, index, value=None):
        """Ring. `value` is what goes into the upper half with NOTIFICATION_DATA."""
        value, size = self.notify_value(index, value)
        at = index * self.multiplier
        if self.doorbells:
            # One store: a doorbell of two bytes must not be written byte by byte.
            memoryview(self.doorbells)[at:at + size].cast("H" if size == 2 else "I")[0] = value
        elif index in self.io_fds:
            os.eventfd_write(self.io_fds[index], 1)
        else:
            self.bar_write(2, at, value, size)

    def enable_queue(self, index, size, areas, vector=NO_VECTOR):
        """Program a queue, and enable it."""
        self.write("queue_select", index)
        self.write("queue_size", size)
        for name, iova in zip(("queue_desc", "queue_driver", "queue_device"), areas):
            self.write(name, iova)
        if vector != NO_VECTOR:
            self.write("queue_msix_vector", vector)
            if self.read("queue_msix_vector") != vector:
                raise AssertionError("the vector was not taken")
        self.write("queue_enable", 1)
