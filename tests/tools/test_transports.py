# SPDX-License-Identifier: BSD-3-Clause
"""
Messages about a device behind a socket: the same situation, the same exit status, whatever the transport; and
a running device is not disturbed.
"""

import os
import pathlib
import resource
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import unittest

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "softnic")]

from back_end import BackEnd, Blocking  # noqa: E402
from nic import Softnic, binary  # noqa: E402

VIONET = os.path.join(os.environ.get("VIONET_BUILD", os.path.dirname(binary())), "vionet")
PLAIN = ["setarch", "-R"] if "tsan" in VIONET else []
DEADLINE = 90
DRIVER_OK = "WRITE common device_status 1 0xf\n"
NOBODY = 65534

FAILED, USAGE, UNDRIVABLE, PERMISSION = 1, 2, 3, 4
CLIENTS = "vfio-user:{}", "vhost-user:{}"
ALL = *CLIENTS, "vhost-user:{},server,wait=0"


class Case(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="vionet-")
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        os.chmod(self.folder, 0o755)
        self.path = os.path.join(self.folder, "socket")

    def run_tool(self, *arguments, code=0, **options):
        done = subprocess.run([*PLAIN, VIONET, *arguments], capture_output=True, text=True,
                              timeout=DEADLINE, stdin=subprocess.DEVNULL, **options)
        if code is not None:
            self.assertEqual(done.returncode, code, f"{arguments}: {done.stdout}{done.stderr}")
        return done

    def running(self, device, *options):
        """A vionet process that has the device, and uses it."""
        process = subprocess.Popen([*PLAIN, VIONET, "dump", device, *options], text=True,
                                   stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                   stderr=subprocess.PIPE)
        self.addCleanup(lambda: (process.kill(), process.communicate()))
        return process

    def end(self, process):
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=DEADLINE)
        self.assertEqual(process.returncode, 0, out + err)


class Situations(Case):
    """One table for all transports."""

    def expect(self, code, devices=ALL, text="", path=None, **options):
        for device in devices:
            name = device.format(path or self.path)
            done = self.run_tool("info", name, code=code, **options)
            lines = done.stderr.strip().splitlines()
            self.assertIn(text, lines[-1])
            self.assertNotIn("backend", done.stderr)
            self.assertIn(name, done.stderr)

    def test_nothing_there(self):
        self.expect(UNDRIVABLE, CLIENTS, "no such socket")
        self.expect(UNDRIVABLE, ALL[2:], "no back end has connected")
        self.expect(UNDRIVABLE, CLIENTS, "no such socket", path=f"{self.folder}/no/socket")
        self.expect(UNDRIVABLE, ALL[2:], "no folder", path=f"{self.folder}/no/socket")

    def test_no_listener(self):
        for device in ALL:
            left = socket.socket(socket.AF_UNIX)
            left.bind(self.path)
            left.close()
            self.expect(UNDRIVABLE, [device], "back end" if "vhost" in device else "server")
            if os.path.exists(self.path):
                os.unlink(self.path)

    def test_not_a_socket(self):
        pathlib.Path(self.path).touch()
        self.expect(USAGE, ALL, "socket")
        self.assertTrue(os.path.exists(self.path))
        self.expect(USAGE, ALL, "socket", path=self.folder)
        self.expect(USAGE, ALL, "107", path="/tmp/" + 110 * "x")

    def test_no_permission(self):
        """No permission for the socket, for its folder, or to create one there."""
        as_nobody = {"user": NOBODY, "group": NOBODY, "extra_groups": []} if os.geteuid() == 0 else {}
        inner = os.path.join(self.folder, "inner")
        os.mkdir(inner)
        with socket.socket(socket.AF_UNIX) as listening:
            listening.bind(os.path.join(inner, "socket"))
            listening.listen()
            os.chmod(os.path.join(inner, "socket"), 0 if not as_nobody else 0o700)
            self.expect(PERMISSION, ALL, "no permission", path=os.path.join(inner, "socket"),
                        **as_nobody)
            os.chmod(inner, 0 if not as_nobody else 0o700)
            self.expect(PERMISSION, ALL, "no permission", path=os.path.join(inner, "socket"),
                        **as_nobody)
            self.expect(PERMISSION, ALL[2:], "no permission", path=os.path.join(inner, "other"),
                        **as_nobody)
            os.chmod(inner, 0o755)

    def test_waiting_is_not_reported_before_it_waits(self):
        done = self.run_tool("info", f"vhost-user:{self.folder}/no/socket,server", code=UNDRIVABLE)
        self.assertNotIn("waiting", done.stderr)
        done = self.run_tool("info", f"vhost-user:{self.path},server,wait=1", code=UNDRIVABLE)
        self.assertIn("waiting for a back end to connect", done.stderr)

    def peer(self, says):
        listening = socket.socket(socket.AF_UNIX)
        listening.bind(self.path)
        listening.listen()

        def serve():
            while True:
                try:
                    one = listening.accept()[0]
                except OSError:
                    return
                with one:
                    if says:
                        one.recv(4096)
                        one.sendall(says)
                        one.settimeout(DEADLINE)
                        try:
                            one.recv(4096)
                        except OSError:
                            pass

        thread = threading.Thread(target=serve)
        thread.start()
        self.addCleanup(lambda: (listening.shutdown(socket.SHUT_RDWR), thread.join(),
                                 listening.close(), os.unlink(self.path)))

    def test_it_hangs_up(self):
        self.peer(b"")
        self.expect(UNDRIVABLE, CLIENTS, "hung up at once")

    def test_nonsense(self):
        self.peer(b"\xff" * 64)
        self.expect(FAILED, CLIENTS)

    def test_another_listener_on_the_path(self):
        with BackEnd(self.path):
            self.expect(UNDRIVABLE, ALL[2:], "another process listens")


class InUse(Case):
    """The second one is refused before it changes anything, and the first one does not notice."""

    def refuse(self, *devices):
        for device in devices:
            for command in ("info", device), ("pktgen", device, "--count", "1"):
                done = self.run_tool(*command, code=UNDRIVABLE)
                self.assertRegex(done.stderr, "process [0-9]+ has it; end that first")

    def wait_for(self, what):
        end = time.monotonic() + DEADLINE
        while not what():
            self.assertLess(time.monotonic(), end)
            time.sleep(0.02)

    def spellings(self):
        os.symlink(self.path, os.path.join(self.folder, "link"))
        os.symlink(self.folder, os.path.join(self.folder, "way"))
        return (self.path, f"{self.folder}//socket", f"{self.folder}/way/./socket",
                f"{self.folder}/link", os.path.relpath(self.path))

    def test_vhost_user(self):
        with BackEnd(self.path) as back_end:
            first = self.running(f"vhost-user:{self.path}")
            self.wait_for(lambda: back_end.sessions == 1)
            time.sleep(0.3)
            self.refuse(*(f"vhost-user:{name}" for name in self.spellings()))
            self.refuse(f"vhost-user:{self.path},server,wait=0")
            self.assertEqual(back_end.sessions, 1)
            self.end(first)
            self.run_tool("info", f"vhost-user:{self.path}")
            self.assertEqual(back_end.sessions, 2)
        self.assertEqual(sorted(os.listdir(self.folder)), ["link", "way"])

    def test_vhost_user_server(self):
        with BackEnd(self.path, connects=True) as back_end:
            first = self.running(f"vhost-user:{self.path},server")
            self.wait_for(lambda: back_end.sessions == 1)
            self.refuse(f"vhost-user:{self.path},server", f"vhost-user:{self.path},server,wait=0",
                        f"vhost-user:{self.path}")
            self.assertEqual(back_end.sessions, 1)
            self.end(first)
        self.assertEqual(os.listdir(self.folder), [])

    def test_vfio_user(self):
        trace = os.path.join(self.folder, "trace")
        with Softnic("--trace", trace) as nic:
            first = self.running(f"vfio-user:{nic.path}")
            self.wait_for(lambda: DRIVER_OK in pathlib.Path(trace).read_text())
            self.refuse(f"vfio-user:{nic.path}", f"vfio-user:{os.path.relpath(nic.path)}")
            self.end(first)
            self.run_tool("info", f"vfio-user:{nic.path}")

    def test_a_process_that_was_killed(self):
        with BackEnd(self.path) as back_end:
            first = self.running(f"vhost-user:{self.path}")
            self.wait_for(lambda: back_end.sessions == 1)
            first.kill()
            self.run_tool("info", f"vhost-user:{self.path}")


class Descriptors(Case):
    """Too few descriptors of our own: exit status 4 with the limit to raise, never the peer's fault."""

    def starve(self, *command):
        worked, refused = False, 0
        for most in range(5, 80):
            done = self.run_tool(*command, code=None, preexec_fn=lambda: resource.setrlimit(
                resource.RLIMIT_NOFILE, (most, most)))
            if done.returncode != PERMISSION:
                worked = True
                break
            refused += 1
            self.assertIn("ulimit -n", done.stderr, most)
            for blame in "breaks", "sends", "closed", "gone", "answer":
                self.assertNotIn(blame, done.stderr, most)
        self.assertTrue(worked)
        self.assertGreater(refused, 3)
        return done

    def test_vfio_user(self):
        with Softnic("--queues", "4") as nic:
            device = f"vfio-user:{nic.path}"
            self.assertEqual(self.starve("info", device).returncode, 0)
            self.assertEqual(self.starve("pktgen", device, "--count", "5", "--linger",
                                         "0").returncode, 0)

    def test_vhost_user(self):
        with BackEnd(self.path):
            self.assertEqual(self.starve("info", f"vhost-user:{self.path}").returncode, 0)
            done = self.starve("pktgen", f"vhost-user:{self.path}", "--count", "1", "--no-rx")
            self.assertEqual(done.returncode, FAILED)
            self.assertIn("did not complete everything within 2 s; does its back end forward?", done.stderr)

    def test_vhost_user_server(self):
        with BackEnd(self.path, connects=True):
            self.starve("info", f"vhost-user:{self.path},server,wait=10")


class ComingUp(Case):
    def test_a_queue_that_is_full_at_first(self):
        """A connected back end that has completed nothing yet may still do so."""
        with BackEnd(self.path):
            done = self.run_tool("pktgen", f"vhost-user:{self.path}", "--duration", "3", "--interval", "0",
                                 code=FAILED)
            self.assertNotIn("queue is full", done.stderr)
            self.assertIn("did not complete everything", done.stderr)


class Doorbells(Case):
    def test_one_that_waits_for_ever(self):
        """It blocks a thread in its kick: the run ends when its time is over, or on a signal."""
        device = f"vhost-user:{self.path}"
        for queues in "1", "2":
            with Blocking(self.path):
                done = self.run_tool("pktgen", device, "--queues", queues, "--duration", "0.1",
                                     "--linger", "0", code=FAILED)
                self.assertIn("did not complete everything within 2 s", done.stderr)
                self.assertIn("completed 0", done.stdout)
            with Blocking(self.path):
                process = subprocess.Popen(
                    [*PLAIN, VIONET, "pktgen", device, "--queues", queues, "--interval", "0.05",
                     "--linger", "0"], text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
                self.addCleanup(lambda process=process: (process.kill(), process.communicate()))
                process.stderr.read(1)  # it runs
                process.send_signal(signal.SIGTERM)
                out, err = process.communicate(timeout=DEADLINE)
                self.assertEqual(process.returncode, FAILED, out + err)


class Sandbox(Case):
    """--sandbox over vhost-user: the filter is there, and the command ends as it does without one."""

    @staticmethod
    def filters(process):
        """How many there are: this test may have some of a container's."""
        status = pathlib.Path(f"/proc/{process}/status").read_text()
        return next(line for line in status.splitlines() if line.startswith("Seccomp_filters:"))

    def confined(self, command, *arguments):
        process = subprocess.Popen([*PLAIN, VIONET, command, f"vhost-user:{self.path}", *arguments, "--sandbox"],
                                   text=True, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                   stderr=subprocess.PIPE)
        self.addCleanup(lambda: (process.kill(), process.communicate()))
        deadline = time.monotonic() + DEADLINE
        while self.filters(process.pid) == self.filters("self"):
            self.assertIsNone(process.poll(), "it has ended")
            self.assertLess(time.monotonic(), deadline)
            time.sleep(0.02)
        return process

    def test_end(self):
        for command in ("dump",), ("echo", "192.0.2.2"):
            with self.subTest(command[0]), BackEnd(self.path):
                self.end(self.confined(*command))

    def test_back_end_is_gone(self):
        """It cannot be connected to again: an error, and no signal."""
        for command in ("dump",), ("echo", "192.0.2.2"):
            with self.subTest(command[0]):
                with BackEnd(self.path):
                    process = self.confined(*command)
                _, err = process.communicate(timeout=DEADLINE)
                self.assertEqual(process.returncode, 5, err)
                self.assertIn("its back end went away", err)


if __name__ == "__main__":
    unittest.main()
