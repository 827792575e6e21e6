#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""vionet-softnic as a vDPA device of the guest's kernel (VDUSE), with the kernel's own virtio_net, vionet and a raw
driver in front of it. One boot for what works, one for what does not; the guest's kernel knows what stays behind."""

import sys

sys.dont_write_bytecode = True

import common  # noqa: E402

NAME = f"soft{common.os.getpid()}"
NODE = "vhost-vdpa:/dev/vhost-vdpa-0"
COUNT = 10_000

# serve NUMBER OPTION...: a device that runs; its words are in /tmp/NUMBER.
SCRIPT = """
softnic={build}/vionet-softnic vionet={build}/vionet name={name}
{step}
serve() {{
    local number=$1
    shift
    "$softnic" --vduse $name "$@" >/tmp/$number 2>&1 &
    server=$!
    until grep -q 'VDUSE device' /tmp/$number; do kill -0 $server || return; sleep 0.1; done
}}
add() {{ vdpa dev add name $name mgmtdev vduse; }}
# The interface is there, or its driver is.
until_there() {{ until [ -e "$1" ]; do sleep 0.1; done; }}
# What it said at its end, after a signal if there is one, and its status.
ended() {{
    local status=0
    echo "== device"
    [ -z "$2" ] || kill -$2 $server
    wait $server || status=$?
    cat /tmp/$1
    echo "-- $status"
}}
# The kernel's own driver on a device with OPTION..., and this kernel's other half behind it, 192.0.2.1 in a namespace.
kernel_driver() {{
    ip netns add peer
    ip netns exec peer ip tuntap add tap0 mode tap
    ip netns exec peer ip addr add 192.0.2.1/24 dev tap0
    ip netns exec peer ip link set tap0 up
    ip netns exec peer "$softnic" --vduse $name --peer tap:tap0 "$@" >/tmp/kernel 2>&1 &
    server=$!
    until grep -q 'VDUSE device' /tmp/kernel; do kill -0 $server || return; sleep 0.1; done
    add
    echo $name >/sys/bus/vdpa/drivers/vhost_vdpa/unbind
    modprobe virtio_net; modprobe virtio_vdpa
    until_there "/sys/bus/vdpa/devices/$name/driver"
    interface_up
}}
interface_up() {{
    until eth=$(cd /sys/bus/vdpa/devices/$name/virtio*/net 2>/dev/null && echo *); do sleep 0.1; done
    ip addr add 192.0.2.2/24 dev $eth
    ip link set $eth up
}}
left() {{ echo "left: $(cd /dev/vduse && echo *) $(vdpa dev show)"; }}
{steps}
"""

TRAFFIC = """
modprobe vduse && modprobe vhost_vdpa && modprobe vdpa && modprobe tun || exit 1
for layout in -ring_packed +ring_packed; do
    serve $layout --lossless --features $layout --once
    add
    step $vionet pktgen {node} --count {count} --rate 2500 --mode interrupt
    ended $layout
    step left
done
cd /tmp
kernel_driver --control /tmp/control --trace /tmp/trace
step ping -q -c 100 -i 0.003 -W 20 -s 1400 192.0.2.1
ip netns exec peer iperf3 -s -1 -D
step iperf3 -n 8M -c 192.0.2.1
say() {{ python3 -c 'import socket, sys
s = socket.socket(socket.AF_UNIX); s.connect("/tmp/control"); s.send(sys.argv[1].encode() + b"\\n"); print(s.recv(999).decode())' "$1"; }}
say "link down"
until [ "$(cat /sys/class/net/$eth/carrier)" = 0 ]; do sleep 0.1; done
say "link up"
until [ "$(cat /sys/class/net/$eth/carrier)" = 1 ]; do sleep 0.1; done
step say hang-up
ping -q -f -s 1000 192.0.2.1 >/dev/null &
flood=$!
for i in 1 2 3; do # the driver goes and comes back with frames on their way
    echo $name >/sys/bus/vdpa/drivers/virtio_vdpa/unbind
    echo $name >/sys/bus/vdpa/drivers/virtio_vdpa/bind
    interface_up
done
step ping -q -c 20 -i 0.003 -W 20 -s 1400 192.0.2.1
kill $flood
ended kernel TERM
step left
ip -br link
"""

REFUSED = """
step $softnic --vduse $name
modprobe vduse && modprobe vhost_vdpa && modprobe vdpa || exit 1
step setpriv --reuid 1000 --clear-groups $softnic --vduse $name
chmod 666 /dev/vduse/control
step setpriv --reuid 1000 --clear-groups $softnic --vduse $name
step $softnic --vduse $name --features -access_platform
step $softnic --vduse $name --fault B10
step left
serve first
step $softnic --vduse $name
ended first INT
step left
serve second
ended second KILL
serve third
add
ended third KILL
step $softnic --vduse $name
vdpa dev del $name
serve fourth
add
exec 7<>/dev/vhost-vdpa-0
ended fourth TERM
exec 7>&-
until [ "$(cd /dev/vduse && echo *)" = control ]; do sleep 0.1; done
step left
"""

HOSTILE = """
for steps in "updates resets" features steps unmapped-data unmapped-ring; do
    serve raw --trace /tmp/trace
    add
    until_there /dev/vhost-vdpa-0
    step {root}/tests/vm/guest/vdpa-driver $steps
    ended raw TERM
done
step left
"""


class Vduse(common.Stepped):
    """What ran in the guest, step by step."""

    def drive(self, steps, *options):
        fill = {"step": common.STEP, "build": common.BUILD, "name": NAME, "node": NODE, "count": COUNT, "root": common.ROOT}
        return self.run_steps(SCRIPT.format(**fill, steps=steps.format(**fill)), "--no-nic", "--iommu", "none", *options)

    def check_left(self):
        self.assertEqual(self.step().split(), ["left:", "control"])

    def test_drivers(self):
        self.drive(TRAFFIC, "--memory", "1G")
        for _ in range(2):
            output = self.step()
            self.assertRegex(output, common.sent(COUNT))
            self.assertRegex(output, rf"(?m)^RX  received {COUNT} frames")
            self.assertIn("lost 0, duplicates 0, reordered 0, damaged 0, out of window 0", output)
            self.assertRegex(self.step(), r"drivers 1, .* violations 0, warnings 0, DMA faults 0")
            self.check_left()
        self.assertIn("100 received, 0% packet loss", self.step())
        self.assertIn("receiver", self.step())
        self.assertIn("vduse has no connection", self.step())
        self.assertIn("20 received, 0% packet loss", self.step())
        self.assertRegex(self.step(), r"drivers 4, .* violations 0, warnings 0, DMA faults 0")
        self.check_left()
        self.assertEqual(self.steps, [])

    def test_refused_and_hostile(self):
        self.drive(REFUSED + HOSTILE)
        self.assertIn("load the kernel's module: modprobe vduse", self.step(1))
        self.assertIn("Permission denied; run as root", self.step(1))
        self.assertIn("needs CAP_NET_ADMIN", self.step(1))
        for _ in range(2):
            self.assertIn("the kernel refuses a network device with these features", self.step(1))
        self.check_left()
        self.assertIn("another process serves a VDUSE device of that name", self.step(1))
        self.assertIn("drivers 0", self.step())
        self.check_left()
        self.step(137)
        self.assertIn("what another process has left of it is removed", self.step(137))
        self.assertIn(f"vdpa dev del {NAME}", self.step(1))
        self.assertIn("is open in another process", self.step())
        self.check_left()
        self.check_hostile()

    def check_hostile(self):
        self.assertRegex(self.step(), r"(?s)60 frames, base 0x3c 0x3c\n.*60 frames.*20 resets")
        self.assertRegex(self.step(), r"violations 0, warnings \d+, DMA faults 0")
        for said, wrong in (("status 0x3\n", r"\(GEN-05\)"), ("status 0x7\n", r"\(GEN-21\)"),
                            ("base ", "DMA faults [1-9]"), ("base ", r"\(SPLIT-02\)")):
            self.assertIn(said, self.step())
            self.assertRegex(self.step(3), wrong)
        self.check_left()
        self.assertEqual(self.steps, [])

if __name__ == "__main__":
    common.main()
