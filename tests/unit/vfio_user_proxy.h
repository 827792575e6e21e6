/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The proxy for vfio-user (proxy.h). Of the protocol it knows the header, and where in a few
 * messages descriptors belong.
 */
#ifndef VIONET_TESTS_VFIO_USER_PROXY_H
#define VIONET_TESTS_VFIO_USER_PROXY_H

#include "tests/unit/proxy.h"

/* The device's BAR with the registers, and the doorbells in it, 4 bytes each. */
#define PROXY_REGION 4u
#define PROXY_BAR_SIZE 0x8000u
#define PROXY_NOTIFY 0x4000u

/* Commands, as the text numbers them. */
enum {
	VFU_VERSION = 1,
	VFU_DMA_MAP,
	VFU_DMA_UNMAP,
	VFU_DEVICE_INFO,
	VFU_REGION_INFO,
	VFU_REGION_IO_FDS,
	VFU_IRQ_INFO,
	VFU_SET_IRQS,
	VFU_REGION_READ,
	VFU_REGION_WRITE,
	VFU_DMA_READ,
	VFU_DMA_WRITE,
	VFU_DEVICE_RESET,
	VFU_FEATURE = 16,
	VFU_STATE_READ,
	VFU_STATE_WRITE,
	VFU_END,
};

/* "Header": flags */
enum { VFU_REPLY = 1, VFU_NO_REPLY = 0x10, VFU_ERROR = 0x20 };

struct vfu_proxy {
	struct proxy proxy;

	/* Set before it is started. */
	const char *json; /* what the version's reply says; NULL: as it is */
	int bar_fd;	  /* takes the place of the mapped BAR; -1: as it is */
	int doorbell[3];  /* take the place of doorbells' eventfds; -1: as it is */

	/* Changes a request. False: the device does not get it, and the reply repeats
	 * its first 16 bytes, which is right for a region write. */
	bool (*on_request)(struct proxy *proxy, struct proxy_message *request);

	/* What it has seen; under the lock. */
	unsigned int doorbells;	    /* that came as messages */
	unsigned int unmapped_live; /* unmapped while bus mastering was on */
	bool bus_master;
	int irq[5][16]; /* eventfds by kind and number, -1 */
};

/* Make one; the software device has one queue pair and its doorbells come as messages. */
struct proxy *vfu_proxy_create(void);

static inline struct vfu_proxy *vfu_of(struct proxy *proxy)
{
	return (struct vfu_proxy *)proxy;
}

/* In a hook or job: a command to the client and its reply. Returns the error that the
 * client answers with, 0, or -1 (wrong reply, or none). */
int vfu_request(struct proxy *proxy, uint16_t command, uint64_t address, uint64_t count,
		void *data, size_t size);

/* A hook: memory stays mapped. `number` of the proxy 0: it is released. */
void vfu_refuse_unmap(struct proxy *proxy, const struct proxy_message *request,
		      struct proxy_message *reply);

#endif
