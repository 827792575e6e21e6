# SPDX-License-Identifier: BSD-3-Clause
"""Programs that are vhost-user back ends, run without root, huge pages or hardware.

They poll: each is ended by its own timeout at the latest, and with its whole process group.
"""

import os
import pathlib
import shutil
import signal  # noqa: F401
import subprocess
import tempfile
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from vm.harness import background, testpmd  # noqa: E402
from vm.harness.background import STEP_TIMEOUT, listens, wait_until  # noqa: E402, F401

LIMIT = 900  # seconds that a peer lives at most
BUILD = pathlib.Path(os.environ.get("VIONET_BUILD",
                                    pathlib.Path(__file__).resolve().parents[2] / "build"))


class Process(background.Process):
    def __init__(self, command, log, env=None, front=()):
        super().__init__(command, log, env, LIMIT, front)


class Case(unittest.TestCase):
    """Has a folder, and ends what it started."""

    def setUp(self):
        for program in self.programs:
            if shutil.which(program) is None:
                self.skipTest(f"{program} is not installed (scripts/setup peers)")
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="vionet-"))
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        self.socket = self.folder / "socket"

    def start(self, command, name, env=None, front=()):
        process = Process(command, self.folder / f"{name}.log", env, front)
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
    programs = [testpmd.PROGRAM]
    program = testpmd.PROGRAM
    stop = staticmethod(testpmd.stop)

    def run_testpmd(self, mode, vdev="queues=1", wait=True, name="testpmd", more=()):
        """Start it; `mode` is what it does with frames."""
        process = self.start(
            testpmd.command(mode, [f"iface={self.socket},{vdev}"], f"{self.folder.name}-{name}",
                            self.folder / f"{name}.commands", self.program, more=more),
            name, {"XDG_RUNTIME_DIR": str(self.folder)})
        if wait:
            self.assertTrue(wait_until(lambda: listens(self.socket), process.alive), process.text())
        return process
