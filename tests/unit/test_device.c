/* SPDX-License-Identifier: BSD-3-Clause */
/* Open and start, against the model: the order of the initialization, each refusal with
 * its text, each wait with its limit, and nothing leaks, whichever step fails. A running
 * device is in test_running.c. */
#include "tests/unit/test.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/error.h"
#include "tests/unit/env.h"
#include "tests/unit/fail_wait.h"

static struct model *model;
static const struct vn_function_ops *under; /* the model's */

/* Open must fail with this result and text, and leave nothing. */
static void expect_refusal(int result, const char *text)
{
	struct vionet_device *device;
	int before = open_descriptors();

	assert_int_equal(open_model(model, NULL, &device), result);
	assert_null(device);
	assert_text(text);
	assert_null(model);
	assert_int_equal(open_descriptors(), before);
}

/* proves: GEN-01 GEN-05 GEN-12 GEN-21 GEN-28 PCI-23 PCI-32 NET-60 */
static void opens_in_the_specified_order(void **state)
{
	struct vionet_device *device;
	struct vionet_device_info info = { .struct_size = sizeof(info) };

	(void)state;
	model_create(&model);
	assert_int_equal(open_model(model, NULL, &device), 0);
	assert_int_equal(model->status, 1 | 2 | 8);
	assert_true(model->resets >= 1);
	assert_false(model->bus_master);
	assert_true(model->accepted[0] == (1ull << 3 | 1ull << 5 | 1ull << 15 |
					   1ull << 16 | 1ull << 32 | 1ull << 33 |
					   1ull << 63));
	assert_true(model->accepted[1] == 0);
	assert_int_equal(vionet_device_info(device, &info), 0);
	assert_string_equal(info.name, "model");
	assert_string_equal(info.transport, "virtio-pci");
	assert_int_equal(info.mtu, 1500);
	assert_int_equal(info.mac[5], 0xcc);
	assert_int_equal(info.link_speed, 25000);
	assert_int_equal(info.link_duplex, 1);
	assert_true(info.link_up && info.link_known && info.mac_from_device);
	assert_int_equal(info.header_size, 12);
	assert_int_equal(info.queues, 3);
	assert_null(vionet_device_rx_queue(device, 0));

	assert_int_equal(vionet_device_start(device, NULL), 0);
	assert_int_equal(model->status, 1 | 2 | 4 | 8);
	assert_true(model->bus_master);
	assert_int_equal(model->doorbells, 1);
	assert_int_equal(model->config_vector, 0);
	assert_int_equal(model->queue[0].vector, 1);
	assert_int_equal(model->queue[1].vector, 2);
	assert_int_equal(model->queue[0].enabled, 1);
	assert_int_equal(model->queue[1].enabled, 1);
	assert_int_equal(vionet_device_start(device, NULL), -EALREADY);
	/* Features before FEATURES_OK, all of a queue before it is enabled, memory
	 * access before that, DRIVER_OK then, the first doorbell last. */
	assert_string_equal(model->log,
			    "status=0 status=1 status=3 features features status=11 "
			    "config_vector "
			    "size0 vector0 desc0 driver0 device0 "
			    "size1 vector1 desc1 driver1 device1 "
			    "master+ enable0 enable1 status=15 doorbell0 ");
	model->log[0] = 0;
	assert_int_equal(vionet_device_stop(device), 0);
	assert_string_equal(model->log, "status=0 master- ");
	assert_int_equal(model->unmapped_live, 0);
	assert_int_equal(model->status, 0);
	assert_false(model->bus_master);
	assert_int_equal(model->eventfds, 0);
	assert_int_equal(vionet_device_stop(device), 0);
	assert_int_equal(vionet_device_close(device), 0);
	assert_null(model);
}

static void close_in_every_state(void **state)
{
	struct vionet_device *device;
	int before = open_descriptors();

	(void)state;
	assert_int_equal(vionet_device_close(NULL), 0);
	for (unsigned int how = 0; how < 4; how++) {
		model_create(&model);
		assert_int_equal(open_model(model, NULL, &device), 0);
		if (how >= 1)
			assert_int_equal(vionet_device_start(device, NULL), 0);
		if (how >= 2)
			assert_int_equal(vionet_device_stop(device), 0);
		if (how >= 3)
			assert_int_equal(vionet_device_start(device, NULL), 0);
		assert_int_equal(vionet_device_close(device), 0);
		assert_null(model);
		assert_int_equal(open_descriptors(), before);
	}
}

static int close_with_an_error(struct vn_function *function)
{
	(void)under->close(function);
	return vn_error(EIO, "the descriptor cannot be closed");
}

/* What fails at the very end is said, too. */
static void closing_may_fail(void **state)
{
	struct vn_function_ops ops;
	struct vionet_device *device;

	(void)state;
	model_create(&model);
	under = model->function.ops;
	ops = *under;
	ops.close = close_with_an_error;
	model->function.ops = &ops;
	assert_int_equal(open_model(model, NULL, &device), 0);
	assert_int_equal(vionet_device_start(device, NULL), 0);
	assert_int_equal(vionet_device_close(device), -EIO);
	assert_text("the descriptor cannot be closed");
	assert_null(model);
}

/* proves: PCI-01 */
static void wrong_identity_is_refused(void **state)
{
	(void)state;
	model_create(&model)->config[2] = 0x42;
	expect_refusal(-ENOTSUP, "1af4:1042");
	model_create(&model)->config[0] = 0x86;
	expect_refusal(-ENOTSUP, "not a virtio-net function");
}

/* Ids of a virtual function are the kernel's own; one without power has nothing else. */
static void silence_is_no_identity(void **state)
{
	(void)state;
	memset(model_create(&model)->config + 6, 0xff, 250);
	expect_refusal(-ENODEV, "it does not answer: its configuration space reads all-ones");
}

static void missing_capability_is_named(void **state)
{
	(void)state;
	model_create(&model)->config[0x43] = 9;
	expect_refusal(-ENOTSUP, "common");
	model_create(&model)->config[0x73] = 9;
	expect_refusal(-ENOTSUP, "notify");
	model_create(&model)->config[0x06] = 0;
	expect_refusal(-ENOTSUP, "model");
}

/* proves: GEN-11 GEN-25 RSVD-02 RSVD-05 */
static void refused_features_are_named(void **state)
{
	(void)state;
	model_create(&model)->refuse_features = true;
	expect_refusal(-ENOTSUP, "refuses this set of features: MTU MAC MRG_RXBUF");
	model_create(&model)->offered[0] &= ~(1ull << 32);
	expect_refusal(-ENOTSUP, "VERSION_1");
	model_create(&model)->offered[0] &= ~(1ull << 33);
	expect_refusal(-ENOTSUP, "ACCESS_PLATFORM");
}

static int limits_without_an_iommu(struct vn_function *function, struct vn_iommu_limits *limits)
{
	int result = under->iommu_limits(function, limits);

	limits->contiguous = 2 << 20;
	return result;
}

/* Physical addresses are wrong for it. */
static void a_device_that_insists_on_an_iommu(void **state)
{
	struct vn_function_ops ops;

	(void)state;
	model_create(&model)->refuse_features = true;
	under = model->function.ops;
	ops = *under;
	ops.iommu_limits = limits_without_an_iommu;
	model->function.ops = &ops;
	expect_refusal(-ENOTSUP, "the device insists on ACCESS_PLATFORM");
	/* One that does not offer it has other reasons. */
	model_create(&model)->refuse_features = true;
	model->offered[0] &= ~(1ull << 33);
	model->function.ops = &ops;
	expect_refusal(-ENOTSUP, "refuses this set of features");
}

static void need_reset_with_features(struct model *m, uint8_t written)
{
	m->status |= (written & 8) != 0 ? 0x40 : 0;
}

/* Its back end has gone, or it is broken: other features are no help. */
static void needs_reset_before_features(void **state)
{
	(void)state;
	model_create(&model)->refuse_features = true;
	model->on_status = need_reset_with_features;
	expect_refusal(-EIO, "the device needs a reset before it has taken its features");
}

static void assume_iommu_and_avoid(void **state)
{
	struct vionet_open_options options = { .struct_size = sizeof(options),
					       .flags = VIONET_OPEN_ASSUME_IOMMU };
	struct vionet_device *device;

	(void)state;
	options.avoid.word[0] = 1ull << 15;
	model_create(&model)->offered[0] &= ~(1ull << 33);
	assert_int_equal(open_model(model, &options, &device), 0);
	assert_true(model->accepted[0] == (1ull << 3 | 1ull << 5 | 1ull << 16 |
					   1ull << 32 | 1ull << 63));
	assert_int_equal(vionet_device_close(device), 0);
	options.need.word[0] = 1ull << 60;
	model_create(&model);
	assert_int_equal(open_model(model, &options, &device), -ENOTSUP);
	assert_text("RSS");
	assert_null(model);
}

/* The reset is given 1 s, then the function is reset and given another. */
/* proves: GEN-14 PCI-24 */
static void reset_has_a_limit(void **state)
{
	struct watch start = watch_start();

	(void)state;
	model_create(&model)->never_reset = true;
	model->status = 4;
	expect_refusal(-ETIMEDOUT, "reset");
	assert_true(watch_within(start, 1.9, 2.5));
}

static void reset_by_the_bus(void **state)
{
	struct vionet_device *device;

	(void)state;
	model_create(&model)->reset_needs_function = true;
	model->status = 4;
	assert_int_equal(open_model(model, NULL, &device), 0);
	assert_int_equal(model->function_resets, 1);
	model->reset_needs_function = false;
	assert_int_equal(vionet_device_close(device), 0);
}

/* A device that is gone is noticed at once, not after a timeout. */
static void all_ones_means_gone(void **state)
{
	struct vionet_device *device;
	struct vionet_link link = { .struct_size = sizeof(link) };
	struct watch start = watch_start();
	uint32_t events;

	(void)state;
	model_create(&model)->removed = true;
	expect_refusal(-ENODEV, "gone");
	model_create(&model);
	assert_int_equal(open_model(model, NULL, &device), 0);
	assert_int_equal(vionet_device_start(device, NULL), 0);
	model->removed = true;
	assert_int_equal(vionet_device_events(device, &events), 0);
	assert_true(events & VIONET_EVENT_GONE);
	assert_int_equal(vionet_device_link(device, &link), -ENODEV);
	assert_int_equal(vionet_device_stop(device), -ENODEV);
	assert_int_equal(vionet_device_start(device, NULL), -ENODEV);
	assert_int_equal(vionet_device_close(device), 0);
	assert_null(model);
	assert_true(watch_own(start) < 0.5);
}

/* proves: GEN-16 GEN-17 */
static void restless_configuration_is_refused(void **state)
{
	struct vionet_device *device;
	struct vionet_link link = { .struct_size = sizeof(link) };

	(void)state;
	model_create(&model)->unstable_generation = true;
	expect_refusal(-EAGAIN, "changed during each of 8 reads");
	model_create(&model);
	assert_int_equal(open_model(model, NULL, &device), 0);
	model->unstable_generation = true;
	assert_int_equal(vionet_device_link(device, &link), -EAGAIN);
	assert_true(link.up && link.speed == 25000);
	assert_int_equal(vionet_device_close(device), 0);
}

/* proves: GEN-07 GEN-22 NET-09 */
static void odd_configuration_is_checked(void **state)
{
	struct vionet_device_info info = { .struct_size = sizeof(info) };
	struct vionet_device *device;

	(void)state;
	model_create(&model);
	model->net_config[0] = 0x01; /* a group address */
	model->net_config[6] = 0;    /* link down */
	model->net_config[10] = 67;  /* below the smallest MTU */
	model->net_config[11] = 0;
	memset(model->net_config + 12, 0xff, 5);
	assert_int_equal(open_model(model, NULL, &device), 0);
	assert_int_equal(vionet_device_info(device, &info), 0);
	assert_false(info.mac_from_device);
	assert_int_equal(info.mac[0], 2);
	assert_int_equal(info.mtu, 0);
	assert_false(vionet_feature_test(&info.negotiated, 3));
	assert_false(info.link_up);
	assert_int_equal(info.link_speed, 0);
	assert_int_equal(info.link_duplex, -1);
	assert_int_equal(vionet_device_close(device), 0);
}

/* The configuration is checked at open and read again at start: both times it has to be
 * valid. */
static void mtu_that_shrinks_later_is_refused(void **state)
{
	struct vionet_device_info info = { .struct_size = sizeof(info) };
	struct vionet_device *device;

	(void)state;
	model_create(&model)->mtu_later = 5;
	assert_int_equal(open_model(model, NULL, &device), 0);
	assert_int_equal(vionet_device_info(device, &info), 0);
	assert_int_equal(info.mtu, 0);
	assert_int_equal(vionet_device_close(device), 0);
}

/* Start must fail with this, leave the device reset, and work afterwards. */
static void expect_start_fails(int result, const char *text,
			       void (*heal)(struct model *m))
{
	struct vionet_device *device;
	int before, maps = 0;

	if (!model)
		model_create(&model);
	assert_int_equal(open_model(model, NULL, &device), 0);
	before = open_descriptors();
	assert_int_equal(vionet_device_start(device, NULL), result);
	assert_text(text);
	assert_text("model: start: ");
	assert_int_equal(open_descriptors(), before);
	assert_int_equal(model->status, 0);
	assert_false(model->bus_master);
	for (unsigned int i = 0; i < MODEL_MAPS; i++)
		maps += model->map[i].used;
	assert_int_equal(maps, 0);
	heal(model);
	assert_int_equal(vionet_device_start(device, NULL), 0);
	assert_int_equal(vionet_device_close(device), 0);
}

static void heal_all(struct model *m)
{
	m->enable_fails = m->enabled_at_start = m->size_ignored = false;
	m->address_ignored = m->bad_notify_off = false;
	m->vectors_result = 0;
	m->fail_map = 0;
	for (unsigned int i = 0; i < MODEL_QUEUES; i++)
		m->queue[i].enabled = 0;
}

static void queue_set_up_is_checked(void **state)
{
	(void)state;
	model_create(&model)->enabled_at_start = true;
	expect_start_fails(-EIO, "not enabled since the reset", heal_all);
	model_create(&model)->size_ignored = true;
	model->queue_max = 512;
	expect_start_fails(-EIO, "queue_size: wrote 256", heal_all);
	model_create(&model)->address_ignored = true;
	expect_start_fails(-EIO, "queue_desc", heal_all);
	model_create(&model)->bad_notify_off = true;
	expect_start_fails(-EIO, "not inside the notify structure", heal_all);
	model_create(&model)->vectors_result = -EINVAL;
	expect_start_fails(-EINVAL, "no vectors", heal_all);
	for (unsigned int n = 1; n <= 6; n++) {
		model_create(&model)->fail_map = n;
		expect_start_fails(-ENOMEM, "mapping", heal_all);
	}
}

/* proves: SPLIT-01 */
static void start_options_are_checked(void **state)
{
	static const uint32_t sizes[] = { 1, 3, 100, 65536, 0xffffffff };
	struct vionet_device *device;
	struct vionet_pool_options pool = { .struct_size = sizeof(pool) };
	struct vionet_start_options options = { .struct_size = sizeof(options) };

	(void)state;
	model_create(&model);
	assert_int_equal(open_model(model, NULL, &device), 0);
	for (unsigned int i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		VIONET_INIT(&options);
		options.tx_queue_size = sizes[i];
		assert_int_equal(vionet_device_start(device, &options), -EINVAL);
		assert_text("queue size");
	}
	VIONET_INIT(&options);
	options.rx_pool_options = &pool;
	pool.access = VIONET_DEVICE_READS;
	assert_int_equal(vionet_device_start(device, &options), -EINVAL);
	assert_text("receive pool");
	pool.access = 0;
	pool.buffer_size = 10;
	assert_int_equal(vionet_device_start(device, &options), -EINVAL);
	assert_text("buffer_size 10");
	/* A size above the device's maximum is reduced to the maximum. */
	VIONET_INIT(&options);
	options.rx_queue_size = 32768;
	assert_int_equal(vionet_device_start(device, &options), 0);
	assert_int_equal(model->queue[0].size, 256);
	assert_int_equal(vionet_device_close(device), 0);
}

/* A device whose maximum is no power of two. */
/* proves: SPLIT-01 PCI-22 PCI-49 */
static void odd_maximum_is_rounded_down(void **state)
{
	struct vionet_device *device;

	(void)state;
	model_create(&model)->queue_max = 200;
	assert_int_equal(open_model(model, NULL, &device), 0);
	assert_int_equal(vionet_device_start(device, NULL), 0);
	assert_int_equal(model->queue[0].size, 128);
	assert_int_equal(vionet_device_close(device), 0);
	model_create(&model)->queue_max = 1;
	assert_int_equal(open_model(model, NULL, &device), 0);
	assert_int_equal(vionet_device_start(device, NULL), -EIO);
	assert_text("queue 0: the device allows 1 entries, at least 2 are needed");
	assert_int_equal(vionet_device_close(device), 0);
	model_create(&model)->queue_max = 0;
	expect_refusal(-EIO, "receive queue 0");
}

/* proves: NET-07 GEN-10 */
static void without_mergeable_a_frame_must_fit(void **state)
{
	struct vionet_pool_options pool = { .struct_size = sizeof(pool),
					    .buffer_size = 512 };
	struct vionet_start_options options = { .struct_size = sizeof(options),
						.rx_pool_options = &pool };
	struct vionet_device *device;

	(void)state;
	model_create(&model)->offered[0] &= ~(1ull << 15);
	model->net_config[10] = 9000 & 0xff;
	model->net_config[11] = 9000 >> 8;
	assert_int_equal(open_model(model, NULL, &device), 0);
	assert_int_equal(vionet_device_start(device, &options), -EINVAL);
	assert_text("9014");
	pool.buffer_size = 0;
	assert_int_equal(vionet_device_start(device, &options), 0);
	assert_int_equal(vionet_pool_buffer_size(vionet_queue_pool(
		vionet_device_rx_queue(device, 0))), 9018);
	assert_int_equal(vionet_device_close(device), 0);
}

/* Each register access of open, start, stop and close fails, one at a time: the call
 * returns an error, nothing leaks, nothing hangs. */
static void every_access_may_fail(void **state)
{
	unsigned int failed = 0, total;
	int before = open_descriptors();

	(void)state;
	for (unsigned int n = 1;; n++) {
		struct vionet_device *device;
		bool reached;
		int result;

		model_create(&model)->fail_access = n;
		result = open_model(model, NULL, &device);
		if (result == 0)
			result = vionet_device_start(device, NULL);
		if (result == 0)
			result = vionet_device_stop(device);
		reached = !model || model->accesses >= n;
		if (device && vionet_device_close(device))
			result = -1;
		assert_null(model);
		assert_int_equal(open_descriptors(), before);
		if (!reached) {
			total = n;
			break;
		}
		if (result)
			failed++;
	}
	/* Nearly all of them are noticed: not those of the clean-up. */
	assert_true(total > 100);
	assert_true(failed > total * 8 / 10);
}

/* Neither configuration changes nor queues that share a vector would wake anybody. */
static void interrupts_that_cannot_be_waited_for(void **state)
{
	struct vionet_start_options options = { .struct_size = sizeof(options), .vectors = 2 };
	struct vionet_device *device;

	(void)state;
	model_create(&model);
	assert_int_equal(open_model(model, NULL, &device), 0);
	for (unsigned int n = 1; n <= 3; n++) {
		fail_wait = n;
		assert_int_equal(vionet_device_start(device, &options), -ENOMEM);
		assert_int_equal(fail_wait, 0);
		assert_text("epoll_ctl");
	}
	assert_int_equal(vionet_device_start(device, &options), 0);
	assert_int_equal(vionet_device_close(device), 0);
}

/* A register that cannot be read now may be read later: nothing is made up meanwhile. */
static void looking_may_fail(void **state)
{
	struct vionet_device_info info = { .struct_size = sizeof(info) };
	struct vionet_device *device;
	uint32_t events;

	(void)state;
	model_create(&model);
	assert_int_equal(open_model(model, NULL, &device), 0);
	assert_int_equal(vionet_device_start(device, NULL), 0);
	for (unsigned int turn = 0; turn < 2; turn++) {
		model->fail_access = turn == 0 ? model->accesses + 1 : 0;
		assert_int_equal(vionet_device_events(device, &events), turn == 0 ? -EIO : 0);
		assert_int_equal(events, 0);
		model->fail_access = turn == 0 ? model->accesses + 1 : 0;
		assert_int_equal(vionet_device_info(device, &info), turn == 0 ? -EIO : 0);
		assert_int_equal(info.queues, turn == 0 ? 0 : 3);
	}
	/* Nor is a device quiet that can still be at memory. */
	model->fail_access = model->accesses + 3;
	assert_int_equal(vionet_device_stop(device), -EIO);
	assert_int_equal(vionet_device_info(device, &info), 0);
	assert_true(info.broken && info.quarantined != 0);
	assert_int_equal(vionet_device_start(device, NULL), 0);
	assert_int_equal(vionet_device_close(device), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(opens_in_the_specified_order),
		cmocka_unit_test(close_in_every_state),
		cmocka_unit_test(closing_may_fail),
		cmocka_unit_test(wrong_identity_is_refused),
		cmocka_unit_test(silence_is_no_identity),
		cmocka_unit_test(missing_capability_is_named),
		cmocka_unit_test(refused_features_are_named),
		cmocka_unit_test(a_device_that_insists_on_an_iommu),
		cmocka_unit_test(needs_reset_before_features),
		cmocka_unit_test(assume_iommu_and_avoid),
		cmocka_unit_test(reset_has_a_limit),
		cmocka_unit_test(reset_by_the_bus),
		cmocka_unit_test(all_ones_means_gone),
		cmocka_unit_test(restless_configuration_is_refused),
		cmocka_unit_test(odd_configuration_is_checked),
		cmocka_unit_test(mtu_that_shrinks_later_is_refused),
		cmocka_unit_test(queue_set_up_is_checked),
		cmocka_unit_test(start_options_are_checked),
		cmocka_unit_test(odd_maximum_is_rounded_down),
		cmocka_unit_test(without_mergeable_a_frame_must_fit),
		cmocka_unit_test(every_access_may_fail),
		cmocka_unit_test(interrupts_that_cannot_be_waited_for),
		cmocka_unit_test(looking_may_fail),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
