# SPDX-License-Identifier: BSD-3-Clause
"""The programs that are measured, and their back ends: each idle until a command. """

import contextlib
import json
import os
import pathlib
import re
import select
import subprocess
import tempfile
import time

ANSWER_LIMIT = 60  # seconds


class Failed(Exception):
    pass


class Refused(Failed):
    """The back end does not have what the row measures."""


def wait_for(what, seconds):
    """Whether what() became true in time."""
    end = time.monotonic() + seconds
    while not what():
        if time.monotonic() > end:
            return False
        time.sleep(0.005)
    return True


def end_of_input(process):
    """All of these programs end with their standard input; at the latest they are ended."""
    with contextlib.suppress(OSError):
        process.stdin.close()
    try:
        process.wait(5)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


class Program:
    """A program that replies to each command with a line of JSON; its diagnostics are in a file."""

    def __init__(self, command, log):
        self.log = log
        with open(log, "wb") as errors:
            self.process = subprocess.Popen([str(part) for part in command], stdin=subprocess.PIPE,
                                            stdout=subprocess.PIPE, stderr=errors, bufsize=0)
        self.rest = b""

    def answer(self):
        """The next line that is JSON: DPDK logs to standard output too."""
        end = time.monotonic() + ANSWER_LIMIT
        while True:
            while b"\n" in self.rest:
                line, self.rest = self.rest.split(b"\n", 1)
                with contextlib.suppress(ValueError):
                    return json.loads(line)
            left = max(0, end - time.monotonic())
            if not select.select([self.process.stdout], [], [], left)[0]:
                raise Failed(f"{self.process.args[0]} does not answer")
            got = os.read(self.process.stdout.fileno(), 65536)
            if not got:
                raise Failed(f"{self.process.args[0]} ended: {self.text()[-500:]}")
            self.rest += got

    def ask(self, order):
        self.process.stdin.write(order.encode() + b"\n")
        return self.answer()

    def text(self):
        return self.log.read_text(errors="replace")

    def end(self):
        end_of_input(self.process)
        self.process.stdout.close()


class Testpmd:
    """Debian's dpdk-testpmd with a net_vhost port: a back end that is not ours. Its forwarding
    thread is on CPU 1 and sleeps while it is stopped; the one that reads orders is on any.

    It is asked as bench_backend is. What it does while the driver transmits, receives, forwards:"""

    MODES = {"tx": "rxonly", "rx": "txonly", "forward": "flowgen"}
    PROMPT = b"testpmd> "

    def __init__(self, o, socket):
        self.log = socket.with_suffix(".testpmd.log")
        self.probes = Program([o.build / "bench_backend", socket.with_suffix(".probes"), "split"],
                              socket.with_suffix(".probes.log"))
        with open(self.log, "wb") as out:
            self.process = subprocess.Popen(
                ["stdbuf", "-oL", "dpdk-testpmd", "--lcores", "0@(0-1),1@1", "--no-huge", "-m", "192",
                 "--no-pci", "--no-telemetry", "--no-shconf",
                 f"--vdev=net_vhost0,iface={socket},queues=1", "--", "--interactive",
                 "--total-num-mbufs=8192", "--no-mlockall", "--no-lsc-interrupt", "--no-flush-rx",
                 "--disable-link-check"],
                stdin=subprocess.PIPE, stdout=out, stderr=subprocess.STDOUT)
        try:
            self.prompted(0)
        except Failed:
            self.end()
            raise

    def prompted(self, before):
        """Wait for one more prompt: the command is done."""
        def more():
            return self.log.read_bytes().count(self.PROMPT) > before or self.process.poll() is not None
        if not wait_for(more, ANSWER_LIMIT) or self.process.poll() is not None:
            raise Failed(f"dpdk-testpmd does not answer, or ended: {self.text()[-500:]}")

    def tell(self, order):
        """The output of a command."""
        before = self.log.read_bytes()
        try:
            self.process.stdin.write(order.encode() + b"\n")
            self.process.stdin.flush()
        except OSError as error:
            raise Failed(f"dpdk-testpmd has ended: {self.text()[-500:]}") from error
        self.prompted(before.count(self.PROMPT))
        return self.log.read_bytes()[len(before):].decode(errors="replace")

    def ask(self, order):
        if order == "probe":
            return self.probes.ask(order)
        if order == "stop":
            counted = re.findall(r"([RT]X)-packets: (\d+)", self.tell("stop"))[:2]
            if len(counted) != 2:
                raise Failed(f"dpdk-testpmd has not counted: {self.text()[-500:]}")
            return {way.lower(): int(count) for way, count in counted}
        self.tell(f"set fwd {self.MODES[order]}")
        if " packet forwarding - ports=1" not in self.tell("start"):
            raise Failed(f"dpdk-testpmd does not start: {self.text()[-500:]}")
        return "ok"

    def text(self):
        return self.log.read_text(errors="replace")

    def features(self):
        """What it negotiated with the driver."""
        found = re.findall(r"negotiated Virtio features: (0x[0-9a-f]+)", self.text())
        return int(found[-1], 16) if found else 0

    def end(self):
        self.probes.end()
        end_of_input(self.process)


class Side:
    """A driver and its back end; both idle until a command."""

    def __init__(self, o, folder, driver, layout, size, more=(), queues=1, behind=None):
        _, backend, options, own_options = layout
        socket = folder / f"{driver}.socket"
        socket.unlink(missing_ok=True)
        self.name = driver
        self.backend = (behind or own_backend)(o, socket, backend, queues)
        self.driver = None
        try:
            if not wait_for(lambda: socket.exists() or self.backend.process.poll() is not None, 10):
                raise Failed(f"no {socket}: {self.backend.text()[-500:]}")
            self.driver = Program([o.build / f"bench_{driver}", "--socket", socket, "--size", size,
                                   "--queues", queues, *options, *more,
                                   *own_options.get(driver, [])],
                                  folder / f"{driver}.log")
            self.opened = self.driver.answer()
        except Failed:
            self.end()
            raise

    def paths(self):
        """The path that the driver reports."""
        return re.findall(r"using (.*) on port", self.driver.text())

    def work(self, mode, order):
        """The driver's reply, and the back end's counters, if it has any."""
        self.backend.ask(mode)
        try:
            result = self.driver.ask(order)
        finally:
            counted = self.backend.ask("stop")
        if isinstance(counted, dict):
            result["peer"] = counted
        return result

    def end(self):
        if self.driver:
            self.driver.end()
        self.backend.end()


def own_backend(o, socket, layout, queues=1):
    return Program([o.build / "bench_backend", socket, layout, queues],
                   socket.with_suffix(".backend.log"))


def net_vhost(o, socket, layout, queues=1):
    if queues != 1:
        raise Failed("net_vhost is driven with one queue pair only")
    return Testpmd(o, socket)


@contextlib.contextmanager
def sides(o, layout, size, more=(), queues=1, behind=None):
    with tempfile.TemporaryDirectory(prefix="vionet-bench-") as name:
        with contextlib.ExitStack() as stack:
            both = []
            for driver in ("vionet", "dpdk"):
                both.append(Side(o, pathlib.Path(name), driver, layout, size, more, queues, behind))
                stack.callback(both[-1].end)
            yield both
