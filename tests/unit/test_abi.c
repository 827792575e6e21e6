/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Structs that begin with their size, as callers of older and newer headers have them:
 * each public call that takes one, with every size that there may be.
 */
#include "tests/unit/test.h"

#include <errno.h>
#include <stddef.h>

#include <vionet/vionet.h>

#include "tests/unit/control_env.h"

#define ROOM 2048u
#define FILL 0xa5

static struct control_env *env;

static int call_open(void *options)
{
	struct vionet_device *device;
	int result = vionet_device_open("vfio-user:/nonexistent/socket", options, &device);

	assert_null(device);
	/* No device has this name: open fails after it has checked the options. */
	return result == -ENODEV ? 0 : result;
}

/* The descriptors are looked at after the struct: that they are none is said then. */
static int call_open_fds(void *fds)
{
	struct vionet_device *device;
	int result = vionet_device_open_fds("0000:00:04.0", fds, NULL, &device);

	assert_null(device);
	return result == -EINVAL && strstr(vionet_error_text(), "are wanted") ? 0 : result;
}

static int call_start(void *options)
{
	assert_int_equal(vionet_device_stop(env->device), 0);
	return vionet_device_start(env->device, options);
}

static int call_pool(void *options)
{
	struct vionet_pool *pool;
	int result = vionet_pool_create(env->device, options, &pool);

	assert_int_equal(vionet_pool_destroy(pool), 0);
	return result;
}

/* Pool options, inside the options of a start. */
static int call_receive_pool(void *options)
{
	struct vionet_start_options start = { .struct_size = sizeof(start),
					      .rx_pool_options = options };

	return call_start(&start);
}

static int call_transmit_pool(void *options)
{
	struct vionet_start_options start = { .struct_size = sizeof(start),
					      .tx_pool_options = options };

	return call_start(&start);
}

static struct vionet_queue *rx(void)
{
	if (!vionet_device_rx_queue(env->device, 0))
		assert_int_equal(vionet_device_start(env->device, NULL), 0);
	return vionet_device_rx_queue(env->device, 0);
}

static int call_rss(void *rss)
{
	(void)rx();
	return vionet_rss_set(env->device, rss);
}

static int call_context(void *rss)
{
	int result;

	(void)rx();
	result = vionet_rss_context_add(env->device, 1, rss);
	if (result)
		return result;
	assert_int_equal(vionet_rss_context_modify(env->device, 1, rss), 0);
	assert_int_equal(vionet_rss_context_delete(env->device, 1), 0);
	return 0;
}

static int call_coalescing(void *coalescing)
{
	(void)rx();
	return vionet_coalescing_set(env->device, true, coalescing);
}

static int call_queue_coalescing(void *coalescing)
{
	return vionet_queue_coalescing_set(rx(), coalescing);
}

static int call_info(void *info)
{
	return vionet_device_info(env->device, info);
}

static int call_queue_info(void *info)
{
	return vionet_device_queue_info(env->device, 0, info);
}

static int call_link(void *link)
{
	return vionet_device_link(env->device, link);
}

static int call_pci_details(void *details)
{
	return vionet_device_pci_details(env->device, details);
}

static int call_stats(void *stats)
{
	return vionet_queue_stats(rx(), stats);
}

static int call_limits(void *limits)
{
	return vionet_steering_limits(env->device, limits);
}

static int call_coalescing_read(void *coalescing)
{
	return vionet_queue_coalescing_read(rx(), coalescing);
}

static int call_queue_reset(void *report)
{
	return vionet_queue_reset(rx(), report);
}

/* Of another transport there is nothing to move: the report is all 0. */
static int call_migrate(void *report)
{
	int result;

	(void)rx();
	result = vionet_device_migrate(env->device, "vfio-user:/nonexistent", report);
	return result == -ENOTSUP ? 0 : result;
}

#define STRUCT(type, last) #type, sizeof(struct type), \
	offsetof(struct type, last) + sizeof(((struct type *)0)->last)

static const struct {
	const char *type;
	size_t size, end; /* the last field ends there: no room to grow into unseen */
	int (*call)(void *theirs);
} given[] = {
	{ STRUCT(vionet_open_options, vf_token), call_open },
	{ STRUCT(vionet_device_fds, container), call_open_fds },
	{ STRUCT(vionet_start_options, tx_pools), call_start },
	{ STRUCT(vionet_pool_options, memory_offset), call_pool },
	{ STRUCT(vionet_pool_options, memory_offset), call_receive_pool },
	{ STRUCT(vionet_pool_options, memory_offset), call_transmit_pool },
	{ STRUCT(vionet_rss, reserved), call_rss },
	{ STRUCT(vionet_rss, reserved), call_context },
	{ STRUCT(vionet_coalescing, reserved), call_coalescing },
	{ STRUCT(vionet_coalescing, reserved), call_queue_coalescing },
},
  filled[] = {
	  { STRUCT(vionet_device_info, address_spaces), call_info },
	  { STRUCT(vionet_queue_info, device_area), call_queue_info },
	  { STRUCT(vionet_link, duplex), call_link },
	  { STRUCT(vionet_pci_details, iova_range_count), call_pci_details },
	  { STRUCT(vionet_queue_stats, size), call_stats },
	  { STRUCT(vionet_steering_limits, tunnel_types), call_limits },
	  { STRUCT(vionet_coalescing, reserved), call_coalescing_read },
	  { STRUCT(vionet_recovery, milliseconds), call_queue_reset },
	  { STRUCT(vionet_migration, total_ms), call_migrate },
  };

#define COUNT(array) (sizeof(array) / sizeof(array[0]))

/* A struct of `size` zero bytes between guard bytes. */
static void prepare(uint8_t *room, uint32_t size)
{
	memset(room, FILL, ROOM);
	memset(room, 0, size < ROOM ? size : ROOM);
	memcpy(room, &size, sizeof(size));
}

static void set_up(unsigned int pairs)
{
	env = control_env_create(pairs);
	control_env_start(env, pairs, 0);
}

/* No padding at the end: a field that is added there makes the struct longer. */
static void structs_end_with_their_last_field(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(given); i++)
		assert_int_equal(given[i].size, given[i].end);
	for (size_t i = 0; i < COUNT(filled); i++)
		assert_int_equal(filled[i].size, filled[i].end);
	assert_int_equal(sizeof(struct vionet_pci_function),
			 offsetof(struct vionet_pci_function, node) + 64);
}

/* Older callers: the library does not read past their struct. Newer ones: accepted as
 * long as the fields that this library does not know are 0. */
static void options_of_any_size(void **state)
{
	_Alignas(16) uint8_t room[ROOM];

	(void)state;
	set_up(1);
	for (size_t i = 0; i < COUNT(given); i++) {
		uint32_t step = given[i].size > 40 ? 28 : 4;

		for (uint32_t size = 12; size <= given[i].size + 64; size += step) {
			prepare(room, size);
			assert_int_equal(given[i].call(room), 0);
		}
		prepare(room, (uint32_t)given[i].size);
		assert_int_equal(given[i].call(room), 0);
		for (size_t byte = 0; byte < 32; byte += 31) {
			prepare(room, (uint32_t)given[i].size + 32);
			room[given[i].size + byte] = 1;
			assert_int_equal(given[i].call(room), -E2BIG);
			assert_text(given[i].type);
			assert_text("use a newer library");
		}
	}
	(void)rx();
	control_env_destroy(env);
}

/* The library does not write past the struct of an older caller; it zeroes the extra
 * fields of a newer one. */
static void replies_of_any_size(void **state)
{
	_Alignas(16) uint8_t room[ROOM], full[ROOM];

	(void)state;
	set_up(1);
	for (size_t i = 0; i < COUNT(filled); i++) {
		uint32_t own = (uint32_t)filled[i].size;
		uint32_t step = own > 200 ? 36 : 4;

		prepare(full, own);
		assert_int_equal(filled[i].call(full), 0);
		for (uint32_t size = 12; size <= own + 64; size += step) {
			uint32_t common = size < own ? size : own;

			prepare(room, size);
			memset(room + 4, FILL, size - 4);
			assert_int_equal(filled[i].call(room), 0);
			assert_memory_equal(room, &size, sizeof(size));
			/* Time and what is in flight may differ. */
			if (filled[i].call != call_queue_reset)
				assert_memory_equal(room + 4, full + 4, common - 4);
			for (uint32_t at = own; at < size; at++)
				assert_int_equal(room[at], 0);
			for (uint32_t at = size; at < ROOM; at++)
				assert_int_equal(room[at], FILL);
		}
	}
	control_env_destroy(env);
}

static void expect_no_size(const char *type, int (*call)(void *))
{
	static const uint32_t sizes[] = { 0, 1, 4, 8, 13, 4100, 0x80000000, 0xffffffff };
	_Alignas(16) uint8_t room[ROOM], before[ROOM];

	for (size_t i = 0; i < COUNT(sizes); i++) {
		char remedy[80];

		prepare(room, sizes[i]);
		memcpy(room, &sizes[i], sizeof(sizes[i]));
		memcpy(before, room, sizeof(room));
		assert_int_equal(call(room), -EINVAL);
		assert_memory_equal(room, before, sizeof(room));
		snprintf(remedy, sizeof(remedy), "set it to sizeof(struct %s)", type);
		assert_text(remedy);
	}
}

static void sizes_that_are_none(void **state)
{
	(void)state;
	set_up(1);
	for (size_t i = 0; i < COUNT(given); i++)
		expect_no_size(given[i].type, given[i].call);
	for (size_t i = 0; i < COUNT(filled); i++)
		expect_no_size(filled[i].type, filled[i].call);
	(void)rx();
	control_env_destroy(env);
}

static void the_initializer(void **state)
{
	struct vionet_start_options options;

	(void)state;
	memset(&options, FILL, sizeof(options));
	VIONET_INIT(&options);
	assert_int_equal(options.struct_size, sizeof(options));
	assert_int_equal(options.flags, 0);
	assert_null(options.tx_pools);
}

static void reserved_is_0(void **state)
{
	struct vionet_coalescing c = { .struct_size = sizeof(c), .reserved = 1 };
	struct vionet_rss rss = { .struct_size = sizeof(rss), .reserved = 1 };

	(void)state;
	set_up(1);
	assert_int_equal(call_coalescing(&c), -EINVAL);
	assert_text("reserved");
	assert_int_equal(call_rss(&rss), -EINVAL);
	assert_text("reserved");
	control_env_destroy(env);
}

/* ---- arrays ---- */

static int statistics(void *array, size_t stride, uint32_t capacity, uint32_t *count)
{
	return vionet_stats_read(env->device, 0, array, stride, capacity, count);
}

static int capabilities(void *array, size_t stride, uint32_t capacity, uint32_t *count)
{
	return vionet_device_pci_capabilities(env->device, array, stride, capacity, count);
}

static int regions(void *array, size_t stride, uint32_t capacity, uint32_t *count)
{
	return vionet_device_pci_regions(env->device, array, stride, capacity, count);
}

static int ranges(void *array, size_t stride, uint32_t capacity, uint32_t *count)
{
	return vionet_device_pci_iova_ranges(env->device, array, stride, capacity, count);
}

static const struct {
	const char *type;
	size_t size;
	int (*call)(void *array, size_t stride, uint32_t capacity, uint32_t *count);
} arrays[] = {
	{ "vionet_stat", sizeof(struct vionet_stat), statistics },
	{ "vionet_pci_capability", sizeof(struct vionet_pci_capability), capabilities },
	{ "vionet_pci_region", sizeof(struct vionet_pci_region), regions },
	{ "vionet_iova_range", sizeof(struct vionet_iova_range), ranges },
};

static void elements_of_any_size(void **state)
{
	_Alignas(16) uint8_t room[8 * ROOM], full[8 * ROOM];

	(void)state;
	set_up(1);
	for (size_t a = 0; a < COUNT(arrays); a++) {
		size_t own = arrays[a].size;
		uint32_t all = 0, count = 0;

		assert_int_equal(arrays[a].call(full, own, 48, &all), 0);
		assert_true(all > 0 && all < 48);
		for (size_t stride = 12; stride <= own + 32; stride += 4) {
			size_t common = stride < own ? stride : own;

			memset(room, FILL, sizeof(room));
			assert_int_equal(arrays[a].call(room, stride, 48, &count), 0);
			assert_int_equal(count, all);
			for (size_t i = 0; i < all; i++) {
				assert_memory_equal(room + i * stride, full + i * own,
						    common);
				for (size_t at = common; at < stride; at++)
					assert_int_equal(room[i * stride + at], 0);
			}
			assert_int_equal(room[all * stride], FILL);
		}
		/* The library writes no more entries than the capacity. */
		memset(room, FILL, sizeof(room));
		assert_int_equal(arrays[a].call(room, own, all - 1, &count), 0);
		assert_int_equal(count, all - 1);
		assert_int_equal(room[(all - 1) * own], FILL);
		assert_int_equal(arrays[a].call(NULL, own, 0, &count), 0);
		assert_int_equal(count, 0);
		count = 7;
		assert_int_equal(arrays[a].call(room, 0, 48, &count), -EINVAL);
		assert_text(arrays[a].type);
		assert_int_equal(count, 0);
		assert_int_equal(arrays[a].call(room, 8, 48, &count), -EINVAL);
		assert_int_equal(arrays[a].call(room, 1u << 20, 48, &count), -EINVAL);
	}
	control_env_destroy(env);
}

/* ---- flags ---- */

static void unknown_flags_are_refused(void **state)
{
	struct vionet_open_options open = { .struct_size = sizeof(open) };
	struct vionet_start_options start = { .struct_size = sizeof(start) };
	struct vionet_rss rss = { .struct_size = sizeof(rss) };
	struct vionet_device_fds fds = { .struct_size = sizeof(fds), .device = 0, .iommufd = 1, .given = VIONET_FD_DEVICE | VIONET_FD_IOMMUFD };
	struct vionet_pool *pool = NULL;
	struct vionet_device *device;
	struct vionet_memory *memory;
	const char *address = "0000:00:04.0";
	_Alignas(4096) static uint8_t page[4096];

	(void)state;
	set_up(1);
	open.flags = 1u << 31;
	assert_int_equal(call_open(&open), -EINVAL);
	start.flags = 1u << 31;
	assert_int_equal(call_start(&start), -EINVAL);
	(void)rx();
	assert_int_equal(vionet_pci_bind(&address, 1, 1u << 31, NULL, 0, NULL), -EINVAL);
	assert_int_equal(vionet_pci_unbind(&address, 1, NULL, 1u << 31, NULL, 0, NULL),
			 -EINVAL);
	assert_int_equal(vionet_pci_unbind(&address, 1, NULL, VIONET_PCI_BIND_FORCE, NULL, 0, NULL),
			 -EINVAL);
	assert_text("unknown flags 0x1");
	assert_int_equal(vionet_vdpa_bind("vdpa0", 1u << 31, NULL), -EINVAL);
	assert_int_equal(vionet_vdpa_bind("vdpa0", VIONET_PCI_BIND_GROUP, NULL), -EINVAL);
	assert_text("unknown flags 0x2");
	open.flags = 0;
	open.iommu = 99;
	assert_int_equal(call_open(&open), -EINVAL);
	fds.given |= 1u << 31;
	assert_int_equal(vionet_device_open_fds("0000:00:04.0", &fds, NULL, &device), -EINVAL);
	assert_int_equal(vionet_offloads_set(env->device, 1ull << 63), -EINVAL);
	assert_int_equal(vionet_offloads_set(env->device, 1ull << 63 | 1ull << 1),
			 -EINVAL);
	assert_text("unknown offloads 0x8000000000000000");
	rss.hash_types = 1u << 30;
	assert_int_equal(vionet_rss_set(env->device, &rss), -EINVAL);
	assert_int_equal(vionet_hash_tunnels_set(env->device, 1u << 30), -EINVAL);
	assert_int_equal(vionet_filter_mode_set(env->device, (enum vionet_filter_mode)6,
						true), -EINVAL);
	assert_int_equal(vionet_memory_register(env->device, page, sizeof(page),
						(enum vionet_access)4, &memory), -EINVAL);
	assert_int_equal(vionet_pool_create(env->device, &(struct vionet_pool_options){
		.struct_size = sizeof(struct vionet_pool_options),
		.access = (enum vionet_access)4 }, &pool), -EINVAL);
	assert_int_equal(vionet_pool_share(vionet_queue_pool(rx()), env->device,
					   (enum vionet_access)4), -EINVAL);
	control_env_destroy(env);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(structs_end_with_their_last_field),
		cmocka_unit_test(options_of_any_size),
		cmocka_unit_test(replies_of_any_size),
		cmocka_unit_test(sizes_that_are_none),
		cmocka_unit_test(the_initializer),
		cmocka_unit_test(reserved_is_0),
		cmocka_unit_test(elements_of_any_size),
		cmocka_unit_test(unknown_flags_are_refused),
	};

	return cmocka_run_group_tests_name("abi", tests, NULL, NULL);
}
