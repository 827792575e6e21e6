#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""vionet as the front end of passt, as docs/recipes.md has it: passt records what we sent, and its replies
come back; and with `vionet tap` the kernel's TCP reaches a program behind passt, without a guest.

    python3 tests/vhost_user/passt.py [CLASS.METHOD]...
"""

import hashlib
import json
import os
import pathlib
import socket
import struct
import subprocess
import sys
import threading
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
import peer  # noqa: E402
from environment import signature  # noqa: E402

FETCH = pathlib.Path(__file__).resolve().parents[1] / "ports/fetch-root"
# A network without any listener. passt needs an interface with an address and a route.
LAB = """set -e
ip link add veth0 type veth peer name veth1
ip addr add 192.0.2.2/24 dev veth0
ip link set lo up
ip link set veth0 up
ip link set veth1 up
ip route add default via 192.0.2.1
"""
# One with a program that returns what it gets. Ours stands where the guest of passt would.
SERVERS = ("192.0.2.9", "2001:db8::9")
LISTENING = """ip addr add 2001:db8::2/64 dev veth0 nodad
ip addr add 192.0.2.9/32 dev veth1
ip addr add 2001:db8::9/128 dev veth1 nodad
ip route add default via 2001:db8::1 dev veth0
/usr/bin/env python3 "$PASST_TEST" return &
"""
CLIENT = """set -e
"$VIONET" tap "$1" vio 2>"$2" & tap=$!
until grep -q offloads: "$2"; do kill -0 $tap || { cat "$2"; exit 1; }; sleep 0.05; done
ip link set lo up
ip addr add 192.0.2.2/24 dev vio
ip addr add 2001:db8::2/64 dev vio nodad
/usr/bin/env python3 "$PASST_TEST" exchange
nstat -asz TcpInErrs TcpInCsumErrors
kill -INT $tap; wait $tap; cat "$2"
"""
PORT, SIZE = 7070, 4 << 20
HEADERS = ["--src-ip", "192.0.2.2", "--dst-ip", "192.0.2.1", "--dst-mac", "9a:55:9a:55:9a:55"]
COUNT = 100
ICMP_UNREACHABLE = b"\x03\x03"


def frames_of(path):
    """All frames of a pcap file."""
    data, at, frames = path.read_bytes(), 24, []
    while at + 16 <= len(data):
        length = struct.unpack_from("<I", data, at + 8)[0]
        frames.append(data[at + 16:at + 16 + length])
        at += 16 + length
    return frames


def read_all(connection):
    data = bytearray()
    while part := connection.recv(1 << 16):
        data += part
    return bytes(data)


def return_all():
    """Two connections, one of each family, one after the other: everything, and then back."""
    for address in SERVERS:
        with socket.create_server((address, PORT), family=peer_family(address)) as listener:
            listener.settimeout(peer.LIMIT)
            with listener.accept()[0] as connection:
                connection.sendall(read_all(connection))


def peer_family(address):
    return socket.AF_INET6 if ":" in address else socket.AF_INET


def connect(address):
    """passt accepts only when the listener does; until it is there it resets."""
    made = []

    def attempt():
        try:
            made.append(socket.create_connection((address, PORT), peer.STEP_TIMEOUT))
            # passt drops what its own socket has no room for (130,320 bytes of 200 segments went into it), and does not
            # acknowledge often enough for a fast retransmission: with more on its way the sender waits for its timer.
            made[0].setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 15)
        except OSError:
            return False
        return True
    peer.wait_until(attempt)
    return made[0]


def exchange():
    for address in SERVERS:
        data = os.urandom(SIZE)
        with connect(address) as connection:
            sender = threading.Thread(target=lambda: (connection.sendall(data), connection.shutdown(socket.SHUT_WR)))
            sender.start()
            back = read_all(connection)
            sender.join()
        same = hashlib.sha256(back).digest() == hashlib.sha256(data).digest()
        print(f"{address}: {len(back)} bytes back, {'the same' if same else 'others'}", flush=True)


class Case(peer.Case):
    programs = ["unshare", "ip"]
    lab, helper = LAB, __file__

    def setUp(self):
        super().setUp()
        found = subprocess.run([FETCH, "passt"], capture_output=True, text=True, check=False)
        if found.returncode != 0:
            self.skipTest(f"no passt of Debian 13: {found.stderr}")
        self.capture = self.folder / "passt.pcap"
        self.alone = ["unshare", "--net"] if os.geteuid() == 0 else ["unshare", "--map-root-user", "--net"]
        self.env = {"PASST_TEST": self.helper, "VIONET": str(peer.BUILD / "vionet")}
        # It would become the user nobody, who cannot write here.
        self.passt = self.start(
            [*self.alone, "sh", "-c", self.lab + 'exec "$@"', "lab", pathlib.Path(found.stdout.strip()) / "passt", "--runas", "0",
             "--vhost-user", "--socket", self.socket, "-f", "-t", "none", "-u", "none",
             "--pcap", self.capture], "passt", self.env)
        # It prints a line once it listens; in another network namespace it is not in our list of sockets.
        self.assertTrue(peer.wait_until(lambda: "You can start qemu" in self.passt.text(),
                                        self.passt.alive), self.passt.text())


class Passt(Case):
    def test_it_receives_and_replies(self):
        info = json.loads(self.vionet("info", "--json", self.device()))
        self.assertIn("VERSION_1", info["features"]["negotiated"])
        found = json.loads(self.vionet("pktgen", self.device(), "--json", "--interval", "0", "--count", COUNT,
                                       "--rate", "100", "--size", "60-1514", "--seed", "5", *HEADERS))
        self.assertEqual((found["tx"]["sent"], found["tx"]["completed"]), (COUNT, COUNT), found)
        seen = frames_of(self.capture)
        ours = [frame for frame in seen if signature.read(frame)]
        self.assertEqual(signature.numbers(ours), list(range(COUNT)))
        self.assertEqual(sum(map(len, ours)), found["tx"]["bytes"])
        # It replies to most; its capture has those that came before we ended.
        answers = [frame for frame in seen if frame[23] == 1 and frame[34:36] == ICMP_UNREACHABLE]
        self.assertEqual(len(seen), COUNT + len(answers))
        self.assertEqual(found["rx"]["own"], 0, found)
        self.assertGreater(found["rx"]["not_ours"], 0, found)
        self.assertLessEqual(found["rx"]["not_ours"], len(answers), found)
        self.assertTrue(self.passt.alive(), self.passt.text())


class Tap(Case):
    lab = LAB + LISTENING

    def test_tcp_both_ways(self):
        """Four megabytes and back, over IPv4 and IPv6; the kernel finds no wrong checksum."""
        client = self.start([*self.alone, "sh", "-c", CLIENT, "client", self.device(), self.folder / "tap"], "client",
                            self.env)
        self.assertEqual(client.process.wait(peer.LIMIT), 0, client.text() + self.passt.text())
        for address in SERVERS:
            self.assertIn(f"{address}: {SIZE} bytes back, the same\n", client.text())
        for counter in ("TcpInErrs", "TcpInCsumErrors"):
            self.assertRegex(client.text(), rf"{counter} +0 ")
        self.assertIn(" 0 invalid, 0 not sent", client.text())
        self.assertTrue(self.passt.alive(), self.passt.text())


if __name__ == "__main__":
    if sys.argv[1:] in (["return"], ["exchange"]):
        {"return": return_all, "exchange": exchange}[sys.argv[1]]()
    else:
        unittest.main(verbosity=2)
