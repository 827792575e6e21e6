/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The vhost-user transport's device and the calls between its files. Each file calls those
 * above it only:
 * channel.c (one message on a socket), messages.c (requests and replies, the end of a
 * session), rings.c and inflight.c (what is said of rings), regions.c (the memory table),
 * session.c (connection and handshake), queue.c, status.c, resume.c (another back end),
 * transport.c (name, opening, events, closing).
 */
#ifndef VN_DRIVER_TRANSPORT_VHOST_USER_H
#define VN_DRIVER_TRANSPORT_VHOST_USER_H

#include <sys/types.h>
#include <sys/un.h>

#include <vionet/error.h>

#include "base/clock.h"
#include "base/lock.h"
#include "driver/transport/transport.h"
#include "driver/transport/vectors.h"
#include "driver/transport/vhost_user/channel.h"
#include "iommu/regions.h"

/* How long the back end may take for one message, unless the caller says otherwise. The
 * message budget, for any number in a row, is twice that: what was waited comes back at a
 * quarter of the time that passes. */
#define VN_VHOST_USER_TIMEOUT (2000 * VN_MS)

/* What a device name says: "PATH[,server][,wait=SECONDS][,read-only]". */
struct vn_vhost_user_name {
	char path[sizeof(((struct sockaddr_un *)0)->sun_path)];
	bool server;		/* we listen, the back end connects */
	bool read_only;		/* seal what the device must only read */
	unsigned int wait;	/* seconds for a back end to connect or listen */
};

/* A ring, kept so that it can be set up again with another back end. */
struct vn_vhost_user_queue {
	bool set_up;
	bool enabled;
	uint16_t size;
	int kick_fd; /* -1: none */
	int call_fd; /* one of the vectors; -1: none */
	struct vn_ring_areas areas;
};

/* The back end's record of what it works on; opaque to us, kept for its successor.*/
struct vn_vhost_user_inflight {
	int fd; /* -1: none */
	struct vhost_user_inflight what;
};

struct vn_vhost_user {
	struct vn_transport base; /* first */
	char full_name[VIONET_NAME_MAX];
	struct vn_vhost_user_name name;
	struct vn_lock lock; /* no other process has the device */
	int listening; /* -1: a client */
	dev_t socket_device; /* of the path that we made, so that only it is */
	ino_t socket_inode;  /* removed in the end */

	/* The session; the bits are the last one's. */
	int fd;		/* -1: none */
	int backend_fd; /* the back end's own requests; -1: none */
	struct vn_vhost_user_message backend_request; /* as far as it has come: */
	size_t backend_request_bytes;
	uint64_t features;
	uint64_t protocol;		  /* protocol features in use */
	uint32_t config_size;		  /* bytes of configuration that the back end has */
	bool config_interrupt;		  /* its changes come as messages */
	uint64_t reply_timeout;		  /* ns */
	uint64_t budget;		  /* ns that may still be waited in a row */
	uint64_t budget_at;		  /* when that was so */
	char lost[VIONET_ERROR_TEXT_MAX]; /* why it ended */

	struct vionet_features accepted;
	uint8_t status;
	bool failed; /* the session ended, or a ring did, under a running device */
	uint64_t status_at; /* when the status was last requested */
	bool config_changed;
	int error_fd; /* the back end says that a ring is in error */

	struct vn_regions regions; /* `seen`: the back end knows of it */
	uint32_t region_max;	   /* that the back end takes */
	bool table_unsent; /* the back end's table is not ours */

	struct vn_vhost_user_queue queue[VHOST_USER_QUEUES_MAX];
	uint16_t pairs_max; /* that the back end has */
	unsigned int pairs; /* whose rings are enabled, if they are set up */
	bool pairs_unsure;  /* the last order for them was obeyed in part */
	struct vn_vhost_user_inflight inflight;
	struct vn_vectors vectors;
};

static inline struct vn_vhost_user *vn_vhost_user(struct vn_transport *transport)
{
	return (struct vn_vhost_user *)transport;
}

static inline uint16_t vn_vhost_user_queue_count(const struct vn_vhost_user *t)
{
	return (uint16_t)(2 * t->pairs_max);
}

/* One for each queue, and one for the configuration. */
static inline unsigned int vn_vhost_user_vector_max(const struct vn_vhost_user *t)
{
	return vn_vhost_user_queue_count(t) + 1u;
}

/* `failed` is also looked at by queues' threads. */
static inline void vn_vhost_user_fail(struct vn_vhost_user *t, bool failed)
{
	__atomic_store_n(&t->failed, failed, __ATOMIC_RELAXED);
}

static inline bool vn_vhost_user_has(const struct vn_vhost_user *t,
				     unsigned int protocol_feature)
{
	return (t->protocol >> protocol_feature & 1) != 0;
}

static inline bool vn_vhost_user_offers(const struct vn_vhost_user *t,
					unsigned int feature)
{
	return (t->features >> feature & 1) != 0;
}

/* ---- messages.c ---- */

/* End the session, if there is one. The text of the last failure is kept as the
 * reason. The rings are stopped with it, and the next back end knows of no memory. */
void vn_vhost_user_end(struct vn_vhost_user *t);

/* See whether the back end has gone, or sends what was not requested, without waiting.
 * Returns whether there is a session (afterwards). */
bool vn_vhost_user_alive(struct vn_vhost_user *t);

/*
 * Send a request that has no reply of its own. With REPLY_ACK its success is
 * waited for. -ENOTSUP if the back end refuses it; any other failure ends the
 * session: -ENOTCONN, -ETIMEDOUT, -EIO.
 */
int vn_vhost_user_request(struct vn_vhost_user *t,
			  struct vn_vhost_user_message *message);

/* Send a request; the reply, which must have `size` bytes of payload and
 * `fds` descriptors, replaces it. Failures as above. */
int vn_vhost_user_request_reply(struct vn_vhost_user *t,
				struct vn_vhost_user_message *message, size_t size,
				unsigned int fds);

/* The usual shapes of SET_ and GET_ requests. */
int vn_vhost_user_set_u64(struct vn_vhost_user *t, uint32_t request,
			  uint64_t value);
int vn_vhost_user_set_state(struct vn_vhost_user *t, uint32_t request,
			    uint32_t index, uint32_t num);
int vn_vhost_user_get_u64(struct vn_vhost_user *t, uint32_t request,
			  uint64_t *value);

/* Wait until the back end has worked through all requests so far. Without
 * acknowledgements the reply to a later one says so: it takes them in order. */
int vn_vhost_user_sync(struct vn_vhost_user *t);

/* Read the configuration from its beginning. -ENOTSUP if it has fewer bytes. */
int vn_vhost_user_get_config(struct vn_vhost_user *t, uint32_t size,
			     uint8_t *bytes);

/* Take requests of the back end from its channel: a few, never waits. */
void vn_vhost_user_backend_requests(struct vn_vhost_user *t);

/* ---- rings.c ---- */

/* Is any ring running? */
bool vn_vhost_user_rings_run(const struct vn_vhost_user *t);

/* All about a ring but starting it; `next`: the position where it begins. */
int vn_vhost_user_ring_set(struct vn_vhost_user *t, unsigned int index,
			   uint16_t next);

/* Start a ring: with its first kick, once it is enabled, if its pair is in use. */
int vn_vhost_user_ring_start(struct vn_vhost_user *t, unsigned int index);

int vn_vhost_user_kick(struct vn_transport *transport,
		       const struct vn_doorbell *doorbell);

/* Kick all rings that run. */
int vn_vhost_user_kick_all(struct vn_vhost_user *t);

/* The memory table has changed: say where the rings that run are, once more. */
int vn_vhost_user_rings_readdress(struct vn_vhost_user *t);

/* Have the back end give back all rings that run. */
int vn_vhost_user_rings_stop(struct vn_vhost_user *t);

/* Forget a ring and close its descriptor. */
void vn_vhost_user_ring_close(struct vn_vhost_user_queue *queue);

/* ---- inflight.c ---- */

/* Before the first ring starts, the back end gets the record of its predecessor, or
 * makes a new one and gets it back. */
int vn_vhost_user_inflight_share(struct vn_vhost_user *t);

/* Forget what was in flight. */
void vn_vhost_user_inflight_drop(struct vn_vhost_user *t);

/* ---- regions.c ---- */

int vn_vhost_user_memory_add(struct vn_transport *transport,
			     const struct vn_memory *memory,
			     enum vn_access access, uint64_t *iova);
int vn_vhost_user_memory_remove(struct vn_transport *transport, uint64_t iova);
int vn_vhost_user_limits(struct vn_transport *transport,
			 struct vn_transport_limits *limits);
int vn_vhost_user_memory_open(struct vn_vhost_user *t);

/* Make the back end's table what ours is. */
int vn_vhost_user_regions_send(struct vn_vhost_user *t);

/* ---- session.c ---- */

/*
 * Connect, or wait for the back end to connect, until `end`; agree on protocol
 * features. On failure there is no session. Errors as vn_socket_connect or
 * vn_vhost_user_accept; -ENODEV (it hangs up at once), -EIO, -ETIMEDOUT, -ENOTCONN;
 * -ENOTSUP (it lacks what is kept from before).
 */
int vn_vhost_user_begin(struct vn_vhost_user *t, uint64_t end);

/* ---- queue.c ---- */

int vn_vhost_user_queue_max(struct vn_transport *transport, unsigned int index,
			    uint16_t *size);
int vn_vhost_user_queue_setup(struct vn_transport *transport, unsigned int index,
			      uint16_t size, int *vector,
			      const struct vn_ring_areas *areas,
			      struct vn_doorbell *doorbell);
int vn_vhost_user_queue_enable(struct vn_transport *transport,
			       unsigned int index);
int vn_vhost_user_pairs_use(struct vn_transport *transport, unsigned int pairs);

/* Give the rings' descriptors back. */
void vn_vhost_user_queues_close(struct vn_vhost_user *t);

/* ---- status.c ---- */

int vn_vhost_user_features_read(struct vn_transport *transport,
				struct vionet_features *offered);
int vn_vhost_user_features_write(struct vn_transport *transport,
				 const struct vionet_features *accepted);
int vn_vhost_user_status_read(struct vn_transport *transport, uint8_t *status);
int vn_vhost_user_status_write(struct vn_transport *transport, uint8_t status);
int vn_vhost_user_health(struct vn_transport *transport, uint8_t *status);
int vn_vhost_user_reset(struct vn_transport *transport);

/* ---- resume.c ---- */

int vn_vhost_user_reconnect(struct vn_transport *transport, unsigned int wait_ms);
int vn_vhost_user_resume(struct vn_transport *transport, const uint16_t *next,
			 unsigned int count);

#endif
