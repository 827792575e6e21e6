/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdlib.h>

#include "tests/unit/offload_env.h"

static void offload_record(void *context, const uint8_t *data, size_t length)
{
	struct offload_env *env = context;

	memcpy(env->sent, data, length);
	env->sent_length = length;
	env->sent_count++;
}

struct offload_env *offload_env_start(const int *features, bool mergeable)
{
	struct offload_env *env = calloc(1, sizeof(*env));

	control_env_layout = env_layout.offers;
	env->control = control_env_create(1);
	env->control->model->batch = env_layout.batch;
	memset(&control_env_want, 0, sizeof(control_env_want));
	withhold(env->control, HASH_REPORT);
	if (!mergeable)
		withhold(env->control, MRG_RXBUF);
	for (; *features >= 0; features++) {
		env->control->model->offered[*features / 64] |= 1ull << *features % 64;
		control_env_want.word[*features / 64] |= 1ull << *features % 64;
	}
	env->control->model->on_frame = offload_record;
	env->control->model->context = env;
	control_env_start(env->control, 1, 0);
	env->rx = vionet_device_rx_queue(env->control->device, 0);
	env->tx = vionet_device_tx_queue(env->control->device, 0);
	return env;
}

void offload_env_stop(struct offload_env *env)
{
	memset(&control_env_want, 0, sizeof(control_env_want));
	control_env_destroy(env->control);
	free(env);
}

void le16_put(uint8_t *at, unsigned int value)
{
	at[0] = (uint8_t)value;
	at[1] = (uint8_t)(value >> 8);
}

unsigned int le16_get(const uint8_t *at)
{
	return at[0] | (unsigned int)at[1] << 8;
}

struct vionet_queue_stats queue_counters(const struct vionet_queue *queue)
{
	struct vionet_queue_stats stats = { .struct_size = sizeof(stats) };

	assert_int_equal(vionet_queue_stats(queue, &stats), 0);
	return stats;
}
