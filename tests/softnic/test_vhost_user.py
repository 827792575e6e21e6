# SPDX-License-Identifier: BSD-3-Clause
"""
vionet-softnic behind vhost-user: what it does for a front end, and what it says to a faulty one.
"""

import json
import fcntl
import os
import pathlib
import shutil
import socket
import struct
import subprocess
import tempfile
import unittest

import front_end as fe
from front_end import FrontEnd
from nic import DEADLINE, Softnic, binary
from raw import Driver, Gone
from raw_rings import PackedQueue, SplitQueue

FRAME = bytes.fromhex("ffffffffffff 020000000001 88b5") + bytes(range(46))


class Case(unittest.TestCase):
    def softnic(self, *options, **more):
        nic = Softnic("--vhost-user", *options, **more)
        self.addCleanup(nic.close)
        return nic

    def front_end(self, nic, *arguments, **more):
        front_end = FrontEnd(nic.path)
        self.addCleanup(front_end.close)
        front_end.begin(*arguments, **more)
        return front_end

    def turn_round(self, rx, tx, count):
        """`count` frames go out and come back; both rings are empty before and after."""
        before = len(rx.done)
        for i in range(count):
            rx.add(writable=[2048])
            rx.publish() if hasattr(rx, "publish") else None
            rx.kick()
            tx.add(readable=[bytes(12) + FRAME + bytes([i % 256])])
            tx.publish() if hasattr(tx, "publish") else None
            tx.kick()
            identity, length = rx.wait(before + i + 1)[-1]
            self.assertEqual(length, 12 + len(FRAME) + 1)
            self.assertEqual(rx.contents(identity, length)[12:], FRAME + bytes([i % 256]))
            tx.wait(len(tx.done) + 1 if tx.poll() <= before + i else before + i + 1)


class Sessions(Case):
    def rings(self, layout, **more):
        features = ["VERSION_1", "MRG_RXBUF"] + (["RING_PACKED"] if layout is PackedQueue else [])
        nic = self.softnic()
        front_end = self.front_end(nic, features, **more)
        return nic, front_end, [layout(front_end, index, 32) for index in (0, 1)]

    def test_frames_come_back(self):
        for layout in SplitQueue, PackedQueue:
            for protocol in fe.ALL, fe.ALL & ~fe.MEM_SLOTS, fe.ALL & ~fe.STATUS, 0:
                with self.subTest(layout=layout.__name__, protocol=protocol):
                    nic, front_end, rings = self.rings(layout, protocol=protocol)
                    self.turn_round(*rings, 40)
                    front_end.close()
                    nic.check()

    def test_a_ring_goes_on_where_it_was(self):
        for layout in SplitQueue, PackedQueue:
            with self.subTest(layout=layout.__name__):
                nic, front_end, rings = self.rings(layout)
                self.turn_round(*rings, 37)
                for ring in rings:
                    base = front_end.get(fe.GET_VRING_BASE, struct.pack("=II", ring.index, 0))
                    at = struct.unpack("=II", base)[1]
                    # 37 of 32: the second time round, and the packed ring's counters are 0.
                    self.assertEqual(at, 37 if layout is SplitQueue else 5 | 5 << 16)
                    areas = [ring.areas.iova + offset for offset in ring.offsets]
                    front_end.enable_queue(ring.index, 32, areas, None, base=at)
                self.turn_round(*rings, 40)
                for ring in rings:  # to be disabled is to wait
                    for value in 0, 1:
                        front_end.must(fe.SET_VRING_ENABLE,
                                       struct.pack("=II", ring.index, value))
                self.turn_round(*rings, 20)
                front_end.close()
                nic.check()

    def test_a_ring_that_another_device_left_at_0(self):
        """It used nothing, but was at work: its word in the flags is no driver's fault."""
        nic = self.softnic()
        front_end = self.front_end(nic, ["VERSION_1", "MRG_RXBUF"])
        rings = [SplitQueue(front_end, index, 32, enable=False) for index in (0, 1)]
        for ring in rings:
            ring.areas.put("<H", ring.offsets[2], 1)  # VIRTQ_USED_F_NO_NOTIFY
            ring.enable()
        self.turn_round(*rings, 40)
        front_end.close()
        nic.check()

    def test_a_packed_ring_that_begins_at_0(self):
        """As Linux as a process has it, though its wrap counters are 1."""
        nic = self.softnic()
        front_end = self.front_end(nic, ["VERSION_1", "RING_PACKED"])
        rings = [PackedQueue(front_end, index, 32, enable=False) for index in (0, 1)]
        for ring in rings:
            areas = [ring.areas.iova + offset for offset in ring.offsets]
            front_end.enable_queue(ring.index, 32, areas, None, base=0)
        self.turn_round(*rings, 40)
        front_end.close()
        nic.check()

    def test_without_a_doorbell_it_looks(self):
        for options in (), ("--poll",):
            nic = self.softnic(*options)
            front_end = self.front_end(nic)
            rings = [SplitQueue(front_end, index, 32, enable=False) for index in (0, 1)]
            for ring in rings:
                areas = [ring.areas.iova + offset for offset in ring.offsets]
                front_end.enable_queue(ring.index, 32, areas, None, kick=False)
            self.turn_round(*rings, 20)
            front_end.close()
            nic.check()

    def test_the_configuration_and_its_changes(self):
        with tempfile.TemporaryDirectory() as folder:
            control = os.path.join(folder, "control")
            nic = self.softnic("--control", control, "--mtu", "1400")
            front_end = self.front_end(nic)
            ours, theirs = socket.socketpair()
            with ours, theirs:
                front_end.must(fe.SET_BACKEND_REQ_FD, fds=[theirs.fileno()])
                rx = SplitQueue(front_end, 0, 32)
                read = struct.pack("=III", 0, 12, 0) + bytes(12)
                data = front_end.get(fe.GET_CONFIG, read)
                self.assertEqual(data[12:], bytes.fromhex("525400123456") +
                                 struct.pack("<HHH", 1, 4, 1400))
                front_end.must(fe.NET_SET_MTU, struct.pack("=Q", 1300))
                self.assertEqual(front_end.get(fe.GET_CONFIG, read)[22:24], struct.pack("<H", 1300))
                with socket.socket(socket.AF_UNIX) as command:
                    command.connect(control)
                    command.sendall(b"link down\n")
                    self.assertEqual(command.recv(100), b"ok\n")
                ours.settimeout(DEADLINE)
                self.assertEqual(struct.unpack("=III", ours.recv(100)), (fe.CONFIG_CHANGE_MSG, 1, 0))
                self.assertEqual(front_end.get(fe.GET_CONFIG, read)[18:20], bytes(2))
                self.assertEqual(rx.poll(), 0)
            # No bytes of it: not there.
            self.assertEqual(front_end.get(fe.GET_CONFIG, struct.pack("=III", 200, 4, 0) + bytes(4)), b"")
            front_end.close()
            nic.check()

    def test_status_features_and_reset(self):
        nic = self.softnic("--features=-MQ", "--queues", "3")
        front_end = self.front_end(nic)
        self.assertFalse(front_end.offered & fe.mask(("ACCESS_PLATFORM", "MQ", "SR_IOV")))
        self.assertEqual(front_end.number(fe.GET_QUEUE_NUM), 3)
        self.assertEqual(front_end.number(fe.GET_MAX_MEM_SLOTS), 512)
        self.assertEqual(front_end.number(fe.GET_STATUS), 15)
        front_end.must(fe.RESET_DEVICE)
        self.assertEqual(front_end.number(fe.GET_STATUS), 0)
        # What is not offered is refused, and FEATURES_OK does not stay.
        wanted = fe.mask(("VERSION_1", "MQ")) | fe.PROTOCOL_FEATURES
        self.assertEqual(front_end.set(fe.SET_FEATURES, struct.pack("=Q", wanted)), 1)
        front_end.must(fe.SET_STATUS, struct.pack("=Q", 11))
        self.assertEqual(front_end.number(fe.GET_STATUS), 3)
        front_end.close()
        nic.stop()
        self.assertEqual(nic.violations(), ["GEN-05"])
        self.assertEqual(nic.status, 3)

    def test_one_after_the_other(self):
        nic = self.softnic()
        for _ in range(2):
            front_end = self.front_end(nic)
            with FrontEnd(nic.path) as second:  # one function, one driver
                self.assertRaises(Gone, second.number, fe.GET_FEATURES)
            self.turn_round(*[SplitQueue(front_end, index, 32) for index in (0, 1)], 3)
            front_end.close()
        nic.check()

    def test_it_connects_and_connects_again(self):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "front-end")
            process = subprocess.Popen([binary(), "--vhost-user", "--connect", path],
                                       stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
            try:
                self.assertIn("connecting to", process.stdout.readline())
                self.assertIn("trying again", process.stderr.readline())
                for _ in range(2):
                    with socket.socket(socket.AF_UNIX) as listener:
                        listener.bind(path)
                        listener.listen(1)
                        listener.settimeout(DEADLINE)
                        front_end = FrontEnd(taken=listener.accept()[0])
                    os.unlink(path)
                    with front_end:
                        front_end.begin()
                        self.turn_round(*[SplitQueue(front_end, i, 32) for i in (0, 1)], 3)
            finally:
                process.terminate()
                output = process.communicate(timeout=DEADLINE)[0]
            self.assertEqual(process.returncode, 0)
            self.assertIn("drivers 2,", output)


class Faulty(Case):
    """A front end that is wrong: told why, and whatever it does the device goes on."""

    def refused(self, text, request, payload=b"", fds=(), acknowledged=True, prepare=None):
        nic = self.softnic()
        with FrontEnd(nic.path) as front_end:
            front_end.begin(protocol=fe.ALL if acknowledged else fe.ALL & ~fe.REPLY_ACK)
            if prepare:
                prepare(front_end)
            if acknowledged:
                self.assertEqual(front_end.set(request, payload, fds), 1)
                front_end.number(fe.GET_FEATURES)
            else:
                with self.assertRaises(Gone):
                    front_end.send(request, payload, fds)
                    front_end.number(fe.GET_FEATURES)
        # The next one is served.
        with FrontEnd(nic.path) as front_end:
            front_end.begin()
        nic.stop()
        self.assertEqual(nic.status, 3)
        self.assertTrue(any(text in line for line in nic.lines), (text, nic.lines))

    def test_requests(self):
        two = struct.pack
        file = os.memfd_create("short", os.MFD_CLOEXEC)
        self.addCleanup(os.close, file)
        os.ftruncate(file, 8192)
        region = lambda *r: bytes(8) + two("=QQQQ", *r)  # noqa: E731
        for text, request, payload, fds in (
                ("does not know it", 4711, b"", ()),
                ("is not acceptable", fe.SET_FEATURES, two("=Q", 0), ()),
                ("LOG_ALL", fe.SET_FEATURES, two("=Q", fe.LOG_ALL | 1 << 32), ()),
                ("was not offered", fe.SET_PROTOCOL_FEATURES, two("=Q", 1 << 1), ()),
                ("ring 77, there are 9", fe.SET_VRING_NUM, two("=II", 77, 16), ()),
                ("0 entries", fe.SET_VRING_NUM, two("=II", 0, 0), ()),
                ("a power of two to 32768", fe.SET_VRING_NUM, two("=II", 0, 100), ()),
                ("65536 entries", fe.SET_VRING_NUM, two("=II", 0, 65536), ()),
                ("not all in a region", fe.SET_VRING_ADDR, two("=IIQQQQ", 0, 0, 1, 2, 3, 0), ()),
                ("ring 9, there are 9", fe.SET_VRING_BASE, two("=II", 9, 0), ()),
                ("neither 0 nor 1", fe.SET_VRING_ENABLE, two("=II", 0, 2), ()),
                ("descriptor is missing", fe.SET_VRING_KICK, two("=Q", 0), ()),
                ("no eventfd", fe.SET_VRING_KICK, two("=Q", 0), (file,)),
                ("no eventfd", fe.SET_VRING_CALL, two("=Q", 0), (file,)),
                ("no eventfd", fe.SET_VRING_ERR, two("=Q", 0), (file,)),
                ("before SET_VRING_NUM", fe.SET_VRING_KICK, two("=Q", fe.NO_FD), ()),
                ("0 descriptors for 1 regions", fe.SET_MEM_TABLE,
                 two("=II", 1, 0) + bytes(32), ()),
                ("9 regions", fe.SET_MEM_TABLE, two("=II", 9, 0) + bytes(32), (file,)),
                ("2 regions in 40 bytes", fe.SET_MEM_TABLE, two("=II", 2, 0) + bytes(32), (file,)),
                ("file ends before it", fe.ADD_MEM_REG, region(0x1000, 16384, 0, 0), (file,)),
                ("file ends before it", fe.ADD_MEM_REG, region(0x1000, 4096, 0, 1 << 40), (file,)),
                ("multiples of a page", fe.ADD_MEM_REG, region(0x1001, 4096, 0, 0), (file,)),
                ("multiples of a page", fe.ADD_MEM_REG, region(0x1000, 0, 0, 0), (file,)),
                ("multiples of a page", fe.ADD_MEM_REG, region(-4096 % 2**64, 8192, 0, 0), (file,)),
                ("0 descriptors, it has one", fe.ADD_MEM_REG, region(0x1000, 4096, 0, 0), ()),
                ("no region of 0x1000 bytes", fe.REM_MEM_REG, region(0x1000, 4096, 0, 0), ()),
                ("no socket", fe.SET_BACKEND_REQ_FD, b"", (file,)),
                ("is no MTU", fe.NET_SET_MTU, two("=Q", 67), ()),
                ("is no status", fe.SET_STATUS, two("=Q", 256), ()),
                ("SET_CONFIG: offset 0; the configuration of a network device is read-only", fe.SET_CONFIG, two("=III", 0, 1, 0) + b"1", ())):
            for acknowledged in True, False:
                with self.subTest(text, acknowledged=acknowledged):
                    self.refused(text, request, payload, fds, acknowledged)

    def test_sizes(self):
        """Each request with a byte less and more than it has."""
        for request, size in ((fe.SET_FEATURES, 8), (fe.SET_VRING_ADDR, 40), (fe.ADD_MEM_REG, 40),
                              (fe.SET_OWNER, 0), (fe.GET_CONFIG, 12), (fe.SET_MEM_TABLE, 8)):
            for wrong in {max(size - 1, 1), 300}:
                with self.subTest(request=request, size=wrong):
                    self.refused(f"{wrong} bytes, it has {size}", request, bytes(wrong),
                                 acknowledged=False)

    def test_headers(self):
        for data, text in ((struct.pack("=III", 1, 2, 0), "makes no sense"),
                           (struct.pack("=III", 1, 1 | fe.REPLY, 0), "makes no sense"),
                           (struct.pack("=III", 1, 1, 1 << 20), "makes no sense"),
                           (struct.pack("=III", 2, 1, 8) + b"123", "in the middle of a message"),
                           (b"1234", "in the middle of a message")):
            nic = self.softnic()
            with FrontEnd(nic.path) as front_end:
                front_end.socket.sendall(data)
                front_end.socket.shutdown(socket.SHUT_WR)
                self.assertRaises(Gone, front_end.receive)
            nic.stop()
            self.assertTrue(any(text in line for line in nic.lines), nic.lines)

    def test_too_many_descriptors(self):
        nic = self.softnic()
        with FrontEnd(nic.path) as front_end:
            front_end.send(fe.SET_OWNER, fds=[0] * 17)
            self.assertRaises(Gone, front_end.receive)
        nic.stop()
        self.assertIn("more than 16 file descriptors", nic.lines[0])

    def running(self, *options):
        nic = self.softnic(*options)
        front_end = self.front_end(nic)
        return nic, front_end, [SplitQueue(front_end, index, 32) for index in (0, 1)]

    def test_a_ring_that_runs_is_not_changed(self):
        nic, front_end, rings = self.running()
        self.assertEqual(front_end.set(fe.SET_VRING_NUM, struct.pack("=II", 1, 64)), 1)
        self.assertEqual(front_end.set(fe.SET_VRING_BASE, struct.pack("=II", 1, 9)), 1)
        self.assertEqual(front_end.set(fe.SET_FEATURES, struct.pack(
            "=Q", fe.mask(("VERSION_1", "MRG_RXBUF")) | fe.PROTOCOL_FEATURES)), 1)
        self.turn_round(*rings, 3)
        nic.stop()
        self.assertEqual(nic.violations(), ["GEN-13"])
        self.assertIn("ring 1 runs; stop it first", "".join(nic.lines))

    def test_memory_of_a_ring_is_taken_away(self):
        for whole in False, True:
            nic, front_end, (rx, tx) = self.running()
            if whole:
                front_end.must(fe.SET_MEM_TABLE, struct.pack("=II", 0, 0))
            else:
                front_end.must(fe.REM_MEM_REG,
                               bytes(8) + front_end.region(tx.areas.iova, tx.areas.size))
            front_end.notify(1)
            self.assertEqual(front_end.number(fe.GET_STATUS) & 4, 4)
            nic.stop()
            self.assertEqual(nic.violations(), ["GEN-31"] * (2 if whole else 1))

    def test_addresses_outside_memory(self):
        nic, front_end, (rx, tx) = self.running()
        tx.descriptor(0, 0xdead0000, 64)
        tx.set_avail_entry(0, 0)
        tx.set_avail_idx(1)
        tx.kick()
        Driver.wait_for(lambda: front_end.number(fe.GET_STATUS) & 64)  # DEVICE_NEEDS_RESET
        nic.stop()
        self.assertIn("IOMMU fault: device reads 64 bytes at 0xdead0000", nic.lines[0])
        self.assertEqual(nic.status, 3)

    def test_a_ring_runs_past_its_region(self):
        nic = self.softnic()
        front_end = self.front_end(nic)
        memory = front_end.memory(4096)
        areas = [memory.iova, memory.iova + 2048, memory.iova + 4096 - 64]
        front_end.enable_queue(1, 64, areas, None)
        self.assertEqual(front_end.number(fe.GET_STATUS) & 64, 64)
        nic.stop()
        self.assertEqual(nic.violations(), ["SPLIT-02"])

    def test_an_error_is_signalled(self):
        nic, front_end, (rx, tx) = self.running()
        error = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self.addCleanup(os.close, error)
        front_end.must(fe.SET_VRING_ERR, struct.pack("=Q", 1), [error])
        tx.set_avail_idx(999)
        tx.kick()

        def signalled():
            try:
                return os.eventfd_read(error)
            except BlockingIOError:
                return 0
        Driver.wait_for(signalled)
        nic.stop()
        self.assertEqual(nic.violations(), ["SPLIT-16"])

    def test_sealed_memory_is_for_reading(self):
        nic, front_end, (rx, tx) = self.running()
        for memory in tx.data, rx.data:
            region = bytes(8) + front_end.region(memory.iova, memory.size)
            front_end.must(fe.REM_MEM_REG, region)
            fcntl.fcntl(memory.fd, fcntl.F_ADD_SEALS, 0x10)  # F_SEAL_FUTURE_WRITE
            front_end.must(fe.ADD_MEM_REG, region, [memory.fd])
            if memory is tx.data:
                self.turn_round(rx, tx, 10)
        rx.add(writable=[2048])
        rx.kick()
        tx.add(readable=[bytes(12) + FRAME])
        tx.kick()
        tx.wait(11)
        nic.stop()
        self.assertIn("mapped without write permission", "".join(nic.lines))

    def test_a_file_is_cut_under_its_map(self):
        nic, front_end, (rx, tx) = self.running()
        tx.add(readable=[bytes(12) + FRAME])
        os.ftruncate(tx.data.fd, 0)
        tx.publish()
        tx.kick()
        tx.wait(1)
        nic.stop()
        self.assertIn("cut under its map", "".join(nic.lines))

    def test_an_index_that_jumps_after_a_resume(self):
        """It did not begin there: SPLIT-16 is of rings that do."""
        for base, identity in (0, "SPLIT-16"), (5, "SPLIT-36"):
            with self.subTest(base=base):
                nic = self.softnic()
                front_end = self.front_end(nic)
                ring = SplitQueue(front_end, 1, 32, enable=False)
                ring.areas.put("<H", ring.offsets[2] + 2, base)
                ring.set_avail_idx(base)
                areas = [ring.areas.iova + offset for offset in ring.offsets]
                front_end.enable_queue(1, 32, areas, None, base=base)
                ring.set_avail_idx(base + 40)
                ring.kick()
                front_end.wait_for(lambda: identity in nic.stderr())
                nic.stop()
                self.assertEqual(nic.violations(), [identity])

    def test_no_announcement_without_a_control_queue(self):
        """The acknowledgement would not come here."""
        path = os.path.join(tempfile.mkdtemp(), "control")
        self.addCleanup(shutil.rmtree, os.path.dirname(path))
        nic = self.softnic("--control", path)
        self.front_end(nic, ["VERSION_1", "STATUS", "GUEST_ANNOUNCE"])
        with socket.socket(socket.AF_UNIX) as control:
            control.settimeout(DEADLINE)
            control.connect(path)
            control.sendall(b"announce 1\n")
            self.assertIn(b"and a control queue", control.recv(999))

    def test_a_base_that_no_ring_has(self):
        nic = self.softnic()
        front_end = self.front_end(nic)
        ring = SplitQueue(front_end, 1, 32, enable=False)
        areas = [ring.areas.iova + offset for offset in ring.offsets]
        front_end.enable_queue(1, 32, areas, None, base=1000)
        self.assertEqual(front_end.number(fe.GET_STATUS) & 64, 64)
        front_end.must(fe.SET_STATUS, struct.pack("=Q", 0))
        self.assertEqual(front_end.number(fe.GET_STATUS), 0)
        nic.stop()
        self.assertIn("SET_VRING_BASE", "".join(nic.lines))


class CommandLine(Case):
    def test_what_is_of_pci_is_refused(self):
        for options, text in ((["--fault", "F01,A01"], "A01 is one of PCI"),
                              (["--fault", "C01"], "C01 is one of PCI"),
                              (["--notify", "page"], "has no PCI function"),
                              (["--vectors", "3"], "has no PCI function"),
                              (["--transitional"], "has no PCI function"),
                              (["--connect", "/tmp/x"], "exclude each other")):
            done = subprocess.run([binary(), "--listen", "/tmp/none", "--vhost-user", *options],
                                  capture_output=True, text=True, timeout=DEADLINE)
            self.assertEqual(done.returncode, 2, options)
            self.assertIn(text, done.stderr)
        done = subprocess.run([binary(), "--connect", "/tmp/none"], capture_output=True, text=True,
                              timeout=DEADLINE)
        self.assertEqual(done.returncode, 2)
        self.assertIn("--connect is for --vhost-user", done.stderr)

    def test_what_vduse_has_not(self):
        for options, text in ((["--vduse", "a", "--vhost-user"], "exclude each other"),
                              (["--vhost-user", "--vduse", "a"], "exclude each other"),
                              (["--vduse", "a/b"], "is a name of up to 200 letters"),
                              (["--vduse", "control"], "is a name of up to 200 letters"),
                              (["--vduse", "a", "--queues", "2"], "refuses the control queue"),
                              (["--vduse", "a", "--listen", "/tmp/none"], "has no socket"),
                              (["--vduse", "a", "--fault", "C01"], "C01 is one of PCI"),
                              (["--vduse", "a", "--reset-time", "5"], "does not show")):
            done = subprocess.run([binary(), *options], capture_output=True, text=True, timeout=DEADLINE)
            self.assertEqual(done.returncode, 2, options)
            self.assertIn(text, done.stderr)

    def test_nor_at_run_time(self):
        with tempfile.TemporaryDirectory() as folder:
            control = os.path.join(folder, "control")
            nic = self.softnic("--control", control)
            with socket.socket(socket.AF_UNIX) as command:
                command.connect(control)
                command.settimeout(DEADLINE)
                command.sendall(b"fault +A01\n")
                self.assertIn(b"no PCI function", command.recv(200))
                command.sendall(b"fault +F01\n")
                self.assertIn(b"ok", command.recv(200))
            nic.check()


class OurDriver(Case):
    """vionet before it."""

    def pktgen(self, device, *options):
        done = subprocess.run(
            [pathlib.Path(binary()).with_name("vionet"), "pktgen", device, "--json", "--count", "2000",
             "--rate", "20k", "--linger", "20", "--interval", "0", *options],
            capture_output=True, text=True, timeout=DEADLINE)
        self.assertEqual(done.returncode, 0, done.stderr)
        return json.loads(done.stdout)

    def test_layouts_and_pairs(self):
        nic = self.softnic("--lossless")
        for options in ([], ["--avoid", "RING_PACKED"], ["--queues", "2", "--mode", "interrupt"],
                        ["--avoid", "MRG_RXBUF,EVENT_IDX,INDIRECT_DESC"]):
            with self.subTest(options):
                report = self.pktgen(f"vhost-user:{nic.path}", "--size", "imix", *options)
                self.assertEqual(report["tx"]["completed"], 2000)
                for what in "lost", "duplicates", "reordered", "damaged":
                    self.assertEqual(report["rx"][what], 0, report)
        nic.check()
        self.assertIn("drivers 4,", nic.output)

    def test_faults(self):
        """What a driver drops over vfio-user it drops here too, and the verdict stays clean."""
        for fault in "F01", "F02", "F04":
            nic = self.softnic("--fault", fault)
            report = self.pktgen(f"vhost-user:{nic.path}", "--linger", "0.2")
            nic.check()
            self.assertGreater(report["rx"]["dropped"], 0, fault)
            self.assertEqual(report["rx"]["damaged"], 0, fault)

    def test_another_device_goes_on_with_the_rings(self):
        """Killed under traffic: its successor begins where the rings are, and nothing is amiss."""
        def start():
            process = subprocess.Popen(
                [binary(), "--vhost-user", "--listen", path, "--lossless"],
                stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
            self.addCleanup(lambda: (process.kill(), process.communicate()))
            self.assertIn("listening", process.stdout.readline())
            return process

        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "socket")
            first = start()
            survive = subprocess.Popen(
                [pathlib.Path(binary()).parent / "tests/vhost_user/survive", f"vhost-user:{path}",
                 "20000"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
            self.addCleanup(lambda: (survive.kill(), survive.communicate()))
            self.assertIn("a quarter", survive.stderr.readline())
            first.kill()
            first.wait()
            second = start()
            out, err = survive.communicate(timeout=DEADLINE)
            second.terminate()
            told = second.communicate(timeout=DEADLINE)
        self.assertEqual(survive.returncode, 0, err)
        words = dict(zip(out.split()[::2], map(int, out.split()[1::2])))
        self.assertEqual((words["reconnects"], words["alien"]), (1, 0), out)
        # What the first had taken in one poll iteration, 64 frames a ring, and not completed.
        self.assertLessEqual(words["lost"], 128, out)
        self.assertLessEqual(words["duplicates"], 128, out)
        self.assertEqual(second.returncode, 0, told)


if __name__ == "__main__":
    unittest.main()
