#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""
Peers that do not respond, do not stop, or use up shared resources: the device goes on, reports the error
without control characters, and ends on a signal.
"""

import contextlib
import fcntl
import os
import pathlib
import re
import signal
import socket
import subprocess
import tempfile
import unittest

from net_env import Env, udp4
from nic import DEADLINE, Softnic, binary
from raw import Driver, Refused
from raw_rings import SplitQueue

FRAME = bytes(12) + bytes.fromhex("0200000000010200000000020800") + bytes(46)
PLAIN = ("--peer", "sink", "--features", "-all,+VERSION_1,+ACCESS_PLATFORM")

# After a first connection that is refused, another process listens there.
COMES_MEANWHILE = r"""
#include <errno.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>
int connect(int fd, const struct sockaddr *address, socklen_t size)
{
    static int came;
    int result = (int)syscall(SYS_connect, fd, address, size);
    if (result < 0 && errno == ECONNREFUSED && !came++) {
        int type, other;
        socklen_t room = sizeof(type);
        getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &room);
        other = socket(AF_UNIX, type, 0);
        unlink(((const struct sockaddr_un *)address)->sun_path);
        bind(other, address, size);
        listen(other, 8);
        errno = ECONNREFUSED;
    }
    return result;
}
"""

# A peer that always has one more message, which is too long.
TOO_LONG_FOR_EVER = r"""
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>
ssize_t recvmsg(int fd, struct msghdr *message, int flags)
{
    int type = 0;
    socklen_t room = sizeof(type);
    ssize_t got = syscall(SYS_recvmsg, fd, message, flags);
    getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &room);
    if (type != SOCK_SEQPACKET || got == 0)
        return got;
    message->msg_flags |= MSG_TRUNC;
    return 70000;
}
"""


class Case(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="softnic-")
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def run_with(self, *options, **more):
        return subprocess.run([binary(), *map(str, options)], capture_output=True, text=True,
                              timeout=DEADLINE, **more)

    def fails(self, *options, words=(), **more):
        result = self.run_with(*options, **more)
        self.assertEqual(result.returncode, 1, result.stderr)
        for word in words:
            self.assertIn(word, result.stderr)

    def full(self, path, kind=socket.SOCK_STREAM):
        """Connections to a listener that accepts none, until one more would block."""
        for _ in range(1000):
            client = socket.socket(socket.AF_UNIX, kind | socket.SOCK_NONBLOCK)
            self.addCleanup(client.close)
            try:
                client.connect(path)
            except BlockingIOError:
                return
        self.fail("the backlog has no end")

    def listens(self, path, kind=socket.SOCK_STREAM):
        server = socket.socket(socket.AF_UNIX, kind)
        self.addCleanup(server.close)
        server.bind(path)
        server.listen(1)
        return server

    def preload(self, source):
        library = self.folder / "preload.so"
        subprocess.run(["cc", "-shared", "-fPIC", "-o", library, "-xc", "-"], input=source, text=True,
                       check=True)
        return {**os.environ, "LD_PRELOAD": str(library)}


class Sockets(Case):
    def test_a_backlog_that_is_full(self):
        path = str(self.folder / "socket")
        self.listens(path)
        self.full(path)
        self.fails("--listen", path, words=["another device listens there"])
        self.fails("--listen", self.folder / "other", "--control", path)
        self.assertEqual(os.listdir(self.folder), ["socket"])

    def test_a_device_that_was_stopped(self):
        with Softnic(*PLAIN) as nic:
            nic.process.send_signal(signal.SIGSTOP)
            try:
                self.full(nic.path)
                self.fails("--listen", nic.path, words=["another device listens there"])
            finally:
                nic.process.send_signal(signal.SIGCONT)

    def test_a_peer_that_accepts_no_connection(self):
        path = str(self.folder / "wire")
        self.listens(path, socket.SOCK_SEQPACKET)
        self.full(path, socket.SOCK_SEQPACKET)
        self.fails("--listen", self.folder / "socket", "--peer", f"unix:{path}",
                   words=["takes no connection"])

    def left(self, kind=socket.SOCK_STREAM):
        path = str(self.folder / "left")
        self.listens(path, kind).close()
        return path

    def test_no_client_is_displaced(self):
        """A process that takes the path between the check of a left-over socket and its removal keeps it."""
        environment = self.preload(COMES_MEANWHILE)
        path = self.left()
        self.fails("--listen", path, words=["another device listens there"], env=environment)
        self.assertTrue(os.path.exists(path))
        os.unlink(path)
        # At a wire the two meet.
        path = self.left(socket.SOCK_SEQPACKET)
        with Softnic("--peer", f"unix:{path}", prefix=["env", f"LD_PRELOAD={environment['LD_PRELOAD']}"]) as nic:
            nic.check()
        self.assertTrue(os.path.exists(path))

    def test_only_its_own_file_goes(self):
        with Softnic(*PLAIN) as nic:
            os.unlink(nic.path)
            self.listens(nic.path)
            nic.check()
            self.assertTrue(os.path.exists(nic.path))

    def test_long_paths(self):
        for length in (90, 95, 100, 107):
            path = str(self.folder / ("x" * (length - len(str(self.folder)) - 1)))
            for _ in range(2):  # the second finds the first one's socket
                with subprocess.Popen([binary(), "--listen", path], stdout=subprocess.PIPE,
                                      text=True) as nic:
                    self.assertIn("listening", nic.stdout.readline())
                    nic.kill()


class Files(Case):
    def test_fifos(self):
        fifo, listen = self.folder / "fifo", ("--listen", self.folder / "socket")
        os.mkfifo(fifo)
        self.fails(*listen, "--trace", fifo, words=["no process reads this FIFO"])
        self.fails(*listen, "--peer", f"pcap::{fifo}", words=["no process reads this FIFO"])
        self.fails(*listen, "--peer", f"pcap:{fifo}:", words=["no plain file"])
        self.fails(*listen, "--peer", "pcap:/dev/zero:", words=["no plain file"])

    def test_one_for_two(self):
        both = self.folder / "both"
        self.fails("--listen", self.folder / "socket", "--trace", both, "--report", both, words=[f"{both}: it is read or written"])

    def test_a_reader_who_stops_reading(self):
        """The device does not wait for the reader of a trace."""
        fifo = self.folder / "fifo"
        os.mkfifo(fifo)
        reader = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)
        self.addCleanup(os.close, reader)
        with Softnic(*PLAIN, "--trace", str(fifo)) as nic, Driver(nic.path) as driver:
            for _ in range(20000):
                driver.read("device_status")
            driver.close()
            self.assertEqual(nic.stop(), 1)  # it is incomplete
        self.assertTrue(os.read(reader, 100))

    def test_a_terminal_that_stands_still(self):
        """Where the device waits for the reader of its messages, a signal ends it."""
        full, writing = os.pipe()
        fcntl.fcntl(writing, fcntl.F_SETFL, os.O_NONBLOCK)
        with contextlib.suppress(BlockingIOError):
            while True:
                os.write(writing, bytes(4096))
        fcntl.fcntl(writing, fcntl.F_SETFL, 0)
        path = str(self.folder / "socket")
        with subprocess.Popen([binary(), "--listen", path, *PLAIN], stdout=subprocess.PIPE,
                              stderr=writing, text=True) as nic:
            os.close(writing)
            self.assertIn("listening", nic.stdout.readline())
            with socket.socket(socket.AF_UNIX) as client:
                client.connect(path)
                client.send(b"half a header")
            waits_in = pathlib.Path(f"/proc/{nic.pid}/wchan")
            Driver.wait_for(lambda: "pipe" in waits_in.read_text(), DEADLINE)
            nic.terminate()
            try:
                nic.communicate(timeout=DEADLINE)
            finally:
                nic.kill()
        os.close(full)


class Eventfds(Case):
    def test_a_vector_that_would_wait(self):
        """The driver's eventfd blocks and is full: that interrupt is pending already."""
        with Softnic(*PLAIN, "--notify", "write") as nic, Driver(nic.path) as driver:
            driver.initialize()
            vector = os.eventfd(0, os.EFD_CLOEXEC)
            self.addCleanup(os.close, vector)
            os.eventfd_write(vector, 0xfffffffffffffffe)
            driver.set_irqs(0x24, 2, 0, 1, [vector])
            transmit = SplitQueue(driver, 1, vector=0)
            driver.start()
            for done in range(1, 4):
                transmit.add(readable=[FRAME])
                transmit.kick()
                transmit.wait(done)
            driver.set_irqs(0x21, 2, 0, 1)  # trigger by hand
            driver.read("device_status")
            driver.reset()
            driver.close()
            nic.check()

    def test_a_vector_that_is_none(self):
        with Softnic(*PLAIN) as nic, Driver(nic.path) as driver:
            reading, writing = os.pipe()
            for fd in (reading, writing, nic.errors.fileno()):
                with self.assertRaises(Refused):
                    driver.set_irqs(0x24, 2, 0, 1, [fd])
            os.close(reading)
            os.close(writing)
            driver.close()
            nic.check()

    def test_a_doorbell_that_would_wait(self):
        """The driver's doorbell eventfds block, and it reads them itself."""
        with Softnic(*PLAIN, "--notify", "eventfd") as nic, Driver(nic.path) as driver:
            driver.initialize()
            for fd in driver.get_io_fds().values():
                fcntl.fcntl(fd, fcntl.F_SETFL, 0)
            transmit = SplitQueue(driver, 1)
            driver.start()
            transmit.add(readable=[FRAME])
            transmit.kick()
            transmit.wait(1)
            driver.reset()
            self.assertEqual(driver.read("device_status"), 0)
            driver.close()
            nic.check()


class Peers(Case):
    def test_messages_that_are_too_long_for_ever(self):
        path = str(self.folder / "wire")
        environment = self.preload(TOO_LONG_FOR_EVER)
        before = dict(os.environ)
        os.environ.update(environment)
        try:
            env = Env("--peer", f"unix:{path}")
        finally:
            os.environ.clear()
            os.environ.update(before)
        with env, socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as flood:
            flood.connect(path)
            flood.send(b"x" * 100)
            env.driver.wait_for(lambda: "no frame" in env.nic.stderr())
            for number in range(4):
                env.send(udp4(bytes([number]) * 20))  # the driver is served
            env.finish()


class ControlCharacters(Case):
    """Text from peers reaches no terminal with control characters."""

    def clean(self, text):
        self.assertIsNone(re.search(r"[^\n -~]", text), repr(text))

    def test_names(self):
        bad = "/nowhere/\x1b[2J\x9b31m\u202e\x7f"
        for options in (("--listen", bad), ("--listen", self.folder / "x", "--control", bad),
                        ("--listen", self.folder / "x", "--trace", bad),
                        ("--listen", self.folder / "x", "--peer", "\x1b[2J"),
                        ("--listen", self.folder / "x", "--peer", f"unix:{bad}"),
                        ("--listen", self.folder / "x", "--peer", f"pcap:{bad}:"),
                        ("--listen", self.folder / "x", "--peer", f"pcap::{bad}"),
                        ("--listen", self.folder / "x", "--peer", "source:\x1b[2J"),
                        *((option, "\x1b[31m") for option in ("--queues", "--mac", "--features", "--fault", "--duplex",
                                                             "--notify", "--vduse", "--mtu")), ("\x1b[31m",)):
            result = self.run_with(*options)
            self.assertNotEqual(result.returncode, 0)
            self.assertIn("?", result.stderr)
            self.clean(result.stderr)

    def test_commands(self):
        control, trace = str(self.folder / "control"), self.folder / "trace"
        with Softnic(*PLAIN, "--control", control, "--trace", str(trace)) as nic:
            with socket.socket(socket.AF_UNIX) as client:
                client.settimeout(DEADLINE)
                client.connect(control)
                client.sendall(b"no \x1b[2J\xc2\x9b such\n")
                answer = client.recv(1000)
            self.clean(answer.decode())
            self.assertIn(b"no ?[2J?? such", answer)
            nic.check()
        self.clean(trace.read_text())


if __name__ == "__main__":
    unittest.main()
