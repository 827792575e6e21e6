# SPDX-License-Identifier: BSD-3-Clause
"""The far end of a device's cable: three kinds of wire that carry whole frames. """

import socket
import subprocess
import time

from environment.process import STEP_TIMEOUT

OUTGOING = 4  # PACKET_OUTGOING: the frames that we sent


class Datagrams:
    """A QEMU netdev: one datagram is one frame. Sending blocks while the guest is full."""

    def __init__(self, folder, name):
        ours, self.theirs = folder / f"{name}.a", folder / f"{name}.b"
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(str(ours))
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 20)
        self.netdev = (f"dgram,local.type=unix,local.path={self.theirs},"
                       f"remote.type=unix,remote.path={ours}")

    def send(self, frame):
        self.socket.settimeout(STEP_TIMEOUT)
        self.socket.sendto(frame, str(self.theirs))

    def receive(self, seconds):
        """The next frame, or None."""
        self.socket.settimeout(max(seconds, 0.001))
        try:
            return self.socket.recv(70000)
        except TimeoutError:
            return None

    def close(self):
        self.socket.close()


class Tap(Datagrams):
    """A tap of this machine's kernel, also with several queues, and a packet socket on it. Needs root, and
    a network namespace that nothing else is in."""

    def __init__(self, name, queues):
        ip("tuntap", "add", name, "mode", "tap", *["multi_queue"] * (queues > 1))
        with open(f"/proc/sys/net/ipv6/conf/{name}/disable_ipv6", "w", encoding="ascii") as f:
            f.write("1")
        ip("link", "set", name, "mtu", "9000", "up")
        self.socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
        self.socket.bind((name, 0))
        self.netdev = f"tap,ifname={name}" + (f",queues={queues}" if queues > 1 else "")

    def send(self, frame):
        self.socket.send(frame)

    def receive(self, seconds):
        end = time.monotonic() + seconds
        while True:
            self.socket.settimeout(max(end - time.monotonic(), 0.001))
            try:
                frame, address = self.socket.recvfrom(70000)
            except TimeoutError:
                return None
            if address[2] != OUTGOING:
                return frame


def ip(*words):
    subprocess.run(["ip", *words], check=True)


class Messages(Datagrams):
    """The peer unix:PATH of vionet-softnic: a message is a frame. We listen, it connects."""

    def __init__(self, path):
        self.path = path
        self.listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.listener.bind(str(path))
        self.listener.listen(1)
        self.listener.settimeout(STEP_TIMEOUT)

    def accept(self):
        self.socket = self.listener.accept()[0]
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 20)

    def send(self, frame):
        self.socket.settimeout(STEP_TIMEOUT)
        self.socket.send(frame)

    def receive(self, seconds):
        frame = super().receive(seconds)
        if frame == b"":
            raise ConnectionError("vionet-softnic has gone")
        return frame

    def close(self):
        self.listener.close()
        if hasattr(self, "socket"):
            self.socket.close()
