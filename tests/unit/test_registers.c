/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Registers are used as the specification has them: each access of the whole life of a
 * device is checked (register_mock.c), whatever features it offers.
 */
#include <stdlib.h>

#include "tests/unit/control_env.h"
#include "tests/unit/register_mock.h"

#define BIT(n) (1ull << (n))

static void put32(uint8_t *at, uint32_t value)
{
	for (unsigned int i = 0; i < 4; i++)
		at[i] = (uint8_t)(value >> 8 * i);
}

/* Offset and length of a structure in the model's capability at `position`. */
static void set_length(struct model *m, unsigned int position, uint32_t length)
{
	put32(m->config + position + 12, length);
}

enum { COMMON = 0x40, ISR = 0x50, DEVICE = 0x60, NOTIFY = 0x70 };

static void send(struct control_env *env, unsigned int pair)
{
	struct vionet_queue *tx = vionet_device_tx_queue(env->device, pair);
	struct vionet_packet *packet;

	assert_int_equal(vionet_packet_alloc(vionet_queue_pool(tx), &packet, 1), 1);
	memset(packet->data, 0, 64);
	packet->length = 64;
	assert_int_equal(vionet_queue_transmit(tx, &packet, 1), 1);
	model_control_transmit(env->c, pair);
}

/* All calls of a device's life. */
static void live_a_life(struct control_env *env)
{
	struct vionet_start_options options = { .struct_size = sizeof(options),
						.queue_pairs = 2, .rx_queue_size = 16,
						.tx_queue_size = 16 };
	struct vionet_recovery report = { .struct_size = sizeof(report) };
	struct vionet_link link = { .struct_size = sizeof(link) };
	uint32_t events;

	for (unsigned int pair = 0; pair < 2; pair++)
		send(env, pair);
	assert_int_equal(vionet_queue_reset(vionet_device_tx_queue(env->device, 1), NULL),
			 0);
	assert_int_equal(vionet_queue_resize(vionet_device_rx_queue(env->device, 0), 8,
					     NULL), 0);
	send(env, 1);
	assert_int_equal(vionet_device_suspend(env->device), 0);
	assert_int_equal(vionet_device_resume(env->device), 0);
	model_interrupt(env->model, -1);
	assert_int_equal(vionet_device_events(env->device, &events), 0);
	assert_int_equal(vionet_device_link(env->device, &link), 0);
	assert_int_equal(vionet_device_recover(env->device, &report), 0);
	send(env, 0);
	assert_int_equal(vionet_device_stop(env->device), 0);
	options.flags = VIONET_START_NO_INTERRUPTS;
	assert_int_equal(vionet_device_start(env->device, &options), 0);
	send(env, 1);
}

/* proves: GEN-01 GEN-02 GEN-14 GEN-15 GEN-21 GEN-23 GEN-24 GEN-25 GEN-28 NET-02 */
/* proves: PCI-05 PCI-06 PCI-07 PCI-15 PCI-20 PCI-21 PCI-22 PCI-23 PCI-24 PCI-25 PCI-31 */
/* proves: PCI-32 PCI-33 PCI-35 PCI-45 PCI-46 PCI-48 PCI-50 SPLIT-27 PACKED-20 */
static void registers_are_used_as_they_should_be(void **state)
{
	(void)state;
	for (unsigned int slow = 0; slow < 3; slow++) {
		struct control_env *env = control_env_create(4);

		register_mock_install(env->model);
		mock.reset_reads = slow;
		env->model->offered[0] |= BIT(39);
		/* Both halves of addresses matter. */
		env->model->next_iova = 0x1234567000ull;
		control_env_start(env, 2, 0);
		/* RSS_CONTEXT lies in the third word of features. */
		assert_true(env->model->accepted[1] == 1);
		live_a_life(env);
		/* 5 queues, started three times, and two of them reset. */
		assert_int_equal(mock.enables, 3 * 5 + 2);
		assert_true(mock.vectors_withdrawn >= 5);
		control_env_destroy(env);
		register_mock_assert_clean();
	}
}

/* Whatever memory a ring gets when it is made anew, it begins at zero there.
 * proves: PCI-50 SPLIT-27 PACKED-20 */
static void a_resized_ring_begins_at_zero(void **state)
{
	struct vionet_start_options options = { .struct_size = sizeof(options),
						.rx_queue_size = 16,
						.tx_queue_size = 16 };
	struct vionet_device *device;
	struct model *model;

	(void)state;
	register_mock_install(model_create(&model));
	model->offered[0] |= control_env_layout | BIT(40);
	assert_int_equal(open_model(model, NULL, &device), 0);
	assert_int_equal(vionet_device_start(device, &options), 0);
	for (unsigned int i = 0; i < 40; i++) {
		struct vionet_queue *tx = vionet_device_tx_queue(device, 0);
		struct vionet_packet *packet;

		assert_int_equal(vionet_packet_alloc(vionet_queue_pool(tx), &packet, 1),
				 1);
		memset(packet->data, 0, 64);
		packet->length = 64;
		assert_int_equal(vionet_queue_transmit(tx, &packet, 1), 1);
		assert_int_equal(vionet_queue_resize(tx, i % 2 ? 16 : 32, NULL), 0);
	}
	assert_int_equal(mock.enables, 42);
	assert_int_equal(vionet_device_close(device), 0);
	register_mock_assert_clean();
}

/* Registers that come with a feature are left alone without it, and fields of the
 * configuration unless their feature is offered. proves: GEN-18 PCI-33 GEN-10 */
static void what_was_not_offered_is_not_touched(void **state)
{
	static const unsigned int bits[] = { 3, 5, 15, 16, 22, 39, 40, 51, 57, 60, 63 };

	(void)state;
	for (size_t i = 0; i < sizeof(bits) / sizeof(bits[0]); i++) {
		struct control_env *env = control_env_create(4);
		struct vionet_link link = { .struct_size = sizeof(link) };

		register_mock_install(env->model);
		withhold(env, bits[i]);
		if (bits[i] == 22) /* what names the number of pairs too */
			withhold(env, 60);
		control_env_start(env, 1, 0);
		assert_int_equal(vionet_device_link(env->device, &link), 0);
		send(env, 0);
		control_env_destroy(env);
		register_mock_assert_clean();
	}
}

/* The least that a device can offer is enough, both ways. proves: GEN-10 GEN-18 */
/* Without STATUS the link is up. proves: NET-05 */
static void the_least_is_enough(void **state)
{
	struct vionet_device *device;
	struct vionet_packet *packet;
	struct vionet_queue *rx, *tx;
	struct vionet_link link = { .struct_size = sizeof(link) };
	struct model *model;
	uint8_t frame[60] = { 0 };

	(void)state;
	model_create(&model)->offered[0] = BIT(32) | BIT(33);
	model->offered[1] = 0;
	model->net_config[6] = 0;
	register_mock_install(model);
	assert_int_equal(open_model(model, NULL, &device), 0);
	assert_int_equal(vionet_device_start(device, NULL), 0);
	rx = vionet_device_rx_queue(device, 0);
	tx = vionet_device_tx_queue(device, 0);
	assert_int_equal(vionet_device_link(device, &link), 0);
	assert_true(link.up && !link.known);
	assert_int_equal(vionet_packet_alloc(vionet_queue_pool(tx), &packet, 1), 1);
	memset(packet->data, 0, 60);
	packet->length = 60;
	assert_int_equal(vionet_queue_transmit(tx, &packet, 1), 1);
	assert_int_equal(model->sent, 1);
	assert_int_equal(model_deliver(model, frame, 60, 0, -1), 1);
	assert_int_equal(vionet_queue_receive(rx, &packet, 1), 1);
	assert_int_equal(packet->length, 60);
	vionet_packet_free(&packet, 1);
	assert_int_equal(vionet_device_close(device), 0);
	register_mock_assert_clean();
}

/* Whichever step fails: FAILED, then nothing but a reset. */
/* proves: GEN-03 GEN-11 GEN-26 GEN-27 */
static void failure_sets_FAILED(void **state)
{
	(void)state;
	for (unsigned int how = 0; how < 7; how++) {
		struct vionet_device *device;
		struct model *model;
		int result;

		register_mock_install(model_create(&model));
		switch (how) {
		case 0: model->refuse_features = true; break;
		case 1: model->offered[0] &= ~BIT(32); break;
		case 2: model->offered[0] &= ~BIT(33); break;
		case 3: model->unstable_generation = true; break;
		case 4: model->queue_max = model->queue[0].size = 0; break;
		case 5: model->address_ignored = true; break;
		default: model->size_ignored = true; model->queue_max = 512; break;
		}
		result = open_model(model, NULL, &device);
		assert_true((result == 0) == (how > 4));
		if (result == 0) {
			assert_true(vionet_device_start(device, NULL) < 0);
			assert_int_equal(model->status, 0);
			assert_int_equal(vionet_device_close(device), 0);
		}
		if (mock.fails != 1)
			fail_msg("way %u: FAILED was set %u times", how, mock.fails);
		register_mock_assert_clean();
	}
}

/* Not before it reads 0 again, and then with all steps. */
/* proves: GEN-13 GEN-14 PCI-24 */
static void a_slow_reset_is_waited_for(void **state)
{
	struct vionet_device *device;
	struct model *model;

	(void)state;
	register_mock_install(model_create(&model));
	mock.reset_reads = 20;
	assert_int_equal(open_model(model, NULL, &device), 0);
	assert_int_equal(vionet_device_start(device, NULL), 0);
	assert_int_equal(vionet_device_stop(device), 0);
	assert_int_equal(mock.slow_reads, 0);
	model->log[0] = 0;
	assert_int_equal(vionet_device_start(device, NULL), 0);
	assert_non_null(strstr(model->log, "status=0 status=1 status=3 features "
			       "features status=11 "));
	assert_int_equal(vionet_device_close(device), 0);
	register_mock_assert_clean();
}

/* The driver reads the configuration again until it is consistent. proves: GEN-16 GEN-17 */
static void a_torn_configuration_is_read_again(void **state)
{
	(void)state;
	for (unsigned int tears = 0; tears < 8; tears++) {
		struct vionet_device_info info = { .struct_size = sizeof(info) };
		struct vionet_device *device;
		struct model *model;

		register_mock_install(model_create(&model));
		mock.tears = tears;
		assert_int_equal(open_model(model, NULL, &device), 0);
		assert_int_equal(mock.torn, tears);
		assert_int_equal(vionet_device_info(device, &info), 0);
		assert_memory_equal(info.mac, model->net_config, 6);
		assert_int_equal(vionet_device_close(device), 0);
		register_mock_assert_clean();
	}
}

/* The place of doorbells: offset times multiplier, 0 included. proves: PCI-34 */
static void doorbells_are_where_the_device_says(void **state)
{
	static const uint32_t multipliers[] = { 0, 2, 4, 8, 64, 256 };

	(void)state;
	if (control_env_layout & BIT(38))
		return; /* the value of the doorbell depends on the layout */
	for (size_t i = 0; i < sizeof(multipliers) / sizeof(multipliers[0]); i++) {
		struct control_env *env = control_env_create(2);

		register_mock_install(env->model);
		mock.moved = true;
		mock.multiplier = multipliers[i];
		put32(env->model->config + NOTIFY + 16, multipliers[i]);
		control_env_start(env, 2, 0);
		send(env, 0);
		send(env, 1);
		assert_true(env->model->doorbells >= 5);
		control_env_destroy(env);
		register_mock_assert_clean();
	}
}

/* Vendor and device id decide, nothing else. proves: PCI-01 PCI-02 PCI-03 PCI-04 */
static void identities(void **state)
{
	static const uint8_t revisions[] = { 0, 1, 0x55, 0xff };
	static const uint16_t ids[] = { 0x1041, 0x1000 };

	(void)state;
	for (unsigned int i = 0; i < 8; i++) {
		struct vionet_device *device;
		struct model *model;
		uint8_t *config = model_create(&model)->config;

		config[2] = (uint8_t)ids[i % 2];
		config[3] = (uint8_t)(ids[i % 2] >> 8);
		config[8] = revisions[i / 2];
		put32(config + 0x2c, 0x01010101u * revisions[i / 2]);
		register_mock_install(model);
		assert_int_equal(open_model(model, NULL, &device), 0);
		assert_int_equal(vionet_device_close(device), 0);
		register_mock_assert_clean();
	}
	for (unsigned int id = 0x1001; id <= 0x107f; id++) {
		struct vionet_device *device;
		struct model *model;
		uint8_t *config;

		if (id == 0x1041)
			continue;
		config = model_create(&model)->config;
		config[2] = (uint8_t)id;
		config[3] = (uint8_t)(id >> 8);
		assert_int_equal(open_model(model, NULL, &device), -ENOTSUP);
	}
}

/* Structures of any size are accepted if the needed fields fit; no more is mapped.
 * proves: GEN-19 GEN-20 PCI-12 PCI-16 */
static void sizes_of_structures(void **state)
{
	static const uint32_t sizes[][2] = {
		/* common, device */
		{ 56, 28 }, { 64, 28 }, { 0x1000, 0x1000 }, { 0x4000, 0x2000 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		struct vionet_device_info info = { .struct_size = sizeof(info) };
		struct vionet_device *device;
		struct model *model;

		register_mock_install(model_create(&model));
		set_length(model, COMMON, sizes[i][0]);
		set_length(model, DEVICE, sizes[i][1]);
		assert_int_equal(open_model(model, NULL, &device), 0);
		assert_int_equal(vionet_device_info(device, &info), 0);
		assert_int_equal(info.mtu, 1500);
		assert_true(mock.mapped[0] >= 56 && mock.mapped[0] <= 64);
		assert_int_equal(mock.mapped[1], 0); /* ISR: not needed */
		assert_true(mock.mapped[2] <= 4096);
		assert_int_equal(vionet_device_close(device), 0);
		register_mock_assert_clean();
	}
	/* The address, and nothing behind it: that is enough for what is there. */
	{
		struct vionet_device_info info = { .struct_size = sizeof(info) };
		struct vionet_device *device;
		struct model *model;

		register_mock_install(model_create(&model));
		set_length(model, DEVICE, 6);
		assert_int_equal(open_model(model, NULL, &device), 0);
		assert_int_equal(vionet_device_info(device, &info), 0);
		assert_true(info.mac_from_device && info.mtu == 0);
		assert_int_equal(vionet_device_close(device), 0);
		register_mock_assert_clean();
	}
}

/* A vendor capability changes nothing. proves: PCI-37 */
static void vendor_data_is_left_alone(void **state)
{
	static const uint16_t vendors[] = { 0, 0x1af4, 0x15b3, 0xffff };
	char first[4096];

	(void)state;
	for (size_t i = 0; i <= sizeof(vendors) / sizeof(vendors[0]); i++) {
		struct vionet_device *device;
		uint8_t before[64], *config;
		struct model *model;

		config = model_create(&model)->config;
		config[NOTIFY + 1] = i == 0 ? 0 : 0x90;
		if (i != 0) {
			memset(config + 0x90, (int)(i * 0x3d), 64);
			config[0x90] = 0x09;
			config[0x91] = 0;
			config[0x92] = 64;
			config[0x93] = 9; /* VIRTIO_PCI_CAP_VENDOR_CFG */
			config[0x94] = (uint8_t)vendors[i - 1];
			config[0x95] = (uint8_t)(vendors[i - 1] >> 8);
		}
		memcpy(before, config + 0x90, 64);
		register_mock_install(model);
		assert_int_equal(open_model(model, NULL, &device), 0);
		assert_int_equal(vionet_device_start(device, NULL), 0);
		assert_memory_equal(before, model->config + 0x90, 64);
		if (i == 0)
			strcpy(first, model->log);
		assert_string_equal(model->log, first);
		assert_int_equal(vionet_device_close(device), 0);
		register_mock_assert_clean();
	}
}

/* DEVICE_NEEDS_RESET comes with a configuration change interrupt. proves: GEN-29 */
static void a_change_may_mean_needs_reset(void **state)
{
	struct vionet_device *device;
	struct model *model;
	uint32_t events;

	(void)state;
	register_mock_install(model_create(&model));
	assert_int_equal(open_model(model, NULL, &device), 0);
	assert_int_equal(vionet_device_start(device, NULL), 0);
	model->status |= 0x40;
	model_interrupt(model, -1);
	assert_int_equal(vionet_device_events(device, &events), 0);
	assert_int_equal(events, VIONET_EVENT_NEEDS_RESET);
	assert_int_equal(vionet_device_close(device), 0);
	register_mock_assert_clean();
}

/* Link, speed and duplex follow what the device says, each time it says so; invalid
 * values are unknown. proves: NET-06 NET-09 NET-10 NET-03 */
static void the_link_is_what_the_device_says(void **state)
{
	static const struct {
		uint32_t speed, seen;
		uint8_t duplex;
		int seen_duplex;
	} rows[] = {
		{ 0, 0, 0, 0 }, { 100000, 100000, 1, 1 },
		{ 0x7fffffff, 0x7fffffff, 2, -1 }, { 0x80000000, 0, 0xff, -1 },
		{ 0xffffffff, 0, 1, 1 },
	};
	struct vionet_device_info info = { .struct_size = sizeof(info) };
	struct vionet_device *device;
	struct vionet_link link = { .struct_size = sizeof(link) };
	struct model *model;
	uint32_t events;

	(void)state;
	register_mock_install(model_create(&model));
	assert_int_equal(open_model(model, NULL, &device), 0);
	assert_int_equal(vionet_device_start(device, NULL), 0);
	assert_int_equal(vionet_device_info(device, &info), 0);
	assert_memory_equal(info.mac, "\x52\x54\x00\xaa\xbb\xcc", 6);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		put32(model->net_config + 12, rows[i].speed);
		model->net_config[16] = rows[i].duplex;
		model->net_config[6] = (uint8_t)(i % 2);
		model->generation++;
		model_interrupt(model, -1);
		assert_int_equal(vionet_device_events(device, &events), 0);
		assert_int_equal(events, VIONET_EVENT_LINK);
		assert_int_equal(vionet_device_info(device, &info), 0);
		assert_int_equal(vionet_device_link(device, &link), 0);
		assert_int_equal(link.speed, rows[i].seen);
		assert_int_equal(link.duplex, rows[i].seen_duplex);
		assert_int_equal(link.up, i % 2);
	}
	assert_int_equal(vionet_device_close(device), 0);
	register_mock_assert_clean();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(registers_are_used_as_they_should_be),
		cmocka_unit_test(a_resized_ring_begins_at_zero),
		cmocka_unit_test(what_was_not_offered_is_not_touched),
		cmocka_unit_test(the_least_is_enough),
		cmocka_unit_test(failure_sets_FAILED),
		cmocka_unit_test(a_slow_reset_is_waited_for),
		cmocka_unit_test(a_torn_configuration_is_read_again),
		cmocka_unit_test(doorbells_are_where_the_device_says),
		cmocka_unit_test(identities),
		cmocka_unit_test(sizes_of_structures),
		cmocka_unit_test(vendor_data_is_left_alone),
		cmocka_unit_test(a_change_may_mean_needs_reset),
		cmocka_unit_test(the_link_is_what_the_device_says),
	};

	return run_split_and_packed(tests);
}
