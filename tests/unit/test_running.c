/* SPDX-License-Identifier: BSD-3-Clause */
/* A running device, against the model: events, interrupts and waiting, recovery, memory
 * access, names and options. */
#include "tests/unit/test.h"

#include <poll.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/unit/env.h"

static struct model *model;

static void needs_reset_is_reported_and_cured(void **state)
{
	struct vionet_device *device;
	uint32_t events;

	(void)state;
	model_create(&model);
	assert_int_equal(open_model(model, NULL, &device), 0);
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
	/* Another party resets it. */
	model->status = 0;
	assert_int_equal(vionet_device_events(device, &events), 0);
	assert_int_equal(events, VIONET_EVENT_NEEDS_RESET);
	assert_int_equal(vionet_device_close(device), 0);
}

/* proves: GEN-13 */
static void other_features_after_a_reset_are_refused(void **state)
{
	struct vionet_device *device;

	(void)state;
	model_create(&model);
	assert_int_equal(open_model(model, NULL, &device), 0);
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

/* proves: NET-06 */
static void link_changes_are_events(void **state)
{
	struct vionet_device *device;
	struct vionet_link link = { .struct_size = sizeof(link) };
	struct pollfd p;
	uint32_t events;

	(void)state;
	model_create(&model);
	assert_int_equal(open_model(model, NULL, &device), 0);
	assert_int_equal(vionet_device_start(device, NULL), 0);
	p = (struct pollfd){ .fd = vionet_device_event_fd(device), .events = POLLIN };
	assert_int_equal(poll(&p, 1, 0), 0);
	model->net_config[6] = 0;
	model_interrupt(model, -1);
	/* Level-triggered: readable until the event is read. */
	assert_int_equal(poll(&p, 1, 0), 1);
	assert_int_equal(poll(&p, 1, 0), 1);
	assert_int_equal(vionet_device_events(device, &events), 0);
	assert_int_equal(events, VIONET_EVENT_LINK);
	assert_int_equal(poll(&p, 1, 0), 0);
	assert_int_equal(vionet_device_link(device, &link), 0);
	assert_false(link.up);
	/* vionet_device_link does not consume the event, nor does a configuration that
	 * cannot be read for a while. */
	model->net_config[6] = 1;
	model_interrupt(model, -1);
	assert_int_equal(vionet_device_link(device, &link), 0);
	model->unstable_generation = true;
	assert_int_equal(vionet_device_events(device, &events), 0);
	assert_int_equal(events, 0);
	model->unstable_generation = false;
	assert_int_equal(vionet_device_events(device, &events), 0);
	assert_int_equal(events, VIONET_EVENT_LINK);
	/* An interrupt without a change is no event. */
	model_interrupt(model, -1);
	assert_int_equal(vionet_device_events(device, &events), 0);
	assert_int_equal(events, 0);
	assert_int_equal(vionet_device_close(device), 0);
}

/* Without a configuration vector, the driver finds a change by polling. */
/* proves: PCI-46 PCI-47 */
static void no_vectors_means_polling(void **state)
{
	struct vionet_device *device;
	struct vionet_queue *rx;
	uint8_t frame[60] = { 0 };
	uint32_t events;

	(void)state;
	model_create(&model)->no_vectors = true;
	assert_int_equal(open_model(model, NULL, &device), 0);
	assert_int_equal(vionet_device_start(device, NULL), 0);
	rx = vionet_device_rx_queue(device, 0);
	assert_int_equal(vionet_queue_fd(rx), -ENOTSUP);
	model->net_config[6] = 0;
	assert_int_equal(vionet_device_events(device, &events), 0);
	assert_int_equal(events, VIONET_EVENT_LINK);
	assert_int_equal(vionet_queue_wait(rx, 0, 20), 0);
	assert_int_equal(model_deliver(model, frame, 60, 0, -1), 1);
	assert_int_equal(vionet_queue_wait(rx, 0, 60000), 1);
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
	assert_int_equal(open_model(model, NULL, &device), 0);
	assert_int_equal(vionet_device_start(device, NULL), 0);
	assert_int_equal(write(fd, &one, sizeof(one)), sizeof(one));
	assert_int_equal(vionet_queue_wait(vionet_device_rx_queue(device, 0), 0,
					   60000), -ENODEV);
	assert_text("removed");
	for (unsigned int i = 0; i < 2; i++) {
		assert_int_equal(vionet_device_events(device, &events), 0);
		assert_int_equal(events, VIONET_EVENT_REMOVAL);
	}
	assert_int_equal(vionet_device_close(device), 0);
	close(fd);
}

/* Interrupts are enabled only while armed; work in between is not missed. */
static void arming(void **state)
{
	struct vionet_device *device;
	struct vionet_packet *packet;
	struct vionet_queue *rx;
	struct vionet_queue_stats stats = { .struct_size = sizeof(stats) };
	uint8_t frame[60] = { 0 };
	struct pollfd p;

	(void)state;
	model_create(&model);
	assert_int_equal(open_model(model, NULL, &device), 0);
	assert_int_equal(vionet_device_start(device, NULL), 0);
	rx = vionet_device_rx_queue(device, 0);
	p = (struct pollfd){ .fd = vionet_queue_fd(rx), .events = POLLIN };
	assert_false(model_wants_interrupt(model, 0));
	assert_false(model_wants_interrupt(model, 1));
	assert_int_equal(vionet_queue_arm(rx), 0);
	assert_true(model_wants_interrupt(model, 0));
	assert_int_equal(model_deliver(model, frame, 60, 0, -1), 1);
	model_interrupt(model, 0);
	assert_int_equal(poll(&p, 1, 0), 1);
	assert_int_equal(poll(&p, 1, 0), 1);
	vionet_queue_disarm(rx);
	assert_int_equal(poll(&p, 1, 0), 0);
	assert_false(model_wants_interrupt(model, 0));
	/* With work pending, arm returns so. */
	assert_int_equal(vionet_queue_arm(rx), 1);
	assert_false(model_wants_interrupt(model, 0));
	assert_int_equal(receive_one(rx, &packet), 1);
	vionet_packet_free(&packet, 1);
	assert_int_equal(vionet_queue_arm(rx), 0);
	vionet_queue_stats(rx, &stats);
	assert_int_equal(stats.interrupts, 1);
	/* No work: the wait ends in time, with interrupts off. */
	{
		struct watch start = watch_start();

		assert_int_equal(vionet_queue_wait(rx, 1000, 50), 0);
		assert_true(watch_within(start, 0.045, 0.5));
		assert_false(model_wants_interrupt(model, 0));
	}
	assert_int_equal(vionet_device_close(device), 0);
}

/* The device puts work there after arming and never interrupts. */
static void lost_interrupt_is_made_good(void **state)
{
	struct vionet_device *device;
	struct vionet_queue_stats stats = { .struct_size = sizeof(stats) };
	struct vionet_queue *rx;
	uint8_t frame[60] = { 0 };
	struct watch start = watch_start();
	int status = -1;
	pid_t child;

	(void)state;
	model_create(&model);
	assert_int_equal(open_model(model, NULL, &device), 0);
	assert_int_equal(vionet_device_start(device, NULL), 0);
	rx = vionet_device_rx_queue(device, 0);
	/* The rings are shared memory: the device may be another process. The
	 * model's own mappings are inherited, the driver's are not. */
	child = fork();
	if (child == 0) {
		usleep(100000);
		_exit(model_deliver(model, frame, 60, 0, -1) == 1 ? 0 : 1);
	}
	assert_int_equal(vionet_queue_wait(rx, 0, 60000), 1);
	assert_true(watch_own(start) < 1.5);
	vionet_queue_stats(rx, &stats);
	assert_int_equal(stats.lost_interrupts, 1);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	assert_int_equal(vionet_device_close(device), 0);
}

/* All packets are completed, or drain returns at its limit and the packets stay in
 * flight. */
static void drain_has_a_limit(void **state)
{
	struct vionet_device *device;
	struct vionet_packet *packet;
	struct vionet_queue *tx;
	struct watch start;

	(void)state;
	model_create(&model)->paused = true;
	assert_int_equal(open_model(model, NULL, &device), 0);
	assert_int_equal(vionet_device_start(device, NULL), 0);
	tx = vionet_device_tx_queue(device, 0);
	assert_int_equal(vionet_packet_alloc(vionet_queue_pool(tx), &packet, 1), 1);
	memset(packet->data, 0, 60);
	packet->length = 60;
	assert_int_equal(vionet_queue_transmit(tx, &packet, 1), 1);
	start = watch_start();
	assert_int_equal(vionet_queue_drain(tx, 100), -ETIMEDOUT);
	assert_text("has not completed 1 packets");
	assert_true(watch_within(start, 0.09, 0.5));
	model_transmit(model);
	assert_int_equal(vionet_queue_drain(tx, 100), 0);
	assert_int_equal(vionet_device_close(device), 0);
}

/* Memory of a device that does not stop stays mapped until the device is closed. */
static void memory_of_a_restless_device_is_kept(void **state)
{
	struct vionet_device_info info = { .struct_size = sizeof(info) };
	struct vionet_device *device;
	unsigned int maps = 0;

	(void)state;
	model_create(&model);
	assert_int_equal(open_model(model, NULL, &device), 0);
	assert_int_equal(vionet_device_start(device, NULL), 0);
	model->never_reset = true;
	assert_int_equal(vionet_device_stop(device), -ETIMEDOUT);
	assert_int_equal(vionet_device_info(device, &info), 0);
	assert_true(info.broken);
	assert_int_equal(info.quarantined, 6); /* rings and pools */
	assert_int_equal(info.quarantined_packets, 256);
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
	struct vionet_open_options options = { .struct_size = sizeof(options) };
	struct vionet_queue_info info = { .struct_size = sizeof(info) };
	struct vionet_device *device;

	(void)state;
	for (unsigned int writable = 0; writable < 2; writable++) {
		options.flags = writable ? VIONET_OPEN_WRITABLE_RINGS : 0;
		model_create(&model);
		assert_int_equal(open_model(model, &options, &device), 0);
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
		.struct_size = sizeof(options),
		.flags = VIONET_START_NO_INTERRUPTS,
	};
	struct vionet_device *device;
	uint32_t events;

	(void)state;
	model_create(&model);
	assert_int_equal(open_model(model, NULL, &device), 0);
	assert_int_equal(vionet_device_start(device, &options), 0);
	assert_int_equal(model->eventfds, 0);
	assert_int_equal(model->config_vector, 0xffff);
	assert_int_equal(model->queue[0].vector, 0xffff);
	assert_int_equal(vionet_queue_fd(vionet_device_rx_queue(device, 0)),
			 -ENOTSUP);
	model->net_config[6] = 0;
	assert_int_equal(vionet_device_events(device, &events), 0);
	assert_int_equal(events, VIONET_EVENT_LINK);
	/* Started again with interrupts, it uses them. */
	assert_int_equal(vionet_device_stop(device), 0);
	assert_int_equal(vionet_device_start(device, NULL), 0);
	assert_int_equal(model->eventfds, 3);
	assert_int_equal(vionet_device_close(device), 0);
}

/* Fewer vectors than asked for: queues share what there is, or are polled. */
/* proves: PCI-44 PCI-45 PCI-47 */
static void fewer_vectors_will_do(void **state)
{
	struct vionet_device *device;

	(void)state;
	for (unsigned int most = 1; most <= 2; most++) {
		model_create(&model)->vectors_max = most;
		assert_int_equal(open_model(model, NULL, &device), 0);
		assert_int_equal(vionet_device_start(device, NULL), 0);
		assert_int_equal(model->eventfds, most);
		assert_int_equal(model->queue[0].vector, most > 1 ? 1 : 0xffff);
		assert_int_equal(model->queue[1].vector, most > 1 ? 1 : 0xffff);
		assert_int_equal(vionet_device_close(device), 0);
	}
}

static void made_up_mac_stays_the_same(void **state)
{
	struct vionet_device_info before = { .struct_size = sizeof(before) },
		after = { .struct_size = sizeof(after) };
	struct vionet_device *device;

	(void)state;
	model_create(&model)->offered[0] &= ~(1ull << 5);
	assert_int_equal(open_model(model, NULL, &device), 0);
	assert_int_equal(vionet_device_info(device, &before), 0);
	assert_false(before.mac_from_device);
	assert_int_equal(vionet_device_start(device, NULL), 0);
	assert_int_equal(vionet_device_stop(device), 0);
	assert_int_equal(vionet_device_start(device, NULL), 0);
	assert_int_equal(vionet_device_info(device, &after), 0);
	assert_memory_equal(before.mac, after.mac, 6);
	assert_int_equal(vionet_device_close(device), 0);
}

/* The status register cannot be written: the driver resets the function instead. */
static void failed_status_write_means_a_bus_reset(void **state)
{
	struct vionet_device_info info = { .struct_size = sizeof(info) };
	struct vionet_device *device;

	(void)state;
	model_create(&model);
	assert_int_equal(open_model(model, NULL, &device), 0);
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

/* NOTIF_CONFIG_DATA and RING_RESET need registers that this structure ends before. */
/* proves: PCI-33 GEN-20 */
static void feature_without_its_register_is_not_taken(void **state)
{
	struct vionet_device *device;

	(void)state;
	model_create(&model)->offered[0] |= 1ull << 39 | 1ull << 40;
	model->config[0x40 + 12] = 0x38;
	assert_int_equal(open_model(model, NULL, &device), 0);
	assert_true((model->accepted[0] & (1ull << 39 | 1ull << 40)) == 0);
	assert_int_equal(vionet_device_close(device), 0);
}

static void roles_without_multiqueue(void **state)
{
	struct vionet_queue_info info = { .struct_size = sizeof(info) };
	struct vionet_device_info device_info = { .struct_size = sizeof(device_info) };
	struct vionet_device *device;

	(void)state;
	model_create(&model)->offered[0] |= 1ull << 17 | 1ull << 22;
	assert_int_equal(open_model(model, NULL, &device), 0);
	assert_int_equal(vionet_device_queue_info(device, 2, &info), 0);
	assert_string_equal(info.role, "control");
	assert_int_equal(vionet_device_queue_info(device, 3, &info), -ENOENT);
	assert_int_equal(vionet_device_info(device, &device_info), 0);
	assert_int_equal(device_info.max_queue_pairs, 1);
	assert_int_equal(vionet_device_close(device), 0);
}

static void unknown_flags_are_refused(void **state)
{
	struct vionet_open_options open_options = { .struct_size = sizeof(open_options),
						    .flags = 1u << 30 };
	struct vionet_start_options options = { .struct_size = sizeof(options),
						.flags = 1u << 30 };
	struct vionet_device *device;

	(void)state;
	assert_int_equal(vionet_device_open("00:04.0", &open_options, &device),
			 -EINVAL);
	assert_text("0x40000000");
	model_create(&model);
	assert_int_equal(open_model(model, NULL, &device), 0);
	assert_int_equal(vionet_device_start(device, &options), -EINVAL);
	assert_int_equal(model->status, 1 | 2 | 8);
	assert_int_equal(vionet_device_close(device), 0);
}

/* Each has a largest value. Of a device that is not there: what is refused comes first. */
static void limits_of_options(void **state)
{
	static const struct {
		struct vionet_open_options options;
		const char *text; /* of one more */
	} rows[] = {
		{ { .control_timeout_ms = 60000 }, "60001 ms for a control command; at most 60000" },
		{ { .reset_timeout_ms = 600000 }, "ms for a reset; at most 600000" },
		{ { .reply_timeout_ms = 600000 }, "ms for replies; at most 600000" },
		{ { .iommu = VIONET_IOMMU_NONE }, "there is no kind of IOMMU with the number" },
	};
	struct vionet_open_options token = { .struct_size = sizeof(token), .vf_token = "83d7e1bf" };
	struct vionet_start_options start = { .struct_size = sizeof(start), .queue_pairs = VIONET_QUEUE_PAIRS_MAX };
	struct vionet_device *device;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct vionet_open_options o = rows[i].options;

		o.struct_size = sizeof(o);
		assert_true(vionet_device_open("ffff:ff:1f.7", &o, &device) < 0);
		assert_null(strstr(vionet_error_text(), "at most"));
		assert_null(strstr(vionet_error_text(), "there is no kind"));
		o.control_timeout_ms += i == 0;
		o.reset_timeout_ms += i == 1;
		o.reply_timeout_ms += i == 2;
		o.iommu += i == 3;
		assert_int_equal(vionet_device_open("ffff:ff:1f.7", &o, &device), -EINVAL);
		assert_text(rows[i].text);
	}
	assert_int_equal(vionet_device_open("ffff:ff:1f.7", &token, &device), -EINVAL);
	assert_text("the VF token '83d7e1bf' is no UUID");
	token.vf_token = "83d7e1bf-6c4a-4b5f-9d0e-2f6a5c1b8e34";
	assert_int_equal(vionet_device_open("vhost-user:/nonexistent/x", &token, &device), -EINVAL);
	assert_text("a VF token is for PCI functions; leave it out");
	model_create(&model);
	assert_int_equal(open_model(model, NULL, &device), 0);
	assert_int_equal(vionet_device_start(device, &start), -ENOTSUP);
	assert_text("the device has 1 queue pair, not 128");
	start.queue_pairs++;
	assert_int_equal(vionet_device_start(device, &start), -EINVAL);
	assert_text("129 queue pairs; at most 128");
	assert_int_equal(vionet_device_close(device), 0);
}

/* The device has more than one, but no way was taken to use them. */
static void pairs_that_were_avoided(void **state)
{
	struct vionet_open_options options = { .struct_size = sizeof(options) };
	struct vionet_start_options start = { .struct_size = sizeof(start), .queue_pairs = 2 };
	struct vionet_device *device;

	(void)state;
	options.avoid.word[0] = 1ull << 22;
	model_create(&model)->offered[0] |= 1ull << 22;
	model->net_config[8] = 4;
	model->queues = 9;
	assert_int_equal(open_model(model, &options, &device), 0);
	assert_int_equal(vionet_device_start(device, &start), -ENOTSUP);
	assert_text("2 queue pairs need MQ or RSS, and neither was accepted");
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
	assert_int_equal(vionet_device_open("carrier-pigeon:/x", NULL,
					    &device), -EINVAL);
	assert_text("there are no devices of the kind 'carrier-pigeon'");
	assert_int_equal(vionet_device_open("eth0", NULL, &device), -EINVAL);
	assert_int_equal(vionet_device_open("", NULL, &device), -EINVAL);
	assert_int_equal(vionet_device_open("ffff:ff:1f.7", NULL, &device),
			 -ENODEV);
}

/* Nothing happens to it. */
static void what_this_device_cannot_do(void **state)
{
	struct env *env = env_start(16, 16, 0, 0);

	(void)state;
	assert_int_equal(vionet_device_reconnect(env->device, 1000), -ENOTSUP);
	assert_text("reconnect: there is nothing to connect to");
	assert_int_equal(vionet_device_migrate(env->device, "vfio-user:/nowhere", NULL), -ENOTSUP);
	assert_text("only a function behind a vfio-user server can move");
	assert_int_equal(vionet_queue_check(env->rx), 0);
	env_stop(env);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
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
		cmocka_unit_test(limits_of_options),
		cmocka_unit_test(pairs_that_were_avoided),
		cmocka_unit_test(names_of_devices),
		cmocka_unit_test(what_this_device_cannot_do),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
