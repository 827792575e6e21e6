/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The life of a device, against the model: the order of the initialization, every
 * refusal with its text, every wait with its limit, and that nothing stays behind,
 * whichever step fails.
 */
#include "tests/unit/test.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <vionet/vionet.h>

#include "driver/device.h"
#include "tests/unit/model.h"

static struct model *model;

static double seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static int open_descriptors(void)
{
	int count = 0;

	for (int fd = 0; fd < 256; fd++) {
		struct pollfd p = { .fd = fd };

		if (poll(&p, 1, 0) >= 0 && !(p.revents & POLLNVAL))
			count++;
	}
	return count;
}

static int open_model(const struct vionet_open_options *options,
		      struct vionet_device **device)
{
	struct vn_transport *transport;
	int result = vn_transport_over_pci(&model->function, &transport);

	*device = NULL;
	return result ? result : vn_device_open(transport, options, device);
}

/* Open must fail with this result and text, and leave nothing. */
static void expect_refusal(int result, const char *text)
{
	struct vionet_device *device;
	int before = open_descriptors();

	assert_int_equal(open_model(NULL, &device), result);
	assert_null(device);
	assert_text(text);
	assert_null(model);
	assert_int_equal(open_descriptors(), before);
}

static void opens_in_the_specified_order(void **state)
{
	struct vionet_device *device;
	struct vionet_device_info info;

	(void)state;
	model_create(&model);
	assert_int_equal(open_model(NULL, &device), 0);
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
	assert_int_equal(info.link.speed, 25000);
	assert_int_equal(info.link.duplex, 1);
	assert_true(info.link.up && info.link.known && info.mac_from_device);
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
		assert_int_equal(open_model(NULL, &device), 0);
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

static void wrong_identity_is_refused(void **state)
{
	(void)state;
	model_create(&model)->config[2] = 0x42;
	expect_refusal(-ENOTSUP, "1af4:1042");
	model_create(&model)->config[0] = 0x86;
	expect_refusal(-ENOTSUP, "not a virtio-net function");
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

static void assume_iommu_and_avoid(void **state)
{
	struct vionet_open_options options = { .flags = VIONET_OPEN_ASSUME_IOMMU };
	struct vionet_device *device;

	(void)state;
	options.avoid.word[0] = 1ull << 15;
	model_create(&model)->offered[0] &= ~(1ull << 33);
	assert_int_equal(open_model(&options, &device), 0);
	assert_true(model->accepted[0] == (1ull << 3 | 1ull << 5 | 1ull << 16 |
					   1ull << 32 | 1ull << 63));
	assert_int_equal(vionet_device_close(device), 0);
	options.need.word[0] = 1ull << 60;
	model_create(&model);
	assert_int_equal(open_model(&options, &device), -ENOTSUP);
	assert_text("RSS");
	assert_null(model);
}

static void status_that_does_not_stick(void **state)
{
	(void)state;
	model_create(&model)->stuck_status = 1;
	expect_refusal(-EIO, "ACKNOWLEDGE");
	model_create(&model)->stuck_status = 2;
	expect_refusal(-EIO, "DRIVER");
}

/* The reset is given 1 s, then the function is reset and given another. */
static void reset_has_a_limit(void **state)
{
	double start = seconds();

	(void)state;
	model_create(&model)->never_reset = true;
	model->status = 4;
	expect_refusal(-ETIMEDOUT, "reset");
	assert_true(seconds() - start > 1.9 && seconds() - start < 2.5);
}

static void reset_by_the_bus(void **state)
{
	struct vionet_device *device;

	(void)state;
	model_create(&model)->reset_needs_function = true;
	model->status = 4;
	assert_int_equal(open_model(NULL, &device), 0);
	assert_int_equal(model->function_resets, 1);
	model->reset_needs_function = false;
	assert_int_equal(vionet_device_close(device), 0);
}

/* A device that is gone is found out at once, not after a time-out. */
static void all_ones_means_gone(void **state)
{
	struct vionet_device *device;
	struct vionet_link link;
	double start = seconds();
	uint32_t events;

	(void)state;
	model_create(&model)->gone = true;
	expect_refusal(-ENODEV, "gone");
	model_create(&model);
	assert_int_equal(open_model(NULL, &device), 0);
	assert_int_equal(vionet_device_start(device, NULL), 0);
	model->gone = true;
	assert_int_equal(vionet_device_events(device, &events), 0);
	assert_true(events & VIONET_EVENT_GONE);
	assert_int_equal(vionet_device_link(device, &link), -ENODEV);
	assert_int_equal(vionet_device_stop(device), -ENODEV);
	assert_int_equal(vionet_device_start(device, NULL), -ENODEV);
	assert_int_equal(vionet_device_close(device), 0);
	assert_null(model);
	assert_true(seconds() - start < 0.5);
}

static void restless_configuration_is_refused(void **state)
{
	struct vionet_device *device;
	struct vionet_link link;

	(void)state;
	model_create(&model)->restless_generation = true;
	expect_refusal(-EAGAIN, "changed during each of 8 reads");
	model_create(&model);
	assert_int_equal(open_model(NULL, &device), 0);
	model->restless_generation = true;
	assert_int_equal(vionet_device_link(device, &link), -EAGAIN);
	assert_true(link.up && link.speed == 25000);
	assert_int_equal(vionet_device_close(device), 0);
}

static void odd_configuration_is_judged(void **state)
{
	struct vionet_device_info info;
	struct vionet_device *device;

	(void)state;
	model_create(&model);
	model->net_config[0] = 0x01; /* a group address */
	model->net_config[6] = 0;    /* link down */
	model->net_config[10] = 67;  /* below the smallest MTU */
	model->net_config[11] = 0;
	memset(model->net_config + 12, 0xff, 5);
	assert_int_equal(open_model(NULL, &device), 0);
	assert_int_equal(vionet_device_info(device, &info), 0);
	assert_false(info.mac_from_device);
	assert_int_equal(info.mac[0], 2);
	assert_int_equal(info.mtu, 0);
	assert_false(vionet_feature_test(&info.negotiated, 3));
	assert_false(info.link.up);
	assert_int_equal(info.link.speed, 0);
	assert_int_equal(info.link.duplex, -1);
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
	assert_int_equal(open_model(NULL, &device), 0);
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
	m->address_ignored = m->wild_notify = false;
	m->vectors_result = 0;
	m->fail_map = 0;
	for (unsigned int i = 0; i < MODEL_QUEUES; i++)
		m->queue[i].enabled = 0;
}

static void queue_set_up_is_checked(void **state)
{
	(void)state;
	model_create(&model)->enable_fails = true;
	expect_start_fails(-EIO, "queue_enable", heal_all);
	model_create(&model)->enabled_at_start = true;
	expect_start_fails(-EIO, "not enabled since the reset", heal_all);
	model_create(&model)->size_ignored = true;
	model->queue_max = 512;
	expect_start_fails(-EIO, "queue_size: wrote 256", heal_all);
	model_create(&model)->address_ignored = true;
	expect_start_fails(-EIO, "queue_desc", heal_all);
	model_create(&model)->wild_notify = true;
	expect_start_fails(-EIO, "not inside the notify structure", heal_all);
	model_create(&model)->vectors_result = -EINVAL;
	expect_start_fails(-EINVAL, "no vectors", heal_all);
	for (unsigned int n = 1; n <= 6; n++) {
		model_create(&model)->fail_map = n;
		expect_start_fails(-ENOMEM, "mapping", heal_all);
	}
}

static void start_options_are_checked(void **state)
{
	static const uint32_t sizes[] = { 1, 3, 100, 65536, 0xffffffff };
	struct vionet_device *device;
	struct vionet_start_options options;

	(void)state;
	model_create(&model);
	assert_int_equal(open_model(NULL, &device), 0);
	for (unsigned int i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		memset(&options, 0, sizeof(options));
		options.tx_queue_size = sizes[i];
		assert_int_equal(vionet_device_start(device, &options), -EINVAL);
		assert_text("queue size");
	}
	memset(&options, 0, sizeof(options));
	options.rx_pool_options.access = VIONET_DEVICE_READS;
	assert_int_equal(vionet_device_start(device, &options), -EINVAL);
	assert_text("receive pool");
	options.rx_pool_options.access = 0;
	options.rx_pool_options.buffer_size = 10;
	assert_int_equal(vionet_device_start(device, &options), -EINVAL);
	assert_text("buffer_size 10");
	/* More than the device allows is cut to what it allows. */
	memset(&options, 0, sizeof(options));
	options.rx_queue_size = 32768;
	assert_int_equal(vionet_device_start(device, &options), 0);
	assert_int_equal(model->queue[0].size, 256);
	assert_int_equal(vionet_device_close(device), 0);
}

/* A device whose maximum is no power of two. */
static void odd_maximum_is_rounded_down(void **state)
{
	struct vionet_device *device;

	(void)state;
	model_create(&model)->queue_max = 200;
	assert_int_equal(open_model(NULL, &device), 0);
	assert_int_equal(vionet_device_start(device, NULL), 0);
	assert_int_equal(model->queue[0].size, 128);
	assert_int_equal(vionet_device_close(device), 0);
	model_create(&model)->queue_max = 0;
	expect_refusal(-EIO, "receive queue 0");
}

static void without_mergeable_a_frame_must_fit(void **state)
{
	struct vionet_start_options options = { .rx_pool_options.buffer_size = 512 };
	struct vionet_device *device;

	(void)state;
	model_create(&model)->offered[0] &= ~(1ull << 15);
	model->net_config[10] = 9000 & 0xff;
	model->net_config[11] = 9000 >> 8;
	assert_int_equal(open_model(NULL, &device), 0);
	assert_int_equal(vionet_device_start(device, &options), -EINVAL);
	assert_text("9014");
	options.rx_pool_options.buffer_size = 0;
	assert_int_equal(vionet_device_start(device, &options), 0);
	assert_int_equal(vionet_pool_buffer_size(vionet_queue_pool(
		vionet_device_rx_queue(device, 0))), 9018);
	assert_int_equal(vionet_device_close(device), 0);
}

/* Each register access of open, start, stop and close is made to fail, one at a
 * time: an error comes back, nothing leaks, nothing hangs. */
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
		result = open_model(NULL, &device);
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
	/* Nearly all of them are noticed: not those that only undo. */
	assert_true(total > 100);
	assert_true(failed > total * 8 / 10);
}

static void needs_reset_is_reported_and_cured(void **state)
{
	struct vionet_device *device;
	uint32_t events;

	(void)state;
	model_create(&model);
	assert_int_equal(open_model(NULL, &device), 0);
	assert_int_equal(vionet_device_start(device, NULL), 0);
	assert_int_equal(vionet_device_events(device, &events), 0);
	assert_int_equal(events, 0);
	model->status |= 0x40;
	assert_int_equal(vionet_device_events(device, &events), 0);
	assert_int_equal(events, VIONET_EVENT_NEEDS_RESET);
	assert_int_equal(vionet_device_stop(device), 0);
	assert_int_equal(vionet_device_start(device, NULL), 0);
	assert_int_equal(vionet_device_events(device, &events), 0);
	assert_int_equal(events, 0);
	/* Somebody else resets it. */
	model->status = 0;
	assert_int_equal(vionet_device_events(device, &events), 0);
	assert_int_equal(events, VIONET_EVENT_NEEDS_RESET);
	assert_int_equal(vionet_device_close(device), 0);
}

static void other_features_after_a_reset_are_refused(void **state)
{
	struct vionet_device *device;

	(void)state;
	model_create(&model);
	assert_int_equal(open_model(NULL, &device), 0);
	assert_int_equal(vionet_device_start(device, NULL), 0);
	assert_int_equal(vionet_device_stop(device), 0);
	model->offered[0] &= ~(1ull << 15);
	for (unsigned int i = 0; i < 3; i++) {
		assert_int_equal(vionet_device_start(device, NULL), -ENOTSUP);
		assert_text("other features");
	}
	model->offered[0] |= 1ull << 15;
	assert_int_equal(vionet_device_start(device, NULL), 0);
	assert_int_equal(vionet_device_close(device), 0);
}

static void link_changes_are_events(void **state)
{
	struct vionet_device *device;
	struct vionet_link link;
	struct pollfd p;
	uint32_t events;

	(void)state;
	model_create(&model);
	assert_int_equal(open_model(NULL, &device), 0);
	assert_int_equal(vionet_device_start(device, NULL), 0);
	p = (struct pollfd){ .fd = vionet_device_eventfd(device), .events = POLLIN };
	assert_int_equal(poll(&p, 1, 0), 0);
	model->net_config[6] = 0;
	model_interrupt(model, -1);
	assert_int_equal(poll(&p, 1, 0), 1);
	assert_int_equal(vionet_device_events(device, &events), 0);
	assert_int_equal(events, VIONET_EVENT_LINK);
	assert_int_equal(poll(&p, 1, 0), 0);
	assert_int_equal(vionet_device_link(device, &link), 0);
	assert_false(link.up);
	/* Looking in between does not swallow the event, nor does a configuration
	 * that cannot be read for a while. */
	model->net_config[6] = 1;
	model_interrupt(model, -1);
	assert_int_equal(vionet_device_link(device, &link), 0);
	model->restless_generation = true;
	assert_int_equal(vionet_device_events(device, &events), 0);
	assert_int_equal(events, 0);
	model->restless_generation = false;
	assert_int_equal(vionet_device_events(device, &events), 0);
	assert_int_equal(events, VIONET_EVENT_LINK);
	/* An interrupt without a change is no event. */
	model_interrupt(model, -1);
	assert_int_equal(vionet_device_events(device, &events), 0);
	assert_int_equal(events, 0);
	assert_int_equal(vionet_device_close(device), 0);
}

/* Without a vector for it, a change is found by looking. */
static void no_vectors_means_polling(void **state)
{
	struct vionet_device *device;
	struct vionet_queue *rx;
	uint8_t frame[60] = { 0 };
	uint32_t events;

	(void)state;
	model_create(&model)->no_vectors = true;
	assert_int_equal(open_model(NULL, &device), 0);
	assert_int_equal(vionet_device_start(device, NULL), 0);
	rx = vionet_device_rx_queue(device, 0);
	assert_int_equal(vionet_queue_eventfd(rx), -ENOTSUP);
	model->net_config[6] = 0;
	assert_int_equal(vionet_device_events(device, &events), 0);
	assert_int_equal(events, VIONET_EVENT_LINK);
	assert_int_equal(vionet_queue_wait(rx, 0, 20), 0);
	assert_int_equal(model_deliver(model, frame, 60, 0, -1), 1);
	assert_int_equal(vionet_queue_wait(rx, 0, 1000), 1);
	assert_int_equal(vionet_device_close(device), 0);
}

static void removal_wakes_a_sleeper(void **state)
{
	struct vionet_device *device;
	uint64_t one = 1;
	uint32_t events;
	int fd = eventfd(0, EFD_NONBLOCK);

	(void)state;
	model_create(&model)->function.removal_fd = fd;
	assert_int_equal(open_model(NULL, &device), 0);
	assert_int_equal(vionet_device_start(device, NULL), 0);
	assert_int_equal(write(fd, &one, sizeof(one)), sizeof(one));
	assert_int_equal(vionet_queue_wait(vionet_device_rx_queue(device, 0), 0,
					   5000), -ENODEV);
	assert_text("removed");
	for (unsigned int i = 0; i < 2; i++) {
		assert_int_equal(vionet_device_events(device, &events), 0);
		assert_int_equal(events, VIONET_EVENT_REMOVAL);
	}
	assert_int_equal(vionet_device_close(device), 0);
	close(fd);
}

/* Interrupts: asked for only while armed; work in between is not missed. */
static void arming(void **state)
{
	struct vionet_device *device;
	struct vionet_packet *packet;
	struct vionet_queue *rx;
	struct vionet_queue_stats stats;
	uint8_t frame[60] = { 0 };
	struct pollfd p;

	(void)state;
	model_create(&model);
	assert_int_equal(open_model(NULL, &device), 0);
	assert_int_equal(vionet_device_start(device, NULL), 0);
	rx = vionet_device_rx_queue(device, 0);
	p = (struct pollfd){ .fd = vionet_queue_eventfd(rx), .events = POLLIN };
	assert_false(model_wants_interrupt(model, 0));
	assert_false(model_wants_interrupt(model, 1));
	assert_int_equal(vionet_queue_arm(rx), 0);
	assert_true(model_wants_interrupt(model, 0));
	assert_int_equal(model_deliver(model, frame, 60, 0, -1), 1);
	model_interrupt(model, 0);
	assert_int_equal(poll(&p, 1, 0), 1);
	vionet_queue_disarm(rx);
	assert_int_equal(poll(&p, 1, 0), 0);
	assert_false(model_wants_interrupt(model, 0));
	/* Work is there: arming refuses. */
	assert_int_equal(vionet_queue_arm(rx), 1);
	assert_false(model_wants_interrupt(model, 0));
	assert_int_equal(vionet_queue_receive(rx, &packet, 1), 1);
	vionet_packet_free(&packet, 1);
	assert_int_equal(vionet_queue_arm(rx), 0);
	vionet_queue_stats(rx, &stats);
	assert_int_equal(stats.interrupts, 1);
	/* No work: the wait ends in time, with interrupts off. */
	{
		double start = seconds();

		assert_int_equal(vionet_queue_wait(rx, 1000, 50), 0);
		assert_true(seconds() - start > 0.045 && seconds() - start < 0.5);
		assert_false(model_wants_interrupt(model, 0));
	}
	assert_int_equal(vionet_device_close(device), 0);
}

/* The device puts work there after arming and never interrupts. */
static void lost_interrupt_is_made_good(void **state)
{
	struct vionet_device *device;
	struct vionet_queue_stats stats;
	struct vionet_queue *rx;
	uint8_t frame[60] = { 0 };
	double start = seconds();
	int status = -1;
	pid_t child;

	(void)state;
	model_create(&model);
	assert_int_equal(open_model(NULL, &device), 0);
	assert_int_equal(vionet_device_start(device, NULL), 0);
	rx = vionet_device_rx_queue(device, 0);
	/* The rings are shared memory: the device may be another process. The
	 * model's own mappings are inherited, the driver's are not. */
	child = fork();
	if (child == 0) {
		usleep(100000);
		_exit(model_deliver(model, frame, 60, 0, -1) == 1 ? 0 : 1);
	}
	assert_int_equal(vionet_queue_wait(rx, 0, 5000), 1);
	assert_true(seconds() - start < 1.5);
	vionet_queue_stats(rx, &stats);
	assert_int_equal(stats.lost_interrupts, 1);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	assert_int_equal(vionet_device_close(device), 0);
}

/* Everything sent is completed, or the limit is kept and the packets stay. */
static void drain_has_a_limit(void **state)
{
	struct vionet_device *device;
	struct vionet_packet *packet;
	struct vionet_queue *tx;
	double start;

	(void)state;
	model_create(&model)->hold = true;
	assert_int_equal(open_model(NULL, &device), 0);
	assert_int_equal(vionet_device_start(device, NULL), 0);
	tx = vionet_device_tx_queue(device, 0);
	assert_int_equal(vionet_packet_alloc(vionet_queue_pool(tx), &packet, 1), 1);
	memset(packet->data, 0, 60);
	packet->length = 60;
	assert_int_equal(vionet_queue_transmit(tx, &packet, 1), 1);
	start = seconds();
	assert_int_equal(vionet_queue_drain(tx, 100), -ETIMEDOUT);
	assert_text("has not completed 1 packets");
	assert_true(seconds() - start > 0.09 && seconds() - start < 0.5);
	model_transmit(model);
	assert_int_equal(vionet_queue_drain(tx, 100), 0);
	assert_int_equal(vionet_device_close(device), 0);
}

/* A device that does not stop keeps its memory until it is taken away. */
static void memory_of_a_restless_device_is_kept(void **state)
{
	struct vionet_device_info info;
	struct vionet_device *device;
	unsigned int maps = 0;

	(void)state;
	model_create(&model);
	assert_int_equal(open_model(NULL, &device), 0);
	assert_int_equal(vionet_device_start(device, NULL), 0);
	model->never_reset = true;
	assert_int_equal(vionet_device_stop(device), -ETIMEDOUT);
	assert_int_equal(vionet_device_info(device, &info), 0);
	assert_true(info.broken);
	assert_int_equal(info.quarantined, 4); /* and the pools, which stay whole */
	for (unsigned int i = 0; i < MODEL_MAPS; i++)
		maps += model->map[i].used;
	assert_int_equal(maps, 6);
	assert_int_equal(vionet_device_close(device), 0);
	assert_null(model);
}

/* Which mappings the device may write to: used rings and receive buffers; with the
 * option also descriptors. */
static void rings_are_read_only_for_the_device(void **state)
{
	struct vionet_open_options options = { 0 };
	struct vionet_queue_info info;
	struct vionet_device *device;

	(void)state;
	for (unsigned int writable = 0; writable < 2; writable++) {
		options.flags = writable ? VIONET_OPEN_WRITABLE_RINGS : 0;
		model_create(&model);
		assert_int_equal(open_model(&options, &device), 0);
		assert_int_equal(vionet_device_start(device, NULL), 0);
		for (unsigned int queue = 0; queue < 2; queue++) {
			vionet_device_queue_info(device, queue, &info);
			assert_non_null(model_at(model, info.descriptor_area, 16,
						 false));
			assert_true((model_at(model, info.descriptor_area, 16,
					      true) != NULL) == writable);
			assert_true((model_at(model, info.driver_area, 6,
					      true) != NULL) == writable);
			assert_non_null(model_at(model, info.device_area, 6,
						 true));
		}
		assert_int_equal(vionet_device_close(device), 0);
	}
}

static void no_interrupts_on_request(void **state)
{
	struct vionet_start_options options = {
		.flags = VIONET_START_NO_INTERRUPTS,
	};
	struct vionet_device *device;
	uint32_t events;

	(void)state;
	model_create(&model);
	assert_int_equal(open_model(NULL, &device), 0);
	assert_int_equal(vionet_device_start(device, &options), 0);
	assert_int_equal(model->eventfds, 0);
	assert_int_equal(model->config_vector, 0xffff);
	assert_int_equal(model->queue[0].vector, 0xffff);
	assert_int_equal(vionet_queue_eventfd(vionet_device_rx_queue(device, 0)),
			 -ENOTSUP);
	model->net_config[6] = 0;
	assert_int_equal(vionet_device_events(device, &events), 0);
	assert_int_equal(events, VIONET_EVENT_LINK);
	/* Started again with interrupts, it has them. */
	assert_int_equal(vionet_device_stop(device), 0);
	assert_int_equal(vionet_device_start(device, NULL), 0);
	assert_int_equal(model->eventfds, 3);
	assert_int_equal(vionet_device_close(device), 0);
}

/* Fewer vectors than asked for: the rest is polled. */
static void fewer_vectors_will_do(void **state)
{
	struct vionet_device *device;

	(void)state;
	for (unsigned int most = 1; most <= 2; most++) {
		model_create(&model)->vectors_max = most;
		assert_int_equal(open_model(NULL, &device), 0);
		assert_int_equal(vionet_device_start(device, NULL), 0);
		assert_int_equal(model->eventfds, most);
		assert_int_equal(model->queue[0].vector, most > 1 ? 1 : 0xffff);
		assert_int_equal(model->queue[1].vector, 0xffff);
		assert_int_equal(vionet_device_close(device), 0);
	}
}

static void made_up_mac_stays_the_same(void **state)
{
	struct vionet_device_info before, after;
	struct vionet_device *device;

	(void)state;
	model_create(&model)->offered[0] &= ~(1ull << 5);
	assert_int_equal(open_model(NULL, &device), 0);
	assert_int_equal(vionet_device_info(device, &before), 0);
	assert_false(before.mac_from_device);
	assert_int_equal(vionet_device_start(device, NULL), 0);
	assert_int_equal(vionet_device_stop(device), 0);
	assert_int_equal(vionet_device_start(device, NULL), 0);
	assert_int_equal(vionet_device_info(device, &after), 0);
	assert_memory_equal(before.mac, after.mac, 6);
	assert_int_equal(vionet_device_close(device), 0);
}

/* A status register that cannot be written: the bus is the other way. */
static void failed_status_write_means_a_bus_reset(void **state)
{
	struct vionet_device_info info;
	struct vionet_device *device;

	(void)state;
	model_create(&model);
	assert_int_equal(open_model(NULL, &device), 0);
	assert_int_equal(vionet_device_start(device, NULL), 0);
	model->reset_needs_function = true;
	model->fail_status = model->status_writes + 1;
	assert_int_equal(vionet_device_stop(device), 0);
	assert_int_equal(model->function_resets, 1);
	assert_int_equal(vionet_device_info(device, &info), 0);
	assert_int_equal(info.quarantined, 0);
	model->reset_needs_function = false;
	assert_int_equal(vionet_device_close(device), 0);
}

/* NOTIF_CONFIG_DATA needs a register that the model's structure ends before. */
static void feature_without_its_register_is_not_taken(void **state)
{
	struct vionet_device *device;

	(void)state;
	model_create(&model)->offered[0] |= 1ull << 39;
	assert_int_equal(open_model(NULL, &device), 0);
	assert_true((model->accepted[0] & 1ull << 39) == 0);
	assert_int_equal(vionet_device_close(device), 0);
}

static void roles_without_multiqueue(void **state)
{
	struct vionet_queue_info info;
	struct vionet_device_info device_info;
	struct vionet_device *device;

	(void)state;
	model_create(&model)->offered[0] |= 1ull << 17 | 1ull << 22;
	assert_int_equal(open_model(NULL, &device), 0);
	assert_int_equal(vionet_device_queue_info(device, 2, &info), 0);
	assert_string_equal(info.role, "control");
	assert_int_equal(vionet_device_queue_info(device, 3, &info), -ENOENT);
	assert_int_equal(vionet_device_info(device, &device_info), 0);
	assert_int_equal(device_info.max_queue_pairs, 1);
	assert_int_equal(vionet_device_close(device), 0);
}

static void unknown_flags_are_refused(void **state)
{
	struct vionet_open_options open_options = { .flags = 1u << 30 };
	struct vionet_start_options options = { .flags = 1u << 30 };
	struct vionet_device *device;

	(void)state;
	assert_int_equal(vionet_device_open("00:04.0", &open_options, &device),
			 -EINVAL);
	assert_text("0x40000000");
	model_create(&model);
	assert_int_equal(open_model(NULL, &device), 0);
	assert_int_equal(vionet_device_start(device, &options), -EINVAL);
	assert_int_equal(model->status, 1 | 2 | 8);
	assert_int_equal(vionet_device_close(device), 0);
}

static void names_of_devices(void **state)
{
	struct vionet_device *device;
	char longest[VIONET_NAME_MAX + 10];

	(void)state;
	memset(longest, 'a', sizeof(longest));
	longest[sizeof(longest) - 1] = 0;
	assert_int_equal(vionet_device_open(longest, NULL, &device), -EINVAL);
	assert_null(device);
	assert_int_equal(vionet_device_open("vhost-user:/x", NULL, &device),
			 -EINVAL);
	assert_text("vhost-user");
	assert_int_equal(vionet_device_open("eth0", NULL, &device), -EINVAL);
	assert_int_equal(vionet_device_open("", NULL, &device), -EINVAL);
	assert_int_equal(vionet_device_open("ffff:ff:1f.7", NULL, &device),
			 -ENODEV);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(opens_in_the_specified_order),
		cmocka_unit_test(close_in_every_state),
		cmocka_unit_test(wrong_identity_is_refused),
		cmocka_unit_test(missing_capability_is_named),
		cmocka_unit_test(refused_features_are_named),
		cmocka_unit_test(assume_iommu_and_avoid),
		cmocka_unit_test(status_that_does_not_stick),
		cmocka_unit_test(reset_has_a_limit),
		cmocka_unit_test(reset_by_the_bus),
		cmocka_unit_test(all_ones_means_gone),
		cmocka_unit_test(restless_configuration_is_refused),
		cmocka_unit_test(odd_configuration_is_judged),
		cmocka_unit_test(queue_set_up_is_checked),
		cmocka_unit_test(start_options_are_checked),
		cmocka_unit_test(odd_maximum_is_rounded_down),
		cmocka_unit_test(without_mergeable_a_frame_must_fit),
		cmocka_unit_test(every_access_may_fail),
		cmocka_unit_test(needs_reset_is_reported_and_cured),
		cmocka_unit_test(other_features_after_a_reset_are_refused),
		cmocka_unit_test(link_changes_are_events),
		cmocka_unit_test(no_vectors_means_polling),
		cmocka_unit_test(removal_wakes_a_sleeper),
		cmocka_unit_test(arming),
		cmocka_unit_test(lost_interrupt_is_made_good),
		cmocka_unit_test(drain_has_a_limit),
		cmocka_unit_test(memory_of_a_restless_device_is_kept),
		cmocka_unit_test(rings_are_read_only_for_the_device),
		cmocka_unit_test(no_interrupts_on_request),
		cmocka_unit_test(fewer_vectors_will_do),
		cmocka_unit_test(made_up_mac_stays_the_same),
		cmocka_unit_test(failed_status_write_means_a_bus_reset),
		cmocka_unit_test(feature_without_its_register_is_not_taken),
		cmocka_unit_test(roles_without_multiqueue),
		cmocka_unit_test(unknown_flags_are_refused),
		cmocka_unit_test(names_of_devices),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
