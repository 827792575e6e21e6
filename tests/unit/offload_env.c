/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdlib.h>

#include "tests/unit/offload_env.h"

static void record(void *context, const uint8_t *data, size_t length)
{
	struct line *line = context;

	memcpy(line->sent, data, length);
	line->sent_length = length;
	line->sent_count++;
}

struct line *raise_line(const int *features, bool mergeable)
{
	struct line *line = calloc(1, sizeof(*line));

	control_env_layout = env_layout.offers;
	line->env = control_env_create(1);
	line->env->model->batch = env_layout.batch;
	memset(&control_env_want, 0, sizeof(control_env_want));
	withhold(line->env, HASH_REPORT);
	if (!mergeable)
		withhold(line->env, MRG_RXBUF);
	for (; *features >= 0; features++) {
		line->env->model->offered[*features / 64] |= 1ull << *features % 64;
		control_env_want.word[*features / 64] |= 1ull << *features % 64;
	}
	line->env->model->on_frame = record;
	line->env->model->context = line;
	control_env_start(line->env, 1, 0);
	line->rx = vionet_device_rx_queue(line->env->device, 0);
	line->tx = vionet_device_tx_queue(line->env->device, 0);
	return line;
}

void drop_line(struct line *line)
{
	memset(&control_env_want, 0, sizeof(control_env_want));
	control_env_destroy(line->env);
	free(line);
}

void line_put16(uint8_t *at, unsigned int value)
{
	at[0] = (uint8_t)value;
	at[1] = (uint8_t)(value >> 8);
}

unsigned int line_get16(const uint8_t *at)
{
	return at[0] | (unsigned int)at[1] << 8;
}

struct vionet_queue_stats line_counters(const struct vionet_queue *queue)
{
	struct vionet_queue_stats stats = { .struct_size = sizeof(stats) };

	assert_int_equal(vionet_queue_stats(queue, &stats), 0);
	return stats;
}
