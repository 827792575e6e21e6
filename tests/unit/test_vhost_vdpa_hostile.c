/* SPDX-License-Identifier: BSD-3-Clause */
/* The vhost-vdpa transport, and whatever may be wrong with a node, a kernel or a device. */
#include "tests/unit/vdpa_fixture.h"

static void refused(int code, const char *text)
{
	struct vionet_device *device = (void *)1;

	assert_int_equal(vionet_device_open(NAME, NULL, &device), code);
	assert_null(device);
	assert_text(NAME ": ");
	assert_text(text);
	assert_int_equal(open_descriptors(), fds_before);
}

/* root may always, by owner and mode. */
static void refused_to_a_user(void)
{
	uid_t user = geteuid();

	if (user == 0) {
		refused(-EACCES, "security module");
		assert_int_equal(seteuid(65534), 0);
	}
	refused(-EACCES, "chown $USER " VDPA_NODE);
	if (user == 0)
		assert_int_equal(seteuid(0), 0);
}

static void nodes_that_do_not_open(void **state)
{
	struct vionet_device *device;

	(void)state;
	vdpa.open_error = ENOENT;
	refused(-ENODEV, "modprobe vhost_vdpa");
	vdpa.open_error = EBUSY;
	refused(-EBUSY, "fuser " VDPA_NODE);
	vdpa.open_error = EACCES;
	refused_to_a_user();
	vdpa.open_error = EPERM;
	refused(-EACCES, "docker run --device");
	vdpa.open_error = EMFILE;
	refused(-EMFILE, "open");
	vdpa.open_error = 0;
	vdpa.plain_file = true;
	refused(-ENOTSUP, "not a device of vhost-vdpa");
	vdpa.plain_file = false;
	/* It is not even opened: that would start a watchdog. */
	vdpa.other_node = true;
	refused(-ENOTSUP, "not a device of vhost-vdpa");
	assert_int_equal(vdpa.resets, 0);
	vdpa.other_node = false;
	vdpa.no_sysfs = true;
	device = open_vdpa();
	close_vdpa(device);
	vdpa.missing = VHOST_VDPA_GET_DEVICE_ID;
	refused(-ENOTSUP, "not a device of vhost-vdpa");
	assert_int_equal(vionet_device_open("vhost-vdpa:/dev/null", NULL, &device), -ENOTSUP);
	assert_text("not a device of vhost-vdpa");
	assert_int_equal(vionet_device_open("vhost-vdpa:", NULL, &device), -ENODEV);
	assert_int_equal(vionet_device_open("vhost-vdpa:/dev/null/x", NULL, &device), -ENODEV);
}

static void devices_of_another_kind(void **state)
{
	(void)state;
	vdpa.device_id = 2;
	refused(-ENOTSUP, "it is a block device (virtio device id 2)");
	vdpa.device_id = 26;
	refused(-ENOTSUP, "virtio device id 26");
}

static void kernels_that_are_too_old(void **state)
{
	const unsigned long needed[] = {
		VHOST_VDPA_GET_VQS_COUNT,
		VHOST_VDPA_GET_CONFIG_SIZE,
		VHOST_VDPA_GET_IOVA_RANGE,
		VHOST_GET_BACKEND_FEATURES,
		VHOST_VDPA_GET_GROUP_NUM,
		VHOST_VDPA_GET_AS_NUM,
	};

	(void)state;
	for (unsigned int i = 0; i < 6; i++) {
		vdpa.missing = needed[i];
		refused(-ENOTSUP, "Linux 5.18 or newer is needed");
	}
	vdpa.missing = 0;
	vdpa.backend = 0;
	refused(-ENOTSUP, "IOTLB messages of version 2");
	vdpa.backend = MSG_V2;
	vdpa.missing = VHOST_VDPA_GET_GROUP_NUM; /* is not asked without address spaces */
	close_vdpa(open_vdpa());
}

static void every_ioctl_may_fail(void **state)
{
	const unsigned long needed[] = {
		VHOST_SET_OWNER,
		VHOST_VDPA_GET_VQS_COUNT,
		VHOST_VDPA_GET_CONFIG_SIZE,
		VHOST_VDPA_GET_IOVA_RANGE,
		VHOST_GET_BACKEND_FEATURES,
		VHOST_SET_BACKEND_FEATURES,
		VHOST_GET_FEATURES,
		VHOST_SET_FEATURES,
		VHOST_VDPA_GET_STATUS,
		VHOST_VDPA_SET_STATUS,
		VHOST_VDPA_GET_CONFIG,
		VHOST_VDPA_GET_VRING_NUM,
	};
	const unsigned long later[] = {
		VHOST_SET_VRING_NUM,
		VHOST_SET_VRING_BASE,
		VHOST_SET_VRING_ADDR,
		VHOST_SET_VRING_CALL,
		VHOST_SET_VRING_KICK,
		VHOST_VDPA_SET_VRING_ENABLE,
	};
	struct vionet_device *device;

	(void)state;
	for (unsigned int i = 0; i < sizeof(needed) / sizeof(needed[0]); i++) {
		vdpa.failing = needed[i];
		refused(-EIO, "_");
	}
	vdpa.failing = 0;
	device = open_vdpa();
	for (unsigned int i = 0; i < sizeof(later) / sizeof(later[0]); i++) {
		vdpa.failing = later[i];
		assert_int_equal(vionet_device_start(device, NULL), -EIO);
		assert_text("VRING_");
		vdpa.failing = 0;
		start(device);
		turn_frames(device, 10);
		assert_int_equal(vionet_device_stop(device), 0);
		assert_int_equal(vdpa.told.count, 0);
	}
	close_vdpa(device);
}

static void numbers_that_cannot_be(void **state)
{
	struct vionet_device *device;

	(void)state;
	vdpa.queues = 70000;
	refused(-EIO, "70000 queues");
	vdpa.queues = UINT16_MAX;
	assert_int_equal(vionet_device_open(NAME, NULL, &device), 0);
	assert_int_equal(vionet_device_close(device), 0);
	vdpa.queues = 0;
	refused(-EIO, "no receive queue 0");
	vdpa_reset_fake();
	vdpa.num_max = 0;
	refused(-EIO, "no receive queue 0");
	vdpa_reset_fake();
	vdpa.first = 0x2000, vdpa.last = 0x1000;
	refused(-EIO, "0x2000 to 0x1000");
	vdpa_reset_fake();
	vdpa.first = UINT64_MAX, vdpa.last = UINT64_MAX;
	refused(-EIO, "there are none");
	/* As many bytes as it likes; fewer than a field are no field. */
	vdpa_reset_fake();
	vdpa.config_size = UINT32_MAX;
	close_vdpa(open_vdpa());
	vdpa.config_size = 0;
	device = open_vdpa();
	start(device);
	turn_frames(device, 10);
	close_vdpa(device);
	/* Groups and spaces that the calls for queues do not know. */
	vdpa_reset_fake();
	vdpa.groups = vdpa.spaces = UINT32_MAX;
	vdpa.missing = VHOST_VDPA_GET_VRING_GROUP;
	device = open_vdpa();
	start(device);
	turn_frames(device, 10);
	close_vdpa(device);
}

static void features_that_are_refused(void **state)
{
	(void)state;
	vdpa.refuses_features = true;
	refused(-ENOTSUP, "refuses this set of features");
	vdpa_reset_fake();
	vdpa.features &= ~(1ull << 32);
	refused(-ENOTSUP, "VERSION_1");
}

static void sizes_that_the_kernel_does_not_take(void **state)
{
	struct vionet_start_options o = { .struct_size = sizeof(o), .rx_queue_size = 100 };
	struct vionet_device *device;

	(void)state;
	vdpa.features |= F_PACKED;
	device = open_vdpa();
	assert_int_equal(vionet_device_start(device, &o), -EINVAL);
	assert_text("powers of two");
	close_vdpa(device);
}

static void an_iotlb_that_refuses(void **state)
{
	struct vionet_device *device = open_vdpa();
	struct rlimit before, small;

	(void)state;
	assert_int_equal(getrlimit(RLIMIT_MEMLOCK, &before), 0);
	vdpa.refuses_maps = true;
	small = (struct rlimit){ before.rlim_max, before.rlim_max };
	if (small.rlim_cur == RLIM_INFINITY && setrlimit(RLIMIT_MEMLOCK, &small) == 0) {
		assert_int_equal(vionet_device_start(device, NULL), -EIO);
		assert_text("the kernel cannot map");
		assert_text("dmesg");
	}
	small.rlim_cur = 4096;
	assert_int_equal(setrlimit(RLIMIT_MEMLOCK, &small), 0);
	assert_int_equal(vionet_device_start(device, NULL), -ENOMEM);
	assert_text("KiB of locked memory");
	assert_text("raise the limit: ulimit -l ");
	/* A device whose memory is not counted does not mind the limit. */
	vdpa.refuses_maps = false;
	start(device);
	turn_frames(device, 10);
	assert_int_equal(setrlimit(RLIMIT_MEMLOCK, &before), 0);
	close_vdpa(device);
}

/* Memory that a reset took, and that does not come back: the start says so, and nothing is left. */
static void memory_that_does_not_come_back(void **state)
{
	struct vionet_pool_options options = { .struct_size = sizeof(options), .count = 64, .access = VIONET_DEVICE_WRITES };
	struct vionet_start_options o = { .struct_size = sizeof(o), .rx_queue_size = 16 };
	struct vionet_device *device;

	(void)state;
	vdpa.backend = MSG_V2;
	device = open_vdpa();
	assert_int_equal(vionet_pool_create(device, &options, &o.rx_pool), 0);
	assert_int_equal(vionet_device_start(device, &o), 0);
	assert_int_equal(vionet_device_stop(device), 0);
	vdpa.refuses_maps = true;
	assert_true(vionet_device_start(device, &o) < 0);
	assert_text("bytes at IOVA");
	vdpa.refuses_maps = false;
	assert_int_equal(vionet_device_start(device, &o), 0);
	turn_frames(device, 20);
	close_vdpa(device);
}

/* The maps are made once more, one by one or in a batch; what becomes of the first ones counts as well as the last. */
static void maps_that_are_not_renewed(void **state)
{
	struct vionet_pool_options options = { .struct_size = sizeof(options), .count = 64 };
	struct vionet_start_options o = { .struct_size = sizeof(o), .rx_queue_size = 16, .tx_queue_size = 16 };

	(void)state;
	for (unsigned int batch = 0; batch < 2; batch++) {
		bool *refuses = batch ? &vdpa.refuses_ends : &vdpa.refuses_unmaps;
		struct vionet_device *device;

		vdpa_reset_fake();
		vdpa.backend = MSG_V2 | (batch ? BATCH : 0);
		device = open_vdpa();
		options.access = VIONET_DEVICE_WRITES;
		assert_int_equal(vionet_pool_create(device, &options, &o.rx_pool), 0);
		options.access = VIONET_DEVICE_READS;
		assert_int_equal(vionet_pool_create(device, &options, &o.tx_pool), 0);
		assert_int_equal(vionet_device_start(device, &o), 0);
		assert_int_equal(vionet_device_stop(device), 0);
		*refuses = true;
		assert_true(vionet_device_start(device, &o) < 0);
		assert_text("does not take the memory again");
		*refuses = false;
		assert_int_equal(vionet_device_start(device, &o), 0);
		turn_frames(device, 20);
		close_vdpa(device);
	}
}

/* An address that the kernel still translates is not used again. */
static void memory_that_is_not_unmapped(void **state)
{
	struct vionet_pool_options options = { .struct_size = sizeof(options), .count = 64, .access = VIONET_DEVICE_READS };
	struct vionet_device *device = open_vdpa();
	struct vionet_pool *pool;
	struct vdpa_map kept;

	(void)state;
	start(device);
	assert_int_equal(vionet_pool_create(device, &options, &pool), 0);
	kept = vdpa.told.map[vdpa.told.count - 1];
	vdpa.refuses_unmaps = true;
	vionet_pool_destroy(pool);
	assert_text("is still mapped");
	assert_text("stays out of use");
	vdpa.refuses_unmaps = false;
	assert_int_equal(vionet_pool_create(device, &options, &pool), 0);
	assert_true(vdpa.told.map[vdpa.told.count - 1].what.iova != kept.what.iova);
	turn_frames(device, 10);
	vionet_pool_destroy(pool);
	close_vdpa(device);
}

/* A device that fails while it runs needs a reset, and is well after it. */
static void a_device_that_needs_a_reset(void **state)
{
	struct vionet_device *device = open_vdpa();
	uint32_t events;

	(void)state;
	start(device);
	turn_frames(device, 10);
	vdpa.status |= 0x40;
	assert_int_equal(vionet_device_events(device, &events), 0);
	assert_true(events & VIONET_EVENT_NEEDS_RESET);
	assert_int_equal(vionet_device_recover(device, NULL), 0);
	turn_frames(device, 10);
	close_vdpa(device);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		VDPA(nodes_that_do_not_open),
		VDPA(devices_of_another_kind),
		VDPA(kernels_that_are_too_old),
		VDPA(every_ioctl_may_fail),
		VDPA(numbers_that_cannot_be),
		VDPA(features_that_are_refused),
		VDPA(sizes_that_the_kernel_does_not_take),
		VDPA(an_iotlb_that_refuses),
		VDPA(memory_that_does_not_come_back),
		VDPA(maps_that_are_not_renewed),
		VDPA(memory_that_is_not_unmapped),
		VDPA(a_device_that_needs_a_reset),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
