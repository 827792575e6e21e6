/* SPDX-License-Identifier: BSD-3-Clause */
/* The control side against the software device, a process behind vfio-user, which checks
 * the driver against the specification: with --strict its exit status is not 0 after a
 * violation. VIONET_SOFTNIC names the program. */
#include "tests/unit/test.h"

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "tests/unit/loopback.h"
#include "tests/unit/stopwatch.h"

/* Send frames on a pair and get them back, on whichever queue. */
static unsigned int exchange(struct loopback *loop, unsigned int pair, unsigned int pairs)
{
	struct vionet_queue *tx = vionet_device_tx_queue(loop->device, pair);
	struct vionet_device_info info = { .struct_size = sizeof(info) };
	unsigned int received = 0;

	OK(vionet_device_info(loop->device, &info));
	for (unsigned int i = 0; i < 32; i++) {
		struct vionet_packet *packet;

		assert_int_equal(vionet_packet_alloc(vionet_queue_pool(tx),
						     &packet, 1), 1);
		memset(packet->data, 0, 64);
		memcpy(packet->data, info.mac, 6);
		memcpy(packet->data + 6, info.mac, 6);
		packet->data[12] = 0x88;
		packet->data[13] = 0xb5;
		packet->length = 64;
		assert_int_equal(vionet_queue_transmit(tx, &packet, 1), 1);
	}
	OK(vionet_queue_drain(tx, 60000));
	for (double limit = watch_clock() + TEST_TIMEOUT_S;
	     received < 32 && watch_clock() < limit;) {
		for (unsigned int p = 0; p < pairs; p++) {
			struct vionet_packet *packets[32];
			uint32_t n = vionet_queue_receive(
				vionet_device_rx_queue(loop->device, p), packets,
				32);

			vionet_packet_free(packets, n);
			received += n;
		}
		if (received < 32)
			poll(NULL, 0, 5);
	}
	return received;
}

static void tell_everything(struct vionet_device *d)
{
	static const uint8_t own[6] = { 0x02, 1, 2, 3, 4, 5 };
	static const uint8_t uni[1][6] = { { 0x02, 7 } };
	static const uint8_t multi[2][6] = { { 0x33, 0x33, 1 }, { 1, 0, 0x5e } };
	struct vionet_coalescing c = { sizeof(c), 3, 4, 0 },
		got = { .struct_size = sizeof(got) };
	struct vionet_queue *rx = vionet_device_rx_queue(d, 1);

	OK(vionet_mac_set(d, own));
	for (unsigned int m = 0; m < 6; m++) {
		OK(vionet_filter_mode_set(d, (enum vionet_filter_mode)m, true));
		OK(vionet_filter_mode_set(d, (enum vionet_filter_mode)m, false));
	}
	OK(vionet_filter_macs_set(d, uni, 1, multi, 2));
	OK(vionet_filter_vlan_add(d, 10));
	OK(vionet_filter_vlan_add(d, 11));
	OK(vionet_filter_vlan_delete(d, 10));
	OK(vionet_offloads_set(d, 0));
	OK(vionet_coalescing_set(d, true, &c));
	OK(vionet_coalescing_set(d, false, &c));
	c.max_packets = 5;
	OK(vionet_queue_coalescing_set(rx, &c));
	OK(vionet_queue_coalescing_read(rx, &got));
	assert_int_equal(got.max_packets, 5);
	assert_int_equal(got.max_usecs, 4);
	c.max_packets = c.max_usecs = 0;
	OK(vionet_coalescing_set(d, false, &c));
	OK(vionet_coalescing_set(d, true, &c));
}

/* Without filter features the driver receives all frames, for any address, tagged or not. */
static void nothing_is_filtered_without_a_request(void **state)
{
	char *options[] = { "--features=all", NULL };
	struct loopback *loop = loopback_start(options);
	struct vionet_features before = loopback_want;
	struct vionet_packet *packet, *packets[8];
	struct vionet_queue *tx;
	uint32_t received = 0;

	(void)state;
	memset(&loopback_want, 0, sizeof(loopback_want));
	loopback_open(loop, 1);
	loopback_want = before;
	tx = vionet_device_tx_queue(loop->device, 0);
	for (unsigned int i = 0; i < 4; i++) {
		static const uint8_t ends[2][2] = { { 0x88, 0xb5 }, { 0x81, 0 } };

		assert_int_equal(vionet_packet_alloc(vionet_queue_pool(tx),
						     &packet, 1), 1);
		memset(packet->data, 0x10 * i + 3, 64);
		packet->data[0] = i < 2 ? 2 : 3;
		memcpy(packet->data + 12, ends[i % 2], 2);
		packet->length = 64;
		assert_int_equal(vionet_queue_transmit(tx, &packet, 1), 1);
	}
	for (double limit = watch_clock() + TEST_TIMEOUT_S;
	     received < 4 && watch_clock() < limit;) {
		uint32_t n = vionet_queue_receive(
			vionet_device_rx_queue(loop->device, 0), packets, 8);

		vionet_packet_free(packets, n);
		received += n;
		poll(NULL, 0, 5);
	}
	assert_int_equal(received, 4);
	loopback_finish(loop, 0);
}

static void check_stats(struct loopback *loop, unsigned int pairs)
{
	struct vionet_stat s[VIONET_STATS_MAX];
	uint64_t packets = 0;
	unsigned int count;

	for (unsigned int i = 0; i <= 2 * pairs; i++) {
		/* The control queue is behind all pairs that the device has. */
		unsigned int index = i < 2 * pairs ? i : 8;

		OK(vionet_stats_read(loop->device, index, s, sizeof(*s),
					VIONET_STATS_MAX, &count));
		assert_true(count != 0);
		for (unsigned int k = 0; k < count; k++)
			if (strcmp(s[k].name, "tx_packets") == 0)
				packets += s[k].value;
	}
	assert_true(packets >= 32);
}

static void everything_is_accepted_without_a_violation(void **state)
{
	static char *const layouts[] = {
		"--features=all", "--features=all,-IN_ORDER",
		"--features=all,-RING_PACKED",
		"--features=all,-RING_PACKED,-IN_ORDER,-INDIRECT_DESC,-EVENT_IDX",
	};

	(void)state;
	for (unsigned int layout = 0; layout < 4; layout++) {
		char *options[] = { layouts[layout], NULL };
		struct loopback *loop = loopback_start(options);
		struct vionet_steering_limits limits = { .struct_size = sizeof(limits) };
		struct vionet_rss rss = { .struct_size = sizeof(rss) };
		struct vionet_recovery report = { .struct_size = sizeof(report) };
		uint16_t contexts;

		loopback_open(loop, 3);
		OK(vionet_steering_limits(loop->device, &limits));
		assert_int_equal(limits.queue_pairs, 4);
		assert_int_equal(exchange(loop, 2, 3), 32);
		tell_everything(loop->device);
		OK(vionet_queue_pairs_set(loop->device, 2));
		OK(vionet_rss_set(loop->device, &rss));
		OK(vionet_hash_tunnels_set(loop->device, limits.tunnel_types));
		OK(vionet_rss_context_limit(loop->device, &contexts));
		if (contexts != 0) {
			OK(vionet_rss_context_add(loop->device, 1, &rss));
			rss.unclassified = 1;
			OK(vionet_rss_context_modify(loop->device, 1, &rss));
		}
		assert_int_equal(exchange(loop, 1, 3), 32);
		check_stats(loop, 3);
		OK(vionet_queue_reset(vionet_device_tx_queue(loop->device, 1),
				      NULL));
		OK(vionet_queue_resize(vionet_device_rx_queue(loop->device, 0), 32,
				       NULL));
		assert_int_equal(exchange(loop, 1, 3), 32);
		OK(vionet_device_recover(loop->device, &report));
		print_message("recovery: %.1f ms\n", report.milliseconds);
		assert_int_equal(exchange(loop, 1, 3), 32);
		OK(vionet_device_suspend(loop->device));
		OK(vionet_device_resume(loop->device));
		assert_int_equal(exchange(loop, 0, 3), 32);
		if (contexts != 0)
			OK(vionet_rss_context_delete(loop->device, 1));
		OK(vionet_queue_pairs_set(loop->device, 1));
		assert_int_equal(exchange(loop, 0, 3), 32);
		loopback_finish(loop, 0);
	}
}

/* Send a command to the device's control socket; the reply is "ok". */
static void tell_device(const char *path, const char *line)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	char answer[16] = "";
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	assert_int_equal(connect(fd, (struct sockaddr *)&address,
				 sizeof(address)), 0);
	assert_int_equal(write(fd, line, strlen(line)), strlen(line));
	assert_true(read(fd, answer, sizeof(answer) - 1) > 0);
	assert_string_equal(answer, "ok\n");
	close(fd);
}

/* An uncorrectable error of the bus (AER): an event; recovery restores everything. */
static void a_bus_error_is_reported_and_recovered(void **state)
{
	char path[64], control[80];
	char *options[] = { "--features=all", control, NULL };
	struct vionet_recovery report = { .struct_size = sizeof(report) };
	uint32_t events = 0;
	struct loopback *loop;

	(void)state;
	snprintf(path, sizeof(path), "/tmp/vionet-control-%d", getpid());
	snprintf(control, sizeof(control), "--control=%s", path);
	loop = loopback_start(options);
	loopback_open(loop, 3);
	tell_everything(loop->device);
	OK(vionet_queue_pairs_set(loop->device, 2));
	assert_int_equal(exchange(loop, 1, 3), 32);
	tell_device(path, "error\n");
	for (double limit = watch_clock() + TEST_TIMEOUT_S;
	     events == 0 && watch_clock() < limit;) {
		poll(NULL, 0, 5);
		OK(vionet_device_events(loop->device, &events));
	}
	assert_true(events & VIONET_EVENT_ERROR);
	OK(vionet_device_recover(loop->device, &report));
	print_message("recovery: %.1f ms\n", report.milliseconds);
	assert_int_equal(exchange(loop, 1, 3), 32);
	OK(vionet_device_events(loop->device, &events));
	assert_false(events & VIONET_EVENT_ERROR);
	loopback_finish(loop, 0);
}

/* A transitional device, by its modern interface. */
static void a_transitional_device_works(void **state)
{
	char *options[] = { "--transitional", NULL };
	struct loopback *loop = loopback_start(options);

	(void)state;
	loopback_open(loop, 2);
	assert_int_equal(exchange(loop, 1, 2), 32);
	loopback_finish(loop, 0);
}

/* Fewer vectors than queues, or none. */
static void fewer_vectors_will_do(void **state)
{
	static char *const vectors[] = {
		"--vectors=0", "--vectors=1", "--vectors=2", "--vectors=3",
		"--vectors=5",
	};

	(void)state;
	for (unsigned int i = 0; i < 5; i++) {
		char *options[] = { vectors[i], NULL };
		struct loopback *loop = loopback_start(options);

		loopback_open(loop, 4);
		for (unsigned int pair = 0; pair < 4; pair++)
			assert_int_equal(exchange(loop, pair, 4), 32);
		loopback_finish(loop, 0);
	}
}

/* The device's own faults of the control queue; packets go on in each case. */
static void faults_of_the_control_queue(void **state)
{
	static const struct {
		char *fault;
		int result;
	} rows[] = {
		{ "--fault=H01", -ETIMEDOUT }, { "--fault=H02", -ETIMEDOUT },
		{ "--fault=H03", -EREMOTEIO }, { "--fault=H04", -EIO },
		{ "--fault=H05", -EREMOTEIO }, { "--fault=H09", -EIO },
	};

	(void)state;
	for (unsigned int i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char *options[] = { "--features=all", rows[i].fault, NULL };
		struct loopback *loop = loopback_start(options);
		int result;

		loopback_open(loop, 1);
		result = vionet_filter_mode_set(loop->device,
						VIONET_FILTER_ALLMULTI, true);
		if (result != rows[i].result)
			fail_msg("%s: %d, %s", rows[i].fault, result,
				 vionet_error_text());
		if (rows[i].result != -EIO || i == 3)
			assert_int_equal(exchange(loop, 0, 1), 32);
		if (i == 1) {
			/* A reply that comes a second late is discarded. */
			poll(NULL, 0, 700);
			OK(vionet_control_check(loop->device));
		}
		loopback_finish(loop, 0);
	}
}

/* A loop that only transmits, and reads no events, notices too. */
static void queues_report_the_end_of_the_device(void **state)
{
	static char *const faults[] = { "--fault=J01", "--fault=J02", "--fault=J12" };

	(void)state;
	for (unsigned int i = 0; i < 3; i++) {
		char *options[] = { faults[i], NULL };
		struct loopback *loop = loopback_start(options);
		struct vionet_queue *tx;

		loopback_open(loop, 1);
		tx = vionet_device_tx_queue(loop->device, 0);
		while (vionet_queue_check(tx) == 0) {
			struct vionet_packet *packet;

			vionet_queue_reclaim(tx);
			if (vionet_packet_alloc(vionet_queue_pool(tx), &packet, 1) == 0)
				continue;
			memset(packet->data, 0xff, 64);
			packet->length = 64;
			if (vionet_queue_transmit(tx, &packet, 1) == 0)
				vionet_packet_free(&packet, 1);
		}
		assert_int_equal(vionet_queue_check(tx), -EIO);
		assert_int_equal(vionet_queue_drain(tx, 60000), -EIO);
		OK(vionet_device_recover(loop->device, NULL));
		OK(vionet_queue_check(tx));
		loopback_finish(loop, 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(everything_is_accepted_without_a_violation),
		cmocka_unit_test(nothing_is_filtered_without_a_request),
		cmocka_unit_test(a_bus_error_is_reported_and_recovered),
		cmocka_unit_test(a_transitional_device_works),
		cmocka_unit_test(fewer_vectors_will_do),
		cmocka_unit_test(faults_of_the_control_queue),
		cmocka_unit_test(queues_report_the_end_of_the_device),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
