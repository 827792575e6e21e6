/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A vhost-user back end in a thread of the test: it sends frames back, and is faulty
 * where a test sets it so. Its rings are those of model_ring.h. Written from the protocol's description with numbers of its
 * own: it shares nothing with the driver but the socket.
 */
#ifndef VIONET_TESTS_VHOST_BACKEND_H
#define VIONET_TESTS_VHOST_BACKEND_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "tests/unit/model_ring.h"

/* Requests, as far as tests name them. */
enum {
	RQ_GET_FEATURES = 1,
	RQ_SET_FEATURES = 2,
	RQ_SET_OWNER = 3,
	RQ_SET_MEM_TABLE = 5,
	RQ_SET_VRING_NUM = 8,
	RQ_SET_VRING_ADDR = 9,
	RQ_SET_VRING_BASE = 10,
	RQ_GET_VRING_BASE = 11,
	RQ_SET_VRING_KICK = 12,
	RQ_SET_VRING_CALL = 13,
	RQ_SET_VRING_ERR = 14,
	RQ_GET_PROTOCOL_FEATURES = 15,
	RQ_SET_PROTOCOL_FEATURES = 16,
	RQ_GET_QUEUE_NUM = 17,
	RQ_SET_VRING_ENABLE = 18,
	RQ_SET_BACKEND_REQ_FD = 21,
	RQ_GET_CONFIG = 24,
	RQ_GET_INFLIGHT_FD = 31,
	RQ_SET_INFLIGHT_FD = 32,
	RQ_RESET_DEVICE = 34,
	RQ_GET_MAX_MEM_SLOTS = 36,
	RQ_ADD_MEM_REG = 37,
	RQ_REM_MEM_REG = 38,
	RQ_SET_STATUS = 39,
	RQ_GET_STATUS = 40,
	RQ_COUNT = 41,
};

/* Protocol features */
#define PF_MQ (1u << 0)
#define PF_REPLY_ACK (1u << 3)
#define PF_BACKEND_REQ (1u << 5)
#define PF_CONFIG (1u << 9)
#define PF_INFLIGHT (1u << 12)
#define PF_RESET_DEVICE (1u << 13)
#define PF_MEM_SLOTS (1u << 15)
#define PF_STATUS (1u << 16)
#define PF_ALL                                                              \
	(PF_MQ | PF_REPLY_ACK | PF_BACKEND_REQ | PF_CONFIG | PF_INFLIGHT |  \
	 PF_RESET_DEVICE | PF_MEM_SLOTS | PF_STATUS)

/* What it does instead of replying to the request `fault_at`. */
enum fault {
	FAULT_NONE,
	FAULT_CLOSE,	   /* hang up */
	FAULT_MID_HEADER,  /* hang up after five bytes */
	FAULT_MID_PAYLOAD, /* hang up after the header and three bytes */
	FAULT_REQUEST,	   /* reply to another request */
	FAULT_NO_REPLY,	   /* without the flag of a reply */
	FAULT_VERSION,	   /* of another protocol version */
	FAULT_SHORT,	   /* a payload that is too short */
	FAULT_LONG,	   /* one that is too long */
	FAULT_HUGE,	   /* one that cannot be */
	FAULT_FD,	   /* with a descriptor that does not belong to it */
	FAULT_MANY_FDS,	   /* with more than a message may have */
	FAULT_REFUSE,	   /* a failure */
	FAULT_SILENT,	   /* no reply */
	FAULT_TWICE,	   /* two replies */
	FAULT_SLOW,	   /* every reply just before its limit */
	FAULT_NO_FD,	   /* without the descriptor that belongs to it */
	FAULT_SHORT_FILE,  /* with a file that is shorter than it says */
	FAULT_OVERFLOW,	   /* with numbers whose sum wraps round */
};

#define BACKEND_QUEUES 4
#define BACKEND_REGIONS 16

struct backend_region {
	uint64_t guest, size, user;
	uint8_t *map;
	int seals;
};

struct backend_queue {
	struct model_queue ring;
	uint32_t base;
	int kick, call, err;
	bool enabled, kicked, lost; /* lost: see drops_rings */
	unsigned int kicks, taken_only; /* taken_only: since take_only */
};

struct backend {
	pthread_mutex_t lock; /* of everything below */
	pthread_t thread;
	char path[64];
	int listening, wake, fd, request_fd;
	bool connects; /* to a front end that listens */
	bool stop, hang_up;

	/* What it is. */
	uint64_t features, protocol, queue_num, slots;
	uint8_t config[32];
	uint32_t config_size;
	bool paused; /* takes nothing from the rings */
	bool take_only; /* takes from the rings, completes nothing, but for: */
	uint64_t complete; /* of those that it takes then, which (by bit) */
	unsigned int keep_buffers; /* receive buffers to take and not to fill */
	bool drops_rings; /* where the rings are, when the table changes */
	uint32_t fault_at;
	enum fault fault;

	/* What the front end has set. */
	uint64_t acked, acked_protocol;
	uint8_t status;
	struct backend_region region[BACKEND_REGIONS];
	unsigned int regions;
	struct model_rings rings;
	struct backend_queue queue[BACKEND_QUEUES];
	int inflight_fd; /* came with SET_INFLIGHT_FD */
	uint64_t inflight_mark; /* what is written there */
	uint16_t inflight_queues, inflight_size;

	/* What happened. */
	unsigned int sessions, count[RQ_COUNT], fds_open, faults_done;
	unsigned int echoed, dropped, bad_addresses;
	char violation[128]; /* first thing that the front end did wrong */
};

/* Make one that offers everything, listens (or not) and runs. */
struct backend *backend_create(bool connects);

/* Stop it. It must have seen no violation. */
void backend_destroy(struct backend *backend);

/* Close the connection, as if the process had died; the thread waits for the next.*/
void backend_hang_up(struct backend *backend);

/* Send a request on the back-end channel; with_fd: pass a descriptor along. */
void backend_request(struct backend *backend, uint32_t request, bool need_reply,
		     bool with_fd);

/* Send one of the 16 bytes of a request that needs a reply. */
void backend_send_byte(struct backend *backend, uint32_t request, unsigned int byte);

/* Wait for the front end's reply to it. */
bool backend_replied(struct backend *backend, uint64_t *value);

/* Write to the error eventfd of a ring. */
void backend_ring_error(struct backend *backend, unsigned int queue);

/* Read or write a field under the lock. */
#define LOCKED(backend, statement)                     \
	do {                                           \
		pthread_mutex_lock(&(backend)->lock);  \
		statement;                             \
		pthread_mutex_unlock(&(backend)->lock);\
	} while (0)

#endif
