/* SPDX-License-Identifier: BSD-3-Clause */
/* The vhost-vdpa transport over the tests' own kernel (fake_vdpa.h): negotiation, memory and
 * address spaces, rings, doorbells, rest, and whatever may be wrong with a node, a kernel or a
 * device. */
#include "tests/unit/test.h"

#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <unistd.h>

#include <vionet/vionet.h>

#include "tests/unit/fake_vdpa.h"
#include "tests/unit/stopwatch.h"

#define NAME "vhost-vdpa:" VDPA_NODE
#define F_PACKED (1ull << 34)

static int count_fds(void)
{
	int count = 0;

	for (int fd = 0; fd < 256; fd++) {
		struct pollfd p = { .fd = fd };

		count += poll(&p, 1, 0) >= 0 && !(p.revents & POLLNVAL);
	}
	return count;
}

static int fds_before;

static int set_up(void **state)
{
	(void)state;
	fds_before = count_fds();
	vdpa_reset_fake();
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	assert_int_equal(count_fds(), fds_before);
	assert_string_equal(vdpa.violation, "");
	for (unsigned int i = 0; i < VDPA_QUEUES; i++)
		assert_string_equal(vdpa.queue[i].rings.violation, "");
	return 0;
}

static struct vionet_device *open_vdpa(void)
{
	struct vionet_open_options o = { .struct_size = sizeof(o),
					 .want.word[0] = 1ull << 18 /* CTRL_RX */ };
	struct vionet_device *device;

	if (vionet_device_open(NAME, &o, &device))
		fail_msg("%s", vionet_error_text());
	return device;
}

static void set_mac(struct vionet_device *device, const char *mac)
{
	unsigned int before = vdpa.commands;

	if (vionet_mac_set(device, (const uint8_t *)mac))
		fail_msg("%s", vionet_error_text());
	assert_int_equal(vdpa.commands, before + 1);
	assert_memory_equal(vdpa.config, mac, 6);
}

static void start(struct vionet_device *device)
{
	struct vionet_start_options o = { .struct_size = sizeof(o), .rx_queue_size = 16, .tx_queue_size = 16 };

	if (vionet_device_start(device, &o))
		fail_msg("%s", vionet_error_text());
}

static void close_vdpa(struct vionet_device *device)
{
	assert_int_equal(vionet_device_close(device), 0);
	assert_int_equal(vdpa.fd, -1);
}

static void send_frame(struct vionet_queue *tx, uint64_t number)
{
	struct vionet_packet *packet;

	assert_int_equal(vionet_packet_alloc(vionet_queue_pool(tx), &packet, 1), 1);
	memset(packet->data, (int)number, 100);
	memcpy(packet->data, &number, sizeof(number));
	packet->length = 100;
	assert_int_equal(vionet_queue_transmit(tx, &packet, 1), 1);
}

static bool take_frame(struct vionet_queue *rx, uint64_t number)
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

static void turn_frames(struct vionet_device *device, uint64_t count)
{
	struct vionet_queue *rx = vionet_device_rx_queue(device, 0);
	struct vionet_queue *tx = vionet_device_tx_queue(device, 0);

	for (uint64_t i = 0; i < count; i++) {
		send_frame(tx, i);
		if (vdpa.doorbells)
			vdpa_work();
		assert_true(take_frame(rx, i));
	}
}

/* ---- what works ---- */

static void everything_is_used_where_offered(void **state)
{
	struct vionet_device *device = open_vdpa();
	struct vionet_device_info info = { .struct_size = sizeof(info) };
	struct vionet_pci_details details = { .struct_size = sizeof(details) };

	(void)state;
	assert_int_equal(vionet_device_info(device, &info), 0);
	assert_string_equal(info.transport, "vhost-vdpa");
	assert_memory_equal(info.mac, "\x02\x11\x22\x33\x44\x55", 6);
	assert_int_equal(info.mtu, 1500);
	assert_int_equal(info.queues, 3);
	assert_int_equal(vionet_device_pci_details(device, &details), -ENOTSUP);
	/* All that is known, but the split of a ring from its buffers. */
	assert_int_equal(vdpa.acked_backend, MSG_V2 | BATCH | ASID | SUSPEND | RESUME | PERSIST);
	start(device);
	assert_int_equal(vdpa.status, 1 | 2 | 4 | 8);
	/* What two ioctls do is not the device's feature. */
	assert_int_equal(vdpa.acked, vdpa.features);
	assert_int_equal(vionet_device_info(device, &info), 0);
	assert_true(vionet_feature_test(&info.negotiated, 43));
	turn_frames(device, 1000);
	assert_int_equal(vdpa.echoed, 1000);
	assert_true(vdpa.kicks > 0);
	assert_int_equal(vionet_device_stop(device), 0);
	assert_int_equal(vdpa.status, 0);
	assert_int_equal(vdpa.told.count, 0);
	start(device);
	turn_frames(device, 100);
	close_vdpa(device);
}

/* Bits that need a register, or data in a doorbell. */
static void bits_without_an_ioctl_stay_there(void **state)
{
	struct vionet_device *device;
	struct vionet_device_info info = { .struct_size = sizeof(info) };

	(void)state;
	vdpa.features |= 1ull << 37 | 1ull << 38 | 1ull << 39 | 1ull << 40 | 1ull << 41 | 1ull << 43;
	vdpa.backend &= ~(uint64_t)RESUME;
	device = open_vdpa();
	assert_int_equal(vionet_device_info(device, &info), 0);
	assert_int_equal(info.offered.word[0] >> 37 & 0x5f, 0);
	start(device);
	turn_frames(device, 10);
	assert_int_equal(vionet_device_suspend(device), -ENOTSUP);
	close_vdpa(device);
}

static void rings_are_packed(void **state)
{
	struct vionet_device *device;

	(void)state;
	vdpa.features |= F_PACKED | 1ull << 35;
	device = open_vdpa();
	start(device);
	assert_int_equal(vdpa.queue[0].base, 0x80008000);
	assert_int_equal(vdpa.acked & F_PACKED, F_PACKED);
	turn_frames(device, 1000);
	assert_int_equal(vionet_device_recover(device, NULL), 0);
	turn_frames(device, 100);
	close_vdpa(device);
}

static void doorbells_are_mapped_where_they_can_be(void **state)
{
	struct vionet_device *device;
	struct vionet_queue_info info = { .struct_size = sizeof(info) };
	uint16_t value[2] = { 9, 9 };

	(void)state;
	vdpa.doorbells = true;
	device = open_vdpa();
	start(device);
	turn_frames(device, 100);
	assert_int_equal(vdpa.kicks, 0);
	assert_int_equal(vionet_device_queue_info(device, 1, &info), 0);
	assert_int_equal(info.doorbell, VIONET_DOORBELL_MAPPED);
	/* A page a queue, and the queue's number there. */
	for (unsigned int i = 0; i < 2; i++)
		assert_int_equal(pread(vdpa.fd, &value[i], 2, i * sysconf(_SC_PAGESIZE)), 2);
	assert_int_equal(le16toh(value[0]), 0);
	assert_int_equal(le16toh(value[1]), 1);
	set_mac(device, "\x02\0\0\0\0\x07");
	assert_int_equal(vionet_device_stop(device), 0);
	start(device);
	turn_frames(device, 100);
	close_vdpa(device);
}

static unsigned int maps_of(uint32_t asid)
{
	unsigned int count = 0;

	for (unsigned int i = 0; i < vdpa.seen.count; i++)
		count += vdpa.seen.map[i].asid == asid;
	return count;
}

/* Ring (2), request and reply: neither can be reached from a queue of packets, nor packets from the
 * control queue. */
static void the_control_queue_has_its_own_addresses(void **state)
{
	struct vionet_device *device = open_vdpa();
	unsigned int all;

	(void)state;
	start(device);
	assert_int_equal(vdpa.asid[1], 1);
	assert_int_equal(vdpa.asid[0], 0);
	assert_int_equal(maps_of(1), 4);
	all = vdpa.seen.count;
	set_mac(device, "\x02\0\0\0\0\x07");
	/* A reset puts all groups back into space 0. */
	assert_int_equal(vionet_device_recover(device, NULL), 0);
	assert_int_equal(vdpa.asid[1], 1);
	assert_int_equal(vdpa.seen.count, all);
	set_mac(device, "\x02\0\0\0\0\x08");
	turn_frames(device, 10);
	close_vdpa(device);
}

/* One address space; one group; a group that is not the control queue's alone; a kernel that says
 * neither; a device that does not do it. */
static void one_address_space_will_do(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < 5; i++) {
		struct vionet_device *device;

		vdpa_reset_fake();
		if (i == 0)
			vdpa.spaces = 1;
		else if (i == 1)
			vdpa.groups = 1, vdpa.control_group = 0;
		else if (i == 2)
			vdpa.control_group = 0;
		else if (i == 3)
			vdpa.backend &= ~(uint64_t)ASID;
		else
			vdpa.failing = VHOST_VDPA_SET_GROUP_ASID;
		device = open_vdpa();
		start(device);
		assert_int_equal(maps_of(1), 0);
		set_mac(device, "\x02\0\0\0\0\x07");
		turn_frames(device, 10);
		close_vdpa(device);
	}
}

/* Pools that outlive a stop are mapped again where a reset takes the maps away. */
static void memory_survives_a_reset(void **state)
{
	const uint64_t backends[] = { MSG_V2 | ASID | BATCH | PERSIST, MSG_V2 | ASID | BATCH,
				      MSG_V2 | ASID, MSG_V2 };

	(void)state;
	for (unsigned int i = 0; i < 4; i++) {
		struct vionet_pool_options options = { .struct_size = sizeof(options),
						       .count = 64 };
		struct vionet_start_options o = { .struct_size = sizeof(o),
						  .rx_queue_size = 16,
						  .tx_queue_size = 16 };
		struct vionet_device *device;

		vdpa_reset_fake();
		vdpa.backend = backends[i];
		device = open_vdpa();
		options.access = VIONET_DEVICE_WRITES;
		assert_int_equal(vionet_pool_create(device, &options, &o.rx_pool), 0);
		options.access = VIONET_DEVICE_READS;
		assert_int_equal(vionet_pool_create(device, &options, &o.tx_pool), 0);
		for (unsigned int round = 0; round < 3; round++) {
			assert_int_equal(vionet_device_start(device, &o), 0);
			turn_frames(device, 50);
			assert_int_equal(vionet_device_recover(device, NULL), 0);
			turn_frames(device, 50);
			set_mac(device, "\x02\0\0\0\0\x07");
			assert_int_equal(vionet_device_stop(device), 0);
		}
		assert_true(i != 1 || vdpa.batches > 0);
		assert_true(i == 1 || vdpa.batches == 0);
		assert_int_equal(vdpa.refused, 0);
		close_vdpa(device);
	}
}

static void addresses_are_in_the_range(void **state)
{
	struct vionet_device *device;

	(void)state;
	vdpa.first = 0x7f000000;
	vdpa.last = 0x7fffffff;
	device = open_vdpa();
	start(device);
	turn_frames(device, 10);
	for (unsigned int i = 0; i < vdpa.told.count; i++)
		assert_true(vdpa.told.map[i].what.iova >= vdpa.first);
	close_vdpa(device);
}

static void it_rests_and_goes_on(void **state)
{
	struct vionet_device *device = open_vdpa();
	struct vionet_queue *rx, *tx;

	(void)state;
	start(device);
	rx = vionet_device_rx_queue(device, 0);
	tx = vionet_device_tx_queue(device, 0);
	for (unsigned int i = 0; i < 3; i++) {
		struct vionet_device_info info = { .struct_size = sizeof(info) };

		turn_frames(device, 20);
		assert_int_equal(vionet_device_suspend(device), 0);
		assert_true(vdpa.suspended);
		assert_int_equal(vionet_device_info(device, &info), 0);
		assert_int_equal(info.status, 1 | 2 | 8 | 16);
		assert_int_equal(vionet_device_resume(device), 0);
		assert_false(vdpa.suspended);
		assert_int_equal(vdpa.status, 1 | 2 | 4 | 8);
	}
	send_frame(tx, 7);
	assert_true(take_frame(rx, 7));
	/* It can be stopped while it rests. */
	assert_int_equal(vionet_device_suspend(device), 0);
	assert_int_equal(vionet_device_stop(device), 0);
	start(device);
	turn_frames(device, 10);
	close_vdpa(device);
}

static void changes_are_announced(void **state)
{
	struct vionet_device *device = open_vdpa();
	struct vionet_link link = { .struct_size = sizeof(link) };
	uint32_t events;

	(void)state;
	start(device);
	assert_true(vdpa.config_call >= 0);
	assert_int_equal(vionet_device_events(device, &events), 0);
	vdpa.config[6] = 0;
	assert_int_equal(eventfd_write(vdpa.config_call, 1), 0);
	assert_int_equal(vionet_device_events(device, &events), 0);
	assert_int_equal(events & VIONET_EVENT_LINK, VIONET_EVENT_LINK);
	assert_int_equal(vionet_device_link(device, &link), 0);
	assert_false(link.up);
	close_vdpa(device);
}

static void an_interrupt_wakes(void **state)
{
	struct vionet_device *device = open_vdpa();
	struct vionet_queue *rx, *tx;

	(void)state;
	start(device);
	rx = vionet_device_rx_queue(device, 0);
	tx = vionet_device_tx_queue(device, 0);
	assert_true(vionet_queue_fd(rx) >= 0);
	for (uint64_t i = 0; i < 20; i++) {
		assert_int_equal(vionet_queue_arm(rx), 0);
		send_frame(tx, i);
		assert_true(vionet_queue_wait(rx, 0, 60000) >= 0);
		assert_true(take_frame(rx, i));
	}
	assert_int_equal(vionet_device_stop(device), 0);
	assert_int_equal(vdpa.queue[0].call, -1);
	close_vdpa(device);
}

static void the_configuration_has_to_hold_still(void **state)
{
	struct vionet_device *device;
	struct vionet_device_info info = { .struct_size = sizeof(info) };

	(void)state;
	vdpa.restless = 3;
	device = open_vdpa();
	assert_int_equal(vionet_device_info(device, &info), 0);
	assert_int_equal(info.mac[0], vdpa.config[0]);
	close_vdpa(device);
	vdpa_reset_fake();
	vdpa.restless = 1000000;
	assert_int_equal(vionet_device_open(NAME, NULL, &device), -EAGAIN);
	assert_text("changes while it is read");
}

static void the_largest_queue_is_a_power_of_two(void **state)
{
	const struct {
		uint16_t max;
		uint32_t own, is;
	} sizes[] = {
		{ 256, 0, 256 },
		{ 300, 0, 256 },
		{ 256, 128, 128 },
		{ 256, 70000, 256 },
		{ 65535, 0, 32768 },
		{ 4, 0, 4 },
	};

	(void)state;
	for (unsigned int i = 0; i < 6; i++) {
		struct vionet_queue_info info = { .struct_size = sizeof(info) };
		struct vionet_device *device;

		vdpa.num_max = sizes[i].max;
		vdpa.num_own = sizes[i].own;
		device = open_vdpa();
		assert_int_equal(vionet_device_queue_info(device, 0, &info), 0);
		assert_int_equal(info.size_max, sizes[i].is);
		close_vdpa(device);
	}
}

/* ---- what is refused ---- */

static void refused(int code, const char *text)
{
	struct vionet_device *device = (void *)1;

	assert_int_equal(vionet_device_open(NAME, NULL, &device), code);
	assert_null(device);
	assert_text(NAME ": ");
	assert_text(text);
	assert_int_equal(count_fds(), fds_before);
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
	refused(-EACCES, "chown $USER " VDPA_NODE);
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

/* An address that the kernel still translates is not used again. */
static void memory_that_is_not_unmapped(void **state)
{
	struct vionet_pool_options options = { .struct_size = sizeof(options), .count = 64,
					       .access = VIONET_DEVICE_READS };
	struct vionet_device *device = open_vdpa();
	struct vionet_pool *pool;
	struct vdpa_map kept;

	(void)state;
	start(device);
	assert_int_equal(vionet_pool_create(device, &options, &pool), 0);
	kept = vdpa.told.map[vdpa.told.count - 1];
	vdpa.refuses_unmaps = true;
	vionet_pool_destroy(pool);
	assert_text("the kernel cannot unmap");
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

#define VDPA(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		VDPA(everything_is_used_where_offered),
		VDPA(bits_without_an_ioctl_stay_there),
		VDPA(rings_are_packed),
		VDPA(doorbells_are_mapped_where_they_can_be),
		VDPA(the_control_queue_has_its_own_addresses),
		VDPA(one_address_space_will_do),
		VDPA(memory_survives_a_reset),
		VDPA(addresses_are_in_the_range),
		VDPA(it_rests_and_goes_on),
		VDPA(changes_are_announced),
		VDPA(an_interrupt_wakes),
		VDPA(the_configuration_has_to_hold_still),
		VDPA(the_largest_queue_is_a_power_of_two),
		VDPA(nodes_that_do_not_open),
		VDPA(devices_of_another_kind),
		VDPA(kernels_that_are_too_old),
		VDPA(every_ioctl_may_fail),
		VDPA(numbers_that_cannot_be),
		VDPA(features_that_are_refused),
		VDPA(sizes_that_the_kernel_does_not_take),
		VDPA(an_iotlb_that_refuses),
		VDPA(memory_that_does_not_come_back),
		VDPA(memory_that_is_not_unmapped),
		VDPA(a_device_that_needs_a_reset),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
