# SPDX-License-Identifier: BSD-3-Clause
"""The environment with a guest: commands run in a QEMU guest, their function is QEMU's, behind
an IOMMU, driven through the kernel's VFIO. QEMU's trace and the guest's log show IOMMU faults. See
tests/vm/README.md.
"""

import json
import os
import re
import socket
import sys

from vm.harness.limits import BOOT_LIMIT

from .process import LIMIT, ROOT, STEP_TIMEOUT, Process

RUN = ROOT / "tests/vm/run"
NIC = "0000:00:05.0"
BEHIND_PORT = "0000:01:00.0"
VARIANTS = ("intel", "virtio")  # the IOMMU in front of the function

# Any of these in QEMU's trace, its stderr or the guest's log is an IOMMU fault.
FAULT = re.compile(r"vtd_dmar_fault|vtd_frr_new|virtio_iommu_report_fault|translation failure"
                   r"|virtio_iommu_translate no mapping|DMAR: \[DMA|zero sized buffers")


class Guest(Process):
    """One run of tests/vm/run."""

    def __init__(self, folder, command, *options, env=None, netns=None, timeout=LIMIT):
        self.trace, self.log = folder / "trace", folder / "kernel.log"
        self.complaints, self.monitor = folder / "qemu.stderr", folder / "qmp"
        argv = [sys.executable, RUN, "--timeout", timeout, "--trace", self.trace, "--log", self.log,
                "--stderr-file", self.complaints, *options, "--", *command]
        if netns:
            argv = ["ip", "netns", "exec", netns, *argv]
        super().__init__(argv, {**os.environ, **(env or {})}, BOOT_LIMIT + timeout)

    def wait_line(self, text, seconds=BOOT_LIMIT + STEP_TIMEOUT, after=0):
        """The first one may come when the guest has booted."""
        return super().wait_line(text, seconds, after)

    # ---- what happens to the function; needs --monitor ----

    def qmp(self, execute, **arguments):
        with Monitor(self.monitor) as monitor:
            monitor.command(execute, **arguments)

    def link(self, up):
        self.qmp("set_link", name="nic0", up=up)

    def unplug(self):
        self.qmp("device_del", id="nic0")

    # ---- faults and complaints ----

    def faults(self):
        """Lines of QEMU and of the guest's kernel about IOMMU faults."""
        found = []
        for path in (self.trace, self.log, self.complaints):
            if path.exists():
                text = path.read_text(errors="replace")
                found += [f"{path.name}: {m}" for m in text.splitlines() if FAULT.search(m)]
        return found

    def emulator_failed(self):
        """By a fault of QEMU that tests/vm/run knows a guest died; one in this guest it may be, too."""
        return ("QEMU's issue 4669" in self.output or "its kernel died while it booted" in self.output or
                # What a migration brought of a ring is older than what it brought of the device.
                "inconsistent with Host index" in (self.complaints.read_text(errors="replace") if self.complaints.exists() else ""))

    def complaint(self):
        """Why this run is not clean, or nothing. Each case checks IOMMU faults itself."""
        return ""

    def tail(self):
        return "\n".join(f"[{p.name}] " + p.read_text(errors="replace")[-2000:]
                         for p in (self.complaints, self.log) if p.exists())


class Monitor:
    """QEMU's machine protocol: one JSON object a line."""

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.connect(str(path))
        self.stream = self.socket.makefile("rw")
        self.stream.readline()
        self.command("qmp_capabilities")

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.close()

    def close(self):
        self.stream.close()
        self.socket.close()

    def command(self, execute, **arguments):
        self.stream.write(json.dumps({"execute": execute, "arguments": arguments}) + "\n")
        self.stream.flush()
        while True:
            answer = json.loads(self.stream.readline())
            assert "error" not in answer, answer
            if "return" in answer:
                return


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

    def echo_frame(self, timeout=0.2):
        """Sends one frame back, if one comes."""
        self.socket.settimeout(timeout)
        frame = self.socket.recv(70000)
        self.socket.settimeout(STEP_TIMEOUT)  # a guest that is off its processor loses nothing
        self.socket.sendto(frame, str(self.theirs))

    def close(self):
        self.socket.close()


class Environment:
    name = "vm"
    nic = NIC

    def __init__(self, folder, variant=None):
        self.folder = folder
        self.iommu = variant or "intel"

    def wire(self):
        return Wire(self.folder)

    def program(self, path):
        """A program of ours, as a word of a command."""
        return path

    def start(self, command, options=(), wire=None, capture=None, events=False, qemu="", **more):
        """`capture`: a file for the frames that leave the function; `events`: link() and unplug()
        are wanted; the rest is for Guest."""
        options = list(options)
        if qemu:
            options += ["--qemu", qemu]
        if "--iommu" not in options:
            options += ["--iommu", self.iommu]
        if wire:
            options += ["--netdev", wire.netdev]
        if capture:
            options += ["--pcap", capture]
        if events:
            options += ["--monitor", self.folder / "qmp"]
        return Guest(self.folder, command, *options, **more)
