#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""vhost-net as the back end. The kernel's vhost needs a host that has it: a guest, in which QEMU
runs another guest, in which the function is driven. All of it emulated; to boot the inner guest took minutes: it
starts from a snapshot, which this machine makes."""

import sys

sys.dont_write_bytecode = True

import common  # noqa: E402

LIMIT = 840  # seconds: most of it is the inner guest
MACHINE = ("--snapshot", "--bind", "--smp", "1", "--memory", "256M", "--append", "init_on_alloc=0", "--iommu-props", "device-iotlb=on")

INNER = """
set -e
ip tuntap add t0 mode tap
sysctl -qw net.ipv6.conf.t0.disable_ipv6=1
ip addr add 192.0.2.1/24 dev t0
ip link set t0 up
tests/vm/run {machine} --boot-timeout 700 --log /tmp/kernel.log --json /tmp/json --netdev tap,ifname=t0,vhost=on \
    --device-props ats=on --stderr-file /tmp/qemu.stderr -- \
    {build}/examples/echo {nic} 192.0.2.2 >/tmp/echo.log 2>&1 &
inner=$!
until grep -q answering /tmp/echo.log; do kill -0 $inner || break; sleep 1; done
grep answering /tmp/echo.log || {{ cat /tmp/echo.log /tmp/qemu.stderr; exit 1; }}
echo "vhost threads: $(grep -l vhost- /proc/[0-9]*/task/[0-9]*/comm | wc -l)"
ping -q -c 1 -W 30 192.0.2.2 >/dev/null # the neighbour is known from here on
ping -q -c 600 -i 0.02 -W 10 192.0.2.2
kill -INT $inner
wait $inner
grep -o '"snapshot": "[a-z]*"' /tmp/json
cat /tmp/echo.log /tmp/qemu.stderr
echo "QEMU said $(wc -c < /tmp/qemu.stderr) bytes"
"""


class VhostNet(common.Case):
    processors = 2
    snapshot = False

    def test_both_ways(self):
        self.run_guest("true", *MACHINE)
        guest = self.run_guest(
            INNER.format(machine=" ".join(MACHINE), build=common.BUILD, nic=common.NIC), "--no-nic", "--memory", "3G",
            "--with-module", "vhost_net", "--with-module", "tun", timeout=LIMIT)
        self.assertIn("600 packets transmitted, 600 received, 0% packet loss", guest.output)
        self.assertIn('"snapshot": "used"', guest.output)
        self.assertRegex(guest.output, r"vhost threads: [1-9]")
        self.assertNotIn("falling back on userspace virtio", guest.output)
        self.assertIn("QEMU said 0 bytes", guest.output)


if __name__ == "__main__":
    common.main()
