/* SPDX-License-Identifier: BSD-3-Clause */
#include "tools/pktgen/api/tagged.h"

#include <stdlib.h>
#include <string.h>

#include "tools/pktgen/packet/header_table.h"

/* Rows of a reply, and streams that are looked at for it: a request that wants more names fewer. */
#define ROWS_MAX 10000u
#define STREAMS_MAX 200000u
#define TAGS_MAX 16

static const char *const tagged_columns[] = { "frames_tx", "frames_rx", NULL };

bool tagged_read(struct api_reply *reply, json_t *flow, struct tagged_filter *filter)
{
	json_t *object = api_member(reply, flow, "flow.", "tagged_metrics", JSON_OBJECT), *member;

	*filter = (struct tagged_filter){
		.include = true,
		.bits = UINT32_MAX,
		.left = ROWS_MAX,
		.streams = STREAMS_MAX,
	};
	if (object == NULL)
		return reply->errors == NULL;
	if (!api_only(reply, object, "flow.tagged_metrics.",
		      "include include_empty_metrics metric_names filters"))
		return false;
	member = api_member(reply, object, "flow.tagged_metrics.", "include", JSON_TRUE);
	filter->include = member == NULL || json_is_true(member);
	filter->include_empty = json_is_true(api_member(reply, object, "flow.tagged_metrics.",
							"include_empty_metrics", JSON_TRUE));
	filter->filters = api_member(reply, object, "flow.tagged_metrics.", "filters", JSON_ARRAY);
	return api_columns(reply, object, "flow.tagged_metrics.", "metric_names", tagged_columns,
			   &filter->bits);
}

/* ---- the tagged fields of a flow ---- */

struct tag {
	const struct traffic_field *field;
	const struct field_type *type;
};

static size_t tagged_find(const struct traffic_flow *flow, struct tag tags[TAGS_MAX])
{
	size_t count = 0;

	for (size_t i = 0; i < flow->headers; i++)
		for (size_t j = 0; j < flow->header[i].fields && count < TAGS_MAX; j++)
			if (flow->header[i].field[j].tagged)
				tags[count++] = (struct tag){
					&flow->header[i].field[j],
					&header_type(flow->header[i].kind)->field[j],
				};
	return count;
}

static traffic_value tagged_cut(traffic_value value, unsigned int bits)
{
	return bits < 128 ? value & (((traffic_value)1 << bits) - 1) : value;
}

/* The value in frames of this stream; as traffic.h has it. */
static traffic_value tagged_value(const struct tag *tag, uint64_t stream)
{
	const struct traffic_field *field = tag->field;
	traffic_value value = field->start;

	if (field->pattern == TRAFFIC_VALUES && field->value_count != 0)
		value = field->values[stream % field->value_count];
	else if (field->pattern == TRAFFIC_INCREMENT && field->count != 0)
		value += stream % field->count * field->step;
	else if (field->pattern == TRAFFIC_DECREMENT && field->count != 0)
		value -= stream % field->count * field->step;
	return tagged_cut(value, tag->type->bits);
}

/* As many digits as the field has. */
static void tagged_format(const struct tag *tag, uint64_t stream, char text[40])
{
	traffic_value value = tagged_value(tag, stream);
	int digits = (tag->type->bits + 3) / 4;

	for (int i = digits - 1; i >= 0; i--, value >>= 4)
		text[i] = "0123456789abcdef"[(unsigned int)(value & 15)];
	text[digits] = '\0';
}

static const char *tagged_name(const struct tag *tag)
{
	return tag->field->tag != NULL ? tag->field->tag : tag->type->name;
}

/* A list of no values admits all. Values may have a 0x in front and other zeros. */
static bool tagged_is_among(json_t *values, const char *text)
{
	json_t *item;
	size_t i;

	json_array_foreach(values, i, item)
	{
		const char *want = json_is_string(item) ? json_string_value(item) : "";

		if (want[0] == '0' && (want[1] == 'x' || want[1] == 'X'))
			want += 2;
		want += strspn(want, "0");
		if (strcasecmp(want, text + strspn(text, "0")) == 0)
			return true;
	}
	return json_array_size(values) == 0;
}

static bool tagged_passes(const struct tag *tag, const char *text, json_t *filters)
{
	json_t *filter;
	size_t i;

	json_array_foreach(filters, i, filter)
	{
		const char *name = json_string_value(json_object_get(filter, "name"));

		if (name != NULL && strcmp(name, tagged_name(tag)) == 0 &&
		    !tagged_is_among(json_object_get(filter, "values"), text))
			return false;
	}
	return true;
}

/* ---- rows ---- */

static json_t *tagged_make_tags(const struct tag *tags, size_t count, uint64_t stream, json_t *filters)
{
	json_t *list = json_array();
	char text[40];

	for (size_t i = 0; i < count; i++) {
		tagged_format(&tags[i], stream, text);
		if (!tagged_passes(&tags[i], text, filters)) {
			json_decref(list);
			return NULL;
		}
		json_array_append_new(list, json_pack("{s:s, s:{s:s, s:s}}", "name",
						      tagged_name(&tags[i]), "value", "choice",
						      "hex", "hex", text));
	}
	return list;
}

static json_t *tagged_make_row(const struct engine_stream_metrics *stream, json_t *tags, uint32_t bits)
{
	json_t *row = json_pack("{s:o}", "tags", tags);

	if ((bits & 1) != 0)
		json_object_set_new(row, "frames_tx", json_integer((json_int_t)stream->tx_frames));
	if ((bits & 2) != 0)
		json_object_set_new(row, "frames_rx", json_integer((json_int_t)stream->rx_frames));
	if (stream->tx_frames != 0)
		json_object_set_new(
			row, "loss",
			json_real(100.0 * (double)stream->order.lost / (double)stream->tx_frames));
	if (stream->latency_max != 0)
		json_object_set_new(row, "latency",
				    json_pack("{s:I, s:I, s:f}", "minimum_ns",
					      (json_int_t)stream->latency_min, "maximum_ns",
					      (json_int_t)stream->latency_max, "average_ns",
					      stream->latency_average));
	return row;
}

void tagged_add(const struct generator *generator, struct api_reply *reply, uint32_t number,
		struct tagged_filter *filter, json_t *object)
{
	const struct traffic_flow *flow = &generator->traffic->flow[number];
	uint64_t streams = traffic_flow_streams(flow);
	struct tag tags[TAGS_MAX];
	size_t count = tagged_find(flow, tags);
	json_t *rows;

	if (!filter->include || count == 0)
		return;
	rows = json_array();
	json_object_set_new(object, "tagged_metrics", rows);
	for (uint64_t i = 0; i < streams; i++, filter->streams--) {
		struct engine_stream_metrics stream;
		json_t *list;

		if (filter->streams == 0 || filter->left == 0) {
			api_refuse(reply, 400, "flow.tagged_metrics: more than %u rows or %u streams; name "
					       "fewer flows, or leave them out (include: false)",
				   ROWS_MAX, STREAMS_MAX);
			return;
		}
		if (engine_stream_metrics(generator->engine, number, i, &stream) != 0 ||
		    (!filter->include_empty && stream.tx_frames == 0 && stream.rx_frames == 0))
			continue;
		list = tagged_make_tags(tags, count, i, filter->filters);
		if (list == NULL)
			continue;
		filter->left--;
		json_array_append_new(rows, tagged_make_row(&stream, list, filter->bits));
	}
}
