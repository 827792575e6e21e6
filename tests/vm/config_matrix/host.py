# SPDX-License-Identifier: BSD-3-Clause
"""A kernel that checks packets with checksum and segmentation offload.

QEMU passes them to the tap unchanged, and a kernel trusts the offload request of its own tap. So they
go on over a bridge and a pair of veths without offloads: there the kernel has to segment and compute
checksums as the packet's virtio header says. The other end, in a namespace of its own, sees plain
frames and checks them like any that come from a wire.

  tap - bridge - veth (no offloads) | veth, addresses, sockets, vxlan, tcpdump
"""

import contextlib
import ctypes
import os
import re
import socket
import subprocess
import time

import common
from config_matrix.session import Failed, check
from config_matrix.wires import ip
from environment.process import STEP_TIMEOUT, wait_until

COUNT = 20
SIZE = {"csum": 1000, "uso": 10000, "tso": 10000, "tunnel": 10000, "tunnelsum": 10000}
CLONE_NEWNET, SO_RCVBUFFORCE = 0x40000000, 33
LAST = b"\xff" * 6 + b"\x02\0\0\0\0\x02" + b"\x88\xb5" + b"the last frame".ljust(46)
STATUS = ("ip.checksum.status", "tcp.checksum.status", "udp.checksum.status")


def data(kind, number):
    """The data of request `number` of a kind (programs/offload.c)."""
    return bytes((i * 7 + number) & 0xff for i in range(SIZE[kind.rstrip("46")]))


@contextlib.contextmanager
def inside(name):
    """Sockets that are made meanwhile belong to that namespace."""
    libc = ctypes.CDLL(None, use_errno=True)
    with open("/proc/thread-self/ns/net", "rb") as ours, open(f"/run/netns/{name}", "rb") as there:
        if libc.setns(there.fileno(), CLONE_NEWNET):
            raise Failed(f"setns {name}: {os.strerror(ctypes.get_errno())}")
        try:
            yield
        finally:
            libc.setns(ours.fileno(), CLONE_NEWNET)


def listen(six):
    wire = socket.socket(socket.AF_INET6 if six else socket.AF_INET, socket.SOCK_DGRAM)
    wire.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 1 << 24)
    if six:
        wire.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    wire.settimeout(STEP_TIMEOUT)
    wire.bind(("", 9000))
    return wire


class Host:
    """A tap for QEMU, and what is behind it."""

    def __init__(self, folder, tap):
        self.name, self.netdev = f"vionet-{os.getpid()}-{tap}", f"tap,ifname={tap}"
        self.capture = folder / f"{tap}.pcap"
        ip("netns", "add", self.name)
        self.closing = contextlib.ExitStack()
        self.closing.callback(ip, "netns", "del", self.name)
        try:
            self.lay(tap)
            self.addresses()
            with inside(self.name):
                self.sockets = {six: self.closing.enter_context(listen(six))
                                for six in (False, True)}
            self.start_capture()
        except BaseException:
            self.closing.close()
            raise

    def lay(self, tap):
        bridge, near = f"b{tap}", f"v{tap}"
        self.near = near
        ip("tuntap", "add", tap, "mode", "tap")
        ip("link", "add", bridge, "type", "bridge")
        ip("link", "add", near, "type", "veth", "peer", "name", "far", "netns", self.name)
        subprocess.run(["ethtool", "-K", near, "tx", "off", "gso", "off", "tso", "off"],
                       check=True, stdout=subprocess.DEVNULL)
        for port in (tap, near, bridge):
            with open(f"/proc/sys/net/ipv6/conf/{port}/disable_ipv6", "w", encoding="ascii") as f:
                f.write("1")
            if port != bridge:
                ip("link", "set", port, "master", bridge)
            ip("link", "set", port, "up")

    def addresses(self):
        def there(words):
            ip("-n", self.name, *words.split())
        there("link set lo up")
        there("link set far address 02:00:00:00:00:01 up")
        there("address add 10.0.0.1/24 dev far")
        there("-6 address add fd00::1/64 dev far nodad")
        for name, outer, inner in (("vx4", "10.0.0.1", "192.168.77.1/24"),
                                   ("vx6", "fd00::1", "fd77::1/64 nodad")):
            there(f"link add {name} type vxlan id 7 dstport 4789 local {outer} dev far "
                  "udp6zerocsumrx")
            there(f"link set {name} address 02:77:00:00:00:01 up")
            address, *words = inner.split()
            there(f"address add {address} dev {name} {' '.join(words)}".strip())

    def start_capture(self):
        self.tcpdump = subprocess.Popen(
            ["ip", "netns", "exec", self.name, "tcpdump", "-i", "far", "-p", "-U", "--immediate-mode",
             "-Q", "in",
             "-B", "32768", "-w", self.capture], stderr=subprocess.DEVNULL)
        self.closing.callback(self.stop_capture)
        check(wait_until(self.capture.exists, lambda: self.tcpdump.poll() is None),
              "tcpdump does not start")

    def wait_for_capture(self):
        """tcpdump is behind on a busy machine, and ends with what it has not written: so one more frame, the last."""
        with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as wire:
            wire.bind((self.near, 0))
            wire.send(LAST)
        check(wait_until(lambda: LAST in self.capture.read_bytes(), lambda: self.tcpdump.poll() is None),
              "tcpdump does not come to the last frame")

    def stop_capture(self):
        if self.tcpdump.poll() is None:
            self.tcpdump.terminate()
            self.tcpdump.wait(STEP_TIMEOUT)

    def close(self):
        self.closing.close()

    # ---- checks ----

    def check_all(self, kinds, sent):
        check(sent == {**dict.fromkeys(kinds, COUNT), "invalid": 0}, f"sent {sent}")
        for kind in kinds:
            if not kind.startswith("tso"):
                self.datagrams(kind)
        time.sleep(0.2)
        self.counters(kinds)
        self.wait_for_capture()
        self.stop_capture()
        return self.captured(kinds)

    def datagrams(self, kind):
        for number in range(COUNT):
            want = data(kind, number)
            for at in range(0, len(want), 1000):
                try:
                    got = self.sockets[kind.endswith("6")].recv(20000)
                except TimeoutError:
                    raise Failed(f"{kind} {number}: the socket got nothing from byte {at} on") from None
                check(got == want[at:at + 1000], f"{kind} {number}: other bytes at {at}")

    def counters(self, kinds):
        text = subprocess.run(
            ["ip", "netns", "exec", self.name, "nstat", "-asz", "*CsumErrors", "*InHdrErrors",
             "TcpInErrs", "UdpInErrors", "Udp6InErrors", "TcpOutRsts"],
            capture_output=True, text=True, check=True).stdout
        counts = {n: int(v) for n, v in re.findall(r"(?m)^(\w+)\s+(\d+)", text)}
        resets = counts.pop("TcpOutRsts")
        check(len(counts) >= 6 and not any(counts.values()), f"the kernel counts {counts}")
        streams = sum(k.startswith("tso") for k in kinds)
        # No process listens: the kernel replies to each segment, which it does only if the checksum is right.
        check(resets >= streams * COUNT, f"{resets} segments were answered")

    def captured(self, kinds):
        """Every frame is segmented and its checksums are right: 1; 3 and 4 are those that tunnels leave
        out in the outer header."""
        checks = [w for n in ("ip", "tcp", "udp") for w in ("-o", f"{n}.check_checksum:TRUE")]
        frames = common.tshark(self.capture, ["frame.len", *STATUS, "tcp.payload"], *checks,
                            "-o", "tcp.desegment_tcp_streams:FALSE", "-E", "occurrence=a",
                            "-Y", "(tcp.dstport == 9000 or udp.dstport == 9000) and eth.src[0:2] == 52:54")
        streams = b""
        for length, *states, payload in frames:
            check(int(length) <= 1514, f"a frame of {length} bytes was not cut")
            for name, state in zip(STATUS, states):
                good = {"1", "3", "4"} if name.startswith("udp") and "," in state else {"1"}
                check(set(state.split(",")) <= good | {""}, f"{name} is {state}")
            streams += bytes.fromhex(payload.replace(":", ""))
        want = sum(COUNT * SIZE[k.rstrip("46")] // 1000 for k in kinds)
        check(len(frames) == want, f"{len(frames)} frames instead of {want}")
        check(streams == b"".join(data(k, n) for k in kinds if k.startswith("tso")
                                  for n in range(COUNT)), "a stream has other bytes")
        return f"{len(frames)} frames cut and summed"
