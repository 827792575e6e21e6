# SPDX-License-Identifier: BSD-3-Clause
"""A program in the background; its output is collected line by line."""

import pathlib
import signal
import subprocess
import threading
import time

from vm.harness.background import STEP_TIMEOUT, wait_asleep, wait_until  # noqa: F401

ROOT = pathlib.Path(__file__).resolve().parents[2]
LIMIT = 240  # seconds for a whole run


class Process:
    """Standard output and standard error as one list of lines."""

    def __init__(self, argv, env=None, timeout=LIMIT):
        self.timeout = timeout
        self.lines, self.changed = [], threading.Condition()
        self.process = subprocess.Popen(
            list(map(str, argv)), stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL, text=True, errors="replace", cwd=ROOT, env=env)
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()

    def _read(self):
        for line in self.process.stdout:
            with self.changed:
                self.lines.append(line.rstrip("\n"))
                self.changed.notify_all()
        with self.changed:
            self.lines.append(None)
            self.changed.notify_all()

    @property
    def output(self):
        return "\n".join(line for line in self.lines if line is not None)

    def wait_line(self, text, seconds=STEP_TIMEOUT, after=0):
        """The index of the first line from `after` on that holds `text`."""
        end = time.monotonic() + seconds
        with self.changed:
            while True:
                for i, line in enumerate(self.lines[after:], after):
                    if line is not None and text in line:
                        return i
                left = end - time.monotonic()
                if left <= 0 or None in self.lines:
                    raise AssertionError(f"no '{text}' in the output:\n{self.output}")
                self.changed.wait(left)

    def interrupt(self):
        self.process.send_signal(signal.SIGINT)

    def wait(self):
        status = self.process.wait(self.timeout + 30)
        self.reader.join(STEP_TIMEOUT)
        return status

    def end(self):
        """Ends it if it still runs; closes what was opened."""
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(STEP_TIMEOUT)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self.reader.join(5)
        self.process.stdout.close()
