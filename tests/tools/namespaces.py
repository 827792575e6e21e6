# SPDX-License-Identifier: BSD-3-Clause
"""
Network namespaces for tests that have interfaces of the kernel: the test runs in namespaces of its own, where
it is root, so that nothing is left behind and no name is another test's. No privilege is needed where
the system lets users make namespaces.
"""

import ctypes
import json
import os
import re
import socket
import subprocess
import sys
import threading
import time
import unittest

from nic import DEADLINE

CLONE_NEWNET = 0x40000000
INSIDE = "VIONET_TEST_INSIDE"
libc = ctypes.CDLL(None, use_errno=True)


def main():
    """unittest.main() inside; status 77, which ctest takes for skipped, where that is not possible."""
    if os.environ.get(INSIDE):
        unittest.main()
    prefix = ["unshare", "--net", "--mount", *([] if os.getuid() == 0 else ["--map-root-user"])]
    ready = "mount -t tmpfs none /run && test -w /dev/net/tun"
    if subprocess.run([*prefix, "sh", "-c", ready], check=False).returncode:
        print("not run: no namespaces for this user, or no /dev/net/tun")
        sys.exit(77)
    os.environ[INSIDE] = "1"
    os.execvp(prefix[0], [*prefix, "sh", "-c", f'{ready} && exec "$@"', "sh",
                          sys.executable, *sys.argv])


def ip(*arguments):
    return subprocess.run(["ip", *arguments], check=True, capture_output=True, text=True).stdout


class Namespace:
    def __init__(self, name):
        self.name = name
        ip("netns", "add", name)
        self.ip("link", "set", "lo", "up")

    def close(self):
        ip("netns", "del", self.name)

    def ip(self, *arguments):
        return ip("-n", self.name, *arguments)

    def up(self, interface, *addresses):
        for address in addresses:
            self.ip("address", "add", address, "dev", interface, *(["nodad"] if ":" in address else []))
        self.ip("link", "set", interface, "up")

    def link(self, interface):
        """What `ip link` says of it; None: there is no such interface."""
        for link in json.loads(self.ip("-j", "-d", "link", "show")):
            if link["ifname"] == interface:
                return link
        return None

    def run(self, *command):
        return subprocess.run(["ip", "netns", "exec", self.name, *command], check=True,
                              capture_output=True, text=True).stdout

    def socket(self, *arguments):
        """A socket that stays in the namespace."""
        with open("/proc/thread-self/ns/net") as home, open(f"/run/netns/{self.name}") as there:
            assert libc.setns(there.fileno(), CLONE_NEWNET) == 0
            try:
                made = socket.socket(*arguments)
            finally:
                assert libc.setns(home.fileno(), CLONE_NEWNET) == 0
        made.settimeout(DEADLINE)
        return made

    def wrong_checksums(self):
        """What the kernel counted of packets with a wrong checksum or header, by name."""
        text = self.run("nstat", "-asz", "*CsumErrors", "*InHdrErrors", "TcpInErrs")
        found = {name: int(value) for name, value in re.findall(r"(?m)^(\w+)\s+(\d+)", text)}
        assert len(found) >= 6, text
        return {name: value for name, value in found.items() if value}


def wait_for(condition, what):
    until = time.monotonic() + DEADLINE
    while not (found := condition()):
        assert time.monotonic() < until, what
        time.sleep(0.01)
    return found


def stream(source, sink, address, data):
    """TCP from one namespace to the address of the other; what arrived."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with sink.socket(family, socket.SOCK_STREAM) as listener, source.socket(family, socket.SOCK_STREAM) as client:
        listener.bind((address, 0))
        listener.listen()
        client.connect(listener.getsockname()[:2])
        server = listener.accept()[0]
        with server:
            server.settimeout(DEADLINE)
            sender = threading.Thread(target=lambda: (client.sendall(data), client.shutdown(socket.SHUT_WR)))
            sender.start()
            got = bytearray()
            while part := server.recv(1 << 16):
                got += part
            sender.join(DEADLINE)
    return bytes(got)
