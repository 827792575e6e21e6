# SPDX-License-Identifier: BSD-3-Clause
"""What the VM tests share: guests, frames from outside, captures, namespaces.

Nothing here knows how vionet works. Frames are built and judged from the documented layout
(vionet-pktgen(1)); captures are decoded by tshark.
"""

import contextlib
import os
import pathlib
import re
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[3]
RUN = ROOT / "tests/vm/run"
BUILD = pathlib.Path(os.environ.get("VIONET_BUILD", ROOT / "build"))
VIONET = BUILD / "vionet"
NIC = "0000:00:05.0"
LIMIT = 240  # seconds; a guest that takes longer is broken

# Any of these in QEMU's trace, its stderr or the guest's log is an IOMMU fault.
FAULT = re.compile(r"vtd_dmar_fault|vtd_frr_new|virtio_iommu_report_fault|translation failure"
                   r"|virtio_iommu_translate no mapping|DMAR: \[DMA|zero sized buffers")


class Guest:
    """One run of tests/vm/run, in the background; its output is collected line by line."""

    def __init__(self, folder, command, *options, env=None, netns=None, timeout=LIMIT):
        self.trace, self.log = folder / "trace", folder / "kernel.log"
        self.complaints = folder / "qemu.stderr"
        argv = [RUN, "--timeout", timeout, "--trace", self.trace, "--log", self.log,
                "--stderr-file", self.complaints, *options, "--", *command]
        if netns:
            argv = ["ip", "netns", "exec", netns, *argv]
        self.lines, self.changed = [], threading.Condition()
        self.process = subprocess.Popen(
            list(map(str, argv)), stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL, text=True, errors="replace", cwd=ROOT,
            env={**os.environ, **(env or {})})
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

    def wait_line(self, text, seconds=60, after=0):
        """The index of the first line from `after` on that holds `text`."""
        end = time.monotonic() + seconds
        with self.changed:
            while True:
                for i, line in enumerate(self.lines[after:], after):
                    if line is not None and text in line:
                        return i
                left = end - time.monotonic()
                if left <= 0 or None in self.lines:
                    raise AssertionError(f"no '{text}' in the guest's output:\n{self.output}")
                self.changed.wait(left)

    def interrupt(self):
        self.process.send_signal(signal.SIGINT)

    def wait(self):
        status = self.process.wait(LIMIT + 30)
        self.reader.join(10)
        return status

    def end(self):
        """Ends the guest if it still runs; closes what was opened."""
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.process.kill()
        self.reader.join(5)
        self.process.stdout.close()

    def faults(self):
        """Lines of QEMU and of the guest's kernel that speak of IOMMU faults."""
        found = []
        for path in (self.trace, self.log, self.complaints):
            if path.exists():
                text = path.read_text(errors="replace")
                found += [f"{path.name}: {m}" for m in text.splitlines() if FAULT.search(m)]
        return found


class Case(unittest.TestCase):
    """A test with a folder of its own; what it leaves behind is ended and removed."""

    qemu = os.environ.get("VIONET_QEMU", "")  # 11, or empty for this machine's own

    def setUp(self):
        if self.qemu == "11":
            self.need_qemu_11()
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="vionet-case-"))
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)

    def need_qemu_11(self):
        """Without a network there may be none: then the test is skipped, which ctest shows."""
        got = subprocess.run([ROOT / "tests/vm/fetch-qemu"], capture_output=True, text=True,
                             check=False)
        if got.returncode == 69:
            self.skipTest(got.stderr.strip())
        self.assertEqual(got.returncode, 0, got.stderr)

    def guest(self, command, *options, **more):
        if isinstance(command, str):
            command = ["bash", "-c", command]
        if self.qemu:
            options = ("--qemu", self.qemu, *options)
        guest = Guest(self.folder, command, *options, **more)
        self.addCleanup(guest.end)
        return guest

    def run_guest(self, command, *options, status=0, **more):
        guest = self.guest(command, *options, **more)
        got = guest.wait()
        self.assertEqual(got, status, guest.output + "\n" + self.tail(guest))
        return guest

    def tail(self, guest):
        return "\n".join(f"[{p.name}] " + p.read_text(errors="replace")[-2000:]
                         for p in (guest.complaints, guest.log) if p.exists())

    def assert_no_faults(self, guest):
        self.assertEqual(guest.faults(), [])


# ---- frames from outside ----

class Wire:
    """A netdev whose frames are datagrams of a UNIX socket: one datagram is one frame. Sending
    blocks while the guest has no room, so nothing is lost on this side."""

    def __init__(self, folder, name="wire"):
        self.ours, self.theirs = folder / f"{name}.a", folder / f"{name}.b"
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(str(self.ours))
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 20)
        self.netdev = (f"dgram,local.type=unix,local.path={self.theirs},"
                       f"remote.type=unix,remote.path={self.ours}")

    def send(self, frames, timeout=120):
        self.socket.settimeout(timeout)
        self.socket.connect(str(self.theirs))
        for frame in frames:
            self.socket.send(frame)

    def close(self):
        self.socket.close()


def mixed_frames(count, seed=7):
    """Frames of every size from 60 to 1514 with a number and bytes that depend on it."""
    body = bytes(range(256)) * 8
    state = seed
    for number in range(count):
        state = (state * 6364136223846793005 + 1442695040888963407) % (1 << 64)
        size = 60 + (state >> 33) % 1455
        start = number % 256
        yield (b"\x52\x54\x00\x12\x34\x56" + b"\x02\x00\x00\x00\x00\x01" + b"\x88\xb5"
               + struct.pack(">Q", number) + body[start:start + size - 22])


def read_pcap(path):
    """The frames of a capture file, whole ones only."""
    data = pathlib.Path(path).read_bytes()
    order = {b"\xd4\xc3\xb2\xa1": "<", b"\x4d\x3c\xb2\xa1": "<", b"\xa1\xb2\xc3\xd4": ">",
             b"\xa1\xb2\x3c\x4d": ">"}[data[:4]]
    at = 24
    while at + 16 <= len(data):
        _, _, kept, length = struct.unpack_from(order + "IIII", data, at)
        at += 16
        assert kept == length, f"frame cut from {length} to {kept} bytes"
        yield data[at:at + kept]
        at += kept


def tshark(path, fields, *options):
    """The fields of each frame, as tshark decodes them: a list of strings a frame."""
    args = ["tshark", "-r", path, "-n", "-T", "fields", "-E", "occurrence=f", *options]
    for field in fields:
        args += ["-e", field]
    done = subprocess.run(list(map(str, args)), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return [line.split("\t") for line in done.stdout.splitlines()]


# ---- the host's kernel as a peer ----

@contextlib.contextmanager
def namespace_with_taps(taps, name="vionet0"):
    """A network namespace with tap devices that are up. `taps`: the name of each, its address and
    options of `ip tuntap`. Needs root."""
    def ip(*args):
        subprocess.run(["ip", *args], check=True)
    ip("netns", "add", name)
    try:
        ip("-n", name, "link", "set", "lo", "up")
        for tap, address, *options in taps:
            ip("-n", name, "tuntap", "add", tap, "mode", "tap", *options)
            ip("netns", "exec", name, "sysctl", "-qw", f"net.ipv6.conf.{tap}.disable_ipv6=1")
            ip("-n", name, "addr", "add", address, "dev", tap)
            ip("-n", name, "link", "set", tap, "up")
        yield name
    finally:
        ip("netns", "del", name)


def namespace_with_tap(name="vionet0", tap="tap0", address="192.0.2.1/24"):
    return namespace_with_taps([(tap, address)], name)


def main():
    sys.dont_write_bytecode = True
    unittest.main(verbosity=2)
