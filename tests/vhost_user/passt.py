#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""vionet as the front end of passt, as docs/recipes.md has it: passt records what we sent, and its replies
come back.

    python3 tests/vhost_user/passt.py [CLASS.METHOD]...
"""

import json
import os
import pathlib
import struct
import subprocess
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import peer  # noqa: E402

FETCH = pathlib.Path(__file__).resolve().parents[1] / "ports/fetch-root"
# A network without any listener. passt needs an interface with an address and a route.
LAB = """set -e
ip link add veth0 type veth peer name veth1
ip addr add 192.0.2.2/24 dev veth0
ip link set lo up
ip link set veth0 up
ip link set veth1 up
ip route add default via 192.0.2.1
exec "$@"
"""
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


class Passt(peer.Case):
    programs = ["unshare", "ip"]

    def setUp(self):
        super().setUp()
        found = subprocess.run([FETCH, "passt"], capture_output=True, text=True, check=False)
        if found.returncode != 0:
            self.skipTest(f"no passt of Debian 13: {found.stderr}")
        self.capture = self.folder / "passt.pcap"
        alone = ["unshare", "--net"] if os.geteuid() == 0 else ["unshare", "--map-root-user", "--net"]
        # It would become the user nobody, who cannot write here.
        self.passt = self.start(
            [*alone, "sh", "-c", LAB, "lab", pathlib.Path(found.stdout.strip()) / "passt", "--runas", "0",
             "--vhost-user", "--socket", self.socket, "-f", "-t", "none", "-u", "none",
             "--pcap", self.capture], "passt")
        # It prints a line once it listens; in another network namespace it is not in our list of sockets.
        self.assertTrue(peer.wait_until(lambda: "You can start qemu" in self.passt.text(),
                                        self.passt.alive), self.passt.text())

    def test_it_receives_and_replies(self):
        info = json.loads(self.vionet("info", "--json", self.device()))
        self.assertIn("VERSION_1", info["features"]["negotiated"])
        found = json.loads(self.vionet("pktgen", self.device(), "--json", "--interval", "0", "--count", COUNT,
                                       "--rate", "100", "--size", "60-1514", "--seed", "5", *HEADERS))
        self.assertEqual((found["tx"]["sent"], found["tx"]["completed"]), (COUNT, COUNT), found)
        seen = frames_of(self.capture)
        ours = [frame for frame in seen if frame[42:43] == b"V"]
        self.assertEqual([struct.unpack_from("!Q", frame, 44)[0] for frame in ours], list(range(COUNT)))
        self.assertEqual(sum(map(len, ours)), found["tx"]["bytes"])
        # It replies to most; its capture has those that came before we ended.
        answers = [frame for frame in seen if frame[23] == 1 and frame[34:36] == ICMP_UNREACHABLE]
        self.assertEqual(len(seen), COUNT + len(answers))
        self.assertEqual(found["rx"]["own"], 0, found)
        self.assertGreater(found["rx"]["not_ours"], 0, found)
        self.assertLessEqual(found["rx"]["not_ours"], len(answers), found)
        self.assertTrue(self.passt.alive(), self.passt.text())


if __name__ == "__main__":
    unittest.main(verbosity=2)
