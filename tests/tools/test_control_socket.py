# SPDX-License-Identifier: BSD-3-Clause
"""
The control socket between two processes: which server a client connects to and trusts, what of a reply
reaches the terminal, servers that do not reply, impostors, stopped processes, and signals during a wait.
No test measures time: a wait that does not end runs into the deadline of its test.
"""

import fcntl
import json
import os
import pathlib
import re
import resource
import shutil
import signal
import socket
import stat
import struct
import subprocess
import sys
import tempfile
import threading
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "softnic"))

from nic import Softnic, binary  # noqa: E402

VIONET = os.path.join(os.environ.get("VIONET_BUILD", os.path.dirname(binary())), "vionet")
PLAIN = ["setarch", "-R"] if "tsan" in VIONET else []
DEADLINE = 90
ROOT = os.geteuid() == 0
USER, OTHER = 54321, 54322  # users that nobody is
EVIL = "\x1b[2J\x1b]0;owned\x07\u009b31m\u202e\x7f"


def files(device):
    """The names of a device's socket and lock: FNV-1a of its canonical name."""
    value = 0xcbf29ce484222325
    for byte in device.encode():
        value = (value ^ byte) * 0x100000001b3 % (1 << 64)
    return f"{value:016x}.socket", f"{value:016x}.lock"


class Case(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="vionet-")
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.folder.chmod(0o755)
        self.environment = {**os.environ}
        self.runtime = self.folder / "runtime"
        self.runtime.mkdir(0o700)
        self.environment["XDG_RUNTIME_DIR"] = str(self.runtime)
        # Root has a directory of its own, which is the machine's.
        self.place = pathlib.Path("/run/vionet") if ROOT else self.runtime / "vionet"
        self.running = []
        self.addCleanup(self.end_all)

    def end_all(self):
        for process in self.running:
            if process.poll() is None:
                process.send_signal(signal.SIGCONT)
                process.kill()
            process.communicate()

    def start(self, *arguments, user=None, **more):
        before = ["setpriv", "--reuid", str(user), "--regid", str(user), "--clear-groups"] \
            if user else []
        options = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True,
                   "env": self.environment, **more}
        process = subprocess.Popen([*before, *PLAIN, VIONET, *map(str, arguments)], **options)
        self.running.append(process)
        return process

    def run_tool(self, *arguments, code=0, **more):
        process = self.start(*arguments, **more)
        output, errors = process.communicate(timeout=DEADLINE)
        self.assertEqual(process.returncode, code, output + errors)
        return output, errors

    def hold(self, device, **more):
        process = self.start("set", device, "--hold", "promisc=on", **more)
        line = process.stderr.readline()
        while line and "holding" not in line:
            self.said = line
            line = process.stderr.readline()
        self.assertIn("holding", line)
        return process

    def device(self):
        nic = Softnic("--features", "+all,-RING_PACKED")
        self.addCleanup(nic.close)
        return nic, f"vfio-user:{nic.path}"

    def clean(self, *texts):
        for text in texts:
            self.assertIsNone(re.search(r"[^\n -~]", text), repr(text))


class Fake:
    """A server in a user's directory that sends `answers` to its clients, one after another."""

    def __init__(self, place, device, answers):
        place.mkdir(0o700, exist_ok=True)
        self.path, self.lock = (place / name for name in files(device))
        self.locked = open(self.lock, "wb")
        # F_OFD_SETLK of linux/fcntl.h, F_WRLCK of the whole file.
        fcntl.fcntl(self.locked, 37, struct.pack("hhqqi4x", fcntl.F_WRLCK, 0, 0, 0, 0))
        self.answers = list(answers)
        self.requests = []
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.bind(str(self.path))
        self.socket.listen(8)
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()

    def serve(self):
        for answer in self.answers:
            try:
                client, _ = self.socket.accept()
            except OSError:
                return
            with client:
                self.requests.append(client.makefile("rb").readline())
                try:
                    if isinstance(answer, bytes):
                        client.sendall(answer)
                    else:
                        client.sendall(json.dumps(answer, ensure_ascii=False).encode() + b"\n")
                except OSError:
                    pass

    def close(self):
        self.socket.close()
        self.path.unlink()
        self.lock.unlink()
        self.locked.close()


class Replies(Case):
    """A process of the same user is trusted; control characters in its text are replaced all the same."""

    def fake(self, *answers):
        device = f"vfio-user:{self.folder}/nowhere"
        fake = Fake(self.place, device, answers)
        self.addCleanup(fake.close)
        return device, fake

    def test_stats(self):
        evil = {"in_use_by": EVIL, "note": EVIL, "device": EVIL, "time_ns": 1,
                "queues": [{"role": EVIL, "driver": {EVIL: 5, "state": EVIL}, "own": {EVIL: 7}}]}
        device, _ = self.fake(evil, evil, {"error": EVIL})
        self.clean(*self.run_tool("stats", device))
        output, errors = self.run_tool("stats", "--json", device)
        self.clean(output, errors)
        self.assertNotIn("u001b", output)
        self.assertNotIn("u202e", output)
        self.clean(*self.run_tool("stats", device, code=1))

    def test_settings(self):
        evil = {"in_use_by": EVIL, "failed": 0, "results": [
            {"key": EVIL, "requested": EVIL, "before": EVIL, "after": EVIL, "from_device": True},
            {"key": "x", "error": EVIL}]}
        device, fake = self.fake(evil, evil, {"error": EVIL, "in_use_by": EVIL})
        self.clean(*self.run_tool("set", device, "promisc=on"))
        self.clean(*self.run_tool("set", "--json", device, "promisc=on"))
        self.clean(*self.run_tool("set", device, "promisc=on", code=2))
        self.assertIn(b'"settings":["promisc=on"]', fake.requests[0])

    def test_hint(self):
        evil = {"in_use_by": EVIL}
        device, _ = self.fake(evil)
        _, errors = self.run_tool("info", device, code=3)
        self.clean(errors)
        self.assertIn("in use by", errors)

    def test_nonsense(self):
        wrong = (b"\n", b"[]\n", b"17\n", b'{"results"\n', b"", b"\xff\xfe\n", {}, {"results": {}},
                 {"results": 5, "failed": 0}, {"error": 7}, b"[" * 3000 + b"\n", b"x" * (1 << 21))
        device, _ = self.fake(*wrong)
        for answer in wrong:
            with self.subTest(str(answer)[:20]):
                output, errors = self.run_tool("set", device, "promisc=on", code=1)
                self.assertEqual(output, "")
                self.assertIn("makes no sense", errors)

    def test_names(self):
        """Names from the user are printed readable, in every message."""
        for command in (("info",), ("info", "--json"), ("stats",), ("set", "promisc=on"),
                        ("dump",), ("pktgen", "--json"), ("dump", "-w")):
            for kind in ("vfio-user:", "vhost-user:", "pci:", "", "-", "--"):
                arguments = list(command)
                arguments.insert(1, kind + EVIL)
                process = self.start(*arguments)
                output, errors = process.communicate(timeout=DEADLINE)
                self.assertNotEqual(process.returncode, 0)
                self.clean(output, errors)


class Places(Case):
    def test_no_computable_name_is_believed(self):
        """An abstract socket has no owner, whatever its name."""
        _, device = self.device()
        self.hold(device)
        with open("/proc/net/unix", encoding="ascii", errors="replace") as sockets:
            self.assertNotIn("@vionet", sockets.read())

    def test_modes(self):
        _, device = self.device()
        self.hold(device)
        name, lock = files(device)
        self.assertEqual((self.place / name).stat().st_mode & 0o177, 0)
        self.assertEqual((self.place / lock).stat().st_mode & 0o177, 0)
        self.assertEqual(self.place.stat().st_mode & 0o022, 0)
        self.assertEqual(self.place.stat().st_uid, os.geteuid())

    def test_what_was_left_is_replaced(self):
        nic, device = self.device()
        name, lock = files(device)
        for _ in range(3):
            holder = self.hold(device)
            holder.kill()
            holder.wait()
            self.assertTrue((self.place / name).exists())
        holder = self.hold(device)
        self.assertIn(f"process {holder.pid}", self.run_tool("stats", device)[0])
        holder.send_signal(signal.SIGINT)
        holder.communicate(timeout=DEADLINE)
        self.assertFalse((self.place / name).exists())
        self.assertFalse((self.place / lock).exists())
        nic.check()

    def test_who_lives_is_not_replaced(self):
        _, device = self.device()
        holder = self.hold(device)
        for _ in range(3):
            _, errors = self.run_tool("dump", device, code=3)
            self.assertIn(f"process {holder.pid}", errors)
        self.assertIn(f"process {holder.pid}", self.run_tool("stats", device)[0])

    def test_one_name_for_a_device(self):
        """Relative or not, through a link or not."""
        nic, device = self.device()
        link = self.folder / "link"
        link.symlink_to(pathlib.Path(nic.path).parent)
        holder = self.hold(device)
        for other in (f"vfio-user:{link}/socket", "vfio-user:link/socket"):
            output, _ = self.run_tool("stats", other, cwd=self.folder)
            self.assertIn(f"process {holder.pid}", output)

    def test_a_signal_leaves_nothing(self):
        """Also while the device is still being opened."""
        with socket.socket(socket.AF_UNIX) as server:
            path = str(self.folder / "silent")
            server.bind(path)
            server.listen(1)
            process = self.start("info", f"vfio-user:{path}")
            client, _ = server.accept()
            with client:
                client.recv(1)  # it waits for a reply now
                process.terminate()
                process.communicate(timeout=DEADLINE)
        self.assertEqual(process.returncode, -signal.SIGTERM)
        for name in files(f"vfio-user:{path}"):
            self.assertFalse((self.place / name).exists())


@unittest.skipUnless(ROOT, "needs root, to be somebody else")
class Impostors(Case):
    def setUp(self):
        super().setUp()
        self.device_name = f"vfio-user:{self.folder}/nowhere"
        self.liar = {"in_use_by": "vionet pktgen, process 1", "failed": 0, "queues": [],
                     "results": [{"key": "promisc", "requested": "on"}]}

    def child(self, uid, body):
        """Run `body` as another user, in a process of its own."""
        pid = os.fork()
        if pid == 0:
            status = 1
            try:
                os.setgroups([])
                os.setresgid(uid, uid, uid)
                os.setresuid(uid, uid, uid)
                body()
                status = 0
            finally:
                os._exit(status)
        return pid

    def spoil(self, path, owner, mode):
        path.mkdir(mode)
        self.addCleanup(shutil.rmtree, path, ignore_errors=True)
        os.chown(path, owner, owner)
        path.chmod(mode)

    def impostor(self, place, uid):
        """Listens there as `uid`, and replies as if it had the device."""
        ready, told = os.pipe()

        def body():
            Fake(place, self.device_name, 100 * [self.liar])
            os.write(told, b"x")
            signal.pause()

        pid = self.child(uid, body)
        os.close(told)
        self.assertEqual(os.read(ready, 1), b"x")
        os.close(ready)
        self.addCleanup(os.waitpid, pid, 0)
        self.addCleanup(os.kill, pid, signal.SIGKILL)

    def test_root_trusts_no_other_user(self):
        """A directory of another user is not used for a device that is not that user's."""
        self.spoil(pathlib.Path(f"/tmp/vionet-{USER}"), USER, 0o700)
        self.impostor(pathlib.Path(f"/tmp/vionet-{USER}"), USER)
        # $XDG_RUNTIME_DIR of another user, as sudo may leave it.
        os.chown(self.runtime, USER, USER)
        self.spoil(self.runtime / "vionet", USER, 0o700)
        self.impostor(self.runtime / "vionet", USER)
        for command in (("set", "promisc=on"), ("stats",)):
            output, errors = self.run_tool(command[0], self.device_name, *command[1:], code=3)
            self.assertNotIn("agreed", output)
            self.assertIn("no such socket", errors)

    def test_the_owner_speaks_for_the_device(self):
        """Root connects to the process of the user who owns the device's socket, and to no other's."""
        place = pathlib.Path(f"/tmp/vionet-{USER}")
        self.spoil(place, USER, 0o700)
        self.impostor(place, USER)
        path = str(self.folder / "nowhere")
        with socket.socket(socket.AF_UNIX) as server:
            server.bind(path)
            os.chown(path, OTHER, OTHER)
            _, errors = self.run_tool("stats", self.device_name, code=3)
            self.assertNotIn("in use by", errors)
            os.chown(path, USER, USER)
            output, _ = self.run_tool("stats", self.device_name)
            self.assertIn("in use by vionet pktgen", output)

    def test_a_user_is_no_other(self):
        """A directory below /tmp that another user owns: not used, not connected to, and the message says so."""
        place = pathlib.Path(f"/tmp/vionet-{USER}")
        path = self.folder / "open"
        path.mkdir(0o777)
        path.chmod(0o777)
        nic = Softnic("--features", "+all,-RING_PACKED")
        self.addCleanup(nic.close)
        os.chmod(nic.folder.name, 0o755)
        os.chown(nic.path, USER, USER)
        device = f"vfio-user:{nic.path}"
        del self.environment["XDG_RUNTIME_DIR"]
        for owner, mode in ((OTHER, 0o755), (OTHER, 0o777), (USER, 0o777), (USER, 0o730)):
            with self.subTest(owner=owner, mode=oct(mode)):
                self.spoil(place, owner, mode)
                self.said = ""
                holder = self.hold(device, user=USER)
                self.assertIn("others can write to it", self.said)
                self.assertEqual(os.listdir(place), [])
                holder.send_signal(signal.SIGINT)
                holder.communicate(timeout=DEADLINE)
                shutil.rmtree(place)
        place.symlink_to(path)
        self.addCleanup(place.unlink)
        self.hold(device, user=USER).send_signal(signal.SIGINT)
        self.assertEqual(os.listdir(path), [])

    def test_a_user_connects_to_his_own_process(self):
        """Without a directory from the system, below /tmp; and root may connect, too."""
        place = pathlib.Path(f"/tmp/vionet-{USER}")
        for user in (USER, OTHER):
            self.addCleanup(shutil.rmtree, f"/tmp/vionet-{user}", ignore_errors=True)
        nic = Softnic("--features", "+all,-RING_PACKED")
        self.addCleanup(nic.close)
        os.chmod(nic.folder.name, 0o755)
        os.chown(nic.path, USER, USER)
        device = f"vfio-user:{nic.path}"
        # As after sudo -u: another's.
        holder = self.hold(device, user=USER)
        self.assertEqual(place.stat().st_mode & 0o777, 0o700)
        self.assertTrue(stat.S_ISSOCK((place / files(device)[0]).stat().st_mode))
        for user in (USER, None):
            output, _ = self.run_tool("stats", device, user=user)
            self.assertIn(f"process {holder.pid}", output)
        _, errors = self.run_tool("stats", device, user=OTHER, code=4)
        self.assertIn("no permission", errors)

    def test_a_user_does_not_get_through_to_root(self):
        nic, device = self.device()
        self.hold(device)
        name = str(self.place / files(device)[0])

        def body():
            with socket.socket(socket.AF_UNIX) as client:
                try:
                    client.connect(name)
                except PermissionError:
                    return
            raise AssertionError("connected")

        self.assertEqual(os.waitpid(self.child(USER, body), 0)[1], 0)


class Waits(Case):
    def stand_still(self):
        """A process that has the device, was stopped, and whose backlog is full."""
        _, device = self.device()
        holder = self.hold(device)
        holder.send_signal(signal.SIGSTOP)
        while True:
            client = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
            self.addCleanup(client.close)
            try:
                client.connect(str(self.place / files(device)[0]))
            except BlockingIOError:
                return device, holder

    def test_a_backlog_that_is_full(self):
        device, holder = self.stand_still()
        for command in (("stats",), ("set", "promisc=on"), ("info",), ("dump",), ("pktgen",)):
            _, errors = self.run_tool(command[0], device, *command[1:], code=3)
            self.assertIn(f"kill -CONT {holder.pid}", errors)

    def test_a_reply_that_does_not_come(self):
        _, device = self.device()
        holder = self.hold(device)
        holder.send_signal(signal.SIGSTOP)
        for command in (("stats",), ("set", *(62 * ["vlan=" + ",".join(map(str, range(1, 100)))]))):
            _, errors = self.run_tool(command[0], device, *command[1:], code=3)
            self.assertIn(f"kill -CONT {holder.pid}", errors)

    def test_no_descriptor_is_left(self):
        """To the server; it replies, and not only once."""
        _, device = self.device()
        holder = self.hold(device)
        used = {int(number) for number in os.listdir(f"/proc/{holder.pid}/fd")}
        limit = next(number for number in range(len(used) + 1) if number not in used)
        resource.prlimit(holder.pid, resource.RLIMIT_NOFILE, (limit, limit))
        for _ in range(3):
            output, _ = self.run_tool("stats", device)
            self.assertIn(f"process {holder.pid}", output)
            self.run_tool("set", device, "promisc=on")
        holder.send_signal(signal.SIGINT)
        holder.communicate(timeout=DEADLINE)
        self.assertEqual(os.listdir(self.place) if not ROOT else [], [])

    def test_no_descriptor_for_the_socket(self):
        """The client's own limit, not the server's fault."""
        _, device = self.device()
        self.hold(device)
        for command in ("stats",), ("set", "promisc=on"):
            _, errors = self.run_tool(
                command[0], device, *command[1:], code=4,
                preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (4, 4)))
            self.assertIn("cannot be found out: Too many open files", errors)
            self.assertIn("ulimit -n", errors)

    def test_a_signal_while_it_waits(self):
        """Not its timeout, which would be exit status 3."""
        device, _ = self.stand_still()
        for command in (("stats",), ("set", "promisc=on")):
            process = self.start(command[0], device, *command[1:])
            # It is past its beginning when it has the handler.
            with open(f"/proc/{process.pid}/status", encoding="ascii") as status:
                while not self.catches_term(status):
                    pass
            process.terminate()
            process.communicate(timeout=DEADLINE)
            self.assertEqual(process.returncode, -signal.SIGTERM)

    @staticmethod
    def catches_term(status):
        status.seek(0)
        caught = re.search(r"SigCgt:\s*([0-9a-f]+)", status.read())
        return caught and int(caught[1], 16) >> (signal.SIGTERM - 1) & 1

    def test_a_signal_while_it_waits_for_a_back_end(self):
        path = str(self.folder / "listening")
        for command in ("info", "dump", "pktgen"):
            process = self.start(command, f"vhost-user:{path},server,wait=3600")
            self.assertIn("waiting", process.stderr.readline())
            process.terminate()
            process.communicate(timeout=DEADLINE)
            self.assertEqual(process.returncode, -signal.SIGTERM)

    def test_a_fifo_without_a_reader(self):
        fifo = self.folder / "fifo"
        os.mkfifo(fifo)
        _, device = self.device()
        _, errors = self.run_tool("dump", device, "-w", fifo, code=1)
        self.assertIn("no process reads this FIFO", errors)

    @staticmethod
    def lives(process):
        return os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None

    @staticmethod
    def alarm_waits(process):
        """SIGALRM is pending, for nothing takes it now."""
        with open(f"/proc/{process.pid}/status", encoding="ascii") as status:
            pending = re.search(r"ShdPnd:\s*([0-9a-f]+)", status.read())
        return pending and int(pending[1], 16) >> (signal.SIGALRM - 1) & 1

    def test_a_reader_who_is_slow(self):
        """What frees a run of a call that holds it does not cut off what it writes."""
        nic = Softnic("--features", "+all,-RING_PACKED", "--peer", "source", "--lossless")
        self.addCleanup(nic.close)
        for command in (("dump", "--count", "9000"),
                        ("stats", "--interval", "10us", "--count", "100"),
                        ("pktgen", "--rx-only", "--interval", "100us", "--count", "999999")):
            with self.subTest(command[0]):
                reading, writing = os.pipe()
                fcntl.fcntl(writing, fcntl.F_SETPIPE_SZ, 4096)
                errors = self.folder / f"{command[0]}.errors"
                with open(errors, "wb") as stderr:
                    process = self.start(command[0], f"vfio-user:{nic.path}", *command[1:],
                                         stdout=writing, stderr=stderr)
                os.close(writing)
                waits_in = pathlib.Path(f"/proc/{process.pid}/wchan")
                while "pipe_write" not in waits_in.read_text():
                    self.assertTrue(self.lives(process))
                while self.lives(process) and not self.alarm_waits(process):
                    process.send_signal(signal.SIGALRM)
                with open(reading, encoding="ascii") as pipe:
                    output = pipe.read()
                self.assertEqual(process.wait(DEADLINE), 0, errors.read_text())
                self.assertTrue(output.endswith("\n"))
                if command[0] == "dump":
                    self.assertEqual(output.count("\n"), 9000)

    def test_a_reader_who_stands_still(self):
        """Standard output is full, and a signal ends the command all the same."""
        _, device = self.device()
        for command in (("stats", "--interval", "10us", "--count", "0"),
                        ("dump", "-w", "-", "--duration", "100")):
            reading, writing = os.pipe()
            process = self.start(command[0], device, *command[1:], stdout=writing)
            os.close(writing)
            if command[0] == "stats":
                waits_in = pathlib.Path(f"/proc/{process.pid}/wchan")
                while "pipe_write" not in waits_in.read_text():
                    self.assertIsNone(process.poll())
            else:
                self.assertIn("listening", process.stderr.readline())
            process.terminate()
            _, errors = process.communicate(timeout=DEADLINE)
            if command[0] == "stats":
                self.assertIn("the reader took none of it", errors)
            os.close(reading)


if __name__ == "__main__":
    unittest.main()
