/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The bytes of a generated frame: building, stamping, recognising. No allocation, no clock.
 *
 *   Ethernet (14, with --vlan 18) | IPv4 (20) | UDP (8) | tag (18) | payload
 *
 * The tag, in network byte order:
 *   offset 0   1 byte   magic 0x56 ('V')
 *          1   1 byte   stream id
 *          2   8 bytes  sequence number, from 0
 *         10   8 bytes  time of sending, nanoseconds of the sender's
 *                       CLOCK_MONOTONIC
 * Payload byte i, from 0, is (sequence number + i) & 0xff; or 0 where the
 * pattern is off. There is no padding: every byte of the frame belongs to the
 * UDP datagram.
 */
#ifndef VIONET_TOOLS_FRAME_H
#define VIONET_TOOLS_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FRAME_MAGIC 0x56
#define FRAME_TAG_SIZE 18
/* Ethernet with a VLAN tag, IPv4, UDP and the tag: all that is not payload. */
#define FRAME_HEADERS_MAX (18 + 20 + 8 + FRAME_TAG_SIZE)
/* Shortest frame, without and with a VLAN tag; longest (IPv4's limit). */
#define FRAME_SIZE_MIN 60
#define FRAME_SIZE_MIN_VLAN 64
#define FRAME_SIZE_MAX 65549
#define FRAME_NO_VLAN (-1)
/* Preamble 8, gap 12 and FCS 4: what a frame costs on the wire beyond itself. */
#define FRAME_WIRE_OVERHEAD 24

/* What all frames of a stream have in common. Addresses in host byte order. */
struct frame_fields {
	uint8_t source_mac[6];
	uint8_t destination_mac[6];
	uint32_t source_ip;
	uint32_t destination_ip;
	uint16_t source_port;
	uint16_t destination_port;
	int vlan; /* 0 to 4095, or FRAME_NO_VLAN */
	uint8_t ttl;
	uint8_t stream;
	bool pattern; /* payload from the sequence number, else zeros */
};

/* A template and the sums that make checksums cheap. About 400 KiB. */
struct frame_builder {
	uint8_t header[FRAME_HEADERS_MAX];
	uint32_t header_size; /* used of it: 60 or 64 */
	uint32_t ip;	      /* where IPv4 starts */
	bool pattern;
	uint32_t ip_sum;  /* of the IPv4 header, length 0 */
	uint32_t udp_sum; /* of pseudo header, UDP and tag, lengths and all that
			   * changes 0 */
	/* Payload bytes, shifted by up to 255 */
	uint8_t body[FRAME_SIZE_MAX + 256];
	/* body_sum[k]: 16-bit words k - 2, k - 4, ... down to the start; the
	 * sum of any piece is then one subtraction. */
	uint32_t body_sum[FRAME_SIZE_MAX + 256 + 2];
};

/* What was found in a frame of a stream. */
struct frame_tag {
	uint8_t stream;
	uint64_t sequence;
	uint64_t sent_ns;
	uint32_t payload; /* where the payload starts */
	uint32_t end;	  /* where the UDP datagram ends */
	/* VLAN tags in front, and the outermost: its type, and priority and id. */
	uint32_t vlans;
	uint16_t vlan_type;
	uint16_t vlan_tci;
};

void frame_builder_init(struct frame_builder *builder,
			const struct frame_fields *fields);

/* Copy the template (`header_size` bytes) to the start of a buffer. Once is
 * enough for a buffer that nothing else is written to. */
void frame_prepare(const struct frame_builder *builder, uint8_t *frame);

/* Write what changes from frame to frame in front of the payload: lengths,
 * sequence number, time, checksums. `size`: at least header_size. */
void frame_stamp(const struct frame_builder *builder, uint8_t *frame,
		 uint32_t size, uint64_t sequence, uint64_t now_ns);

/* Write the payload. */
void frame_fill(const struct frame_builder *builder, uint8_t *frame, uint32_t size,
		uint64_t sequence);

/*
 * Is this a generated frame? `frame`: its first `available` bytes, `total`: its
 * length. Looks at EtherType (VLAN tags are skipped, however many: a switch may have
 * put some in front), IPv4, UDP, lengths and magic; not at checksums, addresses or
 * ports: a reflector may change those.
 */
bool frame_recognise(const uint8_t *frame, uint32_t available, uint32_t total,
		     struct frame_tag *tag);

/* Do `length` payload bytes from payload offset `offset` on match the pattern? */
bool frame_check(const struct frame_builder *builder, const uint8_t *bytes,
		 uint32_t offset, uint32_t length, uint64_t sequence);

#endif
