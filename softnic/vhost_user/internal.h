/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the files of the vhost-user back end know of each other. Each calls those above it
 * only: call.c, regions.c, vrings.c, memory.c, setup.c (requests), requests.c (their table),
 * session.c (the socket, framing, the coming and going of the front end).
 */
#ifndef SOFTNIC_VHOST_USER_INTERNAL_H
#define SOFTNIC_VHOST_USER_INTERNAL_H

#include "softnic/ring/ring.h"
#include "softnic/vfio_user/server.h"
#include "softnic/vhost_user/protocol.h"

#define MEMORY_SLOTS 512u

/* A ring as the front end described it. What runs is in struct queue. */
struct vring {
	uint16_t size;
	bool addressed;
	struct vring_addr addr;
	uint32_t base; /* where it begins, as the message has it */
	bool started;  /* SET_VRING_KICK came */
	bool enabled;
	bool polled; /* no descriptor to kick with */
	int error;   /* -1: none */
	bool error_sent;
};

struct vhost_user {
	uint64_t protocol;  /* features of the protocol in use */
	bool protocol_used; /* FEATURE_PROTOCOL_FEATURES was accepted */
	bool refused;	    /* the features that were accepted last */
	int backend;	    /* our own requests; -1: none */
	struct vring vring[QUEUES_MAX];
	struct memory_region slot[MEMORY_SLOTS];
	unsigned int slots;
	bool replacing;	     /* the table is between two states */
	uint64_t connect_at; /* next try, in ns */
	int connect_error;   /* that was printed last */
	uint8_t in[sizeof(struct vhost_header) + PAYLOAD_MAX];
};

static inline bool vhost_has(const struct device *device, enum protocol_feature feature)
{
	return (device->vhost_user->protocol >> feature) & 1;
}

/* A request while it is served, and what its reply has. */
struct vhost_call {
	const char *name;
	struct vhost_header header;
	const uint8_t *data;
	int *fds; /* a handler that keeps one puts -1 in its place */
	unsigned int fd_count;
	uint8_t reply[sizeof(struct config_space)];
	uint32_t reply_size;
};

/* ---- call.c ---- */

/*
 * Refuse a request of the front end: a line on stderr with its name, counted; the run fails.
 * Returns -1.
 */
int vhost_refuse(struct device *device, const struct vhost_call *call, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* A reply of one number. */
int vhost_reply_number(struct vhost_call *call, uint64_t value);

/* The one descriptor that came along, the caller's from now on; -1: not exactly one did. */
int vhost_take_fd(struct vhost_call *call);

/* ---- vrings.c ---- */

/* Bring what runs to what the front end has said. */
void vhost_rings_update(struct device *device);
/* The memory table changed: find the rings anew. */
void vhost_rings_readdress(struct device *device);
/* Forget all rings; with `whole` their descriptors too. */
void vhost_rings_forget(struct device *device, bool whole);
/* In each poll iteration: rings without a doorbell, rings in error. As transport.poll. */
int64_t vhost_rings_poll(struct device *device);

/* ---- regions.c ---- */

/* Where the front end's address is for the device. False: in no region. */
bool vhost_translate(const struct device *device, uint64_t user, uint64_t *iova);
void vhost_memory_forget(struct device *device);
/* For dma_open: translations are void. */
void vhost_memory_changed(struct device *device);

/* ---- requests: 0, or -1 (vhost_refuse was called) ---- */

int vhost_get_features(struct device *device, struct vhost_call *call);
int vhost_set_features(struct device *device, struct vhost_call *call);
int vhost_set_owner(struct device *device, struct vhost_call *call);
int vhost_get_protocol_features(struct device *device, struct vhost_call *call);
int vhost_set_protocol_features(struct device *device, struct vhost_call *call);
int vhost_get_queue_num(struct device *device, struct vhost_call *call);
int vhost_set_mtu(struct device *device, struct vhost_call *call);
int vhost_set_backend_fd(struct device *device, struct vhost_call *call);
int vhost_get_config(struct device *device, struct vhost_call *call);
int vhost_set_config(struct device *device, struct vhost_call *call);
int vhost_reset_device(struct device *device, struct vhost_call *call);
int vhost_set_status(struct device *device, struct vhost_call *call);
int vhost_get_status(struct device *device, struct vhost_call *call);
int vhost_set_mem_table(struct device *device, struct vhost_call *call);
int vhost_get_mem_slots(struct device *device, struct vhost_call *call);
int vhost_add_region(struct device *device, struct vhost_call *call);
int vhost_remove_region(struct device *device, struct vhost_call *call);
int vhost_set_vring_num(struct device *device, struct vhost_call *call);
int vhost_set_vring_addr(struct device *device, struct vhost_call *call);
int vhost_set_vring_base(struct device *device, struct vhost_call *call);
int vhost_get_vring_base(struct device *device, struct vhost_call *call);
int vhost_set_vring_kick(struct device *device, struct vhost_call *call);
int vhost_set_vring_call(struct device *device, struct vhost_call *call);
int vhost_set_vring_err(struct device *device, struct vhost_call *call);
int vhost_set_vring_enable(struct device *device, struct vhost_call *call);

/* ---- requests.c ---- */

/* Bytes that the payload of a request may have; the name of the request, NULL: unknown. */
const char *vhost_request_name(uint32_t request);
/* Serve it. 0; -1: refused. */
int vhost_serve(struct device *device, struct vhost_call *call);

#endif
