/* SPDX-License-Identifier: BSD-3-Clause */
/* The vhost-vdpa transport: negotiation, memory and address spaces, rings, doorbells, suspend. */
#include "tests/unit/vdpa_fixture.h"

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

#ifdef __s390__
/* An ordinary store to a register that is mapped there is SIGILL. */
static void doorbells_are_eventfds_on_s390(void **state)
{
	struct vionet_device *device;
	struct vionet_queue_info info = { .struct_size = sizeof(info) };

	(void)state;
	vdpa.doorbells = true;
	device = open_vdpa();
	start(device);
	assert_int_equal(vionet_device_queue_info(device, 1, &info), 0);
	assert_int_equal(info.doorbell, VIONET_DOORBELL_EVENTFD);
	turn_frames(device, 100);
	assert_true(vdpa.kicks > 0);
	close_vdpa(device);
}
#else
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

#endif

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

/* MQ: the pairs in use are a command of the control queue's, which follows the last pair and has its
 * address space all the same. */
static void several_pairs(void **state)
{
	struct vionet_start_options o = { .struct_size = sizeof(o), .queue_pairs = 3, .rx_queue_size = 16, .tx_queue_size = 16 };
	struct vionet_device_info info = { .struct_size = sizeof(info) };
	struct vionet_device *device;
	struct vionet_packet *packet;

	(void)state;
	vdpa.queues = 7;
	vdpa.features |= 1ull << 22; /* MQ */
	vdpa.config[8] = 3;
	device = open_vdpa();
	assert_int_equal(vionet_device_start(device, &o), 0);
	assert_int_equal(vionet_device_info(device, &info), 0);
	assert_int_equal(info.max_queue_pairs, 3);
	assert_int_equal(info.queue_pairs, 3);
	assert_int_equal(info.queue_groups, 2);
	assert_int_equal(info.address_spaces, 2);
	assert_int_equal(vdpa.commands, 1);
	assert_int_equal(vdpa.asid[1], 1);
	assert_int_equal(maps_of(1), 4);
	for (unsigned int round = 0; round < 2; round++) {
		for (unsigned int pair = 0; pair < 3; pair++)
			turn_pair(device, pair, 100);
		set_mac(device, "\x02\0\0\0\0\x07");
		assert_int_equal(vionet_device_recover(device, NULL), 0);
	}
	/* The last one is not in use: it takes nothing. */
	assert_int_equal(vionet_queue_pairs_set(device, 2), 0);
	turn_pair(device, 1, 10);
	assert_int_equal(vionet_packet_alloc(vionet_queue_pool(vionet_device_tx_queue(device, 2)), &packet, 1), 1);
	packet->length = 60;
	assert_int_equal(vionet_queue_transmit(vionet_device_tx_queue(device, 2), &packet, 1), 0);
	vionet_packet_free(&packet, 1);
	assert_int_equal(vionet_queue_pairs_set(device, 3), 0);
	turn_pair(device, 2, 10);
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		VDPA(everything_is_used_where_offered),
		VDPA(bits_without_an_ioctl_stay_there),
		VDPA(rings_are_packed),
#ifdef __s390__
		VDPA(doorbells_are_eventfds_on_s390),
#else
		VDPA(doorbells_are_mapped_where_they_can_be),
#endif
		VDPA(the_control_queue_has_its_own_addresses),
		VDPA(several_pairs),
		VDPA(one_address_space_will_do),
		VDPA(memory_survives_a_reset),
		VDPA(addresses_are_in_the_range),
		VDPA(it_rests_and_goes_on),
		VDPA(changes_are_announced),
		VDPA(an_interrupt_wakes),
		VDPA(the_configuration_has_to_hold_still),
		VDPA(the_largest_queue_is_a_power_of_two),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
