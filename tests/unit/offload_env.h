/* SPDX-License-Identifier: BSD-3-Clause */
/* An environment of one pair for tests of offloads: features by list, headers by field. */
#ifndef VIONET_TESTS_OFFLOAD_ENV_H
#define VIONET_TESTS_OFFLOAD_ENV_H

#include "tests/unit/control_env.h"

enum { CSUM, GUEST_CSUM, GUEST_TSO4 = 7, GUEST_TSO6, GUEST_ECN, GUEST_UFO, HOST_TSO4,
       HOST_TSO6, HOST_ECN, HOST_UFO, MRG_RXBUF, GUEST_USO4 = 54, GUEST_USO6,
       HOST_USO, HASH_REPORT, GUEST_HDRLEN = 59, RSC_EXT = 61, GUEST_TUNNEL = 65,
       GUEST_TUNNEL_CSUM, HOST_TUNNEL, HOST_TUNNEL_CSUM };

#define EVERY_GUEST GUEST_CSUM, GUEST_TSO4, GUEST_TSO6, GUEST_ECN, GUEST_UFO,   \
		    GUEST_USO4, GUEST_USO6
#define EVERY_HOST CSUM, HOST_TSO4, HOST_TSO6, HOST_ECN, HOST_UFO, HOST_USO

/* The fields of a header. */
struct header {
	unsigned int flags, gso_type, hdr_len, gso_size, start, offset, outer, inner;
	unsigned int hash, report;
};

#define H(...) &(struct header){ __VA_ARGS__ }

struct offload_env {
	struct control_env *control;
	struct vionet_queue *rx, *tx;
	uint8_t sent[70000]; /* the last one, with its header */
	size_t sent_length;
	unsigned int sent_count;
};

/* A device that offers, and a driver that wants, these features, a list that ends with
 * -1; `mergeable`: MRG_RXBUF too. */
struct offload_env *offload_env_start(const int *features, bool mergeable);
void offload_env_stop(struct offload_env *env);

void le16_put(uint8_t *at, unsigned int value);
unsigned int le16_get(const uint8_t *at);

struct vionet_queue_stats queue_counters(const struct vionet_queue *queue);

#endif
