/* SPDX-License-Identifier: BSD-3-Clause */
#include "tools/pktgen/capture/pcapng_writer.h"

#include <string.h>

#define PCAPNG_BYTE_ORDER 0x1a2b3c4du
#define PCAPNG_ETHERNET 1u
#define PCAPNG_STRING_MAX 255u

enum { BLOCK_INTERFACE = 1,
       BLOCK_STATS = 5,
       BLOCK_ENHANCED = 6,
       BLOCK_SECTION = 0x0a0d0d0a };
enum { OPTION_END = 0,
       OPTION_COMMENT = 1 };
enum { SECTION_HARDWARE = 2,
       SECTION_SYSTEM = 3,
       SECTION_PROGRAM = 4 };
enum { INTERFACE_NAME = 2,
       INTERFACE_DESCRIPTION = 3,
       INTERFACE_MAC = 6,
       INTERFACE_SPEED = 8,
       INTERFACE_TSRESOL = 9,
       INTERFACE_FILTER = 11,
       INTERFACE_HARDWARE = 15 };
enum { FRAME_FLAGS = 2,
       FRAME_DROPPED = 4,
       FRAME_QUEUE = 6 };
enum { STATISTICS_START = 2,
       STATISTICS_END = 3,
       STATISTICS_RECEIVED = 4,
       STATISTICS_DROPPED = 5,
       STATISTICS_ACCEPTED = 6,
       STATISTICS_DELIVERED = 8 };

#define FLAGS_RECEIVED 1u
#define FLAGS_SENT 2u

/* A block that is being written. */
struct pcapng_block {
	uint8_t *begin, *at;
};

static void pcapng_put(struct pcapng_block *block, const void *bytes, uint32_t size)
{
	static const uint8_t zeros[3];
	uint32_t pad = -size & 3u;

	memcpy(block->at, bytes, size);
	memcpy(block->at + size, zeros, pad);
	block->at += size + pad;
}

static void pcapng_put32(struct pcapng_block *block, uint32_t value)
{
	pcapng_put(block, &value, sizeof(value));
}

static void pcapng_put16s(struct pcapng_block *block, uint32_t first, uint32_t second)
{
	const uint16_t both[2] = { (uint16_t)first, (uint16_t)second };

	pcapng_put(block, both, sizeof(both));
}

/* The high half first, whatever the byte order. */
static void pcapng_put_time(struct pcapng_block *block, uint64_t ns)
{
	pcapng_put32(block, (uint32_t)(ns >> 32));
	pcapng_put32(block, (uint32_t)ns);
}

static void pcapng_option(struct pcapng_block *block, uint32_t code, const void *value, uint32_t size)
{
	pcapng_put16s(block, code, size);
	pcapng_put(block, value, size);
}

static void pcapng_option64(struct pcapng_block *block, uint32_t code, uint64_t value)
{
	pcapng_option(block, code, &value, sizeof(value));
}

static void pcapng_option_time(struct pcapng_block *block, uint32_t code, uint64_t ns)
{
	pcapng_put16s(block, code, 8);
	pcapng_put_time(block, ns);
}

static void pcapng_option_text(struct pcapng_block *block, uint32_t code, const char *text, uint32_t max)
{
	if (text != NULL && text[0] != '\0')
		pcapng_option(block, code, text, (uint32_t)strnlen(text, max));
}

static struct pcapng_block pcapng_begin(uint8_t *to, uint32_t type)
{
	struct pcapng_block block = { to, to };

	pcapng_put32(&block, type);
	pcapng_put32(&block, 0);
	return block;
}

static uint32_t pcapng_end(struct pcapng_block *block)
{
	uint32_t size;

	pcapng_put16s(block, OPTION_END, 0);
	size = (uint32_t)(block->at - block->begin) + 4;
	pcapng_put32(block, size);
	memcpy(block->begin + 4, &size, sizeof(size));
	return size;
}

uint32_t pcapng_write_section(uint8_t *to, const char *hardware, const char *system, const char *program)
{
	static const uint64_t unknown = UINT64_MAX;
	struct pcapng_block block = pcapng_begin(to, BLOCK_SECTION);

	pcapng_put32(&block, PCAPNG_BYTE_ORDER);
	pcapng_put16s(&block, 1, 0);
	pcapng_put(&block, &unknown, sizeof(unknown));
	pcapng_option_text(&block, SECTION_HARDWARE, hardware, PCAPNG_STRING_MAX);
	pcapng_option_text(&block, SECTION_SYSTEM, system, PCAPNG_STRING_MAX);
	pcapng_option_text(&block, SECTION_PROGRAM, program, PCAPNG_STRING_MAX);
	return pcapng_end(&block);
}

/* A filter is a byte that says "text", and the text. */
static void pcapng_option_filter(struct pcapng_block *block, const char *filter)
{
	char value[PCAPNG_STRING_MAX + 1] = { 0 };
	size_t length;

	if (filter == NULL || filter[0] == '\0')
		return;
	length = strnlen(filter, PCAPNG_STRING_MAX);
	memcpy(value + 1, filter, length);
	pcapng_option(block, INTERFACE_FILTER, value, (uint32_t)length + 1);
}

uint32_t pcapng_write_interface(uint8_t *to, const struct pcapng_interface *interface)
{
	static const uint8_t nanoseconds = 9;
	struct pcapng_block block = pcapng_begin(to, BLOCK_INTERFACE);

	pcapng_put16s(&block, PCAPNG_ETHERNET, 0);
	pcapng_put32(&block, interface->snaplen);
	pcapng_option_text(&block, INTERFACE_NAME, interface->name,
			   sizeof(interface->name));
	pcapng_option_text(&block, INTERFACE_DESCRIPTION, interface->description,
			   sizeof(interface->description));
	pcapng_option(&block, INTERFACE_MAC, interface->mac, sizeof(interface->mac));
	if (interface->bits_per_second != 0)
		pcapng_option64(&block, INTERFACE_SPEED, interface->bits_per_second);
	pcapng_option(&block, INTERFACE_TSRESOL, &nanoseconds, 1);
	pcapng_option_filter(&block, interface->filter);
	pcapng_option(&block, INTERFACE_HARDWARE, "virtio-net", 10);
	return pcapng_end(&block);
}

uint32_t pcapng_write_frame(uint8_t *to, const struct pcapng_frame *frame)
{
	struct pcapng_block block = pcapng_begin(to, BLOCK_ENHANCED);
	uint32_t flags = frame->sent ? FLAGS_SENT : FLAGS_RECEIVED;

	pcapng_put32(&block, frame->interface);
	pcapng_put_time(&block, frame->time_ns);
	pcapng_put32(&block, frame->captured);
	pcapng_put32(&block, frame->length);
	pcapng_put(&block, frame->data, frame->captured);
	pcapng_option(&block, FRAME_FLAGS, &flags, sizeof(flags));
	pcapng_option(&block, FRAME_QUEUE, &frame->queue, sizeof(frame->queue));
	if (frame->dropped != 0)
		pcapng_option64(&block, FRAME_DROPPED, frame->dropped);
	pcapng_option_text(&block, OPTION_COMMENT, frame->comment, PCAPNG_COMMENT_MAX);
	return pcapng_end(&block);
}

uint32_t pcapng_write_stats(uint8_t *to, uint32_t interface, const struct pcapng_stats *stats)
{
	struct pcapng_block block = pcapng_begin(to, BLOCK_STATS);

	pcapng_put32(&block, interface);
	pcapng_put_time(&block, stats->now_ns);
	pcapng_option_time(&block, STATISTICS_START, stats->start_ns);
	pcapng_option_time(&block, STATISTICS_END, stats->end_ns);
	pcapng_option64(&block, STATISTICS_RECEIVED, stats->received);
	pcapng_option64(&block, STATISTICS_DROPPED, stats->dropped);
	pcapng_option64(&block, STATISTICS_ACCEPTED, stats->accepted);
	pcapng_option64(&block, STATISTICS_DELIVERED, stats->accepted - stats->dropped);
	return pcapng_end(&block);
}

uint64_t pcapng_whole(const uint8_t *from, uint64_t size)
{
	uint64_t whole = 0;

	while (size - whole >= 8) {
		uint32_t length;

		memcpy(&length, from + whole + 4, sizeof(length));
		if (length < 12 || length > size - whole)
			break;
		whole += length;
	}
	return whole;
}
