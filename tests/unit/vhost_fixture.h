/* SPDX-License-Identifier: BSD-3-Clause */
/* Fixture of the tests of the vhost-user transport: a device over a back end. */
#ifndef VIONET_TESTS_VHOST_FIXTURE_H
#define VIONET_TESTS_VHOST_FIXTURE_H

#include "tests/unit/test.h"

#include <poll.h>
#include <stdio.h>
#include <unistd.h>

#include <vionet/vionet.h>

#include "tests/unit/vhost_backend.h"
#include "tests/unit/stopwatch.h"

static inline int count_fds(void)
{
	int count = 0;

	for (int fd = 0; fd < 256; fd++) {
		struct pollfd p = { .fd = fd };

		count += poll(&p, 1, 0) >= 0 && !(p.revents & POLLNVAL);
	}
	return count;
}

static inline int open_backend(struct backend *b, const char *options,
			       struct vionet_device **device)
{
	char name[128];

	snprintf(name, sizeof(name), "vhost-user:%s%s", b->path, options);
	return vionet_device_open(name, NULL, device);
}

/* Send frames numbered from `first`, and get each back exactly once, in order. */
static inline void turn_frames_of(struct vionet_device *device, unsigned int pair,
				  uint64_t first, uint64_t count)
{
	struct vionet_queue *rx = vionet_device_rx_queue(device, pair);
	struct vionet_queue *tx = vionet_device_tx_queue(device, pair);
	uint64_t sent = first, got = first, end = first + count;
	double limit = watch_clock() + TEST_TIMEOUT_S;

	while (got < end) {
		struct vionet_packet *packet;

		if (sent < end && sent - got < 8 &&
		    vionet_packet_alloc(vionet_queue_pool(tx), &packet, 1) == 1) {
			memset(packet->data, (int)sent, 100);
			memcpy(packet->data, &sent, sizeof(sent));
			packet->length = 100;
			assert_int_equal(vionet_queue_transmit(tx, &packet, 1), 1);
			sent++;
		}
		while (vionet_queue_receive(rx, &packet, 1) == 1) {
			assert_int_equal(packet->length, 100);
			assert_memory_equal(packet->data, &got, sizeof(got));
			assert_int_equal(packet->data[99], got & 0xff);
			vionet_packet_free(&packet, 1);
			got++;
		}
		if (watch_clock() > limit)
			fail_msg("frame %llu has not come back",
				 (unsigned long long)got);
	}
}

static inline void turn_frames(struct vionet_device *device, uint64_t first,
			       uint64_t count)
{
	turn_frames_of(device, 0, first, count);
}

#endif
