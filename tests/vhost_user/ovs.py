#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""vionet at two ports of Open vSwitch with DPDK, as two virtual machines would be.

The switch is a private one: its database, sockets and network namespace are the test's own.

    python3 tests/vhost_user/ovs.py [CLASS.METHOD]...
"""

import json
import pathlib
import re
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import flows  # noqa: E402
import peer  # noqa: E402
from front_case import Client  # noqa: E402
from vm.harness import ovs  # noqa: E402
from vm.harness.ovs import Installed  # noqa: E402


class Switch(peer.Case):
    switch_is = Installed()
    programs = ovs.PROGRAMS

    def setUp(self):
        super().setUp()
        self.switch = ovs.Switch(self.folder, self.start, self.switch_is)
        # One port connects to us, at the other it listens.
        self.switch.add_client("a")
        self.switch.add_server("b")
        self.a, self.b = f"vhost-user:{self.folder}/a,server,wait=60", f"vhost-user:{self.folder}/b"

    def pass_frames(self, sender, receiver, count):
        """Frames that enter at one port leave at the other: all of them, once, in order. What both report.

        The switch drops what finds no room at the receiver, which has ten times the sender's.
        """
        same = ["--stream", "7", "--interval", "0", "--json"]
        receiving = self.vionet_in_background("pktgen", receiver, "--rx-only", "--count", count,
                                              "--duration", "60", "--queue-size", "4096", *same)
        # The switch forwards to a port once it is up.
        up = peer.wait_until(lambda: self.port_is_up(receiver), lambda: receiving.poll() is None)
        self.assertTrue(up, self.switch.text())
        sent = json.loads(self.vionet("pktgen", sender, "--count", count, "--rate", "4k", "--size",
                                      "imix", *same))
        out, err = receiving.communicate(timeout=peer.STEP_TIMEOUT)
        self.assertEqual(receiving.returncode, 0, err + self.switch.text())
        rx = json.loads(out)["rx"]
        self.assertEqual(sent["tx"]["completed"], count)
        self.assertEqual(rx["own"], count, rx)
        for what in "lost", "duplicates", "reordered", "damaged":
            self.assertEqual(rx[what], 0, rx)
        return sent["tx"], rx

    def port_is_up(self, device):
        path = device.split(":", 1)[1].split(",")[0]
        if f"({path}) virtio is now ready" not in self.switch.process.text():
            return False
        # The switch notices later, and drops frames for the port until then.
        name = pathlib.Path(path).name
        return self.switch.vsctl("get", "Interface", name, "link_state").strip() == "up"

    def test_frames_from_port_to_port(self):
        self.pass_frames(self.a, self.b, 4000)

    def test_and_back(self):
        self.pass_frames(self.b, self.a, 4000)

    def test_flows_both_ways(self):
        """A client of the Open Traffic Generator's interface starts them once both ports forward."""
        api = self.folder / "api"
        pktgen = self.vionet_in_background("pktgen", "--listen", f"unix:{api}", "--queue-size", "4096")
        self.assertTrue(peer.wait_until(api.exists, lambda: pktgen.poll() is None))
        client = Client(f"unix:{api}")
        client.call("POST", "/config", {"ports": [{"name": "a", "location": self.a}, {"name": "b", "location": self.b}],
                                        "flows": flows.mixed("a", "b") + flows.mixed("b", "a")})
        up = peer.wait_until(lambda: self.port_is_up(self.a) and self.port_is_up(self.b), lambda: pktgen.poll() is None)
        self.assertTrue(up, self.switch.text())
        client.transmit("start")
        came = peer.wait_until(lambda: (now := client.flows()) and
                               all(flow["frames_rx"] == flows.EACH for flow in now.values()) and now)
        found = came or client.flows()
        self.assertEqual(len(found), 8)
        for flow in found.values():
            self.assertEqual((flow["frames_tx"], flow["frames_rx"], flow["loss"]), (flows.EACH, flows.EACH, 0), flow)
            self.assertEqual(flow["bytes_tx"], flow["bytes_rx"])
            self.assertGreater(flow["latency"]["minimum_ns"], 0)
        text = client.ask("GET", "/metrics")[2].decode()
        for what in "duplicate", "reordered", "damaged":
            self.assertEqual(re.findall(rf"(?m)^vionet_pktgen_flow_{what}_frames_total\{{.*\}} (\d+)$", text), ["0"] * 8)


if __name__ == "__main__":
    unittest.main(verbosity=2)
