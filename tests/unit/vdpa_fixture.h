/* SPDX-License-Identifier: BSD-3-Clause */
/* Fixture of the tests of the vhost-vdpa transport: a device over the tests' own kernel
 * (fake_vdpa.h). */
#ifndef VIONET_TESTS_VDPA_FIXTURE_H
#define VIONET_TESTS_VDPA_FIXTURE_H

#include "tests/unit/test.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <unistd.h>

#include <vionet/vionet.h>

#include "tests/unit/descriptors.h"
#include "tests/unit/fake_vdpa.h"
#include "tests/unit/stopwatch.h"

#define NAME "vhost-vdpa:" VDPA_NODE
#define F_PACKED (1ull << 34)

static int fds_before;

static inline int set_up(void **state)
{
	(void)state;
	fds_before = open_descriptors();
	vdpa_reset_fake();
	return 0;
}

static inline int tear_down(void **state)
{
	(void)state;
	assert_int_equal(open_descriptors(), fds_before);
	assert_string_equal(vdpa.violation, "");
	for (unsigned int i = 0; i < VDPA_QUEUES; i++)
		assert_string_equal(vdpa.queue[i].rings.violation, "");
	return 0;
}

static inline struct vionet_device *open_vdpa(void)
{
	struct vionet_open_options o = { .struct_size = sizeof(o),
					 .want.word[0] = 1ull << 18 /* CTRL_RX */ };
	struct vionet_device *device;

	if (vionet_device_open(NAME, &o, &device))
		fail_msg("%s", vionet_error_text());
	return device;
}

static inline void set_mac(struct vionet_device *device, const char *mac)
{
	unsigned int before = vdpa.commands;

	if (vionet_mac_set(device, (const uint8_t *)mac))
		fail_msg("%s", vionet_error_text());
	assert_int_equal(vdpa.commands, before + 1);
	assert_memory_equal(vdpa.config, mac, 6);
}

static inline void start(struct vionet_device *device)
{
	struct vionet_start_options o = { .struct_size = sizeof(o), .rx_queue_size = 16, .tx_queue_size = 16 };

	if (vionet_device_start(device, &o))
		fail_msg("%s", vionet_error_text());
}

static inline void close_vdpa(struct vionet_device *device)
{
	assert_int_equal(vionet_device_close(device), 0);
	assert_int_equal(vdpa.fd, -1);
}

static inline void send_frame(struct vionet_queue *tx, uint64_t number)
{
	struct vionet_packet *packet;

	assert_int_equal(vionet_packet_alloc(vionet_queue_pool(tx), &packet, 1), 1);
	memset(packet->data, (int)number, 100);
	memcpy(packet->data, &number, sizeof(number));
	packet->length = 100;
	assert_int_equal(vionet_queue_transmit(tx, &packet, 1), 1);
}

static inline bool take_frame(struct vionet_queue *rx, uint64_t number)
{
	struct vionet_packet *packet;

	if (vionet_queue_receive(rx, &packet, 1) != 1)
		return false;
	assert_int_equal(packet->length, 100);
	assert_memory_equal(packet->data, &number, sizeof(number));
	assert_int_equal(packet->data[99], number & 0xff);
	vionet_packet_free(&packet, 1);
	return true;
}

static inline void turn_pair(struct vionet_device *device, unsigned int pair, uint64_t count)
{
	struct vionet_queue *rx = vionet_device_rx_queue(device, pair);
	struct vionet_queue *tx = vionet_device_tx_queue(device, pair);

	for (uint64_t i = 0; i < count; i++) {
		send_frame(tx, i);
		if (vdpa.doorbells)
			vdpa_work();
		assert_true(take_frame(rx, i));
	}
}

static inline void turn_frames(struct vionet_device *device, uint64_t count)
{
	turn_pair(device, 0, count);
}

#define VDPA(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

#endif
