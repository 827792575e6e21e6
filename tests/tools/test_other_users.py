# SPDX-License-Identifier: BSD-3-Clause
"""
What another user of the machine can try: squat a socket's path, connect, and look for the memory of a
device. "Another user" in SECURITY.md names the tests of the rest.
"""

import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import unittest

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "softnic")]

from back_end import BackEnd  # noqa: E402
from nic import binary  # noqa: E402

VIONET = os.path.join(os.environ.get("VIONET_BUILD", os.path.dirname(binary())), "vionet")
PLAIN = ["setarch", "-R"] if "tsan" in VIONET else []
DEADLINE = 90
USER, OTHER = 54321, 54322  # users that nobody is


def as_user(user):
    return ["setpriv", "--reuid", str(user), "--regid", str(user), "--clear-groups"]


@unittest.skipUnless(os.geteuid() == 0, "to be several users takes root")
class OtherUsers(unittest.TestCase):
    """In a folder that all can write to, as /tmp is."""

    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="vionet-"))
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        self.folder.chmod(0o1777)
        self.path = self.folder / "socket"

    def start(self, *arguments):
        process = subprocess.Popen([*as_user(USER), *PLAIN, VIONET, *arguments], stdin=subprocess.DEVNULL,
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                   env={**os.environ, "XDG_RUNTIME_DIR": "/nowhere"})
        self.addCleanup(lambda: (process.kill(), process.communicate()))
        return process

    def squat(self, listens):
        """A socket of the other user's; without a process behind it if it does not listen."""
        made = socket.socket(socket.AF_UNIX)
        made.bind(str(self.path))
        os.chown(self.path, OTHER, OTHER)
        self.path.chmod(0o777)
        if not listens:
            made.close()
            return None
        made.listen()
        self.addCleanup(made.close)
        return made

    def refused(self, text):
        for arguments in (["info", f"vhost-user:{self.path},server,wait=0"],
                          ["pktgen", "--listen", f"unix:{self.path}"]):
            with self.subTest(arguments[0]):
                process = self.start(*arguments)
                out, err = process.communicate(timeout=DEADLINE)
                self.assertNotEqual(process.returncode, 0, out + err)
                self.assertRegex(err, text)

    def test_a_path_that_is_taken(self):
        """Neither connected to, nor removed."""
        self.squat(listens=True)
        self.refused("another process listens there|no socket of this user's")
        self.assertTrue(self.path.is_socket())

    def test_a_path_with_what_was_left(self):
        self.squat(listens=False)
        self.refused("no permission|no socket of this user's")
        self.assertEqual(self.path.stat().st_uid, OTHER)

    def test_a_link(self):
        victim = self.folder / "victim"
        victim.write_text("data")
        self.path.symlink_to(victim)
        os.chown(self.path, OTHER, OTHER, follow_symlinks=False)
        self.refused("no socket")
        self.assertEqual(victim.read_text(), "data")

    def connects(self, user):
        code = f"import socket; socket.socket(socket.AF_UNIX).connect({str(self.path)!r})"
        return subprocess.run([*as_user(user), "/usr/bin/python3", "-c", code], capture_output=True, text=True,
                              timeout=DEADLINE)

    def await_socket(self, process):
        end = time.monotonic() + DEADLINE
        while not self.path.exists():
            self.assertIsNone(process.poll(), "it has ended")
            self.assertLess(time.monotonic(), end)
            time.sleep(0.02)

    def test_connecting(self):
        for arguments in (["info", f"vhost-user:{self.path},server,wait=60"],
                          ["pktgen", "--listen", f"unix:{self.path}"]):
            with self.subTest(arguments[0]):
                process = self.start(*arguments)
                self.await_socket(process)
                self.assertIn("PermissionError", self.connects(OTHER).stderr)
                self.assertEqual(self.path.stat().st_mode & 0o022, 0)
                process.send_signal(signal.SIGTERM)
                process.communicate(timeout=DEADLINE)
                self.path.unlink(missing_ok=True)

    @staticmethod
    def links(folder):
        found = []
        for path in folder.iterdir():
            try:
                found.append(os.readlink(path))
            except FileNotFoundError:
                pass  # closed meanwhile
        return found

    def test_memory(self):
        """It has no name in any file system, and the process's descriptors are its user's."""
        with BackEnd(str(self.path)):
            self.path.chmod(0o777)
            process = self.start("dump", f"vhost-user:{self.path}")
            folder = pathlib.Path(f"/proc/{process.pid}/fd")
            names, end = [], time.monotonic() + DEADLINE
            while not any(name.startswith("/memfd:vionet ") for name in names):
                self.assertIsNone(process.poll(), "it has ended")
                self.assertLess(time.monotonic(), end)
                time.sleep(0.02)
                names = self.links(folder)
            mapped = pathlib.Path(f"/proc/{process.pid}/maps").read_text().splitlines()
            shared = [line for line in mapped if line.split()[1].endswith("s")]
            self.assertEqual([line for line in shared if "/memfd:vionet" not in line and "[aio]" not in line], [])
            looked = subprocess.run([*as_user(OTHER), "ls", f"{folder}/"], capture_output=True, text=True,
                                    timeout=DEADLINE)
            self.assertIn("Permission denied", looked.stderr)
            process.send_signal(signal.SIGINT)
            process.communicate(timeout=DEADLINE)


if __name__ == "__main__":
    unittest.main()
