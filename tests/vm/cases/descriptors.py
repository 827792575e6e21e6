#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""A function opened by descriptors that another program has opened."""

import re
import sys

sys.dont_write_bytecode = True

import common  # noqa: E402
import refusals  # noqa: E402

# What a launcher is given: the group's node.
GROUP = "/dev/vfio/$(basename $(readlink /sys/bus/pci/devices/{nic}/iommu_group))"

# A root folder with nothing in it but programs and libraries; there is no /dev, /sys or /proc. Who is in it is nobody, who
# cannot be more.
JAIL = """
jail() {{
    mkdir /jail; mount -t tmpfs jail /jail
    for folder in /usr /lib /lib64 {build}; do
        [ ! -L $folder ] || {{ ln -s $(readlink $folder) /jail$folder; continue; }}
        mkdir -p /jail$folder; mount --bind $folder /jail$folder
    done
}}
nobody() {{
    $exec chroot /jail setpriv --reuid 65534 --regid 65534 --clear-groups --no-new-privs --bounding-set=-all \
        --inh-caps=-all "$@" </dev/null
}}
"""

# Groups, containers and devices by hand, as a launcher has them: the device is 10, its container 11.
LAUNCHER = """
import fcntl, os, sys
group, container = os.open(sys.argv[1], os.O_RDWR), os.open("/dev/vfio/vfio", os.O_RDWR)
request = lambda number: (ord(";") << 8) + 100 + number
fcntl.ioctl(group, request(4), container.to_bytes(4, "little"))
if sys.argv[3] == "device":
    fcntl.ioctl(container, request(2), 3)
    device = fcntl.ioctl(group, request(6), bytearray(sys.argv[2].encode() + bytes(1)), True)
    os.dup2(device, 10)
else:
    os.dup2(group, 10)
os.dup2(container, 11)
os.execvp(sys.argv[4], sys.argv[4:])
"""


class Descriptors(common.Case):
    """By a character device and an iommufd, a group and a container, a device and a container."""

    kernel = "custom"

    def pktgen(self, fds, *options):
        return f"{self.vionet} pktgen {self.nic} --count 1000 --no-rx --fds {fds} {' '.join(options)} 2>&1; echo status $?"

    def status(self, guest):
        return [int(number) for number in re.findall(r"(?m)^status (\d+)", guest.output)]

    def test_sandbox(self):
        """Nobody, in an empty root folder, without capabilities, in the sandbox: two descriptors are all there is."""
        pcap = self.folder / "out.pcap"
        guest = self.run_guest(
            JAIL.format(build=common.BUILD) + f"""
            jail; ls /jail
            exec 3<>/dev/vfio/devices/vfio0 4<>/dev/iommu
            nobody {self.vionet} pktgen {self.nic} --count 3000 --no-rx --size imix --sandbox \
                --fds device=3,iommufd=4; echo status $?
            exec 3<>/dev/vfio/devices/vfio0
            exec=exec LISTEN_FDS=2 LISTEN_FDNAMES=device:iommufd \
                nobody {self.vionet} pktgen {self.nic} --rate 1k --no-rx --sandbox --fds listen & pid=$!
            exec 3<&-
            until grep -q '^Seccomp_filters:.*2' /proc/$pid/status; do kill -0 $pid || exit 1; sleep 0.1; done
            grep -hE '^(Uid|CapEff|CapBnd|NoNewPrivs|Seccomp_filters):' /proc/$pid/status | tr '\\t' ' '
            ls -l /proc/$pid/root; kill -INT $pid; wait $pid; echo status $?
            """, "--bind", capture=pcap)
        self.assertEqual(self.status(guest), [0, 0], guest.output)
        self.assertRegex(guest.output, common.sent(3000))
        for line in ("Uid: 65534 65534 65534 65534", "CapEff: 0000000000000000", "CapBnd: 0000000000000000",
                     "NoNewPrivs: 1", "Seccomp_filters: 2"):
            self.assertIn(line, guest.output)
        self.assertRegex(guest.output, r"/root -> /jail")
        self.assertNotIn("control socket", guest.output)
        self.assertGreaterEqual(len(list(common.read_pcap(pcap))), 3000)
        self.assert_no_faults(guest)

    def test_groups(self):
        """By nobody too; the group can be given again."""
        pcap, group = self.folder / "out.pcap", GROUP.format(nic=self.nic)
        guest = self.run_guest(
            JAIL.format(build=common.BUILD) + f"""
            jail; cat >/tmp/launcher <<'END'\n{LAUNCHER}\nEND
            exec 5<>{group} 6<>/dev/vfio/vfio
            nobody {self.pktgen("group=5,container=6", "--sandbox")}
            nobody {self.pktgen("group=5,container=6")}
            exec 5<&- 6<&-
            python3 /tmp/launcher {group} {self.nic} device {self.pktgen("device=10,container=11", "--sandbox")}
            python3 /tmp/launcher {group} {self.nic} group {self.pktgen("group=10,container=11")}
            {self.vionet} pktgen {self.nic} --count 1000 --no-rx; echo status $?
            """, "--bind", capture=pcap)
        self.assertEqual(self.status(guest), [0, 0, 0, 3, 0], guest.output)
        self.assertEqual(len(re.findall(common.sent(1000), guest.output)), 4, guest.output)
        self.assertIn("descriptor 10 is in a container already; give it before", guest.output)
        self.assertEqual(len([f for f in common.read_pcap(pcap) if len(f) == 60]), 4000)
        self.assert_no_faults(guest)

    def test_wrong_ones(self):
        """Each is refused, with what it is instead; the function can be opened afterwards."""
        group = GROUP.format(nic=self.nic)
        rows = (
            ("device=3,iommufd=7", 2, "descriptor 7 is not an iommufd: it is a file"),
            ("device=7,iommufd=4", 2, "descriptor 7 is not a character device of VFIO: it is a file"),
            ("device=8,iommufd=4", 2, "descriptor 8 is not a character device of VFIO: it is character device 1:3"),
            ("device=4,iommufd=3", 2, "descriptor 3 is not an iommufd: it is character device"),
            ("device=99,iommufd=4", 2, "--fds: descriptor 99, for the device, is not open in this process"),
            ("device=3,container=6", 2, "descriptor 6 is a container without an IOMMU"),
            ("device=3,container=4", 2, "descriptor 4 is a container without an IOMMU"),
            ("group=7,container=6", 2, "descriptor 7 is not a group of VFIO: it is a file"),
            (f"group=5,container=8 5<>{group}", 2, "descriptor 8 is not a container of VFIO: it is character device 1:3"),
            ("device=3,iommufd=3", 2, "3 is given for the device and for the iommufd"),
            ("device=3,group=4", 2, "device and iommufd are wanted, group and container, or device and container"),
            ("device=3", 2, "device and iommufd are wanted"),
            ("device=3,device=4", 2, "'device=4': it is named twice"),
            ("vfio=3", 2, "--fds: 'vfio=3' is none"),
            ("listen", 2, "LISTEN_FDNAMES is not set"),
            ("device=3,iommufd=4", 0, "sent 1000 frames"),
            # It is bound to an iommufd now, until it is closed.
            ("device=3,iommufd=9", 3, "descriptor 3 is bound to an iommufd already"),
        )
        guest = self.run_guest(
            f"exec 3<>/dev/vfio/devices/vfio0 4<>/dev/iommu 6<>/dev/vfio/vfio 7</etc/passwd 8</dev/null "
            "9<>/dev/iommu;" + ";".join(self.pktgen(fds) for fds, _, _ in rows), "--bind")
        parts = re.split(r"(?m)^status (\d+)$", guest.output)
        for (fds, status, text), said, ended in zip(rows, parts[::2], parts[1::2]):
            with self.subTest(fds):
                self.assertEqual(int(ended), status, said)
                self.assertRegex(said, text)
        self.assertEqual(len(parts), 2 * len(rows) + 1, guest.output)
        self.assert_no_faults(guest)

    def test_group_not_viable(self):
        group = GROUP.format(nic=self.nic)
        guest = self.run_guest(
            f"modprobe virtio_net; {self.vionet} bind --group {self.nic}; {self.vionet} unbind {refusals.SECOND};"
            f"exec 5<>{group} 6<>/dev/vfio/vfio; {self.pktgen('group=5,container=6')};"
            f"exec 3<>/dev/vfio/devices/vfio0 4<>/dev/iommu; {self.pktgen('device=3,iommufd=4')}",
            *refusals.SIBLINGS)
        self.assertIn("descriptor 5 is not viable: one of its devices is with a driver that is not VFIO's",
                      guest.output)
        self.assertEqual(self.status(guest), [3, 3], guest.output)


if __name__ == "__main__":
    common.main()
