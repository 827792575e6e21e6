/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Owns: what a device is inside the library, and the memory that belongs to it.
 * Never: seen by an application.
 * Read next: driver/device.c.
 */
#ifndef VN_DRIVER_DEVICE_H
#define VN_DRIVER_DEVICE_H

#include <stdbool.h>
#include <stdint.h>

#include <vionet/device.h>

#include "base/clock.h"
#include "driver/transport.h"

/* Deadlines; docs/architecture.md lists them. */
#define VN_RESET_TIMEOUT (1000 * VN_MS)

/* Memory that the device can reach: a pool's, a ring's, or the application's. */
struct vionet_memory {
	struct vionet_device *device;
	struct vionet_memory *next; /* in the device's list */
	struct vn_memory memory;
	enum vn_access access;
	uint64_t iova;
	uint64_t users; /* pools on it, packets attached to it; atomic: a queue's
			 * thread lets go, the control thread looks */
	struct vionet_memory *whole; /* of which it is a part; NULL: it is whole */
	size_t given;	/* a whole's: bytes that were given out as parts */
	uint32_t parts; /* a whole's: how many are in use */
	bool foreign;	/* the application's: never freed by us */
	bool quarantined; /* to be freed, once the device is known to be quiet */
};

/* The network device's configuration, as it was last read. */
struct vn_net_config {
	uint8_t mac[6];
	bool mac_from_device;
	uint16_t mtu; /* 0: not stated */
	uint16_t max_queue_pairs;
	struct vionet_link link;
};

struct vionet_device {
	char name[VIONET_NAME_MAX];
	unsigned int flags; /* vionet_open_flags */
	struct vn_transport *transport;
	struct vionet_features avoid, need;
	struct vionet_features offered, accepted;
	struct vionet_features usable; /* offered, less what contradicts itself */
	struct vn_net_config config;
	struct vn_iommu_limits limits; /* page sizes; the rest is read anew */
	uint16_t header_size;
	bool settled;	 /* opened: features may not change any more */
	bool negotiated; /* FEATURES_OK holds */
	bool started;
	bool quiet; /* the device is known not to touch our memory */
	bool broken; /* it did not acknowledge a reset */
	bool gone;
	struct vionet_link reported; /* link as the last event told it */
	bool link_pending; /* it may have changed, and was not read since */

	unsigned int queue_pairs;
	struct vionet_queue *rx, *tx; /* while started */
	struct vionet_pool *own_rx_pool, *own_tx_pool;
	struct vionet_pool *pools;
	struct vionet_memory *memories;
	unsigned int quarantined;
};

/* ---- device.c ---- */

/* vionet_device_open over a transport that is open already. It is the device's
 * from then on, and closed if this fails. */
int vn_device_open(struct vn_transport *transport,
		   const struct vionet_open_options *options,
		   struct vionet_device **device);

/* Reset, and wait until the device says that it has been. Sets `quiet`, or
 * `broken`. Returns 0, -ETIMEDOUT, -ENODEV. */
int vn_device_reset(struct vionet_device *device);

/* ---- config.c ---- */

/* Read the configuration that the accepted features say is there, and how many
 * queue pairs the device offers. `*config` changes only on success. */
int vn_config_read(struct vionet_device *device, struct vn_net_config *config);

/* Take from the offer what the configuration contradicts (an MTU below 68, a
 * configuration too short for its fields). */
void vn_config_correct_offer(struct vionet_device *device,
			     struct vionet_features *offered);

/* ---- memory.c ---- */

/* Allocate memory and show it to the device. As vn_memory_alloc and the
 * transport's memory_add. Zeroed. */
int vn_device_memory_alloc(struct vionet_device *device, size_t size,
			   enum vn_access access, bool hugepages,
			   struct vionet_memory **memory);

/*
 * Hide it from the device and free it. The device has nothing of it any more
 * (everything was completed), or is quiet. A device that did not acknowledge a
 * reset has no such word to give: then the memory is put aside until a reset
 * succeeds or the device is closed. NULL is allowed.
 */
void vn_device_memory_free(struct vionet_memory *memory);

/* The device is quiet now: free what was put aside. */
void vn_device_memory_sweep(struct vionet_device *device);

/* After the transport has been closed: free what is left. */
void vn_device_memory_abandon(struct vionet_device *device);

#endif
