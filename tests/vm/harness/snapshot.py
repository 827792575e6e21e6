# SPDX-License-Identifier: BSD-3-Clause
"""--snapshot: a guest that has booted and waits for its command, kept in a file that later runs start from.

It is QEMU's own migration into a file. In the places of the functions it has devices that do nothing and have no state, so that
the firmware's tables name these places; the guest then removes them and looks for the functions that are there now. The command,
its programs and libraries come afterwards too, over the channel "ctl". So a snapshot belongs to QEMU, its command line, kernel and
modules, and not to the functions and what runs there.
"""

import copy
import hashlib
import os
import pathlib
import re
import shlex
import shutil
import sys
import time

from . import qemu
from .kernel import cache_folder

KEPT = 16  # the newest ones


class Snapshot:
    def __init__(self, o, image, channels):
        """`channels`: the names of all."""
        self.path = cache_folder() / f"snapshot-{key(o, image, channels)}"
        self.there = touch(self.path)
        self.state = "used" if self.there else "made"
        self.tool = shutil.which("zstd")  # 80 MB become 20, in less time than they take to write

    def resume(self, control, limit):
        """Until the machine of the file runs here. It does not tell a network that it has come."""
        control.command("migrate-set-parameters", **{"announce-rounds": 0})
        control.command("migrate-incoming", uri=f"exec:{'zstd -dcq' if self.tool else 'cat'} {shlex.quote(str(self.path))}")
        wait(lambda: control.command("query-status")["status"] != "inmigrate", limit)
        control.command("cont")

    def save(self, control, limit):
        """QEMU has completed when it has passed all on; the program that writes says by itself when it has, and how it ended."""
        part = f"{self.path}.{os.getpid()}"
        ended = pathlib.Path(f"{part}.ended")
        write = f"{'zstd -1cq' if self.tool else 'cat'} >{shlex.quote(part)}; echo $? >{shlex.quote(str(ended))}"
        control.command("stop")
        try:
            control.command("migrate", uri=f"exec:{write}")
            wait(lambda: control.command("query-migrate").get("status") in ("completed", "failed"), limit)
            if control.command("query-migrate")["status"] == "completed":
                wait(lambda: ended.exists() and ended.read_text(), limit)
                self.there = ended.read_text() == "0\n"
            if self.there:
                os.rename(part, self.path)
                forget_old()
        finally:
            pathlib.Path(part).unlink(missing_ok=True)
            ended.unlink(missing_ok=True)
        if not self.there:
            raise TimeoutError(f"{self.path} cannot be written")

    def forget(self):
        self.path.unlink(missing_ok=True)
        self.there = False


def touch(path):
    """Whether it is there; it is the newest then. Another run may remove an old one at any time."""
    try:
        os.utime(path)
    except FileNotFoundError:
        return False
    return True


def age(path):
    try:
        return os.path.getmtime(path)
    except FileNotFoundError:
        return 0


def wait(condition, limit):
    end = time.monotonic() + limit
    while not condition():
        if time.monotonic() > end:
            raise TimeoutError("QEMU does not come to an end with the snapshot")
        time.sleep(0.02)


def without_functions(o):
    """The options of the machine that is kept."""
    plain = copy.copy(o)
    plain.shared_memory = qemu.shares_memory(o)
    plain.placeholders = [nic.place for nic in o.nics if not nic.absent]
    plain.placeholders += [qemu.vfio_user_place(o, i) for i, _ in enumerate(o.vfio_user)]
    plain.nics, plain.vfio_user = [], []
    plain.trace = plain.monitor = None
    return plain


def key(o, image, channels):
    """Of the machine alone, without names that differ from run to run."""
    plain = without_functions(o)
    plain.share = ["/"] * len(o.share)
    words = [str(word) for word in qemu.command_line(plain, image, "log", dict.fromkeys(channels, sys.stderr))]
    initrd = hashlib.sha256(image.initrd.read_bytes()).hexdigest()
    words = [re.sub(r"fd=\d+", "fd", initrd if word == str(image.initrd) else word) for word in words]
    program = os.stat(os.path.realpath(o.qemu))
    packed = bool(shutil.which("zstd"))
    return hashlib.sha256(repr((words, packed, program.st_size, program.st_mtime)).encode()).hexdigest()[:16]


def forget_old():
    found = sorted(cache_folder().glob("snapshot-" + "[0-9a-f]" * 16), key=age)
    for path in found[:-KEPT]:
        path.unlink(missing_ok=True)
