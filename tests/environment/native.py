# SPDX-License-Identifier: BSD-3-Clause
"""The environment without a guest: commands run here, their function is vionet-softnic behind a socket,
which checks each run: violations and wrong DMA fail the test. No root.
"""

import os
import pathlib
import re
import signal
import socket
import stat

from .process import STEP_TIMEOUT, ROOT, Process, wait_until

BUILD = pathlib.Path(os.environ.get("VIONET_BUILD", ROOT / "build"))
SOFTNIC = BUILD / "vionet-softnic"
VALGRIND = os.environ.get("VIONET_VALGRIND", "")  # not empty: our programs run in valgrind
SANITIZED = BUILD.name in ("build-asan", "build-tsan")

# Layout, order, event index, doorbell: each value with each other one at least once.
VARIANTS = {
    "split": "-RING_PACKED,-EVENT_IDX --notify eventfd",
    "split.event_idx": "-RING_PACKED --notify page",
    "split.in_order": "-RING_PACKED,-EVENT_IDX,+IN_ORDER --notify write",
    "split.in_order.event_idx": "-RING_PACKED,+IN_ORDER --notify eventfd",
    "packed": "-EVENT_IDX,+NOTIFICATION_DATA --notify page",
    "packed.event_idx": "+RING_PACKED --notify write",
    "packed.in_order": "-EVENT_IDX,+IN_ORDER --notify eventfd",
    "packed.in_order.event_idx": "+IN_ORDER --notify page",
}

# Memcheck's errors, and lost memory, fail the run.
MEMCHECK = ("valgrind", "--quiet", "--error-exitcode=99", "--leak-check=full",
            "--errors-for-leak-kinds=definite,indirect", "--fair-sched=yes")

SANITIZER = re.compile(r"ERROR: \w+Sanitizer|runtime error:|WARNING: ThreadSanitizer|^==\d+== \w",
                       re.MULTILINE)
FAULT = re.compile(r"^vionet-softnic: IOMMU fault: ")
VIOLATION = re.compile(r"violation: ")


class Wire:
    """The other end of the device's cable: a message of a UNIX socket is a frame. Sending blocks
    while the device has no room."""

    def __init__(self, folder):
        self.path = folder / "wire"
        self.listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.listener.bind(str(self.path))
        self.listener.listen(1)
        os.chmod(self.path, 0o666)
        self.socket = None

    def accept(self):
        if not self.socket:
            self.listener.settimeout(STEP_TIMEOUT)
            self.socket, _ = self.listener.accept()

    def send(self, frames, timeout=120):
        self.accept()
        self.socket.settimeout(timeout)
        for frame in frames:
            self.socket.send(frame)

    def echo_frame(self, timeout=0.2, between=lambda: None):
        """`between`: what is done before the frame goes back."""
        self.accept()
        self.socket.settimeout(timeout)
        frame = self.socket.recv(70000)
        if not frame:
            raise OSError("the device is gone")
        between()
        self.socket.settimeout(STEP_TIMEOUT)
        self.socket.send(frame)

    def close(self):
        self.listener.close()
        if self.socket:
            self.socket.close()


class Device(Process):
    """vionet-softnic, listening."""

    def __init__(self, folder, options, before=()):
        self.path, self.control = folder / "nic", folder / "control"
        super().__init__([*before, SOFTNIC, "--listen", self.path, "--control", self.control,
                          *options])
        try:
            self.wait_line("listening on")
        except AssertionError:
            self.end()
            raise

    def send_command(self, command):
        """Send a command to its control socket; the reply without its last line."""
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(STEP_TIMEOUT)
            client.connect(str(self.control))
            client.sendall(command.encode() + b"\n")
            with client.makefile() as stream:
                answer = []
                for line in stream:
                    answer.append(line.rstrip("\n"))
                    if line == "ok\n":
                        return answer[:-1]
                    if line.startswith("error"):
                        break
        raise AssertionError(f"{command}: {answer}")

    def kill(self, number=signal.SIGKILL):
        self.process.send_signal(number)

    def stop(self):
        """End it with SIGTERM; its exit status."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGCONT)
            self.process.terminate()
        return self.wait()


class Run(Process):
    """A command, with a device that starts before it. When the command is over the device ends too;
    `device_status` is its exit status."""

    def __init__(self, device, argv, env):
        self.device, self.device_status, self.status = device, None, None
        super().__init__(argv, env)

    def link(self, up):
        self.device.send_command("link up" if up else "link down")

    def unplug(self):
        self.device.send_command("unplug")

    def wait(self):
        if self.status is None:
            self.status = super().wait()
            self.device_status = self.device.stop()
        return self.status

    def end(self):
        super().end()
        self.device.stop()
        self.device.end()

    def faults(self):
        self.wait()
        return [line for line in self.device.lines if line and FAULT.match(line)]

    def violations(self):
        self.wait()
        return [line for line in self.device.lines if line and VIOLATION.match(line)]

    def complaint(self):
        """The device's reason why this run is not clean, or nothing."""
        self.wait()
        said = self.device.output
        if self.device_status == 0 and not SANITIZER.search(said + "\n" + self.output):
            return ""
        return f"the device ends with {self.device_status}:\n{said}\n{self.output[-3000:]}"

    def tail(self):
        return "[device] " + self.device.output


def in_valgrind(folder, program):
    """A script that runs the program in valgrind."""
    script = folder / f"valgrind-{program.name}"
    if not script.exists():
        script.write_text("#!/bin/sh\nexec " + " ".join(MEMCHECK) + f' {program} "$@"\n')
        script.chmod(0o755)
    return script


class Environment:
    name = "native"

    def __init__(self, folder, variant=None):
        self.folder = folder
        self.nic = f"vfio-user:{folder}/nic"
        self.rows = (VARIANTS[variant] if variant else "").split()

    def wire(self):
        return Wire(self.folder)

    def program(self, path):
        return in_valgrind(self.folder, path) if VALGRIND else path

    def device(self, *options, before=()):
        """The function, with the variant's rings unless the options have features of their own."""
        rows = list(self.rows)
        if rows and "--features" not in options:
            rows.insert(0, "--features")
        elif rows:
            rows.pop(0)
        if VALGRIND:
            before = (*before, *MEMCHECK)
        return Device(self.folder, [*rows, *options], before)

    def start(self, command, options=(), wire=None, capture=None, events=False, netns=None,
              user=False, env=None):
        """`options`: the device's. `netns`: the device's namespace. `user`: run as an ordinary user, also
        when the tests run as root."""
        options, before = list(options), ["ip", "netns", "exec", netns] if netns else []
        if wire:
            options += ["--lossless", "--peer", f"unix:{wire.path}"]
        if capture:
            options += ["--peer", f"pcap::{capture}"]
        as_user = []
        if user and os.geteuid() == 0:
            as_user = ["setpriv", "--reuid", "1000", "--regid", "1000", "--clear-groups"]
            os.chmod(self.folder, stat.S_IRWXU | stat.S_IRWXG | stat.S_IRWXO)
        device = self.device(*options, before=[*before, *as_user])
        try:
            return Run(device, [*as_user, *command], {**os.environ, **(env or {})})
        except BaseException:
            device.end()
            raise
