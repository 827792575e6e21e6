/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Owns: what a device is inside the library, and the memory that belongs to it.
 * Never: seen by an application.
 * Read next: driver/device/open.c.
 */
#ifndef VN_DRIVER_DEVICE_H
#define VN_DRIVER_DEVICE_H

#include <stdbool.h>
#include <stdint.h>

#include <vionet/device.h>

#include "base/clock.h"
#include "driver/transport/transport.h"

struct vn_control;
struct vn_quarantined;
struct vn_queue_plan;
struct vn_share;
struct vn_wish;

/* Deadlines; docs/architecture.md lists them. */
#define VN_RESET_TIMEOUT_MS 1000u

/* While the device is waited for: until when, and when to say so. */
struct vn_patience {
	uint64_t begin, end, next; /* ns */
	const char *step;
};

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
	uint32_t parts; /* a whole's: how many are in use */
	struct vionet_memory *twin; /* ring of those that are one mapping of ours, shown
				     * to several devices; NULL: the only one */
	bool foreign;	/* the application's: never freed by us */
	bool mapped_here; /* ... but mapped by us */
	bool read_only; /* ... and we cannot write there */
	bool quarantined; /* to be freed, once the device is known to be quiet */
};

/* The network device's configuration, as it was last read. */
struct vn_net_config {
	uint8_t mac[6];
	bool mac_from_device;
	uint16_t mtu; /* 0: not stated */
	uint16_t max_queue_pairs;
	/* N of NET-01: where the control queue is, whatever we can use. */
	uint16_t device_pairs;
	bool queues_lack; /* MQ or RSS was taken, and their queues are not there */
	struct vionet_link link;
	bool announce; /* the device asks for announcements */
	uint8_t rss_key_max;
	uint16_t rss_table_max; /* a power of two; 0: no RSS */
	uint32_t hash_types, tunnel_types; /* that the device supports */
};

/* What no queue of the device's will recover from by itself. */
enum vn_ailment {
	VN_AILMENT_NONE = 0,
	VN_AILMENT_GAVE_UP, /* it needs a reset */
	VN_AILMENT_RESET,   /* somebody else has reset it */
	VN_AILMENT_GONE,
};

struct vionet_device {
	char name[VIONET_NAME_MAX];
	unsigned int flags; /* vionet_open_flags */
	struct vn_transport *transport;
	struct vionet_features avoid, need, want;
	struct vionet_features offered, accepted;
	struct vionet_features usable; /* offered, less what contradicts itself */
	struct vn_net_config config;
	struct vn_iommu_limits limits; /* page sizes; the rest is read anew */
	uint16_t header_size;
	bool settled;	 /* opened: features may not change any more */
	bool one_pair;	 /* it does not have the queues of its pairs: no MQ, no RSS */
	bool negotiated; /* FEATURES_OK holds */
	bool started;
	bool quiet; /* the device is known not to touch our memory */
	bool broken; /* it did not acknowledge a reset */
	bool gone;
	struct vionet_link reported; /* link as the last event told it */
	bool link_pending; /* it may have changed, and was not read since */

	unsigned int start_flags;     /* vionet_start_flags */
	unsigned int vectors_max;     /* 0: as many as there are queues */
	unsigned int queue_pairs;     /* that are set up */
	unsigned int active_pairs;    /* that the device was told to use */
	struct vionet_queue *rx, *tx; /* while started, one a pair */
	struct vn_queue_plan *plans;  /* what they were made from, by index */
	bool live;	/* DRIVER_OK: the control queue may be used */
	uint8_t ailment; /* vn_ailment, since it went live; any thread, atomic */
	bool suspended;

	struct vn_control *control; /* NULL: none */
	uint64_t control_timeout;   /* ns */
	int (*progress)(void *context, const char *step, unsigned int waited_ms,
			unsigned int limit_ms);
	void *progress_context;
	struct vn_wish *wishes;	    /* what the device was told, oldest first */
	uint64_t announced_at;	    /* last time that an announcement was due */
	uint64_t recovered_at[5];   /* last recoveries, for giving up */

	struct vionet_pool *pools;
	struct vn_share *shares; /* pools of other devices that it sees */
	struct vionet_memory *memories;
	unsigned int quarantined; /* regions, besides those of queues */
	struct vn_quarantined *quarantine; /* queues, see driver/queue/quarantine.h */
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

/* Begin to wait for the device, as long as a reset may take. */
struct vn_patience vn_device_patience(const struct vionet_device *device,
				      const char *step);

/* Sleep a little. Returns 0; -ETIMEDOUT at the end, -ECANCELED if the application does
 * not want to wait any longer; both without text. */
int vn_device_await(const struct vionet_device *device, struct vn_patience *patience);

/* What it takes to use it failed for good: say so to the device, then reset it. The
 * error text, which belongs to `result`, stays. */
void vn_device_give_up(struct vionet_device *device, int result);

/* Steps 1 to 6 of the initialization. On failure the device is told so, and left
 * reset. */
int vn_device_negotiate(struct vionet_device *device);

/* Add a bit to the status, and see that the device took it. */
int vn_device_add_status(struct vionet_device *device, uint8_t bit,
			 const char *name);

/* ---- info.c ---- */

/* Nothing moves: note what the device's status says of its health. Any thread between
 * start and stop; the error text stays. */
void vn_device_look(struct vionet_device *device);

static inline bool vn_device_ails(const struct vionet_device *device)
{
	return __atomic_load_n(&device->ailment, __ATOMIC_RELAXED) != VN_AILMENT_NONE;
}

static inline void vn_device_note(struct vionet_device *device, enum vn_ailment ailment)
{
	__atomic_store_n(&device->ailment, (uint8_t)ailment, __ATOMIC_RELAXED);
}

/* Nothing is wrong with it as a whole: 0; -EIO or -ENODEV, and what is to be done. */
int vn_device_check(const struct vionet_device *device);

/* ---- start.c ---- */

/* May a queue have this size? */
bool vn_device_size_fits(const struct vionet_device *device, uint32_t size);

/* All queues are set up: enable them, set DRIVER_OK, post receive buffers, and
 * tell the device what it is to know. */
int vn_device_go(struct vionet_device *device);

/* Attach the interrupts that the plans of the queues want. */
int vn_device_open_vectors(struct vionet_device *device);

/* Set up the control queue, if there is one. */
int vn_device_open_control(struct vionet_device *device);

/* Release all queues of a device that was reset. */
void vn_device_close_queues(struct vionet_device *device);

/* ---- sizes.c ---- */

/* Can these be the buffers that the device writes to, by its configuration? */
int vn_device_check_rx_pool(const struct vionet_device *device,
			    const struct vionet_pool *pool);

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

/* The same, in a region of its own also where pools share regions. */
int vn_device_memory_alloc_whole(struct vionet_device *device, size_t size,
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

/* Put it in the device's list. */
void vn_memory_link(struct vionet_device *device, struct vionet_memory *memory);

/* Take it out, and free what is ours. The device does not see it any more. */
void vn_memory_dispose(struct vionet_memory *memory);

/* ---- registration.c ---- */

/* Let go of the application's file, and of our mapping of it. */
void vn_registration_release(struct vionet_memory *memory);

#endif
