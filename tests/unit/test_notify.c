/* SPDX-License-Identifier: BSD-3-Clause */
/* Notifications: doorbells and their content, interrupts, and how each side suppresses
 * them. In every layout; the model checks each doorbell by itself (model_bell). */
#include "tests/unit/test.h"

#include <stdlib.h>

#include "tests/unit/env.h"

static bool negotiated(unsigned int bit)
{
	return (env_layout.offers >> bit & 1) != 0;
}

static void send(struct env *env, unsigned int count)
{
	struct vionet_packet *p[64];

	for (unsigned int i = 0; i < count; i++)
		p[i] = fresh(env, 60);
	assert_int_equal(vionet_queue_transmit(env->tx, p, count), count);
}

/* Width, queue and position, burst by burst, over wraps of the ring.
 * proves: PCI-51 PCI-52 PCI-53 PCI-54 PCI-55 PCI-56 */
/* proves: GEN-43 GEN-44 PACKED-23 */
static void doorbells_say_where_we_are(void **state)
{
	struct env *env = env_start(0, 16, 0, 0);
	unsigned int name = negotiated(39) ? MODEL_NOTIFY_DATA + 1 : 1;
	uint32_t at = 0, wrap = 1;

	(void)state;
	for (unsigned int i = 0; i < ROUNDS(20000); i++) {
		unsigned int before = env->model->doorbells, count = 1 + i % 5;

		send(env, count);
		assert_int_equal(env->model->doorbells, before + 1);
		at += count;
		if (env_is_packed() && at >= 16) {
			at -= 16;
			wrap ^= 1;
		}
		if (!negotiated(38))
			assert_int_equal(env->model->rings.last_doorbell, name);
		else if (env_is_packed())
			assert_int_equal(env->model->rings.last_doorbell,
					 name | at << 16 | wrap << 31);
		else
			assert_int_equal(env->model->rings.last_doorbell,
					 name | (at & 0xffff) << 16);
		vionet_queue_reclaim(env->tx);
	}
	env_stop(env);
}

/* A notification that is repeated says the same. proves: GEN-45 PACKED-24 */
static void repeated_doorbells_are_equal(void **state)
{
	struct env *env = env_start(0, 16, 0, 0);
	unsigned int before;
	uint32_t bell;

	(void)state;
	env->model->paused = true;
	send(env, 3);
	bell = env->model->rings.last_doorbell;
	before = env->model->doorbells;
	env->model->rings.last_doorbell = 0;
	assert_int_equal(vionet_queue_drain(env->tx, 250), -ETIMEDOUT);
	assert_true(env->model->doorbells > before);
	assert_int_equal(env->model->rings.last_doorbell, bell);
	env_stop(env);
}

/* A device that polls suppresses notifications once, and gets none from then on. proves:
 * SPLIT-29 SPLIT-30 SPLIT-31 SPLIT-33 */
static void no_kicks_while_the_device_polls(void **state)
{
	struct env *env = env_start(64, 64, 0, 0);
	uint8_t frame[60] = { 0 };
	struct vionet_queue_stats rx = { .struct_size = sizeof(rx) },
		tx = { .struct_size = sizeof(tx) };
	unsigned int before;

	(void)state;
	env->model->paused = true;
	env->model->rings.keeps_event = true; /* it does not ask again by itself */
	model_used_flags(env->model, 0, 1);
	model_used_flags(env->model, 1, 1);
	before = env->model->doorbells;
	/* Fewer than the 32768 that the event index is away. */
	for (unsigned int i = 0; i < 3000; i++) {
		struct vionet_packet *p;

		send(env, 8);
		model_transmit(env->model);
		assert_int_equal(model_deliver(env->model, frame, 60, 0, -1), 1);
		assert_int_equal(receive_one(env->rx, &p), 1);
		vionet_packet_free(&p, 1);
	}
	assert_int_equal(env->model->doorbells, before);
	model_used_flags(env->model, 1, 0);
	send(env, 1);
	assert_int_equal(env->model->doorbells, before + 1);
	vionet_queue_stats(env->rx, &rx);
	vionet_queue_stats(env->tx, &tx);
	assert_int_equal(rx.kicks + tx.kicks, before + 1);
	env_stop(env);
}

/* With an event index: exactly when a burst passes it, for each place of the event and
 * each length of the burst, over wraps. proves: SPLIT-32 SPLIT-33 PACKED-16 */
static void event_index_decides(void **state)
{
	struct env *env = env_start(0, 8, 0, 0);
	struct model_queue *q = &env->model->queue[1];

	(void)state;
	env->model->paused = env->model->rings.keeps_event = true;
	for (unsigned int i = 0; i < ROUNDS(40000) && negotiated(29); i++) {
		unsigned int ahead = i % 8, count = 1 + i / 8 % 8;
		unsigned int before = env->model->doorbells;
		unsigned int at = q->seen + ahead, wrap = q->seen_wrap;

		if (env_is_packed()) {
			uint8_t *event = model_at(env->model, q->used, 4, true);

			if (at >= 8) {
				at -= 8;
				wrap = !wrap;
			}
			event[0] = (uint8_t)at;
			event[1] = (uint8_t)(wrap << 7);
			event[2] = 2;
		} else {
			uint8_t *used = model_at(env->model, q->used, 6 + 8 * 8,
						 true);

			used[4 + 64] = (uint8_t)at;
			used[5 + 64] = (uint8_t)(at >> 8);
		}
		send(env, count);
		assert_int_equal(env->model->doorbells - before, ahead < count);
		model_transmit(env->model);
		vionet_queue_reclaim(env->tx);
	}
	env_stop(env);
}

/* An armed queue asks for an interrupt at the next buffer; a disarmed one, or one whose
 * index was passed, does not. proves: SPLIT-17 SPLIT-18 SPLIT-19 SPLIT-20 SPLIT-42 */
/* proves: PACKED-17 PACKED-18 PACKED-38 PACKED-39 SPLIT-41 */
static void interrupts_are_wanted_once(void **state)
{
	struct env *env = env_start(16, 16, 0, 0);
	uint8_t frame[60] = { 0 };
	unsigned int interrupts = 0;

	(void)state;
	for (unsigned int i = 0; i < 2000; i++) {
		struct vionet_packet *p[4];

		assert_false(model_wants_interrupt(env->model, 0));
		assert_int_equal(vionet_queue_arm(env->rx), 0);
		for (unsigned int k = 0; k < 3; k++) {
			/* With an index, only the first; with a flag, all. */
			bool wants = model_wants_interrupt(env->model, 0);

			assert_true(wants == (k == 0 || !negotiated(29)));
			interrupts += wants;
			assert_int_equal(model_deliver(env->model, frame, 60, 0, -1),
					 1);
		}
		assert_int_equal(vionet_queue_arm(env->rx), 1);
		assert_int_equal(vionet_queue_receive(env->rx, p, 4), 3);
		vionet_packet_free(p, 3);
		assert_int_equal(vionet_queue_arm(env->rx), 0);
		vionet_queue_disarm(env->rx);
		/* An index that was not passed cannot be withdrawn. */
		if (negotiated(29) && !env_is_packed()) {
			assert_int_equal(model_deliver(env->model, frame, 60, 0, -1),
					 1);
			assert_int_equal(vionet_queue_receive(env->rx, p, 4), 1);
			vionet_packet_free(p, 1);
		}
	}
	assert_int_equal(interrupts, negotiated(29) ? 2000 : 6000);
	env_stop(env);
}

#ifdef __s390x__
#define POLLED 70000u /* the index wraps once */
#else
#define POLLED 140000u
#endif

/* A polled queue gets no interrupts; with EVENT_IDX, which cannot suppress all, one in
 * 65536 buffers. proves: SPLIT-21 */
static void polling_is_left_in_peace(void **state)
{
	struct env *env = env_start(16, 16, 0, 0);
	uint8_t frame[60] = { 0 };
	unsigned int interrupts = 0;

	(void)state;
	for (unsigned int i = 0; i < POLLED; i++) {
		struct vionet_packet *p;

		interrupts += model_wants_interrupt(env->model, 0);
		assert_int_equal(model_deliver(env->model, frame, 60, 0, -1), 1);
		assert_int_equal(receive_one(env->rx, &p), 1);
		vionet_packet_free(&p, 1);
	}
	assert_int_equal(interrupts, negotiated(29) && !env_is_packed() ? POLLED / 65536 : 0);
	env_stop(env);
}

/* A queue reports its longest packet correctly. proves: SPLIT-11 PACKED-25 PACKED-26
 * PACKED-33 */
static void longest_packet_goes_out(void **state)
{
	static const uint32_t sizes[] = { 2, 8, 64, 512 };

	(void)state;
	for (unsigned int i = 0; i < 4; i++) {
		struct env *env = env_start(0, sizes[i], 0, 0);
		struct vionet_packet *first = NULL, *last = NULL, *p;
		struct vionet_queue_info info = { .struct_size = sizeof(info) };
		struct vionet_queue_stats stats = { .struct_size = sizeof(stats) };

		assert_int_equal(vionet_device_queue_info(env->device, 1, &info), 0);
		assert_int_equal(info.segments_max, sizes[i] < 256 ? sizes[i] : 256);
		for (unsigned int k = 0; k <= info.segments_max; k++) {
			p = fresh(env, k == 0 ? 14 : 5);
			if (last)
				last->next = p;
			else
				first = p;
			if (k == info.segments_max - 1u) {
				assert_int_equal(vionet_queue_transmit(env->tx,
								       &first, 1),
						 1);
				vionet_queue_reclaim(env->tx);
				first = last = NULL;
				break;
			}
			last = p;
		}
		assert_int_equal(env->model->sent, 1);
		assert_int_equal(env->last_length, 12 + 14 +
				 5 * (info.segments_max - 1u));
		assert_int_equal(env->model->rings.indirect, negotiated(28));
		vionet_queue_stats(env->tx, &stats);
		assert_int_equal(stats.invalid, 0);
		env_stop(env);
	}
}

/* proves: RSVD-06 RSVD-07 RSVD-13 RSVD-08 */
static void ring_features_are_taken_when_offered(void **state)
{
	const uint64_t all = 1ull << 28 | 1ull << 29 | 1ull << 34 | 1ull << 35 |
			     1ull << 36 | 1ull << 38 | 1ull << 39;
	struct env_layout before = env_layout;
	struct env *env;

	(void)state;
	env_layout.offers = all;
	env_layout.batch = 0;
	env = env_start(0, 0, 0, 0);
	assert_true((env->model->accepted[0] & all) == all);
	env_stop(env);
	env_layout = before;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(doorbells_say_where_we_are),
		cmocka_unit_test(repeated_doorbells_are_equal),
		cmocka_unit_test(no_kicks_while_the_device_polls),
		cmocka_unit_test(event_index_decides),
		cmocka_unit_test(interrupts_are_wanted_once),
		cmocka_unit_test(polling_is_left_in_peace),
		cmocka_unit_test(longest_packet_goes_out),
		cmocka_unit_test(ring_features_are_taken_when_offered),
	};

	return run_for_each_layout(tests);
}
