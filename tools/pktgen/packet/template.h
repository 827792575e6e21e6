/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A flow compiled for sending: bytes of its headers, a short list of what changes from frame to
 * frame, and the sums that make checksums cheap. No allocation and no clock while frames are made.
 *
 * Number n of a frame (below 2^63) decides its fields and its size, its sequence number in the track the
 * numbered payload. A size is that of the flow, on which all lengths in the headers are based; shorter frames
 * than 60 bytes are padded to it, unless the flow says no_pad.
 *
 * Random values are hashes (splitmix64) of seed, position in the frame and number.
 */
#ifndef VIONET_TOOLS_TEMPLATE_H
#define VIONET_TOOLS_TEMPLATE_H

#include <stdbool.h>
#include <stdint.h>

#include "tools/pktgen/model/traffic.h"

struct template;

struct template_place {		/* where the flow is sent from */
	uint8_t mac[6];		/* source MAC where the flow leaves it unset */
	uint8_t gateway_mac[6]; /* destination MAC where the flow leaves it unset, or `auto`; zeros: none */
	uint32_t mtu;		/* 0: not checked */
};

/* What the device is asked to do: for struct vionet_packet. */
struct template_offload {
	uint8_t flags;	  /* enum vionet_packet_flags; 0: nothing */
	uint8_t gso_type; /* enum vionet_packet_gso */
	uint16_t gso_size, csum_start, csum_offset;
	uint16_t hdr_len; /* up to the end of the transport header */
	uint16_t outer_th_offset, inner_nh_offset;
};

/* `error` says what is wrong (path below the flow: "packet[3].udp.length"). Returns 0, -EINVAL, -ENOMEM. The flow is
 * not needed any more afterwards. */
int template_compile(const struct traffic_flow *flow, const struct template_place *place,
		     struct template **template, struct traffic_error *error);
void template_free(struct template *template); /* NULL allowed */

/* Are all frames the same but for their signature? */
bool template_is_constant(const struct template *template);

/* Bytes in front of the payload. */
uint32_t template_headers(const struct template *template);
uint32_t template_size_max(const struct template *template);
double template_size_mean(const struct template *template);
/* Size of frame number n, before padding. */
uint32_t template_size(const struct template *template, uint64_t n);
/* What a frame of `size` has on the wire. */
uint32_t template_padded(const struct template *template, uint32_t size);

/* Signatures of a frame of `size`: 0 where it is too short or the flow is not tracked; segmentation offload: one for
 * each segment, and each takes a sequence number. */
uint32_t template_signatures(const struct template *template, uint32_t size);
/* Offset of the i-th. */
uint32_t template_signature_at(const struct template *template, uint32_t size, uint32_t i);

const struct template_offload *template_offload(const struct template *template);

/*
 * Frame number n, all but its signatures. `fresh`: the buffer may hold anything; else it holds a frame of this very
 * template (any number, any size): only what changes is written. `sequence`: that of its first signature. Returns the
 * bytes to send (template_padded).
 */
uint32_t template_build(const struct template *template, uint8_t *frame, uint32_t size, uint64_t n,
			uint64_t sequence, bool fresh);

#endif
