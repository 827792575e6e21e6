/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The kernel's vhost-vdpa with a device that sends every frame back: open(), stat(), readlink(),
 * ioctl() and write() of one node. Written from linux/vhost.h and drivers/vhost/vdpa.c; it shares
 * nothing with the transport. The device works inside the kick of an eventfd, or when a test
 * calls vdpa_work().
 */
#ifndef VIONET_TESTS_FAKE_VDPA_H
#define VIONET_TESTS_FAKE_VDPA_H

#include <linux/vhost.h>

#include "tests/unit/model_ring.h"

#define VDPA_NODE "/dev/vhost-vdpa-7"
#define VDPA_QUEUES 8
#define VDPA_MAPS 64

/* Backend features, by their numbers in linux/vhost_types.h. */
enum { MSG_V2 = 1 << 1,
       BATCH = 1 << 2,
       ASID = 1 << 3,
       SUSPEND = 1 << 4,
       RESUME = 1 << 5,
       AFTER_OK = 1 << 6,
       DESC_ASID = 1 << 7,
       PERSIST = 1 << 8 };

struct vdpa_map {
	uint32_t asid;
	struct vhost_iotlb_msg what;
	uint8_t *at; /* the device's own view: of what the driver guards against itself, too */
};

struct vdpa_maps {
	struct vdpa_map map[VDPA_MAPS];
	unsigned int count;
};

struct vdpa_queue {
	struct model_queue ring;
	struct model_rings rings;
	struct vhost_vring_addr addr;
	unsigned int index, num, base, enabled;
	int kick, call;
};

struct fake_vdpa {
	/* What the kernel and the device are. */
	int open_error;
	bool plain_file, other_node, doorbells, no_sysfs;
	unsigned long missing; /* a request that the kernel does not know */
	unsigned long failing; /* one that fails with EIO */
	uint32_t device_id, queues, groups, spaces, control_group;
	uint64_t features, backend;
	uint16_t num_max;
	uint32_t num_own; /* of each queue; 0: the kernel does not know the call */
	uint64_t first, last;
	uint32_t config_size;
	uint8_t config[512];
	unsigned int restless; /* so many reads find another configuration */
	bool refuses_features, refuses_maps, refuses_unmaps, refuses_ends;

	/* What has happened. */
	int fd; /* -1: it is not open */
	bool owned, suspended;
	uint8_t status;
	uint64_t acked, acked_backend;
	struct vdpa_maps told, seen; /* the kernel's table, the device's */
	bool in_batch;
	uint32_t batch_asid;
	unsigned int batches, refused, echoed, commands, resets, kicks;
	uint32_t asid[8]; /* of a group */
	int config_call;
	struct vdpa_queue queue[VDPA_QUEUES];
	char violation[160];
};

extern struct fake_vdpa vdpa;

/* A device with all features, one pair and a control queue in a group of its own. */
void vdpa_reset_fake(void);

/* Look at all queues. */
void vdpa_work(void);

/* Is this memory in the device's table of that address space? */
bool vdpa_sees(uint32_t asid, const void *address);

#endif
