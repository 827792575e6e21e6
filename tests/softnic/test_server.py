# SPDX-License-Identifier: BSD-3-Clause
"""
The socket: valid and invalid messages; memory and its permissions; drivers that disappear; the command line.
"""

import os
import resource
import socket
import struct
import subprocess
import tempfile
import time
import unittest

from nic import DEADLINE, Softnic, binary
from raw import (CMD_DEVICE_INFO, CMD_DMA_MAP, CMD_IO_FDS, CMD_IRQ_INFO, CMD_REGION_INFO,
                 CMD_REGION_READ, CMD_REGION_WRITE, CMD_SET_IRQS, CMD_VERSION, CMD_WRITE_MULTI,
                 READABLE, WRITABLE, Driver, Gone, Refused)
from raw_rings import SplitQueue

FRAME = bytes(12) + bytes.fromhex("0200000000010200000000020800") + bytes(46)
SLOW_LISTEN = """
#include <sys/syscall.h>
#include <unistd.h>
int listen(int fd, int backlog)
{
    usleep(200000);
    return (int)syscall(SYS_listen, fd, backlog);
}
"""
PLAIN = ("--peer", "sink", "--features", "-all,+VERSION_1,+ACCESS_PLATFORM")


class Case(unittest.TestCase):
    def device(self, *options, **driver):
        nic = Softnic(*(options or PLAIN))
        self.addCleanup(nic.close)
        connected = Driver(nic.path, **driver)
        self.addCleanup(connected.close)
        return nic, connected

    def refused(self, code, driver, command, payload=b"", fds=()):
        with self.assertRaises(Refused) as raised:
            driver.request(command, payload, fds)
        self.assertEqual(raised.exception.code, code)

    def works(self, nic):
        """The next driver is served, and frames are sent."""
        with Driver(nic.path) as driver:
            driver.initialize()
            transmit = SplitQueue(driver, 1)
            driver.start()
            transmit.add(readable=[FRAME])
            transmit.kick()
            transmit.wait(1)


class Messages(Case):
    def test_version(self):
        nic, driver = self.device()
        (major, minor), answer = driver.version
        self.assertEqual((major, minor), (0, 0))
        self.assertEqual(answer["capabilities"]["max_msg_fds"], 16)
        self.refused(22, driver, CMD_VERSION, struct.pack("<HH", 0, 0))
        nic.check()

    def test_only_capabilities_that_were_named(self):
        _, driver = self.device(capabilities={"pgsizes": 4096})
        self.assertEqual(driver.version[1], {"capabilities": {"pgsizes": 4096}})

    def test_no_descriptor_for_who_takes_none(self):
        nic, driver = self.device("--notify", "page", *PLAIN, capabilities={"max_msg_fds": 0})
        info, _, fds = driver.region_info(4, 4096)
        self.assertEqual((info["flags"] & 4, fds), (0, []))
        nic.check()

    def test_versions_that_are_refused(self):
        for payload in (b"", b"\0", struct.pack("<HH", 1, 0), struct.pack("<HH", 0, 0) + b"{}",
                        struct.pack("<HH", 0, 0) + b"{\0", struct.pack("<HH", 0, 0) + b"[" * 5000):
            nic, driver = self.device(negotiate=False)
            self.refused(22, driver, CMD_VERSION, payload)
            driver.close()
            self.works(nic)

    def test_nothing_before_the_version(self):
        _, driver = self.device(negotiate=False)
        self.refused(22, driver, CMD_DEVICE_INFO, bytes(16))

    def test_payloads_that_are_too_short(self):
        nic, driver = self.device()
        for command in (CMD_DEVICE_INFO, CMD_REGION_INFO, CMD_IO_FDS, CMD_IRQ_INFO, CMD_SET_IRQS,
                        CMD_REGION_READ, CMD_REGION_WRITE, CMD_DMA_MAP, 3, CMD_WRITE_MULTI):
            self.refused(22, driver, command, b"\0\0\0")
        for command in (0, 11, 12, 14, 9999):
            self.refused(95, driver, command, bytes(64))
        nic.check()

    def test_headers_that_make_no_sense(self):
        for header in (struct.pack("<HHIII", 1, 4, 15, 0, 0), struct.pack("<HHIII", 1, 4, 0, 0, 0),
                       struct.pack("<HHIII", 1, 4, 0xffffffff, 0, 0),
                       struct.pack("<HHIII", 1, 4, 16, 1, 0)):
            nic, driver = self.device()
            driver.socket.sendall(header)
            with self.assertRaises(Gone):
                driver.receive()
            driver.close()
            self.works(nic)
            nic.stop()
            self.assertIn("makes no sense", "".join(nic.lines))

    def test_a_message_in_pieces(self):
        nic, driver = self.device()
        message = struct.pack("<HHIII", 7, CMD_DEVICE_INFO, 32, 0, 0) + struct.pack("<IIII", 16, 0, 0, 0)
        for byte in message:
            driver.socket.sendall(bytes([byte]))
        number, command, flags, error, data, _ = driver.receive()
        self.assertEqual((number, command, flags, error), (7, CMD_DEVICE_INFO, 1, 0))
        self.assertEqual(struct.unpack("<IIII", data), (16, 3, 9, 5))
        nic.check()

    def test_an_end_at_each_byte(self):
        nic, driver = self.device()
        driver.close()
        message = struct.pack("<HHIII", 7, CMD_DEVICE_INFO, 32, 0, 0) + bytes(16)
        for size in range(1, len(message)):
            with Driver(nic.path, find=False) as driver:
                driver.socket.sendall(message[:size])
        self.works(nic)
        self.assertEqual(nic.stop(), 0)

    def test_many_descriptors_are_closed(self):
        nic, driver = self.device()
        before = len(os.listdir(f"/proc/{nic.process.pid}/fd"))
        with open(os.devnull) as file:
            for _ in range(20):
                self.refused(95, driver, 9999, b"", [file.fileno()] * 16)
        driver.wait_for(lambda: len(os.listdir(f"/proc/{nic.process.pid}/fd")) == before)
        nic.check()

    def limit(self, nic, free):
        """Limit the number of free descriptors."""
        used = {int(fd) for fd in os.listdir(f"/proc/{nic.process.pid}/fd")}
        unused = [fd for fd in range(max(used) + free + 2) if fd not in used]
        old = resource.prlimit(nic.process.pid, resource.RLIMIT_NOFILE)
        resource.prlimit(nic.process.pid, resource.RLIMIT_NOFILE, (unused[free], old[1]))
        return old

    def test_no_descriptors_for_what_was_sent(self):
        nic, driver = self.device()
        self.limit(nic, 2)
        with open(os.devnull) as file, self.assertRaises(Gone):
            driver.request(9999, b"", [file.fileno()] * 8)
        nic.stop()
        self.assertTrue(any("ulimit -n" in line for line in nic.lines), nic.lines)
        self.assertFalse(any("more than 16" in line for line in nic.lines), nic.lines)

    def test_no_descriptor_for_another(self):
        """The driver gets an error, and the device does not wait for ever; then it serves the next one."""
        with tempfile.TemporaryDirectory() as folder:
            control = os.path.join(folder, "control")
            nic = Softnic(*PLAIN, "--control", control)
            self.addCleanup(nic.close)
            old = self.limit(nic, 0)
            for path in (nic.path, control) * 3:
                with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as other:
                    other.settimeout(DEADLINE)
                    other.connect(path)
                    self.assertEqual(other.recv(1), b"")
            resource.prlimit(nic.process.pid, resource.RLIMIT_NOFILE, old)
            self.works(nic)
        nic.stop()
        self.assertEqual(sum("ulimit -n" in line for line in nic.lines), 6, nic.lines)

    def test_no_reply_if_none_is_wanted(self):
        nic, driver = self.device()
        bar, base = driver.structures[1][:2]
        payload = struct.pack("<QII", base + 22, bar, 2) + b"\1\0"
        driver.send(CMD_REGION_WRITE, payload, flags=0x10)
        self.assertEqual(driver.read("queue_select"), 1)
        nic.check()

    def test_several_writes_in_one_message(self):
        nic, driver = self.device()
        bar, base = driver.structures[1][:2]
        entries = [struct.pack("<QII8s", base + 22, bar, 2, b"\1\0"),
                   struct.pack("<QII8s", base, bar, 4, b"\3\0\0\0")]
        driver.request(CMD_WRITE_MULTI, struct.pack("<Q", 2) + b"".join(entries))
        self.assertEqual((driver.read("queue_select"), driver.read("device_feature_select")), (1, 3))
        self.refused(22, driver, CMD_WRITE_MULTI, struct.pack("<Q", 1 << 60) + entries[0])
        nic.check()

    def test_many_requests_at_once(self):
        """All requests that were received are served, though no more come."""
        nic, driver = self.device()
        ask = struct.pack("<HHIII", 9, CMD_REGION_READ, 32, 0, 0) + struct.pack("<QII", 0, 7, 4)
        driver.socket.sendall(ask * 300)
        for _ in range(300):
            self.assertEqual(driver.receive()[:4], (9, CMD_REGION_READ, 1, 0))
        nic.check()

    def test_regions_and_their_bounds(self):
        nic, driver = self.device()
        for region, offset, count in ((7, 256, 1), (7, 255, 2), (7, 1 << 63, 4), (4, 0, 3), (4, 0, 0),
                                      (0, 0, 4), (9, 0, 4), (0xffffffff, 0, 4), (4, 1 << 20, 4),
                                      (7, 0, 0xffffffff)):
            self.refused(22, driver, CMD_REGION_READ, struct.pack("<QII", offset, region, count))
        self.refused(22, driver, CMD_REGION_WRITE, struct.pack("<QII", 0, 7, 8) + b"\0")
        for index in (9, 0xffffffff):
            self.refused(22, driver, CMD_REGION_INFO, struct.pack("<IIIIQQ", 32, 0, index, 0, 0, 0))
        nic.check()

    def test_vectors_and_their_bounds(self):
        nic, driver = self.device()
        for flags, index, start, count in ((0x24, 2, 0, 99), (0x24, 2, 0xffffffff, 2), (0x24, 5, 0, 1),
                                           (0, 2, 0, 1), (0x22, 2, 0, 4), (0x24, 0, 0, 1)):
            self.refused(22, driver, CMD_SET_IRQS, struct.pack("<IIIII", 20, flags, index, start, count))
        driver.set_vectors(4)
        driver.set_irqs(0x21, 2, 0, 0)
        nic.check()

    def test_who_does_not_read_is_hung_up_on(self):
        nic, driver = self.device()
        driver.socket.setblocking(False)
        ask = struct.pack("<HHIII", 1, CMD_REGION_READ, 32, 0, 0) + struct.pack("<QII", 0, 7, 256)
        end = time.monotonic() + DEADLINE
        with self.assertRaises((BrokenPipeError, ConnectionResetError)):
            while time.monotonic() < end:
                try:
                    driver.socket.send(ask * 64)
                except BlockingIOError:
                    time.sleep(0.01)
        driver.close()
        self.works(nic)

    def test_one_driver_at_a_time(self):
        nic, driver = self.device()
        with self.assertRaises(Gone):
            Driver(nic.path)
        driver.read("device_status")
        driver.close()
        self.works(nic)
        nic.check()

    def test_drivers_that_are_killed(self):
        nic, driver = self.device()
        driver.close()
        for _ in range(5):
            child = os.fork()
            if child == 0:
                victim = Driver(nic.path)
                victim.initialize()
                SplitQueue(victim, 0).add(writable=[1500])
                SplitQueue(victim, 1).add(readable=[FRAME])
                victim.start()
                os.kill(os.getpid(), 9)
            os.waitpid(child, 0)
            self.works(nic)
        nic.check()

    def test_once(self):
        nic, driver = self.device("--once", *PLAIN)
        driver.close()
        self.assertEqual(nic.wait(), 0)


class MemoryOfTheDriver(Case):
    def test_maps_that_are_refused(self):
        nic, driver = self.device()
        fd = os.memfd_create("x")
        self.addCleanup(os.close, fd)
        os.ftruncate(fd, 8192)
        driver.map(fd, 0x10000, 8192)
        for code, iova, size, permissions, offset in (
                (17, 0x10000, 4096, 3, 0), (17, 0x11000, 8192, 3, 0), (17, 0xf000, 8192, 3, 0),
                (22, 0x20000, 0, 3, 0), (22, 0x20800, 4096, 3, 0), (22, 0x20000, 100, 3, 0),
                (22, 0xfffffffffffff000, 8192, 3, 0),
                (22, 0x20000, 4096, 0, 0), (34, 0x20000, 12288, 3, 0), (34, 0x20000, 4096, 3, 8192),
                (34, 0x20000, 4096, 3, 1 << 62), (22, 0x20000, 4096, 3, 100)):
            with self.assertRaises(Refused, msg=hex(iova)) as raised:
                driver.map(fd, iova, size, permissions, offset)
            self.assertEqual(raised.exception.code, code, (hex(iova), size, permissions, offset))
        for other in (os.open("/", os.O_RDONLY), os.open(os.devnull, os.O_RDWR)):
            with self.assertRaises(Refused):
                driver.map(other, 0x30000, 4096)
            os.close(other)
        with self.assertRaises(Refused) as raised:
            driver.unmap(0x10000, 4096)
        self.assertEqual(raised.exception.code, 22)
        driver.unmap(0x1000, 4096)  # nothing is there
        driver.unmap(0x10000, 8192)
        driver.map(fd, 0x10000, 4096)
        driver.unmap(0, 0, flags=2)
        driver.map(None, 0x10000, 4096)
        nic.check()

    def test_maps_by_the_thousand(self):
        nic, driver = self.device()
        fd = os.memfd_create("x")
        self.addCleanup(os.close, fd)
        os.ftruncate(fd, 4096)
        for i in range(2000):
            driver.map(fd, 0x100000 + i * 3 * 4096, 4096)
        driver.unmap(0, 0, flags=2)
        nic.check()

    def fault(self, prepare):
        """A transmit buffer whose descriptor `prepare` corrupts; returns the report."""
        nic, driver = self.device()
        driver.initialize()
        transmit = SplitQueue(driver, 1)
        driver.start()
        transmit.add(readable=[FRAME], publish=False)
        prepare(driver, transmit)
        transmit.publish()
        transmit.kick()
        driver.wait_for(lambda: "IOMMU fault" in nic.stderr())
        driver.close()
        self.works(nic)
        self.assertEqual(nic.stop(), 3)
        return "\n".join(line for line in nic.lines if "IOMMU" in line)

    def test_unmapped(self):
        said = self.fault(lambda _, queue: queue.descriptor(0, 0xdead0000, 72))
        self.assertIn("reads 72 bytes at 0xdead0000: not mapped", said)

    def test_over_the_end(self):
        said = self.fault(lambda driver, queue: queue.descriptor(
            0, queue.data.iova + queue.data.size - 8, 72))
        self.assertRegex(said, r"reads 64 bytes at 0x[0-9a-f]+000: not mapped")

    def test_over_the_last_address(self):
        def around(driver, queue):
            driver.memory(4096, iova=(1 << 64) - 4096)
            driver.memory(4096, iova=0)
            queue.descriptor(0, (1 << 64) - 40, 72)
        self.assertIn("runs past the end of its map", self.fault(around))

    def test_not_permitted(self):
        def write_only(driver, queue):
            memory = driver.memory(4096, WRITABLE)
            queue.descriptor(0, memory.iova, 72)
        self.assertIn("without read permission", self.fault(write_only))

    def test_without_a_file(self):
        def no_file(driver, queue):
            driver.map(None, 0x40000000, 4096)
            queue.descriptor(0, 0x40000000, 72)
        self.assertIn("without a file descriptor", self.fault(no_file))

    def test_bus_mastering_off(self):
        said = self.fault(lambda driver, _: driver.config_write(4, 2, 2))
        self.assertIn("bus mastering is off", said)

    def test_a_file_that_is_cut(self):
        nic, driver = self.device()
        driver.initialize()
        transmit = SplitQueue(driver, 1)
        driver.start()
        memory = driver.memory(8192)
        transmit.add(readable=[FRAME], publish=False)
        transmit.descriptor(0, memory.iova + 4096, 72)
        os.ftruncate(memory.fd, 4096)
        transmit.publish()
        transmit.kick()
        driver.wait_for(lambda: "cut under its map" in nic.stderr())
        driver.close()
        self.works(nic)
        self.assertEqual(nic.stop(), 3)

    def test_a_region_without_a_file_beside_it(self):
        nic, driver = self.device()
        driver.initialize()
        driver.map(None, 0x50000000, 4096)
        memory = driver.memory(4096, iova=0x50001000)
        transmit = SplitQueue(driver, 1)
        driver.start()
        transmit.add(readable=[FRAME], publish=False)
        transmit.descriptor(0, memory.iova, 72)
        transmit.publish()
        transmit.kick()
        transmit.wait(1)
        nic.check()

    def test_a_buffer_over_two_maps(self):
        nic, driver = self.device()
        driver.initialize()
        fd = os.memfd_create("x")
        self.addCleanup(os.close, fd)
        os.ftruncate(fd, 8192)
        driver.map(fd, 0x50001000, 4096, READABLE, 4096)
        driver.map(fd, 0x50000000, 4096, READABLE, 0)
        transmit = SplitQueue(driver, 1)
        driver.start()
        transmit.add(readable=[FRAME], publish=False)
        transmit.descriptor(0, 0x50000000 + 4060, 72)
        transmit.publish()
        transmit.kick()
        transmit.wait(1)
        nic.check()


class CommandLine(unittest.TestCase):
    def run_with(self, *options):
        return subprocess.run([binary(), *options], capture_output=True, text=True, timeout=DEADLINE)

    def test_wrong(self):
        for options in ((), ("--listen",), ("--nonsense",), ("--listen", "x", "extra"),
                        ("--listen", "x", "--queues", "17"), ("--listen", "x", "--queue-size", "0"),
                        ("--listen", "x", "--mtu", "67"),
                        ("--listen", "x", "--limit", "0"), ("--listen", "x", "--limit", "1kpps:0"), ("--listen", "x", "--mtu", "1e3"),
                        ("--listen", "x", "--mac", "52:54:00:12:34"), ("--listen", "x", "--duplex", "no"),
                        ("--listen", "x", "--features", "+NOTHING"), ("--listen", "x", "--fault", "Z99"),
                        ("--listen", "x", "--notify", "bell"), ("--listen", "x", "--vectors", "-1"),
                        ("--listen", "x", "--notify-multiplier", "6"),
                        ("--listen", "x", "--features", "+IN_ORDER", "--shuffle")):
            with self.subTest(options):
                result = self.run_with(*options)
                self.assertEqual(result.returncode, 2, result.stderr)
                self.assertTrue(result.stderr)

    def test_failed(self):
        with Softnic() as nic:
            for options in (("--listen", "/nonexistent/x"), ("--listen", "x" * 200),
                            ("--listen", os.devnull), ("--listen", nic.path),
                            ("--listen", "/tmp/x", "--trace", "/nonexistent/x"),
                            ("--listen", "/tmp/x", "--peer", "nonsense")):
                with self.subTest(options):
                    result = self.run_with(*options)
                    self.assertEqual(result.returncode, 1, result.stderr)
                    self.assertTrue(result.stderr)

    def test_a_socket_that_is_there_is_listened_on(self):
        """A client that waits for the socket's file may connect at once, however long listen() takes."""
        with tempfile.TemporaryDirectory() as folder:
            slow, path = f"{folder}/slow.so", f"{folder}/socket"
            subprocess.run(["cc", "-shared", "-fPIC", "-o", slow, "-xc", "-"], input=SLOW_LISTEN,
                           text=True, check=True)
            with subprocess.Popen([binary(), "--listen", path], stdout=subprocess.DEVNULL,
                                  env={**os.environ, "LD_PRELOAD": slow}) as nic:
                try:
                    while not os.path.exists(path):
                        self.assertIsNone(nic.poll())
                    with socket.socket(socket.AF_UNIX) as client:
                        client.connect(path)
                finally:
                    nic.terminate()
            self.assertEqual(os.listdir(folder), ["slow.so"])

    def test_a_socket_that_was_left(self):
        with Softnic() as nic:
            nic.process.kill()
            nic.process.wait()
            with subprocess.Popen([binary(), "--listen", nic.path], stdout=subprocess.PIPE,
                                  text=True) as again:
                self.assertIn("listening", again.stdout.readline())
                self.assertEqual(os.stat(nic.path).st_mode & 0o077, 0)
                again.terminate()
                self.assertEqual(again.wait(5), 0)

    def test_lists(self):
        requirements = self.run_with("--list-requirements")
        self.assertEqual(requirements.returncode, 0)
        self.assertRegex(requirements.stdout, r"(?m)^GEN-05 +must ")
        faults = self.run_with("--list-faults")
        self.assertRegex(faults.stdout, r"(?m)^D01 ")


if __name__ == "__main__":
    unittest.main()
