# SPDX-License-Identifier: BSD-3-Clause
"""What is behind a NIC with --peer: a thread with a datagram socket, where one datagram is one frame.

Sending blocks while the guest has no room, so that nothing is lost on this side.
"""

import os
import socket
import struct
import threading

FRAME_MAX = 65535
NAMES = "echo, sink, source[:SIZE], pcap:FILE"
TICK = 0.2  # seconds until it looks whether it is to end


class Peer(threading.Thread):
    def __init__(self, nic, folder):
        super().__init__(daemon=True)
        self.nic, self.ours, self.theirs = nic.name, f"{folder}/{nic.name}.peer", f"{folder}/{nic.name}.qemu"
        self.kind, _, self.argument = nic.peer.partition(":")
        self.received = self.sent = 0
        self.ending, self.playing = threading.Event(), nic.playing
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        try:
            self.socket.bind(self.ours)
        except OSError as e:
            raise OSError(e.errno, f"{e.strerror or e}: set TMPDIR to another folder", self.ours) from None
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 20)
        self.socket.settimeout(TICK)
        self.set_netdev(nic, self.theirs)
        self.behind, self.next = nic, None

    def set_netdev(self, nic, theirs):
        nic.netdev = f"dgram,local.type=unix,local.path={theirs},remote.type=unix,remote.path={self.ours}"

    def prepare_move(self):
        """The QEMU that is started next has another socket."""
        self.next = self.theirs + "+"
        self.set_netdev(self.behind, self.next)

    def move(self):
        self.theirs, before = self.next, self.theirs
        os.unlink(before)

    def run(self):
        sender = threading.Thread(target=self.send_all, daemon=True)
        sender.start()
        while not self.ending.is_set():
            try:
                frame = self.socket.recv(1 << 17)
            except TimeoutError:
                continue
            self.received += 1
            if self.kind == "echo":
                self.send(frame)
        sender.join()

    def send(self, frame):
        while not self.ending.is_set():
            try:
                self.socket.sendto(frame, self.theirs)
                self.sent += 1
                return
            except TimeoutError:
                pass
            except OSError:  # QEMU is not there yet, or not any more
                self.ending.wait(TICK)

    def send_all(self):
        while not self.playing.wait(TICK):
            if self.ending.is_set():
                return
        for frame in frames_of(self.kind, self.argument):
            if self.ending.is_set():
                return
            self.send(frame)

    def stop(self):
        self.ending.set()
        if self.is_alive():
            self.join()
        self.socket.close()
        for path in (self.ours, self.theirs):
            if os.path.exists(path):
                os.unlink(path)

    def result(self):
        return {"nic": self.nic, "kind": self.kind, "received": self.received, "sent": self.sent}


def frames_of(kind, argument):
    if kind == "pcap":
        yield from read_pcap(argument)
    number = 0
    while kind == "source":  # for everybody, of the type for local experiments, with a number
        yield (b"\xff" * 6 + b"\x02\0\0\0\0\x01\x88\xb5" + struct.pack(">Q", number)).ljust(int(argument or 60), b"\0")
        number += 1


def read_pcap(path):
    """The frames of a classic capture file."""
    if os.path.exists(path) and not os.path.isfile(path):
        raise ValueError(f"{path}: not a file")
    with open(path, "rb") as f:
        data = f.read()
    order = {b"\xd4\xc3\xb2\xa1": "<", b"\x4d\x3c\xb2\xa1": "<", b"\xa1\xb2\xc3\xd4": ">",
             b"\xa1\xb2\x3c\x4d": ">"}.get(data[:4])
    if not order:
        raise ValueError(f"{path}: not a pcap file (pcapng: editcap -F pcap)")
    at = 24
    while at + 16 <= len(data):
        length, = struct.unpack_from(order + "I", data, at + 8)
        if length > FRAME_MAX:
            raise ValueError(f"{path}: a frame of {length} bytes; a NIC takes up to {FRAME_MAX}")
        yield data[at + 16:at + 16 + length]
        at += 16 + length


def check(text):
    """Whether this is a --peer; what is wrong with it is said now."""
    kind, colon, argument = text.partition(":")
    if kind not in ("echo", "sink", "source", "pcap") or (colon and kind in ("echo", "sink")) or text == "pcap:":
        raise ValueError(f"--peer {text}: one of {NAMES}")
    if kind == "source" and colon and not (argument.isascii() and argument.isdigit() and 22 <= int(argument) <= 65535):
        raise ValueError(f"--peer {text}: SIZE is 22 to 65535 bytes")
    if kind == "pcap":
        try:
            for _ in read_pcap(argument):
                pass
        except OSError as e:
            raise ValueError(f"--peer {text}: {e.strerror}") from None


def make(o, folder):
    return [Peer(nic, folder) for nic in o.nics if nic.peer]
