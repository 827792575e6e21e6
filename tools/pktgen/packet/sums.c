/* SPDX-License-Identifier: BSD-3-Clause */
/* Checksums of a flow: which there are, of what, and which of them change from frame to frame. */
#include "tools/pktgen/packet/compile.h"

/* The IP header whose addresses are in the pseudo header: extension headers, and bytes that may be
 * some, lie between. */
static int sums_ip(const struct compile *compile, int item)
{
	for (int i = item - 1; i >= 0; i--) {
		unsigned int kind = compile->item[i].header->kind;

		if (compile->item[i].parent >= 0)
			continue;
		if (kind == HEADER_IPV4 || kind == HEADER_IPV6)
			return i;
		if (kind != HEADER_IPV6_EXTENSION_HEADER && kind != HEADER_CUSTOM)
			return -1;
	}
	return -1;
}

/* RFC 8200, 8.1: with a routing header the destination is the last one, while segments are left. */
static int sums_segment(const struct compile *compile, int ip, int item)
{
	int left = header_field_find(HEADER_IPV6_EXTENSION_HEADER, "routing.segment_routing.segments_left");
	int found = -1;

	for (int i = ip + 1; i < item; i++) {
		const struct layout_item *of = &compile->item[i];

		if (of->header->kind == HEADER_SEGMENT && of->index == 0 &&
		    layout_constant(compile, of->parent, (uint32_t)left) != 0)
			found = i;
	}
	return found;
}

static void sums_pseudo(struct compile *compile, struct compile_sum *sum)
{
	sum->ip = sums_ip(compile, (int)sum->item);
	if (sum->ip < 0)
		return;
	if (compile->item[sum->ip].header->kind == HEADER_IPV6)
		sum->segment = sums_segment(compile, sum->ip, (int)sum->item);
	switch (compile->item[sum->item].header->kind) {
	case HEADER_TCP:
		sum->constant = 6;
		break;
	case HEADER_UDP:
		sum->constant = 17;
		break;
	default:
		sum->constant = 58;
		break;
	}
}

static int sums_add(struct compile *compile, uint32_t item, uint32_t field)
{
	const struct layout_item *of = &compile->item[item];
	const struct field_type *type = &of->type->field[field];
	struct compile_sum *sum = &compile->sum[compile->sums];
	enum traffic_pattern pattern = of->header->field[field].pattern;

	if (pattern == TRAFFIC_VALUE || (type->optional && !of->optional))
		return 0;
	if (compile->sums == TEMPLATE_SUMS_MAX)
		return compile_refuse(compile, (int)item, type->name, "is one checksum too many; %d at most",
				      TEMPLATE_SUMS_MAX);
	compile->sums++;
	*sum = (struct compile_sum){ .item = item,
				     .at = of->at + type->offset / 8,
				     .start = of->at,
				     .end = UINT32_MAX,
				     .pattern = pattern,
				     .ip = -1,
				     .segment = -1 };
	if (type->computed == RULE_CHECKSUM)
		sum->end = of->end;
	if (type->computed == RULE_CHECKSUM_PSEUDO)
		sums_pseudo(compile, sum);
	return 0;
}

int compile_find_sums(struct compile *compile)
{
	for (uint32_t i = 0; i < compile->items; i++)
		for (uint32_t j = 0; j < compile->item[i].type->fields; j++) {
			int result = compile->item[i].type->field[j].format == FIELD_CHECKSUM
					     ? sums_add(compile, i, j)
					     : 0;

			if (result != 0)
				return result;
		}
	return 0;
}

/* Fixed frames: the payload's sum that never changes, at the parity of `sum`. */
static uint64_t sums_payload(const struct compile *compile, const struct compile_sum *sum)
{
	const struct template *template = compile->template;

	if (sum->end != UINT32_MAX || sum->partial || template->payload_sums)
		return 0;
	return template->number_sums[0] << ((template->headers - sum->start) & 1 ? 8 : 0);
}

static uint64_t sums_address(const struct compile *compile, int item, const char *name)
{
	const struct layout_item *of = &compile->item[item];
	const struct field_type *field = &of->type->field[header_field_find(of->header->kind, name)];

	return sum_bytes(compile->template->head + of->at + field->offset / 8, field->bits / 8);
}

/* All of the sum that is in the head by now. */
static uint64_t sums_base(const struct compile *compile, const struct compile_sum *sum)
{
	const struct template *template = compile->template;
	uint32_t end = sum->end < template->headers ? sum->end : template->headers;
	uint64_t base = sum->constant + sums_payload(compile, sum);

	if (!sum->partial)
		base += sum_bytes(template->head + sum->start, end - sum->start);
	if (sum->ip < 0)
		return base;
	base += sums_address(compile, sum->ip, "src");
	base += sum->segment < 0 ? sums_address(compile, sum->ip, "dst")
				 : sums_address(compile, sum->segment, "segment");
	if (!template->varies)
		base += template->size_max - sum->start;
	return base;
}

/* What a checksum's result is in the sum around it, 0 to 15: the shift of the term; -1: no part of it. A partial one
 * stands for all that it covers: the device makes that sum to the complement of the pseudo header's. */
static int sums_shift(const struct compile_sum *outer, const struct compile_sum *inner)
{
	uint32_t at = inner->partial ? inner->start : inner->at;

	if (outer->partial)
		return -1;
	if (inner->partial ? !outer->device_inside : outer->start > at || outer->end < at + 2)
		return -1;
	return (at - outer->start) & 1 ? 8 : 0;
}

/* It is the same in all frames. */
static void sums_write(struct compile *compile, uint32_t index, const struct template_sum *sum)
{
	uint32_t checksum = template_checksum(sum, sum->base);

	bytes_put16(compile->template->head + sum->at, checksum);
	for (uint32_t i = 0; i < index && sum->partial; i++) {
		int shift = sums_shift(&compile->sum[i], &compile->sum[index]);

		if (shift >= 0)
			compile->sum[i].constant += (checksum ^ 0xffff) << shift;
	}
}

static int sums_one(struct compile *compile, uint32_t index)
{
	struct compile_sum *of = &compile->sum[index];
	struct template *template = compile->template;
	struct template_sum sum = {
		.at = of->at,
		.base = sum_fold(sums_base(compile, of)),
		.term = template->terms,
		.payload_shift = (template->headers - of->start) & 1 ? 8 : 0,
		.payload = of->end == UINT32_MAX && !of->partial && template->payload_sums,
		.zero = compile->item[of->item].header->kind == HEADER_UDP ? 0xffff : 0,
		.bad = of->pattern == TRAFFIC_BAD,
		.partial = of->partial,
	};

	if (!of->changes && !sum.payload) {
		sums_write(compile, index, &sum);
		return 0;
	}
	for (uint32_t i = 0; i < index; i++) {
		int shift = sums_shift(&compile->sum[i], of);
		int result = shift < 0 ? 0 : compile_add_term(compile, i, (uint32_t)shift);

		if (result != 0)
			return result;
	}
	sum.terms = template->terms - sum.term;
	of->dense = (uint8_t) template->sums;
	template->sum[template->sums++] = sum;
	return 0;
}

static int sums_compare(const struct template *template, const struct template_op *a, const struct template_op *b)
{
	if (a->terms != b->terms)
		return a->terms > b->terms ? -1 : 1;
	return a->terms == 0 ? 0 :
			       memcmp(&template->term[a->term], &template->term[b->term],
				      a->terms * sizeof(*template->term));
}

/* Ops with the same terms come one after the other: what they add is added up before it goes into the sums. Those
 * without terms come last. */
static void sums_group(struct template *template)
{
	for (uint32_t i = 1; i < template->ops; i++) {
		struct template_op op = template->op[i];
		uint32_t at = i;

		for (; at > 0 && sums_compare(template, &op, &template->op[at - 1]) < 0; at--)
			template->op[at] = template->op[at - 1];
		template->op[at] = op;
	}
	for (uint32_t i = 0; i + 1 < template->ops; i++)
		if (sums_compare(template, &template->op[i], &template->op[i + 1]) == 0)
			template->op[i].terms = 0;
}

int compile_sums(struct compile *compile)
{
	struct template *template = compile->template;

	for (uint32_t i = compile->sums; i-- > 0;) {
		int result = sums_one(compile, i);

		if (result != 0)
			return result;
	}
	for (uint32_t i = 0; i < template->terms; i++)
		template->term[i].sum = compile->sum[template->term[i].sum].dense;
	sums_group(template);
	return 0;
}

/* Length of the packet in the pseudo headers, where it changes. */
int compile_length_terms(struct compile *compile)
{
	for (uint32_t i = 0; i < compile->sums && compile->template->varies; i++) {
		struct template_op op = { .kind = OP_LENGTH,
					  .start = -(uint64_t)compile->sum[i].start,
					  .mask = UINT32_MAX };
		int result;

		if (compile->sum[i].ip < 0)
			continue;
		op.term = compile->template->terms;
		op.terms = 1;
		result = compile_add_term(compile, i, 0);
		if (result == 0)
			result = compile_push_op(compile, &op);
		if (result != 0)
			return result;
	}
	return 0;
}
