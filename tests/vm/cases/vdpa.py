#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""A vDPA device of the real kernel: vdpa_sim_net, which sends each frame back that is for its own address or for
everybody, through vhost-vdpa. Everything in one boot: with the simulator's memory found by our addresses, and then
pinned, which the kernel counts."""

import sys

sys.dont_write_bytecode = True

import common  # noqa: E402

NAME = "vhost-vdpa:/dev/vhost-vdpa-0"
COUNT = 10_000

SCRIPT = """
modprobe vdpa_sim {sim} && modprobe vdpa_sim_net && modprobe vhost_vdpa || exit 1
vdpa dev add name sim0 mgmtdev vdpasim_net mac 02:11:22:33:44:55 || exit 1
{step}
vionet={build}/vionet
pktgen="$vionet pktgen {name} --dst-mac 02:11:22:33:44:55"
{steps}
"""

# The kernel's own driver gets it back, and the device is at work again.
AFTER = """
modprobe virtio_net
vdpa dev add name sim1 mgmtdev vdpasim_net mac 02:11:22:33:44:66
$pktgen --duration 60 --rate 1k >/tmp/out 2>&1 &
until ls -l /proc/$!/fd 2>/dev/null | grep -q vhost-vdpa-0; do sleep 0.1; done
step $vionet unbind sim0
kill -9 $!; wait $!
step $vionet unbind {name}
step $vionet unbind sim0
until ip -br link | grep -q 02:11:22:33:44:55; do
    [ $((i = i + 1)) -lt 600 ] || exit 1
    sleep 0.1
done
eth=$(ip -br link | sed -n 's/ .*02:11:22:33:44:55.*//p')
ip link set $eth up; ip addr add 192.0.2.1/24 dev $eth
ip neigh add 192.0.2.2 lladdr 02:11:22:33:44:55 dev $eth
ping -q -c 3 -W 1 192.0.2.2 >/dev/null # what is sent comes back: all are received twice
echo "kernel received $(cat /sys/class/net/$eth/statistics/rx_packets)"
step $vionet list
step $vionet bind sim0
ip link set $eth down
ip addr flush dev $eth
step $vionet bind sim0
step $vionet bind sim0 {name}
step $vionet bind sim9
step $vionet bind sim0 --group
step $vionet info {name} --assume-iommu
echo "sim1 is with $(basename $(readlink /sys/bus/vdpa/devices/sim1/driver))"
step $vionet info {name}
"""

TRAFFIC = """
for mode in {modes}; do step $pktgen --count {count} --rate 1k --mode $mode; done
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


class Simulator(common.Stepped):
    kernel = "custom"

    def drive(self, sim, modes, steps):
        fill = {"step": common.STEP, "sim": sim, "build": common.BUILD, "name": NAME, "count": COUNT, "modes": modes}
        return self.run_steps(SCRIPT.format(**fill, steps=steps.format(**fill)), "--no-nic", "--iommu", "none")

    def check_traffic(self, modes):
        """At this rate 256 buffers last for 250 ms: the device drops what finds none."""
        for _ in modes.split():
            output = self.step()
            self.assertRegex(output, common.sent(COUNT))
            self.assertRegex(output, rf"(?m)^RX  received {COUNT} frames")
            self.assertIn("lost 0, duplicates 0, reordered 0, damaged 0, out of window 0", output)
        self.assertIn("11000 frames, each once and in order", self.step())
        self.assertIn("it is open already", self.step(None))
        self.assertRegex(self.step(), r"(?m)^RX  received \d+ frames")  # after a SIGKILL

    def check_moves(self):
        """To the kernel and back: never one in use, and no other one."""
        self.assertRegex(self.step(None), r"sim0: process \d+ \(vionet\) has it open \(/dev/vhost-vdpa-0\)")
        self.assertRegex(self.step(), r"sim0: vhost_vdpa -> virtio_vdpa, interface (\S+)\n"
                                      r"to go back: vionet bind sim0")
        self.assertIn("sim0: it is with virtio_vdpa already", self.step())
        self.assertRegex(self.step(), r"sim0: vDPA device of no parent, driver virtio_vdpa\n"
                                      r".* as (\S+); when that is not in use: vionet bind sim0")
        refused = self.step(None)
        self.assertRegex(refused, r"sim0: its network interface \S+ is up and has address 192.0.2.1")
        self.assertIn("to force it: vionet bind --force sim0", refused)
        self.assertIn("sim0: virtio_vdpa -> vhost_vdpa, vhost-vdpa:/dev/vhost-vdpa-0", self.step())
        self.assertEqual(self.step().count("it is with vhost_vdpa already"), 2)
        self.assertIn('"sim9" is no PCI address', self.step(None))
        self.assertIn("--driver and --group are for PCI functions", self.step(2))
        self.assertIn("--assume-iommu has no effect on a vDPA device", self.step(2))

    def test_memory_by_address(self):
        modes = "poll spin interrupt"
        guest = self.drive("", modes, REFUSALS + TRAFFIC + AFTER)
        listed = self.step()
        self.assertIn(f"{NAME}: vDPA device of no parent, driver vhost_vdpa, name sim0", listed)
        self.assertIn("vdpasim_net: makes vDPA devices of up to 3 queues\n"
                      "    as root: vdpa dev add name vdpa0 mgmtdev vdpasim_net\n", listed)
        self.assertIn("this user may not open", self.step(None))
        self.assertIn("it is not a device of vhost-vdpa", self.step(None))
        self.assertIn("there is no such device", self.step(None))
        self.check_traffic(modes)
        self.check_moves()
        self.assertRegex(guest.output, r"kernel received [1-9]")
        self.assertIn("sim1 is with vhost_vdpa", guest.output)
        self.assertRegex(self.step(), r"(?m)^vdpa +sim0, of no parent, driver vhost_vdpa\ngroups +2 of queues, 2 address spaces$")
        self.assertEqual(self.steps, [])

    def test_memory_that_is_pinned(self):
        self.drive("use_va=0 batch_mapping=0", "spin", PINNED + TRAFFIC)
        self.assertRegex(self.step(None), r"needs \d+ KiB of locked memory, \d+ of 256 KiB are in use")
        self.check_traffic("spin")


if __name__ == "__main__":
    common.main()
