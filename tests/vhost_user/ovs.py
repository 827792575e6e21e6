#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""vionet at two ports of Open vSwitch with DPDK, as two virtual machines would be.

The switch is a private one: its database, sockets and network namespace are the test's own.

    python3 tests/vhost_user/ovs.py [CLASS.METHOD]...
"""

import json
import os
import pathlib
import subprocess
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import peer  # noqa: E402

# Without huge pages DPDK wants --legacy-mem, or Open vSwitch adds an option that excludes it.
DPDK = "--no-huge --legacy-mem -m 512 --no-pci --no-telemetry"


class Installed:
    """Debian 12's; or another one, below a folder of tests/ports/fetch-root."""

    vsctl, server, tool = "ovs-vsctl", "ovsdb-server", "ovsdb-tool"
    vswitchd = "/usr/lib/openvswitch-switch-dpdk/ovs-vswitchd-dpdk"
    schema = "/usr/share/openvswitch/vswitch.ovsschema"
    dpdk = DPDK

    def __init__(self, root=None):
        if not root:
            return
        self.vsctl, self.server, self.tool, self.vswitchd = (
            str(root / name) for name in ("ovs-vsctl", "ovsdb-server", "ovsdb-tool", "ovs-vswitchd-dpdk"))
        self.schema = str(root) + self.schema
        driver = next(root.glob("usr/lib/*/librte_mempool_ring.so.*"))
        self.dpdk += f" -d {driver}"


class Switch(peer.Case):
    switch_is = Installed()
    programs = ["ovs-vsctl", "ovsdb-server", "ovsdb-tool", Installed.vswitchd, "unshare"]

    def setUp(self):
        super().setUp()
        folder = str(self.folder)
        self.paths = {"OVS_RUNDIR": folder, "OVS_LOGDIR": folder, "OVS_DBDIR": folder,
                      "XDG_RUNTIME_DIR": folder}
        self.database = f"unix:{folder}/db"
        subprocess.run([self.switch_is.tool, "create", self.folder / "conf", self.switch_is.schema], check=True,
                       env={**os.environ, **self.paths})
        database = self.start([self.switch_is.server, self.folder / "conf", f"--remote=punix:{folder}/db",
                    f"--unixctl={folder}/db.ctl"], "database", self.paths)
        self.assertTrue(peer.wait_until(lambda: peer.listens(self.folder / "db"), database.alive),
                        database.text())
        self.vsctl("--no-wait", "init")
        self.vsctl("--no-wait", "set", "Open_vSwitch", ".", "other_config:dpdk-init=true",
                   f"other_config:dpdk-extra={self.switch_is.dpdk}", "other_config:pmd-maxsleep=100",
                   # Otherwise each port asks for 800 MB of packet buffers.
                   "other_config:per-port-memory=true")
        self.run_switch()
        self.vsctl("add-br", "bridge", "--", "set", "bridge", "bridge", "datapath_type=netdev")
        # One port connects to us, at the other it listens.
        self.vsctl("add-port", "bridge", "a", "--", "set", "Interface", "a",
                   "type=dpdkvhostuserclient", f"options:vhost-server-path={folder}/a")
        self.vsctl("add-port", "bridge", "b", "--", "set", "Interface", "b", "type=dpdkvhostuser")
        # In another network namespace it is not in our list of sockets.
        self.assertTrue(peer.wait_until((self.folder / "b").exists, self.switch.alive),
                        self.switch.text())
        self.a, self.b = f"vhost-user:{folder}/a,server,wait=60", f"vhost-user:{folder}/b"

    def run_switch(self):
        alone = ["unshare", "--net"] if os.geteuid() == 0 else ["unshare", "--map-root-user", "--net"]
        self.switch = self.start([*alone, self.switch_is.vswitchd, self.database,
                                  f"--unixctl={self.folder}/switch.ctl", "--no-chdir"],
                                 "switch", self.paths)

    def vsctl(self, *arguments):
        done = subprocess.run([self.switch_is.vsctl, f"--db={self.database}",
                               f"--timeout={peer.STEP_TIMEOUT}", *arguments],
                              capture_output=True, text=True, env={**os.environ, **self.paths})
        self.assertEqual(done.returncode, 0, done.stderr + self.switch_text())
        return done.stdout

    def switch_text(self):
        log = self.folder / "switch.log"
        return log.read_text(errors="replace")[-4000:] if log.exists() else ""

    def pass_frames(self, sender, receiver, count):
        """Frames that enter at one port leave at the other: all of them, once, in order. What both report.

        The switch drops what finds no room at the receiver, which has ten times the sender's.
        """
        same = ["--stream", "7", "--interval", "0", "--json"]
        receiving = self.vionet_in_background("pktgen", receiver, "--rx-only", "--count", count,
                                              "--duration", "60", "--queue-size", "4096", *same)
        # The switch forwards to a port once it is up.
        up = peer.wait_until(lambda: self.port_is_up(receiver), lambda: receiving.poll() is None)
        self.assertTrue(up, self.switch_text())
        sent = json.loads(self.vionet("pktgen", sender, "--count", count, "--rate", "4k", "--size",
                                      "imix", *same))
        out, err = receiving.communicate(timeout=peer.STEP_TIMEOUT)
        self.assertEqual(receiving.returncode, 0, err + self.switch_text())
        rx = json.loads(out)["rx"]
        self.assertEqual(sent["tx"]["completed"], count)
        self.assertEqual(rx["own"], count, rx)
        for what in "lost", "duplicates", "reordered", "damaged":
            self.assertEqual(rx[what], 0, rx)
        return sent["tx"], rx

    def port_is_up(self, device):
        path = device.split(":", 1)[1].split(",")[0]
        if f"({path}) virtio is now ready" not in self.switch.text():
            return False
        # The switch notices later, and drops frames for the port until then.
        name = pathlib.Path(path).name
        return self.vsctl("get", "Interface", name, "link_state").strip() == "up"

    def test_frames_from_port_to_port(self):
        self.pass_frames(self.a, self.b, 4000)

    def test_and_back(self):
        self.pass_frames(self.b, self.a, 4000)


if __name__ == "__main__":
    unittest.main(verbosity=2)
