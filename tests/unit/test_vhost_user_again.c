/* SPDX-License-Identifier: BSD-3-Clause */
/* Reconnection: the next back end may have fewer features, the last one may have
 * completed out of order or left something behind. */
#include "tests/unit/vhost_user_env.h"

#include <sys/eventfd.h>

#include <vionet/recovery.h>

#include "driver/state/device.h"

static struct vionet_device *open_started(struct backend *b)
{
	struct vionet_start_options start = { .struct_size = sizeof(start),
					      .rx_queue_size = 16,
					      .tx_queue_size = 16 };
	struct vionet_device *device;

	if (open_backend(b, "", &device) || vionet_device_start(device, &start))
		fail_msg("%s", vionet_error_text());
	return device;
}

static uint32_t events_of(struct vionet_device *device)
{
	uint32_t events;

	assert_int_equal(vionet_device_events(device, &events), 0);
	return events;
}

static bool hears_of(struct vionet_device *device, uint32_t event)
{
	double limit = watch_clock() + TEST_TIMEOUT_S;

	while (watch_clock() < limit)
		if (events_of(device) & event)
			return true;
	return false;
}

/* A loop that only transmits, or waits, and never reads events. */
static void queues_report_the_end_of_the_device(void **state)
{
	struct backend *b = *state;
	struct vionet_device *device = open_started(b);
	struct vionet_queue *tx = vionet_device_tx_queue(device, 0);
	struct vionet_queue *rx = vionet_device_rx_queue(device, 0);
	struct vionet_packet *packet;

	turn_frames(device, 0, 20);
	backend_hang_up(b);
	while (vionet_queue_check(tx) == 0)
		if (vionet_packet_alloc(vionet_queue_pool(tx), &packet, 1) == 1) {
			packet->length = 100;
			if (vionet_queue_transmit(tx, &packet, 1) == 0)
				vionet_packet_free(&packet, 1);
		} else {
			vionet_queue_reclaim(tx);
		}
	assert_int_equal(vionet_queue_check(tx), -EIO);
	assert_text("needs a reset");
	assert_int_equal(vionet_queue_wait(rx, 0, -1), -EIO);
	assert_int_equal(vionet_queue_drain(tx, 60000), -EIO);
	/* The next back end resumes from the rings. */
	if (vionet_device_reconnect(device, 5000))
		fail_msg("%s", vionet_error_text());
	assert_int_equal(vionet_queue_check(tx), 0);
	assert_int_equal(vionet_queue_drain(tx, 10000), 0);
	assert_int_equal(vionet_device_close(device), 0);
}

/* ---- a back end with less ---- */

/* More memory of its own than a table has room for. */
#define PIECES 9

static void add_pieces(struct vionet_device *device, struct vn_memory piece[PIECES],
		       uint64_t iova[PIECES])
{
	struct vn_transport *transport = device->transport;

	for (unsigned int i = 0; i < PIECES; i++) {
		assert_int_equal(vn_memory_alloc(4096, false, &piece[i]), 0);
		assert_int_equal(transport->ops->memory_add(transport, &piece[i],
							    VN_DEVICE_READS,
							    &iova[i]), 0);
	}
}

static void remove_pieces(struct vionet_device *device,
			  struct vn_memory piece[PIECES], uint64_t iova[PIECES])
{
	struct vn_transport *transport = device->transport;

	for (unsigned int i = 0; i < PIECES; i++) {
		assert_int_equal(transport->ops->memory_remove(transport, iova[i]),
				 0);
		vn_memory_free(&piece[i]);
	}
	assert_int_equal(transport->ops->memory_remove(transport, iova[0]), -ENOENT);
}

/* The first one takes single regions, the next one a table of eight. */
static struct vionet_device *open_with_pieces(struct backend *b,
					      struct vn_memory piece[PIECES],
					      uint64_t iova[PIECES])
{
	struct vionet_device *device = open_started(b);

	add_pieces(device, piece, iova);
	LOCKED(b, assert_int_equal(backend_regions(b), 2 + PIECES));
	backend_hang_up(b);
	LOCKED(b, b->protocol &= ~PF_MEM_SLOTS);
	return device;
}

static void check_refused(int result)
{
	assert_int_equal(result, -ENOTSUP);
	assert_text("8 memory regions");
	assert_text("are in use");
}

static void regions_at_start(void **state)
{
	struct backend *b = *state;
	struct vn_memory piece[PIECES];
	uint64_t iova[PIECES];
	struct vionet_device *device = open_with_pieces(b, piece, iova);

	assert_int_equal(vionet_device_stop(device), 0);
	check_refused(vionet_device_start(device, NULL));
	remove_pieces(device, piece, iova);
	assert_int_equal(vionet_device_start(device, NULL), 0);
	turn_frames(device, 0, 50);
	assert_int_equal(vionet_device_close(device), 0);
}

static void regions_at_recovery(void **state)
{
	struct backend *b = *state;
	struct vn_memory piece[PIECES];
	uint64_t iova[PIECES];
	struct vionet_device *device = open_with_pieces(b, piece, iova);

	check_refused(vionet_device_recover(device, NULL));
	remove_pieces(device, piece, iova);
	assert_int_equal(vionet_device_start(device, NULL), 0);
	turn_frames(device, 0, 50);
	assert_int_equal(vionet_device_close(device), 0);
}

static void regions_at_reconnect(void **state)
{
	struct backend *b = *state;
	struct vn_memory piece[PIECES];
	uint64_t iova[PIECES];
	struct vionet_device *device = open_with_pieces(b, piece, iova);

	check_refused(vionet_device_reconnect(device, 1000));
	remove_pieces(device, piece, iova);
	assert_int_equal(vionet_device_reconnect(device, 1000), 0);
	turn_frames(device, 0, 50);
	assert_int_equal(vionet_device_close(device), 0);
}

/* Two queue pairs in use, and the next back end has one. */
static void queues(void **state)
{
	struct vionet_start_options two = { .struct_size = sizeof(two),
					    .queue_pairs = 2 };
	struct backend *b = *state;
	struct vionet_device *device;

	LOCKED(b, b->features |= 1ull << 22);
	assert_int_equal(open_backend(b, "", &device), 0);
	assert_int_equal(vionet_device_start(device, &two), 0);
	backend_hang_up(b);
	LOCKED(b, b->queue_num = 1);
	assert_int_equal(vionet_device_reconnect(device, 1000), -ENOTSUP);
	assert_text("has 2 queues, 4 are in use");
	assert_int_equal(vionet_device_recover(device, NULL), -ENOTSUP);
	assert_int_equal(vionet_device_start(device, &two), -ENOTSUP);
	assert_int_equal(vionet_device_start(device, NULL), 0);
	turn_frames(device, 0, 50);
	assert_int_equal(vionet_device_close(device), 0);
}

static void set_mtu(struct backend *b, unsigned int mtu)
{
	b->config[10] = mtu & 0xff;
	b->config[11] = mtu >> 8;
}

/* Without mergeable buffers a larger MTU would need larger buffers. */
static void buffers(void **state)
{
	struct backend *b = *state;
	struct vionet_device *device;

	LOCKED(b, b->features &= ~(1ull << 15));
	device = open_started(b);
	LOCKED(b, set_mtu(b, 9000));
	assert_int_equal(vionet_device_recover(device, NULL), -EINVAL);
	assert_text("a frame of 9014 must fit");
	assert_int_equal(vionet_device_start(device, NULL), 0);
	backend_hang_up(b);
	LOCKED(b, set_mtu(b, 65535));
	assert_int_equal(vionet_device_reconnect(device, 1000), -EINVAL);
	LOCKED(b, set_mtu(b, 1500));
	assert_int_equal(vionet_device_reconnect(device, 1000), 0);
	turn_frames(device, 0, 50);
	assert_int_equal(vionet_device_close(device), 0);
}

/* It has no backend channel: the driver polls for link changes. */
static void announcements(void **state)
{
	struct backend *b = *state;
	struct vionet_device *device = open_started(b);

	backend_hang_up(b);
	LOCKED(b, b->protocol &= ~PF_BACKEND_REQ);
	assert_int_equal(vionet_device_reconnect(device, 1000), 0);
	turn_frames(device, 0, 50);
	(void)events_of(device);
	LOCKED(b, b->config[6] = 0);
	assert_true(hears_of(device, VIONET_EVENT_LINK));
	assert_int_equal(vionet_device_close(device), 0);
}

/* The third back end does not get the in-flight record if the second had none. */
static void records(void **state)
{
	struct backend *b = *state;
	struct vionet_device *device = open_started(b);
	unsigned int made;

	turn_frames(device, 0, 50);
	backend_hang_up(b);
	LOCKED(b, b->protocol &= ~PF_INFLIGHT);
	assert_int_equal(vionet_device_reconnect(device, 1000), 0);
	turn_frames(device, 50, 50);
	backend_hang_up(b);
	LOCKED(b, {
		b->protocol |= PF_INFLIGHT;
		made = b->proxy.count[RQ_GET_INFLIGHT_FD];
	});
	assert_int_equal(vionet_device_reconnect(device, 1000), 0);
	turn_frames(device, 100, 50);
	LOCKED(b, assert_int_equal(b->proxy.count[RQ_GET_INFLIGHT_FD], made + 1));
	assert_int_equal(vionet_device_close(device), 0);
}

/* ---- left over from the last back end ---- */

/* It still has the eventfds of its rings, even if its connection is closed. */
static void error_of_the_last_one(void **state)
{
	struct backend *b = *state;
	struct vionet_device *device = open_started(b);
	int err, kick;

	LOCKED(b, {
		err = dup(b->queue[1].err);
		kick = dup(b->queue[1].kick);
	});
	for (unsigned int i = 0; i < 3; i++) {
		backend_hang_up(b);
		assert_true(hears_of(device, VIONET_EVENT_NEEDS_RESET));
		eventfd_write(err, 1);
		if (i == 0) {
			assert_int_equal(vionet_device_reconnect(device, 1000), 0);
		} else if (i == 1) {
			assert_int_equal(vionet_device_stop(device), 0);
			assert_int_equal(vionet_device_start(device, NULL), 0);
		} else {
			assert_int_equal(vionet_device_recover(device, NULL), 0);
		}
		assert_int_equal(events_of(device), 0);
		eventfd_write(err, 1);
		assert_int_equal(events_of(device), 0);
		turn_frames(device, 0, 50);
	}
	close(err);
	close(kick);
	/* The new back end's eventfd counts. */
	backend_ring_error(b, 0);
	assert_true(hears_of(device, VIONET_EVENT_NEEDS_RESET));
	/* And not after a reset of the same session. */
	assert_int_equal(vionet_device_stop(device), 0);
	assert_int_equal(vionet_device_start(device, NULL), 0);
	assert_int_equal(events_of(device), 0);
	assert_int_equal(vionet_device_close(device), 0);
}

/* A back end that hangs takes no kick of its successor. */
static void kicks_of_the_new_one(void **state)
{
	struct backend *b = *state;
	struct vionet_device *device = open_started(b);
	uint64_t count;
	int kick;

	turn_frames(device, 0, 50);
	LOCKED(b, kick = dup(b->queue[1].kick));
	backend_hang_up(b);
	assert_int_equal(vionet_device_reconnect(device, 1000), 0);
	(void)eventfd_read(kick, &count);
	assert_int_equal(eventfd_write(kick, 1), 0);
	turn_frames(device, 50, 50);
	/* Nobody has read it, and nobody has written to it. */
	assert_int_equal(eventfd_read(kick, &count), 0);
	assert_int_equal(count, 1);
	close(kick);
	assert_int_equal(vionet_device_close(device), 0);
}

/* ---- the memory table changes while rings run ---- */

/* A back end that forgets its ring addresses when the table changes, until
 * SET_VRING_ADDR. */
static void rings_are_set_again(void **state)
{
	static const uint32_t protocols[] = { PF_ALL, PF_ALL & ~PF_MEM_SLOTS, 0 };
	struct vionet_pool_options big = { .struct_size = sizeof(big), .count = 4096,
					   .access = VIONET_DEVICE_READS };
	struct backend *b = *state;
	struct vionet_device *device;
	struct vionet_pool *pool;

	for (size_t i = 0; i < sizeof(protocols) / sizeof(protocols[0]); i++) {
		LOCKED(b, {
			b->protocol = protocols[i];
			b->drops_rings = true;
		});
		device = open_started(b);
		turn_frames(device, 0, 50);
		assert_int_equal(vionet_pool_create(device, &big, &pool), 0);
		turn_frames(device, 50, 50);
		vionet_pool_destroy(pool);
		turn_frames(device, 100, 50);
		assert_int_equal(vionet_device_close(device), 0);
	}
}

/* What was in flight meanwhile is not lost, though its kick was. */
static void kicks_come_again(void **state)
{
	struct vionet_pool_options big = { .struct_size = sizeof(big), .count = 4096,
					   .access = VIONET_DEVICE_READS };
	struct backend *b = *state;
	struct vionet_device *device = open_started(b);
	struct vionet_queue *tx = vionet_device_tx_queue(device, 0);
	struct vionet_queue *rx = vionet_device_rx_queue(device, 0);
	struct vionet_packet *packet;
	struct vionet_pool *pool;
	double limit = watch_clock() + TEST_TIMEOUT_S;

	LOCKED(b, b->drops_rings = b->paused = true);
	assert_int_equal(vionet_packet_alloc(vionet_queue_pool(tx), &packet, 1), 1);
	packet->length = 60;
	assert_int_equal(vionet_queue_transmit(tx, &packet, 1), 1);
	assert_int_equal(vionet_pool_create(device, &big, &pool), 0);
	LOCKED(b, b->paused = false);
	assert_int_equal(vionet_pool_create(device, &big, &pool), 0);
	while (vionet_queue_receive(rx, &packet, 1) == 0)
		assert_true(watch_clock() < limit);
	vionet_packet_free(&packet, 1);
	assert_int_equal(vionet_device_close(device), 0);
}

/* A back end that refuses SET_VRING_ADDR has lost the ring. */
static void a_ring_that_is_lost(void **state)
{
	struct vionet_pool_options big = { .struct_size = sizeof(big), .count = 4096,
					   .access = VIONET_DEVICE_READS };
	struct backend *b = *state;
	struct vionet_device *device = open_started(b);
	struct vionet_pool *pool;

	LOCKED(b, {
		b->fault_at = RQ_SET_VRING_ADDR;
		b->fault = FAULT_REFUSE;
	});
	assert_int_equal(vionet_pool_create(device, &big, &pool), -ENOTSUP);
	LOCKED(b, b->fault = FAULT_NONE);
	assert_true(events_of(device) & VIONET_EVENT_NEEDS_RESET);
	assert_int_equal(vionet_device_reconnect(device, 1000), 0);
	turn_frames(device, 0, 50);
	assert_int_equal(vionet_device_close(device), 0);
}

/* ---- parts of a region ---- */

/* Pools come and go in any order, a table of eight regions is enough, and no two of them
 * lie over one another. */
static void parts_in_any_order(void **state)
{
	struct vionet_pool_options some = { .struct_size = sizeof(some),
					    .access = VIONET_DEVICE_READS };
	struct vionet_pool *pool[6] = { NULL };
	unsigned int seed = 1, most = 0;
	struct backend *b = *state;
	struct vionet_device *device;

	LOCKED(b, b->protocol &= ~PF_MEM_SLOTS);
	device = open_started(b);
	for (unsigned int i = 0; i < 400; i++) {
		unsigned int at = (seed = seed * 1103515245 + 12345) >> 16 & 0x7fff;

		some.count = 128 + at % 500;
		at %= 6;
		vionet_pool_destroy(pool[at]);
		assert_int_equal(vionet_pool_create(device, &some, &pool[at]), 0);
		LOCKED(b, most = backend_regions(b) > most ? backend_regions(b) : most);
		for (struct vionet_memory *m = device->memories; m; m = m->next)
			for (struct vionet_memory *n = m->next; n; n = n->next)
				if (m->whole && m->whole == n->whole)
					assert_true(m->iova + m->memory.size <= n->iova ||
						    n->iova + n->memory.size <= m->iova);
	}
	/* What is in use at a time is less than the first two of them. */
	assert_in_range(most, 2, 3);
	turn_frames(device, 0, 50);
	for (unsigned int i = 0; i < 6; i++)
		vionet_pool_destroy(pool[i]);
	assert_int_equal(vionet_device_close(device), 0);
}

/* ---- completed out of order ---- */

#define SOME 12

#define BEFORE 53

/* It has taken all that was sent, and has filled a buffer for each frame that it sent on. */
static bool taken(struct backend *b, uint64_t complete)
{
	uint16_t filled;

	LOCKED(b, filled = backend_used_index(b, 0));
	return filled == BEFORE + __builtin_popcountll(complete) &&
	       backend_taken(b, 1) == BEFORE + SOME;
}

static void set_faults(struct backend *b, const char *form, uint64_t value)
{
	char which[32];

	snprintf(which, sizeof(which), form, (unsigned long long)value);
	backend_device_fault(b, which);
}

/* Each frame goes out, and each buffer is filled, once, whatever the first back end had
 * completed of them: `complete` of its last frames, before it filled the buffers behind
 * `keep` others. */
static void hand_over(struct backend *b, uint64_t complete, unsigned int keep)
{
	struct vionet_device *device = open_started(b);
	struct vionet_queue *rx = vionet_device_rx_queue(device, 0);
	struct vionet_queue *tx = vionet_device_tx_queue(device, 0);
	unsigned int seen[SOME] = { 0 }, got = 0;
	struct vionet_packet *packet;
	double limit = watch_clock() + TEST_TIMEOUT_S;

	turn_frames(device, 0, BEFORE);
	set_faults(b, "+G07=%llu", complete);
	set_faults(b, "+F27=%llu", keep);
	for (uint64_t i = 0; i < SOME; i++) {
		assert_int_equal(vionet_packet_alloc(vionet_queue_pool(tx),
						     &packet, 1), 1);
		memcpy(packet->data, &i, sizeof(i));
		packet->length = 100;
		assert_int_equal(vionet_queue_transmit(tx, &packet, 1), 1);
		/* Some of it is reclaimed before, some is not. */
		if (i == SOME / 2)
			(void)vionet_queue_reclaim(tx);
	}
	while (!taken(b, complete))
		assert_true(watch_clock() < limit);
	backend_hang_up(b);
	backend_device_fault(b, "-G07");
	backend_device_fault(b, "-F27");
	assert_int_equal(vionet_device_reconnect(device, 1000), 0);
	while (got < SOME) {
		uint64_t number;

		assert_true(watch_clock() < limit);
		if (vionet_queue_receive(rx, &packet, 1) == 0)
			continue;
		memcpy(&number, packet->data, sizeof(number));
		assert_in_range(number, 0, SOME - 1);
		seen[number]++;
		got++;
		vionet_packet_free(&packet, 1);
	}
	for (unsigned int i = 0; i < SOME; i++)
		assert_int_equal(seen[i], 1);
	turn_frames(device, BEFORE, 200);
	assert_int_equal(vionet_queue_drain(tx, 60000), 0);
	assert_int_equal(vionet_queue_check(rx), 0);
	assert_int_equal(vionet_device_close(device), 0);
}

static void out_of_order(void **state)
{
	static const uint64_t complete[] = { 0, 0xfff, 0x001, 0x800, 0x554, 0xaaa,
					     0xfc0, 0x03f, 0x7fe };
	struct backend *b = *state;

	for (size_t i = 0; i < sizeof(complete) / sizeof(complete[0]); i++)
		for (unsigned int keep = 0; keep < 4; keep++)
			for (unsigned int record = 0; record < 2; record++) {
				LOCKED(b, b->protocol = record ? PF_ALL :
						PF_ALL & ~PF_INFLIGHT);
				hand_over(b, complete[i], keep);
			}
}

/* With IN_ORDER the used index is enough; there is no in-flight record. */
static void in_order(void **state)
{
	struct backend *b = *state;

	LOCKED(b, b->features |= 1ull << 35);
	hand_over(b, 0x00f, 0);
}

/* INDIRECT_DESC, EVENT_IDX, RING_PACKED, IN_ORDER: with and without each. A packed ring is
 * not for another back end to go on with. */
static void layouts(void **state)
{
	struct backend *b = *state;
	const uint64_t others = b->features;

	for (uint64_t i = 0; i < 16; i++) {
		bool packed = (i & 4) != 0;
		struct vionet_device *device;

		LOCKED(b, b->features = others | (i & 3) << 28 | (i & 12) << 32);
		device = open_started(b);
		LOCKED(b, assert_int_equal(b->acked, b->features));
		turn_frames(device, 0, 300);
		assert_int_equal(vionet_device_stop(device), 0);
		assert_int_equal(vionet_device_start(device, NULL), 0);
		turn_frames(device, 0, 301);
		backend_hang_up(b);
		assert_int_equal(vionet_device_reconnect(device, 1000),
				 packed ? -ENOTSUP : 0);
		if (!packed)
			turn_frames(device, 301, 300);
		assert_int_equal(vionet_device_close(device), 0);
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, raise_backend, drop_backend)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(regions_at_start),
		TEST(regions_at_recovery),
		TEST(regions_at_reconnect),
		TEST(queues),
		TEST(buffers),
		TEST(announcements),
		TEST(records),
		TEST(queues_report_the_end_of_the_device),
		TEST(error_of_the_last_one),
		TEST(kicks_of_the_new_one),
		TEST(rings_are_set_again),
		TEST(kicks_come_again),
		TEST(a_ring_that_is_lost),
		TEST(parts_in_any_order),
		TEST(out_of_order),
		TEST(in_order),
		TEST(layouts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
