# SPDX-License-Identifier: BSD-3-Clause
"""A session with vm_features over the wire that is tested: commands and replies, and checks of the frames
that come back. """

import collections
import time

from environment.process import STEP_TIMEOUT

from config_matrix.frames import BROADCAST, COMMAND, OTHER, OWN, mixed, plain

# Frames in flight. A unix socket holds ten datagrams; with more, QEMU would have to wait, and has bugs
# there: with a packed ring and EVENT_IDX it then forgets to enable the next kick
# (virtio_net_tx_complete, 7.2 and 11.1), and 7.2 fails an assertion (async_tx.elem) when such a queue
# is reset.
WINDOW = 8


class Failed(Exception):
    """A cell of the table that failed; the text says why."""


class NotOffered(Exception):
    """The device does not have what the row needs."""


class Refused(Failed):
    """The driver replied to a command with an error."""


def check(condition, text):
    if not condition:
        raise Failed(text)


class Session:
    """One row on one device: `wire` leads to the device, `alive()` says whether vm_features runs."""

    def __init__(self, wire, alive, devices=None, row=None):
        self.wire, self.alive, self.devices, self.row = wire, alive, devices, row
        self.to = OWN  # the address of commands
        self.unexpected = collections.deque(maxlen=1000)  # frames that were no replies

    # ---- frames ----

    def receive(self, seconds):
        """The next frame that is not of the greeting, or None after so many seconds."""
        end = time.monotonic() + seconds
        while True:
            frame = self.wire.receive(end - time.monotonic())
            if frame is None or not frame[12:].startswith(COMMAND + b"A ready"):
                return frame

    def wait_ready(self, seconds=STEP_TIMEOUT):
        """Until vm_features on the other side says that it is ready."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            frame = self.wire.receive(0.2)
            if frame and frame[12:].startswith(COMMAND + b"A ready"):
                return
            if frame is None:
                said = self.alive()
                if said is not None:
                    raise Failed(said)
        raise Failed(f"vm_features did not come up within {seconds} s")

    # ---- commands ----

    def send_command(self, text):
        """Send a command and do not wait for the reply."""
        self.wire.send((self.to + OTHER + COMMAND + b"C " + text.encode()).ljust(60, b" "))

    def command(self, text, seconds=STEP_TIMEOUT):
        """The values of the reply to a command. Frames that come before it are kept."""
        self.send_command(text)
        words = self.reply(text, seconds)
        if words[0] != "ok":
            raise Refused(f"{text}: " + " ".join(words))
        return dict(w.split("=") for w in words[1:])

    def reply(self, what, seconds=STEP_TIMEOUT):
        end = time.monotonic() + seconds
        while True:
            frame = self.receive(min(end - time.monotonic(), 1))
            if frame is None:
                said = self.alive()
                if said is None and time.monotonic() < end:
                    continue
                raise Failed(f"{what}: {said or f'no answer within {seconds} s'}")
            if frame[12:16] == COMMAND + b"A ":
                return frame[16:].rstrip(b"\0").decode().split(" ")
            self.unexpected.append(frame)

    def refused(self, text):
        """The error of a command that must not succeed."""
        try:
            self.command(text)
        except Refused as e:
            return str(e)
        raise Failed(f"{text}: it was not refused")

    # ---- checks ----

    def echo(self, frames=None, count=300, longest=1514, window=WINDOW):
        """Every frame comes back once, byte for byte. Several queues may change their order."""
        waiting = collections.Counter()
        sent = 0
        for frame in mixed(count, longest) if frames is None else frames:
            if sum(waiting.values()) >= window:
                self.take_back(waiting)
            self.wire.send(frame)
            waiting[frame] += 1
            sent += 1
        while sum(waiting.values()):
            self.take_back(waiting)
        return sent

    def take_back(self, waiting):
        end = time.monotonic() + STEP_TIMEOUT
        while (frame := self.receive(1)) is None and self.alive() is None:
            if time.monotonic() > end:
                break
        missing = sum(waiting.values())
        if frame is None:
            raise Failed(self.alive() or f"{missing} frames did not come back")
        if waiting[frame] <= 0:
            raise Failed(f"a frame came back that was not sent: {frame[:64].hex()}...")
        waiting[frame] -= 1

    def arrives(self, to, vlan=None):
        """Does a frame for this address reach the driver? Its echo would come before the reply to
        the command behind it."""
        frame = plain(int(time.monotonic() * 1e6), 90, to, vlan)
        self.unexpected.clear()
        self.wire.send(frame)
        self.command("hello")
        return frame in self.unexpected

    def expect(self, frames_for, wanted):
        """`frames_for`: address -> does it arrive."""
        for name, (to, vlan) in frames_for.items():
            got = self.arrives(to, vlan)
            check(got == (name in wanted),
                  f"a frame for {name} {'arrives' if got else 'does not arrive'}")

    # ---- for most rows ----

    def info(self):
        info = self.command("info")
        for key in ("offered", "negotiated"):
            info[key] = int(info[key], 16)
        return info

    def address_all(self):
        self.to = BROADCAST
