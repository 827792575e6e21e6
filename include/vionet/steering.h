/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Which of several queues a packet comes on: automatic steering (MQ), receive-side
 * scaling (RSS), and the hash that comes with a packet.
 *
 * queue_pairs of vionet_start_options says how many pairs are set up, and all of
 * them are in use when vionet_device_start returns. Here their number is changed,
 * or the device gets a rule how to choose among them. The last setting counts.
 *
 * Threads, deadlines and errors: as vionet/control.h says.
 */
#ifndef VIONET_STEERING_H
#define VIONET_STEERING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <vionet/platform.h>
#include <vionet/struct.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

struct vionet_device;

/* Most pairs that can be used of a device. */
#define VIONET_QUEUE_PAIRS_MAX 128

/*
 * Use the first `pairs` of the queue pairs that were set up, with the device's own
 * steering (MQ), or spread evenly by hash where there is only RSS.
 *
 * Transmit queues above take no packets from the call on; their threads must have
 * left the library before it. Receive queues above get nothing more once it
 * returns; what they have may still be received. If the device does not answer,
 * the smaller of the two numbers holds for transmission.
 *
 * Returns 0; -EINVAL if `pairs` is 0 or above what was set up; -EBUSY if RSS
 * contexts exist. Needs MQ or RSS, or a vhost-user back end with several pairs, whose
 * rings are enabled one by one. Source: "Automatic receive steering in
 * multiqueue mode".
 */
int vionet_queue_pairs_set(struct vionet_device *device, unsigned int pairs);

/* Types of packets that a hash is made of, as bits. Those of IPv6 ending in _EX
 * look at addresses in extension headers. */
#define VIONET_HASH_IPV4    (1u << 0)
#define VIONET_HASH_TCPV4   (1u << 1)
#define VIONET_HASH_UDPV4   (1u << 2)
#define VIONET_HASH_IPV6    (1u << 3)
#define VIONET_HASH_TCPV6   (1u << 4)
#define VIONET_HASH_UDPV6   (1u << 5)
#define VIONET_HASH_IP_EX   (1u << 6)
#define VIONET_HASH_TCP_EX  (1u << 7)
#define VIONET_HASH_UDP_EX  (1u << 8)
#define VIONET_HASH_NONE    (1u << 31) /* no hash at all */

/* What a device can do, as its configuration says; 0 where it has not the feature.*/
struct vionet_steering_limits {
	uint32_t struct_size; /* vionet/struct.h */
	uint16_t queue_pairs;	/* that could be set up, 128 at most */
	uint16_t table_entries; /* of an RSS table; a power of two */
	uint16_t key_size;	/* bytes of a hash key */
	uint32_t hash_types;	/* VIONET_HASH_ bits */
	uint32_t tunnel_types;	/* VIONET_TUNNEL_ bits */
};

/* Fill `limits`. Returns 0. Control thread; whether started or not. */
int vionet_steering_limits(const struct vionet_device *device,
			   struct vionet_steering_limits *limits);

/* How to spread packets. Zero everywhere means: all pairs evenly, by all hash types,
 * with a well-known key. */
struct vionet_rss {
	uint32_t struct_size; /* vionet/struct.h */
	uint32_t hash_types;	/* VIONET_HASH_ bits; 0: all that the device has */
	const uint16_t *table;	/* pairs from 0; entry: hash modulo its size */
	uint32_t table_size;	/* a power of two; 0 with `table` NULL: the smallest
				 * that spreads evenly, 128 at least */
	uint16_t unclassified;	/* pair for packets without a hash */
	uint16_t tx_queues;	/* transmit queues that will be used; 0: all */
	const uint8_t *key;	/* NULL: the default, of 40 bytes */
	uint32_t key_size;
	uint32_t reserved;
};

/*
 * Steer by hash. All transmit queues up to tx_queues may be used when it
 * returns, those above take no packets from the call on.
 *
 * Everything is copied. Returns 0; -EINVAL (the text says what of it the device
 * cannot do). Needs RSS. Source: "Receive-side scaling (RSS)".
 */
int vionet_rss_set(struct vionet_device *device, const struct vionet_rss *rss);

/*
 * Have hashes reported with packets without steering by them. No hash is reported
 * before this, or vionet_rss_set, is called. `key` may be NULL: the default.
 *
 * Returns 0; -EINVAL; -ENOTSUP if HASH_REPORT was not negotiated, or RSS was: then
 * vionet_rss_set does it. HASH_REPORT is accepted only if it is in `want` or `need`
 * of vionet_open_options. Source: "Hash calculation".
 */
int vionet_hash_set(struct vionet_device *device, uint32_t hash_types,
		    const uint8_t *key, uint32_t key_size);

/* Encapsulations whose inner headers a hash can be made of, as bits. */
#define VIONET_TUNNEL_GRE_2784	(1u << 0)
#define VIONET_TUNNEL_GRE_2890	(1u << 1)
#define VIONET_TUNNEL_GRE_7676	(1u << 2)
#define VIONET_TUNNEL_GRE_UDP	(1u << 3)
#define VIONET_TUNNEL_VXLAN	(1u << 4)
#define VIONET_TUNNEL_VXLAN_GPE (1u << 5)
#define VIONET_TUNNEL_GENEVE	(1u << 6)
#define VIONET_TUNNEL_IPIP	(1u << 7)
#define VIONET_TUNNEL_NVGRE	(1u << 8)

/* Make hashes of the inner headers of these tunnels; 0: of none. Returns 0;
 * -EINVAL if the device does not support one. Needs HASH_TUNNEL. Source: "Inner
 * Header Hash". */
int vionet_hash_tunnels_set(struct vionet_device *device, uint32_t tunnel_types);

/*
 * Further RSS contexts, to which flows can be directed. Ids go from 1 to the
 * number that the device allows. While there is one, vionet_queue_pairs_set is refused.
 *
 * Return 0; -EINVAL if the id or the parameters are out of range; -EEXIST, -ENOENT.
 * tx_queues does not count in a context. Need RSS_CONTEXT. Source: "RSS
 * Context".
 */
int vionet_rss_context_limit(struct vionet_device *device, uint16_t *contexts);
int vionet_rss_context_add(struct vionet_device *device, uint16_t id,
			   const struct vionet_rss *rss);
int vionet_rss_context_modify(struct vionet_device *device, uint16_t id,
			      const struct vionet_rss *rss);
int vionet_rss_context_delete(struct vionet_device *device, uint16_t id);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif

#endif
