/* SPDX-License-Identifier: BSD-3-Clause */
/* The kernel's side of `vionet tap`: a tap interface, its queues, and what it is told. */
#ifndef VIONET_TOOLS_TUN_H
#define VIONET_TOOLS_TUN_H

#include <linux/if.h>
#include <stdbool.h>
#include <stdint.h>

#include <vionet/steering.h>

/* Parts of what the kernel may leave to the device, as bits. */
enum tun_offload {
	TUN_CHECKSUM = 1 << 0,
	TUN_TCP4 = 1 << 1,
	TUN_TCP6 = 1 << 2,
	TUN_TCP_ECN = 1 << 3,
	TUN_UDP = 1 << 4,
};

struct tun {
	char name[IFNAMSIZ];
	const char *netns; /* NULL: the one of this process */
	unsigned int queues;
	int fd[VIONET_QUEUE_PAIRS_MAX]; /* one a queue; non-blocking */
	int control;			/* a socket in the interface's namespace */
	bool segments_udp;		/* the kernel knows of UDP segmentation (Linux 6.2) */
	bool up;
};

/* Is that what an interface can be called? Leaves with CODE_USAGE if not. */
void tun_check_name(const char *name);

/* Make the interface, or attach to one that is there and that no other program has. `name`:
 * checked, "%d" in it becomes a number; `netns`: a name of ip-netns(8), the path of a namespace,
 * or NULL. Returns an exit code; on failure nothing is left behind. Main thread. */
int tun_open(struct tun *tun, const char *name, const char *netns, unsigned int queues);

/* Tell it its address and MTU. An interface of somebody else's may stay as it is: that is said,
 * and no failure. Returns an exit code. */
int tun_configure(struct tun *tun, const uint8_t mac[6], unsigned int mtu);

/* What it may leave to the device, as tun_offload bits. Returns an exit code. */
int tun_set_offloads(struct tun *tun, unsigned int offloads);

/* Its carrier follows the device's link. */
void tun_set_carrier(struct tun *tun, bool up);

/* As `ip link set up`. Returns an exit code. */
int tun_set_up(struct tun *tun);

/* Close it: an interface that tun_open made is gone then. */
void tun_close(struct tun *tun);

#endif
