# SPDX-License-Identifier: BSD-3-Clause
"""What the tests in tests/vm/cases share: an environment to run in, frames from outside, captures, namespaces.

The environment is where commands run and what function they find there: a guest with QEMU's function
(environment/vm.py) or this machine with vionet-softnic (environment/native.py). A class says where its tests run:

    environments = "vm native asan tsan valgrind"      (without this line: vm)

and python3 traffic.py [native] [VARIANT] [Class.test_method] runs one. CMake reads the same
line. A class whose guests need more than one processor says

    processors = 2

and one that needs what Debian's kernels lack (tests/vm/build-kernel) says

    kernel = "custom"       (or custom-7.3, a newer one; custom-aarch64, custom-riscv64)

Nothing here knows how vionet works. Frames are built and checked from the documented layout
(vionet-pktgen(1)); captures are decoded by tshark.
"""

import contextlib
import json
import os
import pathlib
import re
import shutil
import struct
import subprocess
import sys
import tempfile
import threading
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[3]
sys.path.insert(0, str(ROOT / "tests"))

from environment import native, vm  # noqa: E402

BUILD = native.BUILD
VIONET = BUILD / "vionet"
NIC, BEHIND_PORT = vm.NIC, vm.BEHIND_PORT
Guest, Wire = vm.Guest, vm.Wire

# Options of guests that start from no snapshot: it cannot be, or no other test would use it.
UNLIKE_OTHERS = {"--append", "--arch", "--backend", "--packed", "--qemu-arg", "--root-port", "--topology"}

OF_OTHERS = ("custom-aarch64", "custom-riscv64")  # kernels for other machines

ENVIRONMENT = vm.Environment  # main() reads which one from the command line, and the variant of it
VARIANT = None
AGAIN = "VIONET_AGAIN"  # in the environment: this is the second run
EMULATOR_FAILED = False


def sent(count):
    """pktgen's line when it sent so many frames and the device completed them all."""
    return rf"(?m)^TX  sent {count} frames, \d+ bytes; completed {count}, refused 0$"


def count(frames):
    """How many frames of so many the environment has time for."""
    if native.VALGRIND:
        return frames // 50
    return frames // 5 if native.SANITIZED else frames


class Case(unittest.TestCase):
    """A test with a folder and an environment of its own; what it leaves behind is ended and removed."""

    environments = "vm"
    processors = 1
    maxDiff = None
    qemu = os.environ.get("VIONET_QEMU", "")  # 11, or empty for this machine's own
    kernel = ""  # custom, custom-7.3, one of OF_OTHERS, or empty for Debian's
    snapshot = True  # guests start booted, where their machine is one of many; a boot is three quarters of a short run

    def setUp(self):
        if self.qemu == "11":
            self.need_qemu_11()
        if self.kernel:
            self.need_custom_kernel()
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="vionet-case-"))
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        self.assertIn(ENVIRONMENT.name, self.environments.split(), "this class is not for that environment")
        self.environment = ENVIRONMENT(self.folder, VARIANT)

    def need_qemu_11(self):
        """Without a network there may be none: then the test is skipped, and ctest shows it."""
        got = subprocess.run([ROOT / "tests/vm/fetch-qemu"], capture_output=True, text=True,
                             check=False)
        if got.returncode == 69:
            self.skipTest(got.stderr.strip())
        self.assertEqual(got.returncode, 0, got.stderr)

    def need_custom_kernel(self):
        """To build it takes minutes, which no test has. ./check leaves these tests out, and says so."""
        version = self.kernel.partition("-")[2]
        words = [version] if version else []
        if self.kernel in OF_OTHERS:
            words.insert(0, "--arch")
        got = subprocess.run([ROOT / "tests/vm/build-kernel", "--cached", *words],
                             capture_output=True, text=True, check=False)
        self.assertEqual(got.returncode, 0, got.stderr)

    # ---- parts of commands ----

    @property
    def nic(self):
        """The function's name for vionet."""
        return self.environment.nic

    @property
    def vionet(self):
        return self.program("vionet")

    def program(self, path):
        """A program from the build folder."""
        return str(self.environment.program(BUILD / path))

    def wire(self):
        wire = self.environment.wire()
        self.addCleanup(wire.close)
        return wire

    # ---- running them ----

    def guest(self, command, *options, vm=(), native=(), checked=True, **more):
        """Start the command in the environment. `vm` and `native` are options for the one and the
        other, plain ones for a case that knows only guests. Unless `checked` is off, the test fails if
        the environment itself finds fault with the run at its end."""
        if isinstance(command, str):
            command = ["bash", "-c", command]
        if ENVIRONMENT.name == "vm":
            own = ["--kernel", "custom" if self.kernel in OF_OTHERS else self.kernel] if self.kernel else []
            if self.snapshot and not any(str(word).partition("=")[0] in UNLIKE_OTHERS for word in (*options, *vm)):
                own.append("--snapshot")
            run = self.environment.start(command, ["--smp", self.processors, *own, *options, *vm],
                                         qemu=self.qemu, **more)
            self.addCleanup(self.look_at_emulator, run)
        else:
            self.assertEqual(options, ())
            run = self.environment.start(command, native, **more)
        self.addCleanup(run.end)
        if checked:
            self.addCleanup(self.check_run, run)
        return run

    @staticmethod
    def look_at_emulator(run):
        global EMULATOR_FAILED
        EMULATOR_FAILED = EMULATOR_FAILED or run.emulator_failed()

    def check_run(self, run):
        if run.process.poll() is None:  # the test has failed already: do not wait
            run.interrupt()
        self.assertEqual(run.complaint(), "")

    def run_guest(self, command, *options, status=0, **more):
        guest = self.guest(command, *options, **more)
        got = guest.wait()
        self.assertEqual(got, status, guest.output + "\n" + guest.tail())
        return guest

    def assert_no_faults(self, guest):
        self.assertEqual(guest.faults(), [])


# Shell text: run a command as a step, which Stepped finds again with its output and its status.
STEP = 'step() { echo "== $*"; "$@" 2>&1; echo "-- $?"; }'


class Stepped(Case):
    """One boot for much: what ran in the guest is looked at step by step."""

    def run_steps(self, script, *options, **more):
        guest = self.run_guest(script, *options, **more)
        self.steps = [(m[1], m[2], int(m[3]))
                      for m in re.finditer(r"(?ms)^== ([^\n]*)\n(.*?)^-- (\d+)$", guest.output)]
        return guest

    def step(self, status=0):
        """The output of the next step, which is to end with this status (None: not 0)."""
        self.assertTrue(self.steps, "there is no other step")
        command, output, got = self.steps.pop(0)
        self.assertTrue(got == status or (status is None and got != 0), f"{command}: {got}\n{output}")
        return output


def dumping(nic):
    """Shell text: vionet dump in the background; returns once it has opened the function."""
    return (f"{VIONET} dump {nic} 2>/tmp/dump & "
            "until grep -q 'listening on' /tmp/dump; do kill -0 $! || break; sleep 0.1; done; "
            "cat /tmp/dump;")


def interface(nic=NIC, driver="modprobe virtio_net;"):
    """Shell text: bind the kernel's driver; returns once the function's interface exists."""
    return (f"{driver} until ls /sys/bus/pci/devices/{nic}/virtio*/net/*/address >/dev/null 2>&1;"
            "do sleep 0.1; done;")


def result_of(guest):
    """The JSON object of `--json` in what a command has printed."""
    text = guest.output
    return json.loads(text[text.index("\n{") if "\n{" in text else text.index("{"):])


# ---- frames from outside ----

class Echo:
    """Sends every frame of a wire back, so that there is traffic both ways."""

    def __init__(self, wire):
        self.wire, self.stopping = wire, False
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self):
        while not self.stopping:
            try:
                self.wire.echo_frame()
            except (TimeoutError, OSError):
                pass

    def stop(self):
        self.stopping = True
        self.thread.join(12)


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
def namespace_with_taps(taps, name=f"vionet-{os.getpid()}"):
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


def namespace_with_tap(tap="tap0", address="192.0.2.1/24"):
    return namespace_with_taps([(tap, address)])


def main():
    """[native] [VARIANT] in front of what unittest knows."""
    global ENVIRONMENT, VARIANT
    sys.dont_write_bytecode = True
    command = [sys.executable, *sys.argv]
    words = sys.argv[1:2]
    if words == ["native"]:
        ENVIRONMENT = native.Environment
        del sys.argv[1]
    if sys.argv[1:2] and sys.argv[1] in (native if ENVIRONMENT is native.Environment else vm).VARIANTS:
        VARIANT = sys.argv.pop(1)
    passed = unittest.main(verbosity=2, exit=False).result.wasSuccessful()
    if not passed and EMULATOR_FAILED and AGAIN not in os.environ:
        print("QEMU's fault, not ours: once more", file=sys.stderr, flush=True)
        os.execve(command[0], command, os.environ | {AGAIN: "yes"})
    sys.exit(0 if passed else 1)
