/* SPDX-License-Identifier: BSD-3-Clause */
/* Sizes of a flow's frames, and what is in them behind the headers. */
#include "tools/pktgen/packet/compile.h"

#include <errno.h>
#include <stdlib.h>

void template_divisor_init(struct template_divisor *divisor, uint64_t value)
{
	__extension__ typedef unsigned __int128 product;
	uint32_t bits = 0;

	*divisor = (struct template_divisor){ .divisor = value };
	/* Above 2^63 no n reaches it. */
	if (value == 0 || value > UINT64_C(1) << 63) {
		divisor->divisor = 0;
		return;
	}
	while ((UINT64_C(1) << bits) < value)
		bits++;
	divisor->magic = (uint64_t)(((product)1 << (63 + bits)) / value) + 1;
	divisor->shift = bits - 1;
}

static int sizes_weights(struct compile *compile)
{
	const struct traffic_size *size = &compile->flow->size;
	struct template *template = compile->template;
	double total = 0;
	double below = 0;

	if (size->weight_count == 0)
		return compile_refuse(compile, -1, "size.weight_pairs", "has no pair");
	template->limit = calloc(size->weight_count, sizeof(*template->limit));
	if (!template->limit)
		return -ENOMEM;
	template->size_min = UINT32_MAX;
	template->size_max = 0;
	for (size_t i = 0; i < size->weight_count; i++) {
		if (!(size->weight[i].weight >= 0) || size->weight[i].weight > 1e18)
			return compile_refuse(compile, -1, "size.weight_pairs", "a weight is a number from 0");
		total += size->weight[i].weight;
	}
	if (!(total > 0))
		return compile_refuse(compile, -1, "size.weight_pairs", "all weights are 0");
	for (size_t i = 0; i < size->weight_count; i++) {
		uint32_t one = size->weight[i].size;

		if (size->weight[i].weight == 0)
			continue;
		below += size->weight[i].weight;
		template->size_mean += one *(size->weight[i].weight / total);
		template->limit[template->limits++] = (struct template_limit){
			.below = below / total >= 1 ? UINT64_MAX : (uint64_t)(below / total * 0x1p64), .size = one
		};
		template->size_min = one < template->size_min ? one : template->size_min;
		template->size_max = one > template->size_max ? one : template->size_max;
	}
	return 0;
}

static int sizes_range(struct compile *compile)
{
	const struct traffic_size *size = &compile->flow->size;
	struct template *template = compile->template;
	uint32_t count;

	template->size_min = size->min;
	template->size_max = size->max;
	if (size->kind == TRAFFIC_SIZE_FIXED) {
		template->size_max = size->min;
		template->size_mean = size->min;
		return 0;
	}
	if (size->max < size->min)
		return compile_refuse(compile, -1, "size", "ends at %u, below its start %u", size->max, size->min);
	if (size->kind == TRAFFIC_SIZE_RANDOM) {
		template->size_mean = (size->min + (double)size->max) / 2;
		return 0;
	}
	if (size->step == 0 && size->max != size->min)
		return compile_refuse(compile, -1, "size.increment.step", "is 0; give at least 1");
	count = size->step ? (size->max - size->min) / size->step + 1 : 1;
	template->size_step = size->step;
	template->size_max = size->min + (count - 1) * size->step;
	template->size_mean = (size->min + (double)template->size_max) / 2;
	if (count == 1) {
		template->size_kind = TRAFFIC_SIZE_FIXED;
		return 0;
	}
	template_divisor_init(&template->size_count, count);
	return 0;
}

/* Headers in front of what the MTU counts: Ethernet, and one tag ("Device configuration layout", NET-08). */
static uint32_t sizes_link_headers(const struct compile *compile)
{
	const struct template *template = compile->template;
	uint64_t type = template->headers >= 14 ? bytes_get16(template->head + 12) : 0;

	if (compile->item[0].header->kind == HEADER_ETHERNET)
		type = layout_constant(compile, 0, (uint32_t)header_field_find(HEADER_ETHERNET, "ether_type"));
	return type == 0x8100 ? 18 : 14;
}

static int sizes_check(struct compile *compile)
{
	const struct template *template = compile->template;
	uint32_t link = sizes_link_headers(compile);
	uint32_t mtu = compile->place->mtu;
	uint32_t largest = template->size_max;

	if (template->size_min < template->headers)
		return compile_refuse(compile, -1, "size", "%u bytes (%u with FCS) are less than the headers' %u",
				      template->size_min, template->size_min + 4, template->headers);
	if (template->size_min < 14)
		return compile_refuse(compile, -1, "size", "%u bytes; a frame has 14 at least", template->size_min);
	if (template->size_max > COMPILE_HEAD_MAX + 14)
		return compile_refuse(compile, -1, "size", "%u bytes; a frame has %d at most", template->size_max,
				      COMPILE_HEAD_MAX + 14);
	if (template->segment_size != 0 && largest > template->headers + template->segment_size)
		largest = template->headers + template->segment_size;
	if (mtu != 0 && largest > mtu + link)
		return compile_refuse(compile, -1, template->segment_size ? "offload.segment_size" : "size",
				      "%u bytes (%u with FCS) are more than the MTU %u and %u of link headers",
				      largest, largest + 4, mtu, link);
	return 0;
}

/* Each frame stands for the same number of segments, each with its signature. */
static int sizes_segments(struct compile *compile)
{
	struct template *template = compile->template;
	uint32_t segment = compile->flow->offload.segment_size;
	uint32_t last;

	template->segment_size = segment;
	if (segment == 0)
		return 0;
	if (template->varies)
		return compile_refuse(compile, -1, "offload.segment_size", "needs frames of one size");
	if (template->size_max <= template->headers)
		return compile_refuse(compile, -1, "offload.segment_size", "needs payload; there is none");
	last = (template->size_max - template->headers - 1) % segment + 1;
	if (template->track && (segment < SIGNATURE_SIZE || last < SIGNATURE_SIZE))
		return compile_refuse(compile, -1, "offload.segment_size",
				      "a segment has %u bytes of payload; a tracked flow needs %d in each",
				      segment < SIGNATURE_SIZE ? segment : last, SIGNATURE_SIZE);
	return 0;
}

int compile_sizes(struct compile *compile)
{
	struct template *template = compile->template;
	int result;

	template->track = compile->flow->track;
	template->size_kind = (uint8_t)compile->flow->size.kind;
	template->size_seed = template_hash(compile->flow->seed, UINT32_MAX);
	template->padded_min = compile->flow->size.no_pad ? 0 : TEMPLATE_FRAME_MIN;
	if (compile->flow->size.kind == TRAFFIC_SIZE_WEIGHTS)
		result = sizes_weights(compile);
	else
		result = sizes_range(compile);
	if (result != 0)
		return result;
	template->varies = template->size_min != template->size_max;
	result = sizes_segments(compile);
	return result != 0 ? result : sizes_check(compile);
}

static uint8_t payload_byte(const struct traffic_flow *flow, uint32_t i)
{
	uint32_t word = i & 1 ? i / 2 : i / 2 >> 8;

	switch (flow->payload) {
	case TRAFFIC_PAYLOAD_FIXED:
		if (flow->payload_size == 0 || (flow->payload_once && i >= flow->payload_size))
			return 0;
		return flow->payload_bytes[i % flow->payload_size];
	case TRAFFIC_PAYLOAD_INCREMENT_BYTE:
		return (uint8_t)i;
	case TRAFFIC_PAYLOAD_DECREMENT_BYTE:
		return (uint8_t)~i;
	case TRAFFIC_PAYLOAD_INCREMENT_WORD:
		return (uint8_t)word;
	case TRAFFIC_PAYLOAD_DECREMENT_WORD:
		return (uint8_t)~word;
	default:
		return 0;
	}
}

static int payload_body(struct compile *compile, uint32_t size)
{
	struct template *template = compile->template;

	template->body = malloc(size ? size : 1);
	if (!template->body)
		return -ENOMEM;
	for (uint32_t i = 0; i < size; i++)
		template->body[i] = payload_byte(compile->flow, i);
	if (!template->varies)
		return 0;
	template->body_before = calloc(size + 1, sizeof(*template->body_before));
	if (!template->body_before)
		return -ENOMEM;
	for (uint32_t i = 0; i < size; i++)
		template->body_before[i + 1] = template->body_before[i] +
					       ((uint32_t) template->body[i] << (i & 1 ? 0 : 8));
	return 0;
}

int compile_payload(struct compile *compile)
{
	struct template *template = compile->template;
	uint32_t size = template->size_max - template->headers;
	int result = 0;

	template->numbered = compile->flow->payload == TRAFFIC_PAYLOAD_NUMBERED;
	if (template->numbered)
		payload_sums_init(&template->numbers);
	else
		result = payload_body(compile, size);
	if (result != 0)
		return result;
	template->body_changes = template->varies ||
				 (template->numbered && template_payload(template, template->size_max) != 0);
	template->payload_sums = template->body_changes;
	if (!template->varies)
		for (uint32_t i = 0; i < 256; i++)
			template->number_sums[i] = template_payload_sum(template, template->size_max, i);
	return 0;
}
