/* SPDX-License-Identifier: BSD-3-Clause */
/* Memory that a device sees holds nothing of others: it is zero at first, and the next back end,
 * or another device, finds no frame of those before. */
#include "tests/unit/vhost_user_env.h"

#include <stdlib.h>
#include <sys/mman.h>

#include <vionet/recovery.h>

/* The numbers of frames begin here, and are in all of them. */
#define FIRST 0x5ec2e7c0de000000ull
enum { FRAMES = 100,
       BUFFERS = 256,
       RING = 16 };

/* Bytes that are not zero, or places where a frame was. */
static size_t in_window(const struct proxy_window *window, bool marks)
{
	const uint64_t first = FIRST;
	const uint8_t *mark = (const uint8_t *)&first + (htobe64(1) == 1 ? 0 : 3);
	size_t found = 0, end = window->offset + window->size;
	uint8_t *all = mmap(NULL, end, PROT_READ, MAP_SHARED, window->fd, 0);
	const uint8_t *at = all;

	assert_true(all != MAP_FAILED);
	for (size_t i = window->offset; !marks && i < end; i++)
		found += all[i] != 0;
	while (marks && (at = memmem(at, (size_t)(all + end - at), mark, 5)) != NULL) {
		found++;
		at++;
	}
	munmap(all, end);
	return found;
}

/* The same in all that the back end sees. */
static size_t seen(struct backend *b, bool marks)
{
	size_t found = 0;
	unsigned int windows = 0;

	LOCKED(b, {
		for (unsigned int i = 0; i < PROXY_WINDOWS; i++)
			if (b->proxy.window[i].used) {
				windows++;
				found += in_window(&b->proxy.window[i], marks);
			}
	});
	assert_true(windows > 0);
	return found;
}

static struct vionet_pool *make_pool(struct vionet_device *device, enum vionet_access access)
{
	const struct vionet_pool_options options = { .struct_size = sizeof(options),
						     .count = BUFFERS,
						     .access = access };
	struct vionet_pool *pool;

	assert_int_equal(vionet_pool_create(device, &options, &pool), 0);
	return pool;
}

static void start(struct vionet_device *device, struct vionet_pool *pool)
{
	const struct vionet_start_options options = {
		.struct_size = sizeof(options),
		.rx_queue_size = RING,
		.tx_queue_size = RING,
		.rx_pool = pool,
		.tx_pool = pool,
	};

	if (vionet_device_start(device, &options))
		fail_msg("%s", vionet_error_text());
}

/* All of them come back, and none is in flight any more. */
static void turn_and_reclaim(struct backend *b, struct vionet_device *device)
{
	turn_frames(device, FIRST, FRAMES);
	assert_true(seen(b, true) > 0);
	assert_int_equal(vionet_queue_drain(vionet_device_tx_queue(device, 0), 60000), 0);
}

/* Before a queue is there: a pool, and the region around it. */
static void new_memory_is_zero(void **state)
{
	struct backend *b = *state;
	struct vionet_device *device;

	assert_int_equal(open_backend(b, "", &device), 0);
	start(device, NULL);
	(void)make_pool(device, VIONET_DEVICE_READS);
	/* Rings, and headers in front of no frame. */
	assert_true(seen(b, false) < 4096);
	assert_int_equal(vionet_device_close(device), 0);
}

/* The library's pools and the application's, which outlives a stop. */
static void the_next_back_end_sees_no_frame(void **state)
{
	struct backend *b = *state;
	struct vionet_device *device;
	struct vionet_pool *pool, *other;

	assert_int_equal(open_backend(b, "", &device), 0);
	pool = make_pool(device, VIONET_DEVICE_WRITES);
	other = make_pool(device, VIONET_DEVICE_READS);
	for (unsigned int i = 0; i < 2; i++) {
		start(device, i == 0 ? NULL : pool);
		turn_and_reclaim(b, device);
		assert_int_equal(vionet_device_stop(device), 0);
		backend_hang_up(b);
		start(device, pool);
		assert_int_equal(seen(b, true), 0);
		turn_and_reclaim(b, device);
		backend_hang_up(b);
		if (vionet_device_reconnect(device, 5000))
			fail_msg("%s", vionet_error_text());
		/* What waits in the receive queue is handed on as it is. */
		assert_true(seen(b, true) <= RING);
		assert_int_equal(vionet_device_stop(device), 0);
	}
	assert_int_equal(vionet_pool_destroy(other), 0);
	assert_int_equal(vionet_device_close(device), 0);
}

/* Its place is in a region that stays. */
static void a_pool_leaves_nothing(void **state)
{
	struct backend *b = *state;
	struct vionet_device *device;
	struct vionet_pool *pool, *stays;

	assert_int_equal(open_backend(b, "", &device), 0);
	stays = make_pool(device, VIONET_DEVICE_WRITES);
	pool = make_pool(device, VIONET_DEVICE_WRITES);
	start(device, pool);
	turn_and_reclaim(b, device);
	assert_int_equal(vionet_device_stop(device), 0);
	assert_int_equal(vionet_pool_destroy(pool), 0);
	assert_int_equal(seen(b, true), 0);
	assert_int_equal(vionet_pool_destroy(stays), 0);
	assert_int_equal(vionet_device_close(device), 0);
}

static void another_device_sees_no_frame(void **state)
{
	struct backend *b = *state, *second = backend_create(false);
	struct vionet_device *device, *other;
	struct vionet_pool *pool;

	assert_int_equal(open_backend(b, "", &device), 0);
	assert_int_equal(open_backend(second, "", &other), 0);
	pool = make_pool(device, VIONET_DEVICE_WRITES);
	/* It has a region of its own from then on, in which the frames are. */
	assert_int_equal(vionet_pool_share(pool, other, VIONET_DEVICE_READS), 0);
	assert_int_equal(vionet_device_close(other), 0);
	start(device, pool);
	turn_and_reclaim(b, device);
	assert_int_equal(vionet_device_stop(device), 0);
	assert_int_equal(open_backend(second, "", &other), 0);
	assert_int_equal(vionet_pool_share(pool, other, VIONET_DEVICE_READS), 0);
	start(other, NULL);
	assert_int_equal(seen(second, true), 0);
	assert_int_equal(vionet_device_close(other), 0);
	assert_int_equal(vionet_device_close(device), 0);
	backend_destroy(second);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, raise_backend, drop_backend)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(new_memory_is_zero),
		TEST(the_next_back_end_sees_no_frame),
		TEST(a_pool_leaves_nothing),
		TEST(another_device_sees_no_frame),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
