#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""A vDPA device of the real kernel: vdpa_sim_net, which sends each frame back that is for its own address or for
everybody, through vhost-vdpa. Everything in one boot: with the simulator's memory found by our addresses, and then
pinned, which the kernel counts."""

import re
import sys

sys.dont_write_bytecode = True

import common  # noqa: E402

NAME = "vhost-vdpa:/dev/vhost-vdpa-0"
COUNT = 10_000

SCRIPT = """
modprobe vdpa_sim {sim} && modprobe vdpa_sim_net && modprobe vhost_vdpa || exit 1
vdpa dev add name sim0 mgmtdev vdpasim_net mac 02:11:22:33:44:55 || exit 1
step() {{ echo "== $*"; "$@"; echo "-- $?"; }}
vionet={build}/vionet
pktgen="$vionet pktgen {name} --dst-mac 02:11:22:33:44:55"
{steps}
"""

# The kernel's own driver gets it back, and the device is at work again.
AFTER = """
echo sim0 > /sys/bus/vdpa/drivers/vhost_vdpa/unbind
step $vionet list
modprobe virtio_net && modprobe virtio_vdpa
[ -e /sys/bus/vdpa/devices/sim0/driver ] || echo sim0 > /sys/bus/vdpa/drivers/virtio_vdpa/bind
until ip -br link | grep -q 02:11:22:33:44:55; do
    [ $((i = i + 1)) -lt 600 ] || exit 1
    sleep 0.1
done
eth=$(ip -br link | sed -n 's/ .*02:11:22:33:44:55.*//p')
ip link set $eth up; ip addr add 192.0.2.1/24 dev $eth
ip neigh add 192.0.2.2 lladdr 02:11:22:33:44:55 dev $eth
ping -q -c 3 -W 1 192.0.2.2 >/dev/null # what is sent comes back: all are received twice
echo "kernel received $(cat /sys/class/net/$eth/statistics/rx_packets)"
ip link set $eth down
step $vionet list
echo sim0 > /sys/bus/vdpa/drivers/virtio_vdpa/unbind
echo sim0 > /sys/bus/vdpa/drivers/vhost_vdpa/bind
step $vionet info {name}
"""

TRAFFIC = """
for mode in {modes}; do step $pktgen --count {count} --rate 2500 --mode $mode; done
step {build}/tests/vm/vm_rest {name}
$pktgen --duration 60 --rate 1k >/tmp/out 2>&1 &
until [ "$(cat /proc/$!/comm 2>/dev/null)" = vionet ] && ls -l /proc/$!/fd | grep -q vhost-vdpa-0; do sleep 0.1; done
step $vionet info {name}
kill -9 $!; wait $!
step $pktgen --count 1000 --rate 5k
"""

REFUSALS = """
step $vionet list
chmod 600 /dev/vhost-vdpa-0
step setpriv --reuid 1000 --clear-groups $vionet info {name}
step $vionet info vhost-vdpa:/dev/null
step $vionet info vhost-vdpa:/dev/vhost-vdpa-9
"""

PINNED = """
ulimit -l 256
step $pktgen --count 100
ulimit -l unlimited
"""


class Simulator(common.Case):
    kernel = "custom"

    def drive(self, sim, modes, steps):
        fill = {"sim": sim, "build": common.BUILD, "name": NAME, "count": COUNT, "modes": modes}
        guest = self.run_guest(SCRIPT.format(**fill, steps=steps.format(**fill)), "--no-nic", "--iommu", "none")
        self.steps = [(m[1], m[2], int(m[3]))
                      for m in re.finditer(r"(?ms)^== ([^\n]*)\n(.*?)^-- (\d+)$", guest.output)]
        return guest

    def step(self, status=0):
        """The output of the next step, which is to end with this status (None: not 0)."""
        self.assertTrue(self.steps, "there is no other step")
        command, output, got = self.steps.pop(0)
        self.assertTrue(got == status or (status is None and got != 0), f"{command}: {got}\n{output}")
        return output

    def check_traffic(self, modes):
        """At this rate 256 buffers last for 100 ms: the device drops what finds none."""
        for _ in modes.split():
            output = self.step()
            self.assertRegex(output, common.sent(COUNT))
            self.assertRegex(output, rf"(?m)^RX  received {COUNT} frames")
            self.assertIn("lost 0, duplicates 0, reordered 0, damaged 0, out of window 0", output)
        self.assertIn("11000 frames, each once and in order", self.step())
        self.assertIn("it is open already", self.step(None))
        self.assertRegex(self.step(), r"(?m)^RX  received \d+ frames")  # after a SIGKILL

    def test_memory_by_address(self):
        modes = "poll spin interrupt"
        guest = self.drive("", modes, REFUSALS + TRAFFIC + AFTER)
        self.assertIn(f"{NAME}: vDPA device of no parent, driver vhost_vdpa, name sim0", self.step())
        self.assertIn("this user may not open it", self.step(None))
        self.assertIn("it is not a device of vhost-vdpa", self.step(None))
        self.assertIn("there is no such device", self.step(None))
        self.check_traffic(modes)
        self.assertIn("modprobe vhost_vdpa; echo sim0 >", self.step())
        self.assertIn("when that is not in use: echo sim0 >", self.step())
        self.assertRegex(guest.output, r"kernel received [1-9]")
        self.step()
        self.assertEqual(self.steps, [])

    def test_memory_that_is_pinned(self):
        self.drive("use_va=0 batch_mapping=0", "spin", PINNED + TRAFFIC)
        self.assertRegex(self.step(None), r"needs \d+ KiB of locked memory, \d+ of 256 KiB are in use")
        self.check_traffic("spin")


if __name__ == "__main__":
    common.main()
