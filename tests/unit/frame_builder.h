/* SPDX-License-Identifier: BSD-3-Clause */
/* Frames built from a description, and what the device gets of them. */
#ifndef VIONET_TESTS_FRAME_BUILDER_H
#define VIONET_TESTS_FRAME_BUILDER_H

#include "tests/unit/offload_env.h"

/* IPv4 or IPv6, TCP or UDP, with payload, in a packet of the transmit pool, or in
 * several segments of `piece` bytes. Checksums are 0. */
struct frame_spec {
	bool six, udp, tag, cwr;
	uint32_t payload, piece;
};

/* The bytes of one frame, not segmented. Returns the length. */
uint32_t frame_build(uint8_t *at, const struct frame_spec *s);

struct vionet_packet *frame_packet(struct offload_env *env, const struct frame_spec *s);

/* The packet is sent as the next one; or it is refused, counted and freed. */
void expect_sent(struct offload_env *env, struct vionet_packet *p);
void expect_refused(struct offload_env *env, struct vionet_packet *p);

/* The header of the last packet that was sent. */
void expect_header(const struct offload_env *env, const struct header *want);

#endif
