/* SPDX-License-Identifier: BSD-3-Clause */
#include "tools/pktgen/model/traffic.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void traffic_header_free(struct traffic_header *header)
{
	for (size_t i = 0; i < header->fields; i++) {
		free(header->field[i].values);
		free(header->field[i].tag);
	}
	free(header->field);
	free(header->bytes);
	for (size_t i = 0; i < header->parts; i++)
		traffic_header_free(&header->part[i]);
	free(header->part);
}

static void traffic_flow_free(struct traffic_flow *flow)
{
	free(flow->name);
	free(flow->rx_port);
	for (size_t i = 0; i < flow->headers; i++)
		traffic_header_free(&flow->header[i]);
	free(flow->header);
	free(flow->size.weight);
	free(flow->payload_bytes);
	free(flow->template.file);
	free(flow->replay.file);
	for (size_t i = 0; i < flow->replay.settings; i++) {
		free(flow->replay.setting[i].name);
		free(flow->replay.setting[i].text);
	}
	free(flow->replay.setting);
}

void traffic_drop_flows(struct traffic *traffic)
{
	for (size_t i = 0; i < traffic->flows; i++)
		traffic_flow_free(&traffic->flow[i]);
	free(traffic->flow);
	traffic->flow = NULL;
	traffic->flows = 0;
}

void traffic_free(struct traffic *traffic)
{
	for (size_t i = 0; i < traffic->ports; i++) {
		free(traffic->port[i].name);
		free(traffic->port[i].location);
	}
	free(traffic->port);
	traffic_drop_flows(traffic);
	for (size_t i = 0; i < traffic->captures; i++) {
		free(traffic->capture[i].name);
		free(traffic->capture[i].port);
		free(traffic->capture[i].filter);
	}
	free(traffic->capture);
	free(traffic->file);
	memset(traffic, 0, sizeof(*traffic));
}

struct traffic_header *traffic_header_add(struct traffic_header **list, size_t *count,
					  unsigned int kind, size_t fields)
{
	struct traffic_header *grown = realloc(*list, (*count + 1) * sizeof(**list));
	struct traffic_header *header;

	if (!grown)
		return NULL;
	*list = grown;
	header = &grown[*count];
	*header = (struct traffic_header){ .kind = kind, .fields = fields };
	header->field = calloc(fields ? fields : 1, sizeof(*header->field));
	if (!header->field)
		return NULL;
	(*count)++;
	return header;
}

uint64_t traffic_field_period(const struct traffic_field *field)
{
	switch (field->pattern) {
	case TRAFFIC_VALUES:
		return field->value_count;
	case TRAFFIC_INCREMENT:
	case TRAFFIC_DECREMENT:
		return field->count ? field->count : 1;
	case TRAFFIC_RANDOM:
		return field->count;
	default:
		return 1;
	}
}

/* Least common multiple of both; 0: past the maximum. */
static uint64_t traffic_common_multiple(uint64_t a, uint64_t b)
{
	uint64_t x = a;
	uint64_t y = b;
	uint64_t product;

	while (y) {
		uint64_t rest = x % y;

		x = y;
		y = rest;
	}
	if (x == 0 || __builtin_mul_overflow(a / x, b, &product) || product > TRAFFIC_STREAMS_MAX)
		return 0;
	return product;
}

static uint64_t traffic_header_streams(const struct traffic_header *header, uint64_t streams)
{
	for (size_t i = 0; i < header->fields; i++)
		if (header->field[i].tagged)
			streams = traffic_common_multiple(streams, traffic_field_period(&header->field[i]));
	for (size_t i = 0; i < header->parts; i++)
		streams = traffic_header_streams(&header->part[i], streams);
	return streams;
}

size_t traffic_find_twice(const struct traffic *traffic)
{
	for (size_t i = 0; i < traffic->ports; i++)
		for (size_t j = 0; j < i && traffic->port[i].location != NULL; j++)
			if (traffic->port[j].location != NULL &&
			    strcmp(traffic->port[i].location, traffic->port[j].location) == 0)
				return i;
	return traffic->ports;
}

uint64_t traffic_flow_streams(const struct traffic_flow *flow)
{
	uint64_t streams = 1;

	for (size_t i = 0; i < flow->headers; i++)
		streams = traffic_header_streams(&flow->header[i], streams);
	return streams;
}

bool traffic_replay_add(struct traffic_replay *replay, const char *name, const char *text)
{
	struct traffic_setting *grown =
		realloc(replay->setting, (replay->settings + 1) * sizeof(*replay->setting));
	struct traffic_setting *setting;

	if (grown == NULL)
		return false;
	replay->setting = grown;
	setting = &grown[replay->settings++];
	setting->name = strdup(name);
	setting->text = strdup(text);
	return setting->name != NULL && setting->text != NULL;
}

void traffic_describe_place(const struct traffic *traffic, const struct traffic_flow *flow, enum traffic_part part,
			    char *text, size_t room)
{
	static const char *const members[TRAFFIC_PARTS] = { "size", "rate", "duration", "packet",
							    "x-vionet.offload", "x-vionet.replay" };
	const struct traffic_place *place = &flow->place[part];
	char file[200] = "";

	if (place->line == 0) {
		const char *dot = strchr(members[part], '.');

		snprintf(text, room, "%s: %s", flow->name, dot == NULL ? members[part] : dot + 1);
		return;
	}
	if (traffic->file != NULL)
		snprintf(file, sizeof(file), "%.170s:%u:%u: ", traffic->file, place->line, place->column);
	else
		snprintf(file, sizeof(file), "line %u, column %u: ", place->line, place->column);
	snprintf(text, room, "%sflows[%zu].%s", file, (size_t)(flow - traffic->flow), members[part]);
}
