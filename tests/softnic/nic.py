# SPDX-License-Identifier: BSD-3-Clause
"""
vionet-softnic as a process.
"""

import os
import pathlib
import re
import signal
import subprocess
import tempfile

DEADLINE = 90.0  # seconds, however busy the machine is


def binary():
    build = pathlib.Path(os.environ.get("VIONET_BUILD", pathlib.Path(__file__).parents[2] / "build"))
    return os.environ.get("VIONET_SOFTNIC", str(build / "vionet-softnic"))


class Softnic:
    """The device, listening. `status` and `lines` (standard error) are there after stop()."""

    def __init__(self, *options, ready=True, prefix=()):
        self.folder = tempfile.TemporaryDirectory(prefix="softnic-")
        self.path = os.path.join(self.folder.name, "socket")
        self.options = list(options)
        self.errors = open(os.path.join(self.folder.name, "stderr"), "w+")
        self.process = subprocess.Popen(
            [*prefix, binary(), "--listen", self.path, *options], stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=self.errors, text=True)
        self.status = None
        self.lines = []
        self.output = ""
        if ready:
            line = self.process.stdout.readline()
            if "listening" not in line:
                self.stop()
                raise RuntimeError(f"not ready: {line!r} {self.lines}")

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.close()

    def close(self):
        """End it and remove its files. `status`, `lines` and `output` stay."""
        self.stop()
        self.errors.close()
        self.folder.cleanup()

    def wait(self):
        self.output += self.process.communicate(timeout=DEADLINE)[0]
        self.status = self.process.returncode
        self.errors.seek(0)
        self.lines = self.errors.read().splitlines()
        self.errors.close()
        return self.status

    def stop(self):
        if self.status is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.wait()
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.wait()
                raise AssertionError("vionet-softnic did not end on SIGTERM") from None
        return self.status

    def stderr(self):
        """Standard error so far, while it runs."""
        with open(self.errors.name) as file:
            return file.read()

    def violations(self, should=False):
        """IDs of the requirements that the driver violated, or of the warnings."""
        kind = "warning" if should else "violation"
        found = [re.match(kind + r': "[^"]+" \(([A-Z]+-\d\d)\): ', line) for line in self.lines]
        return [match[1] for match in found if match]

    def check(self):
        """After the end: no violation and status 0."""
        self.stop()
        if self.status != 0 or self.violations():
            raise AssertionError(f"status {self.status}: {self.lines}")
