/* SPDX-License-Identifier: BSD-3-Clause */
/* The vhost-user transport and the software device as a back end that keeps to the protocol:
 * negotiation, memory, rings, events, reconnection. */
#include "tests/unit/vhost_user_env.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>

static struct vionet_device *open_started(struct backend *b, const char *options)
{
	struct vionet_start_options start = { .struct_size = sizeof(start),
					      .rx_queue_size = 16,
					      .tx_queue_size = 16 };
	struct vionet_device *device;

	if (open_backend(b, options, &device) ||
	    vionet_device_start(device, &start))
		fail_msg("%s", vionet_error_text());
	return device;
}

/* ---- negotiation ---- */

static void everything_is_used_where_offered(void **state)
{
	struct backend *b = *state;
	struct vionet_device *device = open_started(b, "");
	struct vionet_device_info info = { .struct_size = sizeof(info) };
	struct vionet_pci_details details = { .struct_size = sizeof(details) };

	assert_int_equal(vionet_device_info(device, &info), 0);
	assert_string_equal(info.transport, "vhost-user");
	assert_memory_equal(info.mac, "\x02\x11\x22\x33\x44\x55", 6);
	assert_true(info.mac_from_device);
	assert_int_equal(info.mtu, 1500);
	assert_int_equal(info.queues, 4);
	assert_int_equal(info.status, 1 | 2 | 4 | 8);
	assert_int_equal(vionet_device_pci_details(device, &details), -ENOTSUP);
	LOCKED(b, {
		assert_int_equal(b->acked_protocol, PF_ALL);
		assert_int_equal(b->acked, b->features);
		assert_int_equal(b->proxy.status, 1 | 2 | 4 | 8);
		assert_int_equal(b->proxy.count[RQ_SET_OWNER], 1);
		assert_int_equal(b->proxy.count[RQ_SET_MEM_TABLE], 0);
		assert_int_equal(b->proxy.count[RQ_SET_INFLIGHT_FD], 1);
		assert_int_equal(b->inflight_queues, 2);
		assert_int_equal(b->inflight_size, 16);
		assert_int_equal(b->queue[0].base, 0);
	});
	turn_frames(device, 0, 1000);
	assert_int_equal(vionet_device_stop(device), 0);
	LOCKED(b, {
		assert_int_equal(b->proxy.count[RQ_GET_VRING_BASE], 2);
		assert_true(b->proxy.count[RQ_RESET_DEVICE] >= 1);
		assert_int_equal(b->proxy.status, 0);
		assert_int_equal(b->queue[1].end, 1000);
	});
	assert_int_equal(vionet_device_close(device), 0);
}

/* The oldest kind: no protocol features at all. */
static void nothing_is_needed(void **state)
{
	struct backend *b = *state;
	struct vionet_device *device;
	struct vionet_device_info info = { .struct_size = sizeof(info) };

	LOCKED(b, b->features &= ~(1ull << 30));
	device = open_started(b, "");
	turn_frames(device, 0, 100);
	assert_int_equal(vionet_device_info(device, &info), 0);
	assert_false(info.mac_from_device);
	assert_int_equal(info.queues, 2);
	LOCKED(b, {
		assert_int_equal(b->proxy.count[RQ_GET_PROTOCOL_FEATURES], 0);
		assert_int_equal(b->proxy.count[RQ_SET_VRING_ENABLE], 0);
		assert_true(b->proxy.count[RQ_SET_MEM_TABLE] > 0);
		/* The back end has acknowledged the table before a ring is set up. */
		assert_true(b->proxy.count[RQ_GET_FEATURES] >
			    b->proxy.count[RQ_SET_MEM_TABLE]);
	});
	assert_int_equal(vionet_device_stop(device), 0);
	assert_int_equal(vionet_device_start(device, NULL), 0);
	turn_frames(device, 0, 100);
	assert_int_equal(vionet_device_close(device), 0);
}

/* Each protocol feature alone. */
static void each_feature_by_itself(void **state)
{
	struct backend *b = *state;

	for (unsigned int bit = 0; bit < 17; bit++) {
		struct vionet_device *device;

		LOCKED(b, b->protocol = 1u << bit);
		device = open_started(b, "");
		turn_frames(device, 0, 40);
		LOCKED(b, assert_int_equal(b->acked_protocol, PF_ALL & 1u << bit));
		assert_int_equal(vionet_device_close(device), 0);
	}
}

/* The transport's own bits are no device features, and a memory table replaces
 * ACCESS_PLATFORM. */
static void bits_of_the_carrier_stay_there(void **state)
{
	struct backend *b = *state;
	struct vionet_device *device;
	struct vionet_device_info info = { .struct_size = sizeof(info) };

	LOCKED(b, b->features |= 1ull << 33 | 1ull << 26 | 1ull << 17 |
				 1ull << 38 | 1ull << 39 | 1ull << 40);
	device = open_started(b, "");
	assert_int_equal(vionet_device_info(device, &info), 0);
	assert_int_equal(info.offered.word[0] &
			 (1ull << 33 | 1ull << 26 | 1ull << 30 | 1ull << 17 |
			  7ull << 38), 0);
	LOCKED(b, {
		assert_int_equal(b->acked >> 33 & 1, 0);
		assert_int_equal(b->acked >> 30 & 1, 1);
	});
	assert_int_equal(vionet_device_close(device), 0);
}

static void legacy_only_is_refused(void **state)
{
	struct backend *b = *state;
	struct vionet_device *device;

	LOCKED(b, b->features &= ~(1ull << 32));
	assert_int_equal(open_backend(b, "", &device), -ENOTSUP);
	assert_text("VERSION_1");
	assert_null(device);
}

/* ---- memory ---- */

static void addresses_are_no_pointers(void **state)
{
	struct backend *b = *state;
	struct vionet_device *device = open_started(b, "");
	struct vionet_pool *pool =
		vionet_queue_pool(vionet_device_tx_queue(device, 0));
	struct vionet_packet *packet;

	assert_int_equal(vionet_packet_alloc(pool, &packet, 1), 1);
	LOCKED(b, {
		assert_true(backend_regions(b) > 0);
		for (unsigned int i = 0; i < PROXY_WINDOWS; i++) {
			const struct proxy_window *w = &b->proxy.window[i];
			uint64_t p = (uintptr_t)packet->data;

			if (!w->used)
				continue;
			assert_true(w->user != 0);
			assert_int_equal(w->user, w->address);
			assert_false(p >= w->user && p < w->user + w->size);
		}
	});
	vionet_packet_free(&packet, 1);
	assert_int_equal(vionet_device_close(device), 0);
}

/* Eight regions are enough for many pools; the back end knows a new region before a frame
 * can be in it. */
static void regions_are_few(void **state)
{
	struct backend *b = *state;
	struct vionet_device *device;
	struct vionet_pool *pool[9];
	struct vionet_pool_options big = { .struct_size = sizeof(big), .count = 1024,
					   .access = VIONET_DEVICE_READS };

	LOCKED(b, b->protocol &= ~PF_MEM_SLOTS);
	device = open_started(b, "");
	LOCKED(b, assert_int_equal(backend_regions(b), 2));
	for (unsigned int i = 0; i < 9; i++)
		assert_int_equal(vionet_pool_create(device, &big, &pool[i]), 0);
	LOCKED(b, assert_true(backend_regions(b) > 2 && backend_regions(b) <= 6));
	turn_frames(device, 0, 50);
	for (unsigned int i = 0; i < 9; i++)
		vionet_pool_destroy(pool[i]);
	LOCKED(b, assert_int_equal(backend_regions(b), 2));
	/* Freed room is used again. */
	for (unsigned int i = 0; i < 50; i++) {
		assert_int_equal(vionet_pool_create(device, &big, &pool[0]), 0);
		vionet_pool_destroy(pool[0]);
	}
	turn_frames(device, 50, 50);
	LOCKED(b, assert_int_equal(backend_regions(b), 2));
	assert_int_equal(vionet_device_close(device), 0);
}

static void slots_are_respected(void **state)
{
	struct backend *b = *state;
	struct vionet_pool_options big = { .struct_size = sizeof(big), .count = 1024,
					   .access = VIONET_DEVICE_READS };
	struct vionet_pool *pool[4];
	struct vionet_device *device;
	unsigned int made = 0;
	int result = 0;

	LOCKED(b, b->slots = 1);
	assert_int_equal(open_backend(b, "", &device), 0);
	assert_int_equal(vionet_device_start(device, NULL), -ENOSPC);
	assert_text("no more than 1 memory regions");
	assert_int_equal(vionet_device_close(device), 0);
	LOCKED(b, b->slots = 2);
	device = open_started(b, "");
	while (made < 4 && result == 0) {
		result = vionet_pool_create(device, &big, &pool[made]);
		made += result == 0;
	}
	assert_int_equal(result, -ENOSPC);
	assert_text("no more than 2 memory regions");
	turn_frames(device, 0, 50);
	while (made != 0)
		vionet_pool_destroy(pool[--made]);
	assert_int_equal(vionet_device_close(device), 0);
}

static void unregistered_memory_is_refused(void **state)
{
	struct backend *b = *state;
	struct vionet_device *device = open_started(b, "");
	struct vionet_memory *memory;
	void *place = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	assert_int_equal(vionet_memory_register(device, place, 4096,
						VIONET_DEVICE_READS, &memory),
			 -ENOTSUP);
	assert_null(memory);
	munmap(place, 4096);
	assert_int_equal(vionet_device_close(device), 0);
}

/* The back end cannot map for writing what it only reads. */
static void read_only_memory_is_sealed(void **state)
{
	struct backend *b = *state;
	struct vionet_device *device = open_started(b, ",read-only");
	unsigned int sealed = 0, open = 0;

	LOCKED(b, {
		for (unsigned int i = 0; i < PROXY_WINDOWS; i++)
			if (!b->proxy.window[i].used)
				continue;
			else if (b->proxy.window[i].seals & 0x10)
				sealed++;
			else
				open++;
	});
	/* Small queues: one region for what it reads, one for what it writes. */
	assert_int_equal(sealed, 1);
	assert_int_equal(open, 1);
	turn_frames(device, 0, 100);
	assert_int_equal(vionet_device_close(device), 0);
}

/* ---- waiting and events ---- */

static void interrupts_arrive(void **state)
{
	struct backend *b = *state;
	struct vionet_device *device = open_started(b, "");
	struct vionet_queue *rx = vionet_device_rx_queue(device, 0);
	struct vionet_queue *tx = vionet_device_tx_queue(device, 0);
	struct vionet_packet *packet;
	struct watch begin = watch_start();

	assert_int_equal(vionet_packet_alloc(vionet_queue_pool(tx), &packet, 1), 1);
	packet->length = 60;
	assert_int_equal(vionet_queue_transmit(tx, &packet, 1), 1);
	assert_int_equal(vionet_queue_wait(rx, 0, 60000), 1);
	assert_true(watch_own(begin) < 0.9);
	assert_int_equal(vionet_queue_receive(rx, &packet, 1), 1);
	vionet_packet_free(&packet, 1);
	assert_int_equal(vionet_device_close(device), 0);
}

static void no_interrupts_on_request(void **state)
{
	struct backend *b = *state;
	struct vionet_start_options start = { .struct_size = sizeof(start),
					      .flags = VIONET_START_NO_INTERRUPTS };
	struct vionet_device *device;

	assert_int_equal(open_backend(b, "", &device), 0);
	assert_int_equal(vionet_device_start(device, &start), 0);
	LOCKED(b, assert_int_equal(b->queue[0].call, -1));
	turn_frames(device, 0, 50);
	assert_int_equal(vionet_device_close(device), 0);
}

static bool wait_events(struct vionet_device *device, uint32_t wanted)
{
	struct pollfd waits = { .fd = vionet_device_event_fd(device),
				.events = POLLIN };
	double limit = watch_clock() + TEST_TIMEOUT_S;
	uint32_t events = 0;

	while (!(events & wanted) && watch_clock() < limit) {
		poll(&waits, 1, 100);
		assert_int_equal(vionet_device_events(device, &events), 0);
	}
	return (events & wanted) != 0;
}

static void configuration_changes_are_announced(void **state)
{
	struct backend *b = *state;
	struct vionet_device *device = open_started(b, "");
	struct vionet_link link = { .struct_size = sizeof(link) };
	uint64_t answer = 9;

	assert_int_equal(vionet_device_link(device, &link), 0);
	assert_true(link.up);
	LOCKED(b, b->config[6] = 0);
	backend_request(b, 2, true, false);
	assert_true(wait_events(device, VIONET_EVENT_LINK));
	assert_true(backend_replied(b, &answer));
	assert_int_equal(answer, 0);
	assert_int_equal(vionet_device_link(device, &link), 0);
	assert_false(link.up);
	assert_int_equal(vionet_device_close(device), 0);
}

static void ring_errors_are_reported(void **state)
{
	struct backend *b = *state;
	struct vionet_device *device = open_started(b, "");

	backend_ring_error(b, 1);
	assert_true(wait_events(device, VIONET_EVENT_NEEDS_RESET));
	assert_int_equal(vionet_device_stop(device), 0);
	assert_int_equal(vionet_device_start(device, NULL), 0);
	turn_frames(device, 0, 50);
	assert_int_equal(vionet_device_close(device), 0);
}

/* ---- the socket ---- */

static void a_back_end_connects(void **state)
{
	struct backend *b = backend_create(true);
	struct vionet_device *device = open_started(b, ",server,wait=5");

	turn_frames(device, 0, 100);
	backend_hang_up(b);
	assert_true(wait_events(device, VIONET_EVENT_NEEDS_RESET));
	assert_int_equal(vionet_device_reconnect(device, 5000), 0);
	turn_frames(device, 100, 100);
	assert_int_equal(vionet_device_close(device), 0);
	assert_int_not_equal(access(b->proxy.path, F_OK), 0);
	backend_destroy(b);
	(void)state;
}

/* A path of this process: builds of other kinds run the same test beside it. */
static void own_path(char path[80], const char *name)
{
	snprintf(path, 80, "/tmp/vionet-test-%s-%d", name, (int)getpid());
}

static int open_at(const char *path, const char *options, struct vionet_device **device)
{
	char name[128];

	snprintf(name, sizeof(name), "vhost-user:%s%s", path, options);
	return vionet_device_open(name, NULL, device);
}

static void waiting_has_a_limit(void **state)
{
	struct vionet_device *device;
	struct watch begin = watch_start();
	char path[80];

	(void)state;
	own_path(path, "nobody");
	assert_int_equal(open_at(path, ",server,wait=1", &device), -ENXIO);
	assert_text("no back end has connected");
	assert_true(watch_within(begin, 0.9, 3));
	assert_int_not_equal(access(path, F_OK), 0);
	assert_int_equal(open_at(path, "", &device), -ENODEV);
	assert_text("start the back end that makes it");
	assert_null(device);
}

static void names(void **state)
{
	static const char *const bad[] = {
		"vhost-user:",
		"vhost-user:,server",
		"vhost-user:/x,",
		"vhost-user:/x,serve",
		"vhost-user:/x,wait=",
		"vhost-user:/x,wait=-1",
		"vhost-user:/x,wait=1x",
		"vhost-user:/x,wait=1,wait=1",
		"vhost-user:/x,server,wait=1,server",
		"vhost-user:/x,wait=3601",
		"vhost-user:/x,server,server2",
		"vhost-user:/x,wait=+5",
		"vhost-user:/x,wait=00000000000000000000000000000000005",
	};
	char longest[200] = "vhost-user:";
	struct vionet_device *device;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (vionet_device_open(bad[i], NULL, &device) != -EINVAL)
			fail_msg("%s", bad[i]);
	memset(longest + 11, 'a', 150);
	assert_int_equal(vionet_device_open(longest, NULL, &device), -EINVAL);
	assert_text("1 to 107 characters");
}

/* The left-over socket of a dead process is replaced; nothing else is. */
static void only_stale_sockets_are_replaced(void **state)
{
	struct backend *b = *state;
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	struct vionet_device *device;

	own_path(at.sun_path, "left-over");
	unlink(at.sun_path);
	assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof(at)), 0);
	close(fd);
	assert_int_equal(open_at(at.sun_path, ",server,wait=0", &device), -ENXIO);
	assert_int_equal(open_backend(b, ",server,wait=0", &device), -EBUSY);
	assert_text("another process listens");
	fd = open(at.sun_path, O_CREAT | O_WRONLY, 0600);
	close(fd);
	assert_int_equal(open_at(at.sun_path, ",server,wait=0", &device), -EINVAL);
	assert_text("no socket");
	assert_int_equal(unlink(at.sun_path), 0);
}

/* ---- another back end ---- */

static void stop_and_start_connect_again(void **state)
{
	struct backend *b = *state;
	struct vionet_device *device = open_started(b, "");
	struct vionet_link link = { .struct_size = sizeof(link) };

	turn_frames(device, 0, 20);
	backend_hang_up(b);
	assert_true(wait_events(device, VIONET_EVENT_NEEDS_RESET));
	assert_int_equal(vionet_device_link(device, &link), -ENOTCONN);
	assert_text("has closed the connection");
	assert_int_equal(vionet_device_stop(device), 0);
	assert_int_equal(vionet_device_start(device, NULL), 0);
	turn_frames(device, 0, 100);
	LOCKED(b, assert_int_equal(b->proxy.sessions, 2));
	assert_int_equal(vionet_device_close(device), 0);
}

/* The second back end sends the frames that the first had taken: each once, none lost. */
static void rings_go_on(void **state)
{
	struct backend *b = *state;
	struct vionet_device *device = open_started(b, "");
	struct vionet_queue *rx = vionet_device_rx_queue(device, 0);
	struct vionet_queue *tx = vionet_device_tx_queue(device, 0);
	struct vionet_packet *packet;
	uint64_t mark = 0xfeedface, got = 50;
	double limit = watch_clock() + TEST_TIMEOUT_S;
	int kick, kick_after;

	turn_frames(device, 0, 50);
	backend_device_fault(b, "+G07=0");
	for (uint64_t i = 50; i < 60; i++) {
		assert_int_equal(vionet_packet_alloc(vionet_queue_pool(tx),
						     &packet, 1), 1);
		memcpy(packet->data, &i, sizeof(i));
		packet->length = 100;
		assert_int_equal(vionet_queue_transmit(tx, &packet, 1), 1);
	}
	while (backend_taken(b, 1) < 60)
		assert_true(watch_clock() < limit);
	LOCKED(b, {
		assert_int_equal(pwrite(b->inflight_fd, &mark, 8, 0), 8);
		b->inflight_mark = 0;
		kick = b->proxy.count[RQ_GET_INFLIGHT_FD];
	});
	backend_hang_up(b);
	assert_true(wait_events(device, VIONET_EVENT_NEEDS_RESET));
	backend_device_fault(b, "-G07");
	assert_int_equal(vionet_device_reconnect(device, 1000), 0);
	for (; got < 60 && watch_clock() < limit;) {
		if (vionet_queue_receive(rx, &packet, 1) == 0)
			continue;
		assert_memory_equal(packet->data, &got, sizeof(got));
		vionet_packet_free(&packet, 1);
		got++;
	}
	assert_int_equal(got, 60);
	turn_frames(device, 60, 200);
	LOCKED(b, {
		kick_after = b->proxy.count[RQ_GET_INFLIGHT_FD];
		assert_int_equal(b->inflight_mark, mark);
		assert_int_equal(b->queue[0].base, 50);
		assert_int_equal(b->queue[1].base, 50);
	});
	/* The in-flight record is that of the first one. */
	assert_int_equal(kick, kick_after);
	assert_int_equal(vionet_device_close(device), 0);
}

static void a_lesser_successor_is_refused(void **state)
{
	struct backend *b = *state;
	struct vionet_device *device = open_started(b, "");
	struct vionet_queue_info info = { .struct_size = sizeof(info) };
	uint32_t events;

	backend_hang_up(b);
	LOCKED(b, b->features &= ~(1ull << 15));
	assert_int_equal(vionet_device_reconnect(device, 1000), -ENOTSUP);
	assert_text("does not offer");
	assert_int_equal(vionet_device_events(device, &events), 0);
	assert_true(events & VIONET_EVENT_NEEDS_RESET);
	LOCKED(b, b->features |= 1ull << 15);
	LOCKED(b, b->slots = 1);
	assert_int_equal(vionet_device_reconnect(device, 1000), -ENOTSUP);
	assert_text("memory regions");
	LOCKED(b, b->slots = 2); /* as many as are in use */
	LOCKED(b, b->queue_num = 1);
	assert_int_equal(vionet_device_reconnect(device, 1000), 0);
	turn_frames(device, 0, 100);
	/* What it lacks is known, where it is not in use. */
	assert_int_equal(vionet_device_queue_info(device, 2, &info), -ENOENT);
	assert_text("the device has 2");
	assert_int_equal(vionet_device_close(device), 0);
}

static void reconnecting_has_its_time(void **state)
{
	struct backend *b = *state;
	struct vionet_device *device;

	assert_int_equal(open_backend(b, "", &device), 0);
	assert_int_equal(vionet_device_reconnect(device, 0), -ENETDOWN);
	assert_text("not started");
	assert_int_equal(vionet_device_close(device), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, raise_backend, drop_backend)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(everything_is_used_where_offered),
		TEST(nothing_is_needed),
		TEST(each_feature_by_itself),
		TEST(bits_of_the_carrier_stay_there),
		TEST(legacy_only_is_refused),
		TEST(addresses_are_no_pointers),
		TEST(regions_are_few),
		TEST(slots_are_respected),
		TEST(unregistered_memory_is_refused),
		TEST(read_only_memory_is_sealed),
		TEST(interrupts_arrive),
		TEST(no_interrupts_on_request),
		TEST(configuration_changes_are_announced),
		TEST(ring_errors_are_reported),
		TEST(a_back_end_connects),
		TEST(waiting_has_a_limit),
		TEST(names),
		TEST(only_stale_sockets_are_replaced),
		TEST(stop_and_start_connect_again),
		TEST(rings_go_on),
		TEST(a_lesser_successor_is_refused),
		TEST(reconnecting_has_its_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
