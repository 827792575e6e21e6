/* SPDX-License-Identifier: BSD-3-Clause */
/* Pools shared by two devices: what each may do with them, packets from one to the other,
 * the order of closing; and packets of pools that a device does not share. */
#include "tests/unit/vhost_user_env.h"
#include "tests/unit/vfio_user_env.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "driver/net/pool.h"

enum { COUNT = 128 };

/* Two devices with one pool, each for both ways. */
struct pair {
	struct model *model[2];
	struct vionet_device *device[2];
	struct vionet_pool *pool;
	uint8_t last[2][2048];
};

static void record(void *context, const uint8_t *data, size_t length)
{
	memcpy(context, data, length);
}

static void open_pair(struct pair *pair)
{
	memset(pair, 0, sizeof(*pair));
	for (int i = 0; i < 2; i++) {
		model_create(&pair->model[i])->offered[0] |= env_layout.offers;
		pair->model[i]->batch = env_layout.batch;
		pair->model[i]->on_frame = record;
		pair->model[i]->context = pair->last[i];
		/* The two devices must not have the same IOVAs by chance. */
		pair->model[i]->next_iova += (uint64_t)i << 32;
		assert_int_equal(open_model(pair->model[i], NULL, &pair->device[i]), 0);
	}
}

static struct vionet_pool *make_pool(struct vionet_device *device,
				     enum vionet_access access)
{
	const struct vionet_pool_options options = { .struct_size = sizeof(options),
						     .count = COUNT, .access = access };
	struct vionet_pool *pool;

	assert_int_equal(vionet_pool_create(device, &options, &pool), 0);
	return pool;
}

static void start(struct vionet_device *device, struct vionet_pool *pool)
{
	const struct vionet_start_options options = {
		.struct_size = sizeof(options),
		.rx_queue_size = 16, .tx_queue_size = 16,
		.rx_pool = pool, .tx_pool = pool,
	};

	if (vionet_device_start(device, &options))
		fail_msg("%s", vionet_error_text());
}

static void raise_pair(struct pair *pair)
{
	open_pair(pair);
	pair->pool = make_pool(pair->device[0], VIONET_DEVICE_WRITES);
	assert_int_equal(vionet_pool_share(pair->pool, pair->device[1],
					   VIONET_DEVICE_WRITES), 0);
	for (int i = 0; i < 2; i++)
		start(pair->device[i], pair->pool);
}

static void close_device(struct pair *pair, int i)
{
	assert_int_equal(pair->model[i]->faults, 0);
	assert_int_equal(pair->model[i]->rings.violations, 0);
	assert_int_equal(vionet_device_close(pair->device[i]), 0);
}

/* Receive a frame on one device and transmit it on the other. `received`: not sent yet. */
static struct vionet_packet *receive_at(struct pair *pair, int from, unsigned int number)
{
	struct vionet_packet *packet;
	uint8_t frame[100];

	memset(frame, (int)number, sizeof(frame));
	assert_int_equal(model_deliver(pair->model[from], frame, sizeof(frame), 0, -1), 1);
	assert_int_equal(receive_one(vionet_device_rx_queue(pair->device[from], 0),
				     &packet), 1);
	return packet;
}

static void forward(struct pair *pair, int from, unsigned int number)
{
	struct vionet_packet *packet = receive_at(pair, from, number);
	uint8_t *data = packet->data;
	struct vionet_queue *tx = vionet_device_tx_queue(pair->device[1 - from], 0);

	assert_int_equal(vionet_queue_transmit(tx, &packet, 1), 1);
	assert_int_equal(vionet_queue_drain(tx, 60000), 0);
	for (unsigned int i = 0; i < 100; i++)
		assert_int_equal(pair->last[1 - from][12 + i], number & 0xff);
	assert_int_equal(data[99], number & 0xff); /* from where it arrived */
}

static void frames_go_both_ways(void **state)
{
	struct pair pair;

	(void)state;
	raise_pair(&pair);
	for (unsigned int i = 0; i < 500; i++)
		forward(&pair, (int)(i / 3 % 2), i);
	for (int i = 0; i < 2; i++)
		assert_int_equal(vionet_device_stop(pair.device[i]), 0);
	assert_int_equal(vionet_pool_available(pair.pool), COUNT);
	assert_int_equal(vionet_pool_destroy(pair.pool), 0);
	close_device(&pair, 0);
	close_device(&pair, 1);
}

/* A queue with a pool of its own sends packets of the other device's pool. */
static void frames_of_a_second_pool(void **state)
{
	struct pair pair;
	struct vionet_pool *other;

	(void)state;
	open_pair(&pair);
	pair.pool = make_pool(pair.device[0], VIONET_DEVICE_WRITES);
	other = make_pool(pair.device[1], VIONET_DEVICE_WRITES);
	assert_int_equal(vionet_pool_share(pair.pool, pair.device[1],
					   VIONET_DEVICE_READS), 0);
	start(pair.device[0], pair.pool);
	start(pair.device[1], other);
	for (unsigned int i = 0; i < 500; i++) {
		struct vionet_packet *several[2];
		struct vionet_queue *tx = vionet_device_tx_queue(pair.device[1], 0);

		forward(&pair, 0, i);
		/* Of several segments, from both pools. */
		several[0] = receive_at(&pair, 0, i + 1);
		assert_int_equal(vionet_packet_alloc(other, &several[1], 1), 1);
		several[1]->length = 50;
		memset(several[1]->data, (int)i + 2, 50);
		several[0]->next = several[1];
		assert_int_equal(vionet_queue_transmit(tx, several, 1), 1);
		assert_int_equal(vionet_queue_drain(tx, 60000), 0);
		assert_int_equal(pair.last[1][12 + 99], (i + 1) & 0xff);
		assert_int_equal(pair.last[1][12 + 149], (i + 2) & 0xff);
	}
	for (int i = 0; i < 2; i++)
		assert_int_equal(vionet_device_stop(pair.device[i]), 0);
	assert_int_equal(vionet_pool_available(pair.pool), COUNT);
	assert_int_equal(vionet_pool_available(other), COUNT);
	close_device(&pair, 1);
	close_device(&pair, 0);
}

/* Closed in both orders, with packets in flight in both devices and held by the
 * application. */
static void either_device_may_go_first(void **state)
{
	(void)state;
	for (int first = 0; first < 2; first++) {
		struct vionet_packet *held, *in_flight;
		struct pair pair;
		int fds = open_descriptors();

		raise_pair(&pair);
		forward(&pair, first, 1);
		pair.model[1 - first]->paused = true;
		held = receive_at(&pair, first, 2);
		in_flight = receive_at(&pair, first, 3);
		assert_int_equal(vionet_queue_transmit(
			vionet_device_tx_queue(pair.device[1 - first], 0), &in_flight,
			1), 1);
		close_device(&pair, first);
		/* The other device goes on with the pool, whichever created it. */
		pair.model[1 - first]->paused = false;
		model_transmit(pair.model[1 - first]);
		assert_int_equal(pair.last[1 - first][12], 3);
		assert_int_equal(vionet_queue_drain(
			vionet_device_tx_queue(pair.device[1 - first], 0), 60000), 0);
		held->data[0] = 9;
		assert_int_equal(vionet_queue_transmit(
			vionet_device_tx_queue(pair.device[1 - first], 0), &held, 1), 1);
		assert_int_equal(pair.last[1 - first][12], 9);
		assert_int_equal(vionet_device_stop(pair.device[1 - first]), 0);
		assert_int_equal(vionet_pool_available(pair.pool), COUNT);
		start(pair.device[1 - first], pair.pool);
		assert_int_equal(vionet_device_stop(pair.device[1 - first]), 0);
		if (first)
			assert_int_equal(vionet_pool_destroy(pair.pool), 0);
		close_device(&pair, 1 - first);
		assert_int_equal(open_descriptors(), fds);
	}
}

/* A pool on registered memory, and frames in memory of the device that is closed. */
static void own_memory_under_a_shared_pool(void **state)
{
	int fds = open_descriptors(), fd = memfd_create("pool", MFD_CLOEXEC);
	struct vionet_pool_options options = { .struct_size = sizeof(options),
					       .count = COUNT };
	struct vionet_memory *frames;
	struct vionet_packet *p;
	struct pair pair;

	(void)state;
	assert_int_equal(ftruncate(fd, COUNT * 2048 + 4096), 0);
	open_pair(&pair);
	assert_int_equal(vionet_memory_register_fd(
		pair.device[0], fd, 0, NULL, COUNT * 2048, VIONET_DEVICE_WRITES,
		&options.memory), 0);
	assert_int_equal(vionet_memory_register_fd(
		pair.device[0], fd, COUNT * 2048, NULL, 4096, VIONET_DEVICE_READS,
		&frames), 0);
	close(fd);
	assert_int_equal(vionet_pool_create(pair.device[0], &options, &pair.pool), 0);
	assert_int_equal(vionet_pool_share(pair.pool, pair.device[1],
					   VIONET_DEVICE_WRITES), 0);
	start(pair.device[0], pair.pool);
	start(pair.device[1], pair.pool);
	forward(&pair, 0, 5);
	forward(&pair, 1, 6);
	/* The second device does not see that frame: the packet stays. */
	assert_int_equal(vionet_packet_alloc(pair.pool, &p, 1), 1);
	assert_int_equal(vionet_packet_attach(p, frames, vionet_memory_address(frames),
					      60, NULL, NULL), 0);
	assert_int_equal(vionet_queue_transmit(vionet_device_tx_queue(pair.device[1], 0),
					       &p, 1), 0);
	assert_int_equal(vionet_queue_check(vionet_device_tx_queue(pair.device[1], 0)),
			 -EXDEV);
	close_device(&pair, 0);
	vionet_packet_free(&p, 1);
	assert_int_equal(vionet_device_stop(pair.device[1]), 0);
	assert_int_equal(vionet_pool_available(pair.pool), COUNT);
	close_device(&pair, 1);
	assert_int_equal(open_descriptors(), fds);
}

/* Refused at once with a reason, nothing is lost; the valid packets are sent. */
static void packets_of_other_devices_stay(void **state)
{
	struct vionet_queue_stats stats = { .struct_size = sizeof(stats) };
	struct vionet_packet *p[4];
	struct vionet_pool *other;
	struct vionet_queue *tx;
	struct pair pair;

	(void)state;
	open_pair(&pair);
	pair.pool = make_pool(pair.device[0], VIONET_DEVICE_WRITES);
	other = make_pool(pair.device[1], VIONET_DEVICE_WRITES);
	start(pair.device[0], pair.pool);
	start(pair.device[1], other);
	tx = vionet_device_tx_queue(pair.device[1], 0);
	for (unsigned int i = 0; i < 200; i++) {
		/* Two of its own, then one of the other's, alone or behind another. */
		assert_int_equal(vionet_packet_alloc(other, p, 2), 2);
		p[2] = receive_at(&pair, 0, i);
		p[0]->length = p[1]->length = 60;
		if (i % 2) {
			assert_int_equal(vionet_packet_alloc(other, &p[3], 1), 1);
			p[3]->length = 60;
			p[3]->next = p[2];
			p[2] = p[3];
		}
		assert_int_equal(vionet_queue_transmit(tx, p, 3), 2);
		assert_int_equal(vionet_queue_check(tx), -EXDEV);
		assert_text("vionet_pool_share");
		assert_int_equal(vionet_queue_transmit(tx, &p[2], 1), 0);
		assert_int_equal(vionet_queue_check(tx), -EXDEV);
		vionet_packet_free(&p[2], 1);
		assert_int_equal(vionet_queue_drain(tx, 60000), 0);
	}
	/* A queue that is only full gives no such reason. */
	pair.model[1]->paused = true;
	while (vionet_packet_alloc(other, p, 1) == 1) {
		p[0]->length = 60;
		if (vionet_queue_transmit(tx, p, 1) == 0)
			break;
	}
	assert_int_equal(vionet_queue_check(tx), 0);
	vionet_packet_free(p, 1);
	vionet_queue_stats(tx, &stats);
	assert_int_equal(stats.invalid, 0);
	for (int i = 0; i < 2; i++)
		assert_int_equal(vionet_device_stop(pair.device[i]), 0);
	assert_int_equal(vionet_pool_available(pair.pool), COUNT);
	assert_int_equal(vionet_pool_available(other), COUNT);
	close_device(&pair, 0);
	close_device(&pair, 1);
}

/* A refused packet is sent once the pool is shared, while both run; a start clears the
 * reason. */
static void shown_while_they_run(void **state)
{
	struct vionet_packet *p;
	struct vionet_pool *other;
	struct vionet_queue *tx;
	struct pair pair;

	(void)state;
	open_pair(&pair);
	pair.pool = make_pool(pair.device[0], VIONET_DEVICE_WRITES);
	other = make_pool(pair.device[1], VIONET_DEVICE_WRITES);
	start(pair.device[0], pair.pool);
	start(pair.device[1], other);
	tx = vionet_device_tx_queue(pair.device[1], 0);
	p = receive_at(&pair, 0, 7);
	assert_int_equal(vionet_queue_transmit(tx, &p, 1), 0);
	assert_int_equal(vionet_queue_check(tx), -EXDEV);
	assert_int_equal(vionet_device_stop(pair.device[1]), 0);
	start(pair.device[1], other);
	tx = vionet_device_tx_queue(pair.device[1], 0);
	assert_int_equal(vionet_queue_check(tx), 0);
	assert_int_equal(vionet_pool_share(pair.pool, pair.device[1], VIONET_DEVICE_READS),
			 0);
	assert_int_equal(vionet_queue_transmit(tx, &p, 1), 1);
	assert_int_equal(vionet_queue_drain(tx, 60000), 0);
	assert_int_equal(pair.last[1][12], 7);
	assert_int_equal(vionet_queue_check(tx), 0);
	/* Not while its packets are out, nor while a queue takes them. */
	assert_int_equal(vionet_pool_destroy(pair.pool), -EBUSY);
	assert_int_equal(vionet_device_stop(pair.device[0]), 0);
	assert_int_equal(vionet_pool_destroy(pair.pool), 0);
	assert_int_equal(vionet_device_stop(pair.device[1]), 0);
	close_device(&pair, 0);
	close_device(&pair, 1);
}

/* A device that does not stop with packets of another's pool in flight: they return with
 * the reset that succeeds, or when it is closed, whichever is closed first. */
static void one_that_does_not_stop(void **state)
{
	(void)state;
	for (int way = 0; way < 3; way++) {
		struct vionet_packet *p;
		struct pair pair;
		int fds = open_descriptors();

		raise_pair(&pair);
		pair.model[1]->paused = true;
		p = receive_at(&pair, 0, 3);
		assert_int_equal(vionet_queue_transmit(
			vionet_device_tx_queue(pair.device[1], 0), &p, 1), 1);
		pair.model[1]->never_reset = true;
		assert_true(vionet_device_stop(pair.device[1]) != 0);
		assert_int_equal(vionet_device_stop(pair.device[0]), 0);
		assert_true(vionet_pool_available(pair.pool) < COUNT);
		assert_int_equal(vionet_pool_destroy(pair.pool), -EBUSY);
		if (way == 0) {
			pair.model[1]->never_reset = false;
			start(pair.device[1], pair.pool);
			assert_int_equal(vionet_device_stop(pair.device[1]), 0);
			assert_int_equal(vionet_pool_available(pair.pool), COUNT);
		}
		if (way == 1)
			close_device(&pair, 0);
		(void)vionet_device_close(pair.device[1]);
		if (way != 1) {
			assert_int_equal(vionet_pool_available(pair.pool), COUNT);
			assert_int_equal(vionet_pool_destroy(pair.pool), 0);
			close_device(&pair, 0);
		}
		assert_int_equal(open_descriptors(), fds);
	}
}

static void what_makes_no_sense_is_refused(void **state)
{
	struct vionet_start_options options = { .struct_size = sizeof(options),
						.rx_queue_size = 16 };
	struct vionet_pool *reads;
	struct pair pair;

	(void)state;
	open_pair(&pair);
	pair.pool = make_pool(pair.device[0], VIONET_DEVICE_WRITES);
	reads = make_pool(pair.device[0], VIONET_DEVICE_READS);
	assert_int_equal(vionet_pool_share(reads, pair.device[1], VIONET_DEVICE_WRITES),
			 -EINVAL);
	assert_int_equal(vionet_pool_share(reads, pair.device[1], 0), -EINVAL);
	assert_int_equal(vionet_pool_share(reads, pair.device[0], VIONET_DEVICE_READS),
			 -EALREADY);
	options.rx_pool = pair.pool;
	assert_int_equal(vionet_device_start(pair.device[1], &options), -EINVAL);
	assert_text("vionet_pool_share");
	/* Memory shared for transmit cannot be received into. */
	assert_int_equal(vionet_pool_share(pair.pool, pair.device[1],
					   VIONET_DEVICE_READS), 0);
	assert_int_equal(vionet_pool_share(pair.pool, pair.device[1],
					   VIONET_DEVICE_WRITES), -EALREADY);
	assert_int_equal(vionet_device_start(pair.device[1], &options), -EINVAL);
	/* A pool made by start is destroyed by stop. */
	assert_int_equal(vionet_device_start(pair.device[1], NULL), 0);
	assert_int_equal(vionet_pool_share(
		vionet_queue_pool(vionet_device_rx_queue(pair.device[1], 0)),
		pair.device[0], VIONET_DEVICE_READS), -EINVAL);
	/* A pool that another device uses stays. */
	assert_int_equal(vionet_device_stop(pair.device[1]), 0);
	options.rx_pool = NULL;
	options.tx_pool = pair.pool;
	assert_int_equal(vionet_device_start(pair.device[1], &options), 0);
	assert_int_equal(vionet_pool_destroy(pair.pool), -EBUSY);
	pair.model[1]->fail_map = pair.model[1]->maps + 1;
	assert_int_equal(vionet_pool_share(reads, pair.device[1], VIONET_DEVICE_READS),
			 -ENOMEM);
	assert_int_equal(vionet_pool_destroy(reads), 0);
	close_device(&pair, 1);
	close_device(&pair, 0);
}

/* ---- other processes ---- */

/* Created for a back end and shared with a PCI function, and the other way round. The
 * back end sends frames back. */
static void a_back_end_and_a_function(void **state)
{
	struct backend *b = *state;

	for (int backend_first = 0; backend_first < 2; backend_first++) {
		struct vionet_device *vhost;
		struct vionet_packet *packet;
		uint8_t frame[100] = { 1, 2, 3 };
		double limit = watch_clock() + TEST_TIMEOUT_S;
		struct pair pair;

		open_pair(&pair);
		assert_int_equal(open_backend(b, "", &vhost), 0);
		pair.pool = make_pool(backend_first ? vhost : pair.device[0],
				      VIONET_DEVICE_WRITES);
		if (backend_first) {
			assert_int_equal(vionet_packet_alloc(pair.pool, &packet, 1), 1);
			assert_int_equal(vionet_pool_share(pair.pool, pair.device[0], VIONET_DEVICE_WRITES), -EBUSY);
			assert_text("the pool is in use; share it before");
			vionet_packet_free(&packet, 1);
		}
		assert_int_equal(vionet_pool_share(pair.pool, backend_first ?
						   pair.device[0] : vhost,
						   VIONET_DEVICE_WRITES), 0);
		/* The rings of one are not shared with the other. */
		assert_int_equal(pair.pool->memory->memory.size, COUNT * 2048);
		start(pair.device[0], pair.pool);
		start(vhost, pair.pool);
		for (unsigned int i = 0; i < 100; i++) {
			frame[99] = (uint8_t)i;
			assert_int_equal(model_deliver(pair.model[0], frame, 100, 0, -1),
					 1);
			assert_int_equal(vionet_queue_receive(vionet_device_rx_queue(
				pair.device[0], 0), &packet, 1), 1);
			assert_int_equal(vionet_queue_transmit(
				vionet_device_tx_queue(vhost, 0), &packet, 1), 1);
			while (vionet_queue_receive(vionet_device_rx_queue(vhost, 0),
						    &packet, 1) == 0)
				assert_true(watch_clock() < limit);
			assert_int_equal(vionet_queue_transmit(vionet_device_tx_queue(
				pair.device[0], 0), &packet, 1), 1);
			assert_memory_equal(pair.last[0] + 12, frame, 100);
		}
		assert_int_equal(vionet_device_stop(vhost), 0);
		close_device(&pair, 0);
		assert_int_equal(vionet_pool_available(pair.pool), COUNT);
		assert_int_equal(vionet_device_close(vhost), 0);
		close_device(&pair, 1);
	}
}

/* A server that only reads gets a read-only descriptor, and the file is not sealed: the
 * first device may map it for writing at any time. */
static void a_server_that_only_reads(void **state)
{
	struct proxy *p = proxy_of(state);
	struct vionet_device *device;
	struct pair pair;

	proxy_start(p);
	device = open_device(p);
	open_pair(&pair);
	pair.pool = make_pool(pair.device[0], VIONET_DEVICE_WRITES);
	assert_int_equal(vionet_pool_share(pair.pool, device, VIONET_DEVICE_READS), 0);
	pthread_mutex_lock(&p->lock);
	assert_false(p->window[0].writable);
	assert_int_equal(p->window[0].flags & O_ACCMODE, O_RDONLY);
	assert_int_equal(p->window[0].seals & (F_SEAL_WRITE | 0x10), 0);
	assert_true(p->window[0].seals & F_SEAL_SHRINK);
	pthread_mutex_unlock(&p->lock);
	assert_int_equal(vionet_device_close(device), 0);
	close_device(&pair, 0);
	close_device(&pair, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(frames_go_both_ways),
		cmocka_unit_test(frames_of_a_second_pool),
		cmocka_unit_test(packets_of_other_devices_stay),
		cmocka_unit_test(shown_while_they_run),
	};
	const struct CMUnitTest once[] = {
		cmocka_unit_test(either_device_may_go_first),
		cmocka_unit_test(one_that_does_not_stop),
		cmocka_unit_test(own_memory_under_a_shared_pool),
		cmocka_unit_test(what_makes_no_sense_is_refused),
		with_proxy(a_server_that_only_reads),
		cmocka_unit_test_setup_teardown(a_back_end_and_a_function, raise_backend,
						drop_backend),
	};
	int failed = run_for_each_layout(tests);

	env_layout = env_layouts[0];
	return failed + cmocka_run_group_tests(once, NULL, NULL);
}
