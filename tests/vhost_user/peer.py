# SPDX-License-Identifier: BSD-3-Clause
"""Programs that are vhost-user back ends, run without root, huge pages or hardware.

They poll: each is ended by its own timeout at the latest, and with its whole process group.
"""

import os
import pathlib
import re
import shutil
import signal
import subprocess
import tempfile
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from environment.process import STEP_TIMEOUT, wait_until  # noqa: E402

LIMIT = 280  # seconds that a peer lives at most
BUILD = pathlib.Path(os.environ.get("VIONET_BUILD",
                                    pathlib.Path(__file__).resolve().parents[2] / "build"))


def listens(path):
    """Is there a listener at the path? Without a connection that a server would see."""
    sockets = pathlib.Path("/proc/net/unix").read_text().splitlines()
    return any(line.split()[-1] == str(path) and line.split()[3] == "00010000" for line in sockets)


class Process:
    """A program in a process group of its own, with its output in a file."""

    def __init__(self, command, log, env=None):
        self.log = log
        self.file = open(log, "ab")
        self.process = subprocess.Popen(["timeout", "--kill-after=2", str(LIMIT), *map(str, command)],
                                        stdin=subprocess.PIPE, stdout=self.file,
                                        stderr=subprocess.STDOUT, start_new_session=True,
                                        env={**os.environ, **(env or {})})

    def text(self):
        return self.log.read_text(errors="replace")

    def alive(self):
        return self.process.poll() is None

    def kill(self, number=signal.SIGKILL):
        try:
            os.killpg(self.process.pid, number)
        except ProcessLookupError:
            pass
        try:
            self.process.wait(STEP_TIMEOUT)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
        self.process.stdin.close()
        self.file.close()


class Case(unittest.TestCase):
    """Has a folder, and ends what it started."""

    def setUp(self):
        for program in self.programs:
            if shutil.which(program) is None:
                self.skipTest(f"{program} is not installed (scripts/setup peers)")
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="vionet-"))
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        self.socket = self.folder / "socket"

    def start(self, command, name, env=None):
        process = Process(command, self.folder / f"{name}.log", env)
        self.addCleanup(process.kill)
        return process

    def vionet(self, *arguments, status=0, seconds=STEP_TIMEOUT):
        """Run the command; its standard output."""
        done = subprocess.run([BUILD / "vionet", *map(str, arguments)], capture_output=True,
                              text=True, timeout=seconds, stdin=subprocess.DEVNULL)
        self.assertEqual(done.returncode, status, done.stdout + done.stderr)
        return done.stdout if status == 0 else done.stderr

    def vionet_in_background(self, *arguments):
        process = subprocess.Popen([BUILD / "vionet", *map(str, arguments)], text=True,
                                   stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                   stderr=subprocess.PIPE)
        self.addCleanup(lambda: (process.kill(), process.wait(), process.stdout.close(),
                                 process.stderr.close()))
        return process

    def device(self, options=""):
        return f"vhost-user:{self.socket}{options}"


class Testpmd(Case):
    programs = ["dpdk-testpmd"]
    program = "dpdk-testpmd"

    def run_testpmd(self, mode, vdev="queues=1", wait=True, name="testpmd", more=()):
        """Start it; `mode` is what it does with frames.

        It waits a minute for room for a frame: nothing is lost while we are off the processor."""
        commands = self.folder / f"{name}.commands"
        retry = f"set fwd {mode} retry\nset burst tx delay 1000 retry 60000\n"
        commands.write_text(retry if mode in ("io", "mac") else "")
        process = self.start(
            [self.program, "--lcores", "0@(0-1),1@(0-1)", "--no-huge", "-m", "192", "--no-pci",
             "--no-telemetry", f"--file-prefix={self.folder.name}-{name}",
             f"--vdev=net_vhost0,iface={self.socket},{vdev}", "--", f"--forward-mode={mode}",
             "--auto-start", "--no-flush-rx", "--no-mlockall", "--total-num-mbufs=8192",
             f"--cmdline-file={commands}", *more],
            name, {"XDG_RUNTIME_DIR": str(self.folder)})
        if wait:
            self.assertTrue(wait_until(lambda: listens(self.socket), process.alive), process.text())
        return process

    def stop(self, process):
        """End it cleanly, and read its counters: {"RX": n, "TX": n}. Later ones print none after a signal."""
        process.process.stdin.write(b"\n")
        process.process.stdin.flush()
        wait_until(lambda: not process.alive())
        process.kill()
        text = process.text().rpartition("Accumulated forward statistics")[2]
        return {way: int(count) for way, count in re.findall(r"([RT]X)-packets: (\d+)", text)}
