# SPDX-License-Identifier: BSD-3-Clause
"""One run: starts QEMU, passes the command's output on, forwards Ctrl-C, and always ends QEMU.

Channels to the guest (guest/agent is the other end): 'ctl' carries lines both ways; 'out' and
'err' (or 'tty') carry the command's bytes, and at the end a marker, because the exit status on
'ctl' may overtake them.
"""

import os
import selectors
import signal
import socket
import subprocess
import sys
import time

from . import actions, qemu, qmp, snapshot
from .limits import BOOT_LIMIT

ENDING = []  # the signals that end this program


class Over(Exception):
    """The run ends early, with this status."""

    def __init__(self, status, message=""):
        super().__init__(message)
        self.status = status


class Output:
    """Bytes from the guest to one of our file descriptors, until the marker."""

    def __init__(self, fd, marker):
        self.fd, self.marker, self.held, self.ended = fd, marker, b"", False

    def feed(self, data):
        data = self.held + data
        before, found, _ = data.partition(self.marker)
        self.ended = bool(found)
        keep = 0 if found else self.overlap(before)
        self.held = before[len(before) - keep:]
        self.write(before[:len(before) - keep])

    def overlap(self, data):
        """How many bytes at the end may be the beginning of the marker."""
        sizes = range(min(len(self.marker) - 1, len(data)), 0, -1)
        return next((n for n in sizes if data.endswith(self.marker[:n])), 0)

    def write(self, data):
        view = memoryview(data)
        while view:
            try:
                view = view[os.write(self.fd, view):]
            except BlockingIOError:
                time.sleep(0.01)
            except BrokenPipeError:
                raise Over(141) from None


class Session:
    def __init__(self, options, image, marker, log, complaints):
        self.options, self.log, self.complaints = options, log, complaints
        self.status, self.boots, self.interrupts, self.lines = None, 0, 0, b""
        self.begin, self.command_began = time.monotonic(), None
        self.watch = actions.Watch(options.actions)
        self.selector = selectors.DefaultSelector()
        self.outputs = {n: Output(fd, marker) for n, fd in output_fds().items()}
        self.ours, self.qemu, self.image, self.snapshot = {}, None, image, None

    def start(self):
        """The machine, from the beginning or from its snapshot."""
        open(self.log, "wb").close()  # QEMU appends to it
        if not self.options.snapshot:
            self.launch(self.options)
            return
        self.snapshot = snapshot.Snapshot(self.options, self.image, ("ctl", "monitor", "control", *self.outputs))
        if not self.snapshot.there:
            self.make_snapshot()
        self.launch(self.options, "-incoming", "defer")
        self.with_snapshot(self.snapshot.resume)
        try:
            self.ours["ctl"].sendall(f"{len(self.image.later)}\n".encode() + self.image.later)
        except OSError:
            raise Over(125, "the guest did not start") from None

    def make_snapshot(self):
        """With another QEMU, which ends."""
        self.launch(snapshot.without_functions(self.options))
        while not self.snapshot.there:
            self.step()
        self.send("quit", "monitor")
        self.qemu.wait()
        self.forget(self.ours)

    def launch(self, o, *arguments):
        """QEMU, and our ends of its channels."""
        pairs = {name: socket.socketpair() for name in ("ctl", "monitor", "control", *self.outputs)}
        self.ours = {name: pair[0] for name, pair in pairs.items()}
        theirs = {name: pair[1] for name, pair in pairs.items()}
        command = [*qemu.command_line(o, self.image, self.log, theirs), *arguments]
        if self.options.print_qemu:
            print(*map(str, command), file=sys.stderr)
        self.qemu = spawn(command, theirs.values(), self.complaints)
        for sock in theirs.values():
            sock.close()
        self.control = qmp.Qmp(self.ours["control"])
        for name, sock in self.ours.items():
            if name != "control":
                self.selector.register(sock, selectors.EVENT_READ, name)

    def migrate(self):
        """To another QEMU here, which takes the place of this one; peers follow it once it runs. Where that fails this one goes
        on."""
        before, ours, control = self.qemu, self.ours, self.control
        try:
            self.send_state(control)
        except BaseException:
            self.return_to(before, ours, control)
            raise
        for peer in self.options.peers:
            peer.move()
        rest = [(name, drain(sock)) for name, sock in ours.items() if name in (*self.outputs, "ctl")]
        self.forget(ours)
        ours["monitor"].sendall(b"quit\n")
        before.wait()
        for name, data in rest:
            self.receive(name, data)

    def send_state(self, control):
        """From the QEMU of `control` to a new one, which is this session's from now on."""
        meeting = f"unix:{os.path.dirname(self.image.initrd)}/migrate"
        if self.options.monitor and os.path.exists(self.options.monitor):
            os.unlink(self.options.monitor)
        for peer in self.options.peers:
            peer.prepare_move()
        self.launch(self.options, "-incoming", "defer")
        self.control.command("migrate-incoming", uri=meeting)
        control.command("migrate", uri=meeting)
        snapshot.wait(lambda: control.command("query-migrate").get("status") in ("completed", "failed"), BOOT_LIMIT)
        came = control.command("query-migrate")
        if came["status"] != "completed":
            raise qmp.QmpError("migrate: " + came.get("error-desc", "it failed"))

    def return_to(self, qemu, ours, control):
        """The QEMU that was to take its place ends."""
        if self.qemu is qemu:
            return
        self.qemu.kill()
        self.qemu.wait()
        self.forget(self.ours)
        for sock in self.ours.values():
            sock.close()
        self.qemu, self.ours, self.control = qemu, ours, control

    def forget(self, channels):
        """Nothing is heard of these any more."""
        for name, sock in channels.items():
            if name != "control":
                self.selector.unregister(sock)

    @property
    def started(self):
        return self.boots > 0

    def seconds(self):
        """Of the boot and of the command, as far as they came."""
        now = time.monotonic()
        began = self.command_began or now
        return began - self.begin, now - began

    def send(self, line, channel="ctl"):
        try:
            self.ours[channel].sendall(line.encode() + b"\n")
        except OSError:
            pass

    def run(self):
        """Until the command is over; its exit status."""
        self.catch_signals()
        try:
            self.start()
            while not self.finished():
                self.step()
        except Over as e:
            if str(e):
                say(str(e))
            return e.status
        finally:
            self.stop()
        return self.status

    def with_snapshot(self, step):
        try:
            step(self.control, BOOT_LIMIT)
        except (qmp.QmpError, TimeoutError, KeyError) as e:
            self.snapshot.forget()
            raise Over(125, f"the snapshot: {e}") from None

    def finished(self):
        return self.status is not None and all(o.ended for o in self.outputs.values())

    def step(self):
        for key, _ in self.selector.select(self.time_left()):
            if key.fileobj not in self.ours.values():
                continue  # of the QEMU that it came from
            try:
                data = key.fileobj.recv(1 << 16)
            except ConnectionResetError:
                data = b""
            if not data:
                raise Over(125, "the guest died" if self.started else "the guest did not start")
            self.receive(key.data, data)

    def time_left(self):
        booting, running = self.seconds()
        limit = self.options.timeout
        if not self.started:
            most = self.options.boot_timeout
            if booting >= most:
                raise Over(125, f"the guest did not start within {most:g} s (--boot-timeout)")
            return most - booting
        if limit is not None and running >= limit:
            raise Over(124, f"killed {limit:g} s after the command's start")
        return None if limit is None else limit - running

    def receive(self, name, data):
        if name in self.outputs:
            self.outputs[name].feed(data)
            self.act(name, data)
        if name != "ctl":
            return
        *lines, self.lines = (self.lines + data).split(b"\n")
        for line in lines:
            self.message(*line.decode(errors="replace").partition(" ")[::2])

    def message(self, word, rest):
        if word == "started":
            self.boots += 1
            for peer in self.options.peers if self.boots == 1 else ():
                peer.start()
            self.command_began = self.command_began or time.monotonic()
            self.set_trace("on")
            self.send(f"go {self.boots}")
            self.act("ctl")
        elif word == "waiting" and not self.snapshot.there:
            self.with_snapshot(self.snapshot.save)
        elif word == "note":
            say(rest)
        elif word == "exit":
            self.status = int(rest)

    def act(self, channel, data=b""):
        for action in self.watch.feed(channel, data):
            actions.perform(action, self)
            if action.error:
                say(f"--at '{action.mark}' {action.text}: {action.error}")

    def set_trace(self, state):
        """Trace only the command: not the start of the guest's own virtio devices."""
        for event in qemu.trace_events(self.options):
            self.send(f"trace-event {event} {state}", "monitor")

    def catch_signals(self):
        catch_signals()
        signal.signal(signal.SIGINT, self.on_interrupt)
        if "tty" in self.outputs:
            signal.signal(signal.SIGWINCH, lambda *_: self.send("size {} {}".format(*window())))

    def on_interrupt(self, *_):
        self.interrupts += 1
        if not self.started or self.interrupts > 1:
            on_end(signal.SIGINT, None)
        self.send("interrupt")

    def stop(self):
        """Asks QEMU to quit, so that it closes its trace and capture files; insists after 5 s."""
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
        if not self.qemu:
            return
        self.set_trace("off")
        self.send("quit", "monitor")
        try:
            self.qemu.wait(5)
        except subprocess.TimeoutExpired:
            self.qemu.kill()
            self.qemu.wait()


def drain(sock):
    """What is left in a socket whose other end writes no more."""
    sock.setblocking(False)
    data = b""
    try:
        while part := sock.recv(1 << 16):
            data += part
    except BlockingIOError:
        pass
    return data


def catch_signals():
    """Where no guest runs: each of them ends the program."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, on_end)


def on_end(number, _):
    ENDING.append(number)
    raise Over(128 + number)


def ending():
    """Whether a signal has asked this program, not only the command, to end."""
    return bool(ENDING)


def output_fds():
    """The channels for the command's stdout and stderr, and our descriptor for each."""
    names = {"tty" if os.isatty(fd) else name: fd for fd, name in ((2, "err"), (1, "out"))}
    return names


def window():
    try:
        size = os.get_terminal_size(1 if os.isatty(1) else 2)
    except OSError:
        return 24, 80
    return size.lines, size.columns


def spawn(command, sockets, complaints):
    """QEMU, in a session of its own (Ctrl-C is ours to handle), which dies when we do."""
    try:
        return subprocess.Popen(
            ["setpriv", "--pdeathsig", "KILL", *map(str, command)], stdin=subprocess.DEVNULL,
            stdout=complaints, stderr=complaints, start_new_session=True,
            pass_fds=[s.fileno() for s in sockets])
    except FileNotFoundError as e:
        raise Over(125, f"{e.filename}: not found; run scripts/setup vm") from None


def say(text):
    sys.stdout.flush()
    print(f"vm: {text}", file=sys.stderr, flush=True)
