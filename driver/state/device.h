/* SPDX-License-Identifier: BSD-3-Clause */
/* What every part of the driver knows of a device and its memory. */
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
struct vn_ctrl_state;

/* Memory that the device can reach: a pool's, a ring's, or the application's. */
struct vionet_memory {
	struct vionet_device *device;
	struct vionet_memory *next; /* in the device's list */
	struct vn_memory memory;
	enum vn_access access;
	uint64_t iova;
	uint64_t users; /* pools on it, packets attached to it; atomic: a queue's
			 * thread releases, the control thread looks */
	struct vionet_memory *whole; /* of which it is a part; NULL: it is whole */
	uint32_t parts; /* a whole's: how many are in use */
	size_t used;	/* a whole's: what lies behind was never part of one, and is zero */
	struct vionet_memory *twin; /* ring of those that are one mapping of ours, shown
				     * to several devices; NULL: the only one */
	bool external;	/* the application's: never freed by us */
	bool mapped_here; /* ... but mapped by us */
	bool read_only; /* ... and we cannot write there */
	bool quarantined; /* to be freed, once the device is known to be quiesced */
};

/* The network device's configuration, as it was last read. */
struct vn_net_config {
	uint8_t mac[6];
	bool mac_from_device;
	uint16_t mtu; /* 0: not stated */
	uint16_t max_queue_pairs;
	/* N of "Virtqueues" (NET-01): where the control queue is, whatever we can use. */
	uint16_t device_pairs;
	bool queues_lack; /* MQ or RSS was taken, and their queues are not there */
	struct vionet_link link;
	bool announce; /* the device requests announcements */
	uint8_t rss_key_max;
	uint16_t rss_table_max; /* a power of two; 0: no RSS */
	uint32_t hash_types, tunnel_types; /* that the device supports */
};

/* What no queue of the device's will recover from by itself. */
enum vn_device_error {
	VN_DERR_NONE = 0,
	VN_DERR_NEEDS_RESET, /* it needs a reset */
	VN_DERR_RESET,   /* another process has reset it */
	VN_DERR_GONE,
};

struct vionet_device {
	char name[VIONET_NAME_MAX];
	unsigned int flags; /* vionet_open_flags */
	struct vn_transport *transport;
	struct vionet_features avoid, need, want;
	struct vionet_features offered, accepted;
	struct vionet_features usable; /* offered, less what contradicts itself */
	struct vn_net_config config;
	struct vn_transport_limits limits; /* once features were written */
	uint16_t header_size;
	bool opened;	 /* features may not change any more */
	bool one_pair;	 /* it does not have the queues of its pairs: no MQ, no RSS */
	bool negotiated; /* FEATURES_OK holds */
	bool started;
	bool quiesced; /* the device is known not to touch our memory */
	bool broken; /* it did not acknowledge a reset */
	bool gone;
	struct vionet_link reported; /* link as of the last event */
	bool link_pending; /* it may have changed, and was not read since */

	unsigned int start_flags;     /* vionet_start_flags */
	unsigned int vectors_max;     /* 0: as many as there are queues */
	unsigned int queue_pairs;     /* that are set up */
	unsigned int active_pairs;    /* that are in use */
	struct vionet_queue *rx, *tx; /* while started, one a pair */
	struct vn_queue_plan *plans;  /* what they were made from, by index */
	bool live;	/* DRIVER_OK: the control queue may be used */
	uint8_t error; /* vn_device_error, since it went live; any thread, atomic */
	bool suspended;

	struct vn_control *control;    /* NULL: none */
	uint64_t control_timeout;      /* ns */
	unsigned int reply_timeout_ms; /* of a server; 0: the default */
	uint64_t reset_timeout;	       /* ns; for what the device has to bring to an end */
	struct vn_read_back read_back;
	int (*progress)(void *context, const char *step, unsigned int waited_ms,
			unsigned int limit_ms);
	void *progress_context;
	struct vn_ctrl_state *ctrl_state; /* saved commands, oldest first */
	uint64_t announced_at;	    /* last time that an announcement was due */
	uint64_t recovered_at[5];   /* last recoveries, for their limit */

	struct vionet_pool *pools;
	struct vn_share *shares; /* pools of other devices that it sees */
	struct vionet_memory *memories;
	unsigned int quarantined; /* regions, besides those of queues */
	struct vn_quarantined *quarantine; /* queues, see driver/queue/quarantine.h */
};

#endif
