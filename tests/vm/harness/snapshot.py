# SPDX-License-Identifier: BSD-3-Clause
"""--snapshot: a guest that has booted and waits for its command, kept in a file that later runs start from.

It is QEMU's own migration into a file. The command, its programs and libraries come afterwards, over the channel "ctl": a
snapshot belongs to a machine (QEMU, its command line, kernel, modules), not to what runs in it.
"""

import copy
import hashlib
import os
import pathlib
import re
import shlex
import time

from . import qemu
from .kernel import cache_folder

KEPT = 4  # the newest ones


class Snapshot:
    def __init__(self, o, image, log, sockets):
        self.path = cache_folder() / f"snapshot-{key(o, image, log, sockets)}"
        self.there = self.path.exists()
        self.state = "used" if self.there else "made"
        if self.there:
            os.utime(self.path)

    def arguments(self):
        return ["-incoming", "defer"] if self.there else []

    def resume(self, control, limit):
        """Until the machine of the file runs here. It does not tell a network that it has come."""
        control.command("migrate-set-parameters", **{"announce-rounds": 0})
        control.command("migrate-incoming", uri=f"exec:cat {shlex.quote(str(self.path))}")
        wait(lambda: control.command("query-status")["status"] != "inmigrate", limit)
        control.command("cont")

    def save(self, control, limit):
        """The guest goes on afterwards."""
        part = f"{self.path}.{os.getpid()}"
        control.command("stop")
        try:
            control.command("migrate", uri=f"exec:cat >{shlex.quote(part)}")
            wait(lambda: control.command("query-migrate").get("status") in ("completed", "failed"), limit)
            if control.command("query-migrate")["status"] == "completed":
                os.rename(part, self.path)
                forget_old()
        finally:
            pathlib.Path(part).unlink(missing_ok=True)
        control.command("cont")

    def forget(self):
        self.path.unlink(missing_ok=True)
        self.there = False


def wait(condition, limit):
    end = time.monotonic() + limit
    while not condition():
        if time.monotonic() > end:
            raise TimeoutError("QEMU does not come to an end with the snapshot")
        time.sleep(0.02)


def key(o, image, log, sockets):
    """Of the machine alone: without what only QEMU has, and without names that differ from run to run."""
    plain = copy.copy(o)
    plain.trace = plain.monitor = None
    plain.nics = [copy.copy(nic) for nic in o.nics]
    for nic in plain.nics:
        nic.pcap = ""
        nic.netdev = nic.netdev.partition(",")[0]
    words = [str(word) for word in qemu.command_line(plain, image, "log", sockets)]
    initrd = hashlib.sha256(image.initrd.read_bytes()).hexdigest()
    words = [re.sub(r"fd=\d+", "fd", initrd if word == str(image.initrd) else word) for word in words]
    program = os.stat(os.path.realpath(o.qemu))
    return hashlib.sha256(repr((words, program.st_size, program.st_mtime)).encode()).hexdigest()[:16]


def forget_old():
    found = sorted(cache_folder().glob("snapshot-" + "[0-9a-f]" * 16), key=os.path.getmtime)
    for path in found[:-KEPT]:
        path.unlink(missing_ok=True)
