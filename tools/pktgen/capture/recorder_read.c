/* SPDX-License-Identifier: BSD-3-Clause */
#include "tools/pktgen/capture/recorder_read.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define READ_BLOCK_MAX (128u << 10) /* the longest frame, and what is around it */
#define READ_NANO 1000000000u

enum { READ_INTERFACE = 1,
       READ_ENHANCED = 6,
       READ_SECTION = 0x0a0d0d0a };

/* An enhanced packet block, up to its frame. */
struct read_packet {
	uint32_t type, length, interface, high, low, captured, original;
};

struct read_pcap_header {
	uint32_t magic;
	uint16_t major, minor;
	uint32_t zone, accuracy, snaplen, link;
};

struct read_pcap_record {
	uint32_t seconds, nanoseconds, captured, original;
};

struct reading {
	bool pcapng;
	int to;
	int64_t frames;
	uint8_t block[READ_BLOCK_MAX];
};

static int read_put(const struct reading *reading, const void *bytes, size_t size)
{
	size_t written = 0;

	while (written < size) {
		ssize_t result = write(reading->to, (const uint8_t *)bytes + written, size - written);

		if (result < 0 && errno == EINTR)
			continue;
		if (result <= 0)
			return result < 0 ? -errno : -EIO;
		written += (size_t)result;
	}
	return 0;
}

static int read_put_pcap_header(const struct reading *reading)
{
	static const struct read_pcap_header header = {
		.magic = 0xa1b23c4d, .major = 2, .minor = 4, .snaplen = 262144, .link = 1
	};

	return read_put(reading, &header, sizeof(header));
}

static int read_put_frame(struct reading *reading, const struct read_packet *packet)
{
	uint64_t time = (uint64_t)packet->high << 32 | packet->low;
	const struct read_pcap_record record = { (uint32_t)(time / READ_NANO), (uint32_t)(time % READ_NANO),
						 packet->captured, packet->original };
	int result;

	reading->frames++;
	if (reading->pcapng)
		return read_put(reading, reading->block, packet->length);
	result = read_put(reading, &record, sizeof(record));
	return result != 0 ? result : read_put(reading, reading->block + sizeof(*packet), packet->captured);
}

/* Statistics are of another span of time. */
static int read_take_block(struct reading *reading, uint32_t size)
{
	struct read_packet packet = { 0 };

	memcpy(&packet, reading->block, size < sizeof(packet) ? size : sizeof(packet));
	switch (packet.type) {
	case READ_SECTION:
	case READ_INTERFACE:
		return reading->pcapng ? read_put(reading, reading->block, size) : 0;
	case READ_ENHANCED:
		if (size < sizeof(packet) || packet.captured > size - sizeof(packet))
			return 0;
		return read_put_frame(reading, &packet);
	default:
		return 0;
	}
}

/* The file is our own, and may grow at its end: what is not whole is not there yet. */
static int read_one(struct reading *reading, int fd)
{
	off_t at = 0;
	int result = 0;

	while (result == 0) {
		uint32_t head[2];
		ssize_t got = pread(fd, head, sizeof(head), at);

		if (got != (ssize_t)sizeof(head) || head[1] < 12 || head[1] > READ_BLOCK_MAX)
			return got < 0 ? -errno : 0;
		got = pread(fd, reading->block, head[1], at);
		if (got != (ssize_t)head[1])
			return got < 0 ? -errno : 0;
		result = read_take_block(reading, head[1]);
		at += head[1];
	}
	return result;
}

int64_t recorder_read_file(const struct recorder_file *file, bool pcapng, int to)
{
	uint32_t current = __atomic_load_n(&file->current, __ATOMIC_RELAXED);
	struct reading *reading = malloc(sizeof(*reading));
	int64_t result = 0;

	if (reading == NULL)
		return -ENOMEM;
	reading->pcapng = pcapng;
	reading->to = to;
	reading->frames = 0;
	if (!pcapng)
		result = read_put_pcap_header(reading);
	/* Of a ring the oldest is the one behind the current one. */
	for (uint32_t i = 1; i <= file->files && result == 0; i++)
		result = read_one(reading, file->fd[(current + i) % file->files]);
	if (result == 0)
		result = reading->frames;
	free(reading);
	return result;
}
