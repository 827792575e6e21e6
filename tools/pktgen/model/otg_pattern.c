/* SPDX-License-Identifier: BSD-3-Clause */
/* What a field of a header is in each frame. */
#include <errno.h>
#include <stdlib.h>
#include <sys/random.h>

#include "tools/pktgen/model/otg_parts.h"

#define VALUES_MAX (1u << 20)

/* A pattern that is being read. */
struct pattern {
	const struct field_type *type;
	struct traffic_field *field;
};

static traffic_value pattern_all_ones(const struct field_type *type)
{
	return ~(traffic_value)0 >> (128 - type->bits);
}

static int pattern_read_value(struct otg *otg, const struct tree *node, void *into)
{
	struct pattern *pattern = into;

	pattern->field->pattern = TRAFFIC_VALUE;
	pattern->field->start = pattern->type->preset;
	return otg_field_value(otg, node, pattern->type, &pattern->field->start);
}

static int pattern_read_values(struct otg *otg, const struct tree *node, void *into)
{
	struct pattern *pattern = into;
	struct traffic_field *field = pattern->field;
	const struct tree *value;
	size_t count, i = 0;
	int result = otg_list(otg, node, VALUES_MAX, &value, &count);

	if (result != 0)
		return result;
	if (node != NULL && count == 0)
		return tree_refuse(otg->error, node, "an empty list; give one value or more");
	field->pattern = TRAFFIC_VALUES;
	field->value_count = count == 0 ? 1 : count;
	field->values = calloc(field->value_count, sizeof(*field->values));
	if (field->values == NULL)
		return -ENOMEM;
	field->values[0] = pattern->type->preset;
	for (; value != NULL && result == 0; value = value->next)
		result = otg_field_value(otg, value, pattern->type, &field->values[i++]);
	return result;
}

static int pattern_read_start(struct otg *otg, const struct tree *node, void *into)
{
	struct pattern *pattern = into;

	return otg_field_value(otg, node, pattern->type, &pattern->field->start);
}

static int pattern_read_step(struct otg *otg, const struct tree *node, void *into)
{
	struct pattern *pattern = into;

	return otg_field_value(otg, node, pattern->type, &pattern->field->step);
}

static int pattern_read_count(struct otg *otg, const struct tree *node, void *into)
{
	struct pattern *pattern = into;

	return otg_whole(otg, node, 1, UINT32_MAX, &pattern->field->count);
}

static int pattern_read_counter(struct otg *otg, const struct tree *node, struct pattern *pattern,
				enum traffic_pattern which)
{
	static const struct otg_member members[] = {
		{ .name = "start", .read = pattern_read_start },
		{ .name = "step", .read = pattern_read_step },
		{ .name = "count", .read = pattern_read_count },
		{ .name = NULL },
	};

	pattern->field->pattern = which;
	pattern->field->start = pattern->type->preset;
	pattern->field->step = 1;
	pattern->field->count = 1;
	return otg_object(otg, node, members, pattern);
}

static int pattern_read_increment(struct otg *otg, const struct tree *node, void *into)
{
	return pattern_read_counter(otg, node, into, TRAFFIC_INCREMENT);
}

static int pattern_read_decrement(struct otg *otg, const struct tree *node, void *into)
{
	return pattern_read_counter(otg, node, into, TRAFFIC_DECREMENT);
}

static int pattern_read_min(struct otg *otg, const struct tree *node, void *into)
{
	struct pattern *pattern = into;

	return otg_field_value(otg, node, pattern->type, &pattern->field->min);
}

static int pattern_read_max(struct otg *otg, const struct tree *node, void *into)
{
	struct pattern *pattern = into;

	return otg_field_value(otg, node, pattern->type, &pattern->field->max);
}

static int pattern_read_seed(struct otg *otg, const struct tree *node, void *into)
{
	struct pattern *pattern = into;

	return otg_whole(otg, node, 0, UINT64_MAX, &pattern->field->seed);
}

/* 0: never the same again. */
static int pattern_read_random_count(struct otg *otg, const struct tree *node, void *into)
{
	struct pattern *pattern = into;

	return otg_whole(otg, node, 0, UINT32_MAX, &pattern->field->count);
}

/* A seed of 0 asks for other values each time: decided here, so that all that comes behind can be repeated. */
static void pattern_choose_seed(struct traffic_field *field)
{
	if (field->seed == 0 &&
	    getrandom(&field->seed, sizeof(field->seed), GRND_NONBLOCK) != sizeof(field->seed))
		field->seed = 1;
	field->seed += field->seed == 0;
}

static int pattern_read_random(struct otg *otg, const struct tree *node, void *into)
{
	static const struct otg_member members[] = {
		{ .name = "min", .read = pattern_read_min },
		{ .name = "max", .read = pattern_read_max },
		{ .name = "seed", .read = pattern_read_seed },
		{ .name = "count", .read = pattern_read_random_count },
		{ .name = NULL },
	};
	struct pattern *pattern = into;
	struct traffic_field *field = pattern->field;
	int result;

	field->pattern = TRAFFIC_RANDOM;
	field->max = pattern_all_ones(pattern->type);
	field->seed = 1;
	field->count = 1;
	result = otg_object(otg, node, members, pattern);
	if (result == 0 && field->min > field->max)
		return tree_refuse(otg->error, node, "min is above max");
	pattern_choose_seed(field);
	return result;
}

/* The model has a value here, which only tells what the other side made of it. */
static int pattern_read_auto(struct otg *otg, const struct tree *node, void *into)
{
	struct pattern *pattern = into;

	pattern->field->pattern = TRAFFIC_AUTO;
	if (node != NULL && node->kind != TREE_SCALAR && !otg_is_empty(node))
		return tree_refuse(otg->error, node, "a value is wanted");
	return 0;
}

static int pattern_read_generated(struct otg *otg, const struct tree *node, void *into)
{
	static const char *const words[] = { "good", "bad", NULL };
	struct pattern *pattern = into;
	int which = 0;
	int result = otg_word(otg, node, words, &which);

	pattern->field->pattern = which == 0 ? TRAFFIC_GOOD : TRAFFIC_BAD;
	return result;
}

static const struct otg_member pattern_members[] = {
	{ .name = "value", .read = pattern_read_value },
	{ .name = "values", .read = pattern_read_values },
	{ .name = "increment", .read = pattern_read_increment },
	{ .name = "decrement", .read = pattern_read_decrement },
	{ .name = "random", .read = pattern_read_random },
	{ .name = "auto", .read = pattern_read_auto },
	{ .name = NULL },
};

/* The model has no auto for what is made by itself nevertheless. */
static const struct otg_member pattern_computed_members[] = {
	{ .name = "value", .read = pattern_read_value },
	{ .name = "values", .read = pattern_read_values },
	{ .name = "increment", .read = pattern_read_increment },
	{ .name = "decrement", .read = pattern_read_decrement },
	{ .name = "random", .read = pattern_read_random },
	{ .name = "auto", .instead = "leave the field out, and it is set" },
	{ .name = NULL },
};

static const struct otg_member pattern_plain_members[] = {
	{ .name = "value", .read = pattern_read_value },
	{ .name = "values", .read = pattern_read_values },
	{ .name = "increment", .read = pattern_read_increment },
	{ .name = "decrement", .read = pattern_read_decrement },
	{ .name = "random", .read = pattern_read_random },
	{ .name = "auto", .instead = "give a value" },
	{ .name = NULL },
};

static const struct otg_member pattern_checksum_members[] = {
	{ .name = "generated", .read = pattern_read_generated },
	{ .name = "custom", .read = pattern_read_value },
	{ .name = NULL },
};

/* ---- metric tags ---- */

static int pattern_read_tag_name(struct otg *otg, const struct tree *node, void *into)
{
	struct pattern *pattern = into;

	return otg_text(otg, node, OTG_NAME_MAX, &pattern->field->tag);
}

static int pattern_read_tag_offset(struct otg *otg, const struct tree *node, void *into)
{
	uint64_t offset = 0;
	int result = otg_whole(otg, node, 0, UINT32_MAX, &offset);

	(void)into;
	if (result == 0 && offset != 0)
		return tree_refuse(otg->error, node,
				   "a part of a field is not supported; give 0, or leave it out");
	return result;
}

static int pattern_read_tag_length(struct otg *otg, const struct tree *node, void *into)
{
	const struct pattern *pattern = into;
	uint64_t length = pattern->type->bits;
	int result = otg_whole(otg, node, 1, UINT32_MAX, &length);

	if (result == 0 && length != pattern->type->bits)
		return tree_refuse(otg->error, node,
				   "a part of a field is not supported; give %u, or leave it out",
				   pattern->type->bits);
	return result;
}

static int pattern_read_tags(struct otg *otg, const struct tree *node, struct pattern *pattern)
{
	static const struct otg_member members[] = {
		{ .name = "name", .read = pattern_read_tag_name, .needed = true },
		{ .name = "offset", .read = pattern_read_tag_offset },
		{ .name = "length", .read = pattern_read_tag_length },
		{ .name = NULL },
	};
	const struct tree *tag;
	size_t count;
	int result = otg_list(otg, node, 1, &tag, &count);

	if (result != 0 || count == 0)
		return result;
	if (pattern->type->format == FIELD_CHECKSUM)
		return otg_refuse_unsupported(otg, node, "a checksum has no tags");
	pattern->field->tagged = true;
	return otg_object(otg, tag, members, pattern);
}

/* ---- all of it ---- */

static const struct otg_member *pattern_members_of(const struct field_type *type)
{
	if (type->format == FIELD_CHECKSUM)
		return pattern_checksum_members;
	if (type->automatic)
		return pattern_members;
	return type->computed ? pattern_computed_members : pattern_plain_members;
}

static int pattern_check_constant(struct otg *otg, const struct tree *node,
				  const struct pattern *pattern)
{
	if (!pattern->type->constant || pattern->field->pattern == TRAFFIC_VALUE ||
	    pattern->field->pattern == TRAFFIC_AUTO)
		return 0;
	return tree_refuse(otg->error, node,
			   "it decides what the header looks like: the same value in all frames is wanted");
}

int otg_read_pattern(struct otg *otg, const struct tree *node, const struct field_type *type,
		     struct traffic_field *field)
{
	static const char *const beside[] = { "metric_tags", NULL };
	struct pattern pattern = { type, field };
	const struct tree *given, *tags = tree_find(node, "metric_tags");
	const struct otg_member *member;
	int result;

	if (otg_needs_object(otg, node) != 0)
		return -EINVAL;
	if (tags != NULL) {
		result = pattern_read_tags(otg, tags, &pattern);
		if (result != 0)
			return result;
	}
	/* Nothing is said of its value. */
	if (node->children == (tags != NULL))
		return 0;
	member = otg_chosen(otg, node, pattern_members_of(type), beside,
			    type->format == FIELD_CHECKSUM ? "generated" : type->automatic ? "auto"
											   : "value",
			    &given);
	if (member == NULL)
		return -EINVAL;
	if (given == NULL && type->format == FIELD_CHECKSUM && member->read == pattern_read_value)
		return tree_refuse(otg->error, node, "custom is missing");
	result = member->read(otg, given, &pattern);
	return result != 0 ? result : pattern_check_constant(otg, node, &pattern);
}
