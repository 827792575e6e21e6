/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Which offloads a queue may carry, and what becomes of a packet that has or requests
 * one. A byte of a received header is read once, the frame behind it not at all.
 */
#ifndef VN_DRIVER_OFFLOAD_H
#define VN_DRIVER_OFFLOAD_H

#include <stdbool.h>
#include <stdint.h>

#include "driver/state/queue.h"

struct vn_offloads vn_offloads_of(const struct vionet_features *accepted,
				  bool transmits);

/* Can a received packet be longer than the MTU allows? */
bool vn_offloads_are_large(const struct vionet_features *accepted);

/*
 * Received: take the header's fields into the packet, whatever they are, to be checked
 * when the packet is whole. `kind` is what was read already: flags and gso_type as one
 * little-endian word.
 */
void vn_header_take(const struct vionet_queue *queue,
		    struct vionet_packet *packet, uint32_t kind);

/*
 * Check what vn_header_take took, by total_length: fields that were not agreed on are
 * cleared. Returns false if the packet makes no sense.
 */
bool vn_header_check(struct vionet_queue *queue, struct vionet_packet *packet);

/* Both, for a packet in one buffer. One that makes no sense is counted and freed. */
bool vn_receive_header(struct vionet_queue *queue, struct vionet_packet *packet,
		       uint32_t kind);

/*
 * Transmitted: may a packet of `total` bytes go out as it is, and write its header
 * right in front of `end`. Returns false if it may not.
 */
bool vn_transmit_header(const struct vionet_queue *queue,
			const struct vionet_packet *packet, uint64_t total,
			uint8_t *end);

#endif
