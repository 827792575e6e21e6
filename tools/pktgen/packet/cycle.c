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

static bool cycle_alloc(struct template *template, uint64_t count, size_t most)
{
	struct cycle *cycle = &template->cycle;

	if (cycle->frames != NULL || template->headers < CYCLE_BYTES_MIN)
		return false;
	cycle_find_bytes(template);
	if (count * cycle->bytes > most)
		return false;
	cycle->count = (uint32_t)count;
	cycle->frames = malloc(count * cycle->bytes);
	return cycle->frames != NULL;
}

/* Of frames `from` to before `end`, all of `size`; what they are counted by is their number from 0 on. */
static bool cycle_build(struct template *template, uint32_t size, uint32_t from, uint32_t end)
{
	const struct cycle *cycle = &template->cycle;
	uint8_t *frame = malloc(template_padded(template, size));

	for (uint32_t i = from; frame != NULL && i < end; i++) {
		template_build(template, frame, size, i - from, i - from, i == from);
		memcpy(cycle->frames + (size_t)i * cycle->bytes, frame + cycle->at, cycle->bytes);
	}
	free(frame);
	return frame != NULL;
}

/* ---- sizes ---- */

/* How many there are; 0: too many, or other fields change, too. */
static uint32_t cycle_count_sizes(const struct template *template)
{
	uint64_t sizes = 1;

	if (!template->body_changes || template->segment_size != 0)
		return 0;
	for (uint32_t i = 0; i < template->ops; i++)
		if (template->op[i].kind != OP_LENGTH)
			return 0;
	if (template->size_kind == TRAFFIC_SIZE_INCREMENT)
		sizes = template->size_count.divisor;
	else if (template->size_kind == TRAFFIC_SIZE_RANDOM)
		sizes = (uint64_t) template->size_max - template->size_min + 1;
	else if (template->size_kind == TRAFFIC_SIZE_WEIGHTS)
		sizes = template->limits;
	return sizes <= CYCLE_SIZES_MAX ? (uint32_t)sizes : 0;
}

static uint32_t cycle_size(const struct template *template, uint32_t which)
{
	if (template->size_kind == TRAFFIC_SIZE_WEIGHTS)
		return template->limit[which].size;
	return template->size_min + which * (template->size_kind == TRAFFIC_SIZE_INCREMENT ? template->size_step : 1);
}

static bool cycle_make_sizes(struct template *template, uint32_t sizes, size_t most)
{
	struct cycle *cycle = &template->cycle;
	uint32_t numbers = template->numbered ? 256 : 1;

	if (sizes == 0 || !cycle_alloc(template, sizes * numbers, most))
		return false;
	cycle->size = calloc(sizes, sizeof(*cycle->size));
	for (uint32_t i = 0; cycle->size != NULL && i < sizes; i++) {
		uint32_t size = cycle_size(template, i), padded = template_padded(template, size);
		uint32_t first = i * numbers;

		cycle->size[i] = (struct cycle_size){
			.size = size,
			.padded = padded,
			.first = first,
			.payload = template_payload(template, size),
		};
		if (!cycle_build(template, size, first, first + numbers))
			return false;
	}
	cycle->sizes = sizes;
	cycle->mask = numbers - 1;
	cycle->headers = template->headers;
	cycle->body = template->numbered ? NULL : template->body;
	return cycle->size != NULL;
}

static void cycle_choose_weights(const struct template *template, uint64_t n, uint64_t step, uint32_t count,
				 uint8_t *which)
{
	const struct template_limit *limit = template->limit;
	uint32_t limits = template->limits - 1;

	for (uint32_t i = 0; i < count; i++) {
		uint64_t hash = template_hash(template->size_seed, n + i * step);
		uint32_t one = 0;

		for (uint32_t k = 0; k < limits; k++)
			one += hash >= limit[k].below;
		which[i] = (uint8_t)one;
	}
}

void cycle_choose(const struct template *template, uint64_t n, uint64_t step, uint32_t count, uint8_t *which)
{
	uint64_t span = (uint64_t) template->size_max - template->size_min + 1;

	if (template->size_kind == TRAFFIC_SIZE_WEIGHTS) {
		cycle_choose_weights(template, n, step, count, which);
		return;
	}
	for (uint32_t i = 0; i < count; i++, n += step)
		if (template->size_kind == TRAFFIC_SIZE_INCREMENT)
			which[i] = (uint8_t)template_modulo(&template->size_count, n);
		else if (template->size_kind == TRAFFIC_SIZE_RANDOM)
			which[i] = (uint8_t)template_draw(template_hash(template->size_seed, n), span);
		else
			which[i] = 0;
}

/* ---- all ---- */

static bool cycle_make_numbers(struct template *template, uint64_t period, size_t most)
{
	return period >= 2 && cycle_alloc(template, period, most) &&
	       cycle_build(template, template->size_max, 0, template->cycle.count);
}

size_t cycle_make(struct template *template, size_t most)
{
	uint64_t period = cycle_period(template, most / CYCLE_BYTES_MIN);
	const struct cycle *cycle = &template->cycle;

	if (cycle->frames != NULL)
		return 0;
	if (cycle_make_numbers(template, period, most) ||
	    (period == 0 && cycle_make_sizes(template, cycle_count_sizes(template), most)))
		return (size_t)cycle->count * cycle->bytes;
	cycle_free(template);
	return 0;
}

void cycle_free(struct template *template)
{
	free(template->cycle.frames);
	free(template->cycle.size);
	template->cycle = (struct cycle){ 0 };
}

const struct cycle *cycle_of(const struct template *template)
{
	return &template->cycle;
}
