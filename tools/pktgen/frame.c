/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Checksums are not computed over the frame. The template's sum is known, the
 * payload's is the difference of two table entries, and only the tag is added
 * for each frame: the price does not grow with the frame.
 */
#include "tools/pktgen/frame.h"

#include <string.h>

#define ETHERTYPE_IPV4 0x0800
#define ETHERTYPE_VLAN 0x8100
#define IP_SIZE 20
#define UDP_SIZE 8
#define PROTOCOL_UDP 17

static void frame_put16(uint8_t *at, uint32_t value)
{
	at[0] = (uint8_t)(value >> 8);
	at[1] = (uint8_t)value;
}

static void frame_put32(uint8_t *at, uint32_t value)
{
	frame_put16(at, value >> 16);
	frame_put16(at + 2, value);
}

static void frame_put64(uint8_t *at, uint64_t value)
{
	value = __builtin_bswap64(value);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
	value = __builtin_bswap64(value);
#endif
	memcpy(at, &value, sizeof(value));
}

static uint32_t frame_get16(const uint8_t *at)
{
	return (uint32_t)at[0] << 8 | at[1];
}

static uint64_t frame_get64(const uint8_t *at)
{
	uint64_t value = 0;

	for (int i = 0; i < 8; i++)
		value = value << 8 | at[i];
	return value;
}

/* Sum of big-endian 16-bit words; `size` is even. */
static uint32_t frame_sum_words(const uint8_t *bytes, uint32_t size)
{
	uint32_t sum = 0;

	for (uint32_t i = 0; i < size; i += 2)
		sum += frame_get16(bytes + i);
	return sum;
}

/* Sum of the four words of a 64-bit number. */
static uint32_t frame_sum64(uint64_t value)
{
	return (uint32_t)(value >> 48) + (uint32_t)(value >> 32 & 0xffff) +
	       (uint32_t)(value >> 16 & 0xffff) + (uint32_t)(value & 0xffff);
}

/* The checksum that belongs to a sum of words. Source: RFC 1071. */
static uint32_t frame_checksum(uint64_t sum)
{
	while (sum > 0xffff)
		sum = (sum >> 16) + (sum & 0xffff);
	return (uint32_t)(~sum & 0xffff);
}

static void frame_init_ethernet(struct frame_builder *builder,
				const struct frame_fields *fields)
{
	uint8_t *header = builder->header;

	memcpy(header, fields->destination_mac, 6);
	memcpy(header + 6, fields->source_mac, 6);
	builder->ip = 14;
	if (fields->vlan != FRAME_NO_VLAN) {
		frame_put16(header + 12, ETHERTYPE_VLAN);
		frame_put16(header + 14, (uint32_t)fields->vlan);
		builder->ip = 18;
	}
	frame_put16(header + builder->ip - 2, ETHERTYPE_IPV4);
	builder->header_size = builder->ip + IP_SIZE + UDP_SIZE + FRAME_TAG_SIZE;
}

/* Lengths, checksums, sequence number and time stay 0: frame_stamp adds them. */
static void frame_init_ip_udp(struct frame_builder *builder,
			      const struct frame_fields *fields)
{
	uint8_t *ip = builder->header + builder->ip;
	uint8_t *udp = ip + IP_SIZE;

	ip[0] = 0x45;		/* version 4, five words of header */
	frame_put16(ip + 6, 0x4000);	/* don't fragment */
	ip[8] = fields->ttl;
	ip[9] = PROTOCOL_UDP;
	frame_put32(ip + 12, fields->source_ip);
	frame_put32(ip + 16, fields->destination_ip);
	frame_put16(udp, fields->source_port);
	frame_put16(udp + 2, fields->destination_port);
	udp[8] = FRAME_MAGIC;
	udp[9] = fields->stream;
	builder->ip_sum = frame_sum_words(ip, IP_SIZE);
	/* The pseudo header has both addresses and the protocol (RFC 768). */
	builder->udp_sum = frame_sum_words(ip + 12, 8) + PROTOCOL_UDP +
			   frame_sum_words(udp, UDP_SIZE + FRAME_TAG_SIZE);
}

static void frame_init_body(struct frame_builder *builder)
{
	if (builder->pattern)
		for (uint32_t i = 0; i < sizeof(builder->body); i++)
			builder->body[i] = (uint8_t)i;
	/* Entries 0 and 1 begin the even and the odd row and stay 0. */
	for (uint32_t i = 2; i <= sizeof(builder->body); i++)
		builder->body_sum[i] = builder->body_sum[i - 2] +
				       frame_get16(builder->body + i - 2);
}

void frame_builder_init(struct frame_builder *builder,
			const struct frame_fields *fields)
{
	memset(builder, 0, sizeof(*builder));
	builder->pattern = fields->pattern;
	frame_init_ethernet(builder, fields);
	frame_init_ip_udp(builder, fields);
	frame_init_body(builder);
}

void frame_prepare(const struct frame_builder *builder, uint8_t *frame)
{
	memcpy(frame, builder->header, builder->header_size);
}

/* Sum of `size` payload bytes that begin at table position `start`. */
static uint32_t frame_body_sum(const struct frame_builder *builder, uint32_t start,
			       uint32_t size)
{
	uint32_t even = size & ~1U;
	uint32_t sum = builder->body_sum[start + even] - builder->body_sum[start];

	/* An odd last byte counts as the high half of a word. */
	if (size & 1)
		sum += (uint32_t)builder->body[start + even] << 8;
	return sum;
}

void frame_stamp(const struct frame_builder *builder, uint8_t *frame,
		 uint32_t size, uint64_t sequence, uint64_t now_ns)
{
	uint8_t *ip = frame + builder->ip;
	uint8_t *udp = ip + IP_SIZE;
	uint32_t ip_length = size - builder->ip;
	uint32_t udp_length = ip_length - IP_SIZE;
	uint64_t sum = builder->udp_sum;
	uint32_t udp_checksum;

	frame_put16(ip + 2, ip_length);
	frame_put16(ip + 10, frame_checksum((uint64_t)builder->ip_sum + ip_length));
	frame_put16(udp + 4, udp_length);
	frame_put64(udp + UDP_SIZE + 2, sequence);
	frame_put64(udp + UDP_SIZE + 10, now_ns);
	/* The length counts twice: in the pseudo header and in the header. */
	sum += 2 * (uint64_t)udp_length + frame_sum64(sequence) + frame_sum64(now_ns);
	sum += frame_body_sum(builder, (uint32_t)(sequence & 0xff),
			      size - builder->header_size);
	udp_checksum = frame_checksum(sum);
	/* 0 would mean "none" (RFC 768). */
	frame_put16(udp + 6, udp_checksum == 0 ? 0xffff : udp_checksum);
}

void frame_fill(const struct frame_builder *builder, uint8_t *frame, uint32_t size,
		uint64_t sequence)
{
	memcpy(frame + builder->header_size, builder->body + (sequence & 0xff),
	       size - builder->header_size);
}

/* 802.1Q, 802.1ad, and what was in use for the outer tag before that. */
static bool frame_is_vlan(uint32_t type)
{
	return type == ETHERTYPE_VLAN || type == 0x88a8 || type == 0x9100 ||
	       type == 0x9200 || type == 0x9300;
}

/* Where IPv4 starts in the frame, 0 if it does not. */
static uint32_t frame_find_ipv4(const uint8_t *frame, uint32_t available)
{
	uint32_t ip = 14;

	while (ip + 4 <= available && frame_is_vlan(frame_get16(frame + ip - 2)))
		ip += 4;
	if (ip > available || frame_get16(frame + ip - 2) != ETHERTYPE_IPV4)
		return 0;
	return ip;
}

bool frame_recognise(const uint8_t *frame, uint32_t available, uint32_t total,
		     struct frame_tag *tag)
{
	uint32_t ip = frame_find_ipv4(frame, available);
	uint32_t udp = ip + IP_SIZE;
	uint32_t at = udp + UDP_SIZE;
	uint32_t udp_length;

	if (ip == 0 || available < at + FRAME_TAG_SIZE)
		return false;
	if (frame[ip] != 0x45 || frame[ip + 9] != PROTOCOL_UDP ||
	    (frame_get16(frame + ip + 6) & 0x3fff) != 0) /* a fragment */
		return false;
	udp_length = frame_get16(frame + udp + 4);
	if (frame[at] != FRAME_MAGIC ||
	    frame_get16(frame + ip + 2) != udp_length + IP_SIZE ||
	    udp_length < UDP_SIZE + FRAME_TAG_SIZE || udp + udp_length > total)
		return false;
	*tag = (struct frame_tag){
		.stream = frame[at + 1],
		.sequence = frame_get64(frame + at + 2),
		.sent_ns = frame_get64(frame + at + 10),
		.payload = at + FRAME_TAG_SIZE,
		.end = udp + udp_length,
		.vlans = (ip - 14) / 4,
	};
	if (tag->vlans > 0) {
		tag->vlan_type = (uint16_t)frame_get16(frame + 12);
		tag->vlan_tci = (uint16_t)frame_get16(frame + 14);
	}
	return true;
}

bool frame_check(const struct frame_builder *builder, const uint8_t *bytes,
		 uint32_t offset, uint32_t length, uint64_t sequence)
{
	uint32_t start = (uint32_t)((sequence + offset) & 0xff);

	return length <= FRAME_SIZE_MAX &&
	       memcmp(bytes, builder->body + start, length) == 0;
}
