/* SPDX-License-Identifier: BSD-3-Clause */
/* The driver leaves alone what the device owns: descriptors in flight, bytes that the
 * device did not write, words without a meaning. And the sizes of receive buffers. In
 * every layout. */
#include "tests/unit/test.h"

#include <stdlib.h>
#include <sys/mman.h>

#include "tests/unit/env.h"

enum { NEXT = 1, WRITE = 2, INDIRECT = 4, PAGE = 4096 };

static uint16_t get16(const uint8_t *at)
{
	return (uint16_t)(at[0] | at[1] << 8);
}

static uint64_t get(const uint8_t *at, unsigned int bytes)
{
	uint64_t value = 0;

	memcpy(&value, at, bytes);
	return le64toh(value);
}

/* ---- what the device has stays as it is ---- */

/* Pieces of ring memory, and what was there. */
struct keep {
	const uint8_t *at;
	size_t size;
	uint8_t was[512];
};

struct kept {
	struct keep piece[300];
	unsigned int count;
};

static void keep(struct kept *kept, const uint8_t *at, size_t size)
{
	struct keep *k = &kept->piece[kept->count++];

	assert_true(at && size <= sizeof(k->was) && kept->count < 300);
	k->at = at;
	k->size = size;
	memcpy(k->was, at, size);
}

/* A descriptor, and the table that it may point to. Returns its flags. */
static unsigned int keep_desc(struct kept *kept, struct model *m, const uint8_t *desc,
			      unsigned int flags_at)
{
	unsigned int flags = get16(desc + flags_at);

	keep(kept, desc, 16);
	if (flags & INDIRECT)
		keep(kept, model_at(m, get(desc, 8), get(desc + 8, 4), false),
		     get(desc + 8, 4));
	return flags;
}

static void keep_split(struct kept *kept, struct model *m, struct model_queue *q)
{
	const uint8_t *avail = model_at(m, q->avail, 6u + 2u * q->size, false);

	for (uint16_t i = q->seen; i != get16(avail + 2); i++) {
		const uint8_t *entry = avail + 4 + 2 * (i % q->size), *desc;

		keep(kept, entry, 2);
		desc = model_at(m, q->desc + 16u * get16(entry), 16, false);
		while (keep_desc(kept, m, desc, 12) & NEXT)
			desc = model_at(m, q->desc + 16u * get16(desc + 14), 16, false);
	}
}

static void keep_packed(struct kept *kept, struct model *m, struct model_queue *q)
{
	for (unsigned int i = 0; i < q->size; i++) {
		unsigned int at = (q->seen + i) % q->size;
		bool wrap = q->seen_wrap != (q->seen + i >= q->size);
		const uint8_t *desc = model_at(m, q->desc + 16u * at, 16, false);
		unsigned int flags = get16(desc + 14);

		if ((flags >> 7 & 1) != wrap || (flags >> 15 & 1) == wrap)
			return;
		keep_desc(kept, m, desc, 14);
	}
}

static void keep_exposed(struct kept *kept, struct model *m, unsigned int queue)
{
	if (env_is_packed())
		keep_packed(kept, m, &m->queue[queue]);
	else
		keep_split(kept, m, &m->queue[queue]);
}

static void assert_unchanged(const struct kept *kept)
{
	for (unsigned int i = 0; i < kept->count; i++)
		assert_memory_equal(kept->piece[i].at, kept->piece[i].was,
				    kept->piece[i].size);
}

static void send(struct env *env, unsigned int parts)
{
	struct vionet_packet *p[8];

	for (unsigned int i = 0; i < parts; i++) {
		p[i] = fresh(env, 20 + i);
		if (i != 0)
			p[i - 1]->next = p[i];
	}
	assert_int_equal(vionet_queue_transmit(env->tx, p, 1), 1);
}

/* Across wraps of the ring, whatever the driver does meanwhile. */
/* proves: GEN-30 PACKED-21 PACKED-22 SPLIT-37 SPLIT-38 */
static void what_the_device_has_is_left_alone(void **state)
{
	struct env *env = env_start(16, 16, 0, 0);

	(void)state;
	env->model->paused = true;
	for (unsigned int round = 0; round < 400; round++) {
		static struct kept kept;
		struct vionet_packet *p[2];

		kept.count = 0;
		send(env, 1 + round % 4);
		send(env, 1);
		keep_exposed(&kept, env->model, 0);
		keep_exposed(&kept, env->model, 1);
		assert_true(kept.count >= 16 + 2);
		send(env, 1 + round % 3);
		p[0] = fresh(env, 60);
		p[1] = fresh(env, 60);
		assert_int_equal(vionet_queue_transmit(env->tx, p, 2), 2);
		assert_int_equal(vionet_queue_arm(env->rx), 0);
		assert_int_equal(vionet_queue_receive(env->rx, p, 2), 0);
		vionet_queue_disarm(env->rx);
		if (round % 200 == 0) /* notifies again, too */
			assert_int_equal(vionet_queue_drain(env->tx, 110), -ETIMEDOUT);
		assert_unchanged(&kept);
		model_transmit(env->model);
		vionet_queue_reclaim(env->tx);
		/* The receive ring wraps as well. */
		for (unsigned int i = 0; i < round % 3; i++) {
			assert_int_equal(model_deliver(env->model, (uint8_t[60]){ 0 },
						       60, 0, -1), 1);
			assert_int_equal(receive_one(env->rx, p), 1);
			vionet_packet_free(p, 1);
		}
	}
	env_stop(env);
}

/* ---- bytes that were not written ---- */

/* The pages behind the written length are not readable: a read there would crash. proves:
 * SPLIT-22 SPLIT-23 */
static void bytes_behind_the_length_are_not_read(void **state)
{
	struct env *env = env_start(0, 0, 0, 0);
	size_t size = 4 << 20;
	uint8_t *own = mmap(NULL, size, PROT_READ | PROT_WRITE,
			    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	struct vionet_pool_options options = { .struct_size = sizeof(options),
					       .count = 64, .buffer_size = 4 * PAGE };
	struct vionet_start_options start = { .struct_size = sizeof(start),
					      .rx_queue_size = 16 };
	uint64_t base = 0;

	(void)state;
	assert_int_equal(vionet_memory_register(env->device, own, size,
						VIONET_DEVICE_WRITES,
						&options.memory), 0);
	assert_int_equal(vionet_pool_create(env->device, &options, &start.rx_pool), 0);
	assert_int_equal(vionet_device_stop(env->device), 0);
	assert_int_equal(vionet_device_start(env->device, &start), 0);
	for (unsigned int i = 0; i < MODEL_MAPS; i++)
		if (env->model->map[i].used && env->model->map[i].size == size)
			base = env->model->map[i].iova;
	assert_true(base != 0);
	for (unsigned int i = 0; i < 100; i++) {
		struct model_element *e = &env->model->queue[0].element[0];
		struct vionet_packet *p;
		uintptr_t first, end;

		assert_int_equal(model_deliver(env->model, (uint8_t[60]){ 7 }, 60, 0,
					       -1), 1);
		first = (e->address - base + 72 + PAGE - 1) / PAGE * PAGE;
		end = (e->address - base + e->length) / PAGE * PAGE;
		assert_true(end >= first + PAGE);
		assert_int_equal(mprotect(own + first, end - first, PROT_NONE), 0);
		assert_int_equal(vionet_queue_receive(
			vionet_device_rx_queue(env->device, 0), &p, 1), 1);
		assert_int_equal(p->length, 60);
		assert_int_equal(mprotect(own + first, end - first,
					  PROT_READ | PROT_WRITE), 0);
		vionet_packet_free(&p, 1);
	}
	assert_int_equal(vionet_device_stop(env->device), 0);
	assert_int_equal(vionet_pool_destroy(start.rx_pool), 0);
	assert_int_equal(vionet_memory_unregister(options.memory), 0);
	munmap(own, size);
	env_stop(env);
}

/* ---- words that mean nothing ---- */

/* Without EVENT_IDX the driver does not use the word behind the used ring. proves:
 * SPLIT-28 */
static void avail_event_is_ignored_without_its_feature(void **state)
{
	struct env *env = env_start(16, 16, 0, 0);
	struct model_queue *q = &env->model->queue[1];

	(void)state;
	env->model->rings.keeps_event = true;
	for (unsigned int i = 0; i < 1000 && !env_is_packed() &&
	     !(env_layout.offers >> 29 & 1); i++) {
		uint8_t *used = model_at(env->model, q->used, 6u + 8u * q->size, true);
		unsigned int before = env->model->doorbells;
		uint16_t event = (uint16_t)(i % 3 == 0 ? q->seen : q->seen + 0x4000 + i);

		used[4 + 8 * q->size] = (uint8_t)event;
		used[5 + 8 * q->size] = (uint8_t)(event >> 8);
		used[0] = i % 2;
		send(env, 1);
		assert_int_equal(env->model->doorbells - before, i % 2 == 0);
		model_transmit(env->model);
		vionet_queue_reclaim(env->tx);
	}
	env_stop(env);
}

/* Undefined flag bits change nothing; without MRG_RXBUF, what num_buffers says does not
 * either. proves: NET-62 NET-74 */
static void strange_headers_are_taken_as_they_are_meant(void **state)
{
	(void)state;
	for (unsigned int merge = 0; merge < 2; merge++) {
		struct env *env = env_start(16, 0, 0, merge ? 0 : 1ull << 15);

		for (unsigned int i = 0; i < 100; i++) {
			static const int numbers[] = { 0, 1, 2, 7, 0xffff };
			uint8_t *header;
			struct vionet_packet *p;

			assert_int_equal(model_deliver(env->model,
						       (uint8_t[100]){ 9 }, 100, 0,
						       merge ? -1 : numbers[i % 5]),
					 1);
			header = model_at(env->model,
					  env->model->queue[0].element[0].address, 1,
					  true);
			*header = 0xc0;
			assert_int_equal(receive_one(env->rx, &p), 1);
			assert_int_equal(p->total_length, 100);
			assert_int_equal(p->segments, 1);
			assert_null(p->next);
			assert_int_equal(p->data[0], 9);
			vionet_packet_free(&p, 1);
		}
		env_stop(env);
	}
}

/* A packet that needs a feature that was not negotiated is refused, or its header is 0. */
/* proves: NET-14 NET-19 NET-21 NET-23 NET-25 NET-29 NET-34 NET-35 NET-36 NET-37 */
/* proves: NET-38 NET-43 NET-53 NET-54 */
static void requests_without_their_feature_do_not_get_out(void **state)
{
	struct env *env = env_start(16, 16, 0, 0);
	struct vionet_queue_stats stats = { .struct_size = sizeof(stats) };

	(void)state;
	for (unsigned int i = 1; i < 0x10000; i += i < 256 ? 1 : 97) {
		struct vionet_packet *p = fresh(env, 100);
		uint64_t before = env->model->sent;

		p->gso_type = (uint8_t)i;
		p->flags = (uint8_t)(i >> 8);
		p->gso_size = 1;
		p->hdr_len = 54;
		p->csum_start = 34;
		p->csum_offset = 16;
		assert_int_equal(vionet_queue_transmit(env->tx, &p, 1), 1);
		vionet_queue_reclaim(env->tx);
		if (env->model->sent == before)
			continue;
		for (unsigned int k = 0; k < 12; k++)
			assert_int_equal(env->last[k], 0);
	}
	vionet_queue_stats(env->tx, &stats);
	assert_int_equal(stats.invalid + stats.packets, 255 + (0x10000 - 256 + 96) / 97);
	env_stop(env);
}

/* ---- sizes ---- */

/* Bytes for frames: of the first buffer, or of all. */
static size_t posted(uint64_t without, unsigned int mtu, bool all)
{
	struct vionet_device *device;
	struct model *model;
	size_t room, sum = 0;

	model_create(&model)->offered[0] &= ~without;
	model->offered[0] |= env_layout.offers;
	model->net_config[10] = (uint8_t)mtu;
	model->net_config[11] = (uint8_t)(mtu >> 8);
	assert_int_equal(open_model(model, NULL, &device), 0);
	assert_int_equal(vionet_device_start(device, NULL), 0);
	while (model_take(model, 0, NULL, 0, &room) >= 0 && (all || sum == 0)) {
		assert_true(room >= 12); /* NET-59 */
		sum += room;
	}
	assert_int_equal(vionet_device_close(device), 0);
	return sum;
}

/* proves: NET-07 NET-58 NET-59 */
static void buffers_are_large_enough(void **state)
{
	const uint64_t MERGE = 1ull << 15, MTU = 1ull << 3;

	(void)state;
	assert_true(posted(MERGE | MTU, 0, false) >= 1526);
	assert_true(posted(MERGE, 1500, false) >= 1500 + 14 + 12);
	assert_true(posted(MERGE, 9000, false) >= 9000 + 14 + 12);
	assert_true(posted(0, 9000, true) >= 9000 + 14 + 12);
	assert_true(posted(0, 65535, true) >= 65535 + 14 + 12);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_the_device_has_is_left_alone),
		cmocka_unit_test(bytes_behind_the_length_are_not_read),
		cmocka_unit_test(avail_event_is_ignored_without_its_feature),
		cmocka_unit_test(strange_headers_are_taken_as_they_are_meant),
		cmocka_unit_test(requests_without_their_feature_do_not_get_out),
		cmocka_unit_test(buffers_are_large_enough),
	};

	return run_for_each_layout(tests);
}
