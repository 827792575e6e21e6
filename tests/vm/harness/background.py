# SPDX-License-Identifier: BSD-3-Clause
"""A program beside the guest, with its output in a file. It dies when we do."""

import os
import pathlib
import signal
import subprocess
import time

STEP_TIMEOUT = 90  # seconds for one step of a program, however busy the machine is


def wait_until(what, alive=lambda: True, seconds=STEP_TIMEOUT, pause=0.02):
    """Wait until `what()` is true, or its process has ended; returns the last value."""
    end = time.monotonic() + seconds
    while not (answer := what()):
        if not alive() or time.monotonic() > end:
            return what()  # it may have become true just before the end
        time.sleep(pause)
    return answer


def wait_asleep(pid):
    """Until each thread of the process waits for something: else it may find what comes without an interrupt."""
    def asleep():
        return all(stat.read_text().rsplit(")", 1)[1].split()[0] == "S"
                   for stat in pathlib.Path(f"/proc/{pid}/task").glob("*/stat"))
    assert wait_until(asleep, pause=0.001), f"process {pid} does not sleep"


def listens(path):
    """Is there a listener at the path? Without a connection that a server would see."""
    sockets = pathlib.Path("/proc/net/unix").read_text().splitlines()
    return any(line.split()[-1] == str(path) and line.split()[3] == "00010000" for line in sockets)


class Process:
    """In a process group of its own; `limit`: seconds that it lives at most."""

    def __init__(self, command, log, env=None, limit=None, front=()):
        self.log = log
        self.file = open(log, "ab")
        limited = ["timeout", f"--kill-after={STEP_TIMEOUT}", str(limit)] if limit else []
        dying = ["setpriv", "--pdeathsig", "KILL"]
        # A program in front that gains capabilities of a namespace would lose the signal.
        self.process = subprocess.Popen([*(dying if limited else []), *limited, *front, *dying, *map(str, command)],
                                        stdin=subprocess.PIPE, stdout=self.file, stderr=subprocess.STDOUT,
                                        start_new_session=True, env={**os.environ, **(env or {})})

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
