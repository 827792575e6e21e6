/* SPDX-License-Identifier: BSD-3-Clause */
/* Where the host is looked at beside sysfs, unless a test says otherwise. */
#include <ifaddrs.h>

#include "pci/host/host.h"
#include "pci/host/netlink.h"

struct vn_host vn_host = {
	.vfio = "/dev/vfio",
	.proc = "/proc",
	.modprobe = { "/sbin/modprobe", "/usr/sbin/modprobe" },
	.modprobe_ms = 10000,
	.udev = "/run/udev",
	.udevadm = { "/usr/bin/udevadm", "/bin/udevadm", "/sbin/udevadm" },
	.udev_ms = 10000,
	.wait_ms = 1000,
	.addresses = getifaddrs,
	.addresses_free = freeifaddrs,
	.netlink = vn_netlink_request,
};
