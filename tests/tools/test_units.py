# SPDX-License-Identifier: BSD-3-Clause
"""
The units of docs/systemd: systemd understands them and finds little to attack, and what they start
works with the system calls and address families that they leave.
"""

import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "softnic")]

from nic import binary  # noqa: E402
from unit_file import UNITS, Unit, confine  # noqa: E402

BUILD = os.environ.get("VIONET_BUILD", os.path.dirname(binary()))
DEADLINE = 90
# What "systemd-analyze security" may find at most, of 10.
EXPOSURE = {"vionet-softnic@.service": 0.5, "vionet-pktgen@.service": 1.5, "vionet-tap@.service": 2.4}
HERE_TOO = unittest.skipUnless(shutil.which("systemd-analyze"), "no systemd here")


@HERE_TOO
class Units(unittest.TestCase):
    def test_understood(self):
        with tempfile.TemporaryDirectory(prefix="vionet-") as folder:
            for path in sorted(UNITS.glob("*.service")):
                with self.subTest(path.name):
                    # The programs are where they will be.
                    copy = pathlib.Path(folder, path.name)
                    copy.write_text(path.read_text().replace("/usr/bin", BUILD))
                    done = subprocess.run(["systemd-analyze", "verify", "--man=no", copy], text=True,
                                          capture_output=True, timeout=DEADLINE)
                    said = [line for line in done.stderr.splitlines() if folder in line or "vionet" in line]
                    self.assertEqual((done.returncode, said), (0, []), done.stderr)

    def test_exposure(self):
        self.assertEqual({path.name for path in UNITS.glob("*.service")}, set(EXPOSURE))
        for name, most in EXPOSURE.items():
            with self.subTest(name):
                done = subprocess.run(["systemd-analyze", "security", "--offline=true", "--no-pager",
                                       f"--threshold={round(most * 10)}", UNITS / name], capture_output=True,
                                      text=True, timeout=DEADLINE)
                self.assertEqual(done.returncode, 0, done.stdout[-300:] + done.stderr)


@HERE_TOO
class Confined(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="vionet-")
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)

    def start(self, name, change=lambda command: command, **how):
        unit = Unit(name)
        (pathlib.Path(self.folder) / name.replace("@.service", "-x")).mkdir()
        process = subprocess.Popen(change(unit.command("x", BUILD, self.folder)), preexec_fn=confine(unit, **how),
                                   stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                   stderr=subprocess.PIPE, text=True)
        self.addCleanup(lambda: (process.kill(), process.communicate()))
        return process

    def await_path(self, process, path):
        end = time.monotonic() + DEADLINE
        while not os.path.exists(path):
            if process.poll() is not None:
                self.fail(f"status {process.returncode}: {process.communicate()}")
            self.assertLess(time.monotonic(), end)
            time.sleep(0.02)

    def softnic(self):
        process = self.start("vionet-softnic@.service")
        path = f"{self.folder}/vionet-softnic-x/socket"
        self.await_path(process, path)
        return process, f"vhost-user:{path}"

    def end(self, process, status=0):
        process.send_signal(signal.SIGTERM)
        out, err = process.communicate(timeout=DEADLINE)
        self.assertEqual(process.returncode, status, out + err)
        return out

    def test_generator(self):
        """A run with options, over the software device; then one that waits for configurations."""
        nic, device = self.softnic()
        run = self.start("vionet-pktgen@.service", lambda command:
                         [*command[:2], device, "--count", "500", "--cpus", "0", "--json"])
        out, err = run.communicate(timeout=DEADLINE)
        self.assertEqual(run.returncode, 0, err)
        self.assertEqual(json.loads(out)["tx"]["sent"], 500)
        self.end(nic)
        os.rmdir(f"{self.folder}/vionet-pktgen-x")
        waiting = self.start("vionet-pktgen@.service")
        self.await_path(waiting, f"{self.folder}/vionet-pktgen-x/api")
        self.end(waiting)

    @unittest.skipUnless(os.geteuid() == 0 and os.path.exists("/dev/net/tun"), "an interface takes root")
    def test_interface(self):
        nic, device = self.softnic()
        tap = self.start("vionet-tap@.service", lambda command: [*command[:2], device, "vio0", "--json"],
                         network=True)
        self.assertIn("vio0 is vhost-user:", tap.stderr.readline())
        json.loads(self.end(tap))
        self.end(nic)


if __name__ == "__main__":
    unittest.main()
