#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""What only the kernel of tests/vm/build-kernel has."""

import sys

sys.dont_write_bytecode = True

import common  # noqa: E402


class Kernel(common.Case):
    """Its parts are there, each as a guest sees it."""

    kernel = "custom"

    LOOK = f"""
    ls /dev/iommu /dev/vfio/devices/vfio0 /dev/vfio/[0-9]* && echo both ways
    cat /sys/module/vfio/parameters/enable_unsafe_noiommu_mode
    [ $(stat -c %s /sys/bus/pci/devices/{common.BEHIND_PORT}/config) = 4096 ] && echo extended configuration space
    for module in vdpa_sim_net vhost_vdpa virtio_vdpa vduse vhost_net igb tun bridge veth; do
        modprobe $module && echo has $module
    done
    ls /dev/vduse/control
    """

    def test_what_it_has(self):
        guest = self.run_guest(self.LOOK, "--bind", "--root-port")
        for line in ("both ways", "N", "extended configuration space", "has vdpa_sim_net", "has vhost_vdpa",
                     "has virtio_vdpa", "has vduse", "has vhost_net", "has igb", "has tun", "has bridge",
                     "has veth", "/dev/vduse/control"):
            self.assertRegex(guest.output, f"(?m)^{line}$")
        self.assert_no_faults(guest)


if __name__ == "__main__":
    common.main()
