#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""vhost-net as the back end. The kernel's vhost needs a host that has it: a guest, in which QEMU runs another guest, in
which the function is driven. The emulated processor has AMD's virtualization, so the inner guest runs by the KVM of the
outer one: emulated once, not by an emulator that is emulated."""

import sys

sys.dont_write_bytecode = True

import common  # noqa: E402

LIMIT = 840  # seconds, for a busy machine
MACHINE = ("--qemu", "/tmp/kvm", "--bind", "--smp", "1", "--memory", "256M", "--iommu-props", "device-iotlb=on")
PACKETS = 200

INNER = """
set -e
cat >/tmp/kvm <<'END'
#!/bin/bash
exec qemu-system-x86_64 "${{@/tcg,thread=multi/kvm}}" -machine kernel_irqchip=split
END
chmod +x /tmp/kvm
ip tuntap add t0 mode tap
sysctl -qw net.ipv6.conf.t0.disable_ipv6=1
ip addr add 192.0.2.1/24 dev t0
ip link set t0 up
tests/vm/run {machine} --boot-timeout 700 --netdev tap,ifname=t0,vhost=on \
    --device-props ats=on --stderr-file /tmp/qemu.stderr -- \
    {build}/examples/echo {nic} 192.0.2.2 >/tmp/echo.log 2>&1 &
inner=$!
until grep -q answering /tmp/echo.log; do kill -0 $inner || break; sleep 1; done
grep answering /tmp/echo.log || {{ cat /tmp/echo.log /tmp/qemu.stderr; exit 1; }}
echo "vhost threads: $(grep -l vhost- /proc/[0-9]*/task/[0-9]*/comm | wc -l)"
echo "processors of KVM: $(find /proc/[0-9]*/fd -lname 'anon_inode:kvm-vcpu:*' 2>/dev/null | wc -l)"
ping -q -c 1 -W 30 192.0.2.2 >/dev/null # the neighbour is known from here on
ping -q -c {packets} -i 0.02 -W 10 192.0.2.2
kill -INT $inner
wait $inner
cat /tmp/echo.log /tmp/qemu.stderr
echo "QEMU said $(wc -c < /tmp/qemu.stderr) bytes"
"""


class VhostNet(common.Case):
    processors = 2
    snapshot = False

    def test_both_ways(self):
        guest = self.run_guest(
            INNER.format(machine=" ".join(MACHINE), build=common.BUILD, nic=common.NIC, packets=PACKETS), "--no-nic", "--memory", "2G",
            "--with-module", "vhost_net", "--with-module", "tun", "--with-module", "kvm_amd", "--append", "kvm.halt_poll_ns=0", timeout=LIMIT)
        self.assertIn(f"{PACKETS} packets transmitted, {PACKETS} received, 0% packet loss", guest.output)
        self.assertIn("processors of KVM: 1", guest.output)
        self.assertRegex(guest.output, r"vhost threads: [1-9]")
        self.assertNotIn("falling back on userspace virtio", guest.output)
        self.assertIn("QEMU said 0 bytes", guest.output)


if __name__ == "__main__":
    common.main()
