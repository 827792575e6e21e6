/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdlib.h>

#include "tests/unit/faults.h"

int take_buffer(struct env *env, unsigned int index)
{
	uint8_t scratch[2100];
	size_t length;

	return model_take(env->model, index, scratch, sizeof(scratch), &length);
}

/* A device with `count` packets sent and, if `taken`, taken by the device. */
struct env *raise_sent(unsigned int count, bool taken, int *ids)
{
	struct env *env = env_start(16, 16, 0, 0);
	struct vionet_packet *p[16];

	env->model->paused = true;
	for (unsigned int i = 0; i < count; i++)
		p[i] = fresh(env, 60);
	assert_int_equal(vionet_queue_transmit(env->tx, p, count), count);
	for (unsigned int i = 0; i < count && taken; i++)
		ids[i] = take_buffer(env, 1);
	return env;
}

/* The transmit queue looks at what the device completed, and is broken. */
void expect_broken_transmit(struct env *env, const char *why)
{
	vionet_queue_reclaim(env->tx);
	expect_broken(env, env->tx, why);
}

void expect_broken_receive(uint32_t id, uint16_t advance, const char *why)
{
	struct env *env = env_start(16, 0, 0, 0);
	struct vionet_packet *p[4];

	model_used(env->model, 0, id, 100, advance);
	assert_int_equal(vionet_queue_receive(env->rx, p, 4), 0);
	expect_broken(env, env->rx, why);
}

struct model_map *map_at(struct env *env, uint64_t iova)
{
	for (unsigned int i = 0; i < MODEL_MAPS; i++)
		if (env->model->map[i].used && env->model->map[i].iova <= iova &&
		    iova - env->model->map[i].iova < env->model->map[i].size)
			return &env->model->map[i];
	fail();
	return NULL;
}

/* ---- faults of any ring ---- */

/* Notifications are sent as the device asks for them; now and then also when it does not. */
void d16_no_notify_for_ever(void **state)
{
	struct env *env = env_start(0, 0, 0, 0);
	struct vionet_packet *p = fresh(env, 60);
	unsigned int before;

	(void)state;
	env->model->paused = true;
	model_used_flags(env->model, 1, 1);
	before = env->model->doorbells;
	assert_int_equal(vionet_queue_transmit(env->tx, &p, 1), 1);
	assert_int_equal(env->model->doorbells, before);
	env->model->paused = false;
	assert_int_equal(vionet_queue_drain(env->tx, 60000), 0);
	assert_int_equal(env->model->doorbells, before + 1);
	env_stop(env);
}

void d19_never_completes(void **state)
{
	struct env *env = env_start(16, 16, 0, 0);
	struct vionet_queue_stats stats = { .struct_size = sizeof(stats) };
	struct vionet_packet *p[17];

	(void)state;
	env->model->paused = true;
	for (unsigned int i = 0; i < 17; i++)
		p[i] = fresh(env, 60);
	assert_int_equal(vionet_queue_transmit(env->tx, p, 17), 16);
	assert_int_equal(vionet_queue_transmit(env->tx, p + 16, 1), 0);
	assert_int_equal(vionet_queue_wait(env->rx, 0, 5), 0);
	assert_int_equal(vionet_queue_drain(env->tx, 5), -ETIMEDOUT);
	vionet_queue_stats(env->tx, &stats);
	assert_int_equal(stats.full, 2);
	assert_int_equal(stats.in_flight, 16);
	vionet_packet_free(p + 16, 1);
	env_stop(env);
}

/* The queue fails while it is drained: drain returns an error. */
void drain_of_a_breaking_queue_fails(void **state)
{
	int id;
	struct env *env = raise_sent(1, true, &id);

	(void)state;
	model_used(env->model, 1, (uint32_t)id, 0, 1);
	assert_int_equal(vionet_queue_reclaim(env->tx), 0);
	model_used(env->model, 1, (uint32_t)id, 0, 1);
	assert_int_equal(vionet_queue_drain(env->tx, 100), -EIO);
	if (!env_is_packed())
		assert_text("jumped by 1 with 0 buffers");
	env_stop(env);
}

/* The queue fails while the driver reclaims room for a packet of three segments, after
 * one valid completion: the device gets no more buffers. */
void breaks_while_room_is_made(void **state)
{
	int ids[14];
	struct env *env;
	struct vionet_packet *p[3];
	unsigned int before;

	(void)state;
	/* With an indirect table it needs no room; with IN_ORDER the first bad entry ends
	 * it. */
	if (env_layout.offers & 1ull << 28 || env_in_order())
		return;
	env = raise_sent(14, true, ids);
	before = env->model->doorbells;
	for (unsigned int i = 0; i < 3; i++) {
		p[i] = fresh(env, 60);
		if (i != 0)
			p[i - 1]->next = p[i];
	}
	model_used(env->model, 1, (uint32_t)ids[0], 0, 1);
	model_used(env->model, 1, 99, 0, 1);
	assert_int_equal(vionet_queue_transmit(env->tx, p, 1), 0);
	assert_int_equal(vionet_queue_check(env->tx), -EIO);
	assert_int_equal(env->model->doorbells, before);
	vionet_packet_free(p, 1);
	env_stop(env);
}
