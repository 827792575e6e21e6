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

	rig_layout = env_layout.offers;
	line->rig = raise_rig(1);
	line->rig->model->batch = env_layout.batch;
	memset(&rig_want, 0, sizeof(rig_want));
	withhold(line->rig, HASH_REPORT);
	if (!mergeable)
		withhold(line->rig, MRG_RXBUF);
	for (; *features >= 0; features++) {
		line->rig->model->offered[*features / 64] |= 1ull << *features % 64;
		rig_want.word[*features / 64] |= 1ull << *features % 64;
	}
	line->rig->model->on_frame = record;
	line->rig->model->context = line;
	start_rig(line->rig, 1, 0);
	line->rx = vionet_device_rx_queue(line->rig->device, 0);
	line->tx = vionet_device_tx_queue(line->rig->device, 0);
	return line;
}

void drop_line(struct line *line)
{
	memset(&rig_want, 0, sizeof(rig_want));
	drop_rig(line->rig);
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
