/* SPDX-License-Identifier: BSD-3-Clause */
/* Rings are memory that a vhost-user back end has: what it wrote there is checked as with each
 * transport, also before the next back end gets it. */
#include "tests/unit/vhost_user_env.h"

#include "driver/state/queue.h"

/* The next back end does not get such a ring; a new start repairs it. */
static void it_is_not_handed_on(struct vionet_device *device, const char *why)
{
	assert_int_equal(vionet_device_reconnect(device, 100), -EIO);
	assert_text(why);
	assert_int_equal(vionet_device_stop(device), 0);
	assert_int_equal(vionet_device_start(device, NULL), 0);
	turn_frames(device, 0, 20);
	assert_int_equal(vionet_device_close(device), 0);
}

static void used_index_jumps(void **state)
{
	struct backend *b = *state;
	struct vionet_device *device;
	struct vionet_packet *packets[4];

	assert_int_equal(open_backend(b, "", &device), 0);
	assert_int_equal(vionet_device_start(device, NULL), 0);
	turn_frames(device, 0, 20);
	LOCKED(b, backend_set_used_index(b, 0, backend_used_index(b, 0) + 999));
	assert_int_equal(vionet_queue_receive(vionet_device_rx_queue(device, 0),
					      packets, 4),
			 0);
	assert_int_equal(vionet_queue_check(vionet_device_rx_queue(device, 0)),
			 -EIO);
	it_is_not_handed_on(device, "used index jumped");
}

/* What the driver saw completed stays so: otherwise the next back end would complete
 * reclaimed buffers. */
static void used_index_goes_back(void **state)
{
	struct backend *b = *state;
	struct vionet_device *device;
	struct vionet_packet *packets[8], *packet;
	struct vionet_queue *rx, *tx;
	bool all = false;

	assert_int_equal(open_backend(b, "", &device), 0);
	assert_int_equal(vionet_device_start(device, NULL), 0);
	rx = vionet_device_rx_queue(device, 0);
	tx = vionet_device_tx_queue(device, 0);
	assert_int_equal(vionet_packet_alloc(vionet_queue_pool(tx), packets, 8), 8);
	for (size_t i = 0; i < 8; i++)
		packets[i]->length = 100;
	assert_int_equal(vionet_queue_transmit(tx, packets, 8), 8);
	for (double limit = watch_clock() + TEST_TIMEOUT_S; !all && watch_clock() < limit;)
		LOCKED(b, all = backend_used_index(b, 0) == 8);
	assert_true(all);
	assert_int_equal(vionet_queue_receive(rx, &packet, 1), 1);
	vionet_packet_free(&packet, 1);
	LOCKED(b, backend_set_used_index(b, 0, 5));
	it_is_not_handed_on(device, "used index jumped");
}

static struct vionet_device *open_with_16(struct backend *b)
{
	struct vionet_start_options start = { .struct_size = sizeof(start),
					      .rx_queue_size = 16,
					      .tx_queue_size = 16 };
	struct vionet_device *device;

	assert_int_equal(open_backend(b, "", &device), 0);
	assert_int_equal(vionet_device_start(device, &start), 0);
	turn_frames(device, 0, 20);
	return device;
}

/* Completed, and not reaped yet: each buffer that is there, once. */
static void ids_that_cannot_be(void **state)
{
	static const struct {
		uint32_t ids[2];
		unsigned int count;
		const char *why;
	} rows[] = {
		{ { 16 }, 1, "used id 16 is out of range, the queue has 16 entries" },
		{ { UINT32_MAX }, 1, "used id 4294967295 is out of range" },
		{ { 3, 3 }, 2, "used id 3 is not outstanding" },
	};
	struct backend *b = *state;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct vionet_device *device = open_with_16(b);

		for (unsigned int k = 0; k < rows[i].count; k++)
			LOCKED(b, backend_add_used(b, 0, 16, rows[i].ids[k]));
		it_is_not_handed_on(device, rows[i].why);
	}
}

static void an_id_that_is_not_outstanding(void **state)
{
	struct backend *b = *state;
	struct vionet_device *device = open_with_16(b);
	struct vionet_queue *tx = vionet_device_tx_queue(device, 0);
	struct vionet_packet *packet;
	uint32_t id = 0;

	LOCKED(b, b->paused = true);
	assert_int_equal(vionet_packet_alloc(vionet_queue_pool(tx), &packet, 1), 1);
	packet->length = 100;
	assert_int_equal(vionet_queue_transmit(tx, &packet, 1), 1);
	while (tx->slots[id] != 0)
		id++;
	LOCKED(b, backend_add_used(b, 1, 16, id));
	backend_hang_up(b); /* it has not been told of the packet */
	LOCKED(b, b->paused = false);
	it_is_not_handed_on(device, "is not outstanding");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, raise_backend, drop_backend)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(used_index_jumps),
		TEST(used_index_goes_back),
		TEST(ids_that_cannot_be),
		TEST(an_id_that_is_not_outstanding),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
