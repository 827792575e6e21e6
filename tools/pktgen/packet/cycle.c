/* SPDX-License-Identifier: BSD-3-Clause */
#include "tools/pktgen/packet/template_private.h"

#include <stdlib.h>

/* After so many frames all is as in the first one; 0: never, or after more than `most`. */
static uint64_t cycle_period(const struct template *template, uint64_t most)
{
	uint64_t period = 1;

	if (template->ops == 0 || template->body_changes || template->payload_sums ||
	    template->varies || template->segment_size != 0)
		return 0;
	for (uint32_t i = 0; i < template->ops; i++) {
		uint64_t values = template->op[i].divisor.divisor, common = values;

		if (values == 0)
			return 0;
		while (common <= most && common % period != 0)
			common += values;
		if (common > most)
			return 0;
		period = common;
	}
	return period;
}

/* From the first byte that changes to the last. */
static void cycle_find_bytes(struct template *template)
{
	uint32_t first = template->headers, end = 0;

	for (uint32_t i = 0; i < template->ops; i++) {
		const struct template_op *op = &template->op[i];

		first = op->unit != 0 && op->at < first ? op->at : first;
		end = op->unit != 0 && op->at + op->unit > end ? op->at + op->unit : end;
	}
	for (uint32_t i = 0; i < template->sums; i++) {
		first = template->sum[i].at < first ? template->sum[i].at : first;
		end = template->sum[i].at + 2 > end ? template->sum[i].at + 2 : end;
	}
	if (end < first + CYCLE_BYTES_MIN)
		end = first + CYCLE_BYTES_MIN;
	if (end > template->headers) {
		first -= end - template->headers;
		end = template->headers;
	}
	template->cycle.at = first;
	template->cycle.bytes = end - first;
}

static bool cycle_fill(struct template *template, uint32_t count)
{
	const struct cycle *cycle = &template->cycle;
	uint32_t size = template->size_max;
	uint8_t *frame = malloc(template_padded(template, size));

	for (uint32_t i = 0; frame != NULL && i < count; i++) {
		template_build(template, frame, size, i, 0, i == 0);
		memcpy(cycle->frames + (size_t)i * cycle->bytes, frame + cycle->at, cycle->bytes);
	}
	free(frame);
	return frame != NULL;
}

size_t cycle_make(struct template *template, size_t most)
{
	uint64_t period = cycle_period(template, most / CYCLE_BYTES_MIN);
	struct cycle *cycle = &template->cycle;

	if (period < 2 || cycle->frames != NULL || template->headers < CYCLE_BYTES_MIN)
		return 0;
	cycle_find_bytes(template);
	if (period * cycle->bytes > most)
		return 0;
	cycle->count = (uint32_t)period;
	cycle->frames = malloc(period * cycle->bytes);
	if (cycle->frames == NULL)
		return 0;
	if (!cycle_fill(template, cycle->count)) {
		free(cycle->frames);
		cycle->frames = NULL;
		return 0;
	}
	return period * cycle->bytes;
}

const struct cycle *cycle_of(const struct template *template)
{
	return &template->cycle;
}
