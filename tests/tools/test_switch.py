# SPDX-License-Identifier: BSD-3-Clause
"""
Two devices and a switch between them that is not ours: the kernel's bridge, with a port for each device.
"""

import json
import os
import subprocess
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "softnic"))

import namespaces  # noqa: E402
from namespaces import ip  # noqa: E402
from nic import DEADLINE, Softnic, binary  # noqa: E402

VIONET = os.path.join(os.environ.get("VIONET_BUILD", os.path.dirname(binary())), "vionet")
PLAIN = ["setarch", "-R"] if "tsan" in VIONET else []
MACS = "02:00:00:00:00:0a", "02:00:00:00:00:0b"


class Switch(unittest.TestCase):
    def setUp(self):
        self.ends = []
        ip("link", "add", "switch", "type", "bridge", "mcast_snooping", "0")
        self.addCleanup(ip, "link", "del", "switch")
        for name, mac in zip(("left", "right"), MACS):
            ip("tuntap", "add", name, "mode", "tap")
            self.addCleanup(ip, "tuntap", "del", name, "mode", "tap")
            nic = Softnic("--lossless", "--mac", mac, "--peer", f"tap:{name}")
            self.addCleanup(nic.close)
            self.ends.append(nic)
            ip("link", "set", name, "master", "switch", "up")
        ip("link", "set", "switch", "up")

    def measure(self, *arguments):
        done = subprocess.run([*PLAIN, VIONET, "test", *arguments, ",".join(f"vfio-user:{nic.path}" for nic in self.ends),
                               "--json", "--linger", "200ms", "--pause", "1ms"], capture_output=True, text=True,
                              timeout=10 * DEADLINE)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        return json.loads(done.stdout)

    def heard(self):
        """Where the switch has heard the devices."""
        rows = json.loads(subprocess.run(["bridge", "-j", "fdb", "show", "br", "switch"], check=True, capture_output=True,
                                         text=True).stdout)
        return {(row["mac"], row["ifname"]) for row in rows if row["mac"] in MACS}

    def test_both_directions(self):
        result = self.measure("throughput", "--sizes", "64,1518", "--trial", "0.2", "--max-rate", "500pps", "--flows", "64")
        for size in result["sizes"]:
            goal, = size["goals"]
            self.assertEqual((goal["result"], goal["throughput_pps"]), ("above max rate", 500))
        self.assertEqual(self.heard(), {(MACS[0], "left"), (MACS[1], "right")})

    def test_one_direction_with_tags(self):
        """The switch has heard of the second device, too, which does not send at the trials."""
        result = self.measure("loss", "--sizes", "68", "--trial", "0.2", "--rate", "500pps", "--step", "40%", "--vlan", "100",
                              "--direction", "one")
        first = result["trials"][0]
        self.assertEqual((first["intended"], first["received"], first["loss_ratio"]), (100, first["sent"], 0))
        self.assertEqual(self.heard(), {(MACS[0], "left"), (MACS[1], "right")})

    def test_a_port_that_is_not_connected(self):
        ip("link", "set", "right", "nomaster")
        result = self.measure("loss", "--sizes", "64", "--trial", "0.1", "--rate", "500pps", "--step", "40%")
        self.assertEqual({trial["loss_ratio"] for trial in result["trials"]}, {1})


if __name__ == "__main__":
    namespaces.main()
