/* SPDX-License-Identifier: BSD-3-Clause */
#include "bench/compare/frames.h"

#include <string.h>
#include <time.h>

#include "tools/pktgen/packet/signature.h"

#define SIZE 60
#define TRACKED_FROM 42
#define COPIES 32
#define COPY_MAX 2048

frames_writer *frames_written;
uint32_t frames_tracks = 1;

static struct {
	uint32_t length;
	uint8_t bytes[COPY_MAX];
} copies[COPIES];
static uint32_t copied, given;
static struct device_ring *taken_from;

/* ---- tracked ---- */

/* Ethernet, IPv4, UDP, and nothing behind but the signature, whose sum is always the same. */
static void headers(uint8_t *frame)
{
	static const uint8_t plain[TRACKED_FROM] = {
		0x02, 0, 0, 0, 0, 1, 0x02, 0, 0, 0, 0, 2, 0x08, 0x00,
		0x45, 0, 0, SIZE - 14, 0, 0, 0, 0, 64, 17, 0, 0, 198, 18, 0, 1, 198, 19, 0, 1,
		0xc0, 0, 0, 9, 0, SIZE - 34, 0, 0
	};
	uint32_t udp;

	memcpy(frame, plain, sizeof(plain));
	bytes_put16(frame + 24, sum_fold(sum_bytes(frame + 14, 20)) ^ 0xffff);
	udp = sum_fold(sum_bytes(frame + 26, 16) + 17 + (SIZE - 34) + SIGNATURE_SUM);
	bytes_put16(frame + 40, udp ^ 0xffff);
}

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

uint32_t frames_track(struct device_ring *ring, uint8_t *frame, uint32_t length)
{
	static uint8_t front[TRACKED_FROM];
	static uint64_t sequence, time;
	static uint32_t track, turn;

	(void)ring;
	(void)length;
	if (front[0] == 0)
		headers(front);
	if (turn++ % 32 == 0) /* the time of a burst */
		time = now_ns();
	memcpy(frame, front, sizeof(front));
	signature_write(frame + TRACKED_FROM, track, sequence, time);
	if (++track >= frames_tracks) {
		track = 0;
		sequence++;
	}
	return SIZE;
}

/* ---- sent back ---- */

uint32_t frames_copy(struct device_ring *ring, uint8_t *frame, uint32_t length)
{
	if (ring == taken_from) {
		if (length > COPY_MAX)
			length = COPY_MAX;
		copies[copied].length = length;
		memcpy(copies[copied++].bytes, frame, length);
		return length;
	}
	memcpy(frame, copies[given].bytes, copies[given].length);
	return copies[given++].length;
}

uint32_t frames_loop(struct device_ring *rx, struct device_ring *tx)
{
	uint32_t n;

	if (given == copied) {
		given = copied = 0;
		taken_from = tx;
		device_ring_sink(tx, COPIES);
	}
	n = copied - given;
	return n != 0 ? device_ring_source(rx, n) : 0;
}
