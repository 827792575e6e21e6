/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Peers without anything behind them: loop and echo (net.c moves their frames itself),
 * sink, source.
 */
#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "softnic/peer/internal.h"

/* ---- loop, echo ---- */

static int plain_take_nothing(struct peer *peer, const struct frame *frame)
{
	(void)peer;
	(void)frame;
	return 0;
}

static int plain_have_nothing(struct peer *peer, struct frame *frame)
{
	(void)peer;
	(void)frame;
	return 0;
}

static void plain_keep_nothing(struct peer *peer)
{
	(void)peer;
}

static const struct peer_ops nothing_ops = {
	.send = plain_take_nothing,
	.receive = plain_have_nothing,
	.unreceive = plain_keep_nothing,
	.close = peer_free,
};

static int plain_open_nothing(struct device *device, struct peer **peer)
{
	struct peer *new = calloc(1, sizeof(*new));

	if (!new)
		return peer_error(-ENOMEM, "has no memory");
	new->ops = &nothing_ops;
	new->device = device;
	new->fd = -1;
	new->raw = true;
	new->idle = true;
	*peer = new;
	return 0;
}

int peer_open_mirror(const char *text, struct device *device, struct peer **peer)
{
	int result = plain_open_nothing(device, peer);

	(void)text;
	if (!result)
		(*peer)->mirror = true;
	return result;
}

int peer_open_swap(const char *text, struct device *device, struct peer **peer)
{
	int result = peer_open_mirror(text, device, peer);

	if (!result)
		(*peer)->swap = true;
	return result;
}

int peer_open_sink(const char *text, struct device *device, struct peer **peer)
{
	(void)text;
	return plain_open_nothing(device, peer);
}

/* ---- source: UDP frames to the device's address, numbered, of many flows ---- */

#define ETHERNET 14u
#define IPV4 20u
#define UDP 8u
#define NUMBER (ETHERNET + IPV4 + UDP) /* where the frame's number lies, 8 bytes */
#define SIZE_LEAST (NUMBER + 8u)
#define SIZE_DEFAULT 60u
#define SIZE_MOST (ETHERNET + 65535u)
#define FLOWS 1024u

struct source {
	struct peer peer;
	uint64_t number;
	struct element element;
	_Alignas(64) uint8_t bytes[SIZE_MOST];
};

static void plain_put16(uint8_t *at, uint32_t value)
{
	at[0] = (uint8_t)(value >> 8);
	at[1] = (uint8_t)value;
}

static uint16_t plain_header_checksum(const uint8_t *header)
{
	uint32_t sum = 0;
	unsigned int i;

	for (i = 0; i < IPV4; i += 2)
		sum += (uint32_t)(header[i] << 8 | header[i + 1]);
	sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~(sum + (sum >> 16));
}

static void plain_fill_frame(struct source *source, uint32_t size)
{
	static const uint8_t from[6] = { 0x02, 0x53, 0x4e, 0x00, 0x00, 0x01 };
	uint8_t *ip = source->bytes + ETHERNET, *udp = ip + IPV4;
	uint32_t i;

	memcpy(source->bytes, source->peer.device->options->mac, 6);
	memcpy(source->bytes + 6, from, 6);
	plain_put16(source->bytes + 12, 0x0800);
	ip[0] = 0x45;
	plain_put16(ip + 2, size - ETHERNET);
	ip[8] = 64; /* hops */
	ip[9] = 17; /* UDP */
	memcpy(ip + 12, "\xc6\x12\x00\x01\xc6\x13\x00\x01", 8); /* 198.18/15: tests */
	plain_put16(ip + 10, plain_header_checksum(ip));
	plain_put16(udp + 2, 9); /* discard; no checksum, which is legal here */
	plain_put16(udp + 4, size - ETHERNET - IPV4);
	for (i = SIZE_LEAST; i < size; i++)
		source->bytes[i] = (uint8_t)i;
}

static int source_receive(struct peer *peer, struct frame *frame)
{
	struct source *source = (struct source *)peer;
	uint64_t number = htobe64(source->number);

	plain_put16(source->bytes + ETHERNET + IPV4, 1024 + source->number % FLOWS);
	memcpy(source->bytes + NUMBER, &number, sizeof(number));
	source->number++;
	peer_frame(frame, &source->element);
	return 1;
}

static void source_unreceive(struct peer *peer)
{
	((struct source *)peer)->number--;
}

static const struct peer_ops source_ops = {
	.send = plain_take_nothing,
	.receive = source_receive,
	.unreceive = source_unreceive,
	.close = peer_free,
};

static int plain_parse_size(const char *text, uint32_t *size)
{
	char *end;
	unsigned long value;

	*size = SIZE_DEFAULT;
	if (!text)
		return 0;
	errno = 0;
	value = strtoul(text, &end, 10);
	if (*text < '0' || *text > '9' || *end || errno || value < SIZE_LEAST ||
	    value > SIZE_MOST)
		return peer_error(-EINVAL, "source: \"%s\" is no size; give bytes of a "
				  "frame without its check sequence, %u to %u", text,
				  SIZE_LEAST, SIZE_MOST);
	*size = (uint32_t)value;
	return 0;
}

int peer_open_source(const char *text, struct device *device, struct peer **peer)
{
	struct source *source;
	uint32_t size;
	int result = plain_parse_size(text, &size);

	if (result)
		return result;
	source = aligned_alloc(64, (sizeof(*source) + 63) & ~63ul);
	if (!source)
		return peer_error(-ENOMEM, "source: no memory");
	memset(source, 0, sizeof(*source));
	source->peer = (struct peer){ .ops = &source_ops, .device = device,
				      .fd = -1, .raw = true, .keeps = true };
	source->element = (struct element){ source->bytes, size };
	plain_fill_frame(source, size);
	*peer = &source->peer;
	return 0;
}
