/* SPDX-License-Identifier: BSD-3-Clause */
/* Fields of a flow: those that never change are written to the head, the others become ops. */
#include "tools/pktgen/packet/compile.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

/* One field on its way. */
struct field_work {
	struct compile *compile;
	int item;
	const struct field_type *type;
	const struct traffic_field *given;
	uint32_t bit; /* in the frame */
};

static traffic_value field_largest(const struct field_type *type)
{
	return type->bits == 128 ? ~(traffic_value)0 : ((traffic_value)1 << type->bits) - 1;
}

static int field_refuse_value(const struct field_work *work, const char *what, traffic_value value)
{
	char text[40];

	if (value >> 64)
		snprintf(text, sizeof(text), "0x%" PRIx64 "%016" PRIx64, (uint64_t)(value >> 64), (uint64_t)value);
	else
		snprintf(text, sizeof(text), "%" PRIu64, (uint64_t)value);
	return compile_refuse(work->compile, work->item, work->type->name, "%s%s is more than the field's %u bits hold",
			      what, text, work->type->bits);
}

/* An increment that passes the largest value, or a decrement that passes 0, is a mistake. */
static int field_check_steps(const struct field_work *work)
{
	const struct traffic_field *given = work->given;
	bool up = given->pattern == TRAFFIC_INCREMENT;
	traffic_value room = up ? field_largest(work->type) - given->start : given->start;

	if (given->start > field_largest(work->type))
		return field_refuse_value(work, "start ", given->start);
	if (given->count <= 1 || given->step <= room / (given->count - 1))
		return 0;
	return compile_refuse(work->compile, work->item, work->type->name,
			      "%" PRIu64 " steps from the start pass %s; lower count, step or start", given->count - 1,
			      up ? "the field's largest value" : "0");
}

static int field_check(const struct field_work *work)
{
	const struct traffic_field *given = work->given;
	traffic_value largest = field_largest(work->type);

	switch (given->pattern) {
	case TRAFFIC_VALUE:
		return given->start <= largest ? 0 : field_refuse_value(work, "", given->start);
	case TRAFFIC_VALUES:
		for (size_t i = 0; i < given->value_count; i++)
			if (given->values[i] > largest)
				return field_refuse_value(work, "", given->values[i]);
		return given->value_count ? 0 :
					    compile_refuse(work->compile, work->item,
							   work->type->name, "values: has none");
	case TRAFFIC_INCREMENT:
	case TRAFFIC_DECREMENT:
		return field_check_steps(work);
	case TRAFFIC_RANDOM:
		if (given->max > largest)
			return field_refuse_value(work, "max ", given->max);
		return given->min <= given->max ?
			       0 :
			       compile_refuse(work->compile, work->item, work->type->name,
					      "min is above max");
	default:
		return 0;
	}
}

/* Is the field an address of the sum's pseudo header? */
static bool field_is_pseudo(const struct field_work *work, const struct compile_sum *sum)
{
	if (work->item == sum->segment)
		return true;
	return sum->ip >= 0 && work->item == sum->ip &&
	       (work->type->format == FIELD_IPV4 || work->type->format == FIELD_IPV6) &&
	       (sum->segment < 0 || strcmp(work->type->name, "src") == 0);
}

static int field_add_terms(const struct field_work *work, struct template_op *op, uint32_t bit, uint32_t bits)
{
	struct compile *compile = work->compile;
	int result = 0;

	op->term = compile->template->terms;
	for (uint32_t i = 0; i < compile->sums && result == 0; i++) {
		const struct compile_sum *sum = &compile->sum[i];
		uint64_t end = (uint64_t)sum->end * 8;

		if (!sum->partial && bit >= sum->start * 8 && bit + bits <= end)
			result = compile_add_term(compile, i, -(bit + bits - sum->start * 8) & 15);
		if (result == 0 && field_is_pseudo(work, sum))
			result = compile_add_term(compile, i, 0);
	}
	op->terms = compile->template->terms - op->term;
	return result;
}

/* An op for `bits` of the frame: the unit is the smallest that has them all. */
static int field_push(const struct field_work *work, struct template_op *op, uint32_t bit, uint32_t bits)
{
	uint32_t first = bit / 8;
	uint32_t bytes = (bit + bits - 1) / 8 - first + 1;
	uint32_t headers = work->compile->template->headers;
	int result;

	op->unit = 1;
	while (op->unit < bytes)
		op->unit = (uint8_t)(op->unit * 2);
	if (first + op->unit > headers && headers >= op->unit)
		first = headers - op->unit;
	op->at = first;
	op->shift = (uint8_t)((first + op->unit) * 8 - (bit + bits));
	op->merge = bits != op->unit * 8U;
	if (op->kind == OP_STEP && !op->merge && (op->unit == 2 || op->unit == 4))
		op->kind = op->unit == 2 ? OP_STEP16 : OP_STEP32;
	op->mask = bits == 64 ? UINT64_MAX : (UINT64_C(1) << bits) - 1;
	op->seed = template_hash(work->given->seed, work->bit);
	if (work->given->pattern == TRAFFIC_RANDOM && work->given->count == 1) {
		compile_write(work->compile, bit, bits, template_value(op, 0, 0));
		return 0;
	}
	result = field_add_terms(work, op, bit, bits);
	return result != 0 ? result : compile_push_op(work->compile, op);
}

/* A piece of up to 64 bits, from bit `low` of the value on. */
struct field_piece {
	uint32_t bit, bits, low;
};

static uint64_t field_piece_of(const struct field_piece *piece, traffic_value value)
{
	uint64_t mask = piece->bits == 64 ? UINT64_MAX : (UINT64_C(1) << piece->bits) - 1;

	return (uint64_t)(value >> piece->low) & mask;
}

static int field_values(const struct field_work *work, const struct field_piece *piece)
{
	const struct traffic_field *given = work->given;
	struct template_op op = { .kind = OP_VALUES };
	uint64_t *values = compile_own(work->compile, given->value_count * sizeof(*values));
	bool same = true;

	if (!values)
		return -ENOMEM;
	for (size_t i = 0; i < given->value_count; i++) {
		values[i] = field_piece_of(piece, given->values[i]);
		same = same && values[i] == values[0];
	}
	if (same) {
		compile_write(work->compile, piece->bit, piece->bits, values[0]);
		return 0;
	}
	op.values = values;
	template_divisor_init(&op.divisor, given->value_count);
	return field_push(work, &op, piece->bit, piece->bits);
}

static int field_wide(const struct field_work *work, const struct field_piece *piece, struct template_op *op,
		      traffic_value start, traffic_value step)
{
	struct template_wide *wide = compile_own(work->compile, sizeof(*wide));

	if (!wide)
		return -ENOMEM;
	*wide = (struct template_wide){ .random = work->given->pattern == TRAFFIC_RANDOM,
					.upper = piece->low != 0,
					.start = start,
					.step = step };
	op->kind = OP_WIDE;
	op->wide = wide;
	return field_push(work, op, piece->bit, piece->bits);
}

/* Halves of an address that does not carry from one to the other go by themselves. */
static int field_steps(const struct field_work *work, const struct field_piece *piece)
{
	const struct traffic_field *given = work->given;
	struct template_op op = { .kind = OP_STEP };
	uint64_t count = given->count ? given->count : 1;
	traffic_value step = given->pattern == TRAFFIC_INCREMENT ? given->step : -given->step;
	traffic_value last = given->start + step * (count - 1);
	uint64_t start = field_piece_of(piece, given->start);

	if (count == 1 || step == 0 || (piece->low && given->start >> 64 == last >> 64) ||
	    (piece->bits == 64 && piece->low == 0 && (uint64_t)step == 0)) {
		compile_write(work->compile, piece->bit, piece->bits, start);
		return 0;
	}
	template_divisor_init(&op.divisor, count);
	op.start = start;
	op.step = (uint64_t)(step >> piece->low);
	if (piece->low && (uint64_t)step != 0)
		return field_wide(work, piece, &op, given->start, step);
	return field_push(work, &op, piece->bit, piece->bits);
}

static int field_random(const struct field_work *work, const struct field_piece *piece)
{
	const struct traffic_field *given = work->given;
	struct template_op op = { .kind = OP_RANDOM };
	traffic_value span = given->max - given->min;

	if (span == 0 || (piece->low && given->min >> 64 == given->max >> 64)) {
		compile_write(work->compile, piece->bit, piece->bits, field_piece_of(piece, given->min));
		return 0;
	}
	template_divisor_init(&op.divisor, given->count == 1 ? 0 : given->count);
	op.start = field_piece_of(piece, given->min);
	op.step = (uint64_t)span + 1;
	if (work->type->bits == 128 && given->min >> 64 != given->max >> 64)
		return field_wide(work, piece, &op, given->min, span + 1);
	return field_push(work, &op, piece->bit, piece->bits);
}

static int field_pattern(const struct field_work *work)
{
	uint32_t bits = work->type->bits;
	uint32_t pieces = bits > 64 ? 2 : 1;

	for (uint32_t i = 0; i < pieces; i++) {
		struct field_piece piece = { work->bit + i * 64, bits > 64 ? 64 : bits, (pieces - 1 - i) * 64 };
		int result;

		if (work->given->pattern == TRAFFIC_VALUES)
			result = field_values(work, &piece);
		else if (work->given->pattern == TRAFFIC_RANDOM)
			result = field_random(work, &piece);
		else
			result = field_steps(work, &piece);
		if (result != 0)
			return result;
	}
	return 0;
}

static int field_length(const struct field_work *work)
{
	const struct layout_item *of = &work->compile->item[work->item];
	const struct template *template = work->compile->template;
	uint32_t from = of->at + (work->type->computed == RULE_LENGTH_BEHIND ? of->type->size : 0);
	struct template_op op = { .kind = OP_LENGTH, .start = -(uint64_t)from };

	if (template->size_max - from > field_largest(work->type))
		return compile_refuse(work->compile, work->item, work->type->name,
				      "the frame's %u bytes from there on are more than it can say",
				      template->size_max - from);
	if (template->varies)
		return field_push(work, &op, work->bit, work->type->bits);
	compile_write(work->compile, work->bit, work->type->bits, template->size_max - from);
	return 0;
}

static int field_computed(const struct field_work *work)
{
	enum field_rule rule = work->type->computed;

	if (rule == RULE_LENGTH || rule == RULE_LENGTH_BEHIND)
		return field_length(work);
	compile_write(work->compile, work->bit, work->type->bits,
		      compile_rule(work->compile, work->item, work->type));
	return 0;
}

/* The checksums themselves are made in sums.c. */
static int field_checksum(const struct field_work *work)
{
	switch (work->given->pattern) {
	case TRAFFIC_VALUE:
		compile_write(work->compile, work->bit, work->type->bits, work->given->start);
		return 0;
	case TRAFFIC_UNSET:
	case TRAFFIC_AUTO:
	case TRAFFIC_GOOD:
	case TRAFFIC_BAD:
		return 0;
	default:
		return compile_refuse(work->compile, work->item, work->type->name,
				      "a checksum is `generated`, or one `custom` value");
	}
}

static int field_one(const struct field_work *work)
{
	int result = field_check(work);

	if (result != 0 || work->type->offset == FIELD_NOT_SENT)
		return result;
	if (work->type->format == FIELD_CHECKSUM)
		return field_checksum(work);
	switch (work->given->pattern) {
	case TRAFFIC_UNSET:
	case TRAFFIC_AUTO:
		return field_computed(work);
	case TRAFFIC_VALUE:
		compile_write(work->compile, work->bit, work->type->bits, work->given->start);
		return 0;
	case TRAFFIC_GOOD:
	case TRAFFIC_BAD:
		return compile_refuse(work->compile, work->item, work->type->name, "is no checksum");
	default:
		return field_pattern(work);
	}
}

static int fields_of(struct compile *compile, int item)
{
	const struct layout_item *of = &compile->item[item];

	for (uint32_t i = 0; i < of->type->fields; i++) {
		struct field_work work = { compile, item, &of->type->field[i], &of->header->field[i],
					   of->at * 8 + of->type->field[i].offset };
		int result = 0;

		if (work.type->optional && !of->optional)
			continue;
		if (layout_is_chosen(of, i))
			result = field_one(&work);
		else if (work.given->pattern != TRAFFIC_UNSET)
			result = compile_refuse(compile, item, work.type->name, "is set beside another alternative");
		if (result != 0)
			return result;
	}
	return 0;
}

int compile_fields(struct compile *compile)
{
	for (uint32_t i = 0; i < compile->items; i++) {
		int result = fields_of(compile, (int)i);

		if (result != 0)
			return result;
	}
	return 0;
}
