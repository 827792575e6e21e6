/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The proxy for vhost-user (proxy.h): the software device as a back end that says of itself
 * what a test wants, loses kicks and its rings, and is faulty in its replies. It makes the
 * record of what is in flight, which the device has not. Its rings are the device's.
 */
#ifndef VIONET_TESTS_VHOST_USER_PROXY_H
#define VIONET_TESTS_VHOST_USER_PROXY_H

#include "tests/unit/proxy.h"

/* "Header": bytes; version and flags. Of a ring's message: no descriptor comes along. */
enum { VHU_HEADER = 12,
       VHU_VERSION = 1,
       VHU_REPLY = 4,
       VHU_NEED_REPLY = 8,
       VHU_NO_FD = 0x100 };

/* Requests, as far as tests or the proxy name them. */
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
#define PF_ALL                                                             \
	(PF_MQ | PF_REPLY_ACK | PF_BACKEND_REQ | PF_CONFIG | PF_INFLIGHT | \
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
	FAULT_NUMBER,	   /* a number that cannot be */
	FAULT_SILENT,	   /* no reply */
	FAULT_TWICE,	   /* two replies */
	FAULT_SLOW,	   /* every reply just before its limit */
	FAULT_NO_FD,	   /* without the descriptor that belongs to it */
	FAULT_SHORT_FILE,  /* with a file that is shorter than it says */
	FAULT_OVERFLOW,	   /* with numbers whose sum wraps round */
};

#define BACKEND_QUEUES 4
#define BACKEND_CONFIG 16

struct backend_queue {
	uint32_t base, end;	    /* SET_VRING_BASE; reply of GET_VRING_BASE */
	uint64_t used;		    /* address of the used ring, the front end's */
	int kick, call, err;	    /* duplicates of the front end's; -1: none */
	int device_kick;	    /* what the device has in the place of the kick */
	bool enabled, kicked, lost; /* lost: see drops_rings */
	unsigned int kicks;
};

struct backend {
	struct proxy proxy;

	/* What it says that it is, under the lock. The device has more of each. */
	uint64_t features, protocol, queue_num, slots;
	int16_t config[BACKEND_CONFIG]; /* bytes; -1: the device's */
	uint32_t config_size;
	bool paused;	  /* the device gets no kick */
	bool drops_rings; /* when the table changes, until their addresses come again */
	uint32_t fault_at;
	enum fault fault;

	/* What the front end has set. */
	uint64_t acked, acked_protocol;
	struct backend_queue queue[BACKEND_QUEUES];
	int request_fd;
	int inflight_fd;	/* came with SET_INFLIGHT_FD */
	uint64_t inflight_mark; /* what is written there */
	uint16_t inflight_queues, inflight_size;

	/* What happened. */
	unsigned int faults_done;

	char violation[64]; /* first thing that the front end did wrong, beside the device's */

	char control[64], control_option[80]; /* of the device */
};

extern const struct proxy_protocol vhu_protocol;

/* Memory regions that it has; under the lock. */
unsigned int backend_regions(const struct backend *backend);

/* Read or write a field under the lock. */
#define LOCKED(backend, statement)                            \
	do {                                                  \
		pthread_mutex_lock(&(backend)->proxy.lock);   \
		statement;                                    \
		pthread_mutex_unlock(&(backend)->proxy.lock); \
	} while (0)

#endif
